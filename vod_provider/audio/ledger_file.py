"""The sqlite file of a ledger: found to be ours, made, opened, locked, and taken over from the versions before.

What belongs to another program is only read, and left as it is.
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import sqlite3
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from vod_provider.audio.ledger_records import LedgerError
from vod_provider.text import printable

DEFAULT_NAME = "journal.sqlite"
"""The file's name where vod:journal names no other: the name that it had in the versions before."""
VERSION = 1
"""`user_version` of the file. 0 is the journal of the versions before, whose entries are taken over."""
LOCK_PAUSE_S = 0.02
"""How long to wait before a lock is tried again."""
NOTICE_S = 5.0
"""Who waits for a lock is told so after so many seconds, and again each time as many have passed."""
_BUSY_S = 30
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_APPLICATION = b"VOD1"  # tells our file from anybody else's
_SQLITE = b"SQLite format 3\0"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS requests (
    owner TEXT NOT NULL, fingerprint TEXT NOT NULL,
    site TEXT NOT NULL, account TEXT, source TEXT NOT NULL, format TEXT NOT NULL,
    asked_at REAL NOT NULL, source_known TEXT NOT NULL DEFAULT '{}', request_id TEXT NOT NULL DEFAULT '',
    audio_id TEXT, state TEXT NOT NULL, run TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (owner, fingerprint)
);
CREATE TABLE IF NOT EXISTS holders (
    site TEXT NOT NULL, audio_id TEXT NOT NULL, owner TEXT NOT NULL,
    account TEXT, made_for TEXT NOT NULL DEFAULT '', source TEXT NOT NULL DEFAULT '', format TEXT NOT NULL DEFAULT '',
    adopted INTEGER NOT NULL DEFAULT 0,
    assumed INTEGER NOT NULL DEFAULT 0,
    fingerprint TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (site, audio_id, owner)
);
CREATE INDEX IF NOT EXISTS holders_of_owner ON holders (owner);
CREATE INDEX IF NOT EXISTS requests_of_audio ON requests (audio_id);
CREATE INDEX IF NOT EXISTS unanswered ON requests (site) WHERE audio_id IS NULL;
CREATE TABLE IF NOT EXISTS entries (
    owner TEXT NOT NULL, fingerprint TEXT NOT NULL,
    service TEXT NOT NULL, source TEXT NOT NULL, format TEXT NOT NULL,
    audio_id TEXT, intended_at REAL NOT NULL, settled_at REAL
);
CREATE UNIQUE INDEX IF NOT EXISTS one_open ON entries (owner, fingerprint) WHERE settled_at IS NULL;
CREATE UNIQUE INDEX IF NOT EXISTS one_owner ON entries (service, audio_id);
CREATE TABLE IF NOT EXISTS taken_over (entry INTEGER PRIMARY KEY)
"""
# `entries` is the table of the versions before. They may still write to the file, for other projects of this machine;
# what they write is taken over whenever the file is opened.
_TAKE_OVER = """
INSERT OR IGNORE INTO requests (owner, fingerprint, site, source, format, asked_at, audio_id, state)
    SELECT owner_now(owner), fingerprint, service, source, format, intended_at, audio_id,
        CASE WHEN audio_id IS NULL THEN 'intended' ELSE 'answered' END
    FROM entries WHERE settled_at IS NULL AND rowid NOT IN (SELECT entry FROM taken_over);
INSERT OR IGNORE INTO holders (site, audio_id, owner, source, format)
    SELECT service, audio_id, owner_now(owner), source, format
    FROM entries WHERE settled_at IS NOT NULL AND audio_id IS NOT NULL AND rowid NOT IN (SELECT entry FROM taken_over);
