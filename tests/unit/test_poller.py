"""Who is asked about, and when."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from queue import Queue
from typing import Any

import pytest

from tests.unit.fakes import START, Clock
from vod_provider.vod.assets import Asset, Outcome
from vod_provider.vod.deadline import Deadline, Stop
from vod_provider.vod.errors import DeadlineError, LostAnswerError, StoppedError, VodError
from vod_provider.vod.pacing import event_timing
from vod_provider.vod.pacing import poller as of_poller
from vod_provider.vod.pacing.batch_timing import QUIET_S
from vod_provider.vod.pacing.poller import CALLS_AT_ONCE, LONGEST_S, SHORTEST_S, Poller, Schedule, interval


def pending(asset_id: str) -> Asset:
    return Asset(asset_id, "CREATING")


def ready(asset_id: str) -> Asset:
    return Asset(asset_id, "CREATED")


def tell(schedule: Schedule, answers: dict[str, Asset | VodError], now: float) -> None:
    schedule.called(now)
    for asset_id, answer in answers.items():
        for one in schedule.told(asset_id, answer, now):
            one()


def test_the_interval_grows_with_age_and_with_the_load() -> None:
    """Young audios every second, old ones every three, at least, and all no more often than the share allows."""
    assert interval(1, 1, 12.5, 0.0, LONGEST_S) == SHORTEST_S
    assert interval(20, 1, 12.5, 0.0, LONGEST_S) == 2
    assert 2 < interval(1000, 1, 12.5, 0.0, LONGEST_S) <= 3
    assert interval(1, 1000, 12.5, 0.0, LONGEST_S) == pytest.approx(8)
    assert interval(1, 1, 12.5, 30.0, LONGEST_S) == 30
    assert interval(1000, 1, 12.5, 0.0, 0.5) == 0.5


def test_who_waits_is_asked_about_until_it_is_done() -> None:
    """A pending answer is reported and asked for again; the end is given to everybody who waits."""
    schedule, seen = Schedule(750), list[str]()
    one = schedule.watch("a", 0.0, lambda asset: seen.append(asset.status))
    other = schedule.watch("a", 0.0, lambda _: None)
    assert schedule.due(0.5) == []
    assert schedule.due(1.0) == ["a"]
    tell(schedule, {"a": pending("a")}, 1.1)
    assert seen == ["CREATING"]
    assert not one.done()
    assert schedule.due(2.2) == ["a"]
    tell(schedule, {"a": ready("a")}, 2.3)
    assert one.result() == other.result() == ready("a")
    assert schedule.sleep(3.0) == float("inf")


def test_ids_go_in_tens_and_free_places_to_who_would_be_next() -> None:
    """With one id due, nine others ride along in the same call."""
    schedule = Schedule(750)
    schedule.watch("first", 0.0, lambda _: None)
    for number in range(20):
        schedule.watch(f"later{number}", 0.5, lambda _: None)
    ids = schedule.due(1.0)
    assert len(ids) == 10
    assert ids[0] == "first"


def test_who_looks_comes_before_who_waits() -> None:
    """A look leaves with its call even if ten others are due."""
    schedule = Schedule(750)
    for number in range(15):
        schedule.watch(f"w{number}", 0.0, lambda _: None)
    schedule.look("looked", 0.9)
    assert "looked" in schedule.due(2.0)


def test_ten_looks_leave_at_once() -> None:
    """A full call does not wait for its moment."""
    schedule = Schedule(750)
    for number in range(10):
        schedule.look(f"l{number}", 0.0)
    assert len(schedule.due(0.0)) == 10


def test_many_who_look_at_one_asset_wait_for_no_one_else() -> None:
    """As when a thousand audios of one video are declared: who asks about it too fills no place, and delays no call.

    But they do not come alone either: a call goes on to wait for others, however many leave with one id.
    """
    schedule, calls, at = Schedule(750), list[float](), 0.0
    answered: list[Future[Asset]] = []
    for number in range(200):
        at = number * 0.02
        for _ in schedule.due(at):
            calls.append(at)
            tell(schedule, {"source": ready("source")}, at)
        answered.append(schedule.look("source", at))
    assert calls == pytest.approx([QUIET_S * (it + 1) for it in range(7)], abs=0.021)
    assert all(it.done() for it in answered[:175])


def test_polling_stays_within_its_share() -> None:
    """However many wait, no more calls leave within 60 s than the share."""
    schedule = Schedule(5)
    for number in range(200):
        schedule.watch(f"w{number}", 0.0, lambda _: None)
    calls, now = list[float](), 0.0
    while not calls or now < calls[0] + 59.9:
        ids = schedule.due(now)
        if ids:
            calls.append(now)
            tell(schedule, {asset_id: pending(asset_id) for asset_id in ids}, now)
        now += 0.1
    assert len(calls) == 5
    assert schedule.sleep(now) == pytest.approx(calls[0] + 60 - now)


def test_many_who_wait_are_asked_about_more_seldom() -> None:
    """Thirty in tens take three seconds of a share of one call in a second."""
    schedule = Schedule(60)
    for number in range(30):
        schedule.watch(f"w{number}", 0.0, lambda _: None)
    for _ in range(3):
        tell(schedule, {asset_id: pending(asset_id) for asset_id in schedule.due(1.0)}, 1.0)
    assert schedule.sleep(1.0) == pytest.approx(3)


@pytest.mark.parametrize(("done", "first"), [(4, 1.0), (5, 9.0), (10, 9.0)])
def test_after_some_were_done_others_are_not_asked_about_too_early(done: int, first: float) -> None:
    """When five or more took ten seconds each, the next is first asked about at about nine."""
    schedule = Schedule(750)
    for number in range(done):
        schedule.watch(f"w{number}", 0.0, lambda _: None)
    assert len(schedule.due(10.0)) == done
    tell(schedule, {f"w{number}": ready(f"w{number}") for number in range(done)}, 10.0)
    schedule.watch("new", 100.0, lambda _: None)
    assert schedule.due(99.9 + first) == []
    assert schedule.due(100.1 + first) == ["new"]


def test_an_error_reaches_everybody_and_nobody_is_left() -> None:
    """Whoever looks or waits hears of a call that failed."""
    schedule = Schedule(750)
    looking = schedule.look("a", 0.0)
    waiting = schedule.watch("a", 0.0, lambda _: None)
    assert schedule.due(5.0) == ["a"]
    tell(schedule, {"a": LostAnswerError("x", "y")}, 5.0)
    for future in (looking, waiting):
        assert isinstance(future.exception(), LostAnswerError)
    assert schedule.due(100.0) == []


def test_who_stops_waiting_is_asked_about_no_more() -> None:
    """A forgotten asset costs no call, not even where it was being asked about."""
    schedule = Schedule(750)
    future = schedule.watch("a", 0.0, lambda _: None)
    schedule.forget("a", future)
    assert schedule.due(100.0) == []
    future = schedule.watch("b", 0.0, lambda _: None)
    assert schedule.due(100.0) == ["b"]
    schedule.forget("b", future)
    tell(schedule, {"b": pending("b")}, 100.0)
    assert schedule.due(1000.0) == []


def test_one_of_many_who_stops_waiting_harms_no_other() -> None:
    """Whoever still waits for the asset, or looks at it, gets the answer, and when it was to be asked about."""
    schedule = Schedule(750)
    one, other = (schedule.watch("a", 0.0, lambda _: None) for _ in range(2))
    schedule.forget("a", one)
    assert schedule.due(1.0) == ["a"]
    tell(schedule, {"a": ready("a")}, 1.0)
    assert (one.done(), other.result()) == (False, ready("a"))
    schedule = Schedule(750)
    waits, looks = schedule.watch("a", 0.0, lambda _: None), schedule.look("a", 0.0)
    schedule.forget("a", waits)
    assert schedule.due(QUIET_S) == ["a"]
    tell(schedule, {"a": pending("a")}, QUIET_S)
    assert (waits.done(), looks.result()) == (False, pending("a"))
    assert schedule.sleep(QUIET_S) == float("inf")


def test_who_stops_looking_is_asked_about_no_more() -> None:
    """Or, where somebody else waits, when that is due; and whoever had the answer already may stop as well."""
    schedule = Schedule(750)
    looks = schedule.look("a", 0.0)
    schedule.forget("a", looks)
    assert schedule.sleep(0.0) == float("inf")
    assert schedule.due(100.0) == []
    waits, looks = schedule.watch("a", 100.0, lambda _: None), schedule.look("a", 100.0)
    schedule.forget("a", looks)
    assert schedule.due(100.0 + QUIET_S) == []
    assert schedule.due(100.0 + SHORTEST_S) == ["a"]
    tell(schedule, {"a": ready("a")}, 101.0)
    assert (looks.done(), waits.result()) == (False, ready("a"))
    schedule.forget("a", waits)


class Resting(threading.Condition):
    """Says in `rests` for how long the poller's thread rests, and how many of its calls are under way then.

    Whoever gets its lock after that finds the thread resting.
    """

    def __init__(self, poller: Poller) -> None:
        super().__init__()
        self._poller, self.rests = poller, Queue[tuple[float, int]]()
        poller._changed = self

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        self.rests.put((timeout, self._poller._under_way))
        return super().wait(timeout)

    def until(self, under_way: int) -> float:
        """For how long it rests next with so many calls under way."""
        while (rest := self.rests.get(timeout=20))[1] != under_way:
            pass
        return rest[0]


def test_who_comes_while_it_rests_wakes_it() -> None:
    """With nobody who waits it rests without end, in a thread that keeps no process from ending."""
    answers = Answers((NEVER, ready("a")))
    with polling(answers) as poller:
        resting = Resting(poller)
        for _ in range(2):
            assert poller.looking("a").result(20) == ready("a")
            assert resting.until(0) == threading.TIMEOUT_MAX
        poller.watching("a")
        assert resting.until(0) == SHORTEST_S
        assert poller._thread is not None
        assert poller._thread.daemon


def test_an_event_wakes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where somebody listens, it rests for longer; an event makes it ask at once. Each call gives its place back."""
    monkeypatch.setattr(event_timing, "UNPROVEN_S", 600.0)
    monkeypatch.setattr(event_timing, "PROVEN_S", 600.0)
    monkeypatch.setattr(of_poller, "TOLD_S", 0.0)
    clock = Clock()
    with ThreadPoolExecutor(1) as pool:
        poller = Poller(lambda ids, _: {it: ready(it) for it in ids}, 100, pool, clock=clock)
        resting = Resting(poller)
        poller.listen()
        for number in range(6):
            future = poller.watching(str(number))
            while resting.until(0) != 600:
                pass
            poller.hurry(str(number))
            assert future.result(20) == ready(str(number))


