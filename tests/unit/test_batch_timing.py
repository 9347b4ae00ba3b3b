"""How calls for ten ids fill up: by a clock of the test's own."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from vod_provider.vod.assets import Asset
from vod_provider.vod.deadline import Deadline
from vod_provider.vod.pacing.batch_timing import LONE, LONE_S, QUIET_S, TRY_S, BatchTiming
from vod_provider.vod.pacing.batches import Batches
from vod_provider.vod.pacing.poller import Schedule


def calls_for(arrivals: Sequence[float]) -> list[int]:
    """How many ids each call has that leaves for looks that arrive at these times."""
    schedule = Schedule(15_000)
    calls: list[int] = []
    coming = list(enumerate(arrivals))
    now = 0.0
    while coming or schedule.sleep(now) < float("inf"):
        now = min(coming[0][1] if coming else float("inf"), now + schedule.sleep(now))
        while coming and coming[0][1] <= now:
            schedule.look(str(coming.pop(0)[0]), now)
        while ids := schedule.due(now):
            calls.append(len(ids))
            for asset_id in ids:
                schedule.told(asset_id, Asset(asset_id, "CREATED"), now)
            schedule.called(now)
    return calls


def test_a_call_waits_a_little_for_others() -> None:
    """The first one waits for others: half a second, as the documentation says."""
    batch_timing = BatchTiming()
    batch_timing.came(1.0, joins=False)
    assert batch_timing.until(1.0) == 1.5


def test_a_slow_stream_is_waited_for() -> None:
    """Where others come while one waits, a call waits for three times the longest gap of late."""
    batch_timing = BatchTiming()
    batch_timing.came(1.0, joins=False)
    batch_timing.came(1.4, joins=True)
    batch_timing.came(1.5, joins=True)
    assert batch_timing.until(1.0) == pytest.approx(1.5 + 3 * 0.4)


def test_one_after_the_other_hardly_waits() -> None:
    """Where nobody joins for some calls, the next ones hardly wait, and each tenth tries it again."""
    batch_timing = BatchTiming()
    waits = []
    for number in range(12):
        batch_timing.came(float(number), joins=False)
        waits.append(round(batch_timing.until(float(number)) - number, 3))
        batch_timing.left(1)
    assert waits == [QUIET_S] * LONE + [LONE_S] * 7 + [TRY_S, LONE_S]


def test_what_it_costs_to_come_alone() -> None:
    """Thirty reads one after the other, as from a program that awaits each, wait for seven seconds in all, at most."""
    batch_timing, waited = BatchTiming(), 0.0
    for number in range(30):
        batch_timing.came(float(number), joins=False)
        waited += batch_timing.until(float(number)) - number
        batch_timing.left(1)
    assert waited < 7


def test_one_who_joins_makes_a_stream_of_it() -> None:
    """After a call that somebody joined, others are waited for again, until as many as before come alone."""
    batch_timing, waits = BatchTiming(), list[float]()
    for ids in (1, 1, 1, 1, 2, *[1] * LONE):
        batch_timing.left(ids)
        waits.append(batch_timing.until(0.0))
    assert waits[4:] == [QUIET_S] * LONE + [LONE_S]


def test_what_comes_alone_ends_a_slow_stream() -> None:
    """As long as others join, its gaps count from one call to the next; then the next stream begins as any."""
    batch_timing = BatchTiming()
    batch_timing.came(0.0, joins=False)
    batch_timing.came(1.0, joins=True)
    for ids, quiet in ((2, 3.0), (1, 3.0), (2, 3.0), *[(1, None)] * LONE, (2, QUIET_S)):
        batch_timing.left(ids)
        assert quiet is None or batch_timing.until(1.0) == 1.0 + quiet


def test_nobody_waits_without_end() -> None:
    """However steadily others come, a call leaves after six seconds."""
    batch_timing = BatchTiming()
    batch_timing.came(100.0, joins=True)
    assert batch_timing.until(0.0) == 6


def test_a_stream_that_stalls_fills_its_calls() -> None:
    """A thousand reads whose stream stalls for a third of a second now and then take a hundred calls."""
    arrivals = [number * 0.01 + 0.33 * (number // 37) for number in range(1000)]
    assert calls_for(arrivals) == [10] * 100


def test_a_slow_stream_fills_its_calls() -> None:
    """Reads that come every 0.4 s, as from an engine that is busy with its state, travel in tens too."""
    assert calls_for([number * 0.4 for number in range(100)]) == [10] * 10


def test_what_comes_alone_leaves_alone() -> None:
    """Reads that come one after the other, each after the answer to the last, each leave by themselves."""
    assert calls_for([0.0, 1.0, 2.0, 3.0]) == [1, 1, 1, 1]


def test_all_that_come_at_once_leave_at_once() -> None:
    """Forty-five reads at once take five calls, the last of them after a while."""
    assert calls_for([0.0] * 45) == [10, 10, 10, 10, 5]


def test_looks_take_along_who_waits() -> None:
    """A call for one who looks takes those along who would be asked about next."""
    schedule = Schedule(1500)
    for name in "abcdefghijkl":
        schedule.watch(name, 0.0, lambda _: None)
    schedule.look("l", 0.1)
    assert schedule.due(0.1) == []
    assert schedule.due(0.1 + QUIET_S) == ["l", *"abcdefghi"]


def test_a_look_at_what_is_due_anyway_leaves_with_it() -> None:
    """Who is waited for and looked at is asked about once, when the first of both is due."""
    schedule = Schedule(1500)
    schedule.watch("a", 0.0, lambda _: None)
    looks = schedule.look("a", 0.99)
    assert schedule.sleep(0.99) > 0
    assert schedule.due(1.0) == ["a"]
    schedule.called(1.0)
    for tell in schedule.told("a", Asset("a", "CREATING"), 1.0):
        tell()
    assert looks.done()
    assert schedule.sleep(1.0) == 1
    assert schedule.due(2.0) == ["a"], "it is waited for all the same"


def test_deletes_leave_in_tens() -> None:
    """Twenty deletes at once are two calls."""
    calls: list[int] = []

    def delete(ids: Sequence[str], _: Deadline) -> dict[str, bool]:
        calls.append(len(ids))
        return dict.fromkeys(ids, True)

    deletes = Batches(delete, absent=lambda _: True, clock=lambda: 0.0)
    threads = [threading.Thread(target=deletes.ask, args=(str(number), Deadline())) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert calls == [10, 10]
