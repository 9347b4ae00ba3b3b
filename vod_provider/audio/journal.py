"""What was asked of VOD and is not yet known to be in Pulumi's state: a small sqlite file of the user's.

An entry begins as an intent just before the request leaves, is accepted with the audio's id, and is settled
when Pulumi shows that it has the id. A process may be killed between any two of these steps: the next create
of the same finds the entry and goes on from there. Settled entries are kept for a while, so that
a look for a lost audio knows which audios are somebody's.

Several stacks and processes share the file. It holds no secret: URNs, asset ids, formats and times.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

KEEP_S = 30 * 24 * 3600.0
"""Settled entries are forgotten after this."""
_APPLICATION = 0x564F_4431  # "VOD1": tells our file from anybody else's
_SCHEMA = """
CREATE TABLE entries (
    owner TEXT NOT NULL, fingerprint TEXT NOT NULL,
    service TEXT NOT NULL, source TEXT NOT NULL, format TEXT NOT NULL,
    audio_id TEXT, intended_at REAL NOT NULL, settled_at REAL
);
CREATE UNIQUE INDEX one_open ON entries (owner, fingerprint) WHERE settled_at IS NULL;
CREATE UNIQUE INDEX one_owner ON entries (service, audio_id);
"""


class JournalError(Exception):
    """The journal cannot be written; nothing may be asked of VOD without it."""


@dataclass(frozen=True)
class Key:
    """Whose entry: `owner` is the resource (backend and URN), `fingerprint` what was asked for."""

    owner: str
    fingerprint: str


@dataclass(frozen=True)
class Entry:
    """An open entry. `service` is endpoint and project; `intended_at` in Unix seconds of this machine's clock."""

    service: str
    source: str
    format: str
    audio_id: str | None
    intended_at: float


@dataclass(frozen=True)
class Owned(Entry):
    """An entry, open or settled, with whose it is (see `Key.owner`); `settled_at` is None while it is open."""

    owner: str
    settled_at: float | None


