"""What a status means, for whoever waits for an asset and for whoever holds it."""

from __future__ import annotations

import pytest

from vod_provider.vod.assets import CONDITIONS, OUTCOMES, Asset, Condition, Outcome, status_of

URL = "https://media/a.mp3"

MEANINGS = [
    # status, has it a file, for whoever waits, for whoever holds
    ("CREATING", False, Outcome.PENDING, Condition.UNFINISHED),
    ("CREATED", True, Outcome.READY, Condition.WELL),
    ("PUBLISHED", True, Outcome.READY, Condition.WELL),
    ("TRANSCODING", False, Outcome.PENDING, Condition.UNFINISHED),
    ("TRANSCODING", True, Outcome.PENDING, Condition.WELL),
    ("TRANSCODE_SUCCEED", True, Outcome.READY, Condition.WELL),
    ("TRANSCODE_FAILED", True, Outcome.READY, Condition.WELL),
    ("TRANSCODE_FAILED", False, Outcome.FAILED, Condition.UNFINISHED),
    ("DELETE_FAILED", True, Outcome.FAILED, Condition.WELL),
    ("DELETING", True, Outcome.PENDING, Condition.WELL),
    ("SERVER_ERROR", False, Outcome.FAILED, Condition.BROKEN),
    ("SERVER_ERROR", True, Outcome.FAILED, Condition.BROKEN),
    ("CANCELLED", False, Outcome.FAILED, Condition.BROKEN),
    ("DELETED", False, Outcome.GONE, Condition.GONE),
    ("NO_ASSET", False, Outcome.GONE, Condition.GONE),
    ("SOMETHING_NEW", False, Outcome.PENDING, Condition.UNFINISHED),
    ("SOMETHING_NEW", True, Outcome.PENDING, Condition.WELL),
]


@pytest.mark.parametrize(("status", "has_file", "outcome", "condition"), MEANINGS)
def test_two_questions_have_two_answers(status: str, has_file: bool, outcome: Outcome, condition: Condition) -> None:
    """An extraction that waits for a status may be held in it, and only broken and gone ones are to be replaced."""
    asset = Asset("a", status, url=URL if has_file else None)
    assert (asset.outcome, asset.condition) == (outcome, condition)


@pytest.mark.parametrize("status", sorted(OUTCOMES))
def test_what_is_gone_is_gone_for_both(status: str) -> None:
    """No status is gone for whoever waits and there for whoever holds, or the other way round."""
    gone = OUTCOMES[status] is Outcome.GONE
    assert gone is (CONDITIONS.get(status) is Condition.GONE)


@pytest.mark.parametrize(
    ("said", "description", "status"),
    [
        ("NO_ASSET", "", "NO_ASSET"),
        ("NOASSET", "", "NO_ASSET"),
        (" UNCREATED", "no asset", "NO_ASSET"),
        ("UNCREATED", "The media ID does not exist.", "NO_ASSET"),
        ("UNCREATED", "", "UNCREATED"),
        ("CREATED", "no asset", "CREATED"),
        (" created ", "", "CREATED"),
    ],
)
def test_absence_has_several_spellings(said: str, description: str, status: str) -> None:
    """Models and examples of the API reference contradict each other."""
    assert status_of(said, description) == status
