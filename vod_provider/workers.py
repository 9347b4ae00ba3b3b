"""Threads, as many as are needed and as the machine gives. Leaf: imports nothing of this package.

A container's limit of processes counts threads, too; past it no thread starts, here or in any other process of the
container. A pool that runs into it while gRPC submits a call takes gRPC's serving thread with it, and every later call
hangs. So a pool asks beforehand how much room there is, leaves half of it to others, and makes do with the threads that
it has where none can be started.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

FEWEST = 4
"""A pool that large is made without looking at the room."""
_CGROUP = Path("/sys/fs/cgroup")
_OWN = Path("/proc/self/cgroup")


class WorkerPool(ThreadPoolExecutor):
    """A pool that starts a thread when all others are busy, up to `most` or to half of what there is room for.

    What is submitted is never refused: it waits for a thread where none can be started, as long as there is one.
    """

    def __init__(self, most: int, name: str = "") -> None:
        super().__init__(most_workers(most), name)

    def _adjust_thread_count(self) -> None:
        start_if_possible(super()._adjust_thread_count, self._threads)


def start_if_possible(start: Callable[[], object], threads: Collection[object]) -> bool:
    """Call what starts a pool's next thread, if it needs one; False where the machine gives none.

    Then the pool's `threads` do the work. Raises RuntimeError where there is not a single one.
    """
    try:
        start()
    except RuntimeError:
        if not threads:
            raise
        return False
    return True


def most_workers(wanted: int, own: Path = _OWN, cgroup: Path = _CGROUP) -> int:
    """How many of `wanted` threads a pool may have: half of the room, since others need threads, too."""
    room = _room(own, cgroup)
    return wanted if room is None else max(min(wanted, FEWEST), min(wanted, room // 2))


def _room(own: Path, cgroup: Path) -> int | None:
    """The threads that this process's control group, or one above it, still allows; None for no limit.

    Source: the kernel's 'Control Group v2', `pids.max` and `pids.current`; version 1 names them alike.
    """
    found: list[int] = []
    for folder in _groups(own, cgroup):
        try:
            limit = (folder / "pids.max").read_text().strip()
            used = int((folder / "pids.current").read_text())
        except (OSError, ValueError):
            continue
        if limit.isdecimal():
            found.append(max(0, int(limit) - used))
    return min(found, default=None)


def _groups(own: Path, cgroup: Path) -> list[Path]:
    """The folders of this process's groups, and of those above them."""
    try:
        lines = own.read_text().splitlines()
    except OSError:
        return []
    folders: list[Path] = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        root = cgroup if not controllers else cgroup / "pids" if "pids" in controllers.split(",") else None
        if root is not None:
            inside = root / path.lstrip("/")
            folders += [inside, *(it for it in inside.parents if root in (it, *it.parents))]
    return folders
