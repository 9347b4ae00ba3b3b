"""Reading the fields of a request: types, limits in bytes, known names. Knows JSON and queries, no rules.

Whatever is unknown, missing, ill-typed or out of its limits raises VOD.10053 with the field's name.
Limits: the official client's models; 24 bytes for a tag (the API reference of 2025; older models say 16).
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from urllib.parse import parse_qsl

from vod_provider.local.core.errors import illegal_field, illegal_request
from vod_provider.local.core.text import is_text

MAX_TITLE_BYTES = 128
MAX_DESCRIPTION_BYTES = 1024
MAX_TAGS = 16
MAX_TAG_BYTES = 24
MAX_IDS = 10
MAX_LISTED_IDS = 1000
"""Ids in a body; no source has a number, but sqlite takes only so many."""
_ID = re.compile(r"[0-9a-zA-Z_-]{1,64}")
_TIME = re.compile(r"\d{14}")


class Fields:
    """The JSON object of a request body, or one inside it. `null` counts as absent."""

    def __init__(self, values: Mapping[str, object], known: Collection[str]) -> None:
        for name in values:
            if name not in known:
                raise illegal_field(name, "unknown")
        self._values = values

    @classmethod
    def of_body(cls, body: bytes, known: Collection[str]) -> Fields:
        """The body as an object with only `known` fields. Raises VOD.10081 if it is no JSON object."""
        try:
            values = json.loads(body)
        except (ValueError, RecursionError) as exc:
            raise illegal_request("the body is no JSON") from exc
        if not isinstance(values, dict):
            raise illegal_request("the body is no JSON object")
        return cls(values, known)

    def text(self, name: str, max_bytes: int) -> str | None:
        """A string of at most `max_bytes` of UTF-8, or None if it is absent."""
        value = self._values.get(name)
        if value is None:
            return None
        if not is_text(value):
            raise illegal_field(name, "no string, or not to be written in UTF-8")
        length = len(value.encode())
        if length > max_bytes:
            raise illegal_field(name, f"{length} bytes, more than {max_bytes}")
        return value

    def required_text(self, name: str, max_bytes: int) -> str:
        """A string that must be there and not be empty."""
        value = self.text(name, max_bytes)
        if not value:
            raise illegal_field(name, "missing or empty")
        return value

    def choice(self, name: str, choices: Collection[str]) -> str | None:
        """One of some strings, or None if it is absent."""
        value = self.text(name, 64)
        if value is not None and value not in choices:
            raise illegal_field(name, f"{value!r} is none of {', '.join(sorted(choices))}")
        return value

    def required_choice(self, name: str, choices: Collection[str]) -> str:
        """One of some strings that must be there."""
        value = self.choice(name, choices)
        if value is None:
            raise illegal_field(name, "missing")
        return value

    def integer(self, name: str, low: int, high: int) -> int | None:
        """A whole number within the limits, or None if it is absent."""
        value = self._values.get(name)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise illegal_field(name, f"no integer from {low} to {high}")
        return value

    def asset_id(self, name: str = "asset_id") -> str:
        """An asset's id that must be there."""
        return checked_id(name, self.required_text(name, 64))

    def asset_ids(self, name: str = "asset_id") -> list[str]:
        """A list of ids, not empty."""
        value = self._values.get(name)
        if not isinstance(value, list) or not 1 <= len(value) <= MAX_LISTED_IDS:
            raise illegal_field(name, f"no list of 1 to {MAX_LISTED_IDS} ids")
        return list(dict.fromkeys(checked_id(name, item) for item in value))

    def tags(self, name: str = "tags") -> str | None:
        """Tags with commas between them, blanks around them taken off, or None if they are absent."""
        value = self.text(name, (MAX_TAG_BYTES + 1) * MAX_TAGS)
        return None if value is None else ",".join(checked_tags(name, value))

    def object(self, name: str, known: Collection[str]) -> Fields | None:
        """An object inside this one, or None if it is absent."""
        value = self._values.get(name)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise illegal_field(name, "no object")
        return Fields(value, known)

    def objects(self, name: str, known: Collection[str], most: int) -> list[Fields]:
        """A list of objects; empty if it is absent."""
        value = self._values.get(name)
        if value is None:
            return []
        if not isinstance(value, list) or len(value) > most or not all(isinstance(item, dict) for item in value):
            raise illegal_field(name, f"no list of at most {most} objects")
        return [Fields(item, known) for item in value]


