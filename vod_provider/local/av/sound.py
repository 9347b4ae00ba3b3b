"""The sound of a media file: decoded and mixed by FFmpeg (PyAV), written as AAC by FFmpeg and as MP3 by LAME.

What FFmpeg's own tool makes of a file is the measure: levels are within 1 dB of it for every codec and layout. As
there, a late start and holes in the sound are closed up.
"""

from __future__ import annotations

import math
import shutil
from array import array
from fractions import Fraction
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import av
import av.error
import lameenc
from av.audio.stream import AudioStream
from av.stream import Discard

from vod_provider.local.av.errors import MediaError
from vod_provider.local.av.media import Facts, opened, probe
from vod_provider.local.av.mp3tag import placeholder, write_tag

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from av.audio.frame import AudioFrame
    from av.container import InputContainer
    from av.packet import Packet

_AAC_FRAME = 1024
_PEAK_RATE = 8000
_PEAKS_PER_SECOND = 20
_MAX_PEAKS = 400
_LAME_VBR_MTRH = 4
_LAME_QUALITY = 4
# The layouts that an AAC decoder knows by number, and for all others the smallest of these that has a place for each
# of their channels. FFmpeg's tool writes others as they are, with a description that many players cannot read.
_AAC_LAYOUTS = {
    "mono": "mono", "stereo": "stereo", "downmix": "stereo", "3.0": "3.0", "4.0": "4.0", "3.0(back)": "4.0",
    "5.0": "5.0", "5.0(side)": "5.0", "quad": "5.0", "quad(side)": "5.0",
    "5.1": "5.1", "5.1(side)": "5.1", "2.1": "5.1", "3.1": "5.1", "4.1": "5.1",
}  # fmt: skip
_LARGEST_AAC_LAYOUT = "7.1"
# What a layout without a name is taken for, by the number of its channels, as FFmpeg does.
_USUAL_LAYOUTS = {1: "mono", 2: "stereo", 3: "2.1", 4: "4.0", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}
_FLOATS = frozenset({"flt", "fltp", "dbl", "dblp"})
_LOWEST_RATE = 1000
LONGEST_SECONDS = 24 * 3600
"""The longest sound that is taken."""
FREE_SPACE = 512 << 20
"""Bytes of the disk that an extraction leaves free."""
LOOK_AT_DISK_BYTES = 4 << 20
"""How much is written between two looks at it."""

_MP3_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
_AAC_RATES = (*_MP3_RATES, 64000, 88200, 96000)


