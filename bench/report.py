"""Results of the cases -> results.json, results.md and results.svg."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.cases import DOORS, LEDGERS, PAIRED, RAISED, SETS, SIZES, TOLD
from bench.measure import EXTRACTION_S, PARALLEL, QUOTAS
from bench.plot import bars

Results = Mapping[str, Mapping[str, Any]]

SUBJECTS = {
    "ours": "this provider",
    "bound": "bound: a provider that only sleeps",
    "official": "official client, 32 threads",
    "tutorial": "tutorial provider, 4 workers",
}
STEPS = ("create", "unchanged", "refresh", "delete")


def write(results: Results, folder: Path) -> None:
    """Write all three from the cases that are there; what was not measured is shown as such."""
    short = json.loads(json.dumps(results))
    for case in short.values():
        for step in case.get("steps", {}).values():
            step["note"] = step["note"][-300:]
    (folder / "results.json").write_text(json.dumps(dict(sorted(short.items())), indent=1) + "\n")
    (folder / "results.md").write_text("\n".join(_page(results)) + "\n")
    sets = [create_seconds(results, f"set-{size}") for size in SETS]
    (folder / "sets.svg").write_text(
        bars("Seconds to create a set of audios, at 1,000 a minute", SETS, {"one set": sets})
    )
    create = {label: [create_seconds(results, f"{name}-{size}") for size in SIZES] for name, label in SUBJECTS.items()}
    (folder / "results.svg").write_text(
        bars("Seconds to create 10, 100 and 1,000 audios (dashed: extrapolated)", SIZES, create)
    )


def create_seconds(results: Results, name: str) -> tuple[float, bool] | None:
    """Seconds of the create, and whether they are extrapolated; None where it was not measured or failed."""
    case = results.get(name)
    if case is None:
        return None
    create = case["steps"]["create"]
    if "seen_in_time" in case:
        return create["seconds"] * _size(name) / max(1, case["seen_in_time"]), True
    return (create["seconds"], False) if create["ok"] else None


def _size(name: str) -> int:
    return int(name.rpartition("-")[2])


def _page(results: Results) -> Iterable[str]:
    yield "# The benchmark's results"
    yield ""
    yield (
        "Written by `make bench`; see [docs/performance.md](../docs/performance.md) for what they mean. Extractions"
        f" take {EXTRACTION_S:g} s, everybody gets `--parallel {PARALLEL}`, and the quotas are {RAISED:g} times the"
        f" cloud's ({QUOTAS['extract']} extractions a minute) except where the table says otherwise. Python"
        f" {platform.python_version()}, pulumi {version('pulumi')}, {os.cpu_count()} cores. `load` is how many"
        " processes wanted a core when a case began: above the number of cores, its times are longer than alone."
    )
    yield ""
    yield "![Seconds to create](results.svg)"
    for size in SIZES:
        yield from ["", f"## {size:,} audios", ""]
        yield from _seconds(results, size)
        yield ""
        yield from _calls(results, size)
    yield from ["", "## The two doors", ""]
    yield from _doors(results)
    yield from ["", "## One resource for all", ""]
    yield from _sets(results)
    yield from ["", "## Goals", ""]
    yield from _goals(results)
    yield from ["", "## When what was measured", "", "| case | began | commit | load |", "|---|---|---|---|"]
    for name, case in sorted(results.items(), key=lambda item: str(item[1]["started"])):
        yield f"| {name} | {case['started']} | {case['commit']} | {case['load']:.1f} |"


def _sets(results: Results) -> Iterable[str]:
    """What an `ExtractedAudioSet` takes, beside as many resources; the quota is ten times the cloud's for both."""
    yield "| | create, s | unchanged, s | refresh, s | delete, s | memory, MB | load |"
    yield "|---|---|---|---|---|---|---|"
    for size in SETS:
        for name, label in ((f"set-{size}", "one set"), (f"each-{size}", "a resource each")):
            case = results.get(name)
            if case is None:
                yield f"| {size:,}: {label} | not measured | | | | | |"
                continue
            cells = [f"{case['steps'][step]['seconds']:.1f}" for step in STEPS]
            memory = max(step["host_mb"] for step in case["steps"].values())
            yield f"| {size:,}: {label} | {' | '.join(cells)} | {memory:.0f} | {case['load']:.1f} |"
    yield ""
    yield (
        "| one set | calls per audio: create | refresh | delete | above an empty stack, s: unchanged | without a log |"
        " preview | without a log | state, bytes |"
    )
    yield "|---|---|---|---|---|---|---|---|---|"
    for size in SETS:
        case = results.get(f"set-{size}")
        if case is None:
            continue
        calls = [f"{sum(case['steps'][step]['calls'].values()) / size:.2f}" for step in ("create", "refresh", "delete")]
        above = [
            f"{_above(case, log, step):.1f}" if log in case else ""
            for step in ("unchanged", "preview")
            for log in ("times", "times_without_log")
        ]
        yield f"| {size:,} | {' | '.join([*calls, *above])} | {case['state_bytes']:.0f} |"
    yield from ["", "![Seconds to create a set](sets.svg)"]


