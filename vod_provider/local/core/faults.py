"""Faults that a test injects at /_local/faults: which, for which calls, and what they do."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import Literal

from vod_provider.local.core.errors import DOCUMENTED, FaultError
from vod_provider.local.core.text import is_text

Drop = Literal["before", "middle", "after"]
_DROPS: tuple[Drop, ...] = ("before", "middle", "after")
_ALIASES = {"CreateExtractAudioTask": "ExtractAudio", "CancelExtractAudioTask": "CancelExtractAudio"}
_MAX_DELAY_SECONDS = 3600
_MAX_TIMES = 1_000_000_000
MOST_FAULTS = 10_000
"""How many may wait to be used."""


@dataclass
class Fault:
    """One fault, used `times` times.

    `drop` 'before': the connection ends and no work is done; 'middle': work done, half of the answer sent;
    'after': work done, no answer. `status` (without a drop): that answer, no work done. `body`: raw text in
    place of the JSON; without `status` the work is done. `delay_s`: the answer (or the drop) waits that long,
    after the work if there is any.
    """

    operation: str
    times: int = 1
    status: int | None = None
    error_code: str | None = None
    delay_s: float = 0
    drop: Drop | None = None
    body: str | None = None

    @property
    def prevents_work(self) -> bool:
        """Whether the call is answered, or dropped, without being done."""
        return self.drop == "before" or (self.drop is None and self.status is not None)


def parse_faults(given: object, operations: Collection[str]) -> list[Fault]:
    """The faults in decoded JSON: one object or a list of them. Raises FaultError."""
    items = given if isinstance(given, list) else [given]
    return [_fault(item, index, operations) for index, item in enumerate(items)]


def _fault(item: object, index: int, operations: Collection[str]) -> Fault:
    def check(condition: bool, field: str, what: str) -> None:
        if not condition:
            raise FaultError(f"fault {index}: {field}: {what}")

    check(isinstance(item, dict), "", "an object")
    values: dict[str, object] = dict(item) if isinstance(item, dict) else {}
    unknown = sorted(set(values) - set(Fault.__dataclass_fields__))
    check(not unknown, ", ".join(unknown), f"unknown; known are {', '.join(Fault.__dataclass_fields__)}")

    name = values.get("operation")
    operation = _ALIASES.get(name, name) if isinstance(name, str) else None
    known = ", ".join(sorted(operations))
    check(operation == "*" or operation in operations, "operation", f"'*' or one of {known}")
    times = values.get("times", 1)
    check(_is_int(times) and 1 <= times <= _MAX_TIMES, "times", "an integer from 1")  # type: ignore[operator]
    status = values.get("status")
    check(
        status is None or (_is_int(status) and 200 <= status <= 599),  # type: ignore[operator]
        "status",
        "an HTTP status from 200 to 599",
    )
    delay = values.get("delay_s", 0)
    check(
        isinstance(delay, int | float) and not isinstance(delay, bool) and 0 <= delay <= _MAX_DELAY_SECONDS,
        "delay_s",
        f"seconds from 0 to {_MAX_DELAY_SECONDS}",
    )
    drop = values.get("drop")
    check(drop is None or drop in _DROPS, "drop", "'before', 'middle' or 'after'")
    for field in ("error_code", "body"):
        check(values.get(field) is None or is_text(values[field]), field, "a string")
    code = values.get("error_code")
    if code is not None and status is None:
        check(code in DOCUMENTED, "error_code", "one that is documented, or together with a status")
        status = DOCUMENTED[str(code)][0]
    return Fault(**{**values, "operation": operation, "status": status})  # type: ignore[arg-type]


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


class Faults:
    """The faults that are still to be used, in order."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, faults: list[Fault]) -> None:
        """Put faults behind those that are there. Raises FaultError if they are too many."""
        if len(self._faults) + len(faults) > MOST_FAULTS:
            raise FaultError(f"more than {MOST_FAULTS} faults would wait; give `times` for one that is used often")
        self._faults.extend(faults)

    def take(self, operation: str) -> Fault | None:
        """Use the first fault that is meant for the operation, if there is one."""
        for fault in self._faults:
            if fault.operation in ("*", operation):
                fault.times -= 1
                if fault.times == 0:
                    self._faults.remove(fault)
                return fault
        return None

    def as_json(self) -> list[dict[str, object]]:
        """What is still to be used."""
        return [asdict(fault) for fault in self._faults]

    def clear(self) -> None:
        """Forget all faults."""
        self._faults.clear()
