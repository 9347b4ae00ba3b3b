"""Quotas over any 60 seconds, and who waits for the next place."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.fakes import START, Clock, FakeDeadline
from vod_provider.vod.deadline import Deadline, Stop
from vod_provider.vod.errors import DeadlineError, StoppedError
from vod_provider.vod.pacing.quota import PAUSE_S, WINDOW_S, Quota, Window


@given(
    st.integers(1, 5),
    st.lists(st.tuples(st.floats(0, 40), st.floats(0, 5), st.booleans()), max_size=40),
)
def test_no_sixty_seconds_hold_more_than_the_quota(quota: int, calls: list[tuple[float, float, bool]]) -> None:
    """However calls come and however long their answers take, no window of 60 s sees more than the quota."""
    window = Window(quota)
    now = 0.0
    arrived: list[float] = []
    for pause, answer, early in calls:
        now += pause
        while (wait := window.wait(now)) > 0:
            now += max(wait, 1e-6)
        window.leave()
        arrived.append(now if early else now + answer)
        now += answer
        window.answered(now)
    for first, last in zip(arrived, arrived[quota:], strict=False):
        assert last - first >= WINDOW_S * (1 - 1e-9)


def test_a_burst_leaves_at_once_and_then_the_pace_holds() -> None:
    """As many as the quota leave without waiting; the next one when the first falls out of the window."""
    window = Window(3)
    for second in range(3):
        assert window.wait(second) == 0
        window.leave()
        window.answered(second)
    assert window.wait(10) == pytest.approx(50)
    assert window.wait(60) == 0


def test_a_call_under_way_holds_its_place_until_it_is_answered() -> None:
    """With every place under way there is nothing to wait for but an answer."""
    window = Window(1)
    window.leave()
    assert window.wait(1000) == float("inf")
    window.answered(1000)
    assert window.wait(1000) == pytest.approx(60)


def test_a_place_that_is_given_back_is_one_place() -> None:
    """What was never sent leaves the window as it was before."""
    window = Window(1)
    window.leave()
    window.given_back()
    assert window.wait(0.0) == 0
    window.leave()
    assert window.wait(0.0) == float("inf")


def test_a_429_lowers_the_limit_to_what_got_through_for_a_minute() -> None:
    """The window was full, so what was ours is used, less a third; a minute later all of it has fallen out."""
    window = Window(100)
    for _ in range(31):
        window.leave()
    for _ in range(30):
        window.answered(1.0)
    window.refused(1.0)
    assert window.limit == 20
    assert window.wait(2.0) == pytest.approx(59)
    window.wait(61.0)
    assert window.limit == 100


def test_a_minute_after_a_429_all_places_are_there_again() -> None:
    """Those that were under way when it came are answered later, and keep nobody waiting for longer than that."""
    window = Window(100)
    for _ in range(4):
        window.leave()
    window.answered(1.0)
    window.answered(1.0)
    window.refused(1.0)
    window.answered(20.0)
    assert window.wait(30.0) == pytest.approx(31)
    assert window.wait(61.0) == 0


@pytest.mark.parametrize(("second", "over"), [(30.0, 60.0), (60.0, 120.0)])
def test_a_429_counts_for_a_minute_of_its_own(second: float, over: float) -> None:
    """Unless it comes within the minute of an earlier one: then both tell of the same full window."""
    window = Window(300)
    for now in (0.0, second):
        window.leave()
        window.refused(now)
    window.leave()
    window.answered(over - 1)
    assert window.wait(over - 1) == pytest.approx(1)


def test_where_nothing_of_ours_gets_through_one_does() -> None:
    """Of a large quota that others use up, too: the limit is never lower than one call, nor is it higher then."""
    window = Window(300)
    window.leave()
    window.refused(5.0)
    assert window.wait(5.0 + PAUSE_S) == 0
    window.leave()
    window.answered(5.0 + PAUSE_S)
    assert window.wait(5.0 + PAUSE_S) == pytest.approx(60 - PAUSE_S)


def test_after_a_429_fewer_are_under_way_at_once() -> None:
    """What is on its way when the window is full is refused, so only one is, of a quota of 100."""
    window = Window(100)
    window.leave()
    assert window.wait(0.0) == 0
    window.refused(0.0)
    assert window.wait(100.0) == 0
    window.leave()
    assert window.wait(100.0) == float("inf")


def leaving(window: Window, now: float) -> int:
    """How many more calls may leave before one is answered."""
    for count in range(window.quota):
        if window.wait(now) > 0:
            return count
        window.leave()
    return window.quota


@pytest.mark.parametrize(("quota", "usually", "shared"), [(50, 4, 1), (1000, 40, 10)])
def test_a_quota_is_used_up_in_seconds_and_shared_with_others(quota: int, usually: int, shared: int) -> None:
    """A few calls are under way at once, and for minutes after a 429 a quarter of them: whatever is, may be refused."""
    assert leaving(Window(quota), 0.0) == usually
    window = Window(quota)
    window.leave()
    window.refused(0.0)
    assert leaving(window, 200.0) == shared
    assert leaving(window, 400.0) == usually - shared


def share_a_quota(starts: list[float], each: int) -> tuple[float, int, list[float]]:
    """Machines that begin at `starts` and make `each` calls, of 50 ms, on one quota of 100.

    Returns when the last call was let through, how many calls were refused, and when each machine was done.
    """
    windows = [Window(100) for _ in starts]
    left = [each for _ in starts]
    over = [0.0 for _ in starts]
    admitted: list[float] = []
    under_way: list[tuple[float, int, bool]] = []
    refused, tick = 0, 0
    while any(left):
        now, tick = tick / 100, tick + 1
        for call in [call for call in under_way if call[0] <= now]:
            under_way.remove(call)
            (windows[call[1]].answered if call[2] else windows[call[1]].refused)(now)
        for number, window in enumerate(windows):
            flying = sum(call[1] == number for call in under_way)
            while now >= starts[number] and left[number] > flying and window.wait(now) <= 0:
                window.leave()
                flying += 1
                through = sum(at > now - WINDOW_S for at in admitted[-100:]) < 100
                under_way.append((now + 0.05, number, through))
                if through:
                    admitted.append(now)
                    left[number] -= 1
                    flying -= 1
                    over[number] = now
                else:
                    refused += 1
    return admitted[-1], refused, over


@pytest.mark.parametrize("starts", [[0.0, 0.0, 0.0], [0.0, 0.4, 0.9], [0.0, 1.0, 3.0]])
def test_three_machines_share_a_quota(starts: list[float]) -> None:
    """Three machines with 120 calls each use the quota well, and few of their calls are refused."""
    took, refused, _ = share_a_quota(starts, 120)
    assert took <= 180 / 0.9
    # One query for each audio at least comes on top, so that this is less than 5 % of all calls.
    assert refused <= 0.05 * 2 * 360


def test_a_429_with_nothing_through_stays_away_for_a_moment() -> None:
    """Where the others have all of the quota, the next try comes after a pause, and after longer ones up to a limit."""
    window = Window(100)
    window.leave()
    window.refused(5.0)
    assert window.wait(5.0) == 5
    assert window.wait(10.0) == 0
    pauses = []
    for now in (10.0, 20.0, 40.0, 80.0):
        window.leave()
        window.refused(now)
        pauses.append(window.wait(now))
    assert pauses == [10, 20, 30, 30]


def test_who_waits_is_told_once_and_gets_the_next_place() -> None:
    """A caller without a place hears of it, and leaves as soon as one is free; one with a place hears of nothing."""
    clock = Clock()
    quota = Quota(1, clock)
    told: list[float] = []
    for begun in (0.0, 0.0, 119.5):
        clock.now = max(clock.now, START + begun)
        quota.enter(FakeDeadline(clock), lambda: told.append(clock.now - START))
        quota.answered()
    assert told == [0.0, 119.5]
    assert clock.now - START == pytest.approx(120)


def test_who_is_stopped_takes_no_place() -> None:
    """Not even one that is free: what is not to be sent any more must not keep others waiting."""
    clock, stop = Clock(), Stop()
    quota = Quota(1, clock)
    stop()
    with pytest.raises(StoppedError):
        quota.enter(Deadline(stop=stop, clock=clock))
    quota.enter(FakeDeadline(clock), lambda: pytest.fail("somebody has the place"))


def test_who_gives_up_leaves_no_place_behind() -> None:
    """A deadline or a stop while waiting gives the place in the queue back."""
    clock = Clock()
    quota = Quota(1, clock)
    quota.enter(FakeDeadline(clock))
    quota.answered()
    with pytest.raises(DeadlineError):
        quota.enter(FakeDeadline(clock, seconds=5))
    stop = Stop()
    stop()
    with pytest.raises(StoppedError):
        quota.enter(Deadline(stop=stop, clock=clock))
    clock.now += 60
    quota.enter(FakeDeadline(clock, seconds=1))


class SharedTime:
    """Time for real threads: it passes only once each of them waits, and then up to the first that is due.

    A thread that waits for a wake-up without end, while nobody is left who could give it, is `stuck`: all threads are
    let go then, instead of hanging the test.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self.stuck = False
        self._changed = threading.Condition()
        self._running = 0
        self._waiting: dict[int, tuple[float, threading.Event]] = {}

    def __call__(self) -> float:
        return self.now

    def run(self, *works: Callable[[Deadline], None]) -> None:
        """Run all of these at once, each in a thread of its own, to their ends."""
        self._running = len(works)
        threads = [threading.Thread(target=self._run, args=(work,), daemon=True) for work in works]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
            assert not thread.is_alive()

    def _run(self, work: Callable[[Deadline], None]) -> None:
        try:
            work(ThreadDeadline(self))
        finally:
            with self._changed:
                self._running -= 1
                self._go_on()

    def wait(self, event: threading.Event, until: float) -> None:
        """Until the event is set or that time has come."""
        with self._changed:
            self._waiting[threading.get_ident()] = (until, event)
            self._go_on()
            while not event.is_set() and self.now < until and not self.stuck:
                self._changed.wait()
            del self._waiting[threading.get_ident()]

    def _go_on(self) -> None:
        """Wake who was woken; where all wait and nobody was, let time pass."""
        if len(self._waiting) < self._running:
            return
        if self._waiting and not any(event.is_set() or until <= self.now for until, event in self._waiting.values()):
            first = min(until for until, _ in self._waiting.values())
            self.stuck = first == float("inf")
            self.now = self.now if self.stuck else first
        self._changed.notify_all()


