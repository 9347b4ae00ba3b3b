"""What the engine asks of the provider of sets, and what it and the ledger are told, over a VOD in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn, TypeVar, cast

import pytest
from pulumi.output import Unknown

from tests.unit.fakes import hide_from_others, refused
from tests.unit.test_provider import ENDPOINT, PROJECT, SITE, STACK, Engine, Saved
from vod_provider import set_provider
from vod_provider.audio import lifecycle, many
from vod_provider.audio.ledger import Ledger
from vod_provider.audio.ledger_records import Holder, LedgerError, State, entry_of, mark
from vod_provider.audio.many import Counts, Many
from vod_provider.audio.operation import Operation
from vod_provider.plugin import serving
from vod_provider.plugin.errors import EncryptedStateError, PartialFailureError, SavedStateError
from vod_provider.plugin.leftovers import Leftovers
from vod_provider.plugin.serving import ServedRequest
from vod_provider.set_provider import ExtractedAudioSetProvider
from vod_provider.vod import absence
from vod_provider.vod.assets import Asset
from vod_provider.vod.deadline import Deadline, Stop
from vod_provider.vod.errors import AnswerError, DeadlineError, ExtractionError, VodError

T = TypeVar("T")
Props = dict[str, Any]

URN = f"{STACK}pulumi-python:dynamic/vod:ExtractedAudioSet::archive"
OWNER = f"backend {URN}"
READY: Props = {"status": "CREATED", "url": "http://it", "duration": 65.0, "size": 7}


class Sets(Engine):
    """An engine with one set, whose state is kept as an engine keeps it; `inputs` and `outs` are None without one."""

    inputs: Props | None = None
    outs: Props | None = None
    stop: Stop | None = None

    def run(self, **config: str) -> None:
        super().run(**config)
        self.sets = ExtractedAudioSetProvider()
        self.sets.begin(self.context)

    def ask(self, method: Callable[..., T], *arguments: Any, timeout: float = 0.0) -> T:
        """Have the provider serve one request; its rows are in `rows`."""
        self.rows: list[str] = []
        operation = Operation(OWNER, timeout, self.stop or Stop(), self.rows.append, self.warned.append)
        before = dict(self.inputs or {})
        self.last = ServedRequest(operation, URN, inputs_before=lambda: before)
        with serving.serving(self.last):
            return method(*arguments)

    def checked(self, audios: Any, **more: Any) -> Props:
        """The inputs as a program gives them, checked. Entries may be given by their source alone."""
        given = {key: it if isinstance(it, Mapping) else {"asset_id": it} for key, it in audios.items()}
        result = self.ask(self.sets.check, self.inputs or {}, {"audios": given, **more})
        assert not result.failures, result.failures[0].reason
        return dict(result.inputs)

    def shown(self, audios: Any, **more: Any) -> dict[str, str]:
        """What a diff says of each path; {} for no change."""
        news = self.checked(audios, **more)
        result = self.ask(self.sets.diff, "id", self.outs, news)
        assert not result.replaces
        assert bool(result.changes) == bool(self.last.detailed)
        return dict(self.last.detailed)

    def up(self, audios: Any, **more: Any) -> Props:
        """Create or update the set, in a run of its own; returns its audios by key. Raises as the provider does."""
        self.run()
        news = self.checked(audios, **more)
        if self.outs is None:
            created = self.ask(self.sets.create, news)
            self.outs, self.inputs = dict(created.outs or {}), news
        elif self.ask(self.sets.diff, "id", self.outs, news).changes:
            try:
                updated = self.ask(self.sets.update, "id", self.outs, news)
            except PartialFailureError as failed:
                self.outs = plain(failed.outs)  # the engine keeps the inputs from before
                raise
            self.outs, self.inputs = plain(updated.outs or {}), news
        return self.ids

    @property
    def ids(self) -> dict[str, str]:
        return {key: it["audio_asset_id"] for key, it in (self.outs or {})["extracted"].items()}

    def refresh(self) -> Props:
        self.run()
        self.outs = plain(self.ask(self.sets.read, "id", self.outs).outs or {})
        return self.ids

    def destroy(self) -> None:
        self.run()
        self.ask(self.sets.delete, "id", self.outs)


def plain(outs: Mapping[str, Any]) -> Props:
    """Outputs as they come back from the engine: what was made a secret comes as it is."""
    return {name: it["value"] if isinstance(it, Mapping) and "value" in it else it for name, it in outs.items()}


@pytest.fixture
def sets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sets:
    """An engine over a VOD with two videos, whose audios come with all that VOD tells."""
    one = Sets(tmp_path)
    one.listen(monkeypatch)
    monkeypatch.setattr(lifecycle, "GONE_PAUSE_S", 0.0)
    monkeypatch.setattr(lifecycle, "LONGEST_GONE_PAUSE_S", 0.0)
    one.vod.video(duration=65.0)
    one.vod.video("other", duration=65.0)
    one.vod.outcome = lambda asset: replace(asset, **READY)
    return one


# -- create -----------------------------------------------------------------------------------------------------


def test_a_set_is_created(sets: Sets) -> None:
    """Each audio is extracted once, with its metadata; the ledger holds each by its entry, when a run has shown it."""
    ids = sets.up({"one": {"asset_id": "video", "title": "One"}, "two": "video", "three": "other"}, tags=["x"])
    assert sets.vod.accepted == len(set(ids.values())) == 3
    assert sets.vod.assets[ids["one"]].title == "One"
    assert sets.vod.assets[ids["two"]].tags == ["x"]  # type: ignore[comparison-overlap]  # as the fake keeps them
    assert sets.outs == {
        "place": SITE,
        "made_for": mark(OWNER),
        "extracted": {
            key: {"audio_asset_id": it, "url": "http://it", "duration": 65.0, "size": 7} for key, it in ids.items()
        },
    }
    assert sets.last.last_line == "3 ready"
    assert sets.rows[-1].startswith("3/3 ready") or "ready" in sets.rows[0]
    requests = sets.ledger.requests(SITE)
    assert {entry_of(it.owner)[1]: it.audio_id for it in requests} == ids
    assert {it.state for it in requests} == {State.ANSWERED}
    assert sets.up({"one": {"asset_id": "video", "title": "One"}, "two": "video", "three": "other"}, tags=["x"]) == ids
    sets.over()
    assert sets.ledger.requests(SITE) == []
    assert {entry_of(it.owner)[1]: it.audio_id for it in sets.ledger.holders(SITE)} == ids


def test_a_ledger_that_fails_after_the_answer_is_a_warning(sets: Sets, monkeypatch: pytest.MonkeyPatch) -> None:
    """One for all of a run: the engine has the ids, which is what counts."""

    def fail(*_: object) -> None:
        raise LedgerError("the disk is full")

    monkeypatch.setattr(Ledger, "answered", fail)
    ids = sets.up({"one": "video"})
    (line,) = sets.warned
    assert line.startswith("the disk is full; Pulumi's state has this run's audios all the same")
    ids = sets.up({"one": "video", "two": "video", "three": "other"})
    assert sets.warned == [line, line]
    assert len(set(ids.values())) == sets.vod.accepted == 3


@pytest.mark.parametrize("step", ["let_go", "release"])
def test_a_ledger_that_fails_at_a_deletion_loses_nothing(
    sets: Sets, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """The engine gets what is new, with the reason, and no audio that VOD has deleted; the next `up` ends it."""
    first = sets.up({"one": "video"})

    def fail(*_: object) -> None:
        raise LedgerError("the store is away")

    with monkeypatch.context() as broken:
        broken.setattr(Ledger, step, fail)
        with pytest.raises(PartialFailureError, match=r"^the store is away") as failed:
            sets.up({"two": "other"})
    assert failed.value.reasons[-1].startswith("1 of 1 audios are ready; `pulumi up` goes on")
    assert sets.ids["two"] != first["one"]
    assert sorted(sets.ids.values()) == sorted(sets.vod.audio_ids())
    ids = sets.up({"two": "other"})
    assert sets.vod.audio_ids() == list(ids.values())
    assert sets.vod.accepted == 2


def test_what_fails_harms_no_other(sets: Sets) -> None:
    """The engine gets what there is, with the reasons by key, however its maps are ordered, and how many more."""
    bad = {f"bad-{it}": f"nothing-{it}" for it in (4, 1, 6, 0, 3, 5, 2)}
    with pytest.raises(PartialFailureError) as failed:
        sets.up({"good": "video", **bad})
    reasons = failed.value.reasons
    assert [it.partition(":")[0] for it in reasons[:5]] == [f'audios["bad-{it}"]' for it in range(5)]
    assert reasons[5:] == ("and 2 more failed", "1 of 8 audios are ready; `pulumi up` goes on with what is missing")
    assert failed.value.id == mark(OWNER)
    assert list(failed.value.outs["extracted"]) == ["good"]
    assert sets.last.last_line == "1 ready"


def test_what_vod_has_accepted_is_kept(sets: Sets) -> None:
    """It is there, though not as declared: counted apart, and gone on with."""
    sets.vod.faults["update"] = [refused("VOD.10053")]
    with pytest.raises(PartialFailureError, match=r'audios\["one"\]: ') as failed:
        sets.up({"one": {"asset_id": "video", "title": "One"}})
    assert failed.value.reasons[-1].startswith("1 of 1 audios are ready; ")
    assert failed.value.outs["extracted"]["one"]["lacks"] == ["title"]
    sets.vod.faults["look"] = [DeadlineError(60)]
    with pytest.raises(PartialFailureError) as failed:
        sets.up({"slow": "other"})
    assert failed.value.outs["unready"] == {"slow": "CREATING"}
    assert "0 of 1 audios are ready, 1 more are accepted by VOD and kept" in failed.value.reasons[-1]


def test_a_set_of_which_nothing_came_about_is_no_resource(sets: Sets) -> None:
    """One line with the first reasons; the ledger has nothing of it."""
    with pytest.raises(
        VodError, match=r'^extracting the audios of archive: audios\["a"\]: .*; audios\["b"\]: '
    ) as failed:
        sets.up({"a": "nothing", "b": "nothing"})
    assert not isinstance(failed.value, PartialFailureError)
    assert sets.ledger.everything(SITE) == ([], [])


def test_a_stopped_create_keeps_what_there_is(sets: Sets) -> None:
    """With one reason, and none for each audio."""
    sets.stop = Stop()
    sets.vod.outcome = lambda asset: (sets.stop or Stop())() or replace(asset, **READY)
    with pytest.raises(PartialFailureError) as failed:
        sets.up({f"a-{it}": "video" for it in range(200)})
    assert failed.value.reasons[0].startswith("stopped")
    assert len(failed.value.reasons) == 2
    assert 0 < len(failed.value.outs["extracted"]) == sets.vod.accepted < 200


def test_an_audio_that_is_there_is_adopted(sets: Sets) -> None:
    """At the creation of the entry only; what another entry holds is refused by that one's name."""
    audio_id = sets.vod.audio(duration=65.0)
    declared: Props = {"one": {"asset_id": "video", "adopt": audio_id}}
    assert sets.up(declared) == {"one": audio_id}
    assert sets.vod.accepted == 0
    assert sets.shown(declared) == {}
    with pytest.raises(PartialFailureError, match=r'adopting audio audio0: archive\["one"\] holds it'):
        sets.up(declared | {"two": {"asset_id": "other", "adopt": audio_id}})
    sets.up({"one": {"asset_id": "other", "adopt": audio_id}})
    assert sets.ids["one"] != audio_id
    assert sets.vod.audio_ids() == [sets.ids["one"]]


