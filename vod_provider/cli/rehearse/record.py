"""What a rehearsal has made and not removed yet, in a small file: a run after a kill removes it."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vod_provider.cli.errors import CommandError


class Record:
    """The ids of one place's rehearsal, each written down before anything else is done with it."""

    def __init__(self, file: Path) -> None:
        self._file = file

    @property
    def ids(self) -> list[str]:
        """What is still to be removed, the latest first: audios before the video that they were made from."""
        try:
            kept = json.loads(self._file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return []
        except (OSError, ValueError) as exc:
            raise CommandError(f"{self._file} cannot be read ({exc}); look at it, and remove it") from exc
        return [str(one) for one in reversed(kept["assets"])]

    def add(self, asset_id: str) -> None:
        """Note an asset that VOD has just named."""
        self._write([*reversed(self.ids), asset_id])

    def remove(self, asset_id: str) -> None:
        """Forget an asset that is gone; the file goes with the last one."""
        self._write([one for one in reversed(self.ids) if one != asset_id])

    def _write(self, ids: list[str]) -> None:
        if not ids:
            self._file.unlink(missing_ok=True)
            return
        new = self._file.with_suffix(".new")
        with new.open("w", encoding="utf-8") as file:
            json.dump({"assets": ids}, file)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._file)

    @contextmanager
    def held(self) -> Iterator[None]:
        """The file is this process's meanwhile: another rehearsal would take what this one makes for remains."""
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = os.open(self._file.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as exc:
            raise CommandError(f"{self._file.parent} cannot be written ({exc.strerror})") from exc
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError as exc:
            raise CommandError("another rehearsal of this project is running on this machine") from exc
        finally:
            os.close(lock)
