"""A ledger in object storage, with the real engine and a real S3 server: a runner may die, and its disk with it."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterator

import pytest
from obstore.store import S3Store

from tests import storage
from tests.engine.conftest import NewStack, NewYamlStack
from tests.engine.stack import Stack, until
from tests.vod import LocalVod

QUICK = {"vod:timeouts": json.dumps({"absence": 2})}


@pytest.fixture
def proxy() -> Iterator[storage.Proxy]:
    """The same, behind a proxy that breaks as told."""
    with storage.broken() as before:
        yield before


def objects(s3: str) -> dict[str, bytes]:
    """All objects of the bucket."""
    bucket = S3Store(
        "team",
        endpoint=s3,
        region="us-east-1",
        access_key_id="AK",
        secret_access_key="SK",
        client_options={"allow_http": True},
    )
    return {str(it["path"]): bytes(bucket.get(it["path"]).bytes()) for page in bucket.list() for it in page}


def on_a_new_disk(stack: Stack) -> None:
    """All that a runner had of its own is gone; backend and ledger are elsewhere."""
    stack.end()
    until(lambda: not stack.processes())
    stack.lose_disk()
    stack.run("cancel", "--yes").expect()


def three(source: str) -> str:
    return "\n".join(f'ExtractedAudio("talk{number}", asset_id="{source}")' for number in range(3))


def test_a_runner_dies_and_another_goes_on(stack: NewStack, vod: LocalVod, s3: str) -> None:
    """Killed in an `up` of three, with its disk: the next runner makes three of them in all, and none is nobody's."""
    vod.timed(4)
    audio = stack(vod.config | QUICK | storage.ledger(s3))
    audio.environ |= storage.KEYS
    audio.program(three(vod.video()))
    run = audio.start("up", "--yes", "--skip-preview")
    until(lambda: vod.accepted() == 3)
    run.kill()
    run.communicate(timeout=60)
    on_a_new_disk(audio)
    audio.up().expect()
    assert vod.accepted() == 3
    assert sorted(vod.audio_ids()) == sorted(it["id"] for it in audio.audios().values())
    assert not (audio.folder / "home/.local").exists()
    kept = objects(s3)
    assert kept
    assert b"hidden-secret-key" not in b"".join(kept.values())
    assert "hidden-secret-key" not in audio.raw_state()
    on_a_new_disk(audio)
    audio.destroy().expect()
    assert vod.audio_ids() == []


def test_an_audio_goes_over_to_a_resource_of_the_runs_other_plugin(
    yaml_stack: NewYamlStack, vod: LocalVod, s3: str
) -> None:
    """One plugin has read the ledger before the other takes the audio over, and leaves it there all the same."""
    source, other = vod.video(title="A"), vod.video(title="B")
    audio = yaml_stack(vod.config | storage.ledger(s3))
    audio.environ |= storage.KEYS
    native = 'pulumi.CustomResource("vod:index:ExtractedAudio", '
    audio.mixed(f'{native}"talk", {{"assetId": "{source}"}})')
    audio.up().expect()
    audio.refresh().expect()
    (made,) = vod.audio_ids()
    first = f'first = {native}"first", {{"assetId": "{other}"}})'
    options = "opts=pulumi.ResourceOptions(depends_on=[first])"
    audio.mixed(f'{first}\nExtractedAudio("second", asset_id="{source}", moved_from="talk", {options})')
    audio.up().expect("2 created", "1 deleted")
    assert made in vod.audio_ids()
    assert vod.accepted() == 2
    audio.destroy().expect()
    assert vod.audio_ids() == []


def test_storage_that_breaks_in_the_middle_of_a_run_that_dies(
    stack: NewStack, vod: LocalVod, proxy: storage.Proxy
) -> None:
    """After one or two of four audios its credentials expire: in the end there are four, each once."""
    source = vod.video()
    vod.timed(4)
    audio = stack(vod.config | QUICK | storage.ledger(proxy.address))
    audio.environ |= storage.KEYS
    audio.program("\n".join(f'ExtractedAudio("talk{number}", asset_id="{source}")' for number in range(4)))
    met = proxy.fault(after=2, times=1000, status=403, code="ExpiredToken").met
    run = audio.start("up", "--yes", "--skip-preview")
    until(met.is_set)
    run.kill()
    run.communicate(timeout=60)
    proxy.mend()
    on_a_new_disk(audio)
    audio.up().expect()
    assert vod.accepted() == 4
    assert sorted(vod.audio_ids()) == sorted(it["id"] for it in audio.audios().values())


def test_a_machine_that_was_halted_asks_for_nothing_that_another_has_made(
    stack: NewStack, vod: LocalVod, proxy: storage.Proxy
) -> None:
    """A request is noted, and before it is sent the machine is halted; another one asks, and then the first goes on."""
    audio = stack(vod.config | QUICK | storage.ledger(proxy.address))
    audio.environ |= storage.KEYS
    audio.program(f'ExtractedAudio("talk", asset_id="{vod.video()}")')
    halt = threading.Event()
    noted = proxy.fault(part="1.json", until=halt)
    run = audio.start("up", "--yes", "--skip-preview")
    until(noted.met.is_set)
    halted = audio.processes()
    for one in halted:
        os.kill(one, signal.SIGSTOP)
    audio.lose_disk()
    audio.run("cancel", "--yes").expect()
    audio.up().expect()
    assert vod.accepted() == 1
    halt.set()
    for one in halted:
        os.kill(one, signal.SIGCONT)
    run.communicate(timeout=60)
    assert vod.accepted() == 1
    assert vod.audio_ids() == [audio.audios()["talk"]["id"]]


def test_another_stack_of_the_team_takes_nothing(stack: NewStack, vod: LocalVod, s3: str) -> None:
    """Two machines extract the same video at once; the answer of one is lost, and the other's audio is not taken."""
    source = vod.video()
    # The second waits so long for the first one's answer before it asks. VOD dates whole seconds, and tells its time in
    # whole seconds: within two of them the audio of the one could be the other's.
    absence = {"vod:timeouts": json.dumps({"absence": 4})}
    first, second = (stack(vod.config | absence | storage.ledger(s3)) for _ in range(2))
    for one in (first, second):
        one.environ |= storage.KEYS
        one.program(f'ExtractedAudio("talk", asset_id="{source}")')
    vod.timed(6)
    run = first.start("up", "--yes", "--skip-preview")
    until(lambda: vod.accepted() == 1)
    vod.faults({"operation": "ExtractAudio", "drop": "before"})
    second.up().expect()
    run.communicate(timeout=60)
    assert run.returncode == 0
    assert vod.accepted() == 2
    assert first.audios()["talk"]["id"] != second.audios()["talk"]["id"]


def test_storage_that_cannot_be_reached(stack: NewStack, vod: LocalVod) -> None:
    """One line before VOD is asked, which says so; a preview and a run without changes need no storage."""
    audio = stack(vod.config | storage.ledger("http://127.0.0.1:9"))
    audio.environ |= storage.KEYS
    audio.program(f'ExtractedAudio("talk", asset_id="{vod.video()}")')
    audio.preview().expect("create")
    said = audio.up().expect_failure("the ledger at s3://team/ledgers cannot be used", "check vod:journal").text
    assert "hidden-secret-key" not in said
    assert vod.count("ExtractAudio") == 0
