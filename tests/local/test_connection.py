"""The connection itself: offers of an upgrade, requests in pieces, several in one."""

from __future__ import annotations

import asyncio
import concurrent.futures
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import pytest
import uvicorn
from uvicorn.server import ServerState

from tests.local.wiretap import call, send
from vod_provider.local.http.connection import BODY_IDLE_SECONDS, HEAD_SECONDS, Protocol, end_late_connections
from vod_provider.local.testing import LocalVod

OFFER = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAA\r\n"


def exchange(service: LocalVod, *pieces: bytes) -> bytes:
    """Send pieces over one connection, end the sending, and read all that comes back."""
    host, port = service.endpoint.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in pieces:
            connection.sendall(piece)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
        return answer


@pytest.mark.parametrize("cut", [None, 5, 60, 150])
def test_offer_of_http2_is_ignored(service: LocalVod, cut: int | None) -> None:
    """A PUT that offers HTTP/2, as Java's client does, arrives whole, however it is cut into pieces."""
    new = {"title": "t", "video_name": "n.mp4", "video_type": "MP4"}
    created = call(service, "POST", "/asset", new).json
    path = created["video_upload_url"].removeprefix(service.endpoint)
    body = b"upgrade: this is a body\r\nUpgrade: still\r\n\r\n" * 1000
    head = f"PUT {path} HTTP/1.1\r\nHost: x\r\n{OFFER}Content-Length: {len(body)}\r\n\r\n"
    request = head.encode() + body
    end = b"GET /_local/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    pieces = (request + end,) if cut is None else (request[:cut], request[cut:], end)
    answer = exchange(service, *pieces)
    assert answer.count(b"HTTP/1.1 200 OK") == 2
    stored = next((service.data / "media").glob(f"{created['asset_id']}*"))
    assert stored.read_bytes() == body


def test_offer_without_a_body(service: LocalVod) -> None:
    """A GET that offers HTTP/2 is answered in HTTP/1.1."""
    request = f"GET /_local/health HTTP/1.1\r\nHost: x\r\n{OFFER}\r\n".encode()
    end = b"GET /_local/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    assert exchange(service, request, end).count(b"HTTP/1.1 200 OK") == 2


def test_what_is_no_http(service: LocalVod) -> None:
    """Bytes that are no request, and a head that does not end, are refused and the connection ends."""
    assert exchange(service, b"\x16\x03\x01\x02\x00\r\n\r\n").startswith(b"HTTP/1.1 400")
    assert exchange(service, b"GET / HTTP/1.1\r\nX: " + b"x" * 70_000).startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize(
    ("first", "said"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"http://"),
        (b"\x16\x03", b"http://"),
        (b"get / HTTP/1.1\r\n", b"not an HTTP/1.1 request"),
        (b"GET / HTTP/1.1\nHost: x\n\n", b"not an HTTP/1.1 request"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", b"not an HTTP/1.1 request"),
        (b"\x00", b"not an HTTP/1.1 request"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b""),
    ],
)
def test_first_bytes_that_are_no_request_are_answered_at_once(service: LocalVod, first: bytes, said: bytes) -> None:
    """TLS, another protocol or garbage on the port gets an answer and the end, though the caller still waits."""
    host, port = service.endpoint.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(first)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert said in answer


def test_half_heads_keep_nobody_out(tmp_path: Path) -> None:
    """With more connections than the service may hold, those that have waited longest for a request make room."""
    program = "import resource, sys; resource.setrlimit(resource.RLIMIT_NOFILE, (300, 300)); "
    program += "from vod_provider.local.__main__ import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", program, "serve", "--port", "0", "--data", str(tmp_path / "data")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        port = int(process.stdout.readline().split()[3].rsplit(":", 1)[1])
        halves = [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(200)]
        try:
            for half in halves:
                half.sendall(b"GET / HTTP/1.1\r\nHost: ")
            assert send(f"http://127.0.0.1:{port}/_local/health", "GET", {}).status == 200
        finally:
            for half in halves:
                half.close()
            process.terminate()


class Wire(asyncio.Transport):
    """A transport that notes what is written and whether it was closed."""

    def __init__(self) -> None:
        super().__init__()
        self.written, self.closed = b"", False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    abort = close

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


class Clock:
    """An event loop as far as a connection needs one: a clock that is set by hand, and tasks that never run."""

    def __init__(self) -> None:
        self.now = 100.0

    def time(self) -> float:
        return self.now

    def create_task(self, coroutine: Any) -> Any:
        coroutine.close()
        return concurrent.futures.Future()


async def unused(scope: Any, receive: Any, send: Any) -> None:
    """An application that is never called."""


@pytest.mark.parametrize(
    ("sent", "stays", "late"),
    [
        ((), HEAD_SECONDS, True),
        ((b"GET / HT",), HEAD_SECONDS, True),
        ((b"GET / HT", b"TP/1.1\r\n"), HEAD_SECONDS, True),
        ((b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n",), HEAD_SECONDS, False),
        ((b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nab",), BODY_IDLE_SECONDS, True),
        ((b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nabcde",), 10 * BODY_IDLE_SECONDS, False),
    ],
)
def test_what_does_not_come_in_time(sent: tuple[bytes, ...], stays: float, late: bool) -> None:
    """A head has 20 s, a body may pause for 60, and a call that is whole is answered whenever it is."""
    clock, wire, state = Clock(), Wire(), ServerState()
    loop = cast("asyncio.AbstractEventLoop", clock)
    connection = Protocol(uvicorn.Config(unused, log_config=None, ws="none"), state, {}, loop)
    connection.connection_made(wire)
    for piece in sent:
        connection.data_received(piece)
    end_late_connections(state.connections, clock.now + stays)
    assert not wire.closed
    end_late_connections(state.connections, clock.now + stays + 0.1)
    assert wire.closed == late


def test_room_is_made_by_those_that_have_waited_longest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where many come while the loop's clock stands still, and where the first sends on, a byte at a time."""
    monkeypatch.setattr(Protocol, "most_connections", 5)
    clock, state = Clock(), ServerState()
    made: list[tuple[Protocol, Wire]] = []
    for number in range(20):
        wire = Wire()
        connection = Protocol(
            uvicorn.Config(unused, log_config=None, ws="none"), state, {}, cast("asyncio.AbstractEventLoop", clock)
        )
        connection.connection_made(wire)
        made.append((connection, wire))
        clock.now += number % 2
        first, its_wire = made[0]
        if not its_wire.closed:
            first.data_received(b"G")
        for connection, wire in made:
            if wire.closed:  # as the loop says it, a turn later
                state.connections.discard(connection)
    assert [wire.closed for _, wire in made] == 15 * [True] + 5 * [False]
