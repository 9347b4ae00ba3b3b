"""The Python environment .venv at the repository's root, made from a lock in requirements/; and the locks themselves.

    python3 -m tools.environment run     make the environment that `make up` needs, unless it is there
    python3 -m tools.environment test    make it with all that the checks and the tests need besides
    python3 -m tools.environment lock    resolve the dependencies of pyproject.toml anew and write both locks

An environment for the tests does for a run, too. One for runs becomes one for the tests by installing the rest: the
locks agree on every version.

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
LOCKS = {level: ROOT / "requirements" / f"{level}.lock" for level in ("run", "test")}
"""What is installed at each level; the first is part of the second."""
STAMP = VENV / "made-from"
"""Holds the fingerprint of what the environment was made from. Written last: without it, it is half made."""
UV = "uv>=0.8,<1"
"""Writes the lock: for every platform and Python version at once, which pip-tools does not."""

_PLACES = {"PIP_PREFIX", "PIP_REQUIRE_HASHES", "PIP_ROOT", "PIP_TARGET", "PIP_USER", "VIRTUAL_ENV"}


def clean(environ: Mapping[str, str]) -> dict[str, str]:
    """The caller's environment without what would lead Python, pip or the local VOD (its credentials) elsewhere."""
    return {
        name: value
        for name, value in environ.items()
        if not name.startswith(("PYTHON", "VOD_LOCAL_")) and name not in _PLACES
    }


def fingerprint(lock: bytes, pyproject: bytes, venv: Path) -> str:
    """Changes with everything that the environment depends on; its place, too, since scripts in it name it."""
    settings = tomllib.loads(pyproject.decode())
    installed = {key: settings.get(key) for key in ("build-system", "project")}
    parts = (lock, json.dumps(installed, sort_keys=True).encode(), bytes(venv))
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def make(level: str) -> None:
    """Make the environment, with what the level needs, unless it is there. Raises ToolError."""
    if _is_made(level):
        return
    with _alone():
        if _is_made(level):
            return
        missing = [name for name in ("venv", "ensurepip") if importlib.util.find_spec(name) is None]
        if missing:
            raise ToolError(
                f"{sys.executable} comes without {missing[0]}: install it (Debian and Ubuntu: apt install python3-venv)"
            )
        started = time.monotonic()
        extends = _is_made("run")
        say(_beginning(level, extends=extends))
        STAMP.unlink(missing_ok=True)
        if not extends:
            # Not the python3 of an active environment, which may be the one that is about to be emptied.
            base: str = getattr(sys, "_base_executable", sys.executable)
            _run("venv", base, "-m", "venv", "--clear", VENV)
        pip = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input")
        _run("pip", PYTHON, *pip, "--require-hashes", "-r", LOCKS[level])
        if not extends:
            _run("pip", PYTHON, *pip, "--no-build-isolation", "--no-deps", "--editable", ROOT)
        STAMP.write_text(_wanted(level))
        say(f"The Python environment is ready ({time.monotonic() - started:.0f} s).")


def _beginning(level: str, *, extends: bool) -> str:
    if extends:
        return "Adding what the tests need to the Python environment in .venv: about a minute."
    if VENV.exists():
        return "The Python environment in .venv is outdated or half made. Making it again."
    if level == "run":
        return "Making the Python environment in .venv: half a minute."
    return "Making the Python environment in .venv: about a minute and a half."


def lock() -> None:
    """Write the locks: every version pinned, with its hashes, for all platforms. Raises ToolError."""
    with tempfile.TemporaryDirectory() as temporary:
        say("Resolving the dependencies of pyproject.toml: about a minute.")
        _run("venv", sys.executable, "-m", "venv", temporary)
        binaries = Path(temporary, "bin")
        _run("pip", binaries / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", UV)
        options = ["--quiet", "--universal", "--python-version", "3.11", "--upgrade", "--generate-hashes"]
        options += ["--custom-compile-command", "make lock", "--extra", "local"]
        compile_: tuple[str | Path, ...] = (binaries / "uv", "pip", "compile", *options)
        _run("uv", *compile_, "--extra", "store", "--group", "dev", "-o", LOCKS["test"], "pyproject.toml")
        # Held to the versions of the tests: what people run is what was tested.
        _run("uv", *compile_, "--group", "build", "-c", LOCKS["test"], "-o", LOCKS["run"], "pyproject.toml")
    names = " and ".join(str(file.relative_to(ROOT)) for file in LOCKS.values())
    say(f"{names} are written; the next `make` installs what they name.")


def _wanted(level: str) -> str:
    return fingerprint(LOCKS[level].read_bytes(), (ROOT / "pyproject.toml").read_bytes(), VENV)


def _is_made(level: str) -> bool:
    """Whether the environment has what the level needs: that of the tests has what a run needs."""
    if not (PYTHON.exists() and STAMP.exists()):
        return False
    levels = list(LOCKS)
    return STAMP.read_text() in [_wanted(enough) for enough in levels[levels.index(level) :]]


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
    """Make the environment, or the locks."""
    arguments = sys.argv[1:]
    if arguments == ["lock"]:
        lock()
    elif len(arguments) == 1 and arguments[0] in LOCKS:
        make(arguments[0])
    else:
        raise ToolError("tools.environment takes one word: 'run', 'test' or 'lock'")
    return 0


if __name__ == "__main__":
    leave(main)
