"""The way to VOD and the connections on it: which proxy, and an end for answers that never end.

`requests` does more with an answer than a client of VOD wants: it looks at a redirect that it was told not to follow,
reads and decompresses that answer's whole body for it, and keeps cookies. Here it hands the answer over.
"""

from __future__ import annotations

import base64
import functools
import http.client
import io
import os
import time
from http.cookiejar import DefaultCookiePolicy
from typing import Any, NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

from vod_provider.text import is_loopback
from vod_provider.vod import errors

CONNECTIONS = 16
"""Requests under way at once, and connections kept open."""
ANSWER_S = 120.0
"""How long VOD may take over an answer, from its first byte to its last, however little of it comes at a time."""
SCHEMES = ("http", "https", "socks5", "socks5h", "socks4", "socks4a")
"""Of proxies."""


def new_session() -> requests.Session:
    """A session that sends once, and only hands over what is answered."""
    session = _Session()
    adapter = _Adapter(pool_connections=1, pool_maxsize=CONNECTIONS, max_retries=0)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def too_slow() -> OSError:
    """The error of an answer that takes too long. Not a TimeoutError: that one says that VOD was silent."""
    return OSError(f"no end of it within {ANSWER_S:g} s")


class _Session(requests.Session):
    def __init__(self) -> None:
        super().__init__()
        # VOD sets none. Somebody else's would be kept for all of the run, and sent with each request.
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))

    def get_redirect_target(self, resp: requests.Response) -> None:  # noqa: ARG002
        """None: redirects are not followed, and where they lead is not for `requests` to parse."""
        return


class _Adapter(HTTPAdapter):
    def get_connection_with_tls_context(self, *arguments: Any, **options: Any) -> Any:
        """The pool of connections, straight or by a proxy, which end an answer that takes too long."""
        pool: Any = super().get_connection_with_tls_context(*arguments, **options)
        pool.ConnectionCls = _timed(pool.ConnectionCls)
        return pool

    def proxy_headers(self, proxy: str) -> dict[str, str]:
        """The credentials for a proxy, whatever letters they have."""
        basic = _basic(proxy)
        return {"Proxy-Authorization": f"Basic {basic}"} if basic else {}


@functools.cache
def _timed(kind: type) -> type:
    """The same kind of connection, with time limits for its answers, those of a proxy to CONNECT included."""
    return kind if issubclass(kind, _Timed) else type(kind.__name__, (_Timed, kind), {})


class _Timed:
    response_class: type


class _TimedAnswer(http.client.HTTPResponse):
    """Otherwise a head that drips, or status 100 again and again, takes a thread for as long as the sender likes."""

    def __init__(self, sock: Any, *arguments: Any, **options: Any) -> None:
        super().__init__(sock, *arguments, **options)
        self.fp = io.BufferedReader(_Until(self.fp.detach(), time.monotonic() + ANSWER_S))


_Timed.response_class = _TimedAnswer


class _Until(io.RawIOBase):
    """What comes over a socket, up to an end in monotonic time."""

    def __init__(self, raw: io.RawIOBase, end: float) -> None:
        super().__init__()
        self._raw, self._end = raw, end

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if time.monotonic() > self._end:
            raise too_slow()
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class Way(NamedTuple):
    """How requests get to the endpoint.

    `name` is the variable that names a proxy on the way, '' for none; `first` is the host that is connected to, the
    proxy or the endpoint.
    """

    name: str
    first: str
    proxies: dict[str, Any] | None = None
    secrets: tuple[str, ...] = ()


_NO_PROXIES: dict[str, Any] = dict.fromkeys(("http", "https", "all"))


def way(endpoint: str) -> Way:
    """The way to the endpoint, as the environment has it: loopback is never reached by a proxy.

    Raises UnreachableError for a proxy that cannot be one; nothing of its address is shown, since there may be a
    password in it.
    """
    parts = urlsplit(endpoint)
    host = parts.hostname or ""
    if is_loopback(host):
        return Way("", host, _NO_PROXIES)
    proxy = requests.utils.select_proxy(endpoint, requests.utils.get_environ_proxies(endpoint, no_proxy=None))
    if not proxy:
        return Way("", host)
    names = (f"{parts.scheme}_proxy", f"{parts.scheme.upper()}_PROXY", "all_proxy", "ALL_PROXY")
    name = next((one for one in names if os.environ.get(one)), "the system's settings")
    if not _can_be_a_proxy(proxy):
        hint = f"set {name} to an address as http://proxy.example.com:8080, or NO_PROXY={host}"
        raise errors.UnreachableError("connecting", endpoint, f"{name} is no address of a proxy", hint=hint, attempts=1)
    return Way(name, _split(proxy).hostname or "", secrets=_secrets(proxy))


def _can_be_a_proxy(address: str) -> bool:
    """Whether it can be an address of a proxy, and `requests` finds the same host in it.

    In a password, a slash that is not percent-encoded ends the host for some readers of addresses, and the rest of it
    would be shown as a port.
    """
    try:
        given = _split(address)
        host, _ = given.hostname or "", given.port
        host.encode("idna")  # refuses labels that are empty or too long
        complete: Any = requests.utils.prepend_scheme_if_needed  # has no types
        theirs = parse_url(complete(address, "http")).host or ""
    except (ValueError, LocationParseError):  # of which UnicodeError is one
        return False
    if given.path.strip("/") or given.query or given.fragment or not host:
        return False
    same = not host.isascii() or host.replace("%25", "%") == theirs.strip("[]").lower()
    return given.scheme in SCHEMES and same


def _split(proxy: str) -> SplitResult:
    return urlsplit(proxy if "://" in proxy else f"http://{proxy}")


def _secrets(proxy: str) -> tuple[str, ...]:
    """What of a proxy's address is not to be shown: its password, in each form in which a proxy may tell it again."""
    password = _split(proxy).password
    return tuple(dict.fromkeys((password, unquote(password), _basic(proxy)))) if password else ()


def _basic(proxy: str) -> str:
    """The credentials in a proxy's address as they are sent to it; '' where there are none."""
    given = _split(proxy)
    if given.username is None:
        return ""
    both = f"{unquote(given.username)}:{unquote(given.password or '')}"
    try:
        sent = both.encode("latin-1")
    except UnicodeEncodeError:  # `requests` fails there
        sent = both.encode()
    return base64.b64encode(sent).decode()
