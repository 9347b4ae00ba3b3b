"""The real engine in a terminal of some width, as people see it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import threading
from collections.abc import Callable

from tests.engine.stack import LIMIT_S, Stack, until

_ESCAPES = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|[()][A-Z0-9]|.)")


class Terminal:
    """A run of the engine in a terminal of `columns`."""

    def __init__(self, stack: Stack, columns: int, *args: str) -> None:
        self._screen, its = pty.openpty()
        fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 60, columns, 0, 0))
        self._printed = bytearray()
        self._process = subprocess.Popen(
            ["pulumi", *args, "--color", "never"],
            cwd=stack.folder,
            env=stack.environ | {"TERM": "xterm"},
            stdin=its,
            stdout=its,
            stderr=its,
            start_new_session=True,
        )
        os.close(its)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        with contextlib.suppress(OSError):  # Linux's word for 'the other side is closed'
            while some := os.read(self._screen, 65536):
                self._printed += some

    def lines(self) -> list[str]:
        """Every line that was shown so far, in order, also those that were drawn over."""
        return [line.rstrip() for line in _ESCAPES.sub("", bytes(self._printed).decode(errors="replace")).splitlines()]

    def rows(self, name: str) -> list[str]:
        """What the row of an audio has shown in its last column, in order, each once."""
        shown = [
            found[1] for line in self.lines() if (found := re.search(rf" {name} .*(?:\.\.\.|\)|\*\*) +(.*)", line))
        ]
        return [one for index, one in enumerate(shown) if index == 0 or shown[index - 1] != one]

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        self._process.send_signal(signal.SIGINT)

    def until(self, condition: Callable[[], object]) -> None:
        """Wait until the condition holds."""
        try:
            until(condition)
        except AssertionError as error:
            os.killpg(self._process.pid, signal.SIGKILL)
            self.end()
            raise AssertionError("\n".join(self.lines())) from error

    def end(self) -> str:
        """Wait until the run is over; all that was shown."""
        try:
            self._process.wait(LIMIT_S)
        finally:
            if self._process.poll() is None:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
        self._reader.join(LIMIT_S)
        os.close(self._screen)
        return "\n".join(self.lines())
