"""The cases of the benchmark: who is measured, at which size, under which quota."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from bench.measure import (
    EXTRACTION_S,
    BenchStack,
    Peak,
    Step,
    configuration,
    timed_vod,
    watched,
)
from tests import storage
from tests.vod import free_port

SIZES = (10, 100, 1000)
RAISED = 10.0
"""Times the cloud's quotas, for the cases where the engine is to be the bound and not the quota."""
PAIRED = (300, 1000)
SETS = (100, 1000, 10_000)
TOLD = (10, 100)
LEDGERS = (100, 1000)
DOORS = (1000,)
_KEY = "the key of the callbacks"
PAIRS = 4
TRACE = ("stackTrace", "sourcePosition")
"""What a language host notes of the program's lines, and of its own, in each resource's state."""
THREADS = 1100

Case = Callable[[Path], dict[str, Any]]


def engine(*languages: str) -> Path:
    """The folder of the Pulumi engine, with the hosts of these languages besides Python's."""
    ensure = Path(__file__).parents[1] / "tools" / "engine" / "ensure"
    options = ["--languages", ",".join(languages)] if languages else []
    done = subprocess.run([sys.executable, ensure, *options], stdout=subprocess.PIPE, text=True, check=True)
    return Path(done.stdout.strip().splitlines()[-1])


def say(text: str) -> None:
    """A line with the time before it."""
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def lifecycle(program: str, count: int, scale: float, *, limit: float = 7200.0, told: bool = False) -> Case:
    """Create, unchanged up, refresh, destroy of `count` audios; a create longer than `limit` s is broken off.

    `told`: VOD's events are listened for.
    """

    def run(engine_folder: Path) -> dict[str, Any]:
        with tempfile.TemporaryDirectory() as folder, timed_vod(Path(folder) / "vod", scale) as vod:
            config = configuration(vod, scale, count=count, source=vod.video())
            if program == "bare":
                config |= {"bench:seconds": str(EXTRACTION_S), "bench:workers": str(THREADS)}
            if told:
                port = free_port()
                vod.tells(f"http://127.0.0.1:{port}/", _KEY)
                config["vod:events"] = json.dumps({"listen": f"127.0.0.1:{port}", "key": _KEY})
            stack = BenchStack(Path(folder) / "stack", engine_folder, program, config)
            try:
                steps = {"create": watched(vod, lambda: stack.create(limit))}
                if steps["create"].note.startswith("broken off"):
                    done = _seen(vod.calls())
                    return _result(steps) | {"seen_in_time": done}
                for name, step in (("unchanged", stack.unchanged), ("refresh", stack.read), ("delete", stack.delete)):
                    steps[name] = watched(vod, step)
                return _result(steps) | {"left": len(vod.audio_ids())}
            finally:
                stack.end()

    return run


def ledgers(count: int, scale: float) -> Case:
    """Creates of `count` audios with the ledger in a file and in an S3 server of this machine, one after the other."""

    def run(engine_folder: Path) -> dict[str, Any]:
        creates = {}
        for name in ("file", "storage"):
            with (
                tempfile.TemporaryDirectory() as folder,
                timed_vod(Path(folder) / "vod", scale) as vod,
                storage.served() as bucket,
            ):
                config = configuration(vod, scale, count=count, source=vod.video())
                if name == "storage":
                    config |= storage.ledger(bucket)
                stack = BenchStack(Path(folder) / "stack", engine_folder, "ours", config)
                stack.environ |= storage.KEYS
                try:
                    creates[name] = watched(vod, stack.create).as_json()
                finally:
                    stack.end()
        return {"creates": creates}

    return run


def script(count: int, scale: float) -> Case:
    """The official client: create, look at all, delete all. A script has no 'unchanged'."""

    def run(_engine_folder: Path) -> dict[str, Any]:
        with tempfile.TemporaryDirectory() as folder, timed_vod(Path(folder) / "vod", scale) as vod:
            source, ids = vod.video(), Path(folder) / "ids.json"
            actions = {"create": "create", "refresh": "read", "delete": "delete"}
            steps = {}
            for name, action in actions.items():
                run_script = partial(_script, action, ids, vod.endpoint, source, count)
                steps[name] = watched(vod, run_script)
            return _result(steps) | {"left": len(vod.audio_ids())}

    return run


