"""A sample video, made on the spot: somebody seems to speak, and the picture moves with the voice.

    python -m tools.sample_video FILE [--seconds 30]

MP4 with H.264 and AAC, the same at every run. The voice is the textbook's: pulses of the glottis, and noise for
consonants, through three resonances of the mouth that glide from vowel to vowel, in words with pauses between
them. Pure Python for the samples, FFmpeg (PyAV) for all else.
"""

from __future__ import annotations

import argparse
import math
import random
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av

VOICE_RATE = 16_000
"""Samples a second of the voice as it is computed."""
RATE = 48_000
"""Samples a second in the file."""
FPS = 25
WIDTH, HEIGHT = 640, 360
PEAK = 0.7
"""Highest sample of the voice; 1 is full scale."""

_BLOCK = VOICE_RATE // 200  # the mouth moves every 5 ms
_VOWELS = ((730, 1090, 2440), (530, 1840, 2480), (270, 2290, 3010), (570, 840, 2410), (300, 870, 2240))
_WIDTHS = (80.0, 100.0, 140.0)
"""Bandwidths of the three resonances in Hz. Vowels and widths: Peterson and Barney, 1952 (a man's voice)."""


@dataclass(frozen=True)
class Moment:
    """5 ms of speech: how loud pulses and noise are, the pitch in Hz, and the mouth's resonances in Hz."""

    pulses: float
    noise: float
    pitch: float
    mouth: tuple[float, float, float]


def make(file: Path, seconds: float) -> None:
    """Write the video, all at once."""
    part = file.with_suffix(".part.mp4")
    part.parent.mkdir(parents=True, exist_ok=True)
    voice = speech(seconds)
    with av.open(str(part), "w") as output:
        picture = output.add_stream("libx264", rate=FPS, options={"preset": "veryfast"})
        picture.width, picture.height, picture.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        sound = output.add_stream("aac", rate=RATE, layout="stereo")
        resampler = av.AudioResampler(format="fltp", layout="stereo", rate=RATE)
        step = VOICE_RATE // FPS
        for number in range(math.ceil(len(voice) / step)):
            samples = voice[number * step : (number + 1) * step]
            output.mux(picture.encode(_frame(number, max(map(abs, samples)))))
            for frame in resampler.resample(_sound(number * step, samples)):
                output.mux(sound.encode(frame))
        for frame in resampler.resample(None):
            output.mux(sound.encode(frame))
        output.mux(picture.encode(None))
        output.mux(sound.encode(None))
    part.replace(file)


# -- the voice -----------------------------------------------------------------------------------------------


def speech(seconds: float) -> array[float]:
    """Samples from -PEAK to PEAK, VOICE_RATE a second."""
    chance = random.Random(1)  # noqa: S311 - the same voice at every run
    samples = array("d")
    phase, before = 0.0, [[0.0, 0.0] for _ in _WIDTHS]
    wanted = round(seconds * VOICE_RATE)
    for moment in _talk(chance):
        filters = [_resonance(centre, width) for centre, width in zip(moment.mouth, _WIDTHS, strict=True)]
        for _ in range(_BLOCK):
            phase = (phase + moment.pitch / VOICE_RATE) % 1.0
            # The glottis opens slowly, shuts quickly, and stays shut (Rosenberg, 1971).
            flow = math.sin(math.pi * phase / 0.6) ** 2 if phase < 0.6 else 0.0
            value = moment.pulses * (flow - 0.3) + moment.noise * (chance.random() - 0.5)
            for (gain, near, far), last in zip(filters, before, strict=True):
                value = gain * value + near * last[0] - far * last[1]
                last[1], last[0] = last[0], value
            samples.append(value)
        if len(samples) >= wanted:
            break
    del samples[wanted:]
    typical = math.sqrt(sum(value * value for value in samples) / wanted)
    return array("d", (PEAK * math.tanh(value / (3 * typical)) for value in samples))  # even, as a studio makes it


