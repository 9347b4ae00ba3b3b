"""The life of one audio: asked for once whatever breaks off, found again, and removed in every state."""

from __future__ import annotations

import re
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.unit.fakes import Clock, FakeDeadline, FakeVod, hide_from_others, refused
from tests.unit.test_ledger import FakeStore
from vod_provider.audio.ledger import Ledger
from vod_provider.audio.ledger_records import Change, Holder, Key, LedgerError, Request, State
from vod_provider.audio.lifecycle import REFUSALS, ROUNDS, Asked, Lifecycle
from vod_provider.audio.operation import GOES_ON, NOT_ASKED, Operation
from vod_provider.audio.place import Place
from vod_provider.audio.recovery import SENT_S, Recovery
from vod_provider.audio.steps import here
from vod_provider.vod.assets import Asset, Outcome
from vod_provider.vod.deadline import Stop
from vod_provider.vod.errors import (
    AmbiguousError,
    AnswerError,
    DeadlineError,
    ExtractionError,
    LostAnswerError,
    NotFoundError,
    StoppedError,
    UnfinishedError,
    UnreachableError,
    VodError,
    of_answer,
)

PLACE = Place("https://vod", "project")
ABSENCE_S = 60.0


class Bench:
    """A lifecycle over a fake VOD and a ledger on disk; `again` is a process that starts after a crash."""

    def __init__(self, folder: Path) -> None:
        self.clock = Clock()
        self.vod = FakeVod(self.clock)
        self.file = folder / "journal.sqlite"
        self.said: list[str] = []
        self.warned: list[str] = []
        self.again()

    def again(self, run: str = "") -> None:
        self.ledger = Ledger(self.file, run=run)
        vod: Any = self.vod
        recovery = Recovery(vod, vod, self.ledger, PLACE.site, ABSENCE_S, here=self.clock)
        self.lifecycle = Lifecycle(PLACE, vod, vod, vod.deletes(), vod.publishes(), self.ledger, recovery)

    def operation(self, owner: str = "urn") -> Operation:
        return Operation(owner, report=self.said.append, warn=self.warned.append)

    def ensure(
        self,
        source: str = "video",
        audio_format: str = "MP3",
        owner: str = "urn",
        seconds: float = 3600,
        former: str | None = None,
    ) -> Asset:
        deadline = FakeDeadline(self.clock, seconds)
        wanted = asked(source, audio_format, owner)
        if former is not None:
            formers = [wanted.key._replace(owner=former)]
            wanted = replace(wanted, formers=lambda: formers)
        return self.lifecycle.ensure(wanted, self.operation(owner), deadline)

    def adopt(self, audio_id: str, audio_format: str = "MP3", source: str = "video", owner: str = "urn") -> Asset:
        deadline = FakeDeadline(self.clock, 600)
        return self.lifecycle.adopt(audio_id, asked(source, audio_format, owner), self.operation(owner), deadline)

    def remove(self, audio_id: str) -> None:
        self.lifecycle.remove(audio_id, self.operation(), FakeDeadline(self.clock, 600))

    def intend(self, source: str = "video", audio_format: str = "MP3", owner: str = "urn", **known: Any) -> None:
        """A request that has left, and whose answer is not known."""
        at = self.clock() + self.vod.skew
        key = key_of(source, audio_format, owner)
        self.ledger.intend(Request(*key, PLACE.site, None, source, audio_format, at, known))

    def hold(self, audio_id: str, owner: str = "urn") -> None:
        """The engine has shown that its state has the audio."""
        self.ledger.hold([Holder(PLACE.site, audio_id, owner)])


def key_of(source: str = "video", audio_format: str = "MP3", owner: str = "urn") -> Key:
    return Key(owner, f"{source} {audio_format}")


def asked(source: str = "video", audio_format: str = "MP3", owner: str = "urn") -> Asked:
    return Asked(key_of(source, audio_format, owner), source, audio_format)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A bench with one video."""
    bench = Bench(tmp_path)
    bench.vod.video()
    return bench


def lost() -> LostAnswerError:
    return LostAnswerError("extracting", "broken off")


def test_one_audio_is_one_request(bench: Bench) -> None:
    """The plain road: asked once, waited for, ready."""
    assert bench.ensure().outcome is Outcome.READY
    assert bench.vod.accepted == 1


@pytest.mark.parametrize("fault", ["after", lost(), UnreachableError("x", "e", "refused")], ids=str)
def test_a_broken_request_makes_one_audio(bench: Bench, fault: Exception | str) -> None:
    """Lost before or after VOD worked, there is one audio in the end, and one accepted request."""
    bench.vod.faults["extract"] = [fault]
    if isinstance(fault, UnreachableError):
        with pytest.raises(UnreachableError):
            bench.ensure()
        assert bench.ledger.find(key_of()) is None
    bench.ensure()
    assert bench.vod.accepted == 1
    assert len(bench.vod.audio_ids()) == 1


def test_answers_that_keep_getting_lost_end_in_an_error_and_an_intent(bench: Bench) -> None:
    """After some rounds the error comes out; the intent stays, so that the next run looks first."""
    bench.vod.faults["extract"] = [lost() for _ in range(ROUNDS)]
    with pytest.raises(LostAnswerError):
        bench.ensure()
    assert bench.vod.faults["extract"] == [], "it was given up early"
    assert bench.ledger.find(key_of()) is not None
    bench.ensure()
    assert bench.vod.accepted == 1


def test_a_refusal_leaves_nothing(bench: Bench) -> None:
    """What VOD refuses is an error at once, without an entry."""
    with pytest.raises(NotFoundError):
        bench.ensure("nowhere")
    assert bench.ledger.find(Key("urn", "nowhere MP3")) is None


def test_a_crash_after_acceptance_is_gone_on_with(bench: Bench) -> None:
    """A new process finds the id in the ledger and goes on, without another request."""
    first = bench.ensure()
    bench.again()
    assert bench.ensure().id == first.id
    assert bench.vod.accepted == 1


def test_a_crash_between_request_and_answer_is_looked_for(bench: Bench) -> None:
    """The intent has no id, but VOD has an audio that nobody owns: it is taken."""
    bench.intend()
    made = bench.vod.audio(status="CREATING")
    bench.again()
    assert bench.ensure().id == made
    assert bench.vod.accepted == 0


@pytest.mark.parametrize("step", ["intended", "accepted", "answered"])
@pytest.mark.parametrize("first", ["dynamic", "native"])
def test_two_types_of_one_name_never_share_an_audio(bench: Bench, step: str, first: str) -> None:
    """Both are declared, with the same inputs: what one of them left, one takes over, and the other gets its own."""
    second = {"dynamic": "native", "native": "dynamic"}[first]
    bench.again("run 1")
    if step == "intended":
        bench.intend(owner="dynamic")
        bench.vod.audio(status="CREATING")
    else:
        bench.ensure(owner="dynamic")
        if step == "answered":
            bench.ledger.answered({key_of(owner="dynamic"): "AUDIO"})
    left, made = bench.vod.audio_ids(), bench.vod.accepted
    bench.again("run 2")
    one = bench.ensure(owner=first, former=second)
    bench.again("run 2")  # the plugin of the other type is another process
    other = bench.ensure(owner=second, former=first)
    assert [one.id] == left
    assert other.id not in left
    assert bench.vod.accepted == made + 1
    bench.again("run 3")
    assert bench.ensure(owner=second, former=first).id == other.id
    assert bench.ensure(owner=first, former=second).id == one.id
    assert bench.vod.accepted == made + 1


def test_what_the_other_type_asks_for_in_the_same_run_is_not_waited_for(bench: Bench) -> None:
    """It is another resource's, whatever becomes of it."""
    bench.again("run 1")
    bench.ensure(owner="dynamic", former="native")
    bench.again("run 1")
    bench.ensure(owner="native", former="dynamic")
    assert bench.vod.accepted == len(bench.vod.audio_ids()) == 2


