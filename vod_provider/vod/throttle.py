"""Quotas: how many calls of a kind may leave within any 60 seconds, and who waits for the next place.

Burst first, then pace: as long as places are free, calls leave at once; after that each leaves as an earlier
one falls out of the window. A place is counted from the answer and not from the sending, since the other side
counts arrivals. The quota belongs to the tenant, so other machines take from it too: a 429 says that together
we have used it up. Then our limit falls to what got through in the last window, and grows again slowly.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from vod_provider.vod.patience import Patience

WINDOW_S = 60.0
"""The quotas of VOD are per minute; counted as any 60 s, which holds whatever minutes the gateway uses."""
GROWTH_S = 30.0
"""How long without a 429 until the limit grows; the step doubles each time."""
PAUSE_S = 2.0
"""How long to stay away after a 429 where nothing of ours got through in the whole window."""


class Window:
    """The places of one quota, in times that the caller gives. Not safe for threads."""

    def __init__(self, per_minute: int) -> None:
        self.quota = per_minute
        self.limit = per_minute
        self._answered: deque[float] = deque()
        self._under_way = 0
        self._not_before = 0.0
        self._grow_at = 0.0
        self._step = 1

    def wait(self, now: float) -> float:
        """Seconds until the next call may leave; 0 for now, infinite until one under way is answered."""
        while self._answered and self._answered[0] <= now - WINDOW_S:
            self._answered.popleft()
        self._grow(now)
        if now < self._not_before:
            return self._not_before - now
        if len(self._answered) + self._under_way < self.limit:
            return 0.0
        excess = len(self._answered) + self._under_way - self.limit
        if excess < len(self._answered):
            return self._answered[excess] + WINDOW_S - now
        return float("inf")

    def leave(self) -> None:
        """A call leaves."""
        self._under_way += 1

    def answered(self, now: float) -> None:
        """A call that left was answered, or its answer was lost: it counts."""
        self._under_way -= 1
        self._answered.append(now)

    def refused(self, now: float) -> None:
        """A call that left was refused with 429: it does not count, but there is no more room than this."""
        self._under_way -= 1
        self.limit = max(1, min(self.limit, len(self._answered)))
        self._step = 1
        self._grow_at = now + GROWTH_S
        if not self._answered:
            self._not_before = now + PAUSE_S

    def _grow(self, now: float) -> None:
        while self.limit < self.quota and now >= self._grow_at:
            self.limit = min(self.quota, self.limit + self._step)
            self._step *= 2
            self._grow_at += GROWTH_S


class Quota:
    """A window that many threads share. Places go to those who came first."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._window = Window(per_minute)
        self._clock = clock
        self._lock = threading.Lock()
        self._queue: deque[threading.Event] = deque()

    def enter(self, patience: Patience, waiting: Callable[[], None] = lambda: None) -> None:
        """Wait for a place and take it; `waiting` is called once if there is none at once.

        Raises StoppedError or DeadlineError, and then holds no place.
        """
        turn = threading.Event()
        with self._lock:
            if not self._queue and self._window.wait(self._clock()) <= 0:
                self._window.leave()
                return
            self._queue.append(turn)
        waiting()
        try:
            while True:
                with self._lock:
                    turn.clear()
                    first = self._queue[0] is turn
                    wait = self._window.wait(self._clock()) if first else float("inf")
                    if wait <= 0:
                        self._window.leave()
                        return
                patience.pause(turn, wait)
        finally:
            with self._lock:
                self._queue.remove(turn)
                self._wake()

    def leave(self, *, refused: bool = False) -> None:
        """The call was answered; `refused` if the answer was 429."""
        with self._lock:
            (self._window.refused if refused else self._window.answered)(self._clock())
            self._wake()

    def _wake(self) -> None:
        if self._queue:
            self._queue[0].set()
