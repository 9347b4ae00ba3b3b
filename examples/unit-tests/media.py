"""The resources, declared in a function that both the program and its tests call."""

from collections.abc import Mapping

from vod_provider import ExtractedAudio


def declare_audios(videos: Mapping[str, str]) -> dict[str, ExtractedAudio]:
    """Declare an audio for each video, given media IDs by name. Talks get a tag."""
    return {
        name: ExtractedAudio(name, asset_id=video, format="AAC", tags=["talk"] if name.startswith("talk") else [])
        for name, video in videos.items()
    }
