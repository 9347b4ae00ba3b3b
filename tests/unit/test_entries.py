"""The entries of a set: what may be asked for, what a state holds of them, and what a change comes to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vod_provider.audio import entries
from vod_provider.audio.entries import Entries, Plan, asked, check, made, outputs, path, plan, seen
from vod_provider.audio.ledger_records import mark_of_entry
from vod_provider.vod.assets import Asset
from vod_provider.vod.errors import VodError

UNKNOWN = object()
PLACE = "https://vod project"
MARK = "0123456789abcdef"


def is_unknown(value: Any) -> bool:
    return value is UNKNOWN


def audio(number: int, **more: Any) -> Asset:
    """A ready audio."""
    return Asset(f"audio{number}", "CREATED", url=f"http://vod/{number}", duration=30.0, size=1000, **more)


def there(audios: Mapping[str, Any], **defaults: Any) -> Entries:
    """What a set has that was made as declared."""
    found = Entries(MARK)
    for number, (key, ask) in enumerate(asked({"audios": audios, **defaults}).items()):
        found.held[key] = made(ask, audio(number), PLACE, mark_of_entry(MARK, key), described=True)
    return found


def planned(before: Mapping[str, Any], after: Mapping[str, Any], **defaults: Any) -> Plan:
    """What is to be done to come from the one to the other."""
    return plan(there(before), asked({"audios": after, **defaults}, is_unknown), is_unknown, lambda *_: False)


def paths(found: Plan, before: Mapping[str, Any], after: Mapping[str, Any], **defaults: Any) -> dict[str, str]:
    """What the preview is told of a plan for a set that was made as declared `before`."""
    return found.paths(there(before), {"audios": before}, {"audios": after, **defaults}, is_unknown)


def problems(audios: object, **more: Any) -> list[str]:
    return [f"{it.property} {it.reason}" for it in check({"audios": audios, **more}, is_unknown)[1]]


def test_the_inputs_get_their_normal_form_and_no_more() -> None:
    """What is not given is not filled in, since a state would hold it ten thousand times."""
    checked, wrong = check(
        {"audios": {"a": {"asset_id": "v", "format": "mp3", "category_id": 3.0}}, "tags": [" x "]}, is_unknown
    )
    assert not wrong
    assert checked == {"audios": {"a": {"asset_id": "v", "format": "MP3", "category_id": 3}}, "tags": ["x"]}
    assert asked(checked) == {"a": {"asset_id": "v", "format": "MP3", "category_id": 3, "tags": ["x"]}}


@pytest.mark.parametrize(
    ("audios", "said"),
    [
        (None, "audios is missing"),
        ("video", "audios must be an object of audios"),
        ({"": {"asset_id": "v"}}, "audios must have names that are not empty"),
        ({"__a": {"asset_id": "v"}}, "audios must have names"),
        ({"a\n": {"asset_id": "v"}}, "audios must have names"),
        ({"a": "v"}, 'audios["a"] must be an object with asset_id'),
        ({"a": {}}, 'audios["a"].asset_id is missing'),
        ({"a": {"asset_id": "v", "adopt": "v"}}, 'audios["a"].adopt is the source itself'),
        ({"a": {"asset_id": "v", "titel": "x"}}, 'audios["a"].titel is not known: did you mean title?'),
        ({"a": {"asset_id": "v", "description": "x"}}, 'audios["a"].description is not known'),
        ({'q"u': {"asset_id": ""}}, 'audios["q\\"u"].asset_id must be a media id'),
    ],
)
def test_what_is_wrong_is_told_by_its_path(audios: object, said: str) -> None:
    """Of entries by key and name; of the set by name."""
    (found,) = problems(audios)
    assert found.startswith(said)


def test_many_problems_are_counted() -> None:
    """A wrong default is told once, and of thousands of wrong entries the first few."""
    assert problems({"a": {"asset_id": "v"}, "b": {"asset_id": "v"}}, format="WAV") == [
        "format must be MP3 or AAC: got 'WAV'"
    ]
    found = problems({str(number): {"asset_id": ""} for number in range(1000)})
    assert len(found) == entries.PROBLEMS + 1
    assert found[-1] == f"audios has {1000 - entries.PROBLEMS} more problems"
    found = problems({str(number): {} for number in range(entries.PROBLEMS)})
    assert len(found) == entries.PROBLEMS
    assert not found[-1].endswith("more problems")
    assert problems({"a": {"asset_id": "v"}}, title="x")[0].startswith("title is not known")


def test_unknown_values_pass() -> None:
    """Of entries, of what is in them, and of all."""
    assert problems(UNKNOWN) == problems({"a": UNKNOWN, "b": {"asset_id": UNKNOWN, "adopt": UNKNOWN}}) == []
    assert asked({"audios": UNKNOWN}, is_unknown) == {}
    found = planned({"a": {"asset_id": "v"}}, {"a": UNKNOWN})
    assert list(found.replaced) == ["a"]


def test_a_state_holds_what_vod_tells_and_no_more() -> None:
    """What is as the inputs ask is not written a second time."""
    audios = {"a": {"asset_id": "v", "title": "T", "tags": ["x", "y"]}}
    assert outputs(there(audios), asked({"audios": audios})) == {
        "place": PLACE,
        "made_for": MARK,
        "extracted": {"a": {"audio_asset_id": "audio0", "url": "http://vod/0", "duration": 30.0, "size": 1000}},
    }


def roundtrip(held: Entries, wanted: Mapping[str, Any]) -> Entries:
    """What a state that holds this is read as, by way of the file."""
    return entries.entries(json.loads(json.dumps(outputs(held, wanted))), wanted)


def comparable(held: Entries) -> Any:
    """The same for the same, in whatever order tags are, and whether triggers are none or an empty list."""

    def plain(entry: Mapping[str, Any]) -> dict[str, Any]:
        found = {
            name: value for name, value in entry.items() if value is not None and (name, value) != ("triggers", [])
        }
        return found | {"tags": sorted(found["tags"])} if "tags" in found else found

    return {key: plain(it) for key, it in held.held.items()}, held.superseded


TEXTS = st.sampled_from(["One", "Two"])
ENTRY = st.fixed_dictionaries(
    {"asset_id": st.sampled_from(["v", "w"])},
    optional={
        "format": st.sampled_from(["MP3", "AAC"]),
        "title": TEXTS,
        "tags": st.lists(TEXTS, unique=True),
        "category_id": st.integers(-1, 2),
        "publish": st.booleans(),
        "triggers": st.lists(st.integers(0, 1)),
        "region": st.just("cn-north-4"),
    },
)
AUDIOS = st.dictionaries(st.sampled_from(["a", "b", 'c"']), ENTRY)


@given(AUDIOS, AUDIOS, st.data())
def test_what_is_written_is_read_again(before: dict[str, Any], after: dict[str, Any], data: st.DataObject) -> None:
    """Beside whatever inputs: also those of which some could not be done."""
    held, wanted = there(before), asked({"audios": after})
    for key in held.held:
        change = data.draw(st.sampled_from(["", "status", "place", "made_for", "undescribed", "drift"]))
        if change in {"place", "made_for"}:
            held.held[key][change] = "elsewhere other"
        elif change == "status":
            held.held[key] |= {"status": "CREATING", "url": None, "duration": None, "publish": False}
        elif change == "undescribed":
            for name in ("title", "tags", "category_id"):
                held.held[key].pop(name, None)
        elif change == "drift":
            held.held[key] = seen(held.held[key], audio(0, title="Drifted", tags=("drifted",), category_id=9))
    read = roundtrip(held, wanted)
    for key, entry in held.held.items():  # metadata that nobody asks for any more is nobody's affair
        for name in ("title", "tags", "category_id"):
            if wanted.get(key, {}).get(name) is None:
                entry.pop(name, None)
        entry["publish"] = entry["status"] == "PUBLISHED"
    assert comparable(read) == comparable(held)


@given(AUDIOS, AUDIOS)
def test_what_is_written_for_two_inputs_is_read_beside_either(before: dict[str, Any], after: dict[str, Any]) -> None:
    """An update that fails in part leaves the inputs from before, and what it has done."""
    held, one, other = there(after), asked({"audios": before}), asked({"audios": after})
    written = json.loads(json.dumps(outputs(held, other, one)))
    for inputs_kept in (one, other):
        read = entries.entries(written, inputs_kept)
        wanted = {key: {**it, "publish": False} for key, it in other.items()}
        for entry in read.held.values():
            entry["publish"] = False
        assert not plan(read, wanted, is_unknown, lambda *_: False)


def test_what_may_be_of_a_secret_input_stands_apart() -> None:
    """What was asked for, where the inputs saved beside it do not say it; a refresh leaves it there."""
    before, after = ({"a": {"asset_id": "v", "title": title, "triggers": [title]}} for title in ("Hush", "Hushed"))
    held = there(after)
    held.superseded["audio9"] = there(before).held["a"] | {"audio_asset_id": "audio9", "key": "a"}
    written = outputs(held, asked({"audios": after}), asked({"audios": before}))
    told = {"made_from": {"asset_id": "v", "format": "MP3", "triggers": ["Hushed"]}, "holds": {"title": "Hushed"}}
    assert written.pop("apart") == {
        "extracted": {"a": told},
        "superseded": {"audio9": {"asset_id": "v", "format": "MP3"}},
    }
    assert "Hush" not in json.dumps(written)
    read = entries.entries(
        outputs(held, asked({"audios": after}), asked({"audios": before})), asked({"audios": before})
    )
    refreshed = outputs(read, asked({"audios": before}), apart=read.apart)
    assert refreshed.pop("apart")["extracted"] == {"a": told}
    assert "Hush" not in json.dumps(refreshed)
    with pytest.raises(VodError, match="encrypted"):
        entries.entries(written | {"apart": {"ciphertext": "v1:"}}, asked({"audios": before}))


@given(AUDIOS)
def test_what_was_made_as_asked_needs_nothing(audios: dict[str, Any]) -> None:
    """An unchanged set has an empty plan, also after its state was written and read."""
    for ask in audios.values():
        ask.pop("publish", None)
    wanted = asked({"audios": audios})
    assert not plan(roundtrip(there(audios), wanted), wanted, is_unknown, lambda *_: False)


@given(AUDIOS, AUDIOS)
def test_a_plan_accounts_for_all(before: dict[str, Any], after: dict[str, Any]) -> None:
    """Each entry gets one audio of what it asks for, and each audio that was there is held once, or deleted."""
    held = there(before)
    wanted = asked({"audios": after})
    found = plan(held, wanted, is_unknown, lambda *_: False)
    kept = {key for key in wanted if key in held.held} - found.moved.keys() - found.replaced.keys() - set(found.added)
    assert {*found.added, *found.moved, *found.replaced, *kept} == wanted.keys()
    assert len(found.added) + len(found.moved) + len(found.replaced) + len(kept) == len(wanted)
    used = [*found.moved.values(), *found.replaced, *kept, *found.removed]
    assert sorted(used) == sorted(held.held)
    for key, old in [*found.moved.items(), *((key, key) for key in kept)]:
        assert not entries.differences(held.held[old], wanted[key], is_unknown, lambda *_: False)[0]


def test_what_differs_is_named_by_its_path() -> None:
    """Only that, and not its neighbours."""
    before = {key: {"asset_id": key, "title": "One"} for key in ("same", "title", "format", "removed")}
    after = {
        "same": {"asset_id": "same", "title": "One"},
        "title": {"asset_id": "title", "title": "Two"},
        "format": {"asset_id": "format", "title": "One", "format": "AAC"},
        "added": {"asset_id": "added"},
    }
    found = planned(before, after)
    assert paths(found, before, after) == {
        'audios["title"].title': "UPDATE",
        'audios["format"].format': "UPDATE",
        'audios["added"]': "ADD",
        'audios["removed"]': "DELETE",
    }
    assert found.line() == "1 to extract, 1 to extract again, 1 to change in place, 2 to delete"


def test_what_others_have_taken_the_place_of_is_counted_with_what_is_removed() -> None:
    """All of them are deleted at VOD."""
    assert Plan(removed=["gone"], left=["before"]).line() == "2 to delete"


def test_a_default_that_changes_is_told_once() -> None:
    """Another format for all is another extraction of each that has none of its own, and stands with the set."""
    before = {"a": {"asset_id": "v"}, "b": {"asset_id": "w", "format": "MP3"}, "c": {"asset_id": "x"}}
    found = planned(before, before, format="AAC")
    assert found.replaced == {"a": ("format",), "c": ("format",)}
    assert paths(found, before, before, format="AAC") == {"format": "UPDATE"}
    after = before | {"a": {"asset_id": "v", "format": "AAC"}}
    assert paths(planned(before, after), before, after) == {'audios["a"].format': "UPDATE"}
    unknown = before | {"a": UNKNOWN}
    assert paths(planned(before, unknown), before, unknown) == {'audios["a"]': "UPDATE"}


def test_a_renamed_entry_keeps_its_audio() -> None:
    """Under another key the same source and format is no extraction; its new title is set in place."""
    found = planned({"a": {"asset_id": "v"}}, {"b": {"asset_id": "v", "title": "New"}})
    assert (found.moved, found.changed) == ({"b": "a"}, {"b": ("title",)})
    assert not {*found.added, *found.removed, *found.replaced}
    another = planned({"a": {"asset_id": "v"}}, {"b": {"asset_id": "v", "adopt": "another"}})
    assert (another.added, another.removed) == (["b"], ["a"])
    triggered = planned({"a": {"asset_id": "v"}}, {"b": {"asset_id": "v", "triggers": [1]}})
    assert (triggered.added, triggered.removed) == (["b"], ["a"])


def test_other_words_for_the_same_place_are_no_extraction() -> None:
    """Whether they are, somebody else knows."""
    held = there({"a": {"asset_id": "v"}})
    wanted = asked({"audios": {"a": {"asset_id": "v"}}, "project_id": "project"})
    assert plan(held, wanted, is_unknown, lambda *_: False).replaced
    assert not plan(held, wanted, is_unknown, lambda *_: True)


@pytest.mark.parametrize(
    ("status", "expected"), [("CREATING", "unfinished"), ("SERVER_ERROR", "replaced"), ("CREATED", "")]
)
def test_what_is_not_ready_is_gone_on_with(status: str, expected: str) -> None:
    """One that VOD still works on is waited for; of one that it could not make, another is made."""
    held = there({"a": {"asset_id": "v"}})
    held.held["a"] |= {"status": status}
    found = plan(held, asked({"audios": {"a": {"asset_id": "v"}}}), is_unknown, lambda *_: False)
    given = {"audios": {"a": {"asset_id": "v"}}}
    if expected:
        assert "a" in getattr(found, expected)
        assert outputs(held, asked(given))["unready"] == {"a": status}
        assert found.paths(held, given, given, is_unknown) == {'unready["a"]': "DELETE"}
    else:
        assert not found


def test_a_drift_is_told_as_what_vod_holds() -> None:
    """The inputs do not differ, so that the preview shows the output that is to go; of what is not managed, nothing."""
    audios = {"a": {"asset_id": "v", "title": "Ours", "publish": False}, "b": {"asset_id": "v"}}
    given: dict[str, Any] = {"audios": audios, "tags": ["x"]}
    wanted, held = asked(given), there(audios, tags=["x"])
    for key in held.held:
        theirs = audio(0, title="Theirs", tags=("y",), category_id=7)
        held.held[key] = seen(held.held[key], replace(theirs, status="PUBLISHED"))
    assert outputs(held, wanted)["drifted"] == {
        "a": {"title": "Theirs", "tags": ["y"], "publish": True},
        "b": {"tags": ["y"]},
    }
    found = plan(held, wanted, is_unknown, lambda *_: False)
    shown = ['drifted["a"].title', 'drifted["a"].tags', 'drifted["a"].publish', 'drifted["b"].tags']
    assert found.paths(held, given, given, is_unknown) == dict.fromkeys(shown, "DELETE")
    assert comparable(roundtrip(held, wanted)) == comparable(held)
    # In an update that fails in part, what has drifted elsewhere stays known.
    failed = outputs(held, {**wanted, "b": {**wanted["b"], "title": "New"}}, wanted)
    assert failed["drifted"].keys() == {"a"}
    assert failed["apart"]["extracted"]["b"]["holds"] == {"tags": ["y"]}


def test_metadata_that_vod_was_not_given_is_told_by_the_input() -> None:
    """There is nothing else that could show it."""
    given = {"audios": {"a": {"asset_id": "v", "title": "T"}}, "tags": ["x"]}
    held = Entries(MARK, {"a": made(asked(given)["a"], audio(0), PLACE, mark_of_entry(MARK, "a"), described=False)})
    found = plan(held, asked(given), is_unknown, lambda *_: False)
    assert found.paths(held, given, given, is_unknown) == {'audios["a"].title': "UPDATE", "tags": "UPDATE"}


def test_a_state_that_has_it_with_the_entries_is_read_all_the_same() -> None:
    """As it was written before there were outputs beside the entries."""
    before = {"a": {"asset_id": "v", "title": "Ours"}}
    old = {"audio_asset_id": "audio9", "key": "a", "asset_id": "v", "format": "MP3", "place": PLACE, "title": "Ours"}
    written = {
        "place": PLACE,
        "made_for": MARK,
        "extracted": {"a": {"audio_asset_id": "a", "made_from": {"asset_id": "w"}, "holds": {"title": "Theirs"}}},
        "superseded": {"audio9": old},
    }
    read = entries.entries(written, asked({"audios": before}))
    assert (read.held["a"]["asset_id"], read.held["a"]["title"]) == ("w", "Theirs")
    assert read.superseded == {"audio9": old}


def test_a_state_that_does_not_say_what_an_audio_was_made_of_is_refused() -> None:
    """Rather than extracting everything again."""
    written = outputs(there({"a": {"asset_id": "v"}}), asked({"audios": {"a": {"asset_id": "v"}}}))
    with pytest.raises(VodError, match="not what it was made of"):
        entries.entries(written, {})


def test_paths_are_as_pulumi_writes_them() -> None:
    """A quote in a key has a backslash before it."""
    assert path('q"u', "format") == 'audios["q\\"u"].format'
