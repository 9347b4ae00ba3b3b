"""Says once where the engine's parallelism is what holds a large stack back. Knows neither Pulumi nor VOD.

The engine runs so many steps at a time and tells nobody how many more are waiting. But where as many creates as
it runs by default are under way all the time, and VOD's quota would allow more of them, that number is the bottleneck.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

LARGE = 50
"""No stack with fewer creates is told anything."""
ROUNDS = 3
"""The creates that are looked at before anything is said, in multiples of those that run at a time."""
BUSY = 0.75
"""The engine counts as the bottleneck where on average this part of its places is taken,"""
IDLE = 0.8
"""and less than this part of the quota is used."""


def parallelism(environ: Mapping[str, str], cores: int) -> int:
    """Steps that the engine runs at a time, unless `--parallel` says otherwise, which is not to be seen from here."""
    text = environ.get("PULUMI_PARALLEL", "")
    return int(text) if text.isdecimal() and int(text) > 0 else 4 * cores


class ParallelismHint:
    """Watches the creates of this run, of which the engine runs `limit` at a time. Safe to share between threads."""

    def __init__(self, limit: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit, self._clock = limit, clock
        self._lock = threading.Lock()
        self._began = float("inf")
        self._under_way = self._most = self._served = 0
        self._took = 0.0
        self._said = False

    @contextmanager
    def creating(self) -> Iterator[None]:
        """Held while a create is under way."""
        started = self._clock()
        with self._lock:
            self._began = min(self._began, started)
            self._under_way += 1
            self._most = max(self._most, self._under_way)
        try:
            yield
        finally:
            with self._lock:
                self._under_way -= 1
                self._served += 1
                self._took += self._clock() - started

    def due(self, quota: int) -> str | None:
        """The line to say, once, when it has shown itself to be true; `quota` is extractions a minute."""
        with self._lock:
            if self._said or self._most != self._limit or self._served < max(LARGE, ROUNDS * self._limit):
                return None
            elapsed = self._clock() - self._began
            if self._took < BUSY * self._limit * elapsed:
                return None
            each = self._took / self._served
            now = 60 * self._limit / each
            if now >= IDLE * quota:
                return None
            self._said = True
        # As many as may leave in one minute, and as many as are under way at that pace.
        wanted = math.ceil(quota * max(1.0, each / 60))
        return (
            f"Pulumi creates {self._limit} audios at a time, which makes {now:.0f} a minute, and VOD's quota allows"
            f" {quota}: `pulumi up --parallel {wanted}` (or PULUMI_PARALLEL={wanted}) would make use of it"
        )
