"""The native plugin with the real engine: a YAML program's whole life, and what Python programs leave to it."""

from __future__ import annotations

import ensurepip
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import time
import zipfile
from pathlib import Path

import pytest

from tests.engine.conftest import ROOT, NewYamlStack
from tests.engine.stack import until
from tests.engine.yaml_stack import YamlStack, audio
from tests.vod import PROJECT, LocalVod
from tools.plugin import write_archives
from vod_provider import __version__

PLUGIN = "pulumi-resource-vod"
TYPE = "vod:index:ExtractedAudio"
SLOW = 6.0
"""Seconds that a slow extraction takes here."""


def one_audio_billed_once(stack: YamlStack, vod: LocalVod) -> None:
    """Server and state agree on one audio, made by one accepted request."""
    (found,) = stack.audios().values()
    assert vod.audio_ids() == [found["id"]]
    assert vod.accepted() == 1
    assert found["outputs"]["status"] == "CREATED"
    assert not found.get("initErrors")


def test_a_whole_life(yaml_stack: NewYamlStack, vod: LocalVod) -> None:
    """Preview, create, unchanged, update, replace, refresh, a deletion seen, and destroy; no secret in the state."""
    one, source = yaml_stack(vod.config), vod.video()
    one.run("config", "set", "--secret", "vod:secretKey", vod.config["vod:secretKey"]).expect()
    outputs = {"id": "${talk.audioAssetId}", "url": "${talk.url}", "seconds": "${talk.duration}"}
    one.yaml({"talk": audio(source, title="One")}, outputs=outputs)
    vod.forget_calls()
    one.preview().expect("2 to create")
    assert vod.calls() == []
    one.up().expect("2 created")
    first = one.audios()["talk"]
    assert first["type"] == TYPE
    assert first["outputs"]["audioAssetId"] == first["id"]
    assert first["outputs"]["url"]
    assert vod.config["vod:secretKey"] not in one.raw_state()
    asked = len(vod.calls())
    one.up().expect("2 unchanged")
    assert len(vod.calls()) == asked, "an unchanged up asks VOD for nothing"

    one.yaml({"talk": audio(source, title="Two")}, outputs=outputs)
    one.preview().expect('title: "One" => "Two"', "1 to update")
    one.up().expect("1 updated")
    assert vod.asset(first["id"])["base_info"]["title"] == "Two"
    vod.retitle(first["id"], "Drifted")
    one.refresh().expect("1 updated")
    one.up().expect("1 updated")

    one.yaml({"talk": audio(source, title="Two", format="AAC")}, outputs=outputs)
    one.preview().expect('format: "MP3" => "AAC"', "1 to replace", "extracted again and billed again")
    one.up().expect("1 replaced")
    second = one.audios()["talk"]["id"]
    assert vod.audio_ids() == [second] != [first["id"]]

    one.yaml({"talk": audio(source, title="x" * 200, categoryId=0.5)}, outputs=outputs)
    one.preview().expect_failure("title must be at most 128 bytes of UTF-8: got 200")
    vod.delete(second)
    one.refresh().expect("1 deleted")
    one.yaml({"talk": audio("0" * 32)}, outputs=outputs)
    one.up().expect_failure("VOD.10062")
    one.destroy().expect()
    assert vod.audio_ids() == []
    assert vod.accepted() == 2


def test_functions_ask_vod_where_the_program_runs(yaml_stack: NewYamlStack, vod: LocalVod) -> None:
    """`getMediaAsset` and `getMediaAssets` tell of assets, at a preview too; what cannot be asked is one line."""
    source = vod.video(title="A talk")
    one = yaml_stack(vod.config)
    ask = {"fn::invoke": {"function": "vod:getMediaAsset", "arguments": {"assetId": source}}}
    talks = {"fn::invoke": {"function": "vod:getMediaAssets", "arguments": {"title": "A talk", "kind": "video"}}}
    outputs = {"title": "${one.title}", "found": "${all.assets[0].id}", "sound": "${one.hasSound}"}
    one.yaml({}, variables={"one": ask, "all": talks}, outputs=outputs)
    one.preview().expect("A talk", source)
    one.up().expect("A talk", source, "sound: true")
    missing = {"fn::invoke": {"function": "vod:getMediaAsset", "arguments": {"assetId": "0" * 32}}}
    one.yaml({}, variables={"one": missing}, outputs={"title": "${one.title}"})
    one.preview().expect_failure("VOD has no such asset in this project and region")


