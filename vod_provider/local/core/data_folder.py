"""The data folder: where files lie, how they get there whole, who may use it, and what may be removed from it.

Every name in it is made here, of ids and extensions that the service itself chose, so that no title, file
name or address that came over the wire can reach outside. A folder that is not ours is not touched: it is ours if
it has our mark, if it is empty, or if an earlier version of this program laid it out. Of its files those alone are
removed that the register (a table of the database) says this service has made, and unfinished ones by their names.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import re
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from vod_provider.local.core.errors import FolderInUseError, FolderNotOursError

_log = logging.getLogger(__name__)
_MARK = ".vod-local"
_MARK_TEXT = "Data of the local VOD (vod-local serve --data). Removing this folder removes all of its assets.\n"
_DATABASE = "vod.sqlite3"
_BESIDE_DATABASE = tuple(f"{_DATABASE}{suffix}" for suffix in ("-wal", "-shm", "-journal"))
_LOCK = "lock"
_FOLDERS = ("media", "incoming", "shared")
_SHARED = "shared"
_UNFINISHED = re.compile(r"[0-9a-f]{32}\.part")
# What systems put into a folder by themselves.
_STRANGERS = frozenset({"lost+found", ".DS_Store"})
_SQLITE_MAGIC = b"SQLite format 3\0"


class Register(Protocol):
    """Which files in `media/` this service has made; kept in the database."""

    def add_file(self, file: str) -> None:
        """Note a file that is about to be made."""

    def forget_file(self, file: str) -> None:
        """Note that a file is gone."""

    def unused_files(self) -> list[str]:
        """The files that were made and that nothing needs."""


class DataFolder:
    """`vod.sqlite3`, `media/` (finished files), `incoming/` (unfinished ones), `shared/` (samples).

    All of it is for this user alone. Raises FolderNotOursError or FolderInUseError, and then has changed nothing.
    """

    def __init__(self, root: Path) -> None:
        self.root = _resolved(root)
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        _check_that_it_is_ours(self.root)
        self._register: Register | None = None
        self._lock = self._locked()
        self.is_new = not self.database.exists()
        self._keep_private()
        if self.is_new:
            self._set_aside_remains_of_a_database()

    def _locked(self) -> int:
        _mark(self.root)
        lock = os.open(self.root / _LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            os.close(lock)
            raise FolderInUseError("another local VOD runs on it") from exc
        return lock

    def _keep_private(self) -> None:
        for name in _FOLDERS:
            (self.root / name).mkdir(mode=0o700, exist_ok=True)
        for path in (self.root, *(self.root / name for name in _FOLDERS)):
            _restrict(path, 0o700)
        for path in (self.root / _LOCK, *self.root.glob(f"{_DATABASE}*")):
            if not path.is_symlink():
                _restrict(path, 0o600)

    def _set_aside_remains_of_a_database(self) -> None:
        # SQLite would empty a log without its database. Somebody may yet put the two together again.
        for suffix in ("-wal", "-shm"):
            left = self.root / f"{_DATABASE}{suffix}"
            if left.exists():
                kept = left.with_name(f"{left.name}.orphan-{secrets.token_hex(4)}")
                left.rename(kept)
                _log.warning("%s has no database beside it and is now %s", left, kept.name)

    def close(self) -> None:
        """Let others use the folder."""
        os.close(self._lock)

    def use(self, register: Register) -> None:
        """Keep the register of files there; to be called before any file is made or removed."""
        self._register = register

    @property
    def database(self) -> Path:
        """The database file."""
        return self.root / _DATABASE

    def path(self, file: str) -> Path:
        """Where a file of ours lies."""
        return self.root / file

    def media_name(self, asset_id: str, extension: str) -> str:
        """The name for a finished file; never used twice, so that a file never changes under a reader."""
        return f"media/{asset_id}-{secrets.token_hex(4)}.{extension.lower()}"

    def shared_name(self, name: str) -> str:
        """The name for a file that many assets share; `discard` leaves it alone."""
        return f"{_SHARED}/{name}"

    def incoming(self) -> Path:
        """A new name for a file that is being written."""
        return self.root / "incoming" / f"{secrets.token_hex(16)}.part"

    def adopt(self, part: Path, file: str) -> None:
        """Put a finished file in its place, all at once."""
        if self._register is not None and not file.startswith(f"{_SHARED}/"):
            self._register.add_file(file)
        part.replace(self.path(file))

    def discard(self, file: str) -> None:
        """Remove a finished file; one that is not there is fine."""
        if file and not file.startswith(f"{_SHARED}/"):
            self.path(file).unlink(missing_ok=True)
            if self._register is not None:
                self._register.forget_file(file)

    def sweep(self) -> None:
        """Remove what an earlier run left unfinished, and of the files that were made here those that nobody needs.

        Beside a new database nothing is removed: it knows nothing of what is there.
        """
        if self.is_new or self._register is None:
            self.is_new = False  # from now on what is unfinished was begun by us
            return
        for entry in os.scandir(self.root / "incoming"):
            if _UNFINISHED.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                Path(entry.path).unlink(missing_ok=True)
        for file in self._register.unused_files():
            self.discard(file)


def _resolved(root: Path) -> Path:
    try:
        return root.resolve()
    except RuntimeError as exc:  # Python before 3.13: a symbolic link that leads back to itself
        raise FolderNotOursError("this is a symbolic link that leads back to itself") from exc


def _check_that_it_is_ours(root: Path) -> None:
    names = {entry.name for entry in os.scandir(root)} - _STRANGERS
    if names and _MARK not in names and not _is_of_an_earlier_version(root, names):
        raise FolderNotOursError(
            "this folder is not empty, and is not one that the local VOD has made; give --data a new or empty folder"
        )
    for name in names & {_MARK, _LOCK, _DATABASE, *_BESIDE_DATABASE, *_FOLDERS}:
        path = root / name
        right = path.is_dir() if name in _FOLDERS else path.is_file()
        if path.is_symlink() or not right:
            raise FolderNotOursError(f"{name} is not the {'folder' if name in _FOLDERS else 'file'} that it should be")


def _is_of_an_earlier_version(root: Path, names: Iterable[str]) -> bool:
    if not {_LOCK, _DATABASE, "media", "incoming"} <= set(names):
        return False
    try:
        with (root / _DATABASE).open("rb") as file:
            return file.read(len(_SQLITE_MAGIC)) in (b"", _SQLITE_MAGIC)
    except OSError:
        return False


def _mark(root: Path) -> None:
    try:
        mark = os.open(root / _MARK, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return
    with os.fdopen(mark, "w") as file:
        file.write(_MARK_TEXT)


def _restrict(path: Path, mode: int) -> None:
    try:
        path.chmod(mode)
    except OSError as exc:
        if exc.errno not in (errno.EPERM, errno.EROFS, errno.ENOTSUP):
            raise
        _log.warning("%s belongs to another user, who decides who may read it", path)
