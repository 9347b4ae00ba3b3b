"""Nothing lost, nothing billed twice, nothing of others deleted, in runs that go wrong as people report them."""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests import storage
from tests.engine.conftest import NewStack
from tests.engine.stack import PROJECT, Stack, until
from tests.vod import LocalVod

QUICK = {"vod:timeouts": json.dumps({"absence": 2})}
"""Absence is believed after two seconds instead of sixty."""
SLOW = 3.0


def one(source: str, name: str = "talk", more: str = "") -> str:
    """A program's line that declares an audio of `source`."""
    return f'ExtractedAudio("{name}", asset_id="{source}"{more})'


def ids(stack: Stack) -> dict[str, str]:
    """The audio ids in the state, by name."""
    return {name: audio["id"] for name, audio in stack.audios().items()}


@contextmanager
def unwritable(stack: Stack) -> Iterator[None]:
    """The backend takes nothing any more, as with a full disk or expired credentials; then it is well again."""
    (folder,) = (stack.folder / "state").rglob("stacks/*/")
    aside = folder.with_name("aside")
    folder.rename(aside)
    folder.write_text("in the way")
    try:
        yield
    finally:
        folder.unlink()
        aside.rename(folder)


def test_a_state_that_could_not_be_saved(stack: NewStack, vod: LocalVod) -> None:
    """The backend breaks between VOD's acceptance and the run's end: the next run takes the audio."""
    vod.timed(SLOW)
    audio = stack(vod.config | QUICK)
    audio.environ["PULUMI_SKIP_CHECKPOINTS"] = "true"  # the engine tries each save for 40 s: then it does so once
    audio.program(one(vod.video()))
    run = audio.start("up", "--yes", "--skip-preview")
    until(lambda: vod.accepted() == 1)
    with unwritable(audio):
        run.communicate(timeout=110)
    assert run.returncode != 0
    assert audio.audios().get("talk", {}).get("id", "") == ""
    audio.run("cancel", "--yes")
    audio.up().expect()
    assert vod.accepted() == 1
    assert vod.audio_ids() == [ids(audio)["talk"]]


@pytest.mark.parametrize("arguments", [("refresh",), ("up", "--refresh")], ids=" ".join)
def test_ctrl_c_and_a_refresh(stack: NewStack, vod: LocalVod, arguments: tuple[str, ...]) -> None:
    """The refresh makes the engine forget that the create was broken off; the next `up` waits all the same."""
    vod.timed(SLOW)
    audio = stack(vod.config | QUICK)
    audio.program(one(vod.video()))
    run = audio.start("up", "--yes", "--skip-preview")
    until(lambda: vod.accepted() == 1)
    run.send_signal(signal.SIGINT)
    run.communicate(timeout=60)
    audio.run(*arguments, "--yes", "--skip-preview", "--stack", "test").expect()
    audio.up().expect()
    outputs = audio.audios()["talk"]["outputs"]
    assert outputs["status"] == "CREATED"
    assert outputs["url"]
    assert vod.accepted() == 1


