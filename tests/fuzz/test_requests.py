"""Whatever somebody sends to the local VOD: an answer of VOD's, never an internal error, and it serves the next one."""

from __future__ import annotations

import http.client
import itertools
import json
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz import FUZZ, TIMES
from tests.fuzz.reached import Reached
from tests.fuzz.requests import CONTROL, OPERATIONS, TEXTS, VALUES, Sent, Shape, garbled, good, heads, spoilt
from tests.local.wiretap import call
from tests.local.wiretap import send as send_bytes
from vod_provider.local.http.signing import signed_headers
from vod_provider.local.testing import LocalVod, start_local_vod

CODES = {
    "VOD.10053", "VOD.10061", "VOD.10062", "VOD.10063", "VOD.10081", "VOD.10083", "VOD.10126", "APIGW.0201",
}  # fmt: skip
STATUSES = {200, 202, 204, 400, 403, 404, 413}


class Caller:
    """Sends requests over one connection, signed; keeps an asset of each kind to name in them."""

    def __init__(self, service: LocalVod, video: Path, mute_video: Path) -> None:
        self._service, self._files = service, {"{video}": video, "{mute}": mute_video}
        parts = urlsplit(service.endpoint)
        self._connection = http.client.HTTPConnection(parts.netloc, timeout=20)
        self._ids = {"{deleted}": "1" * 32, "{created}": "2" * 32}

    def close(self) -> None:
        self._connection.close()

    def send(self, sent: Sent) -> tuple[int, Any]:
        """The status and the decoded answer; '' where there is none. Raises OSError or HTTPException if none comes."""
        shape = sent.shape
        if shape.query:
            return self._call(shape.method, shape.path + _query(self._named(sent.fields)), b"")
        body = json.dumps(self._named(sent.fields)).encode()
        return self._call(shape.method, shape.path, body)

    def learn(self, sent: Sent, answer: Any) -> None:
        """Keep the ids of what was made, and make anew what was deleted."""
        if sent.shape.name == "ExtractAudio":
            self._ids["{queued}"] = answer["audio_asset_id"]
        elif sent.shape.name == "CancelExtractAudio":
            del self._ids["{queued}"]
        elif sent.shape.name == "CreateAssetByFileUpload":
            self._ids["{created}"] = answer["asset_id"]
        elif sent.shape.name == "ConfirmAssetUpload" and answer["asset_id"] == self._ids["{uploaded}"]:
            del self._ids["{uploaded}"]
        elif sent.shape.name == "DeleteAssets":
            gone = {one["asset_id"] for one in answer["delete_result_array"] if one["status"] == "DELETED"}
            for name in [name for name, asset_id in self._ids.items() if asset_id in gone]:
                self._ids["{deleted}"] = self._ids.pop(name)
        self.prepare()

    def prepare(self) -> None:
        """Have an asset of each kind: ready videos, one whose upload waits to be confirmed, extractions."""
        for name, file in self._files.items():
            if name not in self._ids:
                self._ids[name] = self._ready(file)
        if "{uploaded}" not in self._ids:
            self._ids["{uploaded}"] = self._uploaded(self._files["{video}"])
        for name in ("{audio}", "{queued}"):
            if name not in self._ids:
                asked = json.dumps({"asset_id": self._ids["{video}"]}).encode()
                self._ids[name] = self._call("POST", "/asset/extract_audio", asked)[1]["audio_asset_id"]

    def _ready(self, file: Path) -> str:
        asset_id = self._uploaded(file)
        confirmed = {"asset_id": asset_id, "status": "CREATED"}
        assert self._call("POST", "/asset/status/uploaded", json.dumps(confirmed).encode())[0] == 200
        return asset_id

    def _uploaded(self, file: Path) -> str:
        new = {"title": "t", "video_name": file.name, "video_type": "MP4"}
        _, made = self._call("POST", "/asset", json.dumps(new).encode())
        self._exchange("PUT", urlsplit(made["video_upload_url"]).path, file.read_bytes(), {})
        return str(made["asset_id"])

    def _named(self, value: Any) -> Any:
        """The value with ids where their names stand."""
        if isinstance(value, str):
            for name, asset_id in self._ids.items():
                value = value.replace(name, asset_id)
            return value
        if isinstance(value, list):
            return [self._named(one) for one in value]
        return {name: self._named(one) for name, one in value.items()} if isinstance(value, dict) else value

    def _call(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        service = self._service
        if path.startswith("/_local"):
            return self._exchange(method, path, body, {})
        path = f"/v1.0/{service.project_id}{path}"
        named, now = {"Content-Type": "application/json"}, datetime.now(UTC)
        url = service.endpoint + path
        return self._exchange(
            method, path, body, signed_headers(method, url, body, named, service.access_key, service.secret_key, now)
        )

    def _exchange(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, Any]:
        try:
            self._connection.request(method, path, body or None, headers)
            answer = self._connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException):
            self._connection.close()  # the next request has another one
            raise
        return answer.status, json.loads(text) if text.startswith((b"{", b"[")) else ""


def _query(fields: dict[str, Any]) -> str:
    pairs = [(name, one) for name, value in fields.items() for one in (value if isinstance(value, list) else [value])]
    texts = [
        "=".join(quote(str(part)[:20_000].encode(errors="surrogatepass"), safe="") for part in pair) for pair in pairs
    ]
    return "?" + "&".join(texts[:500])[:60_000] if texts else ""


@pytest.fixture
def service(tmp_path: Path) -> Iterator[LocalVod]:
    """A service of its own, whose log is looked at in the end: nothing may have failed behind an answer either."""
    file = tmp_path / "log"
    with logging_to(file):
        running = start_local_vod(tmp_path / "data")
    running.settings(quota_scale=0, extraction={"mode": "timed", "seconds": 30, "concurrency": 1})
    yield running
    assert running.stop() == 0
    log = file.read_text()
    assert "Traceback" not in log, log[-6000:]
    assert "internal error" not in log, log[-6000:]