INSERT OR IGNORE INTO taken_over SELECT rowid FROM entries
"""


def in_memory() -> sqlite3.Connection:
    """An empty ledger that nobody else sees."""
    database = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
    database.executescript(_SCHEMA)
    return database


def opened(path: Path, warn: Callable[[str], None], owner_now: Callable[[str], str]) -> sqlite3.Connection:
    """Open the ledger at `path`, or make it. One that is broken is set aside, of which `warn` is told in one line.

    `owner_now` turns the owners that the versions before wrote into today's.

    Raises LedgerError for what is not ours, else OSError or sqlite3.Error.
    """
    with _lock_file(path, ".open") as descriptor:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if path.is_symlink():
            raise LedgerError(f"the ledger {path} is a symbolic link; set vod:journal to the file itself")
        for suffix in ("-wal", "-shm", "-journal"):
            _check_that_it_is_a_file(path.with_name(path.name + suffix))  # sqlite would wait for a pipe
        if not path.exists() or not path.stat().st_size:
            os.close(_made(path))
            return _connected(path, owner_now)
        with path.open("rb") as file:
            header = file.read(100)
        if not header.startswith(_SQLITE) and path.name == DEFAULT_NAME:
            # Before sqlite sees it: it would delete what lies beside it.
            _set_aside(path, "it is no database", warn)
        elif not _is_ours(path, header):
            raise LedgerError(
                f"{path} belongs to another program and was left alone; set vod:journal to a file of its own"
            )
        try:
            return _connected(path, owner_now)
        except sqlite3.OperationalError:
            raise  # the disk, the rights, another process: the file itself may be well
        except sqlite3.DatabaseError as exc:
            _set_aside(path, str(exc), warn)
            return _connected(path, owner_now)


def exists(path: Path) -> bool:
    """Whether there is a ledger. Raises LedgerError where that may not be looked at."""
    with refusing(path):
        return path.exists()


def identity(path: Path) -> tuple[int, int] | None:
    """What tells the file at `path` from any other; None where there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


@contextmanager
def locked(
    path: Path, sleep: Callable[[float], None] | None = None, notice: Callable[[str], None] = lambda _: None
) -> Iterator[None]:
    """Held by one process at a time; it goes with the process, as the operating system's locks do. Waits by `sleep`.

    `notice` is told in one line what is waited for, since when, and who has it, if that takes long.
    """
    with _lock_file(path, ".lock") as descriptor:
        _lock(descriptor, sleep, partial(_tell, path, notice))
        # Who has it: for those who wait. Nothing depends on it.
        with suppress(OSError):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"process {os.getpid()} on {socket.gethostname()}".encode(), 0)
        try:
            yield
        finally:
            with suppress(OSError):
                os.ftruncate(descriptor, 0)


def _lock(descriptor: int, sleep: Callable[[float], None] | None, tell: Callable[[float], None]) -> None:
    begun = told = time.monotonic()
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if sleep is None:
                break
        else:
            return
        if time.monotonic() - told >= NOTICE_S:
            told = time.monotonic()
            tell(told - begun)
        sleep(LOCK_PAUSE_S)
    # Woken when it is free: who asks for it now and then might never get it from somebody who hardly gives it up.
    done = threading.Event()

    def watch() -> None:
        while not done.wait(NOTICE_S):
            tell(time.monotonic() - begun)

    with suppress(RuntimeError):  # the machine gives no more threads
        threading.Thread(target=watch, name="vod-lock", daemon=True).start()
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    finally:
        done.set()


def _tell(path: Path, notice: Callable[[str], None], seconds: float) -> None:
    who = ""
    with suppress(OSError):
        who = path.with_name(f"{path.name}.lock").read_bytes()[:200].decode(errors="replace")
    notice(f"ledger locked for {seconds:.0f} s: {printable(who) or 'another run'} has {path} while it asks VOD")


@contextmanager
def refusing(path: Path | None) -> Iterator[None]:
    """Turn what the operating system and sqlite raise into one line that says what to do."""
    try:
        yield
    except (sqlite3.Error, OSError) as exc:
        why = exc.strerror if isinstance(exc, OSError) and exc.strerror else exc
        raise LedgerError(f"the ledger{f' {path}' if path else ''} cannot be used ({why}); {_advice(exc)}") from exc


