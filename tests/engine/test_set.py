"""The life of an ExtractedAudioSet, as the real engine drives it against the local VOD."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

import pytest

from tests.engine.conftest import NewStack, NewYamlStack
from tests.engine.stack import Stack, until
from tests.engine.yaml_stack import YamlStack, audio
from tests.vod import LocalVod

PLUGINS = {"dynamic": "pulumi.dynamic", "native": "pulumi-resource-vod"}
"""What the plugin's process has in its command line, by the door."""
SLOW = 30.0
"""Seconds that a slow extraction takes here."""


ARCHIVE = "urn:pulumi:test::test-vod::pulumi-python:dynamic/vod:ExtractedAudioSet::archive"


def archive(audios: dict[str, Any], **more: object) -> str:
    """A program with one set."""
    given = "".join(f", {name}={value!r}" for name, value in more.items())
    return (
        "from vod_provider import ExtractedAudioSet\n"
        f'archive = ExtractedAudioSet("archive", {audios!r}{given})\n'
        'pulumi.export("ids", archive.audio_asset_ids)'
    )


def the_set(stack: Stack) -> dict[str, Any]:
    """The set in the state."""
    (found,) = [it for it in stack.state()["resources"] if it["type"].endswith(":ExtractedAudioSet")]
    return dict(found)


def ids(stack: Stack) -> dict[str, str]:
    """The ids of its audios, by key."""
    extracted = the_set(stack)["outputs"]["extracted"]
    return {key: it.get("audio_asset_id") or it["audioAssetId"] for key, it in extracted.items()}


def declare(door: str, stack: YamlStack, source: str, count: int, **more: dict[str, Any]) -> None:
    """Have the program declare so many entries with titles of their own, and `more`, by that door."""
    audios = {f"talk-{it}": {"asset_id": source, "title": f"Talk {it}"} for it in range(count)} | more
    if door == "dynamic":
        stack.python(archive(audios))
    else:
        declared = {
            key: {"assetId" if name == "asset_id" else name: value for name, value in it.items()}
            for key, it in audios.items()
        }
        stack.yaml({"archive": {"type": "vod:ExtractedAudioSet", "properties": {"audios": declared}}})


def test_a_whole_life(stack: NewStack, vod: LocalVod) -> None:
    """Preview, create, unchanged, all kinds of changes at once, refresh with a deletion and drift, and destroy."""
    source, other, one = vod.video(), vod.video(seconds=3), stack(vod.config)
    kinds = {
        "same": source,
        "titled": {"asset_id": source, "title": "One"},
        "again": {"asset_id": source, "title": "Again"},
        "before": {"asset_id": other, "format": "AAC"},
        "out": other,
    }
    vod.forget_calls()
    one.program(archive(kinds))
    one.preview().expect("2 to create", "archive: 5 to extract")
    assert vod.calls() == []
    one.up().expect("2 created")
    first = ids(one)
    assert sorted(first.values()) == sorted(vod.audio_ids())
    assert vod.asset(first["titled"])["base_info"]["title"] == "One"
    assert vod.accepted() == 5

    vod.forget_calls()
    one.up().expect("2 unchanged")
    one.preview().expect("2 unchanged")
    assert vod.calls() == [], "an unchanged up asks VOD for nothing"

    changed = {
        "same": source,
        "titled": {"asset_id": source, "title": "Two"},
        "again": {"asset_id": source, "title": "Again", "format": "AAC"},
        "after": {"asset_id": other, "format": "AAC"},
        "new": other,
    }
    one.program(archive(changed))
    shown = one.preview().expect("1 to update").text
    assert vod.calls() == []
    for line in ('~ title: "One" => "Two"', '+ format: "AAC"', "+ new   : {", "1 audio will be extracted again"):
        assert line in shown, shown
    # 'new' is what 'out' was, as 'after' is what 'before' was: they are renamed, and nothing is extracted.
    assert "archive: 1 to extract again, 2 to rename without a call, 1 to change in place, 1 to delete" in shown, shown
    one.up().expect("1 updated", "[diff: ~audios]")
    second = ids(one)
    assert (second["same"], second["titled"]) == (first["same"], first["titled"])
    assert (second["after"], second["new"]) == (first["before"], first["out"])
    assert sorted(vod.audio_ids()) == sorted(second.values())
    assert vod.asset(first["titled"])["base_info"]["title"] == "Two"
    assert vod.accepted() == 1
    order = [call["operation"] for call in vod.calls()]
    assert order.index("ExtractAudio") < order.index("DeleteAssets"), "the new one first"
    one.up().expect("2 unchanged")

    vod.forget_calls()
    vod.delete(second["same"])
    vod.retitle(second["titled"], "Drifted")
    one.refresh().expect("1 updated")
    assert "same" not in ids(one)
    assert 'title: "Drifted"' in one.preview().expect("archive: 1 to extract, 1 to change in place").text
    one.up().expect("1 updated")
    assert vod.asset(second["titled"])["base_info"]["title"] == "Two"
    assert vod.accepted() == 1
    one.refresh().expect("2 unchanged")
    one.destroy().expect("2 deleted")
    assert vod.audio_ids() == []


