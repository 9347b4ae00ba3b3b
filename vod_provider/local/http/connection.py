"""The TCP connection under a request: a way to end it abruptly, which ASGI has not."""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from typing import Any

from starlette.types import Receive, Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_TRANSPORT = "vod_provider.local.transport"
_MAX_HEAD_BYTES = 1 << 16
_UPGRADE = re.compile(rb"\r\nupgrade:", re.IGNORECASE)
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Protocol(HttpToolsProtocol):
    """Uvicorn's protocol, with its transport within reach of the application, and deaf to offers of an upgrade.

    Java's HTTP client offers HTTP/2 with every request (`Upgrade: h2c`), which a server may ignore. The
    parser below takes the offer for accepted and throws the request's body away: so it never sees it.
    """

    scope: Any

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._in_head = True
        self._head = b""

    def data_received(self, data: bytes) -> None:
        """Hold back a request's head until it is whole, and take the offer out of it."""
        if self._in_head:
            data, self._head = self._head + data, b""
            end = data.find(b"\r\n\r\n")
            if max(end, 0) > _MAX_HEAD_BYTES or (end < 0 and len(data) > _MAX_HEAD_BYTES):
                self.send_400_response("The request's head is too long.")
                return
            if end < 0:
                self._head = data
                return
            if _UPGRADE.search(data, 0, max(end, 0)):
                data = _UPGRADE.sub(b"\r\nX-Upgrade:", data[:end]) + data[end:]
        super().data_received(data)

    def on_message_begin(self) -> None:
        """Hand on the transport with each request's scope."""
        super().on_message_begin()
        self.scope[_TRANSPORT] = self.transport

    def on_headers_complete(self) -> None:
        """Note that what comes now is a body."""
        self._in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Note that what comes now is another request."""
        self._in_head = True
        super().on_message_complete()


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
