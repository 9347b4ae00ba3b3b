"""A VOD in memory whose answers are spoilt: wrong types in every field, numbers beyond reason, bytes that are no JSON.

What is drawn is a list of `Spoil`, one for each answer in turn; an answer without one is honest.
"""

from __future__ import annotations

import gzip
import io
import itertools
import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
import urllib3
from hypothesis import strategies as st
from requests.adapters import BaseAdapter

from tests.unit.fakes import Clock

RAW = "@raw@"
"""Begins a value that stands in the JSON as it is, since Python would not write it."""
TOKEN = "an-extraordinary-token"
VALUES: tuple[Any, ...] = (
    *(None, True, False, "", " ", 0, -1, 1, 2**31, 2**53, -(2**63), 0.5, [], {}, [[]], [{}], [None], {"a": {}}),
    *("\ud800", "\x1b]0;x\x07", "\u202e", "\n", "a" * 3_000_000, "9" * 400, "NaN", "20269999999999", "-1", TOKEN),
    *(f"{RAW}NaN", f"{RAW}-Infinity", f"{RAW}1e999", f"{RAW}1{'0' * 400}", f"{RAW}{'9' * 5000}", f"{RAW}-0.0"),
    *(f"{RAW}{'[' * 300}{']' * 300}", f"{RAW}{'[' * 900}{']' * 900}", RAW + '{"a":' * 450 + "1" + "}" * 450),
    f"{RAW}{'[' * 100_000}",
    *("NO_ASSET", "DELETED", "DELETING", "SERVER_ERROR", "PUBLISHED", "UNKNOWN", "VOD.10062", "VOD.10051", "APIG.0308"),
    [0] * 10_000,
)
"""What a field may be instead of what it is."""
BODIES = (
    *(b"", b"null", b"[]", b"{", b"\xff\xfe", b"<html>Welcome</html>", b"true", b'"x"', b"[" * 100_000, b"{}"),
    *(b'{"error_code": "VOD.10062"}', b'{"error_code": {}, "error_msg": []}', b"\x1f\x8b\x08\x00", b" " * 9_000_000),
    *(gzip.compress(b"{}"), gzip.compress(b" " * 9_000_000), zlib.compress(b" " * 9_000_000)),
)
"""What a body may be instead."""
HEADERS: tuple[tuple[str, str], ...] = (
    *(
        ("Date", date)
        for date in ("Fri, 31 Dec 9999 23:59:59 GMT", "x", "", "Thu, 01 Jan 1970 00:00:00 GMT", "9" * 500)
    ),
    *(
        ("Date", "Sat, 01 Jan 2000 00:00:00 -9999"),
        ("X-Request-Id", "\x1b[2J" + "x" * 100_000),
        ("X-Request-Id", TOKEN),
    ),
    *(("Content-Encoding", coding) for coding in ("gzip", "deflate", "br", "gzip, gzip", "x")),
    *(("Location", to) for to in ("http://[x", "//", "//[", "\x00", "http://\x1b[2J/", "http://x:99999999/")),
    *(("Content-Length", length) for length in ("-1", "2, 3", "9" * 5000)),
)
STATUSES = (200, 202, 204, 206, 301, 304, 307, 400, 401, 403, 404, 408, 413, 429, 500, 502, 503, 599)


@dataclass(frozen=True)
class Spoil:
    """What is done to an answer: `value` takes the place of the `nth` of its fields; None for `nth` leaves them."""

    nth: int | None = None
    value: Any = None
    missing: bool = False
    body: bytes | None = None
    header: tuple[str, str] | None = None
    status: int | None = None


spoils = st.one_of(
    st.builds(Spoil, nth=st.integers(0, 80), value=st.sampled_from(VALUES)),
    st.builds(Spoil, nth=st.integers(0, 80), value=st.sampled_from(VALUES), status=st.sampled_from(STATUSES)),
    st.builds(Spoil, nth=st.integers(0, 80), missing=st.just(True)),
    st.builds(Spoil, body=st.sampled_from(BODIES) | st.binary(max_size=50)),
    st.builds(Spoil, header=st.sampled_from(HEADERS)),
    st.builds(Spoil, header=st.sampled_from(HEADERS), status=st.sampled_from(STATUSES), body=st.sampled_from(BODIES)),
    st.builds(Spoil, status=st.sampled_from(STATUSES)),
)


