"""How long a caller may wait, and what ends its waiting earlier.

Everything that waits (for a quota, an answer, an audio) waits through a `Deadline`, so that a deadline and
Ctrl-C end every kind of waiting at once, and tests can wait without time passing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import TypeVar

from vod_provider.vod.errors import DeadlineError, StoppedError

T = TypeVar("T")


def running() -> float:
    """Seconds that nobody sets, and that go on while the machine is suspended, where the system has such a clock."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))  # Linux halts the other one


class Stop:
    """Says 'stop waiting' to everybody, now and later."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._set = False
        self._waiting: set[threading.Event] = set()

    def __call__(self) -> None:
        with self._lock:
            self._set = True
            for event in self._waiting:
                event.set()

    @property
    def called(self) -> bool:
        """Whether the waiting has to end."""
        return self._set

    @contextmanager
    def waking(self, event: threading.Event) -> Iterator[None]:
        """As long as this is entered, a stop sets `event` too."""
        with self._lock:
            self._waiting.add(event)
            if self._set:
                event.set()
        try:
            yield
        finally:
            with self._lock:
                self._waiting.discard(event)


class Deadline:
    """One caller's deadline: `seconds` from now on, or until `stop`. `notice` tells the caller what takes long."""

    def __init__(
        self,
        seconds: float = float("inf"),
        stop: Stop | None = None,
        clock: Callable[[], float] = time.monotonic,
        notice: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.notice = notice
        self._seconds, self._stop, self._clock = seconds, Stop() if stop is None else stop, clock
        self._end = clock() + seconds

    @property
    def seconds(self) -> float:
        """How many it was given."""
        return self._seconds

    @property
    def now(self) -> float:
        """Seconds of the clock that it goes by."""
        return self._clock()

    @property
    def left(self) -> float:
        """Seconds that are left; may be infinite, never negative."""
        return max(0.0, self._end - self._clock())

    def check(self) -> None:
        """Raise StoppedError or DeadlineError if the waiting has to end."""
        if self._stop.called:
            raise StoppedError
        if self.left <= 0:
            raise DeadlineError(self._seconds)

    def pause(self, event: threading.Event, seconds: float = float("inf")) -> None:
        """Wait until `event` is set, at most `seconds`; a stop sets the event too.

        Raises StoppedError or DeadlineError where the waiting has to end.
        """
        self.check()
        limit = min(seconds, self.left, threading.TIMEOUT_MAX)
        with self._stop.waking(event):
            event.wait(limit)
        self.check()

    def sleep(self, seconds: float) -> None:
        """Let `seconds` pass, unless the waiting has to end before."""
        self.pause(threading.Event(), seconds)

    def result(self, future: Future[T]) -> T:
        """What `future` brings. What is done is done: a result that is there wins over a stop."""
        done = threading.Event()
        future.add_done_callback(lambda _: done.set())
        if not future.done():
            try:
                self.pause(done)
            except (StoppedError, DeadlineError):
                if not future.done():
                    raise
        return future.result()