@pytest.mark.parametrize("change", ["asset_id", "triggers", "format"])
def test_adopt_counts_at_creation_only(stack: NewStack, vod: LocalVod, change: str) -> None:
    """Left in the program, it takes no part in a replacement: that is extracted anew, as the preview says."""
    source, other = vod.video(title="One"), vod.video(title="Other")
    made = vod.extract(source)
    audio = stack(vod.config | QUICK)
    adopt = f', adopt="{made}"'
    audio.program(one(source, more=adopt))
    audio.up().expect()
    assert ids(audio) == {"talk": made}
    vod.forget_calls()
    changed = {
        "asset_id": one(other, more=adopt),
        "triggers": one(source, more=adopt + ", triggers=[1]"),
        "format": one(source, more=adopt + ', format="AAC"'),
    }
    audio.program(changed[change])
    audio.preview().expect("1 audio will be extracted again and billed again")
    audio.up().expect("1 replaced")
    assert vod.accepted() == 1
    assert vod.audio_ids() == [ids(audio)["talk"]] != [made]
    audio.up().expect("2 unchanged")


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The configuration of another place, which answers that it has none of the audios."""
    with LocalVod.started(tmp_path / "elsewhere") as other:
        yield other.config | QUICK


def test_the_default_place_changes(stack: NewStack, vod: LocalVod, elsewhere: dict[str, str]) -> None:
    """The audio stays where it is, which the preview says; refresh and destroy go there, and nothing is lost."""
    source = vod.video()
    audio = stack(vod.config | QUICK)
    audio.program(one(source))
    audio.up().expect()
    (audio_id,) = vod.audio_ids()
    audio.configure(elsewhere)
    audio.preview().expect("1 audio stays where it is", "although the default is now", "unchanged")
    audio.up().expect("2 unchanged")
    audio.refresh("--run-program").expect("2 unchanged")
    assert vod.audio_ids() == [audio_id]
    audio.program(one(source, more=', project_id="elsewhere"'))
    audio.preview().expect("1 audio will be extracted again")
    audio.program(one(source))
    audio.destroy("--run-program").expect("2 deleted")
    assert vod.audio_ids() == []


def test_a_request_is_followed_up_where_it_was_made(stack: NewStack, vod: LocalVod, elsewhere: dict[str, str]) -> None:
    """Killed before the state was saved, and the default place is another one now: it is found at the old one."""
    vod.timed(SLOW)
    audio = stack(vod.config | QUICK)
    audio.program(one(vod.video()))
    run = audio.start("up", "--yes", "--skip-preview")
    until(lambda: vod.accepted() == 1)
    run.kill()
    run.communicate(timeout=60)
    audio.run("cancel", "--yes")
    audio.configure(elsewhere)
    audio.up().expect()
    assert vod.audio_ids() == [ids(audio)["talk"]]
    assert vod.accepted() == 1


def shared(stack: NewStack, vod: LocalVod) -> tuple[Stack, str]:
    """A stack in which `second` has adopted what `first` holds, in a run that left `first` out."""
    source = vod.video()
    audio = stack(vod.config | QUICK)
    audio.program(one(source, "first"))
    audio.up().expect()
    (audio_id,) = vod.audio_ids()
    audio.program(one(source, "first") + "\n" + one(source, "second", f', adopt="{audio_id}"'))
    audio.up("--target", "**second").expect()
    assert set(ids(audio).values()) == {audio_id}
    return audio, audio_id


@pytest.mark.parametrize("machine", ["same", "new"])
@pytest.mark.parametrize("arguments", [("--target", "**second"), ("--exclude", "**first")], ids=" ".join)
def test_a_targeted_destroy_leaves_what_another_resource_holds(
    stack: NewStack, vod: LocalVod, arguments: tuple[str, ...], machine: str
) -> None:
    """Resources that are left out of a run are not shown in it, and hold their audios all the same.

    Also on a machine whose ledger has never heard of any of them, as a runner of CI.
    """
    audio, audio_id = shared(stack, vod)
    if machine == "new":
        audio.lose_disk()
    audio.destroy(*arguments).expect("is kept at VOD: first holds it, too")
    assert vod.audio_ids() == [audio_id]
    assert ids(audio) == {"first": audio_id}
    audio.destroy().expect()
    assert vod.audio_ids() == []


def test_the_last_of_two_who_go_in_a_destroy_with_a_refresh_deletes_their_audio(stack: NewStack, vod: LocalVod) -> None:
    """The refresh asks Diff of both, which does not make them declared: one would leave it for the other."""
    audio, _ = shared(stack, vod)
    audio.destroy("--refresh").expect("3 deleted")
    assert vod.audio_ids() == []


@pytest.mark.parametrize("machine", ["same", "new"])
def test_a_targeted_replacement_leaves_what_another_resource_holds(
    stack: NewStack, vod: LocalVod, machine: str
) -> None:
    """`up --target second` replaces the second, and its old audio is the first's, on any machine."""
    audio, audio_id = shared(stack, vod)
    if machine == "new":
        audio.lose_disk()
    source = audio.audios()["first"]["inputs"]["asset_id"]
    audio.program(one(source, "first") + "\n" + one(source, "second", ', format="AAC"'))
    audio.up("--target", "**second").expect()
    assert audio_id in vod.audio_ids()
    assert ids(audio)["first"] == audio_id != ids(audio)["second"]


