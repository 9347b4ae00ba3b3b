"""What `make plugin` makes for Pulumi's engine to install. test_native.py installs it, with the real one."""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.built import ROOT
from tools import plugin
from tools.console import ToolError
from vod_provider import __version__

WHEEL = f"pulumi_huaweicloud_vod-{__version__}-py3-none-any.whl"


def test_the_archive_holds_the_wheel_that_it_asks_for(distributions: Path, tmp_path: Path) -> None:
    """Each platform's archive is the same, and the same wheel always gives the same bytes."""
    written = plugin.write_archives(distributions / WHEEL, tmp_path)
    assert [file.name for file in written] == [
        f"pulumi-resource-vod-v{__version__}-{platform}.tar.gz" for platform in plugin.PLATFORMS
    ]
    (content,) = {file.read_bytes() for file in written}
    assert content == plugin.archive(distributions / WHEEL)
    with tarfile.open(fileobj=io.BytesIO(content)) as opened:
        assert opened.getnames() == [
            "PulumiPlugin.yaml",
            "__main__.py",
            "pulumi-resource-vod",
            WHEEL,
            "requirements.txt",
        ]
        assert [member.name for member in opened if member.mode & 0o111] == ["pulumi-resource-vod"]
        requirements, wheel = (opened.extractfile(name) for name in ("requirements.txt", WHEEL))
        assert requirements is not None
        assert wheel is not None
        assert requirements.read() == f"./{WHEEL}\n".encode()
        assert wheel.read() == (distributions / WHEEL).read_bytes()


def test_its_program_runs_in_its_own_environment(tmp_path: Path) -> None:
    """From whatever folder the engine starts it; without the environment, one line says what to do."""
    program = tmp_path / "a plugin/pulumi-resource-vod"
    program.parent.mkdir()
    shutil.copy(plugin.SOURCE / program.name, program)
    done = subprocess.run([program], cwd="/", capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "run 'pulumi plugin install --reinstall' again" in done.stderr
    python = program.parent / "venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\necho own "$@"\n')
    python.chmod(0o755)
    done = subprocess.run([program, "127.0.0.1:1"], cwd="/", capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["own", "-m", "vod_provider.resource_plugin", "127.0.0.1:1"]


def test_without_a_wheel_it_says_what_to_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A release is made of one wheel: that which `make dist` has built and checked."""
    monkeypatch.setattr(plugin, "DIST", ROOT / "dist" / tmp_path.name)
    with pytest.raises(ToolError, match="run `make dist` first"):
        plugin.main()
