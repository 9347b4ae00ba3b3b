"""The host where Pulumi is not as expected, what its rows say, and errors that nobody foresaw."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.engine.conftest import NewStack
from tests.engine.stack import NOTHING, Stack
from tests.vod import LocalVod

WITHOUT = {
    "frames": "sys._current_frames = dict",
    "handlers": """
        import collections, grpc._server
        begin = grpc._server._ServerState.__init__
        def differently(self, *arguments, **named):
            begin(self, *arguments, **named)
            self.generic_handlers = collections.deque(self.generic_handlers)
        grpc._server._ServerState.__init__ = differently
    """,
    "threads": """
        import grpc._server
        class Pool:
            def __init__(self, pool):
                self.submit, self.shutdown = pool.submit, pool.shutdown
        begin = grpc._server._ServerState.__init__
        def differently(self, *arguments, **named):
            begin(self, *arguments, **named)
            self.thread_pool = Pool(self.thread_pool)
        grpc._server._ServerState.__init__ = differently
    """,
}
"""What each of these takes away from the host in which the provider finds itself."""
MISTAKE = """
    from vod_provider.audio.lifecycle import Lifecycle
    def ensure(*arguments):
        return 1 / 0
    Lifecycle.ensure = ensure
"""


def changed(one: Stack, source: str) -> None:
    """Have all Python processes of the stack run `source` before anything else."""
    folder = one.folder / "changed"
    folder.mkdir()
    lines = source.strip("\n").splitlines()
    margin = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
    (folder / "sitecustomize.py").write_text("\n".join(["import sys", *(line[margin:] for line in lines)]) + "\n")
    one.environ["PYTHONPATH"] = f"{folder}:{NOTHING}"


@pytest.mark.parametrize("piece", WITHOUT)
def test_a_life_without(stack: NewStack, vod: LocalVod, piece: str) -> None:
    """Where a piece of the host is missing, create, update, replacement, refresh and delete work all the same."""
    one = stack(vod.config)
    changed(one, WITHOUT[piece])
    source = vod.video()
    declare = 'ExtractedAudio("talk", asset_id="{}", title="{}", format="{}")'
    one.program(declare.format(source, "One", "MP3"))
    one.up().expect("2 created")
    first = one.audios()["talk"]["id"]
    one.program(declare.format(source, "Two", "MP3"))
    one.up().expect("1 updated")
    assert vod.asset(first)["base_info"]["title"] == "Two"
    vod.retitle(first, "Drifted")
    one.refresh().expect("1 updated")
    one.program(declare.format(source, "Two", "AAC"))
    one.up().expect("1 replaced")
    assert [one.audios()["talk"]["id"]] == vod.audio_ids() != [first]
    one.program(declare.format("0" * 32, "Two", "AAC"))
    failed = one.up()
    assert not failed.ok
    assert "VOD.10062" in failed.text
    assert ("Traceback" in failed.text) is (piece != "threads"), "the host's own way with errors"
    one.destroy().expect("2 deleted")
    assert vod.audio_ids() == []
    assert vod.accepted() == 2


def test_rows_change_at_most_once_a_second(stack: NewStack, vod: LocalVod) -> None:
    """Each audio's row says what is going on, in the engine's own events, and nothing once it is done."""
    one = stack(vod.config)
    vod.timed(4)
    source = vod.video()
    one.program(f'for n in range(5):\n    ExtractedAudio(f"audio{{n}}", asset_id="{source}", triggers=[n], title="T")')
    one.environ["PULUMI_DEBUG_COMMANDS"] = "true"
    log = one.folder / "events.json"
    one.up("--event-log", str(log)).expect("6 created")
    lines: dict[str, list[tuple[int, str]]] = {}
    done: dict[str, int] = {}
    for event in map(json.loads, log.read_text().splitlines()):
        told = event.get("diagnosticEvent", {})
        if "ExtractedAudio" in told.get("urn", ""):
            assert told["urn"] not in done, told
            lines.setdefault(told["urn"], []).append((event["timestamp"], told["message"]))
        if outputs := event.get("resOutputsEvent"):
            done[outputs["metadata"]["urn"]] = event["timestamp"]
    assert len(lines) == 5
    for said in lines.values():
        # Times are whole seconds: two lines a second apart may bear the same one or two.
        assert len(said) <= said[-1][0] - said[0][0] + 2, said
        assert any("extracting" in text for _, text in said), said


def test_a_mistake_of_ours_is_one_line(stack: NewStack, vod: LocalVod) -> None:
    """An error that nobody foresaw is named as one; vod:debug shows where it happened."""
    one = stack(vod.config)
    changed(one, MISTAKE)
    one.program(f'ExtractedAudio("talk", asset_id="{vod.video()}")')
    line = "ZeroDivisionError: division by zero (a mistake in vod_provider; vod:debug shows where)"
    one.up().expect_failure(line)
    one.configure(vod.config | {"vod:debug": "true"})
    shown = one.up()
    assert not shown.ok
    assert "Traceback" in shown.text
    assert "return 1 / 0" in shown.text
    assert str(Path("changed", "sitecustomize.py")) in shown.text
