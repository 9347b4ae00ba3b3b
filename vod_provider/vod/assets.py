"""An asset as VOD tells of it, and what its status means: for somebody who waits, and for somebody who holds it."""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


class Outcome(enum.Enum):
    """Whether what somebody waits for is done."""

    PENDING = "pending"
    READY = "ready"
    FAILED = "failed"
    GONE = "gone"


class Condition(enum.Enum):
    """How is an asset that somebody holds? Only BROKEN and GONE are reasons to replace it."""

    WELL = "well"
    UNFINISHED = "unfinished"
    BROKEN = "broken"
    GONE = "gone"


# Statuses: the model AssetInfo of the official client. Which of them an extraction passes through and ends in is
# inferred: no source states it (CREATING, then CREATED or PUBLISHED, or SERVER_ERROR). See docs/cloud.md.
OUTCOMES: Mapping[str, Outcome] = {
    "UNCREATED": Outcome.PENDING,
    "CREATING": Outcome.PENDING,
    "CREATED": Outcome.READY,
    "PUBLISHED": Outcome.READY,
    "WAITING_TRANSCODE": Outcome.PENDING,
    "TRANSCODING": Outcome.PENDING,
    "TRANSCODE_SUCCEED": Outcome.READY,
    "TRANSCODE_FAILED": Outcome.FAILED,  # unless its file is there: see `MediaAsset.outcome`
    "UPLOAD_FAILED": Outcome.FAILED,
    "SERVER_ERROR": Outcome.FAILED,
    "CANCELLED": Outcome.FAILED,
    "DELETE_FAILED": Outcome.FAILED,
    "OBS_CREATING": Outcome.PENDING,
    "OBS_CREATE_SUCCESS": Outcome.READY,
    "OBS_CREATE_FAILED": Outcome.FAILED,
    "DELETING": Outcome.PENDING,
    "DELETED": Outcome.GONE,
    "NO_ASSET": Outcome.GONE,
}
"""Is what somebody waits for done?"""

CONDITIONS: Mapping[str, Condition] = {
    "UNCREATED": Condition.UNFINISHED,
    "CREATING": Condition.UNFINISHED,
    "CREATED": Condition.WELL,
    "PUBLISHED": Condition.WELL,
    "TRANSCODE_SUCCEED": Condition.WELL,
    "UPLOAD_FAILED": Condition.BROKEN,
    "SERVER_ERROR": Condition.BROKEN,
    "CANCELLED": Condition.BROKEN,
    "OBS_CREATING": Condition.UNFINISHED,
    "OBS_CREATE_SUCCESS": Condition.WELL,
    "OBS_CREATE_FAILED": Condition.BROKEN,
    "DELETED": Condition.GONE,
    "NO_ASSET": Condition.GONE,
}
"""How is an asset that somebody holds? What is missing here tells of something else than the file that it has:
transcoding, deleting, or a status that nobody has documented. It is well if its file is there, else unfinished."""


def outcome(status: str) -> Outcome:
    """Whether somebody who waits is done; a status that nobody has documented is waited out, never taken for gone."""
    return OUTCOMES.get(status, Outcome.PENDING)


def condition(status: str, *, has_file: bool) -> Condition:
    """How an asset of that status is; `has_file` if VOD tells where its file is."""
    return CONDITIONS.get(status, Condition.WELL if has_file else Condition.UNFINISHED)


ABSENT = "NO_ASSET"
DELETING = "DELETING"
DELETE_FAILED = "DELETE_FAILED"
EXTRACTING = "CREATING"
"""What an audio is from the answer that accepts it until it is done; VOD does not tell queued from running."""
_ABSENT_BY = {"NOASSET": ABSENT}
"""Other spellings: examples in the API reference have NOASSET where its models have NO_ASSET."""
_SAYS_ABSENT = re.compile(r"no\W*asset|not\W*(exist|found)", re.IGNORECASE)


def status_of(said: str, description: str) -> str:
    """The status that an answer tells, spelled as the models have it.

    Examples in the API reference have blanks around it, and an UNCREATED, described as 'no asset', of an asset that
    does not exist.
    """
    status = said.strip().upper()
    if status == "UNCREATED" and _SAYS_ABSENT.search(description):
        return ABSENT
    return _ABSENT_BY.get(status, status)


AUDIO = frozenset(["MP3", "OGG", "WAV", "WMA", "APE", "FLAC", "AAC", "AC3", "MMF", "AMR", "M4A", "M4R", "WV", "MP2"])
"""Containers of audios; all others are videos. Source: the API reference, field `video_type` of a new asset."""


@dataclass(frozen=True)
class MediaAsset:
    """One media asset, as VOD tells of it.

    Source: the models AssetInfo, BaseInfo and MetaData of the official client.
    """

    id: str
    """Media id."""
    status: str
    """As VOD names it, for example CREATED or PUBLISHED; NO_ASSET where VOD has answered that it has none such.
    Other spellings of that are normalised: see `status_of`."""
    title: str = ""
    """Title."""
    description: str = ""
    """Description."""
    category_id: int | None = None
    """Id of its category; -1 is the category 'Others'."""
    tags: tuple[str, ...] = ()
    """Tags."""
    url: str | None = None
    """Where its file can be fetched; None where VOD does not say (yet), as with all that follows."""
    duration: float | None = None
    """Duration in seconds."""
    bit_rate: int | None = None
    """Average bit rate in kbit/s."""
    size: int | None = None
    """Size of the file in bytes."""
    codec: str | None = None
    """Codec of the video, or of the audio where it has none."""
    pack_type: str | None = None
    """Container: MP4, MP3, AAC ..."""
    has_sound: bool | None = None
    """Whether it has an audio track. None where VOD does not say so clearly, which is no reason to leave it out."""
    created: datetime | None = None
    """When it was made, by VOD's clock."""
    reason: str = ""
    """VOD's own word on a failure."""

    @property
    def is_audio(self) -> bool:
        """Whether its file is an audio; told by the container."""
        return (self.pack_type or "").upper() in AUDIO

    @property
    def published(self) -> bool:
        """Whether it is published; inferred from the status (docs/cloud.md)."""
        return self.status == "PUBLISHED"

    @property
    def outcome(self) -> Outcome:
        """Is what somebody waits for done? A transcoding that failed leaves the file that was to be transcoded."""
        if self.status == "TRANSCODE_FAILED" and self.url:
            return Outcome.READY
        return outcome(self.status)

    @property
    def condition(self) -> Condition:
        """How it is, for somebody who holds it."""
        return condition(self.status, has_file=bool(self.url))

    @classmethod
    def gone(cls, asset_id: str) -> MediaAsset:
        """The asset of that id, which VOD has answered it does not have."""
        return cls(asset_id, ABSENT)


Asset = MediaAsset
"""Here, all assets are media assets."""

AUDIO_TYPES: Mapping[str, str] = {"MP3": "MP3", "AAC": "AAC", "M4A": "AAC"}
"""Container of an extracted audio -> the format that was asked for (`parameter.format`)."""


def format_of(audio: Asset) -> str | None:
    """The format that an extraction was asked for, as far as VOD tells yet."""
    return AUDIO_TYPES.get((audio.pack_type or "").upper())


def agree(one: float | None, other: float | None) -> bool:
    """Whether two durations agree, as far as both are known: a track may end a little before its video."""
    return one is None or other is None or abs(one - other) <= max(2.0, 0.02 * max(one, other))