def test_what_is_declared_of_an_entry_is_seen_to_differ_and_what_is_not_is_left(stack: NewStack, vod: LocalVod) -> None:
    """Changed at VOD, the metadata that a set manages is seen by a refresh and set back; the state has no other.

    But for `status`, which is an output: an entry that somebody else publishes is shown, and left as it is.
    """
    source, one = vod.video(), stack(vod.config)
    given = {"asset_id": source, "title": "Ours", "category_id": -1, "publish": False}
    one.program(archive({"managed": given, "tagged": source, "free": source}, tags=["ours"]))
    one.up().expect("2 created")
    held = ids(one)
    for key, audio_id in held.items():
        theirs: dict[str, Any] = {"tags": "theirs"} if key == "tagged" else {"title": "Theirs", "category_id": 7}
        vod.api("PUT", "/asset/info", json={"asset_id": audio_id, **theirs})
    vod.api("POST", "/asset/status/publish", json={"asset_id": [held["managed"], held["free"]]})
    one.refresh().expect("1 updated")
    outputs = the_set(one)["outputs"]
    assert outputs["drifted"] == {
        "managed": {"title": "Theirs", "category_id": 7, "publish": True},
        "tagged": {"tags": ["theirs"]},
    }
    assert outputs["extracted"]["free"]["status"] == "PUBLISHED"
    shown = one.preview().expect("archive: 2 to change in place").text
    for line in ('- title      : "Theirs"', "- publish    : true", '-     [0]: "theirs"'):
        assert line in shown, shown
    assert "free" not in shown, "only what differs is shown"
    assert "audio_asset_id" not in shown
    one.up().expect("1 updated")
    infos = {key: vod.asset(audio_id) for key, audio_id in held.items()}
    shown_by_vod = {key: (it["base_info"]["title"], it["base_info"]["tags"], it["status"]) for key, it in infos.items()}
    assert shown_by_vod == {
        "managed": ("Ours", "ours", "CREATED"),
        "tagged": ("A video", "ours", "CREATED"),
        "free": ("Theirs", "ours", "PUBLISHED"),
    }
    vod.forget_calls()
    one.up().expect("2 unchanged")
    assert vod.calls() == []
    one.refresh().expect("2 unchanged")
    # A default that changes is shown once, whatever the number of audios that it is for.
    one.program(archive({"managed": given, "tagged": source, "free": source}, tags=["ours"], format="AAC"))
    shown = one.preview().expect("archive: 3 to extract again, 3 to delete", '+ format: "AAC"').text
    assert "tagged" not in shown, shown


