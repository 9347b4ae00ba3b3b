"""What a small file, a slow server or a bad neighbour may take: memory, time, disk, and nothing of the environment."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import av
import pytest
from starlette.requests import Request

from tests.local.conftest import official_client, until_done
from tests.local.samples import make_video
from tests.local.test_operations import extract, info
from tests.local.test_robustness import children
from tests.local.wiretap import call, send
from vod_provider.local.av import sound
from vod_provider.local.av.errors import MediaError
from vod_provider.local.av.media import probe
from vod_provider.local.core.errors import FetchError, JobFailedError
from vod_provider.local.core.fetch import Allowed, FetchLimits, Stop, fetch
from vod_provider.local.core.media_processes import MediaProcesses, needed_environment
from vod_provider.local.core.worker import MOST_ATTEMPTS, extraction_seconds
from vod_provider.local.http import transfer
from vod_provider.local.testing import LocalVod, start_local_vod


def test_a_media_process_takes_no_module_and_no_secret_from_around_it(tmp_path: Path, video: Path) -> None:
    """A file av.py in the current folder is not run, and what the service knows of clouds stays with it."""
    (tmp_path / "av.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    environment = {**os.environ, "HUAWEICLOUD_SK": "cloud-secret", "PYTHONPATH": f".{os.pathsep}"}
    program = (
        "import sys; sys.path.remove(''); from vod_provider.local.__main__ import main; sys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", program, "serve", "--port", "0", "--data", str(tmp_path / "data")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path, env=environment) as process:
        assert process.stdout is not None
        service = LocalVod(process.stdout.readline().split()[3], process, tmp_path / "data")
        service.upload(video)
        (worker,) = children(service)
        seen = Path(f"/proc/{worker}/environ").read_bytes()
        process.terminate()
    assert not (tmp_path / "ran").exists()
    assert b"cloud-secret" not in seen
    assert b"PATH=" in seen


def test_what_a_media_process_is_told_of_the_environment() -> None:
    """Where Python and its modules are, and the language; all only from folders that are named in full."""
    given = {
        "PATH": "/bin:",
        "HOME": "/h",
        "AWS_SECRET_ACCESS_KEY": "x",
        "PYTHONPATH": os.pathsep.join(["", ".", "/m", "m"]),
        "LD_LIBRARY_PATH": ":/lib",  # as many scripts leave it: the empty entry is the current folder
        "PYTHONUSERBASE": ".",
        "TZ": "UTC",
    }
    expected = {"PATH": "/bin", "HOME": "/h", "PYTHONPATH": "/m", "LD_LIBRARY_PATH": "/lib", "TZ": "UTC"}
    assert needed_environment(given) == expected


def test_a_job_that_takes_too_long_is_ended_with_its_process(long_video: Path, tmp_path: Path) -> None:
    """When its time is over a job fails with the reason, and the process is gone."""

    async def run() -> int:
        processes = MediaProcesses()
        job = {"job": "extract", "source": str(long_video), "target": str(tmp_path / "audio"), "format": "AAC"}
        with pytest.raises(JobFailedError, match="not done within 0 seconds"):
            await processes.run(job, 0.2)
        return len(processes._all)

    assert asyncio.run(run()) == 0


def test_a_media_process_is_limited(tmp_path: Path) -> None:
    """Address space and the size of a file have limits in the process that opens what somebody sent."""

    async def run() -> str:
        processes = MediaProcesses()
        with pytest.raises(JobFailedError, match="No such file"):
            await processes.run({"job": "probe", "source": str(tmp_path / "none")}, 30)
        (process,) = processes._all
        limits = Path(f"/proc/{process.pid}/limits").read_text()
        await processes.close()
        return limits

    limits = {line[:26].strip(): line[26:].split()[0] for line in asyncio.run(run()).splitlines()}
    assert int(limits["Max address space"]) <= 2 << 30
    assert int(limits["Max file size"]) <= 8 << 30


def test_deleting_an_audio_on_the_page_ends_its_process(service: LocalVod, client: Any, long_video: Path) -> None:
    """VOD's API deletes nothing that is being processed; /_local/assets does, and what runs for it is over."""
    service.settings(extraction={"mode": "real", "concurrency": 1})
    source = service.upload(long_video)
    running, waiting = extract(client, source), extract(client, source)
    deleted = call(service, "DELETE", f"/asset?asset_id={running}").json["delete_result_array"]
    assert deleted == [{"asset_id": running, "status": "FAILED"}]
    before = children(service)
    assert send(f"{service.endpoint}/_local/assets/{running}", "DELETE", {}).status == 204
    assert [one.status for one in info(client, running)] == ["NO_ASSET"]
    assert len(before - children(service)) == 1
    assert until_done(client, waiting).status == "CREATED"
    assert send(f"{service.endpoint}/_local/assets/{running}", "DELETE", {}).status == 404
    assert send(f"{service.endpoint}/_local/assets/{waiting}", "DELETE", {}).status == 204
    assert {path.name[:32] for path in (service.data / "media").iterdir()} == {source}
    assert list((service.data / "incoming").iterdir()) == []


