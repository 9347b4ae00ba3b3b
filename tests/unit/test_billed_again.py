"""What a preview says about replacements, which are paid again."""

from __future__ import annotations

import pytest

from vod_provider.plugin.billed_again import Again


@pytest.mark.parametrize(
    ("noted", "line"),
    [
        ([], ""),
        ([754.4], "1 audio is to be extracted again, which is paid again: 12 min 34 s of sound"),
        ([3600.0, 30.0], "2 audios are to be extracted again, which is paid again: 1 h 30 s of sound"),
        ([0.2], "1 audio is to be extracted again, which is paid again: less than a second of sound"),
        ([None], "1 audio is to be extracted again, which is paid again"),
        (
            [60.0, None, None],
            "3 audios are to be extracted again, which is paid again: 1 min of sound, and 2 more of a length that is"
            " not known here",
        ),
    ],
)
def test_the_line(noted: list[float | None], line: str) -> None:
    """How many, and how much sound, as far as that is known."""
    again = Again()
    for seconds in noted:
        again.note(seconds)
    assert again.line() == line
