"""What may be asked for, how it is refused, and what a change of it means."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vod_provider.audio import inputs
from vod_provider.audio.inputs import (
    ASKING,
    DESCRIPTION,
    METADATA,
    REPLACING,
    Changes,
    InputError,
    Metadata,
    Problem,
    Request,
)


class Unknown:
    """A value that a preview does not know yet; equal to nothing but itself, as Pulumi's is."""


UNKNOWN = Unknown()
SOURCE = "3e1cd21131a94525be55acf65888bf46"
FULL = {
    "asset_id": SOURCE,
    "format": "AAC",
    "title": "Intro",
    "description": "The first one",
    "category_id": 7,
    "tags": ["b", "a"],
    "publish": True,
    "region": "ap-southeast-1",
    "project_id": "0123456789abcdef0123456789abcdef",
    "account": "other",
    "triggers": [1, "x", {"y": [True, None]}],
    "adopt": "5412",
    "moved_from": 'archive["talk"]',
}


def is_unknown(value: object) -> bool:
    return isinstance(value, Unknown)


def problems(**props: object) -> list[Problem]:
    """What is wrong with these inputs; the source is given if they do not say otherwise."""
    return inputs.check({"asset_id": SOURCE, **props}, is_unknown)[1]


def checked(**props: object) -> dict[str, Any]:
    """These inputs in their normal form, in which nothing may be wrong."""
    normal, wrong = inputs.check({"asset_id": SOURCE, **props}, is_unknown)
    assert wrong == []
    return normal


# -- check -----------------------------------------------------------------------------------------------------


def test_full_inputs_stay_as_they_are() -> None:
    """What is in its normal form already is not touched."""
    assert inputs.check(FULL, is_unknown) == (FULL, [])


def test_only_the_source_is_required() -> None:
    """The format has a default; what is None is not given, even under a name that is no input."""
    assert checked() == {"asset_id": SOURCE, "format": "MP3"}
    assert checked(title=None, format=None, tags=None, duration=None) == checked()


def test_names_of_pulumi_pass() -> None:
    """Pulumi puts the provider and a few marks among the properties."""
    assert checked(__provider="gASV", __defaults=[]) == {**checked(), "__provider": "gASV", "__defaults": []}


@pytest.mark.parametrize(
    ("given", "normal"),
    [
        ({"format": "mp3"}, {"format": "MP3"}),
        ({"format": "Aac"}, {"format": "AAC"}),
        ({"category_id": 3.0}, {"category_id": 3}),
        ({"category_id": -1.0}, {"category_id": -1}),
        ({"tags": ["b", "a"]}, {"tags": ["b", "a"]}),
        ({"triggers": [1.0, 2.5]}, {"triggers": [1.0, 2.5]}),
    ],
)
def test_normal_form(given: dict[str, object], normal: dict[str, object]) -> None:
    """Formats in capitals, whole numbers as such, lists in their order."""
    result = checked(**given)
    assert result == {**checked(), **normal}
    assert [type(result[name]) for name in normal] == [type(value) for value in normal.values()]


@pytest.mark.parametrize(
    "props",
    [
        {"asset_id": "5412"},
        {"asset_id": "x" * 64},
        {"title": "t" * 128},
        {"title": ""},
        {"title": "语" * 42},
        {"description": "d" * 1024},
        {"category_id": 0},
        {"category_id": 2**31 - 1},
        {"tags": []},
        {"tags": [f"tag {number}" for number in range(16)]},
        {"tags": ["语" * 8]},
        {"triggers": []},
        {"triggers": [None, False, 1.5, "", [[]], {"a": {}}]},
        {"region": "xx-new-99"},
    ],
)
def test_up_to_the_limits(props: dict[str, object]) -> None:
    """What just fits is taken."""
    assert problems(**props) == []