def test_a_set_has_as_much_time_as_the_quota_needs(sets: Sets, monkeypatch: pytest.MonkeyPatch) -> None:
    """Besides what one audio is given; looks and deletions leave in tens, and what is only changed waits for nobody."""
    given: list[tuple[float, float]] = []

    class Seen(Many[Any]):
        def __init__(self, deadline: Deadline, show: Callable[[Counts], None], per_minute: float) -> None:
            given.append((deadline.seconds, per_minute))
            super().__init__(deadline, show, per_minute)

    monkeypatch.setattr(many, "Many", Seen)
    sets.config |= {
        "vod:quotas": '{"extract": 2, "query": 3, "delete": 4}',
        "vod:timeouts": '{"create": 100, "read": 200, "delete": 300}',
    }
    sets.up({str(it): "video" for it in range(40)})
    sets.up({"new": "other"} | {str(it): {"asset_id": "video", "title": "A title"} for it in range(40)})
    del sets.outs["extracted"]["new"]  # type: ignore[index]
    sets.refresh()
    sets.destroy()
    assert given == [(100 + 20 * 60, 2), (100 + 60 / 2, 2), (200 + 4 * 60 / 3, 30), (300 + 60, 40)]


def test_a_set_listens_for_events_where_audios_are_waited_for(sets: Sets) -> None:
    """Looks and deletions have nothing to hear."""
    sets.up({"one": "video"})
    assert sets.services.listened == 1
    sets.refresh()
    assert sets.services.listened == 0
    sets.destroy()
    assert sets.services.listened == 0