def test_a_settled_audio_is_not_taken_again(bench: Bench) -> None:
    """Once Pulumi holds it, the same request is a deliberate new one."""
    first = bench.ensure()
    bench.hold(first.id)
    assert bench.ensure().id != first.id
    assert bench.vod.accepted == 2


def test_an_audio_that_is_gone_or_failed_is_asked_for_anew(bench: Bench) -> None:
    """What the ledger has is looked at before it is taken; the remains of a failure are removed."""
    first = bench.ensure()
    del bench.vod.assets[first.id]
    bench.clock.now += ABSENCE_S
    second = bench.ensure()
    bench.clock.now += ABSENCE_S
    assert second.id != first.id
    bench.vod.assets[second.id] = replace(second, status="SERVER_ERROR")
    assert bench.ensure().id not in {first.id, second.id}
    assert len(bench.vod.audio_ids()) == 1


@pytest.mark.parametrize("audio_format", ["AAC", "WAV"])
def test_an_audio_of_another_format_is_not_taken(bench: Bench, audio_format: str) -> None:
    """It cannot be ours, so VOD has made nothing, and is asked again."""
    bench.vod.faults["extract"] = [lost()]
    theirs = bench.vod.audio(audio_format=audio_format)
    assert bench.ensure().id != theirs
    assert bench.vod.accepted == 1


def test_a_title_that_differs_is_a_doubt(bench: Bench) -> None:
    """It may be somebody else's audio, or ours renamed: VOD is not asked again, and the ids are told with a way on."""
    bench.vod.faults["extract"] = [lost()]
    other = bench.vod.audio(title="Something else")
    with pytest.raises(AmbiguousError, match=rf"{other}; set adopt .*, delete those .*, change triggers"):
        bench.ensure()
    assert bench.vod.accepted == 0
    del bench.vod.assets[other]
    bench.ensure()
    assert bench.vod.accepted == 1


def test_a_source_that_was_renamed_is_known_by_its_former_title(bench: Bench) -> None:
    """What VOD told of it when it was asked is written down, and compared with too."""
    bench.vod.faults["extract"] = ["after"]
    with pytest.raises(ExtractionError):
        bench.ensure(seconds=1)  # no time for a search
    bench.vod.assets["video"] = replace(bench.vod.assets["video"], title="Renamed since")
    assert bench.ensure().title == "A video"
    assert bench.vod.accepted == 1


@pytest.mark.parametrize("description", ["extracted from video", "extracted from A video"], ids=["id", "title"])
def test_vods_description_tells_the_source(bench: Bench, description: str) -> None:
    """Where it names the source, another title of the audio is no doubt."""
    bench.intend()
    made = bench.vod.audio(title="audio-1", description=description)
    assert bench.ensure().id == made


@pytest.mark.parametrize("late", [0.0, 0.99])
@pytest.mark.parametrize("moment", [0.0, 0.5, 0.99])
def test_what_vod_dates_before_the_request_is_not_its_result(bench: Bench, moment: float, late: float) -> None:
    """Another machine's audio of the same video, of whose ledger nothing is known: ours was never accepted.

    Two seconds are enough, whenever in VOD's second it was made, and however late VOD's time is known.
    """
    bench.clock.now = 1_800_000_000 + moment
    bench.vod.late = late
    theirs = bench.vod.audio()
    bench.clock.now += 2
    bench.vod.faults["extract"] = [lost()]
    assert bench.ensure().id != theirs
    assert bench.vod.accepted == 1


@pytest.mark.parametrize("late", [0.0, 0.99])
@pytest.mark.parametrize("moment", [0.0, 0.5, 0.99])
def test_what_vod_makes_at_once_is_its_result(bench: Bench, moment: float, late: float) -> None:
    """VOD dates whole seconds, so the audio may be dated before the moment of the request."""
    bench.clock.now = 1_800_000_000 + moment
    bench.vod.late = late
    bench.vod.faults["extract"] = ["after"]
    bench.ensure()
    assert bench.vod.accepted == 1


def test_an_audio_that_is_listed_late_is_found(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """One look that finds nothing proves nothing."""
    bench.vod.faults["extract"] = ["after"]
    listed = bench.vod.made_between
    late = bench.clock() + 40

    def made_between(*arguments: Any) -> list[Asset]:
        return listed(*arguments) if bench.clock() >= late else []

    monkeypatch.setattr(bench.vod, "made_between", made_between)
    bench.ensure()
    assert bench.vod.accepted == 1


@pytest.mark.parametrize(("listed", "by"), [(0, 6), (6, 16), (20, 31), (50, ABSENCE_S), (1000, ABSENCE_S)])
def test_a_lost_audio_is_found_soon_after_it_is_listed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, listed: float, by: float
) -> None:
    """Looks come early, and then more and more seldom; what has not shown itself within a minute was not made."""
    bench.intend()
    made, begun = bench.vod.audio(), bench.clock()
    made_between = bench.vod.made_between

    def of_those_listed(*arguments: Any) -> list[Asset]:
        return made_between(*arguments) if bench.clock() >= begun + listed else []

    monkeypatch.setattr(bench.vod, "made_between", of_those_listed)
    assert (bench.ensure().id == made) is (listed <= ABSENCE_S)
    assert bench.clock() - begun <= by


