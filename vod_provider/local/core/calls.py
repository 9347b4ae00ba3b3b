"""Which calls arrived and how they were answered: what a test asks at /_local/calls."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field

_KEPT = 100_000
_IDS_KEPT = 500_000


@dataclass(slots=True)
class Call:
    """One call: `time` of arrival in unix seconds, HTTP `status` (0: no answer, or none yet), ids named in it.

    `settled`: no further ids of it are counted.
    """

    time: float
    operation: str
    status: int = 0
    asset_ids: list[str] = field(default_factory=list)
    settled: bool = field(default=False, repr=False)


class Calls:
    """All calls counted, the last ones kept: at most 100,000, and no more than name 500,000 ids together."""

    def __init__(self, kept: int = _KEPT, ids_kept: int = _IDS_KEPT) -> None:
        self._counts: Counter[str] = Counter()
        self._calls: deque[Call] = deque()
        self._kept, self._ids_kept = kept, ids_kept
        self._ids = 0

    def arrived(self, operation: str, now: float) -> Call:
        """Note a call; its status and ids are filled in as they become known."""
        call = Call(now, operation)
        self._counts[operation] += 1
        self._calls.append(call)
        if len(self._calls) > self._kept:
            self._forget_oldest()
        return call

    def named(self, call: Call) -> None:
        """Count the ids that a call has named, each once; old calls go where all together name too many."""
        if call.settled:  # forgotten before it had named them
            return
        call.asset_ids[:] = dict.fromkeys(call.asset_ids)
        self._ids += len(call.asset_ids)
        call.settled = True
        while self._ids > self._ids_kept and self._calls:
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        oldest = self._calls.popleft()
        if oldest.settled:
            self._ids -= len(oldest.asset_ids)
        oldest.settled = True

    def as_json(self, operation: str | None = None) -> dict[str, object]:
        """`{"counts": {...}, "calls": [...]}`, oldest call first; only the calls of that operation if it is given."""
        return {
            "counts": dict(self._counts),
            "calls": [
                {
                    "time": call.time,
                    "operation": call.operation,
                    "status": call.status,
                    "asset_ids": call.asset_ids,
                }
                for call in self._calls
                if operation in {None, call.operation}
            ],
        }

    def clear(self) -> None:
        """Forget all calls."""
        self._counts.clear()
        while self._calls:
            self._forget_oldest()
