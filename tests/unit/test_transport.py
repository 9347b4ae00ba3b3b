"""One request and what can become of it, without a network: `requests` drives an adapter of ours."""

from __future__ import annotations

import base64
import gzip
import io
import json
import re
import socket
import ssl
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
import urllib3
from requests.adapters import BaseAdapter
from urllib3.connection import HTTPConnection
from urllib3.exceptions import LocationParseError

from vod_provider.vod import connection, errors
from vod_provider.vod.connection import new_session
from vod_provider.vod.signing import AccessKey, Token
from vod_provider.vod.transport import LOOPBACK_ATTEMPTS, NAME_ATTEMPTS, Answer, Transport, VodClock

ENDPOINT = "http://vod.example"
HTTPS = "https://vod.example"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class Adapter(BaseAdapter):
    """Answers as told, and keeps what was sent."""

    def __init__(self, answer: Callable[[], tuple[int, dict[str, str], bytes]]) -> None:
        super().__init__()
        self.answer = answer
        self.sent: list[requests.PreparedRequest] = []
        self.reason = "Reason"
        self.raw: io.RawIOBase | None = None

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        self.sent.append(request)
        status, headers, body = self.answer()
        response = requests.Response()
        response.status_code, response.reason = status, self.reason
        response.headers.update(headers)
        response.raw = urllib3.HTTPResponse(self.raw or io.BytesIO(body), preload_content=False)
        response.request = request
        return response

    def close(self) -> None:
        pass


def sending(answer: Callable[[], tuple[int, dict[str, str], bytes]], credentials: Any = None) -> tuple[Any, Adapter]:
    """A call that sends one request, and the adapter that answers it."""
    adapter = Adapter(answer)
    session = new_session()
    session.mount("http://", adapter)
    key = credentials or AccessKey("an-access-key", "a-secret-key")
    transport = Transport(ENDPOINT, "project", key, session=session, now=lambda: NOW)
    return (lambda: transport.send("doing it", "POST", "/asset", query=[("a", "ü,b")], body={"x": 1})), adapter


