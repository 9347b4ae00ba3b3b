"""`orphans` against the local VOD: what it lists, and above all what it does not delete."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from obstore.store import MemoryStore

from tests.cli.conftest import Book, Command, Result, service, state, urn
from tests.vod import LocalVod
from vod_provider.audio import ledger_store
from vod_provider.audio.ledger_records import Key, owner_of_entry
from vod_provider.audio.ledger_store import ObjectStore

NOW = ("--older-than", "0s")


def standings(result: Result) -> dict[str, str]:
    """Who knows each audio."""
    return {one["audio_asset_id"]: one["standing"] for one in result.json["audios"]}


def intend(ledger: Book, vod: LocalVod, source: str, name: str, stack: str = "dev") -> Key:
    """VOD is about to be asked, as far as the ledger knows."""
    key = Key(f"file:///backend {urn(name, stack)}", "fingerprint")
    ledger.ask(key, service(vod), source)
    return key


def orphan(ledger: Book, vod: LocalVod, source: str, stack: str = "dev", *, wait: bool = True) -> str:
    """An audio that a stack's state had once, as far as the ledger knows."""
    audio_id = vod.extract(source, wait=wait)
    ledger.accept(intend(ledger, vod, source, audio_id, stack), audio_id)
    ledger.settle(service(vod), audio_id)
    return audio_id


def test_each_audio_stands_where_it_belongs(command: Command, vod: LocalVod, ledger: Book, home: Path) -> None:
    """One of each kind: in the state, accepted and not settled, of a stack that was not given, known to nobody."""
    source = vod.video(title="A talk")
    known, kept, nobodys = (vod.extract(source) for _ in range(3))
    ledger.accept(intend(ledger, vod, source, kept), kept)
    elsewhere, former = orphan(ledger, vod, source, "prod"), orphan(ledger, vod, source)
    result = command("orphans", "--stack-state", state(home, talk=known), *NOW, "--json", vod=vod)
    assert result.status == 0
    assert standings(result) == {
        known: "known", kept: "kept", elsewhere: "elsewhere", former: "orphaned", nobodys: "unknown"
    }  # fmt: skip
    by_id = {one["audio_asset_id"]: one for one in result.json["audios"]}
    assert by_id[kept]["owner"] == urn(kept)
    assert by_id[former]["source"] == source
    assert by_id[nobodys]["source"] is None
    assert by_id[nobodys]["title"] == "A talk"
    assert by_id[nobodys]["status"] == "CREATED"
    totals = result.json["totals"]["orphaned"]
    assert totals["count"] == 1
    assert totals["duration_s"] == pytest.approx(2, abs=0.2)


def test_the_text_tells_all_that_is_known(command: Command, vod: LocalVod, ledger: Book, home: Path) -> None:
    """Sections by standing, each audio with what the ledger tells of it, sums, and what cannot be known."""
    source = vod.video(title="媒体视频" * 8)
    kept, nobodys = (vod.extract(source) for _ in range(2))
    ledger.accept(intend(ledger, vod, source, "kept"), kept)
    elsewhere, gone = orphan(ledger, vod, source, "prod"), orphan(ledger, vod, source)
    result = command("orphans", "--stack-state", state(home), *NOW, vod=vod)
    assert "compared with media/dev and the ledger" in " ".join(result.out.split())
    assert "4 audios: 0 known, 1 orphaned, 1 unknown, 2 of others or in doubt." in result.out
    orphaned, rest = result.out.split("Kept by the ledger: the next `pulumi up` that asks for the same takes it")
    assert gone in orphaned
    assert f"    extracted from {source}" in orphaned
    assert "    was\n    urn:pulumi:dev::media::" in orphaned
    assert "CREATED  MP3      0:00:02  媒体视频" in orphaned
    assert "1 audio, 0:00:02 in all (extraction is billed by duration)" in orphaned
    kept_part, rest = rest.split("Of other stacks:")
    assert kept in kept_part
    assert f"    for {urn('kept')}" in kept_part
    assert f"    extracted from {source}" in kept_part
    elsewhere_part, unknown_part = rest.split("Unknown:")
    assert elsewhere in elsewhere_part
    assert "--former-stack media/prod" in elsewhere_part
    assert nobodys in unknown_part
    assert "--id AUDIO names one" in unknown_part