def test_few_calls_are_under_way_at_once() -> None:
    """The next one leaves as soon as one of them is answered; until then the poller rests."""
    goes_on, asked = threading.Semaphore(0), Queue[int]()

    def show(ids: Sequence[str], _: Deadline) -> dict[str, Asset]:
        asked.put(len(ids))
        assert goes_on.acquire(timeout=20)
        return {it: ready(it) for it in ids}

    calls = CALLS_AT_ONCE + 2
    with ThreadPoolExecutor(calls) as pool:
        poller = Poller(show, 60_000, pool, clock=Clock())
        resting = Resting(poller)
        looks = [poller.looking(str(number)) for number in range(10 * calls)]
        assert resting.until(CALLS_AT_ONCE) == threading.TIMEOUT_MAX
        assert [asked.get(timeout=20) for _ in range(CALLS_AT_ONCE)] == [10] * CALLS_AT_ONCE
        goes_on.release()
        assert asked.get(timeout=20) == 10
        assert resting.until(CALLS_AT_ONCE) == threading.TIMEOUT_MAX
        assert asked.empty()
        goes_on.release(calls)
        assert [it.result(20).id for it in looks] == [str(number) for number in range(10 * calls)]


def test_the_thread_asks_and_answers() -> None:
    """A poller with real threads gives the answer of one call to all who look."""
    asked: list[list[str]] = []

    def show(ids: Sequence[str], _: Deadline) -> dict[str, Asset]:
        asked.append(sorted(ids))
        return {asset_id: ready(asset_id) for asset_id in ids}

    with ThreadPoolExecutor(12) as pool:
        poller = Poller(show, 750, pool)
        looks: list[Future[Asset]] = [pool.submit(poller.look, f"a{number}", Deadline(20)) for number in range(10)]
        assert {look.result(20).id for look in looks} == {f"a{number}" for number in range(10)}
    assert sum(len(ids) for ids in asked) == 10


