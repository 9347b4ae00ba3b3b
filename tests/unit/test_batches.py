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
from vod_provider.vod.pacing import batch_timing
from vod_provider.vod.pacing.batch_timing import GAPS, LONE, LONE_S, QUIET_S
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


def test_what_is_full_leaves_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long it would have waited for more."""
    monkeypatch.setattr(batch_timing, "QUIET_S", 600.0)
    monkeypatch.setattr(batch_timing, "LONGEST_S", 600.0)
    gathers = threading.Event()

    def clock() -> float:
        if threading.current_thread().name == "vod-batch":
            gathers.set()
        return 0.0

    batches = Batches(Calls(str.upper), absent=str, clock=clock)
    first = batches.asking(IDS[0])
    assert gathers.wait(LIMIT_S)
    for one in IDS[1:]:
        batches.asking(one)
    assert first.result(LIMIT_S) == IDS[0].upper()


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


class Still(Batches[str]):
    """Batches that are gathered by the test's own thread, in time that passes only while a batch waits."""

    def __init__(self) -> None:
        super().__init__(Calls(str.upper), absent=str, clock=self._time)
        self.now, self.rested = 0.0, list[float]()
        self._looks = 0

    def _time(self) -> float:
        self._looks += 1
        assert self._looks < 20, "it looks again and again"
        return self.now

    def _run(self, batch: _Batch[str]) -> None:
        pass

    def gather(self) -> None:
        """Gather the batch that is open."""
        still = self

        class Full(threading.Event):
            def wait(self, timeout: float | None = None) -> bool:
                still.rested.append(timeout or 0.0)
                still.now += timeout or 0.0
                return False

        assert self._open is not None
        self._open.full = Full()
        self._gather(self._open)
        assert self._open is None


def test_a_batch_rests_until_it_leaves() -> None:
    """It does not look again and again whether somebody has joined; and it learns that nobody does."""
    batches = Still()
    for _ in range(LONE + 1):
        batches.asking("a")
        batches.gather()
    assert batches.rested == [pytest.approx(it) for it in [QUIET_S] * LONE + [LONE_S]]


def test_a_batch_waits_for_those_who_come_slowly() -> None:
    """For some times as long as it took the last one to join it."""
    batches = Still()
    batches.asking("a")
    batches.now = 0.4
    batches.asking("b")
    batches.gather()
    assert batches.rested == [pytest.approx(GAPS * 0.4)]


def test_a_call_keeps_nobody_from_ending() -> None:
    """The process ends although VOD has not answered."""
    asked, goes_on = threading.Event(), threading.Event()

    def call(ids: Sequence[str], _: Deadline) -> Mapping[str, str]:
        asked.set()
        goes_on.wait(LIMIT_S)
        return dict.fromkeys(ids, "done")

    batches = Batches(call, absent=str)
    others = set(threading.enumerate())
    futures = [batches.asking(it) for it in IDS]
    assert asked.wait(LIMIT_S)
    assert [it.daemon for it in threading.enumerate() if it.name == "vod-batch" and it not in others] == [True]
    goes_on.set()
    assert [it.result(LIMIT_S) for it in futures] == ["done"] * len(IDS)
