"""The directive `{rooms}`: the folders of the package and which imports which, drawn from the import contracts.

The contracts in pyproject.toml are what a machine checks, so the picture shows the code as it is, and never as it was.
"""

from __future__ import annotations

import ast
import html
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

if TYPE_CHECKING:
    from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "vod_provider"


class Rooms(SphinxDirective):
    """Draws the layers of the package, and those inside each folder that has some."""

    def run(self) -> list[nodes.Node]:
        """The drawing, as HTML of nested boxes: it can be read aloud, searched, and narrowed."""
        self.env.note_dependency(str(ROOT / "pyproject.toml"))
        return [nodes.raw("", drawn(), format="html")]


def drawn() -> str:
    """The drawing."""
    return f'<div class="rooms">{"".join(_rows(PACKAGE))}</div>'


def layers() -> dict[str, list[list[str]]]:
    """The modules in each row of each container, highest row first: a row may import those below it."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    found: dict[str, list[list[str]]] = {}
    for contract in config["tool"]["importlinter"]["contracts"]:
        if contract["type"] == "layers":
            rows = [[name.strip(" ()") for name in row.split("|")] for row in contract["layers"]]
            found |= dict.fromkeys(contract["containers"], rows)
    return found


def _rows(container: str) -> Iterator[str]:
    for row in layers()[container]:
        yield f'<div class="row">{"".join(_room(container, name) for name in row)}</div>'


def _room(container: str, name: str) -> str:
    module = f"{container}.{name}"
    path = ROOT.joinpath(*module.split("."))
    inner = ""
    if module in layers():
        inner = "".join(f"<li>{html.escape(', '.join(row))}</li>" for row in layers()[module])
        inner = f"<ol>{inner}</ol>"
    shown = f"{name}/" if path.is_dir() else f"{name}.py"
    return f'<div class="room"><b>{shown}</b><span>{html.escape(_said(path))}</span>{inner}</div>'


def _said(path: Path) -> str:
    """What the module says of itself in the first line of its docstring."""
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return (ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or "").partition("\n")[0].replace("`", "")


def setup(app: Sphinx) -> dict[str, Any]:
    """Add the directive, and how it looks."""
    app.add_directive("rooms", Rooms)
    app.add_css_file("rooms.css")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
