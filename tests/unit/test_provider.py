"""What the engine asks of the provider, and what it and the ledger are told, over a VOD in memory."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar, cast

import pytest
from obstore.store import MemoryStore
from pulumi.dynamic import CreateResult
from pulumi.output import Unknown

from tests.unit.fakes import Clock, FakeOperation, FakeVod, hide_from_others, refused
from vod_provider.audio import inputs
from vod_provider.audio.ledger import Ledger
from vod_provider.audio.ledger_records import Holder, Key, LedgerError, Request, State, mark
from vod_provider.audio.ledger_store import ObjectStore
from vod_provider.audio.lifecycle import Lifecycle
from vod_provider.audio.operation import Operation
from vod_provider.audio.place import Place
from vod_provider.audio.recovery import Recovery
from vod_provider.config import settings
from vod_provider.plugin import context, serving
from vod_provider.plugin.context import RunContext
from vod_provider.plugin.errors import PartialFailureError, SavedStateError
from vod_provider.plugin.leftovers import Leftovers
from vod_provider.plugin.run import Run
from vod_provider.plugin.services import Services
from vod_provider.plugin.serving import ServedRequest
from vod_provider.provider import ExtractedAudioProvider
from vod_provider.vod.deadline import Stop
from vod_provider.vod.errors import DeadlineError, EarlyEndError, ExtractionError, GoneError, StoppedError, VodError

T = TypeVar("T")
Props = dict[str, Any]

ENDPOINT, PROJECT = "http://127.0.0.1:1", "0" * 32
SITE = f"{ENDPOINT} {PROJECT}"
CONFIG = {
    "vod:endpoint": ENDPOINT,
    "vod:projectId": PROJECT,
    "vod:accessKey": "key",
    "vod:secretKey": "secret",
}
DECLARED: Props = {"asset_id": "video", "format": "MP3"}
STACK = "urn:pulumi:dev::media::"


def urn(name: str) -> str:
    return f"{STACK}pulumi-python:dynamic/vod:ExtractedAudio::{name}"


def owner(name: str) -> str:
    return f"backend {urn(name)}"


class Saved:
    """A saved state that has these audios: the names of those who have each, by id; None: it cannot be read.

    `made_for` has the names of those for which they were made, by id, as far as these are others.
    """

    def __init__(self, audios: Mapping[str, Collection[str]] | None, made_for: Mapping[str, str]) -> None:
        self._audios, self._made_for = audios, made_for
        self.asked = 0
        self.stacks: Collection[str] | None = {"dev", "prod"}
        """None: they cannot be listed."""
        self.moved: list[Holder] = []
        """What other stacks have."""

    def is_stack(self, name: str) -> bool:
        if self.stacks is None:
            raise SavedStateError("they cannot be listed")
        return name in self.stacks

    def elsewhere(self, audio_id: str) -> list[Holder]:
        if self.stacks is None:
            raise SavedStateError("they cannot be listed")
        return [it for it in self.moved if it.audio_id == audio_id]

    def holders_of(self, audio_id: str) -> list[Holder]:
        self.asked += 1
        if self._audios is None:
            raise SavedStateError("it cannot be read")
        return [
            Holder(SITE, audio_id, owner(name), made_for=mark(owner(self._made_for.get(audio_id, name))))
            for name in self._audios.get(audio_id, ())
        ]

    def holders(self) -> list[Holder]:
        return [holder for audio_id in self._audios or () for holder in self.holders_of(audio_id)]


class FakeServices(Services):
    """Services whose places are all one VOD in memory."""

    def __init__(self, base: settings.Settings, ledger: Ledger, vod: FakeVod) -> None:
        super().__init__(base, ledger, Stop(), lambda _: None)
        self.asked_at: list[Place] = []
        self.listened = 0
        self._vod: Any = vod

    def listen(self) -> None:
        self.listened += 1

    def at(self, place: Place) -> Lifecycle:
        self.asked_at.append(place)
        vod = self._vod
        recovery = Recovery(vod, vod, self.ledger, place.site, 60.0, here=vod._time)
        return Lifecycle(place, vod, vod, vod.deletes(), vod.publishes(), self.ledger, recovery)


class Engine:
    """Runs of an engine, each with a provider of its own over one VOD and one ledger."""

    def __init__(self, folder: Path) -> None:
        self.clock = Clock()
        self.vod = FakeVod(self.clock)
        self._file = folder / "ledger.sqlite"
        self.names_of_runs: Iterator[str] = (f"run {number}" for number in itertools.count())
        self.said: list[str] = []
        self.warned: list[str] = []
        self.config = dict(CONFIG)
        self.run()

    def run(self, **config: str) -> None:
        """Begin another run."""
        self.ledger = Ledger(self._file, run=next(self.names_of_runs))
        self.provider = ExtractedAudioProvider()
        self.context = RunContext(self.config | config)
        self.provider.begin(self.context)
        base = settings.load(self.config | config, {})
        self.services = FakeServices(base, self.ledger, self.vod)
        self.context.opened = cast("Any", self.services)

    def serve(self, name: str, method: Callable[..., T], *arguments: Any, timeout: float = 0.0) -> T:
        """Have the provider serve one request; what it was to say beyond the answer is in `last`."""
        operation = FakeOperation(owner(name), timeout, Stop(), lambda _: None, self.warned.append, clock=self.clock)
        self.last = ServedRequest(operation, urn(name))
        with serving.serving(self.last):
            return method(*arguments)

    def create(self, name: str = "talk", **props: Any) -> CreateResult:
        checked = self.serve(name, self.provider.check, {}, {"asset_id": "video", **props})
        assert not checked.failures
        return self.serve(name, self.provider.create, checked.inputs)

    def made(self, name: str = "talk", **props: Any) -> tuple[str, Props]:
        """An audio whose state is saved, seen from the next run; returns its id and its outputs."""
        created = self.create(name, **props)
        self.run()
        assert created.outs is not None
        return created.id, dict(created.outs)

    def held(self, name: str = "talk", **props: Any) -> tuple[str, Props]:
        """As `made`, and a run has shown it to the ledger."""
        audio_id, outs = self.made(name, **props)
        self.serve(name, self.provider.diff, audio_id, outs, outs)
        self.over()
        self.run()
        return audio_id, outs

    def saved(self, audios: Mapping[str, Collection[str]] | None, **made_for: str) -> Saved:
        """The saved state of this run, as `Saved` has it."""
        saved = Saved(audios, made_for)
        self.context.leftovers._saved[f"backend {STACK}"] = cast("Any", saved)
        return saved

    def listen(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Note what is said and warned of beyond any request; there is no session."""
        monkeypatch.setattr(serving, "_session", None)
        monkeypatch.setattr(serving, "say", self.said.append)
        monkeypatch.setattr(serving, "warn", self.warned.append)

    def over(self) -> None:
        """The run is over."""
        self.context.over()


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """An engine over a VOD that has a video."""
    one = Engine(tmp_path)
    one.listen(monkeypatch)
    one.vod.video(duration=65.4)
    return one


# -- create -----------------------------------------------------------------------------------------------------


def test_a_created_audio_is_answered_and_held_only_when_it_is_shown(engine: Engine) -> None:
    """The engine may fail to save what it was told: the request ends when a later run shows the id."""
    created = engine.create()
    (request,) = engine.ledger.requests(SITE)
    assert (request.state, request.audio_id, request.owner) == (State.ANSWERED, created.id, owner("talk"))
    assert engine.ledger.holders(SITE) == []
    engine.run()
    outs = dict(created.outs or {})
    engine.serve("talk", engine.provider.diff, created.id, outs, outs)
    engine.over()
    assert engine.ledger.requests(SITE) == []
    (held,) = engine.ledger.holders(SITE)
    assert held == Holder(
        SITE,
        created.id,
        owner("talk"),
        made_for=mark(owner("talk")),
        source="video",
        format="MP3",
        fingerprint=request.fingerprint,
    )


def test_the_outputs_say_what_the_audio_is_and_where(engine: Engine) -> None:
    """With what VOD tells of it, and for whom it was made; the row ends with its length."""
    engine.vod.outcome = lambda asset: replace(asset, status="CREATED", duration=65.4, url="http://it", size=7)
    outs = engine.create(title="A talk", tags=["one"]).outs or {}
    told = {"audio_asset_id": "audio0", "status": "CREATED", "url": "http://it", "duration": 65.4, "size": 7}
    given = {"title": "A talk", "tags": ["one"], "publish": False, "place": SITE, "made_for": mark(owner("talk"))}
    assert told.items() <= outs.items()
    assert given.items() <= outs.items()
    assert engine.last.last_line == "ready, 1:05"
    assert engine.vod.assets["audio0"].title == "A talk"


def test_without_a_length_the_row_ends_with_ready(engine: Engine) -> None:
    """VOD may not tell how long an audio is."""
    engine.create()
    assert engine.last.last_line == "ready"


def test_a_create_that_breaks_off_keeps_the_id(engine: Engine) -> None:
    """VOD has accepted: whatever goes wrong then, the engine gets the id and the ledger notes that it did."""
    engine.vod.faults["update"] = [refused("VOD.10053")]
    with pytest.raises(PartialFailureError, match="audio audio0 is kept, and `pulumi up` tries again") as failed:
        engine.create(title="A talk")
    assert failed.value.id == "audio0"
    assert failed.value.outs["place"] == SITE
    assert failed.value.outs["status"] == "CREATED"
    assert [it.state for it in engine.ledger.requests(SITE)] == [State.ANSWERED]


