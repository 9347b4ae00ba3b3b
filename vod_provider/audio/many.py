"""Goes the steps of thousands of audios with a few threads.

Whatever waits holds no thread: VOD's poller tells when it is over. Calls have lanes of a few threads each, so that none
of a kind keeps the others waiting: requests for extractions leave one at a time anyway (see `Ledger.asking`), and a
search for a lost answer may take a minute.
"""

from __future__ import annotations

import heapq
import itertools
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from vod_provider.audio.ledger_records import LedgerError
from vod_provider.audio.steps import Call, For, Lane, Pause, Step, Steps, Wait
from vod_provider.vod.deadline import Deadline
from vod_provider.vod.errors import (
    CredentialsError,
    DeadlineError,
    ForeignAnswerError,
    QuotaError,
    StoppedError,
    UnreachableError,
)
from vod_provider.workers import WorkerPool

THREADS: Mapping[Lane, int] = {Lane.ASK: 4, Lane.SEARCH: 2, Lane.CALL: 8}
"""Threads of each lane."""
UNDER_WAY = 100
"""So many are under way at once, without those whose extraction VOD has accepted, or who wait for others."""
SHOWN_S = 1.0
"""What has become of them is told this often."""
PACE_S = 120.0
"""The pace is that of so many seconds."""
ALIKE = 10
"""After so many failures in a row that would meet all others, too, no more are begun."""
END_S = 1.0
"""When all has to end, those who are in a call get so long to do it."""
_ALIKE = (CredentialsError, ForeignAnswerError, LedgerError, QuotaError, UnreachableError)

T = TypeVar("T")


@dataclass(frozen=True)
class Counts:
    """What has become of the audios: done, failed, accepted by VOD and not done, and waiting to be asked for.

    `seconds`: until all are done, at the pace until now; None where there is none yet.
    """

    total: int
    done: int
    failed: int
    running: int
    seconds: float | None

    @property
    def queued(self) -> int:
        """Those that wait for their turn."""
        return self.total - self.done - self.failed - self.running

    def line(self, done: str, now: Callable[[], datetime] = datetime.now) -> str:
        """One line, whose first word tells as much as a narrow column shows; `done` is what those are that are done."""
        parts = [f"{self.done}/{self.total} {done}"]
        parts += [f"{self.running} running"] if self.running else []
        parts += [f"{self.queued} queued for VOD's quota"] if self.queued else []
        parts += [f"{self.failed} failed"] if self.failed else []
        until = ""
        if self.seconds is not None and self.done + self.failed < self.total:
            end = now() + timedelta(seconds=self.seconds)
            until = f"; until about {end.strftime('%H:%M' if self.seconds >= 120 else '%H:%M:%S')}"
        return ", ".join(parts) + until


@dataclass(eq=False)
class _Job(Generic[T]):
    """One audio: its steps, and what it waits for."""

    key: str
    steps: Steps[T]
    accepted: float | None = None
    at: Call[Any] | Wait[Any] | Pause | None = None
    waits: Future[Any] | None = None
    counts: bool = True
    """Whether it is one of those under way."""


