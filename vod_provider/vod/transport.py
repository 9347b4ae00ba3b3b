"""One request to VOD and its answer, over `requests`. Sends once; sending again is decided elsewhere."""

from __future__ import annotations

import json
import socket
import ssl
import time
import traceback
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import requests
from urllib3.exceptions import HTTPError, NameResolutionError

from vod_provider._version import __version__
from vod_provider.text import is_loopback, printable
from vod_provider.vod import errors
from vod_provider.vod.connection import ANSWER_S, new_session, too_slow, way
from vod_provider.vod.signing import AccessKey, Credentials, sign

CONNECT_S = 10.0
"""How long a connection may take to come about."""
READ_S = 60.0
"""How long VOD may be silent before its answer counts as lost."""
EARLIEST, LATEST = datetime(2017, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)  # VOD is of 2017
"""Times outside of these are none of VOD's."""
LARGEST = 8_000_000
"""Bytes of an answer, at most, after decompression. A page of 100 assets has some hundred thousand."""
_BLOCK = 65_536
WORDS = 300
"""Characters of VOD's own words in an error, at most."""
LOOPBACK_ATTEMPTS = 2
"""How often this machine is asked where nobody listens: it may be starting."""
NAME_ATTEMPTS = 3
"""How often a name is looked up that does not resolve."""
SHORTEST_SECRET = 4
"""Characters of what counts as secret in answers and errors."""
_LONGEST_NUMBER = 20
_BROKEN_OFF = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)
"""Errors of TLS that say no more than that the connection has ended."""
_BEFORE = {
    ("requests.sessions", "prepare_request"),
    ("requests.sessions", "get_adapter"),
    ("requests.adapters", "get_connection_with_tls_context"),
    ("urllib3.connection", "connect"),  # name, proxy, TLS
}
"""Where nothing has left yet: modules of `requests` and urllib3, and functions there."""
_AUTHORITIES = "where the network has an authority of its own, set REQUESTS_CA_BUNDLE to a file with its certificate"


