"""Name, connection, TLS and HTTP, clock: which stage fails is the one that is named."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from tests.local.test_limits import answering as dripping
from tests.local.test_limits import dripping_head
from vod_provider.cli import reach
from vod_provider.cli.checks import Check
from vod_provider.cli.reach import Reach

NOW = 1_800_000_000.0
HTTP = "HTTP (without TLS)"


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@contextmanager
def answering(
    status: int = 401, date: str | None = None, location: str | None = None
) -> Iterator[tuple[int, list[str]]]:
    """A server on a free port; gives the port, and the request lines that come in."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.requestline)
            self.send_response_only(status)
            if date is not None:
                self.send_header("Date", date)
            if location is not None:
                self.send_header("Location", location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_port, asked
        finally:
            server.shutdown()
            thread.join()


def checks(url: str, **parts: Any) -> dict[str, Check]:
    """The checks of that address by name."""
    return {it.name: it for it in Reach(url, now=lambda: NOW, **parts).checks()}


def test_an_answer_of_any_kind_is_an_answer() -> None:
    """401 to a request without a signature is as it should be; no credentials leave for it."""
    with answering(401, formatdate(NOW, usegmt=True)) as (port, asked):
        looked = Reach(f"http://127.0.0.1:{port}/v1.0/p/asset/info", now=lambda: NOW)
        found = list(looked.checks())
    assert [(it.name, it.result) for it in found] == [
        ("name (DNS)", "ok"), ("connection", "ok"), (HTTP, "ok"), ("clock", "ok")
    ]  # fmt: skip
    assert "HTTP 401" in found[2].found
    assert found[3].found == "as VOD's"
    assert looked.reached
    assert asked == ["GET /v1.0/p/asset/info HTTP/1.1"]


def test_a_name_without_an_address() -> None:
    """DNS is named, with what the resolver says; later stages are not tried."""

    def resolve(*_: Any, **__: Any) -> list[Any]:
        raise socket.gaierror(-2, "Name or service not known")

    looked = Reach("https://vod.nowhere.example/x", resolve=resolve, connect=_never)
    found = {it.name: it for it in looked.checks()}
    assert found["name (DNS)"] == Check(
        "name (DNS)", "fail", "vod.nowhere.example: Name or service not known",
        "check the network and its firewall, vod:endpoint and vod:region",
    )  # fmt: skip
    assert {it.result for it in list(found.values())[1:]} == {"warn"}
    assert not looked.reached


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ConnectionRefusedError(111, "Connection refused"), "Connection refused"),
        (TimeoutError("timed out"), "no answer within 10 s"),
        (OSError(101, "Network is unreachable"), "Network is unreachable"),
    ],
)
def test_no_connection(error: OSError, said: str) -> None:
    """The connection is named, with host, port and reason."""

    def connect(*_: Any, **__: Any) -> socket.socket:
        raise error

    found = checks("https://localhost/x", connect=connect)
    assert found["name (DNS)"].result == "ok"
    assert found["connection"].result == "fail"
    assert found["connection"].found == f"localhost port 443: {said}"
    assert found["TLS and HTTP"].result == found["clock"].result == "warn"


def test_a_server_without_tls() -> None:
    """TLS is named where the other side does not speak it."""
    with answering() as (port, asked):
        found = checks(f"https://127.0.0.1:{port}/x")
    assert found["connection"].result == "ok"
    assert found["TLS and HTTP"].result == "fail"
    assert asked == []


def test_a_server_that_is_no_http_server() -> None:
    """HTTP is named where the answer is nonsense."""
    with _speaking(b"SSH-2.0-OpenSSH\r\n") as port:
        found = checks(f"http://127.0.0.1:{port}/x")
    assert found[HTTP].result == "fail"
    assert "SSH-2.0" in found[HTTP].found


def test_a_server_that_fails() -> None:
    """5xx is an answer, and a warning."""
    with answering(503, formatdate(NOW, usegmt=True)) as (port, _):
        found = checks(f"http://127.0.0.1:{port}/x")
    assert found[HTTP].result == "warn"
    assert "HTTP 503" in found[HTTP].found
    assert found["clock"].result == "ok"


@pytest.mark.parametrize(
    ("skew", "result", "said"),
    [
        (0, "ok", "as VOD's"),
        (59, "ok", "59 s behind VOD"),
        (-59, "ok", "59 s ahead of VOD"),
        (61, "warn", "61 s behind VOD"),
        (-61, "warn", "61 s ahead of VOD"),
        (901, "fail", "901 s behind VOD: signatures are refused"),
        (-86400, "fail", "86400 s ahead of VOD"),
    ],
)
def test_clock_skew(skew: float, result: str, said: str) -> None:
    """A minute is worth a word, fifteen of them get every signature refused."""
    with answering(401, formatdate(NOW + skew, usegmt=True)) as (port, _):
        found = checks(f"http://127.0.0.1:{port}/x")["clock"]
    assert found.result == result
    assert said in found.found
    assert bool(found.remedy) == (result != "ok")