def answering(status: int, body: bytes = b"", **headers: str) -> Callable[[], tuple[int, dict[str, str], bytes]]:
    return lambda: (status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


def test_a_request_is_signed_as_it_is_sent() -> None:
    """URL, body and headers leave as they were signed; the secret is in none of them."""
    send, adapter = sending(answering(200, b"{}"))
    send()
    (sent,) = adapter.sent
    assert sent.url == f"{ENDPOINT}/v1.0/project/asset?a=%C3%BC%2Cb"
    assert json.loads(sent.body or b"") == {"x": 1}
    assert sent.headers["X-Sdk-Date"] == "20260102T030405Z"
    assert sent.headers["Authorization"].startswith("SDK-HMAC-SHA256 Access=an-access-key, SignedHeaders=")
    assert "a-secret-key" not in f"{sent.headers}{sent.url}{sent.body!r}"


def test_a_token_is_a_header() -> None:
    """With a token nothing is signed."""
    send, adapter = sending(answering(200, b"{}"), Token("a-token"))
    send()
    assert adapter.sent[0].headers["X-Auth-Token"] == "a-token"
    assert "Authorization" not in adapter.sent[0].headers


def test_an_answer_tells_its_request_id() -> None:
    """The answer's object, and its request id."""
    send, _ = sending(answering(200, b'{"y": 2}', X_Request_Id="abc"))
    answer = send()
    assert (answer.body, answer.request_id) == ({"y": 2}, "abc")


def test_an_empty_answer_is_an_empty_object() -> None:
    """204 without a body is an answer."""
    send, _ = sending(answering(204))
    assert send().body == {}


class Line:
    """The network, as far as urllib3 sees it: a connection to somebody who says `said` and then ends it."""

    def __init__(self) -> None:
        self.said = b""
        self.error: Exception | None = None
        self._here: socket.socket | None = None
        self._there: socket.socket | None = None

    def connect(self, *_: Any, **__: Any) -> socket.socket:
        if self.error is not None:
            raise self.error
        self._here, self._there = socket.socketpair()
        self._there.sendall(self.said)
        self._there.shutdown(socket.SHUT_WR)
        return self._here

    def heard(self) -> bytes:
        """All that was sent to the other side so far."""
        if self._there is None:
            return b""
        self._there.setblocking(False)
        try:
            return self._there.recv(65536)
        except BlockingIOError:
            return b""

    def close(self) -> None:
        for end in (self._here, self._there):
            if end is not None:
                end.close()
                # Also where an answer that could not be read still has it open, and is not collected yet.
                if end.fileno() != -1:
                    end._real_close()  # type: ignore[attr-defined]

    def send(self, endpoint: str = ENDPOINT) -> Answer:
        """Send one request through the real `requests` and urllib3."""
        transport = Transport(endpoint, "project", AccessKey("an-access-key", "a-secret-key"))
        return transport.send("doing it", "POST", "/asset", body={"x": 1})

    def unreachable(self, endpoint: str) -> errors.UnreachableError:
        """The error of a request that never was sent."""
        with pytest.raises(errors.UnreachableError) as raised:
            self.send(endpoint)
        assert b"POST" not in self.heard()
        return raised.value


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch) -> Iterator[Line]:
    """The network of one test; this machine's proxies are none of its business."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    line = Line()
    monkeypatch.setattr(urllib3.util.connection, "create_connection", line.connect)
    yield line
    line.close()


NEVER_SENT: dict[str, tuple[str, bytes, Exception | None, str]] = {
    "no such name": (ENDPOINT, b"", socket.gaierror(-2, "Name or service not known"), "service not known"),
    "refused": (ENDPOINT, b"", ConnectionRefusedError(111, "Connection refused"), "Connection refused"),
    "no connection in time": (ENDPOINT, b"", TimeoutError("timed out"), "no connection within 10 s"),
    "no TLS": (HTTPS, b"HTTP/1.0 400 Bad Request\r\n\r\n", None, "WRONG_VERSION_NUMBER|wrong version number"),
    "ended in the handshake": (HTTPS, b"", None, "EOF"),
    "a name that can be none": (ENDPOINT, b"", LocationParseError("'a..b', label empty or too long"), "label empty"),
}


@pytest.mark.parametrize(("endpoint", "said", "error", "why"), NEVER_SENT.values(), ids=NEVER_SENT.keys())
def test_what_fails_before_there_is_a_connection_was_never_sent(
    line: Line, endpoint: str, said: bytes, error: Exception | None, why: str
) -> None:
    """No name, no connection, no TLS: nothing was done, and the text says what to look at."""
    line.said, line.error = said, error
    text = str(line.unreachable(endpoint))
    assert re.search(why, text)
    assert text.startswith(f"doing it: {endpoint} cannot be reached (")
    assert text.endswith("check vod:endpoint, vod:region and the network")


def test_a_proxy_that_refuses_is_told_without_its_password(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """The proxy lets nothing through: never sent, and the text shows nothing of the proxy's credentials."""
    monkeypatch.setenv("https_proxy", "http://somebody:hunter2@127.0.0.1:3128")
    line.said = b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"
    error = line.unreachable(HTTPS)
    assert "407 Proxy Authentication Required" in str(error)
    assert "hunter2" not in f"{error!r}{error.__cause__!r}"