def test_a_mistake_in_asking_hangs_nobody() -> None:
    """Even an error that nobody foresaw reaches who waits."""

    def show(_: Sequence[str], __: Deadline) -> dict[str, Asset]:
        raise ZeroDivisionError

    with ThreadPoolExecutor(1) as pool:
        poller = Poller(show, 750, pool)
        looks = [poller.looking(f"a{number}") for number in range(10)]  # a full call, which leaves at once
        for look in looks:
            with pytest.raises(ZeroDivisionError):
                look.result(20)


def test_a_stop_ends_the_waiting() -> None:
    """Whoever waits when the stop comes is let go."""
    stop = Stop()
    stop()
    with ThreadPoolExecutor(1) as pool:
        poller = Poller(lambda ids, _: {one: pending(one) for one in ids}, 750, pool)
        with pytest.raises(StoppedError):
            poller.wait("a", Deadline(stop=stop))
        assert poller._schedule.sleep(0.0) == float("inf"), "nobody waits any more"


# -- absence is believed slowly ----------------------------------------------------------------------------------


def absent(asset_id: str) -> Asset:
    return Asset.gone(asset_id)


def waited(schedule: Schedule, future: Future[Asset], answer: Callable[[float], Asset], until: float) -> float:
    """When the wait was over that began at 0, asked whenever it is due; infinite if it was not by then."""
    now = 0.0
    while now < until:
        if schedule.due(now):
            tell(schedule, {"a": answer(now)}, now)
            if future.done():
                return now
        now += 0.1
    return float("inf")