def test_a_negative_timeout_is_refused(sets: Sets) -> None:
    """By the name of the option, before VOD is asked."""
    with pytest.raises(VodError, match=r"custom_timeouts is -1 s"):
        sets.ask(sets.sets.create, sets.checked({"one": "video"}), timeout=-1)
    assert sets.vod.calls == []


# -- check and diff ---------------------------------------------------------------------------------------------


def test_what_is_wrong_is_named_by_its_path(sets: Sets) -> None:
    """In a text of its own, since Pulumi shows the value of a property that is named as such."""
    result = sets.ask(sets.sets.check, {}, {"audios": {"a": {"asset_id": "video", "format": "OGG"}}})
    assert [(it.property, it.reason.partition(" ")[0]) for it in result.failures] == [("", 'audios["a"].format')]
    result = sets.ask(
        sets.sets.check,
        {},
        {"audios": {it: {"asset_id": "video", "account": "archive"} for it in ("first", "second")}},
    )
    assert [it.reason.partition(" ")[0] for it in result.failures] == ['audios["first"].account']


def test_a_region_without_effect_is_warned_of_once(sets: Sets) -> None:
    """The endpoint does not contain it."""
    sets.run(**{"vod:endpoint": "https://vod.example.com"})
    sets.checked(
        {"a": {"asset_id": "video", "region": "cn-north-4"}, "b": {"asset_id": "video", "region": "cn-north-4"}}
    )
    assert len(sets.warned) == 1
    assert "region" in sets.warned[0]


