"""Who knows an audio, case by case; every doubt counts against 'orphaned'."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from vod_provider.audio.recovery import SENT_S
from vod_provider.cli.ownership import Entry, Finding, Known, Standing, stack_of, urn_of
from vod_provider.cli.states import StackName, State
from vod_provider.vod.assets import Asset

NOW = 1_800_000_000.0
HOUR = 3600.0
DEV = StackName("media", "dev")
DEV_STATE = State(frozenset({DEV}), frozenset({"known"}))
OWNER = "file:///x urn:pulumi:dev::media::t::talk"
ELSEWHERE = "file:///x urn:pulumi:prod::media::t::talk"
NOBODY = "3f0c2c5e-6d0b-4f0e-9c55-9b9b1a1f2a10"


def audio(age: float | None = 2 * HOUR, *, id_: str = "a1", status: str = "CREATED", kind: str | None = "MP3") -> Asset:
    """An audio of that age in seconds."""
    created = None if age is None else datetime.fromtimestamp(NOW - age, UTC)
    return Asset(id_, status, created=created, pack_type=kind, duration=60.0)


def entry(owner: str, audio_id: str | None, *, settled: bool, age: float = 2 * HOUR, kind: str = "MP3") -> Entry:
    """An entry of the ledger of that age in seconds."""
    return Entry(owner, "source", kind, audio_id, None if settled else NOW - age)


def found(
    one: Asset, *entries: Entry, states: tuple[State, ...] = (DEV_STATE,), former: tuple[StackName, ...] = (),
    skew: float = 0.0, older_than: float = HOUR,
) -> Finding:  # fmt: skip
    """What is found of one audio."""
    (finding,) = Known(states, entries, former).sort([one], now=NOW, skew=skew, older_than=older_than)
    return finding


def lost_by_dev(one: Asset, *, skew: float = 0.0, older_than: float = HOUR) -> Finding:
    """What is found of an audio that the given stack held once, and holds no more."""
    return found(one, entry(OWNER, one.id, settled=True), skew=skew, older_than=older_than)


def test_what_nobody_knows_is_unknown() -> None:
    """No state and no ledger has it: it may be anybody's, however old it is."""
    assert found(audio()) == Finding(audio(), Standing.UNKNOWN, 2 * HOUR)
    assert found(audio(), former=(StackName("media", "prod"),)).standing is Standing.UNKNOWN


def test_what_was_asked_for_and_no_state_holds_is_orphaned() -> None:
    """The ledger has it for the stack that is given, and that stack's state does not."""
    assert lost_by_dev(audio()).standing is Standing.ORPHANED


def test_of_several_entries_the_most_cautious_counts() -> None:
    """Somebody who takes or holds an audio is never outvoted by somebody who has given it up."""
    gone, kept = entry(OWNER, "a1", settled=True), entry(OWNER.replace("talk", "other"), "a1", settled=False)
    elsewhere = entry(ELSEWHERE, "a1", settled=True)
    for entries, standing in (((gone, kept), Standing.KEPT), ((gone, elsewhere), Standing.ELSEWHERE)):
        assert found(audio(), *entries).standing is standing
        assert found(audio(), *reversed(entries)).standing is standing


def test_the_same_stack_in_another_backend_was_not_given() -> None:
    """A state does not name its backend: of two stacks of one name, it is the one whose audios it mentions."""
    here, there = "file:///x urn:pulumi:dev::media::t::", "s3://b urn:pulumi:dev::media::t::"
    entries = [entry(f"{here}talk", "known", settled=True), entry(f"{here}gone", "a1", settled=True)]
    entries += [entry(f"{there}talk", "a2", settled=True)]
    assert found(audio(), *entries).standing is Standing.ORPHANED
    assert found(audio(id_="a2"), *entries).standing is Standing.ELSEWHERE
    assert found(audio(), *entries, states=(State(frozenset({DEV}), frozenset()),)).standing is Standing.ELSEWHERE
    assert found(audio(id_="a2"), *entries, former=(DEV,)).standing is Standing.ORPHANED


def test_a_state_that_mentions_it_knows_it() -> None:
    """Whatever its age, and whatever the ledger says."""
    assert found(audio(id_="known")).standing is Standing.KNOWN
    settled = entry(OWNER, "known", settled=True)
    assert found(audio(id_="known"), settled).standing is Standing.KNOWN


@pytest.mark.parametrize("age", [0.0, HOUR - 1, None])
def test_a_young_one_may_be_a_running_ups(age: float | None) -> None:
    """Younger than asked for, or of unknown age, is never orphaned."""
    assert lost_by_dev(audio(age)).standing is Standing.YOUNG


def test_age_is_by_vods_clock() -> None:
    """A clock of ours that is ahead makes no audio older than it is."""
    assert lost_by_dev(audio(HOUR + 60), skew=-120.0).standing is Standing.YOUNG
    assert lost_by_dev(audio(HOUR - 60), skew=120.0).standing is Standing.ORPHANED


