"""What is written down survives, and a file that cannot be read is no failure."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.fakes import Clock
from vod_provider.audio.journal import KEEP_S, Journal, JournalError, Key

KEY = Key("backend urn", "v1:fingerprint")


def intend(journal: Journal, key: Key = KEY, source: str = "video", audio_format: str = "MP3") -> bool:
    return journal.intend(key, service="vod", source=source, audio_format=audio_format)


def test_an_entry_goes_from_intent_to_settled(tmp_path: Path) -> None:
    """Intended, accepted, settled: an open entry is found until Pulumi has its id."""
    journal = Journal(tmp_path / "j")
    assert journal.find(KEY) is None
    intend(journal)
    entry = journal.find(KEY)
    assert entry is not None
    assert (entry.service, entry.source, entry.format, entry.audio_id) == ("vod", "video", "MP3", None)
    journal.accept(KEY, "a")
    entry = Journal(tmp_path / "j").find(KEY)
    assert entry is not None
    assert entry.audio_id == "a"
    journal.settle(["a"])
    assert journal.find(KEY) is None
    assert journal.audio_ids("vod") == {"a"}


def test_a_refused_request_leaves_no_entry(tmp_path: Path) -> None:
    """What VOD has surely not done is not looked for."""
    journal = Journal(tmp_path / "j")
    intend(journal)
    journal.drop(KEY)
    assert journal.find(KEY) is None


def test_a_settled_audio_leaves_room_for_another(tmp_path: Path) -> None:
    """A deliberate replacement of the same request is an entry of its own."""
    journal = Journal(tmp_path / "j")
    intend(journal)
    journal.accept(KEY, "a")
    journal.settle(["a"])
    intend(journal)
    journal.accept(KEY, "b")
    entry = journal.find(KEY)
    assert entry is not None
    assert entry.audio_id == "b"
    assert journal.audio_ids("vod") == {"a", "b"}


def test_one_of_two_may_ask(tmp_path: Path) -> None:
    """The second who intends the same is told so, and changes nothing; neither does a drop of what is no more so."""
    journal, other = Journal(tmp_path / "j"), Journal(tmp_path / "j")
    assert intend(journal)
    assert not intend(other)
    journal.accept(KEY, "a")
    other.drop(KEY)
    other.drop(KEY, "b")
    entry = other.find(KEY)
    assert entry is not None
    assert entry.audio_id == "a"
    journal.drop(KEY, "a")
    assert intend(other)


def test_an_audio_is_taken_over(tmp_path: Path) -> None:
    """Given to another key, it is that key's alone, whatever the key was about to get."""
    journal = Journal(tmp_path / "j")
    other = Key("other", "f")
    intend(journal)
    journal.accept(KEY, "a")
    intend(journal, other)
    journal.take_over(other, "a", service="vod", source="video", audio_format="MP3")
    assert journal.find(KEY) is None
    entry = journal.find(other)
    assert entry is not None
    assert entry.audio_id == "a"


def test_lost_answers_are_told_by_time(tmp_path: Path) -> None:
    """Only intents without an id, in that time."""
    clock = Clock()
    journal = Journal(tmp_path / "j", now=clock)
    intend(journal)
    intend(journal, Key("other", "f"), audio_format="AAC")
    intend(journal, Key("elsewhere", "f"), source="another")
    clock.now += 1000
    intend(journal, Key("later", "f"))
    lost = journal.lost("vod", clock.now - 1100, clock.now - 900)
    assert sorted(lost) == [("another", "MP3"), ("video", "AAC"), ("video", "MP3")]


def test_settled_entries_are_forgotten_after_a_while(tmp_path: Path) -> None:
    """The file does not grow for ever; open entries stay."""
    clock = Clock()
    journal = Journal(tmp_path / "j", now=clock)
    intend(journal)
    journal.accept(KEY, "a")
    intend(journal, Key("open", "f"))
    journal.settle(["a"])
    clock.now += KEEP_S + 1
    later = Journal(tmp_path / "j", now=clock)
    assert later.audio_ids("vod") == set()
    assert later.find(Key("open", "f")) is not None


