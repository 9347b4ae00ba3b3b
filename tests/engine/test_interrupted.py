"""What happens when a create is broken off: nothing is lost and nothing is paid twice."""

from __future__ import annotations

import os
import signal
import time

import pytest

from tests.engine.conftest import NewStack
from tests.engine.stack import Stack, until
from tests.vod import LocalVod

PLUGIN = "pulumi.dynamic"
"""What the command lines of the dynamic host's processes have in them."""
SLOW = 6.0
"""Seconds that a slow extraction takes here."""


def program(source: str, more: str = "") -> str:
    """A program with one audio of `source`."""
    return f'ExtractedAudio("talk", asset_id="{source}"{more})'


def timeout(seconds: float) -> str:
    """Resource options with a timeout for create and update."""
    times = f'create="{seconds}s", update="{seconds}s"'
    return f", opts=pulumi.ResourceOptions(custom_timeouts=pulumi.CustomTimeouts({times}))"


def one_audio_paid_once(stack: Stack, vod: LocalVod) -> None:
    """Server and state agree on one audio, made by one accepted request."""
    (audio,) = stack.audios().values()
    assert vod.audio_ids() == [audio["id"]]
    assert vod.accepted() == 1
    assert audio["outputs"]["status"] == "CREATED"
    assert not audio.get("initErrors")


def test_a_timeout_keeps_the_id_and_the_next_up_goes_on(stack: NewStack, vod: LocalVod) -> None:
    """`custom_timeouts` end the waiting; the state has the audio, and `up` waits on instead of asking again."""
    source = vod.video()
    vod.timed(SLOW)
    audio = stack(vod.config)
    audio.program(program(source, timeout(2)))
    audio.up().expect_failure("not done within 2 s", "is billed once")
    (kept,) = audio.audios().values()
    assert kept["outputs"]["status"] == "CREATING"
    audio.program(program(source, timeout(60)))
    audio.preview().expect("update")
    audio.up().expect("updated")
    assert audio.audios()["talk"]["id"] == kept["id"]
    one_audio_paid_once(audio, vod)


def test_the_first_ctrl_c_ends_the_up_within_two_seconds(stack: NewStack, vod: LocalVod) -> None:
    """However long the extraction takes, Ctrl-C ends the run at once, and the next one goes on."""
    source = vod.video()
    vod.timed(SLOW)
    audio = stack(vod.config)
    audio.program(program(source))
    run = audio.start("up", "--yes", "--skip-preview")
    until(lambda: vod.accepted() == 1)
    time.sleep(1)
    pressed = time.monotonic()
    run.send_signal(signal.SIGINT)
    text, _ = run.communicate(timeout=30)
    assert time.monotonic() - pressed < 2, text
    (kept,) = audio.audios().values()
    assert kept["id"] in vod.audio_ids()
    audio.up().expect()
    one_audio_paid_once(audio, vod)


@pytest.mark.parametrize("victims", ["engine", "plugin", "both"])
@pytest.mark.parametrize("moment", ["accepted", "ready"])
def test_kill_9(stack: NewStack, vod: LocalVod, victims: str, moment: str) -> None:
    """Engine, plugin or both are killed before or just after the audio is ready: one audio, one request."""
    source = vod.video()
    vod.timed(2.0)
    audio = stack(vod.config)
    audio.program(program(source))
    run = audio.start("up", "--yes", "--skip-preview")
    until(lambda: vod.accepted() == 1)
    time.sleep(0.1 if moment == "accepted" else 2.3)
    plugins = audio.processes(PLUGIN)
    if victims != "plugin":
        run.kill()
    if victims != "engine":
        for plugin in plugins:
            os.kill(plugin, signal.SIGKILL)
    run.communicate(timeout=30)
    until(lambda: not audio.processes(PLUGIN), 10)
    audio.run("cancel", "--yes", "--stack", "test")
    audio.up().expect()
    one_audio_paid_once(audio, vod)


LOST = {
    "before VOD worked": {"drop": "before"},
    "after it worked": {"drop": "after"},
    "in the middle of the answer": {"drop": "middle"},
    "500": {"status": 500},
    "502": {"status": 502, "body": "<html>Bad Gateway</html>"},
    "503": {"status": 503},
    "504": {"status": 504},
    "a body that is no JSON": {"body": "<html>"},
    "429": {"status": 429, "error_code": "APIG.0308"},
}


@pytest.mark.parametrize("fault", LOST.values(), ids=LOST.keys())
def test_the_lost_answer(stack: NewStack, vod: LocalVod, fault: dict[str, object]) -> None:
    """Whatever becomes of the answer to the POST, there is one audio in the end, made by one accepted request."""
    source = vod.video()
    audio = stack(vod.config)
    audio.program(program(source))
    vod.faults({"operation": "ExtractAudio", "times": 1, **fault})
    audio.up().expect("created")
    one_audio_paid_once(audio, vod)


def test_a_replacement_whose_answer_was_lost_goes_with_the_resource(stack: NewStack, vod: LocalVod) -> None:
    """Killed in a replacement before VOD's answer came, and the program put back: a destroy leaves nothing."""
    source = vod.video()
    audio = stack(vod.config)
    audio.program(program(source))
    audio.up().expect()
    audio.program(program(source, ', format="AAC"'))
    vod.faults({"operation": "ExtractAudio", "delay_s": 5, "times": 1})
    run = audio.start("up", "--yes", "--skip-preview")
    until(lambda: len(vod.audio_ids()) == 2)
    for one in audio.processes():
        os.kill(one, signal.SIGKILL)
    run.communicate(timeout=30)
    audio.run("cancel", "--yes", "--stack", "test")
    audio.program(program(source))
    audio.up().expect("unchanged")
    audio.destroy().expect("was made for talk by a run that was broken off, and nobody has it: it was deleted, too")
    assert vod.audio_ids() == []
