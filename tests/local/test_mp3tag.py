"""The tag of MP3 files: read back by FFmpeg, for every rate and number of channels."""

from __future__ import annotations

from pathlib import Path

import av
import pytest

from tests.local.samples import heard, make_video
from vod_provider.local.av.errors import NotMp3Error
from vod_provider.local.av.mp3tag import frame_size, placeholder, write_tag
from vod_provider.local.av.sound import extract


@pytest.mark.parametrize("rate", [8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000])
@pytest.mark.parametrize("layout", ["mono", "stereo"])
def test_length_is_told_to_the_sample(tmp_path: Path, rate: int, layout: str) -> None:
    """The file says how long it is, and decodes to exactly the samples that went in."""
    source = make_video(
        tmp_path / "source.wav", seconds=1, rate=rate, layout=layout, audio_codec="pcm_s16le", video_codec=None
    )
    facts = extract(source, tmp_path / "audio.mp3", "MP3")
    assert (facts.sample_rate, facts.audio_channels) == (rate, 1 if layout == "mono" else 2)
    seconds, loudness, _ = heard(tmp_path / "audio.mp3")
    assert seconds == heard(source)[0]
    assert loudness == pytest.approx(heard(source)[1], abs=0.1)
    with av.open(str(tmp_path / "audio.mp3")) as container:
        assert container.duration is not None
        assert container.duration / 1e6 == pytest.approx(seconds, abs=0.001)


def test_places_to_seek_are_told(tmp_path: Path) -> None:
    """The table of the tag leads a seek to where it wants to go."""
    source = make_video(
        tmp_path / "source.wav", seconds=20, rate=16000, layout="mono", audio_codec="pcm_s16le", video_codec=None
    )
    extract(source, tmp_path / "audio.mp3", "MP3")
    content = (tmp_path / "audio.mp3").read_bytes()
    start = content.index(b"Xing") + 16
    table = content[start : start + 100]
    assert table[0] < 5
    assert list(table) == sorted(table)
    assert table[50] == pytest.approx(128, abs=20)
    with av.open(str(tmp_path / "audio.mp3")) as container:
        container.seek(10_000_000)
        frame = next(container.decode(audio=0))
        assert frame.time == pytest.approx(10, abs=0.5)


def test_what_is_no_frame(tmp_path: Path) -> None:
    """Bytes that are no MP3 frame are refused, and no rate is taken that MP3 has not."""
    with pytest.raises(NotMp3Error):
        frame_size(b"ID3\x04")
    broken = tmp_path / "broken.mp3"
    broken.write_bytes(placeholder(44100, 2) + b"no frame here")
    with pytest.raises(NotMp3Error):
        write_tag(broken, 0)
