"""What a package index shows of this project: the README with links that work there, and the project's addresses.

Hatchling loads this when it builds. The repository's address stands in pyproject.toml, in [tool.hatch.metadata.hooks
.custom], and nowhere else.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

_RELATIVE = re.compile(r"\[([^\]]+)\]\((?!https?://|#)([^)]+)\)")


def on_an_index(readme: str, repository: str, version: str) -> str:
    """The README with relative links made absolute; where there is no repository to link to, with their text alone."""
    target = rf"[\1]({repository}/blob/v{version}/\2)" if repository else r"\1"
    return _RELATIVE.sub(target, readme)


def addresses(repository: str) -> dict[str, str]:
    """The links that an index shows beside the package."""
    return {
        "Repository": repository,
        "Documentation": f"{repository}/blob/main/docs/index.md",
        "Changelog": f"{repository}/blob/main/CHANGELOG.md",
        "Issues": f"{repository}/issues",
    }


class Metadata(MetadataHookInterface):
    """Fills in the fields `readme` and `urls`."""

    def update(self, metadata: dict[str, Any]) -> None:
        repository = str(self.config["repository"]).rstrip("/")
        readme = Path(self.root, "README.md").read_text(encoding="utf-8")
        text = on_an_index(readme, repository, metadata["version"])
        metadata["readme"] = {"content-type": "text/markdown", "text": text}
        if repository:
            metadata["urls"] = addresses(repository)
