"""Rounds of runs that are broken off at random, and what has to hold after each: nothing lost, nothing paid twice.

A round declares some audios (replacing those of the round before) or destroys all, breaks the run off once or more
often, in every way and at any moment, and lets it then go through. After that, state and server agree, and
VOD has accepted one request for each audio that was declared anew.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.engine.stack import LIMIT_S, Run, Stack, until
from tests.vod import LocalVod

PLUGIN = "pulumi.dynamic"
"""What the command lines of the dynamic host's processes have in them."""
TRIES = 4
"""Runs that may fail before one goes through, after the last break."""

FAULTS: tuple[Mapping[str, Any], ...] = (
    {"operation": "ExtractAudio", "drop": "before"},
    {"operation": "ExtractAudio", "drop": "after"},
    {"operation": "ExtractAudio", "drop": "middle"},
    {"operation": "ExtractAudio", "status": 502, "body": "<html>Bad Gateway</html>"},
    {"operation": "ExtractAudio", "status": 429, "error_code": "APIG.0308"},
    {"operation": "ExtractAudio", "body": "<html>"},
    {"operation": "ExtractAudio", "delay_s": 2},
    {"operation": "*", "status": 503},
    {"operation": "*", "drop": "after"},
    {"operation": "*", "delay_s": 0.5, "times": 3},
    {"operation": "ShowAssetMeta", "drop": "before", "times": 2},
    {"operation": "DeleteAssets", "drop": "after"},
)


@dataclass(frozen=True)
class Audio:
    """One declared audio; another `trigger` is another extraction."""

    source: str
    format: str
    trigger: int

    def line(self, name: str) -> str:
        return f'ExtractedAudio("{name}", asset_id="{self.source}", format="{self.format}", triggers=[{self.trigger}])'


@dataclass
class Report:
    """What a round came to. `lost`: audios that nobody knows, or that are missing; `twice`: extractions too many.

    `told` counts audios that could be of either of two lost requests, which the user has to decide about.
    """

    said: list[str] = field(default_factory=list)
    kills: int = 0
    disks: int = 0
    audios: int = 0
    asked: int = 0
    told: int = 0
    lost: int = 0
    twice: int = 0

    def __str__(self) -> str:
        counts = f"{self.audios} audios, {self.asked} asked, lost {self.lost}, twice {self.twice}"
        return f"{'; '.join(self.said)}: {counts}" + (f", told {self.told}" if self.told else "")


