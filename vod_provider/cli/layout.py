"""Plain text for people: tables that fit a terminal, ages, durations. Pure.

What VOD and others say is shown in it, so nothing is taken for what it looks like: Chinese characters are two
columns wide, and control characters, which a terminal would obey, are replaced.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

WIDTH = 100
"""Columns that all text fits into."""
_GAP = "  "
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}


def clean(text: str) -> str:
    """The text in one line, without what a terminal would obey."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in " ".join(text.split()))


def columns(text: str) -> int:
    """How wide a terminal shows the text."""
    return sum(map(_columns, text))


def _columns(letter: str) -> int:
    if unicodedata.combining(letter):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def clip(text: str, room: int) -> str:
    """The text, or as much of it as fits, with '...' at its end."""
    return text if columns(text) <= room else _head(text, room - 3) + "..."


def _head(text: str, room: int) -> str:
    end = 0
    for letter in text:
        room -= _columns(letter)
        if room < 0:
            break
        end += 1
    return text[:end]


def wrap(text: str, room: int) -> list[str]:
    """The text in lines of at most `room` columns; a word that is longer is broken."""
    lines = [""]
    for word in text.split():
        rest = word
        if lines[-1] and columns(lines[-1]) + 1 + columns(rest) > room:
            lines.append("")
        while columns(rest) > room:
            head = _head(rest, room) or rest[0]
            lines[-1:] = [head, ""]
            rest = rest[len(head) :]
        lines[-1] = f"{lines[-1]} {rest}" if lines[-1] else rest
    return lines if lines[-1] or len(lines) == 1 else lines[:-1]


def paragraph(text: str, indent: str = "") -> list[str]:
    """The text in lines of WIDTH."""
    return [indent + line for line in wrap(text, WIDTH - len(indent))]


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, right: frozenset[int] = frozenset()) -> list[str]:
    """Rows below their heads. The last column gets what room is left, and is clipped; `right` are set flush right."""
    lines = [head, *rows]
    widths = [max(columns(row[index]) for row in lines) for index in range(len(head) - 1)]
    room = WIDTH - sum(widths) - len(_GAP) * len(widths)
    return [_line(row, widths, right) + clip(row[-1], room) for row in lines]


def _line(row: Sequence[str], widths: Sequence[int], right: frozenset[int]) -> str:
    parts = []
    for index, width in enumerate(widths):
        blank = " " * (width - columns(row[index]))
        parts.append(blank + row[index] if index in right else row[index] + blank)
    return _GAP.join([*parts, ""])


def age(seconds: float | None) -> str:
    """An age in its largest whole unit."""
    if seconds is None:
        return "?"
    for unit, name in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= unit:
            return f"{int(seconds // unit)} {name}"
    return f"{max(0, int(seconds))} s"


def duration(seconds: float | None) -> str:
    """A duration as h:mm:ss; '-' where it is not known."""
    if seconds is None:
        return "-"
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


def seconds(text: str) -> float:
    """'90s', '30m', '1h', '2d', '1w' or '1h30m' in seconds. Raises ValueError for anything else."""
    if not re.fullmatch(r"(\d+[smhdw])+", text):
        raise ValueError(f"{text!r} is no time: expected a number and its unit, as 90s, 30m, 1h, 2d or 1w")
    return sum(float(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+)([smhdw])", text))


def count(number: int, noun: str) -> str:
    """'1 audio', '2 audios'."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