def extract(source: Path, target: Path, audio_format: str) -> Facts:
    """Write the sound of `source` to `target` as 'MP3' or 'AAC' (ADTS) and return the facts of the result.

    Channels and sample rate stay as they are where the format allows. Packets that cannot be decoded
    are left out, as every player does. Raises MediaError if there is no sound to be had.
    """
    with opened(source) as container:
        audio = container.streams.best("audio")
        if not isinstance(audio, AudioStream):
            raise MediaError("the file has no audio stream")
        for stream in container.streams:
            if stream.index != audio.index:
                stream.discard = Discard.all
        _encode(target, audio_format, *_begun(_decoded(container, audio)))
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
    with opened(source) as container:
        audio = container.streams.best("audio")
        if not isinstance(audio, AudioStream):
            raise MediaError("the file has no audio stream")
        convert = partial(
            av.AudioResampler, format="s16", layout="mono", rate=_PEAK_RATE, frame_size=_PEAK_RATE // _PEAKS_PER_SECOND
        )
        for frame in _converted(convert, *_begun(_decoded(container, audio))):
            samples = memoryview(frame.planes[0]).cast("B")[: frame.samples * 2].cast("h")
            blocks.append(max(max(samples), -min(samples)))
    step = max(1, math.ceil(len(blocks) / _MAX_PEAKS))
    return [max(blocks[n : n + step]) * 100 // 32768 for n in range(0, len(blocks), step)]


def wrap(source: Path, target: Path) -> None:
    """Copy raw AAC (ADTS) into an MP4, which tells how long it lasts. Raises MediaError.

    A browser guesses the length of raw AAC from its first frames, and is far off where a quiet part follows.
    """
    with opened(source) as container, av.open(str(target), "w", format="mp4") as output:
        audio = container.streams.best("audio")
        if not isinstance(audio, AudioStream):
            raise MediaError("the file has no audio stream")
        stream = output.add_stream_from_template(audio)
        room = _Room(target)
        for packet in _packets(container, audio):
            if packet.dts is None:  # the end
                continue
            packet.stream = stream
            room.take(packet.size)
            output.mux(packet)


def _decoded(container: InputContainer, audio: AudioStream) -> Iterator[AudioFrame]:
    seconds = 0.0
    for packet in _packets(container, audio):
        try:
            frames = packet.decode()
        except (av.error.InvalidDataError, av.error.PatchWelcomeError):
            continue
        for frame in frames:
            # A few bytes may stand for days of sound, which take a process for hours.
            if frame.sample_rate < _LOWEST_RATE:
                raise MediaError(f"the sound has {frame.sample_rate} samples a second, fewer than {_LOWEST_RATE}")
            seconds += frame.samples / frame.sample_rate
            if seconds > LONGEST_SECONDS:
                raise MediaError(f"the sound is longer than {LONGEST_SECONDS // 3600} hours")
            yield frame


def _packets(container: InputContainer, audio: AudioStream) -> Iterator[Packet[AudioStream]]:
    packets = container.demux(audio)
    while True:
        try:
            packet = next(packets)
        except (StopIteration, av.error.FFmpegError, OSError):
            return  # the file ends or breaks off here; what came before it is its sound
        yield packet


def _begun(frames: Iterator[AudioFrame]) -> tuple[AudioFrame, Iterator[AudioFrame]]:
    first = next(frames, None)
    if first is None:
        raise MediaError("no sound could be decoded from the audio stream")
    return first, frames


def _encode(target: Path, audio_format: str, first: AudioFrame, rest: Iterator[AudioFrame]) -> None:
    channels = len(first.layout.channels)
    if audio_format == "MP3":
        _encode_mp3(target, first, rest, _nearest_rate(first.sample_rate, _MP3_RATES), min(channels, 2))
    else:
        layout = _AAC_LAYOUTS.get(_layout(first), _LARGEST_AAC_LAYOUT)
        _encode_aac(target, first, rest, _nearest_rate(first.sample_rate, _AAC_RATES), layout)


def _layout(frame: AudioFrame) -> str:
    name: str = frame.layout.name
    return _USUAL_LAYOUTS.get(len(frame.layout.channels), name) if name.endswith(" channels") else name


def _encode_mp3(target: Path, first: AudioFrame, rest: Iterator[AudioFrame], rate: int, channels: int) -> None:
    # LAME itself and not FFmpeg's way to it: the one inside PyAV's wheels is built without optimisation and takes
    # 3.3 times the CPU time. So its tag is made here as well (mp3tag). Variable bit rate, about 165 kbit/s for stereo
    # music: with a constant one LAME turns the sound down by 5%.
    encoder = lameenc.Encoder()
    encoder.silence()
    encoder.set_in_sample_rate(rate)
    encoder.set_out_sample_rate(rate)
    encoder.set_channels(channels)
    encoder.set_vbr(_LAME_VBR_MTRH)
    encoder.set_vbr_quality(_LAME_QUALITY)
    layout = "mono" if channels == 1 else "stereo"
    frames: Iterable[AudioFrame]
    if first.format.name in _FLOATS and len(first.layout.channels) > channels:
        # Mixed in whole numbers, all channels are turned down so far that no sum of them can be too large: by 7.7 dB
        # for 5.1. Mixed in floats they keep their level, as with FFmpeg's tool, and what is too loud is limited after.
        mix = partial(av.AudioResampler, format="fltp", layout=layout, rate=rate)
        limit = av.AudioResampler(format="s16", layout=layout, rate=rate)
        mixed = _converted(mix, first, rest)
        frames = (whole for frame in mixed for whole in limit.resample(frame))
    else:
        frames = _converted(partial(av.AudioResampler, format="s16", layout=layout, rate=rate), first, rest)
    samples = 0
    room = _Room(target)
    with target.open("wb") as file:
        file.write(placeholder(rate, channels))
        for frame in frames:
            samples += frame.samples
            encoded = encoder.encode(bytes(memoryview(frame.planes[0])[: frame.samples * channels * 2]))
            room.take(len(encoded))
            file.write(encoded)
        file.write(encoder.flush())
    write_tag(target, samples)


def _encode_aac(target: Path, first: AudioFrame, rest: Iterator[AudioFrame], rate: int, layout: str) -> None:
    convert = partial(av.AudioResampler, format="fltp", layout=layout, rate=rate, frame_size=_AAC_FRAME)
    time_base = Fraction(1, rate)
    position = 0
    room = _Room(target)
    with av.open(str(target), "w", format="adts") as output:
        stream = output.add_stream("aac", rate=rate, layout=layout)
        stream.bit_rate = 64_000 * max(2, len(stream.layout.channels))
        for frame in _converted(convert, first, rest):
            frame.pts, frame.time_base = position, time_base
            position += frame.samples
            packets = stream.encode(frame)
            room.take(sum(packet.size for packet in packets))
            output.mux(packets)
        output.mux(stream.encode(None))


class _Room:
    """The disk that a file is written to: a small file may have a day of sound in it, which is large."""

    def __init__(self, target: Path) -> None:
        self._folder = target.parent
        self._unseen = 0

    def take(self, size: int) -> None:
        """Raise MediaError if so many more bytes leave too little of the disk; looked at now and then."""
        self._unseen += size
        if self._unseen > LOOK_AT_DISK_BYTES:
            self._unseen = 0
            if shutil.disk_usage(self._folder).free < FREE_SPACE:
                raise MediaError(f"less than {FREE_SPACE >> 20} MiB would be left on the disk")


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
