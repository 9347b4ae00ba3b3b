"""ExtractedAudio, as a user writes it. No logic: what may be asked for is in `inputs`, what happens in `provider`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pulumi import Input, Output, ResourceOptions
from pulumi.dynamic import Resource

from vod_provider.provider import ExtractedAudioProvider


class ExtractedAudio(Resource, module="vod", name="ExtractedAudio"):
    """The audio track of a VOD video, as a media asset of its own.

    Creating it asks VOD to extract the track and waits until the audio is ready. Extraction is billed by the
    duration extracted: a change of `asset_id`, `format`, `region`, `project_id` or `triggers` extracts again and
    is paid again; a change of metadata is not.

    Source: the API reference, 'Extracting Audio' (POST /v1.0/{project_id}/asset/extract_audio).
    """

    asset_id: Output[str]
    """Media id of the source video."""
    format: Output[str]
    """Format of the audio: MP3 or AAC."""
    audio_asset_id: Output[str]
    """Media id of the extracted audio; also the resource's id."""
    status: Output[str]
    """Status of the audio as VOD names it: CREATED once it is ready, PUBLISHED once it is published."""
    url: Output[str | None]
    """Where the audio can be fetched."""
    duration: Output[float | None]
    """Duration in seconds."""
    bit_rate: Output[int | None]
    """Average bit rate in kbit/s."""
    size: Output[int | None]
    """Size of the file in bytes."""
    codec: Output[str | None]
    """Codec of the track, for example MP3 or AAC."""
    title: Output[str]
    """Title, as VOD holds it."""
    description: Output[str]
    """Description, as VOD holds it."""
    category_id: Output[int | None]
    """Id of the category, as VOD holds it."""
    tags: Output[Sequence[str]]
    """Tags, as VOD holds them."""
    publish: Output[bool]
    """Whether the audio is published."""

    def __init__(
        self,
        resource_name: str,
        *,
        asset_id: Input[str],
        format: Input[str] | None = None,  # noqa: A002 - VOD's own name for it
        title: Input[str] | None = None,
        description: Input[str] | None = None,
        category_id: Input[int] | None = None,
        tags: Input[Sequence[Input[str]]] | None = None,
        region: Input[str] | None = None,
        project_id: Input[str] | None = None,
        triggers: Input[Sequence[Any]] | None = None,
        publish: Input[bool] | None = None,
        account: Input[str] | None = None,
        adopt: Input[str] | None = None,
        opts: ResourceOptions | None = None,
    ) -> None:
        """Declare the audio of a video.

        :param resource_name: Name of the resource in the stack.
        :param asset_id: Media id of the source video. A change extracts again.
        :param format: MP3 (default) or AAC. A change extracts again.
        :param title: Title, at most 128 bytes of UTF-8. Left out: not managed, left as VOD holds it.
        :param description: Description, at most 1024 bytes of UTF-8. Left out: not managed.
        :param category_id: Id of a category of the project. Left out: not managed.
        :param tags: At most 16 tags of at most 24 bytes of UTF-8 each. Left out: not managed.
        :param region: Region of the video, for example ap-southeast-1; default is the stack's. A change
            extracts again.
        :param project_id: Project of the video; default is the stack's. A change extracts again.
        :param triggers: Any values; a change of them extracts again.
        :param publish: True publishes the audio, False takes that back, both in place. Left out: not managed.
        :param account: Name of an account in the stack's configuration `vod:accounts`, whose credentials and project
            are used; default is the stack's own. A change extracts again.
        :param adopt: Id of an audio that was extracted from this video before: it is taken over instead of
            extracted, if VOD tells nothing against it. Read at creation only. `ResourceOptions(import_=ID)`
            comes to the same.
        :param opts: Pulumi's resource options.
        """
        if opts is not None and opts.import_ is not None:
            # The dynamic host cannot import: it does not know the provider of a resource that it has no state of.
            adopt = opts.import_ if adopt is None else adopt
            opts = ResourceOptions.merge(opts, None)
            opts.import_ = None
        self._declare(
            resource_name,
            {
                "asset_id": asset_id,
                "format": format,
                "title": title,
                "description": description,
                "category_id": category_id,
                "tags": tags,
                "region": region,
                "project_id": project_id,
                "triggers": triggers,
                "publish": publish,
                "account": account,
                "adopt": adopt,
            },
            opts,
        )

    @classmethod
    def get(
        cls,
        resource_name: str,
        id: Input[str],  # noqa: A002 - Pulumi's own name for it
        *,
        region: Input[str] | None = None,
        project_id: Input[str] | None = None,
        account: Input[str] | None = None,
        opts: ResourceOptions | None = None,
    ) -> ExtractedAudio:
        """Read an audio that is there already, without managing it.

        :param resource_name: Name of the resource in the stack.
        :param id: Media id of the audio.
        :param region: Region of the audio; default is the stack's.
        :param project_id: Project of the audio; default is the stack's.
        :param account: Name of an account in the stack's configuration `vod:accounts`; default is the stack's own.
        :param opts: Pulumi's resource options.
        """
        self = cls.__new__(cls)
        props = {"region": region, "project_id": project_id, "account": account}
        self._declare(resource_name, props, ResourceOptions.merge(opts, ResourceOptions(id=id)))
        return self

    def _declare(self, resource_name: str, props: dict[str, Any], opts: ResourceOptions | None) -> None:
        outputs = dict.fromkeys(ExtractedAudio.__annotations__)
        super().__init__(ExtractedAudioProvider(), resource_name, {**outputs, **props}, opts)