def test_work_that_ends_the_service_again_and_again_is_given_up(tmp_path: Path, long_video: Path) -> None:
    """An extraction that was running at each of five crashes fails with that reason; an end in good order is none."""
    data = tmp_path / "data"
    service = start_local_vod(data)
    source = service.upload(long_video)
    audio = call(service, "POST", "/asset/extract_audio", {"asset_id": source}).json["audio_asset_id"]
    for _ in range(MOST_ATTEMPTS):
        assert service.stop() == 0
        service = start_local_vod(data)
    assert info(official_client(service), audio)[0].status == "CREATING"
    for _ in range(MOST_ATTEMPTS):
        service.process.send_signal(signal.SIGKILL)
        service.stop()
        service = start_local_vod(data)
    asset = info(official_client(service), audio)[0]
    assert asset.status == "SERVER_ERROR"
    assert "given up: begun 5 times" in asset.description
    service.stop()
    with closing(sqlite3.connect(data / "vod.sqlite3")) as database:
        assert database.execute("SELECT count(*) FROM tasks").fetchone() == (0,)


Answerer = Callable[[socket.socket, threading.Event], None]


@contextmanager
def answering(answer: Answerer) -> Iterator[str]:
    """A server on loopback that reads a request's head and answers each connection as told, until the block ends."""
    over = threading.Event()

    def serve(connection: socket.socket) -> None:
        with connection:
            connection.recv(65536)
            with suppress(OSError):
                answer(connection, over)

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/video.mp4"
        over.set()
        listener.shutdown(socket.SHUT_RDWR)


def dripping_head(connection: socket.socket, over: threading.Event) -> None:
    """A head that never ends, a byte at a time."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
    while not over.wait(0.02):
        connection.sendall(b"x")


def dripping_body(connection: socket.socket, over: threading.Event) -> None:
    """A body that never ends, a byte at a time."""
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while not over.wait(0.02):
        connection.sendall(b"x")


def endless(connection: socket.socket, over: threading.Event) -> None:
    """A body that never ends, as fast as it goes."""
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while not over.is_set():
        connection.sendall(b"x" * 65536)


def silent(connection: socket.socket, over: threading.Event) -> None:
    """No answer at all."""
    over.wait(60)


def huge(connection: socket.socket, over: threading.Event) -> None:
    """A length beyond all disks."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999\r\n\r\n")
    over.wait(5)


@pytest.mark.parametrize(
    ("answer", "limits", "why"),
    [
        (dripping_head, FetchLimits(seconds=0.3), "more than 0.3 seconds"),
        (dripping_body, FetchLimits(seconds=0.3), "more than 0.3 seconds"),
        (dripping_body, FetchLimits(slow_seconds=0.2), "came too slowly"),
        (endless, FetchLimits(size=1 << 20), "more than 1048576 bytes"),
        (endless, FetchLimits(free_space=1 << 60), "left on the disk"),
        (huge, FetchLimits(), "more than 8589934592 bytes"),
    ],
)
def test_a_fetch_ends(answer: Answerer, limits: FetchLimits, why: str, tmp_path: Path) -> None:
    """A server that drips, floods or promises too much is given up with the reason."""
    with answering(answer) as url, pytest.raises(FetchError, match=why):
        fetch(url, tmp_path / "fetched", Allowed(), limits=limits)
    assert not (tmp_path / "fetched").exists() or (tmp_path / "fetched").stat().st_size <= 1 << 20


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 500 \x1b[2J\xff" + b"x" * 60_000 + b"\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: http://elsewhere.example/\x1b[2J" + b"x" * 60_000 + b"\r\n\r\n",
        b"\x1b[2J" + b"x" * 60_000 + b"\r\n\r\n",
    ],
)
def test_what_a_server_says_of_a_failed_fetch_is_short(said: bytes, tmp_path: Path) -> None:
    """It becomes the asset's description, which every client shows."""
    with (
        answering(lambda connection, _: connection.sendall(said)) as url,
        pytest.raises(FetchError) as raised,
    ):
        fetch(url, tmp_path / "fetched", Allowed())
    assert len(str(raised.value)) < 1000
    assert str(raised.value).isprintable()


def test_a_fetch_can_be_stopped_whatever_it_waits_for(tmp_path: Path) -> None:
    """Stopped from another thread it is over at once, though the server says nothing at all."""
    stop = Stop()
    with answering(silent) as url:
        timer = threading.Timer(0.1, stop.now)
        timer.start()
        started = time.monotonic()
        with pytest.raises(FetchError, match="stopped"):
            fetch(url, tmp_path / "fetched", Allowed(), stop)
        assert time.monotonic() - started < 5
        timer.join()