class ThreadDeadline(Deadline):
    """Waits in shared time."""

    def __init__(self, time: SharedTime, seconds: float = float("inf")) -> None:
        super().__init__(seconds, clock=time)
        self._time = time

    def pause(self, event: threading.Event, seconds: float = float("inf")) -> None:
        self.check()
        self._time.wait(event, self._time.now + min(seconds, self.left))
        if self._time.stuck:
            raise AssertionError("nobody would ever wake this thread")
        self.check()


@pytest.mark.parametrize("end", ["answered", "given_back", "refused"])
@pytest.mark.parametrize("per_minute", [1, 3, 100])
def test_every_thread_is_woken_for_its_place(per_minute: int, end: str) -> None:
    """With real threads, whatever becomes of the calls: nobody waits for ever, nor longer than the quota makes them."""
    time = SharedTime()
    quota, left, lock = Quota(per_minute, time), list[float](), threading.Lock()
    threads = min(3 * per_minute, 40)

    def work(deadline: Deadline) -> None:
        quota.enter(deadline)
        with lock:
            left.append(time.now)
        deadline.sleep(0.25)
        # The first ones end in that way, so that there are some who wait for them.
        getattr(quota, end if left[0] == time.now - 0.25 else "answered")()

    time.run(*[work] * threads)
    assert not time.stuck
    assert len(left) == threads
    windows = (threads - 1) // per_minute
    # Of 100 a minute, no more than four are under way at once; of a few, all that have a place leave together.
    together = 0.25 * threads / 4 if per_minute > 4 else 0.0
    slack = {"answered": 0.0, "given_back": 0.25, "refused": 2 * WINDOW_S + PAUSE_S}[end]
    assert max(left) <= windows * (WINDOW_S + 0.25) + together + slack + 0.01


def test_who_gives_up_wakes_who_is_next() -> None:
    """The first in the queue reaches its deadline; the one behind it gets the place all the same, when that is free."""
    time = SharedTime()
    quota, left = Quota(1, time), dict[str, float]()

    def holds(deadline: Deadline) -> None:
        quota.enter(deadline)
        deadline.sleep(30)
        quota.answered()

    def gives_up(deadline: Deadline) -> None:
        deadline.sleep(1)
        with pytest.raises(DeadlineError):
            quota.enter(ThreadDeadline(time, seconds=5))
        left["gave up"] = time.now

    def is_next(deadline: Deadline) -> None:
        deadline.sleep(2)
        quota.enter(deadline)
        left["next"] = time.now
        quota.answered()

    time.run(holds, gives_up, is_next)
    assert not time.stuck
    assert left == {"gave up": 6.0, "next": 90.0}
