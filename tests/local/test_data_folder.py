"""The data folder: whose it is, who may read it, and that nothing goes from it which the service has not made."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from tests.local.wiretap import call
from vod_provider.local.core.data_folder import DataFolder
from vod_provider.local.core.errors import FolderInUseError, FolderNotOursError
from vod_provider.local.testing import LocalVod, LocalVodError, start_local_vod

UNFINISHED = f"{'a' * 32}.part"
FINISHED = f"{'b' * 32}-{'c' * 8}.mp4"


def tree(folder: Path) -> dict[str, bytes | str]:
    """Everything in a folder: contents of files, targets of links, '' for folders."""
    found: dict[str, bytes | str] = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        found[name] = str(path.readlink()) if path.is_symlink() else "" if path.is_dir() else path.read_bytes()
    return found


def refused(folder: Path, why: str) -> None:
    """Assert that a service does not take the folder, and changes nothing in it."""
    before = tree(folder)
    with pytest.raises(FolderNotOursError, match=why):
        DataFolder(folder)
    assert tree(folder) == before


def killed(service: LocalVod) -> None:
    """End a service as a crash does it."""
    service.process.send_signal(signal.SIGKILL)
    service.stop()


def media(folder: Path) -> set[str]:
    """The names of the finished files."""
    return {path.name for path in (folder / "media").iterdir()}


@pytest.mark.parametrize(
    "files",
    [
        ("thesis.txt",),
        ("lock", "media/holiday.mp4", "incoming/letter.txt"),
        ("media/" + FINISHED, "incoming/" + UNFINISHED),
        ("vod.sqlite3",),
    ],
)
def test_a_folder_of_somebody_else_is_refused(tmp_path: Path, files: tuple[str, ...]) -> None:
    """A folder that is not empty and not ours stays as it is, whatever its files are called."""
    for name in files:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("mine")
    refused(tmp_path, "not empty")


def test_the_command_says_that_a_folder_is_not_ours(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Status 2, and a line that names the folder and the remedy."""
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(LocalVodError, match="exit status 2"):
        start_local_vod(tmp_path)
    said = capfd.readouterr().err
    assert said.startswith(f"vod-local: {tmp_path}: this folder is not empty")
    assert "give --data a new or empty folder" in said


@pytest.mark.parametrize(
    "name",
    ["media", "incoming", "shared", "lock", "vod.sqlite3", "vod.sqlite3-wal", "vod.sqlite3-journal", ".vod-local"],
)
def test_links_are_not_followed(tmp_path: Path, name: str) -> None:
    """A link where a folder or file of ours should be is refused, and what it leads to stays."""
    data, elsewhere = tmp_path / "data", tmp_path / "elsewhere"
    DataFolder(data).close()
    elsewhere.mkdir()
    (elsewhere / UNFINISHED).write_text("mine")
    there = data / name
    if there.is_dir():
        shutil.rmtree(there)
        there.symlink_to(elsewhere)
    else:
        there.unlink(missing_ok=True)
        there.symlink_to(elsewhere / UNFINISHED)
    refused(data, name)
    assert (elsewhere / UNFINISHED).read_text() == "mine"


def test_a_link_beside_the_database_changes_nobodys_rights(tmp_path: Path) -> None:
    """What is called like a copy of the database is closed to others, but not what a link of that name leads to."""
    data, elsewhere = tmp_path / "data", tmp_path / "elsewhere"
    DataFolder(data).close()
    for file in (elsewhere, data / "vod.sqlite3.copy"):
        file.write_text("mine")
        file.chmod(0o644)
    (data / "vod.sqlite3.link").symlink_to(elsewhere)
    DataFolder(data).close()
    assert stat.S_IMODE(elsewhere.stat().st_mode) == 0o644
    assert stat.S_IMODE((data / "vod.sqlite3.copy").stat().st_mode) == 0o600


def test_a_link_that_leads_to_itself_is_no_folder(tmp_path: Path) -> None:
    """It is refused like any other that is not ours."""
    (tmp_path / "data").symlink_to("data")
    with pytest.raises((FolderNotOursError, OSError), match=r"leads back to itself|symbolic links|File exists"):
        DataFolder(tmp_path / "data")


def test_an_empty_folder_and_a_new_one_become_ours(tmp_path: Path) -> None:
    """What systems leave in a fresh volume does not count as somebody's files; a second service is told off."""
    (tmp_path / "volume" / "lost+found").mkdir(parents=True)
    for folder in (tmp_path / "volume", tmp_path / "new" / "below"):
        ours = DataFolder(folder)
        with pytest.raises(FolderInUseError):
            DataFolder(folder)
        ours.close()
        DataFolder(folder).close()


