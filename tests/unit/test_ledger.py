"""Who holds which audio: what is written down survives, and what belongs to others is left alone."""

from __future__ import annotations

import gc
import json
import multiprocessing
import os
import re
import resource
import shutil
import signal
import socket
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from vod_provider.audio import ledger_file, ledger_rows
from vod_provider.audio.ledger import FEW, Change, Holder, Key, Ledger, LedgerError, Request, State, mark
from vod_provider.audio.ledger_records import entry_of, mark_of_entry, name_of, owner_of_entry

OWNER = "backend urn:pulumi:dev::p::t::a"
KEY = Key(OWNER, "v1:fingerprint")
SITE = "https://vod project"
JOURNAL = """
CREATE TABLE entries (
    owner TEXT NOT NULL, fingerprint TEXT NOT NULL,
    service TEXT NOT NULL, source TEXT NOT NULL, format TEXT NOT NULL,
    audio_id TEXT, intended_at REAL NOT NULL, settled_at REAL
);
CREATE UNIQUE INDEX one_open ON entries (owner, fingerprint) WHERE settled_at IS NULL;
CREATE UNIQUE INDEX one_owner ON entries (service, audio_id);
"""


def request(key: Key = KEY, audio_id: str | None = None, state: State = State.INTENDED, site: str = SITE) -> Request:
    return Request(*key, site, None, "video", "MP3", 1.5, {"title": "A video"}, audio_id=audio_id, state=state)


def holder(owner: str = OWNER, audio_id: str = "a", made_for: str = "", *, adopted: bool = False) -> Holder:
    return Holder(SITE, audio_id, owner, made_for=made_for or mark(owner), adopted=adopted)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


def test_a_request_goes_from_intent_to_held(file: Path) -> None:
    """Intended, accepted, answered: a request is found until the engine has shown that its state has the id."""
    ledger = Ledger(file)
    assert ledger.find(KEY) is None
    assert ledger.intend(request())
    assert Ledger(file).find(KEY) == request()
    ledger.accept(KEY, "a", "r1")
    ledger.answered({KEY: "a"})
    found = Ledger(file).find(KEY)
    assert found is not None
    assert (found.audio_id, found.request_id, found.state) == ("a", "r1", State.ANSWERED)
    ledger.hold([holder()])
    assert ledger.find(KEY) is None
    assert ledger.known_ids(SITE) == {"a"}
    ledger.release(holder())
    assert ledger.known_ids(SITE) == set()


def test_one_of_two_may_ask(file: Path) -> None:
    """The second who intends the same is told so and changes nothing; a drop of what is no longer so does neither."""
    ledger, other = Ledger(file), Ledger(file)
    assert ledger.intend(request())
    assert not other.intend(request())
    ledger.accept(KEY, "a")
    other.drop(KEY)
    other.drop(KEY, "b")
    found = other.find(KEY)
    assert found is not None
    assert found.audio_id == "a"
    ledger.drop(KEY, "a")
    assert ledger.intend(request())


def test_a_renamed_resource_takes_the_place_of_its_former_name(file: Path) -> None:
    """After a rename there is one holder, and the audio goes when that one is deleted, shown before or not."""
    ledger = Ledger(file)
    ledger.hold([holder("first")])
    assert ledger.others_of(holder("second", made_for=mark("first"))) == []
    ledger.hold([holder("second", made_for=mark("first"))])
    assert [it.owner for it in ledger.holders(SITE)] == ["second"]
    # A state that was exported, renamed a second time and never shown in between.
    assert ledger.others_of(holder("third", made_for=mark("first"))) == []
    ledger.release(holder("third", made_for=mark("first")))
    assert ledger.holders(SITE) == []


def test_a_request_of_the_former_name_does_not_keep_the_audio(file: Path) -> None:
    """Created under one name, renamed, and deleted before another run has shown the new one."""
    ledger = Ledger(file)
    ledger.intend(request(Key("first", "v1:f")))
    ledger.accept(Key("first", "v1:f"), "a")
    assert ledger.others_of(holder("second", made_for=mark("first"))) == []


def test_who_adopted_an_audio_holds_it_beside_the_one_it_was_made_for(file: Path) -> None:
    """Neither is in the way of the other's record, and each is told of the other until it lets go."""
    ledger = Ledger(file)
    made, adopted = holder("first"), holder("second", adopted=True)
    ledger.hold([made])
    ledger.take(request(Key("second", "v1:x"), "a", State.ANSWERED))
    assert ledger.others_of(made) == ["second"]
    ledger.hold([adopted])
    assert (ledger.others_of(made), ledger.others_of(adopted)) == (["second"], ["first"])
    ledger.release(made)
    assert ledger.others_of(adopted) == []


@pytest.mark.parametrize("made_for", [mark(OWNER), ""], ids=["now", "state of a version before"])
def test_showing_an_audio_leaves_the_request_of_another_stack_that_has_adopted_it(file: Path, made_for: str) -> None:
    """Adopted by a stack whose state is yet to be shown, an audio stays when the stack that made it is destroyed."""
    adopter = "backend urn:pulumi:prod::p::t::c"
    maker = Holder(SITE, "a", OWNER, made_for=made_for)
    ledger = Ledger(file)
    ledger.take(request(Key(adopter, "v1:adopted"), "a", State.ANSWERED))
    ledger.hold([maker])
    assert ledger.others_of(maker) == [adopter]


@pytest.mark.parametrize("renamed", ["t::renamed", "component$t::a"])
def test_a_state_of_a_version_before_ends_the_request_of_its_former_name(file: Path, renamed: str) -> None:
    """It does not say for whom the audio was made: within the stack, that is a rename, or a move into a component."""
    ledger = Ledger(file)
    ledger.take(request(audio_id="a", state=State.ANSWERED))
    ledger.hold([Holder(SITE, "a", f"backend urn:pulumi:dev::p::{renamed}")])
    assert ledger.find(KEY) is None


def test_an_assumed_place_is_known_where_a_request_tells_it(file: Path) -> None:
    """A state of the version before does not say where its audio is, and the run that has asked for it does."""
    ledger = Ledger(file)
    ledger.take(request(audio_id="a", state=State.ANSWERED, site="https://vod other"))
    ledger.hold([replace(holder(), assumed=True)])
    assert ledger.holders(SITE) == []
    assert [it.assumed for it in ledger.holders("https://vod other")] == [False]


