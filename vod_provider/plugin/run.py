"""What the engine has shown and been told in one run: of which resources, with which audios. Threads add to it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from vod_provider.audio.ledger_records import Holder, entry_of, mark_of_entry
from vod_provider.plugin.billed_again import BilledAgain


class Declared(NamedTuple):
    """A resource that is still declared, as far as this run has shown: what its state has.

    `source` None and `seconds` None where only its inputs are known, as '' for the id.
    """

    source: str | None
    seconds: float | None
    id: str


@dataclass
class Run:
    """One run of the engine, from the first request to the last."""

    billed_again: BilledAgain = field(default_factory=BilledAgain)
    owners: str = ""
    """What the owners of this stack begin with; '' as long as nothing was created, updated or deleted: in a preview."""
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _declared: dict[str, Declared] = field(default_factory=dict)
    _by_id: dict[str, set[str]] = field(default_factory=dict)
    _replaced: set[str] = field(default_factory=set)
    _answered: dict[str, set[str]] = field(default_factory=dict)
    _shown: dict[tuple[str, str], Holder] = field(default_factory=dict)
    _made_for: dict[str, str] = field(default_factory=dict)
    _checked: set[str] = field(default_factory=set)
    _noted: dict[str, str] = field(default_factory=dict)
    _moved: dict[str, str] = field(default_factory=dict)
    _claimed: set[str] = field(default_factory=set)
    _given_up: set[str] = field(default_factory=set)
    _staying: dict[str, tuple[str, str]] = field(default_factory=dict)
    _warned: set[str] = field(default_factory=set)

    def shows(self, holder: Holder) -> None:
        """The engine's saved state has this audio. Kept until the ledger is open."""
        with self._lock:
            self._shown[holder.audio_id, holder.owner] = holder
            if holder.made_for:
                self._made_for[holder.owner] = holder.made_for

    def take_shown(self) -> list[Holder]:
        """What the engine has shown since this was called last."""
        with self._lock:
            shown = list(self._shown.values())
            self._shown.clear()
        return shown

    def made_for(self, owner: str) -> str:
        """The mark of whom the audio of this owner was made for, as its saved state says; '' where unknown.

        Of an entry that is new in a set: whom it would have been made for before the set was moved.
        """
        base, key = entry_of(owner)
        if owner in self._made_for or key is None or base not in self._made_for:
            return self._made_for.get(owner, "")
        return mark_of_entry(self._made_for[base], key)

    def has_mark(self, owner: str, mark: str) -> None:
        """The audios of a set were made for the owner of that mark, as its saved state says."""
        with self._lock:
            self._made_for[owner] = mark

    def checks(self, urn: str) -> None:
        """The program declares the resource."""
        with self._lock:
            self._checked.add(urn)

    def is_checked(self, urn: str) -> bool:
        """Whether this run has shown that the program declares the resource."""
        return urn in self._checked

    def declares(self, urn: str, declared: Declared) -> None:
        """The program still declares the resource; the engine has not said that it is replaced."""
        with self._lock:
            if declared.id or urn not in self._declared:
                self._declared[urn] = declared
                if declared.id:
                    self._by_id.setdefault(declared.id, set()).add(urn)

    def replaces(self, urn: str, source: str | None) -> None:
        """Another extraction is going to take the place of the one that there is, if there is one."""
        with self._lock:
            declared = self._declared.pop(urn, None)
            if declared is not None:
                self._by_id.get(declared.id, set()).discard(urn)
            if declared is None or urn in self._replaced:
                return
            if urn:  # else the host does not say which resource it is
                self._replaced.add(urn)
        self.billed_again.note(declared.seconds if declared.source == source else None)

    def notes(self, urn: str, line: str) -> None:
        """What a preview has to say of this resource; '' for nothing."""
        with self._lock:
            self._noted[urn] = line

    def lines(self) -> list[str]:
        """What a preview has to say when it is over."""
        return [line for line in (*self._noted.values(), self.billed_again.line()) if line]

    def is_replaced(self, urn: str) -> bool:
        """Whether this run has shown that the resource gets another extraction."""
        return urn in self._replaced

    def stays(self, urn: str, place: str, default: str) -> None:
        """The default place is another one now, and the audio of the resource stays where it is."""
        with self._lock:
            self._staying[urn] = place, default

    def staying_line(self) -> str:
        """What to say of audios that stay where they are; '' for none."""
        with self._lock:
            moves = sorted(set(self._staying.values()))
            count = len(self._staying)
        if not count:
            return ""
        audios = "1 audio stays where it is" if count == 1 else f"{count} audios stay where they are"
        where = "; ".join(f"at {place}, although the default is now {default}" for place, default in moves)
        return f"{audios} ({where}): set region, project_id or account on a resource to extract it there, billed again"

    def warns(self, text: str, warn: Callable[[str], None]) -> None:
        """Warn of something that many resources may have in common, at the first one of the run."""
        with self._lock:
            if text in self._warned:
                return
            self._warned.add(text)
        warn(text)

    def undeclares(self, urn: str) -> None:
        """The program does not declare it any more."""
        with self._lock:
            declared = self._declared.pop(urn, None)
            if declared is not None:
                self._by_id.get(declared.id, set()).discard(urn)

    def answers(self, audio_id: str, urn: str) -> None:
        """The engine is told that a create of this run has brought the resource this audio."""
        with self._lock:
            self._answered.setdefault(audio_id, set()).add(urn)

    def has_answered(self, audio_id: str, urn: str | None = None) -> bool:
        """Whether a create of this run has brought this audio: the resource of that URN, or any."""
        return audio_id in self._answered if urn is None else urn in self._answered.get(audio_id, ())

    def still_has(self, audio_id: str, urn: str) -> bool:
        """Whether the resource of that URN is still declared with this audio: then another of its name goes."""
        return urn in self._declared_with(audio_id)

    def claims(self, urn: str, *names: object) -> None:
        """The resource of that URN is new, and is to take over an audio: `names` are its id, or whose it was."""
        if not self.is_replaced(urn):
            with self._lock:
                self._claimed.update(it for it in names if isinstance(it, str))

    def is_claimed(self, *names: str) -> bool:
        """Whether a new resource of the program names one of these as the audio that it is to take over."""
        return not self._claimed.isdisjoint(names)

    def moves(self, audio_id: str, urn: str) -> bool:
        """An audio is taken over by the resource of that URN, from one that is about to go in the same run.

        False where it was given up already, or another one takes it over.
        """
        with self._lock:
            return audio_id not in self._given_up and self._moved.setdefault(audio_id, urn) == urn

    def gives_up(self, audio_id: str) -> bool:
        """The audio is about to be deleted, and nobody may take it over from now on; False where somebody does."""
        with self._lock:
            if audio_id in self._moved:
                return False
            self._given_up.add(audio_id)
            return True

    def moved_to(self, audio_id: str) -> str:
        """The URN of the resource that has taken over this audio in this run; '' for none."""
        return self._moved.get(audio_id, "")

    def other_of(self, audio_id: str, urn: str) -> str:
        """The URN of another resource that is still declared with this audio; '' for none."""
        return next((it for it in self._declared_with(audio_id) if it != urn), "")

    def _declared_with(self, audio_id: str) -> list[str]:
        """The URNs that are still declared with this audio.

        A refresh asks Diff, too, of resources that the program does not have any more: the engine checks none of them.
        """
        with self._lock:
            return [it for it in self._by_id.get(audio_id, ()) if entry_of(it)[0] in self._checked]
