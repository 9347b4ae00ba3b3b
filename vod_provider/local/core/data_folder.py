"""The data folder: where files lie, how they get there whole, and who may use it.

Every name in it is made here, of ids and extensions that the service itself chose, so that no title, file
name or address that came over the wire can reach outside.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterable
from pathlib import Path

_SHARED = "shared"


class FolderInUseError(Exception):
    """Another service runs on that data folder."""


class DataFolder:
    """`vod.sqlite3`, `media/` (finished files), `incoming/` (unfinished ones), `shared/` (samples)."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        for name in ("media", "incoming", _SHARED):
            (self.root / name).mkdir(parents=True, exist_ok=True)
        self._lock = (self.root / "lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            self._lock.close()
            raise FolderInUseError("another local VOD runs on it") from exc

    def close(self) -> None:
        """Let others use the folder."""
        self._lock.close()

    @property
    def database(self) -> Path:
        """The database file."""
        return self.root / "vod.sqlite3"

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
        part.replace(self.path(file))

    def discard(self, file: str) -> None:
        """Remove a finished file; one that is not there is fine."""
        if file and not file.startswith(f"{_SHARED}/"):
            self.path(file).unlink(missing_ok=True)

    def sweep(self, in_use: Iterable[str]) -> None:
        """Remove what an earlier run left unfinished and what nobody needs."""
        keep = set(in_use)
        for part in os.scandir(self.root / "incoming"):
            Path(part.path).unlink(missing_ok=True)
        for entry in os.scandir(self.root / "media"):
            if f"media/{entry.name}" not in keep:
                Path(entry.path).unlink(missing_ok=True)
