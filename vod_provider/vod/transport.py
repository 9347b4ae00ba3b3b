"""One request to VOD and its answer, over `requests`. Sends once; sending again is decided elsewhere."""

from __future__ import annotations

import json
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlencode

import requests
from requests.adapters import HTTPAdapter

from vod_provider._version import __version__
from vod_provider.vod import errors
from vod_provider.vod.signing import Credentials, sign

CONNECT_S = 10.0
"""How long a connection may take to come about."""
READ_S = 60.0
"""How long VOD may be silent before its answer counts as lost."""
EARLIEST, LATEST = datetime(2017, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)  # VOD is of 2017
"""Times outside of these are none of VOD's."""
CONNECTIONS = 16
"""Requests under way at once, and connections kept open."""


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
    ) -> None:
        self.endpoint, self.project_id, self._account = endpoint, project_id, account
        self.clock = VodClock()
        self._auth = _Signed(credentials, now)
        self._session = session or _session()

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
        headers = {"X-Project-Id": self.project_id, "User-Agent": f"pulumi-huaweicloud-vod/{__version__}"}
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
            )
        except requests.RequestException as exc:
            if _never_sent(exc):
                raise errors.UnreachableError(doing, self.endpoint, _why(exc)) from exc
            raise errors.LostAnswerError(doing, _why(exc)) from exc
        return self._answer(doing, response)

    def _answer(self, doing: str, response: requests.Response) -> Answer:
        request_id = response.headers.get("X-Request-Id", "")
        parsed = _json(response)
        if parsed is not None:  # else it is perhaps somebody else's
            self.clock.heard(response.headers.get("Date", ""))
        if response.status_code >= 500:
            raise errors.LostAnswerError(doing, _said(response, parsed), request_id)
        if response.status_code >= 400:
            parsed = parsed or {}
            raise errors.of_answer(
                doing,
                status=response.status_code,
                code=str(parsed.get("error_code", "")),
                message=str(parsed.get("error_msg", "") or response.reason or ""),
                request_id=str(parsed.get("request_id", "")) or request_id,
                account=self._account,
            )
        if parsed is None or response.status_code >= 300:
            raise errors.LostAnswerError(
                doing, f"{response.status_code} with a body that is no JSON object", request_id
            )
        return Answer(parsed, request_id)


def _session() -> requests.Session:
    session = requests.Session()
    adapter = HTTPAdapter(pool_connections=1, pool_maxsize=CONNECTIONS, max_retries=0)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def _never_sent(exc: requests.RequestException) -> bool:
    """Whether the failure came before the request left: refused by `requests`, or while the connection was made.

    urllib3 does all of the latter in `connect` (name, proxy, TLS), and nothing else there. The kind of exception does
    not tell: a connection that breaks when VOD has the request can be an SSLError, or behind a proxy a ProxyError.
    """
    if isinstance(exc, ValueError):
        return True
    seen: set[int] = set()
    causes: list[BaseException | None] = [exc]
    while causes:
        cause = causes.pop()
        if cause is None or id(cause) in seen:
            continue
        seen.add(id(cause))
        for frame, _ in traceback.walk_tb(cause.__traceback__):
            if frame.f_code.co_name == "connect" and frame.f_globals.get("__name__") == "urllib3.connection":
                return True
        causes += [cause.__cause__, cause.__context__]
    return False


def _why(exc: requests.RequestException) -> str:
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


def _json(response: requests.Response) -> dict[str, Any] | None:
    if not response.content:
        return {}
    try:
        parsed = response.json()
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) else None


def _said(response: requests.Response, parsed: Mapping[str, Any] | None) -> str:
    code, message = ((parsed or {}).get("error_code"), (parsed or {}).get("error_msg"))
    return " ".join(str(part) for part in (response.status_code, code, message or response.reason) if part)[:300]
