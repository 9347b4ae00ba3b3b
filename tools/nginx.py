"""nginx, for the test of the documentation's proxy: looked for on PATH, else taken out of Debian's package.

    python3 -m tools.nginx

Nothing is installed, so that no server is started: the package is unpacked in the user's cache. Standard library only.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from tools.console import ToolError, leave, say

NAME = "nginx"
PLACES = f"{os.defpath}:/usr/sbin:/usr/local/sbin"
"""Where it is beside PATH: Debian has it where only root looks."""


def cache() -> Path:
    """Where it is unpacked."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base, "pulumi-huaweicloud-vod", NAME)


def ensure(folder: Path, which: Callable[[str], str | None] = shutil.which) -> Path:
    """The program; unpacked in `folder` where it is not on this machine. Raises ToolError."""
    found = which(NAME) or shutil.which(NAME, path=PLACES)
    unpacked = folder / "usr" / "sbin" / NAME
    if found:
        return Path(found)
    if unpacked.exists():
        return unpacked
    if which("apt-get") is None or which("dpkg") is None:
        raise ToolError(f"the test of the documentation's proxy needs {NAME}: install it, and run this again")
    say(f"Taking {NAME} out of Debian's package: a few seconds.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        if not _run(["apt-get", "--quiet", "--quiet", "download", NAME], temporary):
            # An index that is too old names packages that are gone, and only root may renew it.
            _run(["apt-get", "--quiet", "--quiet", "update"], temporary)
            if not _run(["apt-get", "--quiet", "--quiet", "download", NAME], temporary):
                raise ToolError(f"Debian's package of {NAME} cannot be had: install {NAME}, and run this again")
        (package,) = Path(temporary).glob("*.deb")
        if not _run(["dpkg", "-x", str(package), "unpacked"], temporary):
            raise ToolError(f"Debian's package of {NAME} cannot be unpacked: install {NAME}, and run this again")
        if not unpacked.exists():  # another process may have been quicker
            shutil.copytree(Path(temporary, "unpacked"), folder, symlinks=True, dirs_exist_ok=True)
    return unpacked


def _run(command: list[str], folder: str) -> bool:
    return subprocess.run(command, cwd=folder, capture_output=True, timeout=120, check=False).returncode == 0


def main() -> int:
    """The command: prints where the program is."""
    print(ensure(cache()))
    return 0


if __name__ == "__main__":
    leave(main)
