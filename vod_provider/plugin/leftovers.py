"""What earlier runs have left: audios that no state has. They are found again, taken over, or removed.

The ledger says what there is, and the saved state who has it by now: Pulumi tells a provider neither that a run before
this one was broken off, nor that a resource or a stack was renamed since.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from vod_provider.audio.ledger_records import (
    Holder,
    Key,
    LedgerError,
    Request,
    State,
    entry_of,
    mark,
    name_of,
    stack_of,
)
from vod_provider.audio.place import Place
from vod_provider.plugin import serving
from vod_provider.plugin.errors import SavedStateError
from vod_provider.plugin.owner import of_other_type, parts_of
from vod_provider.plugin.run import Run
from vod_provider.plugin.saved_state import SavedState
from vod_provider.vod.errors import AmbiguousError

if TYPE_CHECKING:
    from vod_provider.audio.ledger import Ledger
    from vod_provider.audio.operation import Operation
    from vod_provider.plugin.services import Services
    from vod_provider.vod.deadline import Deadline

TOLD = 5
"""Of what may be said of thousands of audios, so many lines are said, and how many more there are."""


class Leftovers:
    """What runs before this one have left. Threads of one run share it."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._saved: dict[str, SavedState] = {}
        self._noting, self._showing = threading.Lock(), threading.Lock()
        self._unknown: set[str] = set()
        """Audios that the engine has shown, and of which the ledger knew nothing until then."""
        self._told = 0
        self._left: dict[str, list[Key]] | None = None
        self._elsewhere: dict[str, list[Request]] | None = None
        self._asked_by: dict[str, str] | None = None
        """Who has asked for what no state is known to hold, by the owner's mark."""
        self._taken: dict[tuple[str, str], str] = {}
        """What is said when an audio, by its id, is somebody's, by its owner."""

    def state(self, stack: str = "") -> SavedState:
        """The saved state of the stack whose owners begin with `stack`, or of this run's."""
        owners = stack or self._run.owners
        with self._noting:
            return self._saved.setdefault(owners, SavedState(owners))

    # -- what is taken instead of asking VOD ------------------------------------------------------------------

    def find(self, ledger: Ledger, key: Key) -> None:
        """See to it that the ledger has the request by which `key` gets the audio that was made for it, if one was.

        Where an earlier run has told the engine of one, and the saved state has that by another name, it is held there,
        and this is a new resource. Where the ledger says that it had one which was extracted as this is asked for, and
        the saved state has that nowhere, the state was put back to an older one, or edited: then it gets that audio.
        """
        asked_before = ledger.find(key)
        if asked_before is not None and asked_before.state is State.ANSWERED:
            with suppress(SavedStateError):  # as far as is known here, the engine has failed to save it
                self._is_saved(ledger, asked_before)
        if ledger.find(key) is None:
            for held in ledger.held_as(key):
                if self._takes_back(ledger, held):
                    break
        if ledger.find(key) is None:
            self._takes_over(ledger, key)

    def say_taken(self, audio_id: str, owner: str) -> None:
        """Say that an audio was taken and not extracted again, if so: the engine is told of it now."""
        if line := self._taken.pop((audio_id, owner), ""):
            self._tells(line)

    def formers(self, ledger: Ledger, key: Key) -> Iterator[Key]:
        """By which keys runs that were broken off have asked for what `key` asks for, if nobody else has their audios.

        Pulumi tells nobody that a resource was renamed, or is of the other type now. One of another name may still be
        in the program: then it gets the next audio, since both ask for the same. Those that are nobody's any more are
        gone through once in a run.
        """
        with self._noting:
            if self._left is None:
                self._left = ledger.left(self._run.owners)
            left = self._left.setdefault(key.fingerprint, [])
            other = of_other_type(key.owner)
            found = sorted(left, key=lambda it: it.owner != other)
        for former in found:
            if former == key:
                continue
            request = ledger.find(former)
            if request is not None and self._is_left(ledger, request, key):
                yield former
            else:
                with self._noting, suppress(ValueError):
                    left.remove(former)

    def _takes_back(self, ledger: Ledger, held: Holder) -> bool:
        what = f"audio {held.audio_id} ({held.format} of asset {held.source})"
        try:
            if self.state().holders_of(held.audio_id):
                return False  # it is to be replaced, or has another name by now
            if moved := self.state().elsewhere(held.audio_id):
                ledger.hold(replace(it, site=held.site, assumed=False) for it in moved)
                return False
        except SavedStateError as error:
            # Said, and not refused: as far as is known here, it may be a replacement that somebody has asked for.
            self._tells(
                f"{what} was made for {name_of(held.owner)} before, and whether the state still has it is not known:"
                f" {error}; if it has not, `python -m vod_provider orphans` says how to remove it"
            )
            return False
        ledger.catch_up()
        if ledger.others_of(held):
            ledger.release(replace(held, adopted=True))
            return False
        ledger.reclaim(held)
        self._taken[held.audio_id, held.owner] = (
            f"{what} was not in the state any more, and is what {name_of(held.owner)} asks for: it was taken back and"
            " not extracted again; to have it extracted anew, change triggers"
        )
        return True

    def _takes_over(self, ledger: Ledger, key: Key) -> None:
        """Take over what a broken-off run of another stack has asked for, if that was for this very resource.

        It was if the outputs of the resource say that it came from there, or if it has the same name and project, and
        the other stack is no more: it was renamed then, or nobody will ever ask for that audio again.
        """
        with self._noting:
            if self._elsewhere is None:
                self._elsewhere = ledger.elsewhere(self._run.owners)
            found = self._elsewhere.get(key.fingerprint, ())
        for request in found:
            free = self._is_of_this_resource(request, key) and self._is_left(ledger, request, key)
            if free and ledger.take_over(request, key.owner):
                return

    def _is_of_this_resource(self, request: Request, key: Key) -> bool:
        """Whether a request of another stack was for the resource of `key`, and no state has its audio there."""
        is_moved = mark(request.owner) == self._run.made_for(key.owner)
        if not is_moved and parts_of(request.owner).resource != parts_of(key.owner).resource:
            return False
        try:
            if self._is_of_former_stack(request.owner):
                return True
            if request.audio_id is None or request.state is not State.ANSWERED:
                return is_moved  # no engine was ever told of its audio
            if not is_moved or not self._is_of_project(request.owner):
                return False
            return not self.state(stack_of(request.owner)).holders_of(request.audio_id)
        except SavedStateError as error:
            self._tells(
                f"what a run of stack {parts_of(request.owner).stack} that was broken off has asked for was not taken"
                f" for {name_of(key.owner)}, which asks for the same and is billed: that stack may have it, {error}"
            )
            return False

    def _is_of_former_stack(self, owner: str) -> bool:
        """Whether an owner is of a stack of this project that is no more: it was removed, or has another name now."""
        return self._is_of_project(owner) and not self.state().is_stack(parts_of(owner).stack)

    def _is_of_project(self, owner: str) -> bool:
        there, here = parts_of(owner), parts_of(self._run.owners)
        return (there.backend, there.project) == (here.backend, here.project)

    def _is_left(self, ledger: Ledger, request: Request, key: Key) -> bool:
        """Whether nobody has the audio of a request, as far as it is known; says what becomes of it."""
        if ledger.is_of_this_run(request):
            return False
        what = f"audio {request.audio_id} ({request.format} of asset {request.source})"
        there = "" if request.owner.startswith(self._run.owners) else f" of stack {parts_of(request.owner).stack}"
        made = f"was made for {name_of(request.owner)}{there} in an earlier run"
        try:
            if self._is_saved(ledger, request):
                return False
        except SavedStateError as error:
            self._tells(
                f"{what} {made}, and whether the state has it is not known: {error}; so it was not taken for"
                f" {name_of(key.owner)}, which asks for the same and is billed"
            )
            return False
        if request.audio_id is not None:
            self._taken[request.audio_id, key.owner] = (
                f"{what} {made}, is not in the state, and is what {name_of(key.owner)} asks for: it was taken and not"
                " extracted again; to have it extracted anew, change triggers"
            )
        return True

    def _is_saved(self, ledger: Ledger, request: Request) -> bool:
        """Whether the saved state has the audio of a request of an earlier run. Raises SavedStateError where it may.

        The ledger is shown who has it there by another name; without that it would not know before the engine shows the
        resource. Of who has it by the name that has asked, the request tells: a run that was cancelled and goes on may
        have saved that after the engine of this run has read its state, which asks for a create, and saves its own.
        What an engine was told may have been saved, and moved to another stack since.
        """
        if request.audio_id is None:
            return False
        try:
            holders = self.state().holders_of(request.audio_id)
            if not holders and request.state is State.ANSWERED:
                holders = self.state().elsewhere(request.audio_id)
        except SavedStateError:
            if request.state is State.ANSWERED:
                raise
            return False  # no engine was ever told of it
        renamed = [it for it in holders if it.owner != request.owner]
        ledger.hold(replace(it, site=request.site, assumed=False) for it in renamed)
        return bool(holders)

    # -- what goes, and what stays --------------------------------------------------------------------------

    def let_go(self, ledger: Ledger, holders: Sequence[Holder]) -> list[list[str]]:
        """As `Ledger.let_go`, without those others who the saved state shows to have lost the audio.

        A state that was put back to an older one, or edited, leaves rows of such behind.
        """
        self._show_others(ledger, holders)
        for holder, others in zip(holders, ledger.others_of_each(holders), strict=True):
            for owner in self._without_right(ledger, holder) if others else ():
                ledger.disown(replace(holder, owner=owner, adopted=True))
        return ledger.let_go(holders)

    def note_unknown(self, audio_ids: Collection[str]) -> None:
        """The engine has shown these audios, and nobody had them in the ledger."""
        if audio_ids:  # else nobody waits here while the state is read
            with self._showing:
                self._unknown.update(audio_ids)

    def _show_others(self, ledger: Ledger, holders: Sequence[Holder]) -> None:
        """Show the ledger who else has these audios in the saved state, where it knew nothing of them before this run.

        It is new then, as on a runner of CI, or was lost, and the engine shows only what it changes: with `--target`,
        it may not show who keeps the audio. Each audio once: who has let go is in the state until the run ends.
        """
        with self._showing, suppress(SavedStateError):
            unknown = [it for it in holders if it.audio_id in self._unknown] if self._run.owners else []
            self._unknown.difference_update(it.audio_id for it in unknown)
            others = [
                replace(other, site=it.site, assumed=False)
                for it in unknown
                for other in self.state().holders_of(it.audio_id)
                if other.owner != it.owner
            ]
            if others:
                ledger.hold(others)

    def _without_right(self, ledger: Ledger, holder: Holder) -> list[str]:
        owners = ledger.disprovable(holder)
        if not owners or not self._run.owners or self._run.has_answered(holder.audio_id):
            return []
        try:
            # A file backend may be this machine's alone, and another of the team may have the stack that is not in it.
            tells = ledger.excludes_others or not self._run.owners.startswith("file:")
            ours = [it for it in owners if it.startswith(self._run.owners) or (tells and self._is_of_former_stack(it))]
            # Where anybody else has it, that may be one of these by another name, or in another stack.
            there = self.state().holders_of(holder.audio_id)
            if not ours or {it.owner for it in there} - {holder.owner} or self.state().elsewhere(holder.audio_id):
                return []
            return ours
        except SavedStateError:
            return []

    def remove(self, services: Services, urn: str, operation: Operation, deadline: Deadline, deleted: str = "") -> None:
        """Remove what runs that were broken off have made for a resource, or entries of a set, that has gone now.

        Nobody would ask for it any more. It stays where the program still declares the resource, where the state has
        the resource with another audio than `deleted`, or the audio itself, or cannot be read, and where others hold
        it. What became of a request whose answer was lost is found out first.
        """
        ledger = services.ledger
        if not operation.owner or self._run.is_checked(urn):
            return
        owners = {operation.owner, self._former(ledger, operation.owner)}
        if not any(map(ledger.asked_for, owners)):
            return
        ledger.catch_up()  # the run's other plugin may have taken it meanwhile
        for request in {it.key: it for owner in owners for it in ledger.asked_for(owner)}.values():
            place = Place.parse(request.site)
            if place is None or not self._is_nobodys(ledger, request, owners, deleted):
                continue
            lifecycle = services.at(replace(place, account=request.account))
            if request.audio_id is None:
                try:
                    found = lifecycle.found(request, operation, deadline)
                except AmbiguousError as error:
                    self._tells(f"{name_of(request.owner)} is gone, and what an earlier run asked for is not: {error}")
                    continue
            else:
                found = request.audio_id
            if found is None or ledger.others_of(_made(request, found)):
                continue
            lifecycle.remove(found, operation, deadline)
            ledger.drop(request.key, found)
            self._tells(
                f"audio {found} ({request.format} of asset {request.source}) was made for"
                f" {name_of(request.owner)} by a run that was broken off, and nobody has it: it was deleted, too"
            )

    def _former(self, ledger: Ledger, owner: str) -> str:
        """For whom the audio of this owner was made, if that is no more: by its other type, or by a former name."""
        with self._noting:
            if self._asked_by is None:
                asked = {entry_of(it.owner)[0] for it in ledger.asked_for(self._run.owners)}
                self._asked_by = {mark(it): it for it in asked}
            former = self._asked_by.get(self._run.made_for(owner), owner)
        return owner if self._run.is_checked(_urn_of(former)) else former

    def _is_nobodys(self, ledger: Ledger, request: Request, owners: Collection[str], deleted: str) -> bool:
        """Whether an earlier run made a request for these owners, who go, or an entry of one, and no state has it."""
        if {request.owner, entry_of(request.owner)[0]}.isdisjoint(owners) or ledger.is_of_this_run(request):
            return False
        try:
            others = (it for it in self.state().holders() if it.audio_id != deleted)
            return not any(it.owner in owners for it in others) and not self._is_saved(ledger, request)
        except SavedStateError:
            return False

    # -- what is said ----------------------------------------------------------------------------------------

    def tell_what_was_not_taken(self, ledger: Ledger) -> None:
        """Say what this run has left, when it is over."""
        left = self._not_taken(ledger) if self._run.owners else []
        for it in left[:TOLD]:
            serving.say(
                f"audio {it.audio_id} ({it.format} of asset {it.source}) was made for {name_of(it.owner)} by"
                " a run that was broken off, and this run did not take it: `pulumi up` takes it while the program"
                " has that resource as it was then; else `python -m vod_provider orphans` says how to remove it"
            )
        if len(left) > TOLD:
            serving.say(f"... and {len(left) - TOLD} more audios of runs that were broken off")

    def _not_taken(self, ledger: Ledger) -> list[Request]:
        """The audios that no state is known to have, and that this run has not brought: not its other plugin, either.

        A program may have resources of both our types, which are served by a process each.
        """

        def left() -> list[Request]:
            return [
                it
                for it in ledger.kept(self._run.owners)
                if it.audio_id is not None
                and not self._run.has_answered(it.audio_id)
                and not (it.state is State.ANSWERED and ledger.is_of_this_run(it))
            ]

        found = left()
        if not found:
            return []
        with suppress(LedgerError):
            ledger.catch_up()
        return left()

    def tell_what_nobody_asks_for(self, ledger: Ledger, owners: Collection[str]) -> None:
        for request in [it for it in ledger.kept("") if it.owner in owners]:
            if not self._run.is_replaced(_urn_of(request.owner)):
                name = name_of(request.owner)
                self._tells(
                    f"audio {request.audio_id} ({request.format} of asset {request.source}) was made for {name} by a"
                    f" run that was broken off, and is not what {name} asks for: it is deleted with {name};"
                    " `python -m vod_provider orphans` says how to remove it before"
                )

    def _tells(self, line: str) -> None:
        """Say a line, if not too many like it were said already."""
        with self._noting:
            self._told += 1
            told = self._told
        if told <= TOLD:
            serving.say(line)
        elif told == TOLD + 1:
            serving.say("... and the same of more audios")


def _urn_of(owner: str) -> str:
    return "".join(owner.partition("urn:pulumi:")[1:])


def _made(request: Request, audio_id: str) -> Holder:
    """Whoever an audio was made for."""
    return Holder(request.site, audio_id, request.owner, made_for=mark(request.owner))
