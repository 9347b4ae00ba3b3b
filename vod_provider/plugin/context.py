"""What the providers of one process share in one run of the engine: its configuration, what it has shown, services.

Nothing is looked at before it is needed, and HTTP and SQL are loaded when the first call to VOD is due: so a preview
and an `up` without changes need neither them nor credentials.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from vod_provider.audio import inputs
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
from vod_provider.config import settings
from vod_provider.config.ledger_location import LedgerFile
from vod_provider.plugin import saved_state, serving
from vod_provider.plugin.errors import EncryptedStateError, SavedStateError
from vod_provider.plugin.moves import Held, Moves, in_catalogue
from vod_provider.plugin.owner import of_other_type, owner_now, parts_of
from vod_provider.plugin.parallelism_hint import ParallelismHint, parallelism
from vod_provider.plugin.run import Run
from vod_provider.plugin.saved_state import SavedState
from vod_provider.vod.errors import ExtractionError, VodError

if TYPE_CHECKING:
    from vod_provider.audio.ledger import Ledger
    from vod_provider.audio.lifecycle import Asked
    from vod_provider.audio.operation import Operation
    from vod_provider.plugin.services import Services
    from vod_provider.vod.deadline import Deadline

Props = Mapping[str, Any]

TOLD = 5
"""Of what may be said of thousands of audios, so many lines are said, and how many more there are."""


class RunContext:
    """One run, for all providers of this process. `config` is the stack's configuration, by full name."""

    def __init__(self, config: Mapping[str, str]) -> None:
        self.config, self.run = config, Run()
        self.hint = ParallelismHint(parallelism(os.environ, os.cpu_count() or 1))
        self.opened: Services | None = None
        self._settings: settings.Settings | None = None
        self._moves: Moves | None = None
        self._saved: dict[str, SavedState] = {}
        self._opening, self._noting = threading.Lock(), threading.Lock()
        self._told = 0
        self._left: dict[str, list[Key]] | None = None
        self._elsewhere: dict[str, list[Request]] | None = None
        self._taken_back: dict[tuple[str, str], str] = {}
        """What is said when an audio, by its id, is somebody's, by its owner."""
        serving.when_over(self.over)

    def offline(self) -> settings.Settings:
        """The settings, as far as they are needed to compare and to refuse. Raises SettingsError for a wrong one."""
        if self._settings is None:
            self._settings = settings.load(self.config, os.environ, offline=True)
        return self._settings

    def services(self, owners: str) -> Services:
        """What talks to VOD, opened at the first use; shows the ledger first which audios Pulumi's state has."""
        with self._opening:
            if self.opened is None:
                from vod_provider.plugin.services import Services

                self.opened = Services.open(
                    self.config, os.environ, serving.stop(), serving.warn, owners, serving.run()
                )
        self.opened.ledger.hold(self.run.take_shown())
        return self.opened

    def begin(self, owners: str) -> Services:
        """The same, for what changes something: then this is no preview."""
        services = self.services(owners)
        self.run.owners = owners
        return services

    # -- who holds what --------------------------------------------------------------------------------------

    def shows(self, owner: str, audio_id: str, props: Props) -> Holder:
        """Note that the engine's saved state has this audio; returns whose it is, as `holder`."""
        holder = self.holder(owner, audio_id, props)
        if holder.owner and holder.site and "audio_asset_id" in props:
            self.run.shows(holder)
        return holder

    def holder(self, owner: str, audio_id: str, props: Props) -> Holder:
        """Whose an audio is, as far as the state says.

        `props` are the outputs of an `ExtractedAudio`, or what an entry of a set comes to.
        """
        assumed = None
        if Place.parse(props.get("place")) is None:
            with suppress(settings.SettingsError):
                assumed = Place.asked(self.offline(), *asked_place(props))
        return saved_state.holder(owner, audio_id, props, assumed)

    def answers(self, audios: Collection[tuple[str, str, Key | None]], *, owned: bool) -> None:
        """The engine is about to be told of audios: each the URN it is for, its id, and the key of its request, if any.

        Not `owned`: the host does not say which resource it is, so their keys are nobody's.
        """
        for urn, audio_id, key in audios:
            self.run.answers(audio_id, urn)
            if key is not None and (line := self._taken_back.pop((audio_id, key.owner), "")):
                self._tells(line)
        asked = [(audio_id, key) for _, audio_id, key in audios if key is not None]
        if not asked or self.opened is None:
            return
        try:
            if owned:
                self.opened.ledger.answered({key: audio_id for audio_id, key in asked})
            else:
                for audio_id, key in asked:
                    self.opened.ledger.drop(key, audio_id)  # no later run could find it again
            self.opened.ledger.flush()
        except LedgerError as error:
            # The engine is told the ids all the same, and that is what counts as long as it saves them.
            text = f"{error}; Pulumi's state has this run's audios all the same, once the engine has saved it"
            self.run.warns(text, serving.warn)

    def asked(self, services: Services, request: inputs.Request, operation: Operation) -> tuple[Asked, Place]:
        """As `Services.asked`, for a resource or entry that is about to get an audio.

        Where an earlier run has told the engine of one, and the saved state has that by another name, it is held there,
        and this is a new resource. Where the ledger says that it had one which was extracted as this is asked for, and
        the saved state has that nowhere, the state was put back to an older one, or edited: then it gets that audio.
        """
        key = Key(operation.owner, request.fingerprint)
        with before_asking(request):
            if not operation.owner or request.adopt is not None:
                return services.asked(request, operation, tuple)
            asked_before = services.ledger.find(key)
            if asked_before is not None and asked_before.state is State.ANSWERED:
                with suppress(SavedStateError):  # as far as is known here, the engine has failed to save it
                    self._is_saved(services, asked_before)
            if services.ledger.find(key) is None:
                for held in services.ledger.held_as(key):
                    if self._takes_back(services, held):
                        break
            if services.ledger.find(key) is None:
                self._takes_over(services, key)
            return services.asked(request, operation, partial(self._formers, services, key))

    def _is_saved(self, services: Services, request: Request) -> bool:
        """Whether the saved state has the audio of a request of an earlier run. Raises SavedStateError where it may.

        The ledger is shown who has it there by another name; without that it would not know before the engine shows the
        resource. Of who has it by the name that has asked, the request tells: a run that was cancelled and goes on may
        have saved that after the engine of this run has read its state, which asks for a create, and saves its own.
        """
        if request.audio_id is None:
            return False
        try:
            holders = self._state().holders_of(request.audio_id)
        except SavedStateError:
            if request.state is State.ANSWERED:
                raise
            return False  # no engine was ever told of it
        renamed = [it for it in holders if it.owner != request.owner]
        services.ledger.hold(replace(it, site=request.site, assumed=False) for it in renamed)
        return bool(holders)

    def _formers(self, services: Services, key: Key) -> Iterator[Key]:
        """By which keys runs that were broken off have asked for what `key` asks for, if nobody else has their audios.

        Pulumi tells nobody that a resource was renamed, or is of the other type now. One of another name may still be
        in the program: then it gets the next audio, since both ask for the same. Those that are nobody's any more are
        gone through once in a run.
        """
        with self._noting:
            if self._left is None:
                self._left = services.ledger.left(self.run.owners)
            left = self._left.setdefault(key.fingerprint, [])
            other = of_other_type(key.owner)
            found = sorted(left, key=lambda it: it.owner != other)
        for former in found:
            if former == key:
                continue
            request = services.ledger.find(former)
            if request is not None and self._is_left(services, request, key):
                yield former
            else:
                with self._noting, suppress(ValueError):
                    left.remove(former)

    def _takes_over(self, services: Services, key: Key) -> None:
        """Take over what a broken-off run of another stack has asked for, if that was for this very resource.

        It was if the outputs of the resource say that it came from there, or if it has the same name and project, and
        the other stack is no more: it was renamed then, or nobody will ever ask for that audio again.
        """
        with self._noting:
            if self._elsewhere is None:
                self._elsewhere = services.ledger.elsewhere(self.run.owners)
            found = self._elsewhere.get(key.fingerprint, ())
        for request in found:
            free = self._is_of_this_resource(request, key) and self._is_left(services, request, key)
            if free and services.ledger.take_over(request, key.owner):
                return

    def _is_of_this_resource(self, request: Request, key: Key) -> bool:
        """Whether a request of another stack was for the resource of `key`, and no state has its audio there."""
        is_moved = mark(request.owner) == self.run.made_for(key.owner)
        if not is_moved and parts_of(request.owner).resource != parts_of(key.owner).resource:
            return False
        try:
            if self._is_of_former_stack(request.owner):
                return True
            if request.audio_id is None or request.state is not State.ANSWERED:
                return is_moved  # no engine was ever told of its audio
            if not is_moved or not self._is_of_project(request.owner):
                return False
            return not self._state(stack_of(request.owner)).holders_of(request.audio_id)
        except SavedStateError as error:
            self._tells(
                f"what a run of stack {parts_of(request.owner).stack} that was broken off has asked for was not taken"
                f" for {name_of(key.owner)}, which asks for the same and is billed: that stack may have it, {error}"
            )
            return False

    def _is_of_former_stack(self, owner: str) -> bool:
        """Whether an owner is of a stack of this project that is no more: it was removed, or has another name now."""
        return self._is_of_project(owner) and not self._state().is_stack(parts_of(owner).stack)

    def _is_of_project(self, owner: str) -> bool:
        there, here = parts_of(owner), parts_of(self.run.owners)
        return (there.backend, there.project) == (here.backend, here.project)

    def _is_left(self, services: Services, request: Request, key: Key) -> bool:
        """Whether nobody has the audio of a request, as far as it is known; says what becomes of it."""
        if services.ledger.is_of_this_run(request):
            return False
        what = f"audio {request.audio_id} ({request.format} of asset {request.source})"
        there = "" if request.owner.startswith(self.run.owners) else f" of stack {parts_of(request.owner).stack}"
        made = f"was made for {name_of(request.owner)}{there} in an earlier run"
        try:
            if self._is_saved(services, request):
                return False
        except SavedStateError as error:
            self._tells(
                f"{what} {made}, and whether the state has it is not known: {error}; so it was not taken for"
                f" {name_of(key.owner)}, which asks for the same and is billed"
            )
            return False
        if request.audio_id is not None:
            self._taken_back[request.audio_id, key.owner] = (
                f"{what} {made}, is not in the state, and is what {name_of(key.owner)} asks for: it was taken and not"
                " extracted again; to have it extracted anew, change triggers"
            )
        return True

    def remove_remains(
        self, services: Services, urn: str, operation: Operation, deadline: Deadline, deleted: str = ""
    ) -> None:
        """Remove what runs that were broken off have made for a resource, or entries of a set, that has gone now.

        Nobody would ask for it any more. It stays where the program still declares the resource, where the state has
        the resource with another audio than `deleted`, or the audio itself, or cannot be read, and where others hold
        it.
        """
        if not operation.owner or self.run.is_checked(urn):
            return
        for request in services.ledger.kept(operation.owner):
            base, key = entry_of(request.owner)
            audio_id, place = request.audio_id, Place.parse(request.site)
            if operation.owner not in {request.owner, base if key is not None else ""} or audio_id is None:
                continue
            if place is None or services.ledger.is_of_this_run(request):
                continue
            try:
                others = (it for it in self._state().holders() if it.audio_id != deleted)
                if any(it.owner == operation.owner for it in others) or self._is_saved(services, request):
                    continue
            except SavedStateError:
                continue
            made = Holder(request.site, audio_id, request.owner, made_for=mark(request.owner))
            if services.ledger.others_of(made):
                continue
            services.at(replace(place, account=request.account)).remove(audio_id, operation, deadline)
            services.ledger.drop(request.key, audio_id)
            self._tells(
                f"audio {audio_id} ({request.format} of asset {request.source}) was made for"
                f" {name_of(request.owner)} by a run that was broken off, and nobody has it: it was deleted, too"
            )

    def _takes_back(self, services: Services, held: Holder) -> bool:
        what = f"audio {held.audio_id} ({held.format} of asset {held.source})"
        try:
            if self._state().holders_of(held.audio_id):
                return False  # it is to be replaced, or has another name by now
        except SavedStateError as error:
            # Said, and not refused: as far as is known here, it may be a replacement that somebody has asked for.
            self._tells(
                f"{what} was made for {name_of(held.owner)} before, and whether the state still has it is not known:"
                f" {error}; if it has not, `python -m vod_provider orphans` says how to remove it"
            )
            return False
        if services.ledger.others_of(held):
            services.ledger.release(replace(held, adopted=True))
            return False
        services.ledger.reclaim(held)
        self._taken_back[held.audio_id, held.owner] = (
            f"{what} was not in the state any more, and is what {name_of(held.owner)} asks for: it was taken back and"
            " not extracted again; to have it extracted anew, change triggers"
        )
        return True

    def _tells(self, line: str) -> None:
        """Say a line, if not too many like it were said already."""
        with self._noting:
            self._told += 1
            told = self._told
        if told <= TOLD:
            serving.say(line)
        elif told == TOLD + 1:
            serving.say("... and the same of more audios")

    def _state(self, stack: str = "") -> SavedState:
        """The saved state of the stack whose owners begin with `stack`, or of this run's."""
        owners = stack or self.run.owners
        with self._noting:
            return self._saved.setdefault(owners, SavedState(owners))

    def let_go(self, services: Services, holders: Sequence[Holder]) -> list[list[str]]:
        """As `Ledger.let_go`, without those others who the saved state shows to have lost the audio.

        A state that was put back to an older one, or edited, leaves rows of such behind.
        """
        for holder, others in zip(holders, services.ledger.others_of_each(holders), strict=True):
            for owner in self._without_right(services, holder) if others else ():
                services.ledger.disown(replace(holder, owner=owner, adopted=True))
        return services.ledger.let_go(holders)

    def _without_right(self, services: Services, holder: Holder) -> list[str]:
        owners = services.ledger.disprovable(holder)
        if not owners or not self.run.owners or self.run.has_answered(holder.audio_id):
            return []
        try:
            ours = [it for it in owners if it.startswith(self.run.owners) or self._is_of_former_stack(it)]
            # Where anybody else has it, that may be one of these by another name.
            return ours if {it.owner for it in self._state().holders_of(holder.audio_id)} <= {holder.owner} else []
        except SavedStateError:
            return []

    def moved(self, asked: Asked, request: inputs.Request, urn: str) -> Held | None:
        """The audio that a new resource, or entry, takes over from another that is about to go; None for none.

        Raises VodError where `moved_from` names what is not known: nothing is billed again without being said.
        """
        services = self.opened
        if services is None or self.run.is_replaced(urn) or services.ledger.find(asked.key) is not None:
            return None
        if request.moved_from is None and in_catalogue(asked.key.owner) is None:
            return None
        with self._opening:
            if self._moves is None:
                self._moves = self._known_moves(services, asked, request)
        if request.moved_from is not None:
            held = self._moves.from_(request.moved_from, request)
            self.refuse_what_is_held(held.audio_id, urn)
        else:
            counterpart = self._moves.counterpart(asked.key.owner, request)
            if counterpart is None or self.run.other_of(counterpart.audio_id, urn):
                return None
            held = counterpart
        self.run.moves(held.audio_id, urn)
        return held

    def _known_moves(self, services: Services, asked: Asked, request: inputs.Request) -> Moves:
        """What the ledger says, and where it does not know the counterpart, the saved state: once in a run.

        The ledger may be that of a machine which knows nothing of it. A set of a whole catalogue is not paid for again
        because the state cannot be read.
        """
        owners = self.run.owners
        moves = Moves(services.ledger.kept(owners), services.ledger.held_by(owners))
        if request.moved_from is not None or moves.counterpart(asked.key.owner, request) is not None:
            return moves
        try:
            return Moves(services.ledger.kept(owners), self._state().holders())
        except SavedStateError as error:
            is_single = entry_of(asked.key.owner)[1] is None
            if is_single and not isinstance(error, EncryptedStateError):
                return moves
            other, itself = ("in a set", "each audio") if is_single else ("as a resource each", "an ExtractedAudioSet")
            raise VodError(
                f"whether this catalogue's audios are there already, {other}, is not known: {error};"
                f" run `pulumi refresh` if they are, or declare {itself} by itself if they are not"
            ) from error

    def refuse_what_is_held(self, audio_id: str, urn: str) -> None:
        """Raises ExtractionError where another resource of the program holds what this one is to adopt."""
        other = self.run.other_of(audio_id, urn)
        if other:
            raise ExtractionError(
                f"adopting audio {audio_id}: {name_of(other)} holds it; take {name_of(other)} out of the program in the"
                " same run, or leave adopt out"
            )

    # -- places ----------------------------------------------------------------------------------------------

    def asks_for_the_place_of(self, olds: Props, news: Props, is_unknown: Callable[[Any], bool]) -> bool:
        """Whether the new inputs ask for the place where the audio is, in other words perhaps."""
        if any(is_unknown(news.get(name)) for name in inputs.PLACE):
            return False
        try:
            there = Place.parse(olds.get("place")) or Place.asked(self.offline(), *asked_place(olds))
            return Place.asked(self.offline(), *asked_place(news)).site == there.site
        except settings.SettingsError:
            return False

    def note_where_it_stays(self, urn: str, olds: Props) -> None:
        """The inputs ask for no other place, so the audio stays where it is, whatever the stack's default is now."""
        place = Place.parse(olds.get("place"))
        if place is None:
            return
        try:
            default = Place.asked(self.offline(), *asked_place(olds))
        except settings.SettingsError:
            return
        if default.site != place.site:
            self.run.stays(urn, place.site, default.site)

    # -- the end ---------------------------------------------------------------------------------------------

    def over(self) -> None:
        """The engine has shown and asked all that it was going to, and has saved its state, or failed to.

        What it was told counts as saved only when a later run shows it. What it has shown is saved, and noted here.
        """
        if not self.run.owners:
            for line in self.run.lines():
                serving.say(line)
        if line := self.run.staying_line():
            serving.say(line)
        shown = self.run.take_shown()
        if self.opened is None:
            if shown:
                self._note_beside(shown)
            return
        with suppress(LedgerError):  # the next run shows it again
            self.opened.ledger.hold(shown)
            self.opened.ledger.flush()
        if line := self.opened.over():
            serving.say(line)
        left = self._not_taken(self.opened.ledger) if self.run.owners else []
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
                for it in ledger.kept(self.run.owners)
                if it.audio_id is not None
                and not self.run.has_answered(it.audio_id)
                and not (it.state is State.ANSWERED and ledger.is_of_this_run(it))
            ]

        found = left()
        if not found:
            return []
        with suppress(LedgerError):
            ledger.renew()
        return left()

    def _note_beside(self, shown: list[Holder]) -> None:
        """Note what the engine has shown in a run that asks nothing of VOD, if the ledger is a file that is there.

        Say what replacements that were broken off have left of resources that are as declared: nobody asks for it.
        """
        from vod_provider.audio.ledger import Ledger

        with suppress(LedgerError, settings.SettingsError):
            location = self.offline().ledger
            if isinstance(location, LedgerFile) and location.path.exists():
                ledger = Ledger(location.path, owner_now=partial(owner_now, os.environ))
                ledger.hold(shown)
                self._tell_what_nobody_asks_for(ledger, {it.owner for it in shown})

    def _tell_what_nobody_asks_for(self, ledger: Ledger, owners: Collection[str]) -> None:
        for request in [it for it in ledger.kept("") if it.owner in owners]:
            _, found, urn = request.owner.partition("urn:pulumi:")
            if not self.run.is_replaced(f"{found}{urn}"):
                name = name_of(request.owner)
                self._tells(
                    f"audio {request.audio_id} ({request.format} of asset {request.source}) was made for {name} by a"
                    f" run that was broken off, and is not what {name} asks for: it is deleted with {name};"
                    " `python -m vod_provider orphans` says how to remove it before"
                )


@contextmanager
def before_asking(request: inputs.Request) -> Iterator[None]:
    """Say what the ledger was needed for where it cannot be used before VOD is asked."""
    try:
        yield
    except LedgerError as error:
        doing = f"extracting {request.format} from asset {request.asset_id}"
        doing = doing if request.adopt is None else f"adopting audio {request.adopt}"
        raise LedgerError(f"{doing}: {error}; VOD was not asked, and the next `pulumi up` asks it") from error


_of_process: RunContext | None = None


def of_process(config: Mapping[str, str]) -> RunContext:
    """The one of this process: Pulumi's dynamic host configures each provider that it loads, all with the same."""
    global _of_process
    if _of_process is None:
        _of_process = RunContext(config)
    return _of_process


def asked_place(props: Props) -> tuple[str | None, str | None, str | None]:
    """What the inputs say of the place, without what is not known yet."""
    region, project_id, account = (it if isinstance(it := props.get(name), str) else None for name in inputs.PLACE)
    return region, project_id, account


def moved_place(held: Held, request: inputs.Request, place: Place) -> Place:
    """Where an audio is that is taken over, with the credentials that the request names; `place` if nobody says."""
    there = Place.parse(held.site)
    return place if there is None else replace(there, account=request.account)
