"""ExtractedAudio for Pulumi: the audio track of a Huawei Cloud VOD video, declared."""

from typing import TYPE_CHECKING, Any

from vod_provider._version import __version__

if TYPE_CHECKING:
    from vod_provider.resource import ExtractedAudio

__all__ = ["ExtractedAudio", "__version__"]


def __getattr__(name: str) -> Any:
    # Pulumi is loaded when the resource is used, and not for `vod_provider.local`, which has no part in it.
    if name == "ExtractedAudio":
        from vod_provider.resource import ExtractedAudio

        return ExtractedAudio
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