class Journal:
    """The journal at `path`, made when it is first written. Safe to share between threads and processes.

    `warn` is told in one line when a file that cannot be read was set aside.
    """

    def __init__(
        self,
        path: Path,
        *,
        warn: Callable[[str], None] = lambda _: None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._path, self._warn, self._now = path, warn, now
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    def find(self, key: Key) -> Entry | None:
        """The open entry of that key."""
        with self._database() as database:
            row = database.execute(
                "SELECT service, source, format, audio_id, intended_at FROM entries"
                " WHERE owner = ? AND fingerprint = ? AND settled_at IS NULL",
                (key.owner, key.fingerprint),
            ).fetchone()
        return Entry(*row) if row else None

    def intend(self, key: Key, *, service: str, source: str, audio_format: str) -> bool:
        """VOD is about to be asked. On disk when this returns.

        False, and nothing written, if the key has an open entry: of several processes that are about to ask for the
        same, one may.
        """
        with self._database() as database:
            written = database.execute(
                "INSERT INTO entries (owner, fingerprint, service, source, format, intended_at)"
                " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (owner, fingerprint) WHERE settled_at IS NULL DO NOTHING",
                (key.owner, key.fingerprint, service, source, audio_format, self._now()),
            )
            return written.rowcount == 1

    def accept(self, key: Key, audio_id: str) -> None:
        """VOD has accepted, and this is the audio's id. On disk when this returns."""
        with self._database() as database:
            # Should VOD ever give an id a second time, the later owner is the one who has it.
            database.execute("DELETE FROM entries WHERE audio_id = ? AND settled_at IS NOT NULL", (audio_id,))
            database.execute(
                "UPDATE entries SET audio_id = ? WHERE owner = ? AND fingerprint = ? AND settled_at IS NULL",
                (audio_id, key.owner, key.fingerprint),
            )

    def take_over(self, key: Key, audio_id: str, *, service: str, source: str, audio_format: str) -> None:
        """That audio, which is there already, is this key's now, whoever had it and whatever the key was to get."""
        with self._database() as database:
            database.execute("DELETE FROM entries WHERE service = ? AND audio_id = ?", (service, audio_id))
            database.execute(
                "DELETE FROM entries WHERE owner = ? AND fingerprint = ? AND settled_at IS NULL",
                (key.owner, key.fingerprint),
            )
            database.execute(
                "INSERT INTO entries (owner, fingerprint, service, source, format, audio_id, intended_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (key.owner, key.fingerprint, service, source, audio_format, audio_id, self._now()),
            )

    def drop(self, key: Key, audio_id: str | None = None) -> None:
        """VOD has surely not done what was intended, or that audio is gone: there is nothing to find again.

        Does nothing where the entry is not like that any more: another process was quicker.
        """
        with self._database() as database:
            database.execute(
                "DELETE FROM entries WHERE owner = ? AND fingerprint = ? AND settled_at IS NULL AND audio_id IS ?",
                (key.owner, key.fingerprint, audio_id),
            )

    def settle(self, audio_ids: Iterable[str]) -> None:
        """Pulumi has shown that it holds these ids."""
        if not self._path.exists():
            return
        with self._database() as database:
            database.executemany(
                "UPDATE entries SET settled_at = ? WHERE audio_id = ? AND settled_at IS NULL",
                [(self._now(), audio_id) for audio_id in audio_ids],
            )

    def audio_ids(self, service: str) -> set[str]:
        """All audios of that service that are known to be somebody's."""
        with self._database() as database:
            rows = database.execute(
                "SELECT audio_id FROM entries WHERE service = ? AND audio_id IS NOT NULL", (service,)
            ).fetchall()
        return {row[0] for row in rows}

    def entries(self, service: str) -> list[Owned]:
        """All that is known of that service, open entries and settled ones; makes no file where there is none."""
        if not self._path.exists():
            return []
        with self._database() as database:
            rows = database.execute(
                "SELECT service, source, format, audio_id, intended_at, owner, settled_at FROM entries"
                " WHERE service = ? ORDER BY intended_at",
                (service,),
            ).fetchall()
        return [Owned(*row) for row in rows]

    def kept(self, owners: str) -> list[Owned]:
        """Audios that Pulumi has not shown to hold, of owners that begin with `owners`."""
        with self._database() as database:
            rows = database.execute(
                "SELECT service, source, format, audio_id, intended_at, owner, settled_at FROM entries"
                " WHERE substr(owner, 1, length(?)) = ? AND audio_id IS NOT NULL AND settled_at IS NULL",
                (owners, owners),
            ).fetchall()
        return [Owned(*row) for row in rows]

    def lost(self, service: str, since: float, until: float) -> list[tuple[str, str]]:
        """Source and format of what was asked for between two times and has no answer, one for each entry."""
        with self._database() as database:
            return database.execute(
                "SELECT source, format FROM entries WHERE service = ? AND audio_id IS NULL"
                " AND settled_at IS NULL AND intended_at BETWEEN ? AND ?",
                (service, since, until),
            ).fetchall()

    def unanswered(self, service: str, since: float) -> list[tuple[Key, Entry]]:
        """The open entries without an audio, of whomever, that were intended at `since` or later."""
        with self._database() as database:
            rows = database.execute(
                "SELECT owner, fingerprint, service, source, format, audio_id, intended_at FROM entries"
                " WHERE service = ? AND audio_id IS NULL AND settled_at IS NULL AND intended_at >= ?",
                (service, since),
            ).fetchall()
        return [(Key(*row[:2]), Entry(*row[2:])) for row in rows]

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Held while a request is under way that may make an audio: one at a time, of all processes.

        So a kill leaves at most one answer missing, and there is little to mistake its audio for. Nobody searches
        meanwhile. A request takes a tenth of a second, and the quota is one in 0.6 s.
        """
        descriptor = self._open_lock()
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    @contextmanager
    def searching(self, sleep: Callable[[float], None]) -> Iterator[None]:
        """Held while an audio is looked for and taken; waits, by `sleep`, until no request is under way.

        So an audio whose answer is still on its way to its owner is never mistaken for a lost one. The lock is
        the operating system's, and goes with the process that held it.
        """
        descriptor = self._open_lock()
        try:
            while True:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    sleep(0.02)
            yield
        finally:
            os.close(descriptor)

    def _open_lock(self, suffix: str = ".lock") -> int:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            return os.open(f"{self._path}{suffix}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as exc:
            raise self._unwritable(exc) from exc

    @contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                if self._connection is None:
                    self._connection = self._open()
                with self._connection:
                    yield self._connection
            except (sqlite3.Error, OSError) as exc:
                raise self._unwritable(exc) from exc

    def _unwritable(self, exc: Exception) -> JournalError:
        return JournalError(
            f"the journal {self._path} cannot be used ({exc}); make it writable, or name another with vod:journal"
        )

    def _open(self) -> sqlite3.Connection:
        descriptor = self._open_lock(".open")
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            return self._connect()
        except sqlite3.OperationalError:
            raise  # the disk, the rights, another process: the file itself may be well
        except sqlite3.DatabaseError as exc:
            aside = self._path.with_name(f"{self._path.name}.set-aside-{int(self._now())}")
            self._path.replace(aside)
            for left in ("-wal", "-shm"):
                self._path.with_name(self._path.name + left).unlink(missing_ok=True)
            self._warn(f"the journal {self._path} could not be read ({exc}); it was set aside as {aside.name}")
            return self._connect()
        finally:
            os.close(descriptor)

    def _connect(self) -> sqlite3.Connection:
        database = sqlite3.connect(self._path, timeout=30, check_same_thread=False, isolation_level="IMMEDIATE")
        try:
            self._path.chmod(0o600)
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = FULL")
            with database:
                database.execute("BEGIN IMMEDIATE")
                (application,) = database.execute("PRAGMA application_id").fetchone()
                (tables,) = database.execute("SELECT count(*) FROM sqlite_master").fetchone()
                if application == 0 and tables == 0:
                    for statement in _SCHEMA.split(";"):
                        database.execute(statement)
                    database.execute(f"PRAGMA application_id = {_APPLICATION}")
                elif application != _APPLICATION:
                    raise sqlite3.DatabaseError("it is some other program's")
                (check,) = database.execute("PRAGMA quick_check(1)").fetchone()
                if check != "ok":
                    raise sqlite3.DatabaseError(check)
                database.execute("DELETE FROM entries WHERE settled_at < ?", (self._now() - KEEP_S,))
        except BaseException:
            database.close()
            raise
        return database