def test_only_this_user_can_read_it(tmp_path: Path, video: Path) -> None:
    """Folders are 0700 and files 0600, also where an earlier version had left them open."""
    data = tmp_path / "data"
    data.mkdir(mode=0o755)
    service = start_local_vod(data)
    service.upload(video)
    for path in (data, *data.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
    killed(service)
    for path in (data, data / "media", data / "vod.sqlite3", data / "vod.sqlite3-wal", data / "lock"):
        path.chmod(0o777)
    service = start_local_vod(data)
    for path in (data, data / "media"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    for path in (data / "vod.sqlite3", data / "vod.sqlite3-wal", data / "lock"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    service.stop()


@pytest.mark.parametrize("lost", [("vod.sqlite3-wal",), ("vod.sqlite3",), ("vod.sqlite3", "vod.sqlite3-wal")])
def test_media_outlive_a_lost_database(tmp_path: Path, video: Path, lost: tuple[str, ...]) -> None:
    """Where the database or its log is missing after a crash, no media are removed: not now, by a reset, or later."""
    data = tmp_path / "data"
    service = start_local_vod(data)
    for _ in range(3):
        service.upload(video)
    held = media(data)
    assert len(held) == 3
    killed(service)
    for name in lost:
        (data / name).unlink()
    for _ in range(2):
        service = start_local_vod(data)
        assert media(data) >= held
        service.reset()
        assert media(data) == held
        service.stop()


def test_a_log_without_its_database_is_kept(tmp_path: Path, video: Path) -> None:
    """SQLite would empty a log whose database is missing: it is set aside, for whoever finds the database again."""
    data = tmp_path / "data"
    service = start_local_vod(data)
    service.upload(video)
    killed(service)
    log = (data / "vod.sqlite3-wal").read_bytes()
    (data / "vod.sqlite3").unlink()
    start_local_vod(data).stop()
    assert [path.read_bytes() for path in data.glob("vod.sqlite3-wal.orphan-*")] == [log]


def test_what_a_crash_left_is_removed_and_strangers_stay(tmp_path: Path, video: Path) -> None:
    """A start removes unfinished files and finished ones that it made and nobody needs, and nothing else."""
    data = tmp_path / "data"
    service = start_local_vod(data)
    kept, gone = service.upload(video), service.upload(video)
    killed(service)
    with closing(sqlite3.connect(data / "vod.sqlite3")) as database:  # as if killed between the two steps of a delete
        database.execute("DELETE FROM assets WHERE asset_id = ?", (gone,))
        database.commit()
    for stranger in ("media/holiday.mp4", "incoming/letter.txt", f"media/{FINISHED}"):
        (data / stranger).write_text("mine")
    (data / "incoming" / UNFINISHED).write_text("half")
    (data / "incoming" / f"{'d' * 32}.part").symlink_to(video)
    service = start_local_vod(data)
    assert [name[:32] for name in media(data) if name.startswith((kept, gone))] == [kept]
    assert media(data) >= {"holiday.mp4", FINISHED}
    assert {path.name for path in (data / "incoming").iterdir()} == {"letter.txt", f"{'d' * 32}.part"}
    assert video.exists()
    service.stop()


def test_a_folder_of_the_version_before(tmp_path: Path, video: Path) -> None:
    """Data of an earlier version, without mark, register and new columns, is taken over with all that is in it."""
    data = tmp_path / "data"
    service = start_local_vod(data)
    source = service.upload(video)
    service.settings(extraction={"mode": "timed", "seconds": 600})
    call(service, "POST", "/asset/extract_audio", {"asset_id": source})
    service.stop()
    (data / ".vod-local").unlink()
    with closing(sqlite3.connect(data / "vod.sqlite3")) as database:
        database.execute("DROP TABLE files")
        for column in ("seconds", "attempts"):
            database.execute(f"ALTER TABLE tasks DROP COLUMN {column}")
        database.commit()
    (data / "media" / f"{source}-leftover.mp4").write_text("left by an earlier version")
    service = start_local_vod(data)
    assert call(service, "GET", "/asset/list").json["total"] == 2
    call(service, "DELETE", f"/asset?asset_id={source}")
    service.reset()
    assert media(data) == {f"{source}-leftover.mp4"}
    service.stop()


def test_a_folder_of_another_user_is_used_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the rights cannot be changed, as on some mounted volumes, the service starts all the same."""

    def forbidden(path: Path, mode: int) -> None:
        raise PermissionError(1, os.strerror(1))

    monkeypatch.setattr(Path, "chmod", forbidden)
    DataFolder(tmp_path / "data").close()
