"""What a ledger has: requests, holders, and changes of both. Plain values; knows no database."""

from __future__ import annotations

import enum
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Protocol

SET = ":ExtractedAudioSet::"
"""What stands in the URN of a set of audios, whichever its type."""


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

    def is_of(self, holder: Holder) -> bool:
        """Whether it is the holder's, perhaps of its former name; else it is somebody's who has adopted the audio.

        States of the versions before do not say for whom an audio was made; a rename stays within the stack.
        """
        if holder.made_for:
            is_former = mark(self.owner) == holder.made_for
        else:
            is_former = stack_of(self.owner) == stack_of(holder.owner)
        return self.owner == holder.owner or (is_former and not holder.adopted)

    def beside(self) -> Request:
        """The same with a key that nobody asks for, since its own is another request's."""
        return replace(self, fingerprint=f"{self.fingerprint} {self.audio_id}")


@dataclass(frozen=True)
class Holder:
    """A resource whose saved state has an audio.

    `made_for` is the mark of the owner that the audio was made for (see `mark`): it stays when the resource is renamed;
    '' where the state does not say. `source` and `format`: what it was made from and as; '' where that is not known.
    `fingerprint` stands for all that was asked for, as in `Key`; '' where that is not known.
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
    fingerprint: str = ""

    def is_same(self, other: Holder) -> bool:
        """Whether both are one resource under two names: audios that were made, not adopted, have one holder."""
        is_likely = not self.made_for or not other.made_for or self.made_for == other.made_for
        return is_likely and not self.adopted and not other.adopted


def mark(owner: str) -> str:
    """A short text that stands for an owner in a resource's outputs."""
    base, key = entry_of(owner)
    return _hash(owner) if key is None else mark_of_entry(mark(base), key)


def mark_of_entry(base: str, key: str) -> str:
    """The mark of an entry of a set that has the mark `base`: so a set need keep only its own."""
    return _hash(f"{base}[{json.dumps(key)}]")


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def owner_of_entry(owner: str, key: str) -> str:
    """The owner of one audio of a set: that of the set, and the key as Pulumi shows it, 'archive["talk-17"]'.

    '' where the host does not say which resource the set is. `entry_of` is its inverse.
    """
    return f"{owner}[{json.dumps(key)}]" if owner else ""


def entry_of(owner: str) -> tuple[str, str | None]:
    """The set's owner and the key in it, of the owner of an entry; anybody else, and None."""
    # Within the key JSON has a backslash before each quote, so the last '["' is where the key begins.
    base, found, rest = owner.rpartition('["')
    if found and rest.endswith('"]') and SET in base:
        with suppress(ValueError):
            key: str = json.loads(f'"{rest[:-1]}')
            if owner_of_entry(base, key) == owner:
                return base, key
    return owner, None


def name_of(owner: str) -> str:
    """The name of a resource, of an owner or a URN; of an entry, with its key."""
    parts = owner.partition("urn:pulumi:")[2].split("::", 3)
    return parts[3] if len(parts) == 4 else owner.rpartition("::")[2]


def stack_of(owner: str) -> str:
    """What the owners of the stack begin with, 'BACKEND urn:pulumi:STACK::PROJECT::'."""
    return "".join(f"{part}::" for part in owner.split("::")[:2])


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

    def append_to(self, stack: str, changes: Sequence[Change]) -> None:
        """Make changes to the rows of another stack, whose owners begin with `stack`, durable. Raises LedgerError."""

    def renew(self) -> Sequence[Change]:
        """What other processes have written since; `others` is as it is now, too. Raises LedgerError."""

    def newer(self) -> Sequence[Change]:
        """What other processes have written to this stack's rows since. Raises LedgerError."""

    def others(self) -> Iterable[Change]:
        """The rows of the other stacks, at most some seconds old. Raises LedgerError."""
