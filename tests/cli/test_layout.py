"""Text for people fits a terminal, whatever is in it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vod_provider.cli import layout


@pytest.mark.parametrize(
    ("shown", "width"), [("abc", 3), ("媒体", 4), ("e\u0301", 1), ("", 0), ("\uff41", 2), ("한국", 4)]
)
def test_columns(shown: str, width: int) -> None:
    """Chinese and Korean take two columns a character, and accents that stand for themselves none."""
    assert layout.columns(shown) == width


@given(st.text(), st.integers(min_value=2, max_value=60))
def test_wrapped_lines_fit_and_lose_nothing(shown: str, room: int) -> None:
    """Every line fits, and together they are the words of the text."""
    lines = layout.wrap(shown, room)
    assert all(layout.columns(line) <= room for line in lines)
    assert "".join("".join(lines).split()) == "".join(shown.split())


@given(st.text(), st.integers(min_value=3, max_value=60))
def test_clipped_text_fits(shown: str, room: int) -> None:
    """What is too long ends in three dots, and the rest stays as it is."""
    clipped = layout.clip(shown, room)
    assert layout.columns(clipped) <= room
    assert clipped == shown or clipped.endswith("...")
    assert (clipped == shown) == (layout.columns(shown) <= room)


def test_what_a_terminal_would_obey_is_replaced() -> None:
    """A title cannot clear the screen, end a line or hide what stands before it."""
    assert layout.clean("a\x1b[2Jb\r\nc\u202ed\t e") == "a\ufffd[2Jb c\ufffdd e"


def test_a_table_is_aligned_by_columns() -> None:
    """Heads and cells stand below each other, numbers flush right, and the last column is clipped at the edge."""
    lines = layout.table(("ID", "N", "TITLE"), [("媒", "1", "x" * 200), ("ab", "100", "short")], right=frozenset({1}))
    assert lines[0] == "ID    N  TITLE"
    assert lines[1].startswith("媒    1  xxx")
    assert lines[1].endswith("...")
    assert layout.columns(lines[1]) == layout.WIDTH
    assert lines[2] == "ab  100  short"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(None, "?"), (-3, "0 s"), (0, "0 s"), (59.9, "59 s"), (60, "1 min"), (7199, "1 h"), (86400 * 400, "400 d")],
)
def test_age(seconds: float | None, shown: str) -> None:
    """An age is told in its largest whole unit; one of the future, by a clock that is off, is none."""
    assert layout.age(seconds) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"), [(None, "-"), (0.4, "0:00:00"), (61.5, "0:01:02"), (3600 * 30 + 59, "30:00:59")]
)
def test_duration(seconds: float | None, shown: str) -> None:
    """Hours, minutes and seconds; an unknown duration is not 0."""
    assert layout.duration(seconds) == shown


@pytest.mark.parametrize(
    ("given", "seconds"), [("0s", 0), ("90s", 90), ("30m", 1800), ("1h30m", 5400), ("2d", 172800), ("1w", 604800)]
)
def test_seconds(given: str, seconds: float) -> None:
    """A number and its unit, or several of them."""
    assert layout.seconds(given) == seconds


@pytest.mark.parametrize("given", ["", "1", "h", "1 h", "-1h", "1.5h", "1y", "1h2"])
def test_what_is_no_time(given: str) -> None:
    """A number without its unit is refused, rather than taken for seconds or hours."""
    with pytest.raises(ValueError, match="no time"):
        layout.seconds(given)
