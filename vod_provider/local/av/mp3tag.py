"""The Xing/LAME tag of an MP3 file: its exact length, and where to seek. Pure bytes, no codec.

LAME's library writes frames and leaves the tag to its caller. Without one a player guesses the length of a
file of variable bit rate from its first frames, and plays the encoder's padding as silence. Layout: the
'Mp3 Info Tag' revision 1 of the LAME project, read by FFmpeg, browsers and players alike.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from vod_provider.local.av.errors import NotMp3Error

_ENCODER_DELAY = 576
_TOC_ENTRIES = 100
_TAG_BYTES = 156  # from 'Xing' to the tag's own checksum
_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
_KBITS_MPEG1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_KBITS_MPEG2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)


def samples_per_frame(rate: int) -> int:
    """1152 from 32 kHz on (MPEG-1), below that 576."""
    return 1152 if rate >= 32000 else 576


def placeholder(rate: int, channels: int) -> bytes:
    """A silent frame, large enough for the tag, that holds the tag's place at the beginning of a file."""
    version = next(version for version, rates in _RATES.items() if rate in rates)
    table = _KBITS_MPEG1 if version == 3 else _KBITS_MPEG2
    mode = 3 if channels == 1 else 1  # mono, joint stereo: as LAME writes the frames that follow
    for index in range(1, len(table)):
        header = bytes((0xFF, 0xE3 | version << 3, index << 4 | _RATES[version].index(rate) << 2, mode << 6))
        size = frame_size(header)
        if size >= _offset(header) + _TAG_BYTES:
            return header + bytes(size - len(header))
    raise NotMp3Error(f"no frame at {rate} Hz is large enough")


def write_tag(path: Path, samples: int) -> None:
    """Fill in the placeholder at the beginning of a file of frames that hold `samples` samples a channel."""
    with path.open("rb") as file:
        header = file.read(4)
        first = frame_size(header)
        positions = array("Q", _frames(file, first))
        size = file.seek(0, os.SEEK_END)
    rate = _RATES[header[1] >> 3 & 3][header[2] >> 2 & 3]
    padding = len(positions) * samples_per_frame(rate) - samples - _ENCODER_DELAY
    tag = bytearray(b"Xing")
    tag += (0xF).to_bytes(4, "big")  # frames, bytes, table and quality follow
    tag += len(positions).to_bytes(4, "big")
    tag += min(size, 0xFFFFFFFF).to_bytes(4, "big")
    tag += _table(positions, size)
    tag += (50).to_bytes(4, "big")
    tag += b"LAME3.100"
    tag += bytes((0x04, 0))  # variable bit rate, no lowpass told
    tag += bytes(8)  # no peak and gain told
    tag += bytes((0, 0))
    tag += (_ENCODER_DELAY << 12 | max(0, min(padding, 0xFFF))).to_bytes(3, "big")
    tag += bytes(4)
    tag += min(size, 0xFFFFFFFF).to_bytes(4, "big")
    tag += bytes(2)  # no checksum of the music
    start = _offset(header)
    before = header + bytes(start - len(header))
    tag += _crc16(before + tag).to_bytes(2, "big")
    with path.open("r+b") as file:
        file.seek(start)
        file.write(tag)


def frame_size(header: bytes) -> int:
    """The bytes of the frame that begins with that header. Raises NotMp3Error."""
    version, layer = header[1] >> 3 & 3, header[1] >> 1 & 3
    bit_rate, rate, padding = header[2] >> 4, header[2] >> 2 & 3, header[2] >> 1 & 1
    if header[0] != 0xFF or header[1] & 0xE0 != 0xE0 or version == 1 or layer != 1 or rate == 3 or bit_rate in (0, 15):
        raise NotMp3Error(f"no frame begins with {header[:4].hex()}")
    if version == 3:
        return 144_000 * _KBITS_MPEG1[bit_rate] // _RATES[version][rate] + padding
    return 72_000 * _KBITS_MPEG2[bit_rate] // _RATES[version][rate] + padding


def _frames(file: BinaryIO, position: int) -> Iterator[int]:
    """Where each frame begins, from that position on."""
    file.seek(position)
    while len(header := file.read(4)) == 4:
        yield position
        size = frame_size(header)
        file.seek(size - 4, os.SEEK_CUR)  # within the buffer this costs no read
        position += size


def _table(positions: Sequence[int], size: int) -> bytes:
    if not positions:
        return bytes(_TOC_ENTRIES)
    marks = (positions[len(positions) * percent // _TOC_ENTRIES] for percent in range(_TOC_ENTRIES))
    return bytes(min(255, mark * 256 // size) for mark in marks)


def _offset(header: bytes) -> int:
    """Where the tag begins in its frame: after the header and the side information."""
    mono = header[3] >> 6 == 3
    if header[1] >> 3 & 3 == 3:
        return 4 + (17 if mono else 32)
    return 4 + (9 if mono else 17)


def _crc16(content: bytes) -> int:
    crc = 0
    for byte in content:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc
