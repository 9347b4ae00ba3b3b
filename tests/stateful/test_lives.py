"""Two stacks over a real local VOD, with every fault at every step of their runs: nothing lost, nothing paid twice.

Every fault has a test of its own, which takes it to each step at which it can occur, at least `ENOUGH` times, and
asserts that. The last test draws everything at random: STATEFUL_EXAMPLES=500 makes that a long one.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import tempfile
import threading
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from datetime import timedelta
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
from obstore.store import MemoryStore

from tests.stateful.faults import AT, Fault, Plan, Step
from tests.stateful.lives import SKEW, Life, World
from tests.stateful.pulumi import Props, Resource, Stack
from tests.vod import PROJECT, TOKEN, LocalVod, make_video
from vod_provider.audio import lifecycle
from vod_provider.audio.inputs import parse
from vod_provider.audio.ledger import Ledger
from vod_provider.audio.ledger_records import Key, Request
from vod_provider.audio.ledger_store import ObjectStore
from vod_provider.audio.place import Place
from vod_provider.vod import retries
from vod_provider.vod.pacing import batch_timing, poller, quota

EXAMPLES = int(os.environ.get("STATEFUL_EXAMPLES", "0"))
"""How many examples to draw at random; by default few, and always the same."""
RUNS = 8
"""Runs that may fail before one goes through, when nothing is broken any more."""
QUOTAS = '{"extract": 100000, "cancel": 100000, "delete": 100000, "update": 100000, "query": 100000}'
ELSEWHERE = PROJECT[::-1]
"""A project that this VOD does not let anybody into: whoever asks there is refused."""
TITLES = ("One title", "One title", "Another")
LIVES = 3
"""Examples for each fault; hypothesis runs one more, of the least of everything."""
MEETINGS = (3, 2)
"""How often a plan's fault is taken to each step, at the beginning of an example and at its end."""


class Bench(World):
    """The service, and what is measured on it. One for all examples; `begin` makes it new."""

    def __init__(self, vod: LocalVod, folder: Path) -> None:
        super().__init__()
        self.vod = vod
        # Not requests: half of what this bench does is to look, and its own sessions cost more than the answers.
        self._http = http.client.HTTPConnection(vod.host, vod.port, timeout=30)
        video = folder / "video.mp4"
        make_video(video, 1)
        self._video = video.read_bytes()
        self.stacks: list[Stack] = []
        self.wrong: list[str] = []

    def close(self) -> None:
        self._http.close()

    def begin(self) -> None:
        self.vod.reset()
        self.made_of: dict[str, str] = {}
        self.wrong.clear()
        self.stacks.clear()
        self._titled = 0
        self.sources = [self.upload(title) for title in TITLES]

    def upload(self, title: str) -> str:
        source, url = self.vod.announced(title)
        assert requests.put(url, data=self._video, timeout=60).ok
        self.vod.api("POST", "/asset/status/uploaded", json={"asset_id": source, "status": "CREATED"})
        return source

    def deletes(self, audio_ids: Collection[str]) -> None:
        """An audio may be deleted by its last holder, and by nobody else."""
        for audio_id in audio_ids:
            holders = [stack.name for stack in self.stacks for it in stack.ids() if it == audio_id]
            if len(holders) > 1:
                self.wrong.append(f"{audio_id} was deleted, and {holders} hold it")

    def rename(self) -> None:
        """Every video gets another title, which does not begin as the one before."""
        self._titled += 1
        for source in self.sources:
            with suppress(AssertionError):  # one that is gone
                self.vod.retitle(source, f"{self._titled} is the new title")

    def accepted(self) -> list[str]:
        """The audios that VOD has accepted since this was asked last, in that order."""
        # Not cleared: a call that came between the question and the clearing would be forgotten.
        calls = self._answer("/_local/calls?operation=ExtractAudio")["calls"]
        found = (it["asset_ids"] for it in calls if len(it["asset_ids"]) == 2)
        new = {audio_id: source for source, audio_id in found if audio_id not in self.made_of}
        self.made_of |= new
        return list(new)

    def audios(self) -> dict[str, dict[str, Any]]:
        """All audios that VOD has, in any state, as it tells them."""
        rows: list[dict[str, Any]] = self._answer(f"/v1.0/{PROJECT}/asset/info?page=0&size=100")["asset_info_array"]
        assert len(rows) < 100
        return {it["asset_id"]: it for it in rows if str(it["base_info"].get("video_type")).upper() != "MP4"}

    def _answer(self, path: str) -> Any:
        self._http.request("GET", path, headers={"X-Auth-Token": TOKEN})
        answer = self._http.getresponse()
        body = answer.read()
        assert answer.status == 200, body
        return json.loads(body)


