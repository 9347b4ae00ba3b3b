"""The documentation as a site: `make docs`. Nothing is fetched, neither to build it nor to read it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from docutils import nodes

from vod_provider import __version__

project = "pulumi-huaweicloud-vod"
copyright = "the authors of pulumi-huaweicloud-vod, Apache-2.0"  # noqa: A001 - Sphinx's own name for it
release = version = __version__

sys.path.append(str(Path(__file__).parent))  # rooms.py

extensions = ["myst_parser", "sphinx.ext.autodoc", "rooms"]
myst_heading_anchors = 3
exclude_patterns = ["conf.py", "rooms.py", "_static"]

default_role = "code"  # a single backtick in a docstring

html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["narrow.css"]
html_title = f"pulumi-huaweicloud-vod {__version__}"
html_copy_source = False
html_show_sphinx = False

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_class_signature = "separated"


def setup(app: Any) -> None:
    """Called by Sphinx."""
    app.connect("doctree-resolved", _name_cells)


def _name_cells(_app: Any, document: nodes.document, _page: str) -> None:
    """Repeat the heading of its column in each cell; only narrow screens show it (_static/narrow.css)."""
    for table in document.findall(nodes.table):
        rows = list(table.findall(nodes.row))
        headings = [entry.astext() for entry in rows[0]]
        for row in rows[1:]:
            for heading, entry in zip(headings, row, strict=True):
                if heading and entry.children:
                    entry[0].insert(0, nodes.inline("", heading, classes=["column-heading"]))
