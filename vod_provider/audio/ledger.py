"""Who holds which audio, and where; what was asked of VOD and is not yet known to be held. Everything asks this ledger.

A request begins as *intended* just before it leaves, is *accepted* with the audio's id, and *answered* once the engine
was told. It ends, as a *holder*, only when a later run shows that the engine's saved state has the id: an engine that
was told may fail to save. A process may be killed between any two of these steps; the next create of the same finds the
request and goes on from there. Holders stay until they give the audio up, so that nobody deletes or takes what is
theirs.

The ledger is a sqlite file that stacks and processes of a machine share, or a log in object storage that the machines
of a team share (see `Store`). It holds no secret: URNs, asset ids, titles of sources, formats and times.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import fields, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from vod_provider.audio import ledger_file
from vod_provider.audio.ledger_file import LOCK_PAUSE_S
from vod_provider.audio.ledger_records import Change, Holder, Key, LedgerError, Request, State, Store, mark

__all__ = ["Change", "Holder", "Key", "Ledger", "LedgerError", "Request", "State", "Store", "mark"]

T = TypeVar("T")
Row = TypeVar("Row", Request, Holder)

FEW = 20
"""The rows of so many audios are looked up one by one; those of more, all of their sites."""

HELD_S = 1.0
"""While many ask, this process lets others of the same file have their turn after so many seconds."""
_ROWS: dict[str, tuple[type[Request | Holder], tuple[str, ...]]] = {
    "requests": (Request, ("owner", "fingerprint")),
    "holders": (Holder, ("site", "audio_id", "owner")),
}


class _Made(NamedTuple):
    """A change, and the row as it was before; None for none."""

    change: Change
    before: Mapping[str, Any] | None


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
        if (path is None) == (store is None):
            raise ValueError("a ledger is in a file or in a store")
        self._path, self._store, self._warn, self._owner_now, self._run = path, store, warn, owner_now, run
        self._lock = threading.RLock()
        self._asking = threading.Lock()
        self._waiting = 0
        """Those who are about to ask VOD, and wait for their turn."""
        self._held: ExitStack | None = None
        """The lock on the file, while this process has it."""
        self._held_since = 0.0
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None
        """Which file the connection is to: another one may take its name."""
        self._changes: list[_Made] = []
        self._pending: list[_Made] = []
        """What was done and is not durable yet: in the store, or in the file."""
        self._learnt: list[Change] = []
        """What the store has returned since a write succeeded: it does so once, and a failed write is rolled back."""

    # -- requests --------------------------------------------------------------------------------------------

    def find(self, key: Key) -> Request | None:
        """The request of that key that no state is known to hold."""
        found = self._requests("owner = ? AND fingerprint = ?", key)
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
                self._delete("requests", request.key)
                self._put(claimed)
            return claimed

        for former in chain([key], formers):
            if self.find(former) is None:
                continue
            request = self._change(partial(write, former), durable=True)
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
            self._delete("holders", (holder.site, holder.audio_id, holder.owner))
            self._put(request)

        self._change(write, durable=True)

    def intend(self, request: Request, may: Callable[[], bool] = lambda: True) -> bool:
        """VOD is about to be asked. Durable when this returns.

        False, and nothing written, if the key has a request already: of several processes that are about to ask for the
        same, one may. The same where `may` says no, which is asked again if another process was quicker to write.
        """

        def write() -> bool:
            if self.find(request.key) is not None or not may():
                return False
            self._put(replace(request, run=self._run))
            return True

        return self._change(write, durable=True)

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

        self._change(write)

    def _keep(self, request: Request) -> None:
        """Write down an audio that VOD has made of `request`, unless it is known; whatever its key has meanwhile."""
        there = self.find(request.key)
        if there is not None and there.asked_at == request.asked_at and there.audio_id in {None, request.audio_id}:
            self._put(request)
        elif not self._is_known(request):
            self._put(request if there is None else _beside(request))

    def _is_known(self, request: Request) -> bool:
        where, values = "site = ? AND audio_id = ?", (request.site, request.audio_id)
        return bool(self._requests(where, values) or self._holders(where, values))

    def answered(self, audios: Mapping[Key, str]) -> None:
        """The engine is told the ids of these audios now. An id that could not be written down when it came, is now."""

        def write() -> None:
            for key, audio_id in audios.items():
                request = self.find(key)
                if request is not None and (request.audio_id or (request.run == self._run and audio_id)) == audio_id:
                    self._put(replace(request, audio_id=audio_id, state=State.ANSWERED))

        self._change(write)

    def drop(self, key: Key, audio_id: str | None = None, *, asked: Request | None = None) -> None:
        """VOD has surely not done what was intended, or that audio is gone: there is nothing to find again.

        Does nothing where the request is not like that any more, or not `asked`: another process was quicker.
        """

        def write() -> None:
            request = self.find(key)
            if request is None or request.audio_id != audio_id:
                return
            if asked is None or request.asked_at == asked.asked_at:
                self._delete("requests", key)

        self._change(write)

    def take(self, request: Request) -> None:
        """The audio of `request`, which is there already, is to be its owner's, whatever its key was to get.

        Another audio that was made for the same key keeps a row of its own: nobody but this ledger knows of it.
        """

        def write() -> None:
            made = self.find(request.key)
            if made is not None and made.audio_id not in {None, request.audio_id}:
                self._put(_beside(made))
            self._put(replace(request, run=self._run))

        self._change(write)

    def unanswered(self, site: str) -> list[Request]:
        """The requests of a site whose answer is not known, of whomever, those of other stacks included."""
        own = self._requests("site = ? AND audio_id IS NULL", (site,))
        return own + [it for it in self._of_others(Request) if it.site == site and it.audio_id is None]

    def requests(self, site: str) -> list[Request]:
        """All requests of a site; makes no file where there is none."""
        return self._requests("site = ?", (site,)) if self.exists else []

    def everything(self, site: str) -> tuple[list[Request], list[Holder]]:
        """All requests and holders of a site, those of other stacks included; makes no file where there is none."""
        if not self.exists:
            return [], []
        requests = self._requests("site = ?", (site,)) + self._of_others(Request)
        holders = self._holders("site = ?", (site,)) + self._of_others(Holder)
        return [it for it in requests if it.site == site], [it for it in holders if it.site == site]

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
        rows = self._requests("substr(owner, 1, length(?)) = ? AND run != ?", (owners, owners, self._run))
        for request in sorted(rows, key=lambda it: (it.asked_at, it.key)):
            found[request.fingerprint].append(request.key)
        return found

    def asked_by(self, made_for: str, fingerprint: str) -> list[Key]:
        """The keys of what earlier runs have asked for, of the owner that this mark stands for, in whichever stack."""
        rows = self._requests("fingerprint = ? AND run != ?", (fingerprint, self._run)) if self._run else []
        return [it.key for it in rows if mark(it.owner) == made_for]

    def kept(self, owners: str) -> list[Request]:
        """Audios that no state is known to hold, of owners that begin with `owners`."""
        return self._requests("substr(owner, 1, length(?)) = ? AND audio_id IS NOT NULL", (owners, owners))

    # -- holders ---------------------------------------------------------------------------------------------

    def hold(self, holders: Iterable[Holder]) -> None:
        """The engine has shown that its saved state has these audios.

        Their requests end. A resource that was renamed takes the place of its former name. An assumed place is kept
        only where nothing better is known.
        """
        wanted = list(holders)

        def write() -> None:
            placed = list(filter(None, map(self._placed, wanted)))
            held, asked = self._holders_of(placed), self._requests_of(placed)
            for it in placed:
                for other in held[it.site, it.audio_id]:
                    if other.owner != it.owner and _is_same(it, other):
                        self._delete("holders", (other.site, other.audio_id, other.owner))
                if it not in held[it.site, it.audio_id]:
                    self._put(it)
                    held[it.site, it.audio_id].append(it)
                for request in asked[it.site, it.audio_id]:
                    if _is_of(request, it):
                        self._delete("requests", request.key)

        if wanted:
            self._change(write)

    def _placed(self, holder: Holder) -> Holder | None:
        """The holder as it is to be written down; None where that says nothing new."""
        if not holder.assumed:
            return holder
        requests = self._requests("audio_id = ? AND owner = ?", (holder.audio_id, holder.owner))
        if requests:
            return replace(holder, site=requests[0].site, assumed=False)
        known = self.holder_of(holder.audio_id, holder.owner)
        return None if known is not None else holder

    def release(self, *holders: Holder) -> None:
        """The engine has given these audios up, and its state will not have them any more. Durable when this returns.

        A row that outlived its holder would keep the audio at VOD when the last one who has it lets go.
        """
        self._change(lambda: self._release(holders), durable=True)

    def _release(self, holders: Sequence[Holder]) -> None:
        held, asked = self._holders_of(holders), self._requests_of(holders)
        for holder in holders:
            for it in held[holder.site, holder.audio_id]:
                if it.owner == holder.owner or _is_same(holder, it):
                    self._delete("holders", (it.site, it.audio_id, it.owner))
            for request in asked[holder.site, holder.audio_id]:
                if request.owner == holder.owner:
                    self._delete("requests", request.key)

    def let_go(self, holders: Sequence[Holder]) -> list[list[str]]:
        """The same as `others_of_each`; those whose audios others hold are released at once. Durable.

        Of two who let go of an audio at the same time, one finds nobody else, and deletes it.
        """

        def write() -> list[list[str]]:
            found = self.others_of_each(holders)
            self._release([holder for holder, others in zip(holders, found, strict=True) if others])
            return found

        return self._change(write, durable=True)

    def others_of(self, holder: Holder) -> list[str]:
        """The owners who hold the audio besides `holder`, or are about to: while there are any, it stays."""
        return self.others_of_each([holder])[0]

    def others_of_each(self, holders: Sequence[Holder]) -> list[list[str]]:
        """The same for each of many."""
        held, asked = self._holders_of(holders), self._requests_of(holders)
        for other in self._of_others(Holder):
            held[other.site, other.audio_id].append(other)
        for request in self._of_others(Request):
            asked[request.site, request.audio_id].append(request)
        found = []
        for holder in holders:
            rows, requests = held[holder.site, holder.audio_id], asked[holder.site, holder.audio_id]
            owners = {it.owner for it in rows if it.owner != holder.owner and not _is_same(holder, it)}
            former = {holder.owner, *(it.owner for it in requests if mark(it.owner) == holder.made_for)}
            found.append(sorted(owners | {it.owner for it in requests} - former))
        return found

    def held_as(self, key: Key) -> list[Holder]:
        """The audios that the resource of that key held when it was shown last, and that were made as the key asks."""
        where = "owner = ? AND fingerprint = ? AND NOT assumed"
        return self._holders(where, key) if key.fingerprint else []

    def disprovable(self, holder: Holder) -> list[str]:
        """Those of `others_of` who have no right to the audio if the saved state does not have it as theirs.

        These are holders, as earlier runs have shown, and, of an audio that was made for `holder`, those who were
        taking it over in an earlier run. What was made for somebody who is not in the state yet is theirs all the same.
        """
        where, values = "site = ? AND audio_id = ? AND owner != ?", (holder.site, holder.audio_id, holder.owner)
        requests = self._requests(where, values)
        claimed = {it.owner for it in requests}
        found = {it.owner for it in self._holders(where, values)} - claimed
        if holder.made_for == mark(holder.owner) and not holder.adopted:
            found |= {it.owner for it in requests if not self._run or it.run != self._run}
        return sorted(found)

    def holders(self, site: str) -> list[Holder]:
        """All holders of a site; makes no file where there is none."""
        return self._holders("site = ?", (site,)) if self.exists else []

    def held_by(self, owners: str) -> list[Holder]:
        """All holders that begin with `owners`; makes no file where there is none."""
        return self._holders("substr(owner, 1, length(?)) = ?", (owners, owners)) if self.exists else []

    def holder_of(self, audio_id: str, owner: str) -> Holder | None:
        """What is written of a resource that holds an audio, wherever that is; makes no file where there is none."""
        found = self._holders("audio_id = ? AND owner = ?", (audio_id, owner)) if self.exists else []
        return found[0] if found else None

    def source_of(self, site: str, audio_id: str) -> str | None:
        """The video that an audio was made from, if it is written down here; makes no file where there is none."""
        if not self.exists:
            return None
        where, values = "site = ? AND audio_id = ?", (site, audio_id)
        sources = [it.source for it in self._holders(where, values)]
        sources += [it.source for it in self._requests(where, values)]
        return next((it for it in sources if it), None)

    def sites_of(self, audio_id: str) -> list[str]:
        """Where an audio is, as far as this ledger says: one site as a rule; makes no file where there is none."""
        if not self.exists:
            return []
        sites = {it.site for it in self._holders("audio_id = ?", (audio_id,))}
        return sorted(filter(None, sites | {it.site for it in self._requests("audio_id = ?", (audio_id,))}))

    def knows(self, site: str, audio_id: str) -> bool:
        """Whether an audio of a site is somebody's in this ledger."""
        where, values = "site = ? AND audio_id = ?", (site, audio_id)
        return bool(self._holders(where, values) or self._requests(where, values))

    def known_ids(self, site: str) -> set[str]:
        """All audios of a site that are somebody's, in this ledger or in those of other stacks."""
        holders = self._holders("site = ?", (site,)) + self._of_others(Holder)
        requests = self._requests("site = ?", (site,)) + self._of_others(Request)
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
        with self._lock:
            self._waiting += 1
        self._asking.acquire()
        with self._lock:
            self._waiting -= 1
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
            if self._store is not None:
                self._renew(self._store)
            yield

    @property
    def excludes_others(self) -> bool:
        """Whether nobody else who shares this ledger asks VOD while `searching` is entered: not so with a store."""
        return self._store is None

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
                if not self._waiting or time.monotonic() - self._held_since > HELD_S:
                    self._settle()
                    self._held.close()
                    self._held = None
        finally:
            self._asking.release()

    def _settle(self) -> None:
        """Make durable what was left to the next change: nobody is about to make one."""
        if not self._pending:
            return
        with suppress(LedgerError):  # it stays pending, and who waits for it to be durable is told
            self._change(lambda: None, durable=True)

    # -- rows ------------------------------------------------------------------------------------------------

    @property
    def exists(self) -> bool:
        """Whether there is a ledger to read: a file that nobody has written to is not there."""
        return self._path is None or ledger_file.exists(self._path)

    def flush(self) -> None:
        """Return once all changes are durable. Raises LedgerError."""
        if self._store is not None or self._connection is not None:
            self._change(lambda: None, durable=True)

    def _holders_of(self, holders: Sequence[Holder]) -> defaultdict[tuple[str, str | None], list[Holder]]:
        """All who hold the audios of these, by site and id."""
        return _by_audio(it for where, values in _audios_of(holders) for it in self._holders(where, values))

    def _requests_of(self, holders: Sequence[Holder]) -> defaultdict[tuple[str, str | None], list[Request]]:
        """All requests whose audios are those of these, by site and id."""
        return _by_audio(it for where, values in _audios_of(holders) for it in self._requests(where, values))

    def _requests(self, where: str, values: Sequence[object]) -> list[Request]:
        return [_request(row) for row in self._rows("requests", where, values)]

    def _holders(self, where: str, values: Sequence[object]) -> list[Holder]:
        return [_holder(row) for row in self._rows("holders", where, values)]

    def _rows(self, table: str, where: str, values: Sequence[object]) -> list[Mapping[str, Any]]:
        with self._database() as database:
            cursor = database.execute(f"SELECT * FROM {table} WHERE {where}", tuple(values))  # noqa: S608 - our own words
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def _of_others(self, kind: type[T]) -> list[T]:
        if self._store is None:
            return []
        others = self._store.others()
        with _reading(self._store):
            return [it for it in map(_of_row, others) if isinstance(it, kind)]

    def _put(self, row: Request | Holder) -> None:
        table = "requests" if isinstance(row, Request) else "holders"
        values = _values(row)
        if isinstance(row, Request):
            values |= {"state": row.state.value, "source_known": json.dumps(row.source_known)}
        self._made(Change(table, tuple(values[name] for name in _ROWS[table][1]), values))

    def _delete(self, table: str, key: tuple[str, ...]) -> None:
        self._made(Change(table, tuple(key), None))

    def _made(self, change: Change) -> None:
        before = self._row(change)
        with self._database() as database:
            _apply(database, change)
        self._changes.append(_Made(change, before))

    def _row(self, change: Change) -> Mapping[str, Any] | None:
        """The row that the change is about, as it is now."""
        where = " AND ".join(f"{name} = ?" for name in _ROWS[change.table][1])
        found = self._rows(change.table, where, change.key)
        return found[0] if found else None

    def _change(self, write: Callable[[], T], *, durable: bool = False) -> T:
        """Do what `write` does to the rows, as one. `durable`: it is on the disk, or in the store, when this returns.

        Where somebody is about to ask VOD, what need not be is left to the change that they have to make first: a
        commit takes the disk some milliseconds, and all who ask wait for it.
        """
        with self._lock, self._transaction(leave=not durable and self._store is None and self._waiting > 0):
            self._changes = []
            if self._store is not None and durable:
                return self._stored(self._store, write)
            result = write()
            self._pending += self._changes
            return result

    def _renew(self, store: Store) -> None:
        """Take in what other processes have written to the store."""
        with self._lock:
            with self._database():  # which reads all that is there, the first time
                self._learnt += store.renew()
            if self._learnt:
                with self._transaction(leave=False):
                    self._rebase(store)
                self._learnt = []

    def _rebase(self, store: Store) -> None:
        """Make the changes that the store has returned, and after them what is pending, as far as it still holds."""
        if not self._learnt:
            return
        with _reading(store), self._database() as database:
            for change in self._learnt:
                _apply(database, change)
        self._remake()

    def _remake(self) -> None:
        """Make what is pending again."""
        pending, self._changes = self._pending, []
        for made in pending:
            self._make_again(made)
        self._pending = self._changes

    def _make_again(self, made: _Made) -> None:
        """Make a change again, after those of another process, which may have asked anew for the same."""
        change, before = made
        there = self._row(change)
        if change.table != "requests" or there == before:
            self._made(change)
        elif change.row is not None:
            self._keep(_request(change.row))
        elif there is not None and before is not None and _which(there) == _which(before):
            self._made(change)

    def _stored(self, store: Store, write: Callable[[], T]) -> T:
        """Have the store append what is pending and what `write` does; again where another process was quicker."""
        with self._database() as database:
            while True:
                self._rebase(store)
                database.execute("SAVEPOINT written")
                self._changes = []
                result = write()
                changes = [it.change for it in (*self._pending, *self._changes)]
                newer = store.append(changes) if changes else ()
                if not newer:
                    self._pending, self._learnt = [], []
                    return result
                database.execute("ROLLBACK TO written")
                # What another process wrote, and after that what of ours is older and still holds.
                self._learnt += newer

    # -- the database ----------------------------------------------------------------------------------------

    @contextmanager
    def _transaction(self, *, leave: bool) -> Iterator[None]:
        """One change, within the transaction that is open already, if one is. `leave`: it is committed with another."""
        with self._database() as database:
            if not database.in_transaction:
                if self._path is not None and ledger_file.identity(self._path) != self._file:
                    database = self._opened_again(self._path, database)
                database.execute("BEGIN IMMEDIATE")
                if self._path is not None and self._pending:
                    self._make_up(database)
            database.execute("SAVEPOINT change")
            pending = list(self._pending)
            try:
                yield
                database.execute("RELEASE change")
                if not leave:
                    self._commit(database)
            except BaseException:
                if self._path is not None:
                    self._pending = pending
                if database.in_transaction:
                    database.execute("ROLLBACK TO change")
                    self._commit(database)  # what others have left here, if anything
                raise

    def _make_up(self, database: sqlite3.Connection) -> None:
        """Make what was left to another change, and went with it: sqlite gives all up where a disk is full."""
        try:
            self._remake()
        except BaseException:
            if database.in_transaction:
                database.execute("ROLLBACK")
            raise

    def _commit(self, database: sqlite3.Connection) -> None:
        _committed(database)
        if self._path is not None:
            self._pending = []

    @contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        with self._lock, ledger_file.refusing(self._path):
            if self._connection is None:
                self._connection = self._open()
                self._file = ledger_file.identity(self._path) if self._path is not None else None
            yield self._connection

    def _opened_again(self, path: Path, before: sqlite3.Connection) -> sqlite3.Connection:
        """The file at `path` is not the one that was opened: write all that is known here to the one that is there now.

        What is written to a file without a name goes with this process.
        """
        self._warn(
            f"the ledger {path} was removed or replaced while it was in use; what this run knows was added to it"
        )
        rows = [(table, before.execute(f"SELECT * FROM {table}")) for table in _ROWS]  # noqa: S608 - our own words
        known = [(table, tuple(it[0] for it in cursor.description), cursor.fetchall()) for table, cursor in rows]
        before.close()
        self._connection = None
        with self._database() as database:
            database.execute("BEGIN IMMEDIATE")
            for table, names, values in known:
                marks = ", ".join("?" * len(names))
                database.executemany(
                    f"INSERT OR IGNORE INTO {table} ({', '.join(names)}) VALUES ({marks})",  # noqa: S608 - our own words
                    values,
                )
            _committed(database)
            return database

    def _open(self) -> sqlite3.Connection:
        if self._path is not None:
            return ledger_file.opened(self._path, self._warn, self._owner_now)
        database = ledger_file.in_memory()
        if self._store is not None:
            changes = self._store.load()
            with _reading(self._store):
                for change in changes:
                    _apply(database, change)
        return database


