"""Whose an audio is, as far as stacks and the ledger tell. Pure.

VOD does not record what an audio was made from, nor by whom. So an orphan is only what the ledger knows as asked for
by us and no state holds. What the ledger does not know may be anybody's: it is unknown, and nothing here calls it an
orphan. Every doubt counts against 'orphaned'.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from vod_provider.audio.ledger import Ledger
from vod_provider.audio.recovery import made_when
from vod_provider.cli.states import StackName, State
from vod_provider.vod.assets import Asset, Outcome, format_of


class Standing(enum.Enum):
    """Who knows an audio."""

    KNOWN = "known"
    """A given state has its id in it."""
    KEPT = "kept"
    """The ledger has it, or may have it, for a resource whose next `pulumi up` takes it."""
    ELSEWHERE = "elsewhere"
    """The ledger has it for a stack whose state was not given, or has its audios encrypted."""
    YOUNG = "young"
    """It would be orphaned, but it is so young that it may be somebody's running `up`."""
    ORPHANED = "orphaned"
    """The ledger knows it as asked for by us, and no state holds it."""
    UNKNOWN = "unknown"
    """Neither a state nor the ledger knows it: it may be anybody's."""


_CAUTIOUS = (Standing.KEPT, Standing.ELSEWHERE, Standing.UNKNOWN, Standing.YOUNG, Standing.ORPHANED)
"""Standings that the ledger may give, from the one that speaks most against deleting an audio."""


@dataclass(frozen=True)
class Entry:
    """A row of the ledger: a request that no state is known to hold, or (`held`) an audio that one is.

    `asked_at` is in Unix seconds of VOD's clock; None for what is held.
    """

    owner: str
    source: str
    format: str
    audio_id: str | None
    asked_at: float | None = None

    @property
    def held(self) -> bool:
        """Whether a resource's saved state has it."""
        return self.asked_at is None


def entries_of(ledger: Ledger, site: str) -> list[Entry]:
    """All that the ledger has of a site, for every stack. Raises LedgerError."""
    requests, holders = ledger.everything(site)
    asked = [Entry(it.owner, it.source, it.format, it.audio_id, it.asked_at) for it in requests]
    return asked + [Entry(it.owner, it.source, it.format, it.audio_id) for it in holders]


@dataclass(frozen=True)
class Finding:
    """One audio: who knows it, its age in seconds (None where VOD tells no time), and what the ledger tells of it.

    `entry` is the ledger's entry with its id, or, where `lost` is set, one that may be of this audio: an
    extraction was asked for then, and the answer was lost.
    """

    audio: Asset
    standing: Standing
    age: float | None
    entry: Entry | None = None
    lost: bool = False


@dataclass(frozen=True)
class Known:
    """Who may know an audio: the states that were given, and the ledger.

    `former` are stacks that are no more: what the ledger keeps for them, nobody takes.
    """

    states: Sequence[State]
    entries: Sequence[Entry]
    former: Collection[StackName] = ()

    @property
    def sealed(self) -> frozenset[StackName]:
        """The stacks whose states were given, but encrypted: which audios their sets hold is not known."""
        return frozenset().union(*(state.stacks for state in self.states if state.is_sealed))

    def sort(self, audios: Iterable[Asset], *, now: float, skew: float, older_than: float) -> list[Finding]:
        """What is known of each audio, oldest first.

        `now` is this machine's Unix time, `skew` VOD's clock less ours, `older_than` the age in seconds from which
        on an audio can be orphaned.
        """
        mentioned = frozenset().union(*(state.texts for state in self.states))
        by_id: dict[str, list[Entry]] = {}
        for entry in self.entries:
            if entry.audio_id:
                by_id.setdefault(entry.audio_id, []).append(entry)
        seen = self._seen(mentioned)
        lost_answers = [one for one in self.entries if one.audio_id is None and one.asked_at is not None]
        findings = []
        for audio in audios:
            if audio.outcome is Outcome.GONE:
                continue
            # VOD tells times in whole seconds, so that what was made just now may be of the future.
            age = max(0.0, now + skew - audio.created.timestamp()) if audio.created else None
            young = age is None or age < older_than
            entries, lost = by_id.get(audio.id, []), False
            if not entries and (may_be := self._lost(audio, lost_answers)):
                entries, lost = [may_be], True
            # Whichever entry speaks most against deleting it counts.
            by_standing = {self._standing(one, seen, young=young): one for one in entries}
            standing = next((one for one in _CAUTIOUS if one in by_standing), Standing.UNKNOWN)
            told = by_standing.get(standing)
            if audio.id in mentioned:
                standing = Standing.KNOWN
            findings.append(Finding(audio, standing, age, told, lost))
        return sorted(findings, key=lambda it: (-(it.age or 0.0), it.audio.id))

    def _standing(self, entry: Entry, seen: Collection[tuple[StackName | None, str]], *, young: bool) -> Standing:
        """What one entry of the ledger makes of an audio that no state mentions."""
        if stack_of(entry.owner) is None:
            return Standing.UNKNOWN  # the host could not say for which resource: no state can be looked at
        if not entry.held and self._taken_by(entry.owner):
            return Standing.KEPT
        if entry.held and _stack_and_backend(entry.owner) not in seen:
            return Standing.ELSEWHERE
        return Standing.YOUNG if young else Standing.ORPHANED

    def _seen(self, mentioned: Collection[str]) -> set[tuple[StackName | None, str]]:
        """The stacks, each with its backend, whose states were looked at: one that is given and legible, or is no more.

        A state does not say which backend it is from. Where the ledger knows a stack of that name in several, it is
        from one whose audios it mentions; that of the others was not given.
        """
        given = {name for state in self.states for name in state.stacks} - self.sealed
        known = {_stack_and_backend(entry.owner) for entry in self.entries}
        tied = {_stack_and_backend(entry.owner) for entry in self.entries if entry.audio_id in mentioned}
        alone = {one for one in known if sum(other[0] == one[0] for other in known) == 1}
        return {one for one in known if one[0] in self.former or (one[0] in given and one in alone | tied)}

    def _taken_by(self, owner: str) -> bool:
        """Whether there is a resource that may still take what the ledger has for it."""
        stack = stack_of(owner)
        # No URN: the host could not say for which resource, so no later run finds the entry again.
        return stack is not None and stack not in self.former

    def _lost(self, audio: Asset, lost_answers: Iterable[Entry]) -> Entry | None:
        """An entry whose answer was lost and that may be of this audio; see `Recovery.search`."""
        for entry in lost_answers:
            if entry.asked_at is None or not self._taken_by(entry.owner):
                continue
            if format_of(audio) not in {entry.format, None}:
                continue
            since, until = made_when(entry.asked_at)
            if audio.created is None or since <= audio.created <= until:
                return entry
        return None


def urn_of(owner: str) -> str | None:
    """The URN of an entry's owner ('BACKEND URN'); None where the host did not tell it."""
    _, found, rest = owner.partition("urn:pulumi:")
    return found + rest if found else None


def stack_of(owner: str) -> StackName | None:
    """The stack of an entry's owner."""
    return StackName.of_urn(urn_of(owner) or "")


def _stack_and_backend(owner: str) -> tuple[StackName | None, str]:
    return stack_of(owner), owner.partition("urn:pulumi:")[0].strip()