def test_a_preview_of_a_new_set_counts(sets: Sets) -> None:
    """And nothing is billed again: it is the first time."""
    sets.checked({"a": "video", "b": "video"})
    sets.over()
    assert sets.said == ["archive: 2 to extract"]
    sets.run()
    sets.said.clear()
    sets.checked({})
    sets.over()
    assert sets.said == []


def test_a_host_that_does_not_tell_the_inputs_before_is_refused(sets: Sets) -> None:
    """A set could not tell what its audios were made of."""
    served = ServedRequest(Operation(OWNER), URN)
    with serving.serving(served), pytest.raises(VodError, match="use one ExtractedAudio for each video"):
        sets.sets.check({}, {"audios": {"a": {"asset_id": "video"}}})


def test_what_changes_is_said_by_path(sets: Sets) -> None:
    """Without a call, and with what is billed again in time."""
    declared: Props = {"one": {"asset_id": "video", "title": "One"}, "two": "video", "old": "other"}
    sets.up(declared)
    sets.run()
    sets.vod.calls.clear()
    assert sets.shown(declared) == {}
    sets.over()
    assert sets.said == []
    sets.run()
    changed: Props = {"one": {"asset_id": "video", "title": "New"}, "two": {"asset_id": "video", "format": "AAC"}}
    assert sets.shown({**changed, "new": "other"}) == {
        'audios["one"].title': "UPDATE",
        'audios["two"].format': "UPDATE",
        'audios["new"]': "ADD",
        'audios["old"]': "DELETE",
    }
    sets.over()
    assert sets.said == [
        "archive: 1 to extract again, 1 to rename without a call, 1 to change in place, 1 to delete",
        "1 audio will be extracted again and billed again: 1 min 5 s of sound",
    ]
    assert sets.vod.calls == []


def test_entries_that_are_not_known_yet(sets: Sets) -> None:
    """In a preview, all of them may be an output of another resource."""
    sets.up({"one": "video"})
    unknown: Any = Unknown()  # type: ignore[no-untyped-call]
    result = sets.ask(sets.sets.diff, "id", sets.outs, {"audios": unknown})
    assert (result.changes, sets.last.detailed) == (True, {"audios": "UPDATE"})
    sets.run()
    assert sets.shown({"one": {"asset_id": unknown}}) == {'audios["one"].asset_id': "UPDATE"}


def test_another_default_place_leaves_audios_where_they_are(sets: Sets) -> None:
    """The preview says so; another place in the inputs is another extraction, the same one in other words is none."""
    sets.up({"one": "video", "two": "video"})
    sets.run(**{"vod:projectId": "1" * 32})
    assert sets.shown({"one": "video", "two": {"asset_id": "video", "project_id": PROJECT}}) == {}
    sets.over()
    (line,) = sets.said
    assert line.startswith(
        f"2 audios stay where they are (at {SITE}, although the default is now {ENDPOINT} {'1' * 32})"
    )
    sets.run()
    assert sets.shown({"one": {"asset_id": "video", "project_id": "1" * 32}, "two": "video"}) == {
        'audios["one"].project_id': "UPDATE"
    }


# -- update -----------------------------------------------------------------------------------------------------


def test_an_update_makes_the_new_before_it_deletes_the_old(sets: Sets) -> None:
    """One removed, one replaced, one added, one renamed, one changed in place; each as it should be."""
    first = sets.up({"same": "video", "again": "video", "before": "other", "out": {"asset_id": "video", "tags": ["x"]}})
    sets.vod.calls.clear()
    second = sets.up(
        {
            "same": {"asset_id": "video", "title": "Title", "publish": True},
            "again": {"asset_id": "video", "format": "AAC"},
            "after": "other",
            "new": {"asset_id": "other", "format": "AAC"},
        }
    )
    assert (second["same"], second["after"]) == (first["same"], first["before"])
    assert sorted(sets.vod.audio_ids()) == sorted(second.values())
    assert sets.vod.accepted == 6
    assert sets.vod.calls.index("delete") > max(n for n, it in enumerate(sets.vod.calls) if it == "extract")
    assert sets.vod.assets[first["same"]].title == "Title"
    assert (sets.outs or {})["extracted"]["same"]["status"] == "PUBLISHED"
    assert sets.last.last_line == "4 ready"
    assert sets.shown(sets.inputs["audios"]) == {}  # type: ignore[index]


