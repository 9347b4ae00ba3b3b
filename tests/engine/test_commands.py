"""`orphans` and `doctor` with the real engine: what it exports, and what the provider itself wrote into the journal."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import Any

from tests.engine.conftest import NewStack
from tests.engine.stack import PROJECT, Stack, until
from tests.vod import LocalVod


def run(stack: Stack, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command in the environment of that stack's engine."""
    return subprocess.run(
        [sys.executable, "-m", "vod_provider", *arguments, "--cwd", str(stack.folder)],
        env=stack.environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def found(stack: Stack, *arguments: str) -> dict[str, dict[str, Any]]:
    """The audios that `orphans` tells of, by id."""
    done = run(stack, "orphans", "--stack", "test", "--older-than", "0s", "--json", *arguments)
    assert done.returncode == 0, done.stderr
    return {one["audio_asset_id"]: one for one in json.loads(done.stdout)["audios"]}


def program(source: str) -> str:
    """A program with one audio of `source`."""
    return f'ExtractedAudio("talk", asset_id="{source}")'


def test_what_kill_9_leaves_is_kept_and_the_next_up_takes_it(stack: NewStack, vod: LocalVod) -> None:
    """Killed after VOD accepted: `orphans` names the resource, deletes nothing, and `up` makes no second audio."""
    source = vod.video()
    vod.timed(2)
    audio = stack(vod.config)
    audio.program(program(source))
    up = audio.start("up", "--yes", "--skip-preview")
    until(lambda: vod.accepted() == 1)
    time.sleep(0.3)
    plugins = audio.processes("pulumi.dynamic")
    up.kill()
    for plugin in plugins:
        os.kill(plugin, signal.SIGKILL)
    up.communicate(timeout=30)
    audio.run("cancel", "--yes", "--stack", "test")
    (audio_id,) = vod.audio_ids()
    until(lambda: vod.asset(audio_id)["status"] == "CREATED")
    (kept,) = found(audio, "--delete", "--yes").values()
    assert kept["standing"] == "kept"
    assert kept["source"] == source
    assert kept["owner"].startswith(f"urn:pulumi:test::{PROJECT}::")
    assert kept["owner"].endswith("ExtractedAudio::talk")
    audio.up().expect()
    assert vod.accepted() == 1
    assert found(audio)[audio_id]["standing"] == "known"


def test_what_was_taken_out_of_the_state_is_orphaned(stack: NewStack, vod: LocalVod) -> None:
    """After `pulumi state delete` the stack knows the audio no more: its source is told, and it can be deleted."""
    source = vod.video()
    audio = stack(vod.config)
    audio.program(program(source) + f'\nExtractedAudio("other", asset_id="{source}", format="AAC")')
    audio.up().expect()
    audio.up().expect(
        "unchanged"
    )  # which shows that the state has them: before, the ledger keeps them for the next run
    audios = audio.audios()
    assert {one["standing"] for one in found(audio).values()} == {"known"}
    audio.run("state", "delete", audios["talk"]["urn"], "--yes", "--stack", "test").expect()
    lost = found(audio)[audios["talk"]["id"]]
    assert (lost["standing"], lost["source"], lost["owner"]) == ("orphaned", source, audios["talk"]["urn"])
    done = run(audio, "orphans", "--stack", "test", "--older-than", "0s", "--delete", "--yes")
    assert f"{lost['audio_asset_id']}: deleted" in done.stdout
    assert vod.audio_ids() == [audios["other"]["id"]]
    audio.up("--target", audios["other"]["urn"]).expect("unchanged")


def test_the_audios_of_a_set_whose_outputs_are_secrets_are_known(stack: NewStack, vod: LocalVod) -> None:
    """By `additional_secret_outputs` the state has their ids encrypted: they are read in clear, and none is deleted."""
    source, one = vod.video(), stack(vod.config)
    options = 'pulumi.ResourceOptions(additional_secret_outputs=["extracted"])'
    one.program(
        "from vod_provider import ExtractedAudioSet\n"
        f'ExtractedAudioSet("archive", {{"a": "{source}", "b": "{source}"}}, opts={options})'
    )
    one.up().expect("2 created")
    one.up().expect("2 unchanged")
    made = sorted(vod.audio_ids())
    assert not [it for it in made if it in one.raw_state()]
    assert {it["standing"] for it in found(one, "--delete", "--yes").values()} == {"known"}
    assert sorted(vod.audio_ids()) == made


def test_audios_of_a_stack_that_is_not_given_are_not_orphaned(stack: NewStack, vod: LocalVod) -> None:
    """Another stack holds the audio, and only the first is given: the journal says whose it is."""
    source = vod.video()
    audio = stack(vod.config)
    audio.program(program(source))
    audio.up().expect()
    audio.up().expect("2 unchanged")  # shows that the first run's state was saved
    (audio_id,) = vod.audio_ids()
    (audio.folder / "Pulumi.empty.yaml").write_text((audio.folder / "Pulumi.test.yaml").read_text())
    audio.run("stack", "init", "empty").expect()
    done = run(audio, "orphans", "--stack", "empty", "--older-than", "0s", "--delete", "--yes")
    assert "1 audio: 0 known, 0 orphaned, 0 unknown, 1 of others or in doubt." in done.stdout, done.stdout + done.stderr
    assert f"--former-stack {PROJECT}/test" in done.stdout
    assert vod.audio_ids() == [audio_id]


def test_doctor_reads_the_stacks_configuration_and_its_secrets(stack: NewStack, vod: LocalVod) -> None:
    """A secret key that is encrypted in the stack serves to ask VOD, and does not show."""
    secret = vod.config["vod:secretKey"]
    audio = stack({name: value for name, value in vod.config.items() if name != "vod:secretKey"})
    audio.run("config", "set", "--secret", "vod:secretKey", secret, "--stack", "test").expect()
    done = run(audio, "doctor", "--stack", "test", "--json")
    checks = {one["name"]: one for one in json.loads(done.stdout)["checks"]}
    assert done.returncode == 0, done.stdout
    assert {one["result"] for one in checks.values()} == {"ok"}
    assert checks["access key"]["found"].endswith("(vod:accessKey of the stack, vod:secretKey of the stack)")
    assert checks["Pulumi's engine"]["found"].startswith("3.")
    assert secret not in done.stdout + done.stderr


def test_a_stack_that_does_not_exist_is_one_line(stack: NewStack) -> None:
    """Pulumi's own words with the flag."""
    done = run(stack({}), "orphans", "--stack", "nope")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith(
        "python -m vod_provider orphans: --stack nope: `pulumi stack export`"
    )
    assert "no stack named 'nope' found" in done.stderr


def test_a_preview_needs_no_home(stack: NewStack) -> None:
    """Nothing is written in a preview, so that nobody looks for a place to write to; an `up` names what is missing."""
    audio = stack({"vod:region": "ap-southeast-3", "vod:projectId": "p", "vod:accessKey": "A", "vod:secretKey": "S"})
    audio.program(program("v1"))
    del audio.environ["HOME"]
    audio.preview().expect("ExtractedAudio: (create)")
    audio.up().expect_failure("the environment variable HOME is not set")


def test_a_region_without_effect_is_warned_of_once(stack: NewStack) -> None:
    """The stack names a region, and an endpoint that serves every region: the preview says so in one line."""
    config = {"vod:region": "ap-southeast-3", "vod:projectId": "p", "vod:endpoint": "https://vod.example.com"}
    audio = stack(config)
    audio.program('ExtractedAudio("a", asset_id="v1")\nExtractedAudio("b", asset_id="v2")')
    said = audio.preview().expect("vod:region: region 'ap-southeast-3' has no effect")
    assert len(said.lines("has no effect")) == 1


def test_one_up_names_all_settings_that_are_missing(stack: NewStack) -> None:
    """Credentials, region and project in one error of one line, with the commands that set them."""
    audio = stack({})
    audio.program(program("v1"))
    said = audio.up().expect_failure("no credentials, no region, no project: run `pulumi config set vod:accessKey KEY`")
    lines = said.lines("no credentials")
    assert all("cn-north-4, ap-southeast-2 and ap-southeast-3" in line for line in lines)
    assert all(line.endswith("or the resource's region and project_id") for line in lines)
