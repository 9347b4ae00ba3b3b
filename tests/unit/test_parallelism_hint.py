"""When the hint at `--parallel` is given, by a clock of the test's own."""

from __future__ import annotations

import contextlib
import heapq

import pytest

from vod_provider.plugin.parallelism_hint import ParallelismHint, parallelism


class Run:
    """An engine that runs `parallel` creates of `seconds` each at a time, and starts at most `per_minute`."""

    def __init__(self, *, limit: int, quota: int = 100) -> None:
        self.now, self._quota = 1_000_000.0, quota  # as a clock that began with the machine
        self.hint = ParallelismHint(limit, lambda: self.now)

    def create(self, count: int, *, parallel: int, seconds: float, gap: float = 0.0) -> list[str]:
        """All that is said in such a run; `gap` seconds pass between two starts."""
        under_way: list[tuple[float, int, contextlib.ExitStack]] = []
        said: list[str | None] = []

        def end_one() -> None:
            at, _, stack = heapq.heappop(under_way)
            self.now = max(self.now, at)
            stack.close()
            said.append(self.hint.due(self._quota))

        for number in range(count):
            while len(under_way) >= parallel or (under_way and under_way[0][0] <= self.now):
                end_one()
            stack = contextlib.ExitStack()
            stack.enter_context(self.hint.creating())
            heapq.heappush(under_way, (self.now + seconds, number, stack))
            self.now += gap
        while under_way:
            end_one()
        return [line for line in said if line]


def test_a_large_stack_is_told_once() -> None:
    """Five hundred creates of 30 s, eight at a time: one line with both numbers and what to type."""
    assert Run(limit=8).create(500, parallel=8, seconds=30) == [
        "Pulumi creates 8 audios at a time, which makes 16 a minute, and VOD's quota allows 100:"
        " `pulumi up --parallel 100` (or PULUMI_PARALLEL=100) would make use of it"
    ]


def test_long_extractions_want_more_at_a_time() -> None:
    """Creates of ten minutes each need ten minutes' quota under way."""
    (line,) = Run(limit=8).create(500, parallel=8, seconds=600)
    assert "--parallel 1000" in line


def test_it_counts_those_that_are_under_way_now() -> None:
    """A few that came one after the other at first do not hide that later ones take all places."""
    run = Run(limit=8, quota=200)
    assert run.create(5, parallel=1, seconds=1) == []
    assert len(run.create(500, parallel=8, seconds=6)) == 1


def test_the_pace_is_that_of_a_minute() -> None:
    """Eight at a time, of six seconds each."""
    (line,) = Run(limit=8, quota=200).create(500, parallel=8, seconds=6)
    assert "which makes 80 a minute, and VOD's quota allows 200" in line


@pytest.mark.parametrize("count", [1, 8, 49])
def test_a_small_stack_is_told_nothing(count: int) -> None:
    """Fewer than fifty creates are over soon anyway."""
    assert Run(limit=8).create(count, parallel=8, seconds=30) == []


def test_a_stack_of_fifty_is_large() -> None:
    """The last of them says it."""
    assert len(Run(limit=8).create(50, parallel=8, seconds=30)) == 1


def test_three_rounds_are_waited_for() -> None:
    """With many at a time, fifty creates do not show yet that there are too few."""
    assert Run(limit=32).create(95, parallel=32, seconds=60) == []
    assert len(Run(limit=32).create(96, parallel=32, seconds=60)) == 1


def test_who_has_raised_it_is_told_nothing() -> None:
    """With --parallel 1000 more are under way than by default."""
    assert Run(limit=8).create(1000, parallel=1000, seconds=30, gap=0.03) == []


def test_a_steady_stream_is_no_bottleneck() -> None:
    """Where the program declares audios slowly, the places of the engine are not taken all the time."""
    run = Run(limit=8)
    said = run.create(8, parallel=8, seconds=30) + run.create(500, parallel=8, seconds=3, gap=5)
    assert said == []


def test_the_quota_as_bottleneck() -> None:
    """Creates that are quick enough to use up the quota would gain nothing."""
    assert Run(limit=8, quota=100).create(500, parallel=8, seconds=5) == []


@pytest.mark.parametrize(
    ("environ", "steps"),
    [
        ({}, 8),
        ({"PULUMI_PARALLEL": "20"}, 20),
        ({"PULUMI_PARALLEL": "many"}, 8),
        ({"PULUMI_PARALLEL": "0"}, 8),
        ({"PULUMI_PARALLEL": "1"}, 1),
    ],
)
def test_what_the_engine_runs_at_a_time(environ: dict[str, str], steps: int) -> None:
    """Four for each core, or what PULUMI_PARALLEL says."""
    assert parallelism(environ, cores=2) == steps