@pytest.mark.parametrize(
    ("source", "audio_format", "title", "waits"),
    [
        ("video", "MP3", "Its former title", True),
        ("video", "AAC", "A video", False),
        ("other", "MP3", "A video, part 2", True),
        ("other", "MP3", "A", True),
        ("other", "MP3", "", True),
        ("other", "MP3", "Something else", False),
    ],
)
def test_only_what_could_be_mistaken_for_ours_is_looked_for_first(
    bench: Bench, source: str, audio_format: str, title: str, waits: bool
) -> None:
    """Others' lost requests keep nobody waiting whose audio theirs cannot be taken for."""
    bench.vod.video("other", title="Something else")
    bench.intend(source, audio_format, owner="killed", title=title)
    bench.ensure()
    assert any(text.startswith("answer lost") for text in bench.said) is waits


@pytest.mark.parametrize(("seconds", "waits"), [(SENT_S, True), (SENT_S + 1, False)])
def test_a_request_too_old_to_make_an_audio_keeps_nobody_waiting(bench: Bench, seconds: float, waits: bool) -> None:
    """What somebody else has lost is looked for before more is asked for, as long as VOD may still work on it."""
    bench.intend(owner="killed")
    bench.clock.now += seconds
    bench.ensure()
    assert any(text.startswith("answer lost") for text in bench.said) is waits


def test_a_clock_that_is_wrong_or_set_back_changes_nothing(bench: Bench) -> None:
    """All times are VOD's: ten minutes slow when asking, and an hour back before the search."""
    bench.vod.skew = 600.0
    bench.vod.faults["extract"] = ["after"]
    with pytest.raises(ExtractionError):
        bench.ensure(seconds=1)
    bench.clock.now -= 3600
    bench.vod.skew += 3600
    before = bench.clock()
    bench.ensure()
    assert bench.vod.accepted == 1
    assert bench.clock() - before <= ABSENCE_S


