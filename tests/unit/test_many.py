"""Thousands of audios at once, by a few threads: all that can be is done, and nothing is lost or paid for twice."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.unit.fakes import Clock, FakeDeadline, refused
from tests.unit.test_lifecycle import Bench, asked, key_of
from vod_provider.audio.ledger_records import State
from vod_provider.audio.many import ALIKE, THREADS, UNDER_WAY, Counts, Many
from vod_provider.audio.operation import NOT_ASKED
from vod_provider.audio.steps import For, Pause, Steps, Wait
from vod_provider.vod.assets import Asset, Outcome
from vod_provider.vod.deadline import Deadline, Stop
from vod_provider.vod.errors import ExtractionError, UnfinishedError, VodError

COUNT = 200


class ManyBench(Bench):
    """A bench whose audios are made by `Many`."""

    def __init__(self, folder: Path) -> None:
        self.stop = Stop()
        super().__init__(folder)

    def jobs(self, count: int = COUNT, **metadata: object) -> dict[str, Steps[Asset]]:
        """The steps of so many audios of one video, for as many owners."""
        return {str(number): self.steps(str(number), metadata) for number in range(count)}

    def steps(self, owner: str, metadata: dict[str, Any], source: str = "video") -> Steps[Asset]:
        deadline = Deadline(60, self.stop)
        operation = self.operation(owner)
        asset = yield from self.lifecycle.ensuring(asked(source, owner=owner), operation, deadline)
        return (yield from self.lifecycle.finishing(asset, metadata, operation, deadline))

    def run(self, jobs: dict[str, Steps[Asset]]) -> Many[Asset]:
        many: Many[Asset] = Many(Deadline(60, self.stop))
        many.run(jobs)
        return many

    def start(self, jobs: dict[str, Steps[Asset]]) -> tuple[Many[Asset], threading.Thread]:
        many: Many[Asset] = Many(Deadline(60, self.stop))
        thread = threading.Thread(target=many.run, args=(jobs,))
        thread.start()
        return many, thread


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[ManyBench]:
    """A bench with one video."""
    bench = ManyBench(tmp_path)
    bench.vod.video()
    yield bench
    bench.stop()


def until(condition: Any) -> None:
    """Return once `condition()` holds, which threads that are under way bring about."""
    end = threading.Event()
    for _ in range(2000):
        if condition():
            return
        end.wait(0.005)
    raise AssertionError("not in time")


def test_each_is_asked_for_once_and_ready(bench: ManyBench) -> None:
    """Each of some hundreds is one accepted request and one audio, with its metadata, known to the ledger."""
    many = bench.run(bench.jobs(title="A talk"))
    assert len({asset.id for asset in many.done.values()}) == bench.vod.accepted == COUNT
    assert not many.failed
    assert many.over is None
    assert all(asset.title == "A talk" for asset in bench.vod.assets.values() if asset.id != "video")
    assert {it.state for it in bench.ledger.requests("https://vod project")} == {State.ACCEPTED}


def test_no_audio_holds_a_thread(bench: ManyBench, monkeypatch: pytest.MonkeyPatch) -> None:
    """With all of them accepted and none done, there are no more threads than lanes have.

    Whoever is accepted makes room for the next at once, and not only when it is time to show how far all are.
    """
    monkeypatch.setattr("vod_provider.audio.many.SHOWN_S", 60.0)
    bench.vod.holds = True
    before = threading.active_count()
    many, thread = bench.start(bench.jobs())
    until(lambda: len(bench.vod.watched) == COUNT)
    assert threading.active_count() - before <= sum(THREADS.values()) + 1
    assert many.counts(0.0).running == COUNT
    for audio_id in list(bench.vod.watched):
        bench.vod.comes(audio_id)
    thread.join(20)
    assert len(many.done) == COUNT
    assert many.counts(0.0) == Counts(COUNT, COUNT, 0, 0, None)


def test_one_that_fails_harms_no_other(bench: ManyBench, monkeypatch: pytest.MonkeyPatch) -> None:
    """What VOD refuses, and what it cannot extract, are failures of their own."""
    monkeypatch.setattr("vod_provider.audio.lifecycle.GONE_PAUSE_S", 0.01)
    bench.vod.outcome = lambda it: Asset(it.id, "SERVER_ERROR" if it.id == "audio7" else "CREATED")
    many = bench.run(bench.jobs(50) | {"nowhere": bench.steps("nowhere", {}, "nowhere")})
    assert len(many.done) == 49
    assert "VOD.10062" in str(many.failed.pop("nowhere"))
    (failure,) = many.failed.values()
    assert "audio audio7); its remains were removed" in str(failure)
    assert bench.vod.accepted == 50
    assert "audio7" not in bench.vod.assets


def test_what_would_meet_all_is_not_tried_with_all(bench: ManyBench) -> None:
    """With credentials that VOD refuses, some are asked for, and no more are begun."""
    bench.vod.faults["extract"] = [refused("VOD.10054", 403) for _ in range(COUNT)]
    many = bench.run(bench.jobs())
    assert not many.done
    assert ALIKE <= len(many.failed) <= ALIKE + UNDER_WAY
    assert bench.vod.accepted == 0


def test_a_lost_answer_is_searched_for_and_no_other_is_paid_twice(bench: ManyBench) -> None:
    """One answer in the middle gets lost: its audio is found again by the run itself, and each has one of its own."""
    bench.lifecycle._recovery.absence_s = 0.1
    bench.vod.faults["extract"] = [*([""] * 20), "after"]
    many = bench.run(bench.jobs(40))
    assert len({asset.id for asset in many.done.values()}) == bench.vod.accepted == 40


def test_a_stop_ends_all_at_once_and_the_next_run_goes_on(bench: ManyBench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Accepted ones are unfinished, with their ids; the others were not asked for; no more are paid in all.

    None of them is in a call, so nobody is given time to end one.
    """
    monkeypatch.setattr("vod_provider.audio.many.END_S", 60.0)
    bench.vod.holds = True
    many, thread = bench.start(bench.jobs())
    until(lambda: len(bench.vod.watched) == COUNT)
    bench.vod.comes("audio3")
    until(lambda: len(many.done) == 1)
    bench.stop()
    thread.join(5)
    assert not thread.is_alive()
    assert many.over is not None
    assert all(isinstance(it, UnfinishedError) for it in many.failed.values())
    assert len(many.failed) == COUNT - 1
    assert bench.vod.watched == {}
    bench.vod.holds, bench.stop = False, Stop()
    bench.again()
    assert len(bench.run(bench.jobs()).done) == bench.vod.accepted == COUNT