def _above(case: Mapping[str, Any], log: str, step: str) -> float:
    """Seconds that a step takes above that of an empty stack; medians."""
    top, bottom = (statistics.median(case[log][name][step]) for name in ("set", "empty"))
    return float(top - bottom)


def _seconds(results: Results, size: int) -> Iterable[str]:
    yield "| seconds | create | unchanged up | refresh | delete | done to seen: median, 95 % | memory, MB |"
    yield "|---|---|---|---|---|---|---|"
    for name, label in SUBJECTS.items():
        case = results.get(f"{name}-{size}")
        if case is None:
            yield f"| {label} | not measured | | | | | |"
            continue
        steps = case["steps"]
        cells = [_step_seconds(results, f"{name}-{size}", step) for step in STEPS]
        delays = steps["create"]["delays"]
        seen = f"{delays[0]:.2f}, {delays[1]:.2f}" if delays else ""
        cells += [seen, f"{max(step['host_mb'] for step in steps.values()):.0f}"]
        yield f"| {label} | {' | '.join(cells)} |"


def _step_seconds(results: Results, case_name: str, name: str) -> str:
    case = results[case_name]
    if name not in case["steps"]:
        return ""
    step = case["steps"][name]
    if "seen_in_time" in case:
        whole, _ = create_seconds(results, case_name) or (0.0, True)
        return f"about {whole:,.0f}, extrapolated: {case['seen_in_time']} done in {step['seconds']:.0f}"
    return f"{step['seconds']:.1f}" if step["ok"] else f"failed after {step['seconds']:.0f}"


def _calls(results: Results, size: int) -> Iterable[str]:
    yield "| calls per audio | create | unchanged up | refresh | delete | answered 429 |"
    yield "|---|---|---|---|---|---|"
    for name, label in SUBJECTS.items():
        case = results.get(f"{name}-{size}")
        if case is None or name == "bound":
            continue
        done = case.get("seen_in_time", size)
        cells = [_per_audio(case["steps"].get(step), done) for step in STEPS]
        yield f"| {label} | {' | '.join(cells)} | {sum(step['throttled'] for step in case['steps'].values())} |"


def _per_audio(step: Mapping[str, Any] | None, audios: int) -> str:
    if step is None:
        return ""
    return " + ".join(f"{count / audios:.3g} {name}" for name, count in sorted(step["calls"].items())) or "0"