def test_an_import_leaves_a_program_that_changes_nothing(yaml_stack: NewYamlStack, vod: LocalVod) -> None:
    """Both ids import it; its own alone is refused while nobody knows its video, and enough where the ledger does."""
    source, one = vod.video(), yaml_stack(vod.config)
    audio_id = vod.extract(source)
    one.yaml({})
    one.run("import", TYPE, "brought", audio_id, "--yes").expect_failure(f"give both ids, as VIDEO_ID/{audio_id}")
    imported = one.run("import", TYPE, "brought", f"{source}/{audio_id}", "--yes", "--protect=false").expect()
    assert f"assetId: {source}" in imported.text
    one.yaml({"brought": audio(source, format="MP3")})
    one.preview().expect("2 unchanged")
    one.up().expect("2 unchanged")
    assert one.audios()["brought"]["id"] == audio_id
    one.run("state", "delete", one.audios()["brought"]["urn"], "--yes").expect()
    one.yaml({"again": audio(source, {"import": f"{source}/{audio_id}"})})
    one.up().expect("1 imported")
    one.up().expect("2 unchanged")
    one.run("state", "delete", one.audios()["again"]["urn"], "--yes").expect()
    one.run("import", TYPE, "known", audio_id, "--yes", "--protect=false").expect(f"assetId: {source}")
    # Those who were taken out of this stack's state by hand hold it no more: the state does not have it as theirs.
    one.destroy().expect("2 deleted")
    assert vod.audio_ids() == []
    assert vod.accepted() == 1


def test_an_import_from_another_place(yaml_stack: NewYamlStack, vod: LocalVod, tmp_path: Path) -> None:
    """The place is named with the ids, or is an explicit provider's; the program that is printed changes nothing."""
    with LocalVod.started(tmp_path / "other") as other:
        source = other.video()
        audio_id = other.extract(source)
        own = {name: vod.config[f"vod:{name}"] for name in ("accessKey", "secretKey", "projectId")}
        there = own | {"endpoint": other.endpoint}
        one = yaml_stack(vod.config | {"vod:accounts": json.dumps({"other": there})})
        far = {"far": {"type": "pulumi:providers:vod", "properties": there}}
        one.yaml(far)
        one.up().expect()
        both, command = f"{source}/{audio_id}", ("import", TYPE, "brought")
        failed = one.run(*command, both, "--yes").expect_failure(f"VOD has no such asset at {vod.endpoint}")
        assert f"as in VIDEO_ID/{audio_id}@region=REGION" in failed.text
        one.run(*command, f"{both}@region=a/b", "--yes").expect_failure("region must be the id of a region")
        named = one.run(*command, f"{both}@account=other", "--yes", "--protect=false").expect("account: other")
        assert f"assetId: {source}" in named.text
        one.yaml(far | {"brought": audio(source, account="other")})
        one.up().expect("3 unchanged")
        one.refresh().expect("3 unchanged")  # shows the ledger who holds it
        one.run("state", "delete", one.audios()["brought"]["urn"], "--yes").expect()
        one.run(*command, audio_id, "--yes").expect_failure(f"the ledger has it at {other.endpoint}")
        (provider,) = (it for it in one.state()["resources"] if it["urn"].endswith("::far"))
        options = ("--provider", f"far={provider['urn']}", "--yes", "--protect=false")
        one.run(*command, both, *options).expect("provider: ${far}")
        one.yaml(far | {"brought": audio(source, {"provider": "${far}"})})
        one.up().expect("3 unchanged")
        assert one.audios()["brought"]["id"] == audio_id
        assert other.audio_ids() == [audio_id]
        assert vod.accepted() == 0


