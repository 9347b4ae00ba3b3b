"""The TCP connection under a request: what may take how long on it, and a way to end it abruptly, which ASGI lacks."""

from __future__ import annotations

import asyncio
import itertools
import re
import socket
import struct
from collections.abc import Iterable
from typing import Any, ClassVar, cast

from starlette.types import Receive, Scope
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

HEAD_SECONDS = 20.0
"""How long a request's head may take, from the connection or from its first byte."""
BODY_IDLE_SECONDS = 60.0
"""How long a caller may send nothing in the middle of a body."""
_TRANSPORT = "vod_provider.local.transport"
_MAX_HEAD_BYTES = 1 << 16
_END_OF_HEAD = b"\r\n\r\n"
_UPGRADE = re.compile(rb"\r\nupgrade:", re.IGNORECASE)
_TLS_HANDSHAKE = b"\x16\x03"
_REQUEST_LINE = re.compile(rb"[A-Z]{1,20} [^ \r\n]+ HTTP/1\.[01]\r")
_BEGINNING_OF_REQUEST_LINE = re.compile(rb"[A-Z]{1,20}( [^\r\n]*\r?)?")
_turns = itertools.count()
"""Who has waited longer: the loop's clock stands still while it does what has come up, so times are often equal."""
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Protocol(HttpToolsProtocol):
    """Uvicorn's protocol, with a head that must be HTTP and must come in time, and deaf to offers of an upgrade.

    It stays on httptools. Uvicorn's h11 ignores offers of an upgrade by itself and refuses what is no HTTP at its first
    bytes, which would save 77 lines here; but a call takes 350 to 430 µs of CPU time with it, and 275 to 335 with this,
    measured by turns on one machine.

    Java's HTTP client offers HTTP/2 with every request (`Upgrade: h2c`), which a server may ignore. The
    parser below takes the offer for accepted and throws the request's body away: so it never sees it.
    """

    most_connections: ClassVar[int] = 4096
    """With more than that, the connection goes that has waited longest for a request."""

    scope: Any
    cycle: Any

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._in_head = True
        self._head = bytearray()
        # When the head that is awaited began, on the loop's clock. None: no head has begun (kept-alive
        # connections, which uvicorn ends), or a request is being answered.
        self._head_began: float | None = None
        self._last_data = 0.0
        self._waits_since = next(_turns)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a head; make room for this connection if there are too many."""
        super().connection_made(transport)
        self._head_began = self._last_data = self.loop.time()
        if len(self.connections) > self.most_connections:
            self._make_room()

    def data_received(self, data: bytes) -> None:
        """Hold back a request's head until it is whole, and take an offer of an upgrade out of it."""
        self._last_data = self.loop.time()
        if self._in_head:
            if self._head:
                searched = max(0, len(self._head) - len(_END_OF_HEAD))
                self._head += data
                data = bytes(self._head) if self._head.find(_END_OF_HEAD, searched) >= 0 else b""
            elif data.find(_END_OF_HEAD) < 0:
                self._unset_keepalive_if_required()
                self._head_began = self._head_began or self._last_data
                self._head += data.lstrip(b"\r\n")
                data = b""
            if not data:
                self._check_unfinished_head()
                return
            self._head.clear()
            end = data.find(_END_OF_HEAD)
            if end > _MAX_HEAD_BYTES:
                self.send_400_response("The request's head is too long.")
                return
            if _UPGRADE.search(data, 0, end):
                data = _UPGRADE.sub(b"\r\nX-Upgrade:", data[:end]) + data[end:]
        super().data_received(data)

    def _check_unfinished_head(self) -> None:
        """Refuse at its first bytes what will never be a request: nobody would answer it otherwise."""
        head = self._head
        line, ended, _ = head.partition(b"\n")
        if head.startswith(_TLS_HANDSHAKE):
            self.send_400_response("This port speaks HTTP without TLS: the address begins with http://")
        elif len(head) > _MAX_HEAD_BYTES:
            self.send_400_response("The request's head is too long.")
        elif head and not (_REQUEST_LINE if ended else _BEGINNING_OF_REQUEST_LINE).fullmatch(line):
            self.send_400_response("This is not an HTTP/1.1 request.")

    def end_if_late(self, now: float) -> None:
        """End the connection if its head, or the rest of its body, did not come in time; `now` on the loop's clock."""
        if self._in_head:
            if self._head_began is not None and now - self._head_began > HEAD_SECONDS:
                self._time_out()
        elif now - self._last_data > BODY_IDLE_SECONDS and not self.flow.read_paused:
            self._time_out()

    def _time_out(self) -> None:
        if not self.transport.is_closing():
            if self.cycle is None or self.cycle.response_complete:
                self.transport.write(STATUS_LINE[408] + b"connection: close\r\ncontent-length: 0\r\n\r\n")
            self.transport.close()

    def _make_room(self) -> None:
        waiting = [connection for connection in self._all() if connection.is_idle]
        longest = min(waiting, key=lambda connection: connection._waits_since, default=self)  # noqa: SLF001
        longest.transport.abort()

    def _all(self) -> Iterable[Protocol]:
        return cast("Iterable[Protocol]", self.connections)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is being answered: a whole head is awaited."""
        return self._in_head and (self.cycle is None or self.cycle.response_complete)

    def on_message_begin(self) -> None:
        """Hand on the transport with each request's scope."""
        super().on_message_begin()
        self.scope[_TRANSPORT] = self.transport

    def on_headers_complete(self) -> None:
        """Note that what comes now is a body."""
        self._in_head = False
        self._head_began = None
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Note that what comes now is another request."""
        self._in_head = True
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Note that another request is awaited from now on."""
        self._waits_since = next(_turns)
        super().on_response_complete()


def end_late_connections(connections: Iterable[object], now: float) -> None:
    """End those that keep the service waiting; to be called every second or so."""
    for connection in list(connections):
        cast("Protocol", connection).end_if_late(now)


def abort(scope: Scope) -> None:
    """End the connection as a crash does it (RST)."""
    transport: asyncio.Transport = scope[_TRANSPORT]
    connection = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    transport.abort()


async def drop(scope: Scope, receive: Receive, *, reset: bool) -> None:
    """End the connection without a (further) answer.

    `reset`: as a crash does it (RST), and what was sent and not read may be lost; else with the answer so
    far delivered and then its end. Returns when it is over.
    """
    if reset:
        abort(scope)
    else:
        scope[_TRANSPORT].close()
    while (await receive())["type"] != "http.disconnect":
        pass