def test_the_same_id_elsewhere_is_another_audio(file: Path) -> None:
    """Ids are those of a project at an endpoint."""
    ledger = Ledger(file)
    ledger.hold([holder()])
    assert ledger.known_ids("https://vod other") == set()
    assert ledger.others_of(Holder("https://vod other", "a", "another")) == []
    ledger.take(request(KEY, "b", State.ACCEPTED))
    ledger.release(Holder("https://vod other", "b", OWNER))
    assert [it.audio_id for it in ledger.requests(SITE)] == ["b"]
    ledger.release(Holder(SITE, "b", OWNER))
    assert ledger.requests(SITE) == []


def test_the_mark_of_an_owner_stays_what_it_is() -> None:
    """The outputs of every resource have it, so another one would make audios of nobody; adopted, a state says so."""
    assert mark(OWNER) == "95a217d726af181d"
    assert not Holder(SITE, "a", OWNER).adopted


def test_holding_the_same_again_writes_nothing(file: Path) -> None:
    """A run that shows what is known changes no row."""
    ledger = Ledger(file)
    ledger.hold([holder()])
    before = file.read_bytes()
    ledger.hold([holder()])
    assert file.read_bytes() == before


def test_who_takes_another_audio_does_not_forget_the_one_that_was_made(file: Path) -> None:
    """A request without an answer is settled by it; an audio that VOD has accepted stays somebody's."""
    ledger = Ledger(file)
    ledger.take(request(KEY, None))
    ledger.take(request(KEY, "a", State.ACCEPTED))
    assert [it.audio_id for it in ledger.requests(SITE)] == ["a"]
    ledger.take(request(KEY, "b", State.ACCEPTED))
    found = ledger.find(KEY)
    assert found is not None
    assert found.audio_id == "b"
    assert sorted(str(it.audio_id) for it in ledger.kept(OWNER)) == ["a", "b"]
    ledger.release(holder(audio_id="a"))
    assert [it.audio_id for it in ledger.kept(OWNER)] == ["b"]


def test_unanswered_and_kept(file: Path) -> None:
    """What waits for an answer is listed by site; what no state is known to hold, by whose it is."""
    ledger = Ledger(file)
    other = Key("backend urn:pulumi:prod::p::t::a", "v1:f")
    ledger.intend(request())
    ledger.intend(request(other))
    assert {it.key for it in ledger.unanswered(SITE)} == {KEY, other}
    ledger.accept(other, "b")
    assert [it.key for it in ledger.unanswered(SITE)] == [KEY]
    assert [it.audio_id for it in ledger.kept("backend urn:pulumi:prod::")] == ["b"]
    assert ledger.kept("backend urn:pulumi:dev::") == []


# -- the file ------------------------------------------------------------------------------------------------------


def make_journal(file: Path, *, wal: bool = False) -> sqlite3.Connection:
    """A journal as the versions before made it, with an open entry, an accepted one and a settled one."""
    database = sqlite3.connect(file, isolation_level=None)
    if wal:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA wal_autocheckpoint = 0")
    database.executescript(JOURNAL)
    database.execute(f"PRAGMA application_id = {0x564F4431}")
    rows = [
        (f"old {n}", f"f{n}", SITE, "video", "MP3", id_, 5.0, at) for n, id_, at in ((1, None, None), (2, "b", None))
    ]
    database.executemany("INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?)", [*rows, (*rows[1][:5], "c", 5.0, 6.0)])
    return database


@pytest.mark.parametrize("wal", [False, True], ids=["closed", "killed"])
def test_a_journal_of_the_version_before_is_taken_over(file: Path, tmp_path: Path, wal: bool) -> None:
    """Its entries are requests and holders of owners as they are named today; killed, it is all in the log."""
    old = tmp_path / "old.sqlite"
    with closing(make_journal(old, wal=wal)):
        for suffix in ("", "-wal") if wal else ("",):
            shutil.copy(f"{old}{suffix}", f"{file}{suffix}")
    ledger = Ledger(file, owner_now=lambda owner: owner.replace("old", "new"))
    lost, accepted = ledger.find(Key("new 1", "f1")), ledger.find(Key("new 2", "f2"))
    assert lost is not None
    assert accepted is not None
    assert (lost.audio_id, lost.asked_at, lost.state) == (None, 5.0, State.INTENDED)
    assert (accepted.audio_id, accepted.state) == ("b", State.ANSWERED)
    assert ledger.known_ids(SITE) == {"b", "c"}
    ledger.drop(lost.key)
    assert Ledger(file).find(lost.key) is None, "it was taken over a second time"