@pytest.mark.parametrize(
    ("props", "name", "reason"),
    [
        ({"asset_id": None}, "asset_id", "is missing: it is the media id of the source video"),
        ({"asset_id": ""}, "asset_id", "must be a media id: got '', which is blank"),
        ({"asset_id": " \t"}, "asset_id", "must be a media id: got ' \\t', which is blank"),
        ({"asset_id": 5412.0}, "asset_id", "must be a media id, a string: got 5412.0"),
        (
            {"asset_id": "a b"},
            "asset_id",
            "must be a media id, at most 64 characters without space or comma: got 'a b'",
        ),
        ({"asset_id": "a,b"}, "asset_id", "without space or comma: got 'a,b'"),
        ({"asset_id": "a\n"}, "asset_id", "without space or comma: got 'a\\n'"),
        ({"asset_id": "a\x00"}, "asset_id", "without space or comma: got 'a\\x00'"),
        ({"asset_id": "a\u3000b"}, "asset_id", "without space or comma: got"),
        ({"asset_id": "x" * 65}, "asset_id", f"at most 64 characters without space or comma: got '{'x' * 59}..."),
        ({"adopt": ""}, "adopt", "must be a media id: got '', which is blank"),
        ({"adopt": SOURCE}, "adopt", "is the source itself"),
        ({"format": "wav"}, "format", "must be MP3 or AAC: got 'WAV'"),
        ({"format": ""}, "format", "must be MP3 or AAC: got ''"),
        ({"format": ["MP3"]}, "format", "must be MP3 or AAC: got ['MP3']"),
        ({"title": "t" * 129}, "title", "must be at most 128 bytes of UTF-8: got 129"),
        ({"title": "语" * 43}, "title", "must be at most 128 bytes of UTF-8: got 129"),
        ({"title": 5.0}, "title", "must be a string: got a number"),
        ({"description": "d" * 1025}, "description", "must be at most 1024 bytes of UTF-8: got 1025"),
        ({"description": False}, "description", "must be a string: got true or false"),
        ({"category_id": True}, "category_id", "must be the id of a category, a whole number"),
        ({"category_id": 1.5}, "category_id", "(-1 is the category 'Others'): got 1.5"),
        ({"category_id": "7"}, "category_id", "got '7'"),
        ({"category_id": -2}, "category_id", "got -2"),
        ({"category_id": 2**31}, "category_id", "got 2147483648"),
        ({"category_id": float("nan")}, "category_id", "got nan"),
        ({"tags": "a,b"}, "tags", "must be a list of strings: got a string"),
        ({"tags": [f"{number}" for number in range(17)]}, "tags", "must be at most 16 tags: got 17"),
        ({"tags": [UNKNOWN] * 17}, "tags", "must be at most 16 tags: got 17"),
        ({"tags": ["a", 1.0]}, "tags", "must be strings: [1] is a number"),
        ({"tags": [None]}, "tags", "must be strings: [0] is nothing"),
        ({"tags": ["a", " "]}, "tags", "must not be blank: [1] is"),
        (
            {"tags": ["a,b"]},
            "tags",
            "must be without commas, by which VOD tells tags apart: [0] has one",
        ),
        ({"tags": ["a", "语" * 9]}, "tags", "must be at most 24 bytes of UTF-8 each: [1] has 27"),
        ({"tags": ["a", "b", "a"]}, "tags", "must differ from each other: [2] is the same as [0]"),
        ({"region": "AP Southeast"}, "region", "must be the id of a region, as ap-southeast-1"),
        ({"region": ""}, "region", "leave it out for the stack's: got ''"),
        ({"region": 1.0}, "region", "got 1.0"),
        ({"project_id": "a/../b"}, "project_id", "must be the id of a project; leave it out for the stack's"),
        ({"project_id": " "}, "project_id", "got ' '"),
        ({"triggers": "v1"}, "triggers", "must be a list: got a string"),
        ({"triggers": {"a": 1}}, "triggers", "must be a list: got an object"),
        (
            {"triggers": ["a", [object]]},
            "triggers",
            "must be made of texts, numbers, booleans, lists and objects: [1] has a type",
        ),
        ({"triggers": [{"a": float("inf")}]}, "triggers", "[0] has inf"),
        ({"titel": "x"}, "titel", "is not known: did you mean title?"),
        ({"assetId": "x"}, "assetId", "is not known: did you mean asset_id?"),
        ({"category-id": 1}, "category-id", "is not known: did you mean category_id?"),
        ({"xyz": UNKNOWN}, "xyz", "is not known: expected one of asset_id, format, title"),
    ],
)
def test_what_cannot_be(props: dict[str, object], name: str, reason: str) -> None:
    """One problem, under the name of the property: what is allowed, and what was given, shortened."""
    (problem,) = problems(**props)
    assert problem.property == name
    assert reason in problem.reason
    assert len(problem.reason) < 200
    assert problem.reason.isprintable()


