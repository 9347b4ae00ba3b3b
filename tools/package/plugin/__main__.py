"""What a language host runs where the engine does not start `pulumi-resource-vod` itself."""

from vod_provider.resource_plugin import main

main()
