"""ExtractedAudio, as a user writes it. No logic: what may be asked for is in `inputs`, what happens in `provider`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Required, TypedDict, Unpack, overload

from pulumi import Input, Output, ResourceOptions, getter

from vod_provider.audio.inputs import AudioFormat
from vod_provider.program.registration import Registered
from vod_provider.program.setting_warnings import warn_once
from vod_provider.program.signature import with_inputs
from vod_provider.provider import ExtractedAudioProvider
from vod_provider.text import nearest


class ExtractedAudioArgs(TypedDict, total=False):
    """What an `ExtractedAudio` is declared with. Limits: the API reference, 'Updating Media Asset Attributes'.

    What is not possible is refused at the preview, by the name of the input.
    """

    asset_id: Required[Input[str]]
    """Media id of the source video. A change extracts again and is billed again."""
    format: Input[AudioFormat] | None
    """MP3 (default) or AAC. A change extracts again and is billed again."""
    title: Input[str] | None
    """Title, at most 128 bytes of UTF-8. Left out: not managed, left as VOD holds it."""
    description: Input[str] | None
    """Refused unless the audio has it already: VOD writes it itself. It is an output."""
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
    """Name of an account in the stack's configuration `vod:accounts`, whose credentials and project are used; default:
    the stack's own. A change to another place extracts again and is billed again."""
    triggers: Input[Sequence[Any]] | None
    """Any values that JSON has. A change of them extracts again and is billed again."""
    adopt: Input[str] | None
    """Id of an audio that was extracted from this video before: it is taken over and not billed again, if VOD tells
    nothing against it. Read at creation only. `ResourceOptions(import_=ID)` has the same effect."""
    moved_from: Input[str] | None
    """Name of the audio of a set, as 'archive["talk-17"]', or of another resource of the stack: its audio is taken over
    and not billed again, and has to go from there in the same run. Read at creation only."""


if TYPE_CHECKING:

    class NoSuchInput:
        """Nothing is one: this makes pyright name the keyword that is wrong. Mypy names it without."""

    class _Keywords(ExtractedAudioArgs, extra_items=NoSuchInput):  # type: ignore[call-arg] # PEP 728, unknown to mypy
        pass


