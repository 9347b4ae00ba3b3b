"""nginx for the tests: found, taken out of Debian's package, or a clear word on what to install."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tools import nginx
from tools.console import ToolError


def test_one_on_path_is_enough(tmp_path: Path) -> None:
    """Where it is on PATH, nothing is fetched."""
    assert nginx.ensure(tmp_path, which={"nginx": "/opt/nginx"}.get) == Path("/opt/nginx")


def test_where_it_cannot_be_had_it_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it and without Debian's tools, one line says what to install."""
    monkeypatch.setattr(nginx, "PLACES", str(tmp_path))
    with pytest.raises(ToolError, match="needs nginx: install it"):
        nginx.ensure(tmp_path / "cache", which=lambda _: None)


def test_what_is_had_runs() -> None:
    """The program that the tests get says its version."""
    done = subprocess.run([nginx.ensure(nginx.cache()), "-v"], capture_output=True, text=True, check=True)
    assert "nginx version" in done.stderr