def test_ctrl_c_and_timeouts_lose_nothing(yaml_stack: NewYamlStack, vod: LocalVod) -> None:
    """Ctrl-C ends the run at once; the next one, with too little time, keeps the id, and the one after goes on."""
    source, one = vod.video(), yaml_stack(vod.config)
    vod.timed(SLOW)
    one.yaml({"talk": audio(source)})
    run = one.start("up", "--yes", "--skip-preview")
    until(lambda: vod.accepted() == 1)
    time.sleep(1)
    pressed = time.monotonic()
    run.send_signal(signal.SIGINT)
    text, _ = run.communicate(timeout=30)
    assert time.monotonic() - pressed < 2.5, text
    (kept,) = one.audios().values()
    one.yaml({"talk": audio(source, {"customTimeouts": {"create": "1s", "update": "1s"}})})
    one.up().expect_failure("not done within 1 s")
    one.yaml({"talk": audio(source), "other": audio(source, format="AAC")})
    one.up("--target", kept["urn"]).expect("1 updated")
    assert one.audios()["talk"]["id"] == kept["id"]
    one_audio_billed_once(one, vod)


def test_a_plugin_that_was_never_configured_ends_with_its_engine() -> None:
    """Some are started for the schema alone, or lose their engine before it has said more than its address."""
    with socket.create_server(("127.0.0.1", 0)) as engine:
        host, port = engine.getsockname()
        command = [str(Path(sys.prefix, "bin", PLUGIN)), f"{host}:{port}"]
        plugin = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert plugin.stdout is not None
        assert int(plugin.stdout.readline()) > 0
        connection, _ = engine.accept()
        time.sleep(0.5)
        assert plugin.poll() is None
    connection.close()
    try:
        plugin.wait(15)
    finally:
        plugin.kill()
        plugin.communicate()


def test_a_secret_input_stays_one(yaml_stack: NewYamlStack, vod: LocalVod) -> None:
    """VOD gets it; neither the state nor what is shown has it in clear, of the output of that name either."""
    source, one = vod.video(), yaml_stack(vod.config)
    for title, word in (("Hush", "to create"), ("Hushed", "to update")):
        one.yaml({"talk": audio(source, title={"fn::secret": title})}, outputs={"title": "${talk.title}"})
        shown = one.preview().expect(word, "[secret]").text
        shown += one.up().expect().text
        (made,) = vod.audio_ids()
        assert vod.asset(made)["base_info"]["title"] == title
        assert "Hush" not in shown + one.raw_state()
    assert one.run("stack", "output", "title", "--show-secrets").expect().text.strip() == "Hushed"
    assert vod.accepted() == 1


def declared_in(language: str, stack: YamlStack, source: str) -> None:
    """Have the stack's program declare one audio, by the native type from YAML or the dynamic one from Python."""
    if language == "yaml":
        stack.yaml({"talk": audio(source)})
    else:
        stack.python(f'ExtractedAudio("talk", asset_id="{source}")')


@pytest.mark.parametrize(("first", "second"), [("yaml", "yaml"), ("yaml", "python"), ("python", "yaml")])
def test_kill_9_of_the_engine_ends_the_plugin_and_the_next_up_finds_the_audio(
    yaml_stack: NewYamlStack, vod: LocalVod, first: str, second: str
) -> None:
    """No plugin stays behind, and no audio: it is found again by the same type, and by the other."""
    source, one = vod.video(), yaml_stack(vod.config)
    vod.timed(3)
    declared_in(first, one, source)
    run = one.start("up", "--yes", "--skip-preview")
    until(lambda: vod.accepted() == 1)
    os.kill(run.pid, signal.SIGKILL)
    run.communicate()
    until(lambda: not one.processes(PLUGIN) and not one.processes("pulumi.dynamic"), 20)
    one.run("cancel", "--yes").expect()
    assert one.audios() == {}
    declared_in(second, one, source)
    one.up().expect("1 created")
    one_audio_billed_once(one, vod)