class VodClock:
    """What time it is at VOD, by the Date of its answers. Safe to share between threads.

    Nothing else says when VOD did something: this machine's clock may be off by as much as signatures allow
    (15 minutes), and may be set while a run goes on.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._heard: tuple[float, float] | None = None  # VOD's time, and ours when it was told

    def now(self) -> float | None:
        """Unix time in seconds, a second or so late; None before VOD has answered."""
        heard = self._heard
        return None if heard is None else heard[0] + self._monotonic() - heard[1]

    def heard(self, date: str) -> None:
        """An answer of VOD has come with this header Date. One that is no time, or beyond reason, is ignored."""
        try:
            there = parsedate_to_datetime(date)
        except (ValueError, TypeError, OverflowError):
            return
        if there.tzinfo is not None and EARLIEST.year <= there.year < LATEST.year:
            self._heard = (there.timestamp(), self._monotonic())


@dataclass(frozen=True)
class Answer:
    """What VOD answered: a JSON object ({} for an empty body)."""

    body: Mapping[str, Any]
    request_id: str


class _Signed(requests.auth.AuthBase):
    """Signs a request as it will be sent; also keeps `requests` from taking credentials out of ~/.netrc."""

    def __init__(self, credentials: Credentials, now: Callable[[], datetime]) -> None:
        self._credentials, self._now = credentials, now

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        body = request.body or b""
        content_type = request.headers.get("Content-Type")
        request.headers.update(
            sign(
                self._credentials,
                method=request.method or "GET",
                url=request.url or "",
                headers={"Content-Type": content_type} if content_type else {},
                body=body.encode() if isinstance(body, str) else body,
                now=self._now(),
            )
        )
        return request


class Transport:
    """Requests to one endpoint for one project with one set of credentials. Safe to share between threads.

    `account` is the name of the account in the settings, for errors; None for the stack's own.
    """

    def __init__(
        self,
        endpoint: str,
        project_id: str,
        credentials: Credentials,
        *,
        account: str | None = None,
        session: requests.Session | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.endpoint, self.project_id, self._account = endpoint, project_id, account
        self._monotonic = monotonic
        self.clock = VodClock()
        self._way = way(endpoint)
        # A shorter one is nothing secret, and masking it would spoil every answer.
        known = [one for one in (*_secrets(credentials), *self._way.secrets) if len(one) >= SHORTEST_SECRET]
        # Longest first: one may be a part of another.
        self._secrets = sorted({*known, *(quote(one, safe="") for one in known)}, key=len, reverse=True)
        self._auth = _Signed(credentials, now)
        self._session = session or new_session()

    def send(
        self,
        doing: str,
        method: str,
        path: str,
        *,
        query: list[tuple[str, str]] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> Answer:
        """Send one request: `path` below `/v1.0/{project}`; `doing` says in words what for.

        Raises AnswerError where VOD refuses, UnreachableError where the request was never sent, and
        LostAnswerError where it may have been carried out.
        """
        url = f"{self.endpoint}/v1.0/{self.project_id}{path}" + (f"?{urlencode(query)}" if query else "")
        headers = {
            "X-Project-Id": self.project_id,
            "User-Agent": f"pulumi-huaweicloud-vod/{__version__}",
            "Accept-Encoding": "identity",  # what is compressed may be of any size
        }
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            response = self._session.request(
                method,
                url,
                data=None if body is None else json.dumps(body).encode(),
                headers=headers,
                auth=self._auth,
                timeout=(CONNECT_S, READ_S),
                allow_redirects=False,
                stream=True,
                proxies=self._way.proxies,
            )
        except (requests.RequestException, HTTPError, ValueError) as exc:
            why = self._masked(_why(exc))
            if _never_sent(exc):
                raise self._unreachable(doing, exc, why) from exc
            raise errors.LostAnswerError(doing, why) from exc
        except OSError as exc:  # a file of certificates that is not there: requests looks before it connects
            raise errors.UnreachableError(doing, self.endpoint, str(exc), hint=_AUTHORITIES, attempts=1) from exc
        try:
            content = _content(response, self._monotonic)
        except (HTTPError, OSError) as exc:
            raise errors.LostAnswerError(doing, self._masked(_why(exc))) from exc
        if content is None:
            raise errors.LostAnswerError(doing, f"an answer of more than {LARGEST / 1e6:.0f} MB")
        return self._answer(doing, response, content)

    def _masked(self, text: str) -> str:
        """Without what is secret here: whoever answers may have been told it, and may tell it again."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text

    def _unreachable(self, doing: str, exc: Exception, why: str) -> errors.UnreachableError:
        """What to do, and how often to try, where no connection came about."""
        causes = list(_causes(exc))
        host = urlsplit(self.endpoint).hostname or ""
        hint, attempts = "check vod:endpoint, vod:region and the network", errors.MANY_ATTEMPTS
        if self._way.name:
            hint = f"the request goes through the proxy that {self._way.name} names; NO_PROXY={host} leaves it out"
        if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes) or "NO_CERTIFICATE" in why:
            hint, attempts = _AUTHORITIES, 1
        elif any(isinstance(cause, ssl.SSLError) and not isinstance(cause, _BROKEN_OFF) for cause in causes):
            attempts = 1  # the other side speaks no TLS, or none that can be spoken here
        elif isinstance(exc, ValueError) or "Tunnel connection failed: 4" in why:
            attempts = 1  # an address that can be none, or a proxy that refuses
        elif any(isinstance(cause, socket.gaierror | NameResolutionError) for cause in causes):
            attempts = NAME_ATTEMPTS
        elif is_loopback(self._way.first):
            attempts = LOOPBACK_ATTEMPTS
            if not self._way.name:
                hint = "is the local VOD running? `make up` or `vod-local serve` starts it"
        return errors.UnreachableError(doing, self.endpoint, why, hint=hint, attempts=attempts)

    def _foreign(self) -> str:
        """What to do about an answer that is not VOD's."""
        if self._way.name:
            host = urlsplit(self.endpoint).hostname
            return f"the proxy that {self._way.name} names stands between: NO_PROXY={host} leaves it out"
        return "check vod:endpoint, and whether a proxy or a portal of the network stands between"

    def _answer(self, doing: str, response: requests.Response, content: bytes) -> Answer:
        request_id = self._masked(response.headers.get("X-Request-Id", ""))
        parsed = self._parsed(content)
        if parsed is not None:  # else it is perhaps somebody else's
            self.clock.heard(response.headers.get("Date", ""))
        status, known = response.status_code, parsed or {}
        code, message = str(known.get("error_code") or ""), str(known.get("error_msg") or "")
        message = message or self._masked(response.reason or "")
        # A code that VOD documents says more than a status, which differs from page to page.
        plain = errors.is_documented(code)
        if not plain and (status >= 500 or (status == 408 and not code)):
            raise errors.LostAnswerError(doing, printable(f"{status} {code} {message}", WORDS), request_id)
        if plain or status >= 400:
            said = str(known.get("request_id") or "") or request_id
            raise errors.of_answer(
                doing,
                status=status,
                code=code,
                message=message,
                request_id=said,
                account=self._account,
                hint=self._foreign(),
                is_page=parsed is None,
            )
        if status >= 300:
            why = f"{status}, {self._masked(_redirected(response))}: {self._foreign()}"
            raise errors.LostAnswerError(doing, why, request_id)
        if parsed is None:
            why = f"{status} with a body that is no JSON object: {self._foreign()}"
            raise errors.LostAnswerError(doing, why, request_id)
        return Answer(parsed, request_id)

    def _parsed(self, content: bytes) -> dict[str, Any] | None:
        """The JSON object of a body, {} for none, without what is secret here; None for a body that is something else.

        Numbers beyond reason are null: 10^400 and NaN are none of VOD's.
        """
        if not content:
            return {}
        try:
            parsed = json.loads(content, parse_int=_int, parse_constant=lambda _: None)
        except (ValueError, RecursionError):
            return None
        if not isinstance(parsed, dict):
            return None
        # Masked here and not before: JSON can write one text in many ways.
        inside: list[dict[str, Any] | list[Any]] = [parsed]
        while inside:
            value = inside.pop()
            pairs: Iterable[tuple[Any, Any]] = value.items() if isinstance(value, dict) else enumerate(value)
            for key, one in pairs:
                if isinstance(one, str):
                    value[key] = self._masked(one)
                elif isinstance(one, dict | list):
                    inside.append(one)
        return parsed


