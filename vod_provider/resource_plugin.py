"""`pulumi-resource-vod`: the native plugin, which Pulumi's engine starts for programs in every language."""

from __future__ import annotations

import sys

from vod_provider.plugin import native
from vod_provider.provider import ExtractedAudioProvider
from vod_provider.set_provider import ExtractedAudioSetProvider


def main() -> None:
    """Serve until the engine is done. The engine gives its address as the argument."""
    native.serve(ExtractedAudioProvider(), ExtractedAudioSetProvider(), sys.argv[1:])


if __name__ == "__main__":
    main()
