"""Where public sources contradict each other or are silent: each possibility by name, and which one is on.

`Dialects` is the one table: a field is a dialect, its default what public sources say (or the more likely reading
where they say nothing). docs/local-vod.md shows the same table, and a test holds the two together. Dialects are
switched at /_local/settings, while the service runs, and by `vod-local serve --dialect NAME=VALUE`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from vod_provider.local.core.errors import DialectError

MAX_SECONDS = 86_400.0
"""The longest time that a dialect can be given, in seconds."""


@dataclass(frozen=True)
class Dialect:
    """One row of the table.

    `values` are the possible values and what each one means; it is empty for a dialect that is a number of seconds,
    from 0 to MAX_SECONDS. `source` says where the default comes from.
    """

    name: str
    question: str
    default: str | float
    values: Mapping[str, str]
    source: str


def _choice(question: str, values: dict[str, str], source: str) -> Any:
    """A dialect whose first value is the default."""
    return field(default=next(iter(values)), metadata={"question": question, "values": values, "source": source})


def _seconds(question: str, default: float, source: str) -> Any:
    return field(default=default, metadata={"question": question, "values": {}, "source": source})


@dataclass(frozen=True)
class Dialects:
    """How the service answers where the cloud's behaviour is not known for certain."""

    absence: str = _choice(
        "What does ShowAssetMeta answer for an id that does not exist?",
        {
            "NO_ASSET": "the status NO_ASSET and the description 'no asset'",
            "NOASSET": "the status NOASSET and the description 'no asset'",
            "UNCREATED": "the status ' UNCREATED', with a blank before it, and the description 'no asset'",
            "left_out": "the id is left out of the list",
            "http_404": "HTTP 404 with VOD.10062 for the whole call",
            "vod_10062": "HTTP 400 with VOD.10062 for the whole call",
        },
        "The official clients' models have NO_ASSET; examples of the API reference have NOASSET and ' UNCREATED'.",
    )
    details_of_absent: str = _choice(
        "What does ShowAssetDetail answer for an id that does not exist?",
        {"http_404": "HTTP 404 with VOD.10062", "http_400": "HTTP 400 with VOD.10062"},
        "Huawei's Terraform provider takes HTTP 404 for absent; the API reference has 400.",
    )
    new_by_id_after_s: float = _seconds(
        "How many seconds after it was accepted is a new audio shown by its id?", 0, "No source."
    )
    new_in_listings_after_s: float = _seconds(
        "How many seconds after it was accepted is a new audio shown in listings?", 0, "No source."
    )
    extraction_running: str = _choice(
        "Which status does an audio have until its extraction is done?",
        {
            "CREATING": "CREATING",
            "TRANSCODING": "TRANSCODING",
            "WAITING_TRANSCODE": "WAITING_TRANSCODE while it is queued, TRANSCODING while it is being extracted",
        },
        "No source for extractions. The console shows 'transcoding', which may be the status of the source.",
    )
    extraction_done: str = _choice(
        "Which status does an audio have once it is extracted?",
        {
            "CREATED": "CREATED: somebody has to publish it",
            "PUBLISHED": "PUBLISHED: it is published by itself",
            "TRANSCODE_SUCCEED": "TRANSCODE_SUCCEED",
        },
        "No source for extractions.",
    )
    extraction_failed: str = _choice(
        "Which status does an audio have whose extraction failed?",
        {
            "SERVER_ERROR": "SERVER_ERROR",
            "TRANSCODE_FAILED": "TRANSCODE_FAILED",
            "UPLOAD_FAILED": "UPLOAD_FAILED",
            "removed": "the audio is removed",
        },
        "No source for extractions.",
    )
    extraction_cancelled: str = _choice(
        "Which status does an audio have whose extraction was cancelled?",
        {"CANCELLED": "CANCELLED", "removed": "the audio is removed"},
        "No source for extractions.",
    )
    source_while_extracted: str = _choice(
        "Which status does a video have while audio is extracted from it?",
        {"unchanged": "the one that it had before", "TRANSCODING": "TRANSCODING"},
        "The console shows 'transcoding', of the source or of the audio (user guide, 2021).",
    )
    cancel_takes: str = _choice(
        "Whose id does a cancellation take?",
        {
            "audio": "the audio's",
            "source": "the source's; the extraction from it that was queued last is cancelled",
            "either": "both are understood",
        },
        "The API reference says 'media ID', and no more.",
    )
    default_format: str = _choice(
        "Which format does an audio get if none is given?", {"MP3": "MP3", "AAC": "AAC"}, "No source."
    )
    audio_id: str = _choice(
        "What does the id of an audio look like?",
        {"hex": "32 hexadecimal digits, as other ids", "digits": "a short number, such as 5412"},
        "The example of the API reference has 5412; ids of other assets are 32 hexadecimal digits.",
    )
    audio_title: str = _choice(
        "What is the title of a new audio?",
        {"source": "the title of its source", "file_name": "the name of its file", "empty": "none"},
        "The source's title (user guide, 2021).",
    )
    audio_description: str = _choice(
        "What is the description of a new audio?",
        {
            "names_source": "a sentence with the id of its source",
            "source": "the description of its source",
            "empty": "none",
        },
        "VOD fills it, so that the audio can be found by it (API reference); the text is not known.",
    )
    description_change: str = _choice(
        "What does a change of the description of an audio get?",
        {
            "refused": "HTTP 400 with VOD.10053 that names the field; nothing is changed",
            "ignored": "success, and the description stays as it is",
            "taken": "success, and the new description",
        },
        "The API reference says that the description of an extracted audio cannot be changed.",
    )
    audio_facts: str = _choice(
        "Which facts are told of an audio?",
        {
            "measured": "those of its file",
            "unknown": "the codec UNKNOWN, the size 0 and no audio codec; the rest is as measured",
        },
        "A sample of an audio in the API reference has UNKNOWN and 0; whether extracted audios have them is not known.",
    )
    unknown_category: str = _choice(
        "What does a category id get that does not exist?",
        {"taken": "success", "refused": "HTTP 400 with VOD.10053 that names the field"},
        "No source.",
    )
    deletion_s: float = _seconds(
        "How many seconds after it was accepted is a deletion done?",
        0.5,
        "Not at once: Huawei's Terraform provider waits up to 60 s until the asset is absent.",
    )
    deletion_shows: str = _choice(
        "What is shown of an asset until its deletion is done?",
        {
            "DELETING": "the status DELETING by its id, and nothing in listings",
            "DELETED": "the status DELETED by its id, and nothing in listings",
            "unchanged": "the asset as it was before, by its id and in listings",
        },
        "The models of the official clients have the statuses DELETING and DELETED.",
    )
    delete_of_absent: str = _choice(
        "What does DeleteAssets answer for an id that does not exist?",
        {
            "refused_if_none": "HTTP 403 with VOD.10062 if none of the ids exists, else FAILED for this one",
            "refused_if_any": "HTTP 403 with VOD.10062 for the whole call, and nothing is deleted",
            "FAILED": "FAILED for this one",
            "DELETED": "DELETED for this one",
        },
        "The API reference has 403 with VOD.10062; it does not say what happens to the other ids.",
    )
    delete_ids: str = _choice(
        "How are several ids given to DeleteAssets?",
        {
            "either": "with commas between them or by repeating the parameter",
            "commas_else_first": "with commas; if the parameter is repeated, only the first one is read",
            "commas_else_refused": "with commas; HTTP 400 with VOD.10053 if the parameter is repeated",
            "repeated_else_first": "by repeating the parameter; of ids with commas only the first one is read",
            "repeated_else_refused": "by repeating the parameter; HTTP 400 with VOD.10053 if there are commas",
        },
        "The API reference has commas; the official clients repeat the parameter.",
    )
    event_body: str = _choice(
        "What is the body of a callback?",
        {
            "envelope": "a JSON object that holds the event's text in `message`; only that text is signed",
            "bare": "the event's text, which is signed",
        },
        "An envelope (user guide on notifications).",
    )
    event_name: str = _choice(
        "How is the event of an extraction called?",
        {"audioExtractComplete": "audioExtractComplete", "AudioExtractComplete": "AudioExtractComplete"},
        "The page on MFS has the first; older pages on SMN have the second.",
    )
    event_timestamp: str = _choice(
        "In which unit is `auth_timestamp`?",
        {"seconds": "seconds since 1970", "milliseconds": "milliseconds since 1970"},
        "No source.",
    )
    gateway_prefix: str = _choice(
        "How do the codes of the gateway begin?",
        {"APIGW": "with APIGW., as in APIGW.0308", "APIG": "with APIG., as in APIG.0308"},
        "VOD's page on error codes has APIGW.; other services have been seen to answer either.",
    )

    def changed(self, given: object) -> Dialects:
        """These dialects with those that `given` (decoded JSON, an object) names changed. Raises DialectError."""
        if not isinstance(given, dict):
            raise DialectError("dialects: an object")
        values: dict[str, Any] = {name: _value(name, value) for name, value in given.items()}
        return replace(self, **values)


TABLE: Mapping[str, Dialect] = {
    one.name: Dialect(one.name, default=one.default, **one.metadata)  # type: ignore[arg-type]
    for one in fields(Dialects)
}
"""All dialects, by name."""


def parse(given: str) -> tuple[str, str | float]:
    """Name and value of a dialect written NAME=VALUE. Raises DialectError."""
    name, _, text = given.partition("=")
    if not text:
        raise DialectError(f"{given!r} is not NAME=VALUE; names are {', '.join(sorted(TABLE))}")
    value: object = text
    if name in TABLE and not TABLE[name].values:
        try:
            value = float(text)
        except ValueError:
            value = text
    return name, _value(name, value)


def _value(name: str, value: object) -> str | float:
    dialect = TABLE.get(name)
    if dialect is None:
        raise DialectError(f"dialects: {name!r} is unknown; known are {', '.join(sorted(TABLE))}")
    if dialect.values:
        if not isinstance(value, str) or value not in dialect.values:
            raise DialectError(f"dialects.{name}: one of {', '.join(dialect.values)}, not {value!r}")
        return value
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= MAX_SECONDS:
        raise DialectError(f"dialects.{name}: seconds from 0 to {MAX_SECONDS:g}, not {value!r}")
    return value