def _secrets(credentials: Credentials) -> tuple[str, ...]:
    """What of the credentials is not to be shown."""
    if isinstance(credentials, AccessKey):
        return tuple(filter(None, (credentials.secret_key, credentials.security_token)))
    return tuple(filter(None, (credentials.token,)))


def _content(response: requests.Response, monotonic: Callable[[], float]) -> bytes | None:
    """The body; None where it is larger than anything that VOD has to say. Raises OSError or HTTPError."""
    raw = bytearray()
    end = monotonic() + ANSWER_S
    # `read1` gives what is there, so that a body which drips is noticed.
    while len(raw) <= LARGEST and (block := response.raw.read1(_BLOCK, decode_content=False)):
        raw += block
        if monotonic() > end:
            response.close()
            raise too_slow()
    if len(raw) <= LARGEST and response.headers.get("Content-Encoding", "").lower() in {"gzip", "deflate"}:
        try:
            raw = bytearray(zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(raw, LARGEST + 1))
        except zlib.error as exc:
            raise OSError(f"decompressing it failed: {exc}") from exc
    if len(raw) > LARGEST:
        response.close()
        return None
    response.raw.release_conn()
    return bytes(raw)


def _redirected(response: requests.Response) -> str:
    try:
        host = urlsplit(response.headers.get("Location", "")).hostname
    except ValueError:
        host = None
    return f"a redirect to {host}" if host else str(response.reason or "")


def _causes(exc: BaseException) -> Iterator[BaseException]:
    """An error and all that it was raised from, or wraps."""
    seen: set[int] = set()
    causes: list[object] = [exc]
    while causes:
        cause = causes.pop()
        if not isinstance(cause, BaseException) or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        causes += [cause.__cause__, cause.__context__, getattr(cause, "reason", None), *cause.args]


def _never_sent(exc: Exception) -> bool:
    """Whether the failure came before the request left: refused by `requests`, or while the connection was made.

    The kind of exception does not tell: a connection that breaks when VOD has the request can be an SSLError, or behind
    a proxy a ProxyError, and an answer with two lengths is a ValueError, as is an address that can be none.
    """
    return any(
        (frame.f_globals.get("__name__"), frame.f_code.co_name) in _BEFORE
        for cause in _causes(exc)
        for frame, _ in traceback.walk_tb(cause.__traceback__)
    )


def _why(exc: Exception) -> str:
    """The innermost words of a failure; requests wraps three layers around them."""
    if isinstance(exc, requests.ConnectTimeout):
        return f"no connection within {CONNECT_S:g} s"
    if isinstance(exc, requests.ReadTimeout):
        return f"no answer within {READ_S:g} s"
    inner: object = exc
    while isinstance(inner, BaseException):
        inner_reason = getattr(inner, "reason", None)
        if isinstance(inner_reason, BaseException):
            inner = inner_reason
        elif inner.args and isinstance(inner.args[-1], BaseException):
            inner = inner.args[-1]
        elif inner.args and isinstance(inner.args[0], BaseException):
            inner = inner.args[0]
        else:
            break
    text = " ".join(str(inner).split())
    return text.rpartition("object at ")[2].partition(">: ")[2] or text or type(inner).__name__


def _int(digits: str) -> int | None:
    """A whole number of JSON; None for one that nothing can be made of."""
    return int(digits) if len(digits) <= _LONGEST_NUMBER else None
