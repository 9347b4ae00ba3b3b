"""One poller for everybody who waits for an asset or wants to look at one.

Ids travel in tens. Who looks is asked about at once (after a while for others to join); who waits, when an
answer is likely: not before others of late were done, then more seldom with age, and all of them together
no more often than a share of the query quota allows.
"""

from __future__ import annotations

import heapq
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from itertools import islice

from vod_provider.vod.absence import DEFAULT_S, Doubt, Purpose, rule
from vod_provider.vod.assets import Asset, Outcome
from vod_provider.vod.client import IDS_PER_CALL
from vod_provider.vod.deadline import Deadline, Stop
from vod_provider.vod.pacing.batch_timing import BatchTiming
from vod_provider.vod.pacing.event_timing import EventTiming
from vod_provider.vod.pacing.quota import WINDOW_S, Window

SHORTEST_S = 1.0
"""Asked again no sooner than this."""
LONGEST_S = 2.8
"""While the load allows, asked again within this: done is seen half of it later, on average."""
AGE_PART = 0.1
"""Between the two, asked again after this part of the age."""
TOLD_S = 0.1
"""Asked about so long after an event, so that those of others can join the call."""
CALLS_AT_ONCE = 4
_REMEMBERED = 50
_ENOUGH = 5

Progress = Callable[[Asset], None]


def interval(age: float, waiting: int, calls_per_s: float, at_least: float, at_most: float) -> float:
    """Seconds until an audio of that age is asked about again, while `waiting` are waited for."""
    wanted = max(at_least, min(at_most, max(SHORTEST_S, age * AGE_PART)))
    return max(wanted, waiting / IDS_PER_CALL / calls_per_s)


@dataclass
class _Waiter:
    """Somebody who waits: who is told of each answer, and what proves to them that the asset is gone.

    `there`: any answer that has the asset is what they wait for.
    """

    progress: Progress
    doubt: Doubt
    there: bool = False


@dataclass
class _Subject:
    """An asset that somebody wants to know about."""

    since: float
    due: float = float("inf")
    looks: list[Future[Asset]] = field(default_factory=list)
    sure: set[Future[Asset]] = field(default_factory=set)
    """Looks for whom an absence has to be proven."""
    waits: dict[Future[Asset], _Waiter] = field(default_factory=dict)
    asking: bool = False
    told: bool = False
    """An event has come."""
    told_while_asking: bool = False