def places(value: Any, at: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Each field of an answer: its path, the object or list that it is in, and its name or index there."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, one in inside:
        path = f"{at}[]" if isinstance(value, list) else f"{at}.{name}".lstrip(".")
        yield path, value, name
        yield from places(one, path)


@dataclass
class Vod(BaseAdapter):
    """Answers requests of the official API; `spoil` is asked before each answer, `spoilt` told what was done."""

    clock: Clock
    spoil: Callable[[], Spoil | None]
    spoilt: Callable[[str, str], None]
    extractions: list[str] = field(default_factory=list)
    honest: set[str] = field(default_factory=set)
    """The audios whose acceptance was answered honestly."""

    def __post_init__(self) -> None:
        """The assets: one video."""
        super().__init__()
        self.assets: dict[str, dict[str, Any]] = {"video": self._asset("video", "MP4")}
        self.last: dict[str, Any] = {}
        """The answer that was spoilt last."""
        self._ids = (f"audio{number}" for number in itertools.count())

    def close(self) -> None:
        """Nothing is open."""

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        """Answer."""
        parts = urlsplit(request.url or "")
        what = f"{request.method} {parts.path.partition('/asset')[2] or '/'}"
        query = {name: ",".join(values).split(",") for name, values in parse_qs(parts.query).items()}
        told = json.loads(request.body) if request.body else {}
        spoil = self.spoil()
        # With 429 the gateway refuses a request before VOD sees it, so that it may be sent again.
        unseen = spoil is not None and spoil.status == 429 and what == "POST /extract_audio"
        status, answer = (429, {}) if unseen else self._answer(what, query, told)
        if spoil is None and what == "POST /extract_audio" and "audio_asset_id" in answer:
            self.honest.add(answer["audio_asset_id"])
        return self._response(what, status, answer, spoil or Spoil())

    def _answer(self, what: str, query: Mapping[str, list[str]], told: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        ids = query.get("asset_id", [])
        found = [self.assets[one] for one in ids if one in self.assets]
        if what == "POST /extract_audio":
            audio_id = next(self._ids)
            self.assets[audio_id] = self._asset(audio_id, told["parameter"]["format"])
            self.extractions.append(audio_id)
            return 202, {"asset_id": told["asset_id"], "audio_asset_id": audio_id}
        if what in {"DELETE /extract_audio", "PUT /info"}:
            return 204, {}
        if what == "DELETE /":
            gone = [one for one in ids if self.assets.pop(one, None)]
            return 200, {"delete_result_array": [{"asset_id": one, "status": "DELETED"} for one in gone]}
        if what == "GET /list":
            rows = [self._summary(one) for one in self.assets.values()]
            return 200, {"total": len(rows), "assets": rows}
        if what.startswith("POST /status/"):
            for one in told["asset_id"]:
                if one in self.assets:
                    self.assets[one]["status"] = "CREATED" if "unpublish" in what else "PUBLISHED"
            return 200, {"asset_info_array": [self.assets[one] for one in told["asset_id"] if one in self.assets]}
        rows = found if ids else list(self.assets.values())
        return 200, {"asset_info_array": rows, "is_truncated": 0, "total": len(rows)}

    def _asset(self, asset_id: str, pack_type: str) -> dict[str, Any]:
        made = datetime.fromtimestamp(self.clock(), UTC)
        return {
            "asset_id": asset_id,
            "status": "CREATED",
            "description": "Asset meta is created",
            "base_info": {
                "title": "A video",
                "description": "words",
                "category_id": -1,
                "create_time": f"{made:%Y%m%d%H%M%S}",
                "tags": "one,two",
                "video_type": pack_type,
                "video_url": f"http://vod.example/{asset_id}",
                "meta_data": {
                    "pack_type": pack_type,
                    "codec": "MP3",
                    "audio_codec": "MP3",
                    "duration": 30,
                    "duration_ms": 30_000,
                    "video_size": 1000,
                    "bit_rate": 128,
                },
            },
            "play_info_array": [{"url": "http://vod.example/play"}],
        }

    @staticmethod
    def _summary(asset: Mapping[str, Any]) -> dict[str, Any]:
        base = asset["base_info"]
        return {
            "asset_id": asset["asset_id"],
            "asset_status": asset["status"],
            "title": base["title"],
            "description": base["description"],
            "duration": 30,
            "duration_ms": 30_000,
            "size": 1000,
            "original_url": base["video_url"],
            "media_type": base["video_type"],
            "create_time": base["create_time"],
            "exec_desc": "",
        }

    def _response(self, what: str, status: int, answer: dict[str, Any], spoil: Spoil) -> requests.Response:
        answer = self.last = json.loads(json.dumps(answer))
        fields = list(places(answer))
        if spoil.nth is not None and fields:
            path, parent, name = fields[spoil.nth % len(fields)]
            self.spoilt(f"{what} {path}", "missing" if spoil.missing else "another value")
            if spoil.missing:
                del parent[name]
            else:
                parent[name] = spoil.value
        body = json.dumps(answer).encode() if answer else b""
        if isinstance(spoil.value, str) and spoil.value.startswith(RAW):
            body = body.replace(json.dumps(spoil.value).encode(), spoil.value.removeprefix(RAW).encode())
        headers = {"Date": format_datetime(datetime.fromtimestamp(self.clock(), UTC), usegmt=True), "X-Request-Id": "r"}
        for kind in ("body", "header", "status"):
            if getattr(spoil, kind) is not None:
                self.spoilt(what, f"another {kind}")
        response = requests.Response()
        response.status_code = spoil.status or status
        response.reason = "Reason"
        response.headers.update(headers | dict([spoil.header] if spoil.header else []))
        content = body if spoil.body is None else spoil.body
        response.raw = urllib3.HTTPResponse(io.BytesIO(content), status=response.status_code, preload_content=False)
        return response