@pytest.mark.parametrize("proxy", ["socks9://127.0.0.1:1", "http://:3128"])
def test_a_proxy_that_cannot_be_one_was_never_reached(line: Line, proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What requests refuses by itself never left."""
    monkeypatch.setenv("http_proxy", proxy)
    line.unreachable(ENDPOINT)


LOST: dict[str, tuple[bytes, str]] = {
    "ended": (b"", "closed connection without response"),
    "ended in the body": (b"HTTP/1.1 202 Accepted\r\nContent-Length: 90\r\n\r\n{", "89 more expected"),
    "no HTTP": (b"\0garbage\r\n\r\n", "garbage"),
    "two lengths": (b"HTTP/1.1 202 A\r\nContent-Length: 2, 3\r\n\r\n{}", "unmatching"),
    "no gzip": (b"HTTP/1.1 202 A\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nno", "decompressing"),
}
PROXIES = {"straight": "", "proxied": "http://127.0.0.1:3128"}


@pytest.mark.parametrize("proxy", PROXIES.values(), ids=PROXIES.keys())
@pytest.mark.parametrize(("said", "why"), LOST.values(), ids=LOST.keys())
def test_what_fails_once_it_was_sent_may_have_been_carried_out(
    line: Line, said: bytes, why: str, proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other side has the request: whatever becomes of the answer, and whoever is between."""
    monkeypatch.setenv("http_proxy", proxy)
    line.said = said
    with pytest.raises(errors.LostAnswerError, match=why) as raised:
        line.send()
    assert b"POST" in line.heard()
    assert "\n" not in str(raised.value)


BREAKS: dict[str, tuple[Exception, str]] = {
    "silence": (TimeoutError("timed out"), "no answer within 60 s"),
    "reset": (ConnectionResetError(104, "Connection reset by peer"), "reset by peer"),
    "broken TLS": (ssl.SSLError(1, "[SSL: DECRYPTION_FAILED_OR_BAD_RECORD_MAC] bad record mac"), "bad record mac"),
    "a TLS alert": (ssl.SSLZeroReturnError(6, "TLS/SSL connection has been closed"), "has been closed"),
}


@pytest.mark.parametrize("proxy", PROXIES.values(), ids=PROXIES.keys())
@pytest.mark.parametrize(("error", "why"), BREAKS.values(), ids=BREAKS.keys())
def test_a_connection_that_breaks_after_the_request_may_have_been_carried_out(
    line: Line, error: Exception, why: str, proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Told by when it broke and not by its kind: TLS and proxies fail in the beginning and later."""

    def getresponse(_: object) -> None:
        raise error

    monkeypatch.setattr(HTTPConnection, "getresponse", getresponse)
    monkeypatch.setenv("http_proxy", proxy)
    with pytest.raises(errors.LostAnswerError, match=why):
        line.send()
    assert b"POST" in line.heard()


ANSWERS: dict[str, tuple[int, bytes, type[errors.VodError]]] = {
    "500": (500, b"", errors.LostAnswerError),
    "502 of a proxy": (502, b"<html>", errors.LostAnswerError),
    "503": (503, b'{"error_code": "VOD.1", "error_msg": "in two\\nlines"}', errors.LostAnswerError),
    "504": (504, b"", errors.LostAnswerError),
    "no JSON": (202, b"<html>", errors.LostAnswerError),
    "no object": (202, b"[1]", errors.LostAnswerError),
    "no end of brackets": (202, b"[" * 200_000, errors.LostAnswerError),
    "no text": (202, b"\xff\xfe\0", errors.LostAnswerError),
    "nothing in a 400": (400, b"", errors.ForeignAnswerError),
    "a redirect": (302, b"", errors.LostAnswerError),
    "404 without a code": (404, b"<html>", errors.ForeignAnswerError),
    "400": (400, b'{"error_code": "VOD.10062", "error_msg": "none such"}', errors.NotFoundError),
    "a page of a proxy": (403, b"<html>Blocked", errors.ForeignAnswerError),
    "a time-out of a proxy": (408, b"", errors.LostAnswerError),
    "internal": (403, b'{"error_code": "VOD.10052"}', errors.InternalError),
    "denied by the gateway": (403, b'{"error_code": "APIGW.0302"}', errors.CredentialsError),
    "429": (429, b'{"error_code": "APIG.0308", "error_msg": "slower"}', errors.ThrottledError),
}


@pytest.mark.parametrize(("status", "body", "kind"), ANSWERS.values(), ids=ANSWERS.keys())
def test_an_answer_tells_whether_it_was_carried_out(status: int, body: bytes, kind: type[errors.VodError]) -> None:
    """4xx is a refusal; 5xx and nonsense may hide that it was done. The request id is in the text."""
    send, _ = sending(answering(status, body, X_Request_Id="id-of-the-request"))
    with pytest.raises(kind, match="id-of-the-request") as raised:
        send()
    assert type(raised.value) is kind
    assert "\n" not in str(raised.value)


def test_an_answer_of_the_gateway_tells_its_request_id_in_the_body() -> None:
    """The gateway's own errors name the request there."""
    send, _ = sending(answering(401, b'{"error_code": "APIG.0301", "error_msg": "no", "request_id": "of-the-gateway"}'))
    with pytest.raises(errors.CredentialsError, match="of-the-gateway") as raised:
        send()
    assert "a-secret-key" not in f"{raised.value!r}{raised.value}"


def test_the_clock_of_vod_goes_on_from_any_answer_of_it() -> None:
    """Unknown at first; then the Date of the last answer, also of a refusal, and what has passed since then."""
    adapter = Adapter(answering(200, b"{}", Date="Fri, 02 Jan 2026 03:04:35 GMT"))
    session = new_session()
    session.mount("http://", adapter)
    transport, passed = Transport(ENDPOINT, "project", Token("a-token"), session=session), [100.0]
    transport.clock = VodClock(lambda: passed[0])
    assert transport.clock.now() is None
    transport.send("doing it", "GET", "/asset")
    passed[0] += 25.5
    assert transport.clock.now() == datetime(2026, 1, 2, 3, 5, 0, 500_000, UTC).timestamp()
    adapter.answer = answering(400, b'{"error_code": "VOD.10053"}', Date="Fri, 02 Jan 2026 04:00:00 GMT")
    with pytest.raises(errors.AnswerError):
        transport.send("doing it", "GET", "/asset")
    assert transport.clock.now() == datetime(2026, 1, 2, 4, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    "date",
    [
        "",
        "yesterday",
        "Fri, 99 Foo 99999 77:88:99 GMT",
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "Thu, 01 Jan 0001 00:00:00 -2300",
        "Fri, 02 Jan 1970 03:04:35 GMT",
        "Fri, 02 Jan 2026 03:04:35 -0000",
    ],
)
def test_a_time_beyond_reason_tells_nothing(date: str) -> None:
    """An answer with a Date that is none, of the year 9999, or of no time zone is an answer all the same."""
    clock = VodClock(lambda: 0.0)
    clock.heard(date)
    assert clock.now() is None
    clock.heard("Fri, 02 Jan 2026 03:04:35 GMT")
    clock.heard(date)
    assert clock.now() == datetime(2026, 1, 2, 3, 4, 35, tzinfo=UTC).timestamp()


# -- answers of any size and kind ------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["", "gzip"])
def test_an_answer_has_a_largest_size(encoding: str) -> None:
    """After decompression, too: 20 kB that become 20 MB are not read to the end."""
    body = b'{"x": "' + b"0" * 20_000_000 + b'"}'
    sent = gzip.compress(body) if encoding else body
    send, adapter = sending(answering(200, sent, Content_Encoding=encoding))
    tracemalloc.start()
    with pytest.raises(errors.LostAnswerError, match="an answer of more than 8 MB"):
        send()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 30_000_000
    assert adapter.sent[0].headers["Accept-Encoding"] == "identity"


def test_a_compressed_answer_is_read() -> None:
    """Whoever compresses unasked is understood."""
    send, _ = sending(answering(200, gzip.compress(b'{"x": 1}'), Content_Encoding="gzip"))
    assert send().body == {"x": 1}


@pytest.mark.parametrize(
    "credentials", [Token("a-secret"), AccessKey("AK", "a-secret"), AccessKey("AK", "SK", "a-secret")]
)
def test_what_is_secret_is_not_told_again(credentials: Any) -> None:
    """A server that echoes a token or a key puts it into neither errors nor answers."""
    send, _ = sending(answering(400, b'{"error_code": "VOD.1", "error_msg": "you sent a-secret"}'), credentials)
    with pytest.raises(errors.AnswerError) as raised:
        send()
    assert "a-secret" not in str(raised.value)
    assert "***" in str(raised.value)
    send, _ = sending(answering(200, b'{"title": "a-secret"}'), credentials)
    assert send().body == {"title": "***"}


def test_the_parser_is_the_one_that_users_have(monkeypatch: pytest.MonkeyPatch) -> None:
    """`requests` takes simplejson where that is installed, which reads other things."""
    monkeypatch.setattr(requests.Response, "json", lambda *_: pytest.fail("not by requests"))
    send, _ = sending(answering(200, b'{"x": NaN, "y": 1e999, "z": %s}' % (b"1" * 400)))
    assert set(send().body) == {"x", "y", "z"}


# -- the way to VOD --------------------------------------------------------------------------------------------


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment without proxies."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        for one in (name, name.upper()):
            monkeypatch.delenv(one, raising=False)
    return monkeypatch


class Failing(BaseAdapter):
    """No connection comes about; keeps what proxies were given."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error, self.proxies = error, {"not": "asked"}

    def send(self, request: Any, *_: Any, proxies: Any = None, **__: Any) -> requests.Response:
        self.proxies = dict(proxies or {})
        connection = HTTPConnection("x")
        connection._new_conn = self._fail  # type: ignore[method-assign]
        try:
            connection.connect()
        except Exception as exc:
            raise requests.ConnectionError(exc) from exc
        raise AssertionError

    def _fail(self) -> Any:
        raise self.error

    def close(self) -> None:
        pass


def unreachable(endpoint: str, error: Exception) -> tuple[errors.UnreachableError, Failing]:
    adapter, session = Failing(error), new_session()
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    with pytest.raises(errors.UnreachableError) as raised:
        Transport(endpoint, "project", Token("t"), session=session).send("doing it", "GET", "/asset")
    return raised.value, adapter


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8480", "localhost:8480", "LOCALHOST.:8480", "vod.localhost", "[::1]:8480", "[::ffff:127.0.0.1]"]
)
def test_loopback_is_never_reached_by_a_proxy(bare: pytest.MonkeyPatch, host: str) -> None:
    """Its token would go to the proxy, and the proxy would be believed."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        bare.setenv(name, "http://proxy.example:3128")
    error, adapter = unreachable(f"http://{host}", ConnectionRefusedError("refused"))
    assert adapter.proxies == {}
    assert "is the local VOD running?" in str(error)
    assert error.attempts == LOOPBACK_ATTEMPTS


def test_a_proxy_in_the_way_is_named_without_its_password(bare: pytest.MonkeyPatch) -> None:
    """By its variable, and with the way around it."""
    bare.setenv("HTTPS_PROXY", "http://me:p%40ss-word@proxy.example:3128")
    error, adapter = unreachable(HTTPS, OSError("Tunnel failed: p%40ss-word and p@ss-word refused"))
    assert adapter.proxies["https"].endswith("proxy.example:3128")
    assert "the proxy that HTTPS_PROXY names; NO_PROXY=vod.example leaves it out" in str(error)
    assert "ss-word" not in str(error)


@pytest.mark.parametrize(
    "proxy",
    [
        *("http://me:hidden@[proxy", "http://me:hidden@proxy:port", "ftp://me:hidden@proxy", "http://"),
        *("me:hidden@proxy:80", "//me:hidden@proxy", "http://me:hidden@a..b", f"http://me:hidden@{'a' * 64}.example"),
        *(f"http://me:hidden{sign}word@proxy:80" for sign in "/#?\\"),
        *("http://me:80/hidden@proxy", "http://me#:hidden@proxy"),
    ],
)
def test_an_address_that_is_no_proxys_is_told_at_once(bare: pytest.MonkeyPatch, proxy: str) -> None:
    """One line that names the variable and shows nothing of the address; nothing is sent."""
    bare.setenv("https_proxy", proxy)
    with pytest.raises(errors.UnreachableError, match="https_proxy is no address of a proxy") as raised:
        Transport(HTTPS, "project", Token("t"))
    assert "hidden" not in str(raised.value)
    assert raised.value.attempts == 1


def test_a_certificate_that_is_not_trusted_is_told_at_once(bare: pytest.MonkeyPatch) -> None:
    """Another attempt would end the same; the variable for an authority of one's own is named."""
    error, _ = unreachable(HTTPS, ssl.SSLCertVerificationError(1, "self-signed certificate"))
    assert "set REQUESTS_CA_BUNDLE" in str(error)
    assert error.attempts == 1


def test_a_name_that_does_not_resolve_is_not_looked_up_for_long(bare: pytest.MonkeyPatch) -> None:
    """A slip in a region takes seconds and not half a minute."""
    error, _ = unreachable(HTTPS, socket.gaierror(-2, "Name or service not known"))
    assert error.attempts == NAME_ATTEMPTS


def test_somebody_elses_answer_names_the_proxy(bare: pytest.MonkeyPatch) -> None:
    """A page that blocks, or a redirect to a portal, with the way around the proxy."""
    bare.setenv("HTTP_PROXY", "http://proxy.example:3128")
    send, _ = sending(answering(302, b"", Location="https://login.example/?secret"))
    with pytest.raises(errors.LostAnswerError, match=r"302, a redirect to login\.example.*NO_PROXY=vod\.example"):
        send()


def test_a_proxy_does_not_tell_what_it_was_sent(line: Line, bare: pytest.MonkeyPatch) -> None:
    """Its password, in the form in which it is sent, is masked like any other; letters beyond Latin are sent, too."""
    bare.setenv("https_proxy", "http://me:%D0%BF%D0%B0@127.0.0.1:3128")
    sent = base64.b64encode("me:па".encode())
    line.said = b"HTTP/1.1 407 You sent " + sent + b"\r\n\r\n"
    with pytest.raises(errors.UnreachableError, match=r"You sent \*\*\*"):
        line.send(HTTPS)
    assert b"Proxy-Authorization: Basic " + sent + b"\r\n" in line.heard()


def test_a_proxy_of_this_machine_that_is_not_there_is_told_at_once(bare: pytest.MonkeyPatch) -> None:
    """As where the local VOD is not running."""
    bare.setenv("https_proxy", "http://localhost:3128")
    error, _ = unreachable(HTTPS, ConnectionRefusedError("refused"))
    assert "the proxy that https_proxy names" in str(error)
    assert error.attempts == LOOPBACK_ATTEMPTS


# -- what a hostile or odd side answers ------------------------------------------------------------------------


SECRET, QUOTED = "to/ken+of-somebody", "to%2Fken%2Bof-somebody"
ECHOES: dict[str, Callable[[], tuple[int, dict[str, str], bytes]]] = {
    "escaped": answering(400, b'{"error_code": "VOD.10053", "error_msg": "to\\/ken\\u002bof-somebody"}'),
    "percent-encoded": answering(400, b'{"error_code": "VOD.10053", "error_msg": "%s"}' % QUOTED.encode()),
    "nested": answering(200, b'{"a": [{"b": ["x", "see to/ken+of-somebody"]}]}'),
    "request id": answering(400, b'{"error_code": "VOD.10053"}', X_Request_Id=SECRET),
    "reason": answering(500),
}


@pytest.mark.parametrize("echo", ECHOES.values(), ids=ECHOES.keys())
def test_a_secret_is_masked_wherever_it_comes_back(echo: Callable[[], tuple[int, dict[str, str], bytes]]) -> None:
    """JSON writes one text in many ways, and headers are words of the other side, too."""
    send, adapter = sending(echo, Token(SECRET))
    adapter.reason = f"No {SECRET}"
    try:
        told = str(send().body)
    except errors.VodError as error:
        told = str(error)
    assert "***" in told
    assert "ken" not in told


def test_a_short_word_is_no_secret() -> None:
    """Masking a letter would spoil every answer."""
    send, _ = sending(answering(200, b'{"title": "a title"}'), AccessKey("AK", "it"))
    assert send().body == {"title": "a title"}


def test_a_body_that_drips_has_an_end() -> None:
    """A byte now and then is not silence, and takes a thread for ever without a time limit for all of it."""

    class Dripping(io.RawIOBase):
        read_ = 0

        def readable(self) -> bool:
            return True

        def read1(self, _: int = -1) -> bytes:
            self.read_ += 1
            now[0] += 20
            assert self.read_ < 100
            return b" "

    now, dripping = [0.0], Dripping()
    adapter = Adapter(answering(200, b""))
    adapter.raw = dripping
    session = new_session()
    session.mount("http://", adapter)
    transport = Transport(ENDPOINT, "project", Token("a-token"), session=session, monotonic=lambda: now[0])
    with pytest.raises(errors.LostAnswerError, match="no end of it within 120 s"):
        transport.send("doing it", "GET", "/asset")


@pytest.mark.parametrize("proxy", PROXIES.values(), ids=PROXIES.keys())
@pytest.mark.parametrize("said", [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 200 OK\r\nX-One: ", b"H"])
def test_a_head_has_an_end(line: Line, bare: pytest.MonkeyPatch, said: bytes, proxy: str) -> None:
    """The time limit is for all of an answer: a head that drips and 'continue' again and again are not silence."""
    bare.setattr(connection, "ANSWER_S", -1.0)
    bare.setenv("http_proxy", proxy)
    line.said = said
    with pytest.raises(errors.LostAnswerError, match="no end of it within -1 s"):
        line.send()


def test_a_proxy_has_to_answer_in_time(line: Line, bare: pytest.MonkeyPatch) -> None:
    """Also before there is a way through it."""
    bare.setattr(connection, "ANSWER_S", -1.0)
    bare.setenv("https_proxy", "http://proxy.example:3128")
    line.said = b"HTTP/1.1 200 OK\r\n"
    assert "no end of it within -1 s" in str(line.unreachable(HTTPS))


@pytest.mark.parametrize("to", ["http://[x/", "//[", "http://\x1b[2J/", "http://x:99999999/", "\x00"])
def test_where_a_redirect_leads_does_not_matter(to: str) -> None:
    """It is not followed, whatever it is, and an answer all the same."""
    send, adapter = sending(answering(302, b"", Location=to))
    with pytest.raises(errors.LostAnswerError, match=r"302, .*check vod:endpoint"):
        send()
    assert len(adapter.sent) == 1


def test_the_body_of_a_redirect_is_an_answer_like_others(line: Line) -> None:
    """It has the same largest size after decompression. A client that follows redirects would read all of it."""
    bomb = gzip.compress(b"0" * 30_000_000)
    line.said = b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Encoding: gzip\r\n\r\n" + bomb
    tracemalloc.start()
    with pytest.raises(errors.LostAnswerError, match="an answer of more than 8 MB"):
        line.send()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 25_000_000


def test_cookies_are_not_kept(line: Line) -> None:
    """Somebody else's would grow with each answer, and go along with each request."""
    session = new_session()
    line.said = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b; Path=/\r\nContent-Length: 2\r\n\r\n{}"
    assert Transport("http://127.0.0.1:1", "project", Token("a-token"), session=session).send("doing it", "GET", "/x")
    assert len(session.cookies) == 0


def test_numbers_beyond_reason_are_none() -> None:
    """They do not hide the rest of an answer, which may be the acceptance of what is paid for."""
    send, _ = sending(answering(202, b'{"audio_asset_id": "5412", "x": NaN, "y": %s}' % (b"1" * 5000)))
    assert send().body == {"audio_asset_id": "5412", "x": None, "y": None}


CODED: dict[str, tuple[int, bytes, dict[str, str], type[errors.VodError]]] = {
    "a documented code with 500": (500, b'{"error_code": "VOD.10062"}', {}, errors.NotFoundError),
    "a documented code with 200": (200, b'{"error_code": "VOD.10062"}', {}, errors.NotFoundError),
    "an internal fault with 500": (500, b'{"error_code": "VOD.10051"}', {}, errors.InternalError),
    "an unknown code with 500": (500, b'{"error_code": "VOD.99999"}', {}, errors.LostAnswerError),
    "a throttled 503": (503, b'{"error_code": "APIGW.0308"}', {}, errors.ThrottledError),
    "404 with another code of VOD": (404, b'{"error_code": "VOD.10001"}', {}, errors.NotFoundError),
    "404 of an unknown path": (404, b'{"error_code": "APIGW.0101"}', {}, errors.AnswerError),
    "404 with a request id": (404, b"{}", {"X_Request_Id": "abc"}, errors.NotFoundError),
    "404 page with a request id": (404, b"<html>", {"X_Request_Id": "abc"}, errors.ForeignAnswerError),
    "404 without a request id": (404, b"{}", {}, errors.ForeignAnswerError),
}


@pytest.mark.parametrize(("status", "body", "headers", "kind"), CODED.values(), ids=CODED.keys())
def test_a_code_says_more_than_a_status(
    status: int, body: bytes, headers: dict[str, str], kind: type[errors.VodError]
) -> None:
    """The same code comes with several statuses; a 404 means an absent asset only where VOD has said it."""
    send, _ = sending(answering(status, body, **headers))
    with pytest.raises(kind) as raised:
        send()
    assert type(raised.value) is kind


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_file_of_authorities_that_is_none_is_told_at_once(
    line: Line, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str | None
) -> None:
    """Missing or empty, its variable is named, and nothing was sent."""
    file = tmp_path / "authorities.pem"
    if content is not None:
        file.write_text(content)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(file))
    error = line.unreachable(HTTPS)
    assert "REQUESTS_CA_BUNDLE" in str(error)
    assert error.attempts == 1


def test_a_side_that_speaks_no_tls_is_told_at_once(line: Line) -> None:
    """It will not learn it within half a minute. A handshake that breaks off may have been a restart."""
    line.said = b"HTTP/1.0 400 Bad Request\r\n\r\n"
    assert line.unreachable(HTTPS).attempts == 1
    line.close()
    line.said = b""
    assert line.unreachable(HTTPS).attempts > 1


PROXY_FAULTS: dict[str, tuple[Exception, int]] = {
    "its name does not resolve": (socket.gaierror(-2, "Name or service not known"), NAME_ATTEMPTS),
    "it wants a password": (OSError("Tunnel connection failed: 407 Proxy Authentication Required"), 1),
    "it has no way to VOD": (OSError("Tunnel connection failed: 502 Bad Gateway"), errors.MANY_ATTEMPTS),
}


@pytest.mark.parametrize(("fault", "attempts"), PROXY_FAULTS.values(), ids=PROXY_FAULTS.keys())
def test_a_proxy_that_refuses_is_not_asked_for_long(bare: pytest.MonkeyPatch, fault: Exception, attempts: int) -> None:
    """What will not change by asking again is told at once, with the proxy's variable."""
    bare.setenv("https_proxy", "http://proxy.example:3128")
    error, _ = unreachable(HTTPS, fault)
    assert "the proxy that https_proxy names" in str(error)
    assert error.attempts == attempts