class Schedule:
    """Who is asked about, and when, in times that the caller gives. Not safe for threads.

    `unheard` is called once VOD's events turn out not to come; `absence_s` is the setting `vod:timeouts.absence`.
    """

    def __init__(
        self, per_minute: int, unheard: Callable[[], None] = lambda: None, *, absence_s: float = DEFAULT_S
    ) -> None:
        self._absence_s = absence_s
        self._share = Window(per_minute)
        self._calls_per_s = per_minute / WINDOW_S
        self._subjects: dict[str, _Subject] = {}
        self._awaited: set[str] = set()
        self._next: list[tuple[float, str]] = []
        """When who waits is due, soonest first; some of it is out of date, and is left out when its turn comes."""
        self._looked: dict[str, float] = {}  # who is to be asked about at once, and since when: oldest first
        self._batch_timing = BatchTiming()
        self._took: deque[float] = deque(maxlen=_REMEMBERED)
        self._unheard = unheard
        self.event_timing = EventTiming()

    def look(self, asset_id: str, now: float, *, sure: bool = False) -> Future[Asset]:
        """Ask about the asset soon, once; `sure`: again, as long as it is absent and that is not proven."""
        future: Future[Asset] = Future()
        subject = self._subjects.setdefault(asset_id, _Subject(now))
        subject.looks.append(future)
        if sure:
            subject.sure.add(future)
        if not subject.asking and asset_id not in self._looked:  # who asks about one that waits takes no place
            self._batch_timing.came(now, joins=bool(self._looked))
            self._looked[asset_id] = now
        return future

    def watch(self, asset_id: str, now: float, progress: Progress, *, new: bool = False) -> Future[Asset]:
        """Ask about the asset until it is pending no more, or proven to be gone; `new`: VOD accepted it just now."""
        future: Future[Asset] = Future()
        subject = self._subjects.setdefault(asset_id, _Subject(now))
        if not subject.waits:
            subject.since, subject.due = now, now + max(self._likely(), self.event_timing.at_least())
            subject.told = self.event_timing.came_early(asset_id)
            if subject.told:
                subject.due = now
            self._awaited.add(asset_id)
            self._is_due(asset_id, subject)
        purpose = Purpose.NEW if new else Purpose.LOOK
        subject.waits[future] = _Waiter(progress, Doubt(rule(purpose, self._absence_s), now))
        return future

    def hurry(self, asset_id: str, now: float) -> None:
        """An event tells that the asset has changed: ask soon, whoever waits for it."""
        awaited = asset_id in self._awaited
        self.event_timing.came(asset_id, awaited=awaited)
        if awaited:
            subject = self._subjects[asset_id]
            subject.told, subject.told_while_asking = True, subject.asking
            subject.due = min(subject.due, now + TOLD_S)
            self._is_due(asset_id, subject)

    def forget(self, asset_id: str, future: Future[Asset]) -> None:
        """Whoever held `future` has stopped waiting."""
        subject = self._subjects.get(asset_id)
        if subject is None:
            return
        subject.waits.pop(future, None)
        if future in subject.looks:
            subject.looks.remove(future)
        if not subject.waits:
            subject.due = float("inf")
            self._awaited.discard(asset_id)
        if not subject.looks:
            self._looked.pop(asset_id, None)
        if not subject.waits and not subject.looks and not subject.asking:
            del self._subjects[asset_id]

    def due(self, now: float) -> list[str]:
        """Up to ten ids to ask about now, in one call; they count as being asked about until `told`."""
        looked = list(islice(self._looked, IDS_PER_CALL))
        leaves = self._looks_leave() <= now
        if not leaves and self._share.wait(now) > 0:
            return []
        if not leaves and self._soonest() > now:
            return []
        if looked:
            self._batch_timing.left(sum(len(self._subjects[asset_id].looks) for asset_id in looked))
        # Places that are left go to those who would be next anyway.
        ids = looked + self._those_who_are_next(IDS_PER_CALL - len(looked))
        for asset_id in ids:
            self._subjects[asset_id].asking = True
            self._looked.pop(asset_id, None)
        self._share.leave()
        return ids

    def sleep(self, now: float) -> float:
        """Seconds until `due` may have something; infinite where nobody waits."""
        looks = self._looks_leave()
        due = self._soonest()
        polls = max(due - now, self._share.wait(now)) if due < float("inf") else due
        return max(0.0, min(looks - now, polls))

    def _is_due(self, asset_id: str, subject: _Subject) -> None:
        """Note when somebody who waits is due, whenever that changes."""
        heapq.heappush(self._next, (subject.due, asset_id))

    def _waits(self, due: float, asset_id: str) -> bool:
        """Whether what was noted then still holds."""
        subject = self._subjects.get(asset_id)
        return subject is not None and asset_id in self._awaited and not subject.asking and subject.due == due

    def _soonest(self) -> float:
        """When the next one who waits is due; infinite where nobody does."""
        while self._next and not self._waits(*self._next[0]):
            heapq.heappop(self._next)
        return self._next[0][0] if self._next else float("inf")

    def _those_who_are_next(self, count: int) -> list[str]:
        """Up to so many of those who wait and do not look besides, soonest first; they are not noted any more."""
        ids: dict[str, None] = {}
        while len(ids) < count and self._soonest() < float("inf"):
            _, asset_id = heapq.heappop(self._next)
            if asset_id not in self._looked:  # else it is in the same call for that, and noted again when it comes back
                ids[asset_id] = None
        return list(ids)

    def _looks_leave(self) -> float:
        """When a call leaves for those who look; infinite where nobody does."""
        if not self._looked:
            return float("inf")
        if len(self._looked) >= IDS_PER_CALL:
            return float("-inf")
        return self._batch_timing.until(next(iter(self._looked.values())))

    def told(self, asset_id: str, answer: Asset | Exception, now: float) -> list[Callable[[], None]]:
        """VOD has answered; returns whom to tell what, to be called outside any lock."""
        subject = self._subjects[asset_id]
        subject.asking = False
        tell: list[Callable[[], None]] = []
        if isinstance(answer, Exception):
            tell += [_failing(future, answer) for future in (*subject.looks, *subject.waits)]
            subject.waits.clear()
        else:
            if answer.outcome is Outcome.GONE:
                self._doubt(asset_id, subject, now)
            tell += [_telling(future, answer) for future in subject.looks]
            tell += self._told_waiting(asset_id, subject, answer, now)
        subject.looks.clear()
        subject.sure.clear()
        if self.event_timing.gives_up(now):
            tell.append(self._unheard)
        if subject.waits:
            at_least, at_most = SHORTEST_S if subject.told else self.event_timing.at_least(), LONGEST_S
            if isinstance(answer, Asset) and answer.outcome is Outcome.GONE:  # no event tells of what is not there
                at_least, at_most = 0.0, min(waiter.doubt.pause for waiter in subject.waits.values())
            age = now - subject.since
            subject.due = now + interval(age, len(self._awaited), self._calls_per_s, at_least, at_most)
            if subject.told_while_asking:  # what was answered may be older than the event
                subject.due, subject.told_while_asking = now + TOLD_S, False
            self._is_due(asset_id, subject)
        else:
            self._awaited.discard(asset_id)
            del self._subjects[asset_id]
        return tell

    def _doubt(self, asset_id: str, subject: _Subject, now: float) -> None:
        """Those who want to be sure wait from now on, for the asset to be there, or for the proof that it is gone."""
        for future in [it for it in subject.looks if it in subject.sure]:
            subject.looks.remove(future)
            subject.waits[future] = _Waiter(lambda _: None, Doubt(rule(Purpose.LOOK, self._absence_s), now), there=True)
            self._awaited.add(asset_id)

    def _told_waiting(self, asset_id: str, subject: _Subject, answer: Asset, now: float) -> list[Callable[[], None]]:
        """Whom of those who wait to tell what; those who are done wait no more."""
        if answer.outcome is Outcome.PENDING:
            seen = [future for future, waiter in subject.waits.items() if waiter.there]
            for waiter in subject.waits.values():
                waiter.doubt.present()
            tell = [_reporting(waiter.progress, answer) for waiter in subject.waits.values()]
            for future in seen:
                del subject.waits[future]
            return tell + [_telling(future, answer) for future in seen]
        done = list(subject.waits)
        if answer.outcome is Outcome.GONE:
            # An absence that is not proven is reported to nobody: it may be written down as what the asset is.
            done = [future for future, waiter in subject.waits.items() if waiter.doubt.absent(now)]
        elif done and answer.outcome is Outcome.READY:
            self._took.append(now - subject.since)
            if not subject.told:
                self.event_timing.found(asset_id, now)
        for future in done:
            del subject.waits[future]
        return [_telling(future, answer) for future in done]

    def called(self, now: float) -> None:
        """A call for ids that were due has come back."""
        self._share.answered(now)

    def _likely(self) -> float:
        """The age at which a first answer is likely: a little less than the quickest tenth took of late."""
        if len(self._took) < _ENOUGH:
            return SHORTEST_S
        return max(SHORTEST_S, 0.9 * sorted(self._took)[len(self._took) // 10])


class Poller:
    """Runs a schedule with real time and real calls. Safe to share between threads.

    `show(ids, deadline)` is `Client.show`; `per_minute` is the poller's share of the query quota; `unheard` is called
    where VOD's events are listened for and do not come; `absence_s` is the setting `vod:timeouts.absence`, which says
    how slowly an absence is believed (`vod.absence`).
    """

    def __init__(
        self,
        show: Callable[[Sequence[str], Deadline], dict[str, Asset]],
        per_minute: int,
        pool: Executor,
        *,
        stop: Stop | None = None,
        clock: Callable[[], float] = time.monotonic,
        unheard: Callable[[], None] = lambda: None,
        absence_s: float = DEFAULT_S,
    ) -> None:
        self._show, self._pool, self._clock, self._absence_s = show, pool, clock, absence_s
        self._deadline = Deadline(stop=stop)
        self._schedule = Schedule(per_minute, unheard, absence_s=absence_s)
        self._changed = threading.Condition()
        self._under_way = 0
        self._thread: threading.Thread | None = None

    def listen(self) -> None:
        """From now on somebody listens for VOD's events, and calls `hurry` for each."""
        with self._changed:
            self._schedule.event_timing.begin()

    def hurry(self, asset_id: str) -> None:
        """An event tells that the asset has changed. One that nobody waits for is remembered for a while."""
        with self._changed:
            self._schedule.hurry(asset_id, self._clock())
            self._changed.notify()

    def look(self, asset_id: str, deadline: Deadline) -> Asset:
        """The asset as it is now; GONE only where that is proven, for which VOD is asked several times.

        Raises DeadlineError where the deadline leaves no time to prove it.
        """
        doubt = Doubt(rule(Purpose.LOOK, self._absence_s), self._clock())
        while True:
            asset = self.glance(asset_id, deadline)
            if asset.outcome is not Outcome.GONE or doubt.absent(self._clock()):
                return asset
            deadline.sleep(doubt.pause)

    def glance(self, asset_id: str, deadline: Deadline) -> Asset:
        """What one answer says of the asset. An absence in it proves nothing."""
        return self._result(asset_id, self.glancing(asset_id), deadline)

    def wait(
        self, asset_id: str, deadline: Deadline, progress: Progress = lambda _: None, *, new: bool = False
    ) -> Asset:
        """The asset once it is READY, FAILED, or proven to be GONE; `progress` gets each answer that has it until then.

        `new`: VOD has accepted it just now, and may not know it yet when it is asked.
        """
        return self._result(asset_id, self.watching(asset_id, progress, new=new), deadline)

    # What holds no thread: whoever has begun one of these asks the future, and calls `forget` if it stops waiting.

    # Its callbacks run in a thread that others need.

    def glancing(self, asset_id: str) -> Future[Asset]:
        """As `glance`; the future brings what it returns, or raises."""
        return self._looking(asset_id, sure=False)

    def looking(self, asset_id: str) -> Future[Asset]:
        """As `look`."""
        return self._looking(asset_id, sure=True)

    def _looking(self, asset_id: str, *, sure: bool) -> Future[Asset]:
        with self._changed:
            future = self._schedule.look(asset_id, self._clock(), sure=sure)
            self._wake()
        return future

    def watching(self, asset_id: str, progress: Progress = lambda _: None, *, new: bool = False) -> Future[Asset]:
        """As `wait`."""
        with self._changed:
            future = self._schedule.watch(asset_id, self._clock(), progress, new=new)
            self._wake()
        return future

    def forget(self, asset_id: str, future: Future[Asset]) -> None:
        """Nobody waits for `future` any more."""
        with self._changed:
            self._schedule.forget(asset_id, future)

    def _result(self, asset_id: str, future: Future[Asset], deadline: Deadline) -> Asset:
        try:
            return deadline.result(future)
        finally:
            self.forget(asset_id, future)

    def _wake(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="vod-poller", daemon=True)
            self._thread.start()
        self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                ids: list[str] = []
                while not ids:
                    now = self._clock()
                    ids = self._schedule.due(now) if self._under_way < CALLS_AT_ONCE else []
                    if not ids:
                        pause = self._schedule.sleep(now) if self._under_way < CALLS_AT_ONCE else float("inf")
                        self._changed.wait(min(pause, threading.TIMEOUT_MAX))
                self._under_way += 1
            self._pool.submit(self._ask, ids)

    def _ask(self, ids: list[str]) -> None:
        answers: dict[str, Asset] = {}
        failure: Exception | None = None
        try:
            answers = self._show(ids, self._deadline)
        except Exception as error:  # noqa: BLE001 - whoever waits has to hear of it, whatever it is
            failure = error
        tell: list[Callable[[], None]] = []
        with self._changed:
            now = self._clock()
            self._under_way -= 1
            self._schedule.called(now)
            for asset_id in ids:
                tell += self._schedule.told(asset_id, failure or answers[asset_id], now)
            self._changed.notify()
        for one in tell:
            one()


def _telling(future: Future[Asset], asset: Asset) -> Callable[[], None]:
    return lambda: future.set_result(asset)


def _failing(future: Future[Asset], error: Exception) -> Callable[[], None]:
    return lambda: future.set_exception(error)


def _reporting(progress: Progress, asset: Asset) -> Callable[[], None]:
    return lambda: progress(asset)
