"""Calls that leave in tens: each who asks gets the answer for its own id, whatever becomes of the others."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future

import pytest

from tests.unit.fakes import refused
from vod_provider.vod.client import IDS_PER_CALL
from vod_provider.vod.deadline import Deadline
from vod_provider.vod.errors import AnswerError
from vod_provider.vod.pacing.batch_timing import QUIET_S
from vod_provider.vod.pacing.batches import Batches, _Batch

LIMIT_S = 20
IDS = [f"a{number}" for number in range(IDS_PER_CALL)]


class Calls:
    """Does what `answer` has to each id, and notes the ids of each call."""

    def __init__(self, answer: Callable[[str], str]) -> None:
        self.made: list[Sequence[str]] = []
        self._answer = answer

    def __call__(self, ids: Sequence[str], _deadline: Deadline) -> Mapping[str, str]:
        self.made.append(ids)
        return {one: self._answer(one) for one in ids}


def asked(calls: Calls, ids: Sequence[str] = IDS) -> list[str | Exception]:
    """What a full batch brings to each: it leaves at once."""
    batches = Batches(calls, absent=lambda one: f"no {one}", undone=lambda answer: answer == "not yet")
    futures: list[Future[str]] = [batches.asking(one) for one in ids]
    errors = [future.exception(LIMIT_S) for future in futures]
    return [
        error if isinstance(error, Exception) else future.result()
        for error, future in zip(errors, futures, strict=True)
    ]


def test_ten_are_one_call() -> None:
    """And an id that several ask about is in it once."""
    calls = Calls(str.upper)
    assert asked(calls) == [one.upper() for one in IDS]
    assert calls.made == [IDS]
    assert asked(calls, IDS[:5] * 2) == [one.upper() for one in IDS[:5] * 2]
    assert calls.made[1:] == [IDS[:5]]


def test_what_is_not_done_is_asked_for_once_more_by_itself() -> None:
    """Sources contradict each other on how several ids are sent. What is not done even then is told."""
    calls = Calls(lambda one: "not yet" if one == "a3" else "done")
    assert asked(calls) == ["not yet" if one == "a3" else "done" for one in IDS]
    assert calls.made == [IDS, ["a3"]]


def test_an_id_that_is_refused_harms_no_other() -> None:
    """Each is asked for by itself then; one that VOD does not have is no error."""

    def answer(one: str) -> str:
        if one == "a3":
            raise refused("VOD.10083")
        if one == "a4":
            raise refused("VOD.10062")
        return "done"

    calls = Calls(answer)
    brought = asked(calls)
    assert isinstance(brought.pop(3), AnswerError)
    assert brought == ["no a4" if one == "a4" else "done" for one in IDS if one != "a3"]
    assert calls.made == [IDS, *([one] for one in IDS)]


@pytest.mark.parametrize("error", [refused("APIGW.0301", 401), ZeroDivisionError("a mistake of ours")])
def test_what_would_meet_each_is_not_asked_again(error: Exception) -> None:
    """Wrong credentials, and what nobody foresaw, reach all who ask; nobody hangs."""

    def answer(_: str) -> str:
        raise error

    calls = Calls(answer)
    assert asked(calls) == [error] * len(IDS)
    assert calls.made == [IDS]


def test_a_batch_rests_until_it_leaves() -> None:
    """It does not look again and again whether somebody has joined."""
    now, rested = 0.0, list[float]()

    class Full(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            nonlocal now
            rested.append(timeout or 0.0)
            now += timeout or 0.0
            return False

    looks = 0

    def clock() -> float:
        nonlocal looks
        looks += 1
        assert looks < 10
        return now

    batches = Batches(Calls(str.upper), absent=str, clock=clock)
    batch: _Batch[str] = _Batch(0.0)
    batch.full = Full()
    batches._open = batch
    batches._gather(batch)
    assert rested == [QUIET_S]
    assert batches._open is None
