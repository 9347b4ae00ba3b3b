"""What a preview says about replacements, which are paid again."""

from __future__ import annotations

import pytest

from vod_provider.plugin.billed_again import BilledAgain


@pytest.mark.parametrize(
    ("noted", "line"),
    [
        ([], ""),
        ([754.4], "1 audio will be extracted again and billed again: 12 min 34 s of sound"),
        ([3600.0, 30.0], "2 audios will be extracted again and billed again: 1 h 30 s of sound"),
        ([0.2], "1 audio will be extracted again and billed again: less than a second of sound"),
        ([None], "1 audio will be extracted again and billed again"),
        (
            [60.0, None, None],
            "3 audios will be extracted again and billed again: 1 min of sound, and 2 more of unknown length",
        ),
    ],
)
def test_the_line(noted: list[float | None], line: str) -> None:
    """How many, and how much sound, as far as that is known."""
    again = BilledAgain()
    for seconds in noted:
        again.note(seconds)
    assert again.line() == line
