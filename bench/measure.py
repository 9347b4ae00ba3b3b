"""What is measured, and how: one step of one subject at one size, by time, calls, delay and memory."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from tests.engine.stack import PROJECT, Stack
from tests.vod import TOKEN, LocalVod

PROGRAMS = Path(__file__).parent / "programs"
EXTRACTION_S = 10.0
PARALLEL = 1000
"""What everybody gets as `--parallel`."""
QUOTAS = {"extract": 100, "delete": 100, "cancel": 100, "update": 100, "query": 1500}
"""Calls a minute, as the cloud gives them."""
_ASKED, _LOOKED = "ExtractAudio", "ShowAssetMeta"


@dataclass
class Step:
    """One step. `seconds` of wall time; `calls` by operation; `throttled`: answered with 429.

    `delays`: median and 95th percentile of the seconds between done and seen, of a create.
    `host_mb`: the most memory that the plugins held, all together (Python's dynamic host is one), or the script.
    """

    ok: bool
    seconds: float
    calls: dict[str, int] = field(default_factory=dict)
    throttled: int = 0
    delays: tuple[float, float] | None = None
    host_mb: float = 0.0
    note: str = ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


class Peak:
    """Notes the most memory of processes that are looked for, while entered. Kernel's own peak of each: VmHWM."""

    def __init__(self, find: Callable[[], Sequence[int]]) -> None:
        self._find, self._over = find, threading.Event()
        self.mb = 0.0
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        peaks: dict[int, float] = {}
        turn = 0
        while not self._over.wait(0.2):
            if not peaks or turn % 10 == 0:  # looking through all processes costs more than reading of one
                peaks = {pid: peaks.get(pid, 0.0) for pid in self._find()}
            turn += 1
            for pid in peaks:
                with contextlib.suppress(OSError, StopIteration, ValueError):
                    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
                    peak = next(line for line in lines if line.startswith("VmHWM"))
                    peaks[pid] = int(peak.split()[1]) / 1024
            self.mb = max(self.mb, sum(peaks.values()))


class BenchStack(Stack):
    """A stack with one of the programs, whose steps are measured.

    `native` is no folder: a YAML program of the same audios as `ours`, served by the native plugin.
    """

    def __init__(self, folder: Path, engine: Path, program: str, config: dict[str, str]) -> None:
        super().__init__(folder, engine, config)
        del self.environ["PYTHONPATH"]  # with pip itself, as users have it
        self.config = config
        self._plugin = "pulumi.dynamic"
        if program == "native":
            self._plugin = "pulumi-resource-vod"
            self._declare(int(config["bench:count"]), config["bench:source"])
        else:
            shutil.copytree(PROGRAMS / program, folder, dirs_exist_ok=True)

    def _declare(self, count: int, source: str) -> None:
        audios = {
            f"audio{number}": {
                "type": "vod:ExtractedAudio",
                "properties": {"assetId": source, "format": "MP3", "triggers": [number]},
            }
            for number in range(count)
        }
        plugins = {"providers": [{"name": "vod", "path": f"{sys.prefix}/bin"}]}
        project = {"name": PROJECT, "runtime": "yaml", "plugins": plugins, "resources": audios}
        (self.folder / "Pulumi.yaml").write_text(json.dumps(project))

    def step(self, *args: str, limit: float = 7200.0) -> Step:
        """Run the engine, at most `limit` seconds."""

        started = time.monotonic()
        process = self.start(*args, "--stack", "test")
        note = ""
        with Peak(lambda: self.processes(self._plugin)) as peak:
            try:
                text, _ = process.communicate(timeout=limit)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                text, note = process.communicate()[0], f"broken off after {limit:g} s"
        seconds = time.monotonic() - started
        if process.returncode != 0 and not note:
            note = text[-2000:]
        return Step(process.returncode == 0, seconds, host_mb=peak.mb, note=note)

    def create(self, limit: float = 7200.0) -> Step:
        return self.step("up", "--yes", "--skip-preview", "--parallel", str(PARALLEL), limit=limit)

    def create_at_once(self) -> Step:
        """A create that is not measured: the engine writes its state at the end only."""
        hurry = {"PULUMI_EXPERIMENTAL": "true", "PULUMI_SKIP_CHECKPOINTS": "true"}
        self.environ |= hurry
        try:
            return self.create()
        finally:
            for name in hurry:
                del self.environ[name]

    def keep_no_log(self) -> None:
        """Have the engine keep no log of each run: it does without one where it cannot make the folder."""
        folder = Path(self.environ["PULUMI_HOME"]) / "logs"
        shutil.rmtree(folder)
        folder.touch()

    def unchanged(self) -> Step:
        return self.create()

    def show(self) -> Step:
        return self.step("preview", "--parallel", str(PARALLEL))

    def read(self) -> Step:
        return self.step("refresh", "--yes", "--skip-preview", "--parallel", str(PARALLEL))

    def delete(self) -> Step:
        return self.step("destroy", "--yes", "--skip-preview", "--parallel", str(PARALLEL))


@contextmanager
def timed_vod(folder: Path, scale: float, seconds: float = EXTRACTION_S) -> Iterator[LocalVod]:
    """A local VOD whose extractions take `seconds` each, as many at once as may come."""
    folder.mkdir(parents=True, exist_ok=True)
    with LocalVod.started(folder) as vod:
        vod.timed(seconds, concurrency=10_000, quota_scale=scale)
        yield vod


def configuration(vod: LocalVod, scale: float, **bench: object) -> dict[str, str]:
    """The stack's configuration: how to reach VOD, the quotas that it has, and the program's own values."""
    quotas = {name: int(limit * scale) for name, limit in QUOTAS.items()}
    own = {f"bench:{name}": str(value) for name, value in bench.items()}
    return {**vod.config, "vod:quotas": json.dumps(quotas), "bench:token": TOKEN, **own}


def watched(vod: LocalVod, run: Callable[[], Step]) -> Step:
    """A step, with what it asked of VOD."""
    vod.forget_calls()
    step = run()
    calls = vod.calls()
    step.calls = vod.counts()
    step.throttled = sum(call["status"] == 429 for call in calls)
    step.delays = _delays(calls)
    return step


def _delays(calls: list[dict[str, Any]]) -> tuple[float, float] | None:
    """Between done and seen, of every audio that was asked for and is no longer asked about.

    Done: in timed mode, the accepted request's time and the extraction's length. Seen: the last call that asked
    about the audio, since nobody asks again about what is done.
    """
    accepted: dict[str, float] = {}
    seen: dict[str, float] = {}
    for call in calls:
        if call["operation"] == _ASKED and call["status"] == 202:
            accepted[call["asset_ids"][-1]] = call["time"]
        elif call["operation"] == _LOOKED and call["status"] == 200:
            seen.update(dict.fromkeys(call["asset_ids"], call["time"]))
    delays = sorted(
        seen[audio_id] - at - EXTRACTION_S
        for audio_id, at in accepted.items()
        if seen.get(audio_id, 0.0) >= at + EXTRACTION_S
    )
    if not delays:
        return None
    return statistics.median(delays), delays[int(0.95 * (len(delays) - 1))]