@pytest.mark.parametrize(
    "content", [b"not a database" * 100, b"SQLite format 3\0" + b"\xff" * 4000], ids=["no", "torn"]
)
def test_a_file_that_cannot_be_read_is_set_aside_with_a_word(tmp_path: Path, content: bytes) -> None:
    """The old file is kept beside, one line says so, and work goes on."""
    said: list[str] = []
    path = tmp_path / "j"
    path.write_bytes(content)
    intend(Journal(path, warn=said.append))
    assert len(said) == 1
    assert "set aside" in said[0]
    (aside,) = tmp_path.glob("j.set-aside-*")
    assert aside.read_bytes() == content


def test_another_programs_database_is_set_aside(tmp_path: Path) -> None:
    """A database that is not ours is not written to."""
    path = tmp_path / "j"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE theirs (x)")
    database.close()
    intend(Journal(path))
    (aside,) = tmp_path.glob("j.set-aside-*")
    foreign = sqlite3.connect(aside)
    assert foreign.execute("SELECT name FROM sqlite_master").fetchall() == [("theirs",)]
    foreign.close()


def test_a_place_that_cannot_be_written_is_an_error_that_names_the_setting(tmp_path: Path) -> None:
    """Without a journal nothing is asked of VOD."""
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(JournalError, match="vod:journal"):
        intend(Journal(tmp_path / "file" / "j"))


def _hammer(path: Path, worker: int) -> None:
    journal = Journal(path)
    for number in range(20):
        key = Key(f"{worker}", f"{number}")
        intend(journal, key)
        journal.accept(key, f"{worker}-{number}")


def _begin_and_die(path: Path) -> None:
    journal = Journal(path)
    intend(journal)
    with journal.asking():
        os.kill(os.getpid(), signal.SIGKILL)


def _set_aside(path: Path) -> None:
    intend(Journal(path), Key(str(os.getpid()), "f"))


def together(work: Callable[..., None], *arguments: tuple[object, ...]) -> list[int | None]:
    """Run `work` in a process for each of `arguments`; returns how they ended."""
    spawn = multiprocessing.get_context("spawn")
    processes = [spawn.Process(target=work, args=given) for given in arguments]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    return [process.exitcode for process in processes]


def test_several_processes_write_at_once(tmp_path: Path) -> None:
    """Nothing is lost between processes that share the file."""
    assert together(_hammer, (tmp_path / "j", 1), (tmp_path / "j", 2), (tmp_path / "j", 3)) == [0, 0, 0]
    assert len(Journal(tmp_path / "j").audio_ids("vod")) == 60


def test_kill_9_leaves_the_intent_and_no_lock(tmp_path: Path) -> None:
    """A process killed with its request under way leaves its intent; nobody has to wait for its lock."""
    assert together(_begin_and_die, (tmp_path / "j",)) == [-signal.SIGKILL]
    journal = Journal(tmp_path / "j")
    assert journal.find(KEY) is not None
    with journal.searching(lambda _: pytest.fail("the lock is still held")):
        pass


def test_two_processes_set_the_same_file_aside_once(tmp_path: Path) -> None:
    """Both find the torn file; one sets it aside, and both write to the new one."""
    (tmp_path / "j").write_bytes(b"torn" * 1000)
    assert together(_set_aside, (tmp_path / "j",), (tmp_path / "j",)) == [0, 0]
    assert len(list(tmp_path.glob("j.set-aside-*"))) == 1
    database = sqlite3.connect(tmp_path / "j")
    assert database.execute("SELECT count(*) FROM entries").fetchone() == (2,)
    database.close()


def test_nobody_searches_while_a_request_is_under_way(tmp_path: Path) -> None:
    """The search waits for the request, through the given sleep."""
    asking, searching = Journal(tmp_path / "j"), Journal(tmp_path / "j")
    slept: list[float] = []
    under_way = asking.asking()
    under_way.__enter__()

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            under_way.__exit__(None, None, None)

    with searching.searching(sleep):
        assert len(slept) == 3
