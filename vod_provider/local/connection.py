"""The TCP connection under a request: a way to end it abruptly, which ASGI has not."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Any

from starlette.types import Receive, Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_TRANSPORT = "vod_provider.local.transport"
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Protocol(HttpToolsProtocol):
    """Uvicorn's protocol, with its transport within reach of the application."""

    scope: Any

    def on_message_begin(self) -> None:
        """Hand on the transport with each request's scope."""
        super().on_message_begin()
        self.scope[_TRANSPORT] = self.transport


async def drop(scope: Scope, receive: Receive, *, reset: bool) -> None:
    """End the connection without a (further) answer.

    `reset`: as a crash does it (RST), and what was sent and not read may be lost; else with the answer so
    far delivered and then its end. Returns when it is over.
    """
    transport: asyncio.Transport = scope[_TRANSPORT]
    if reset:
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        transport.abort()
    else:
        transport.close()
    while (await receive())["type"] != "http.disconnect":
        pass
