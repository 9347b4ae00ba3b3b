"""The videos of the local VOD's tests."""

from __future__ import annotations

from tests.local.conftest import mute_video, video

__all__ = ["mute_video", "video"]
