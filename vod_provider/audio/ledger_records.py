"""What a ledger has: requests, holders, and changes of both. Plain values; knows no database."""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol


class LedgerError(Exception):
    """The ledger cannot be used; nothing may be asked of VOD without it."""


class State(enum.Enum):
    """How far a request has come."""

    INTENDED = "intended"
    """It is about to leave, or has left, and no answer is known."""
    ACCEPTED = "accepted"
    """VOD has accepted it."""
    ANSWERED = "answered"
    """The engine was told the audio's id, and has not yet shown that it saved it."""


class Key(NamedTuple):
    """Whose request: `owner` is the resource (backend and URN), `fingerprint` stands for what was asked for."""

    owner: str
    fingerprint: str


@dataclass(frozen=True)
class Request:
    """One request for an extraction that no state is known to hold.

    `site` is `Place.site`. `source_known` is what VOD told of the source at that time (title, duration in seconds).
    `asked_at` is in Unix seconds of VOD's clock. `request_id` is VOD's name for the request, '' where no answer came.
    `run` tells the run of the engine that asked, or that last went on with it, from others; '' where that is not known.
    """

    owner: str
    fingerprint: str
    site: str
    account: str | None
    source: str
    format: str
    asked_at: float
    source_known: Mapping[str, Any] = field(default_factory=dict)
    request_id: str = ""
    audio_id: str | None = None
    state: State = State.INTENDED
    run: str = ""

    @property
    def key(self) -> Key:
        """What finds it again."""
        return Key(self.owner, self.fingerprint)


@dataclass(frozen=True)
class Holder:
    """A resource whose saved state has an audio.

    `made_for` is the mark of the owner that the audio was made for (see `mark`): it stays when the resource is renamed;
    '' where the state does not say. `source` and `format`: what it was made from and as; '' where that is not known.
    `adopted`: the audio was there before the resource, and may be somebody else's too.
    `assumed`: `site` is where the stack's default was when the resource was first seen, since its state, of a version
    before, does not say.
    """

    site: str
    audio_id: str
    owner: str
    account: str | None = None
    made_for: str = ""
    source: str = ""
    format: str = ""
    adopted: bool = False
    assumed: bool = False


def mark(owner: str) -> str:
    """A short text that stands for an owner in a resource's outputs."""
    return hashlib.sha256(owner.encode()).hexdigest()[:16]


class Change(NamedTuple):
    """A row that was written (`row`), or deleted (None), by its table and key. What stores exchange."""

    table: str
    key: tuple[str, ...]
    row: Mapping[str, Any] | None


class Store(Protocol):
    """What keeps a ledger's rows where the machines of a team reach them."""

    name: str
    """For messages: where it is, without a credential."""

    def load(self) -> Iterable[Change]:
        """All rows of this stack. Raises LedgerError."""

    def append(self, changes: Sequence[Change]) -> Sequence[Change]:
        """Make the changes durable, and return nothing; or, where another process has written since, its changes.

        Then nothing of `changes` was written, and they are to be made again on top of those. Raises LedgerError.
        """

    def others(self) -> Iterable[Change]:
        """The rows of the other stacks, as they are now. Raises LedgerError."""