def test_an_audio_that_vod_has_just_accepted_is_not_gone_within_a_minute() -> None:
    """However often it is absent, and whatever it is absent by."""
    schedule = Schedule(750)
    future = schedule.watch("a", 0.0, lambda _: None, new=True)
    assert 60 <= waited(schedule, future, lambda _: absent("a"), 100) < 65
    assert future.result().outcome is Outcome.GONE


def test_an_audio_that_shows_up_late_is_waited_for() -> None:
    """Absent for 20 s after it was accepted, then being made, then ready: as if nothing had been."""
    schedule, seen = Schedule(750), list[str]()
    future = schedule.watch("a", 0.0, lambda asset: seen.append(asset.status), new=True)
    answers = [(20.0, absent("a")), (30.0, pending("a")), (float("inf"), ready("a"))]
    assert 30 <= waited(schedule, future, lambda now: next(one for end, one in answers if now < end), 100) < 34
    assert future.result() == ready("a")
    assert set(seen) == {"CREATING"}, "an absence that is not proven is nothing to be written down"


def test_an_audio_that_was_there_is_gone_after_some_answers_over_some_time() -> None:
    """Four over 15 s; one that has it in between begins anew."""
    schedule = Schedule(750)
    future = schedule.watch("a", 0.0, lambda _: None)
    assert 15 <= waited(schedule, future, lambda _: absent("a"), 100) < 20
    schedule = Schedule(750)
    future = schedule.watch("a", 0.0, lambda _: None)
    blinking = lambda now: pending("a") if 9 < now < 14 else absent("a")  # noqa: E731
    assert 29 <= waited(schedule, future, blinking, 100) < 36


def test_what_is_absent_is_asked_about_without_an_event() -> None:
    """Where events are relied on, audios are asked about seldom; no event tells of one that is not there."""
    schedule = Schedule(750)
    schedule.event_timing.begin()
    schedule.event_timing.came("other", awaited=True)
    future = schedule.watch("a", 0.0, lambda _: None)
    assert waited(schedule, future, lambda _: absent("a"), 200) < 30 + 20


