"""One request and what can become of it, without a network: `requests` drives an adapter of ours."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
import urllib3
from requests.adapters import BaseAdapter
from urllib3.exceptions import MaxRetryError, NewConnectionError, ProtocolError

from vod_provider.vod import errors
from vod_provider.vod.signing import AccessKey, Token
from vod_provider.vod.transport import Transport

ENDPOINT = "http://127.0.0.1:1"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class Adapter(BaseAdapter):
    """Answers as told, and keeps what was sent."""

    def __init__(self, answer: Callable[[], tuple[int, dict[str, str], bytes]]) -> None:
        super().__init__()
        self.answer = answer
        self.sent: list[requests.PreparedRequest] = []

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        self.sent.append(request)
        status, headers, body = self.answer()
        response = requests.Response()
        response.status_code, response.reason = status, "Reason"
        response.headers.update(headers)
        response.raw = urllib3.HTTPResponse(io.BytesIO(body), preload_content=False)
        response.request = request
        return response

    def close(self) -> None:
        pass


def sending(answer: Callable[[], tuple[int, dict[str, str], bytes]], credentials: Any = None) -> tuple[Any, Adapter]:
    """A call that sends one request, and the adapter that answers it."""
    adapter = Adapter(answer)
    session = requests.Session()
    session.mount("http://", adapter)
    key = credentials or AccessKey("an-access-key", "a-secret-key")
    transport = Transport(ENDPOINT, "project", key, session=session, now=lambda: NOW)
    return (lambda: transport.send("doing it", "POST", "/asset", query=[("a", "ü,b")], body={"x": 1})), adapter


def answering(status: int, body: bytes = b"", **headers: str) -> Callable[[], tuple[int, dict[str, str], bytes]]:
    return lambda: (status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


def failing(error: Exception) -> Callable[[], tuple[int, dict[str, str], bytes]]:
    def fail() -> tuple[int, dict[str, str], bytes]:
        raise error

    return fail


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


def test_an_answer_tells_request_id_and_clock() -> None:
    """The answer's object, its request id, and how far VOD's clock is ahead of ours."""
    send, _ = sending(answering(200, b'{"y": 2}', X_Request_Id="abc", Date="Fri, 02 Jan 2026 03:04:35 GMT"))
    answer = send()
    assert (answer.body, answer.request_id, answer.skew) == ({"y": 2}, "abc", 30.0)


def test_an_empty_answer_is_an_empty_object() -> None:
    """204 without a body is an answer."""
    send, _ = sending(answering(204))
    assert send().body == {}


NEW = NewConnectionError(None, "[Errno 111] Connection refused")  # type: ignore[arg-type]
FAILURES: dict[str, tuple[Exception, type[errors.VodError]]] = {
    "refused": (requests.ConnectionError(MaxRetryError(None, "/", NEW)), errors.UnreachableError),  # type: ignore[arg-type]
    "connect timeout": (requests.ConnectTimeout("slow"), errors.UnreachableError),
    "TLS": (requests.exceptions.SSLError("certificate verify failed"), errors.UnreachableError),
    "proxy": (requests.exceptions.ProxyError("no proxy"), errors.UnreachableError),
    "read timeout": (requests.ReadTimeout("silence"), errors.LostAnswerError),
    "broken off": (requests.ConnectionError(ProtocolError("Connection aborted.")), errors.LostAnswerError),
    "broken in the answer": (requests.exceptions.ChunkedEncodingError("incomplete"), errors.LostAnswerError),
}


@pytest.mark.parametrize(("failure", "kind"), FAILURES.values(), ids=FAILURES.keys())
def test_a_failure_tells_whether_the_request_left(failure: Exception, kind: type[errors.VodError]) -> None:
    """What came before the request left is harmless; after that it may have been carried out."""
    send, _ = sending(failing(failure))
    with pytest.raises(kind) as raised:
        send()
    assert str(raised.value).startswith("doing it: ")
    assert "\n" not in str(raised.value)
    assert "a-secret-key" not in repr(raised.value)


ANSWERS: dict[str, tuple[int, bytes, type[errors.VodError]]] = {
    "500": (500, b"", errors.LostAnswerError),
    "502 of a proxy": (502, b"<html>", errors.LostAnswerError),
    "503": (503, b'{"error_code": "VOD.1", "error_msg": "later"}', errors.LostAnswerError),
    "504": (504, b"", errors.LostAnswerError),
    "no JSON": (202, b"<html>", errors.LostAnswerError),
    "no object": (202, b"[1]", errors.LostAnswerError),
    "a redirect": (302, b"", errors.LostAnswerError),
    "404 without a code": (404, b"<html>", errors.AnswerError),
    "400": (400, b'{"error_code": "VOD.10062", "error_msg": "none such"}', errors.NotFoundError),
    "429": (429, b'{"error_code": "APIG.0308", "error_msg": "slower"}', errors.ThrottledError),
}


@pytest.mark.parametrize(("status", "body", "kind"), ANSWERS.values(), ids=ANSWERS.keys())
def test_an_answer_tells_whether_it_was_carried_out(status: int, body: bytes, kind: type[errors.VodError]) -> None:
    """4xx is a refusal; 5xx and nonsense may hide that it was done. The request id is in the text."""
    send, _ = sending(answering(status, body, X_Request_Id="id-of-the-request"))
    with pytest.raises(kind, match="id-of-the-request") as raised:
        send()
    assert type(raised.value) is kind