class Lives(RuleBasedStateMachine):
    """Runs of two stacks that share VOD and ledger, broken off in every way; see the rules.

    `fault` is what goes wrong, at each of its steps; None: faults and steps are drawn.
    """

    bench: ClassVar[Bench]
    fault: ClassVar[Fault | None] = None

    @initialize(store=st.booleans(), declared=st.lists(st.integers(0, 2), min_size=2, max_size=2))
    def begin(self, store: bool, declared: list[int]) -> None:
        """Two stacks, each with an audio that is declared and made; the ledger is a file, or in object storage."""
        self._folder = tempfile.TemporaryDirectory()
        self.bench.begin()
        self.vod = self.bench.vod
        self.vod.timed(0.005, quota_scale=1000.0)
        self.ledger = Path(self._folder.name) / "journal.sqlite"
        self.config = self.vod.config | {
            "vod:timeouts": '{"absence": 0.03}',
            "vod:journal": str(self.ledger),
            "vod:quotas": QUOTAS,
        }
        loses = self.fault is Fault.LOSE_MACHINE
        self.objects = MemoryStore() if store or loses else None
        self.stacks = [Stack(name, self.watch, lambda: self.stacks) for name in ("dev", "prod")]
        self.bench.stacks = self.stacks
        self.programs: list[dict[str, Props]] = [{}, {}]
        self.paid: dict[Key, str] = {}
        self.gone: set[str] = set()
        """Audios that went without the engine's knowing: deleted behind our back, or by a run that saved no state."""
        self.trigger = self.renamed = 0
        for stack, source in enumerate(declared):
            self.declare(stack, "a", source, "MP3", None)
            self._go_through(stack)
        self._meet(MEETINGS[0])

    def _meet(self, times: int) -> None:
        """Runs that take the fault to each of its steps, besides those that the rules draw."""
        if self.fault is None:
            return
        for number in range(times):
            for turn, step in enumerate(AT[self.fault]):
                # Every other run goes on from what the fault has left behind, and meets the next one.
                stack = (turn // 2 + number) % 2
                plan = Plan(self.fault, step)
                if not self._planned_up(stack, plan, refresh=turn % 4 == 3, mends=turn % 2 == 1):
                    # What the one before has left behind kept the run from coming so far.
                    self._go_through(stack)
                    self._planned_up(stack, plan, refresh=turn % 4 == 3)

    def teardown(self) -> None:
        """Once nothing is broken any more, all is as declared; and destroyed, nothing is left that nobody knows."""
        if not hasattr(self, "_folder"):
            return
        try:
            self._meet(MEETINGS[1])
            self._end()
        finally:
            self._folder.cleanup()

    # -- what people do --------------------------------------------------------------------------------------

    @rule(
        stack=st.integers(0, 1),
        name=st.sampled_from("ab"),
        source=st.integers(0, 2),
        audio_format=st.sampled_from(["MP3", "AAC"]),
        title=st.sampled_from([None, "Ours"]),
    )
    def declare(self, stack: int, name: str, source: int, audio_format: str, title: str | None) -> None:
        """Edit the program: another audio, or another source, format or trigger of one that is there."""
        self.trigger += 1
        inputs: Props = {"asset_id": self.bench.sources[source], "format": audio_format}
        inputs["triggers"] = [float(self.trigger // 2)]
        self.programs[stack][name] = inputs | ({"title": title} if title else {})

    @rule(stack=st.integers(0, 1), name=st.sampled_from("ab"))
    def remove(self, stack: int, name: str) -> None:
        """Take an audio out of the program."""
        self.programs[stack].pop(name, None)

    @rule(stack=st.integers(0, 1), of=st.integers(0, 1), hands_over=st.booleans())
    def adopt(self, stack: int, of: int, hands_over: bool) -> None:
        """Declare 'c' with the audio of an 'a': of the other stack, or of this one, which hands it over or keeps it."""
        if "c" in self.programs[stack] or not self._declare_adoption(stack, "c", of):
            return
        if stack == of and hands_over:
            self.programs[stack].pop("a", None)
        self._run(stack)
        if self.stacks[stack].urn("c") not in self.stacks[stack].resources:
            del self.programs[stack]["c"]

    def _declare_adoption(self, stack: int, name: str, of: int) -> bool:
        held = self.stacks[of].resources.get(self.stacks[of].urn("a"))
        if held is None or held.broken:
            return False
        inputs = {name: held.inputs[name] for name in ("asset_id", "format")}
        self.programs[stack][name] = inputs | {"adopt": held.id}
        return True

    @rule(stack=st.integers(0, 1), data=st.data())
    def up(self, stack: int, data: st.DataObject) -> None:
        """A run in which something goes wrong that was to change something; then one that goes through."""
        self._planned_up(stack, self._plan(data), refresh=data.draw(st.booleans()))

    def _plan(self, data: st.DataObject) -> Plan:
        return data.draw(
            PLANS if self.fault is None else st.sampled_from([Plan(self.fault, it) for it in AT[self.fault]])
        )

    def _planned_up(self, stack: int, plan: Plan, *, refresh: bool, mends: bool = True) -> bool:
        """A run that comes to the plan's step, and, if it `mends`, one that goes through; whether the fault was met."""
        if plan.fault is Fault.PLACE:
            life = self._up_elsewhere(stack, plan)
        else:
            self._bring_to(stack, plan.step)
            life = self._life(stack, plan)
            self._run(stack, life, refresh=refresh and plan.step is Step.LOOK)
        self.everybody_is_known()
        if mends:
            self._go_through(stack)
        return plan.fault in life.met

    def _up_elsewhere(self, stack: int, plan: Plan) -> Life:
        """A run whose default is another place, and which has to go where the audios are."""
        if plan.step is Step.SEARCH:
            self._bring_to(stack, plan.step)
            self._run(stack, self._life(stack, Plan(Fault.KILL_AFTER, Step.EXTRACT)))
        elif plan.step in {Step.UPDATE, Step.PUBLISH}:
            self._bring_to(stack, plan.step)
        life = self._life(stack, plan)
        if plan.step is Step.LOOK:
            assert self.stacks[stack].refresh(life), self.stacks[stack].error
        else:
            self._run(stack, life, program={} if plan.step is Step.DELETE else None)
        return life

    @rule(stack=st.integers(0, 1), data=st.data())
    def refresh(self, stack: int, data: st.DataObject) -> None:
        """`refresh`, in which something goes wrong perhaps."""
        life = self._life(stack, self._plan(data))
        before = {one.id for one in self.stacks[stack].resources.values()}
        self.stacks[stack].refresh(life)
        left = before - {one.id for one in self.stacks[stack].resources.values()}
        there = self.bench.audios()
        assert not left & set(there), f"refresh took {left & set(there)} out of the state, which are there"

    @rule(stack=st.integers(0, 1), name=st.sampled_from("ab"))
    def replace(self, stack: int, name: str) -> None:
        """`up --replace`."""
        self._run(stack, replace=[name])

    @rule(stack=st.integers(0, 1), name=st.sampled_from("abc"), destroys=st.booleans())
    def target(self, stack: int, name: str, destroys: bool) -> None:
        """`up --target`, `destroy --target`: the others get neither Check nor Diff."""
        program = dict(self.programs[stack])
        if destroys:
            program.pop(name, None)
        self._run(stack, program=program, targets=[name])

    @rule(stack=st.integers(0, 1))
    def destroy(self, stack: int) -> None:
        """`destroy`, which leaves the program as it is."""
        self._run(stack, program={})

    @precondition(lambda self: self.fault is None)
    @rule(stack=st.integers(0, 1), delay=st.sampled_from([0.05, 0.15]))
    def up_beside_a_dying_one(self, stack: int, delay: float) -> None:
        """The engine is killed while VOD is slow to answer; its plugin lives on while the next run begins."""
        self.vod.faults({"operation": "ExtractAudio", "delay_s": 0.3})
        dying, shadow = self._life(stack), Stack(self.stacks[stack].name, lambda *_: None)
        dying.saves = False
        # It neither changes nor deletes what there is: an engine that is gone asks for nothing more.
        there = self.stacks[stack].resources
        program = {name: it for name, it in self.programs[stack].items() if shadow.urn(name) not in there}
        thread = threading.Thread(target=shadow.up, args=(dying, program))
        thread.start()
        time.sleep(delay)
        dying.ctrl_c()
        self._run(stack)
        thread.join()
        self.vod.mend()

    # -- what happens to them --------------------------------------------------------------------------------

    @rule()
    def rename(self) -> None:
        """The videos get other titles."""
        self.bench.rename()

    @rule(stack=st.integers(0, 1))
    def rename_stack(self, stack: int) -> None:
        """`pulumi stack rename`: what a broken-off run has left is still that stack's."""
        self.renamed += 1
        before = self.stacks[stack].urn("")
        self.stacks[stack].rename(f"stack{self.renamed}")
        now = self.stacks[stack].urn("")
        self.paid = {Key(key.owner.replace(before, now), key.fingerprint): it for key, it in self.paid.items()}

    @precondition(lambda self: self.fault is None)
    @rule(which=st.integers(0, 5))
    def delete_behind_our_back(self, which: int) -> None:
        """Somebody else deletes an audio, if it is not being made."""
        ids = sorted(self.bench.audios())
        if which < len(ids):
            self.vod.api("DELETE", f"/asset?asset_id={ids[which]}")
            self.gone.add(ids[which])

    @precondition(lambda self: self.fault is None)
    @rule(source=st.integers(0, 2))
    def another_source(self, source: int) -> None:
        """A video is deleted, and uploaded again under another id."""
        self.vod.delete(self.bench.sources[source])
        self.bench.sources[source] = self.bench.upload(TITLES[source])

    # -- runs ------------------------------------------------------------------------------------------------

    def _bring_to(self, stack: int, step: Step) -> None:
        """Change the program so that its next run comes to the step."""
        program, held = self.programs[stack], self.stacks[stack].resources.get(self.stacks[stack].urn("a"))
        if "a" not in program or program["a"]["asset_id"] not in self.bench.sources:
            self.declare(stack, "a", stack, "MP3", None)
        self.trigger += 2
        if step is Step.UPDATE:
            program["a"] |= {"title": f"Title {self.trigger}"}
        elif step is Step.PUBLISH:
            program["a"] |= {"publish": held is None or not held.inputs.get("publish")}
        elif step is Step.TAKE:
            self._go_through(stack)
            taker = next(name for name in ("c", "d") if name not in program)
            program.pop("c" if taker == "d" else "d", None)
            if self._declare_adoption(stack, taker, stack):
                del program["a"]
        else:
            # Another extraction, and the deletion of the one that there is.
            if held is None:
                self._go_through(stack)
            program["a"] = program["a"] | {"triggers": [float(self.trigger)]}

    def _life(self, stack: int, plan: Plan | None = None) -> Life:
        plans = [plan] if plan is not None else []
        config, elsewhere, skew = self.config, [Place(self.vod.endpoint, PROJECT)], timedelta()
        if plan is not None:
            if plan.step in {Step.SEARCH, Step.DROP} and plan.fault is not Fault.PLACE:
                plans.append(Plan(Fault.LOST_BEFORE if plan.step is Step.DROP else Fault.LOST_AFTER, Step.EXTRACT))
            if plan.fault is Fault.CLOCK:
                skew = SKEW if self.trigger % 4 < 2 else -SKEW
            if plan.fault is Fault.PLACE:
                config = config | {"vod:projectId": ELSEWHERE}
        return Life(config, self.bench, plans=plans, store=self._store(stack), elsewhere=elsewhere, skew=skew)

    def _store(self, stack: int) -> ObjectStore | None:
        if self.objects is None:
            return None
        return ObjectStore(
            self.objects, "memory", "", f"backend urn:pulumi:{self.stacks[stack].name}::project::", lambda _: None
        )

    def _run(
        self,
        stack: int,
        life: Life | None = None,
        *,
        program: dict[str, Props] | None = None,
        replace: Iterable[str] = (),
        targets: Collection[str] | None = None,
        refresh: bool = False,
    ) -> bool:
        """One `up`; where it goes through, all that was in it is ready, and the state is true."""
        one = self.stacks[stack]
        program = self.programs[stack] if program is None else program
        life, before = life or self._life(stack), self._known_ids(one)
        done = one.up(life, program, replace=list(replace), targets=targets, refresh=refresh)
        if not done:
            self.gone |= before & self._known_ids(one) - set(self.bench.audios())
        else:
            self._is_true(one, None if targets is None else {one.urn(name) for name in targets})
        return done

    def _known_ids(self, stack: Stack) -> set[str]:
        return set(stack.ids())

    def _is_true(self, stack: Stack, urns: Collection[str] | None) -> None:
        audios = self.bench.audios()
        self.bench.accepted()
        for urn, one in stack.resources.items():
            if one.id not in self.gone and (urns is None or urn in urns):
                self._is_ready_and_true(one, audios.get(one.id))

    def _is_ready_and_true(self, one: Resource, audio: dict[str, Any] | None) -> None:
        """After a successful run the audio is there and ready, and its state tells what it is and where."""
        assert audio is not None, f"{one.urn}: {one.id} is not there, and the run went through"
        published = one.inputs.get("publish")  # None: the program leaves it as it is
        ready = {"CREATED", "PUBLISHED"} if published is None else {"PUBLISHED" if published else "CREATED"}
        assert audio["status"] in ready, f"{one.urn}: {audio['status']}"
        assert one.outs["status"] == audio["status"], f"{one.urn}: {audio['status']}, {one.outs['status']}"
        assert self.bench.made_of[one.id] == one.inputs["asset_id"] == one.outs["asset_id"], f"{one.urn}: the source"
        assert audio["base_info"]["video_type"] == one.inputs["format"] == one.outs["format"], f"{one.urn}: the format"
        assert one.outs["place"] == f"{self.vod.endpoint} {PROJECT}", f"{one.urn}: the place"
        assert one.outs["audio_asset_id"] == one.id
        assert one.outs["url"]

    def _go_through(self, stack: int, program: dict[str, Props] | None = None) -> None:
        """Run until it goes through; where the user has to decide whose an audio is, by deleting it."""
        declared = self.programs[stack]
        for name in [it for it, inputs in declared.items() if "adopt" in inputs]:
            is_new = self.stacks[stack].urn(name) not in self.stacks[stack].resources
            if is_new and declared[name]["adopt"] not in self.bench.audios():
                del declared[name]  # destroyed, and so was what it had adopted
        for _ in range(RUNS):
            if self._run(stack, program=program):
                return
            for ids in re.findall(r"could be the one that VOD made: ([0-9a-f, ]+);", self.stacks[stack].error):
                for audio_id in ids.split(", "):
                    self.vod.delete(audio_id)
        pytest.fail(self.stacks[stack].error)

    # -- what has to hold ------------------------------------------------------------------------------------

    def watch(self, urn: str, inputs: Props, forced: bool) -> None:
        """After a create: what VOD has accepted meanwhile was nowhere to be had."""
        key = Key(urn, parse(inputs).fingerprint)
        stack = next(stack for stack in self.stacks if urn.startswith(stack.urn("")))
        # What another resource has adopted stays when the one that it was made for is destroyed.
        may_be_there = [it.id for other in self.stacks for it in other.resources.values() if it.urn != urn]
        may_be_there += [one.id for one in stack.resources.values()] if forced else []
        accepted = self.bench.accepted()
        assert "adopt" not in inputs or not accepted, f"{urn} was to adopt, and {accepted} was paid"
        for audio_id in accepted:
            before = self.paid.get(key)
            if before is not None and before not in may_be_there:
                status = self.vod.asset(before).get("status")
                assert status not in {"CREATING", "CREATED", "PUBLISHED"}, (
                    f"{urn}: {before} is {status}, and paid again"
                )
            self.paid[key] = audio_id

    @invariant()
    def everybody_is_known(self) -> None:
        """Every audio is in a state or in the ledger; only adopted ones are in two; each is of its source."""
        if not hasattr(self, "stacks"):
            return
        assert not self.bench.wrong
        server = self.bench.audios()
        self.bench.accepted()  # afterwards: a request that was not waited for may be on its way
        owned = [
            it.id
            for stack in self.stacks
            for it in (*stack.resources.values(), *stack.replaced)
            if it.inputs.get("adopt") != it.id
        ]
        assert len(owned) == len(set(owned)), "two resources have the same audio"
        requests = self._requests()
        known = {it for stack in self.stacks for it in stack.ids()} | {it.audio_id for it in requests}
        lost = [it.source for it in requests if it.audio_id is None]
        for audio_id in set(server) - known:
            assert self.bench.made_of[audio_id] in lost, f"nobody knows {audio_id}"
            lost.remove(self.bench.made_of[audio_id])

    def _requests(self) -> list[Request]:
        site = f"{self.vod.endpoint} {PROJECT}"
        if self.objects is None:
            return Ledger(self.ledger).requests(site)
        return Ledger(None, store=self._store(0)).everything(site)[0]

    def _end(self) -> None:
        for number, stack in enumerate(self.stacks):
            self.programs[number] = {
                name: it for name, it in self.programs[number].items() if it["asset_id"] in self.bench.sources
            }
            self._go_through(number)
            self.everybody_is_known()
            assert set(stack.resources) == {stack.urn(name) for name in self.programs[number]}
            assert not stack.replaced
        for number in range(2):
            self._go_through(number, {})
        assert not self.bench.wrong
        kept = {it.audio_id for it in self._requests()}
        left = set(self.bench.audios())
        told = [(self.vod.asset(it), self.bench.made_of.get(it)) for it in left - kept]
        assert left <= kept, f"destroyed, there is an audio left that only VOD knows: {told}; {self._requests()}"


PLANS = st.sampled_from([Plan(fault, step) for fault, steps in AT.items() for step in steps])


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits are as short as the local VOD's work; quotas are not what is tried here."""
    monkeypatch.setattr(retries, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(retries, "LONGEST_PAUSE_S", 0.02)
    monkeypatch.setattr(quota, "PAUSE_S", 0.02)
    monkeypatch.setattr(quota, "LONGEST_PAUSE_S", 0.02)
    monkeypatch.setattr(quota, "WINDOW_S", 0.1)
    monkeypatch.setattr(poller, "SHORTEST_S", 0.01)
    monkeypatch.setattr(poller, "LONGEST_S", 0.02)
    monkeypatch.setattr(lifecycle, "GONE_PAUSE_S", 0.01)
    monkeypatch.setattr(batch_timing, "QUIET_S", 0.002)
    monkeypatch.setattr(batch_timing, "LONE_S", 0.001)
    monkeypatch.setattr(batch_timing, "TRY_S", 0.002)


@pytest.fixture
def bench(running_vod: LocalVod, tmp_path: Path) -> Iterator[Bench]:
    """The bench that the machines below run on."""
    Lives.bench = Bench(running_vod, tmp_path)
    yield Lives.bench
    Lives.bench.close()


def run(fault: Fault | None, examples: int, steps: int) -> None:
    machine = type("Planned", (Lives,), {"fault": fault})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            derandomize=not EXAMPLES,
            database=None,
            phases=[Phase.generate],
            deadline=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.parametrize("fault", Fault, ids=lambda fault: fault.name.lower())
def test_each_fault_meets_each_step(fault: Fault, bench: Bench) -> None:
    """Nothing is lost and nothing paid twice, whichever step of a run the fault meets; and it meets each of them."""
    run(fault, LIVES, 6)
    print(*bench.reach.lines((fault,)), sep="\n")
    assert not bench.reach.too_few(fault)


def test_everything_at_random(bench: Bench) -> None:
    """Whatever fails, is killed, renamed, adopted or deleted between any two steps of two stacks."""
    run(None, EXAMPLES or 10, 30 if EXAMPLES else 12)
    print(*bench.reach.lines(tuple(Fault)), sep="\n")
