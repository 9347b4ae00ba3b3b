"""What may be asked for: check it, parse it, compare it with what there is. Pure; knows no Pulumi.

Values arrive as Pulumi sends them: numbers as floats, None never, and at a preview some that are not known yet,
which `is_unknown` tells apart; these may also stand inside lists and objects. Limits: the API reference; in bytes of
UTF-8 where it says bytes.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, get_args

from vod_provider.text import is_plain, is_project, is_region, nearest, short

REPLACING = ("asset_id", "format", "region", "project_id", "account", "triggers")
"""A change of one of these is another extraction, and paid again."""
METADATA = ("title", "category_id", "tags", "publish")
"""A change of these is made in place. One that is not given is not managed: it stays as VOD holds it."""
DESCRIPTION = "description"
"""VOD writes it itself and does not let it be changed. Source: the API reference, 'Updating Media Asset Attributes'."""
PLACE = ("region", "project_id", "account")
"""These say where an audio is; other words for the same place are no other extraction."""
ASKING = (*REPLACING, "adopt", "moved_from")
"""What VOD does not hold: where it stands among the outputs, it was asked for."""

AudioFormat = Literal["MP3", "AAC"]
"""What an audio can be extracted as."""
FORMATS: tuple[AudioFormat, ...] = get_args(AudioFormat)
DEFAULT_FORMAT: AudioFormat = "MP3"
TITLE_BYTES = 128
DESCRIPTION_BYTES = 1024
TAGS = 16
TAG_BYTES = 24
ID_CHARACTERS = 64
"""VOD's ids are 32 hex digits as a rule, but the reference also shows '5412'; no source states a length."""
OTHERS = -1
"""The category 'Others', in which an asset is that was given none."""

_ID = re.compile(r"[^\s,\x00-\x1f\x7f]+")

IsUnknown = Callable[[Any], bool]


class Problem(NamedTuple):
    """An input that cannot be, by the name of its property; `reason` says what was given and what is allowed."""

    property: str
    reason: str


