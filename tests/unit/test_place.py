"""Where an audio is, as text and as a value."""

from __future__ import annotations

import pytest

from vod_provider.audio.place import Place
from vod_provider.config import settings

CONFIG = {
    "vod:endpoint": "https://vod.example.com",
    "vod:projectId": "0123456789abcdef0123456789abcdef",
    "vod:accessKey": "AK",
    "vod:secretKey": "SK",
}


@pytest.mark.parametrize("text", ["https://vod project", "https://vod project team"])
def test_a_place_is_its_text(text: str) -> None:
    """What was written is what is read, with an account and without one."""
    place = Place.parse(text)
    assert place is not None
    assert str(place) == text
    assert place.site == "https://vod project"
    assert place.account == ("team" if text.endswith("team") else None)


@pytest.mark.parametrize("text", [None, 3, "", "https://vod", "https://vod  team", " project", "a b c d"])
def test_anything_else_is_no_place(text: object) -> None:
    """A state of a version before has none, and a broken one is not half believed."""
    assert Place.parse(text) is None


def test_the_stacks_default_is_a_place() -> None:
    """What the inputs leave open, the settings say; and the settings for a place are those of its project."""
    base = settings.load(CONFIG, {})
    place = Place.asked(base, None, None, None)
    assert place == Place(CONFIG["vod:endpoint"], CONFIG["vod:projectId"])
    other = Place.asked(base, None, "f" * 32, None)
    assert (other.endpoint, other.project_id) == (CONFIG["vod:endpoint"], "f" * 32)
    assert other.settings(base).project_id == "f" * 32
    assert other.settings(base).endpoint == CONFIG["vod:endpoint"]
