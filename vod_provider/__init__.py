"""ExtractedAudio for Pulumi: the audio track of a Huawei Cloud VOD video, declared."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from vod_provider._version import __version__

if TYPE_CHECKING:
    from vod_provider.audio.inputs import AudioFormat
    from vod_provider.program.audio_set import ExtractedAudioSet, SetAudio, SetAudioArgs
    from vod_provider.program.catalogue import AudioCatalogue
    from vod_provider.program.lookup import get_media_asset, get_media_asset_output, get_media_assets
    from vod_provider.program.resource import ExtractedAudio, ExtractedAudioArgs
    from vod_provider.vod.assets import MediaAsset

__all__ = [
    "AudioCatalogue",
    "AudioFormat",
    "ExtractedAudio",
    "ExtractedAudioArgs",
    "ExtractedAudioSet",
    "MediaAsset",
    "SetAudio",
    "SetAudioArgs",
    "__version__",
    "get_media_asset",
    "get_media_asset_output",
    "get_media_assets",
]

_HOMES = {
    "AudioCatalogue": "program.catalogue",
    "AudioFormat": "audio.inputs",
    "ExtractedAudio": "program.resource",
    "ExtractedAudioArgs": "program.resource",
    "ExtractedAudioSet": "program.audio_set",
    "MediaAsset": "vod.assets",
    "SetAudio": "program.audio_set",
    "SetAudioArgs": "program.audio_set",
}


def __getattr__(name: str) -> Any:
    # Pulumi is loaded when one of these is used, and not for `vod_provider.local`, which has no part in it.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES.get(name, 'program.lookup')}"), name)
