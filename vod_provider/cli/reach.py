"""Whether the endpoint can be reached, one stage at a time: name, connection, TLS and HTTP, and the clock.

With the standard library and without a signature: where signed requests fail altogether, this still tells which
stage it is, and what time it is over there. Certificates and proxies are taken from where `requests` takes them.
"""

from __future__ import annotations

import http.client
import os
import socket
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from functools import partial
from pathlib import Path
from queue import Empty, Queue
from typing import Any, NoReturn, TypeVar
from urllib.parse import urlsplit

import certifi

from vod_provider.cli.checks import Check, not_tried
from vod_provider.text import printable
from vod_provider.vod.connection import Way, way
from vod_provider.vod.errors import UnreachableError
from vod_provider.vod.transport import EARLIEST, LATEST

T = TypeVar("T")
TIMEOUT_S = 10.0
SKEW_WARN_S, SKEW_FAIL_S = 60.0, 900.0
"""A signature is refused that is more than 15 minutes off. Source: 'API Request Signing Guide'."""
_PORTS = {"http": 80, "https": 443}
_WORDS = 300
"""Characters of what went wrong."""
_NETWORK = "check the network and its firewall, vod:endpoint and vod:region"
_CLOCK = "set this machine's clock (NTP)"


class Reach:
    """The checks of one URL. `resolve`, `connect`, `now` (Unix seconds) and `clock` are for tests to replace."""

    def __init__(
        self,
        url: str,
        *,
        resolve: Callable[..., list[Any]] = socket.getaddrinfo,
        connect: Callable[..., socket.socket] = socket.create_connection,
        now: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = url
        self.reached = False
        """Whether an answer came, of any kind; known after `checks`."""
        self._resolve, self._connect, self._now, self._clock = resolve, connect, now, clock
        parts = urlsplit(url)
        self._scheme = parts.scheme
        self._refused = ""
        """Why the proxy that the environment names can be none."""
        try:
            self._way = way(url)
        except UnreachableError as error:
            self._way, self._refused = Way("", parts.hostname or ""), str(error)
        self._proxy = _proxy(self._scheme) if self._way.name else ""
        behind = urlsplit(self._proxy) if self._proxy else parts
        self._host = behind.hostname or ""
        self._port = behind.port or _PORTS.get(behind.scheme, 80)

    def checks(self) -> Iterator[Check]:
        """All stages up to the first that fails."""
        later = ("connection", self._http, "clock")
        if self._refused:
            yield Check("name (DNS)", "fail", self._refused)
            yield from (not_tried(name, "there is no way to VOD") for name in later)
            return
        via = f" (proxy {self._host}, from the environment)" if self._proxy else ""
        try:
            found = self._resolve(self._host, self._port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as exc:  # the latter for a name that can be none
            yield Check("name (DNS)", "fail", f"{self._host}: {self._why(exc)}{via}", _NETWORK)
            yield from (not_tried(name, "the name has no address") for name in later)
            return
        addresses = sorted({str(one[4][0]) for one in found})
        more = f" and {len(addresses) - 3} more" if len(addresses) > 3 else ""
        yield Check("name (DNS)", "ok", f"{self._host} is {', '.join(addresses[:3])}{more}{via}")
        started = self._clock()
        try:
            self._connect((self._host, self._port), timeout=TIMEOUT_S).close()
        except OSError as exc:
            yield Check("connection", "fail", f"{self._host} port {self._port}: {self._why(exc)}", _NETWORK)
            yield from (not_tried(name, "there is no connection") for name in (self._http, "clock"))
            return
        yield Check("connection", "ok", f"port {self._port} within {self._ms(started)} ms")
        yield from self._answer()

    @property
    def _http(self) -> str:
        return "TLS and HTTP" if self._scheme == "https" else "HTTP (without TLS)"

    def _answer(self) -> Iterator[Check]:
        started = self._clock()
        try:
            status, date = _in_time(lambda: _get(self._url, {self._scheme: self._proxy} if self._proxy else {}))
        except (OSError, http.client.HTTPException, ValueError) as exc:
            why = exc.reason if isinstance(exc, urllib.error.URLError) and isinstance(exc.reason, OSError) else exc
            remedy = _NETWORK
            if isinstance(why, ssl.SSLCertVerificationError):
                remedy = "is a proxy in between? REQUESTS_CA_BUNDLE names the file with its certificate"
            yield Check(self._http, "fail", self._why(why), remedy)
            yield not_tried("clock", "there is no answer")
            return
        self.reached = True
        took = self._ms(started)
        if 300 <= status < 400:
            portal = "VOD redirects nobody: a proxy or a portal of the network stands between"
            yield Check(self._http, "warn", f"HTTP {status} within {took} ms", portal)
        elif status >= 500:
            yield Check(self._http, "warn", f"HTTP {status} within {took} ms", "VOD or a proxy fails: try again later")
        else:
            yield Check(self._http, "ok", f"HTTP {status} within {took} ms to a request without a signature")
        yield self._skew(date)

    def _skew(self, date: str) -> Check:
        try:
            told = parsedate_to_datetime(date)
            if not EARLIEST.year <= told.year < LATEST.year:
                raise ValueError(date)
            there = told.timestamp()
        except (ValueError, OverflowError):
            return Check("clock", "warn", "the answer tells no time (no header Date)")
        skew = there - self._now()
        how = f"this machine is {abs(skew):.0f} s {'behind' if skew > 0 else 'ahead of'} VOD"
        if abs(skew) > SKEW_FAIL_S:
            return Check("clock", "fail", f"{how}: signatures are refused that are more than 900 s off", _CLOCK)
        if abs(skew) > SKEW_WARN_S:
            return Check("clock", "warn", f"{how}; up to 900 s are allowed", _CLOCK)
        return Check("clock", "ok", f"{how}; up to 900 s are allowed" if abs(skew) >= 2 else "as VOD's")

    def _ms(self, started: float) -> int:
        return round((self._clock() - started) * 1000)

    def _why(self, exc: BaseException) -> str:
        """What went wrong, in words that may be the other side's: one line, and without the proxy's password."""
        text = _words(exc)
        for secret in self._way.secrets:
            text = text.replace(secret, "***")
        return printable(text, _WORDS)


def _proxy(scheme: str) -> str:
    """The proxy that the environment names for requests of that scheme; '' for none."""
    proxies = urllib.request.getproxies()
    proxy = proxies.get(scheme) or proxies.get("all") or ""
    return proxy if "://" in proxy or not proxy else f"http://{proxy}"


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Wherever a redirect leads, it is not VOD."""

    def http_error_302(self, *_: object) -> None:
        """Leave it: an answer like others, whose address is not even read."""

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302  # type: ignore[assignment]


def _in_time(ask: Callable[[], T]) -> T:
    """What `ask` returns or raises; TimeoutError where it takes long, however little comes at a time."""
    answers: Queue[Callable[[], T]] = Queue()

    def asking() -> None:
        try:
            answer = ask()
        except Exception as exc:  # noqa: BLE001 - it is raised where it is waited for
            answers.put(partial(_raise, exc))
        else:
            answers.put(lambda: answer)

    threading.Thread(target=asking, daemon=True).start()
    try:
        told = answers.get(timeout=TIMEOUT_S)
    except Empty as exc:
        raise TimeoutError from exc
    return told()


def _raise(exc: Exception) -> NoReturn:
    raise exc


def _get(url: str, proxies: dict[str, str]) -> tuple[int, str]:
    """HTTP status and header Date of an answer, whatever it is."""
    authorities = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or certifi.where()
    folder = Path(authorities).is_dir()
    context = ssl.create_default_context(cafile=None if folder else authorities, capath=authorities if folder else None)
    handlers = (urllib.request.HTTPSHandler(context=context), urllib.request.ProxyHandler(proxies), _NoRedirects())
    opener = urllib.request.build_opener(*handlers)
    try:
        with opener.open(url, timeout=TIMEOUT_S) as answer:
            return answer.status, answer.headers.get("Date", "")
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers.get("Date", "")


def _words(exc: BaseException) -> str:
    if isinstance(exc, TimeoutError):
        return f"no answer within {TIMEOUT_S:g} s"
    if isinstance(exc, ssl.SSLCertVerificationError):
        return f"its certificate cannot be verified ({exc.verify_message})"
    return str(getattr(exc, "strerror", None) or exc) or type(exc).__name__