@pytest.mark.parametrize(
    "date", [None, "soon", "Mon, 01 Jan 0001 00:00:00 -0000", "Fri, 31 Dec 9999 23:59:59 -9999", "9" * 5000]
)
def test_no_clock(date: str | None) -> None:
    """An answer without a time says nothing of the clock."""
    with answering(401, date) as (port, _):
        assert checks(f"http://127.0.0.1:{port}/x")["clock"].result == "warn"


def test_a_proxy_is_what_is_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind a proxy the endpoint's name need not be known here: the proxy's is looked up, and the words say so."""
    with answering(407, formatdate(time.time(), usegmt=True)) as (port, asked):
        monkeypatch.setenv("http_proxy", f"http://user:pass@127.0.0.1:{port}")
        found = checks("http://vod.nowhere.example/x")
    assert found["name (DNS)"].found == "127.0.0.1 is 127.0.0.1 (proxy 127.0.0.1, from the environment)"
    assert found["connection"].result == "ok"
    assert asked == ["GET http://vod.nowhere.example/x HTTP/1.1"]
    assert not any("pass" in it.found for it in found.values())


def test_what_needs_no_proxy_gets_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_PROXY counts here as it does for the requests themselves."""
    monkeypatch.setenv("http_proxy", "http://proxy.nowhere.example:1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with answering(401, formatdate(NOW, usegmt=True)) as (port, asked):
        assert checks(f"http://127.0.0.1:{port}/x")[HTTP].result == "ok"
    assert len(asked) == 1


def test_loopback_is_not_reached_by_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the provider's own requests are not, whatever NO_PROXY says."""
    monkeypatch.setenv("http_proxy", "http://proxy.nowhere.example:1")
    with answering(401, formatdate(NOW, usegmt=True)) as (port, asked):
        assert checks(f"http://127.0.0.1:{port}/x")[HTTP].result == "ok"
    assert len(asked) == 1


@pytest.mark.parametrize("proxy", ["http://me:hid/den@proxy:1", "http://me:hidden@[proxy", "ftp://me:hidden@proxy"])
def test_a_proxy_that_can_be_none(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    """It is named by its variable, without anything of its address, and nobody is asked."""
    monkeypatch.setenv("https_proxy", proxy)
    found = checks("https://vod.nowhere.example/x", resolve=_never, connect=_never)
    assert "https_proxy is no address of a proxy" in found["name (DNS)"].found
    assert [it.result for it in found.values()] == ["fail", "warn", "warn", "warn"]
    assert not any("hid" in f"{it.found}{it.remedy}" for it in found.values())


def test_a_name_that_can_be_none() -> None:
    """Looking it up fails in another way than for a name that is not there."""
    found = checks("https://a..example/x", connect=_never)
    assert found["name (DNS)"].result == "fail"
    assert "a..example: " in found["name (DNS)"].found


@pytest.mark.parametrize("location", [None, "http://127.0.0.1:1/", "//[", "ftp://127.0.0.1:1/x"])
def test_a_redirect_is_not_followed(location: str | None) -> None:
    """VOD has none to give: it is a warning about what stands between."""
    with answering(302, formatdate(NOW, usegmt=True), location) as (port, asked):
        found = checks(f"http://127.0.0.1:{port}/x")[HTTP]
    assert found.found.startswith("HTTP 302 within")
    assert "a portal of the network" in found.remedy
    assert len(asked) == 1


@pytest.mark.parametrize("said", [b"\x1b[2J\x9b\xff" + b"x" * 60_000, b"HTTP/1.1 \x1b[2J 200 OK\r\n\r\n"])
def test_words_of_the_other_side_are_one_line(said: bytes) -> None:
    """They go to the terminal as JSON, too, which leaves half of the control characters as they are."""
    with _speaking(said + b"\r\n") as port:
        found = checks(f"http://127.0.0.1:{port}/x")[HTTP]
    assert found.result == "fail"
    assert found.found.isprintable()
    assert len(found.found) < 400


def test_an_answer_that_drips_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A byte now and then is not silence."""
    monkeypatch.setattr(reach, "TIMEOUT_S", 0.3)
    with dripping(dripping_head) as url:
        found = checks(url)[HTTP]
    assert (found.result, found.found) == ("fail", "no answer within 0.3 s")


def _never(*_: Any, **__: Any) -> socket.socket:
    raise AssertionError("nobody is to be connected to")


@contextmanager
def _speaking(greeting: bytes) -> Iterator[int]:
    """A server that says the same to everybody; gives its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_greet, args=(server, greeting))
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


def _greet(server: socket.socket, greeting: bytes) -> None:
    accept: Callable[[], tuple[socket.socket, Any]] = server.accept
    while True:
        try:
            connection, _ = accept()
        except OSError:
            return
        with connection, suppress(OSError):
            connection.recv(65536)  # closing with something unread would reset the connection
            connection.sendall(greeting)