def test_a_reset_ends_what_is_being_fetched(service: LocalVod) -> None:
    """After a reset nothing more is written, and eight servers that drip hold up no other fetch."""
    with answering(endless) as flood, answering(dripping_body) as drip:
        items = [{"url": url, "title": "t", "video_type": "MP4"} for url in [drip] * 8 + [flood]]
        made = call(service, "POST", "/asset/upload_by_url", {"upload_metadatas": items}).json["upload_assets"]
        assert all("asset_id" in one for one in made)
        end = time.monotonic() + 10
        while not any(path.stat().st_size > 1 << 20 for path in (service.data / "incoming").iterdir()):
            assert time.monotonic() < end
            time.sleep(0.01)
        service.reset()
        while list((service.data / "incoming").iterdir()):
            assert time.monotonic() < end
            time.sleep(0.01)
        fetching = f"/proc/{service.process.pid}/task"
        while len(list(Path(fetching).iterdir())) > 20:
            assert time.monotonic() < end
            time.sleep(0.01)


@pytest.mark.parametrize("name", ["many.mkv", "many.ts"])
def test_pictures_cost_no_memory(name: str, tmp_path: Path) -> None:
    """40 videos of 8192 x 4320 in one file are known without any picture of them being decoded."""
    file = tmp_path / name
    many_streams(file, streams=40, width=8192, height=4320)
    program = (
        "import sys; from pathlib import Path; from vod_provider.local.av.media import probe; "
        "facts = probe(Path(sys.argv[1])); "
        "print(facts.width, facts.height, Path('/proc/self/status').read_text().partition('VmHWM:')[2].split()[0])"
    )
    done = subprocess.run([sys.executable, "-c", program, str(file)], stdout=subprocess.PIPE, text=True, check=True)
    width, height, kilobytes = map(int, done.stdout.split())
    assert (width, height) == (8192, 4320)
    assert kilobytes < 120_000  # about 50,000; with one picture of each it was 1,800,000


def test_a_picture_whose_size_stands_nowhere_is_decoded(tmp_path: Path) -> None:
    """H.263 in FLV tells the size of its picture in the picture alone."""
    file = make_video(tmp_path / "old.flv", video_codec="flv", audio_codec="libmp3lame", rate=44100)
    facts = probe(file)
    assert (facts.video_codec, facts.width, facts.height) == ("FLV", 64, 48)


@pytest.mark.parametrize("audio_format", ["MP3", "AAC"])
def test_an_extraction_leaves_some_of_the_disk(
    audio_format: str, video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sound that would take the last of the disk is given up with the reason; a little of it is written anyhow."""
    monkeypatch.setattr(sound, "FREE_SPACE", 1 << 60)
    monkeypatch.setattr(sound, "LOOK_AT_DISK_BYTES", 4096)
    with pytest.raises(MediaError, match="left on the disk"):
        sound.extract(video, tmp_path / "audio", audio_format)
    monkeypatch.setattr(sound, "LOOK_AT_DISK_BYTES", 1 << 30)
    assert sound.extract(video, tmp_path / "audio", audio_format).duration_ms > 1900


def test_an_upload_leaves_some_of_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An upload without end is refused before the disk is full; a small one is taken."""
    monkeypatch.setattr(transfer, "_FREE_SPACE", 1 << 60)

    def upload(size: int) -> None:
        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": bytes(size), "more_body": False}

        request = Request({"type": "http"}, receive)
        asyncio.run(transfer._receive(request, tmp_path / "part"))

    upload(1000)
    with pytest.raises(OSError, match="No space left"):
        upload(1 << 20)


def test_an_extraction_has_an_end_whatever_the_file_says_of_its_length() -> None:
    """A quarter of the source's length beside five minutes, six hours at most; no claim makes it less."""
    assert extraction_seconds(0) == extraction_seconds(-1e9) == 300
    assert extraction_seconds(3600) == 1200
    assert extraction_seconds(1e18) == 300 + 6 * 3600


def many_streams(file: Path, streams: int, width: int, height: int) -> None:
    """Write a Matroska file that has one and the same video many times."""
    one = file.with_name("one.mkv")
    with av.open(str(one), "w") as output:
        video = output.add_stream("libx264", rate=1, options={"preset": "ultrafast"})
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        frame = av.VideoFrame(width, height, "yuv420p")
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        output.mux(video.encode(frame))
        output.mux(video.encode(None))
    with av.open(str(one)) as source, av.open(str(file), "w") as output:
        template = source.streams.video[0]
        copies = [output.add_stream_from_template(template) for _ in range(streams)]
        for packet in source.demux(template):
            for copy in copies if packet.size else []:
                again = av.Packet(bytes(packet))
                again.pts, again.dts, again.time_base, again.stream = packet.pts, packet.dts, packet.time_base, copy
                again.is_keyframe = packet.is_keyframe
                output.mux(again)