class Kills:
    """Breaks off the runs of one stack against one local VOD. The same `seed` draws the same.

    `loses_disks`: every other machine on which a run was broken off is thrown away with its disk, as runners of CI are.
    The stack's ledger has to be elsewhere then.
    """

    def __init__(self, stack: Stack, vod: LocalVod, seed: int, *, loses_disks: bool = False) -> None:
        self._stack, self._vod, self._random = stack, vod, random.Random(seed)
        self._loses_disks = loses_disks
        self._store = vod.store
        self._declared: dict[str, Audio] = {}
        self._round = 0
        self._takes = 4.0
        titles = ("One title", "One title", "Another")
        self._sources = [vod.video(seconds, title=title) for seconds, title in zip((2, 9, 3), titles, strict=True)]

    def round(self, *, breaks: int) -> Report:
        """One round with so many breaks."""
        self._round += 1
        before = self._made()
        report = Report()
        chance = self._random
        self._vod.timed(chance.choice([0.1, 0.5, 1.5]), concurrency=chance.choice([1, 1000]))
        destroys = bool(self._declared) and chance.random() < 0.15
        demanded = 0
        if destroys:
            self._declared = {}
        else:
            demanded = self._declare()
        run = "destroy" if destroys else "up"
        report.said.append(f"round {self._round}: {run}")
        for _ in range(1 if destroys else breaks):
            if chance.random() < 0.35:
                fault = chance.choice(FAULTS)
                self._vod.faults(dict(fault))
                report.said.append(" ".join(str(value) for value in fault.values()))
            self._break_off(run, report)
        self._vod.mend()
        self._go_through(run, report)
        report.asked = self._made() - before
        report.twice = max(0, report.asked - demanded - report.told)
        self._compare(report)
        return report

    def _declare(self) -> int:
        """Another program; returns how many audios it has that the one before had not."""
        chance = self._random
        names = [f"audio{number}" for number in range(chance.randint(1, 4))]
        same = chance.choice(self._sources)
        old, self._declared = self._declared, {}
        for number, name in enumerate(names):
            if name in old and chance.random() < 0.3:
                self._declared[name] = old[name]
                continue
            source = same if chance.random() < 0.5 else chance.choice(self._sources)
            trigger = 100 * self._round + (number if chance.random() < 0.8 else 0)
            self._declared[name] = Audio(source, chance.choice(["MP3", "AAC"]), trigger)
        self._stack.program("\n".join(audio.line(name) for name, audio in self._declared.items()))
        return sum(old.get(name) != audio for name, audio in self._declared.items())

    # -- breaking off ----------------------------------------------------------------------------------------

    def _break_off(self, command: str, report: Report) -> None:
        chance = self._random
        ways: dict[str, Callable[[subprocess.Popen[str]], None]] = {
            "engine": lambda run: self._kill(run, engine=True, plugin=False),
            "plugin": lambda run: self._kill(run, engine=False, plugin=True),
            "both": lambda run: self._kill(run, engine=True, plugin=True),
            "Ctrl-C": lambda run: run.send_signal(signal.SIGINT),
            "Ctrl-C twice": self._interrupt_twice,
            "cancelled": self._cancel_and_go_on,
            "both and VOD": self._kill_all,
        }
        way = chance.choices(list(ways), weights=[3, 3, 4, 2, 2, 1, 1])[0]
        made = self._made()
        started = time.monotonic()
        run = self._stack.start(command, "--yes", "--skip-preview", "--stack", "test")
        if chance.random() < 0.5:
            moment = chance.uniform(0.0, self._takes)
        else:
            self._wait(run, lambda: self._made() > made, 2 * self._takes)
            moment = time.monotonic() - started + chance.choice([0.0, 0.05, 0.3, 1.0]) * chance.random()
        self._wait(run, lambda: time.monotonic() - started >= moment, LIMIT_S)
        ended = run.poll() is not None
        if not ended:
            ways[way](run)
        self._end(run)
        report.kills += not ended
        report.said.append(f"{'through before' if ended else way} at {time.monotonic() - started:.2f} s")
        # What its killed engine leaves for ever; the plugin ends by itself, which the next run need not wait for.
        for process in set(self._stack.processes()) - set(self._stack.processes(PLUGIN)):
            _kill(process)
        if self._loses_disks and chance.random() < 0.5:
            for process in self._stack.processes():
                _kill(process)
            self._stack.lose_disk()
            report.disks += 1
            report.said.append("disk lost")
        self._stack.run("cancel", "--yes", "--stack", "test")

    def _kill(self, run: subprocess.Popen[str], *, engine: bool, plugin: bool) -> None:
        plugins = self._stack.processes(PLUGIN)
        if engine:
            run.kill()
        if plugin:
            for process in plugins:
                _kill(process)

    def _interrupt_twice(self, run: subprocess.Popen[str]) -> None:
        run.send_signal(signal.SIGINT)
        time.sleep(self._random.choice([0.02, 0.1, 0.5]) * self._random.random())
        run.send_signal(signal.SIGINT)

    def _cancel_and_go_on(self, run: subprocess.Popen[str]) -> None:
        """`pulumi cancel` takes the lock away and ends no run: another begins beside it."""
        self._stack.run("cancel", "--yes", "--stack", "test")
        other = self._stack.start("up", "--yes", "--skip-preview", "--stack", "test")
        self._wait(other, lambda: False, self._random.uniform(0, 2))
        run.kill()
        self._wait(other, lambda: False, self._random.uniform(0, self._takes))
        self._kill(other, engine=True, plugin=self._random.random() < 0.5)
        self._end(other)

    def _kill_all(self, run: subprocess.Popen[str]) -> None:
        self._kill(run, engine=True, plugin=True)
        self._vod.end(kill=True)
        self._vod.start()

    def _wait(self, run: subprocess.Popen[str], condition: Callable[[], bool], seconds: float) -> None:
        end = time.monotonic() + seconds
        while run.poll() is None and not condition() and time.monotonic() < end:
            time.sleep(0.01)

    def _end(self, run: subprocess.Popen[str]) -> None:
        try:
            run.communicate(timeout=LIMIT_S)
        finally:
            if run.poll() is None:
                os.killpg(run.pid, signal.SIGKILL)
                run.communicate()

    # -- going through and comparing -------------------------------------------------------------------------

    def _go_through(self, command: str, report: Report) -> None:
        """Run until it goes through; where the user has to decide whose an audio is, by deleting it."""
        for _ in range(TRIES):
            started = time.monotonic()
            run = self._stack.run(command, "--yes", "--skip-preview", "--stack", "test")
            if run.ok:
                self._takes = 0.7 * self._takes + 0.3 * (time.monotonic() - started)
                return
            if not self._decide(run, report):
                report.said.append("an error")
        raise AssertionError(f"{report}\n{run.text}")

    def _decide(self, run: Run, report: Report) -> bool:
        doubtful = {
            audio_id
            for ids in re.findall(r"could be the one that VOD made: ([0-9a-f, ]+);", run.text)
            for audio_id in ids.split(", ")
        }
        for audio_id in doubtful:
            until(lambda audio_id=audio_id: self._vod.asset(audio_id)["status"] == "CREATED")
            self._vod.delete(audio_id)
        report.told += len(doubtful)
        return bool(doubtful)

    def _compare(self, report: Report) -> None:
        """State, server and program are to agree, also on what each audio was made of."""
        state = {it["urn"].rpartition("::")[2]: it for it in self._saved()}
        server = set(self._vod.audio_ids())
        held = {it["id"] for it in state.values()}
        report.audios = len(server)
        missing = {name for name in self._declared if state.get(name, {}).get("id") not in server}
        report.lost = len(server - held) + len(missing)
        made_of = dict(self._sql("SELECT asset_id, source_id FROM assets"))
        for name, audio in self._declared.items():
            if name not in missing:
                assert made_of[state[name]["id"]] == audio.source, f"{report}: {name} is of another source"
                assert state[name]["outputs"]["status"] == "CREATED", f"{report}: {name} is not ready"
        assert len(self._saved()) == len(held) == len(self._declared), f"{report}: the state has {sorted(state)}"

    def _saved(self) -> list[dict[str, Any]]:
        """The audios in the state file."""
        (file,) = (self._stack.folder / "state").rglob("stacks/*/test.json")
        resources = json.loads(file.read_text())["checkpoint"]["latest"].get("resources", [])
        return [it for it in resources if it["type"].endswith(":ExtractedAudio")]

    def evidence(self) -> str:
        """What tells how an audio got lost or made twice: state, server, journal, calls."""
        entries = []
        if self._stack.journal.exists():
            with contextlib.closing(sqlite3.connect(self._stack.journal)) as database:
                entries = database.execute("SELECT * FROM requests ORDER BY asked_at").fetchall()
        lines = [f"declared {self._declared}"]
        lines += [f"state {it['urn']} {it['id']} {it.get('delete')}" for it in self._saved()]
        lines += [f"server {row}" for row in self._sql("SELECT asset_id, source_id, status, created FROM assets")]
        lines += [f"ledger {row}" for row in entries[-20:]]
        lines += [f"call {call}" for call in self._vod.calls()[-60:]]
        return "\n".join(lines)

    def _made(self) -> int:
        """How many assets VOD has ever made; survives all kills, and counts what is deleted again."""
        return int(self._sql("SELECT seq FROM sqlite_sequence WHERE name = 'assets'")[0][0])

    def _sql(self, query: str) -> list[tuple[Any, ...]]:
        with contextlib.closing(sqlite3.connect(f"file:{self._store}?mode=ro", uri=True, timeout=10)) as database:
            return database.execute(query).fetchall()


def _kill(process: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)
