"""PyAV: files of many kinds in, audio and facts out."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from tests.local.samples import heard, make_video
from vod_provider.local.av.errors import MediaError
from vod_provider.local.av.media import probe
from vod_provider.local.av.sound import extract, make_tone


@pytest.mark.parametrize(
    ("name", "options", "channels"),
    [
        ("mono.mp4", {"layout": "mono", "rate": 11025}, {"MP3": 1, "AAC": 1}),
        ("surround.mkv", {"layout": "5.1"}, {"MP3": 2, "AAC": 6}),
        ("studio.mkv", {"audio_codec": "flac", "rate": 96000}, {"MP3": 2, "AAC": 2}),
        ("pcm.mov", {"audio_codec": "pcm_s16le", "rate": 44100}, {"MP3": 2, "AAC": 2}),
        ("opus.webm", {"audio_codec": "libopus", "video_codec": "libvpx"}, {"MP3": 2, "AAC": 2}),
        ("stream.ts", {"audio_codec": "mp2"}, {"MP3": 2, "AAC": 2}),
        ("radio.mp3", {"audio_codec": "libmp3lame", "video_codec": None}, {"MP3": 2, "AAC": 2}),
        ("radio.aac", {"audio_codec": "aac", "video_codec": None}, {"MP3": 2, "AAC": 2}),
    ],
)
@pytest.mark.parametrize("audio_format", ["MP3", "AAC"])
def test_many_kinds_of_files(
    tmp_path: Path, name: str, options: dict[str, object], channels: dict[str, int], audio_format: str
) -> None:
    """Whatever container, codec, rate and channels: the audio is as long as the sound, and the facts are true."""
    source = make_video(tmp_path / name, seconds=2, **options)  # type: ignore[arg-type]
    target = tmp_path / "audio"
    facts = extract(source, target, audio_format)
    seconds, loudness, heard_channels = heard(target)
    original_seconds, original_loudness, original_channels = heard(source)
    assert (facts.pack_type, facts.audio_codec, facts.video_codec) == (audio_format, audio_format, "")
    assert facts.audio_channels == heard_channels == channels[audio_format]
    # AAC in ADTS consists of whole frames of 1024 samples, and begins with a silent one.
    assert seconds == pytest.approx(original_seconds, abs=max(0.1, 2 * 1024 / facts.sample_rate))
    assert facts.duration_ms / 1000 == pytest.approx(seconds, abs=0.05)
    assert facts.size == target.stat().st_size
    assert facts.bit_rate == round(facts.size * 8 / facts.duration_ms)
    if heard_channels == original_channels:
        assert loudness == pytest.approx(original_loudness, abs=0.3)


@pytest.mark.parametrize(
    ("name", "options", "pack_type", "codecs"),
    [
        ("a.mp4", {}, "MP4", ("H.264", "AAC")),
        ("a.mov", {}, "MOV", ("H.264", "AAC")),
        ("a.mkv", {"audio_codec": "flac"}, "MKV", ("H.264", "FLAC")),
        ("a.ts", {"audio_codec": "mp2"}, "TS", ("H.264", "MP2")),
        ("a.flv", {}, "FLV", ("H.264", "AAC")),
        ("a.avi", {"video_codec": "mpeg4", "audio_codec": "libmp3lame"}, "AVI", ("MPEG-4", "MP3")),
        ("a.wav", {"video_codec": None, "audio_codec": "pcm_s16le"}, "WAV", ("", "PCM")),
        ("a.flac", {"video_codec": None, "audio_codec": "flac"}, "FLAC", ("", "FLAC")),
        ("a.m4a", {"video_codec": None}, "M4A", ("", "AAC")),
        ("a.aac", {"video_codec": None}, "AAC", ("", "AAC")),
    ],
)
def test_facts_of_files(
    tmp_path: Path, name: str, options: dict[str, object], pack_type: str, codecs: tuple[str, str]
) -> None:
    """Container and codecs in VOD's words, the duration right to two pictures of a tenth of a second each."""
    facts = probe(make_video(tmp_path / name, seconds=1.5, **options))  # type: ignore[arg-type]
    assert facts.pack_type == pack_type
    assert (facts.video_codec, facts.audio_codec) == codecs
    assert facts.duration_ms == pytest.approx(1500, abs=200)


