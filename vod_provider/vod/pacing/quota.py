"""Quotas: how many calls of a kind may leave within any 60 seconds, and who waits for the next place.

Burst first, then pace: as long as places are free, calls leave at once; after that each leaves as an earlier
one falls out of the window. A place is counted from the answer and not from the sending, since the other side
counts arrivals.

The quota belongs to the tenant, so other machines take from it too. A 429 says that the window was full with what
had left before; 60 s later all of that has fallen out of it. Until then only the places are used that were ours,
less a third, so that a machine that came late finds some; after that, all that can be had. Meanwhile fewer calls
are under way at once, since all that are on their way when the window is full are refused.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from vod_provider.vod.deadline import Deadline

WINDOW_S = 60.0
"""The quotas of VOD are per minute; counted as any 60 s, which holds whatever minutes the gateway uses."""
PAUSE_S = 5.0
"""How long to stay away after a 429 where nothing of ours got through in the whole window; doubles each time."""
LONGEST_PAUSE_S = 30.0
SHARED_S = 300.0
"""How long after a 429 other machines are taken to be there still."""


class Window:
    """The places of one quota, in times that the caller gives. Not safe for threads."""

    def __init__(self, per_minute: int) -> None:
        self.quota = per_minute
        self.limit = per_minute
        self._answered: deque[float] = deque()
        self._under_way = 0
        self._not_before = 0.0
        self._pause = PAUSE_S
        self._refused_at = float("-inf")

    def wait(self, now: float) -> float:
        """Seconds until the next call may leave; 0 for now, infinite until one under way is answered."""
        while self._answered and self._answered[0] <= now - WINDOW_S:
            self._answered.popleft()
        full_until = self._refused_at + WINDOW_S
        if now >= full_until:
            self.limit = self.quota
        if now < self._not_before:
            return self._not_before - now
        if self._under_way >= self._at_once(now):
            return float("inf")
        if len(self._answered) + self._under_way < self.limit:
            return 0.0
        excess = len(self._answered) + self._under_way - self.limit
        free = self._answered[excess] + WINDOW_S - now if excess < len(self._answered) else float("inf")
        return min(free, full_until - now) if self.limit < self.quota else free

    def leave(self) -> None:
        """A call leaves."""
        self._under_way += 1

    def answered(self, now: float) -> None:
        """A call that left was answered, or its answer was lost: it counts."""
        self._under_way -= 1
        self._answered.append(now)
        self._pause = PAUSE_S

    def refused(self, now: float) -> None:
        """A call that left was refused with 429: it does not count, but the window is full."""
        self._under_way -= 1
        ours = len(self._answered)
        if now >= self._refused_at + WINDOW_S:
            self.limit, self._refused_at = self.quota, now
        self.limit = max(1, min(self.limit, ours - ours // 3))
        if not self._answered:
            self._not_before = now + self._pause
            self._pause = min(LONGEST_PAUSE_S, self._pause * 2)

    def given_back(self) -> None:
        """A call that left was never sent after all: its place is free again."""
        self._under_way -= 1

    def _at_once(self, now: float) -> int:
        """Calls under way at once: enough to use up the quota in seconds."""
        if now < self._refused_at + SHARED_S:
            return max(1, self.quota // 100)
        return max(4, self.quota // 25)


class Quota:
    """A window that many threads share. Places go to those who came first."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.per_minute = per_minute
        self._window = Window(per_minute)
        self._clock = clock
        self._lock = threading.Lock()
        self._queue: deque[threading.Event] = deque()

    def enter(self, deadline: Deadline, waiting: Callable[[], None] = lambda: None) -> None:
        """Wait for a place and take it; `waiting` is called once if there is none at once.

        Raises StoppedError or DeadlineError, and then holds no place. A place ends by one of the three below.
        """
        deadline.check()
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
                deadline.pause(turn, wait)
        finally:
            with self._lock:
                self._queue.remove(turn)
                self._wake()

    def answered(self) -> None:
        """The call was answered, or its answer was lost."""
        with self._lock:
            self._window.answered(self._clock())
            self._wake()

    def refused(self) -> None:
        """The call was answered with 429."""
        with self._lock:
            self._window.refused(self._clock())
            self._wake()

    def given_back(self) -> None:
        """The call was never sent: its place is the next one's."""
        with self._lock:
            self._window.given_back()
            self._wake()

    def _wake(self) -> None:
        if self._queue:
            self._queue[0].set()
