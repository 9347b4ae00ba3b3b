"""Listens for VOD's signed event `audioExtractComplete`, and says which audio it names.

An event is a hint to look now, never the truth itself: whoever forges one gains nothing, and one that is lost only
costs time. The body of a callback is an envelope, a JSON object whose `message` holds the event's JSON text, and only
that text is signed. Sources, and what is not known of callbacks: docs/cloud.md. So the text without an envelope is
understood as well, the time in seconds or milliseconds, and the event's name in small or capital letters.
"""

from __future__ import annotations

import enum
import hmac
import io
import json
import socket
import socketserver
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

from vod_provider.config.errors import SettingsError
from vod_provider.config.parsers import Listening

LATE_S = 300.0
"""How far a callback's timestamp may be off this machine's clock."""
LONGEST = 65_536
"""Bytes of a message, at most."""
AT_ONCE = 64
"""Callbacks that are read at once. One more, and the oldest is hung up on: VOD's own are over within milliseconds."""
HEAD = 16_384
"""Bytes of a callback's line and headers, at most."""
WITHIN_S = 5.0
"""How long a callback may take, from the connection to its last byte."""
POLL_S = 0.2
"""How often is looked for callbacks whose time is over."""
_EVENT = "audioextractcomplete"


class Verdict(enum.Enum):
    """Of a callback."""

    NEW = "VOD has signed it, of late"
    KNOWN = "the same as before: VOD did not get our answer, or somebody sends it on"
    REFUSED = "not signed with the key, or long ago"


class Gate:
    """Tells the callbacks that VOD signed from all others. Safe to share between threads."""

    def __init__(self, key: str, clock: Callable[[], float] = time.time) -> None:
        self._key, self._clock = key.encode(), clock
        self._lock = threading.Lock()
        self._admitted: dict[str, float] = {}
        self._own = self._others = False

    @property
    def others_only(self) -> bool:
        """Whether callbacks came, and all were signed otherwise: then it is the key that is wrong."""
        return self._others and not self._own

    def admit(self, timestamp: str, sign: str, message: bytes) -> Verdict:
        """What to do with a callback whose signed text is `message`."""
        signed = b"VOD_" + timestamp.encode(errors="replace") + b"_" + message
        expected = hmac.digest(self._key, signed, "sha256").hex()
        own = hmac.compare_digest(expected.encode(), sign.lower().encode(errors="replace"))
        if not own:
            self._others = True
            return Verdict.REFUSED
        self._own = True
        now = self._clock()
        try:
            given = int(timestamp)
            sent = min(given, given / 1000, key=lambda it: abs(now - it))  # it may be in milliseconds
        except (ValueError, OverflowError):
            return Verdict.REFUSED
        if abs(now - sent) > LATE_S:
            return Verdict.REFUSED
        with self._lock:
            # What is older than that is refused for its timestamp.
            self._admitted = {one: since for one, since in self._admitted.items() if abs(now - since) <= LATE_S}
            if expected in self._admitted:
                return Verdict.KNOWN
            self._admitted[expected] = sent
        return Verdict.NEW