def test_videos_are_no_audios(command: Command, vod: LocalVod) -> None:
    """A project of videos only has nothing to list, and nothing to warn of."""
    vod.video()
    result = command("orphans", *NOW, vod=vod)
    assert "0 audios: 0 known, 0 orphaned, 0 unknown, 0 of others or in doubt." in result.out
    assert "uploaded" not in result.out
    assert result.status == 0


def test_a_lost_answer_is_kept_for_its_resource(command: Command, vod: LocalVod, ledger: Book, home: Path) -> None:
    """The ledger has an intent and VOD an audio of that moment: the next `up` looks for it, so it is not orphaned."""
    source = vod.video()
    intend(ledger, vod, source, "talk")
    audio_id = vod.extract(source)
    result = command("orphans", "--stack-state", state(home), *NOW, "--delete", "--yes", vod=vod)
    assert "may be what VOD made of MP3 from" in result.out
    assert vod.audio_ids() == [audio_id]


def test_what_the_ledger_does_not_know_is_never_deleted_by_yes_alone(
    command: Command, vod: LocalVod, ledger: Book, home: Path
) -> None:
    """A machine that never ran the other stacks lists their audios as unknown, and deletes its own orphan alone."""
    source = vod.video()
    others = [vod.extract(source) for _ in range(3)]
    mine = orphan(ledger, vod, source)
    result = command("orphans", "--stack-state", state(home), *NOW, "--delete", "--yes", "--json", vod=vod)
    assert result.status == 0
    assert result.json["deletions"] == {mine: "deleted"}
    assert result.json["totals"]["unknown"]["count"] == 3
    assert sorted(vod.audio_ids()) == sorted(others)


def test_a_machine_without_a_ledger_deletes_nothing(command: Command, vod: LocalVod, home: Path) -> None:
    """A fresh CI runner knows nothing, so it calls nothing an orphan, and makes no ledger either."""
    audio_id = vod.extract(vod.video())
    result = command("orphans", "--stack-state", state(home), *NOW, "--delete", "--yes", vod=vod)
    assert result.status == 0
    assert "1 unknown" in result.out
    assert vod.audio_ids() == [audio_id]
    assert not list(home.glob(".local/state/pulumi-huaweicloud-vod/*.sqlite"))


def test_an_unknown_one_is_deleted_by_name(command: Command, vod: LocalVod, ledger: Book, home: Path) -> None:
    """Who has looked at one names it, be it one that the ledger keeps; the others stay."""
    source = vod.video()
    named, kept, other = (vod.extract(source) for _ in range(3))
    ledger.accept(intend(ledger, vod, source, "kept"), kept)
    given = ("orphans", "--stack-state", state(home), *NOW, "--id", named, "--id", kept)
    assert "there is no --delete" in command(*given, vod=vod).err
    result = command(*given, "--delete", "--yes", vod=vod)
    assert f"{named}: deleted" in result.out
    assert f"{kept}: deleted" in result.out
    assert vod.audio_ids() == [other]


def test_what_a_stack_holds_cannot_be_named(command: Command, vod: LocalVod, ledger: Book, home: Path) -> None:
    """A name does not get at what a state or another stack has."""
    source = vod.video()
    known = vod.extract(source)
    elsewhere = orphan(ledger, vod, source, "prod")
    for named, why in ((known, "known"), (elsewhere, "elsewhere"), ("f" * 32, "no such audio")):
        given = ("--stack-state", state(home, talk=known), *NOW, "--id", named, "--delete", "--yes")
        result = command("orphans", *given, vod=vod)
        assert result.status == 2
        assert why in result.err
    assert sorted(vod.audio_ids()) == sorted([known, elsewhere])