def test_all_problems_are_told_at_once() -> None:
    """Nobody has to mend one to learn of the next."""
    found = problems(asset_id=" ", format="ogg", title="t" * 200, tags=["a", "a", ",", *"bcdefghijklmno"], colour="red")
    assert [problem.property for problem in found] == ["asset_id", "format", "title", "tags", "tags", "tags", "colour"]


@pytest.mark.parametrize("name", list(FULL))
def test_unknown_values_are_taken_as_they_are(name: str) -> None:
    """At a preview any input may not be known yet."""
    normal, wrong = inputs.check({**FULL, name: UNKNOWN}, is_unknown)
    assert wrong == []
    assert normal == {**FULL, name: UNKNOWN}


def test_unknown_values_inside_of_lists() -> None:
    """One tag, one trigger or a part of one may not be known yet; the rest is checked."""
    tags, triggers = ["a", UNKNOWN, UNKNOWN], [UNKNOWN, {"b": [UNKNOWN]}]
    assert checked(tags=tags, triggers=triggers) == {**checked(), "tags": tags, "triggers": triggers}
    assert [problem.property for problem in problems(tags=[UNKNOWN, ","])] == ["tags"]
    assert [problem.property for problem in problems(triggers=[[UNKNOWN, object()]])] == ["triggers"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30) | st.just(UNKNOWN),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@given(props=st.dictionaries(st.sampled_from(list(FULL)) | st.text(max_size=8), json_values, max_size=5))
def test_any_value_is_taken_or_refused(props: dict[str, Any]) -> None:
    """Nothing that can be written ends in an exception, and what was checked once is in its normal form."""
    normal, wrong = inputs.check(props, is_unknown)
    assert {problem.property for problem in wrong} <= {*props, "asset_id"}
    if not wrong:
        assert inputs.check(normal, is_unknown) == (normal, [])
        assert set(inputs.compare({}, normal, is_unknown).updates) == {name for name in METADATA if name in normal}


# -- parse -----------------------------------------------------------------------------------------------------


def test_parse() -> None:
    """Properties as a request, with lists that nobody can change any more."""
    assert inputs.parse({**FULL, "__provider": "gASV"}) == Request(
        asset_id=SOURCE,
        format="AAC",
        region="ap-southeast-1",
        project_id="0123456789abcdef0123456789abcdef",
        triggers=(1, "x", {"y": [True, None]}),
        adopt="5412",
        moved_from='archive["talk"]',
        metadata=Metadata("Intro", 7, ("b", "a"), publish=True),
        account="other",
    )


def test_parse_of_little() -> None:
    """What is not given is None, and no metadata is managed."""
    request = inputs.parse({"asset_id": SOURCE})
    assert request == Request(SOURCE, "MP3", None, None, None, None, Metadata(None, None, None))
    assert request.metadata.given() == {}


def test_parse_raises_the_first_problem() -> None:
    """What check would refuse never becomes a request."""
    with pytest.raises(InputError, match=r"^title must be a string: got a number$") as caught:
        inputs.parse({"asset_id": SOURCE, "title": 5, "tags": 6})
    assert (caught.value.property, caught.value.reason) == ("title", "must be a string: got a number")


