"""Two stacks over a real local VOD, with faults and crashes between any two steps: nothing lost, nothing paid twice."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
import requests
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.stateful.lives import Life
from tests.stateful.pulumi import Props, Stack
from tests.vod import PROJECT, LocalVod, make_video
from vod_provider.audio.inputs import parse
from vod_provider.audio.ledger import Ledger
from vod_provider.audio.ledger_records import Key, Request
from vod_provider.vod import retries
from vod_provider.vod.pacing import batch_timing, poller, quota

EXAMPLES = int(os.environ.get("STATEFUL_EXAMPLES", "0"))
"""How many examples to draw at random; by default few, and always the same."""
RUNS = 8
"""Runs that may fail before one goes through, when nothing is broken any more."""
QUOTAS = '{"extract": 100000, "cancel": 100000, "delete": 100000, "update": 100000, "query": 100000}'

FAULTS: tuple[Props, ...] = (
    {"drop": "before"},
    {"drop": "after"},
    {"drop": "middle"},
    {"status": 500},
    {"status": 502, "body": "<html>Bad Gateway</html>"},
    {"status": 503},
    {"status": 504, "delay_s": 0.1},
    {"status": 429, "error_code": "APIG.0308"},
    {"body": "<html>"},
    {"delay_s": 0.1},
    {"status": 403, "error_code": "VOD.10054"},
)


class Bench:
    """The service, and what is measured on it. One for all examples; `begin` makes it new."""

    def __init__(self, vod: LocalVod, folder: Path) -> None:
        self.vod = vod
        video = folder / "video.mp4"
        make_video(video, 1)
        self._video = video.read_bytes()

    def begin(self) -> None:
        self.vod.reset()
        self.made_of: dict[str, str] = {}

    def upload(self, title: str) -> str:
        source, url = self.vod.announced(title)
        assert requests.put(url, data=self._video, timeout=60).ok
        self.vod.api("POST", "/asset/status/uploaded", json={"asset_id": source, "status": "CREATED"})
        return source

    def accepted(self) -> list[str]:
        """The audios that VOD has accepted since this was asked last, in that order."""
        new = []
        for call in self.vod.calls():
            if call["operation"] == "ExtractAudio" and len(call["asset_ids"]) == 2:
                source, audio_id = call["asset_ids"]
                self.made_of[audio_id] = source
                new.append(audio_id)
        self.vod.forget_calls()
        return new


class Lives(RuleBasedStateMachine):
    """Runs of two stacks that share VOD and journal, broken off in every way; see the rules."""

    bench: ClassVar[Bench]

    @initialize()
    def begin(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self.bench.begin()
        self.vod = self.bench.vod
        self.vod.timed(0.05, quota_scale=1000.0)
        self.ledger = Path(self._folder.name) / "journal.sqlite"
        self.config = self.vod.config | {
            "vod:timeouts": '{"absence": 0.05}',
            "vod:journal": str(self.ledger),
            "vod:quotas": QUOTAS,
        }
        self.sources = [self.bench.upload(title) for title in ("One title", "One title", "Another")]
        self.stacks = [Stack(name, self.watch) for name in ("dev", "prod")]
        self.programs: list[dict[str, Props]] = [{}, {}]
        self.paid: dict[Key, str] = {}
        self.told: set[str] = set()

    def teardown(self) -> None:
        """Once nothing is broken any more, all is as declared; and destroyed, nothing is left that nobody knows."""
        if not hasattr(self, "_folder"):
            return
        try:
            self._end()
        finally:
            self._folder.cleanup()

    # -- what people do --------------------------------------------------------------------------------------

    @rule(
        stack=st.integers(0, 1),
        name=st.sampled_from("ab"),
        source=st.integers(0, 2),
        audio_format=st.sampled_from(["MP3", "AAC"]),
        trigger=st.integers(0, 1),
        title=st.sampled_from([None, "Ours"]),
    )
    def declare(self, stack: int, name: str, source: int, audio_format: str, trigger: int, title: str | None) -> None:
        """Edit the program: another audio, or another source, format or trigger of one that is there."""
        inputs: Props = {"asset_id": self.sources[source], "format": audio_format, "triggers": [float(trigger)]}
        self.programs[stack][name] = inputs | ({"title": title} if title else {})

    @rule(stack=st.integers(0, 1), name=st.sampled_from("ab"))
    def remove(self, stack: int, name: str) -> None:
        """Take an audio out of the program."""
        self.programs[stack].pop(name, None)

    @rule(
        stack=st.integers(0, 1),
        killed_at=st.none() | st.integers(1, 40),
        stopped_at=st.none() | st.none() | st.integers(1, 40),
        saves=st.booleans(),
        timeout=st.sampled_from([0.0, 0.0, 0.0, 0.08]),
    )
    def up(self, stack: int, killed_at: int | None, stopped_at: int | None, saves: bool, timeout: float) -> None:
        """A run; perhaps killed or stopped at any step of it, perhaps with little time."""
        life = Life(self.config, killed_at=killed_at, stopped_at=stopped_at)
        self.stacks[stack].up(life, self.programs[stack], timeout=timeout, saves=saves)

    @rule(stack=st.integers(0, 1), name=st.sampled_from("ab"), killed_at=st.none() | st.integers(1, 20))
    def replace(self, stack: int, name: str, killed_at: int | None) -> None:
        """`up --replace`."""
        life = Life(self.config, killed_at=killed_at)
        self.stacks[stack].up(life, self.programs[stack], replace=[name])

    @rule(stack=st.integers(0, 1), killed_at=st.none() | st.integers(1, 10))
    def destroy(self, stack: int, killed_at: int | None) -> None:
        """`destroy`, which leaves the program as it is."""
        self.stacks[stack].up(Life(self.config, killed_at=killed_at), {})

    @rule(stack=st.integers(0, 1))
    def refresh(self, stack: int) -> None:
        """`refresh`."""
        self.stacks[stack].refresh(Life(self.config))

    @rule(stack=st.integers(0, 1), delay=st.sampled_from([0.05, 0.15]))
    def up_beside_a_dying_one(self, stack: int, delay: float) -> None:
        """The engine is killed while VOD is slow to answer; its plugin lives on while the next run begins."""
        self.vod.faults({"operation": "ExtractAudio", "delay_s": 0.3})
        dying, shadow = Life(self.config), Stack(self.stacks[stack].name, lambda *_: None)
        shadow.resources = dict(self.stacks[stack].resources)
        # It does not delete: an engine that is gone asks for nothing more.
        program = {name: it for name, it in self.programs[stack].items() if shadow.urn(name) not in shadow.resources}
        thread = threading.Thread(target=shadow.up, args=(dying, program), kwargs={"saves": False})
        thread.start()
        time.sleep(delay)
        dying.ctrl_c()
        self.stacks[stack].up(Life(self.config), self.programs[stack])
        thread.join()

    # -- what happens to them --------------------------------------------------------------------------------

    @rule(
        operation=st.sampled_from(["ExtractAudio", "ExtractAudio", "*", "ShowAssetMeta", "DeleteAssets"]),
        fault=st.sampled_from(FAULTS),
        times=st.sampled_from([1, 1, 2, 8]),
    )
    def fail(self, operation: str, fault: Props, times: int) -> None:
        """The next calls fail."""
        self.vod.faults({"operation": operation, "times": times} | fault)

    @rule(seconds=st.sampled_from([0.02, 0.3]), concurrency=st.sampled_from([1, 1000]))
    def slow(self, seconds: float, concurrency: int) -> None:
        """Extractions take another time, and wait for each other."""
        self.vod.timed(seconds, concurrency=concurrency, quota_scale=1000.0)

    @rule(which=st.integers(0, 5))
    def cancel_behind_our_back(self, which: int) -> None:
        """Somebody else cancels an extraction, if it is queued: a failed one from then on."""
        with self._working(), contextlib.suppress(AssertionError, IndexError):
            self.vod.api("DELETE", f"/asset/extract_audio?asset_id={self.vod.audio_ids()[which]}")

    @rule(which=st.integers(0, 5))
    def delete_behind_our_back(self, which: int) -> None:
        """Somebody else deletes an audio, if it is not being made."""
        with self._working(), contextlib.suppress(IndexError):
            self.vod.api("DELETE", f"/asset?asset_id={self.vod.audio_ids()[which]}")

    @rule(source=st.integers(0, 2))
    def another_source(self, source: int) -> None:
        """A video is deleted, and uploaded again under another id."""
        title = ("One title", "One title", "Another")[source]
        with self._working():
            self.vod.delete(self.sources[source])
            self.sources[source] = self.bench.upload(title)

    @precondition(lambda _: EXAMPLES > 0)
    @rule()
    def kill_vod(self) -> None:
        """The service is killed, and starts again."""
        self.bench.accepted()
        self.vod.end(kill=True)
        self.vod.start()

    # -- what has to hold ------------------------------------------------------------------------------------

    def watch(self, urn: str, inputs: Props, forced: bool) -> None:
        """After a create: what VOD has accepted meanwhile was nowhere to be had."""
        self._paid(urn, inputs, [one.id for one in self._stack(urn).resources.values()] if forced else [])

    def _paid(self, urn: str, inputs: Props, may_be_there: list[str]) -> None:
        key = Key(urn, parse(inputs).fingerprint)
        with self._working():
            for audio_id in self.bench.accepted():
                before = self.paid.get(key)
                if before is not None and before not in may_be_there:
                    status = self.vod.asset(before).get("status")
                    assert status not in {"CREATING", "CREATED"}, f"{urn}: {before} is {status}, and paid again"
                self.paid[key] = audio_id

    def _stack(self, urn: str) -> Stack:
        return next(stack for stack in self.stacks if urn.startswith(stack.urn("")))

    @contextlib.contextmanager
    def _working(self) -> Iterator[None]:
        """Ask the service although faults are waiting for the calls of others."""
        faults: list[Any] = self.vod._local("GET", "faults")
        self.vod.mend()
        yield
        if faults:
            self.vod.faults(*({name: it for name, it in one.items() if it is not None} for one in faults))

    @invariant()
    def everybody_is_known(self) -> None:
        """Every audio is in a state or in the ledger; no two resources have the same; each is of its source."""
        if not hasattr(self, "_folder"):
            return
        with self._working():
            self.bench.accepted()
            server = self.vod.audio_ids()
        held = [audio_id for stack in self.stacks for audio_id in stack.ids()]
        assert len(held) == len(set(held)), "two resources have the same audio"
        requests = self._requests()
        known = {*held, *(it.audio_id for it in requests)}
        lost = [it.source for it in requests if it.audio_id is None]
        for audio_id in set(server) - known:
            assert self.bench.made_of[audio_id] in lost, f"nobody knows {audio_id}"
            lost.remove(self.bench.made_of[audio_id])
        for stack in self.stacks:
            for one in stack.resources.values():
                assert self.bench.made_of[one.id] == one.inputs["asset_id"], f"{one.urn} is of another source"

    def _requests(self) -> list[Request]:
        return Ledger(self.ledger).requests(f"{self.vod.endpoint} {PROJECT}")

    def _end(self) -> None:
        self.vod.mend()
        self.vod.timed(0.02, quota_scale=1000.0)
        for stack, program in zip(self.stacks, self.programs, strict=True):
            there = {name: it for name, it in program.items() if it["asset_id"] in self.sources}
            self._go_through(stack, there)
            self.everybody_is_known()
            assert set(stack.resources) == {stack.urn(name) for name in there}
            assert not stack.replaced
        for stack in self.stacks:
            self._go_through(stack, {})
        kept = {it.audio_id for it in self._requests()}
        left = set(self.vod.audio_ids())
        assert left <= kept, f"destroyed, there is an audio left that only VOD knows: {left - kept}"

    def _go_through(self, stack: Stack, program: dict[str, Props]) -> None:
        for _ in range(RUNS):
            if stack.up(Life(self.config), program):
                return
            for ids in re.findall(r"could be the one that VOD made: ([0-9a-f, ]+);", stack.error):
                for audio_id in ids.split(", "):
                    self.vod.delete(audio_id)
        pytest.fail(stack.error)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits are as short as the local VOD's work; quotas are not what is tried here."""
    monkeypatch.setattr(retries, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(retries, "LONGEST_PAUSE_S", 0.02)
    monkeypatch.setattr(quota, "PAUSE_S", 0.02)
    monkeypatch.setattr(quota, "LONGEST_PAUSE_S", 0.02)
    monkeypatch.setattr(quota, "WINDOW_S", 0.1)
    monkeypatch.setattr(poller, "SHORTEST_S", 0.03)
    monkeypatch.setattr(poller, "LONGEST_S", 0.05)
    monkeypatch.setattr(batch_timing, "QUIET_S", 0.002)
    monkeypatch.setattr(batch_timing, "LONE_S", 0.001)
    monkeypatch.setattr(batch_timing, "TRY_S", 0.002)


def test_nothing_is_lost_and_nothing_paid_twice(running_vod: LocalVod, tmp_path: Path) -> None:
    """Whatever fails, is killed or deleted between any two steps of two stacks."""
    Lives.bench = Bench(running_vod, tmp_path)
    run_state_machine_as_test(
        Lives,
        settings=settings(
            max_examples=EXAMPLES or 30,
            stateful_step_count=30 if EXAMPLES else 15,
            derandomize=not EXAMPLES,
            database=None,
            phases=[Phase.generate],
            deadline=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
