"""How waiting ends."""

from __future__ import annotations

import threading
from concurrent.futures import Future

import pytest

from tests.unit.fakes import Clock
from vod_provider.vod.errors import DeadlineError, StoppedError
from vod_provider.vod.patience import Patience, Stop


def test_a_stop_wakes_who_waits_and_who_comes_later() -> None:
    """An event that somebody waits for is set by the stop; whoever waits after it is refused."""
    stop, event = Stop(), threading.Event()
    with stop.waking(event):
        assert not event.is_set()
        stop()
        assert event.is_set()
    with pytest.raises(StoppedError):
        Patience(stop=stop).sleep(1000)


def test_a_stop_that_was_not_called_is_the_one_that_counts() -> None:
    """A patience listens to the stop that it was given, even before that is called."""
    stop = Stop()
    patience = Patience(stop=stop)
    patience.check()
    stop()
    with pytest.raises(StoppedError):
        patience.check()


def test_the_deadline_is_counted_from_the_beginning() -> None:
    """What is left shrinks with the clock and never gets negative."""
    clock = Clock()
    patience = Patience(10, clock=clock)
    clock.now += 4
    assert patience.left == pytest.approx(6)
    clock.now += 100
    assert patience.left == 0
    with pytest.raises(DeadlineError, match="not done within 10 s"):
        patience.check()


def test_what_is_done_is_done() -> None:
    """A result that is there is given out even after a stop and after the deadline."""
    clock, stop = Clock(), Stop()
    patience = Patience(1, stop, clock)
    future: Future[int] = Future()
    future.set_result(7)
    stop()
    clock.now += 100
    assert patience.result(future) == 7


def test_a_result_that_does_not_come_ends_with_the_patience() -> None:
    """Waiting for a result ends at a stop."""
    stop = Stop()
    stop()
    with pytest.raises(StoppedError):
        Patience(stop=stop).result(Future())
