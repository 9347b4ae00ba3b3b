"""Whose an audio is, as far as stacks and the journal tell. Pure.

VOD does not record what an audio was made from, nor by whom. So nothing here says that an audio is an orphan of
this provider: it says who knows it, and orphaned is what nobody knows. Every doubt counts against 'orphaned'.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from vod_provider.audio.journal import Owned
from vod_provider.audio.lifecycle import CLOCKS_S, SENT_S
from vod_provider.cli.states import StackName, State
from vod_provider.vod.assets import Asset, Outcome, format_of


class Standing(enum.Enum):
    """Who knows an audio."""

    KNOWN = "known"
    """A given state has its id in it."""
    KEPT = "kept"
    """The journal has it, or may have it, for a resource whose next `pulumi up` takes it."""
    ELSEWHERE = "elsewhere"
    """Pulumi held it, for a stack whose state was not given."""
    YOUNG = "young"
    """Nobody, but it is so young that it may be somebody's running `up`."""
    ORPHANED = "orphaned"
    """Nobody."""


@dataclass(frozen=True)
class Finding:
    """One audio: who knows it, its age in seconds (None where VOD tells no time), and what the journal tells of it.

    `entry` is the journal's entry with its id, or, where `lost` is set, one that may be of this audio: an
    extraction was asked for then, and the answer was lost.
    """

    audio: Asset
    standing: Standing
    age: float | None
    entry: Owned | None = None
    lost: bool = False


@dataclass(frozen=True)
class Known:
    """Who may know an audio: the states that were given, and the journal.

    `former` are stacks that are no more: what the journal keeps for them, nobody takes.
    """

    states: Sequence[State]
    entries: Sequence[Owned]
    former: Collection[StackName] = ()

    def sort(self, audios: Iterable[Asset], *, now: float, skew: float, older_than: float) -> list[Finding]:
        """What is known of each audio, oldest first.

        `now` is this machine's Unix time, `skew` VOD's clock less ours, `older_than` the age in seconds from which
        on an audio can be orphaned.
        """
        mentioned = frozenset().union(*(state.texts for state in self.states))
        by_id = {entry.audio_id: entry for entry in self.entries if entry.audio_id}
        given = {*self.former, *(name for state in self.states for name in state.stacks)}
        findings = []
        for audio in audios:
            if audio.outcome is Outcome.GONE:
                continue
            # VOD tells times in whole seconds, so that what was made just now may be of the future.
            age = max(0.0, now + skew - audio.created.timestamp()) if audio.created else None
            entry, lost = by_id.get(audio.id), False
            if entry is None:
                entry = self._lost(audio, skew)
                lost = entry is not None
            if audio.id in mentioned:
                standing = Standing.KNOWN
            elif entry is not None and entry.settled_at is None and self._taken_by(entry.owner):
                standing = Standing.KEPT
            elif entry is not None and entry.settled_at is not None and stack_of(entry.owner) not in {None, *given}:
                standing = Standing.ELSEWHERE
            else:
                standing = Standing.YOUNG if age is None or age < older_than else Standing.ORPHANED
            findings.append(Finding(audio, standing, age, entry, lost))
        return sorted(findings, key=lambda it: (-(it.age or 0.0), it.audio.id))

    def _taken_by(self, owner: str) -> bool:
        """Whether there is a resource that may still take what the journal has for it."""
        stack = stack_of(owner)
        # No URN: the host could not say for which resource, so no later run finds the entry again.
        return stack is not None and stack not in self.former

    def _lost(self, audio: Asset, skew: float) -> Owned | None:
        """An entry whose answer was lost and that may be of this audio; see `Extraction._search`."""
        for entry in self.entries:
            if entry.audio_id is not None or not self._taken_by(entry.owner):
                continue
            if format_of(audio) not in {entry.format, None}:
                continue
            after = audio.created.timestamp() - entry.intended_at - skew if audio.created else 0.0
            if -CLOCKS_S <= after <= SENT_S:
                return entry
        return None


def urn_of(owner: str) -> str | None:
    """The URN of an entry's owner ('BACKEND URN'); None where the host did not tell it."""
    _, found, rest = owner.partition("urn:pulumi:")
    return found + rest if found else None


def stack_of(owner: str) -> StackName | None:
    """The stack of an entry's owner."""
    return StackName.of_urn(urn_of(owner) or "")
