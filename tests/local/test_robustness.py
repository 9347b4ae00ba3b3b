"""What must not hurt: kill -9 at any time, broken files, huge files, names and addresses meant to do harm."""

from __future__ import annotations

import concurrent.futures
import contextlib
import json
import os
import random
import resource
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.local.conftest import official_client, until_done
from tests.local.test_operations import confirm, create, extract, info, put
from tests.local.wiretap import call, send
from vod_provider.local.core.errors import FetchError
from vod_provider.local.core.fetch import Allowed, extension, fetch
from vod_provider.local.testing import LocalVod, LocalVodError, start_local_vod


@pytest.fixture
def killable(tmp_path: Path) -> Iterator[Callable[[], LocalVod]]:
    """Starts a service on one data folder and port, again and again."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    running: list[LocalVod] = []

    def start() -> LocalVod:
        running.append(start_local_vod(tmp_path / "data", port=port))
        return running[-1]

    yield start
    for service in running:
        service.stop()


def kill(service: LocalVod) -> None:
    """As a crash does it."""
    service.process.send_signal(signal.SIGKILL)
    service.stop()


def children(service: LocalVod) -> set[int]:
    """The processes that the service has started."""
    pid = service.process.pid
    return {int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}


def writes(pid: int, folder: Path) -> bool:
    """Whether the process has a file in that folder open."""
    with contextlib.suppress(OSError):
        return any(link.readlink().parent == folder for link in Path(f"/proc/{pid}/fd").iterdir())
    return False


def listed(service: LocalVod) -> dict[str, str]:
    """Status by id of all assets."""
    assets = call(service, "GET", "/asset/list?size=100").json["assets"]
    return {asset["asset_id"]: asset["asset_status"] for asset in assets}


def test_kill_loses_and_doubles_nothing(killable: Callable[[], LocalVod], video: Path) -> None:
    """Killed at random moments with extractions queued and running, each that was accepted is made once."""
    service = killable()
    service.settings(quota_scale=0, extraction={"concurrency": 2})
    source = service.upload(video)
    accepted: set[str] = set()
    rolls = random.Random(7)
    for _ in range(4):
        client = official_client(service)
        accepted |= {extract(client, source) for _ in range(3)}
        time.sleep(rolls.uniform(0, 0.4))
        kill(service)
        service = killable()
    client = official_client(service)
    for asset_id in accepted:
        assert until_done(client, asset_id).status == "CREATED"
    assert set(listed(service)) == {source} | accepted
    service.stop()
    files = sorted(path.name for path in (service.data / "media").iterdir())
    assert len(files) == 1 + len(accepted)
    assert list((service.data / "incoming").iterdir()) == []


def test_uploads_survive_a_kill(killable: Callable[[], LocalVod], video: Path) -> None:
    """An asset that waits for its file still does after a kill, and an uploaded file is still there."""
    service = killable()
    client = official_client(service)
    waiting, uploaded = create(client), create(client)
    put(uploaded.video_upload_url, video.read_bytes())
    kill(service)
    service = killable()
    client = official_client(service)
    confirm(client, uploaded.asset_id)
    assert info(client, uploaded.asset_id)[0].status == "PUBLISHED"
    assert put(waiting.video_upload_url, video.read_bytes()) == 200
    confirm(client, waiting.asset_id)
    assert info(client, waiting.asset_id)[0].status == "PUBLISHED"


def test_no_media_process_is_left_behind(killable: Callable[[], LocalVod], long_video: Path) -> None:
    """After kill -9 in the middle of an extraction the processes that did the work end by themselves."""
    service = killable()
    service.settings(extraction={"mode": "real", "concurrency": 1})
    source = service.upload(long_video)
    extract(official_client(service), source)
    time.sleep(0.1)
    pids = children(service)
    assert pids
    kill(service)
    end = time.monotonic() + 5
    while time.monotonic() < end and any(Path(f"/proc/{pid}").exists() for pid in pids):
        time.sleep(0.02)
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_crash_of_a_media_process_is_one_failed_extraction(service: LocalVod, client: Any, long_video: Path) -> None:
    """A process of FFmpeg that dies fails its own extraction with a reason; the next one is made."""
    source = service.upload(long_video)
    service.settings(extraction={"concurrency": 1})
    first, second = extract(client, source), extract(client, source)
    writing: list[int] = []
    while not writing:
        assert info(client, first)[0].status == "CREATING", "too quick to be killed"
        writing = [pid for pid in children(service) if writes(pid, service.data / "incoming")]
    os.kill(writing[0], signal.SIGKILL)
    failed = until_done(client, first)
    assert failed.status == "SERVER_ERROR"
    assert "ended unexpectedly" in failed.description
    assert until_done(client, second).status == "CREATED"
    assert info(client, first)[0].base_info.meta_data is None


def broken_files(video: Path, folder: Path) -> dict[str, bytes]:
    """Files that are no (whole) media, by name."""
    good = video.read_bytes()
    rolls = random.Random(3)
    return {
        "empty.mp4": b"",
        "text.mp4": b"This is no video. " * 100,
        "noise.mp4": rolls.randbytes(50_000),
        "cut.mp4": good[: len(good) // 3],
        "header.mp4": good[:40],
        "playlist.mp4": b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
        "concat.mp4": b"ffconcat version 1.0\nfile /etc/passwd\n",
        "picture.mp4": b"\x89PNG\r\n\x1a\n" + rolls.randbytes(1000),
    }


def test_files_that_are_no_media(client: Any, video: Path, tmp_path: Path) -> None:
    """Empty, cut off, text, noise, playlists that name other files: UPLOAD_FAILED with a reason, each."""
    for name, content in broken_files(video, tmp_path).items():
        created = create(client, video_name=name)
        assert put(created.video_upload_url, content) == 200
        confirm(client, created.asset_id)
        asset = info(client, created.asset_id)[0]
        assert asset.status == "UPLOAD_FAILED", name
        assert asset.description, name
        assert asset.base_info.video_url is None


def test_damaged_video_ends_one_way_or_the_other(service: LocalVod, client: Any, video: Path) -> None:
    """A video with damage inside is extracted as far as it can be read, or fails with a reason."""
    content = bytearray(video.read_bytes())
    rolls = random.Random(5)
    start = content.index(b"mdat") + 4
    for position in rolls.sample(range(start, len(content) // 2), 400):
        content[position] = rolls.randrange(256)
    created = create(client, video_name="damaged.mp4")
    put(created.video_upload_url, bytes(content))
    confirm(client, created.asset_id)
    if info(client, created.asset_id)[0].status == "PUBLISHED":
        ended = until_done(client, extract(client, created.asset_id))
        assert ended.status in ("CREATED", "SERVER_ERROR")
        assert ended.status == "CREATED" or ended.description
    assert until_done(client, extract(client, service.upload(video))).status == "CREATED"


def test_hundred_uploads_at_once(service: LocalVod, client: Any, video: Path) -> None:
    """A hundred files put and confirmed at the same time are all ready."""
    content = video.read_bytes()

    def upload(number: int) -> str:
        body = {"title": f"N{number}", "video_name": "n.mp4", "video_type": "MP4"}
        created = call(service, "POST", "/asset", body).json
        assert put(created["video_upload_url"], content) == 200
        told = call(service, "POST", "/asset/status/uploaded", {"asset_id": created["asset_id"], "status": "CREATED"})
        assert told.status == 200
        return str(created["asset_id"])

    with concurrent.futures.ThreadPoolExecutor(100) as pool:
        ids = set(pool.map(upload, range(100)))
    assert listed(service) == dict.fromkeys(ids, "PUBLISHED")


def resident_mb(service: LocalVod) -> float:
    """Resident memory of the service's process."""
    status = Path(f"/proc/{service.process.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def test_memory_stays_flat(service: LocalVod, client: Any) -> None:
    """An upload of 200 MB and its download leave the service's memory as it was."""
    before = resident_mb(service)
    created = create(client)
    size = 200 << 20
    block = bytes(1 << 20)

    def blocks() -> Iterator[bytes]:
        for _ in range(size // len(block)):
            yield block

    request = urllib.request.Request(created.video_upload_url, blocks(), {"Content-Length": str(size)}, method="PUT")
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 200
    confirm(client, created.asset_id)
    assert info(client, created.asset_id)[0].status == "UPLOAD_FAILED"
    assert resident_mb(service) - before < 30


def test_broken_off_upload_leaves_nothing(service: LocalVod, client: Any) -> None:
    """An upload whose connection ends in the middle is as if it had not been."""
    created = create(client)
    host, port = service.endpoint.removeprefix("http://").split(":")
    path = created.video_upload_url.removeprefix(service.endpoint)
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(f"PUT {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 1000\r\n\r\nonly this".encode())
    end = time.monotonic() + 5
    while time.monotonic() < end and list((service.data / "incoming").iterdir()):
        time.sleep(0.02)
    assert list((service.data / "incoming").iterdir()) == []
    assert list((service.data / "media").iterdir()) == []


@pytest.mark.parametrize("name", ["../../../../etc/passwd", "/etc/passwd", "..\\..\\x", "a\0b", "~/x", "x" * 128])
def test_names_cannot_reach_outside(service: LocalVod, client: Any, video: Path, name: str) -> None:
    """A file name is a label and nothing more: what is put lies in the data folder under a name of ours."""
    body = {"title": "t", "video_name": name, "video_type": "MP4"}
    created = call(service, "POST", "/asset", body).json
    assert put(created["video_upload_url"], video.read_bytes()) == 200
    confirm(client, created["asset_id"])
    files = [path.name for path in (service.data / "media").iterdir()]
    assert len(files) == 1
    assert files[0].startswith(created["asset_id"])
    assert info(client, created["asset_id"])[0].base_info.video_name == name


def test_addresses_cannot_reach_outside(service: LocalVod, client: Any, video: Path) -> None:
    """Media and upload addresses open one file each: no other, no folder, no guess."""
    source = service.upload(video)
    url = str(info(client, source)[0].base_info.video_url)
    base, name = url.rsplit("/", 1)
    for wrong in (
        f"{base}/{'0' * 32}.mp4",
        f"{base}/{name}/../../../vod.sqlite3",
        f"{base}/..%2f..%2fvod.sqlite3",
        f"{service.endpoint}/media/..%2f..%2fvod.sqlite3/x",
        f"{service.endpoint}/media/{source}/{name.split('.')[0]}/..%2f..%2fvod.sqlite3",
        f"{service.endpoint}/media/",
    ):
        assert send(wrong, "GET", {}).status == 404
    assert send(f"{service.endpoint}/upload/{source}/{'0' * 32}/video", "PUT", {}, b"x").status == 403


def test_players_can_ask_for_ranges(service: LocalVod, client: Any, video: Path) -> None:
    """Media is served in ranges, with its type."""
    content = video.read_bytes()
    url = info(client, service.upload(video))[0].base_info.video_url

    def get(headers: dict[str, str]) -> tuple[int, bytes, Any]:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
            return answer.status, answer.read(), answer.headers

    status, part, headers = get({"Range": "bytes=10-19"})
    assert (status, part) == (206, content[10:20])
    assert headers["Content-Range"] == f"bytes 10-19/{len(content)}"
    assert headers["Content-Type"] == "video/mp4"
    assert get({"Range": "bytes=-5"})[1] == content[-5:]
    assert get({})[1] == content


def limit_files(pid: int, size: int) -> None:
    """Let a process write no file larger than that, as a full disk would."""
    _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))