def test_a_create_is_published_where_the_program_says_so(engine: Engine) -> None:
    """And the outputs say so; one that is published already is not published again."""
    assert (engine.create(publish=True).outs or {})["publish"] is True
    assert engine.vod.calls.count("publish") == 1
    engine.vod.outcome = lambda asset: replace(asset, status="PUBLISHED")
    engine.create("second", publish=True, triggers=[1])
    assert engine.vod.calls.count("publish") == 1


def test_a_ledger_that_fails_after_the_answer_is_a_warning(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine has the ids, which is what counts; it is said once, however many they are."""

    def fail(*_: object) -> None:
        raise LedgerError("the disk is full")

    monkeypatch.setattr(engine.ledger, "answered", fail)
    assert engine.create().id == "audio0"
    assert engine.create("second").id == "audio1"
    (said,) = engine.warned
    assert said.startswith("the disk is full; Pulumi's state has this run's audios all the same")


def test_a_ledger_that_cannot_be_read_names_what_it_was_needed_for(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one line, which says that VOD was not asked."""

    def fail(*_: object) -> None:
        raise LedgerError("the disk is full")

    monkeypatch.setattr(engine.ledger, "find", fail)
    for asked, doing in (({}, "extracting MP3 from asset video"), ({"adopt": "x"}, "adopting audio x")):
        with pytest.raises(LedgerError, match=f"^{doing}: the disk is full; VOD was not asked"):
            engine.create(**asked)
    assert engine.vod.calls.count("extract") == 0


def test_a_ledger_that_is_not_saved_is_a_warning_too(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is in object storage, what was noted of an answer has to arrive there."""

    def fail() -> None:
        raise LedgerError("the store is away")

    monkeypatch.setattr(engine.ledger, "flush", fail)
    assert engine.create().id == "audio0"
    (said,) = engine.warned
    assert said.startswith("the store is away; Pulumi's state has this run's audios all the same")


def test_what_nobody_could_find_again_leaves_no_request(engine: Engine) -> None:
    """A host that does not say which resource it is: whatever asks next is another one, as far as anybody knows."""
    with serving.serving(ServedRequest(Operation())):
        created = [engine.provider.create(DECLARED).id for _ in range(2)]
    assert engine.vod.audio_ids() == created
    assert engine.ledger.everything(SITE) == ([], [])


def test_a_preview_needs_no_credentials(engine: Engine) -> None:
    """Nor does an `up` that changes nothing, not even to say that the default place is another one now."""
    audio_id, outs = engine.made()
    engine.config = {"vod:region": "ap-southeast-3", "vod:projectId": PROJECT}
    engine.run()
    assert not engine.serve("talk", engine.provider.check, outs, DECLARED).failures
    assert not engine.serve("talk", engine.provider.diff, audio_id, outs, DECLARED).changes
    engine.over()
    assert [it.partition(" (")[0] for it in engine.said] == ["1 audio stays where it is"]


def test_a_run_is_over_with_its_session(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the engine ends the run, what it has shown is noted."""

    class End:
        def time_remaining(self) -> float:
            return 5.0

    audio_id, outs = engine.made()
    session = serving.Session(None, watches=False)
    monkeypatch.setattr(serving, "_session", session)
    engine.run()
    engine.serve("talk", engine.provider.diff, audio_id, outs, outs)
    session.cancel(End())
    assert [it.audio_id for it in engine.ledger.holders(SITE)] == [audio_id]


def test_a_state_of_a_version_before_is_held_where_the_default_is(engine: Engine) -> None:
    """It does not say where its audio is, so the ledger notes that the place is assumed; with whose credentials."""
    _, outs = engine.made()
    audio_id = "made by another ledger"
    outs["audio_asset_id"] = audio_id
    old = {name: value for name, value in outs.items() if name != "place"} | {"account": "other"}
    engine.config["vod:accounts"] = json.dumps({"other": {"token": "t", "projectId": PROJECT}})
    for state, is_assumed in ((old, True), (outs, False)):
        engine.run()
        engine.serve("talk", engine.provider.diff, audio_id, state, state)
        engine.over()
        (held,) = engine.ledger.holders(SITE)
        assert (held.assumed, held.account) == (is_assumed, state.get("account"))


def test_a_negative_timeout_is_refused_before_vod_is_asked(engine: Engine) -> None:
    """By the name of the option."""
    with pytest.raises(VodError, match=r"custom_timeouts is -1 s"):
        engine.serve("talk", engine.provider.create, {"asset_id": "video"}, timeout=-1)
    assert engine.vod.calls == []


# -- adopt ------------------------------------------------------------------------------------------------------


def test_an_adopted_audio_is_not_extracted(engine: Engine) -> None:
    """It is there already, and from now on this resource's."""
    audio_id = engine.vod.audio()
    assert engine.create(adopt=audio_id).id == audio_id
    assert engine.vod.accepted == 0


def test_adopting_what_a_declared_resource_holds_is_refused(engine: Engine) -> None:
    """By that resource's name, as long as this run has not given it up."""
    audio_id, outs = engine.made("first")
    engine.serve("first", engine.provider.check, outs, DECLARED)
    engine.serve("first", engine.provider.diff, audio_id, outs, outs)
    with pytest.raises(ExtractionError, match="first holds it; take first out of the program in the same run"):
        engine.create("second", adopt=audio_id)


def test_a_replacement_does_not_adopt(engine: Engine) -> None:
    """`adopt` counts at the creation of the resource: another source is another extraction."""
    there = engine.vod.audio()
    audio_id, outs = engine.made(adopt=there)
    engine.vod.video("other")
    news = engine.serve("talk", engine.provider.check, outs, {"asset_id": "other", "adopt": there}).inputs
    assert engine.serve("talk", engine.provider.diff, audio_id, outs, news).replaces == ["asset_id"]
    assert engine.serve("talk", engine.provider.create, news).id != there
    assert engine.vod.accepted == 1


def test_what_was_handed_over_goes_with_its_new_holder(engine: Engine) -> None:
    """The run that hands it over keeps it; the destruction of the one who has it then deletes it."""
    audio_id, outs = engine.made("first")
    adopted = dict(engine.create("second", adopt=audio_id).outs or {})
    engine.serve("first", engine.provider.delete, audio_id, outs)
    assert engine.said == [f"audio {audio_id} is kept at VOD: second holds it, too"]
    assert engine.vod.audio_ids() == [audio_id]
    engine.run()
    engine.serve("second", engine.provider.delete, audio_id, adopted)
    assert engine.vod.audio_ids() == []


def test_what_is_taken_over_stays_where_it_is(engine: Engine) -> None:
    """The stack's default place is another one now: VOD is asked where the audio is, and the outputs say so."""
    audio_id, _ = engine.held("first")
    engine.run(**{"vod:projectId": "1" * 32})
    created = engine.create("second", moved_from="first")
    assert created.id == audio_id
    assert (created.outs or {})["place"] == SITE
    assert engine.services.asked_at[-1].site == SITE


def test_taking_over_is_said_where_the_audio_goes(engine: Engine) -> None:
    """The row of the one that goes says who has its audio now, and nothing is said below the run."""
    audio_id, outs = engine.held("first")
    engine.create("second", moved_from="first")
    engine.serve("first", engine.provider.delete, audio_id, outs)
    assert engine.last.last_line == "moved to second"
    assert engine.vod.audio_ids() == [audio_id]
    assert engine.said == []


def test_taking_over_what_stays_declared_is_refused(engine: Engine) -> None:
    """Two resources would have one audio."""
    audio_id, outs = engine.held("first")
    engine.serve("first", engine.provider.check, outs, DECLARED)
    engine.serve("first", engine.provider.diff, audio_id, outs, outs)
    with pytest.raises(ExtractionError, match="first holds it; take first out of the program in the same run"):
        engine.create("second", moved_from="first")


def test_two_do_not_take_over_one_audio(engine: Engine) -> None:
    """Each of them is declared to have an audio of its own; the second one is told who has it."""
    audio_id, outs = engine.held("first")
    assert engine.create("second", moved_from="first").id == audio_id
    with pytest.raises(VodError, match="the audio of first: second takes it over; take moved_from out"):
        engine.create("third", moved_from="first")
    engine.serve("first", engine.provider.delete, audio_id, outs)
    assert engine.vod.audio_ids() == [audio_id]


@pytest.mark.parametrize("asked", [{"format": "AAC"}, {"asset_id": "other"}])
def test_taking_over_something_else_is_refused(engine: Engine, asked: Props) -> None:
    """It would have to be extracted, which is billed, and that was not what the program says."""
    engine.held("first")
    engine.vod.video("other")
    wanted = DECLARED | asked
    with pytest.raises(VodError) as refusal:
        engine.create("second", **wanted, moved_from="first")
    assert str(refusal.value) == (
        "taking over the audio of first: it is MP3 of asset video, and not"
        f" {wanted['format']} of asset {wanted['asset_id']}; take moved_from out, which extracts it and is billed"
    )
    assert engine.vod.accepted == 1


def test_what_an_earlier_run_has_made_comes_before_what_is_to_be_taken_over(engine: Engine) -> None:
    """It is paid for already, and nobody else would ever have it."""
    audio_id, _ = engine.held("first")
    made = engine.create("second").id
    engine.run()
    assert engine.create("second", moved_from="first").id == made != audio_id
    assert engine.vod.accepted == 2


def test_a_replacement_takes_nothing_over(engine: Engine) -> None:
    """`moved_from` counts once, and may be left in the program: another source is another extraction."""
    engine.held("first")
    audio_id, outs = engine.made("second", moved_from="first")
    engine.vod.video("other")
    news = engine.serve("second", engine.provider.check, outs, {"asset_id": "other", "moved_from": "first"}).inputs
    assert engine.serve("second", engine.provider.diff, audio_id, outs, news).replaces == ["asset_id"]
    assert engine.serve("second", engine.provider.create, news).id != audio_id


@pytest.mark.parametrize("names", [["earlier", "now"], ["", ""]], ids=["named", "not named"])
def test_what_is_taken_over_outlives_its_former_holder(engine: Engine, names: list[str]) -> None:
    """The state from before the run has it as the former one's alone; a host may not tell one run from another."""
    engine.names_of_runs = itertools.cycle(names)
    engine.run()
    audio_id, outs = engine.made("first")
    engine.saved({audio_id: ["first"]})
    assert engine.create("second", moved_from="first").id == audio_id
    engine.serve("first", engine.provider.delete, audio_id, outs)
    assert engine.vod.audio_ids() == [audio_id]


def test_a_new_ledger_keeps_what_the_state_shows_another_to_hold(engine: Engine) -> None:
    """As on a machine that has made none of them: `destroy --target` shows one resource only. The last one deletes it.

    The state, which has both to the end of the run, is asked once for each audio: who has let go holds it no more.
    """
    audio_id, outs = engine.made("first")
    engine.ledger.drop(engine.ledger.kept(f"backend {STACK}")[0].key, audio_id)
    saved = engine.saved({audio_id: ["first", "second"]})
    engine.serve("second", engine.provider.delete, audio_id, outs | {"adopt": audio_id})
    assert engine.vod.audio_ids() == [audio_id]
    assert [it.owner for it in engine.ledger.holders(SITE)] == [owner("first")]
    asked = saved.asked
    engine.serve("first", engine.provider.delete, audio_id, outs)
    assert engine.vod.audio_ids() == []
    assert saved.asked == asked


def test_a_ledger_that_knows_an_audio_asks_the_state_for_nobody(engine: Engine) -> None:
    """Whoever holds it is written down then: no deletion waits for the state to be read."""
    audio_id, outs = engine.held()
    saved = engine.saved(None)
    engine.serve("talk", engine.provider.delete, audio_id, outs)
    assert engine.vod.audio_ids() == []
    assert saved.asked == 0


# -- check and diff ---------------------------------------------------------------------------------------------


def test_a_wrong_input_is_named_and_not_shown(engine: Engine) -> None:
    """Pulumi shows the value of a property that is named as such, secrets too; so the name stands in the text."""
    checked = engine.serve("talk", engine.provider.check, {}, {"asset_id": "video", "format": "OGG"})
    (failure,) = checked.failures
    assert failure.property == ""
    assert failure.reason.startswith("format ")


def test_an_account_that_the_settings_do_not_have_is_refused_in_the_preview(engine: Engine) -> None:
    """Before anything is asked."""
    checked = engine.serve("talk", engine.provider.check, {}, {"asset_id": "video", "account": "archive"})
    assert [it.reason.partition(" ")[0] for it in checked.failures] == ["account"]


def test_an_unknown_account_is_not_looked_up(engine: Engine) -> None:
    """It is an output of another resource, in a preview."""
    unknown: Any = Unknown()  # type: ignore[no-untyped-call]
    assert not engine.serve("talk", engine.provider.check, {}, {"asset_id": "video", "account": unknown}).failures


def test_what_is_as_declared_is_left_alone(engine: Engine) -> None:
    """No change, and no call."""
    audio_id, outs = engine.made()
    engine.vod.calls.clear()
    diff = engine.serve("talk", engine.provider.diff, audio_id, outs, DECLARED)
    assert (diff.changes, diff.replaces) == (False, [])
    assert engine.last.detailed == {}
    assert engine.vod.calls == []


def test_another_source_is_another_extraction_and_metadata_is_not(engine: Engine) -> None:
    """Which property does what is told to the preview."""
    audio_id, outs = engine.made()
    news = {"asset_id": "other", "format": "MP3", "title": "New"}
    diff = engine.serve("talk", engine.provider.diff, audio_id, outs, news)
    assert (diff.changes, diff.replaces, diff.delete_before_replace) == (True, ["asset_id"], False)
    assert engine.last.detailed == {"asset_id": "UPDATE_REPLACE", "title": "UPDATE"}
    assert tuple(diff.stables or ()) == engine.last.stables == ("audio_asset_id",)
    diff = engine.serve("talk", engine.provider.diff, audio_id, outs, news | {"asset_id": "video"})
    assert (diff.changes, diff.replaces) == (True, [])
    assert engine.last.detailed == {"title": "UPDATE"}


@pytest.mark.parametrize(
    ("status", "url", "changes", "replaces"),
    [
        ("CREATED", "http://it", False, []),
        ("TRANSCODE_FAILED", "http://it", False, []),
        ("CREATING", None, True, []),
        ("CANCELLED", None, True, ["status"]),
        ("DELETED", None, True, ["status"]),
    ],
)
def test_the_state_that_a_refresh_has_seen_decides(
    engine: Engine, status: str, url: str | None, changes: bool, replaces: list[str]
) -> None:
    """One whose extraction has not ended is waited for; only one that has no file is extracted again."""
    audio_id, outs = engine.made()
    outs |= {"status": status, "url": url}
    diff = engine.serve("talk", engine.provider.diff, audio_id, outs, DECLARED)
    assert (diff.changes, diff.replaces) == (changes, replaces)


def test_a_preview_says_what_is_billed_again(engine: Engine) -> None:
    """By the length of the audio that is replaced, where the source stays the same."""
    engine.vod.outcome = lambda asset: replace(asset, status="CREATED", duration=65.0)
    audio_id, outs = engine.made()
    engine.serve("talk", engine.provider.diff, audio_id, outs, {"asset_id": "video", "format": "AAC"})
    engine.over()
    assert engine.said == ["1 audio will be extracted again and billed again: 1 min 5 s of sound"]


def test_a_replacement_that_only_the_engine_knows_of_is_billed_again(engine: Engine) -> None:
    """Of `replace_on_changes` no diff tells: the resource is checked with what there was, and once more without."""
    _, outs = engine.made()
    engine.serve("talk", engine.provider.check, outs, DECLARED)
    engine.serve("talk", engine.provider.check, {}, DECLARED)
    engine.over()
    assert engine.said == ["1 audio will be extracted again and billed again"]


def test_an_up_does_not_repeat_what_its_preview_has_said(engine: Engine) -> None:
    """It has created something, so it is no preview."""
    audio_id, outs = engine.made()
    engine.serve("talk", engine.provider.diff, audio_id, outs, {"asset_id": "video", "format": "AAC"})
    engine.create(format="AAC")
    engine.over()
    assert not any("billed again" in it for it in engine.said)


def test_another_default_place_leaves_audios_where_they_are(engine: Engine) -> None:
    """The preview says so; nothing is replaced."""
    audio_id, outs = engine.made()
    engine.run(**{"vod:projectId": "1" * 32})
    diff = engine.serve("talk", engine.provider.diff, audio_id, outs, DECLARED)
    assert not diff.changes
    engine.over()
    (line,) = engine.said
    assert line.startswith(f"1 audio stays where it is (at {SITE}, although the default is now {ENDPOINT} {'1' * 32})")


def test_a_place_that_the_settings_do_not_have_is_another_one(engine: Engine) -> None:
    """The check refuses it in the same preview; until then the audio is not said to be there already."""
    audio_id, outs = engine.made()
    news = DECLARED | {"account": "nobody"}
    assert engine.serve("talk", engine.provider.diff, audio_id, outs, news).replaces == ["account"]
    assert engine.serve("talk", engine.provider.check, outs, news).failures


def test_asking_for_the_place_where_it_is_already_is_an_update(engine: Engine) -> None:
    """The same project in the inputs now is no other place; another one is."""
    audio_id, outs = engine.made()
    news = DECLARED
    diff = engine.serve("talk", engine.provider.diff, audio_id, outs, news | {"project_id": PROJECT})
    assert (diff.changes, diff.replaces) == (True, [])
    diff = engine.serve("talk", engine.provider.diff, audio_id, outs, news | {"project_id": "1" * 32})
    assert diff.replaces == ["project_id"]
    unknown: Any = Unknown()  # type: ignore[no-untyped-call]
    diff = engine.serve("talk", engine.provider.diff, audio_id, outs, news | {"project_id": unknown})
    assert diff.replaces == ["project_id"]


# -- read -------------------------------------------------------------------------------------------------------


def test_a_refresh_takes_what_vod_holds(engine: Engine) -> None:
    """Metadata that somebody else has changed, too."""
    audio_id, outs = engine.made(title="A talk")
    engine.vod.assets[audio_id] = replace(engine.vod.assets[audio_id], title="Changed", url="http://new")
    read = engine.serve("talk", engine.provider.read, audio_id, outs)
    assert read.id == audio_id
    assert ((read.outs or {})["title"], (read.outs or {})["url"]) == ("Changed", "http://new")


def test_what_is_gone_leaves_state_and_ledger(engine: Engine) -> None:
    """Nobody holds it any more."""
    audio_id, outs = engine.made()
    engine.serve("talk", engine.provider.diff, audio_id, outs, outs)
    del engine.vod.assets[audio_id]
    assert engine.serve("talk", engine.provider.read, audio_id, outs).id == ""
    assert engine.ledger.everything(SITE) == ([], [])


def test_an_absence_at_a_place_that_is_only_assumed_proves_nothing(engine: Engine) -> None:
    """A state of an earlier version does not say where its audio is: it stays in the state, with a way out."""
    audio_id, outs = "audio0", DECLARED | {"audio_asset_id": "audio0", "status": "CREATED", "url": "http://it"}
    with pytest.raises(GoneError, match="does not say where it is"):
        engine.serve("talk", engine.provider.read, audio_id, outs)
    with pytest.raises(GoneError, match="does not say where it is"):
        engine.serve("talk", engine.provider.update, audio_id, outs, DECLARED | {"title": "New"})
    with pytest.raises(GoneError, match="does not say where it is"):
        engine.serve("talk", engine.provider.delete, audio_id, outs)


def test_an_audio_that_is_only_looked_up(engine: Engine) -> None:
    """`ExtractedAudio.get` tells its format, holds nothing, even once refreshed, and fails where there is no audio."""
    audio_id = engine.vod.audio(audio_format="AAC")
    read = engine.serve("looked", engine.provider.read, audio_id, {})
    assert (read.outs or {})["format"] == "AAC"
    engine.over()
    assert engine.ledger.holders(SITE) == []
    holder = Holder(SITE, audio_id, owner("talk"), source="video", made_for=mark(owner("talk")))
    engine.ledger.hold([holder])
    for said in ({}, {"asset_id": "video"}):
        outs = engine.serve("looked", engine.provider.read, audio_id, said).outs or {}
        engine.serve("looked", engine.provider.read, audio_id, outs)  # a refresh shows what the state has of it
        engine.over()
        assert engine.ledger.holders(SITE) == [holder]
    with pytest.raises(VodError, match="it is MP4, and no audio that VOD extracts"):
        engine.serve("looked", engine.provider.read, "video", {})
    with pytest.raises(VodError, match="VOD has no such asset; check the id"):
        engine.serve("looked", engine.provider.read, "nothing", {})


def test_an_imported_audio(engine: Engine) -> None:
    """Its source is what is given, or the ledger's; what the ledger has elsewhere is not looked for here."""
    audio_id = engine.vod.audio(audio_format="AAC")
    outs, declared = engine.serve("talk", engine.provider.bring_in, audio_id, "video", {})
    assert declared == {"asset_id": "video", "format": "AAC"}
    assert (outs["place"], outs["made_for"]) == (SITE, mark(owner("talk")))
    with pytest.raises(VodError, match=f"give both ids, as VIDEO_ID/{audio_id}"):
        engine.serve("talk", engine.provider.bring_in, audio_id, None, {})
    engine.ledger.hold([Holder(SITE, audio_id, owner("other"), source="video")])
    assert engine.serve("talk", engine.provider.bring_in, audio_id, None, {})[1] == declared
    with pytest.raises(VodError, match=f"it is not at {ENDPOINT} {'1' * 32}: the ledger has it at {SITE}"):
        engine.serve("talk", engine.provider.bring_in, audio_id, None, {"project_id": "1" * 32})
    with pytest.raises(VodError, match=r"importing audio nothing: VOD has no such asset"):
        engine.serve("talk", engine.provider.bring_in, "nothing", None, {})


# -- update -----------------------------------------------------------------------------------------------------


def test_an_update_asks_for_what_has_changed_only(engine: Engine) -> None:
    """Title and publication; what is as it was is not told again."""
    audio_id, outs = engine.made(title="A talk", tags=["one"])
    engine.vod.calls.clear()
    news = inputs.check({"asset_id": "video", "title": "New", "tags": ["one"], "publish": True}, lambda _: False)[0]
    updated = engine.serve("talk", engine.provider.update, audio_id, outs, news)
    assert engine.vod.calls == ["update", "publish"]
    assert ((updated.outs or {})["title"], (updated.outs or {})["status"]) == ("New", "PUBLISHED")
    assert engine.vod.assets[audio_id].title == "New"


@pytest.mark.parametrize("told", ["http://published", None])
def test_publishing_an_audio_may_give_it_another_url(engine: Engine, told: str | None) -> None:
    """Where VOD tells none, it is the one from before."""
    audio_id, outs = engine.made()
    engine.vod.assets[audio_id] = replace(engine.vod.assets[audio_id], url=told)
    before = outs | {"url": "http://before"}
    updated = engine.serve("talk", engine.provider.update, audio_id, before, DECLARED | {"publish": True})
    assert (updated.outs or {})["url"] == (told or "http://before")


def test_an_update_of_what_is_gone_says_how_to_go_on(engine: Engine) -> None:
    """Pulumi's state has it, and VOD does not."""
    audio_id, outs = engine.made()
    engine.vod.faults["update"] = [refused("VOD.10062")]
    with pytest.raises(GoneError, match="`pulumi refresh` sees it"):
        engine.serve("talk", engine.provider.update, audio_id, outs, DECLARED | {"title": "New"})


def test_an_update_goes_on_with_what_was_broken_off(engine: Engine) -> None:
    """It waits for the extraction, gives the metadata, and tells the engine what there is then."""
    audio_id, outs = engine.made()
    engine.vod.assets[audio_id] = replace(engine.vod.assets[audio_id], status="CREATING")
    outs |= {"status": "CREATING", "url": None}
    updated = engine.serve("talk", engine.provider.update, audio_id, outs, DECLARED | {"title": "New"})
    assert (updated.outs or {})["status"] == "CREATED"
    assert engine.vod.assets[audio_id].title == "New"
    assert engine.last.last_line == "ready"
    assert engine.vod.accepted == 1


def test_an_extraction_that_fails_in_an_update_is_replaced_by_the_next_run(engine: Engine) -> None:
    """An update cannot change the id, so the state that it leaves plans a replacement."""
    audio_id, outs = engine.made()
    engine.vod.assets[audio_id] = replace(engine.vod.assets[audio_id], status="CREATING")
    engine.vod.outcome = lambda asset: replace(asset, status="FAILED", reason="no sound")
    outs |= {"status": "CREATING", "url": None}
    with pytest.raises(PartialFailureError, match=r"no sound .* extracts it again, which is billed again") as failed:
        engine.serve("talk", engine.provider.update, audio_id, outs, DECLARED)
    engine.run()
    left = dict(failed.value.outs)
    diff = engine.serve("talk", engine.provider.diff, audio_id, left, DECLARED)
    assert diff.replaces == ["status"]


# -- a state that was put back to an older one, or edited -----------------------------------------------------------


def test_an_audio_that_the_state_has_lost_is_taken_back(engine: Engine) -> None:
    """The ledger knows whose it was, and it is what is asked for: nothing is extracted again, and that is said."""
    audio_id, _ = engine.held()
    engine.saved({})
    assert engine.create().id == audio_id
    assert engine.vod.accepted == 1
    assert f"audio {audio_id} (MP3 of asset video) was not in the state any more" in engine.said[0]
    engine.run()  # not shown, so perhaps not saved either
    assert engine.create().id == audio_id


@pytest.mark.parametrize("step", ["asked for", "answered"])
def test_what_a_broken_off_run_left_is_taken_by_another_name(engine: Engine, step: str) -> None:
    """Pulumi tells nobody of a rename: what nobody has and is asked for again is not extracted again; that is said."""
    if step == "answered":
        audio_id = engine.create("former").id
    else:
        key, clock = Key(owner("former"), inputs.parse(DECLARED).fingerprint), engine.vod._time
        engine.ledger.intend(Request(*key, SITE, None, "video", "MP3", clock()))
        audio_id = engine.vod.audio(status="CREATING")
        clock.now += 1000
    engine.run()
    engine.saved({})
    created = engine.create("renamed")
    assert created.id == audio_id
    assert (created.outs or {})["made_for"] == mark(owner("renamed"))
    assert engine.vod.audio_ids() == [audio_id]
    assert engine.said == [
        f"audio {audio_id} (MP3 of asset video) was made for former in an earlier run, is not in the state, and is what"
        " renamed asks for: it was taken and not extracted again; to have it extracted anew, change triggers"
    ]
    assert engine.create("former").id != audio_id  # it is in the program, too, and has come second
    engine.over()
    assert len(engine.said) == 1
    assert {it.owner for it in engine.ledger.requests(SITE)} == {owner("former"), owner("renamed")}


def test_what_a_broken_off_run_left_is_its_own_first(engine: Engine) -> None:
    """Of two names that ask for the same, the one for which it was made gets it if it comes first; nothing is said."""
    audio_id = engine.create("talk").id
    engine.run()
    engine.saved({})
    assert engine.create("talk").id == audio_id
    assert engine.create("second").id != audio_id
    assert engine.vod.accepted == 2
    assert engine.said == []


@pytest.mark.parametrize("audios", [{"audio0": ["talk"]}, None])
def test_what_the_state_has_or_may_have_is_not_taken_by_another_name(
    engine: Engine, audios: Mapping[str, Collection[str]] | None
) -> None:
    """An engine that was told may have saved it, and it is not known before it shows it or the state is read."""
    audio_id = engine.create("talk").id
    engine.run()
    engine.saved(audios)
    assert engine.create("second").id != audio_id
    assert engine.vod.accepted == 2


@pytest.mark.parametrize("audios", [{}, None])
def test_what_no_engine_was_told_of_is_in_no_state(
    engine: Engine, audios: Mapping[str, Collection[str]] | None
) -> None:
    """A run that was killed before it could tell the engine: whether the state can be read does not matter."""
    key = Key(owner("former"), inputs.parse(DECLARED).fingerprint)
    engine.ledger.intend(Request(*key, SITE, None, "video", "MP3", engine.vod._time()))
    audio_id = engine.vod.audio()
    engine.ledger.accept(key, audio_id)
    engine.run()
    engine.saved(audios)
    assert engine.create("renamed").id == audio_id
    assert engine.vod.accepted == 0


def test_an_unreadable_state_is_said_where_another_name_asks_for_the_same(engine: Engine) -> None:
    """The engine was told and may have saved it, so it is not taken; and the user hears why it is billed."""
    audio_id = engine.create("former").id
    engine.run()
    engine.saved(None)
    engine.create("renamed")
    assert engine.said[0].startswith(
        f"audio {audio_id} (MP3 of asset video) was made for former in an earlier run, and whether"
    )
    assert "it cannot be read; so it was not taken for renamed, which asks for the same and is billed" in engine.said[0]


def test_a_new_resource_of_a_former_name_gets_its_own_audio(engine: Engine) -> None:
    """`pulumi state rename` right after the first run: the state has the audio by the other name."""
    audio_id, outs = engine.made("talk")
    engine.saved({audio_id: ["renamed"]}, **{audio_id: "talk"})
    other = engine.create("talk").id
    assert other != audio_id
    assert {it.owner for it in engine.ledger.holders(SITE)} == {owner("renamed")}
    engine.serve("renamed", engine.provider.delete, audio_id, outs)
    assert engine.vod.audio_ids() == [other]


def test_a_create_beside_a_run_that_was_cancelled_takes_its_audio(engine: Engine) -> None:
    """That run has saved the audio after this one's engine had read the state, and this one's state will not have it.

    `pulumi up --replace` right after the first run looks the same, and takes the same audio.
    """
    audio_id = engine.create().id
    engine.run()
    engine.saved({audio_id: ["talk"]})
    assert engine.create("second").id != audio_id
    assert engine.create().id == audio_id
    assert engine.vod.accepted == 2


@pytest.mark.parametrize("shown", [False, True])
@pytest.mark.parametrize("name", ["talk", "renamed"])
def test_what_was_moved_to_another_stack_is_not_taken_back(engine: Engine, name: str, *, shown: bool) -> None:
    """`pulumi state move`, and the program left as it was: what it declares has an audio of its own."""
    audio_id, outs = (engine.held if shown else engine.made)()
    there = f"backend {urn('talk').replace('dev', 'prod')}"
    engine.saved({}).moved = [Holder(SITE, audio_id, there, made_for=outs["made_for"])]
    created = engine.create(name)
    assert created.id != audio_id
    engine.run()
    engine.serve(name, engine.provider.delete, created.id, dict(created.outs or {}))
    assert engine.vod.audio_ids() == [audio_id]
    if name == "talk":
        assert [(it.owner, it.site, it.assumed) for it in engine.ledger.holders(SITE)] == [(there, SITE, False)]


def test_an_audio_stays_whose_adopter_was_moved_to_another_stack(engine: Engine) -> None:
    """The ledger has the adopter by its former name, and the state of its stack has it no more."""
    audio_id, outs = engine.held()
    adopted = engine.create("second", adopt=audio_id)
    engine.run()
    engine.serve("second", engine.provider.diff, audio_id, dict(adopted.outs or {}), dict(adopted.outs or {}))
    engine.over()
    engine.run()
    there = f"backend {urn('second').replace('dev', 'prod')}"
    engine.saved({audio_id: ["talk"]}).moved = [Holder(SITE, audio_id, there, adopted=True)]
    engine.serve("talk", engine.provider.delete, audio_id, outs)
    assert engine.vod.audio_ids() == [audio_id]


def test_the_other_type_of_a_name_takes_nothing_that_the_state_has(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both types in one program: each is a resource of its own."""
    audio_id, _ = engine.made()
    engine.saved({audio_id: ["talk"]})
    native = urn("talk").replace("pulumi-python:dynamic/", "").replace("vod:", "vod:index:")
    monkeypatch.setitem(globals(), "urn", lambda _: native)
    assert engine.create().id != audio_id


def test_many_that_ask_for_the_same_cost_no_more_each(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a run that was broken off, each audio that was left is gone through once, and own ones come first."""
    looked: dict[str, int] = {}
    for count in (20, 40):
        for name in ("old", "new"):
            engine.run()
            saved, find, found = engine.saved({}), engine.ledger.find, 0

            def counting(key: Key, find: Callable[[Key], Request | None] = find) -> Request | None:
                nonlocal found
                found += 1
                return find(key)

            monkeypatch.setattr(engine.ledger, "find", counting)
            for number in range(count):
                engine.create(f"{name}{number}", triggers=[count])
            looked[f"{name} {count}"] = found
            assert saved.asked <= 2 * count
    assert engine.vod.accepted == 20 + 40
    assert looked["new 40"] <= 3 * looked["new 20"]
    assert looked["new 40"] <= 30 * 40


def test_what_a_broken_off_run_left_is_not_taken_for_something_else(engine: Engine) -> None:
    """Other triggers ask for another extraction, another stack has its own audios, and `adopt` names the audio."""
    audio_id = engine.create("former").id
    other = engine.vod.audio()
    engine.run()
    engine.saved({})
    assert engine.create("renamed", triggers=["again"]).id != audio_id
    assert engine.create("adopting", adopt=other).id == other
    engine.run()
    elsewhere = "urn:pulumi:prod::media::pulumi-python:dynamic/vod:ExtractedAudio::talk"
    operation = Operation(f"backend {elsewhere}", 0.0, Stop(), lambda _: None, engine.warned.append)
    with serving.serving(ServedRequest(operation, elsewhere)):
        assert engine.provider.create(DECLARED).id != audio_id
    assert [it.audio_id for it in engine.ledger.requests(SITE) if it.owner == owner("former")] == [audio_id]


def test_what_is_lost_and_not_what_is_asked_for_is_not_taken_back(engine: Engine) -> None:
    """Other triggers ask for another extraction."""
    audio_id, _ = engine.held()
    engine.saved({})
    assert engine.create(triggers=["again"]).id != audio_id


@pytest.mark.parametrize("name", ["talk", "renamed"])
def test_what_the_state_has_is_not_taken_back(engine: Engine, name: str) -> None:
    """It is to be replaced, as with `--replace`; or it has another name, and this is a new resource of the old one."""
    audio_id, _ = engine.held()
    engine.saved({audio_id: [name]})
    assert engine.create().id != audio_id
    assert engine.said == []


@pytest.mark.parametrize("there", ["first", "second"])
def test_of_two_that_the_resource_had_one_is_taken_back(engine: Engine, there: str) -> None:
    """The one that the state does not have, and no more than that one."""
    audio_id, _ = engine.held()
    (held,) = engine.ledger.holders(SITE)
    other = engine.vod.audio()
    engine.ledger.hold([replace(held, audio_id=other)])
    lost = {"first": other, "second": audio_id}[there]
    engine.saved({({audio_id, other} - {lost}).pop(): ["talk"]})
    assert engine.create().id == lost
    engine.run()
    assert [it.audio_id for it in engine.ledger.requests(SITE)] == [lost]
    assert [it.audio_id for it in engine.ledger.holders(SITE)] == [({audio_id, other} - {lost}).pop()]


def test_of_two_that_the_state_has_lost_one_is_taken_back(engine: Engine) -> None:
    """The ledger goes on knowing the other: nobody but it knows of that one."""
    audio_id, _ = engine.held()
    (held,) = engine.ledger.holders(SITE)
    both = {audio_id, engine.vod.audio()}
    engine.ledger.hold([replace(held, audio_id=it) for it in both])
    engine.saved({})
    created = engine.create().id
    assert {it.audio_id for it in engine.ledger.holders(SITE)} == both - {created}


def test_adopting_takes_nothing_back(engine: Engine) -> None:
    """Whoever names an audio gets that one, and what the resource had before stays where it is."""
    audio_id, _ = engine.held()
    other = engine.vod.audio()
    engine.saved({})
    assert engine.create(adopt=other).id == other
    assert [it.audio_id for it in engine.ledger.holders(SITE)] == [audio_id]


def test_a_state_that_cannot_be_read_is_said(engine: Engine) -> None:
    """It may be a replacement that somebody has asked for, so it is not refused."""
    audio_id, _ = engine.held()
    engine.saved(None)
    assert engine.create().id != audio_id
    assert engine.said[0].startswith(f"audio {audio_id} (MP3 of asset video) was made for talk before")
    assert "it cannot be read" in engine.said[0]


def test_a_lost_audio_that_is_gone_is_extracted_again(engine: Engine) -> None:
    """And nothing is said of taking it back."""
    audio_id, _ = engine.held()
    del engine.vod.assets[audio_id]
    engine.saved({})
    assert engine.create().id != audio_id
    assert engine.said == []
    assert engine.ledger.holders(SITE) == []


def test_a_lost_audio_that_another_resource_holds_is_that_ones(engine: Engine) -> None:
    """It was handed over: taken back, it would be two resources'."""
    audio_id, outs = engine.held()
    adopted = outs | {"adopt": audio_id, "made_for": mark(owner("heir"))}
    engine.serve("heir", engine.provider.diff, audio_id, adopted, adopted)
    engine.over()
    engine.run()
    engine.saved({audio_id: []})
    assert engine.create().id != audio_id
    assert [it.owner for it in engine.ledger.holders(SITE) if it.audio_id == audio_id] == [owner("heir")]
    engine.saved({audio_id: ["heir"]})
    engine.serve("heir", engine.provider.delete, audio_id, adopted)
    assert audio_id not in engine.vod.audio_ids()


def test_of_many_lost_audios_few_are_told(engine: Engine) -> None:
    """Five, and that there are more."""
    for number in range(8):
        engine.held(f"talk{number}")
    engine.saved({})
    for number in range(8):
        engine.create(f"talk{number}")
    assert len(engine.said) == 6
    assert engine.said[-1] == "... and the same of more audios"


def test_who_has_lost_an_audio_does_not_keep_it_at_vod(engine: Engine) -> None:
    """A move that a state put back to an older one does not know any more: the audio goes with who has it there."""
    audio_id, outs = engine.held("first")
    heirs = outs | {"made_for": mark(owner("second"))}
    engine.serve("second", engine.provider.diff, audio_id, heirs, heirs)
    engine.over()
    engine.run()
    engine.saved({audio_id: ["first"]})
    engine.vod.faults["delete"] = [refused("VOD.10053")]
    with pytest.raises(VodError):
        engine.serve("first", engine.provider.delete, audio_id, outs)
    assert [it.owner for it in engine.ledger.holders(SITE)] == [owner("first")], "it still has the audio"
    engine.serve("first", engine.provider.delete, audio_id, outs)
    assert engine.vod.audio_ids() == []
    assert engine.ledger.everything(SITE) == ([], [])


@pytest.mark.parametrize("state", [{"audio0": ["first", "second"]}, {"audio0": ["first", "renamed"]}, None])
def test_who_may_have_an_audio_keeps_it_at_vod(engine: Engine, state: Mapping[str, Collection[str]] | None) -> None:
    """The state has it as theirs, perhaps by another name; or it cannot be read."""
    audio_id, outs = engine.held("first")
    heirs = outs | {"made_for": mark(owner("second"))}
    engine.serve("second", engine.provider.diff, audio_id, heirs, heirs)
    engine.over()
    engine.run()
    engine.saved(state)
    engine.serve("first", engine.provider.delete, audio_id, outs)
    assert engine.vod.audio_ids() == [audio_id]


def test_the_state_says_nothing_of_another_stack(engine: Engine) -> None:
    """Whoever holds the audio there keeps it at VOD, although this stack's state does not know of it."""
    audio_id, outs = engine.held("first")
    (held,) = engine.ledger.holders(SITE)
    engine.ledger.hold([replace(held, owner=owner("talk").replace(":dev:", ":prod:"), made_for="", adopted=True)])
    engine.saved({audio_id: ["first"]})
    engine.serve("first", engine.provider.delete, audio_id, outs)
    assert engine.vod.audio_ids() == [audio_id]


@pytest.mark.parametrize("stored", [False, True])
def test_a_stack_that_is_no_more_holds_nothing(engine: Engine, *, stored: bool) -> None:
    """It was renamed, or removed: the row of what it had adopted does not keep that at VOD."""
    audio_id, outs = engine.held("first")
    (held,) = engine.ledger.holders(SITE)
    former = replace(held, owner=owner("talk").replace(":dev:", ":former:"), made_for="", adopted=True)
    objects = MemoryStore()

    def ledger(stack: str) -> Ledger:
        return Ledger(None, store=ObjectStore(objects, "memory", "", stack, pytest.fail))

    if stored:
        engine.services.ledger = ledger(f"backend {STACK}")
    there = ledger("backend urn:pulumi:former::media::") if stored else engine.ledger
    there.hold([former])
    there.flush()
    engine.saved({audio_id: ["first"]})
    engine.serve("first", engine.provider.delete, audio_id, outs)
    assert engine.vod.audio_ids() == []
    assert engine.services.ledger.everything(SITE) == ([], [])


@pytest.mark.parametrize("stored", [False, True])
def test_a_file_backend_does_not_tell_what_stacks_a_team_has(tmp_path: Path, *, stored: bool) -> None:
    """Another machine that shares the ledger may have a backend of its own at the same path: what it holds stays."""
    run = Run(owners=f"file:///b {STACK}")
    leftovers = Leftovers(run)
    leftovers._saved[run.owners] = cast("Any", Saved({}, {}))
    store = ObjectStore(MemoryStore(), "memory", "", run.owners, pytest.fail) if stored else None
    ledger = Ledger(None if stored else tmp_path / "ledger", store=store)
    maker = f"file:///b {urn('first')}"
    held = Holder(SITE, "a", maker, made_for=mark(maker))
    former = replace(held, owner=maker.replace(":dev:", ":former:"), made_for="", adopted=True)
    ledger.hold([held, former])
    assert leftovers.let_go(ledger, [held]) == [[former.owner] if stored else []]


def test_a_move_that_was_never_saved_does_not_keep_the_audio(engine: Engine) -> None:
    """The run that moved it was broken off, and the program put back: it goes with who has it in the state."""
    audio_id, outs = engine.held("first")
    engine.create("second", moved_from="first")
    engine.run()
    engine.saved({audio_id: ["first"]})
    engine.serve("first", engine.provider.delete, audio_id, outs)
    assert engine.vod.audio_ids() == []


def test_what_was_made_for_somebody_else_is_theirs(engine: Engine) -> None:
    """A run that was broken off has made it for a resource that the state does not have yet; another adopted it."""
    made = engine.create("first")
    engine.run()
    adopted = engine.create("second", adopt=made.id)
    engine.run()
    engine.saved({made.id: ["second"]})
    engine.serve("second", engine.provider.delete, made.id, dict(adopted.outs or {}))
    assert engine.vod.audio_ids() == [made.id]


def test_two_who_let_go_of_an_audio_at_once(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of them deletes it, however their requests meet."""
    audio_id, outs = engine.held("first")
    heirs = outs | {"made_for": mark(owner("second"))}
    engine.serve("second", engine.provider.diff, audio_id, heirs, heirs)
    engine.over()
    engine.run()
    engine.saved({audio_id: ["first", "second"]})

    def meanwhile(_: str) -> None:
        if audio_id in engine.vod.assets:
            engine.serve("second", engine.provider.delete, audio_id, heirs)

    monkeypatch.setattr(serving, "say", meanwhile)
    engine.serve("first", engine.provider.delete, audio_id, outs)
    assert engine.vod.audio_ids() == []
    assert engine.ledger.everything(SITE) == ([], [])


# -- delete -----------------------------------------------------------------------------------------------------


def broken_off(engine: Engine, name: str = "talk", **props: Any) -> str:
    """An audio that was asked for by a run that was killed before it could tell the engine, and the next run."""
    asked = DECLARED | props
    key = Key(owner(name), inputs.parse(asked).fingerprint)
    engine.ledger.intend(Request(*key, SITE, None, "video", asked["format"], engine.vod._time()))
    audio_id = engine.vod.audio(audio_format=asked["format"])
    engine.ledger.accept(key, audio_id)
    engine.run()
    engine.saved({})
    return audio_id


def test_what_a_broken_off_replacement_left_goes_with_the_resource(engine: Engine) -> None:
    """The program was put back, so nobody asks for it; it is said. Another resource's stays."""
    audio_id, outs = engine.made()
    others = broken_off(engine, "talk2", format="AAC")
    left = broken_off(engine, format="AAC")
    engine.saved({audio_id: ["talk"]})
    engine.serve("talk", engine.provider.delete, audio_id, outs)
    assert engine.vod.audio_ids() == [others]
    assert engine.said == [
        f"audio {left} (AAC of asset video) was made for talk by a run that was broken off, and nobody has it: it was"
        " deleted, too"
    ]
    assert [it.audio_id for it in engine.ledger.requests(SITE)] == [others]


def test_nobody_goes_on_before_what_was_shown_is_written_down(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two who go at once are shown by either: one that had let go and is written down after that keeps the audio."""
    audio_id, outs = engine.made()
    hold, free = engine.ledger.hold, []

    def noting(holders: list[Holder]) -> set[str]:
        free.append(engine.context._opening.acquire(blocking=False))
        return hold(holders)

    monkeypatch.setattr(engine.ledger, "hold", noting)
    engine.serve("talk", engine.provider.delete, audio_id, outs)
    assert free
    assert not any(free)


@pytest.mark.parametrize("why_not", ["", "declared", "saved"])
def test_what_was_left_by_a_former_name_goes_with_the_resource(engine: Engine, why_not: str) -> None:
    """It was renamed after its replacement was broken off; not where there is a resource of the former name again."""
    audio_id, outs = engine.made()
    left = broken_off(engine, format="AAC")
    engine.saved({audio_id: ["new"]} | ({"another": ["talk"]} if why_not == "saved" else {}), **{audio_id: "talk"})
    if why_not == "declared":
        engine.serve("talk", engine.provider.check, {}, {"asset_id": "video", "format": "AAC"})
    engine.serve("new", engine.provider.delete, audio_id, outs)
    assert engine.vod.audio_ids() == ([left] if why_not else [])


@pytest.mark.parametrize("made", [0, 1, 2])
def test_what_became_of_a_lost_answer_is_found_out_when_the_resource_goes(engine: Engine, made: int) -> None:
    """The one audio that fits is deleted, too; where more do, they stay, and are named."""
    audio_id, outs = engine.made()
    asked = inputs.parse(DECLARED | {"format": "AAC"})
    engine.ledger.intend(Request(owner("talk"), asked.fingerprint, SITE, None, "video", "AAC", engine.vod._time()))
    left = [engine.vod.audio(audio_format="AAC") for _ in range(made)]
    engine.run()
    engine.saved({audio_id: ["talk"]})
    engine.serve("talk", engine.provider.delete, audio_id, outs)
    assert engine.vod.audio_ids() == (left if made == 2 else [])
    assert engine.vod.accepted == 1
    said = {
        0: [],
        1: [f"audio {left[0]} (AAC of asset video) was made for talk by a run that was broken off" if left else ""],
        2: ["talk is gone, and what an earlier run asked for is not: extracting AAC from asset video: the answer was"],
    }
    assert len(engine.said) == len(said[made])
    assert all(line.startswith(begin) for line, begin in zip(engine.said, said[made], strict=True))


@pytest.mark.parametrize("why", ["declared", "goes on", "saved", "unreadable", "held"])
def test_what_a_broken_off_replacement_left_stays_where_it_may_be_wanted(engine: Engine, why: str) -> None:
    """With `delete_before_replace` the create that takes it comes later; and somebody else may have it."""
    audio_id, outs = engine.made()
    left = broken_off(engine, format="AAC")
    if why == "declared":
        engine.serve("talk", engine.provider.check, {}, {"asset_id": "video", "format": "AAC"})
    elif why == "goes on":  # what is deleted waited for it, and a targeted run does not check the resource
        engine.saved({audio_id: ["talk"], "another": ["talk"]})
    elif why == "saved":
        engine.saved({left: ["renamed"]})
    elif why == "unreadable":
        engine.ledger.answered({key: left for key in (it.key for it in engine.ledger.kept(owner("talk"))) if key})
        engine.saved(None)
    else:
        engine.ledger.hold([Holder(SITE, left, "another stack's", adopted=True)])
    engine.serve("talk", engine.provider.delete, audio_id, outs)
    assert left in engine.vod.audio_ids()


def test_what_the_other_plugin_of_the_run_takes_meanwhile_stays(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A ledger in storage is read again before anything is deleted, or taken back: another process may have it."""
    audio_id, outs = engine.made()
    left = broken_off(engine, format="AAC")
    engine.saved({audio_id: ["talk"]})
    request = next(it for it in engine.ledger.requests(SITE) if it.audio_id == left)
    taken = Key(owner("other"), request.fingerprint)
    readings: Iterator[Callable[[], object]] = iter([lambda: None, lambda: engine.ledger.claim(taken, [request.key])])
    monkeypatch.setattr(engine.ledger, "catch_up", lambda: next(readings)())
    engine.serve("talk", engine.provider.delete, audio_id, outs)
    assert engine.vod.audio_ids() == [left]
    audio_id, outs = engine.held("third")
    engine.saved({})
    adopting = Holder(SITE, audio_id, owner("other"), adopted=True)
    monkeypatch.setattr(engine.ledger, "catch_up", lambda: engine.ledger.hold([adopting]))
    assert engine.create("third").id != audio_id


@pytest.mark.parametrize("state", [State.ACCEPTED, State.ANSWERED])
@pytest.mark.parametrize("saved", [False, True])
def test_what_a_broken_off_replacement_left_is_taken_by_the_resource_in_another_stack(
    engine: Engine, state: State, *, saved: bool
) -> None:
    """`pulumi state move`: its outputs say for whom it was made. What the other stack has saved stays there."""
    audio_id, outs = engine.made()
    left = broken_off(engine, format="AAC")
    if state is State.ANSWERED:
        engine.ledger.answered({it.key: left for it in engine.ledger.requests(SITE) if it.audio_id == left})
        engine.run()
    is_free = not (saved and state is State.ANSWERED)  # no engine was ever told of one that VOD has accepted
    news = DECLARED | {"format": "AAC"}
    for stack, made_for, expected in (("one", mark(owner("stranger")), False), ("other", outs["made_for"], is_free)):
        engine.saved({left: ["talk"]} if saved else {})
        moved = urn("talk").replace("dev", stack)
        engine.context.leftovers._saved[f"backend urn:pulumi:{stack}::media::"] = cast("Any", Saved({}, {}))
        operation = Operation(f"backend {moved}", 0.0, Stop(), lambda _: None, engine.warned.append)
        with serving.serving(ServedRequest(operation, moved)):
            assert engine.provider.diff(audio_id, outs | {"made_for": made_for}, news).replaces == ["format"]
            assert (engine.provider.create(news).id == left) is expected
        engine.run()


def asked_in_stack(engine: Engine, stack: str, state: State, project: str = "media") -> str:
    """An audio that VOD has made of a request for `talk` in another stack, and what is known of that."""
    there = owner("talk").replace("dev::media", f"{stack}::{project}")
    key = Key(there, inputs.parse(DECLARED).fingerprint)
    engine.ledger.intend(Request(*key, SITE, None, "video", "MP3", engine.vod._time()))
    audio_id = engine.vod.audio()
    if state is not State.INTENDED:
        engine.ledger.accept(key, audio_id)
    if state is State.ANSWERED:
        engine.ledger.answered({key: audio_id})
    engine.clock.now += 1000
    engine.run()
    return audio_id


@pytest.mark.parametrize("state", list(State))
def test_what_another_resource_left_in_a_former_stack_is_not_taken(engine: Engine, state: State) -> None:
    """It asks for the same, but nothing says that both are one."""
    audio_id = asked_in_stack(engine, "former", state)
    engine.saved({})
    assert engine.create("other").id != audio_id
    assert engine.vod.accepted == 1


@pytest.mark.parametrize("state", list(State))
def test_what_was_left_before_the_stack_was_renamed_is_taken(engine: Engine, state: State) -> None:
    """The project has no stack of the former name any more, so nobody else will ever ask for it."""
    left = asked_in_stack(engine, "former", state)
    engine.saved({})
    assert engine.create().id == left
    assert engine.vod.accepted == 0
    assert [it.owner for it in engine.ledger.requests(SITE)] == [owner("talk")]
    if state is not State.INTENDED:
        assert f"audio {left} (MP3 of asset video) was made for talk of stack former in an earlier" in engine.said[0]


def test_of_what_was_left_in_two_former_stacks_one_is_taken(engine: Engine) -> None:
    """The ledger goes on knowing the other, which nobody else does."""
    left = {stack: asked_in_stack(engine, stack, State.ACCEPTED) for stack in ("former", "older")}
    engine.saved({})
    taken = engine.create().id
    assert taken in left.values()
    there = {it.audio_id: it.owner for it in engine.ledger.requests(SITE)}
    others = {audio_id: owner("talk").replace(":dev:", f":{stack}:") for stack, audio_id in left.items()}
    assert there == others | {taken: owner("talk")}


@pytest.mark.parametrize(
    ("stack", "project", "declared", "saved"),
    [
        ("prod", "media", {}, {}),
        ("former", "other", {}, {}),
        ("former", "media", {"triggers": ["again"]}, {}),
        ("former", "media", {}, {"audio0": ["second"]}),
    ],
    ids=["a stack that is there", "another project", "another extraction", "saved"],
)
def test_what_another_stack_may_ask_for_is_not_taken(
    engine: Engine, stack: str, project: str, declared: Props, saved: Mapping[str, Collection[str]]
) -> None:
    """Nor what the state has, as another resource. It is billed once for each, and nothing is said."""
    left = asked_in_stack(engine, stack, State.ANSWERED, project)
    engine.saved(saved)
    assert engine.create(**declared).id != left == "audio0"
    assert engine.vod.accepted == 1
    assert engine.said == []


def test_stacks_that_cannot_be_listed_are_taken_to_be_there(engine: Engine) -> None:
    """The audio is not taken, and the run says why."""
    left = asked_in_stack(engine, "former", State.ACCEPTED)
    engine.saved({}).stacks = None
    assert engine.create().id != left
    assert engine.said == [
        "what a run of stack former that was broken off has asked for was not taken for talk, which asks for the same"
        " and is billed: that stack may have it, they cannot be listed"
    ]


def test_a_deleted_audio_is_nobodys(engine: Engine) -> None:
    """VOD has it no more, the ledger neither, and the row says so."""
    audio_id, outs = engine.made()
    engine.serve("talk", engine.provider.delete, audio_id, outs)
    assert engine.vod.audio_ids() == []
    assert engine.ledger.everything(SITE) == ([], [])
    assert engine.last.last_line == "deleted"


def test_an_audio_that_somebody_else_holds_is_kept(engine: Engine) -> None:
    """Another resource that is declared in this run, too, of which the ledger need not know."""
    audio_id, outs = engine.made("first")
    adopted = outs | {"adopt": audio_id}
    engine.serve("second", engine.provider.diff, audio_id, adopted, adopted)
    engine.serve("first", engine.provider.delete, audio_id, outs)
    assert engine.vod.audio_ids() == [audio_id]
    assert engine.said == [f"audio {audio_id} is kept at VOD: second holds it, too"]


def test_a_replacement_by_the_same_audio_deletes_nothing(engine: Engine) -> None:
    """What this run's create found in the ledger is what the state had all the time."""
    created = engine.create()
    engine.run()  # the state was saved, and nothing has shown it yet: `up --replace`
    assert engine.create().id == created.id
    engine.serve("talk", engine.provider.delete, created.id, dict(created.outs or {}))
    assert engine.vod.audio_ids() == [created.id]
    assert "was not extracted again" in engine.said[0]


def test_a_resource_that_goes_in_a_run_with_a_refresh_goes_with_its_audio(engine: Engine) -> None:
    """`up --refresh`: the refresh asks Diff of what the program does not have any more, and nothing checks that."""
    audio_id, outs = engine.made()
    engine.serve("talk", engine.provider.diff, audio_id, outs, outs)
    engine.serve("talk", engine.provider.delete, audio_id, outs)
    assert engine.vod.audio_ids() == []


def test_the_last_of_two_that_go_in_a_run_with_a_refresh_deletes_their_audio(engine: Engine) -> None:
    """As above: neither is taken for declared, for whom the other one would leave it at VOD."""
    audio_id, outs = engine.made("first")
    adopted = outs | {"adopt": audio_id}
    for name, shown in (("first", outs), ("second", adopted)):
        engine.serve(name, engine.provider.diff, audio_id, shown, shown)
    engine.serve("first", engine.provider.delete, audio_id, outs)
    assert engine.vod.audio_ids() == [audio_id]
    engine.serve("second", engine.provider.delete, audio_id, adopted)
    assert engine.vod.audio_ids() == []


def test_a_replacement_by_the_same_audio_that_was_broken_off_deletes_nothing(engine: Engine) -> None:
    """The next run has the resource twice, with one audio: the one that is to be deleted takes nothing from the other.

    As long as it is declared: afterwards both go, and the audio with them.
    """
    audio_id, outs = engine.made()
    engine.serve("talk", engine.provider.check, outs, DECLARED)
    engine.serve("talk", engine.provider.diff, audio_id, outs, outs)
    engine.serve("talk", engine.provider.delete, audio_id, outs)
    assert engine.vod.audio_ids() == [audio_id]
    assert engine.last.last_line == "kept: it has taken its own place"
    engine.over()
    assert [it.owner for it in engine.ledger.holders(SITE)] == [owner("talk")]
    engine.run()
    engine.serve("talk", engine.provider.delete, audio_id, outs)
    assert engine.vod.audio_ids() == []


def test_a_deletion_that_is_stopped_goes_on_in_the_next_run(engine: Engine) -> None:
    """And says so in few words; one whose time is over says what was being done."""
    audio_id, outs = engine.made()
    engine.vod.faults["delete"] = [StoppedError()]
    with pytest.raises(EarlyEndError, match=r"^stopped; `pulumi up` or `pulumi destroy` goes on from here$"):
        engine.serve("talk", engine.provider.delete, audio_id, outs)
    engine.vod.faults["delete"] = [DeadlineError(5)]
    with pytest.raises(EarlyEndError, match=f"deleting audio {audio_id}: not done within 5 s"):
        engine.serve("talk", engine.provider.delete, audio_id, outs)


def test_a_ledger_that_fails_names_what_was_being_done(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also once VOD has deleted the audio, which the state still has: how to go on is said, and it does go on."""
    audio_id, outs = engine.made()
    release = engine.ledger.release

    def fail(*_: object) -> None:
        raise LedgerError("the store is away")

    monkeypatch.setattr(engine.ledger, "release", fail)
    with pytest.raises(LedgerError, match=f"^deleting audio {audio_id}: the store is away; .*`pulumi destroy` goes on"):
        engine.serve("talk", engine.provider.delete, audio_id, outs)
    assert engine.vod.audio_ids() == []
    monkeypatch.setattr(engine.ledger, "release", release)
    engine.serve("talk", engine.provider.delete, audio_id, outs)


# -- import, and the end ------------------------------------------------------------------------------------------


def test_what_a_broken_run_has_left_behind_is_told(engine: Engine) -> None:
    """An audio that was made for a resource which this run did not have."""
    engine.create("lost")
    engine.run()
    engine.create("talk", triggers=[1])
    engine.over()
    (line,) = engine.said
    assert line.startswith("audio audio0 (MP3 of asset video) was made for lost by a run that was broken off")


def test_what_the_other_plugin_of_the_same_run_has_brought_is_not_left_behind(engine: Engine) -> None:
    """Resources of our other type have a process of their own, which ends at the same time."""
    engine.names_of_runs = itertools.repeat("run 0")
    engine.create("other")
    engine.run()
    engine.create("talk", triggers=[1])
    engine.over()
    assert engine.said == []


@pytest.mark.parametrize(("count", "more"), [(5, []), (7, ["... and 2 more audios of runs that were broken off"])])
def test_of_many_that_broken_runs_have_left_few_are_told(engine: Engine, count: int, more: list[str]) -> None:
    """Five, and how many more there are."""
    for number in range(count):
        engine.create(f"lost{number}")
    engine.run()
    engine.create("talk", triggers=[1])
    engine.over()
    assert engine.said[5:] == more


def test_the_end_of_a_run_saves_and_says_what_there_is(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ledger in object storage is pushed; what nobody has noticed of VOD's events is said."""
    done: list[str] = []
    engine.create()
    monkeypatch.setattr(engine.ledger, "flush", lambda: done.append("saved"))
    monkeypatch.setattr(engine.services, "over", lambda: "the key of the events is wrong")
    engine.over()
    assert done == ["saved"]
    assert engine.said == ["the key of the events is wrong"]


def test_all_providers_of_a_process_share_one_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """The dynamic host configures each of them with the same settings."""
    monkeypatch.setattr(context, "_of_process", None)
    first = context.of_process(CONFIG)
    assert first.config == CONFIG
    assert context.of_process(dict(CONFIG)) is first


@pytest.mark.parametrize(("cores", "steps"), [(3, 12), (None, 4)])
def test_the_hint_counts_with_the_cores_of_this_machine(
    monkeypatch: pytest.MonkeyPatch, cores: int | None, steps: int
) -> None:
    """Four steps for each, as the engine runs them; a machine that does not tell has one."""
    monkeypatch.delenv("PULUMI_PARALLEL", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    assert RunContext(CONFIG).hint._limit == steps


def test_a_run_that_asks_nothing_notes_what_it_was_shown(engine: Engine, tmp_path: Path) -> None:
    """In the file that is there; none is made."""
    audio_id, outs = engine.made()
    file = tmp_path / "ledger.sqlite"
    engine.run(**{"vod:journal": str(file)})
    engine.context.opened = None
    engine.serve("talk", engine.provider.diff, audio_id, outs, outs)
    engine.over()
    assert [it.audio_id for it in engine.ledger.holders(SITE)] == [audio_id]
    nowhere = tmp_path / "nowhere.sqlite"
    engine.run(**{"vod:journal": str(nowhere)})
    engine.context.opened = None
    engine.serve("talk", engine.provider.diff, audio_id, outs, outs)
    engine.over()
    assert not nowhere.exists()


def test_what_a_broken_off_replacement_left_is_said_where_nothing_changes(engine: Engine, tmp_path: Path) -> None:
    """The program was put back: no run asks VOD for anything. The preview that replaces it again does not say it."""
    audio_id, outs = engine.made()
    left = broken_off(engine, format="AAC")
    broken_off(engine, "talk2", format="AAC")
    for audio_format, said in (("AAC", 0), ("MP3", 1)):
        engine.run(**{"vod:journal": str(tmp_path / "ledger.sqlite")})
        engine.context.opened = None
        engine.serve("talk", engine.provider.diff, audio_id, outs, DECLARED | {"format": audio_format})
        engine.said.clear()
        engine.over()
        found = [it for it in engine.said if "broken off" in it]
        assert len(found) == said
    assert found[0].startswith(f"audio {left} (AAC of asset video) was made for talk by a run that was broken off")


def test_an_update_waits_for_an_audio_that_vod_does_not_show_yet(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its create may have been broken off a moment before."""
    engine.vod.faults["look"] = [DeadlineError(60)]
    with pytest.raises(PartialFailureError) as failed:
        engine.create()
    engine.run()
    hide_from_others(engine.vod, monkeypatch)
    updated = engine.serve("talk", engine.provider.update, failed.value.id, dict(failed.value.outs), DECLARED)
    assert (updated.outs or {})["status"] == "CREATED"


def test_a_description_is_refused_of_a_new_audio_and_kept_of_one_that_has_it(engine: Engine) -> None:
    """VOD fills it itself; what was imported may have it in its inputs."""
    given = DECLARED | {"description": "made by VOD"}
    (failure,) = engine.serve("talk", engine.provider.check, {}, given).failures
    assert failure.reason.startswith("description ")
    assert not engine.serve("talk", engine.provider.check, given, given).failures


def test_events_are_listened_for_where_an_audio_is_waited_for(engine: Engine) -> None:
    """By a create, and by an update that goes on with one; nothing else has anything to hear."""
    audio_id = engine.vod.audio()
    engine.create("adopted", adopt=audio_id)
    assert engine.services.listened == 0
    engine.vod.faults["look"] = [DeadlineError(60)]
    with pytest.raises(PartialFailureError) as failed:
        engine.create()
    assert engine.services.listened == 1
    engine.run()
    outs = dict(failed.value.outs)
    engine.serve("talk", engine.provider.read, failed.value.id, outs)
    assert engine.services.listened == 0
    outs = dict(engine.serve("talk", engine.provider.update, failed.value.id, outs, DECLARED).outs or {})
    assert engine.services.listened == 1
    engine.run()
    engine.serve("talk", engine.provider.update, failed.value.id, outs, DECLARED | {"title": "A talk"})
    engine.serve("talk", engine.provider.delete, failed.value.id, outs)
    assert engine.services.listened == 0
