"""Fetching a file from an address that somebody else chose: only from where it is allowed, whole or not at all.

Whoever answers there decides what comes and when, so everything has an end: the time altogether, the bytes, how slow it
may be, and the service's own word that nobody wants the file any more.
"""

from __future__ import annotations

import contextlib
import http.client
import shutil
import socket
import ssl
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import SplitResult, urljoin

from vod_provider.local.core.errors import FetchError
from vod_provider.local.core.hosts import is_loopback, split_url
from vod_provider.local.core.text import printable

_BLOCK = 1 << 18
_MAX_REDIRECTS = 5
_MOST_WORDS = 500
"""Characters of the reason why a fetch has failed."""
_REDIRECTS = (301, 302, 303, 307, 308)


@dataclass(frozen=True)
class FetchLimits:
    """What a fetch may take: seconds altogether and for one read, bytes, and bytes in each span of `slow_seconds`."""

    seconds: float = 600
    read_seconds: float = 30
    size: int = 8 << 30
    free_space: int = 512 << 20
    slow_seconds: float = 30
    slow_bytes: int = 64 << 10


class Allowed:
    """The hosts that may be fetched from: loopback, and those named (`host` or `host:port`)."""

    def __init__(self, hosts: Iterable[str] = ()) -> None:
        self._hosts = {host.lower() for host in hosts}

    def __contains__(self, url: str) -> bool:
        parts = split_url(url)
        if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
            return False
        host, port = parts.hostname.lower(), parts.port
        written = f"[{host}]" if ":" in host else host
        return is_loopback(host) or bool({written, f"{written}:{port}"} & self._hosts)


class Stop:
    """Ends a fetch from another thread, whatever it is waiting for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._reason: str | None = None

    def now(self, reason: str = "it was stopped") -> None:
        """End the fetch; the first reason counts."""
        with self._lock:
            self._reason = self._reason or reason
            if self._socket is not None:
                with contextlib.suppress(OSError):
                    self._socket.shutdown(socket.SHUT_RDWR)

    def watch(self, connection: socket.socket) -> None:
        """End this connection, too, when the fetch is to end."""
        with self._lock:
            self._socket = connection
        self.check()

    def check(self) -> None:
        """Raise FetchError if the fetch is to end."""
        if self._reason is not None:
            raise FetchError(self._reason)


def extension(url: str) -> str:
    """The extension of the file that an address names, in upper case, '' if it has none or is malformed."""
    parts = split_url(url)
    return "" if parts is None else PurePosixPath(parts.path).suffix.lstrip(".").upper()


def fetch(
    url: str, target: Path, allowed: Allowed, stop: Stop | None = None, limits: FetchLimits | None = None
) -> None:
    """Write what the address holds to `target`. Every redirect must be allowed too. Raises FetchError."""
    stop, limits = stop or Stop(), limits or FetchLimits()
    deadline = threading.Timer(limits.seconds, stop.now, [f"it took more than {limits.seconds:g} seconds"])
    deadline.daemon = True
    deadline.start()
    try:
        _fetch(url, target, allowed, stop, limits)
    except FetchError as exc:  # it becomes the asset's description, and has words of whoever answered in it
        raise FetchError(printable(str(exc)[:_MOST_WORDS])) from exc
    finally:
        deadline.cancel()


def _fetch(url: str, target: Path, allowed: Allowed, stop: Stop, limits: FetchLimits) -> None:
    for _ in range(_MAX_REDIRECTS + 1):
        parts = split_url(url)
        if parts is None or url not in allowed:
            raise FetchError(f"fetching from {url if parts is None else parts.hostname} is not allowed (--allow-fetch)")
        try:
            moved_to = _fetch_once(parts, target, stop, limits)
            stop.check()  # a connection that was ended for us may look like a file that ends
            if moved_to is None:
                return
            url = urljoin(url, moved_to)
        except FetchError as exc:
            raise FetchError(f"{url} could not be fetched: {exc}") from exc
        except (OSError, http.client.HTTPException, ValueError) as exc:
            stop_reason = _reason_of(stop)
            raise FetchError(f"{url} could not be fetched: {stop_reason or exc or type(exc).__name__}") from exc
    raise FetchError(f"{url} redirects too often")


def _reason_of(stop: Stop) -> str | None:
    try:
        stop.check()
    except FetchError as exc:
        return str(exc)
    return None


def _fetch_once(parts: SplitResult, target: Path, stop: Stop, limits: FetchLimits) -> str | None:
    connection = http.client.HTTPConnection(parts.netloc.rpartition("@")[2], timeout=limits.read_seconds)
    try:
        connection.sock = _connected(parts, stop, limits)
        connection.request("GET", (parts.path or "/") + (f"?{parts.query}" if parts.query else ""))
        with contextlib.closing(connection.getresponse()) as response:
            if response.status in _REDIRECTS:
                return response.getheader("Location") or ""
            if response.status != http.HTTPStatus.OK:
                raise FetchError(f"it answered {response.status} {response.reason}")
            if (response.length or 0) > limits.size:
                raise FetchError(f"it has more than {limits.size} bytes")
            _write(response, target, stop, limits)
            if response.length:
                raise FetchError(f"it broke off {response.length} bytes before its end")
    finally:
        connection.close()
    return None


def _connected(parts: SplitResult, stop: Stop, limits: FetchLimits) -> socket.socket:
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    plain = socket.create_connection((host, port), timeout=limits.read_seconds)
    try:
        stop.watch(plain)
        if parts.scheme != "https":
            return plain
        secure = ssl.create_default_context().wrap_socket(plain, server_hostname=host, do_handshake_on_connect=False)
    except BaseException:
        plain.close()
        raise
    try:
        stop.watch(secure)
        secure.do_handshake()
    except BaseException:
        secure.close()
        raise
    return secure


def _write(response: http.client.HTTPResponse, target: Path, stop: Stop, limits: FetchLimits) -> None:
    size, span_size, span_began = 0, 0, time.monotonic()
    with target.open("wb") as out:
        while block := response.read1(_BLOCK):
            stop.check()
            size, span_size = size + len(block), span_size + len(block)
            if size > limits.size:
                raise FetchError(f"it has more than {limits.size} bytes")
            if shutil.disk_usage(target.parent).free < limits.free_space:
                raise FetchError(f"less than {limits.free_space >> 20} MiB would be left on the disk")
            now = time.monotonic()
            if now - span_began > limits.slow_seconds:
                if span_size < limits.slow_bytes:
                    raise FetchError(f"it came too slowly: {span_size} bytes in {now - span_began:.0f} seconds")
                span_size, span_began = 0, now
            out.write(block)