def test_adopting_what_another_resource_still_holds_is_refused(stack: NewStack, vod: LocalVod) -> None:
    """By that resource's name; handed over within one run, it is taken and stays, until its new holder goes."""
    source = vod.video()
    audio = stack(vod.config | QUICK)
    audio.program(one(source, "first"))
    audio.up().expect()
    (audio_id,) = vod.audio_ids()
    second = f"second = {one(source, 'second', f', adopt={audio_id!r}')}"
    audio.program(f"first = {one(source, 'first')}\n{second[:-1]}, opts=pulumi.ResourceOptions(depends_on=[first]))")
    audio.up().expect_failure("first holds it; take first out of the program in the same run")
    audio.program(second)
    audio.up().expect()
    assert ids(audio) == {"second": audio_id}
    assert vod.audio_ids() == [audio_id]
    assert vod.accepted() == 1
    audio.destroy().expect()
    assert vod.audio_ids() == []


def test_a_renamed_resource_keeps_its_audio_and_takes_it_away(stack: NewStack, vod: LocalVod) -> None:
    """By an alias; the former name holds nothing any more."""
    source = vod.video()
    audio = stack(vod.config | QUICK)
    audio.program(one(source, "first"))
    audio.up().expect()
    audio.program(one(source, "second", ', opts=pulumi.ResourceOptions(aliases=[pulumi.Alias(name="first")])'))
    audio.up().expect()
    assert len(vod.audio_ids()) == 1
    audio.destroy().expect()
    assert vod.audio_ids() == []


@pytest.mark.parametrize(
    "renamed",
    [
        'ExtractedAudio("second", asset_id="{}", opts=pulumi.ResourceOptions(aliases=[pulumi.Alias(name="first")]))',
        'ExtractedAudio("first", asset_id="{}",'
        ' opts=pulumi.ResourceOptions(parent=pulumi.ComponentResource("vod:index:Shelf", "shelf")))',
    ],
    ids=["name", "parent"],
)
def test_what_is_renamed_after_a_kill_is_not_billed_again(stack: NewStack, vod: LocalVod, renamed: str) -> None:
    """Pulumi has no state of it yet, so no alias tells the former name; a second one of the same gets its own audio."""
    vod.timed(SLOW)
    source = vod.video()
    audio = stack(vod.config | QUICK)
    audio.program(one(source, "first"))
    run = audio.start("up", "--yes", "--skip-preview")
    until(lambda: vod.accepted() == 1)
    run.kill()
    run.communicate(timeout=60)
    audio.run("cancel", "--yes")
    audio.program(renamed.format(source))
    audio.up().expect("was made for first in an earlier run", "taken and not extracted again")
    assert vod.accepted() == 1
    audio.program(f"{renamed.format(source)}\n{one(source, 'third')}")
    assert "in an earlier run" not in audio.up().expect("1 created").text
    assert vod.accepted() == 2
    assert sorted(vod.audio_ids()) == sorted(ids(audio).values())
    audio.destroy().expect()
    assert vod.audio_ids() == []