def _committed(database: sqlite3.Connection) -> None:
    try:
        database.execute("COMMIT")
    except BaseException:
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise


@contextmanager
def _reading(store: Store) -> Iterator[None]:
    """Turn what rows that nobody of ours has written raise into one line."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, sqlite3.Error) as exc:
        raise LedgerError(
            f"the ledger at {store.name} cannot be read: it has a row that is not of this package"
        ) from exc


def _is_same(one: Holder, other: Holder) -> bool:
    """Whether both are the same resource under two names: audios that were made, not adopted, have one holder."""
    if one.adopted or other.adopted:
        return False
    return not one.made_for or not other.made_for or one.made_for == other.made_for


def _is_of(request: Request, holder: Holder) -> bool:
    """Whether the request is the holder's, perhaps of its former name; else it is that of somebody who has adopted it.

    States of the versions before do not say for whom an audio was made; a rename stays within the stack.
    """
    if request.owner == holder.owner:
        return True
    if holder.adopted:
        return False
    if holder.made_for:
        return mark(request.owner) == holder.made_for
    return _stack_of(request.owner) == _stack_of(holder.owner)


def _audios_of(holders: Sequence[Holder]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """What finds the rows of their audios: of each alone, or, where they are many, of their sites as a whole."""
    if len(holders) > FEW:
        yield from (("site = ?", (site,)) for site in {it.site for it in holders})
    else:
        for site, audio_id in {(it.site, it.audio_id) for it in holders}:
            yield "site = ? AND audio_id = ?", (site, audio_id)


def _by_audio(rows: Iterable[Row]) -> defaultdict[tuple[str, str | None], list[Row]]:
    found: defaultdict[tuple[str, str | None], list[Row]] = defaultdict(list)
    for it in rows:
        found[it.site, it.audio_id].append(it)
    return found


def _beside(request: Request) -> Request:
    """The same with a key that nobody asks for, since its own is another request's."""
    return replace(request, fingerprint=f"{request.fingerprint} {request.audio_id}")


