"""Other people's dynamic resources in the same program see no difference."""

from __future__ import annotations

import re
import threading
from pathlib import Path

from tests.engine.conftest import NewStack
from tests.vod import LocalVod

EXTRACTION_S = 5

FOREIGN = """
import os, threading, time
from pulumi.dynamic import CreateResult, DiffResult, ReadResult, Resource, ResourceProvider, UpdateResult

class Theirs(ResourceProvider):
    def diff(self, id, olds, news):
        return DiffResult(changes=olds.get("word") != news.get("word"))
    def create(self, props):
        if props["word"] == "fail":
            raise ValueError("their own words")
        while props.get("until") and not os.path.exists(props["until"]):
            time.sleep(0.05)
        return CreateResult("their-id", {**props, "length": len(props["word"])})
    def read(self, id, props):
        return ReadResult(id, props)
    def update(self, id, olds, news):
        return UpdateResult({**news, "length": len(news["word"])})

class Foreign(Resource, module="theirs", name="Foreign"):
    def __init__(self, name, **props):
        super().__init__(Theirs(), name, {"length": None, **props})
"""


def without_places(text: str) -> str:
    """A traceback without what differs from run to run."""
    return re.sub(r"/stack\d/|0x[0-9a-f]+", "", text)


def test_a_foreign_resource_lives_as_without_us(stack: NewStack, vod: LocalVod) -> None:
    """Create, update, refresh and destroy of a foreign resource leave the same state with and without ours beside."""
    source = vod.video()
    ours = f'\nExtractedAudio("talk", asset_id="{source}")'
    theirs = {}
    for name, more in (("alone", ""), ("beside", ours)):
        one = stack(vod.config)
        for word in ("first", "second"):
            one.program(f'{FOREIGN}\nForeign("theirs", word="{word}", secret=pulumi.Output.secret("s")){more}')
            one.up().expect()
        one.refresh().expect()
        (resource,) = [it for it in one.state()["resources"] if it["type"].endswith("Foreign")]
        assert resource["outputs"]["length"] == 6
        theirs[name] = {key: resource[key] for key in ("id", "type", "inputs", "outputs")}
        for part in ("inputs", "outputs"):
            for secret in ("__provider", "secret"):  # encrypted, each time to something else
                assert theirs[name][part].pop(secret)
        one.destroy().expect("deleted")
    assert theirs["alone"] == theirs["beside"]


def test_a_foreign_failure_reads_as_without_us(stack: NewStack, vod: LocalVod) -> None:
    """The error of a foreign resource, traceback and all, is the same with ours beside it and without."""
    said = {}
    for name, more in (("alone", ""), ("beside", '\nExtractedAudio.get("theirs-too", "0" * 32)')):
        one = stack(vod.config)
        one.program(f'{FOREIGN}\nForeign("theirs", word="fail"){more}')
        failed = one.up()
        assert not failed.ok
        after = failed.text.partition("Diagnostics:")[2]
        said[name] = re.search(r"dynamic/theirs:Foreign \(theirs\):\n((?:    .*\n|\n)*)", after)
    alone, beside = said["alone"], said["beside"]
    assert alone is not None
    assert beside is not None
    assert without_places(alone.group(1)) == without_places(beside.group(1))
    assert "their own words" in alone.group(1)


def test_a_foreign_resource_that_blocks_holds_none_of_ours(stack: NewStack, vod: LocalVod, tmp_path: Path) -> None:
    """With all of the host's four places taken by others, ours are made meanwhile, and many at once.

    The first of ours is declared before theirs: if these have all places before, there is none left to load us in.
    """
    source, gate = vod.video(), tmp_path / "gate"
    vod.timed(EXTRACTION_S)
    one = stack(vod.config)
    one.program(
        f'{FOREIGN}\nExtractedAudio("first", asset_id="{source}")\n'
        f'for i in range(5):\n    Foreign(f"theirs{{i}}", word="slow", until="{gate}")\n'
        f'for i in range(12):\n    ExtractedAudio(f"talk{{i}}", asset_id="{source}", triggers=[i])\n'
    )
    run = one.start("up", "--yes", "--skip-preview", "--parallel", "40")
    late = threading.Timer(60, gate.touch)  # else a run in which ours wait for theirs would have no end
    late.start()
    assert run.stdout is not None
    with run.stdout:
        made = 0
        for line in run.stdout:
            made += bool(re.search(r"talk\d+ created", line))
            assert made == 12 or not re.search(r"theirs\d+ created", line), "ours have waited for theirs"
            if made == 12:
                gate.touch()
    late.cancel()
    assert run.wait(60) == 0
    assert made == 12
    accepted = [call["time"] for call in vod.calls() if call["operation"] == "ExtractAudio"]
    assert len(accepted) == 13
    assert max(accepted) - min(accepted) < EXTRACTION_S, "not all at once"
