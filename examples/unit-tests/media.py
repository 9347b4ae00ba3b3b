"""What is declared, as a function that both the Pulumi program and the test call."""

from collections.abc import Mapping

from vod_provider import ExtractedAudio


def audios(videos: Mapping[str, str]) -> list[ExtractedAudio]:
    """An audio for each video, by name and media id; talks are tagged as such."""
    return [
        ExtractedAudio(name, asset_id=video, format="AAC", tags=["talk"] if name.startswith("talk") else [])
        for name, video in videos.items()
    ]