def test_a_program_may_have_audios_of_both_types(yaml_stack: NewYamlStack, vod: LocalVod) -> None:
    """Of the same name, too: each has one, and what one plugin has brought, the other does not call left behind."""
    source, one = vod.video(), yaml_stack(vod.config)
    one.mixed(
        f'ExtractedAudio("talk", asset_id="{source}")\n'
        f'pulumi.CustomResource("vod:index:ExtractedAudio", "talk", {{"assetId": "{source}"}})'
    )
    assert "broken off" not in one.up().expect("3 created").text
    assert sorted(vod.audio_ids()) == sorted(
        it["id"] for it in one.state()["resources"] if it["type"].endswith(":ExtractedAudio")
    )
    assert vod.accepted() == 2
    one.destroy().expect()
    assert vod.audio_ids() == []


def test_what_the_dynamic_type_was_waiting_for_the_native_one_waits_for(
    yaml_stack: NewYamlStack, vod: LocalVod
) -> None:
    """After Ctrl-C the state has an audio that is not ready; with the program in YAML it goes on, billed once."""
    source, one = vod.video(), yaml_stack(vod.config)
    vod.timed(SLOW)
    declared_in("python", one, source)
    run = one.start("up", "--yes", "--skip-preview")
    until(lambda: vod.accepted() == 1)
    time.sleep(0.5)
    run.send_signal(signal.SIGINT)
    run.communicate(timeout=30)
    (kept,) = one.audios().values()
    assert kept["initErrors"]
    declared_in("yaml", one, source)
    one.up().expect("1 updated")
    (found,) = one.audios().values()
    assert (found["id"], found["type"]) == (kept["id"], TYPE)
    one_audio_billed_once(one, vod)


def test_a_stack_changes_from_one_type_to_the_other_and_back(yaml_stack: NewYamlStack, vod: LocalVod) -> None:
    """Changing the program alone takes an audio over: VOD is asked for nothing, and nothing is replaced."""
    source, one = vod.video(), yaml_stack(vod.config)
    one.python(f'ExtractedAudio("talk", asset_id="{source}", title="T")')
    one.up().expect("2 created")
    audio_id = one.audios()["talk"]["id"]
    vod.forget_calls()
    one.yaml({"talk": audio(source, title="T")}, outputs={"id": "${talk.audioAssetId}"})
    one.preview().expect("1 to update")
    one.up().expect("1 updated", audio_id)
    taken = one.audios()["talk"]
    assert (taken["id"], taken["type"]) == (audio_id, TYPE)
    assert not [name for name in taken["outputs"] if "_" in name]
    one.up().expect("2 unchanged")
    assert vod.calls() == []
    alias = f'opts=pulumi.ResourceOptions(aliases=[pulumi.Alias(type_="{TYPE}")])'
    one.python(f'ExtractedAudio("talk", asset_id="{source}", title="T", {alias})')
    one.up().expect("1 updated")
    back = one.audios()["talk"]
    assert back["id"] == audio_id
    assert back["outputs"]["audio_asset_id"] == audio_id
    assert not [name for name in back["outputs"] if re.search("[A-Z]", name)]
    one.up().expect("unchanged")
    assert vod.calls() == []
    one.destroy().expect("deleted")
    assert vod.audio_ids() == []