class Query:
    """The query of a request; a name may come several times. Unknown names are ignored."""

    def __init__(self, query: bytes) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in _pairs(query.decode(errors="replace")):
            self._values.setdefault(name, []).append(value)

    def asset_ids(self, name: str = "asset_id", most: int = MAX_IDS) -> list[str]:
        """Ids, repeated or with commas between them, each once; empty if there are none."""
        ids = [part for value in self._values.get(name, ()) for part in value.split(",") if part]
        unique = list(dict.fromkeys(checked_id(name, asset_id) for asset_id in ids))
        if len(unique) > most:
            raise illegal_field(name, f"more than {most} ids")
        return unique

    def given(self, name: str) -> list[str]:
        """The values of that name as they were given."""
        return list(self._values.get(name, ()))

    def asset_id(self, name: str = "asset_id") -> str:
        """The one id that must be there."""
        ids = self.asset_ids(name, most=1)
        if not ids:
            raise illegal_field(name, "missing")
        return ids[0]

    def text(self, name: str, max_bytes: int = 1024) -> str | None:
        """The last value of that name, or None if it is absent or empty."""
        value = (self._values.get(name) or [""])[-1]
        if len(value.encode(errors="replace")) > max_bytes:
            raise illegal_field(name, f"more than {max_bytes} bytes")
        return value or None

    def choice(self, name: str, choices: Collection[str]) -> str | None:
        """One of some strings, or None if it is absent."""
        value = self.text(name)
        if value is not None and value not in choices:
            raise illegal_field(name, f"none of {', '.join(sorted(choices))}")
        return value

    def choices(self, name: str, choices: Collection[str], most: int = 20) -> list[str]:
        """Some of some strings, repeated or with commas between them."""
        given = [part for value in self._values.get(name, ()) for part in value.split(",") if part]
        if len(given) > most or not set(given) <= set(choices):
            raise illegal_field(name, f"more than {most}, or one is none of {', '.join(sorted(choices))}")
        return given

    def integer(self, name: str, low: int, high: int) -> int | None:
        """A whole number within the limits, or None if it is absent."""
        value = self.text(name)
        if value is None:
            return None
        if not re.fullmatch(r"-?\d{1,18}", value) or not low <= int(value) <= high:
            raise illegal_field(name, f"no integer from {low} to {high}")
        return int(value)

    def time(self, name: str) -> int | None:
        """A UTC time written yyyymmddhhmmss, as unix seconds, or None if it is absent."""
        value = self.text(name)
        if value is None:
            return None
        try:
            if not _TIME.fullmatch(value):
                raise ValueError(value)
            return int(datetime.strptime(value, "%Y%m%d%H%M%S").replace(tzinfo=UTC).timestamp())
        except ValueError as exc:
            raise illegal_field(name, "no time written yyyymmddhhmmss") from exc

    def tags(self, name: str = "tags") -> Sequence[str]:
        """Tags with commas between them."""
        value = self.text(name)
        return checked_tags(name, value) if value else ()


def _pairs(query: str) -> list[tuple[str, str]]:
    """Names and values of a query."""
    if "%" in query or "+" in query:
        return parse_qsl(query, keep_blank_values=True)
    split = [pair.partition("=") for pair in query.split("&") if pair]  # as ids come, in a third of the time
    return [(name, value) for name, _, value in split]


def cut_to_bytes(text: str, most: int) -> str:
    """The text, cut to at most that many bytes of UTF-8; what is no UTF-8 (a file's name may hold any bytes) is '?'."""
    return text.encode(errors="replace")[:most].decode(errors="ignore")


def checked_id(name: str, value: object) -> str:
    """The value if it may be an asset's id."""
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise illegal_field(name, "no asset id")
    return value


def checked_tags(name: str, value: str) -> list[str]:
    """The tags in a string with commas between them, each once."""
    tags = list(dict.fromkeys(tag.strip() for tag in value.split(",") if tag.strip()))
    if len(tags) > MAX_TAGS:
        raise illegal_field(name, f"more than {MAX_TAGS} tags")
    if any(len(tag.encode()) > MAX_TAG_BYTES for tag in tags):
        raise illegal_field(name, f"a tag of more than {MAX_TAG_BYTES} bytes")
    return tags
