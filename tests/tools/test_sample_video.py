"""The sample video: real H.264 and AAC, of the length asked for, with a voice that speaks and pauses."""

from __future__ import annotations

import math
from pathlib import Path

import av
import pytest

from tools import sample_video
from tools.sample_video import PEAK, VOICE_RATE

SECONDS = 4.0


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short sample."""
    file = tmp_path_factory.mktemp("sample") / "sample.mp4"
    sample_video.make(file, SECONDS)
    return file


def test_it_is_h264_and_aac_of_that_length(video: Path) -> None:
    """Codecs and durations of both tracks are as asked for, and no unfinished file is left."""
    with av.open(str(video)) as container:
        tracks = [
            (stream.codec_context.name, float((stream.duration or 0) * stream.time_base))
            for stream in container.streams
            if stream.time_base
        ]
    assert [name for name, _ in tracks] == ["h264", "aac"]
    assert all(abs(seconds - SECONDS) < 0.1 for _, seconds in tracks)
    assert [path.name for path in video.parent.iterdir()] == ["sample.mp4"]


def test_the_picture_moves(video: Path) -> None:
    """No two pictures a second apart are the same."""
    with av.open(str(video)) as container:
        pictures = [bytes(frame.planes[0]) for frame in container.decode(video=0)][:: sample_video.FPS]
    assert len(pictures) == SECONDS
    assert len(set(pictures)) == len(pictures)


def test_the_voice_speaks_and_pauses() -> None:
    """Loud and silent stretches alternate, as in speech; the loudest stays below full scale."""
    voice = sample_video.speech(10)
    step = VOICE_RATE // 20
    levels = [math.sqrt(sum(v * v for v in voice[at : at + step]) / step) for at in range(0, len(voice), step)]
    assert len(voice) == 10 * VOICE_RATE
    assert max(map(abs, voice)) <= PEAK
    assert 0.05 < sum(level > 0.1 for level in levels) / len(levels) < 0.95
    assert 0.05 < sum(level < 0.01 for level in levels) / len(levels) < 0.5
