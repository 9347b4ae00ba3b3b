"""Several releases of Pulumi's SDK: the oldest supported, the engine's own, and the newest."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.conftest import ROOT
from tests.engine.stack import NOTHING, Stack, until
from tests.vod import LocalVod

OLDEST = "3.200.0"
"""The lower bound in pyproject.toml."""
RELEASES = [OLDEST, "3.259.0", None]
"""None is the release of the tests' own environment: the newest that the lock has."""


def environment(release: str | None) -> str:
    """A Python environment with that release, kept in the user's cache folder; made when first asked for."""
    if release is None:
        return sys.prefix
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    folder = Path(base, "pulumi-huaweicloud-vod", "sdks", f"{release}-python{version}")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
            pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            subprocess.run([*pip, f"pulumi=={release}", "requests", "setuptools<80"], check=True)
            (folder / "complete").touch()
    return str(folder)


@pytest.fixture(params=RELEASES, ids=lambda release: release or "newest")
def old_stack(request: pytest.FixtureRequest, engine: Path, tmp_path: Path, vod: LocalVod) -> Iterator[Stack]:
    """A stack whose programs and plugins run with that release."""
    stack = Stack(tmp_path / "stack", engine, vod.config, environment(request.param))
    stack.environ["PYTHONPATH"] = f"{ROOT}:{NOTHING}"
    yield stack
    stack.end()


def test_the_oldest_is_what_the_package_asks_for() -> None:
    """What is tested as oldest is the lower bound that users get."""
    assert f'"pulumi>={OLDEST.removesuffix(".0")}' in (ROOT / "pyproject.toml").read_text()


def test_a_life_with_every_release(old_stack: Stack, vod: LocalVod) -> None:
    """Up, Ctrl-C, resume, update, replacement in the preview, errors of one line, refresh, destroy."""
    source = vod.video()
    vod.timed(5)
    program = 'ExtractedAudio("talk", asset_id="{}", title="{}"{})'
    old_stack.program(program.format(source, "One", ""))
    run = old_stack.start("up", "--yes", "--skip-preview")
    until(lambda: vod.accepted() == 1)
    time.sleep(1)
    run.send_signal(signal.SIGINT)
    text, _ = run.communicate(timeout=30)
    assert "extracting" in text, text
    assert "Traceback" not in text, text
    held = old_stack.audios()["talk"]
    kept = held["id"]
    assert held["sourcePosition"] == "project:///__main__.py#4", "the line of the program"
    old_stack.up().expect("updated")
    assert old_stack.audios()["talk"]["id"] == kept
    assert vod.accepted() == 1
    old_stack.program(program.format(source, "Two", ""))
    old_stack.up().expect("updated")
    assert vod.asset(kept)["base_info"]["title"] == "Two"
    old_stack.program(program.format(source, "Two", ', format="AAC"'))
    old_stack.preview().expect("replace", "~ format")
    # The first call of a process comes before our handler stands: its error, too, is one line.
    vod.faults({"operation": "ShowAssetMeta", "times": 1, "status": 400, "error_code": "VOD.10081"})
    failed = old_stack.refresh().expect_failure("VOD.10081")
    assert len({line.partition("error: ")[2] for line in failed.lines("VOD.10081")}) == 1, failed.text
    vod.faults({"operation": "DeleteAssets", "times": 1, "status": 403, "error_code": "VOD.10054"})
    old_stack.destroy().expect_failure("VOD.10054", "check the credentials")
    old_stack.refresh().expect()
    old_stack.destroy().expect("deleted")
    assert vod.audio_ids() == []