class Many(Generic[T]):
    """Goes many steps at once, and keeps what each ends with. To be used once.

    `show` is told what has become of them; `per_minute` is how many of them VOD's quota allows, for the estimate.
    """

    def __init__(
        self, deadline: Deadline, show: Callable[[Counts], None] = lambda _: None, per_minute: float = float("inf")
    ) -> None:
        self.done: dict[str, T] = {}
        self.failed: dict[str, Exception] = {}
        self.over: StoppedError | DeadlineError | None = None
        """Why all had to end before they were done; who is in neither of the two above was never begun."""
        self._deadline, self._show, self._per_s = deadline, show, per_minute / 60.0
        self._lock = threading.Lock()
        self._changed = threading.Event()
        self._lanes = {lane: WorkerPool(count, f"vod-{lane.value}-many") for lane, count in THREADS.items()}
        self._parked: set[_Job[T]] = set()
        self._pauses: list[tuple[float, int, _Job[T]]] = []
        self._numbers = itertools.count()
        self._total = self._begun = self._under_way = self._running = self._alike = 0
        self._accepted: deque[float] = deque()
        self._took: deque[float] = deque(maxlen=50)
        self._ended: deque[float] = deque()

    def run(self, jobs: Mapping[str, Steps[T]]) -> None:
        """Return when all are done or have failed, or had to end before."""
        waiting = iter(jobs.items())
        self._total = len(jobs)
        shown = float("-inf")
        try:
            while True:
                self._changed.clear()
                self._admit(waiting)
                now = self._deadline.now
                if now - shown >= SHOWN_S:
                    self._show(self.counts(now))
                    shown = now
                with self._lock:
                    ended = len(self.done) + len(self.failed) == self._begun
                if ended and (self._begun == self._total or self._alike >= ALIKE):
                    return
                self._deadline.pause(self._changed, self._wake(now, shown))
        except (StoppedError, DeadlineError) as error:
            self._end(error)
        finally:
            for lane in self._lanes.values():
                lane.shutdown(wait=False)
            for _, steps in waiting:
                steps.close()

    def counts(self, now: float) -> Counts:
        """What has become of them until now."""
        with self._lock:
            total, done, failed, running = self._total, len(self.done), len(self.failed), self._running
            queued = total - done - failed - running
            paces = self._accepted or self._ended
            while len(paces) > 1 and paces[0] < now - PACE_S:
                paces.popleft()
            seconds = None
            if paces and now > paces[0]:
                pace = min(self._per_s, len(paces) / max(1.0, now - paces[0]))
                seconds = queued / pace + (sum(self._took) / len(self._took) if self._took else 0.0)
        return Counts(total, done, failed, running, seconds)

    # -- the loop --------------------------------------------------------------------------------------------

    def _admit(self, waiting: Iterator[tuple[str, Steps[T]]]) -> None:
        """Begin as many as may be under way."""
        while self._under_way < UNDER_WAY and self._alike < ALIKE:
            self._deadline.check()  # those who hear first that it is over make room, which is for nobody
            item = next(waiting, None)
            if item is None:
                return
            with self._lock:
                self._under_way += 1
                self._begun += 1
            self._go(_Job(*item))

    def _wake(self, now: float, shown: float) -> float:
        """Seconds until there is something to do that nobody else tells; goes on with those whose pause is over."""
        while True:
            with self._lock:
                if not self._pauses or self._pauses[0][0] > now:
                    next_ = self._pauses[0][0] if self._pauses else float("inf")
                    return max(0.0, min(shown + SHOWN_S, next_) - now)
                _, _, job = heapq.heappop(self._pauses)
                self._parked.discard(job)
            self._go(job)

    def _end(self, error: StoppedError | DeadlineError) -> None:
        """Let all that wait hear that it is over, and those that are in a call come to their end."""
        with self._lock:
            self.over = error
            parked = list(self._parked)
            self._parked.clear()
        for job in parked:
            if isinstance(job.at, Wait) and job.waits is not None:
                job.at.forget(job.waits)
            self._go(job, error=self._over())
        patience = Deadline(END_S)
        try:
            while len(self.done) + len(self.failed) < self._begun:
                self._changed.clear()
                patience.pause(self._changed, 0.05)
        except DeadlineError:
            pass  # it is in a call that ends when it ends; the ledger has what comes of it

    def _over(self) -> StoppedError | DeadlineError:
        return StoppedError() if isinstance(self.over, StoppedError) else DeadlineError(self._deadline.seconds)

    # -- one audio -------------------------------------------------------------------------------------------

    def _go(self, job: _Job[T], brought: Any = None, error: Exception | None = None) -> None:
        """Go on to the next step, and begin to wait for what that waits for."""
        while True:
            try:
                step: Step = job.steps.send(brought) if error is None else job.steps.throw(error)
            except StopIteration as end:
                self._ends(job, end.value, None)
                return
            except Exception as failure:  # noqa: BLE001 - it is this audio's result
                self._ends(job, None, failure)
                return
            if self._waits(job, step):
                return
            brought, error = None, self._over()

    def _waits(self, job: _Job[T], step: Step) -> bool:
        """Begin to wait; False where all is over."""
        counts = not (isinstance(step, Wait) and step.for_ is not For.ANSWER) and not (
            isinstance(step, Call) and step.lane is Lane.SEARCH
        )
        wakes = isinstance(step, Pause)
        with self._lock:
            if self.over is not None:
                return False
            job.at, job.waits = step, None
            if counts != job.counts:
                job.counts = counts
                self._under_way += 1 if counts else -1
                wakes = not counts
            if isinstance(step, Wait) and step.for_ is For.EXTRACTION and job.accepted is None:
                job.accepted = self._deadline.now
                self._accepted.append(job.accepted)
                self._running += 1
            if isinstance(step, Pause):
                self._parked.add(job)
                heapq.heappush(self._pauses, (self._deadline.now + step.seconds, next(self._numbers), job))
        if wakes:
            self._changed.set()
        if isinstance(step, Call):
            self._lanes[step.lane].submit(self._call, job, step)
        elif isinstance(step, Wait):
            try:
                future = step.begin()
            except Exception as error:  # noqa: BLE001 - it is this audio's result
                self._lanes[Lane.CALL].submit(self._go, job, None, error)
                return True
            with self._lock:
                job.waits = future
                self._parked.add(job)
                over = self.over is not None
            future.add_done_callback(lambda future: self._comes(job, future))
            if over:
                self._comes(job, future)
        return True

    def _call(self, job: _Job[T], step: Call[Any]) -> None:
        if self.over is not None:
            self._go(job, error=self._over())
            return
        try:
            brought = step.work()
        except Exception as error:  # noqa: BLE001 - it is the steps' own affair
            self._go(job, error=error)
        else:
            self._go(job, brought)

    def _comes(self, job: _Job[T], future: Future[Any]) -> None:
        """What a job waits for is there, or all is over. Runs in threads of the poller's, which are not to be kept."""
        with self._lock:
            if job not in self._parked or job.waits is not future:
                return
            self._parked.discard(job)
        if future.done():
            self._lanes[Lane.CALL].submit(self._goes_on, job, future)
        else:
            if isinstance(job.at, Wait):
                job.at.forget(future)
            self._go(job, error=self._over())

    def _goes_on(self, job: _Job[T], future: Future[Any]) -> None:
        error = future.exception()
        if isinstance(error, Exception):
            self._go(job, error=error)
        else:
            self._go(job, future.result())

    def _ends(self, job: _Job[T], result: Any, failure: Exception | None) -> None:
        now = self._deadline.now
        with self._lock:
            if failure is None:
                self.done[job.key] = result
                self._alike = 0
            else:
                self.failed[job.key] = failure
                self._alike = self._alike + 1 if isinstance(failure, _ALIKE) else 0
            self._ended.append(now)
            self._under_way -= job.counts
            if job.accepted is not None:
                self._running -= 1
                if failure is None:
                    self._took.append(now - job.accepted)
        self._changed.set()
