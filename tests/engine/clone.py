"""A clone of the repository in which a test runs `make up` and the like, as a newcomer does."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import shutil
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path

from tests.vod import LocalVod, free_port
from tools import environment

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("Makefile", "Pulumi.yaml", "__main__.py", "pyproject.toml", "requirements", "tools", "vod_provider")
"""What the main job needs of the repository."""
LIMIT_S = 180
COLUMNS = 120
"""How wide the terminal is."""
CONTROL = re.compile(r"\x1b(\[[0-9;?]*[A-Za-z]|\][^\x07\x1b]*(\x07|\x1b\\))|\r")


class Clone:
    """A clone whose Python environment is there already: making it takes a minute, and is pip's work."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.vod = LocalVod(self.port, folder)
        """The service that `make up` starts."""
        for part in PARTS:
            copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
            copy(ROOT / part, folder / part)
        made, here = Path(sys.prefix), folder / ".venv"
        here.mkdir()
        shutil.copy(made / "pyvenv.cfg", here)
        for name in ("bin", "lib"):
            (here / name).symlink_to(made / name)
        lock, project = (folder / "requirements/test.lock").read_bytes(), (folder / "pyproject.toml").read_bytes()
        (here / "made-from").write_text(environment.fingerprint(lock, project, here))
        # Of other terminals the engine asks the background colour, and waits for an answer: five seconds.
        self.environ = {**os.environ, "VOD_PORT": str(self.port), "NO_COLOR": "1", "TERM": "screen"}

    def make(self, target: str) -> str:
        """What make says where there is no terminal, on standard output and standard error."""
        done = subprocess.run(
            ["make", target],
            cwd=self.folder,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    def watch(self, target: str, ctrl_c: Callable[[], bool] = lambda: False) -> tuple[int, str, float]:
        """Run make in a terminal, and press Ctrl-C there as soon as `ctrl_c()` holds.

        Returns its exit status, all that was on the screen at any time, and the seconds from the key to the end.
        """
        process, terminal = pty.fork()
        if process == 0:
            os.chdir(self.folder)
            os.execvpe("make", ["make", target], self.environ)
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, COLUMNS, 0, 0))
        said, started, pressed = b"", time.monotonic(), 0.0
        while part := _read(terminal):
            said += part.strip(b"\0")
            assert time.monotonic() - started < LIMIT_S, said.decode(errors="replace")
            if not pressed and ctrl_c():
                os.write(terminal, b"\x03")
                pressed = time.monotonic()
        _, status = os.waitpid(process, 0)
        os.close(terminal)
        took = time.monotonic() - pressed
        return os.waitstatus_to_exitcode(status), CONTROL.sub("", said.decode(errors="replace")), took


def _read(terminal: int) -> bytes:
    """What is new on the screen within a tenth of a second, NUL where nothing is; b'' once all writers are gone."""
    if not select.select([terminal], [], [], 0.1)[0]:
        return b"\0"
    try:
        return os.read(terminal, 65_536)
    except OSError:  # Linux' way of saying that it is over
        return b""
