"""The rows of a ledger: read, changed together as one, and made durable in a sqlite file or in a store.

They are in a sqlite database: the file itself, or, with a store, a copy in memory. A change that need not be durable at
once is *pending*, and becomes durable with the next one that has to be. Until then it may have to be made again: on top
of what another process has written to the store, or when sqlite has undone it because the disk is full. What the rows
mean is the ledger's business: it decides what becomes of a request that another process has changed, too.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from vod_provider.audio import ledger_file
from vod_provider.audio.ledger_records import Change, Holder, LedgerError, Request, State, Store, stack_of

T = TypeVar("T")
Row = TypeVar("Row", Request, Holder)
Values = Mapping[str, Any]
"""A row as the database and the stores have it, by the names of its columns."""

FEW = 20
"""The rows of so many audios are looked up one by one; those of more, all of their sites."""
_TABLES: dict[str, tuple[type[Request | Holder], tuple[str, ...]]] = {
    "requests": (Request, ("owner", "fingerprint")),
    "holders": (Holder, ("site", "audio_id", "owner")),
}
"""What is in each table, and the columns of its key."""


class _Made(NamedTuple):
    """A change, and the row as it was before; None for none."""

    change: Change
    before: Values | None


class Rows:
    """The rows in the file at `path`, made when it is first used; or, with a `store`, in that.

    Safe to share between threads; a file also between processes. `warn` and `owner_now` are as in `Ledger`.

    `make_again(change, before, there)` is called when a pending change of a request has to be made again and its row is
    not as it was `before`, but `there`: another process may have changed it. It makes the change that is right now, by
    `put`, `delete` or `make`, if any. All other changes are simply made again.
    """

    def __init__(
        self,
        path: Path | None,
        store: Store | None,
        *,
        make_again: Callable[[Change, Values | None, Values | None], None],
        warn: Callable[[str], None],
        owner_now: Callable[[str], str],
    ) -> None:
        if (path is None) == (store is None):
            raise ValueError("a ledger is in a file or in a store")
        self._path, self._store = path, store
        self._make_again, self._warn, self._owner_now = make_again, warn, owner_now
        self.changes_due = 0
        """How many are about to make a durable change (see `about_to_change`)."""
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None
        """Which file the connection is to: another one may take its name."""
        self._changes: list[_Made] = []
        """What was done in the change that is being made."""
        self._pending: list[_Made] = []
        """What was done and is not durable yet: in the store, or in the file."""
        self._learnt: list[Change] = []
        """What the store has returned since a write succeeded: it does so once, and a failed write is rolled back."""
        self._catching_up = threading.Lock()
        self._begun = self._caught_up = 0
        """How often `catch_up` has read the store, and the number of the last reading that has succeeded."""

    # -- to read ---------------------------------------------------------------------------------------------

    @property
    def exists(self) -> bool:
        """Whether there is anything to read: a file that nobody has written to is not there."""
        return self._path is None or ledger_file.exists(self._path)

    def requests(self, where: str, *values: object) -> list[Request]:
        """Those that meet a condition in SQL, whose question marks stand for the values."""
        return [request_of(row) for row in self._select("requests", where, values)]

    def holders(self, where: str, *values: object) -> list[Holder]:
        """Those that meet a condition in SQL, whose question marks stand for the values."""
        return [_holder_of(row) for row in self._select("holders", where, values)]

    def of_audio(self, site: str, audio_id: str | None) -> list[Holder | Request]:
        """The holders of an audio, and the requests that made it."""
        where = "site = ? AND audio_id = ?"
        return [*self.holders(where, site, audio_id), *self.requests(where, site, audio_id)]

    def requests_of(self, holders: Sequence[Holder]) -> defaultdict[tuple[str, str | None], list[Request]]:
        """All requests whose audios are those of these, by site and id."""
        return _by_audio(it for where, values in _audios_of(holders) for it in self.requests(where, *values))

    def holders_of(self, holders: Sequence[Holder]) -> defaultdict[tuple[str, str | None], list[Holder]]:
        """All who hold the audios of these, by site and id."""
        return _by_audio(it for where, values in _audios_of(holders) for it in self.holders(where, *values))

    def of_others(self, kind: type[T]) -> list[T]:
        """The requests, or holders, of the other stacks that share the store."""
        if self._store is None:
            return []
        others = self._store.others()
        with _reading(self._store):
            return [it for it in map(_record_of, others) if isinstance(it, kind)]

    # -- to change -------------------------------------------------------------------------------------------

    def change(self, write: Callable[[], T], *, durable: bool = False) -> T:
        """Do what `write` does to the rows, as one. `durable`: it is on the disk, or in the store, when this returns.

        With a store, `write` is called again where another process was quicker. Raises LedgerError.
        """
        with self._lock, self._transaction(leave=not durable and self._store is None and self.changes_due > 0):
            self._changes = []
            if self._store is not None and durable:
                return self._append(self._store, write)
            result = write()
            self._pending += self._changes
            return result

    def put(self, row: Request | Holder) -> None:
        """Write a row, in place of the one with its key. Within a change."""
        values = {one.name: getattr(row, one.name) for one in fields(row)}
        if isinstance(row, Request):
            values |= {"state": row.state.value, "source_known": json.dumps(row.source_known)}
        self.make(Change(*_place_of(row), values))

    def delete(self, row: Request | Holder) -> None:
        """Delete the row with the key of this one. Within a change."""
        self.make(Change(*_place_of(row), None))

    def delete_of_other(self, row: Request | Holder) -> None:
        """Delete a row of another stack, which the store has apart from this one's, in a change of its own."""
        if self._store is not None:
            self._store.append_to(stack_of(row.owner), [Change(*_place_of(row), None)])

    def make(self, change: Change) -> None:
        """Write or delete a row. Within a change."""
        before = self._row(change)
        with self._database() as database:
            _apply(database, change)
        self._changes.append(_Made(change, before))

    @contextmanager
    def about_to_change(self) -> Iterator[None]:
        """Entered by whoever is about to make a durable change: until then, other changes of a file are left to that.

        A commit takes the disk some milliseconds, and whoever is about to make a change would wait for it. Whoever has
        entered this calls `settle` in the end, since the change may not have come.
        """
        with self._lock:
            self.changes_due += 1
        try:
            yield
        finally:
            with self._lock:
                self.changes_due -= 1

    def settle(self) -> None:
        """Make durable what was left to the next change, where nobody is about to make one."""
        if not self._pending:
            return
        with suppress(LedgerError):  # it stays pending, and who waits for it to be durable is told
            self.flush()

    def flush(self) -> None:
        """Return once all changes are durable. Raises LedgerError."""
        if self._store is not None or self._connection is not None:
            self.change(lambda: None, durable=True)

    # -- the store, and what is made again ---------------------------------------------------------------------

    def renew(self) -> None:
        """Take in what other processes have written to the store. What they write to a file is there at once."""
        if self._store is not None:
            self._learn(self._store.renew)

    def catch_up(self) -> None:
        """The same of this stack alone, which takes a store less.

        Of many who ask at the same time, one does it for all whose turn has not come when it begins.
        """
        if self._store is None:
            return
        before = self._begun
        with self._catching_up:
            if self._caught_up > before:
                return
            self._begun += 1
            self._learn(self._store.newer)
            self._caught_up = self._begun

    def _learn(self, newer: Callable[[], Sequence[Change]]) -> None:
        with self._lock:
            with self._database():  # which reads all that is there, the first time
                self._learnt += newer()
            if self._learnt and self._store is not None:
                with self._transaction(leave=False):
                    self._take_in(self._store)
                self._learnt = []

    def _append(self, store: Store, write: Callable[[], T]) -> T:
        """Have the store append what is pending and what `write` does; again where another process was quicker."""
        with self._database() as database:
            while True:
                self._take_in(store)
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

    def _take_in(self, store: Store) -> None:
        """Make the changes that the store has returned, and after them what is pending, as far as it still holds."""
        if not self._learnt:
            return
        with _reading(store), self._database() as database:
            for change in self._learnt:
                _apply(database, change)
        self._make_pending_again()

    def _make_pending_again(self) -> None:
        pending, self._changes = self._pending, []
        for change, before in pending:
            there = self._row(change)
            if change.table == "requests" and there != before:
                self._make_again(change, before, there)
            else:
                self.make(change)
        self._pending = self._changes

    # -- the database ----------------------------------------------------------------------------------------

    def _select(self, table: str, where: str, values: Sequence[object]) -> list[Values]:
        with self._database() as database:
            cursor = database.execute(f"SELECT * FROM {table} WHERE {where}", tuple(values))  # noqa: S608 - our own words
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def _row(self, change: Change) -> Values | None:
        """The row that the change is about, as it is now."""
        where = " AND ".join(f"{name} = ?" for name in _TABLES[change.table][1])
        found = self._select(change.table, where, change.key)
        return found[0] if found else None

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
            self._make_pending_again()
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

    def _opened_again(self, path: Path, before: sqlite3.Connection) -> sqlite3.Connection:
        """The file at `path` is not the one that was opened: write all that is known here to the one that is there now.

        What is written to a file without a name goes with this process.
        """
        self._warn(
            f"the ledger {path} was removed or replaced while it was in use; what this run knows was added to it"
        )
        rows = [(table, before.execute(f"SELECT * FROM {table}")) for table in _TABLES]  # noqa: S608 - our own words
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


def request_of(row: Values) -> Request:
    """The request that is in a row."""
    known = json.loads(row["source_known"])
    return Request(**{**_known_to(Request, row), "state": State(row["state"]), "source_known": known})


def _holder_of(row: Values) -> Holder:
    return Holder(**{**_known_to(Holder, row), "adopted": bool(row["adopted"]), "assumed": bool(row["assumed"])})


def _record_of(change: Change) -> Request | Holder | None:
    """What the change has written; None where it has deleted."""
    if change.row is None:
        return None
    return request_of(change.row) if change.table == "requests" else _holder_of(change.row)


def _known_to(kind: type[Request | Holder], row: Values) -> dict[str, Any]:
    """The columns of a row that this version knows: a newer one may have written more."""
    return {one.name: row[one.name] for one in fields(kind) if one.name in row}


def _place_of(row: Request | Holder) -> tuple[str, tuple[str, ...]]:
    """Its table, and its key there."""
    table = "requests" if isinstance(row, Request) else "holders"
    return table, tuple(getattr(row, name) for name in _TABLES[table][1])


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


def _apply(database: sqlite3.Connection, change: Change) -> None:
    """Make a change in the database."""
    if change.table not in _TABLES:
        return
    kind, key = _TABLES[change.table]
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
