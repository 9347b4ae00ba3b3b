"""Quotas: so many calls of one operation within any 60 seconds, per project."""

from __future__ import annotations

from collections import deque

from vod_provider.local.core.errors import throttled

WINDOW_SECONDS = 60.0


class Quotas:
    """Counts the calls that were let through; times are seconds of one clock."""

    def __init__(self) -> None:
        self._windows: dict[tuple[str, str], deque[float]] = {}

    def admit(self, project: str, operation: str, limit: int, now: float) -> None:
        """Let a call through, or raise 429 APIGW.0308; `limit` 0 lets everything through."""
        if limit <= 0:
            return
        window = self._windows.setdefault((project, operation), deque())
        while window and window[0] <= now - WINDOW_SECONDS:
            window.popleft()
        if len(window) >= limit:
            raise throttled(limit)
        window.append(now)

    def clear(self) -> None:
        """Forget all calls."""
        self._windows.clear()
