"""The Python environment .venv at the repository's root, made from requirements/test.lock; and the lock itself.

    python3 -m tools.environment         make the environment, where it is missing, outdated or half made
    python3 -m tools.environment lock    resolve the dependencies of pyproject.toml anew and write the lock

Standard library only: this runs before anything is installed.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

from tools.console import ToolError, leave, say

ROOT = Path(__file__).resolve().parents[1]
LOCAL = ROOT / ".local"
"""All that running the main job leaves behind, beside .venv."""
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOCK = ROOT / "requirements" / "test.lock"
STAMP = VENV / "made-from"
"""Holds the fingerprint of what the environment was made from. Written last: without it, it is half made."""
UV = "uv>=0.8,<1"
"""Writes the lock: for every platform and Python version at once, which pip-tools does not."""

_PLACES = {"PIP_PREFIX", "PIP_REQUIRE_HASHES", "PIP_ROOT", "PIP_TARGET", "PIP_USER", "VIRTUAL_ENV"}


def clean(environ: Mapping[str, str]) -> dict[str, str]:
    """The caller's environment without what would lead Python or pip to another place."""
    return {name: value for name, value in environ.items() if not name.startswith("PYTHON") and name not in _PLACES}


def fingerprint(lock: bytes, pyproject: bytes, venv: Path) -> str:
    """Changes with everything that the environment depends on; its place, too, since scripts in it name it."""
    settings = tomllib.loads(pyproject.decode())
    installed = {key: settings.get(key) for key in ("build-system", "project")}
    parts = (lock, json.dumps(installed, sort_keys=True).encode(), bytes(venv))
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def make() -> None:
    """Make the environment, unless it is there. Raises ToolError."""
    wanted = fingerprint(LOCK.read_bytes(), (ROOT / "pyproject.toml").read_bytes(), VENV)
    if _is_made(wanted):
        return
    with _alone():
        if _is_made(wanted):
            return
        missing = [name for name in ("venv", "ensurepip") if importlib.util.find_spec(name) is None]
        if missing:
            raise ToolError(
                f"{sys.executable} comes without {missing[0]}: install it (Debian and Ubuntu: apt install python3-venv)"
            )
        started = time.monotonic()
        if VENV.exists():
            say("The Python environment in .venv is outdated or half made: making it anew, about a minute.")
        else:
            say("Making the Python environment in .venv: about a minute.")
        STAMP.unlink(missing_ok=True)
        # Not the python3 of an active environment, which may be the one that is about to be emptied.
        base: str = getattr(sys, "_base_executable", sys.executable)
        _run("venv", base, "-m", "venv", "--clear", VENV)
        pip = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input")
        _run("pip", PYTHON, *pip, "--require-hashes", "-r", LOCK)
        _run("pip", PYTHON, *pip, "--no-build-isolation", "--no-deps", "--editable", ROOT)
        STAMP.write_text(wanted)
        say(f"The Python environment is ready ({time.monotonic() - started:.0f} s).")


def lock() -> None:
    """Write the lock: every version pinned, with its hashes, for all platforms. Raises ToolError."""
    with tempfile.TemporaryDirectory() as temporary:
        say("Resolving the dependencies of pyproject.toml: about a minute.")
        _run("venv", sys.executable, "-m", "venv", temporary)
        binaries = Path(temporary, "bin")
        _run("pip", binaries / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", UV)
        options = ["--quiet", "--universal", "--python-version", "3.11", "--upgrade", "--generate-hashes"]
        options += ["--custom-compile-command", "make lock", "--extra", "local", "--group", "dev"]
        _run("uv", binaries / "uv", "pip", "compile", *options, "--output-file", LOCK, "pyproject.toml")
    say(f"{LOCK.relative_to(ROOT)} is written; the next `make` installs what it names.")


def _is_made(wanted: str) -> bool:
    return PYTHON.exists() and STAMP.exists() and STAMP.read_text() == wanted


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """One process of this clone at a time; the lock goes with the process that holds it."""
    LOCAL.mkdir(exist_ok=True)
    with (LOCAL / "environment.lock").open("w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another run is making the Python environment: waiting for it.")
            fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _run(name: str, *command: str | Path) -> None:
    """Run quietly; what was said shows only if it fails."""
    done = subprocess.run(command, cwd=ROOT, env=clean(os.environ), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        say("\n".join((done.stdout + done.stderr).strip().splitlines()[-20:]))
        raise ToolError(f"{name} ended with status {done.returncode}; its own words are above")


def main() -> int:
    """Make the environment, or the lock."""
    arguments = sys.argv[1:]
    if arguments == ["lock"]:
        lock()
    elif not arguments:
        make()
    else:
        raise ToolError(f"{arguments[0]!r} is no command of tools.environment: 'lock', or nothing")
    return 0


if __name__ == "__main__":
    leave(main)