def test_a_failing_entry_harms_no_other(stack: NewStack, vod: LocalVod) -> None:
    """The rest is done and kept, the reasons are few, and the next `up` goes on with what is missing only."""
    source, one = vod.video(), stack(vod.config)
    audios: dict[str, Any] = {f"good-{it}": source for it in range(5)} | {f"bad-{it}": f"{it:032x}" for it in range(8)}
    one.program(archive(audios))
    failed = one.up().expect_failure('audios["bad-0"]: extracting MP3 from asset', "VOD.10062", "3 more failed")
    assert "5 of 13 audios are ready" in failed.text
    assert len(ids(one)) == 5
    assert vod.accepted() == 5
    kept = ids(one)
    shown = one.preview().expect("archive: 8 to extract", "1 to update").text
    assert "good-0" not in shown, shown
    one.program(archive(audios | {f"bad-{it}": source for it in range(8)}))
    one.up().expect("1 updated", "13 ready")
    assert kept.items() <= ids(one).items()
    assert vod.accepted() == 13
    one.up().expect("2 unchanged")


def test_an_update_that_fails_in_part_keeps_what_it_has_done(stack: NewStack, vod: LocalVod) -> None:
    """The engine keeps the inputs from before then: what was renamed, retitled and made anew is known all the same."""
    source, one = vod.video(), stack(vod.config)
    one.program(archive({"a": {"asset_id": source, "title": "One"}, "b": source, "c": source, "out": source}))
    one.up().expect("2 created")
    first = ids(one)
    changed: dict[str, Any] = {
        "a": {"asset_id": source, "title": "Two"},
        "renamed": source,
        "c": {"asset_id": source, "format": "AAC"},
        "new": {"asset_id": source, "tags": ["x"]},
    }
    one.program(archive(changed | {"bad": "0" * 32}))
    one.up().expect_failure("VOD.10062", "4 of 5 audios are ready")
    second = ids(one)
    assert second["a"] == first["a"]
    assert second["renamed"] in {first["b"], first["out"]}
    assert sorted(vod.audio_ids()) == sorted(second.values())
    assert vod.accepted() == 5, "'out' is what 'new' asks for"
    vod.forget_calls()
    one.preview().expect("archive: 1 to extract\n")
    one.program(archive(changed))
    one.up().expect("1 updated")
    assert ids(one) == second
    one.up().expect("2 unchanged")
    assert vod.calls() == []
    one.destroy().expect()
    assert vod.audio_ids() == []


def test_a_set_of_which_nothing_could_be_asked_for_leaves_nothing(stack: NewStack, vod: LocalVod) -> None:
    """Where VOD has accepted none, the create has failed, and there is no resource."""
    one = stack(vod.config)
    one.program(archive({f"bad-{it}": f"{it:032x}" for it in range(8)}))
    one.up().expect_failure("extracting the audios of archive: ", "VOD.10062", "and 3 more failed")
    assert not [it for it in one.state()["resources"] if it["type"].endswith(":ExtractedAudioSet")]
    one.program(archive({}))
    one.up().expect("1 created")
    one.destroy().expect("2 deleted")


def test_one_that_cannot_be_replaced_keeps_what_it_has(stack: NewStack, vod: LocalVod) -> None:
    """A replacement that VOD refuses leaves the old audio, which is told as what it is; the next `up` tries again."""
    source, one = vod.video(), stack(vod.config)
    one.program(archive({"a": source, "b": source}))
    one.up().expect()
    first = ids(one)
    one.program(archive({"a": "0" * 32, "b": source}))
    one.up().expect_failure('audios["a"]', "VOD.10062")
    assert ids(one) == first
    one.preview().expect("archive: 1 to extract again, 1 to delete")
    one.program(archive({"a": source, "b": source}))
    one.up().expect()
    assert ids(one) == first
    assert sorted(vod.audio_ids()) == sorted(first.values())
    assert vod.accepted() == 2