def test_two_types_of_one_name_have_an_audio_each(yaml_stack: NewYamlStack, vod: LocalVod) -> None:
    """Created together with the same inputs they are two resources, whichever of them is done before the other asks."""
    source, one = vod.video(), yaml_stack(vod.config)
    one.python(
        f'dynamic = ExtractedAudio("talk", asset_id="{source}")\n'
        f'first = pulumi.CustomResource("{TYPE}", "talk", {{"assetId": "{source}"}}, pulumi.ResourceOptions('
        "depends_on=dynamic))\n"
        f'last = pulumi.CustomResource("{TYPE}", "other", {{"assetId": "{source}"}})\n'
        f'ExtractedAudio("other", asset_id="{source}", opts=pulumi.ResourceOptions(depends_on=last))'
    )
    project = json.loads((one.folder / "Pulumi.yaml").read_text())
    plugins = {"providers": [{"name": "vod", "path": f"{sys.prefix}/bin"}]}
    (one.folder / "Pulumi.yaml").write_text(json.dumps(project | {"plugins": plugins}))
    one.up().expect("5 created")
    held = [it["id"] for it in one.state()["resources"] if it["type"].endswith(":ExtractedAudio")]
    assert sorted(held) == sorted(vod.audio_ids())
    assert len(set(held)) == vod.accepted() == 4
    one.up().expect("5 unchanged")
    one.destroy().expect("5 deleted")
    assert vod.audio_ids() == []


def test_explicit_providers_each_have_settings_of_their_own(yaml_stack: NewYamlStack, vod: LocalVod) -> None:
    """Two of them ask with keys of their own; keys that are rotated are used in the same run, and replace nothing."""
    source, one = vod.video(), yaml_stack({})
    one.yaml({"talk": audio(source)})
    one.up().expect_failure("no credentials", "those of huaweicloud:* do not reach this plugin")

    def program(secret: str, **more: object) -> None:
        settings = {"endpoint": vod.endpoint, "projectId": PROJECT, "accessKey": "local-access-key"}
        providers = {
            name: {"type": "pulumi:providers:vod", "properties": settings | {"secretKey": key}}
            for name, key in (("left", secret), ("right", "local-secret-key"))
        }
        audios = {
            f"of-{name}": audio(source, {"provider": f"${{{name}}}"}, triggers=[name], **more) for name in providers
        }
        one.yaml(providers | audios)

    program("wrong")
    failed = one.up()
    failed.expect_failure("check the credentials")
    assert "of-right" in one.audios()
    assert "of-left" not in one.audios()
    program("local-secret-key")
    one.up().expect("1 created")
    program("wrong", title="T")
    one.up().expect_failure("check the credentials")
    program("local-secret-key", title="T")
    again = one.up().expect("updated")
    assert "replaced" not in again.text
    assert vod.accepted() == 2
    one.destroy().expect("deleted")
    assert vod.audio_ids() == []


def install_offline(stack: YamlStack, archive: Path) -> None:
    """Have the engine install a plugin's archive without an index: the packages of this environment serve for others.

    pip is told to leave out what the wheel depends on. What the language host has it bring up to date besides is there,
    or stands there empty.
    """
    wheels = stack.folder / "wheels"
    wheels.mkdir()
    for name in ("setuptools", "wheel"):
        about = f"{name}-0.dist-info"
        with zipfile.ZipFile(wheels / f"{name}-0-py3-none-any.whl", "w") as empty:
            empty.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 0\n")
            empty.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            empty.writestr(f"{about}/RECORD", "")
    shutil.copy(next(Path(ensurepip.__file__).parent.glob("_bundled/pip-*.whl")), wheels)
    kept = dict(stack.environ)
    stack.environ |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels), "PIP_NO_DEPS": "1"}
    stack.environ["PATH"] = f"{sys.base_prefix}/bin:{stack.environ['PATH']}"
    del stack.environ["PIP_PATH"], stack.environ["PYTHONPATH"]
    stack.run("plugin", "install", "resource", "vod", __version__, "--file", str(archive)).expect()
    stack.environ = kept | {"PYTHONPATH": sysconfig.get_path("purelib")}


