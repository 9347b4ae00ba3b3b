"""Media files: which may be opened, and what is true of them, by FFmpeg (PyAV)."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import av.error

from vod_provider.local.av.errors import MediaError

if TYPE_CHECKING:
    from av.container import InputContainer

# Only containers that hold the media themselves. Playlists (HLS, DASH, concat) name other files and
# addresses, which FFmpeg would open for whoever uploads one.
_CONTAINERS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,mpegts,mpeg,flv,live_flv,avi,asf,mxf,ogg,wav,w64,mp3,aac,ac3,eac3,"
    "flac,ape,amr,wv,mmf,aiff,caf,mpegvideo"
)
_MAX_STREAMS = 64
_OPEN_OPTIONS = {"format_whitelist": _CONTAINERS, "protocol_whitelist": "file", "max_streams": str(_MAX_STREAMS)}
# To find out what a file has in it FFmpeg decodes a picture of each video, and keeps them all: 4 MB with 40 videos of
# 8192 x 4320 took 1.8 GB. Nearly every container, or the parser of its codec, tells as much without. So a decoder of
# pictures is opened only where the size of the picture is not known otherwise (H.263 in FLV), and for small ones.
_MAX_DECODED = 8
_PICTURE_OPTIONS: list[Any] = [{"max_pixels": str(4096 * 2304)}] * _MAX_DECODED  # PyAV's types wrongly say strings
# A title that is not UTF-8 does not keep a file from being read. PyAV 19 sees to that by itself, and takes no argument
# for it any more; its wheels want Python 3.12.
_TOLERANT: dict[str, Any] = {} if int(av.__version__.split(".")[0]) >= 19 else {"metadata_errors": "replace"}
_PACK_TYPES = {
    "mp3": "MP3", "aac": "AAC", "ac3": "AC3", "flac": "FLAC", "ape": "APE", "amr": "AMR", "wv": "WV",
    "mmf": "MMF", "ogg": "OGG", "wav": "WAV", "w64": "WAV", "mpegts": "TS", "mpeg": "MPG",
    "flv": "FLV", "avi": "AVI", "asf": "WMV", "mxf": "MXF", "matroska,webm": "MKV",
}  # fmt: skip
_BRANDS = {"qt": "MOV", "M4A": "M4A", "M4V": "M4V", "f4v": "F4V"}
_CODECS = {
    "h264": "H.264", "hevc": "H.265", "mpeg4": "MPEG-4", "mpeg2video": "MPEG-2", "wmv2": "WMV", "wmv3": "WMV",
    "vorbis": "Vorbis", "aac": "AAC", "ac3": "AC-3", "amrnb": "AMR", "amrwb": "AMR", "ape": "APE",
    "flac": "FLAC", "mp3": "MP3", "mp3float": "MP3", "mp2": "MP2", "mp2float": "MP2", "wmav1": "WMA",
    "wmav2": "WMA", "wmapro": "WMA", "wavpack": "WavPack",
}  # fmt: skip


@dataclass(frozen=True)
class Facts:
    """What is true of a media file.

    `duration_ms` in milliseconds, `size` in bytes, `bit_rate` in kbit/s over the whole file; `video_codec`
    and `audio_codec` in VOD's spelling, '' where there is no such stream.
    """

    pack_type: str
    video_codec: str
    audio_codec: str
    duration_ms: int
    size: int
    bit_rate: int
    audio_channels: int
    sample_rate: int
    width: int
    height: int
    frame_rate: int


def probe(source: Path) -> Facts:
    """The facts of a file. Raises MediaError if it is no media, or has neither picture nor sound."""
    facts = _probe(source, pictures=False)
    return facts if facts.width or not facts.video_codec else _probe(source, pictures=True)


def _probe(source: Path, *, pictures: bool) -> Facts:
    with opened(source, pictures=pictures) as container:
        videos = [s for s in container.streams.video if not s.disposition & s.disposition.attached_pic]
        audios = container.streams.audio
        if not videos and not audios:
            raise MediaError("the file has neither a video nor an audio stream")
        video = videos[0] if videos else None
        audio = audios[0] if audios else None
        rate = video.average_rate if video is not None else None
        size = source.stat().st_size
        pack_type = _pack_type(container)
        # Read last: measuring the duration may have to go through the whole file.
        duration_ms = _duration_ms(container)
        return Facts(
            pack_type=pack_type,
            video_codec=_codec_name(video.codec_context.name) if video is not None else "",
            audio_codec=_codec_name(audio.codec_context.name) if audio is not None else "",
            duration_ms=duration_ms,
            size=size,
            bit_rate=round(size * 8 / duration_ms) if duration_ms else 0,
            audio_channels=audio.codec_context.channels if audio is not None else 0,
            sample_rate=audio.codec_context.sample_rate if audio is not None else 0,
            width=video.codec_context.width if video is not None else 0,
            height=video.codec_context.height if video is not None else 0,
            frame_rate=round(Fraction(rate.numerator, rate.denominator)) if rate else 0,
        )


def opened(source: Path, *, pictures: bool = False) -> InputContainer:
    """The file, opened. Raises MediaError if it is no media of a kind that holds what it plays.

    `pictures`: find out with FFmpeg's decoders of pictures, if these are few and of a usual size.
    """
    if source.stat().st_size == 0:
        raise MediaError("the file is empty")
    try:
        if not pictures:
            return _open(source, {"codec_whitelist": _sound_decoders()})
        try:
            return _open(source, {"max_streams": str(_MAX_DECODED)}, list(_PICTURE_OPTIONS))
        except ValueError:  # formats that tell their streams only as they are read take no options for them
            return _open(source, {"max_streams": str(_MAX_DECODED)})
    except (av.error.FFmpegError, ValueError, OSError) as exc:
        raise MediaError(f"the file cannot be read as audio or video: {error_text(exc)}") from exc


def _open(source: Path, options: dict[str, str], stream_options: list[Any] | None = None) -> InputContainer:
    given = {"container_options": {**_OPEN_OPTIONS, **options}, "stream_options": stream_options, **_TOLERANT}
    container: InputContainer = av.open(str(source), "r", **given)
    return container


@cache
def _sound_decoders() -> str:
    """Their names, with commas between them."""
    names = set()
    for name in av.codecs_available:
        with contextlib.suppress(ValueError):  # it only encodes
            codec = av.Codec(name, "r")
            if codec.type == "audio":
                names.add(codec.name)
    return ",".join(sorted(names))


def _duration_ms(container: InputContainer) -> int:
    # An ADTS stream says nothing of its length and FFmpeg guesses it from the bit rate: count instead.
    if container.duration and container.format.name != "aac":
        return round(container.duration / 1000)
    end = Fraction(0)
    total: dict[int, Fraction] = {}
    with contextlib.suppress(av.error.FFmpegError):
        for packet in container.demux():
            length = (packet.duration or 0) * packet.time_base
            total[packet.stream_index] = total.get(packet.stream_index, Fraction(0)) + length
            if packet.pts is not None:
                end = max(end, packet.pts * packet.time_base + length)
    longest = max(total.values(), default=Fraction(0))
    return round(max(end, longest) * 1000)


def _pack_type(container: InputContainer) -> str:
    name = container.format.name
    if name.startswith("mov,"):
        brand = container.metadata.get("major_brand", "").strip()
        return "3GP" if brand.startswith("3g") else _BRANDS.get(brand, "MP4")
    return _PACK_TYPES.get(name, name.split(",")[0].upper())


def _codec_name(name: str) -> str:
    if name.startswith("adpcm"):
        return "ADPCM"
    if name.startswith("pcm"):
        return "PCM"
    return _CODECS.get(name, name.upper())


def error_text(exc: BaseException) -> str:
    """What FFmpeg or the system says of an error, without our file's name."""
    strerror = getattr(exc, "strerror", None)
    return str(strerror or exc)