def test_a_title_that_is_not_utf8(tmp_path: Path) -> None:
    """A file is read whatever bytes its title has; they are none of what VOD tells about it."""
    title = b"INFOINAM" + struct.pack("<I", 4) + b"\xff\xfe\xe9\x00"
    sound = bytes(16000)
    wave = b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 16000, 2, 16)
    wave += b"LIST" + struct.pack("<I", len(title)) + title + b"data" + struct.pack("<I", len(sound)) + sound
    (tmp_path / "titled.wav").write_bytes(b"RIFF" + struct.pack("<I", len(wave)) + wave)
    assert probe(tmp_path / "titled.wav").duration_ms == 1000


def test_what_has_no_sound(tmp_path: Path) -> None:
    """No audio stream is an error that says so."""
    mute = make_video(tmp_path / "mute.mp4", seconds=0.5, audio_codec=None)
    with pytest.raises(MediaError, match="no audio stream"):
        extract(mute, tmp_path / "audio", "MP3")


def test_playlists_are_no_media(tmp_path: Path) -> None:
    """A playlist that names another file is not followed, however it is called."""
    sound = make_video(tmp_path / "sound.ts", seconds=0.5, audio_codec="mp2")
    playlist = tmp_path / "list.mp4"
    playlist.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{sound}\n#EXT-X-ENDLIST\n")
    with pytest.raises(MediaError, match="cannot be read"):
        probe(playlist)


@pytest.mark.parametrize("audio_format", ["MP3", "AAC"])
def test_tone(tmp_path: Path, audio_format: str) -> None:
    """The sample of timed extractions is a real second of sound."""
    facts = make_tone(tmp_path / "tone", audio_format)
    seconds, loudness, _ = heard(tmp_path / "tone")
    assert seconds == pytest.approx(1, abs=0.05)
    assert loudness > -40
    assert facts.pack_type == audio_format
    assert facts.duration_ms == pytest.approx(1000, abs=50)


@pytest.mark.parametrize("codec", ["ac3", "eac3", "aac", "libopus"])
@pytest.mark.parametrize("layout", ["5.1", "7.1"])
def test_a_voice_in_the_centre_keeps_its_level(tmp_path: Path, codec: str, layout: str) -> None:
    """Mixed to stereo as FFmpeg's tool does it: the centre at 0.7071 in both, within 1 dB."""
    if layout == "7.1" and codec in {"ac3", "eac3"}:
        layout = "5.0"  # the largest beside 5.1 that FFmpeg writes of these
    source = make_video(tmp_path / "s.mkv", audio_codec=codec, layout=layout, only="FC", seconds=3)
    alone = make_video(tmp_path / "a.mkv", audio_codec=codec, layout="mono", seconds=3)
    extract(source, tmp_path / "o.mp3", "MP3")
    _, level, channels = heard(tmp_path / "o.mp3")
    assert channels == 2
    assert level == pytest.approx(heard(alone)[1] - 3.01, abs=1.0)


@pytest.mark.parametrize(
    ("layout", "wanted"), [("5.1", 6), ("7.1", 8), ("6.1", 8), ("4.0", 4), ("stereo", 2), ("mono", 1)]
)
def test_what_aac_makes_of_a_layout(tmp_path: Path, layout: str, wanted: int) -> None:
    """Up to 7.1 no channel is lost; a layout that AAC does not number gets the smallest one that holds it."""
    source = make_video(tmp_path / "s.mkv", audio_codec="pcm_s16le", layout=layout)
    assert extract(source, tmp_path / "o.aac", "AAC").audio_channels == wanted
    assert heard(tmp_path / "o.aac")[2] == wanted