def test_the_example_in_yaml(yaml_stack: NewYamlStack, distributions: Path, tmp_path: Path, vod: LocalVod) -> None:
    """`pulumi new` makes a project of it, and that extracts an audio, by the archive of a release."""
    one, example, source = yaml_stack({}), ROOT / "examples/yaml", vod.video()
    made, answers = one.folder / "made", {"videoId": source, "vod:endpoint": vod.endpoint}
    options = [word for name, value in answers.items() for word in ("--config", f"{name}={value}")]
    where = ("--cwd", str(made), "--stack", "test")
    (wheel,) = distributions.glob("*.whl")
    archive, *_ = write_archives(wheel, tmp_path)
    install_offline(one, archive)
    one.run("new", str(example), "--yes", "--dir", str(made), "--name", "mine", "--stack", "test", *options).expect()
    one.run("up", "--yes", "--skip-preview", *where).expect("2 created", vod.endpoint)
    (audio_id,) = vod.audio_ids()
    assert vod.asset(audio_id)["base_info"]["title"] == "The talk, to listen to"
    one.run("up", "--yes", "--skip-preview", *where).expect("2 unchanged")
    one.run("destroy", "--yes", "--skip-preview", *where).expect("2 deleted")
    assert vod.audio_ids() == []


def test_a_set_lives_its_whole_life(yaml_stack: NewYamlStack, vod: LocalVod) -> None:
    """From YAML, with keys that are the user's own; and it changes to the dynamic provider and back without a call."""
    source, one = vod.video(), yaml_stack(vod.config)
    outputs = {"url": '${archive.extracted["talk_a"].url}', "id": '${archive.extracted["talk_a"].audioAssetId}'}

    def archive(**audios: dict[str, object]) -> None:
        declared = {key: {"assetId": source, **more} for key, more in audios.items()}
        properties = {"audios": declared, "format": "MP3"}
        one.yaml({"archive": {"type": "vod:ExtractedAudioSet", "properties": properties}}, outputs=outputs)

    def kept() -> dict[str, object]:
        (found,) = [it for it in one.state()["resources"] if it["type"].endswith(":ExtractedAudioSet")]
        return {
            key: it.get("audioAssetId", it.get("audio_asset_id")) for key, it in found["outputs"]["extracted"].items()
        }

    vod.forget_calls()
    archive(talk_a={"title": "One"}, talk_b={"tags": ["x"]})
    one.preview().expect("2 to create", "archive: 2 to extract")
    assert vod.calls() == []
    one.up().expect("2 created", "http")
    first = kept()
    asked = len(vod.calls())
    one.up().expect("2 unchanged")
    assert len(vod.calls()) == asked
    archive(talk_a={"title": "Two"}, talk_c={"categoryId": -1}, bad={"assetId": "0" * 32})
    one.preview().expect(
        'title: "One" => "Two"', "archive: 1 to extract, 1 to rename without a call, 2 to change in place"
    )
    one.up().expect_failure('audios["bad"]: extracting MP3 from asset', "VOD.10062", "2 of 3 audios are ready")
    assert kept() == {"talk_a": first["talk_a"], "talk_c": first["talk_b"]}
    archive(talk_a={"title": "Two"}, talk_c={"categoryId": -1})
    one.up().expect("updated")
    one.up().expect("2 unchanged")
    vod.retitle(str(first["talk_a"]), "Drifted")
    one.refresh().expect("1 updated")
    one.preview().expect('title: "Drifted"')
    one.up().expect("1 updated")
    vod.forget_calls()
    given = {"talk_a": {"asset_id": source, "title": "Two"}, "talk_c": {"asset_id": source, "category_id": -1}}
    declared = f'ExtractedAudioSet("archive", {given!r}, format="MP3", opts={ALIAS})'
    one.python(f"from vod_provider import ExtractedAudioSet\n{declared}")
    one.up().expect("1 updated")
    archive(talk_a={"title": "Two"}, talk_c={"categoryId": -1})
    one.up().expect("1 updated")
    assert vod.calls() == []
    assert kept() == {"talk_a": first["talk_a"], "talk_c": first["talk_b"]}
    one.destroy().expect("2 deleted")
    assert vod.audio_ids() == []
    assert vod.accepted() == 0


ALIAS = 'pulumi.ResourceOptions(aliases=[pulumi.Alias(type_="vod:index:ExtractedAudioSet")])'
