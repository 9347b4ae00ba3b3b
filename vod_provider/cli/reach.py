"""Whether the endpoint can be reached, one stage at a time: name, connection, TLS and HTTP, and the clock.

With the standard library and without a signature: where signed requests fail altogether, this still tells which
stage it is, and what time it is over there. Certificates and proxies are taken from where `requests` takes them.
"""

from __future__ import annotations

import http.client
import os
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import certifi

from vod_provider.cli.checks import Check, not_tried

TIMEOUT_S = 10.0
SKEW_WARN_S, SKEW_FAIL_S = 60.0, 900.0
"""A signature is refused that is more than 15 minutes off. Source: 'API Request Signing Guide'."""
_PORTS = {"http": 80, "https": 443}
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
        self._scheme, host = parts.scheme, parts.hostname or ""
        self._proxy = _proxy(self._scheme, host)
        behind = urlsplit(self._proxy) if self._proxy else parts
        self._host = behind.hostname or ""
        self._port = behind.port or _PORTS.get(behind.scheme, 80)

    def checks(self) -> Iterator[Check]:
        """All stages up to the first that fails."""
        via = f" (proxy {self._host}, from the environment)" if self._proxy else ""
        try:
            found = self._resolve(self._host, self._port, type=socket.SOCK_STREAM)
        except OSError as exc:
            yield Check("name (DNS)", "fail", f"{self._host}: {_why(exc)}{via}", _NETWORK)
            yield from (not_tried(name, "the name has no address") for name in ("connection", self._http, "clock"))
            return
        addresses = sorted({str(one[4][0]) for one in found})
        more = f" and {len(addresses) - 3} more" if len(addresses) > 3 else ""
        yield Check("name (DNS)", "ok", f"{self._host} is {', '.join(addresses[:3])}{more}{via}")
        started = self._clock()
        try:
            self._connect((self._host, self._port), timeout=TIMEOUT_S).close()
        except OSError as exc:
            yield Check("connection", "fail", f"{self._host} port {self._port}: {_why(exc)}", _NETWORK)
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
            status, date = _get(self._url)
        except (OSError, http.client.HTTPException) as exc:
            why = exc.reason if isinstance(exc, urllib.error.URLError) and isinstance(exc.reason, OSError) else exc
            remedy = _NETWORK
            if isinstance(why, ssl.SSLCertVerificationError):
                remedy = "is a proxy in between? REQUESTS_CA_BUNDLE names the file with its certificate"
            yield Check(self._http, "fail", _why(why), remedy)
            yield not_tried("clock", "there is no answer")
            return
        self.reached = True
        took = self._ms(started)
        if status >= 500:
            yield Check(self._http, "warn", f"HTTP {status} within {took} ms", "VOD or a proxy fails: try again later")
        else:
            yield Check(self._http, "ok", f"HTTP {status} within {took} ms to a request without a signature")
        yield self._skew(date)

    def _skew(self, date: str) -> Check:
        try:
            there = parsedate_to_datetime(date).timestamp()
        except ValueError:
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


def _proxy(scheme: str, host: str) -> str:
    """The proxy that requests of that scheme go through; '' for none."""
    if urllib.request.proxy_bypass(host):
        return ""
    proxies = urllib.request.getproxies()
    proxy = proxies.get(scheme) or proxies.get("all") or ""
    return proxy if "://" in proxy or not proxy else f"http://{proxy}"


def _get(url: str) -> tuple[int, str]:
    """HTTP status and header Date of an answer, whatever it is."""
    authorities = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or certifi.where()
    folder = Path(authorities).is_dir()
    context = ssl.create_default_context(cafile=None if folder else authorities, capath=authorities if folder else None)
    opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context))
    try:
        with opener.open(url, timeout=TIMEOUT_S) as answer:
            return answer.status, answer.headers.get("Date", "")
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers.get("Date", "")


def _why(exc: BaseException) -> str:
    if isinstance(exc, TimeoutError):
        return f"no answer within {TIMEOUT_S:g} s"
    if isinstance(exc, ssl.SSLCertVerificationError):
        return f"its certificate cannot be verified ({exc.verify_message})"
    return str(getattr(exc, "strerror", None) or exc) or type(exc).__name__