def test_names_may_change_places(stack: NewStack, vod: LocalVod) -> None:
    """Two entries that swap their names swap their audios, and nothing is extracted or deleted."""
    source, other, one = vod.video(), vod.video(seconds=3), stack(vod.config)
    one.program(archive({"a": source, "b": other, "c": {"asset_id": source, "format": "AAC"}}))
    one.up().expect()
    first = ids(one)
    one.program(archive({"a": other, "b": {"asset_id": source, "format": "AAC"}, "c": source}))
    one.preview().expect("archive: 3 to rename without a call")
    vod.forget_calls()
    one.up().expect("1 updated")
    assert ids(one) == {"a": first["b"], "b": first["c"], "c": first["a"]}
    assert vod.calls() == []
    one.up().expect("2 unchanged")
    one.destroy().expect()
    assert vod.audio_ids() == []


@pytest.mark.parametrize("door", PLUGINS)
def test_the_first_ctrl_c_ends_the_up_within_two_seconds(yaml_stack: NewYamlStack, vod: LocalVod, door: str) -> None:
    """What VOD has accepted is kept, what was not asked for is not, and the next `up` pays for what is missing only."""
    source, one = vod.video(), yaml_stack(vod.config)
    vod.timed(SLOW, concurrency=200, quota_scale=0.1)
    declare(door, one, source, 40)
    run = one.start("up", "--yes", "--skip-preview")
    until(lambda: vod.accepted() == 10)
    time.sleep(1)
    pressed = time.monotonic()
    run.send_signal(signal.SIGINT)
    text, _ = run.communicate(timeout=30)
    assert time.monotonic() - pressed < 2, text
    assert "0 of 40 audios are ready, 10 more are accepted by VOD and kept" in text, text
    kept = ids(one)
    assert sorted(kept.values()) == sorted(vod.audio_ids())
    vod.timed(1, concurrency=200, quota_scale=10)
    one.preview().expect("archive: 30 to extract, 10 to wait for")
    one.up().expect("1 updated", "40 ready")
    assert kept.items() <= ids(one).items()
    assert vod.accepted() == len(vod.audio_ids()) == 40
    key, audio_id = kept.popitem()
    assert vod.asset(audio_id)["base_info"]["title"] == f"Talk {key.partition('-')[2]}"


@pytest.mark.parametrize("victims", ["engine", "plugin"])
@pytest.mark.parametrize("door", PLUGINS)
def test_kill_9(yaml_stack: NewYamlStack, vod: LocalVod, door: str, victims: str) -> None:
    """Killed in the middle, the next `up` finds in the ledger what VOD has accepted: each is paid once.

    One entry fails in every run, and harms no other.
    """
    source, one, failing = vod.video(), yaml_stack(vod.config), 'audios["bad"]: extracting MP3 from asset'
    vod.timed(3)
    declare(door, one, source, 30, bad={"asset_id": "0" * 32})
    run = one.start("up", "--yes", "--skip-preview")
    until(lambda: vod.accepted() >= 15)
    plugins = one.processes(PLUGINS[door])
    assert plugins
    if victims == "engine":
        run.kill()
    for plugin in plugins:
        os.kill(plugin, signal.SIGKILL)
    run.communicate(timeout=30)
    until(lambda: not one.processes(PLUGINS[door]), 10)
    one.run("cancel", "--yes", "--stack", "test")
    one.up().expect_failure(failing, "VOD.10062", "30 of 31 audios are ready")
    assert sorted(ids(one).values()) == sorted(vod.audio_ids())
    assert len(ids(one)) == vod.accepted() == 30
    one.up().expect_failure(failing, "30 of 31 audios are ready")
    assert vod.accepted() == 30
    one.destroy().expect()
    assert vod.audio_ids() == []


