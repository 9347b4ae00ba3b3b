"""A stack whose program is YAML, served by the native plugin of this environment."""

from __future__ import annotations

import json
import sys
from typing import Any

from tests.engine.stack import PROJECT, Stack

Resources = dict[str, dict[str, Any]]


class YamlStack(Stack):
    """A stack of a YAML program. A Python program takes its place with `python`, and `yaml` takes it back."""

    def yaml(self, resources: Resources, **more: Any) -> None:
        """Replace the program by these resources, written as a YAML program has them (which JSON is, too)."""
        plugin = {"name": "vod", "path": f"{sys.prefix}/bin"}
        project = {"name": PROJECT, "runtime": "yaml", "plugins": {"providers": [plugin]}, "resources": resources}
        (self.folder / "Pulumi.yaml").write_text(json.dumps(project | more))

    def python(self, source: str) -> None:
        """Replace the program by one in Python, with the dynamic provider."""
        runtime = {"name": "python", "options": {"virtualenv": sys.prefix}}
        (self.folder / "Pulumi.yaml").write_text(json.dumps({"name": PROJECT, "runtime": runtime}))
        self.program(source)

    def mixed(self, source: str) -> None:
        """Replace the program by one in Python whose resources of the native type are served by the plugin."""
        self.yaml({})
        native = json.loads((self.folder / "Pulumi.yaml").read_text())
        self.python(source)
        runtime = json.loads((self.folder / "Pulumi.yaml").read_text())
        (self.folder / "Pulumi.yaml").write_text(json.dumps(runtime | {"plugins": native["plugins"]}))


def audio(source: str, options: dict[str, Any] | None = None, **properties: Any) -> dict[str, Any]:
    """One audio of `source`, as a YAML program declares it."""
    declared = {"type": "vod:ExtractedAudio", "properties": {"assetId": source, **properties}}
    return declared | ({"options": options} if options else {})