def test_one_that_cannot_be_replaced_keeps_what_it_has(sets: Sets) -> None:
    """And the engine's next diff says it again."""
    first = sets.up({"one": "video", "two": "video"})
    with pytest.raises(PartialFailureError) as failed:
        sets.up({"one": "nothing", "two": {"asset_id": "video", "title": "Two"}})
    assert failed.value.reasons[-1].startswith("2 of 2 audios are ready")
    assert sets.ids == first
    assert sorted(sets.vod.audio_ids()) == sorted(first.values())
    sets.run()
    assert sets.shown({"one": "nothing", "two": {"asset_id": "video", "title": "Two"}}) == {
        'audios["one"].asset_id': "UPDATE"
    }


def test_what_was_superseded_goes_once_the_new_one_is_ready(sets: Sets) -> None:
    """Until then both are there, and in the state."""
    first = sets.up({"one": "video"})
    sets.vod.faults["look"] = [DeadlineError(60)]
    with pytest.raises(PartialFailureError):
        sets.up({"one": "other"})
    assert list((sets.outs or {})["superseded"]) == [first["one"]]
    sets.vod.assets[sets.ids["one"]] = replace(sets.vod.assets[sets.ids["one"]], **READY)
    second = sets.up({"one": "other"})
    assert sets.vod.audio_ids() == [second["one"]]
    assert "superseded" not in (sets.outs or {})


def test_names_change_places(sets: Sets) -> None:
    """Without a call of VOD."""
    first = sets.up({"a": "video", "b": "other"})
    sets.vod.calls.clear()
    assert sets.up({"a": "other", "b": "video"}) == {"a": first["b"], "b": first["a"]}
    assert sets.vod.calls == []
    sets.over()


def test_an_extraction_that_fails_in_the_end_is_asked_for_again(sets: Sets) -> None:
    """By the next `up`, which says that it is billed again."""
    sets.vod.faults["look"] = [DeadlineError(60)]
    with pytest.raises(PartialFailureError) as failed:
        sets.up({"one": "video"})
    sets.outs, sets.inputs = plain(failed.value.outs), {"audios": {"one": {"asset_id": "video"}}}
    assert sets.shown({"one": "video"}) == {'unready["one"]': "DELETE"}
    sets.vod.assets[sets.ids["one"]] = replace(sets.vod.assets[sets.ids["one"]], status="SERVER_ERROR")
    with pytest.raises(PartialFailureError, match="the next `pulumi up` extracts it again, which is billed again"):
        sets.up({"one": "video"})
    assert sets.ids == {}
    assert sets.up({"one": "video"})
    assert sets.vod.accepted == 2


def test_an_extraction_that_was_broken_off_is_waited_for(sets: Sets, monkeypatch: pytest.MonkeyPatch) -> None:
    """And gets its metadata then. VOD may have accepted it just now, and not show it for a while."""
    sets.vod.faults["look"] = [DeadlineError(60)]
    with pytest.raises(PartialFailureError) as failed:
        sets.up({"one": {"asset_id": "video", "title": "One"}})
    sets.outs = plain(failed.value.outs)
    sets.inputs = {"audios": {"one": {"asset_id": "video", "title": "One"}}}
    hide_from_others(sets.vod, monkeypatch)
    (audio_id,) = sets.up({"one": {"asset_id": "video", "title": "One"}}).values()
    assert sets.vod.assets[audio_id].title == "One"
    assert sets.vod.accepted == 1


# -- read -------------------------------------------------------------------------------------------------------


def test_a_refresh_takes_what_vod_holds(sets: Sets) -> None:
    """What is gone leaves state and ledger; what differs from the inputs is there by entry; the rest stays out."""
    ids = sets.up({"gone": "video", "drifted": {"asset_id": "video", "title": "One"}, "same": "other"})
    del sets.vod.assets[ids["gone"]]
    for key in ("drifted", "same"):
        sets.vod.assets[ids[key]] = replace(sets.vod.assets[ids[key]], title="Changed", url="http://new")
    assert sets.refresh().keys() == {"drifted", "same"}
    assert (sets.outs or {})["drifted"] == {"drifted": {"title": "Changed"}}
    assert (sets.outs or {})["extracted"]["same"]["url"] == "http://new"
    assert ids["gone"] not in {it.audio_id for it in sets.ledger.holders(SITE)}
    sets.run()
    assert sets.shown({"gone": "video", "drifted": {"asset_id": "video", "title": "One"}, "same": "other"}) == {
        'audios["gone"]': "UPDATE",
        'drifted["drifted"].title': "DELETE",
    }


def test_a_refresh_that_cannot_see_all_changes_nothing(sets: Sets) -> None:
    """It fails with the reason."""
    sets.up({"one": "video", "two": "video"})
    sets.vod.faults["look"] = [refused("VOD.10054", 403)]
    with pytest.raises(VodError, match=r"^reading the audios of archive: audio audio\d+: "):
        sets.refresh()
    assert len(sets.ids) == 2


