"""Which calls arrived and how they were answered: what a test asks at /_local/calls."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field

_KEPT = 100_000


@dataclass(slots=True)
class Call:
    """One call: `time` of arrival in unix seconds, HTTP `status` (0: no answer, or none yet), ids named in it."""

    time: float
    operation: str
    status: int = 0
    asset_ids: list[str] = field(default_factory=list)


class Calls:
    """All calls counted, the last 100,000 of them kept."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._calls: deque[Call] = deque(maxlen=_KEPT)

    def arrived(self, operation: str, now: float) -> Call:
        """Note a call; its status and ids are filled in as they become known."""
        call = Call(now, operation)
        self._counts[operation] += 1
        self._calls.append(call)
        return call

    def as_json(self) -> dict[str, object]:
        """`{"counts": {...}, "calls": [...]}`, oldest call first."""
        return {
            "counts": dict(self._counts),
            "calls": [
                {
                    "time": call.time,
                    "operation": call.operation,
                    "status": call.status,
                    "asset_ids": list(dict.fromkeys(call.asset_ids)),
                }
                for call in self._calls
            ],
        }

    def clear(self) -> None:
        """Forget all calls."""
        self._counts.clear()
        self._calls.clear()