@pytest.mark.parametrize("ledger", ["file", "store"])
def test_what_is_left_when_a_stack_is_renamed(stack: NewStack, vod: LocalVod, ledger: str, s3: str) -> None:
    """A kill in the first create and in a replacement, and the stack renamed each time: billed once each."""
    vod.timed(SLOW)
    source = vod.video()
    audio = stack(vod.config | QUICK | (storage.ledger(s3) if ledger == "store" else {}))
    audio.environ |= storage.KEYS
    for number, (former, name, format_) in enumerate((("test", "second", "MP3"), ("second", "third", "AAC"))):
        audio.program(one(source, more=f', format="{format_}"'))
        run = audio.start("up", "--yes", "--skip-preview")
        until(lambda number=number: vod.accepted() == number + 1)
        run.kill()
        run.communicate(timeout=60)
        audio.run("cancel", "--yes")
        audio.run("stack", "rename", name).expect()
        audio.environ["PULUMI_STACK"] = name
        audio.run("up", "--yes", "--skip-preview").expect(f"was made for talk of stack {former}", "not extracted again")
        assert vod.accepted() == number + 1
    audio.run("destroy", "--yes", "--skip-preview").expect()
    assert vod.audio_ids() == []


@pytest.mark.parametrize("shown", [False, True])
def test_what_is_moved_to_another_stack_stays_there(stack: NewStack, vod: LocalVod, *, shown: bool) -> None:
    """`pulumi state move`, and the program left as it was: what it declares gets an audio of its own."""
    audio = stack(vod.config | QUICK)
    audio.program(one(vod.video()))
    audio.up().expect()
    if shown:
        audio.refresh().expect()
    (moved,) = audio.audios().values()
    audio.run("stack", "init", "other", "--no-select").expect()
    stacks = (f"organization/{PROJECT}/test", f"organization/{PROJECT}/other")
    audio.run("state", "move", "--source", stacks[0], "--dest", stacks[1], "--yes", moved["urn"]).expect()
    audio.up().expect("created")
    assert vod.accepted() == 2
    audio.destroy().expect()
    assert vod.audio_ids() == [moved["id"]]


def test_absent_once_is_not_gone(stack: NewStack, vod: LocalVod) -> None:
    """One empty answer, after acceptance or at a refresh, takes nothing out of the state and bills nothing again."""
    source = vod.video()
    empty = {
        "operation": "ShowAssetMeta",
        "status": 200,
        "body": '{"asset_info_array": [], "is_truncated": 0, "total": 0}',
    }
    audio = stack(vod.config | QUICK)
    audio.program("\n".join(one(source, f"talk{number}") for number in range(12)))
    vod.timed(0.5)
    vod.faults({**empty, "times": 3})
    audio.up().expect()
    vod.faults({**empty, "times": 2})
    audio.refresh().expect("13 unchanged")
    assert len(audio.audios()) == 12
    assert vod.accepted() == 12
    vod.delete(ids(audio)["talk3"])
    audio.refresh().expect("1 deleted", "12 unchanged")


@pytest.mark.parametrize("status", ["TRANSCODE_FAILED", "DELETE_FAILED"])
def test_a_status_about_something_else_replaces_nothing(stack: NewStack, vod: LocalVod, status: str) -> None:
    """A transcoding or a deletion that failed leaves an audio whose file is there."""
    audio = stack(vod.config | QUICK)
    audio.program(one(vod.video()))
    audio.up().expect()
    (audio_id,) = vod.audio_ids()
    asset = vod.asset(audio_id) | {"status": status}
    answer = json.dumps({"asset_info_array": [asset], "is_truncated": 0, "total": 1})
    vod.faults({"operation": "ShowAssetMeta", "status": 200, "body": answer, "times": 1})
    audio.refresh().expect()
    assert audio.audios()["talk"]["outputs"]["status"] == status
    assert "replace" not in audio.preview().expect().text
    audio.up().expect()
    assert vod.audio_ids() == [audio_id]
    assert vod.accepted() == 1


