"""What the service knows, kept in sqlite: assets, work to do, events to send, settings. No rules.

Everything happens on the event loop's thread in statements of microseconds. WAL with synchronous=NORMAL:
what is committed survives kill -9 of the process (a power cut may lose the last moments, never the file).
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

# What every method may raise, so that nobody else needs to know of sqlite.
StoreError = sqlite3.Error
_VERSION = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS assets (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    asset_id TEXT NOT NULL UNIQUE,
    project TEXT NOT NULL,
    status TEXT NOT NULL,
    reason TEXT NOT NULL DEFAULT '',
    title TEXT NOT NULL,
    description TEXT,
    category_id INTEGER NOT NULL DEFAULT -1,
    tags TEXT,
    video_name TEXT NOT NULL DEFAULT '',
    video_type TEXT NOT NULL DEFAULT '',
    created INTEGER NOT NULL,
    modified INTEGER NOT NULL,
    auto_publish INTEGER NOT NULL DEFAULT 0,
    token TEXT NOT NULL,
    file TEXT NOT NULL DEFAULT '',
    meta TEXT NOT NULL DEFAULT '',
    source_id TEXT NOT NULL DEFAULT '',
    extras TEXT NOT NULL DEFAULT '[]'
);
CREATE INDEX IF NOT EXISTS assets_by_time ON assets (project, created);
CREATE TABLE IF NOT EXISTS tasks (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    asset_id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    source_file TEXT NOT NULL DEFAULT '',
    argument TEXT NOT NULL DEFAULT '',
    seconds REAL NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    body TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS files (file TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS appearances (asset_id TEXT PRIMARY KEY, by_id REAL, listed REAL, gone REAL);
"""
# Columns that databases of earlier versions lack.
_NEW_TASK_COLUMNS = {"seconds": "REAL NOT NULL DEFAULT 0", "attempts": "INTEGER NOT NULL DEFAULT 0"}
_FILES_IN_USE = (
    "SELECT file FROM assets WHERE file != '' UNION SELECT source_file FROM tasks WHERE source_file != '' "
    "UNION SELECT json_extract(value, '$.file') FROM assets, json_each(extras) "
    "WHERE ifnull(json_extract(value, '$.file'), '') != ''"
)


@dataclass(slots=True, frozen=True)
class Asset:
    """One row of `assets`.

    `created` and `modified` are unix seconds; `tags` have commas between them; `file` is relative to the
    data folder, '' if there is none; `meta` is JSON (the facts of the file), '' if not known; `token` is
    the unguessable part of the upload and media addresses; `source_id` the video an audio came from;
    `extras` its cover and subtitles, a JSON list of `{"kind", "name", "file", ...}`.
    """

    asset_id: str
    project: str
    status: str
    title: str
    created: int
    modified: int
    token: str
    reason: str = ""
    description: str | None = None
    category_id: int = -1
    tags: str | None = None
    video_name: str = ""
    video_type: str = ""
    auto_publish: int = 0
    file: str = ""
    meta: str = ""
    source_id: str = ""
    extras: str = "[]"


@dataclass(slots=True, frozen=True)
class Task:
    """Work to be done for an asset: `kind` 'extract' (argument: format), 'probe', or 'fetch' (argument: URL).

    `seconds` is the length of the source, 0 if it is not known; `attempts` how often the work was begun and neither
    done nor stopped in good order.
    """

    asset_id: str
    kind: str
    source_file: str = ""
    argument: str = ""
    seconds: float = 0
    attempts: int = 0


@dataclass(frozen=True)
class Filter:
    """Which assets to find; None or empty means any. `tags` must all be there; `hidden` ids are left out."""

    statuses: Sequence[str] = ()
    categories: Sequence[int] = ()
    tags: Sequence[str] = ()
    video_types: Sequence[str] = ()
    text: str | None = None
    since: int | None = None
    until: int | None = None
    ids: Sequence[str] = ()
    hidden: Sequence[str] = ()


_ASSET_COLUMNS = tuple(field.name for field in fields(Asset))
_TASK_COLUMNS = tuple(field.name for field in fields(Task))
# Statements are put together of names of columns that stand in this file; values are always bound.
_SELECT_ASSET = f"SELECT {', '.join(_ASSET_COLUMNS)} FROM assets"  # noqa: S608
_INSERT_ASSET = (
    f"INSERT INTO assets ({', '.join(_ASSET_COLUMNS)}) "  # noqa: S608
    f"VALUES ({', '.join('?' * len(_ASSET_COLUMNS))})"
)


