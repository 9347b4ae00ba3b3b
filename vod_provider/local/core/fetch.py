"""Fetching a file from an address that somebody else chose: only from where it is allowed, whole or not at all."""

from __future__ import annotations

import http.client
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from urllib.parse import urljoin, urlsplit

from vod_provider.local.core.hosts import is_loopback, split_url

_BLOCK = 1 << 20
_MAX_REDIRECTS = 5
_REDIRECTS = (301, 302, 303, 307, 308)


class FetchError(Exception):
    """The file could not be had; the text says why."""


class Allowed:
    """The hosts that may be fetched from: loopback, and those named (`host` or `host:port`)."""

    def __init__(self, hosts: Iterable[str] = ()) -> None:
        self._hosts = {host.lower() for host in hosts}

    def __contains__(self, url: str) -> bool:
        parts = split_url(url)
        if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
            return False
        host, port = parts.hostname.lower(), parts.port
        return is_loopback(host) or host in self._hosts or f"{host}:{port}" in self._hosts


def extension(url: str) -> str:
    """The extension of the file that an address names, in upper case, '' if it has none or is malformed."""
    parts = split_url(url)
    return "" if parts is None else PurePosixPath(parts.path).suffix.lstrip(".").upper()


def fetch(url: str, target: Path, allowed: Allowed, timeout: float = 30) -> None:
    """Write what the address holds to `target`. Every redirect must be allowed too. Raises FetchError."""
    for _ in range(_MAX_REDIRECTS + 1):
        if url not in allowed:
            raise FetchError(f"fetching from {urlsplit(url).hostname} is not allowed here (--allow-fetch)")
        try:
            moved_to = _fetch_once(url, target, timeout)
        except (OSError, http.client.HTTPException, ValueError) as exc:
            raise FetchError(f"{url} could not be fetched: {exc or type(exc).__name__}") from exc
        if moved_to is None:
            return
        url = urljoin(url, moved_to)
    raise FetchError(f"{url} redirects too often")


def _fetch_once(url: str, target: Path, timeout: float) -> str | None:
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=timeout)
    try:
        connection.request("GET", (parts.path or "/") + (f"?{parts.query}" if parts.query else ""))
        response = connection.getresponse()
        if response.status in _REDIRECTS:
            return response.getheader("Location") or ""
        if response.status != http.HTTPStatus.OK:
            raise FetchError(f"{url} answered {response.status} {response.reason}")
        with target.open("wb") as out:
            while block := response.read(_BLOCK):
                out.write(block)
        if response.length:
            raise FetchError(f"{url} broke off {response.length} bytes before its end")
    finally:
        connection.close()
    return None