def test_another_machine_that_shares_no_ledger_loses_nothing(stack: NewStack, vod: LocalVod) -> None:
    """Two stacks, one video: the second one's request is dropped, and the first one's audio is not taken for it."""
    source = vod.video()
    first, second = stack(vod.config | QUICK), stack(vod.config | QUICK)
    first.program(one(source))
    second.program(one(source))
    first.up().expect()
    time.sleep(2)  # VOD dates whole seconds, and tells its time in whole seconds: nothing nearer can be told apart
    vod.faults({"operation": "ExtractAudio", "drop": "before"})
    second.up().expect()
    assert len({ids(first)["talk"], ids(second)["talk"]}) == 2
    second.destroy().expect()
    assert vod.audio_ids() == [ids(first)["talk"]]


def test_two_copies_of_a_project_with_a_backend_in_its_folder(stack: NewStack, vod: LocalVod, tmp_path: Path) -> None:
    """Both name it by the same relative path, and have one ledger: each has an audio of its own, and deletes that."""
    program = one(vod.video())
    first, second = (stack(vod.config | {"vod:journal": str(tmp_path / "ledger")}) for _ in range(2))
    for copy in (first, second):
        copy.environ["PULUMI_BACKEND_URL"] = "file://./state"
        copy.program(program)
        copy.up().expect("2 created")
    assert vod.accepted() == 2
    second.destroy().expect()
    assert vod.audio_ids() == list(ids(first).values())


def test_the_quota_refuses_for_ever(stack: NewStack, vod: LocalVod) -> None:
    """The error says that it was the quota, and that VOD has accepted nothing."""
    audio = stack(vod.config | {"vod:timeouts": json.dumps({"create": 4})})
    audio.program(one(vod.video()))
    vod.faults({"operation": "ExtractAudio", "status": 429, "error_code": "APIGW.0308", "times": 1000})
    said = audio.up().expect_failure("VOD's quota (extract", "accepted nothing").text
    assert "first finds out what became" not in said
    assert vod.accepted() == 0


def test_a_ledger_that_belongs_to_others_is_left_alone(stack: NewStack, vod: LocalVod, tmp_path: Path) -> None:
    """One line that says what to do, before VOD is asked."""
    theirs = tmp_path / "theirs.sqlite"
    with closing(sqlite3.connect(theirs)) as database, database:
        database.execute("CREATE TABLE theirs (x)")
    before = theirs.read_bytes()
    audio = stack(vod.config | {"vod:journal": str(theirs)})
    audio.program(one(vod.video()))
    audio.up().expect_failure("belongs to another program and was left alone; set vod:journal")
    assert theirs.read_bytes() == before
    assert vod.count("ExtractAudio") == 0


def test_a_state_of_the_version_before(stack: NewStack, vod: LocalVod, elsewhere: dict[str, str]) -> None:
    """It does not say where its audio is: unchanged and without a call; deleted elsewhere or moved is no guess."""
    source = vod.video()
    audio = stack(vod.config | QUICK)
    audio.program(one(source))
    audio.up().expect()
    exported = audio.folder / "exported.json"
    audio.run("stack", "export", "--file", str(exported)).expect()
    text = exported.read_text()
    state = json.loads(text)
    for resource in state["deployment"]["resources"]:
        for name in ("place", "made_for"):
            resource.get("outputs", {}).pop(name, None)
    exported.write_text(json.dumps(state))
    audio.run("stack", "import", "--file", str(exported)).expect()
    shutil.rmtree(audio.journal.parent)
    vod.forget_calls()
    audio.up().expect("2 unchanged")
    assert vod.calls() == []
    audio.configure(elsewhere)
    audio.refresh("--run-program").expect_failure("does not say where it is", "set it back and run `pulumi refresh`")
    audio.destroy("--run-program").expect_failure("does not say where it is")
    assert len(vod.audio_ids()) == 1
    audio.configure(vod.config | QUICK)
    audio.refresh("--run-program").expect()
    assert audio.audios()["talk"]["outputs"]["place"] == f"{vod.config['vod:endpoint']} {vod.config['vod:projectId']}"
    audio.configure(elsewhere)
    audio.destroy("--run-program").expect("2 deleted")
    assert vod.audio_ids() == []