def test_given_metadata() -> None:
    """What is managed, empty values too, as Pulumi and JSON know it."""
    request = inputs.parse({"asset_id": SOURCE, "title": "", "tags": [], "category_id": 3.0})
    assert request.metadata.given() == {"title": "", "category_id": 3, "tags": []}


def test_every_property_has_one_part() -> None:
    """Each input either makes another extraction, or is metadata, or tells which audio, but for the description."""
    assert {*REPLACING, *METADATA, DESCRIPTION, "adopt", "moved_from"} == set(FULL)
    assert set(ASKING) == set(FULL) - {*METADATA, DESCRIPTION}


# -- description -----------------------------------------------------------------------------------------------


def test_a_new_audio_has_no_description_of_ours() -> None:
    """VOD writes it: refused at the preview, in one line that says why."""
    new, _ = inputs.check({"asset_id": SOURCE, "description": "Ours"}, is_unknown)
    (problem,) = inputs.check_new(new)
    assert problem.property == "description"
    assert "VOD writes the description of an extracted audio itself" in problem.reason
    assert inputs.check_new(checked()) == []


@pytest.mark.parametrize(
    ("held", "wanted", "replaced", "refused"),
    [
        ("Ours", "Ours", False, False),
        ("Ours", None, False, False),
        ("Ours", "Other", False, True),
        ("VOD's", "Ours", False, True),
        ("Ours", "Ours", True, True),
        ("Ours", None, True, False),
        ("Ours", UNKNOWN, False, True),
    ],
)
def test_a_description_that_is_there_may_stay(held: str, wanted: object, replaced: bool, refused: bool) -> None:
    """A program that set one before, where VOD took it, goes on; none can be changed or given to a replacement."""
    news = {} if wanted is None else {"description": wanted}
    problem = inputs.check_description({"description": held}, news, replaced=replaced, is_unknown=is_unknown)
    assert (problem is not None) == refused


# -- fingerprint -----------------------------------------------------------------------------------------------


def fingerprint(**changes: object) -> str:
    return inputs.parse({**FULL, **changes}).fingerprint


def test_fingerprint_does_not_change_with_time() -> None:
    """It stands in journals on disk: these values have to stay for ever, or its version has to change."""
    assert fingerprint(account=None) == "v1:7e5a61439d89d4f3bab18928e734298a96ea01fd249bb10466ff57a9d78879d1"
    assert (
        inputs.parse({"asset_id": SOURCE}).fingerprint
        == "v1:90e5e63e612b50fbbf7efe0cec7880b6e91467d4789cc47c957f8fd9e13e7ef8"
    )


def test_fingerprint_is_the_same_in_another_process() -> None:
    """Nothing of it depends on the seed of this process's hashes."""
    program = f"from vod_provider.audio import inputs; print(inputs.parse({FULL!r}).fingerprint)"
    output = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert output.strip() == fingerprint()


@pytest.mark.parametrize(
    "changes",
    [
        {"asset_id": "5413"},
        {"format": "MP3"},
        {"region": "cn-north-4"},
        {"region": None},
        {"project_id": "p"},
        {"account": None},
        {"account": "third"},
        {"project_id": None},
        {"triggers": None},
        {"triggers": [1, "x"]},
        {"triggers": [True, "x", {"y": [True, None]}]},
        {"region": None, "project_id": "ap-southeast-1"},
    ],
)
def test_fingerprint_of_another_extraction(changes: dict[str, object]) -> None:
    """Whatever is extracted again has another one."""
    assert fingerprint(**changes) != fingerprint()


@pytest.mark.parametrize(
    "changes",
    [
        {"format": "aac"},
        {"title": None, "description": "other", "category_id": 1, "tags": []},
        {"adopt": None},
        {"triggers": [1.0, "x", {"y": [True, None]}]},
    ],
)
def test_fingerprint_of_the_same_extraction(changes: dict[str, object]) -> None:
    """Metadata and the way to write a value make no difference."""
    assert fingerprint(**changes) == fingerprint()
    assert fingerprint(triggers=[]) == fingerprint(triggers=None)


