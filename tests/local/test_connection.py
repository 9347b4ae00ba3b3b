"""The connection itself: offers of an upgrade, requests in pieces, several in one."""

from __future__ import annotations

import socket

import pytest

from tests.local.wiretap import call
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
