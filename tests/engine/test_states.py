"""Sources and audios in every state that they can be in, and audios that are there already."""

from __future__ import annotations

import signal
import time

import pytest

from tests.engine.conftest import NewStack
from tests.engine.stack import Stack, until
from tests.vod import LocalVod


def program(source: str, more: str = "") -> str:
    """A program with one audio of `source`."""
    return f'ExtractedAudio("talk", asset_id="{source}"{more})'


def broken_off(stack: Stack, vod: LocalVod, source: str) -> str:
    """Break a create off after VOD has accepted; returns the audio's id, which the state has."""
    stack.program(program(source))
    run = stack.start("up", "--yes", "--skip-preview")
    until(lambda: vod.accepted() == 1)
    time.sleep(0.3)
    run.send_signal(signal.SIGINT)
    run.communicate(timeout=30)
    return str(stack.audios()["talk"]["id"])


def test_a_failed_extraction_is_a_failed_resource_with_vods_reason(stack: NewStack, vod: LocalVod) -> None:
    """FFmpeg fails on a spoilt file: the error has VOD's reason, and neither state nor server keeps anything."""
    source = vod.video()
    vod.damage(source)
    audio = stack(vod.config)
    audio.program(program(source))
    audio.up().expect_failure("failed:", "its remains were removed")
    assert audio.audios() == {}
    assert vod.audio_ids() == []


def test_remains_that_cannot_be_removed_are_kept_and_replaced(stack: NewStack, vod: LocalVod) -> None:
    """Where the failed audio cannot be deleted, the state keeps its id, and the next `up` replaces it."""
    source = vod.video()
    vod.damage(source)
    audio = stack(vod.config)
    audio.program(program(source))
    vod.faults({"operation": "DeleteAssets", "times": 1, "status": 400, "error_code": "VOD.10081"})
    audio.up().expect_failure("failed:", "its remains could not be removed", "VOD.10081")
    kept = audio.audios()["talk"]
    assert vod.audio_ids() == [kept["id"]]
    good = vod.video(title="Good")
    audio.program(program(good))
    audio.up().expect("replaced")
    assert vod.audio_ids() == [audio.audios()["talk"]["id"]]


def test_an_audio_that_vanished_after_the_run_was_broken_off_is_made_again(stack: NewStack, vod: LocalVod) -> None:
    """The audio that the state has is deleted while nobody looks: `up` says so, and the next one extracts again."""
    source = vod.video()
    vod.timed(3)
    audio = stack(vod.config)
    first = broken_off(audio, vod, source)
    until(lambda: vod.asset(first)["status"] == "CREATED")
    vod.delete(first)
    audio.up().expect_failure("was deleted before it was ready")
    audio.up().expect("replaced")
    assert vod.audio_ids() == [audio.audios()["talk"]["id"]]


def test_a_source_that_is_being_created_is_waited_for(stack: NewStack, vod: LocalVod) -> None:
    """A video whose upload has not ended is no error: the row says what is waited for, and then it goes on."""
    source, url = vod.announced()
    audio = stack(vod.config)
    audio.program(program(source))
    run = audio.start("up", "--yes", "--skip-preview")
    until(lambda: vod.count("ShowAssetMeta") >= 3)  # before asking, after the refusal, and waiting
    vod.arrived(source, url)
    text, _ = run.communicate(timeout=60)
    assert run.returncode == 0, text
    assert "source busy: CREATING" in text
    assert vod.accepted() == 1


def test_a_source_without_sound_is_an_error_at_once(stack: NewStack, vod: LocalVod) -> None:
    """A video without an audio track fails in one line that asks for the track."""
    source = vod.video(sound=False)
    audio = stack(vod.config)
    audio.program(program(source))
    audio.up().expect_failure("does it have an audio track?")
    assert audio.audios() == {}


def test_an_extraction_that_is_made_to_fail(stack: NewStack, vod: LocalVod) -> None:
    """As docs/local-vod.md says: the resource fails with the reason, and the next run extracts again."""
    source, audio = vod.video(), stack(vod.config)
    audio.program(program(source))
    vod.failing(1, "the audio track is damaged")
    audio.up().expect_failure("failed: the audio track is damaged", "its remains were removed")
    assert audio.audios() == {}
    assert vod.audio_ids() == []
    audio.up().expect("created")
    assert vod.accepted() == 2


@pytest.mark.parametrize("with_source", [True, False], ids=["source there", "source gone"])
@pytest.mark.parametrize("state", ["queued", "extracting", "ready", "gone"])
def test_delete_in_every_state(stack: NewStack, vod: LocalVod, state: str, *, with_source: bool) -> None:
    """Destroy leaves nothing at VOD, whatever the audio's state, with its source there or gone."""
    source = vod.video()
    if state == "queued":
        vod.timed(60, concurrency=1)
        blocking = vod.extract(vod.video(title="Another"), wait=False)
    elif state == "extracting":
        vod.timed(8)
    audio = stack(vod.config)
    if state in {"queued", "extracting"}:
        vod.forget_calls()
        broken_off(audio, vod, source)
    else:
        audio.program(program(source))
        audio.up().expect("created")
        if state == "gone":
            vod.delete(audio.audios()["talk"]["id"])
    if not with_source and state != "extracting":
        vod.delete(source)
    audio.destroy().expect("deleted")
    assert audio.audios() == {}
    assert [one for one in vod.audio_ids() if state != "queued" or one != blocking] == []
    assert (vod.count("CancelExtractAudio") > 0) == (state in {"queued", "extracting"})


def test_adopt_takes_over_an_audio_that_is_there(stack: NewStack, vod: LocalVod) -> None:
    """`adopt` makes an existing audio the resource: nothing is extracted, and destroy removes it."""
    source = vod.video()
    audio_id = vod.extract(source)
    audio = stack(vod.config)
    audio.program(program(source, f', adopt="{audio_id}", title="Ours"'))
    audio.up().expect("created")
    assert audio.audios()["talk"]["id"] == audio_id
    assert vod.accepted() == 1
    audio.program(program(source, ', title="Ours"'))
    audio.up().expect("2 unchanged")
    audio.destroy().expect()
    assert vod.audio_ids() == []


def test_import_leads_to_adopt(stack: NewStack, vod: LocalVod) -> None:
    """`import_` in the resource options does what `adopt` does, since the dynamic host cannot import."""
    source = vod.video()
    audio_id = vod.extract(source)
    audio = stack(vod.config)
    audio.program(program(source, f', opts=pulumi.ResourceOptions(import_="{audio_id}")'))
    audio.up().expect("created")
    assert audio.audios()["talk"]["id"] == audio_id
    assert vod.accepted() == 1


def test_adopt_refuses_what_is_no_extraction_of_the_source(stack: NewStack, vod: LocalVod) -> None:
    """Another format or no audio at all is told by `adopt`, and nothing is touched."""
    source = vod.video(seconds=2)
    audio_id = vod.extract(source)
    audio = stack(vod.config)
    for more, said in (
        (f', format="AAC", adopt="{audio_id}"', "it is MP3 and not AAC"),
        (f', adopt="{vod.video(seconds=9)}"', "and not MP3"),
        (', adopt="0123"', "VOD has no such asset"),
    ):
        audio.program(program(source, more))
        audio.up().expect_failure("adopting audio", said)
    assert audio.audios() == {}
    assert vod.audio_ids() == [audio_id]