def test_no_space_left(killable: Callable[[], LocalVod], video: Path) -> None:
    """With no space left an upload is refused as such, an extraction fails with the reason, and both work later."""
    service = killable()
    client = official_client(service)
    source = service.upload(video)
    until_done(client, extract(client, source))
    created = create(client)
    pids = [service.process.pid, *children(service)]
    for pid in pids:
        limit_files(pid, 5_000)
    assert put(created.video_upload_url, bytes(100_000)) == 507
    limit_files(service.process.pid, 100_000_000)  # or sqlite could not even note the request
    failed = until_done(client, extract(client, source))
    assert failed.status == "SERVER_ERROR"
    assert failed.description
    for pid in pids:
        limit_files(pid, 100_000_000)
    assert put(created.video_upload_url, video.read_bytes()) == 200
    assert until_done(client, extract(client, source)).status == "CREATED"


def test_nothing_is_answered_that_is_not_kept(killable: Callable[[], LocalVod], video: Path) -> None:
    """Where the database cannot be written, a request is an error, and what was there is still there."""
    service = killable()
    source = service.upload(video)
    limit_files(service.process.pid, 1)
    refused = call(service, "POST", "/asset/extract_audio", {"asset_id": source})
    assert (refused.status, refused.json["error_code"]) == (403, "VOD.10051")
    limit_files(service.process.pid, 100_000_000)
    assert listed(service) == {source: "PUBLISHED"}
    assert call(service, "POST", "/asset/extract_audio", {"asset_id": source}).status == 202


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    """A web server that redirects, breaks off, and serves a little."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/moved.mp4":
                self.send_response(302)
                self.send_header("Location", "/good.mp4")
                self.end_headers()
            elif self.path == "/away.mp4":
                self.send_response(302)
                self.send_header("Location", "http://169.254.169.254/secret.mp4")
                self.end_headers()
            elif self.path == "/loop.mp4":
                self.send_response(302)
                self.send_header("Location", "/loop.mp4")
                self.end_headers()
            elif self.path == "/short.mp4":
                self.send_response(200)
                self.send_header("Content-Length", "100")
                self.end_headers()
                self.wfile.write(b"short")
            else:
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"good")

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_fetching_goes_only_where_it_may(web: str, tmp_path: Path) -> None:
    """Redirects are followed to allowed hosts only, and a file that breaks off is none."""
    target = tmp_path / "fetched"
    for path in ("good.mp4", "moved.mp4"):
        fetch(f"{web}/{path}", target, Allowed())
        assert target.read_bytes() == b"good"
    for path, why in (
        ("away.mp4", "not allowed"),
        ("loop.mp4", "too often"),
        ("short.mp4", "broke off|IncompleteRead"),
    ):
        with pytest.raises(FetchError, match=why):
            fetch(f"{web}/{path}", target, Allowed())


def test_what_may_be_fetched_from() -> None:
    """Loopback, and hosts that were named; no other scheme, no name that only looks like loopback."""
    allowed = Allowed(["media.example", "other.example:8080"])
    for good in (
        "http://127.0.0.1/x",
        "http://[::1]:9/x",
        "http://localhost/x",
        "https://media.example/x",
        "http://other.example:8080/x",
        "http://127.9.9.9/x",
    ):
        assert good in allowed, good
    for bad in (
        "file:///etc/passwd",
        "ftp://127.0.0.1/x",
        "http://example/x",
        "http://other.example/x",
        "http://127.0.0.1.example/x",
        "http://localhost.example/x",
        "http:///x",
        "http://[bad/x",
        "http://169.254.169.254/x",
        "http://127.0.0.1@example/x",
    ):
        assert bad not in allowed, bad
    assert extension("http://h/a/b.mp4?x=y.png") == "MP4"
    assert extension("http://h/b") == ""


def test_two_services_do_not_share_a_folder(service: LocalVod, capfd: pytest.CaptureFixture[str]) -> None:
    """A second service on the same data folder does not start, and says why."""
    with pytest.raises(LocalVodError, match="exit status 2"):
        start_local_vod(service.data)
    assert capfd.readouterr().err == f"vod-local: {service.data}: another local VOD runs on it\n"


def test_damaged_database(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A database that is none, of another version, or another program's: one clear line, no start, no change."""
    database = tmp_path / "vod.sqlite3"
    start_local_vod(tmp_path).stop()
    database.write_bytes(b"no database" * 1000)
    with pytest.raises(LocalVodError, match="exit status 2"):
        start_local_vod(tmp_path)
    assert capfd.readouterr().err == f"vod-local: {tmp_path}: file is not a database\n"
    for statement, said in (
        ("PRAGMA user_version=99", "another version"),
        ("CREATE TABLE theirs (a)", "another program's"),
    ):
        database.unlink()
        with contextlib.closing(sqlite3.connect(database)) as other:
            other.execute(statement)
        content = database.read_bytes()
        with pytest.raises(LocalVodError, match="exit status 2"):
            start_local_vod(tmp_path)
        assert said in capfd.readouterr().err
        assert database.read_bytes() == content


def test_json_logs(tmp_path: Path) -> None:
    """--log-format json writes one object a line, with the request id that the caller saw."""
    command = [sys.executable, "-m", "vod_provider.local", "serve", "--port", "0", "--data", str(tmp_path),
               "--log-format", "json"]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        service = LocalVod(process.stdout.readline().split()[3], process, tmp_path)
        seen = call(service, "GET", "/asset/list").headers["x-request-id"]
        process.terminate()
        _, errors = process.communicate()
    lines = [json.loads(line) for line in errors.splitlines()]
    assert [line["request_id"] for line in lines if line["message"] == "ListAssetList 200"] == [seen]
