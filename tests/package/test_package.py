"""The package, as users get it: built, looked into, and installed where nothing else is."""

from __future__ import annotations

import email
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.built import constraints, run
from vod_provider import __version__

NAME = f"pulumi_huaweicloud_vod-{__version__}"


def test_the_wheel_has_the_package_and_nothing_else(distributions: Path) -> None:
    """Types, the page's files and the licence are in; tests, tools and documentation are not."""
    with zipfile.ZipFile(distributions / f"{NAME}-py3-none-any.whl") as wheel:
        names = wheel.namelist()
    assert {name.partition("/")[0] for name in names} == {
        "vod_provider",
        "pulumi_huaweicloud_vod",
        f"{NAME}.dist-info",
    }
    assert "pulumi_huaweicloud_vod/pulumi-plugin.json" in names
    console = {f"local/console/{name}" for name in ("index.html", "page.js", "style.css")}
    assert {f"vod_provider/{name}" for name in {"py.typed", "program/resource.py", *console}} <= set(names)
    assert f"{NAME}.dist-info/licenses/LICENSE" in names
    assert not [name for name in names if "__pycache__" in name]


def test_the_metadata(distributions: Path) -> None:
    """Name, version from its one place, licence, extra, and what `pip` shows as the description."""
    with zipfile.ZipFile(distributions / f"{NAME}-py3-none-any.whl") as wheel:
        about = email.message_from_bytes(wheel.read(f"{NAME}.dist-info/METADATA"))
        scripts = wheel.read(f"{NAME}.dist-info/entry_points.txt").decode()
    assert (about["Name"], about["Version"]) == ("pulumi-huaweicloud-vod", __version__)
    assert (about["License-Expression"], about["Requires-Python"]) == ("Apache-2.0", ">=3.11")
    assert about.get_all("Provides-Extra") == ["local", "store"]
    assert "ExtractedAudio" in about.get_payload()
    assert "vod-local = vod_provider.local.__main__:main" in scripts


@pytest.mark.parametrize(
    ("name", "release"), [("requests", "2.32.5"), ("urllib3", "2.6.3"), ("h11", "0.15.0"), ("starlette", "1.3.0")]
)
def test_releases_with_published_advisories_are_left_out(distributions: Path, name: str, release: str) -> None:
    """The last release before the mend of the latest known advisory is not installed."""
    with zipfile.ZipFile(distributions / f"{NAME}-py3-none-any.whl") as wheel:
        about = email.message_from_bytes(wheel.read(f"{NAME}.dist-info/METADATA"))
    (asked,) = (one for one in map(Requirement, about.get_all("Requires-Dist", [])) if one.name == name)
    assert release not in asked.specifier


def test_the_sdist_can_be_carried_on(distributions: Path) -> None:
    """Whoever has the sdist has the tests and what builds it, and none of what running leaves behind."""
    with tarfile.open(distributions / f"{NAME}.tar.gz") as sdist:
        names = sdist.getnames()
    for wanted in ("pyproject.toml", "Makefile", "README.md", "tests/vod.py", "vod_provider/provider.py"):
        assert f"{NAME}/{wanted}" in names
    assert not [name for name in names if "/.venv" in name or "/.local" in name]


def test_installed_alone(distributions: Path, tmp_path: Path) -> None:
    """In an environment with pulumi and requests alone, the resource loads; the local VOD says what it needs."""
    run(sys.executable, "-m", "venv", tmp_path / "venv")
    python = tmp_path / "venv/bin/python"
    pip = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-c", constraints(tmp_path))
    run(*pip, distributions / f"{NAME}-py3-none-any.whl")
    program = "import vod_provider; print(vod_provider.ExtractedAudio.__name__, vod_provider.__version__)"
    assert run(python, "-c", program, folder=tmp_path).split() == ["ExtractedAudio", __version__]
    assert run(python, "-m", "vod_provider", "--version", folder=tmp_path).strip() == __version__
    said = subprocess.run(
        [tmp_path / "venv/bin/vod-local", "serve"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert said.returncode != 0
    assert 'pip install "pulumi-huaweicloud-vod[local]"' in said.stderr
    assert "Traceback" not in said.stderr