def test_young_ones_are_not_deleted_unless_asked_for(command: Command, vod: LocalVod, ledger: Book, home: Path) -> None:
    """By default an hour; a lower --older-than is the asking."""
    audio_id = orphan(ledger, vod, vod.video())
    given = ("orphans", "--stack-state", state(home), "--delete", "--yes")
    result = command(*given, vod=vod)
    assert "Too young to say" in result.out
    assert vod.audio_ids() == [audio_id]
    result = command(*given, *NOW, vod=vod)
    assert f"{audio_id}: deleted" in result.out
    assert "1 audio deleted, 0 not." in result.out
    assert vod.audio_ids() == []


@pytest.mark.parametrize("typed", ["", "n\n", "yes\n", "1\n", "2 \n3\n", "-2\n"])
def test_the_number_has_to_be_typed(command: Command, vod: LocalVod, ledger: Book, home: Path, typed: str) -> None:
    """Anything but the number of audios leaves them; the number, with blanks around it, deletes them."""
    source = vod.video()
    audios = sorted(orphan(ledger, vod, source) for _ in range(2))
    result = command("orphans", "--stack-state", state(home), *NOW, "--delete", vod=vod, typed=typed)
    assert "Type the number of audios to delete them (2)" in result.err
    assert "2 audios: 0 known, 2 orphaned" in result.out
    if typed.startswith("2"):
        assert vod.audio_ids() == []
    else:
        assert "Nothing was deleted." in result.err
        assert sorted(vod.audio_ids()) == audios
    assert result.status == 0


def test_they_are_deleted_in_tens(command: Command, vod: LocalVod, ledger: Book, home: Path) -> None:
    """Twelve audios are two calls; what a state knows is left."""
    source = vod.video()
    vod.timed(0.01)
    known, *others = [orphan(ledger, vod, source) for _ in range(13)]
    vod.forget_calls()
    result = command("orphans", "--stack-state", state(home, talk=known), *NOW, "--delete", "--yes", vod=vod)
    assert vod.audio_ids() == [known]
    assert vod.count("DeleteAssets") == 2
    assert all(f"{one}: deleted" in result.out for one in others)
    assert result.status == 0


def test_what_could_not_be_deleted_is_told_and_is_a_failure(
    command: Command, vod: LocalVod, ledger: Book, home: Path
) -> None:
    """An audio in the making cannot be deleted: its status is told, and the exit status is 1."""
    source = vod.video()
    ready = orphan(ledger, vod, source)
    vod.timed(60)
    busy = orphan(ledger, vod, source, wait=False)
    result = command("orphans", "--stack-state", state(home), *NOW, "--delete", "--yes", vod=vod)
    assert result.status == 1
    assert f"{ready}: deleted" in result.out
    assert f"{busy}: VOD reports FAILED: its status is CREATING" in " ".join(result.out.split("\n"))
    assert "1 audio deleted, 1 not." in result.out