class Store:
    """The database. Every method commits before it returns, unless inside `transaction()`."""

    def __init__(self, path: Path) -> None:
        """Open it, or make a new one. Raises StoreError if it is damaged, of another version or another program's."""
        self._db = sqlite3.connect(path, isolation_level=None, cached_statements=256)
        try:
            self._check_that_it_is_ours(path)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.executescript(_SCHEMA)
            self._bring_up_to_date()
            self._db.execute(f"PRAGMA user_version={_VERSION}")
        except BaseException:
            self._db.close()
            raise

    def _check_that_it_is_ours(self, path: Path) -> None:
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        tables = {row[0] for row in self._db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if tables and not {"assets", "tasks", "events", "settings"} <= tables:
            raise sqlite3.DatabaseError(f"{path} is another program's database; use another --data")
        if version not in (0, _VERSION):
            raise sqlite3.DatabaseError(f"{path} was made by another version of the local VOD; use another --data")

    def _bring_up_to_date(self) -> None:
        there = {row[1] for row in self._db.execute("PRAGMA table_info(tasks)")}
        for name, kind in _NEW_TASK_COLUMNS.items():
            if name not in there:
                self._db.execute(f"ALTER TABLE tasks ADD COLUMN {name} {kind}")
        self._db.execute(f"INSERT OR IGNORE INTO files {_FILES_IN_USE}")  # an earlier version kept no register

    def close(self) -> None:
        """Close the database; nothing can be asked of it afterwards."""
        self._db.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing of what is done inside."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    @property
    def version(self) -> int:
        """A number that grows with every change made by this process."""
        return self._db.total_changes

    def add_asset(self, asset: Asset) -> None:
        """Put a new asset in."""
        self._db.execute(_INSERT_ASSET, [getattr(asset, name) for name in _ASSET_COLUMNS])

    def asset(self, asset_id: str) -> Asset | None:
        """The asset of that id, whatever its project."""
        row = self._db.execute(f"{_SELECT_ASSET} WHERE asset_id = ?", (asset_id,)).fetchone()
        return None if row is None else Asset(*row)

    def assets(self, project: str, ids: Sequence[str]) -> list[Asset]:
        """The assets of these ids that the project has, in the order of the ids."""
        marks = ",".join("?" * len(ids))
        rows = self._db.execute(
            f"{_SELECT_ASSET} WHERE asset_id IN ({marks}) AND project = ?", (*ids, project)
        ).fetchall()
        found = {row[0]: Asset(*row) for row in rows}
        return [found[asset_id] for asset_id in ids if asset_id in found]

    def find(
        self, project: str, wanted: Filter, *, offset: int, limit: int, oldest_first: bool = False
    ) -> tuple[int, list[Asset]]:
        """How many assets fit, and one page of them, newest first."""
        where, values = _where(project, wanted)
        total = self._db.execute(f"SELECT count(*) FROM assets WHERE {where}", values).fetchone()[0]  # noqa: S608
        order = "ASC" if oldest_first else "DESC"
        rows = self._db.execute(
            f"{_SELECT_ASSET} WHERE {where} ORDER BY seq {order} LIMIT ? OFFSET ?", (*values, limit, offset)
        ).fetchall()
        return total, [Asset(*row) for row in rows]

    def change_asset(self, asset_id: str, **columns: object) -> None:
        """Set some columns of an asset."""
        names = ", ".join(f"{name} = ?" for name in columns)
        self._db.execute(f"UPDATE assets SET {names} WHERE asset_id = ?", (*columns.values(), asset_id))  # noqa: S608

    def remove_asset(self, asset_id: str) -> None:
        """Take an asset out."""
        self._db.execute("DELETE FROM assets WHERE asset_id = ?", (asset_id,))

    def add_task(self, task: Task) -> None:
        """Put work in."""
        self._db.execute(
            "INSERT INTO tasks (asset_id, kind, source_file, argument, seconds) VALUES (?, ?, ?, ?, ?)",
            (task.asset_id, task.kind, task.source_file, task.argument, task.seconds),
        )

    def tasks(self) -> list[Task]:
        """All work that is not done, oldest first."""
        rows = self._db.execute(f"SELECT {', '.join(_TASK_COLUMNS)} FROM tasks ORDER BY seq")  # noqa: S608
        return [Task(*row) for row in rows.fetchall()]

    def remove_task(self, asset_id: str) -> None:
        """Take work out."""
        self._db.execute("DELETE FROM tasks WHERE asset_id = ?", (asset_id,))

    def count_attempts(self, asset_ids: Iterable[str], change: int) -> None:
        """Change how often the work for these assets was begun."""
        self._db.executemany(
            "UPDATE tasks SET attempts = attempts + ? WHERE asset_id = ?", [(change, each) for each in asset_ids]
        )

    def add_file(self, file: str) -> None:
        """Note a file that is about to be made."""
        self._db.execute("INSERT OR IGNORE INTO files VALUES (?)", (file,))

    def forget_file(self, file: str) -> None:
        """Note that a file is gone."""
        self._db.execute("DELETE FROM files WHERE file = ?", (file,))

    def unused_files(self) -> list[str]:
        """The files that were made and that neither an asset nor a task needs."""
        rows = self._db.execute(f"SELECT file FROM files WHERE file NOT IN ({_FILES_IN_USE})")  # noqa: S608
        return [row[0] for row in rows.fetchall()]

    def is_in_use(self, file: str) -> bool:
        """Whether an asset or a task needs that file."""
        row = self._db.execute(
            "SELECT EXISTS (SELECT 1 FROM assets WHERE file = ?) OR EXISTS (SELECT 1 FROM tasks WHERE source_file = ?)",
            (file, file),
        ).fetchone()
        return bool(row[0])

    def queued_extractions(self, source_id: str) -> list[str]:
        """The audios that are not done yet and come from that source, newest first."""
        rows = self._db.execute(
            "SELECT asset_id FROM tasks JOIN assets USING (asset_id) WHERE source_id = ? ORDER BY tasks.seq DESC",
            (source_id,),
        )
        return [row[0] for row in rows.fetchall()]

    def sources_in_work(self) -> set[str]:
        """The videos from which audio is being extracted."""
        rows = self._db.execute("SELECT DISTINCT source_id FROM tasks JOIN assets USING (asset_id)")
        return {row[0] for row in rows.fetchall()}

    def last_number(self) -> int:
        """How many assets were ever made here; no reset makes it smaller."""
        row = self._db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'assets'").fetchone()
        return 0 if row is None else int(row[0])

    def appearances(self) -> list[tuple[str, float, float, float | None]]:
        """What `set_appearance` was given."""
        return self._db.execute("SELECT asset_id, by_id, listed, gone FROM appearances").fetchall()

    def set_appearance(self, asset_id: str, by_id: float, listed: float, gone: float | None) -> None:
        """Keep from when, and until when, an asset is shown."""
        self._db.execute("INSERT OR REPLACE INTO appearances VALUES (?, ?, ?, ?)", (asset_id, by_id, listed, gone))

    def remove_appearance(self, asset_id: str) -> None:
        """Forget that; then the asset is shown everywhere."""
        self._db.execute("DELETE FROM appearances WHERE asset_id = ?", (asset_id,))

    def add_event(self, body: str) -> int:
        """Keep an event until it is sent; returns its number."""
        number = self._db.execute("INSERT INTO events (body) VALUES (?)", (body,)).lastrowid
        return number or 0

    def events(self) -> list[tuple[int, str]]:
        """The events that are not sent yet, oldest first."""
        return self._db.execute("SELECT seq, body FROM events ORDER BY seq").fetchall()

    def remove_event(self, number: int) -> None:
        """Forget an event."""
        self._db.execute("DELETE FROM events WHERE seq = ?", (number,))

    def setting(self, name: str) -> str | None:
        """A setting's text, or None."""
        row = self._db.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def set_setting(self, name: str, value: str) -> None:
        """Keep a setting."""
        self._db.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (name, value))

    def clear(self) -> None:
        """Forget everything."""
        with self.transaction():
            for table in ("assets", "tasks", "events", "settings", "appearances"):
                self._db.execute(f"DELETE FROM {table}")  # noqa: S608


def _where(project: str, wanted: Filter) -> tuple[str, list[object]]:
    clauses = ["project = ?"]
    values: list[object] = [project]

    def add(clause: str, *given: object) -> None:
        clauses.append(clause)
        values.extend(given)

    def add_any(column: str, given: Iterable[object]) -> None:
        items = list(given)
        if items:
            add(f"{column} IN ({','.join('?' * len(items))})", *items)

    add_any("asset_id", wanted.ids)
    if wanted.hidden:
        add("asset_id NOT IN (SELECT value FROM json_each(?))", json.dumps(list(wanted.hidden)))
    add_any("status", wanted.statuses)
    add_any("category_id", wanted.categories)
    add_any("video_type", wanted.video_types)
    for tag in wanted.tags:
        add("instr(',' || ifnull(tags, '') || ',', ',' || ? || ',') > 0", tag)
    if wanted.text is not None:
        pattern = "%" + wanted.text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        add("(title LIKE ? ESCAPE '\\' OR ifnull(description, '') LIKE ? ESCAPE '\\')", pattern, pattern)
    if wanted.since is not None:
        add("created >= ?", wanted.since)
    if wanted.until is not None:
        add("created <= ?", wanted.until)
    return " AND ".join(clauses), values