def _advice(exc: Exception) -> str:
    """What helps. A file that may not grow is an I/O error to sqlite, which does not tell the system's reason."""
    code = getattr(exc, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_BUSY:
        return "another run has had it locked for long: end that, or let it go on, and run this again"
    if code == sqlite3.SQLITE_FULL or (isinstance(exc, OSError) and exc.errno in _FULL):
        return "make room on its disk and run this again, or name another one with vod:journal"
    if code == sqlite3.SQLITE_IOERR:
        return "check its disk and how large files may be, and run this again, or name another one with vod:journal"
    return "make it readable and writable, or name another one with vod:journal"


@contextmanager
def _lock_file(path: Path, suffix: str) -> Iterator[int]:
    with refusing(path):
        if not path.is_symlink():  # which `opened` refuses by name
            _check_that_it_is_a_file(path)  # first: nothing is put beside a device
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = _made(path.with_name(path.name + suffix))
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _made(path: Path) -> int:
    """Open the file, or make it: for its owner alone, or for the group where the folder is one that a group shares."""
    flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return os.open(path, flags)
    if path.parent.stat().st_mode & stat.S_IWGRP:
        os.fchmod(descriptor, 0o660)
    return descriptor


def _check_that_it_is_a_file(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISREG(mode):
        raise LedgerError(f"{path} is no regular file, and was left alone; set vod:journal to a file of its own")


def _is_ours(path: Path, header: bytes) -> bool:
    """Whether the file is a ledger. It is only read, and not by sqlite."""
    wal = path.with_name(path.name + "-wal")
    return header.startswith(_SQLITE) and _APPLICATION in {header[68:72], _application_in(wal)}


def _application_in(wal: Path) -> bytes:
    """The application id in a write-ahead log, which a process that was killed may not have moved to its file yet.

    Source: 'Database File Format', sections 1.3 and 4.1.
    """
    if not wal.exists():
        return b""
    content = wal.read_bytes()
    page_size = int.from_bytes(content[8:12], "big")
    found = b""
    for start in range(32, len(content), 24 + page_size):
        if int.from_bytes(content[start : start + 4], "big") == 1:  # the frame holds the first page, with the header
            found = content[start + 24 + 68 : start + 24 + 72]
    return found


def _set_aside(path: Path, why: str, warn: Callable[[str], None]) -> None:
    number = 1
    while (aside := path.with_name(f"{path.name}.set-aside-{number}")).exists():
        number += 1
    path.rename(aside)
    for suffix in ("-wal", "-shm", "-journal"):
        beside = path.with_name(path.name + suffix)
        if beside.exists():
            beside.rename(aside.with_name(aside.name + suffix))
    warn(f"the ledger {path} could not be read ({why}); it was set aside as {aside.name}")


def _connected(path: Path, owner_now: Callable[[str], str]) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=_BUSY_S, check_same_thread=False, isolation_level=None)
    try:
        database.create_function("owner_now", 1, owner_now, deterministic=True)
        _choose_journal(database)
        database.execute("PRAGMA synchronous = FULL")
        database.execute("BEGIN IMMEDIATE")
        (version,) = database.execute("PRAGMA user_version").fetchone()
        if version > VERSION:
            raise LedgerError(
                f"the ledger {path} was written by a newer version of this package (format {version}, known here is"
                f" {VERSION}): upgrade pulumi-huaweicloud-vod on this machine"
            )
        (check,) = database.execute("PRAGMA quick_check(1)").fetchone()
        if check != "ok":
            raise sqlite3.DatabaseError(check)
        for statement in _SCHEMA.split(";"):
            database.execute(statement)
        for table, added in (("requests", "run"), ("holders", "fingerprint")):
            if added not in {column[1] for column in database.execute(f"PRAGMA table_info({table})")}:
                database.execute(f"ALTER TABLE {table} ADD COLUMN {added} TEXT NOT NULL DEFAULT ''")
        for statement in _TAKE_OVER.split(";"):
            database.execute(statement)
        database.execute(f"PRAGMA application_id = {int.from_bytes(_APPLICATION, 'big')}")
        database.execute(f"PRAGMA user_version = {VERSION}")
        database.execute("COMMIT")
    except BaseException:
        database.close()
        raise
    return database


def _choose_journal(database: sqlite3.Connection) -> None:
    """Leave the write-ahead log of the versions before, which a network disk cannot share; keep the journal's file.

    To make and delete that file takes most of the time of a change, of which there are two for each audio.
    """
    with suppress(sqlite3.OperationalError):  # another process has the file open: it stays as it is until the next time
        database.execute("PRAGMA journal_mode = TRUNCATE")
