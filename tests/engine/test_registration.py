"""What a declared audio looks like to its program and in the state, with the real engine."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pulumi.dynamic.dynamic import serialize_provider

from tests.engine.conftest import NewStack
from tests.engine.stack import Stack
from tests.vod import LocalVod
from vod_provider.program.resource import ExtractedAudio
from vod_provider.provider import ExtractedAudioProvider

OTHER_SDK = """
import pulumi.runtime.resource as sdk
original = sdk.register_resource
def register_resource(*args, **more):
    return original(*args, **more)
sdk.register_resource = register_resource
"""
"""An SDK that does not look for what registration.py stands before."""
READ = """
audio = ExtractedAudio("talk", asset_id="{source}", title="A talk")
pulumi.export("early", audio.duration.apply(lambda seconds: [type(seconds).__name__, seconds]))
pulumi.export("late", audio.audio_asset_id.apply(lambda _: audio.size.apply(lambda size: [type(size).__name__, size])))
pulumi.export("whole", audio)
from vod_provider.program import registration
pulumi.export("later", registration._LATER)
"""


def outputs(stack: Stack) -> dict[str, Any]:
    """The stack's outputs."""
    shown: dict[str, Any] = json.loads(stack.run("stack", "output", "--json", "--stack", "test").expect().text)
    return shown


@pytest.mark.parametrize(("sdk", "later"), [("", True), (OTHER_SDK, False)], ids=["as expected", "another SDK"])
def test_outputs_are_there_whenever_they_are_read(stack: NewStack, vod: LocalVod, sdk: str, later: bool) -> None:
    """Read before the engine has answered, after it, or all at once by exporting the resource: the same values."""
    audio = stack(vod.config)
    audio.program(READ.format(source=vod.video(2)))
    program = audio.folder / "__main__.py"
    program.write_text(sdk + program.read_text())
    audio.preview().expect("early", "late")
    audio.up().expect()
    shown, held = outputs(audio), audio.audios()["talk"]["outputs"]
    assert shown["early"] == ["float", held["duration"]]
    assert shown["late"] == ["int", held["size"]]
    whole = shown["whole"]
    assert shown["later"] is later
    names = {name for name, it in vars(ExtractedAudio).items() if isinstance(it, property)}
    assert len(names) == 14
    assert set(whole) >= names | {"id", "urn"}
    assert {name: whole[name] for name in names} == {name: held[name] for name in names}
    audio.up().expect("2 unchanged")


def test_the_state_says_where_it_was_declared_and_nothing_of_this_machine(stack: NewStack, vod: LocalVod) -> None:
    """The source's position is the program's line, also inside a function; no frame is Python's or Pulumi's."""
    audio = stack(vod.config)
    audio.program(f'def declare(name):\n    return ExtractedAudio(name, asset_id="{vod.video()}")\n\ndeclare("talk")')
    audio.up().expect()
    held = audio.audios()["talk"]
    lines = (audio.folder / "__main__.py").read_text().splitlines()
    inner, outer = (next(n for n, line in enumerate(lines, 1) if text in line) for text in ("return", 'declare("'))
    assert held["sourcePosition"] == f"project:///__main__.py#{inner}"
    frames = [frame["sourcePosition"] for frame in held["stackTrace"]]
    assert frames == [f"project:///__main__.py#{inner}", f"project:///__main__.py#{outer}"]
    assert sys.prefix not in json.dumps(held)


def test_a_failed_audio_fails_what_reads_it(stack: NewStack, vod: LocalVod) -> None:
    """The program of a failed audio ends with the provider's one line, whether an output was read or not."""
    audio = stack(vod.config)
    audio.program('audio = ExtractedAudio("talk", asset_id="5412")\npulumi.export("url", audio.url)')
    audio.up().expect_failure("VOD.10062")
    audio.program('ExtractedAudio("talk", asset_id="5412")')
    audio.up().expect_failure("VOD.10062")


def test_a_class_of_the_users_own(stack: NewStack, vod: LocalVod) -> None:
    """A class derived from ours has its outputs, and properties of its own are none of them."""
    audio = stack(vod.config)
    audio.program(
        "class Talk(ExtractedAudio):\n"
        f'    def __init__(self, name):\n        super().__init__(name, asset_id="{vod.video()}")\n'
        "    @property\n    def loud(self):\n        return self.title.apply(str.upper)\n\n"
        'talk = Talk("talk")\npulumi.export("loud", talk.loud)\npulumi.export("whole", talk)'
    )
    audio.up().expect()
    shown = outputs(audio)
    assert shown["loud"] == "A VIDEO"
    assert "loud" not in shown["whole"]


def test_the_reference_is_the_sdks_own() -> None:
    """What the state has as the provider is what the SDK would have put there, so that no stack sees a change."""
    assert ExtractedAudio._provider_reference == serialize_provider(ExtractedAudioProvider())


def test_the_stack_is_whole_again(tmp_path: Path) -> None:
    """After an audio was declared, also from two threads at once, tracebacks are as long as they were."""
    program = (
        "import sys, threading, pulumi\n"
        "class Mocks(pulumi.runtime.Mocks):\n"
        "    def new_resource(self, args): return args.name, args.inputs\n"
        "    def call(self, args): return {}\n"
        "pulumi.runtime.set_mocks(Mocks())\n"
        "from vod_provider import ExtractedAudio\n"
        "import asyncio\n"
        "def declare(name):\n"
        "    asyncio.set_event_loop(asyncio.new_event_loop())\n"
        "    for n in range(50): ExtractedAudio(f'{name}{n}', asset_id='5412')\n"
        "threads = [threading.Thread(target=declare, args=(name,)) for name in 'ab']\n"
        "[one.start() for one in threads]; [one.join() for one in threads]\n"
        "assert not hasattr(sys, 'tracebacklimit')\n"
        "sys.tracebacklimit = 7; declare('c'); assert sys.tracebacklimit == 7\n"
        "print('whole')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert "whole" in done.stdout, done.stderr
