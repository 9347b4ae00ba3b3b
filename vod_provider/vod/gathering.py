"""How long a call that takes ten ids waits for more of them: as long as the calls before it make that likely.

The engine hands out reads and deletes of a large stack in a stream that stalls for a moment now and then, while
it writes its state. A call that left at each stall would waste its places, and deletes have few calls a minute;
but where one thing is done after the other nobody will join, and waiting is for nothing.
"""

from __future__ import annotations

from vod_provider.vod.client import IDS_PER_CALL

QUIET_S = 0.25
"""A call leaves when nobody has joined it for this long,"""
ALONE_S = 0.05
"""or for this long, after one that nobody had joined,"""
STREAM_S = 1.0
"""or for this long, after one that was full,"""
LONGEST_S = 3.0
"""but at the latest after this."""


class Gathering:
    """Learns from one call to the next. In times that the caller gives; not safe for threads."""

    def __init__(self) -> None:
        self._quiet = QUIET_S

    def until(self, first: float, last: float) -> float:
        """When a call leaves that is not full: the first id came at `first`, the last one at `last`."""
        return min(last + self._quiet, first + LONGEST_S)

    def left(self, ids: int) -> None:
        """A call has left with so many."""
        if ids >= IDS_PER_CALL:
            self._quiet = STREAM_S
        else:
            self._quiet = ALONE_S if ids == 1 else QUIET_S