class ExtractedAudio(Registered, module="vod", name="ExtractedAudio", provider=ExtractedAudioProvider):
    """The audio track of a VOD video, as a media asset of its own.

    Creating it asks VOD to extract the track and waits until the audio is ready. Extraction is billed by the
    duration extracted: a change of `asset_id`, `format` or `triggers`, or of `region`, `project_id` or `account` to
    another place, extracts again and is billed again; a change of metadata is not.

    Source: the API reference, 'Extracting Audio' (POST /v1.0/{project_id}/asset/extract_audio).
    """

    @overload
    def __init__(self, resource_name: str, args: ExtractedAudioArgs, opts: ResourceOptions | None = None) -> None: ...
    @overload
    def __init__(
        self, resource_name: str, opts: ResourceOptions | None = None, **inputs: Unpack[_Keywords]
    ) -> None: ...
    @with_inputs(ExtractedAudioArgs)  # type: ignore[misc] # what comes second has another name in each overload
    def __init__(
        self,
        resource_name: str,
        args: ExtractedAudioArgs | ResourceOptions | None = None,
        opts: ResourceOptions | None = None,
        **inputs: Any,
    ) -> None:
        """Declare the audio of a video.

        :param resource_name: Name of the resource in the stack.
        :param args: The inputs as one dictionary; or each of them as an argument of its own:
        :param asset_id: Media id of the source video. A change extracts again and is billed again.
        :param format: MP3 (default) or AAC. A change extracts again and is billed again.
        :param title: Title, at most 128 bytes of UTF-8. Left out: not managed, left as VOD holds it.
        :param description: Refused unless the audio has it already: VOD writes it itself. It is an output.
        :param category_id: Id of a category of the project; -1 is the category 'Others'. Left out: not managed.
        :param tags: At most 16 tags of at most 24 bytes of UTF-8 each, without commas. Left out: not managed.
        :param publish: True publishes the audio, False takes that back, both in place. Left out: not managed.
        :param region: Region of the video; default: the stack's. A change to another place extracts again and is
            billed again.
        :param project_id: Project of the video; default: the stack's. A change to another place extracts again and is
            billed again.
        :param account: Name of an account in the stack's configuration `vod:accounts`, whose credentials and project
            are used; default: the stack's own. A change to another place extracts again and is billed again.
        :param triggers: Any values that JSON has. A change of them extracts again and is billed again.
        :param adopt: Id of an audio that was extracted from this video before: it is taken over and not billed again,
            if VOD tells nothing against it. Read at creation only. `ResourceOptions(import_=ID)` has the same effect.
        :param moved_from: Name of the audio of a set, as 'archive["talk-17"]', or of another resource of the stack: its
            audio is taken over and not billed again, and has to go from there in the same run. Read at creation only.
        :param opts: Pulumi's resource options.
        """
        given: tuple[Any, Any] = (args, opts)
        opts = None
        props: dict[str, Any] = {}
        for one in given:  # the inputs, or options, or both
            if isinstance(one, ResourceOptions):
                opts = one
            elif isinstance(one, Mapping):
                props |= one
            elif one is not None:
                kind = type(one).__name__
                raise TypeError(
                    f"ExtractedAudio({resource_name!r}) was given a {kind} where inputs are one dictionary: a media id"
                    " is asset_id=..."
                )
        props |= inputs
        for name in props:
            if name not in ExtractedAudioArgs.__annotations__:
                hint = nearest(name, ExtractedAudioArgs.__annotations__)
                raise TypeError(f"ExtractedAudio({resource_name!r}) has no input {name!r}: {hint}")
        if "asset_id" not in props:
            raise TypeError(f"ExtractedAudio({resource_name!r}) needs asset_id, the media id of the source video")
        if opts is not None and opts.import_ is not None:
            # The dynamic host cannot import: it does not know the provider of a resource that it has no state of.
            props["adopt"] = props.get("adopt") or opts.import_
            opts = ResourceOptions.merge(opts, None)
            opts.import_ = None
        warn_once()
        self._register(resource_name, props, opts)

    @classmethod
    def get(
        cls,
        resource_name: str,
        id: Input[str],  # noqa: A002 - Pulumi's own name for it
        opts: ResourceOptions | None = None,
        *,
        region: Input[str] | None = None,
        project_id: Input[str] | None = None,
        account: Input[str] | None = None,
    ) -> ExtractedAudio:
        """Read an audio that is there already, without managing it; at a preview, too.

        VOD does not record what it was extracted from: its `asset_id` is None.

        :param resource_name: Name of the resource in the stack.
        :param id: Media id of the audio. An asset that is not there, or no audio, is an error.
        :param opts: Pulumi's resource options.
        :param region: Region of the audio; default is the stack's.
        :param project_id: Project of the audio; default is the stack's.
        :param account: Name of an account in the stack's configuration `vod:accounts`; default is the stack's own.
        """
        if not id:
            raise TypeError(f"ExtractedAudio.get({resource_name!r}) needs id, the media id of the audio")
        self = cls.__new__(cls)
        props = {"region": region, "project_id": project_id, "account": account}
        options = ResourceOptions.merge(opts, ResourceOptions(id=id))
        self._register(resource_name, props, options)
        return self

    @property
    @getter
    def asset_id(self) -> Output[str]:
        """Media id of the source video."""
        return self._output("asset_id")

    @property
    @getter
    def format(self) -> Output[AudioFormat]:
        """Format of the audio: MP3 or AAC."""
        return self._output("format")

    @property
    @getter
    def audio_asset_id(self) -> Output[str]:
        """Media id of the extracted audio; also the resource's id."""
        return self._output("audio_asset_id")

    @property
    @getter
    def status(self) -> Output[str]:
        """Status of the audio as VOD names it: CREATED once it is ready, PUBLISHED once it is published."""
        return self._output("status")

    @property
    @getter
    def url(self) -> Output[str | None]:
        """Where the audio can be fetched."""
        return self._output("url")

    @property
    @getter
    def duration(self) -> Output[float | None]:
        """Duration in seconds."""
        return self._output("duration")

    @property
    @getter
    def bit_rate(self) -> Output[int | None]:
        """Average bit rate in kbit/s."""
        return self._output("bit_rate")

    @property
    @getter
    def size(self) -> Output[int | None]:
        """Size of the file in bytes."""
        return self._output("size")

    @property
    @getter
    def codec(self) -> Output[str | None]:
        """Codec of the track, for example MP3 or AAC."""
        return self._output("codec")

    @property
    @getter
    def title(self) -> Output[str]:
        """Title, as VOD holds it."""
        return self._output("title")

    @property
    @getter
    def description(self) -> Output[str]:
        """Description, as VOD holds it."""
        return self._output("description")

    @property
    @getter
    def category_id(self) -> Output[int | None]:
        """Id of the category, as VOD holds it."""
        return self._output("category_id")

    @property
    @getter
    def tags(self) -> Output[Sequence[str]]:
        """Tags, as VOD holds them."""
        return self._output("tags")

    @property
    @getter
    def publish(self) -> Output[bool]:
        """Whether the audio is published."""
        return self._output("publish")

    def __repr__(self) -> str:
        return f"ExtractedAudio({self._name!r})"
