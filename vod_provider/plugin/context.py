"""What the providers of one process share in one run of the engine: its configuration, what it has shown, services.

Nothing is looked at before it is needed, and HTTP and SQL are loaded when the first call to VOD is due: so a preview
and an `up` without changes need neither them nor credentials.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from vod_provider.audio import inputs
from vod_provider.audio.ledger_records import (
    Holder,
    Key,
    LedgerError,
    entry_of,
    name_of,
)
from vod_provider.audio.place import Place
from vod_provider.config import settings
from vod_provider.config.ledger_location import LedgerFile
from vod_provider.plugin import saved_state, serving
from vod_provider.plugin.errors import EncryptedStateError, SavedStateError
from vod_provider.plugin.leftovers import Leftovers
from vod_provider.plugin.moves import Held, Moves, in_catalogue
from vod_provider.plugin.owner import owner_now
from vod_provider.plugin.parallelism_hint import ParallelismHint, parallelism
from vod_provider.plugin.run import Run
from vod_provider.vod.errors import ExtractionError, VodError

if TYPE_CHECKING:
    from vod_provider.audio.lifecycle import Asked
    from vod_provider.audio.operation import Operation
    from vod_provider.plugin.services import Services

Props = Mapping[str, Any]


class RunContext:
    """One run, for all providers of this process. `config` is the stack's configuration, by full name."""

    def __init__(self, config: Mapping[str, str]) -> None:
        self.config, self.run = config, Run()
        self.leftovers = Leftovers(self.run)
        self.hint = ParallelismHint(parallelism(os.environ, os.cpu_count() or 1))
        self.opened: Services | None = None
        self._settings: settings.Settings | None = None
        self._moves: Moves | None = None
        self._opening = threading.Lock()
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
            # Before anybody goes on: a row that is written after its owner has let go would keep the audio.
            self.leftovers.note_unknown(self.opened.ledger.hold(self.run.take_shown()))
            return self.opened

    def begin(self, owners: str) -> Services:
        """The same, for what changes something: then this is no preview."""
        services = self.services(owners)
        self.run.owners = owners
        return services

    # -- who holds what --------------------------------------------------------------------------------------

    def shows(self, owner: str, audio_id: str, props: Props) -> Holder:
        """Note that the engine's saved state has this audio; returns whose it is, as `holder`.

        What a program only looks up by `get` is somebody else's: it has no source, and a refresh shows it all the same.
        """
        holder = self.holder(owner, audio_id, props)
        if holder.owner and holder.site and holder.source and "audio_asset_id" in props:
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
            if key is not None:
                self.leftovers.say_taken(audio_id, key.owner)
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
        """As `Services.asked`, for a resource or entry that is about to get an audio."""
        key = Key(operation.owner, request.fingerprint)
        with before_asking(request):
            if not operation.owner or request.adopt is not None:
                return services.asked(request, operation, tuple)
            self.leftovers.find(services.ledger, key)
            return services.asked(request, operation, partial(self.leftovers.formers, services.ledger, key))

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
        if not self.run.moves(held.audio_id, urn):
            doing, other = f"taking over the audio of {name_of(held.owner)}", self.run.moved_to(held.audio_id)
            billed = "take moved_from out, which extracts it and is billed"
            if other:
                raise VodError(f"{doing}: {name_of(other)} takes it over; {billed}")
            raise VodError(
                f"{doing}: it is being deleted, since the set that had it was updated before {name_of(urn)} was"
                f" declared; {billed}"
            )
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
            return Moves(services.ledger.kept(owners), self.leftovers.state().holders())
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
        self.leftovers.tell_what_was_not_taken(self.opened.ledger)

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
                self.leftovers.tell_what_nobody_asks_for(ledger, {it.owner for it in shown})


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