class InputError(ValueError):
    """An input that cannot be, where nothing was to be wrong any more."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem.property} {problem.reason}")
        self.property, self.reason = problem


@dataclass(frozen=True)
class Metadata:
    """What VOD is to hold of an audio; None is not managed."""

    title: str | None
    category_id: int | None
    tags: tuple[str, ...] | None
    publish: bool | None = None

    def given(self) -> dict[str, Any]:
        """What is managed, by name, as values that Pulumi and JSON know."""
        values = {name: getattr(self, name) for name in METADATA}
        return {name: list(value) if name == "tags" else value for name, value in values.items() if value is not None}


@dataclass(frozen=True)
class Request:
    """One audio, as it is asked for. Region, project and account None: the stack's. `adopt`: take over this audio.

    `moved_from`: take over the audio of the resource of this name.
    """

    asset_id: str
    format: str
    region: str | None
    project_id: str | None
    triggers: tuple[Any, ...] | None
    adopt: str | None
    metadata: Metadata
    account: str | None = None
    moved_from: str | None = None

    @property
    def fingerprint(self) -> str:
        """The same for the same extraction, in every run and on every machine; another one for another."""
        asked = [self.asset_id, self.format, self.region, self.project_id, _listed(self.triggers)]
        if self.account is not None:  # left out else: journals have entries from before there were accounts
            asked.append(self.account)
        return f"v1:{hashlib.sha256(_canonical(asked).encode()).hexdigest()}"


@dataclass(frozen=True)
class Changes:
    """The properties that differ: those that need another extraction, and those that are changed in place."""

    replaces: tuple[str, ...]
    updates: tuple[str, ...]


def check(props: Mapping[str, Any], is_unknown: IsUnknown) -> tuple[dict[str, Any], list[Problem]]:
    """The inputs in their normal form (format in capitals and filled in, whole numbers), and all that is wrong.

    Names that begin with '__' are Pulumi's own and pass. None is not given.
    """
    given, problems = check_given(props, is_unknown)
    checked: dict[str, Any] = {"format": DEFAULT_FORMAT} | given
    if "asset_id" not in checked:
        problems.append(Problem("asset_id", "is missing: it is the media id of the source video"))
    elif "adopt" in checked and not is_unknown(checked["adopt"]) and checked["adopt"] == checked["asset_id"]:
        problems.append(Problem("adopt", "is the source itself: it is the media id of an audio extracted from it"))
    return checked, problems


def check_given(
    props: Mapping[str, Any], is_unknown: IsUnknown, known: Collection[str] = ()
) -> tuple[dict[str, Any], list[Problem]]:
    """The same of what is given alone, which need not be all. `known` are the names that may be; none for all."""
    checked: dict[str, Any] = {}
    problems = []
    for name, value in props.items():
        if name.startswith("__"):
            checked[name] = value
        elif value is None:
            continue
        elif name not in (known or _RULES):
            problems.append(Problem(name, f"is not known: {nearest(name, known or INPUTS)}"))
        elif is_unknown(value):
            checked[name] = value
        else:
            checked[name] = _normal(name, value)
            problems += [Problem(name, reason) for reason in _RULES[name](checked[name], is_unknown)]
    return checked, problems


def reasons(name: str, value: Any) -> list[str]:
    """What is wrong with the value of one input."""
    return list(_RULES[name](value, lambda _: False))


def check_new(checked: Mapping[str, Any]) -> list[Problem]:
    """What is wrong with the inputs of an audio that is not there yet."""
    return [Problem(DESCRIPTION, NOT_SETTABLE)] if DESCRIPTION in checked else []


def check_description(
    olds: Mapping[str, Any], news: Mapping[str, Any], *, replaced: bool, is_unknown: IsUnknown
) -> Problem | None:
    """What is wrong with the description of an audio that is there: one that it has already may stay."""
    wanted = news.get(DESCRIPTION)
    if wanted is None or (not replaced and not is_unknown(wanted) and wanted == olds.get(DESCRIPTION)):
        return None
    return Problem(DESCRIPTION, NOT_SETTABLE)


NOT_SETTABLE = (
    "cannot be set: VOD writes the description of an extracted audio itself, and does not let it be changed; take it"
    " out of the inputs, and read what VOD has written from the output of the same name"
)
"""What is said of a description that somebody sets."""


def parse(props: Mapping[str, Any]) -> Request:
    """The request that the properties of a create or update make. Raises InputError for the first problem."""
    checked, problems = check(props, lambda _: False)
    if problems:
        raise InputError(problems[0])
    given: dict[str, Any] = dict.fromkeys(_RULES) | checked
    return Request(
        asset_id=given["asset_id"],
        format=given["format"],
        region=given["region"],
        project_id=given["project_id"],
        triggers=_frozen(given["triggers"]),
        adopt=given["adopt"],
        metadata=Metadata(given["title"], given["category_id"], _frozen(given["tags"]), given["publish"]),
        account=given["account"],
        moved_from=given["moved_from"],
    )


def fingerprint(props: Mapping[str, Any]) -> str:
    """The `Request.fingerprint` of what an audio was extracted as, by its outputs; '' where they do not say."""
    try:
        return parse({name: props[name] for name in REPLACING if props.get(name) is not None}).fingerprint
    except InputError:
        return ""


def _frozen(value: list[Any] | None) -> tuple[Any, ...] | None:
    return None if value is None else tuple(value)


def compare(olds: Mapping[str, Any], news: Mapping[str, Any], is_unknown: IsUnknown) -> Changes:
    """What changes from the last outputs `olds` to the checked inputs `news`. What is not known yet changes."""

    def differs(name: str) -> bool:
        old, new = olds.get(name), news.get(name)
        if old is None and new is None:
            return False  # most of them, ten thousand times
        return _has_unknown(new, is_unknown) or _comparable(name, old) != _comparable(name, new)

    return Changes(
        replaces=tuple(name for name in REPLACING if differs(name)),
        updates=tuple(name for name in METADATA if news.get(name) is not None and differs(name)),
    )


def same(name: str, one: Any, other: Any) -> bool:
    """Whether two values of a property come to the same."""
    return bool(_comparable(name, one) == _comparable(name, other))


def _comparable(name: str, value: Any) -> Any:
    if name == "tags":
        return frozenset(value or ())  # VOD finds assets by tag; their order means nothing
    if name == "triggers":
        return _canonical(_listed(value))
    return value


def _listed(triggers: Any) -> list[Any]:
    """Triggers as a list; none given is the same as an empty list, so that nobody pays for writing `[]`."""
    return list(triggers or ())


def _canonical(value: Any) -> str:
    """JSON in the one form that equal values have."""
    return json.dumps(_plain(value), sort_keys=True, separators=(",", ":"), allow_nan=False)


def _plain(value: Any) -> Any:
    """The value as JSON has it, 1.0 written as 1: Pulumi makes every number a float."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return value


def _has_unknown(value: Any, is_unknown: IsUnknown) -> bool:
    if is_unknown(value):
        return True
    if isinstance(value, list | tuple):
        return any(_has_unknown(item, is_unknown) for item in value)
    if isinstance(value, Mapping):
        return any(_has_unknown(item, is_unknown) for item in value.values())
    return False


def _normal(name: str, value: Any) -> Any:
    if name == "format" and isinstance(value, str):
        return value.upper()
    if name == "tags" and isinstance(value, list | tuple):
        return [tag.strip() if isinstance(tag, str) else tag for tag in value]  # VOD trims them, too
    if name == "category_id" and isinstance(value, float) and value.is_integer():
        return int(value)
    return value


# -- what is wrong with a value: one rule for each property ----------------------------------------------------
#
# What may well be a secret is not shown: an input that is one arrives here like any other.


def _id_reasons(value: Any, _: IsUnknown) -> Iterator[str]:
    if not isinstance(value, str):
        yield f"must be a media id, a string: got {short(value)}"
    elif not value.strip():
        yield f"must be a media id: got {short(value)}, which is blank"
    elif len(value) > ID_CHARACTERS or not _ID.fullmatch(value):
        yield f"must be a media id, at most {ID_CHARACTERS} characters without space or comma: got {short(value)}"


