"""What may go wrong at which step of a run, and how often that has happened: a model is worth what it reaches."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

ENOUGH = 20
"""How often every pair of a fault and a step has to happen in a default run."""


class Step(Enum):
    """Where a run is. `LOOK` is a question by id about anything but a source that is about to be extracted."""

    SOURCE = "question about the source"
    EXTRACT = "request for an extraction"
    SEARCH = "search in listings"
    LOOK = "question about the audio"
    DELETE = "deletion"
    UPDATE = "change of metadata"
    PUBLISH = "publication"
    INTEND = "ledger: intend"
    ACCEPT = "ledger: accept"
    ANSWERED = "ledger: answered"
    DROP = "ledger: drop"
    HOLD = "ledger: hold"
    TAKE = "ledger: take"
    RELEASE = "ledger: release"
    SAVE = "save of the state"


VOD = (Step.SOURCE, Step.EXTRACT, Step.SEARCH, Step.LOOK, Step.DELETE, Step.UPDATE, Step.PUBLISH)
LEDGER = (Step.INTEND, Step.ACCEPT, Step.ANSWERED, Step.DROP, Step.HOLD, Step.TAKE, Step.RELEASE)


class Fault(Enum):
    """What goes wrong at a step."""

    KILL = "the process is killed before it"
    KILL_AFTER = "the process is killed after it"
    LOSE_MACHINE = "the machine is lost with its disk"
    CTRL_C = "Ctrl-C"
    CTRL_C_TWICE = "Ctrl-C twice: nothing is saved"
    LATE = "the time is over"
    UNREACHABLE = "nobody listens"
    LOST_BEFORE = "the request gets lost"
    LOST_AFTER = "the answer gets lost"
    SERVER = "500"
    PAGE = "a page in place of the answer"
    QUOTA = "429"
    REFUSED = "403"
    ABSENT = "an empty list, once"
    DISK = "the ledger cannot be written"
    UNSAVED = "the state cannot be saved"
    RENAME = "the video is renamed"
    CLOCK = "this machine's clock is wrong"
    PLACE = "the default place is another one"


AT = {
    Fault.KILL: (*VOD, *LEDGER, Step.SAVE),
    Fault.KILL_AFTER: (*VOD, *LEDGER),
    Fault.LOSE_MACHINE: (*VOD, *LEDGER, Step.SAVE),
    Fault.CTRL_C: (*VOD, *LEDGER, Step.SAVE),
    Fault.CTRL_C_TWICE: (*VOD, *LEDGER, Step.SAVE),
    Fault.LATE: VOD,
    Fault.UNREACHABLE: VOD,
    Fault.LOST_BEFORE: VOD,
    Fault.LOST_AFTER: VOD,
    Fault.SERVER: VOD,
    Fault.PAGE: VOD,
    Fault.QUOTA: VOD,
    Fault.REFUSED: VOD,
    Fault.ABSENT: (Step.SOURCE, Step.SEARCH, Step.LOOK),
    Fault.DISK: LEDGER,
    Fault.UNSAVED: (Step.SAVE,),
    Fault.RENAME: (Step.SOURCE, Step.EXTRACT, Step.SEARCH, Step.LOOK),
    Fault.CLOCK: (*VOD, *LEDGER, Step.SAVE),
    Fault.PLACE: (Step.LOOK, Step.DELETE, Step.UPDATE, Step.SEARCH),
}
"""The steps at which each fault can occur."""

CONDITIONS = frozenset({Fault.CLOCK, Fault.PLACE})
"""What lasts for the whole run: it meets every step of it."""


@dataclass(frozen=True)
class Plan:
    """A fault, and the step at which it is to happen for the `nth` time; 1 is the first."""

    fault: Fault
    step: Step
    nth: int = 1


class Reach:
    """How often each fault met each step. Threads add to it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.counts: Counter[tuple[Fault, Step]] = Counter()

    def met(self, fault: Fault, step: Step) -> None:
        """The fault has happened at this step."""
        with self._lock:
            self.counts[fault, step] += 1

    def lines(self, faults: tuple[Fault, ...]) -> Iterator[str]:
        """One line for each pair that can occur."""
        for fault in faults:
            for step in AT[fault]:
                yield f"{self.counts[fault, step]:5}  {fault.value}, at: {step.value}"

    def too_few(self, fault: Fault) -> list[str]:
        """The pairs of this fault that were not met often enough."""
        return [f"{step.value}: {count}" for step in AT[fault] if (count := self.counts[fault, step]) < ENOUGH]
