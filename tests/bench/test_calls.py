"""The benchmark in small: it fails on what is called and loaded, never on a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.cases import mean_weight
from bench.measure import BenchStack, configuration
from tests.vod import LocalVod

COUNT = 40
SPY = """
from pulumi.dynamic import CheckResult, CreateResult, Resource, ResourceProvider

class Spy(ResourceProvider):
    def check(self, olds, news):
        import os, sys

        with open(os.environ["LOADED"], "w") as file:
            file.write(" ".join(sorted({"requests", "sqlite3", "vod_provider.provider"} & set(sys.modules))))
        return CheckResult(news, [])

    def create(self, props):
        return CreateResult("spy", props)

class Spied(Resource):
    def __init__(self, name, opts):
        super().__init__(Spy(), name, {}, opts)

Spied("spy", pulumi.ResourceOptions(depends_on=[last]))
"""
"""Notes what the dynamic host has loaded, once all audios have been served."""
PROFILE = """
import atexit, cProfile, os, pstats

profile = cProfile.Profile()

@atexit.register
def note():
    profile.disable()
    with open(os.environ["CALLED"], "w") as file:
        file.write(str(pstats.Stats(profile).total_calls))

profile.enable()
"""
"""Counts the calls of Python functions that a program takes from here on."""


@pytest.fixture
def many(engine: Path, vod: LocalVod, tmp_path: Path) -> Iterator[BenchStack]:
    """A stack of forty audios, over a VOD with quotas enough and extractions of a second."""
    vod.timed(1, quota_scale=10)
    stack = BenchStack(tmp_path / "stack", engine, "ours", configuration(vod, 10, count=COUNT, source=vod.video()))
    yield stack
    stack.end()


def test_calls_and_what_is_loaded(many: BenchStack, vod: LocalVod, tmp_path: Path) -> None:
    """Creating takes at most 2.5 calls per audio, reading and deleting hardly more than a tenth; without changes
    there is none, and neither HTTP nor SQL is loaded. What was deleted is looked for in tens until it is gone."""
    loaded = tmp_path / "loaded"
    many.environ["LOADED"] = str(loaded)
    program = many.folder / "__main__.py"
    program.write_text(program.read_text().replace("    Extracted", "    last = Extracted") + SPY)
    counts: dict[str, dict[str, int]] = {}
    modules: dict[str, list[str]] = {}
    steps = {"create": many.create, "unchanged": many.unchanged, "preview": many.show}
    for name, step in {**steps, "refresh": many.read, "delete": many.delete}.items():
        vod.forget_calls()
        done = step()
        assert done.ok, done.note
        counts[name] = vod.counts()
        if name in steps:
            modules[name] = loaded.read_text().split()
    assert counts["create"]["ExtractAudio"] == COUNT
    assert sum(counts["create"].values()) <= 2.5 * COUNT, counts
    assert counts["unchanged"] == counts["preview"] == {}
    # A tenth where the machine has nothing else to do; tests that run beside this one make the engine stall.
    assert set(counts["refresh"]) == {"ShowAssetMeta"}
    assert set(counts["delete"]) == {"DeleteAssets", "ShowAssetMeta"}
    assert max(counts["refresh"]["ShowAssetMeta"], *counts["delete"].values()) <= 0.2 * COUNT, counts
    assert modules["unchanged"] == modules["preview"] == ["vod_provider.provider"]


def test_a_declared_audio_costs_no_more_than_a_bare_resource(engine: Path, vod: LocalVod, tmp_path: Path) -> None:
    """A preview runs no more Python functions in the program than for bare resources of the same inputs, and an audio
    weighs no more in the state than one of them with the same outputs."""
    vod.timed(0.1, quota_scale=10)
    called, weight = {}, {}
    for name in ("ours", "bare"):
        config = configuration(vod, 10, count=COUNT, source=vod.video(), workers=0)
        stack = BenchStack(tmp_path / name, engine, name, config)
        done = stack.create()
        assert done.ok, done.note
        weight[name] = mean_weight(stack)
        program, count = stack.folder / "__main__.py", tmp_path / f"{name}.count"
        program.write_text(program.read_text().replace("\nconfig = ", f"{PROFILE}\nconfig = "))
        stack.environ["CALLED"] = str(count)
        counts = []
        for _ in range(3):  # the least of them: a machine with other work to do has the event loop wake in vain
            done = stack.show()
            assert done.ok, done.note
            counts.append(int(count.read_text()))
        called[name] = min(counts)
        stack.end()
    assert called["ours"] <= 1.05 * called["bare"], called
    assert weight["ours"] <= weight["bare"], weight


def test_the_hint_is_given_once(many: BenchStack) -> None:
    """Where the engine's parallelism holds sixty audios back, one line says what --parallel would bring."""
    many.environ["PULUMI_PARALLEL"] = "8"
    many.configure({**many.config, "bench:count": "60"})
    below = many.up().expect().text.partition("Diagnostics:")[2]
    (line,) = [line for line in below.splitlines() if "--parallel" in line]
    assert "Pulumi creates 8 audios at a time" in line
    assert "VOD's quota allows 1000" in line
