"""The page on how to install, followed in a clone and in an environment of its own."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.built import ROOT, constraints, run
from tests.engine.clone import Clone
from tests.pages import commands, sections
from vod_provider import __version__

PAGE = (ROOT / "docs/install.md").read_text()


def test_the_ways_to_install(tmp_path: Path) -> None:
    """Each way that the page shows ends with the package installed, and with the local VOD where that is asked for."""
    clone = tmp_path / "pulumi-huaweicloud-vod"
    clone.mkdir()
    Clone(clone)
    run("python3", "-m", "venv", tmp_path / "venv")
    python = tmp_path / "venv/bin/python"
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL"))},
        "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}",
        "PIP_CONSTRAINT": str(constraints(tmp_path)),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    ways = {"From a clone": tmp_path, "From a wheel": clone, "From a package index": clone, "The local VOD": tmp_path}
    told = sections(PAGE)
    for way, folder in ways.items():
        run(python, "-m", "pip", "uninstall", "--yes", "--quiet", "pulumi-huaweicloud-vod", environ=environ)
        # In place of an index that has the package, since none has it yet.
        index = {"PIP_FIND_LINKS": str(clone / "dist")} if way == "From a package index" else {}
        for command in commands(told[way]):
            run("sh", "-c", command, folder=folder, environ=environ | index)
        check, _ = commands(told["Check the installation"])
        assert run("sh", "-c", check, folder=tmp_path, environ=environ).strip() == __version__, way
    assert (clone / f"dist/pulumi_huaweicloud_vod-{__version__}-py3-none-any.whl").exists()
    doctor = subprocess.run(
        ["sh", "-c", commands(told["Check the installation"])[1]],
        cwd=tmp_path,
        env=environ | {"HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Pulumi's Python SDK" in doctor.stdout, doctor.stdout + doctor.stderr
