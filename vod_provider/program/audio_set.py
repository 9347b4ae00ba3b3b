"""ExtractedAudioSet, as a user writes it. No logic: that is in `audio.entries` and `set_provider`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Required, TypedDict

from pulumi import Input, Output, ResourceOptions

from vod_provider.audio.inputs import AudioFormat
from vod_provider.program.registration import Registered
from vod_provider.program.setting_warnings import warn_once
from vod_provider.set_provider import ExtractedAudioSetProvider
from vod_provider.text import nearest


class SetAudioArgs(TypedDict, total=False):
    """What one audio of an `ExtractedAudioSet` is declared with; what it has comes before the set's own.

    See `ExtractedAudioArgs` for each.
    """

    asset_id: Required[Input[str]]
    """Media id of the source video. A change extracts again and is billed again."""
    format: Input[AudioFormat] | None
    """MP3 (default) or AAC. A change extracts again and is billed again."""
    title: Input[str] | None
    """Title, at most 128 bytes of UTF-8. Left out: not managed, left as VOD holds it."""
    category_id: Input[int] | None
    """Id of a category of the project; -1 is the category 'Others'. Left out: not managed."""
    tags: Input[Sequence[Input[str]]] | None
    """At most 16 tags of at most 24 bytes of UTF-8 each, without commas. Left out: not managed."""
    publish: Input[bool] | None
    """True publishes the audio, False takes that back, both in place. Left out: not managed."""
    region: Input[str] | None
    """Region of the video; default: the stack's. A change to another place extracts again and is billed again."""
    project_id: Input[str] | None
    """Project of the video; default: the stack's. A change to another place extracts again and is billed again."""
    account: Input[str] | None
    """Name of an account in `vod:accounts`; default: the stack's own. A change to another place extracts again
    and is billed again."""
    triggers: Input[Sequence[Any]] | None
    """Any values that JSON has. A change of them extracts again and is billed again."""
    adopt: Input[str] | None
    """Id of an audio that was extracted from this video before: it is taken over and not billed again. Read only when
    the entry is made."""
    moved_from: Input[str] | None
    """Name of an `ExtractedAudio` of the stack, or of the audio of another set, as 'archive["talk-17"]': its audio is
    taken over and not billed again, and has to go from there in the same run. Read when the entry is made only."""


@dataclass(frozen=True)
class SetAudio:
    """One audio of an `ExtractedAudioSet`, as VOD has told of it."""

    audio_asset_id: str
    """Media id of the audio."""
    url: str | None = None
    """Where the audio can be fetched."""
    duration: float | None = None
    """Duration in seconds."""
    size: int | None = None
    """Size of the file in bytes."""
    status: str = "CREATED"
    """Status as VOD names it: CREATED once it is ready, PUBLISHED once it is published."""


