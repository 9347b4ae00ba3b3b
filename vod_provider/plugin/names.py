"""The names of properties in two languages: snake_case within this package, camelCase in Pulumi's schema.

Only the names of properties are turned, never what is in them: a key within `triggers` is the user's own. The keys of a
set's audios are, too, and what they lead to has properties.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

ALSO = ("custom_timeouts", "asset_ids", "pack_type", "cover_url")
"""Names that stand in messages and are no properties of a resource."""

ENTRIES = frozenset(["audios", "extracted", "superseded", "drifted"])
"""Properties of a set that have audios by keys."""
_NESTED = frozenset(["apart", "value"])
"""A property of a set that has such properties, and what Pulumi calls the content of a secret."""
_OF_ENTRY = frozenset(["made_from", "holds"])
"""Properties of such an audio that have properties."""


@cache
def camel(name: str) -> str:
    """'audio_asset_id' -> 'audioAssetId'. Names that begin with '__' are Pulumi's own and stay."""
    return name if name.startswith("__") else re.sub(r"_([a-z])", lambda it: it[1].upper(), name)


@cache
def snake(name: str) -> str:
    """'audioAssetId' -> 'audio_asset_id'; a name in snake_case stays."""
    return name if name.startswith("__") else re.sub(r"[A-Z]", lambda it: f"_{it[0].lower()}", name)


def camel_path(path: str) -> str:
    """'audios["talk_17"].asset_id' -> 'audios["talk_17"].assetId': what is quoted stays."""
    return re.sub(r'"(?:[^"\\]|\\.)*"|[^"]+', lambda it: it[0] if it[0].startswith('"') else camel(it[0]), path)


def to_camel(properties: Mapping[str, Any]) -> dict[str, Any]:
    """The properties by their names in the schema."""
    return _turned(camel, properties)


def to_snake(properties: Mapping[str, Any]) -> dict[str, Any]:
    """The properties by their names within this package, whichever of the two they come with."""
    return _turned(snake, properties)


def _turned(turn: Callable[[str], str], properties: Mapping[str, Any]) -> dict[str, Any]:
    return {turn(name): _value(turn, name, value) for name, value in properties.items()}


def _value(turn: Callable[[str], str], name: str, value: Any) -> Any:
    if isinstance(value, Mapping) and name in ENTRIES:
        return {key: _entry(turn, it) for key, it in value.items()}
    return _turned(turn, value) if isinstance(value, Mapping) and name in _NESTED else value


def _entry(turn: Callable[[str], str], entry: Any) -> Any:
    if not isinstance(entry, Mapping):
        return entry
    return {
        turn(name): {turn(it): value[it] for it in value}
        if snake(name) in _OF_ENTRY and isinstance(value, Mapping)
        else value
        for name, value in entry.items()
    }


class Translator:
    """Puts the schema's names into messages. What stands in double quotes is somebody else's, and stays."""

    def __init__(self, names: Iterable[str]) -> None:
        turned = sorted(name for name in {*names, *ALSO} if camel(name) != name)
        self._names = re.compile(rf"\b(?:{'|'.join(turned)})\b")

    def __call__(self, text: str) -> str:
        quoted = text.split('"')
        quoted[::2] = [self._names.sub(lambda it: camel(it[0]), part) for part in quoted[::2]]
        return '"'.join(quoted)