@pytest.mark.parametrize("door", PLUGINS)
def test_what_is_secret_of_an_entry_stays_so(yaml_stack: NewYamlStack, vod: LocalVod, door: str) -> None:
    """Neither the state nor what is shown has it in clear, also after an update that failed in part, and a refresh."""
    source, one = vod.video(), yaml_stack(vod.config)

    def program(secret: str, **more: dict[str, Any]) -> None:
        def hidden(text: str) -> Any:
            return {"fn::secret": text} if door == "native" else Secret(text)

        entry = {"asset_id": source, "title": hidden(secret), "triggers": [hidden(secret)]}
        declare(door, one, source, 1, talk=entry, **more)

    program("Hush")
    shown = one.up().expect("2 created").text
    vod.faults({"operation": "DeleteAssets", "times": 5, "status": 403, "error_code": "VOD.10054"})
    program("Hushed", bad={"asset_id": "0" * 32})
    shown += one.up().expect_failure("VOD.10062", "VOD.10054", "2 of 3 audios are ready").text
    outputs = the_set(one)["outputs"]
    assert {"apart", "superseded"} <= outputs.keys()
    vod.mend()
    shown += one.refresh().expect().text
    assert vod.asset(ids(one)["talk"])["base_info"]["title"] == "Hushed"
    program("Hushed")
    shown += one.preview().expect("archive: 1 to delete").text
    shown += one.up().expect("1 updated").text
    assert "apart" not in the_set(one)["outputs"]
    assert "Hush" not in shown + one.raw_state()
    one.up().expect("2 unchanged")
    assert sorted(ids(one).values()) == sorted(vod.audio_ids())
    assert vod.accepted() == 3