def _resonance(centre: float, width: float) -> tuple[float, float, float]:
    """Coefficients of a two-pole filter at `centre` Hz that passes constant levels as they are."""
    radius = math.exp(-math.pi * width / VOICE_RATE)
    near, far = 2 * radius * math.cos(2 * math.pi * centre / VOICE_RATE), radius * radius
    return 1 - near + far, near, far


def _talk(chance: random.Random) -> Iterator[Moment]:
    """Phrases for ever: a few words, the pitch falling from first to last, then a pause."""
    mouth = _VOWELS[0]
    while True:
        syllables = chance.randint(5, 11)
        for number in range(syllables):
            vowel = chance.choice(_VOWELS)
            pitch = 135 - 40 * number / syllables + chance.uniform(-8, 8)
            yield from _syllable(chance, mouth, vowel, pitch)
            mouth = vowel
            if chance.random() < 0.4:
                yield from _silence(0.06, mouth)  # between words
        yield from _silence(chance.uniform(0.35, 0.7), mouth)


def _syllable(
    chance: random.Random, start: tuple[int, int, int], end: tuple[int, int, int], pitch: float
) -> Iterator[Moment]:
    consonant, length = round(chance.uniform(6, 14)), round(chance.uniform(22, 44))  # in blocks
    hiss = chance.choice((0.0, 0.5, 1.5))
    for block in range(consonant + length):
        glide = min(1.0, block / (consonant + length / 3))
        first, second, third = (a + (b - a) * glide for a, b in zip(start, end, strict=True))
        voiced = max(0, block - consonant) / length
        pulses = math.sin(math.pi * voiced) ** 0.5 if voiced else 0.05
        noise = hiss * math.sin(math.pi * block / consonant) if block < consonant else 0.02
        yield Moment(pulses, noise, pitch * (1.05 - 0.1 * voiced), (first, second, third))


def _silence(seconds: float, mouth: tuple[int, int, int]) -> Iterator[Moment]:
    for _ in range(round(seconds * VOICE_RATE / _BLOCK)):
        yield Moment(0.0, 0.001, 100.0, mouth)


def _sound(start: int, samples: array[float]) -> av.AudioFrame:
    frame = av.AudioFrame(format="s16", layout="mono", samples=len(samples))
    values = array("h", (round(32767 * value) for value in samples))
    frame.planes[0].update(values.tobytes().ljust(frame.planes[0].buffer_size, b"\0"))
    frame.sample_rate, frame.pts, frame.time_base = VOICE_RATE, start, Fraction(1, VOICE_RATE)
    return frame


# -- the picture ---------------------------------------------------------------------------------------------


def _frame(number: int, level: float) -> av.VideoFrame:
    """Slowly drifting shades, and before them a mouth that is open as wide as the voice is loud."""
    frame = av.VideoFrame(WIDTH, HEIGHT, "yuv420p")
    luma, blue, red = frame.planes
    shades = bytes(round(70 + 30 * math.sin(2 * math.pi * x / WIDTH)) for x in range(WIDTH)) * 2
    half_width, half_height = 110, 6 + round(90 * level / PEAK)
    rows = []
    for y in range(HEIGHT):
        shift = (number * 4 + y) % WIDTH
        row = shades[shift : shift + WIDTH]
        away = abs(y - HEIGHT // 2) / half_height
        if away < 1:
            reach = round(half_width * math.sqrt(1 - away * away))
            row = row[: WIDTH // 2 - reach] + b"\xd0" * (2 * reach) + row[WIDTH // 2 + reach :]
        rows.append(row.ljust(luma.line_size, b"\0"))
    luma.update(b"".join(rows))
    blue.update(bytes([150]) * blue.buffer_size)
    red.update(bytes([110]) * red.buffer_size)
    frame.pts, frame.time_base = number, Fraction(1, FPS)
    return frame


def main() -> None:
    """Write a video."""
    parser = argparse.ArgumentParser(prog="tools.sample_video", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--seconds", type=float, default=30.0)
    options = parser.parse_args()
    make(options.file, options.seconds)


if __name__ == "__main__":
    main()
