"""Chromium, for the tests of the local VOD's page: looked for on PATH, else installed from Debian's packages.

    python3 -m tools.browser

Standard library only.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable

from tools.console import ToolError, leave, say

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
"""Names it goes by on PATH."""


def ensure(which: Callable[[str], str | None] = shutil.which, user: Callable[[], int] = os.geteuid) -> None:
    """Make sure that Chromium is there. Raises ToolError."""
    if any(which(program) for program in PROGRAMS):
        return
    if which("apt-get") is None or user() != 0:
        raise ToolError(
            f"the tests of the local VOD's page need Chromium: install one of {', '.join(PROGRAMS)}"
            " (Debian: apt-get install chromium), and run this again"
        )
    say("Installing Chromium from Debian's packages, for the tests of the local VOD's page: about a minute.")
    started = time.monotonic()
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (("update",), ("install", "--yes", "--no-install-recommends", "chromium")):
        done = subprocess.run(
            ["apt-get", "--quiet", "--quiet", *arguments], env=environ, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            lines = done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"]
            raise ToolError(f"'apt-get {arguments[0]}' failed: {lines[-1]}")
    say(f"Chromium is ready ({time.monotonic() - started:.0f} s).")


def main() -> int:
    """The command."""
    ensure()
    return 0


if __name__ == "__main__":
    leave(main)