def test_the_log_of_the_version_before_goes_once_nobody_else_uses_it(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network disk cannot share it; while a process of that version runs, both write to it."""
    monkeypatch.setattr(ledger_file, "_BUSY_S", 0)

    def mode() -> str:
        with closing(sqlite3.connect(file)) as database:
            found: str = database.execute("PRAGMA journal_mode").fetchone()[0]
        return found

    with closing(make_journal(file, wal=True)):
        Ledger(file).intend(request())
        gc.collect()  # closes it
        assert mode() == "wal"
    assert Ledger(file).find(KEY) == request()
    assert mode() != "wal"


def test_what_the_version_before_writes_beside_us_is_taken_over_later(file: Path) -> None:
    """Another project of the machine may still use it."""
    Ledger(file).hold([holder()])
    with closing(sqlite3.connect(file)) as old, old:
        old.execute("INSERT INTO entries VALUES ('o', 'f', ?, 'video', 'MP3', 'z', 1.0, NULL)", (SITE,))
    found = Ledger(file).find(Key("o", "f"))
    assert found is not None
    assert found.audio_id == "z"


def test_a_file_without_the_newer_columns_gets_them(file: Path) -> None:
    """A file that was made before requests had a run and holders a fingerprint is added to, and what is in it stays."""
    Ledger(file).intend(request())
    Ledger(file).hold([holder(audio_id="b")])
    with closing(sqlite3.connect(file)) as old, old:
        old.execute("ALTER TABLE requests DROP COLUMN run")
        old.execute("ALTER TABLE holders DROP COLUMN fingerprint")
    assert Ledger(file, run="now").find(KEY) == request()
    assert Ledger(file).holders(SITE) == [holder(audio_id="b")]
    Ledger(file).hold([replace(holder(audio_id="b"), fingerprint=KEY.fingerprint)])
    assert [it.audio_id for it in Ledger(file).held_as(KEY)] == ["b"]


def test_of_two_who_let_go_one_finds_nobody_else(file: Path) -> None:
    """The one who is first is released at once; the last one keeps its row until the audio is gone."""
    ledger, other = Ledger(file), f"{OWNER}2"
    both = [holder(), holder(other)]
    ledger.hold(both)
    assert ledger.let_go([both[0]]) == [[other]]
    assert ledger.let_go([both[1]]) == [[]]
    assert ledger.holders(SITE) == [both[1]]


def test_a_file_that_is_removed_while_it_is_in_use(file: Path) -> None:
    """What this run knows, and what it does from then on, is in the file that the next run finds."""
    warned: list[str] = []
    ledger = Ledger(file, warn=warned.append)
    ledger.intend(request())
    ledger.hold([holder(f"{OWNER}2", "b")])
    for it in file.parent.iterdir():
        it.unlink()
    ledger.accept(KEY, "a")
    found = Ledger(file).find(KEY)
    assert found is not None
    assert found.audio_id == "a"
    assert [it.audio_id for it in Ledger(file).holders(SITE)] == ["b"]
    assert warned == [
        f"the ledger {file} was removed or replaced while it was in use; what this run knows was added to it"
    ]


def test_a_file_that_is_replaced_while_it_is_in_use(file: Path, tmp_path: Path) -> None:
    """What is in the one that took its place stays."""
    ledger, backup = Ledger(file), tmp_path / "backup.sqlite"
    ledger.intend(request())
    Ledger(backup).hold([holder(f"{OWNER}2", "b")])
    backup.rename(file)
    ledger.accept(KEY, "a")
    assert [it.audio_id for it in Ledger(file).requests(SITE)] == ["a"]
    assert [it.audio_id for it in Ledger(file).holders(SITE)] == ["b"]


def test_a_newer_ledger_is_left_alone(file: Path) -> None:
    """A version that does not know the format writes nothing."""
    Ledger(file).intend(request())
    with closing(sqlite3.connect(file)) as newer:
        newer.execute("PRAGMA user_version = 99")
    before = file.read_bytes()
    with pytest.raises(LedgerError, match="newer version of this package"):
        Ledger(file).find(KEY)
    assert file.read_bytes() == before


@pytest.mark.parametrize("name", ["journal.sqlite", "theirs.db"])
def test_another_programs_database_is_only_read(tmp_path: Path, name: str) -> None:
    """Neither rights nor content nor the files beside it change, and the error says what to do."""
    file = tmp_path / name
    with closing(sqlite3.connect(file, isolation_level=None)) as theirs:
        theirs.execute("PRAGMA journal_mode = WAL")
        theirs.executescript("CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1);")
        file.chmod(0o644)
        before = {it.name: (it.read_bytes(), it.stat().st_mode) for it in tmp_path.iterdir()}
        with pytest.raises(LedgerError, match="belongs to another program and was left alone; set vod:journal"):
            Ledger(file).find(KEY)
        after = {it.name: (it.read_bytes(), it.stat().st_mode) for it in tmp_path.iterdir()}
    assert {name: after[name] for name in before} == before


def test_a_file_that_is_no_database_is_left_alone_unless_it_is_ours(tmp_path: Path) -> None:
    """Under the ledger's own name it is set aside with all beside it; under another it may be anybody's."""
    other = tmp_path / "notes.txt"
    other.write_text("notes")
    with pytest.raises(LedgerError, match="belongs to another program"):
        Ledger(other).find(KEY)
    assert other.read_text() == "notes"
    ours, said = tmp_path / "journal.sqlite", list[str]()
    ours.write_text("scrambled")
    Path(f"{ours}-wal").write_text("scrambled, too")
    Ledger(ours, warn=said.append).intend(request())
    assert "could not be read" in said[0]
    assert sorted(it.name for it in tmp_path.glob("*set-aside*")) == [
        "journal.sqlite.set-aside-1",
        "journal.sqlite.set-aside-1-wal",
    ]


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    """Whoever can write to the folder does not choose which file is written."""
    (tmp_path / "link").symlink_to(tmp_path / "target")
    with pytest.raises(LedgerError, match="symbolic link"):
        Ledger(tmp_path / "link").find(KEY)
    assert not (tmp_path / "target").exists()


@pytest.mark.parametrize("suffix", ["", "-wal", "-shm", "-journal"])
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: path.symlink_to("elsewhere")])
def test_what_is_no_file_is_left_alone(tmp_path: Path, suffix: str, make: Callable[[Path], None]) -> None:
    """sqlite would wait for a pipe for ever, whether it is the ledger or stands where its journal belongs."""
    file = tmp_path / "ledger.sqlite"
    if suffix:
        Ledger(file).intend(request())
        tmp_path.joinpath(f"{file.name}{suffix}").unlink(missing_ok=True)
    make(tmp_path / f"{file.name}{suffix}")
    before = sorted(tmp_path.iterdir())
    with pytest.raises(LedgerError, match=r"no regular file|symbolic link") as raised:
        Ledger(file).find(KEY)
    assert f"ledger.sqlite{suffix} is" in str(raised.value)
    assert set(tmp_path.iterdir()) - set(before) <= {tmp_path / "ledger.sqlite.open"}


def test_nothing_is_put_beside_a_device(tmp_path: Path) -> None:
    """A ledger at /dev/null, or at a pipe, would know nothing; none of our files appears in that folder."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(LedgerError, match="/pipe is no regular file"):
        Ledger(pipe).intend(request())
    assert list(tmp_path.iterdir()) == [pipe]


def test_rights(tmp_path: Path) -> None:
    """A file of one's own is closed to others; in a folder that a group shares it is the group's, and stays so."""
    own, shared = tmp_path / "own", tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o770)
    Ledger(own / "ledger.sqlite").intend(request())
    assert (own / "ledger.sqlite").stat().st_mode & 0o777 == 0o600
    Ledger(shared / "ledger.sqlite").intend(request())
    assert {it.stat().st_mode & 0o777 for it in shared.iterdir()} == {0o660}
    (shared / "ledger.sqlite").chmod(0o666)
    Ledger(shared / "ledger.sqlite").find(KEY)
    assert (shared / "ledger.sqlite").stat().st_mode & 0o777 == 0o666


def test_there_is_no_write_ahead_log(file: Path) -> None:
    """It may lie on a network disk, which cannot share one."""
    Ledger(file).intend(request())
    with closing(sqlite3.connect(file)) as database:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("delete",)


