"""Who is asked about, and when."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from vod_provider.vod.assets import Asset
from vod_provider.vod.deadline import Deadline, Stop
from vod_provider.vod.errors import LostAnswerError, StoppedError, VodError
from vod_provider.vod.pacing.poller import LONGEST_S, SHORTEST_S, Poller, Schedule, interval


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
    """Young audios every second, old ones more seldom, and all no more often than the share allows."""
    assert interval(1, 1, 12.5) == SHORTEST_S
    assert interval(1000, 1, 12.5) == LONGEST_S
    assert interval(1, 1000, 12.5) == pytest.approx(8)


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


def test_polling_stays_within_its_share() -> None:
    """However many wait, no more calls leave within 60 s than the share."""
    schedule = Schedule(5)
    for number in range(200):
        schedule.watch(f"w{number}", 0.0, lambda _: None)
    calls, now = 0, 0.0
    while now < 59:
        ids = schedule.due(now)
        if ids:
            calls += 1
            tell(schedule, {asset_id: pending(asset_id) for asset_id in ids}, now)
        now += 0.1
    assert calls == 5


def test_after_some_were_done_others_are_not_asked_about_too_early() -> None:
    """When ten took ten seconds each, the next is first asked about at about nine."""
    schedule = Schedule(750)
    for number in range(10):
        schedule.watch(f"w{number}", 0.0, lambda _: None)
    assert len(schedule.due(10.0)) == 10
    tell(schedule, {f"w{number}": ready(f"w{number}") for number in range(10)}, 10.0)
    schedule.watch("new", 100.0, lambda _: None)
    assert schedule.due(108.0) == []
    assert schedule.due(109.1) == ["new"]


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

    with ThreadPoolExecutor(1) as pool, pytest.raises(ZeroDivisionError):
        Poller(show, 750, pool).look("a", Deadline(20))


def test_a_stop_ends_the_waiting() -> None:
    """Whoever waits when the stop comes is let go."""
    stop = Stop()
    stop()
    with ThreadPoolExecutor(1) as pool, pytest.raises(StoppedError):
        Poller(lambda ids, _: {one: pending(one) for one in ids}, 750, pool).wait("a", Deadline(stop=stop))