def test_older_than_can_be_lowered() -> None:
    """Who asks for 0 s gets the youngest too, but not what tells no time."""
    assert lost_by_dev(audio(1), older_than=0.0).standing is Standing.ORPHANED
    future = lost_by_dev(audio(-0.5), older_than=0.0)
    assert (future.standing, future.age) == (Standing.ORPHANED, 0.0)
    assert lost_by_dev(audio(None), older_than=0.0).standing is Standing.YOUNG


@pytest.mark.parametrize("states", [(), (DEV_STATE,)], ids=["stack not given", "stack given"])
def test_an_accepted_one_is_kept_by_the_ledger(states: tuple[State, ...]) -> None:
    """VOD accepted, and Pulumi has never shown to hold it: the next `up` takes it."""
    finding = found(audio(), entry(OWNER, "a1", settled=False), states=states)
    assert finding.standing is Standing.KEPT
    assert finding.entry is not None
    assert urn_of(finding.entry.owner) == "urn:pulumi:dev::media::t::talk"


def test_a_settled_one_of_a_given_stack_is_orphaned_and_its_source_known() -> None:
    """The stack had it once and has it no more, as after `pulumi state delete`."""
    finding = found(audio(), entry(OWNER, "a1", settled=True))
    assert finding.standing is Standing.ORPHANED
    assert finding.entry is not None
    assert finding.entry.source == "source"


def test_a_settled_one_of_another_stack_is_not_orphaned() -> None:
    """A stack that was not given may well have it still."""
    assert found(audio(), entry(ELSEWHERE, "a1", settled=True)).standing is Standing.ELSEWHERE


@pytest.mark.parametrize("settled", [True, False])
def test_a_former_stack_keeps_nothing(*, settled: bool) -> None:
    """Who says that a stack is no more gets what the ledger kept for it; others' stay as they are."""
    prod = StackName("media", "prod")
    assert found(audio(), entry(ELSEWHERE, "a1", settled=settled), former=(prod,)).standing is Standing.ORPHANED
    assert found(audio(), entry(OWNER, "a1", settled=False), former=(prod,)).standing is Standing.KEPT


@pytest.mark.parametrize("settled", [True, False])
def test_an_entry_without_a_urn_keeps_nothing(*, settled: bool) -> None:
    """Where the host did not tell the resource, no state can be looked at: its source is told, that is all."""
    finding = found(audio(), entry(NOBODY, "a1", settled=settled))
    assert finding.standing is Standing.UNKNOWN
    assert finding.entry is not None


@pytest.mark.parametrize(
    ("asked", "standing"),
    [
        (0.0, Standing.KEPT),
        (SENT_S, Standing.KEPT),
        (-0.9, Standing.KEPT),
        (SENT_S + 1, Standing.UNKNOWN),
        (-1.0, Standing.UNKNOWN),
    ],
)
def test_a_lost_answer_keeps_what_may_be_its_audio(asked: float, standing: Standing) -> None:
    """An audio that VOD made when an answer was lost may be the one: the next `up` looks for it.

    `asked`: how long before the audio was made, in seconds.
    """
    finding = found(audio(), entry(OWNER, None, settled=False, age=2 * HOUR + asked))
    assert finding.standing is standing
    assert finding.lost is (standing is Standing.KEPT)


@pytest.mark.parametrize(
    ("kind", "standing"), [("AAC", Standing.UNKNOWN), ("MP3", Standing.KEPT), (None, Standing.KEPT)]
)
def test_a_lost_answer_keeps_its_format_only(kind: str | None, standing: Standing) -> None:
    """An AAC is not what became of a request for MP3; what tells no format may be."""
    assert found(audio(kind=kind), entry(OWNER, None, settled=False)).standing is standing


def test_a_lost_answer_keeps_what_tells_no_time() -> None:
    """An audio without a time of creation may be of any request."""
    assert found(audio(None), entry(OWNER, None, settled=False)).standing is Standing.KEPT


def test_what_vod_reports_as_deleted_is_no_audio() -> None:
    """VOD may list deleted assets for a while."""
    assert Known([], []).sort([audio(status="DELETED")], now=NOW, skew=0.0, older_than=0.0) == []


def test_the_oldest_comes_first() -> None:
    """Unknown ages come last."""
    ages = {"young": HOUR, "old": 9 * HOUR, "unknown": None}
    sorted_ = Known([], []).sort([audio(age, id_=id_) for id_, age in ages.items()], now=NOW, skew=0, older_than=0)
    assert [it.audio.id for it in sorted_] == ["old", "young", "unknown"]


def test_an_owner_tells_its_stack() -> None:
    """The ledger's owner is 'BACKEND URN', and a backend may be empty or have spaces in it."""
    for owner in (OWNER, " urn:pulumi:dev::media::t::talk", "file:///a b urn:pulumi:dev::media::t::talk"):
        assert stack_of(owner) == DEV
    assert stack_of(NOBODY) is None
    assert urn_of(NOBODY) is None