def test_a_set_cannot_be_read_by_its_id(sets: Sets) -> None:
    """The error names the ways in."""
    with pytest.raises(VodError, match="adopt one that is at VOD, with moved_from one of another resource"):
        sets.ask(sets.sets.read, "id", {})


# -- delete -----------------------------------------------------------------------------------------------------


def test_a_destroyed_set_is_gone(sets: Sets) -> None:
    """From VOD and from the ledger."""
    sets.up({"one": "video", "two": "video"})
    sets.destroy()
    assert sets.vod.audio_ids() == []
    assert sets.ledger.everything(SITE) == ([], [])
    assert sets.last.last_line == "2 deleted"
    assert sets.rows[-1] == "2 deleted, seeing them go"


@pytest.mark.parametrize(("count", "more"), [(7, ["... and 2 more audios that others hold, too"]), (5, [])])
def test_what_somebody_else_holds_is_kept(sets: Sets, count: int, more: list[str]) -> None:
    """And said, of the first few."""
    ids = sets.up({str(it): "video" for it in range(count + 1)})
    sets.run()
    for number, audio_id in enumerate(ids.values()):
        if number < count:
            sets.create(f"adopted-{number}", adopt=audio_id)
    sets.ask(sets.sets.delete, "id", sets.outs)
    assert set(sets.vod.audio_ids()) == set(list(ids.values())[:count])
    assert [it.endswith("holds it, too") for it in sets.said[:5]] == [True] * 5
    assert sets.said[5:] == more
    assert sets.last.last_line == "1 deleted"


