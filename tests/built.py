"""The package as users get it: sdist and wheel built once, and an environment with the wheel installed."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def run(*command: str | Path, folder: Path | None = None, environ: dict[str, str] | None = None) -> str:
    """Run a command that has to succeed, and return what it printed."""
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def distributions(factory: pytest.TempPathFactory) -> Path:
    """The folder with the sdist and with the wheel built from it. All workers of a test run share it."""
    with first(factory, "dist") as (folder, is_first):
        if is_first:
            run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT)
    return folder


def environment(factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with the built wheel, and with the packages of this environment in place of others."""
    (wheel,) = distributions(factory).glob("*.whl")
    with first(factory, "installed") as (folder, is_first):
        if is_first:
            run(sys.executable, "-m", "venv", "--without-pip", folder)
            python = folder / "bin/python"
            pip = [sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check"]
            run(*pip, "install", "--quiet", "--no-deps", wheel)
            packages = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
            # The wheel's package is found first: its own folder stands before this one in sys.path.
            (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
            found = run(python, "-c", "import vod_provider; print(vod_provider.__file__)", folder=folder).strip()
            assert Path(found).is_relative_to(packages), found
    return folder


def constraints(folder: Path) -> Path:
    """A file for pip's `-c`, with every version that the lock pins."""
    lock = (ROOT / "requirements/test.lock").read_text().splitlines()
    pinned = [line.rstrip(" \\") for line in lock if "==" in line and not line.startswith(("#", " "))]
    (folder / "constraints").write_text("\n".join(pinned))
    return folder / "constraints"


@contextmanager
def first(factory: pytest.TempPathFactory, name: str) -> Iterator[tuple[Path, bool]]:
    """A folder that the whole test run shares, and whether the caller is the one that has to fill it."""
    base = factory.getbasetemp()
    # With pytest-xdist each worker has a folder of its own in the folder of the run.
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        complete = shared / f"{name}.complete"
        yield shared / name, not complete.exists()
        complete.touch()