class ExtractedAudioSet(
    Registered, module="vod", name="ExtractedAudioSet", provider=ExtractedAudioSetProvider, outputs=("extracted",)
):
    """The audio tracks of many VOD videos, as one resource.

    Each has a key, which stays when others come and go. An audio that fails harms no other: the resource then fails
    with the reasons, and holds all that is done; the next `pulumi up` goes on with what is missing only. A change of an
    audio's source, format, triggers or place extracts that one again, which is billed again; the old one is deleted
    once the new one is ready. Another key for the same source and format is no extraction.
    """

    def __init__(
        self,
        resource_name: str,
        audios: Mapping[str, Input[str] | SetAudioArgs],
        *,
        format: Input[AudioFormat] | None = None,  # noqa: A002 - VOD's own name for it
        category_id: Input[int] | None = None,
        tags: Input[Sequence[Input[str]]] | None = None,
        publish: Input[bool] | None = None,
        region: Input[str] | None = None,
        project_id: Input[str] | None = None,
        account: Input[str] | None = None,
        triggers: Input[Sequence[Any]] | None = None,
        opts: ResourceOptions | None = None,
    ) -> None:
        """Declare the audios of many videos.

        :param resource_name: Name of the resource in the stack.
        :param audios: By a key for each audio, the media id of its video, or its inputs, which come before the others
            here.
        :param format: MP3 (default) or AAC. A change extracts all of them again, and all are billed again.
        :param category_id: Category of each audio.
        :param tags: Tags of each audio.
        :param publish: Whether the audios are published.
        :param region: Region of the videos; default: the stack's. A change to another place extracts again and is
            billed again.
        :param project_id: Project of the videos; default: the stack's. A change to another place extracts again and is
            billed again.
        :param account: Name of an account in `vod:accounts`; default: the stack's own. A change to another place
            extracts again and is billed again.
        :param triggers: Any values that JSON has. A change of them extracts all again, and all are billed again.
        :param opts: Pulumi's resource options.
        """
        declared = _declared(resource_name, audios)
        props = {
            "audios": declared,
            "format": format,
            "category_id": category_id,
            "tags": tags,
            "publish": publish,
            "region": region,
            "project_id": project_id,
            "account": account,
            "triggers": triggers,
        }
        warn_once()
        self._register(resource_name, props, opts)
        self._keys = frozenset(declared)

    @property
    def extracted(self) -> Output[Mapping[str, SetAudio]]:
        """All audios by their keys, as one output."""
        return self._output("extracted").apply(_typed)

    @property
    def audio_asset_ids(self) -> Output[Mapping[str, str]]:
        """Media ids of the audios by their keys."""
        return self._output("extracted").apply(lambda it: {key: audio["audio_asset_id"] for key, audio in it.items()})

    @property
    def urls(self) -> Output[Mapping[str, str | None]]:
        """Where the audios can be fetched, by their keys."""
        return self._output("extracted").apply(lambda it: {key: audio.get("url") for key, audio in it.items()})

    def __getitem__(self, key: str) -> Output[SetAudio]:
        """The audio of that key. Raises KeyError for one that is not declared."""
        if key not in self._keys:
            raise KeyError(f"{self._name} has no audio {key!r}: {nearest(key, self._keys)}")
        return self._output("extracted").apply(lambda it: SetAudio(**_facts(it[key])))

    def __repr__(self) -> str:
        return f"ExtractedAudioSet({self._name!r}, {len(self._keys)} audios)"


def _declared(name: str, audios: object) -> dict[str, Mapping[str, Any]]:
    if not isinstance(audios, Mapping):
        kind = type(audios).__name__
        raise TypeError(f"ExtractedAudioSet({name!r}) needs its audios by name, in a dict: got {kind}")
    return {key: _entry(name, key, it) for key, it in audios.items()}


def _entry(name: str, key: object, given: object) -> Mapping[str, Any]:
    if not isinstance(key, str):
        raise TypeError(f"ExtractedAudioSet({name!r}) has {key!r} among the names of its audios, which are texts")
    if isinstance(given, str | Output):
        return {"asset_id": given}
    if not isinstance(given, Mapping):
        raise TypeError(
            f"ExtractedAudioSet({name!r}): audio {key!r} is a {type(given).__name__}, and has to be a media id"
        )
    for one in given:
        if one not in SetAudioArgs.__annotations__:
            hint = nearest(one, SetAudioArgs.__annotations__)
            raise TypeError(f"ExtractedAudioSet({name!r}): audio {key!r} has no input {one!r}: {hint}")
    if "asset_id" not in given:
        raise TypeError(f"ExtractedAudioSet({name!r}): audio {key!r} needs asset_id, the media id of its video")
    return given


_FACTS = tuple(SetAudio.__dataclass_fields__)


def _facts(audio: Mapping[str, Any]) -> dict[str, Any]:
    return {name: audio[name] for name in _FACTS if name in audio}


def _typed(audios: Mapping[str, Mapping[str, Any]]) -> Mapping[str, SetAudio]:
    return {key: SetAudio(**_facts(audio)) for key, audio in audios.items()}
