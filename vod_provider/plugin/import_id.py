"""What an import names: `VIDEO/AUDIO`, with the place where both are if that is not the provider's own.

The place follows after an '@', as inputs of the resource: `VIDEO/AUDIO@region=ap-southeast-3,account=archive`. A value
without a name is a region, as in other providers whose resources have one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from vod_provider.audio.inputs import PLACE
from vod_provider.plugin.errors import ImportIdError
from vod_provider.plugin.names import camel, snake


class ImportId(NamedTuple):
    """The ids of an audio and of its video, None where that is not named; and inputs that say where both are."""

    audio_id: str
    source: str | None
    place: Mapping[str, str]


def parse(text: str) -> ImportId:
    """The parts of an id, not looked at any further. Raises ImportIdError."""
    ids, at, settings = text.partition("@")
    source, slash, audio_id = ids.rpartition("/")
    place: dict[str, str] = {}
    for setting in settings.split(",") if at else ():
        name, _, value = setting.rpartition("=")
        name = snake(name.strip() or "region")
        if name not in PLACE or name in place or not value.strip():
            raise _wrong(text)
        place[name] = value.strip()
    if not audio_id or bool(slash) is not bool(source) or "/" in source:
        raise _wrong(text)
    return ImportId(audio_id, source or None, place)


def _wrong(text: str) -> ImportIdError:
    names = ", ".join(f"{camel(name)}={name.upper()}" for name in PLACE)
    return ImportIdError(f"importing {text}: expected VIDEO_ID/AUDIO_ID, and after an '@' any of {names}")