def _format_reasons(value: Any, _: IsUnknown) -> Iterator[str]:
    if value not in FORMATS:
        yield f"must be {' or '.join(FORMATS)}: got {short(value)}"


def _region_reasons(value: Any, _: IsUnknown) -> Iterator[str]:
    if not isinstance(value, str) or not is_region(value):
        yield f"must be the id of a region, as ap-southeast-1; leave it out for the stack's: got {short(value)}"


def _project_reasons(value: Any, _: IsUnknown) -> Iterator[str]:
    if not isinstance(value, str) or not is_project(value):
        yield f"must be the id of a project; leave it out for the stack's: got {short(value)}"


def _account_reasons(value: Any, _: IsUnknown) -> Iterator[str]:
    if not isinstance(value, str) or not is_project(value):
        yield f"must be a name in vod:accounts; leave it out for the stack's own account: got {short(value)}"


def _name_reasons(value: Any, _: IsUnknown) -> Iterator[str]:
    if not isinstance(value, str) or not value.strip() or not all(map(is_plain, value)):
        yield f'must be the name of a resource, or of an audio of a set, as archive["talk"]: got {short(value)}'


def _publish_reasons(value: Any, _: IsUnknown) -> Iterator[str]:
    if not isinstance(value, bool):
        yield f"must be true or false; leave it out to leave it as it is: got {short(value)}"


def _text_reasons(limit: int) -> Callable[[Any, IsUnknown], Iterator[str]]:
    def reasons(value: Any, _: IsUnknown) -> Iterator[str]:
        if not isinstance(value, str):
            yield f"must be a string: got {_kind(value)}"
        elif _bytes(value) > limit:
            yield f"must be at most {limit} bytes of UTF-8: got {_bytes(value)}"
        elif not all(map(is_plain, value)):
            yield "must be without control characters and marks that turn the direction of writing"

    return reasons


def _category_reasons(value: Any, _: IsUnknown) -> Iterator[str]:
    if isinstance(value, bool) or not isinstance(value, int) or not OTHERS <= value < 2**31:
        yield f"must be the id of a category, a whole number ({OTHERS} is the category 'Others'): got {short(value)}"


def _tags_reasons(value: Any, is_unknown: IsUnknown) -> Iterator[str]:
    if not isinstance(value, list | tuple):
        yield f"must be a list of strings: got {_kind(value)}"
        return
    if len(value) > TAGS:
        yield f"must be at most {TAGS} tags: got {len(value)}"
    for index, tag in enumerate(value):
        if is_unknown(tag):
            continue
        if not isinstance(tag, str):
            yield f"must be strings: [{index}] is {_kind(tag)}"
        elif not tag.strip():
            yield f"must not be blank: [{index}] is"
        elif "," in tag:
            yield f"must be without commas, by which VOD tells tags apart: [{index}] has one"
        elif not all(map(is_plain, tag)):
            yield f"must be without control characters: [{index}] has some"
        elif _bytes(tag) > TAG_BYTES:
            yield f"must be at most {TAG_BYTES} bytes of UTF-8 each: [{index}] has {_bytes(tag)}"
        elif tag in value[:index]:
            yield f"must differ from each other: [{index}] is the same as [{value.index(tag)}]"


def _triggers_reasons(value: Any, is_unknown: IsUnknown) -> Iterator[str]:
    if not isinstance(value, list | tuple):
        yield f"must be a list: got {_kind(value)}"
        return
    for index, trigger in enumerate(value):
        odd = next(_not_json(trigger, is_unknown), None)
        if odd is not None:
            yield f"must be made of texts, numbers, booleans, lists and objects: [{index}] has {_kind(odd)}"


def _not_json(value: Any, is_unknown: IsUnknown) -> Iterator[Any]:
    if isinstance(value, list | tuple):
        for item in value:
            yield from _not_json(item, is_unknown)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _not_json(item, is_unknown)
    elif isinstance(value, float):
        if not math.isfinite(value):
            yield value
    elif not isinstance(value, str | int | None) and not is_unknown(value):
        yield value


_RULES: Mapping[str, Callable[[Any, IsUnknown], Iterator[str]]] = {
    "asset_id": _id_reasons,
    "format": _format_reasons,
    "title": _text_reasons(TITLE_BYTES),
    "description": _text_reasons(DESCRIPTION_BYTES),
    "category_id": _category_reasons,
    "tags": _tags_reasons,
    "publish": _publish_reasons,
    "region": _region_reasons,
    "project_id": _project_reasons,
    "account": _account_reasons,
    "triggers": _triggers_reasons,
    "adopt": _id_reasons,
    "moved_from": _name_reasons,
}
INPUTS = tuple(_RULES)
"""The names of all inputs."""


def _kind(value: object) -> str:
    """What somebody who wrote it would call it."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if value is None:
        return "nothing"
    for kind, name in _KINDS.items():
        if isinstance(value, kind):
            return name
    return f"a {type(value).__name__}"


_KINDS = {
    bool: "true or false",
    float: "a number",
    int: "a number",
    str: "a string",
    list: "a list",
    Mapping: "an object",
}


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))