def test_a_deletion_that_fails_is_an_error_and_harms_no_other(sets: Sets, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether VOD refuses it, or says later that it has failed."""
    sets.up({"one": "video", "two": "video"})
    sets.vod.faults["delete"] = [refused("VOD.10053")]
    with pytest.raises(VodError, match=r"^deleting the audios of archive: audio audio\d+: "):
        sets.destroy()
    assert len(sets.vod.audio_ids()) == 1
    left = sets.vod.audio_ids()

    def shown(audio_id: str, _: object) -> Asset:
        return Asset(audio_id, "DELETE_FAILED", reason="locked")

    monkeypatch.setitem(cast("Any", absence.TABLE), absence.Purpose.DELETED, absence.Rule(1, 0.0, at_most=0.0))
    sets.vod.glance = shown  # type: ignore[method-assign, assignment]
    with pytest.raises(VodError, match=rf"audio {left[0]}: deleting asset {left[0]}: VOD has accepted it, and reports"):
        sets.destroy()


@pytest.mark.parametrize(("count", "more"), [(8, ["3 more"]), (5, [])])
def test_what_vod_still_shows_is_warned_of(
    sets: Sets, monkeypatch: pytest.MonkeyPatch, count: int, more: list[str]
) -> None:
    """It has confirmed the deletion, so that this is a success; the first few are named."""
    ids = sets.up({str(it): "video" for it in range(count)})
    monkeypatch.setitem(cast("Any", absence.TABLE), absence.Purpose.DELETED, absence.Rule(1, 0.0, at_most=0.0))
    sets.vod.glance = lambda it, _: Asset(it, "DELETING")  # type: ignore[method-assign, assignment]
    sets.destroy()
    (line,) = sets.warned
    named = line.partition("still shows them: ")[2].split(", ")
    assert set(named[:5]) <= set(ids.values())
    assert named[5:] == more
    assert sets.ledger.holders(SITE) == []


def test_a_set_without_audios_is_destroyed(sets: Sets) -> None:
    """Nothing is asked of VOD."""
    sets.up({})
    sets.vod.calls.clear()
    sets.destroy()
    assert (sets.last.last_line, sets.vod.calls) == ("0 deleted", [])


def test_a_deletion_is_stopped(sets: Sets) -> None:
    """The error says so; the engine keeps the set, and the next run deletes what is left."""
    sets.up({"one": "video"})
    sets.stop = Stop()
    sets.stop()
    with pytest.raises(VodError, match="deleting the audios of archive: stopped"):
        sets.destroy()
    sets.stop = None
    sets.destroy()
    assert sets.vod.audio_ids() == []


def test_the_extractions_of_a_set_fail_for_one_reason(sets: Sets) -> None:
    """Wrong credentials would meet all: after some, no more are begun."""
    sets.vod.faults["extract"] = [refused("APIGW.0301", 401) for _ in range(500)]
    with pytest.raises(VodError) as failed:
        sets.up({str(it): "video" for it in range(400)})
    assert not isinstance(failed.value, ExtractionError | AnswerError)
    assert sets.vod.calls.count("extract") < 250


# -- a catalogue ------------------------------------------------------------------------------------------------

IN_CATALOGUE = f"{STACK}vod:index:AudioCatalogue$pulumi-python:dynamic/vod:ExtractedAudio"
SINGLE = f"backend {IN_CATALOGUE}::archive-talk"


def test_what_a_broken_off_update_left_is_taken_by_the_set_in_another_stack(sets: Sets) -> None:
    """`pulumi state move`: of an entry that is new, too, the set's outputs say for whom it was made."""
    sets.up({"talk": "video"})
    sets.run()
    news = sets.checked({"talk": "video", "new": "other"})
    lost = plain(sets.ask(sets.sets.update, "id", sets.outs, news).outs or {})
    left = lost["extracted"]["new"]["audio_asset_id"]
    sets.run()  # the engine has not saved it
    for stack in ("dev", "prod"):
        owners = f"backend urn:pulumi:{stack}::media::"
        sets.context.leftovers._saved[owners] = cast("Any", Saved({}, {}))
    moved, before = URN.replace(":dev:", ":prod:"), dict(sets.inputs or {})
    operation = Operation(f"backend {moved}", 0.0, Stop(), lambda _: None, sets.warned.append)
    with serving.serving(ServedRequest(operation, moved, inputs_before=lambda: before)):
        assert sets.sets.diff("id", sets.outs or {}, news).changes
        updated = plain(sets.sets.update("id", sets.outs or {}, news).outs or {})
    assert updated["extracted"]["new"]["audio_asset_id"] == left
    assert sets.vod.accepted == 2


def test_a_set_that_goes_in_a_run_with_a_refresh_goes_with_its_audios(sets: Sets) -> None:
    """`up --refresh`: the refresh asks Diff of what the program does not have any more, and nothing checks that."""
    sets.up({"talk": "video", "other": "other"})
    sets.run()
    sets.ask(sets.sets.diff, "id", sets.outs, sets.inputs)
    sets.ask(sets.sets.delete, "id", sets.outs)
    assert sets.vod.audio_ids() == []


# -- audios that leave a set which stays ------------------------------------------------------------------------

LEAVING = 'archive["talk"]'


@pytest.mark.parametrize("names", ["moved_from", "adopt"])
def test_what_is_to_be_taken_over_is_not_deleted_before(
    sets: Sets, monkeypatch: pytest.MonkeyPatch, names: str
) -> None:
    """The set is updated before the one that takes its audio over is served: it keeps it until that one has it."""
    monkeypatch.setattr(set_provider, "TAKEN_S", 0.0)
    first = sets.up({"talk": "video", "stays": "other"})
    sets.refresh()
    taking = {names: LEAVING if names == "moved_from" else first["talk"]}
    for _ in range(2):  # in the first run it never is
        sets.run()
        news = sets.checked({"stays": "other"})
        checked = sets.serve("single", sets.provider.check, {}, {"asset_id": "video", **taking}).inputs
        assert sets.ask(sets.sets.diff, "id", sets.outs, news).changes
        sets.outs, sets.inputs = plain(sets.ask(sets.sets.update, "id", sets.outs, news).outs or {}), news
        assert list(sets.outs["superseded"]) == [first["talk"]]
        assert sets.rows == ["1 to be taken over by others"]
    assert sets.serve("single", sets.provider.create, checked).id == first["talk"]
    assert sets.up({"stays": "other"}) == {"stays": first["stays"]}
    assert "superseded" not in (sets.outs or {})
    assert sorted(sets.vod.audio_ids()) == sorted(first.values())
    assert sets.vod.accepted == 2


def test_who_held_it_before_the_state_was_put_back_has_not_taken_it_over(
    sets: Sets, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ledger has the one that is to take it over as its holder, of a run that the state knows nothing of."""
    monkeypatch.setattr(set_provider, "TAKEN_S", 0.0)
    first = sets.up({"talk": "video", "stays": "other"})
    sets.refresh()
    sets.ledger.hold([Holder(SITE, first["talk"], f"backend {STACK}single", source="video", format="MP3")])
    sets.run()
    sets.saved({first["talk"]: [LEAVING], first["stays"]: ['archive["stays"]']})
    news = sets.checked({"stays": "other"})
    sets.serve("single", sets.provider.check, {}, {"asset_id": "video", "moved_from": LEAVING})
    sets.ask(sets.sets.diff, "id", sets.outs, news)
    outs = plain(sets.ask(sets.sets.update, "id", sets.outs, news).outs or {})
    assert list(outs["superseded"]) == [first["talk"]]
    assert sorted(sets.vod.audio_ids()) == sorted(first.values())


def test_what_nobody_takes_over_after_all_is_deleted(sets: Sets, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever was to take it over is not in the program any more."""
    monkeypatch.setattr(set_provider, "TAKEN_S", 0.0)
    first = sets.up({"talk": "video", "stays": "other"})
    sets.run()
    news = sets.checked({"stays": "other"})
    sets.serve("single", sets.provider.check, {}, {"asset_id": "video", "moved_from": LEAVING})
    sets.ask(sets.sets.diff, "id", sets.outs, news)
    sets.outs, sets.inputs = plain(sets.ask(sets.sets.update, "id", sets.outs, news).outs or {}), news
    sets.up({"stays": "other"})
    assert sets.vod.audio_ids() == [first["stays"]]


def test_a_stop_while_others_take_over_leaves_all_as_it_is(sets: Sets) -> None:
    """The next run goes on: nothing was given up, and nothing was deleted."""
    first = sets.up({"talk": "video", "stays": "other"})
    sets.run()
    news = sets.checked({"stays": "other"})
    sets.serve("single", sets.provider.check, {}, {"asset_id": "video", "moved_from": LEAVING})
    sets.ask(sets.sets.diff, "id", sets.outs, news)
    sets.stop = Stop()
    sets.stop()
    with pytest.raises(PartialFailureError) as failed:
        sets.ask(sets.sets.update, "id", sets.outs, news)
    assert sorted(failed.value.outs["extracted"]) == ["stays", "talk"]
    assert sorted(sets.vod.audio_ids()) == sorted(first.values())


def test_an_audio_is_either_taken_over_or_deleted(sets: Sets) -> None:
    """Whoever is first has it: what is being taken over stays, what is being deleted is not taken over any more."""
    first = sets.up({"taken": "video", "gone": "other"})
    sets.refresh()
    sets.run()
    sets.context.run.moves(first["taken"], "somebody")
    sets.run = lambda **_: None  # type: ignore[method-assign]  # one and the same run
    sets.up({})
    assert sets.vod.audio_ids() == [first["taken"]]
    assert list((sets.outs or {})["superseded"]) == [first["taken"]]
    sets.ledger.hold([Holder(SITE, first["gone"], f'{OWNER}["gone"]', source="other", format="MP3")])
    with pytest.raises(VodError, match=r'the audio of archive\["gone"\]: it is being deleted, .* before single was'):
        sets.create("single", asset_id="other", moved_from='archive["gone"]')


@pytest.fixture
def catalogue(sets: Sets, monkeypatch: pytest.MonkeyPatch) -> Sets:
    """An engine whose set is that of a catalogue."""
    urn = f"{IN_CATALOGUE}Set::archive"
    monkeypatch.setattr("tests.unit.test_set_provider.URN", urn)
    monkeypatch.setattr("tests.unit.test_set_provider.OWNER", f"backend {urn}")
    return sets


def test_a_catalogue_becomes_a_set(catalogue: Sets, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the ledger has as a resource each is taken over, and the saved state is not read for it."""
    monkeypatch.setattr(Leftovers, "state", lambda _: pytest.fail("nobody needs it"))
    audio_id = catalogue.vod.audio(duration=65.0)
    catalogue.ledger.hold([Holder(SITE, audio_id, SINGLE, source="video", format="MP3")])
    assert catalogue.up({"talk": "video", "new": "other"})["talk"] == audio_id
    assert catalogue.vod.accepted == 1


def test_a_catalogue_of_which_nothing_is_known_is_not_paid_for_again(
    catalogue: Sets, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where neither the ledger nor the state tells whether its audios are there: the error names the ways."""

    def unread(_: Leftovers) -> NoReturn:
        raise SavedStateError("it cannot be read")

    monkeypatch.setattr(Leftovers, "state", unread)
    told = (
        r"whether .* are there already, as a resource each, is not known: it cannot be read; .* an ExtractedAudioSet by"
    )
    with pytest.raises(VodError, match=told):
        catalogue.up({"talk": "video"})
    assert catalogue.vod.accepted == 0


@pytest.mark.parametrize("is_encrypted", [False, True])
def test_an_audio_of_a_catalogue_is_paid_for_again_only_where_its_state_may_be_read(
    catalogue: Sets, monkeypatch: pytest.MonkeyPatch, is_encrypted: bool
) -> None:
    """One whose set may be in a state that is encrypted is refused; a state that is not there has no set."""

    def unread(_: Leftovers) -> NoReturn:
        raise (EncryptedStateError if is_encrypted else SavedStateError)("it cannot be read")

    monkeypatch.setattr(Leftovers, "state", unread)
    catalogue.run()
    with serving.serving(ServedRequest(Operation(SINGLE), SINGLE.removeprefix("backend "))):
        if is_encrypted:
            told = r"whether .* are there already, in a set, is not known: it cannot be read; .* declare each audio by"
            with pytest.raises(VodError, match=told):
                catalogue.provider.create({"asset_id": "video", "format": "MP3"})
        else:
            catalogue.provider.create({"asset_id": "video", "format": "MP3"})
    assert catalogue.vod.accepted == (0 if is_encrypted else 1)