@contextmanager
def logging_to(file: Path) -> Iterator[None]:
    """Have the processes that are started in this block write their logs to a file."""
    kept = os.dup(2)
    with file.open("wb") as log:
        os.dup2(log.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


@pytest.fixture
def caller(service: LocalVod, video: Path, mute_video: Path) -> Iterator[Caller]:
    """Somebody who may call it."""
    calling = Caller(service, video, mute_video)
    calling.prepare()
    yield calling
    calling.close()


def note(reached: Reached, sent: Sent, status: int) -> None:
    """Count what was reached."""
    outcome = "accepted" if status < 300 else "refused"
    reached.note(sent.shape.name, outcome)
    for name in sent.fields:
        if name in sent.shape.needed or name in sent.shape.more:
            reached.note(f"{sent.shape.name}.{name}", "bad" if name in sent.bad else f"good, {outcome}")


def check(reached: Reached, shapes: tuple[Shape, ...]) -> None:
    """Every call was accepted and refused, with every field good and bad."""
    print(reached.table())
    names = [shape.name for shape in shapes]
    fields = [f"{shape.name}.{name}" for shape in shapes for name in (*shape.needed, *shape.more)]
    assert reached.seldom(names, "accepted", least=15) == []
    assert reached.seldom(fields, "good, accepted", least=3) == []
    assert reached.seldom(fields, "bad", least=len(TEXTS) + len(VALUES)) == []


def fuzz(shape: Shape, send: Callable[[Sent], None]) -> None:
    """Send good requests, garbled ones, and a good one with each field spoilt in each way."""
    sent: list[Sent] = []

    def keep(one: Sent) -> None:
        send(one)
        sent.append(one)

    settings(FUZZ, max_examples=40 * TIMES)(given(good(shape))(keep))()
    settings(FUZZ, max_examples=30 * TIMES)(given(garbled(shape))(send))()
    for one in sorted(sent, key=lambda one: len(one.fields))[:TIMES]:
        for spoilt_one in spoilt(one):
            send(spoilt_one)


def test_operations(caller: Caller) -> None:
    """Every operation with every field, good and bad: success, or one of VOD's documented refusals."""
    reached = Reached()

    def send(sent: Sent) -> None:
        status, answer = caller.send(sent)
        assert status in STATUSES, (status, answer)
        if status >= 400:
            assert answer["error_code"] in CODES, (status, answer)
        else:
            caller.learn(sent, answer)
        note(reached, sent, status)

    for shape in OPERATIONS:
        fuzz(shape, send)
    check(reached, OPERATIONS)


@pytest.mark.parametrize("content", [b"[" * 100_000, b'{"a":' * 50_000, b'{"category_id":' + b"9" * 5000 + b"}", b"\0"])
def test_hostile_json(service: LocalVod, content: bytes) -> None:
    """JSON meant to exhaust the parser is refused like any other."""
    answer = call(service, "POST", "/asset", content=content)
    assert (answer.status, answer.json["error_code"]) == (400, "VOD.10081")
    assert send_bytes(f"{service.endpoint}/_local/settings", "PUT", {}, content).status == 400


def test_controls(caller: Caller, service: LocalVod) -> None:
    """The same for what tests and the page ask of the service; whatever was set, VOD's own operations go on."""
    reached = Reached()
    others = itertools.cycle(OPERATIONS)

    def send(sent: Sent) -> None:
        status, answer = caller.send(sent)
        assert status in {*STATUSES, 304}, (status, answer)
        note(reached, sent, status)
        asked_of = str(sent.fields.get("operation")).replace("CreateExtractAudioTask", "ExtractAudio")
        shape = next((one for one in OPERATIONS if one.name == asked_of), None) or next(others)
        then = Sent(shape, {name: "{video}" if "asset_id" in name else "MP4" for name in shape.needed}, frozenset())
        if sent.shape.name == "faults":
            with suppress(http.client.HTTPException, OSError, ValueError):  # as it was told to
                caller.send(then)
            caller.close()  # the answer may have been half of one
            service.control("DELETE", "faults")
        elif status < 300:
            status, answer = caller.send(then)
            assert status in {*STATUSES, 429}, (status, answer)

    for shape in CONTROL:
        fuzz(shape, send)
    check(reached, CONTROL)


def test_bytes(service: LocalVod) -> None:
    """What is nearly HTTP is answered, refused or hung up on, and never an internal error."""
    reached = Reached()
    parts = urlsplit(service.endpoint)

    @settings(FUZZ, max_examples=600 * TIMES)
    @given(head=heads(), cut=st.integers(0, 100))
    def send(head: bytes, cut: int) -> None:
        with socket.create_connection((parts.hostname, parts.port), timeout=20) as connection:
            with suppress(OSError):  # hung up on
                connection.sendall(head[:cut])
                connection.sendall(head[cut:])
                connection.shutdown(socket.SHUT_WR)
            answer = b""
            with suppress(ConnectionError):
                while block := connection.recv(65536):
                    answer += block
        status = answer[9:10].decode() + "xx" if answer.startswith(b"HTTP/1.1 ") else "hung up"
        assert status in {"1xx", "2xx", "3xx", "4xx", "hung up"}, answer[:500]
        reached.note("bytes", status)

    send()
    print(reached.table())
    assert reached.total("bytes", "2xx") >= 20
    assert reached.total("bytes", "4xx") >= 200
    assert service.control("GET", "health")["status"] == "ok"
