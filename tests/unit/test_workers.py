"""As many threads as are needed and as the machine gives."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from vod_provider.workers import FEWEST, WorkerPool, most_workers

LIMIT_S = 20


class Machine:
    """Starts so many threads, and refuses more as a machine does."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, gives: int) -> None:
        self.left, self.started = gives, 0
        start = threading.Thread.start

        def start_or_refuse(thread: threading.Thread) -> None:
            if self.left == 0:
                raise RuntimeError("can't start new thread")
            self.left -= 1
            self.started += 1
            start(thread)

        monkeypatch.setattr(threading.Thread, "start", start_or_refuse)


def test_what_gets_no_thread_waits_for_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Submitting never fails because the machine gives no more threads, and everything gets done."""
    machine, go_on = Machine(monkeypatch, 3), threading.Event()
    with WorkerPool(100) as pool:
        waiting = [pool.submit(go_on.wait, LIMIT_S) for _ in range(10)]
        assert machine.started == 3
        go_on.set()
        assert all(one.result(LIMIT_S) for one in waiting)


def test_a_machine_without_a_single_thread_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """With nobody to do the work, waiting would be for ever."""
    Machine(monkeypatch, 0)
    pool = WorkerPool(100)
    with pytest.raises(RuntimeError, match="can't start new thread"):
        pool.submit(print)
    pool.shutdown(wait=False)


def groups(folder: Path, limits: dict[str, tuple[str, int]], line: str = "0::/pod/container") -> tuple[Path, Path]:
    """A file that says which control group this process is in, and the folder of all of them."""
    own, cgroup = folder / "own", folder / "cgroup"
    own.write_text(f"{line}\n")
    for name, (limit, used) in limits.items():
        (cgroup / name).mkdir(parents=True, exist_ok=True)
        (cgroup / name / "pids.max").write_text(f"{limit}\n")
        (cgroup / name / "pids.current").write_text(f"{used}\n")
    return own, cgroup


@pytest.mark.parametrize(
    ("limits", "most"),
    [
        ({}, 1000),
        ({"pod/container": ("max", 10)}, 1000),
        ({"pod/container": ("100", 20)}, 40),
        ({"pod/container": ("max", 20), "pod": ("200", 100)}, 50),
        ({"pod/container": ("10", 10)}, FEWEST),
        ({"pod/container": ("100000", 10)}, 1000),
    ],
)
def test_half_of_the_room_is_left_to_others(tmp_path: Path, limits: dict[str, tuple[str, int]], most: int) -> None:
    """The tightest group counts, its own or one above it; without a limit there are as many as are wanted."""
    assert most_workers(1000, *groups(tmp_path, limits)) == most


def test_version_1_of_control_groups_counts_too(tmp_path: Path) -> None:
    """There, the controller has a folder of its own."""
    own, cgroup = groups(tmp_path, {"pids/pod/container": ("100", 20)}, "5:cpu,pids:/pod/container")
    (cgroup / "pids").mkdir(exist_ok=True)
    assert most_workers(1000, own, cgroup) == 40


def test_no_file_says_no_limit(tmp_path: Path) -> None:
    """As on a system without control groups."""
    assert most_workers(1000, tmp_path / "none", tmp_path) == 1000
