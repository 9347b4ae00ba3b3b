"""How waiting ends."""

from __future__ import annotations

import threading
from concurrent.futures import Future

import pytest

from tests.unit.fakes import Clock
from vod_provider.vod.deadline import Deadline, Stop
from vod_provider.vod.errors import DeadlineError, StoppedError


def test_a_stop_wakes_who_waits_and_who_comes_later() -> None:
    """An event that somebody waits for is set by the stop; whoever waits after it is refused."""
    stop, event = Stop(), threading.Event()
    with stop.waking(event):
        assert not event.is_set()
        stop()
        assert event.is_set()
    with pytest.raises(StoppedError):
        Deadline(stop=stop).sleep(1000)


def test_a_stop_that_was_not_called_is_the_one_that_counts() -> None:
    """A deadline listens to the stop that it was given, even before that is called."""
    stop = Stop()
    deadline = Deadline(stop=stop)
    deadline.check()
    stop()
    with pytest.raises(StoppedError):
        deadline.check()


def test_the_deadline_is_counted_from_the_beginning() -> None:
    """What is left shrinks with the clock and never gets negative."""
    clock = Clock()
    deadline = Deadline(10, clock=clock)
    clock.now += 4
    assert deadline.left == pytest.approx(6)
    clock.now += 100
    assert deadline.left == 0
    with pytest.raises(DeadlineError, match="not done within 10 s"):
        deadline.check()


def test_what_is_done_is_done() -> None:
    """A result that is there is given out even after a stop and after the deadline."""
    clock, stop = Clock(), Stop()
    deadline = Deadline(1, stop, clock)
    future: Future[int] = Future()
    future.set_result(7)
    stop()
    clock.now += 100
    assert deadline.result(future) == 7


def test_a_result_that_does_not_come_ends_at_the_deadline() -> None:
    """Waiting for a result ends at a stop."""
    stop = Stop()
    stop()
    with pytest.raises(StoppedError):
        Deadline(stop=stop).result(Future())