# -- compare ---------------------------------------------------------------------------------------------------

HELD = {
    **FULL,
    "category_id": 7.0,
    "audio_asset_id": "5412",
    "status": "CREATED",
    "url": "https://example.com/a.aac",
    "duration": 30.0,
}
"""Outputs of the last run."""


@pytest.mark.parametrize("name", REPLACING)
@pytest.mark.parametrize("value", ["another", UNKNOWN, None])
def test_change_of_what_is_extracted_replaces(name: str, value: object) -> None:
    """Another value, none, or one that is not known yet: another extraction."""
    news = {**FULL, name: ["another"] if (name, value) == ("triggers", "another") else value}
    assert inputs.compare(HELD, news, is_unknown) == Changes((name,), ())


@pytest.mark.parametrize(
    ("name", "value"),
    [("title", "other"), ("category_id", -1), ("tags", ["a"]), ("publish", False)],
)
def test_change_of_metadata_updates(name: str, value: object) -> None:
    """Another value, or one that is not known yet, is changed in place."""
    assert inputs.compare(HELD, {**FULL, name: value}, is_unknown) == Changes((), (name,))
    assert inputs.compare(HELD, {**FULL, name: UNKNOWN}, is_unknown) == Changes((), (name,))


@pytest.mark.parametrize(
    ("olds", "news", "expected"),
    [
        (HELD, FULL, Changes((), ())),
        # What the outputs show that nobody asked for is no change.
        ({"asset_id": "a", "format": "MP3"}, {"asset_id": "a", "format": "MP3"}, Changes((), ())),
        (
            {"asset_id": "a", "format": "MP3", "title": "VOD's own", "tags": ["x"], "category_id": -1},
            {"asset_id": "a", "format": "MP3"},
            Changes((), ()),
        ),
        (HELD, {**FULL, "title": None, "tags": None}, Changes((), ())),
        # Drift shows where the metadata is managed.
        ({**HELD, "title": "by hand"}, FULL, Changes((), ("title",))),
        ({**HELD, "title": None}, FULL, Changes((), ("title",))),
        ({**HELD, "tags": None}, {**FULL, "tags": []}, Changes((), ())),
        # The order of tags means nothing.
        (HELD, {**FULL, "tags": ["a", "b"]}, Changes((), ())),
        (HELD, {**FULL, "tags": ["a", "b", "c"]}, Changes((), ("tags",))),
        (HELD, {**FULL, "tags": ["a", UNKNOWN]}, Changes((), ("tags",))),
        # Triggers as JSON has them.
        (HELD, {**FULL, "triggers": [1.0, "x", {"y": [True, None]}]}, Changes((), ())),
        (HELD, {**FULL, "triggers": [1, "x", {"y": [1, None]}]}, Changes(("triggers",), ())),
        (HELD, {**FULL, "triggers": ["x", 1, {"y": [True, None]}]}, Changes(("triggers",), ())),
        (HELD, {**FULL, "triggers": [1, "x", {"y": [UNKNOWN, None]}]}, Changes(("triggers",), ())),
        ({**HELD, "triggers": [{"a": 1, "b": 2}]}, {**FULL, "triggers": [{"b": 2, "a": 1}]}, Changes((), ())),
        ({**HELD, "triggers": None}, {**FULL, "triggers": []}, Changes((), ())),
        # Adopting is for creation only.
        (HELD, {**FULL, "adopt": "9"}, Changes((), ())),
        ({**HELD, "adopt": None}, {**FULL, "adopt": UNKNOWN}, Changes((), ())),
        # Several at once, in the order in which the properties are documented.
        (
            HELD,
            {**FULL, "tags": [], "format": "MP3", "asset_id": "9", "title": "T"},
            Changes(("asset_id", "format"), ("title", "tags")),
        ),
    ],
)
def test_compare(olds: dict[str, object], news: dict[str, object], expected: Changes) -> None:
    """What a change of the inputs, or of what VOD holds, means."""
    assert inputs.compare(olds, news, is_unknown) == expected