def test_what_becomes_somebodys_while_the_question_is_open_is_left(
    command: Command, vod: LocalVod, ledger: Book, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the list and the answer a run of `up` has taken one of them: the ledger is read again."""
    source = vod.video()
    first, second = orphan(ledger, vod, source), orphan(ledger, vod, source)
    key = Key(f"file:///backend {urn('talk')}", "fingerprint")

    def adopted_meanwhile(self: object, question: str) -> str:
        ledger.ask(key, service(vod), source)
        ledger.accept(key, first)
        return "2"

    monkeypatch.setattr("vod_provider.cli.console.Console.ask", adopted_meanwhile)
    result = command("orphans", "--stack-state", state(home), *NOW, "--delete", vod=vod, typed="")
    assert f"{first}: left: it is somebody's by now" in result.out
    assert f"{second}: deleted" in result.out
    assert vod.audio_ids() == [first]
    assert result.status == 1


def test_json_tells_of_each_deletion(command: Command, vod: LocalVod, ledger: Book, home: Path) -> None:
    """One JSON document, with the list as it was and what became of each."""
    audio_id = orphan(ledger, vod, vod.video())
    result = command("orphans", "--stack-state", state(home), *NOW, "--delete", "--yes", "--json", vod=vod)
    assert result.json["deletions"] == {audio_id: "deleted"}
    assert standings(result) == {audio_id: "orphaned"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "--delete: no stack is named"),
        (("--stack-state", "{}"), "--delete: there is no terminal to ask on"),
        (("--stack-state", "{}", "--json"), "--delete: nothing is asked with --json"),
    ],
)
def test_delete_is_refused_where_nobody_has_looked(
    command: Command, vod: LocalVod, home: Path, arguments: tuple[str, ...], said: str
) -> None:
    """Without a stack, without a terminal, or into JSON: refused before VOD is asked at all."""
    given = [it.format(state(home)) for it in arguments]
    result = command("orphans", *given, *NOW, "--delete", vod=vod)
    assert result.status == 2
    assert said in result.err
    assert len(result.err.splitlines()) == 1
    assert result.out == ""
    assert vod.calls() == []


def test_yes_does_not_do_without_a_stack(command: Command, vod: LocalVod) -> None:
    """--yes answers the question, and names no stack."""
    result = command("orphans", *NOW, "--delete", "--yes", vod=vod)
    assert result.status == 2
    assert vod.calls() == []


def test_a_state_comes_from_standard_input(command: Command, vod: LocalVod, home: Path) -> None:
    """'-' reads what is piped in; several states count together."""
    source = vod.video()
    first, second = vod.extract(source), vod.extract(source)
    piped = Path(state(home, "dev", talk=first)).read_text()
    other = state(home, "prod", talk=second)
    result = command("orphans", "--stack-state", "-", "--stack-state", other, "--json", vod=vod, piped=piped)
    assert standings(result) == {first: "known", second: "known"}


def test_a_former_stack_gives_its_audios_up(command: Command, vod: LocalVod, ledger: Book) -> None:
    """A stack that was removed takes nothing any more: what the ledger kept for it can be deleted."""
    source = vod.video()
    audio_id = vod.extract(source)
    ledger.accept(intend(ledger, vod, source, "talk", "gone"), audio_id)
    result = command("orphans", "--former-stack", "org/media/gone", *NOW, "--delete", "--yes", vod=vod)
    assert f"{audio_id}: deleted" in result.out
    assert f"was {urn('talk', 'gone')}" in result.out
    assert vod.audio_ids() == []


def test_a_ledger_that_cannot_be_read_deletes_nothing(
    command: Command, vod: LocalVod, ledger: Book, home: Path
) -> None:
    """What it kept is not known, and would look orphaned: told in one line, and nothing is done."""
    audio_id = vod.extract(vod.video())
    file = home / ".local/state/pulumi-huaweicloud-vod/journal.sqlite"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"some other program's file" * 100)
    result = command("orphans", "--stack-state", state(home), *NOW, "--delete", "--yes", vod=vod)
    assert result.status == 2
    assert "set aside" in result.err
    assert vod.audio_ids() == [audio_id]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--stack-state", "/nowhere/x.json"), "--stack-state /nowhere/x.json: No such file or directory"),
        (("--stack", "dev"), "--stack dev: there is no pulumi on PATH; install Pulumi"),
        (("--config", "region=x"), "--config region: expected KEY=VALUE"),
        ((), "no credentials, no region, no project: "),
    ],
)
def test_what_cannot_be_used_is_named_in_one_line(command: Command, arguments: tuple[str, ...], said: str) -> None:
    """The flag or the setting, what is wrong with it, and exit status 2."""
    result = command("orphans", *arguments)
    assert result.status == 2
    assert result.err.splitlines()[-1].startswith(f"python -m vod_provider orphans: {said}")
    assert "Traceback" not in result.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--older-than", "soon"), "argument --older-than: 'soon' is no time"),
        (("--former-stack", "dev"), "argument --former-stack: 'dev' names no stack"),
        (("--del",), "unrecognized arguments: --del"),
    ],
)
def test_wrong_arguments(
    command: Command, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    """argparse names the flag; and nobody deletes by an abbreviation."""
    with pytest.raises(SystemExit) as ended:
        command("orphans", *arguments)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_vod_refuses_to_list(command: Command, vod: LocalVod) -> None:
    """VOD's own error in one line, with code, request id and what to do; the key is nowhere."""
    vod.faults({"operation": "ListAssetList", "times": 1, "status": 403, "error_code": "VOD.10057"})
    result = command("orphans", vod=vod)
    assert result.status == 2
    last = result.err.splitlines()[-1]
    assert "listing the project's audios: VOD answered 403 VOD.10057" in last
    assert "check vod:projectId" in last
    assert vod.config["vod:secretKey"] not in result.err + result.out


TEAM = "s3://team/ledgers"


@pytest.fixture
def team(monkeypatch: pytest.MonkeyPatch) -> MemoryStore:
    """A bucket that the ledgers of a team lie in."""
    objects = MemoryStore()
    monkeypatch.setattr(ledger_store, "_made", lambda *_: objects)
    return objects


def test_the_ledgers_of_a_team_are_read(command: Command, vod: LocalVod, home: Path, team: MemoryStore) -> None:
    """A fresh runner, whose stacks keep their ledgers in one bucket, knows whose each audio is, and writes nothing."""
    source = vod.video()
    known, nobodys = vod.extract(source), vod.extract(source)
    audios = {}
    for stack in ("dev", "prod"):
        owners = f"s3://state urn:pulumi:{stack}::media::"
        ledger = Book(None, store=ObjectStore(team, TEAM, "ledgers", owners, pytest.fail))
        audios[stack] = vod.extract(source)
        key = Key(f"{owners}pulumi-python:dynamic/vod:ExtractedAudio::talk", "f")
        ledger.ask(key, service(vod), source)
        ledger.accept(key, audios[stack])
        ledger.settle(service(vod), audios[stack])
        ledger.flush()
    before = sorted(str(meta["path"]) for page in team.list() for meta in page)
    given = ("orphans", "--config", f"vod:journal={TEAM}", "--stack-state", state(home, talk=known), *NOW, "--json")
    expected = {known: "known", nobodys: "unknown", audios["dev"]: "orphaned", audios["prod"]: "elsewhere"}
    assert standings(command(*given, vod=vod)) == expected
    assert sorted(str(meta["path"]) for page in team.list() for meta in page) == before
    result = command(*given, "--delete", "--yes", vod=vod)
    assert result.json["deletions"] == {audios["dev"]: "deleted"}


SETS = {
    "dynamic": ("pulumi-python:dynamic/vod:ExtractedAudioSet", "audio_asset_id"),
    "native": ("vod:index:ExtractedAudioSet", "audioAssetId"),
}
"""By the door: the type of a set, and the name under which its state has the id of an audio."""
SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270"}
"""By this Pulumi marks a secret in a state."""
DOORS = pytest.mark.parametrize("door", SETS)


def set_urn(door: str, stack: str = "dev") -> str:
    """The URN of the set 'archive'."""
    return f"urn:pulumi:{stack}::media::{SETS[door][0]}::archive"


def set_state(folder: Path, door: str, held: Sequence[str], superseded: Sequence[str] = ()) -> str:
    """An exported state with a set that has these audios, as that door writes it; returns its file."""
    name = SETS[door][1]
    keys = {id_: f"talk-{number}" for number, id_ in enumerate([*held, *superseded])}
    outputs = {
        "extracted": {keys[id_]: {name: id_, "url": "https://media/x.mp3", "size": 1} for id_ in held},
        "superseded": {id_: {name: id_, "key": keys[id_]} for id_ in superseded},
        "apart": SECRET | {"ciphertext": "v1:x"},  # what was asked for; the ids are not in it
    }
    resources = [{"urn": set_urn(door), "id": "0123456789abcdef", "outputs": outputs}]
    file = folder / "set.json"
    file.write_text(json.dumps({"version": 3, "deployment": {"resources": resources}}))
    return str(file)


def asked_by_set(book: Book, vod: LocalVod, door: str, keys: Sequence[str], *, backend: str = "file:///b") -> list[str]:
    """Audios that a set has asked for, and that its state has had since, as far as the ledger knows."""
    source, made = vod.video(), []
    for key in keys:
        asked = Key(owner_of_entry(f"{backend} {set_urn(door)}", key), "fingerprint")
        book.ask(asked, service(vod), source)
        made.append(vod.extract(source))
        book.accept(asked, made[-1])
    book.settle(service(vod), *made)
    return made


@DOORS
def test_an_orphan_of_a_set_is_listed_with_its_entry(
    command: Command, vod: LocalVod, ledger: Book, home: Path, door: str
) -> None:
    """The set had it once, and its state holds another: which entry it was is told, in the text and in JSON."""
    held, gone = asked_by_set(ledger, vod, door, ["talk-0", 'a "talk" [2]'])
    given = ("--stack-state", set_state(home, door, [held]), *NOW)
    entry = set_urn(door) + '["a \\"talk\\" [2]"]'
    result = command("orphans", *given, "--json", vod=vod)
    assert standings(result) == {held: "known", gone: "orphaned"}
    assert [it["owner"] for it in result.json["audios"] if it["audio_asset_id"] == gone] == [entry]
    result = command("orphans", *given, "--delete", "--yes", vod=vod)
    assert f"was {entry}" in " ".join(result.out.split())
    assert vod.audio_ids() == [held]


@DOORS
@pytest.mark.parametrize("where", ["here", "on another machine"])
def test_what_a_set_holds_is_never_deleted(
    command: Command, vod: LocalVod, ledger: Book, home: Path, team: MemoryStore, door: str, where: str
) -> None:
    """Its audios, and those that others have taken the place of, are known, whichever machine has made them."""
    given = ["--delete", "--yes", "--json", *NOW]
    if where == "on another machine":
        store = ObjectStore(team, TEAM, "ledgers", f"s3://state {set_urn(door).partition('media::')[0]}", pytest.fail)
        book = Book(None, store=store)
        made = asked_by_set(book, vod, door, ["talk-0", "talk-1", "talk-2"], backend="s3://state")
        book.flush()
        given += ["--config", f"vod:journal={TEAM}"]
    else:
        made = asked_by_set(ledger, vod, door, ["talk-0", "talk-1", "talk-2"])
    first, second, third = made
    result = command("orphans", "--stack-state", set_state(home, door, [first, second], [third]), *given, vod=vod)
    assert standings(result) == dict.fromkeys(made, "known")
    assert sorted(vod.audio_ids()) == sorted(made)
    # The same state without one of them: now the ledger is what says that it was the set's.
    result = command("orphans", "--stack-state", set_state(home, door, [first], [third]), *given, vod=vod)
    assert result.json["deletions"] == {second: "deleted"}


@DOORS
@pytest.mark.parametrize("what", ["all", "one", "id"])
def test_a_state_that_has_the_ids_of_a_set_encrypted_orphans_nothing(
    command: Command, vod: LocalVod, ledger: Book, home: Path, door: str, what: str
) -> None:
    """Which audios the set holds cannot be read, so none of that stack is deleted, and how to have them read is told.

    In clear, as `--show-secrets` writes it, they are known, and what is not among them is orphaned.
    """
    held, gone = asked_by_set(ledger, vod, door, ["talk-0", "talk-1"])
    plain = json.loads(Path(set_state(home, door, [held])).read_text())
    (resource,) = plain["deployment"]["resources"]
    outputs, name = resource["outputs"], SETS[door][1]

    def exported(seal: Callable[[object], object]) -> str:
        extracted = outputs["extracted"]
        (entry,) = extracted.values()
        part = {"talk-0": seal(entry) if what == "one" else entry | {name: seal(entry[name])}}
        resource["outputs"] = outputs | {"extracted": seal(extracted) if what == "all" else part}
        file = home / "sealed.json"
        file.write_text(json.dumps(plain))
        return str(file)

    given = ("--delete", "--yes", *NOW)
    hidden = exported(lambda _: SECRET | {"ciphertext": "v1:abc"})
    result = command("orphans", "--stack-state", hidden, *given, vod=vod)
    assert "2 audios: 0 known, 0 orphaned, 0 unknown, 2 of others or in doubt." in result.out
    assert "give what `pulumi stack export --show-secrets` writes" in " ".join(result.out.split())
    assert sorted(vod.audio_ids()) == sorted([held, gone])
    shown = exported(lambda value: SECRET | {"plaintext": json.dumps(value)})
    command("orphans", "--stack-state", shown, *given, vod=vod)
    assert vod.audio_ids() == [held]