def test_a_place_that_cannot_be_used_is_one_line(tmp_path: Path) -> None:
    """The operating system's word, and the setting."""
    (tmp_path / "file").write_text("")
    with pytest.raises(LedgerError, match=r"cannot be used \(.+\); make it readable and writable, or .* vod:journal"):
        Ledger(tmp_path / "file" / "ledger.sqlite").intend(request())


def test_reading_makes_no_file(file: Path) -> None:
    """Commands that only look leave nothing behind."""
    assert Ledger(file).holders(SITE) == []
    assert Ledger(file).requests(SITE) == []
    assert Ledger(file).holder_of("a", OWNER) is None
    assert Ledger(file).everything(SITE) == ([], [])
    assert Ledger(file).source_of(SITE, "a") is None
    assert Ledger(file).sites_of("a") == []
    assert not file.exists()


def _killed_while_asking(file: Path, entered: Callable[[], None]) -> None:
    with Ledger(file).asking():
        entered()
        os.kill(os.getpid(), signal.SIGKILL)


def test_the_lock_goes_with_its_process(file: Path) -> None:
    """Nobody waits for a process that was killed while it asked."""
    context = multiprocessing.get_context("spawn")
    entered = context.Event()
    process = context.Process(target=_killed_while_asking, args=(file, entered.set))
    process.start()
    process.join(30)
    assert entered.is_set()
    with Ledger(file).searching(lambda _: pytest.fail("there is nobody to wait for")):
        pass


def test_nobody_searches_while_a_request_is_under_way(file: Path) -> None:
    """In this process and in others: the search waits by the caller's sleep."""

    class WaitedError(Exception):
        pass

    def sleep(_: float) -> None:
        raise WaitedError

    ledger = Ledger(file)
    for searching in (ledger, Ledger(file)):
        with ledger.asking(), pytest.raises(WaitedError), searching.searching(sleep):
            pass
        with searching.searching(sleep):
            pass


@pytest.mark.parametrize("searches", [False, True], ids=["to ask", "to search"])
def test_who_waits_for_another_process_says_so(file: Path, monkeypatch: pytest.MonkeyPatch, searches: bool) -> None:
    """In one line: for which file, since when, and who has it. It may have been halted, and then it takes for ever."""
    monkeypatch.setattr(ledger_file, "NOTICE_S", 0.0)
    told: list[str] = []
    waits, goes_on = threading.Event(), threading.Event()

    def notice(line: str) -> None:
        told.append(line)
        waits.set()

    def wait() -> None:
        other = Ledger(file)
        with other.searching(lambda _: None, notice) if searches else other.asking(notice):
            goes_on.set()

    with Ledger(file).asking():
        thread = threading.Thread(target=wait, daemon=True)
        thread.start()
        assert waits.wait(10)
        assert not goes_on.is_set()
    thread.join(10)
    assert goes_on.is_set()
    who = f"process {os.getpid()} on {socket.gethostname()}"
    assert told[0] == f"ledger locked for 0 s: {who} has {file} while it asks VOD"
    assert not file.with_name(f"{file.name}.lock").read_text(), "nobody has it any more"


def test_a_disk_that_is_full(file: Path) -> None:
    """One line that says what helps. What has been left to the next change is kept, and there is room for it later."""
    ledger, other = two(file)
    with ledger.asking():
        ledger.intend(request(FIRST))
        in_line = InLine(ledger, None)
        ledger.accept(FIRST, "a")
        with ledger._rows._database() as database:  # nothing else makes a disk full
            (pages,) = database.execute("PRAGMA page_count").fetchone()
            database.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(LedgerError, match=r"cannot be used \(database or disk is full\); make room on its disk"):
            ledger.intend(request(Key("too much", "f" * 10_000)))
        with ledger._rows._database() as database:
            database.execute("PRAGMA max_page_count = 100000")
        assert ledger.intend(request(SECOND))
    in_line.end()
    assert accepted(other) == ["a"]


