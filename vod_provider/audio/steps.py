"""The life of an audio in steps, each of which says what it waits for.

So it is written once, and gone by a thread of its own or, with thousands of others, by a few (see `many`). A function
of that kind is a generator: it yields a step, and gets what the step brings, or has it raised.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Generator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from vod_provider.vod.deadline import Deadline

T = TypeVar("T")


class Lane(enum.Enum):
    """Which threads a call is for, where there are few: none of a kind may keep those of the others."""

    ASK = "ask"
    """Asking for an extraction. They leave one at a time."""
    SEARCH = "search"
    """Searching for a lost answer, which may take a minute."""
    CALL = "call"
    """Any other call of VOD."""


class For(enum.Enum):
    """What a wait is for."""

    ANSWER = "answer"
    """An answer that comes within seconds."""
    OTHERS = "others"
    """Something that others do, and that may take as long as it likes."""
    EXTRACTION = "extraction"
    """The extraction, which VOD has accepted."""


@dataclass(frozen=True)
class Wait(Generic[T]):
    """Something that comes by itself. `block` waits for it in this thread; `begin` has a future of it, and holds none.

    `forget` is told of a future that nobody waits for any more.
    """

    block: Callable[[], T]
    begin: Callable[[], Future[T]]
    forget: Callable[[Future[T]], None] = lambda _: None
    for_: For = For.ANSWER

    def here(self) -> T:
        """What it brings, waited for in this thread."""
        return self.block()


@dataclass(frozen=True)
class Call(Generic[T]):
    """A call that holds a thread as long as it takes."""

    lane: Lane
    work: Callable[[], T]

    def here(self) -> T:
        """What it brings, done in this thread."""
        return self.work()


@dataclass(frozen=True)
class Pause:
    """Some seconds that have to pass."""

    seconds: float
    deadline: Deadline

    def here(self) -> None:
        """Let them pass in this thread."""
        self.deadline.sleep(self.seconds)


Step = Wait[Any] | Call[Any] | Pause
Steps = Generator[Step, Any, T]


def here(steps: Steps[T]) -> T:
    """Go all the steps in this thread; returns what they end with, or raises."""
    try:
        step = next(steps)
        while True:
            try:
                brought = step.here()
            except Exception as error:  # noqa: BLE001 - it is the steps' own affair
                step = steps.throw(error)
            else:
                step = steps.send(brought)
    except StopIteration as end:
        result: T = end.value
        return result
