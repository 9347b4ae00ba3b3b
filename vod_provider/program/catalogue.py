"""AudioCatalogue: the audios of many videos as one component. No logic of its own beyond names."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar, Unpack, cast, overload

import pulumi
from pulumi import Input, Output, ResourceOptions

from vod_provider.audio.inputs import AudioFormat
from vod_provider.program.audio_set import ExtractedAudioSet
from vod_provider.program.resource import ExtractedAudio, ExtractedAudioArgs
from vod_provider.program.signature import with_inputs
from vod_provider.text import nearest
from vod_provider.vod.assets import MediaAsset

T = TypeVar("T")


class SharedInputs(TypedDict, total=False):
    """Inputs of `ExtractedAudio` that many audios may have in common."""

    format: Input[AudioFormat] | None
    tags: Input[Sequence[Input[str]]] | None
    category_id: Input[int] | None
    publish: Input[bool] | None
    region: Input[str] | None
    project_id: Input[str] | None
    account: Input[str] | None


if TYPE_CHECKING:
    from vod_provider.program.resource import NoSuchInput

    class _Shared(SharedInputs, extra_items=NoSuchInput):  # type: ignore[call-arg] # PEP 728, unknown to mypy
        pass


class AudioCatalogue(pulumi.ComponentResource):
    """The audios of many videos, by names that stay when others come and go: one resource each, or one for all.

    One resource each is for up to some hundreds: each shows in previews by itself, and `--target` and `protect` reach
    it. `as_set` makes one `ExtractedAudioSet` of them, which is for thousands. A catalogue may change from the one to
    the other: the audios are taken over, and nothing is extracted or deleted.

    One that fails harms none of the others: `pulumi up --continue-on-error` makes all that can be made, and the next
    `up` tries what is missing. With many, give `--parallel 1000`.
    """

    audios: Mapping[str, ExtractedAudio]
    """The audios, by the names of their videos; none where they are one set."""
    audio_set: ExtractedAudioSet | None
    """The set that has all audios; None where each is a resource."""
    audio_asset_ids: Mapping[str, Output[str]]
    """Media ids of the audios, by the names of their videos: each an output of its own, so that one audio that failed
    leaves those of the others known. `Output.all(**catalogue.audio_asset_ids)` is all of them as one."""
    urls: Mapping[str, Output[str | None]]
    """Where the audios can be fetched, by the names of their videos."""

    # Two, since a checker takes a mapping with a wrong value for an iterable of its keys.
    @overload
    def __init__(
        self,
        resource_name: str,
        videos: Mapping[str, Input[str] | ExtractedAudioArgs],
        opts: ResourceOptions | None = None,
        *,
        exclude: Collection[str] = (),
        as_set: bool = False,
        **shared: Unpack[_Shared],
    ) -> None: ...
    @overload
    def __init__(
        self,
        resource_name: str,
        videos: Iterable[MediaAsset] | Sequence[str],
        opts: ResourceOptions | None = None,
        *,
        exclude: Collection[str] = (),
        as_set: bool = False,
        **shared: Unpack[_Shared],
    ) -> None: ...
    @with_inputs(SharedInputs)
    def __init__(
        self,
        resource_name: str,
        videos: Mapping[str, Input[str] | ExtractedAudioArgs] | Iterable[MediaAsset] | Sequence[str],
        opts: ResourceOptions | None = None,
        *,
        exclude: Collection[str] = (),
        as_set: bool = False,
        **shared: Any,
    ) -> None:
        """Declare the audios of all `videos`.

        :param resource_name: Name of the component; an audio's name is this, a hyphen and its video's.
        :param videos: Media ids by name, or the inputs of an `ExtractedAudio` by name, which come before those that
            all have; or media ids or assets, as `get_media_assets` finds them, whose names are the ids.
        :param opts: Pulumi's resource options; the audios inherit those that children inherit.
        :param exclude: Names of videos to leave out, which are their media ids where `videos` is a list: videos without
            sound, for example. One that is not there is no error. An audio that there was of one is deleted.
        :param as_set: Whether all audios are one resource, an `ExtractedAudioSet` of the component's name.
        :param format: MP3 (default) or AAC. A change extracts all of them again, and all are billed again.
        :param tags: Tags of each audio, as those of `ExtractedAudio`.
        :param category_id: Category of each audio.
        :param publish: Whether the audios are published.
        :param region: Region of the videos; default: the stack's. A change to another place extracts again and is
            billed again.
        :param project_id: Project of the videos; default: the stack's. A change to another place extracts again and is
            billed again.
        :param account: Name of an account in `vod:accounts`; default: the stack's own. A change to another place
            extracts again and is billed again.
        """
        for name in shared:
            if name not in SharedInputs.__annotations__:
                hint = nearest(name, SharedInputs.__annotations__)
                raise TypeError(f"AudioCatalogue({resource_name!r}) has no input {name!r}: {hint}")
        declared = _declared(videos, _excluded(exclude))
        super().__init__("vod:index:AudioCatalogue", resource_name, None, opts)
        if as_set:
            self.audios = {}
            self.audio_set = audios = ExtractedAudioSet(
                resource_name, cast("Any", declared), opts=ResourceOptions(parent=self), **shared
            )
            self.audio_asset_ids = _Outputs(declared, lambda name: audios[name].apply(lambda it: it.audio_asset_id))
            self.urls = _Outputs(declared, lambda name: audios[name].apply(lambda it: it.url))
            self.register_outputs({})  # the set has all that a state needs
            return
        self.audio_set = None
        self.audios = {
            name: ExtractedAudio(f"{resource_name}-{name}", ResourceOptions(parent=self), **{**shared, **args})
            for name, args in declared.items()
        }
        self.audio_asset_ids = {name: audio.audio_asset_id for name, audio in self.audios.items()}
        self.urls = {name: audio.url for name, audio in self.audios.items()}
        self.register_outputs({"audio_asset_ids": self.audio_asset_ids, "urls": self.urls})

    def __repr__(self) -> str:
        return f"AudioCatalogue({self._name!r}, {len(self.audio_asset_ids)} audios)"


class _Outputs(Mapping[str, Output[T]]):
    """An output for each name, made when somebody asks for it: most of thousands are never asked for."""

    def __init__(self, names: Iterable[str], output: Callable[[str], Output[T]]) -> None:
        self._names, self._output = dict.fromkeys(names), output

    def __getitem__(self, name: str) -> Output[T]:
        if name not in self._names:
            raise KeyError(name)
        return self._output(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def _excluded(exclude: object) -> frozenset[str]:
    """The names to leave out. Raises TypeError for what is no list of names."""
    if isinstance(exclude, str):
        raise TypeError(f"exclude is a text, and has to be a list of names: [{exclude!r}]")
    if isinstance(exclude, Output) or not isinstance(exclude, Iterable):
        raise TypeError(f"exclude is {_shown(exclude)}, and has to be a list of names, known while the program runs")
    names = list(exclude)
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"exclude has {_shown(name)} in its list, and has to be a list of names")
    return frozenset(names)


def _shown(value: object) -> str:
    return "an Output" if isinstance(value, Output) else repr(value)  # the repr of one is a warning


def _declared(videos: object, exclude: Collection[str]) -> dict[str, dict[str, Any]]:
    """The inputs of each audio, by name. Raises TypeError for what is no listing of videos."""
    if isinstance(videos, str):
        raise TypeError(f"videos is a text, and has to be a list of media ids: [{videos!r}]")
    if isinstance(videos, Output):
        raise TypeError("videos is an Output: how many audios there are has to be known while the program runs")
    if isinstance(videos, Mapping):
        videos = {_name(name): video for name, video in videos.items() if name not in exclude}
        return {name: {**it} if isinstance(it, Mapping) else {"asset_id": it} for name, it in videos.items()}
    if not isinstance(videos, Iterable):
        raise TypeError(f"videos is {videos!r}, and has to be media ids by name, or a list of media ids or assets")
    declared: dict[str, dict[str, Any]] = {}
    for video in videos:
        name = _name(video.id if isinstance(video, MediaAsset) else video)
        if name in exclude:
            continue
        if isinstance(video, MediaAsset) and video.is_audio:
            raise TypeError(
                f"videos has audio {video.id} in its list, and an audio's audio would be extracted at each run:"
                ' get_media_assets(kind="video") leaves audios out'
            )
        declared[name] = {"asset_id": name}
    return declared


def _name(name: object) -> str:
    """Part of a resource's name."""
    if isinstance(name, Output):
        raise TypeError("videos has an Output in its list, whose name nobody knows yet: give media ids by name")
    if not isinstance(name, str) or not name:
        raise TypeError(f"videos has {name!r} where a name or a media id has to be")
    return name