def _script(action: str, ids: Path, endpoint: str, source: str, count: int) -> Step:
    started = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.official", action, str(ids), endpoint, source, str(count)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    with Peak(lambda: [process.pid]) as peak:
        _, errors = process.communicate()
    return Step(process.returncode == 0, time.monotonic() - started, host_mb=peak.mb, note=errors[-2000:])


def three_stacks(count: int) -> Case:
    """Three stacks at once, each of `count` audios and with a journal of its own, on one tenant's real quota."""

    def run(engine_folder: Path) -> dict[str, Any]:
        with tempfile.TemporaryDirectory() as folder, timed_vod(Path(folder) / "vod", 1.0) as vod:
            config = configuration(vod, 1.0, count=count, source=vod.video())
            stacks = [BenchStack(Path(folder) / f"stack{number}", engine_folder, "ours", config) for number in range(3)]
            vod.forget_calls()
            steps: list[Step] = []
            threads = [threading.Thread(target=lambda one=one: steps.append(one.create())) for one in stacks]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            calls = vod.calls()
            for stack in stacks:
                stack.end()
        accepted = [call["time"] for call in calls if call["operation"] == "ExtractAudio" and call["status"] == 202]
        took = accepted[-1] - accepted[0]
        # The quota lets 100 go at once, and 100 more after each full minute.
        bound = 60.0 * ((len(accepted) - 1) // 100)
        return {
            "ok": all(step.ok for step in steps),
            "notes": [step.note for step in steps if step.note],
            "accepted": len(accepted),
            "seconds": took,
            "bound": bound,
            "calls": len(calls),
            "throttled": sum(call["status"] == 429 for call in calls),
            "accepted_at": [round(at - accepted[0], 2) for at in accepted],
        }

    return run


def pairs(count: int) -> Case:
    """Unchanged `up` and preview of ours and of a bare dynamic resource, by turns, and what the state weighs."""

    def run(engine_folder: Path) -> dict[str, Any]:
        with tempfile.TemporaryDirectory() as folder, timed_vod(Path(folder) / "vod", 1000.0, 0.1) as vod:
            source = vod.video()
            stacks = {}
            for program in ("ours", "bare"):
                config = configuration(vod, 1000.0, count=count, source=source, workers=0)
                stacks[program] = BenchStack(Path(folder) / program, engine_folder, program, config)
                step = stacks[program].create_at_once()
                if not step.ok:
                    raise RuntimeError(step.note)
            vod.forget_calls()
            times = by_turns(stacks)
            result = {
                "times": times,
                "calls": vod.counts(),
                "state_bytes": {name: mean_weight(stack) for name, stack in stacks.items()},
            }
            for stack in stacks.values():
                stack.end()
            return result

    return run


def one_set(count: int, scale: float) -> Case:
    """The same life of so many audios as one set; then, by turns with an empty stack, unchanged `up` and preview.

    The second is of audios with titles, whose state is weighed: bytes of the file for each, inputs and outputs.
    """

    def run(engine_folder: Path) -> dict[str, Any]:
        result = lifecycle("set", count, scale)(engine_folder)
        with tempfile.TemporaryDirectory() as folder, timed_vod(Path(folder) / "vod", 1000.0, 0.1) as vod:
            config = configuration(vod, 1000.0, count=count, source=vod.video(), titled="true")
            stacks = {
                program: BenchStack(Path(folder) / program, engine_folder, program, config)
                for program in ("set", "empty")
            }
            for stack in stacks.values():
                step = stack.create()
                if not step.ok:
                    raise RuntimeError(step.note)
            vod.forget_calls()
            result["times"] = by_turns(stacks)
            for stack in stacks.values():
                stack.keep_no_log()
            result["times_without_log"] = by_turns(stacks)
            weight = (stacks["set"].state_bytes() - stacks["empty"].state_bytes()) / count
            result |= {"calls": vod.counts(), "state_bytes": weight}
            for stack in stacks.values():
                stack.end()
            return result

    return run


def by_turns(stacks: dict[str, BenchStack]) -> dict[str, dict[str, list[float]]]:
    """Seconds of some unchanged `up`s and previews of each."""
    times: dict[str, dict[str, list[float]]] = {name: {"unchanged": [], "preview": []} for name in stacks}
    for turn in range(PAIRS):
        for name in reversed(stacks) if turn % 2 else stacks:
            for step, measured in (("unchanged", stacks[name].unchanged()), ("preview", stacks[name].show())):
                if not measured.ok:
                    raise RuntimeError(measured.note)
                times[name][step].append(measured.seconds)
    return times


def doors(count: int) -> Case:
    """The same audios by the dynamic provider in Python and by the native plugin from YAML: by turns, side by side.

    A create of each at raised quotas, and then unchanged `up` and preview.
    """

    def run(_engine_folder: Path) -> dict[str, Any]:
        with tempfile.TemporaryDirectory() as folder, timed_vod(Path(folder) / "vod", RAISED) as vod:
            config = configuration(vod, RAISED, count=count, source=vod.video())
            stacks = {
                name: BenchStack(Path(folder) / name, engine("yaml"), name, config) for name in ("ours", "native")
            }
            try:
                creates = {name: watched(vod, stack.create) for name, stack in stacks.items()}
                vod.forget_calls()
                return {
                    "creates": {name: step.as_json() for name, step in creates.items()},
                    "times": by_turns(stacks),
                    "calls": vod.counts(),
                    "state_bytes": {name: mean_weight(stack) for name, stack in stacks.items()},
                    "trace_bytes": {name: mean_weight(stack, TRACE) for name, stack in stacks.items()},
                }
            finally:
                for stack in stacks.values():
                    stack.end()

    return run


def mean_weight(stack: BenchStack, fields: Sequence[str] | None = None) -> float:
    """Bytes of JSON for each resource, in the mean; of these fields alone, or of all."""
    resources = [one for one in stack.state()["resources"] if not one["type"].startswith("pulumi:")]
    parts = [one if fields is None else {it: one[it] for it in fields if it in one} for one in resources]
    return sum(len(json.dumps(part)) for part in parts) / len(resources)


def _seen(calls: list[dict[str, Any]]) -> int:
    """How many audios were asked about for the last time after they were done."""
    accepted = {call["asset_ids"][-1]: call["time"] for call in calls if call["operation"] == "ExtractAudio"}
    last: dict[str, float] = {}
    for call in calls:
        if call["operation"] == "ShowAssetMeta":
            last.update(dict.fromkeys(call["asset_ids"], call["time"]))
    return sum(at >= accepted.get(one, at) + EXTRACTION_S for one, at in last.items())


def _result(steps: dict[str, Step]) -> dict[str, Any]:
    return {"steps": {name: step.as_json() for name, step in steps.items()}}


def cases(tutorial_limit: float) -> dict[str, Case]:
    """All cases by name, in the order in which they are run."""
    found: dict[str, Case] = {}
    for size in SIZES:
        found[f"ours-{size}"] = lifecycle("ours", size, RAISED)
        found[f"bound-{size}"] = lifecycle("bare", size, RAISED)
        found[f"official-{size}"] = script(size, RAISED)
        found[f"tutorial-{size}"] = lifecycle("tutorial", size, RAISED, limit=tutorial_limit)
    for size in PAIRED:
        found[f"pairs-{size}"] = pairs(size)
    for size in DOORS:
        found[f"doors-{size}"] = doors(size)
    found["quota-100"] = lifecycle("ours", 100, 1.0)
    found["quota-1000"] = lifecycle("ours", 1000, 1.0)
    for size in TOLD:
        found[f"told-{size}"] = lifecycle("ours", size, RAISED, told=True)
    for size in LEDGERS:
        found[f"ledgers-{size}"] = ledgers(size, RAISED)
    found["three-120"] = three_stacks(120)
    for size in SETS:
        found[f"set-{size}"] = one_set(size, RAISED)
        if size <= max(SIZES):  # as ours-1000, under the same load as the set
            found[f"each-{size}"] = lifecycle("ours", size, RAISED)
    return found