def _goals(results: Results) -> Iterable[str]:
    yield "| goal | measured | |"
    yield "|---|---|---|"

    def line(goal: str, value: Any, shown: str, holds: Callable[[float], bool]) -> str:
        if value is None:
            return f"| {goal} | not measured | |"
        return f"| {goal} | {shown.format(value)} | {'met' if holds(value) else '**missed**'} |"

    def ratio(top: str, bottom: str) -> float | None:
        ends = create_seconds(results, top), create_seconds(results, bottom)
        return ends[0][0] / ends[1][0] if ends[0] and ends[1] else None

    def calls(case: str, step: str, size: int) -> float | None:
        found = results.get(case, {}).get("steps", {}).get(step)
        return sum(found["calls"].values()) / size if found and found["ok"] else None

    yield line(
        "create of 1,000 within 1.10 of the bound", ratio("ours-1000", "bound-1000"), "{:.2f}", lambda it: it <= 1.1
    )
    for size in (100, 1000):
        goal = f"create of {size:,}: 20 times faster than the tutorial provider"
        yield line(goal, ratio(f"tutorial-{size}", f"ours-{size}"), "{:.1f} times", lambda it: it >= 20)
    for size in SIZES:
        yield line(
            f"at most 2.5 calls per audio created, {size:,}",
            calls(f"ours-{size}", "create", size),
            "{:.2f}",
            lambda it: it <= 2.5,
        )
    for step in ("refresh", "delete"):
        for size in SIZES:
            yield line(
                f"at most 0.1 calls per audio, {step} of {size:,}",
                calls(f"ours-{size}", step, size),
                "{:.3f}",
                lambda it: it <= 0.1,
            )
    for size in SIZES:
        delays = results.get(f"ours-{size}", {}).get("steps", {}).get("create", {}).get("delays")
        yield line(
            f"seen within 1.5 s of done (median), {size:,}", delays and delays[0], "{:.2f} s", lambda it: it <= 1.5
        )
    for size in (100, 1000):
        real = create_seconds(results, f"quota-{size}")
        quota, engine = (
            60.0 * ((size - 1) // QUOTAS["extract"]) + EXTRACTION_S,
            create_seconds(results, f"bound-{size}"),
        )
        bound = max(quota, engine[0]) if engine else quota
        goal = f"create of {size:,} at the cloud's own quota, by the bound of quota or engine ({bound:.0f} s)"
        yield line(goal, real and real[0] / bound, "{:.2f}", lambda it: it <= 1.1)
    for size in TOLD:
        told = f"told-{size}"
        delays = results.get(told, {}).get("steps", {}).get("create", {}).get("delays")
        goal = f"seen within 0.2 s of done (median) where VOD tells, {size:,}"
        yield line(goal, delays and delays[0], "{:.2f} s", lambda it: it <= 0.2)
        goal = f"less than 1.5 calls per audio created where VOD tells, {size:,}"
        yield line(goal, calls(told, "create", size), "{:.2f}", lambda it: it < 1.5)
    for size in LEDGERS:
        goal = f"create of {size:,} with the ledger in object storage, by one in a file"
        creates = results.get(f"ledgers-{size}", {}).get("creates")
        by_file = creates and creates["storage"]["seconds"] / creates["file"]["seconds"]
        yield line(goal, by_file, "{:.2f}", lambda it: it <= 1.2)
    yield from _set_goals(results, line)
    for size in PAIRED:
        yield from _pair_goals(results.get(f"pairs-{size}"), size, line)
    for size in DOORS:
        yield from _door_goals(results.get(f"doors-{size}"), size, line)
    three = results.get("three-120")
    if three is not None:
        word = "met" if three["ok"] else "**missed**"
        yield f"| three stacks of 120 at once: none fails | {three['accepted']} audios made | {word} |"
    share = three and three["bound"] / three["seconds"]
    yield line("... together 90 % of the quota", share, "{:.0%}", lambda it: it >= 0.9)
    refused = three and three["throttled"] / three["calls"]
    yield line("... less than 5 % of their calls throttled", refused, "{:.1%}", lambda it: it < 0.05)


DOOR_NAMES = {"ours": "dynamic provider, from Python", "native": "native plugin, from YAML"}


def _doors(results: Results) -> Iterable[str]:
    yield (
        "The same audios by both doors, in one run: a create of each, then unchanged `up` and preview by turns. Memory"
        " is that of all plugin processes: the YAML host has one more of the native plugin running, for the schema."
        " What a language host notes in the state of the program's lines and of its own is shown apart: no provider has"
        " a part in it, and the YAML host notes a dozen lines of its own code."
    )
    yield ""
    head = (
        "create, s",
        "calls per audio",
        "memory, MB",
        "unchanged up, s",
        "preview, s",
        "state, bytes",
        "of it lines",
    )
    yield f"| audios | door | {' | '.join(head)} |"
    yield f"|---|---|{'---|' * len(head)}"
    measured = [(size, results[f"doors-{size}"]) for size in DOORS if f"doors-{size}" in results]
    for size, case in measured:
        for name, label in DOOR_NAMES.items():
            create, times = case["creates"][name], case["times"][name]
            cells = (
                f"{create['seconds']:.1f}",
                f"{sum(create['calls'].values()) / size:.2f}",
                f"{create['host_mb']:.0f}",
                f"{statistics.median(times['unchanged']):.1f}",
                f"{statistics.median(times['preview']):.1f}",
                f"{case['state_bytes'][name]:.0f}",
                f"{case['trace_bytes'][name]:.0f}",
            )
            yield f"| {size:,} | {label} | {' | '.join(cells)} |"


def _door_goals(doors: Mapping[str, Any] | None, size: int, line: Callable[..., str]) -> Iterable[str]:
    def ratio(step: str) -> float | None:
        if doors is None:
            return None
        pairs = zip(doors["times"]["native"][step], doors["times"]["ours"][step], strict=True)
        return float(statistics.median(native / ours for native, ours in pairs))

    by = "from YAML by the dynamic provider's"
    for step in ("preview", "unchanged"):
        yield line(f"{step} of {size:,} {by}, at most 1.1", ratio(step), "{:.2f}", lambda it: it <= 1.1)
    creates = doors and doors["creates"]
    seconds = creates and creates["native"]["seconds"] / creates["ours"]["seconds"]
    yield line(f"create of {size:,} {by}, at most 1.1", seconds, "{:.2f}", lambda it: it <= 1.1)
    counts = creates and [sum(creates[name]["calls"].values()) / size for name in DOOR_NAMES]
    apart = counts and abs(counts[0] - counts[1])
    goal = f"calls per audio of {size:,} created: the same at both doors, to 0.05"
    yield line(goal, apart, "{:.3f} apart", lambda it: it <= 0.05)
    calls = doors and float(sum(doors["calls"].values()))
    yield line(f"calls of unchanged up and preview of {size:,}", calls, "{:.0f}", lambda it: it == 0)
    whole = doors and doors["state_bytes"]["native"]
    shown = "{:.0f} bytes"
    if doors is not None:
        shown += f", {whole - doors['trace_bytes']['native']:.0f} without the YAML host's lines"
    goal = f"state per audio of {size:,} from YAML, at most 1,600 bytes"
    yield line(goal, whole, shown, lambda it: it <= 1600)


def _set_goals(results: Results, line: Callable[..., str]) -> Iterable[str]:
    """The largest set, by what the quota allows and by an empty stack."""
    size = SETS[-1]
    case: Mapping[str, Any] = results.get(f"set-{size}", {})
    made = create_seconds(results, f"set-{size}")
    bound = 60.0 * ((size - 1) // int(QUOTAS["extract"] * RAISED)) + EXTRACTION_S
    yield line(
        f"a set of {size:,} created, by the quota's bound ({bound:.0f} s)",
        made and made[0] / bound,
        "{:.3f}",
        lambda it: it <= 1.05,
    )
    for step in ("unchanged", "preview"):
        for log, words in (("times", ""), ("times_without_log", ", where Pulumi keeps no log of the run")):
            goal = f"... {step}: at most 3 s above an empty stack, and no call{words}"
            above = _above(case, log, step) if log in case else None
            yield line(goal, above, "{:.1f} s", lambda it: it <= 3 and not case["calls"])
    for step in ("refresh", "delete"):
        calls = case and sum(case["steps"][step]["calls"].values()) / size
        yield line(f"... {step}: 0.1 calls an audio", calls or None, "{:.3f}", lambda it: round(it, 2) <= 0.1)
    memory = case and max(it["host_mb"] for it in case["steps"].values())
    yield line("... memory at most 250 MB", memory or None, "{:.0f} MB", lambda it: it <= 250)
    state = case.get("state_bytes")
    yield line("... at most 800 bytes of state an audio", state, "{:.0f}", lambda it: it <= 800)
    sets, each = create_seconds(results, "set-1000"), create_seconds(results, "each-1000")
    goal = "a set of 1,000 at least twice as fast as 1,000 resources"
    yield line(goal, each[0] / sets[0] if sets and each else None, "{:.1f} times", lambda it: it >= 2)


def _pair_goals(pairs: Mapping[str, Any] | None, size: int, line: Callable[..., str]) -> Iterable[str]:
    for step in ("unchanged", "preview"):
        times = pairs and {name: by_step[step] for name, by_step in pairs["times"].items()}
        value = times and statistics.median(o / b for o, b in zip(times["ours"], times["bare"], strict=True))
        shown = "{:.3f}" + (
            f" (medians {statistics.median(times['ours']):.1f} and {statistics.median(times['bare']):.1f} s)"
            if times
            else ""
        )
        yield line(f"{step} of {size:,} by a bare dynamic resource, at most 1.05", value, shown, lambda it: it <= 1.05)
    calls = pairs and float(sum(pairs["calls"].values()))
    yield line(f"calls in all of these, {size:,}", calls, "{:.0f}", lambda it: it == 0)
    weights = pairs and pairs["state_bytes"]
    more = weights and weights["ours"] - weights["bare"]
    shown = "{:+.0f} bytes" + (f" ({weights['ours']:.0f}, bare {weights['bare']:.0f})" if weights else "")
    yield line(
        f"state of a resource, {size:,}: not above a bare one's with the same outputs", more, shown, lambda it: it <= 0
    )
