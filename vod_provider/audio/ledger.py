"""Who holds which audio, and where; what was asked of VOD and is not yet known to be held. Everything asks this ledger.

A request begins as *intended* just before it leaves, is *accepted* with the audio's id, and *answered* once the engine
was told. It ends, as a *holder*, only when a later run shows that the engine's saved state has the id: an engine that
was told may fail to save. A process may be killed between any two of these steps; the next create of the same finds the
request and goes on from there. Holders stay until they give the audio up, so that nobody deletes or takes what is
theirs.

The ledger is a sqlite file that stacks and processes of a machine share, or a log in object storage that the machines
of a team share (see `Store`). How its rows get there is up to `ledger_rows`. It holds no secret: URNs, asset ids,
titles of sources, formats and times.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from vod_provider.audio import ledger_file
from vod_provider.audio.ledger_file import LOCK_PAUSE_S
from vod_provider.audio.ledger_records import Change, Holder, Key, LedgerError, Request, State, Store, mark
from vod_provider.audio.ledger_rows import FEW, Rows, Values, request_of

__all__ = ["FEW", "Change", "Holder", "Key", "Ledger", "LedgerError", "Request", "State", "Store", "mark"]

HELD_S = 1.0
"""While many ask, this process lets others of the same file have their turn after so many seconds."""


class Ledger:
    """The ledger in the file at `path`, made when it is first written; or, with a `store`, in that.

    Safe to share between threads; a file also between processes. `warn` is told in one line when a file that cannot be
    read was set aside. `owner_now` turns the owners that the versions before wrote into today's. `run` is what all
    processes of one run of the engine have in common; '' where that is not known.
    """

    def __init__(
        self,
        path: Path | None,
        *,
        store: Store | None = None,
        warn: Callable[[str], None] = lambda _: None,
        owner_now: Callable[[str], str] = lambda owner: owner,
        run: str = "",
    ) -> None:
        self._rows = Rows(path, store, make_again=self._make_again, warn=warn, owner_now=owner_now)
        self._path, self._run = path, run
        self._asking = threading.Lock()
        """Held by whoever has the turn to ask VOD, or to search."""
        self._held: ExitStack | None = None
        """The lock on the file, while this process has it."""
        self._held_since = 0.0

    @property
    def exists(self) -> bool:
        """Whether there is a ledger to read: a file that nobody has written to is not there."""
        return self._rows.exists

    def flush(self) -> None:
        """Return once all changes are durable. Raises LedgerError."""
        self._rows.flush()

    def catch_up(self) -> None:
        """Take in what other processes have written of this stack to a store. Raises LedgerError."""
        self._rows.catch_up()

    # -- requests --------------------------------------------------------------------------------------------

    def find(self, key: Key) -> Request | None:
        """The request of that key that no state is known to hold."""
        found = self._rows.requests("owner = ? AND fingerprint = ?", *key)
        return found[0] if found else None

    def claim(self, key: Key, formers: Iterable[Key] = (), site: str | None = None) -> Request | None:
        """The request of `key`; else the first of `formers`, by which a run before has asked for the same, if one did.

        It is then this run's, and the key of one whose audio is known becomes `key`: two resources of one run never get
        the same audio. One whose answer is missing keeps its key until that has been searched for. `formers` are gone
        through only as far as needed, and only those of `site`, if given, count.
        """

        def write(former: Key) -> Request | None:
            request = self.find(key)
            if request is None:
                request = self.find(former)
                if request is None or site not in {None, request.site}:
                    return None
                if former != key and self.is_of_this_run(request):
                    return None  # a resource of its own, in this run
            if request.audio_id is None:
                return request
            claimed = replace(request, owner=key.owner, run=self._run)
            if claimed != request:
                self._rows.delete(request)
                self._rows.put(claimed)
            return claimed

        for former in chain([key], formers):
            if self.find(former) is None:
                continue
            request = self._rows.change(partial(write, former), durable=True)
            if request is not None:
                return request
        return None

    def reclaim(self, holder: Holder) -> None:
        """Turn what a resource held, and its state has no more, into a request that it finds again. Durable."""
        request = Request(
            owner=holder.owner,
            fingerprint=holder.fingerprint,
            site=holder.site,
            account=holder.account,
            source=holder.source,
            format=holder.format,
            asked_at=0.0,  # long ago: an absence of the audio is one
            audio_id=holder.audio_id,
            state=State.ANSWERED,
            run=self._run,
        )

        def write() -> None:
            self._rows.delete(holder)
            self._rows.put(request)

        self._rows.change(write, durable=True)

    def intend(self, request: Request, may: Callable[[], bool] = lambda: True) -> bool:
        """VOD is about to be asked. Durable when this returns.

        False, and nothing written, if the key has a request already: of several processes that are about to ask for the
        same, one may. The same where `may` says no, which is asked again if another process was quicker to write.
        """

        def write() -> bool:
            if self.find(request.key) is not None or not may():
                return False
            self._rows.put(replace(request, run=self._run))
            return True

        return self._rows.change(write, durable=True)

    def accept(self, key: Key, audio_id: str, request_id: str = "", *, asked: Request | None = None) -> None:
        """VOD has accepted, and this is the audio's id.

        `asked` is the request, for whoever has sent it. Another run may have believed it lost meanwhile, and may have
        sent one of its own: then this audio keeps a row of its own, since nobody but this ledger knows of it.
        """
        values: dict[str, Any] = {"audio_id": audio_id, "request_id": request_id, "state": State.ACCEPTED}

        def write() -> None:
            request = self.find(key) if asked is None else replace(asked, run=self._run)
            if request is not None:
                self._keep(replace(request, **values))

        self._rows.change(write)

    def _keep(self, request: Request) -> None:
        """Write down an audio that VOD has made of `request`, unless it is known; whatever its key has meanwhile."""
        there = self.find(request.key)
        if there is not None and there.asked_at == request.asked_at and there.audio_id in {None, request.audio_id}:
            self._rows.put(request)
        elif not self._rows.of_audio(request.site, request.audio_id):
            self._rows.put(request if there is None else request.beside())

    def _make_again(self, change: Change, before: Values | None, there: Values | None) -> None:
        """Make a change of a request again (see `Rows`): another process may have asked for the same anew.

        What was written of an audio is kept in any case; a request is deleted only where it is still the same one.
        """
        if change.row is not None:
            self._keep(request_of(change.row))
        elif there is None or (before is not None and _which(there) == _which(before)):
            self._rows.make(change)

    def answered(self, audios: Mapping[Key, str]) -> None:
        """The engine is told the ids of these audios now. An id that could not be written down when it came, is now."""

        def write() -> None:
            for key, audio_id in audios.items():
                request = self.find(key)
                if request is not None and (request.audio_id or (request.run == self._run and audio_id)) == audio_id:
                    self._rows.put(replace(request, audio_id=audio_id, state=State.ANSWERED))

        self._rows.change(write)

    def drop(self, key: Key, audio_id: str | None = None, *, asked: Request | None = None) -> None:
        """VOD has surely not done what was intended, or that audio is gone: there is nothing to find again.

        Does nothing where the request is not like that any more, or not `asked`: another process was quicker.
        """

        def write() -> None:
            request = self.find(key)
            if request is None or request.audio_id != audio_id:
                return
            if asked is None or request.asked_at == asked.asked_at:
                self._rows.delete(request)

        self._rows.change(write)

    def take(self, request: Request) -> None:
        """The audio of `request`, which is there already, is to be its owner's, whatever its key was to get.

        Another audio that was made for the same key keeps a row of its own: nobody but this ledger knows of it.
        """

        def write() -> None:
            made = self.find(request.key)
            if made is not None and made.audio_id not in {None, request.audio_id}:
                self._rows.put(made.beside())
            self._rows.put(replace(request, run=self._run))

        self._rows.change(write)

    def unanswered(self, site: str) -> list[Request]:
        """The requests of a site whose answer is not known, of whomever, those of other stacks included."""
        own = self._rows.requests("site = ? AND audio_id IS NULL", site)
        return own + [it for it in self._rows.of_others(Request) if it.site == site and it.audio_id is None]

    def requests(self, site: str) -> list[Request]:
        """All requests of a site; makes no file where there is none."""
        return self._rows.requests("site = ?", site) if self.exists else []

    def is_of_this_run(self, request: Request) -> bool:
        """Whether this run has made the request, or has gone on with it."""
        return bool(self._run) and request.run == self._run

    def left(self, owners: str) -> dict[str, list[Key]]:
        """The keys of what earlier runs have asked for and no state is known to hold, by what was asked for.

        Of owners that begin with `owners`, in the order in which they asked.
        """
        found: defaultdict[str, list[Key]] = defaultdict(list)
        if not self._run:
            return found  # nobody knows which of them are of this run
        rows = self._rows.requests("substr(owner, 1, length(?)) = ? AND run != ?", owners, owners, self._run)
        for request in sorted(rows, key=lambda it: (it.asked_at, it.key)):
            found[request.fingerprint].append(request.key)
        return found

    def elsewhere(self, owners: str) -> dict[str, list[Request]]:
        """What earlier runs of other stacks have asked for and no state is known to hold, by what was asked for."""
        found: defaultdict[str, list[Request]] = defaultdict(list)
        if not self._run:
            return found
        own = self._rows.requests("substr(owner, 1, length(?)) != ? AND run != ?", owners, owners, self._run)
        for request in (*own, *self._rows.of_others(Request)):
            found[request.fingerprint].append(request)
        return found

    def take_over(self, request: Request, owner: str) -> bool:
        """Make a request of another stack that of `owner`, whatever is known of it yet. Durable.

        False, and nothing written, where it is not like that any more, or the owner has one of its own.
        """
        taken = replace(request, owner=owner, run=self._run)

        def write() -> bool:
            there = self.find(request.key)
            if self.find(taken.key) is not None or request not in (there, *self._rows.of_others(Request)):
                return False
            if there is not None:
                self._rows.delete(request)
            self._rows.put(taken)
            return True

        if not self._rows.change(write, durable=True):
            return False
        self._rows.delete_of_other(request)
        return True

    def kept(self, owners: str) -> list[Request]:
        """Audios that no state is known to hold, of owners that begin with `owners`."""
        return self._rows.requests("substr(owner, 1, length(?)) = ? AND audio_id IS NOT NULL", owners, owners)

    def asked_for(self, owners: str) -> list[Request]:
        """The same, and the requests whose answers are missing."""
        return self._rows.requests("substr(owner, 1, length(?)) = ?", owners, owners)

    # -- holders ---------------------------------------------------------------------------------------------

    def hold(self, holders: Iterable[Holder]) -> set[str]:
        """The engine has shown that its saved state has these audios; returns the ids of those that nobody had here.

        Their requests end. A resource that was renamed takes the place of its former name. An assumed place is kept
        only where nothing better is known.
        """
        wanted = list(holders)

        def write() -> set[str]:
            placed = list(filter(None, map(self._placed, wanted)))
            held, asked = self._rows.holders_of(placed), self._rows.requests_of(placed)
            places = {(it.site, it.audio_id) for it in placed}
            unknown = {audio_id for site, audio_id in places if not (held[site, audio_id] or asked[site, audio_id])}
            for it in placed:
                for other in held[it.site, it.audio_id]:
                    if other.owner != it.owner and it.is_same(other):
                        self._rows.delete(other)
                if it not in held[it.site, it.audio_id]:
                    self._rows.put(it)
                    held[it.site, it.audio_id].append(it)
                for request in asked[it.site, it.audio_id]:
                    if request.is_of(it):
                        self._rows.delete(request)
            return unknown

        return self._rows.change(write) if wanted else set()

    def _placed(self, holder: Holder) -> Holder | None:
        """The holder as it is to be written down; None where that says nothing new."""
        if not holder.assumed:
            return holder
        requests = self._rows.requests("audio_id = ? AND owner = ?", holder.audio_id, holder.owner)
        if requests:
            return replace(holder, site=requests[0].site, assumed=False)
        return holder if self.holder_of(holder.audio_id, holder.owner) is None else None

    def release(self, *holders: Holder) -> None:
        """The engine has given these audios up, and its state will not have them any more. Durable when this returns.

        A row that outlived its holder would keep the audio at VOD when the last one who has it lets go.
        """
        self._rows.change(lambda: self._release(holders), durable=True)

    def _release(self, holders: Sequence[Holder]) -> None:
        held, asked = self._rows.holders_of(holders), self._rows.requests_of(holders)
        for holder in holders:
            for it in held[holder.site, holder.audio_id]:
                if it.owner == holder.owner or holder.is_same(it):
                    self._rows.delete(it)
            for request in asked[holder.site, holder.audio_id]:
                if request.owner == holder.owner:
                    self._rows.delete(request)

    def let_go(self, holders: Sequence[Holder]) -> list[list[str]]:
        """The same as `others_of_each`; those whose audios others hold are released at once. Durable.

        Of two who let go of an audio at the same time, one finds nobody else, and deletes it. Of a store, what other
        processes of this stack have written is read first: they may have taken an audio since this one began.
        """
        self.catch_up()

        def write() -> list[list[str]]:
            found = self.others_of_each(holders)
            self._release([holder for holder, others in zip(holders, found, strict=True) if others])
            return found

        found = self._rows.change(write, durable=True)
        if not self.excludes_others and any(found):
            # Other stacks write to logs of their own: one that lets go at the same time finds that these have, or these
            # find here that it has. Both may, and then both delete it.
            self._rows.renew()
            kept = [holder for holder, others in zip(holders, found, strict=True) if others]
            still = iter(self.others_of_each(kept))
            found = [next(still) if others else [] for others in found]
        return found

    def others_of(self, holder: Holder) -> list[str]:
        """The owners who hold the audio besides `holder`, or are about to: while there are any, it stays."""
        return self.others_of_each([holder])[0]

    def others_of_each(self, holders: Sequence[Holder]) -> list[list[str]]:
        """The same for each of many."""
        held, asked = self._rows.holders_of(holders), self._rows.requests_of(holders)
        for other in self._rows.of_others(Holder):
            held[other.site, other.audio_id].append(other)
        for request in self._rows.of_others(Request):
            asked[request.site, request.audio_id].append(request)
        found = []
        for holder in holders:
            rows, requests = held[holder.site, holder.audio_id], asked[holder.site, holder.audio_id]
            owners = {it.owner for it in rows if it.owner != holder.owner and not holder.is_same(it)}
            former = {holder.owner, *(it.owner for it in requests if mark(it.owner) == holder.made_for)}
            found.append(sorted(owners | {it.owner for it in requests} - former))
        return found

    def held_as(self, key: Key) -> list[Holder]:
        """The audios that the resource of that key held when it was shown last, and that were made as the key asks."""
        where = "owner = ? AND fingerprint = ? AND NOT assumed"
        return self._rows.holders(where, *key) if key.fingerprint else []

    def disprovable(self, holder: Holder) -> list[str]:
        """Those of `others_of` who have no right to the audio if the saved state does not have it as theirs.

        These are holders, as earlier runs have shown, and, of an audio that was made for `holder`, those who were
        taking it over in an earlier run. What was made for somebody who is not in the state yet is theirs all the same.
        """
        rows = [*self._rows.of_audio(holder.site, holder.audio_id), *self._of_others(holder)]
        requests = [it for it in rows if isinstance(it, Request)]
        claimed = {it.owner for it in requests}
        found = {it.owner for it in rows} - claimed
        if holder.made_for == mark(holder.owner) and not holder.adopted:
            found |= {it.owner for it in requests if not self._run or it.run != self._run}
        return sorted(found - {holder.owner})

    def disown(self, holder: Holder) -> None:
        """As `release`, for a row of whichever stack."""
        self.release(holder)
        for row in self._of_others(holder):
            if row.owner == holder.owner:
                self._rows.delete_of_other(row)

    def _of_others(self, holder: Holder) -> list[Holder | Request]:
        """The rows of the other stacks that share the store and have to do with the audio."""
        rows: list[Holder | Request] = [*self._rows.of_others(Holder), *self._rows.of_others(Request)]
        return [it for it in rows if (it.site, it.audio_id) == (holder.site, holder.audio_id)]

    def holders(self, site: str) -> list[Holder]:
        """All holders of a site; makes no file where there is none."""
        return self._rows.holders("site = ?", site) if self.exists else []

    def held_by(self, owners: str) -> list[Holder]:
        """All holders that begin with `owners`; makes no file where there is none."""
        return self._rows.holders("substr(owner, 1, length(?)) = ?", owners, owners) if self.exists else []

    def holder_of(self, audio_id: str, owner: str) -> Holder | None:
        """What is written of a resource that holds an audio, wherever that is; makes no file where there is none."""
        found = self._rows.holders("audio_id = ? AND owner = ?", audio_id, owner) if self.exists else []
        return found[0] if found else None

    # -- audios, whether held or asked for -------------------------------------------------------------------

    def everything(self, site: str) -> tuple[list[Request], list[Holder]]:
        """All requests and holders of a site, those of other stacks included; makes no file where there is none."""
        if not self.exists:
            return [], []
        requests = self._rows.requests("site = ?", site) + self._rows.of_others(Request)
        holders = self._rows.holders("site = ?", site) + self._rows.of_others(Holder)
        return [it for it in requests if it.site == site], [it for it in holders if it.site == site]

    def source_of(self, site: str, audio_id: str) -> str | None:
        """The video that an audio was made from, if it is written down here; makes no file where there is none."""
        if not self.exists:
            return None
        return next((it.source for it in self._rows.of_audio(site, audio_id) if it.source), None)

    def sites_of(self, audio_id: str) -> list[str]:
        """Where an audio is, as far as this ledger says: one site as a rule; makes no file where there is none."""
        if not self.exists:
            return []
        sites = {it.site for it in self._rows.holders("audio_id = ?", audio_id)}
        return sorted(filter(None, sites | {it.site for it in self._rows.requests("audio_id = ?", audio_id)}))

    def knows(self, site: str, audio_id: str) -> bool:
        """Whether an audio of a site is somebody's in this ledger."""
        return bool(self._rows.of_audio(site, audio_id))

    def known_ids(self, site: str) -> set[str]:
        """All audios of a site that are somebody's, in this ledger or in those of other stacks."""
        holders = self._rows.holders("site = ?", site) + self._rows.of_others(Holder)
        requests = self._rows.requests("site = ?", site) + self._rows.of_others(Request)
        ids = {it.audio_id for it in holders if it.site == site}
        return ids | {it.audio_id for it in requests if it.site == site and it.audio_id is not None}

    # -- one at a time ---------------------------------------------------------------------------------------

    @contextmanager
    def asking(self, notice: Callable[[str], None] = lambda _: None) -> Iterator[None]:
        """Held while a request is under way that may make an audio: one at a time, of all processes of a file.

        So a kill leaves at most one answer missing, and there is little to mistake its audio for. Nobody searches
        meanwhile. A request takes a tenth of a second, and the quota is one in 0.6 s. `notice` is told in one line of
        another process for which this one waits long.
        """
        with self._rows.about_to_change():
            self._asking.acquire()
        with self._turn(None, notice):
            yield

    @contextmanager
    def searching(
        self, sleep: Callable[[float], None], notice: Callable[[str], None] = lambda _: None
    ) -> Iterator[None]:
        """Held while an audio is searched for and taken; waits, by `sleep`, until no request is under way.

        So an audio whose answer is still on its way to its owner is never mistaken for a lost one. The lock on a file
        is the operating system's, and goes with the process that held it. A store has no such lock: there, what others
        have written until now is read first.
        """
        while not self._asking.acquire(blocking=False):
            sleep(LOCK_PAUSE_S)
        with self._turn(sleep, notice):
            self._rows.renew()
            yield

    @property
    def excludes_others(self) -> bool:
        """Whether nobody else who shares this ledger asks VOD while `searching` is entered: not so with a store."""
        return self._path is not None

    @contextmanager
    def _turn(self, sleep: Callable[[float], None] | None, notice: Callable[[str], None]) -> Iterator[None]:
        """With `_asking` acquired: have the lock on the file, too, and give up both.

        The file's goes from one thread of this process to the next that waits, and with it what is not committed yet.
        """
        try:
            if self._held is None:
                held = ExitStack()
                if self._path is not None:
                    held.enter_context(ledger_file.locked(self._path, sleep, notice))
                self._held, self._held_since = held, time.monotonic()
            try:
                yield
            finally:
                if not self._rows.changes_due or time.monotonic() - self._held_since > HELD_S:
                    self._rows.settle()
                    self._held.close()
                    self._held = None
        finally:
            self._asking.release()


def _which(request: Values) -> tuple[Any, ...]:
    """What tells a request from another of its key."""
    return request["asked_at"], request["audio_id"]