def _parsed(text: bytes) -> dict[str, object]:
    """The JSON object that the text is; empty where it is none."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def readings(body: bytes) -> list[bytes]:
    """What may be the signed text of a callback: the `message` of its envelope, exactly as decoded, or all of it."""
    message = _parsed(body).get("message")
    return [message.encode(errors="surrogatepass"), body] if isinstance(message, str) else [body]


def audio_of(message: bytes) -> str | None:
    """The id of the audio whose extraction has ended, well or badly; None where the event tells of none."""
    event = _parsed(message)
    if str(event.get("event_type")).lower() != _EVENT:
        return None
    told = event.get("audio_extract_info")
    audio_id = told.get("asset_id") if isinstance(told, dict) else None
    return audio_id if isinstance(audio_id, str) and audio_id else None


class Listener:
    """An HTTP or HTTPS server on threads of its own, for as long as the process lives or until `close`."""

    def __init__(self, listening: Listening, heard: Callable[[str], None]) -> None:
        """Listens once made. `heard` gets the audio's id. Raises SettingsError, or OSError for an address in use."""
        self.gate = Gate(listening.key)
        tls = _tls(listening)
        self._server = _Server(listening, tls, _handler(self.gate, heard))
        serve = partial(self._server.serve_forever, poll_interval=POLL_S)
        threading.Thread(target=serve, name="vod-events", daemon=True).start()

    def close(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()


def _tls(listening: Listening) -> ssl.SSLContext | None:
    if listening.certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        # A password is not asked for: there is nobody at a keyboard.
        context.load_cert_chain(listening.certificate, listening.certificate_key, password="")
    except OSError as exc:  # of which ssl.SSLError is one
        files = " and ".join(str(file) for file in (listening.certificate, listening.certificate_key) if file)
        why = exc.strerror or exc
        raise SettingsError(f"vod:events: no certificate with its key, in PEM, is in {files}: {why}") from exc
    return context


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    # Otherwise two runs at once would share the port, and get each other's events.
    allow_reuse_port = False

    def __init__(self, listening: Listening, tls: ssl.SSLContext | None, handler: type[BaseHTTPRequestHandler]) -> None:
        self.address_family = socket.AF_INET6 if ":" in listening.host else socket.AF_INET
        self._tls = tls
        self._lock = threading.Lock()
        # Those that have their place, and since when: oldest first. Those that were hung up on may take a moment to go.
        self._open: dict[object, float] = {}
        self._places = threading.BoundedSemaphore(2 * AT_ONCE)
        super().__init__((listening.host, listening.port), handler)

    def server_bind(self) -> None:
        # Not HTTPServer's, which asks the name service for the name of this host, and may wait for it.
        socketserver.TCPServer.server_bind(self)

    def get_request(self) -> tuple[socket.socket, object]:
        connection, address = super().get_request()
        if self._tls is not None:
            # The handshake is made where the first byte is read: in the thread of the callback.
            connection = self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, address

    def process_request(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        if not self._places.acquire(blocking=False):
            self.shutdown_request(request)
            return
        with self._lock:
            self._open[request] = time.monotonic()
            oldest = next(iter(self._open)) if len(self._open) > AT_ONCE else None
        if oldest is not None:
            self._hang_up(oldest)
        try:
            super().process_request(request, client_address)
        except RuntimeError:  # this machine gives no more threads
            self._over(request)
            raise

    def service_actions(self) -> None:
        """Hang up on callbacks whose time is over; called between connections, and several times a second."""
        now = time.monotonic()
        with self._lock:
            late = [request for request, since in self._open.items() if now - since > WITHIN_S]
        for request in late:
            self._hang_up(request)

    def _hang_up(self, request: object) -> None:
        """Have the thread of a connection find that it is at its end."""
        with self._lock:
            self._open.pop(request, None)
        with suppress(OSError):
            cast("socket.socket", request).shutdown(socket.SHUT_RDWR)

    def _over(self, request: object) -> None:
        with self._lock:
            self._open.pop(request, None)
        self._places.release()

    def process_request_thread(
        self, request: socket.socket | tuple[bytes, socket.socket], client_address: object
    ) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._over(request)

    def handle_error(self, _request: object, _client_address: object) -> None:
        """A sender that hangs up or speaks no TLS is no affair of the user's."""


def _handler(gate: Gate, heard: Callable[[str], None]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def setup(self) -> None:
            super().setup()
            self._bounded = _Bounded(self.rfile, HEAD)
            self.rfile = cast("io.BufferedIOBase", self._bounded)

        def do_POST(self) -> None:
            length = self.headers.get("Content-Length", "")
            if not length.isascii() or not length.isdigit():
                self._answer(411)
                return
            if len(length) > len(str(LONGEST)) or int(length) > LONGEST:
                self._answer(413)
                return
            self._bounded.left = int(length)
            body = self.rfile.read(int(length))
            timestamp, sign = self.headers.get("auth_timestamp", ""), self.headers.get("auth_sign", "")
            for message in readings(body):
                verdict = gate.admit(timestamp, sign, message)
                if verdict is not Verdict.REFUSED:
                    break
            self._answer(403 if verdict is Verdict.REFUSED else 204)
            if verdict is Verdict.NEW and (audio_id := audio_of(message)):
                heard(audio_id)

        def _answer(self, status: int) -> None:
            self.send_response_only(status)
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            """Standard output and error are Pulumi's."""

    return Handler


class _Bounded:
    """A stream that is at its end once `left` bytes more were read of it."""

    def __init__(self, stream: Any, left: int) -> None:
        self._stream, self.left = stream, left

    def readline(self, size: int) -> bytes:
        return self._counted(self._stream.readline(min(size, self.left)))

    def read(self, size: int) -> bytes:
        return self._counted(self._stream.read(min(size, self.left)))

    def _counted(self, got: bytes) -> bytes:
        self.left -= len(got)
        return got

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
