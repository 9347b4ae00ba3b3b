"""The terminal, as the commands see it: an argument, so that tests can be one."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TextIO

PROGRESS_S = 1.0
"""Progress shows at most this often."""


@dataclass
class Console:
    """Results go to `out`, progress and warnings to `err`; answers come from `input`."""

    out: TextIO = field(default_factory=lambda: sys.stdout)
    err: TextIO = field(default_factory=lambda: sys.stderr)
    input: TextIO = field(default_factory=lambda: sys.stdin)
    clock: Callable[[], float] = time.monotonic
    _shown: float = float("-inf")

    def print(self, lines: Iterable[str]) -> None:
        """Lines of the result, at once: whoever waits for them sees them."""
        for line in lines:
            self.out.write(line.rstrip() + "\n")
        self.out.flush()

    def say(self, line: str) -> None:
        """A line about the work."""
        self.err.write(line + "\n")
        self.err.flush()

    def progress(self, line: str) -> None:
        """A line about the work that does not matter if another comes soon."""
        now = self.clock()
        if now - self._shown >= PROGRESS_S:
            self._shown = now
            self.say(line)

    @property
    def asks(self) -> bool:
        """Whether somebody is there to answer."""
        return self.input.isatty()

    def ask(self, question: str) -> str:
        """The answer to a question; '' where there is none."""
        self.err.write(question)
        self.err.flush()
        return self.input.readline().strip()