class Secret:
    """A secret text, as a program in Python writes it."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return f"pulumi.Output.secret({self._text!r})"


def test_an_audio_that_is_there_is_adopted(stack: NewStack, vod: LocalVod) -> None:
    """It is taken over instead of extracted, and one that somebody else holds stays when the set lets go."""
    source, one = vod.video(), stack(vod.config)
    theirs = vod.extract(source)
    single = f'\nExtractedAudio("single", asset_id="{source}")'
    one.program(archive({"own": source, "theirs": {"asset_id": source, "adopt": theirs}}) + single)
    one.up().expect("3 created")
    assert ids(one)["theirs"] == theirs
    assert vod.accepted() == 3
    held = one.audios()["single"]["id"]
    one.program(archive({"own": source, "single": {"asset_id": source, "adopt": held}}) + single)
    one.up().expect_failure(f"adopting audio {held}: single holds it")
    assert theirs not in vod.audio_ids()
    one.program(archive({"own": source, "single": {"asset_id": source, "adopt": held}}))
    one.up().expect("1 deleted", f'audio {held} is kept at VOD: archive["single"] holds it, too')
    assert ids(one)["single"] == held
    assert held in vod.audio_ids()
    one.destroy().expect()
    assert vod.audio_ids() == []


def test_what_is_wrong_is_told_by_its_path(stack: NewStack, vod: LocalVod) -> None:
    """At the preview, without a call, and the first of many only."""
    one = stack({})
    audios: dict[str, Any] = {"a": {"asset_id": "x", "title": "x" * 200}, "b": ""}
    one.program(archive(audios, format="WAV"))
    one.preview().expect_failure(
        'audios["a"].title must be at most 128 bytes', 'audios["b"].asset_id must be a media id', "format must be MP3"
    )
    one.program(archive({f"talk-{it}": "" for it in range(500)}))
    one.preview().expect_failure("audios has 480 more problems")
    assert vod.calls() == []


def test_many_audios_take_little_state_and_few_calls(stack: NewStack, vod: LocalVod) -> None:
    """At most 800 bytes for each, inputs and outputs together, as the file counts them; and one call for each ten."""
    sources = [vod.video(title=f"A talk about something or other, number {it}") for it in range(3)]
    one = stack(vod.config)
    vod.timed(0.1)

    def audios(count: int) -> dict[str, Any]:
        titles = [f"A talk about something, number {it}" for it in range(count)]
        return {f"talk-{it:05}": {"asset_id": sources[it % 3], "title": title} for it, title in enumerate(titles)}

    one.program(archive(audios(20)))
    one.up().expect()
    few = one.state_bytes()
    one.program(archive(audios(120)))
    one.up().expect()
    assert (one.state_bytes() - few) / 100 <= 800 - 60, "60 of them are the stack's own output in this test"
    vod.forget_calls()
    one.refresh().expect("2 unchanged")
    assert vod.counts() == {"ShowAssetMeta": 12}
    vod.forget_calls()
    one.destroy().expect("2 deleted")
    # That they are gone is seen in VOD's listing, which has a hundred in a page.
    assert vod.counts() == {"DeleteAssets": 12, "ListAssetList": 1}
    assert vod.audio_ids() == []


def catalogue(sources: dict[str, Any], **more: object) -> str:
    """A program with a catalogue."""
    given = "".join(f", {name}={value!r}" for name, value in more.items())
    return f'from vod_provider import AudioCatalogue\nAudioCatalogue("archive", {sources!r}{given})'


@pytest.mark.parametrize("machine", ["same", "another"])
def test_a_catalogue_changes_from_one_resource_each_to_one_for_all_and_back(
    stack: NewStack, vod: LocalVod, machine: str
) -> None:
    """Nothing is extracted or deleted, also on a machine whose ledger knows nothing of the stack.

    There the sources are secrets, so the state has them encrypted.
    """
    source, one = vod.video(), stack(vod.config)
    sources = {f"talk-{it}": Secret(source) if machine == "another" else source for it in range(12)}

    def changed() -> None:
        if machine == "another":
            one.journal.unlink()
        vod.forget_calls()

    one.program(catalogue(sources, tags=["one"]))
    one.up().expect("14 created")
    first = sorted(vod.audio_ids())
    changed()
    one.program(catalogue(sources, as_set=True, tags=["one"]))
    one.up().expect("1 created", "12 deleted", "moved to archive[")
    assert sorted(ids(one).values()) == sorted(vod.audio_ids()) == first
    one.up().expect("3 unchanged")
    assert not {"ExtractAudio", "DeleteAssets", "UpdateAssetMeta"} & vod.counts().keys()
    changed()
    one.program(catalogue(sources, tags=["one"]))
    one.up().expect("12 created", "1 deleted")
    assert sorted(it["id"] for it in one.audios().values()) == sorted(vod.audio_ids()) == first
    assert not {"ExtractAudio", "DeleteAssets"} & vod.counts().keys()
    one.up().expect("14 unchanged")
    one.destroy().expect()
    assert vod.audio_ids() == []


def test_an_audio_moves_where_it_is_told_to(stack: NewStack, vod: LocalVod) -> None:
    """`moved_from` names it, from a resource into a set and back; what the ledger does not know is not paid again."""
    source, one = vod.video(), stack(vod.config)
    one.program(f'ExtractedAudio("single", asset_id="{source}", title="T")')
    one.up().expect("2 created")
    (audio_id,) = vod.audio_ids()
    one.program(archive({"talk": {"asset_id": source, "title": "T", "moved_from": "another"}}))
    one.up(
        "--target", "urn:pulumi:test::test-vod::pulumi-python:dynamic/vod:ExtractedAudioSet::archive"
    ).expect_failure("taking over the audio of another: the ledger does not know it; `pulumi refresh`")
    one.program(archive({"talk": {"asset_id": source, "title": "T", "format": "AAC", "moved_from": "single"}}))
    one.up(
        "--target", "urn:pulumi:test::test-vod::pulumi-python:dynamic/vod:ExtractedAudioSet::archive"
    ).expect_failure("it is MP3 of asset", "take moved_from out, which extracts it and is billed")
    one.program(archive({"talk": {"asset_id": source, "title": "T", "moved_from": "single"}}))
    one.up().expect("1 created", "1 deleted", 'moved to archive["talk"]')
    assert ids(one) == {"talk": audio_id}
    one.program(f'ExtractedAudio("again", asset_id="{source}", title="T", moved_from="archive[\\"talk\\"]")')
    one.up().expect("1 created", "1 deleted")
    assert one.audios()["again"]["id"] == audio_id
    assert vod.audio_ids() == [audio_id]
    assert vod.accepted() == 1
    one.destroy().expect()
    assert vod.audio_ids() == []


@pytest.mark.parametrize("to", ["another set", "a new set", "a resource"])
@pytest.mark.parametrize("door", PLUGINS)
def test_an_entry_moves_out_of_a_set_that_stays(yaml_stack: NewYamlStack, vod: LocalVod, door: str, to: str) -> None:
    """The set is updated beside the one that takes the audio over, and does not delete it."""
    source, other, one = vod.video(), vod.video(seconds=3), yaml_stack(vod.config)
    moved = {"asset_id": source, "moved_from": 'archive["a"]'}
    camel = {"asset_id": "assetId", "moved_from": "movedFrom"}

    def program(sets: dict[str, Any], single: dict[str, str]) -> None:
        """These sets, and a resource if there is anything of it."""
        if door == "dynamic":
            lines = [f"ExtractedAudioSet({name!r}, {audios!r})" for name, audios in sets.items()]
            lines += [f"ExtractedAudio('single', **{single!r})"] if single else []
            one.python("\n".join(["from vod_provider import ExtractedAudioSet", *lines]))
            return
        declared: dict[str, Any] = {}
        for name, audios in sets.items():
            given = {key: {camel[it]: value for it, value in entry.items()} for key, entry in audios.items()}
            declared[name] = {"type": "vod:ExtractedAudioSet", "properties": {"audios": given}}
        if single:
            declared["single"] = audio(source, movedFrom=moved["moved_from"])
        one.yaml(declared)

    stays = {"b": {"asset_id": other}}
    others = {"others": {"c": {"asset_id": other}}} if to == "another set" else {}
    program({"archive": {"a": {"asset_id": source}, **stays}, **others}, {})
    one.up().expect()
    one.up().expect("unchanged")
    first = sorted(vod.audio_ids())
    if to != "a resource":
        others = {"others": {**others.get("others", {}), "x": moved}}
    program({"archive": stays, **others}, moved if to == "a resource" else {})
    one.up().expect("updated")
    assert sorted(vod.audio_ids()) == first
    assert vod.accepted() == len(first)
    one.refresh().expect("unchanged")
    one.up().expect("unchanged")
    one.destroy().expect()
    assert vod.audio_ids() == []


def test_a_set_can_be_neither_imported_nor_read(yaml_stack: NewYamlStack, vod: LocalVod) -> None:
    """One line says so and names the way that there is, by the names of the door, and VOD is not asked."""
    source, one = vod.video(), yaml_stack(vod.config)
    vod.forget_calls()
    why = "reading set x: a set has no id at VOD, so it can be neither imported nor read; declare it, and take over"
    native = f"{why} its audios: with adopt one that is at VOD, with movedFrom one of another resource"
    imported = {"properties": {"audios": {"a": {"assetId": source}}}, "options": {"import": "x"}}
    failed = []
    for declared in (imported, {"get": {"id": "x"}}):
        one.yaml({"archive": {"type": "vod:ExtractedAudioSet", **declared}})
        failed.append(one.up().expect_failure(native))
    one.yaml({})
    failed.append(one.run("import", "vod:index:ExtractedAudioSet", "brought", "x", "--yes").expect_failure(native))
    one.python(
        "from vod_provider import ExtractedAudioSet\n"
        f'ExtractedAudioSet("archive", {{"a": {source!r}}}, opts=pulumi.ResourceOptions(id="x"))'
    )
    failed.append(one.up().expect_failure(native.replace("movedFrom", "moved_from")))
    for run in failed:
        assert len({line.partition(why)[2] for line in run.lines(why)}) == 1, run.text
    assert vod.calls() == []
