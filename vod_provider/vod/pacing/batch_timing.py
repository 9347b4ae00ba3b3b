"""How long a call that takes ten ids waits for more of them: by how they came until now.

The engine hands out reads and deletes of a large stack in a stream, as slowly as it writes its state: with a thousand
resources in a file, a delete may come every 0.3 s. A call that left meanwhile would waste its places, and deletes
have few calls a minute. But where one comes only after the answer to the other, waiting is for nothing: that shows
when nobody joins for some calls, and is tried again now and then.
"""

from __future__ import annotations

from collections import deque

from vod_provider.vod.client import IDS_PER_CALL

QUIET_S = 0.5
"""A call leaves when nobody has joined it for this long,"""
GAPS = 3.0
"""or for so many times the longest of the last gaps, which is longer in a slow stream,"""
LONGEST_S = 6.0
"""but at the latest after this."""
LONE = 3
"""After so many calls in a row that nobody joined,"""
LONE_S = 0.05
"""a call waits only this long,"""
TRY_S = 1.5
"""except for each tenth, which waits this long."""


class BatchTiming:
    """Learns from one call to the next. In times that the caller gives; not safe for threads."""

    def __init__(self) -> None:
        self._last = 0.0
        self._gaps: deque[float] = deque(maxlen=IDS_PER_CALL)
        self._lone = 0

    def came(self, now: float, *, joins: bool) -> None:
        """One has come who takes a place; `joins` if others wait already for the same call."""
        if joins:
            self._gaps.append(now - self._last)
        self._last = now

    def left(self, asked: int) -> None:
        """A call has left for so many who asked; several may have asked about one id."""
        self._lone = self._lone + 1 if asked == 1 else 0
        if self._lone == LONE:
            self._gaps.clear()

    def until(self, first: float) -> float:
        """When a call leaves that is not full, for whose first id somebody has waited since `first`."""
        if self._lone < LONE:
            quiet = max(QUIET_S, GAPS * max(self._gaps, default=0.0))
        else:
            quiet = LONE_S if self._lone % 10 else TRY_S
        return min(self._last + quiet, first + LONGEST_S)
