"""Media made on the spot: small videos whose sound is speech-like, and files that are broken on purpose."""

from __future__ import annotations

import math
import random
from array import array
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
from av.audio.stream import AudioStream
from av.video.stream import VideoStream

_FPS = 10


def make_video(
    path: Path,
    *,
    seconds: float = 2,
    rate: int = 48000,
    layout: str = "stereo",
    audio_codec: str | None = "aac",
    video_codec: str | None = "libx264",
    only: str | None = None,
) -> Path:
    """Write a video of grey pictures and a warbling, pulsing tone; None as a codec leaves that stream out.

    `only` names the one channel that has the tone, such as FC for the centre; by default all have.
    """
    with av.open(str(path), "w") as output:
        video = audio = None
        if video_codec:
            video = cast("VideoStream", output.add_stream(video_codec, rate=_FPS))
            video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        if audio_codec:
            audio = cast("AudioStream", output.add_stream(audio_codec, rate=rate, layout=layout))
        sounding = [only in {None, channel.name} for channel in av.AudioLayout(layout).channels]
        for index in range(round(seconds * _FPS)):
            if video is not None:
                output.mux(video.encode(_picture(index)))
            if audio is not None:
                output.mux(audio.encode(_sound(index * rate // _FPS, rate // _FPS, rate, layout, sounding)))
        if video is not None:
            output.mux(video.encode(None))
        if audio is not None:
            output.mux(audio.encode(None))
    return path


def make_loud_then_quiet(path: Path, loud: int, seconds: int, rate: int = 16000) -> Path:
    """Write noise that after `loud` seconds is silent: as raw AAC, its frames are large first and small then."""
    noise = random.Random(1)
    with av.open(str(path), "w") as output:
        audio = output.add_stream("aac", rate=rate, layout="mono")
        for second in range(seconds):
            level = 12000 if second < loud else 0
            frame = av.AudioFrame(format="s16", layout="mono", samples=rate)
            frame.planes[0].update(array("h", (noise.randint(-level, level) for _ in range(rate))).tobytes())
            frame.sample_rate, frame.pts, frame.time_base = rate, second * rate, Fraction(1, rate)
            output.mux(audio.encode(frame))
        output.mux(audio.encode(None))
    return path


def _picture(index: int) -> av.VideoFrame:
    frame = av.VideoFrame(64, 48, "yuv420p")
    for plane in frame.planes:
        plane.update(bytes([index * 5 % 256]) * plane.buffer_size)
    frame.pts, frame.time_base = index, Fraction(1, _FPS)
    return frame


def _sound(start: int, count: int, rate: int, layout: str, sounding: list[bool]) -> av.AudioFrame:
    samples = array("h")
    for n in range(start, start + count):
        t = n / rate
        level = 0.5 + 0.5 * math.sin(2 * math.pi * 4 * t)
        value = round(9000 * level * math.sin(2 * math.pi * (220 * t + 3 * math.sin(2 * math.pi * t))))
        samples.extend(value if it else 0 for it in sounding)
    frame = av.AudioFrame(format="s16", layout=layout, samples=count)
    frame.planes[0].update(samples.tobytes())
    frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
    return frame


def heard(path: Path | str) -> tuple[float, float, int]:
    """Decode a file's sound: seconds, loudness in dB (RMS of the first channel), number of channels."""
    samples, energy, rate, channels = 0, 0.0, 1, 0
    convert = av.AudioResampler(format="fltp")
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            samples, rate, channels = samples + frame.samples, frame.sample_rate, len(frame.layout.channels)
            for part in convert.resample(frame):
                values = array("f", bytes(part.planes[0])[: part.samples * 4])
                energy += sum(value * value for value in values)
    return samples / rate, 10 * math.log10(energy / samples), channels