def test_a_stop_before_they_are_asked_for_asks_for_none(bench: ManyBench) -> None:
    """Those whose turn had not come say so, and leave nothing in the ledger."""
    blocking = threading.Event()
    extract = bench.vod.extract

    def slow(*given: Any, **more: Any) -> Any:
        blocking.wait(20)
        given[2].check()
        return extract(*given, **more)

    bench.vod.extract = slow  # type: ignore[method-assign]
    many, thread = bench.start(bench.jobs())
    until(lambda: many._under_way == UNDER_WAY)
    bench.stop()
    blocking.set()
    thread.join(5)
    assert not many.done
    assert len(many.failed) == UNDER_WAY
    assert {str(it) for it in many.failed.values()} == {NOT_ASKED}
    assert all(isinstance(it, ExtractionError) for it in many.failed.values())
    assert bench.ledger.find(key_of(owner="0")) is None
    assert bench.vod.accepted == 0


def test_those_who_wait_for_others_keep_nobody_waiting(bench: ManyBench) -> None:
    """Hundreds of videos that are still being transcoded do not keep the others from being asked for."""
    slow = {str(number): bench.vod.video(f"slow{number}", status="TRANSCODING") for number in range(2 * UNDER_WAY)}
    bench.vod.holds = True
    jobs = {f"slow{number}": bench.steps(f"slow{number}", {}, source) for number, source in slow.items()}
    many, thread = bench.start(jobs | bench.jobs(5))
    until(lambda: bench.vod.accepted == 5)
    bench.stop()
    thread.join(5)
    assert not many.done


