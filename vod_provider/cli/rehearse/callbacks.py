"""Callbacks exactly as they come, headers and body, to be looked at. Verifies nothing and answers 200."""

from __future__ import annotations

import hashlib
import hmac
import http.server
import json
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from vod_provider.cli.errors import CommandError
from vod_provider.config.parsers import Listening

LARGEST = 64 * 1024
"""Bytes of a body that are read."""
TIMEOUT_S = 10.0


@dataclass(frozen=True)
class Callback:
    """One callback, header names in lower case."""

    headers: Mapping[str, str]
    body: str

    @property
    def envelope(self) -> Mapping[str, Any] | None:
        """The body, if it is an object with a text in `message`."""
        parsed = _object(self.body)
        return parsed if parsed is not None and isinstance(parsed.get("message"), str) else None

    @property
    def message(self) -> str:
        """The event's text: that of the envelope, or the whole body."""
        return str(self.envelope["message"]) if self.envelope is not None else self.body

    @property
    def event(self) -> Mapping[str, Any]:
        """The event; {} where it is none."""
        return _object(self.message) or {}

    def signs(self, text: str, key: str) -> bool:
        """Whether the signature is that of `text`."""
        timestamp = self.headers.get("auth_timestamp", "")
        expected = hmac.new(key.encode(), f"VOD_{timestamp}_{text}".encode(), hashlib.sha256).hexdigest()
        return hmac.compare_digest(expected, self.headers.get("auth_sign", ""))


def _object(text: str) -> Mapping[str, Any] | None:
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) else None


@contextmanager
def collected(listening: Listening | None) -> Iterator[list[Callback]]:
    """The callbacks that come meanwhile; none where nothing is listened for. Raises CommandError."""
    found: list[Callback] = []
    if listening is None:
        yield found
        return

    class Handler(http.server.BaseHTTPRequestHandler):
        timeout = TIMEOUT_S

        def do_POST(self) -> None:
            length = self.headers.get("Content-Length", "")
            body = self.rfile.read(min(int(length), LARGEST)) if length.isdigit() else b""
            headers = {name.lower(): value for name, value in self.headers.items()}
            found.append(Callback(headers, body.decode(errors="replace")))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the base class has it
            """Not on the terminal."""

    try:
        server = http.server.ThreadingHTTPServer((listening.host, listening.port), Handler)
        if listening.certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(listening.certificate, listening.certificate_key)
            server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    except OSError as exc:
        raise CommandError(f"vod:events.listen: {listening.host}:{listening.port}: {exc.strerror or exc}") from exc
    thread = threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
