"""The server that VOD's events come to, over real connections."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import socketserver
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Queue

import pytest
import trustme

from tests.vod import free_port
from vod_provider.config.errors import SettingsError
from vod_provider.config.parsers import Listening
from vod_provider.local.core.events import headers
from vod_provider.plugin import event_listener
from vod_provider.plugin.event_listener import AT_ONCE, LONGEST, Listener

KEY = "key"


@contextmanager
def listening(host: str = "127.0.0.1", **files: Path) -> Iterator[tuple[int, Queue[str]]]:
    """A listener on a free port, and what it hears."""
    heard: Queue[str] = Queue()
    port = free_port(host)
    listener = Listener(Listening(host, port, KEY, **files), heard.put)
    try:
        yield port, heard
    finally:
        listener.close()


def event(audio_id: str = "a1") -> str:
    return json.dumps({"event_type": "audioExtractComplete", "audio_extract_info": {"asset_id": audio_id}})


def post(port: int, body: str, given: dict[str, str] | None = None, host: str = "127.0.0.1") -> int:
    """The status of a callback; signed as VOD does, or with the headers given."""
    connection = http.client.HTTPConnection(host, port, timeout=10)
    try:
        signed = headers(KEY, str(int(time.time())), body) if given is None else given
        connection.request("POST", "/any/path", body.encode(), signed)
        return connection.getresponse().status
    finally:
        connection.close()


def test_a_signed_event_is_heard_and_a_repeated_one_is_not() -> None:
    """Taken with 204 both times, so that VOD does not send it for ever."""
    with listening() as (port, heard):
        signed = headers(KEY, str(int(time.time())), event())
        assert [post(port, event(), signed), post(port, event(), signed)] == [204, 204]
        assert heard.get(timeout=10) == "a1"
        assert heard.empty()


def test_an_event_in_an_envelope_is_heard() -> None:
    """The text in `message` is what is signed; an envelope that is signed as a whole tells of no audio."""
    with listening() as (port, heard):
        envelope = json.dumps({"type": "Notification", "message": event()})
        assert post(port, envelope, headers(KEY, str(int(time.time()) * 1000), event())) == 204
        assert heard.get(timeout=10) == "a1"
        assert post(port, envelope, headers("other", str(int(time.time())), event())) == 403
        assert post(port, envelope, headers(KEY, str(int(time.time())), envelope)) == 204
        assert heard.empty()


def test_what_vod_did_not_sign_is_refused() -> None:
    """Unsigned, forged and late ones get 403, what is no callback an error of HTTP, and nothing is heard."""
    with listening() as (port, heard):
        late = str(int(time.time()) - 3600)
        assert post(port, event(), {}) == 403
        assert post(port, event(), headers("other", str(int(time.time())), event())) == 403
        assert post(port, event(), headers(KEY, late, event())) == 403
        assert [post(port, " " * length) for length in (LONGEST, LONGEST + 1)] == [204, 413]
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", "/")
        assert connection.getresponse().status == 501
        connection.close()
        with socket.create_connection(("127.0.0.1", port), timeout=10) as raw:
            raw.sendall(b"POST / HTTP/1.0\r\n\r\n")
            assert raw.recv(100).startswith(b"HTTP/1.0 411")
        assert heard.empty()


def test_silent_connections_do_not_keep_it_from_listening() -> None:
    """With every place taken by somebody who says nothing, an event is heard at once: the oldest of them has to go."""
    with listening() as (port, heard):
        silent = [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(AT_ONCE)]
        begun = time.monotonic()
        assert post(port, event()) == 204
        assert heard.get(timeout=1) == "a1"
        assert time.monotonic() - begun < event_listener.WITHIN_S / 2
        assert silent[0].recv(1) == b""
        for kept in (silent[1], silent[-1]):
            kept.settimeout(0.1)
            with pytest.raises(TimeoutError):
                kept.recv(1)
        for connection in silent:
            connection.close()


def test_it_speaks_tls_with_the_certificate_given(tmp_path: Path) -> None:
    """HTTPS for who trusts the certificate; somebody who speaks no TLS disturbs nobody."""
    authority = trustme.CA()
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(tmp_path / "both.pem")
    with listening(certificate=tmp_path / "both.pem") as (port, heard):
        with pytest.raises((http.client.HTTPException, OSError)):
            post(port, event())
        context = ssl.create_default_context()
        authority.configure_trust(context)
        with socket.create_connection(("localhost", port), timeout=10):  # says nothing, and keeps nobody waiting
            connection = http.client.HTTPSConnection("localhost", port, timeout=3, context=context)
            connection.request("POST", "/", event(), headers(KEY, str(int(time.time())), event()))
            assert connection.getresponse().status == 204
            connection.close()
        assert heard.get(timeout=10) == "a1"


def test_it_listens_on_ipv6() -> None:
    """An address with colons in it is one of IPv6."""
    with listening("::1") as (port, heard):
        assert post(port, event(), host="::1") == 204
        assert heard.get(timeout=10) == "a1"


def test_a_port_is_one_listeners(tmp_path: Path) -> None:
    """The second on one port gets an error; so does one whose certificate is none, by the name of its file."""
    with listening() as (port, _), pytest.raises(OSError, match="in use"):
        Listener(Listening("127.0.0.1", port, KEY), print)
    file = tmp_path / "none.pem"
    for content in (None, "", "no certificate"):
        if content is not None:
            file.write_text(content)
        why = "No such file or directory$" if content is None else ""
        told = rf"^vod:events: no certificate with its key, in PEM, is in {file}: {why}"
        with pytest.raises(SettingsError, match=told):
            Listener(Listening("127.0.0.1", free_port(), KEY, file), print)


def held(port: int, count: int) -> list[socket.socket]:
    """Connections that have sent the beginning of a callback."""
    connections = [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(count)]
    for connection in connections:
        connection.sendall(b"POST / HTTP/1.1\r\n")
    return connections


def test_senders_that_drip_do_not_mute_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A byte now and then keeps no place: a callback has one deadline for all of it."""
    monkeypatch.setattr(event_listener, "WITHIN_S", 0.6)
    with listening() as (port, heard):
        dripping = held(port, AT_ONCE)
        end = time.monotonic() + 10
        while time.monotonic() < end:
            for connection in dripping:
                with contextlib.suppress(OSError):
                    connection.sendall(b"x")
            with contextlib.suppress(OSError, http.client.HTTPException):
                if post(port, event()) == 204:
                    break
            time.sleep(0.1)
        assert heard.get(timeout=1) == "a1"
        for connection in dripping:
            with contextlib.suppress(ConnectionError):
                assert connection.recv(1) == b"", "it is let go on"
            connection.close()