def test_a_run_that_begins_with_a_search_asks_for_vods_time_first(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By this machine's clock, which is an hour fast, the audio would have had its time to be listed."""
    bench.vod.skew = -3600.0
    bench.intend()
    made, listed = bench.vod.audio(), bench.clock() + 10
    made_between, glance = bench.vod.made_between, bench.vod.glance

    def of_those_listed(*arguments: Any) -> list[Asset]:
        return made_between(*arguments) if bench.clock() >= listed else []

    def answer(*arguments: Any) -> Asset:
        bench.vod.dated = True
        return glance(*arguments)

    bench.vod.dated = False
    monkeypatch.setattr(bench.vod, "made_between", of_those_listed)
    monkeypatch.setattr(bench.vod, "glance", answer)
    assert bench.ensure().id == made


def test_an_answer_without_a_date(bench: Bench) -> None:
    """Where VOD does not tell its time, this machine's stands in for it."""
    bench.vod.dated = False
    bench.vod.faults["extract"] = ["after"]
    bench.ensure()
    assert bench.vod.accepted == 1


def test_one_that_was_accepted_just_now_is_not_believed_to_be_gone(bench: Bench) -> None:
    """A run that follows at once goes on with the id, though VOD does not show it yet."""
    first = bench.ensure()
    bench.again()
    bench.vod.faults["look"] = []
    shown = bench.vod.assets.pop(first.id)
    audio_id = here(bench.lifecycle.obtaining(asked(), bench.operation(), FakeDeadline(bench.clock, 60)))
    assert audio_id == first.id
    bench.vod.assets[first.id] = shown
    assert bench.vod.accepted == 1


def test_only_one_that_was_accepted_just_now_may_be_hidden_for_a_while(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has asked waits for it all the same; one of a run before is gone where it is absent."""
    hide_from_others(bench.vod, monkeypatch)
    made = bench.ensure()
    assert made.outcome is Outcome.READY
    with pytest.raises(ExtractionError, match="deleted before it was ready"):
        bench.lifecycle.wait(made.id, "extracting", bench.operation(), FakeDeadline(bench.clock, 60))
    with pytest.raises(ExtractionError, match="VOD has no such asset"):
        bench.adopt(bench.vod.audio(status="CREATING"))


def test_a_ledger_that_cannot_be_written_asks_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says so."""

    def intend(*_: object) -> bool:
        raise LedgerError("the store cannot be reached")

    monkeypatch.setattr(bench.ledger, "intend", intend)
    with pytest.raises(LedgerError, match="the store cannot be reached; VOD was not asked"):
        bench.ensure()
    assert bench.vod.accepted == 0


def test_a_ledger_that_breaks_after_acceptance_loses_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run has the id, and the next one finds the audio by the intent."""

    def accept(*_: object, **__: object) -> None:
        raise LedgerError("no space left")

    monkeypatch.setattr(bench.ledger, "accept", accept)
    first = bench.ensure()
    assert bench.warned == [f"audio {first.id}: no space left"]
    bench.again()
    assert bench.ensure().id == first.id
    assert bench.vod.accepted == 1


def test_an_audio_of_another_time_is_not_taken(bench: Bench) -> None:
    """Made before the request, or long after it: not the one."""
    before = bench.vod.audio()
    bench.clock.now += 1000
    bench.intend()
    bench.clock.now += SENT_S + 60
    after = bench.vod.audio()
    assert bench.ensure().id not in {before, after}
    assert bench.vod.accepted == 1


def test_several_that_could_be_it_are_an_error_with_their_ids(bench: Bench) -> None:
    """Never a guess: the ids are told, and the intent stays."""
    bench.vod.faults["extract"] = ["after"]
    other, unlikely = bench.vod.audio(), bench.vod.audio(title="Something else")
    with pytest.raises(AmbiguousError, match=other) as error:
        bench.ensure()
    assert unlikely not in str(error.value)
    assert bench.ledger.find(key_of()) is not None


@pytest.mark.parametrize("wrong", ["video", "audio0"])
def test_an_answer_with_an_asset_that_was_there_before_is_a_lost_one(bench: Bench, wrong: str) -> None:
    """Taken at its word, the source, or what another resource has, would be deleted in the end."""
    assert bench.ensure(owner="first").id == "audio0"
    bench.clock.now += 1000
    bench.vod.answers = [wrong]
    assert bench.ensure(owner="second").id == "audio1"
    assert bench.vod.accepted == 2


def test_alike_lost_answers_take_one_each(bench: Bench) -> None:
    """Two resources of the same source and format lost their answers: two audios, one for each."""
    for owner in ("one", "two"):
        bench.intend(owner=owner)
        bench.vod.audio(status="CREATING")
    assert bench.ensure(owner="one").id != bench.ensure(owner="two").id
    assert bench.vod.accepted == 0


def test_what_others_have_lost_is_found_before_more_is_asked_for(bench: Bench) -> None:
    """Two videos of one title: the audio of a request that was killed goes to its owner, since only then the next
    request leaves; so neither is mistaken for the other's."""
    bench.vod.video("video2", title="A video")
    bench.intend(owner="killed")
    made = bench.vod.audio(status="CREATING")
    bench.vod.faults["extract"] = ["after"]
    mine = bench.ensure("video2", owner="alive")
    assert mine.id != made
    assert bench.ensure("video", owner="killed").id == made
    assert bench.vod.accepted == 1
    assert "the ledger took long: asking anew" not in bench.said


def test_what_others_have_lost_and_cannot_be_told_holds_nobody_up(bench: Bench) -> None:
    """An ambiguous entry of another resource is that one's error, and not ours."""
    bench.vod.video("video2", title="Another")
    bench.intend(owner="killed")
    for _ in range(2):
        bench.vod.audio(status="CREATING")
    assert bench.ensure("video2", owner="alive").outcome is Outcome.READY
    with pytest.raises(AmbiguousError):
        bench.ensure("video", owner="killed")


@pytest.mark.parametrize(("ago", "waits"), [(0.0, ABSENCE_S), (40.0, ABSENCE_S - 40.0), (100.0, 0.0)])
def test_what_another_ledger_has_lost_is_waited_for_and_holds_nobody_up(bench: Bench, ago: float, waits: float) -> None:
    """Only the stack whose ledger it is can settle it: this one waits as long as absence takes, and asks then."""
    theirs: list[Change] = []
    asked_at = bench.clock() + bench.vod.skew - ago
    lost_by_them = Request(*key_of(owner="them"), PLACE.site, None, "video", "MP3", asked_at)
    Ledger(None, store=FakeStore(theirs)).intend(lost_by_them)
    in_a_store(bench, FakeStore([], theirs))
    begun = bench.clock()
    assert bench.ensure(seconds=10 * ABSENCE_S).outcome is Outcome.READY
    assert bench.vod.accepted == 1
    assert bench.clock() - begun == pytest.approx(waits, abs=0.1)


def test_what_nobody_else_asks_for_is_taken_from_a_store_at_once(bench: Bench) -> None:
    """An audio whose answer was lost can only be ours, so there is nothing to wait for."""
    in_a_store(bench, FakeStore([]))
    bench.intend()
    made, begun = bench.vod.audio(), bench.clock()
    assert bench.ensure().id == made
    assert bench.clock() - begun < ABSENCE_S / 10


def in_a_store(bench: Bench, store: FakeStore) -> Ledger:
    """The bench's lifecycle over a ledger in that store."""
    ledger, vod = Ledger(None, store=store), cast("Any", bench.vod)
    recovery = Recovery(vod, vod, ledger, PLACE.site, ABSENCE_S, here=bench.clock, running=bench.clock)
    bench.lifecycle = Lifecycle(PLACE, vod, vod, vod.deletes(), vod.publishes(), ledger, recovery)
    bench.ledger = ledger
    return ledger


def test_an_audio_whose_answer_may_be_on_its_way_to_another_stack_is_not_taken(bench: Bench) -> None:
    """It asks for the same at the same time, and its answer takes some seconds: until then the audio could be ours."""
    theirs: list[Change] = []
    them = Ledger(None, store=FakeStore(theirs))
    store = FakeStore([], theirs)
    in_a_store(bench, store)
    bench.intend()  # and VOD never hears of it
    them.intend(Request(*key_of(owner="them"), PLACE.site, None, "video", "MP3", bench.clock() + bench.vod.skew))
    made = bench.vod.audio()
    answer_at = bench.clock() + 0.4 * ABSENCE_S

    def renew() -> list[Change]:
        if bench.clock() >= answer_at:
            them.accept(key_of(owner="them"), made)
            them.flush()
        return []

    cast("Any", store).renew = renew
    assert bench.ensure(seconds=10 * ABSENCE_S).id != made
    assert bench.vod.accepted == 1


@pytest.mark.parametrize("slow", [1, 2 * ROUNDS], ids=["once", "always"])
def test_a_request_that_took_long_to_be_noted_is_not_sent(bench: Bench, slow: int) -> None:
    """Another run may believe it lost by now. It is noted anew; where that is so each time, it is an error."""
    log: list[Change] = []
    store = FakeStore(log)
    ledger, append, appends = in_a_store(bench, store), store.append, iter(range(slow))

    def slowly(changes: Sequence[Change]) -> Sequence[Change]:
        if next(appends, None) is not None:
            bench.clock.now += 0.6 * ABSENCE_S
        return append(changes)

    cast("Any", store).append = slowly
    if slow > 1:
        with pytest.raises(LedgerError, match=r"the ledger takes so long .* \(more than 30 s\); VOD was not asked"):
            bench.ensure()
        assert ledger.find(key_of()) is None
        assert bench.vod.accepted == 0
    else:
        assert bench.ensure().outcome is Outcome.READY
        assert bench.vod.accepted == 1


def test_a_busy_machine_may_take_a_second_to_note_a_request(bench: Bench) -> None:
    """However soon absences are to be believed, as in tests; and it does not matter what time it is here, or at VOD."""
    vod: Any = bench.vod
    recovery = Recovery(vod, vod, bench.ledger, PLACE.site, 0.03, here=lambda: 0.0, running=bench.clock)
    begun = recovery.running()
    bench.clock.now += 2.0
    assert not recovery.is_late(begun)
    bench.clock.now += 1.0
    assert recovery.is_late(begun)


@pytest.mark.parametrize("answer", ["VOD.10051", ""], ids=["a fault inside VOD", "a page of a proxy"])
def test_an_error_behind_which_it_may_be_done_is_looked_into(
    bench: Bench, answer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """VOD may have accepted behind these answers, although they say 403: the audio is found, not asked for again."""
    may_be_done = of_answer("extracting", status=403, code=answer, message="", request_id="")
    extract = bench.vod.extract

    def answered_so(*arguments: Any, transaction: Any, **more: Any) -> Any:
        def turned(send: Callable[[], str]) -> Any:
            def sent() -> str:
                try:
                    return send()
                except LostAnswerError as error:
                    raise may_be_done from error

            return transaction(sent)

        return extract(*arguments, transaction=turned, **more)

    monkeypatch.setattr(bench.vod, "extract", answered_so)
    bench.vod.faults["extract"] = ["after"]
    assert bench.ensure().outcome is Outcome.READY
    assert bench.vod.accepted == 1


def test_lost_answers_of_two_formats_are_told_apart_when_they_are_done(bench: Bench) -> None:
    """While VOD does not tell the format yet, the audios are waited for."""
    for audio_format in ("MP3", "AAC"):
        bench.intend(audio_format=audio_format)
        made = bench.vod.audio(status="CREATING")
        bench.vod.assets[made] = replace(bench.vod.assets[made], pack_type=None, title=audio_format)
    bench.vod.assets["video"] = replace(bench.vod.assets["video"], title="")
    bench.vod.outcome = lambda asset: replace(asset, status="CREATED", pack_type=asset.title)
    assert bench.ensure(audio_format="AAC").pack_type == "AAC"
    assert bench.ensure(audio_format="MP3").pack_type == "MP3"
    assert bench.vod.accepted == 0


def another_run_asks(bench: Bench, monkeypatch: pytest.MonkeyPatch, answer: Callable[[], None]) -> None:
    """Put another run's request there, still under way; `answer` comes while we wait until nobody asks any more."""
    bench.intend()
    wait = bench.ledger.searching

    @contextmanager
    def searching(sleep: Callable[[float], None], _: object) -> Iterator[None]:
        with wait(sleep):
            answer()
            yield

    monkeypatch.setattr(bench.ledger, "searching", searching)


def test_an_answer_that_comes_to_another_run_while_we_wait_is_taken(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine was killed and its plugin still asks: what that gets is ours, and nothing is asked a second time."""
    made, begun = bench.vod.audio(), bench.clock()
    another_run_asks(bench, monkeypatch, lambda: bench.ledger.accept(key_of(), made))
    assert bench.ensure().id == made
    assert bench.vod.accepted == 0
    assert bench.clock() - begun < ABSENCE_S / 10, "it was looked for on and on"


def test_a_refusal_that_comes_to_another_run_while_we_wait_is_asked_anew(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other run's request made nothing, so that this one asks."""
    another_run_asks(bench, monkeypatch, lambda: bench.ledger.drop(key_of()))
    assert bench.ensure().outcome is Outcome.READY
    assert bench.vod.accepted == 1


def test_two_runs_that_are_about_to_ask_for_the_same_ask_once(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between our look into the ledger and our request another run's intent arrives: it is its turn."""
    extract = bench.vod.extract
    made: list[str] = []

    def other_first(*arguments: Any, **more: Any) -> Any:
        if not made:
            bench.intend()
            made.append(bench.vod.audio())
        return extract(*arguments, **more)

    monkeypatch.setattr(bench.vod, "extract", other_first)
    assert bench.ensure().id == made[0]
    assert bench.vod.accepted == 0
    assert "another run is asking for the same audio: waiting for its answer" in bench.said


def test_nothing_is_asked_once_the_caller_has_gone(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped while the request waits for its turn: it is never sent."""
    stop = Stop()

    @contextmanager
    def asking(_: object) -> Iterator[None]:
        stop()
        yield

    monkeypatch.setattr(bench.ledger, "asking", asking)
    with pytest.raises(ExtractionError, match=f"^{re.escape(NOT_ASKED)}$"):
        bench.lifecycle.ensure(asked(), Operation("urn"), FakeDeadline(bench.clock, 60, stop))
    assert bench.vod.accepted == 0
    assert bench.ledger.find(key_of()) is None


def lose(bench: Bench, source: str) -> None:
    """An intent for `source` whose answer was lost."""
    bench.intend(source, owner=source)


def test_audios_of_two_sources_with_one_title_are_told_apart_when_they_are_done(bench: Bench) -> None:
    """Two lost answers, two sources of the same title: the durations tell whose each audio is."""
    for source, duration in (("short", 10.0), ("long", 100.0)):
        bench.vod.video(source, duration=duration)
        lose(bench, source)
    of_long, of_short = bench.vod.audio(status="CREATING"), bench.vod.audio(status="CREATING")
    durations = {of_long: 99.8, of_short: 9.9}
    bench.vod.outcome = lambda asset: replace(asset, status="CREATED", duration=durations[asset.id])
    assert bench.ensure("short", owner="short").id == of_short
    assert bench.ensure("long", owner="long").id == of_long
    assert bench.vod.accepted == 0


def test_an_audio_that_is_made_when_another_is_asked_for_may_be_of_either(bench: Bench) -> None:
    """VOD makes the one as late as it can, or the other at once."""
    for source in ("first", "second"):
        bench.vod.video(source, duration=10.0)
    lose(bench, "first")
    bench.clock.now += SENT_S
    lose(bench, "second")
    made = bench.vod.audio(duration=10.0)
    for source in ("first", "second"):
        with pytest.raises(AmbiguousError, match=made):
            bench.ensure(source, owner=source)


def test_an_audio_that_may_be_of_either_source_is_nobodys(bench: Bench) -> None:
    """Two lost answers, two sources of the same title and duration, one audio: never a guess."""
    for source in ("one", "other"):
        bench.vod.video(source, duration=10.0)
        lose(bench, source)
    made = bench.vod.audio(duration=10.0)
    for source in ("one", "other"):
        with pytest.raises(AmbiguousError, match=made):
            bench.ensure(source, owner=source)
    bench.adopt(made, source="one", owner="one")
    assert bench.ensure("other", owner="other").id != made
    assert bench.vod.accepted == 1


def test_a_source_that_is_being_created_is_waited_for(bench: Bench) -> None:
    """VOD refuses because of the state, and the state may change: the request is sent again afterwards."""
    bench.vod.video(status="CREATING")
    bench.ensure()
    assert "source busy: CREATING" in bench.said
    assert bench.vod.accepted == 1


@pytest.mark.parametrize(
    ("status", "reason", "said"),
    [
        ("UPLOAD_FAILED", "", "the source is UPLOAD_FAILED$"),
        ("UPLOAD_FAILED", "too large", r"the source is UPLOAD_FAILED \(too large\)$"),
        ("PUBLISHED", "", "the source is PUBLISHED: does it have an audio track"),
    ],
)
def test_a_source_that_will_not_do_is_an_error_at_once(bench: Bench, status: str, reason: str, said: str) -> None:
    """Failed, or ready and refused all the same: no waiting."""
    bench.vod.video(status=status, reason=reason)
    with pytest.raises(ExtractionError, match=said):
        bench.ensure()


def test_a_failed_extraction_tells_the_reason_and_is_removed(bench: Bench) -> None:
    """VOD's own words, and nothing left at VOD."""
    bench.vod.outcome = lambda asset: replace(asset, status="SERVER_ERROR", reason="no audio stream")
    with pytest.raises(ExtractionError, match=r"no audio stream.*remains were removed"):
        bench.ensure()
    assert bench.vod.audio_ids() == []
    assert bench.ledger.find(key_of()) is None


def test_remains_that_stay_keep_their_id(bench: Bench) -> None:
    """Where the failed audio cannot be removed, whoever asked gets its id."""
    bench.vod.outcome = lambda asset: replace(asset, status="SERVER_ERROR", reason="no audio stream")
    bench.vod.faults["delete"] = [refused("VOD.10051")]
    with pytest.raises(UnfinishedError, match="could not be removed") as raised:
        bench.ensure()
    assert bench.vod.audio_ids() == [raised.value.asset.id]


def test_a_wait_that_breaks_off_keeps_the_id(bench: Bench) -> None:
    """Whatever ends the waiting after acceptance, the audio's id comes out with it."""
    bench.vod.faults["look"] = [lost()]
    with pytest.raises(UnfinishedError) as raised:
        bench.ensure()
    assert raised.value.asset.id in bench.vod.audio_ids()


def test_the_deadline_counts_for_all_of_it(bench: Bench) -> None:
    """A deadline that is over before VOD is asked asks nothing."""
    deadline = FakeDeadline(bench.clock, 5)
    bench.clock.now += 10
    with pytest.raises(ExtractionError, match="not done within 5 s"):
        bench.lifecycle.ensure(asked(), Operation("urn"), deadline)
    assert bench.vod.accepted == 0


@pytest.mark.parametrize("state", ["queued", "running", "ready", "failed", "deleting", "gone"])
def test_remove_in_every_state(bench: Bench, state: str) -> None:
    """Cancelled while queued, waited for while running, and gone in the end."""
    statuses = {"ready": "CREATED", "failed": "SERVER_ERROR", "deleting": "DELETING"}
    audio_id = bench.vod.audio(status=statuses.get(state, "CREATING"), reason="queued" if state == "queued" else "")
    if state == "gone":
        del bench.vod.assets[audio_id]
    bench.remove(audio_id)
    assert bench.vod.audio_ids() == []
    assert ("cancel" in bench.vod.calls) == (state in {"queued", "running"})


def test_what_vod_does_not_delete_since_it_is_gone_is_not_looked_for(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was found to be gone, so nobody waits until it is."""
    deleted = bench.lifecycle.deleting(bench.vod.audio(), bench.operation(), FakeDeadline(bench.clock, 60))
    assert here(deleted) is False, "VOD has confirmed it, and may still be at it"
    monkeypatch.setattr(bench.vod, "delete", lambda *_: False)
    begun = bench.clock.now
    bench.remove("nowhere")
    assert bench.clock.now == begun


@pytest.mark.parametrize("refusals", [REFUSALS - 1, REFUSALS])
def test_remove_gives_up_on_what_vod_will_not_delete(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, refusals: int
) -> None:
    """A delete that VOD reports FAILED again and again is an error that tells the status, and a reason if there is one.

    One that it reports so now and then is sent again.
    """
    audio_id, delete, left = bench.vod.audio(reason="locked"), bench.vod.delete, iter(range(refusals))

    def refusing(*given: Any) -> bool:
        return False if next(left, None) is not None else delete(*given)

    monkeypatch.setattr(bench.vod, "delete", refusing)
    if refusals == REFUSALS:
        with pytest.raises(ExtractionError, match=r"FAILED, and its status is CREATED \(locked\); try again later"):
            bench.remove(audio_id)
        bench.vod.assets[audio_id] = replace(bench.vod.assets[audio_id], reason="")
        left = iter(range(refusals))
        with pytest.raises(ExtractionError, match="its status is CREATED; try again later"):
            bench.remove(audio_id)
    else:
        bench.remove(audio_id)
    assert next(left, None) is None, "it was given up too early"
    assert (audio_id in bench.vod.assets) is (refusals == REFUSALS)


def test_publish_and_back(bench: Bench) -> None:
    """What VOD answers is what the audio is then; one that is not ready cannot be published."""
    audio_id, call, deadline = bench.vod.audio(), Operation(), FakeDeadline(bench.clock, 60)
    assert here(bench.lifecycle.publishing(audio_id, call, deadline, published=True)).published
    assert not here(bench.lifecycle.publishing(audio_id, call, deadline, published=False)).published
    making = bench.vod.audio(status="CREATING")
    with pytest.raises(ExtractionError, match=rf"^publishing audio {making}: .* its status is CREATING"):
        here(bench.lifecycle.publishing(making, call, deadline, published=True))


def test_what_vod_has_not_published_is_an_error(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """It answers without one, and the audio is ready and as it was before."""
    audio_id, call, deadline = bench.vod.audio(), Operation(), FakeDeadline(bench.clock, 60)
    monkeypatch.setattr(bench.vod, "publish", lambda it, *_, **__: bench.vod.assets[it])
    bench.again()
    with pytest.raises(ExtractionError, match=rf"^publishing audio {audio_id}: VOD has answered, .* CREATED$"):
        here(bench.lifecycle.publishing(audio_id, call, deadline, published=True))


def test_adopt_takes_what_nothing_speaks_against(bench: Bench) -> None:
    """Right format, and ready: taken without a request; wrong ones are told."""
    good = bench.vod.audio(duration=59.5)
    assert bench.adopt(good).id == good
    for audio_id, audio_format, said in (
        (good, "AAC", "MP3 and not AAC"),
        (bench.vod.audio(status="SERVER_ERROR"), "MP3", "SERVER_ERROR"),
        ("nowhere", "MP3", "VOD has no such asset"),
    ):
        with pytest.raises(ExtractionError, match=said):
            bench.adopt(audio_id, audio_format)
    assert bench.vod.accepted == 0
    assert bench.warned == []


def test_a_duration_that_differs_is_a_warning(bench: Bench) -> None:
    """A video of 20 s may have 8 s of sound: it is adopted, and both durations are named."""
    bench.vod.video(duration=20.0)
    audio_id = bench.vod.audio(duration=8.0)
    assert bench.adopt(audio_id).id == audio_id
    assert len(bench.warned) == 1
    assert "it lasts 8 s and its source video 20 s" in bench.warned[0]


def test_an_adopted_audio_is_somebodys(bench: Bench) -> None:
    """Nobody who searches for a lost audio takes it."""
    made = bench.vod.audio()
    bench.intend()
    bench.adopt(made, owner="other")
    assert bench.ensure().id != made
    found = bench.ledger.find(key_of(owner="other"))
    assert found is not None
    assert (found.audio_id, found.state) == (made, State.ACCEPTED)


class Lives(RuleBasedStateMachine):
    """Three declared audios, made, lost, crashed and removed in any order, with faults before any step."""

    @initialize()
    def begin(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self.bench = Bench(Path(self._folder.name))
        self.state: dict[str, str] = {}
        self.requests: dict[str, int] = dict.fromkeys("abc", 0)
        for name in "abc":
            self.bench.vod.video(f"video {name}", title=f"Title {name}")

    def teardown(self) -> None:
        if hasattr(self, "_folder"):
            self._folder.cleanup()

    @rule(
        name=st.sampled_from("abc"),
        fault=st.sampled_from([None, "after", "lost", "429", "refused"]),
        where=st.sampled_from(["extract", "look", "list", "delete"]),
        saved=st.booleans(),
    )
    def up(self, name: str, fault: str | None, where: str, *, saved: bool) -> None:
        """Create what is not in the state; `saved` False is a kill before the engine saves what came back."""
        if name in self.state:
            return
        faults: dict[str, Exception | str] = {
            "after": "after" if where == "extract" else lost(),
            "lost": lost(),
            "429": UnreachableError("x", "e", "refused"),
            "refused": refused("VOD.10051", 403),
        }
        if fault:
            self.bench.vod.faults[where] = [faults[fault]]
        audio_id = None
        try:
            audio_id = self.bench.ensure(f"video {name}", owner=name).id
        except UnfinishedError as error:
            audio_id = error.asset.id
        except (AnswerError, VodError):
            pass
        self.bench.vod.faults.clear()
        if saved and audio_id is not None:
            self.state[name] = audio_id
            self.bench.hold(audio_id, name)
        else:
            self.bench.again()

    @rule(name=st.sampled_from("abc"))
    def down(self, name: str) -> None:
        """Remove what the state has."""
        audio_id = self.state.pop(name, None)
        if audio_id is not None:
            self.bench.remove(audio_id)
            self.bench.ledger.release(Holder(PLACE.site, audio_id, name))

    @rule(seconds=st.floats(0, 400))
    def later(self, seconds: float) -> None:
        """Time passes between runs."""
        self.bench.clock.now += seconds

    @invariant()
    def nobody_is_unknown(self) -> None:
        """Every audio at VOD is in the state or in the ledger, and no name has two."""
        if not hasattr(self, "bench"):
            return
        held = set(self.state.values())
        for audio_id in self.bench.vod.audio_ids():
            known = audio_id in held or audio_id in self.bench.ledger.known_ids(PLACE.site)
            lost_ones = [self.bench.ledger.find(key_of(f"video {name}", owner=name)) for name in "abc"]
            assert known or any(entry and entry.audio_id is None for entry in lost_ones), audio_id
        titles = [asset.title for asset in self.bench.vod.assets.values() if asset.pack_type == "MP3"]
        assert len(titles) == len(set(titles)), "an audio was paid for twice"


TestLives = Lives.TestCase
TestLives.settings = settings(max_examples=60, stateful_step_count=25, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("sent", [True, False])
@pytest.mark.parametrize("kind", [StoppedError, lambda: DeadlineError(60)], ids=["stopped", "too late"])
def test_who_stops_waiting_for_an_answer_leaves_what_was_sent(
    bench: Bench, kind: Callable[[], StoppedError | DeadlineError], sent: bool
) -> None:
    """The next run looks for its audio; of what was not sent there is nothing to find out."""
    error = kind()
    error.sent = sent
    bench.vod.faults["extract"] = [error]
    with pytest.raises(
        ExtractionError, match="first finds out" if sent else NOT_ASKED if kind is StoppedError else "asks for it"
    ):
        bench.ensure()
    assert (bench.ledger.find(key_of()) is not None) is sent


def test_a_deadline_while_looking_for_a_lost_audio_keeps_the_intent(bench: Bench) -> None:
    """Time may run out between the lost answer and the look: the next run looks."""
    bench.vod.faults["extract"] = ["after"]
    with pytest.raises(ExtractionError, match="the next `pulumi up` first finds out what became of the request"):
        bench.ensure(seconds=1)
    assert bench.ensure().id in bench.vod.audio_ids()
    assert bench.vod.accepted == 1


ROOM = 13
"""Characters of a row's text that a terminal of 100 columns has room for."""


def test_a_row_says_first_what_is_going_on(bench: Bench) -> None:
    """Where a terminal cuts it short, what is left still tells."""
    bench.vod.video("late", status="CREATING")
    bench.vod.faults["extract"] = ["after"]
    first, late = bench.ensure(), bench.ensure("late", owner="late")
    bench.vod.outcome = lambda asset: replace(asset, status="SERVER_ERROR", reason="no sound")
    with pytest.raises(ExtractionError):
        bench.ensure(owner="failing")
    bench.remove(bench.vod.audio(status="CREATING", reason="queued"))
    bench.remove(bench.vod.audio(status="CREATING"))
    call, deadline = bench.operation(), FakeDeadline(bench.clock)
    here(bench.lifecycle.publishing(first.id, call, deadline, published=True))
    here(bench.lifecycle.publishing(first.id, call, deadline, published=False))
    here(bench.lifecycle.describing(late.id, {"title": "T"}, call, deadline))
    assert list(dict.fromkeys(text[:ROOM].rstrip() for text in bench.said)) == [
        "requesting MP",
        "answer lost:",
        "extracting",
        "source busy:",
        "failed: remov",
        "deleting",
        "cancelling",
        "extracting, w",
        "publishing",
        "unpublishing",
        "setting title",
    ]


def test_who_stops_waiting_for_an_audio_is_told_in_few_words(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """After Ctrl-C the audio's id is in the state, and many say the same: no ids, so that failures stand out."""

    def wait(*_: object, **__: object) -> Asset:
        raise StoppedError

    monkeypatch.setattr(bench.vod, "wait", wait)
    with pytest.raises(UnfinishedError) as stopped:
        bench.ensure()
    assert str(stopped.value) == GOES_ON
    assert len(GOES_ON) <= 80 - len("        * ")
    assert stopped.value.asset.id in bench.vod.audio_ids()


def test_a_wait_that_ends_before_anything_was_asked_says_that_it_is_asked_again(bench: Bench) -> None:
    """There is nothing to find out."""
    bench.vod.faults["glance"] = [StoppedError()]
    with pytest.raises(ExtractionError, match="stopped before VOD was asked; the next `pulumi up` asks"):
        bench.ensure()
    assert bench.vod.accepted == 0


def vanishing(bench: Bench, *answers: tuple[float, Asset]) -> list[float]:
    """Delete an audio of which VOD tells these states, each until so many seconds later; when it was looked for."""
    audio_id, asked = bench.vod.audio(), list[float]()
    begun = bench.clock.now

    def glance(_: str, __: Any) -> Asset:
        asked.append(bench.clock.now - begun)
        return next(asset for end, asset in answers if asked[-1] < end)

    bench.vod.glance = glance  # type: ignore[method-assign, assignment]
    bench.remove(audio_id)
    return asked


@pytest.mark.parametrize("status", ["DELETED", "NO_ASSET"])
def test_a_deletion_is_seen_through(bench: Bench, status: str) -> None:
    """Deleting is asynchronous: looked for until it is gone, more and more seldom."""
    there = (10.0, Asset("a", "CREATED")), (12.0, Asset("a", "DELETING"))
    assert vanishing(bench, *there, (float("inf"), Asset("a", status))) == [1, 3, 7, 15]


@pytest.mark.parametrize(("absence_s", "looks"), [(ABSENCE_S, 10), (1.5, 2), (1.0, 1)])
def test_a_deletion_that_does_not_end_is_given_up_after_a_minute(bench: Bench, absence_s: float, looks: int) -> None:
    """Or what is set. VOD has accepted it, so that this is no error, but a warning."""
    bench.lifecycle._recovery.absence_s = absence_s
    asked = vanishing(bench, (float("inf"), Asset("a", "DELETING")))
    assert (asked[-1], len(asked)) == (absence_s, looks)
    assert bench.warned


def test_a_deletion_that_has_failed_is_an_error(bench: Bench) -> None:
    """Not at once: what is shown may be the end of an earlier attempt."""
    failed = Asset("a", "DELETE_FAILED", reason="locked")
    vanishing(bench, (5.0, failed), (float("inf"), Asset.gone("a")))
    with pytest.raises(ExtractionError, match=r"reports DELETE_FAILED \(locked\)"):
        vanishing(bench, (float("inf"), failed))


def seeing_through(
    bench: Bench, count: int, *, others: int = 0, after: tuple[float, str] = (5.0, "NO_ASSET")
) -> tuple[list[str], list[str]]:
    """See so many deletions through, of which VOD says DELETING before some seconds have passed, and then a status.

    Returns those that are shown in the end, and those of which VOD says that their deletion has failed.
    """
    ids = [bench.vod.audio(status="DELETING") for _ in range(count)]
    for _ in range(others):
        bench.vod.audio()
    end, status = bench.clock.now + after[0], after[1]

    class Passing(FakeDeadline):
        def pause(self, event: threading.Event, seconds: float = float("inf")) -> None:
            super().pause(event, seconds)
            if bench.clock.now >= end:
                for it in ids:
                    bench.vod.assets[it] = replace(bench.vod.assets[it], status=status, reason="locked")

    bench.vod.calls.clear()
    shown, failed = bench.lifecycle.see_through(ids, Passing(bench.clock, 600))
    assert all("reports DELETE_FAILED (locked)" in str(error) for error in failed.values())
    return shown, list(failed)


def test_many_deletions_are_seen_through_in_the_listing(bench: Bench) -> None:
    """Which has a hundred in a page, where a question by ids has ten."""
    assert seeing_through(bench, 50) == ([], [])
    assert bench.vod.calls == ["few_audios"] * 3  # after 1, 3 and 7 s


def test_many_deletions_among_far_more_audios_are_seen_through_by_ids(bench: Bench) -> None:
    """Where the listing would take more calls, or the audios are few, they are asked about in tens."""
    assert seeing_through(bench, 50, others=400) == ([], [])
    assert bench.vod.calls == [*["few_audios"], *["glance"] * 50] * 3
    assert seeing_through(bench, 10) == ([], [])
    assert set(bench.vod.calls) == {"glance"}
    bench.vod.faults["few_audios"] = [refused("VOD.10074", 403) for _ in range(3)]
    assert seeing_through(bench, 30) == ([], []), "listing is not permitted"


def test_many_deletions_that_do_not_end(bench: Bench) -> None:
    """After a minute they are told, and those apart of which VOD says that they have failed."""
    begun = bench.clock.now
    shown, failed = seeing_through(bench, 30, after=(float("inf"), ""))
    assert (len(shown), failed, bench.clock.now - begun) == (30, [], ABSENCE_S)
    shown, failed = seeing_through(bench, 30, after=(20.0, "DELETE_FAILED"))
    assert (shown, len(failed)) == ([], 30)


def test_who_stops_seeing_deletions_through_asks_no_more(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The poller forgets whoever waits no longer."""
    asked: dict[str, Future[Asset]] = {}
    monkeypatch.setattr(bench.vod, "glancing", lambda it: asked.setdefault(it, Future()))
    monkeypatch.setattr(bench.vod, "forget", lambda it, _: asked.pop(it))
    with pytest.raises(DeadlineError):
        bench.lifecycle.see_through(["one", "two"], FakeDeadline(bench.clock, 60))
    assert not asked