def test_a_commit_that_fails_is_undone(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was refused does not come back with the next change; what was left to it by others does."""
    ledger, other = two(file)

    def fail(database: sqlite3.Connection) -> None:
        database.execute("ROLLBACK")
        raise sqlite3.OperationalError("disk I/O error")

    with ledger.asking():
        ledger.intend(request(FIRST))
        in_line = InLine(ledger, None)
        ledger.accept(FIRST, "a")
        with monkeypatch.context() as broken:
            broken.setattr(ledger_rows, "_committed", fail)
            with pytest.raises(LedgerError, match="disk I/O error"):
                ledger.intend(request(SECOND))
        ledger.intend(request())
        assert accepted(other) == ["a"]
        assert [it.key for it in other.unanswered(SITE)] == [KEY]
    in_line.end()


def _limited(file: Path, said: Callable[[str], None]) -> None:
    ledger = Ledger(file)
    ledger.intend(request())
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, resource.RLIM_INFINITY))
    for write in (lambda: ledger.intend(request(SECOND)), lambda: ledger.accept(KEY, "a")):
        try:
            write()
        except LedgerError as error:
            said(str(error))
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    ledger.answered({KEY: "a"})


def test_a_file_that_may_not_grow(file: Path) -> None:
    """Nobody may ask then, and an id that could not be written down at its acceptance is written with the answer."""
    context = multiprocessing.get_context("spawn")
    said = context.SimpleQueue()
    process = context.Process(target=_limited, args=(file, said.put))
    process.start()
    process.join(30)
    for _ in range(2):
        assert re.fullmatch(
            r"the ledger .* cannot be used \(.*\); check its disk and how large files may be.*", said.get()
        )
    assert accepted(Ledger(file)) == ["a"]
    assert Ledger(file).find(SECOND) is None


def test_a_file_that_another_process_keeps_reading(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What could not be written since that was halted does not come back with the next change."""
    monkeypatch.setattr(ledger_file, "_BUSY_S", 0)
    ledger = Ledger(file)
    ledger.intend(request())
    with closing(sqlite3.connect(file, isolation_level=None)) as halted:
        halted.execute("BEGIN")
        halted.execute("SELECT * FROM requests").fetchall()
        with pytest.raises(LedgerError, match=r"\(database is locked\); another run has had it locked for long"):
            ledger.intend(request(SECOND))
    assert ledger.find(SECOND) is None
    ledger.accept(KEY, "a")
    assert accepted(Ledger(file)) == ["a"]
    assert Ledger(file).find(SECOND) is None


def test_a_file_that_another_process_keeps_locked(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that was halted in the middle of a write: no rights would help."""
    monkeypatch.setattr(ledger_file, "_BUSY_S", 0)
    ledger = Ledger(file)
    ledger.unanswered(SITE)
    with closing(sqlite3.connect(file, isolation_level=None)) as halted:
        halted.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerError, match=r"\(database is locked\); another run has had it locked for long"):
            ledger.intend(request())


class InLine:
    """A thread that waits for its turn to ask; it writes when it is told to, or asks for nothing."""

    def __init__(self, ledger: Ledger, key: Key | None) -> None:
        self.entered, self.may_write, self.written, self.may_end = (threading.Event() for _ in range(4))
        self._ledger, self._key = ledger, key
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self._thread.start()
        while not ledger._rows.changes_due:  # the only way to know that it waits
            pass

    def _ask(self) -> None:
        with self._ledger.asking():
            self.entered.set()
            if self._key is None:
                return
            assert self.may_write.wait(10)
            self._ledger.intend(request(self._key))
            self.written.set()
            assert self.may_end.wait(10)
            self._ledger.accept(self._key, f"audio of {self._key.owner}")

    def end(self) -> None:
        """Let it do all that is left."""
        self.may_write.set()
        self.may_end.set()
        self._thread.join(10)
        assert not self._thread.is_alive()


FIRST, SECOND = Key("first", "f"), Key("second", "f")


def two(file: Path) -> tuple[Ledger, Ledger]:
    """Two ledgers of one file, as two processes have them. To open one takes a lock, so both are open."""
    ledgers = Ledger(file), Ledger(file)
    for ledger in ledgers:
        ledger.unanswered(SITE)
    return ledgers


def accepted(ledger: Ledger) -> list[str]:
    """The audios that it knows, as another process sees it."""
    return sorted(str(it.audio_id) for it in ledger.requests(SITE) if it.audio_id is not None)


def test_who_asks_next_commits_what_is_left(file: Path) -> None:
    """Between two requests there is one commit; nobody else has a turn before it; an intent is always on the disk."""
    ledger, other = two(file)

    def sleep(_: float) -> None:
        raise TimeoutError

    with ledger.asking():
        ledger.intend(request(FIRST))
        in_line = InLine(ledger, SECOND)
        ledger.accept(FIRST, "audio of first")
        ledger.answered({FIRST: "audio of first"})
        found = ledger.find(FIRST)
        assert found is not None
        assert found.audio_id == "audio of first", "this process knows at once"
        assert [it.key for it in other.unanswered(SITE)] == [FIRST], "a process that is killed now leaves an intent"
    assert in_line.entered.wait(10)
    with pytest.raises(TimeoutError), other.searching(sleep):
        pass
    in_line.may_write.set()
    assert in_line.written.wait(10)
    assert accepted(other) == ["audio of first"]
    assert [it.key for it in other.unanswered(SITE)] == [SECOND]
    in_line.end()
    with other.searching(sleep):
        assert accepted(other) == ["audio of first", "audio of second"]
        assert other.unanswered(SITE) == []


def test_what_is_left_is_committed_by_one_who_asks_for_nothing(file: Path) -> None:
    """A change that fails in between is undone alone."""
    ledger, other = two(file)
    with ledger.asking():
        ledger.intend(request(FIRST))
        in_line = InLine(ledger, None)
        ledger.accept(FIRST, "a")
        assert accepted(other) == []
        with pytest.raises(AttributeError):
            ledger.hold([holder(), cast("Holder", None)])
    in_line.end()
    assert accepted(other) == ["a"]
    assert other.holders(SITE) == []


@pytest.mark.parametrize("ends", ["by time", "by a flush"])
def test_what_is_left_does_not_wait_for_ever(file: Path, monkeypatch: pytest.MonkeyPatch, ends: str) -> None:
    """However many ask here, others get their turn after a while; and the end of a run waits for nobody."""
    if ends == "by time":
        monkeypatch.setattr("vod_provider.audio.ledger.HELD_S", -1.0)
    ledger, other = two(file)
    with ledger.asking():
        ledger.intend(request(FIRST))
        in_line = InLine(ledger, SECOND)
        ledger.accept(FIRST, "a")
        if ends == "by a flush":
            assert accepted(other) == []
            ledger.flush()
            assert accepted(other) == ["a"]
    assert in_line.entered.wait(10)
    assert accepted(other) == ["a"]
    in_line.end()
    assert accepted(other) == ["a", "audio of second"]


# -- a store -------------------------------------------------------------------------------------------------------


class FakeStore:
    """A store that several ledgers write to: each append is refused until its writer has seen all of the log."""

    name = "s3://bucket/prefix"

    def __init__(self, log: list[Change], others: Sequence[Change] = ()) -> None:
        self._log, self._others, self._seen = log, others, 0
        self.appends = 0
        self.broken = False

    def load(self) -> Sequence[Change]:
        self._seen = len(self._log)
        return tuple(self._log)

    def append(self, changes: Sequence[Change]) -> Sequence[Change]:
        if self.broken:
            raise LedgerError("broken")
        newer = tuple(self._log[self._seen :])
        self._seen = len(self._log)
        if not newer:
            self.appends += 1
            self._log += changes
            self._seen = len(self._log)
        return newer

    def append_to(self, stack: str, changes: Sequence[Change]) -> None:
        del stack
        gone = {it.key for it in changes if it.row is None}
        self._others = [it for it in self._others if it.key not in gone]

    def renew(self) -> Sequence[Change]:
        return self.newer()

    def newer(self) -> Sequence[Change]:
        newer = tuple(self._log[self._seen :])
        self._seen = len(self._log)
        return newer

    def others(self) -> Sequence[Change]:
        return self._others


def test_a_store_brings_a_ledger_to_the_next_machine() -> None:
    """What one machine has intended, another finds; accepted ids follow with the next write, or a flush."""
    log: list[Change] = []
    first = Ledger(None, store=FakeStore(log))
    assert first.intend(request())
    assert Ledger(None, store=FakeStore(log)).find(KEY) == request()
    first.accept(KEY, "a")
    first.flush()
    found = Ledger(None, store=FakeStore(log)).find(KEY)
    assert found is not None
    assert found.audio_id == "a"


def test_what_is_accepted_is_durable_as_soon_as_nobody_else_asks() -> None:
    """The next machine has the id of the last audio, too; between two requests there is one append, as with a file."""
    log: list[Change] = []
    store = FakeStore(log)
    ledger = Ledger(None, store=store)
    with ledger.asking():
        ledger.intend(request(FIRST))
        in_line = InLine(ledger, SECOND)
        ledger.accept(FIRST, "audio of first")
    assert in_line.entered.wait(10)
    assert accepted(Ledger(None, store=FakeStore(log))) == []
    in_line.end()
    assert accepted(Ledger(None, store=FakeStore(log))) == ["audio of first", "audio of second"]
    assert store.appends == 3


def test_a_store_that_breaks_at_an_acceptance_gets_it_later() -> None:
    """It stays pending, and whoever asked goes on with the id."""
    log: list[Change] = []
    store = FakeStore(log)
    ledger = Ledger(None, store=store)
    with ledger.asking():
        ledger.intend(request())
        ledger.accept(KEY, "a")
        store.broken = True
    with pytest.raises(LedgerError):
        ledger.flush()
    store.broken = False
    ledger.flush()
    assert accepted(Ledger(None, store=FakeStore(log))) == ["a"]


def test_a_search_reads_first_what_others_have_written() -> None:
    """Another process of the stack has this audio: it is no candidate."""
    log: list[Change] = []
    one, two = Ledger(None, store=FakeStore(log)), Ledger(None, store=FakeStore(log))
    two.take(request(Key("third", "f"), "c", State.ACCEPTED))  # pending
    assert two.known_ids(SITE) == {"c"}
    one.intend(request())
    one.accept(KEY, "a")
    one.flush()
    with two.searching(lambda _: None):
        assert two.known_ids(SITE) == {"a", "c"}
    two.flush()
    assert accepted(Ledger(None, store=FakeStore(log))) == ["a", "c"]


def test_whether_one_may_ask_is_asked_again_when_another_was_quicker() -> None:
    """What it has just written may be in the way."""
    log: list[Change] = []
    one, two = Ledger(None, store=FakeStore(log)), Ledger(None, store=FakeStore(log))
    assert two.unanswered(SITE) == []
    one.intend(request())
    assert not two.intend(request(Key("other", "f")), lambda: not two.unanswered(SITE))
    assert [it.key for it in Ledger(None, store=FakeStore(log)).unanswered(SITE)] == [KEY]


def shared(where: str, file: Path) -> Callable[[str], Ledger]:
    """Opens the same ledger for a run."""
    log: list[Change] = []
    return lambda run: Ledger(file, run=run) if where == "file" else Ledger(None, store=FakeStore(log), run=run)


@pytest.mark.parametrize("where", ["file", "store"])
@pytest.mark.parametrize("late", ["a", None], ids=["accepted late", "refused late"])
def test_a_run_that_was_believed_dead_takes_nothing_from_the_next(file: Path, where: str, late: str | None) -> None:
    """What comes of its request is no answer to that of the next run; an audio is known all the same."""
    opened = shared(where, file)
    halted, first = opened("halted"), request()
    halted.intend(first)
    next_ = opened("next")
    next_.drop(KEY)  # it has searched, and believes that nothing was made
    again = replace(first, asked_at=70.0)
    assert next_.intend(again)
    if late:
        halted.accept(KEY, late, asked=first)
    else:
        halted.drop(KEY, asked=first)
    halted.flush()
    left = opened("last")
    assert left.find(KEY) == replace(again, run="next")
    assert accepted(left) == ([late] if late else [])
    next_.accept(KEY, "b", asked=again)
    next_.flush()
    left = opened("last")
    assert [it.audio_id for it in left.requests(SITE) if it.key == KEY] == ["b"]
    assert accepted(left) == [*([late] if late else []), "b"]


@pytest.mark.parametrize("where", ["file", "store"])
def test_what_the_next_run_has_found_is_known_once(file: Path, where: str) -> None:
    """The answer comes late to the run that asked: the audio is the next run's by then, and not written down again."""
    opened = shared(where, file)
    halted = opened("halted")
    halted.intend(request())
    next_ = opened("next")
    next_.accept(KEY, "a")
    next_.hold([replace(holder(), fingerprint=KEY.fingerprint)])
    next_.flush()
    halted.accept(KEY, "a", asked=request())
    halted.answered({KEY: "a"})
    halted.flush()
    left = opened("last")
    assert left.requests(SITE) == []
    assert [it.owner for it in left.holders(SITE)] == [OWNER]


@pytest.mark.parametrize("where", ["file", "store"])
def test_an_id_that_could_not_be_written_is_with_the_answer(file: Path, where: str) -> None:
    """Where the disk was full at the acceptance; but an answer of another run's request is not touched."""
    opened = shared(where, file)
    ledger = opened("this")
    ledger.intend(request())
    opened("other").answered({KEY: "b"})
    assert accepted(opened("last")) == []
    ledger.answered({KEY: "a"})
    ledger.flush()
    assert accepted(opened("last")) == ["a"]


def test_an_audio_is_reclaimed_on_every_machine() -> None:
    """It is a request from then on, that the next run finds wherever it is."""
    log: list[Change] = []
    ledger = Ledger(None, store=FakeStore(log))
    held = replace(holder(), fingerprint=KEY.fingerprint)
    ledger.hold([held])
    ledger.reclaim(held)
    there = Ledger(None, store=FakeStore(log))
    assert there.held_as(KEY) == []
    found = there.claim(KEY)
    assert found is not None
    assert (found.audio_id, found.state) == ("a", State.ANSWERED)


FOREIGN: dict[str, Change] = {
    "no object": Change("requests", ("o", "f"), cast("Any", 5)),
    "nothing in it": Change("requests", ("o", "f"), {}),
    "a list for a text": Change("requests", ("o", "f"), {"owner": [], "fingerprint": "f"}),
    "a number beyond reason": Change("holders", ("s", "a", "o"), {"site": "s", "audio_id": "a", "owner": 10**400}),
    "half a surrogate pair": Change("holders", ("s", "a", "o"), {"site": "s", "audio_id": "a", "owner": "\ud800"}),
    "another state": Change("requests", ("o", "f"), {"state": "odd", "source_known": "{}"}),
    "a key too short": Change("requests", ("o",), None),
}


@pytest.mark.parametrize("change", FOREIGN.values(), ids=FOREIGN.keys())
def test_rows_that_nobody_of_ours_wrote(change: Change) -> None:
    """A bucket is shared: what is no row, in this stack's log or another's, is an error in one line."""
    with pytest.raises(LedgerError, match=r"^the ledger at s3://bucket/prefix cannot be read"):
        Ledger(None, store=FakeStore([change])).find(KEY)
    with suppress(LedgerError):
        Ledger(None, store=FakeStore([], [change])).everything(SITE)


def test_two_writers_of_a_store_see_each_others_rows() -> None:
    """The second to intend the same is told so; what it had pending is kept, and what is unrelated goes through."""
    log: list[Change] = []
    one, two = Ledger(None, store=FakeStore(log)), Ledger(None, store=FakeStore(log))
    other = Key("other", "v1:f")
    assert two.find(KEY) is None  # both have read the log before either writes
    assert one.find(KEY) is None
    two.take(request(other, "b", State.ACCEPTED))  # pending
    assert one.intend(request())
    assert not two.intend(request())
    assert two.intend(request(Key("third", "v1:f")))
    one.flush()
    third = Ledger(None, store=FakeStore(log))
    assert {it.key for it in third.requests(SITE)} == {KEY, other, Key("third", "v1:f")}


def test_what_another_writer_of_a_store_has_brought_is_seen_when_it_is_read_again() -> None:
    """At the end of a run its other plugin may have had the last word on what nobody seems to have taken."""
    log: list[Change] = []
    one, two = Ledger(None, store=FakeStore(log)), Ledger(None, store=FakeStore(log))
    assert one.kept("own") == []
    two.take(request(KEY, "a", State.ACCEPTED))
    two.flush()
    one.catch_up()
    assert [it.audio_id for it in one.kept(KEY.owner)] == ["a"]


def test_an_audio_that_another_writer_of_a_store_has_taken_is_not_let_go() -> None:
    """Also where this process has read the store before, and has nothing to write."""
    log: list[Change] = []
    one, two = Ledger(None, store=FakeStore(log)), Ledger(None, store=FakeStore(log))
    one.hold([holder()])
    one.flush()
    two.take(request(Key("other", "v1:f"), "a", State.ACCEPTED))
    two.flush()
    assert one.let_go([holder()]) == [["other"]]
    assert Ledger(None, store=FakeStore(log)).holders(SITE) == []


class SlowStore(FakeStore):
    """A store that takes its time to say what is new, and then may fail."""

    def __init__(self) -> None:
        super().__init__([])
        self.go_on, self.asked = threading.Semaphore(0), threading.Semaphore(0)
        self.renewals = 0

    def newer(self) -> Sequence[Change]:
        self.renewals += 1
        self.asked.release()
        self.go_on.acquire()
        if self.broken:
            raise LedgerError("broken")
        return super().newer()


class CountingLock:
    """A lock that tells how many have come to it."""

    def __init__(self) -> None:
        self._lock, self.came = threading.Lock(), threading.Semaphore(0)

    def __enter__(self) -> None:
        self.came.release()
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def test_many_who_let_go_at_once_read_a_store_together() -> None:
    """What was written before the last of them came is read for all; a reading that has failed counts for nobody."""
    store = SlowStore()
    ledger = Ledger(None, store=store)
    assert ledger.kept("") == []
    lock = CountingLock()
    ledger._rows._catching_up = cast("Any", lock)
    store.broken = True
    failed: list[LedgerError] = []

    def catch_up() -> None:
        try:
            ledger.catch_up()
        except LedgerError as error:
            failed.append(error)

    threads = [threading.Thread(target=catch_up) for _ in range(20)]
    threads[0].start()
    store.asked.acquire()
    for thread in threads[1:]:
        thread.start()
    for _ in threads:
        lock.came.acquire()
    store.go_on.release()  # fails
    store.asked.acquire()
    store.broken = False
    store.go_on.release(20)
    for thread in threads:
        thread.join()
    assert len(failed) == 1
    assert store.renewals == 2


@pytest.mark.parametrize("ends", ["held", "refused"])
def test_the_end_of_a_request_reaches_the_store_where_another_process_was_quicker(ends: str) -> None:
    """What is deleted, and not durable yet, is deleted in the store, too, after what another process has written."""
    log: list[Change] = []
    one, two = Ledger(None, store=FakeStore(log)), Ledger(None, store=FakeStore(log))
    two.intend(request())
    assert one.find(KEY) is not None
    if ends == "held":
        two.accept(KEY, "a")
        two.hold([replace(holder(), fingerprint=KEY.fingerprint)])
    else:
        two.drop(KEY)
    one.intend(request(Key("other", "f")))
    two.flush()
    assert Ledger(None, store=FakeStore(log)).find(KEY) is None


def test_an_audio_that_is_gone_is_nobodys_though_the_engine_was_told_of_it_meanwhile() -> None:
    """Another process may have noted that while the end of the request was not in the store yet."""
    log: list[Change] = []
    one, two = Ledger(None, store=FakeStore(log)), Ledger(None, store=FakeStore(log))
    two.take(request(audio_id="a", state=State.ACCEPTED))
    two.flush()
    two.drop(KEY, "a")
    one.answered({KEY: "a"})
    one.flush()
    two.flush()
    assert Ledger(None, store=FakeStore(log)).find(KEY) is None


def test_a_claim_leaves_an_answer_that_is_missing_to_the_search(file: Path) -> None:
    """It keeps the key by which it was asked for; one that is there becomes the resource's by its type of now."""
    ledger = Ledger(file, run="this")
    own, former = Key(OWNER, "f"), Key("former", "f")
    assert ledger.claim(own, [former]) is None
    Ledger(file, run="before").intend(request(former))
    claimed = ledger.claim(own, [former])
    assert claimed is not None
    assert claimed.key == former
    ledger.accept(former, "a")
    claimed = ledger.claim(own, [former])
    assert claimed is not None
    assert (claimed.key, claimed.audio_id, claimed.run) == (own, "a", "this")
    assert ledger.find(former) is None


def test_a_claim_is_of_one_site_and_goes_no_further_than_needed(file: Path) -> None:
    """What was asked elsewhere is looked for there; one of its own counts wherever it is; no more is gone through."""
    Ledger(file, run="before").take(request(Key("former", "f"), "a", State.ACCEPTED))
    ledger, own = Ledger(file, run="this"), Key(OWNER, "f")

    def formers() -> Iterator[Key]:
        yield Key("former", "f")
        raise AssertionError("one is enough")

    assert ledger.claim(own, [Key("former", "f")], "elsewhere") is None
    claimed = ledger.claim(own, formers(), SITE)
    assert claimed is not None
    assert claimed.key == own
    assert ledger.claim(own, formers(), "elsewhere") == claimed


def test_a_claim_of_two_writers_of_a_store_is_one_writers() -> None:
    """Each of the two types has read what a run before left by one of them: the second to claim it does not get it."""
    for own, former in ((KEY, Key("other", KEY.fingerprint)), (Key("other", KEY.fingerprint), KEY)):
        log: list[Change] = []
        before = Ledger(None, store=FakeStore(log), run="before")
        before.take(request(audio_id="a", state=State.ACCEPTED))
        before.flush()
        one, two = (Ledger(None, store=FakeStore(log), run="now") for _ in range(2))
        assert two.find(KEY) is not None
        claimed = one.claim(own, [former])
        assert claimed is not None
        assert (claimed.key, claimed.audio_id) == (own, "a")
        assert two.claim(former, [own]) is None


def test_a_row_of_a_newer_version_is_read() -> None:
    """Columns that this version does not know are left out, of other stacks' rows as well."""
    log: list[Change] = []
    Ledger(None, store=FakeStore(log)).intend(request())
    (change,) = log
    assert change.row is not None
    newer = change._replace(row={**change.row, "colour": "red"})
    assert Ledger(None, store=FakeStore([newer])).find(KEY) == request()
    assert Ledger(None, store=FakeStore([], [newer])).unanswered(SITE) == [request()]


def test_pending_changes_leave_together() -> None:
    """Many acceptances between two requests are one append."""
    store = FakeStore([])
    ledger = Ledger(None, store=store)
    for number in range(10):
        ledger.take(request(Key(f"o{number}", "f"), f"a{number}", State.ACCEPTED))
    ledger.flush()
    ledger.flush()
    assert store.appends == 1


def test_what_is_given_up_is_given_up_on_every_machine() -> None:
    """A run that is broken off right after it has let an audio go leaves nobody who seems to hold it."""
    log: list[Change] = []
    first = Ledger(None, store=FakeStore(log))
    first.hold([holder()])
    first.flush()
    first.release(holder())
    assert Ledger(None, store=FakeStore(log)).holders(SITE) == []


def test_other_stacks_are_known() -> None:
    """Their audios are nobody's to take, their missing answers may be mistaken for ours, and what they hold stays."""
    mine = Ledger(None, store=FakeStore([]))
    theirs: list[Change] = []
    writing = Ledger(None, store=FakeStore(theirs))
    writing.intend(request(Key("them", "v1:f")))
    writing.hold([Holder(SITE, "b", "them", made_for=mark("them"), adopted=True)])
    writing.take(request(Key("them", "v1:adopted"), "c", State.ACCEPTED))  # which no state is known to hold yet
    writing.flush()
    mine = Ledger(None, store=FakeStore([], theirs))
    assert mine.known_ids(SITE) == {"b", "c"}
    assert [it.owner for it in mine.unanswered(SITE)] == ["them"]
    assert mine.others_of_each([holder("me", "b"), holder("me", "c")]) == [["them"], ["them"]]
    assert mine.find(Key("them", "v1:f")) is None


@pytest.mark.parametrize("count", [FEW, FEW + 1])
def test_many_are_held_and_released_as_one(tmp_path: Path, count: int) -> None:
    """Whether few or many, each takes its former name's place, ends its request, and leaves others' audios alone."""
    ledger = Ledger(tmp_path / "journal.sqlite")
    owners = [
        owner_of_entry("s3://b urn:pulumi:dev::media::vod:index:ExtractedAudioSet::archive", f"talk-{it}")
        for it in range(count)
    ]
    former = [
        owner_of_entry("s3://b urn:pulumi:dev::media::vod:index:ExtractedAudioSet::former", f"talk-{it}")
        for it in range(count)
    ]
    for number, owner in enumerate(owners):
        ledger.intend(Request(owner, "print", SITE, None, "video", "MP3", 1.0))
        ledger.accept(Key(owner, "print"), f"audio{number}")
    ledger.answered({Key(owner, "print"): f"audio{it}" for it, owner in enumerate(owners)})
    assert {it.state for it in ledger.requests(SITE)} == {State.ANSWERED}
    ledger.hold(Holder(SITE, f"audio{it}", former[it], made_for=mark(owners[it])) for it in range(count))
    ledger.hold([Holder(SITE, "audio0", "somebody", made_for="another")])
    holders = [Holder(SITE, f"audio{it}", owners[it], made_for=mark(owners[it])) for it in range(count)]
    ledger.hold(holders)
    assert not ledger.requests(SITE)
    assert {it.owner for it in ledger.holders(SITE)} == {*owners, "somebody"}
    assert ledger.others_of_each(holders) == [["somebody"], *([] for _ in holders[1:])]
    ledger.release(*holders)
    assert [it.owner for it in ledger.holders(SITE)] == ["somebody"]


@pytest.mark.parametrize("key", ["talk-17", 'a"b', '["', 'x["y"]', "a::b", "a b", "\\", "é\u2028", "", "urn:pulumi:"])
def test_the_owner_of_an_entry_tells_set_and_key(key: str) -> None:
    """Whatever the key is made of, and whatever the set is called."""
    for name in ("archive", 'odd["name"]', "a::b"):
        owner = f"s3://b urn:pulumi:dev::media::vod:index:ExtractedAudioSet::{name}"
        entry = owner_of_entry(owner, key)
        assert entry_of(entry) == (owner, key)
        assert name_of(entry) == f"{name}[{json.dumps(key)}]"
        assert mark(entry) == mark_of_entry(mark(owner), key) != mark(owner)
    assert entry_of('s3://b urn:pulumi:dev::media::vod:index:ExtractedAudio::odd["name"]')[1] is None
    assert entry_of(r's3://b urn:pulumi:dev::media::vod:index:ExtractedAudioSet::odd["\u0061"]')[1] is None
    assert owner_of_entry("", key) == name_of("") == ""


def test_who_takes_an_audio_over_in_this_run_has_a_right_to_it(file: Path) -> None:
    """What an earlier run was taking over, and the state does not have, was not taken over."""
    taking = request(Key("taker", "f"), "a", State.ACCEPTED)
    Ledger(file, run="before").take(taking)
    now = Ledger(file, run="now")
    assert now.disprovable(holder()) == ["taker"]
    now.take(taking)
    assert now.disprovable(holder()) == []