def _which(request: Mapping[str, Any]) -> tuple[Any, ...]:
    """What tells a request from another of its key."""
    return request["asked_at"], request["audio_id"]


def _stack_of(owner: str) -> list[str]:
    return owner.split("::")[:2]


def _values(row: Request | Holder) -> dict[str, Any]:
    return {one.name: getattr(row, one.name) for one in fields(row)}


def _request(row: Mapping[str, Any]) -> Request:
    known = json.loads(row["source_known"])
    return Request(**{**_known_to(Request, row), "state": State(row["state"]), "source_known": known})


def _holder(row: Mapping[str, Any]) -> Holder:
    return Holder(**{**_known_to(Holder, row), "adopted": bool(row["adopted"]), "assumed": bool(row["assumed"])})


def _known_to(kind: type[Request | Holder], row: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of a row that this version knows: a newer one may have written more."""
    return {one.name: row[one.name] for one in fields(kind) if one.name in row}


def _of_row(change: Change) -> Request | Holder | None:
    if change.row is None:
        return None
    return _request(change.row) if change.table == "requests" else _holder(change.row)


def _apply(database: sqlite3.Connection, change: Change) -> None:
    """Make a change."""
    if change.table not in _ROWS:
        return
    kind, key = _ROWS[change.table]
    if change.row is None:
        where = " AND ".join(f"{name} = ?" for name in key)
        database.execute(f"DELETE FROM {change.table} WHERE {where}", change.key)  # noqa: S608 - our own words
        return
    row = _known_to(kind, change.row)
    marks = ", ".join("?" * len(row))
    database.execute(
        f"INSERT OR REPLACE INTO {change.table} ({', '.join(row)}) VALUES ({marks})",  # noqa: S608 - our own words
        tuple(row.values()),
    )
