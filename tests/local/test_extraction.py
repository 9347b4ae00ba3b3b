"""Extraction from end to end: the official client asks, the audio that comes out is listened to."""

from __future__ import annotations

import urllib.request
from pathlib import Path
from typing import Any

import pytest
from huaweicloudsdkvod.v1 import (
    CreateExtractAudioTaskRequest,
    ExtractAudioTaskReq,
    Parameter,
)

from tests.local.conftest import until_done
from tests.local.samples import heard
from vod_provider.local.testing import LocalVod


@pytest.mark.parametrize("audio_format", ["MP3", "AAC"])
def test_audio_sounds_like_its_video(
    service: LocalVod, client: Any, video: Path, tmp_path: Path, audio_format: str
) -> None:
    """The extracted audio has the duration, loudness and channels of the video's sound, and says so."""
    source = service.upload(video, "A video")
    request = ExtractAudioTaskReq(asset_id=source, parameter=Parameter(format=audio_format))
    accepted = client.create_extract_audio_task(CreateExtractAudioTaskRequest(body=request))
    assert accepted.status_code == 202
    assert accepted.asset_id == source
    info = until_done(client, accepted.audio_asset_id)
    assert info.status == "CREATED"
    meta = info.base_info.meta_data
    assert (meta.pack_type, meta.codec, meta.audio_channels) == (audio_format, audio_format, 2)
    assert info.base_info.title == "A video"

    audio = tmp_path / "audio"
    audio.write_bytes(urllib.request.urlopen(info.base_info.video_url).read())
    assert audio.stat().st_size == meta.video_size
    seconds, loudness, channels = heard(audio)
    original_seconds, original_loudness, original_channels = heard(video)
    assert seconds == pytest.approx(original_seconds, abs=0.05)
    assert meta.duration_ms / 1000 == pytest.approx(seconds, abs=0.05)
    assert loudness == pytest.approx(original_loudness, abs=0.2)
    assert channels == original_channels