def test_threads_that_do_not_end_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is hung up on may take a while to go. Of twice as many as have a place, the next one is turned away."""
    monkeypatch.setattr(event_listener, "AT_ONCE", 2)
    goes_on, port = threading.Event(), free_port()

    def heard(_: str) -> None:
        goes_on.wait(10)

    listener = Listener(Listening("127.0.0.1", port, KEY), heard)
    try:
        assert [post(port, event(str(number))) for number in range(4)] == [204] * 4
        with pytest.raises((http.client.HTTPException, OSError)):
            post(port, event("more"))
        goes_on.set()
        end, status = time.monotonic() + 10, 0
        while status != 204 and time.monotonic() < end:
            with contextlib.suppress(http.client.HTTPException, OSError):
                status = post(port, event("more"))
        assert status == 204
    finally:
        goes_on.set()
        listener.close()


def test_what_the_machine_gives_no_thread_to_keeps_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many come meanwhile: as soon as there are threads again, an event is heard."""
    monkeypatch.setattr(event_listener, "AT_ONCE", 2)
    with listening() as (port, heard):
        with monkeypatch.context() as patched:
            patched.setattr(socketserver.ThreadingMixIn, "process_request", no_more_threads)
            for _ in range(6):
                with pytest.raises((http.client.HTTPException, OSError)):
                    post(port, event())
        assert post(port, event()) == 204
        assert heard.get(timeout=10) == "a1"


def no_more_threads(*_: object) -> None:
    raise RuntimeError("can't start new thread")


def test_a_head_has_a_largest_size() -> None:
    """Headers without end are not kept: the sender is hung up on, and memory stays as it is."""
    with listening() as (port, heard):
        connection = socket.create_connection(("127.0.0.1", port), timeout=10)
        sent = 0
        with contextlib.suppress(OSError):
            connection.sendall(b"POST / HTTP/1.1\r\n")
            while sent < 50_000_000:
                connection.sendall(b"x: " + b"y" * 8000 + b"\r\n")
                sent += 8005
        assert sent < 50_000_000
        connection.close()
        assert post(port, event()) == 204
        assert heard.get(timeout=10) == "a1"


def test_it_keeps_nobody_from_ending() -> None:
    """Closed while somebody says nothing, it is closed at once; and a process ends although it is open."""
    others = set(threading.enumerate())
    with listening() as (port, _), socket.create_connection(("127.0.0.1", port), timeout=10):
        assert post(port, event()) == 204  # so the other one has its thread by now
        threads = set(threading.enumerate()) - others
        (thread,) = (it for it in threads if it.name == "vod-events")
        assert all(it.daemon for it in threads)
        begun = time.monotonic()
    assert time.monotonic() - begun < event_listener.WITHIN_S / 2
    thread.join(10)
    assert not thread.is_alive()
