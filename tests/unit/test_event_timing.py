"""What events change in who is asked about, and when."""

from __future__ import annotations

import pytest

from tests.unit.test_poller import pending, ready, tell
from vod_provider.vod.pacing.event_timing import EARLY, LATE_S, MISSED, PROVEN_S, UNPROVEN_S, EventTiming
from vod_provider.vod.pacing.poller import LONGEST_S, SHORTEST_S, TOLD_S, Schedule


def listening(gave_up: list[str] | None = None) -> Schedule:
    schedule = Schedule(750, lambda: (gave_up if gave_up is not None else []).append("gave up"))
    schedule.event_timing.begin()
    return schedule


def watch(schedule: Schedule, asset_id: str, now: float) -> None:
    schedule.watch(asset_id, now, lambda _: None)


def prove(schedule: Schedule, now: float) -> None:
    """Have one event come for an audio that is waited for, and see that it is done."""
    watch(schedule, "proof", now)
    schedule.hurry("proof", now)
    ids = schedule.due(now + TOLD_S)
    assert "proof" in ids
    tell(schedule, {one: ready(one) if one == "proof" else pending(one) for one in ids}, now + TOLD_S)


def test_an_event_is_followed_by_a_look_at_once() -> None:
    """Who is announced is asked about in a tenth of a second, together with all who are announced meanwhile."""
    schedule = listening()
    for number in range(9):
        watch(schedule, f"a{number}", 0.0)
    for number in range(9):
        schedule.hurry(f"a{number}", 1.0 + number / 100)
    assert schedule.sleep(1.0) == pytest.approx(TOLD_S)
    assert sorted(schedule.due(1.0 + TOLD_S)) == [f"a{number}" for number in range(9)]


def test_polling_slows_down_once_events_come() -> None:
    """Until the first event every 5 s, then every 30 s; without anybody who listens as ever."""
    schedule = listening()
    watch(schedule, "first", 0.0)
    assert schedule.sleep(0.0) == UNPROVEN_S
    tell_pending(schedule, UNPROVEN_S)
    assert schedule.sleep(UNPROVEN_S) == UNPROVEN_S
    prove(schedule, 6.0)
    assert schedule.sleep(6.0 + TOLD_S) == PROVEN_S
    deaf = Schedule(750)
    watch(deaf, "first", 0.0)
    assert deaf.sleep(0.0) == SHORTEST_S


def tell_pending(schedule: Schedule, now: float) -> None:
    ids = schedule.due(now)
    assert ids
    tell(schedule, {asset_id: pending(asset_id) for asset_id in ids}, now)


def test_an_event_before_the_wait_is_remembered() -> None:
    """An extraction that is over before its id is known here is asked about as soon as it is."""
    schedule = listening()
    schedule.hurry("quick", 0.0)
    watch(schedule, "quick", 0.1)
    assert schedule.due(0.1) == ["quick"]


def test_an_event_while_vod_is_being_asked_is_not_lost() -> None:
    """The answer under way may be older than the event: VOD is asked once more, at once."""
    schedule = listening()
    watch(schedule, "a", 0.0)
    assert schedule.due(UNPROVEN_S) == ["a"]
    schedule.hurry("a", UNPROVEN_S + 0.01)
    tell(schedule, {"a": pending("a")}, UNPROVEN_S + 0.02)
    assert schedule.sleep(UNPROVEN_S + 0.02) == pytest.approx(TOLD_S)
    assert schedule.due(UNPROVEN_S + 0.2) == ["a"]
    tell(schedule, {"a": pending("a")}, UNPROVEN_S + 0.3)
    assert SHORTEST_S <= schedule.sleep(UNPROVEN_S + 0.3) <= LONGEST_S


def test_its_times_are_those_of_the_documentation() -> None:
    """Every 5 s until the first event, every 30 s then; as ever after three that are later than ten seconds."""
    event_timing = EventTiming()
    event_timing.begin()
    assert event_timing.at_least() == 5
    event_timing.came("a", awaited=True)
    assert event_timing.at_least() == 30
    event_timing.found("b", 0.0)
    event_timing.found("c", 0.0)
    assert not event_timing.gives_up(100.0)
    event_timing.found("d", 0.0)
    assert [event_timing.gives_up(now) for now in (10.0, 10.1)] == [False, True]


def test_foreign_events_do_nothing() -> None:
    """An event for an audio that nobody waits for makes nobody ask, and does not show that ours would come."""
    schedule = listening()
    watch(schedule, "mine", 0.0)
    for number in range(EARLY + 5):
        schedule.hurry(f"foreign{number}", 0.0)
    assert schedule.due(TOLD_S) == []
    assert schedule.sleep(0.0) == UNPROVEN_S
    assert [schedule.event_timing.came_early(f"foreign{it}") for it in (0, 4, 5, EARLY)] == [False, False, True, True]


def test_who_is_not_announced_is_asked_about_as_ever() -> None:
    """Three audios that were done without an event are enough: polling as before, said once, until an event comes."""
    said = list[str]()
    schedule = listening(said)
    for number in range(MISSED):
        watch(schedule, f"a{number}", 0.0)
    tell(schedule, {asset_id: ready(asset_id) for asset_id in schedule.due(UNPROVEN_S)}, UNPROVEN_S)
    assert not said
    watch(schedule, "next", 20.0)
    tell_pending(schedule, 20.0 + UNPROVEN_S)
    assert said == ["gave up"]
    assert schedule.sleep(20.0 + UNPROVEN_S) == SHORTEST_S
    tell_pending(schedule, 20.0 + UNPROVEN_S + SHORTEST_S)
    assert said == ["gave up"]
    schedule.hurry("next", 30.0)
    assert schedule.event_timing.at_least() == PROVEN_S


def test_an_event_that_comes_a_little_later_is_not_missed() -> None:
    """A poll may be quicker than the event of the same audio."""
    event_timing = EventTiming()
    event_timing.begin()
    for number in range(MISSED + 1):
        event_timing.found(f"a{number}", 0.0)
    event_timing.came("a0", awaited=False)
    assert event_timing.gives_up(LATE_S + 1) is False
    assert event_timing.at_least() == PROVEN_S


def test_where_nobody_listens_nothing_is_missed() -> None:
    """However many audios are done without an event."""
    said = list[str]()
    schedule = Schedule(750, lambda: said.append("gave up"))
    for number in range(MISSED):
        watch(schedule, f"a{number}", 0.0)
    tell(schedule, {asset_id: ready(asset_id) for asset_id in schedule.due(SHORTEST_S)}, SHORTEST_S)
    watch(schedule, "next", SHORTEST_S + LATE_S)
    tell_pending(schedule, 2 * SHORTEST_S + LATE_S + 1)
    assert not said