class Answers:
    """VOD's answers about one asset, by the time since the beginning; its time passes as somebody waits."""

    def __init__(self, *answers: tuple[float, Asset]) -> None:
        self.clock = Clock()
        self.asked: list[float] = []
        self._answers = answers

    def __call__(self, ids: Sequence[str], _: Deadline) -> dict[str, Asset]:
        since = self.clock.now - START
        self.asked.append(since)
        return {asset_id: next(asset for end, asset in self._answers if since < end) for asset_id in ids}


class Passing(Deadline):
    """Sleeps by moving the clock on; waits for answers in real time."""

    def __init__(self, clock: Clock, seconds: float = 600) -> None:
        super().__init__(seconds, clock=clock)
        self._fake = clock

    def sleep(self, seconds: float) -> None:
        self._fake.now += min(seconds, self.left)
        self.check()


@contextmanager
def polling(answers: Answers, **more: Any) -> Iterator[Poller]:
    """A poller with real threads, which asks at once."""
    with ThreadPoolExecutor(2) as pool:
        poller = Poller(answers, 60_000, pool, clock=answers.clock, **more)
        poller._schedule._batch_timing.until = lambda first: first  # type: ignore[method-assign]
        yield poller


NEVER = float("inf")


def test_a_look_believes_an_absence_after_four_answers_over_15_s() -> None:
    """One empty answer must not take an audio out of the state."""
    answers = Answers((NEVER, absent("a")))
    with polling(answers) as poller:
        assert poller.look("a", Passing(answers.clock)).outcome is Outcome.GONE
    assert answers.asked == [0, 5, 10, 15]


def test_a_look_sees_what_was_absent_once() -> None:
    """The second answer has it."""
    answers = Answers((3, absent("a")), (NEVER, ready("a")))
    with polling(answers) as poller:
        assert poller.look("a", Passing(answers.clock)) == ready("a")
    assert answers.asked == [0, 5]


def test_a_look_without_the_time_to_prove_an_absence_proves_none() -> None:
    """The deadline comes first, and that is an error."""
    answers = Answers((NEVER, absent("a")))
    with polling(answers) as poller, pytest.raises(DeadlineError):
        poller.look("a", Passing(answers.clock, 12))


def test_a_glance_is_one_answer() -> None:
    """Whatever it says."""
    answers = Answers((NEVER, absent("a")))
    with polling(answers) as poller:
        assert poller.glance("a", Passing(answers.clock)).outcome is Outcome.GONE
    assert answers.asked == [0]


def test_the_whole_table_shrinks_with_the_setting() -> None:
    """`vod:timeouts.absence` of 6 s is a tenth of everything."""
    answers = Answers((NEVER, absent("a")))
    with polling(answers, absence_s=6.0) as poller:
        poller.look("a", Passing(answers.clock))
    assert answers.asked == [pytest.approx(one) for one in (0, 0.5, 1, 1.5)]
    schedule = Schedule(750, absence_s=6.0)
    future = schedule.watch("a", 0.0, lambda _: None, new=True)
    assert 6 <= waited(schedule, future, lambda _: absent("a"), 100) < 7.5


def test_a_look_that_holds_no_thread_believes_an_absence_as_slowly() -> None:
    """It goes on asking until the absence is proven, or an answer has the asset, pending or not."""
    schedule = Schedule(60_000)
    gone, pending_later = schedule.look("a", 0.0, sure=True), schedule.look("b", 0.0, sure=True)
    once = schedule.look("a", 0.0)
    tell(schedule, dict.fromkeys(schedule.due(1.0), absent("a")), 1.0)
    assert once.result().outcome is Outcome.GONE
    assert not gone.done()
    assert not pending_later.done()
    asked = []
    for tenth in range(10, 300):
        now = tenth / 10
        if ids := schedule.due(now):
            asked.append(now)
            tell(schedule, {one: absent(one) if one == "a" else pending(one) for one in ids}, now)
    assert gone.result().outcome is Outcome.GONE
    assert pending_later.result() == pending("b")
    assert len(asked) >= 3
    assert asked[-1] >= 16
    assert schedule.sleep(300.0) == float("inf")
