"""How long a call that takes ten ids waits for more of them: by how they came until now.

The engine hands out reads and deletes of a large stack in a stream, as slowly as it writes its state: with a thousand
resources in a file, a delete may come every 0.3 s. A call that left meanwhile would waste its places, and deletes
have few calls a minute. But where one comes only after the answer to the other, waiting is for nothing.
"""

from __future__ import annotations

from collections import deque

QUIET_S = 0.3
"""A call leaves when nobody has joined it for this long,"""
GAPS = 3.0
"""or for so many times the longest of the last gaps in the stream,"""
SERIAL_S = 0.05
"""or for this long, where one comes after the other;"""
LONGEST_S = 6.0
"""but at the latest after this."""
_REMEMBERED = 10


class Gathering:
    """Learns from who comes. In times that the caller gives; not safe for threads."""

    def __init__(self) -> None:
        self._last = 0.0
        self._gaps: deque[float] = deque(maxlen=_REMEMBERED)
        self._alone = 0

    def came(self, now: float, *, alone: bool) -> None:
        """One has come; `alone` if all who came before have been answered."""
        if alone:
            self._alone += 1
            self._gaps.clear()
        else:
            self._alone = 0
            self._gaps.append(now - self._last)
        self._last = now

    def until(self, first: float) -> float:
        """When a call leaves that is not full, for whose first id somebody has waited since `first`."""
        quiet = SERIAL_S if self._alone > 1 else max(QUIET_S, GAPS * max(self._gaps, default=0.0))
        return min(self._last + quiet, first + LONGEST_S)
