"""The documentation as a site: `make docs`. Nothing is fetched, neither to build it nor to read it."""

from __future__ import annotations

import sys
from pathlib import Path

from vod_provider import __version__

project = "pulumi-huaweicloud-vod"
copyright = "the authors of pulumi-huaweicloud-vod, Apache-2.0"  # noqa: A001 - Sphinx's own name for it
release = version = __version__

sys.path.append(str(Path(__file__).parent))  # rooms.py

extensions = ["myst_parser", "sphinx.ext.autodoc", "rooms"]
myst_heading_anchors = 3
exclude_patterns = ["conf.py", "rooms.py"]

default_role = "code"  # a single backtick in a docstring

html_theme = "furo"
html_static_path = ["_static"]
html_title = f"pulumi-huaweicloud-vod {__version__}"
html_copy_source = False
html_show_sphinx = False

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_class_signature = "separated"
