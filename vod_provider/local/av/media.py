"""PyAV (and LAME): a media file in, an audio file and facts out. Knows files and codecs, nothing else."""

from __future__ import annotations

import contextlib
import math
from array import array
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import av.error
import lameenc
from av.audio.stream import AudioStream
from av.stream import Discard

from vod_provider.local.av.mp3tag import placeholder, write_tag

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from av.audio.frame import AudioFrame
    from av.container import InputContainer

# Only containers that hold the media themselves. Playlists (HLS, DASH, concat) name other files and
# addresses, which FFmpeg would open for whoever uploads one.
_CONTAINERS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,mpegts,mpeg,flv,live_flv,avi,asf,mxf,ogg,wav,w64,mp3,aac,ac3,eac3,"
    "flac,ape,amr,wv,mmf,aiff,caf,mpegvideo"
)
_MAX_STREAMS = 64
_OPEN_OPTIONS = {"format_whitelist": _CONTAINERS, "protocol_whitelist": "file", "max_streams": str(_MAX_STREAMS)}
# FFmpeg decodes a picture of each video to find out what it is. 8192 x 4352 is the largest that H.264 and H.265 know;
# 40 streams of larger ones took 6 GB and 36 s, now 0.9 GB and 0.5 s.
_STREAM_OPTIONS: list[Any] = [{"max_pixels": str(8192 * 4352)}] * _MAX_STREAMS  # PyAV's types wrongly say strings
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
_AAC_FRAME = 1024
_PEAK_RATE = 8000
_PEAKS_PER_SECOND = 20
_MAX_PEAKS = 400
_LAME_VBR_MTRH = 4
_LAME_QUALITY = 4
_AAC_LAYOUTS = {1: "mono", 2: "stereo", 3: "3.0", 4: "4.0", 5: "5.0", 6: "5.1", 8: "7.1"}


class MediaError(Exception):
    """A file that cannot be read as media, or an extraction that cannot be done; the text says why."""


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


_MP3_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
_AAC_RATES = (*_MP3_RATES, 64000, 88200, 96000)


def probe(source: Path) -> Facts:
    """The facts of a file. Raises MediaError if it is no media, or has neither picture nor sound."""
    with _opened(source) as container:
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


def extract(source: Path, target: Path, audio_format: str) -> Facts:
    """Write the sound of `source` to `target` as 'MP3' or 'AAC' (ADTS) and return the facts of the result.

    Channels and sample rate stay as they are where the format allows. Packets that cannot be decoded
    are left out, as every player does. Raises MediaError if there is no sound to be had.
    """
    with _opened(source) as container:
        audio = container.streams.best("audio")
        if not isinstance(audio, AudioStream):
            raise MediaError("the file has no audio stream")
        for stream in container.streams:
            if stream.index != audio.index:
                stream.discard = Discard.all
        frames = _decoded(container, audio)
        first = next(frames, None)
        if first is None:
            raise MediaError("no sound could be decoded from the audio stream")
        _encode(target, audio_format, first, frames)
    return probe(target)


def make_tone(target: Path, audio_format: str, seconds: int = 1) -> Facts:
    """Write a short real audio file, a soft tone, and return its facts."""
    rate = 44100
    wave = array("h", (round(3000 * math.sin(2 * math.pi * 440 * n / rate)) for n in range(rate * seconds)))
    frame = av.AudioFrame(format="s16", layout="mono", samples=len(wave))
    frame.planes[0].update(wave.tobytes())
    frame.sample_rate = rate
    _encode(target, audio_format, frame, iter(()))
    return probe(target)


