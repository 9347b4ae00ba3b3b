"""The command line: start, stop, upload, and what it says when it cannot."""

from __future__ import annotations

import concurrent.futures
import io
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.local.test_limits import answering
from tests.local.test_operations import info
from tests.local.wiretap import call
from vod_provider.local.__main__ import main
from vod_provider.local.testing import LocalVod, LocalVodError, start_local_vod


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    command = [sys.executable, "-m", "vod_provider.local", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)


def test_upload_prints_the_id_and_nothing_else(service: LocalVod, client: Any, video: Path) -> None:
    """Standard output of `upload` is the asset's id; the asset is ready and has the title."""
    done = run("upload", str(video), "--title", "Häppy", "--endpoint", service.endpoint)
    assert (done.returncode, done.stderr) == (0, "")
    asset = info(client, done.stdout.rstrip("\n"))[0]
    assert (asset.status, asset.base_info.title, asset.base_info.video_name) == ("PUBLISHED", "Häppy", video.name)
    untitled = run("upload", str(video), "--endpoint", service.endpoint)
    assert info(client, untitled.stdout.strip())[0].base_info.title == video.name


def test_upload_says_what_is_wrong(service: LocalVod, video: Path, tmp_path: Path) -> None:
    """No file, no media type, no media, wrong credentials, no service: status 1 and one line that says so."""
    text = tmp_path / "notes.txt"
    text.write_text("x")
    fake = tmp_path / "fake.mp4"
    fake.write_text("no video")
    endpoint = ("--endpoint", service.endpoint)
    for arguments, said in (
        ((str(tmp_path / "missing.mp4"), *endpoint), "is no file"),
        ((str(text), *endpoint), "extension must be one of"),
        ((str(fake), *endpoint), "UPLOAD_FAILED"),
        ((str(video), "--secret-key", "wrong", *endpoint), "verify aksk signature fail"),
        ((str(video), "--endpoint", "http://127.0.0.1:1"), "no answer from http://127.0.0.1:1"),
    ):
        done = run("upload", *arguments)
        assert (done.returncode, done.stdout) == (1, ""), arguments
        assert said in done.stderr
        assert done.stderr.count("\n") == 1


