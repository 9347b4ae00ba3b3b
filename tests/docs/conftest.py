"""The documentation as a site, built once for all tests."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.built import ROOT, first, run


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the site. A warning of the build is an error."""
    with first(tmp_path_factory, "site") as (folder, is_first):
        if is_first:
            options = ("-W", "--keep-going", "-q", "-d", folder.with_name("site-trees"))
            run(sys.executable, "-m", "sphinx", *options, ROOT / "docs", folder)
    return folder