def peaks(source: Path) -> list[int]:
    """The outline of a file's sound: at most 400 peaks from 0 to 100, over its whole length."""
    blocks: list[int] = []
    with _opened(source) as container:
        audio = container.streams.best("audio")
        if not isinstance(audio, AudioStream):
            raise MediaError("the file has no audio stream")
        frames = _decoded(container, audio)
        first = next(frames, None)
        if first is None:
            raise MediaError("no sound could be decoded from the audio stream")
        convert = partial(
            av.AudioResampler, format="s16", layout="mono", rate=_PEAK_RATE, frame_size=_PEAK_RATE // _PEAKS_PER_SECOND
        )
        for frame in _converted(convert, first, frames):
            samples = memoryview(frame.planes[0]).cast("B")[: frame.samples * 2].cast("h")
            blocks.append(max(max(samples), -min(samples)))
    step = max(1, math.ceil(len(blocks) / _MAX_PEAKS))
    return [max(blocks[n : n + step]) * 100 // 32768 for n in range(0, len(blocks), step)]


def _opened(source: Path) -> InputContainer:
    if source.stat().st_size == 0:
        raise MediaError("the file is empty")
    try:
        try:
            container = _open(source, list(_STREAM_OPTIONS))
        except ValueError:  # formats that tell their streams only as they are read take no options for them
            container = _open(source, None)
    except (av.error.FFmpegError, ValueError, OSError) as exc:
        raise MediaError(f"the file cannot be read as audio or video: {error_text(exc)}") from exc
    return container


def _open(source: Path, stream_options: list[Any] | None) -> InputContainer:
    options = {"container_options": dict(_OPEN_OPTIONS), "stream_options": stream_options, **_TOLERANT}
    container: InputContainer = av.open(str(source), "r", **options)
    return container


def _decoded(container: InputContainer, audio: AudioStream) -> Iterator[AudioFrame]:
    packets = container.demux(audio)
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except (av.error.FFmpegError, OSError):
            return  # the file breaks off here; what came before it is its sound
        try:
            yield from packet.decode()
        except (av.error.InvalidDataError, av.error.PatchWelcomeError):
            continue


def _encode(target: Path, audio_format: str, first: AudioFrame, rest: Iterator[AudioFrame]) -> None:
    channels = len(first.layout.channels)
    if audio_format == "MP3":
        _encode_mp3(target, first, rest, _nearest_rate(first.sample_rate, _MP3_RATES), min(channels, 2))
    else:
        layout = _AAC_LAYOUTS.get(channels, "stereo")
        _encode_aac(target, first, rest, _nearest_rate(first.sample_rate, _AAC_RATES), layout)


def _encode_mp3(target: Path, first: AudioFrame, rest: Iterator[AudioFrame], rate: int, channels: int) -> None:
    # LAME itself and not FFmpeg's way to it: the one inside PyAV's wheels is built without optimisation
    # and takes four times as long. Variable bit rate, about 165 kbit/s for stereo music: with a constant
    # one LAME turns the sound down by 5%.
    encoder = lameenc.Encoder()
    encoder.silence()
    encoder.set_in_sample_rate(rate)
    encoder.set_out_sample_rate(rate)
    encoder.set_channels(channels)
    encoder.set_vbr(_LAME_VBR_MTRH)
    encoder.set_vbr_quality(_LAME_QUALITY)
    convert = partial(av.AudioResampler, format="s16", layout="mono" if channels == 1 else "stereo", rate=rate)
    samples = 0
    with target.open("wb") as file:
        file.write(placeholder(rate, channels))
        for frame in _converted(convert, first, rest):
            samples += frame.samples
            file.write(encoder.encode(bytes(memoryview(frame.planes[0])[: frame.samples * channels * 2])))
        file.write(encoder.flush())
    write_tag(target, samples)


def _encode_aac(target: Path, first: AudioFrame, rest: Iterator[AudioFrame], rate: int, layout: str) -> None:
    convert = partial(av.AudioResampler, format="fltp", layout=layout, rate=rate, frame_size=_AAC_FRAME)
    time_base = Fraction(1, rate)
    position = 0
    with av.open(str(target), "w", format="adts") as output:
        stream = output.add_stream("aac", rate=rate, layout=layout)
        stream.bit_rate = 64_000 * max(2, len(stream.layout.channels))
        for frame in _converted(convert, first, rest):
            frame.pts, frame.time_base = position, time_base
            position += frame.samples
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))


def _converted(
    resampler: Callable[[], av.AudioResampler], first: AudioFrame, rest: Iterator[AudioFrame]
) -> Iterator[AudioFrame]:
    convert, shape = resampler(), _shape(first)
    for frame in chain((first,), rest):
        if _shape(frame) != shape:  # the sound changes its rate or channels midway
            yield from convert.resample(None)
            convert, shape = resampler(), _shape(frame)
        frame.pts = None
        yield from convert.resample(frame)
    yield from convert.resample(None)


def _shape(frame: AudioFrame) -> tuple[str, str, int]:
    return frame.format.name, frame.layout.name, frame.sample_rate


def _nearest_rate(rate: int, rates: tuple[int, ...]) -> int:
    return next((candidate for candidate in rates if candidate >= rate), rates[-1])


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