def test_taken_port(service: LocalVod, tmp_path: Path) -> None:
    """A port that is taken: status 2 and one clear line."""
    port = service.endpoint.rsplit(":", 1)[1]
    done = run("serve", "--port", port, "--data", str(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"vod-local: cannot listen on 127.0.0.1:{port}: Address already in use\n"


def test_a_files_name_moves_no_cursor(
    service: LocalVod, video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A terminal is shown how far the upload is, and the name, which whoever made the file has chosen."""
    named = tmp_path / "\x1b[2Jfilm\u202e.mp4"
    named.write_bytes(video.read_bytes())
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stderr", terminal)
    assert main(["upload", str(named), "--endpoint", service.endpoint]) == 0
    assert "film" in terminal.getvalue()
    assert terminal.getvalue().replace("\r", "").replace("\n", "").isprintable()


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *(("--port", value) for value in ("-1", "65536", "99999", "x", "٣")),
        *(("--public-url", value) for value in ("http://[x", "ftp://x", "x", "http://", "http://x\x1b[2J")),
        *(("--allow-fetch", value) for value in ("[x", "a:b:c", "a:99999", "http://x", "x/y", "me@x", "")),
    ],
)
def test_what_no_address_can_be_is_refused(option: str, value: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Status 2 and a line that names the option, before anything is listened on."""
    with pytest.raises(SystemExit) as caught:
        main(["serve", f"{option}={value}"])
    assert caught.value.code == 2
    assert f"error: argument {option}: {value!r} is no" in capsys.readouterr().err


@pytest.mark.parametrize("host", ["a..b", "a" * 64 + ".example"])
def test_a_name_that_can_be_none(host: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is one line, like a name that does not resolve."""
    own = ("--access-key", "A", "--secret-key", "S", "--token", "T")
    assert main(["serve", "--host", host, "--port", "0", "--data", str(tmp_path), *own]) == 2
    assert f"vod-local: cannot listen on {host}:0: " in capsys.readouterr().err


def said(body: bytes, status: bytes = b"200 OK") -> bytes:
    """An answer over HTTP."""
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (status, len(body), body)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (said(b"{}"), "has no asset_id"),
        (said(b'{"asset_id": 5}'), "has no asset_id"),
        (said(b'{"asset_id": "a", "video_upload_url": null}'), "has no video_upload_url"),
        (said(b'{"asset_id": "a", "video_upload_url": "http://[x/a.mp4"}'), "which is none"),
        (said(b'{"asset_id": "a", "video_upload_url": "/a.mp4"}'), "which is none"),
        (said(b"[]"), "no answer of VOD"),
        (said(b"\x1b[2J\xff" + b"x" * 3_000_000, b"500 No"), "answered 500 "),
        (said(b"", b"418 \x1b[2J"), "answered 418"),
        (b"\x1b[2J\r\n\r\n", "no answer from"),
    ],
)
def test_upload_to_something_else(answer: bytes, why: str, video: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever answers at the address: status 1 and one line of a bounded length that moves no cursor."""

    def answer_all(connection: socket.socket, _: object) -> None:
        connection.sendall(answer)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(1 << 16):  # else what is not read resets the connection, and the answer is lost
            pass

    with answering(answer_all) as url:
        assert main(["upload", str(video), "--endpoint", url.removesuffix("/video.mp4")]) == 1
    line = capsys.readouterr().err
    assert why in line
    assert line.removesuffix("\n").isprintable()
    assert len(line) < 8000


def test_other_addresses_need_credentials_of_ones_own(tmp_path: Path) -> None:
    """An address that others can reach is refused with the credentials that everybody knows."""
    done = run("serve", "--host", "0.0.0.0", "--port", "0", "--data", str(tmp_path), "--access-key", "mine")
    assert done.returncode == 2
    assert "give --access-key, --secret-key and --token of your own" in done.stderr


def test_other_addresses_with_own_credentials(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """With credentials of one's own it starts, and warns."""
    own = ("--access-key", "A", "--secret-key", "S", "--token", "T")
    service = start_local_vod(tmp_path, "--host", "0.0.0.0", *own)
    try:
        assert service.endpoint.startswith("http://127.0.0.1:")
        assert service.control("GET", "health")["status"] == "ok"
    finally:
        assert service.stop() == 0
    assert "can be reached from other machines, without TLS" in capfd.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it_cleanly(tmp_path: Path, number: int) -> None:
    """SIGTERM and Ctrl-C: exit status 0 within seconds, an open connection or not."""
    service = start_local_vod(tmp_path)
    port = int(service.endpoint.rsplit(":", 1)[1])
    with socket.create_connection(("127.0.0.1", port)):  # an idle connection does not hold it up
        service.process.send_signal(number)
        assert service.process.wait(10) == 0
    service.stop()


def test_calls_in_delay_do_not_hold_it_up(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A call whose answer is delayed for long is dropped at the end, without a traceback."""
    service = start_local_vod(tmp_path)
    service.inject({"operation": "*", "delay_s": 600})
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(call, service, "GET", "/asset/list")
        while not service.calls()["calls"]:
            time.sleep(0.01)
        assert service.stop() == 0
        with pytest.raises(OSError):  # noqa: PT011  # reset or closed, as the kernel has it
            waiting.result()
    assert "Traceback" not in capfd.readouterr().err


def test_it_starts_with_little_work(tmp_path: Path) -> None:
    """From the command to the first answer the process works for less than a second, whoever else is busy."""
    service = start_local_vod(tmp_path)
    service.control("GET", "health")
    fields = Path(f"/proc/{service.process.pid}/stat").read_text().rsplit(")")[1].split()
    assert service.stop() == 0
    assert (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") < 1


def test_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    """--help of both commands says how they are used."""
    for command, said in (("serve", "/_local/faults"), ("upload", "the asset's id")):
        with pytest.raises(SystemExit) as caught:
            main([command, "--help"])
        assert caught.value.code == 0
        assert said in capsys.readouterr().out


def test_a_service_that_cannot_start_is_an_error(service: LocalVod, tmp_path: Path) -> None:
    """The fixture's starter does not hang where the service ends at once."""
    port = int(service.endpoint.rsplit(":", 1)[1])
    with pytest.raises(LocalVodError, match="exit status 2"):
        start_local_vod(tmp_path, port=port)