def test_a_pause_lets_time_pass_for_one_alone(bench: ManyBench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A deletion that VOD sees through later is looked for again, and the others go on meanwhile."""
    monkeypatch.setattr("vod_provider.audio.many.SHOWN_S", 60.0)
    monkeypatch.setattr("vod_provider.audio.lifecycle.GONE_PAUSE_S", 0.01)

    def removing(audio_id: str) -> Steps[str]:
        yield Pause(0.01, Deadline())
        yield from bench.lifecycle.removing(audio_id, bench.operation(), Deadline())
        return audio_id

    ids = [bench.vod.audio() for _ in range(COUNT)]
    many: Many[str] = Many(Deadline(60))
    many.run({audio_id: removing(audio_id) for audio_id in ids})
    assert set(many.done) == set(ids)
    assert bench.vod.audio_ids() == []


def test_what_cannot_be_waited_for_is_the_failure_of_one() -> None:
    """It hears of that once, and of nothing else."""
    heard: list[str] = []

    def begin() -> Future[str]:
        raise ExtractionError("nobody can wait for this")

    def steps() -> Steps[str]:
        try:
            found: str = yield Wait(lambda: "", begin)
        except VodError as error:
            heard.append(str(error))
            raise
        return found

    many: Many[str] = Many(Deadline(60))
    many.run({"one": steps()})
    assert heard == [str(it) for it in many.failed.values()] == ["nobody can wait for this"]


def test_pauses_end_in_their_turn_and_what_there_is_is_shown_each_second() -> None:
    """Nobody looks more often than that."""
    clock, ended, shown = Clock(), list[tuple[str, float]](), list[tuple[float, int]]()
    begun, deadline = clock.now, FakeDeadline(clock, 4)

    def waiting() -> Steps[str]:
        yield Wait(lambda: "", Future)
        return ""

    def steps(key: str, seconds: float) -> Steps[str]:
        yield Pause(seconds, deadline)
        ended.append((key, clock.now - begun))
        return key

    many: Many[str] = Many(deadline, lambda counts: shown.append((clock.now - begun, counts.done)))
    jobs = {"long": steps("long", 2.5), "short": steps("short", 0.5), "equal": steps("equal", 2.5)}
    many.run(jobs | {"never": waiting()})
    assert ended == [("short", 0.5), ("long", 2.5), ("equal", 2.5)]
    assert shown == [(0, 0), (1, 1), (2, 1), (3, 3)]
    assert (set(many.done), set(many.failed)) == (set(jobs), {"never"})


def test_the_row_tells_in_its_first_word_how_far_it_is() -> None:
    """Then what is running, queued and failed, and until when at this pace."""
    now = datetime(2026, 1, 1, 12, 0, 30)
    line = Counts(10_000, 1204, 6, 380, 1800.0).line("ready", lambda: now)
    assert line == "1204/10000 ready, 380 running, 8410 queued for VOD's quota, 6 failed; until about 12:30"
    assert Counts(3, 1, 0, 2, 20.0).line("ready", lambda: now) == "1/3 ready, 2 running; until about 12:00:50"
    assert Counts(3, 3, 0, 0, None).line("ready") == "3/3 ready"
    assert Counts(3, 2, 1, 0, 20.0).line("ready", lambda: now) == "2/3 ready, 1 failed", "nothing is waited for"


def test_the_pace_is_no_quicker_than_the_quota(bench: ManyBench) -> None:
    """A thousand that left at once do not make the other nine thousand leave in a minute."""
    bench.vod.holds = True
    clock = bench.clock
    many: Many[Asset] = Many(Deadline(3600, bench.stop, clock), per_minute=60)
    thread = threading.Thread(target=many.run, args=(bench.jobs(50) | {"last": bench.steps("last", {}, "nowhere")},))
    thread.start()
    until(lambda: len(bench.vod.watched) == 50)
    clock.now += 10
    many._total = 650
    counts = many.counts(clock.now)
    assert counts.running == 50
    assert counts.seconds == pytest.approx(600 - len(many.failed), abs=1)
    bench.stop()
    thread.join(5)


def test_the_estimate_is_the_pace_of_the_last_two_minutes_and_how_long_one_took(bench: ManyBench) -> None:
    """There is none before any time has passed since VOD has accepted the first one."""
    about: Any = pytest.approx
    answers: dict[str, Future[None]] = {it: Future() for it in "abcdef"}
    audios: dict[str, Future[str]] = {it: Future() for it in "abcdef"}

    def steps(key: str) -> Steps[str]:
        yield Wait(lambda: None, lambda: answers[key])
        audio: str = yield Wait(lambda: "", lambda: audios[key], for_=For.EXTRACTION)
        return audio

    clock, begun = bench.clock, bench.clock.now
    many: Many[str] = Many(Deadline(3600, bench.stop, clock))
    thread = threading.Thread(target=many.run, args=({key: steps(key) for key in "abcdef"},))
    thread.start()
    try:
        assert many.counts(begun).seconds is None
        answers["a"].set_result(None)
        until(lambda: many.counts(begun).running == 1)
        assert many.counts(begun).seconds is None
        assert many.counts(begun + 0.5).seconds == 5 / 1, "no quicker than one in a second"
        clock.now += 60
        answers["b"].set_result(None)
        until(lambda: many.counts(begun).running == 2)
        assert many.counts(begun + 120) == Counts(6, 0, 0, 2, about(4 * 120 / 2))
        assert many.counts(begun + 121).seconds == pytest.approx(4 * 61 / 1)
        clock.now += 30
        audios["a"].set_result("audio")
        until(lambda: many.done)
        assert many.counts(begun + 120) == Counts(6, 1, 0, 1, about(4 * 60 / 1 + 90))
        answers["c"].set_exception(ExtractionError("no"))
        audios["b"].set_exception(ExtractionError("no"))
        until(lambda: len(many.failed) == 2)
        assert many.counts(begun + 120) == Counts(6, 1, 2, 0, about(3 * 60 / 1 + 90))
    finally:
        bench.stop()
        thread.join(5)
    assert many.counts(begun + 120).failed == 5


def test_a_ready_one_is_ready(bench: ManyBench) -> None:
    """A set of one goes the same way."""
    assert bench.run(bench.jobs(1)).done["0"].outcome is Outcome.READY
