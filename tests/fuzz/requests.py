"""Requests to the local VOD, good and bad: every operation with every field that the official client's models have.

An asset's id is a name in braces, such as `{video}`, for which whoever sends the request puts the id of such an asset.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from hypothesis import strategies as st

IDS = ("{video}", "{mute}", "{uploaded}", "{audio}", "{queued}", "{created}", "{deleted}", "0" * 32, "5412")
Good = st.SearchStrategy[Any]
Draw = Callable[[st.SearchStrategy[Any]], Any]


@dataclass(frozen=True)
class Shape:
    """One call: `needed` and `more` are its fields, each with good values; `query` if they stand in the address."""

    name: str
    method: str
    path: str
    needed: Mapping[str, Good] = field(default_factory=dict, repr=False)
    more: Mapping[str, Good] = field(default_factory=dict, repr=False)
    query: bool = False


@dataclass(frozen=True)
class Sent:
    """One request: `fields` with the values that it has, `bad` the names of those that are no good ones."""

    shape: Shape
    fields: Mapping[str, Any]
    bad: frozenset[str]


ids = st.sampled_from(IDS)
videos, waiting, in_queue = (
    st.sampled_from([name] * 2 * len(IDS) + list(IDS)) for name in ("{video}", "{uploaded}", "{queued}")
)
id_lists = st.lists(ids, min_size=1, max_size=10)
words = st.text(st.characters(codec="utf-8", exclude_characters=",{}"), min_size=1, max_size=20)
tags = st.lists(words, max_size=5).map(",".join)
categories = st.sampled_from([-1, 0, 1, 2**31, 2**63 - 1])
types = st.sampled_from(["MP4", "MKV", "MP3", "AAC", "TS", "M3U8"])
times = st.datetimes(min_value=datetime(2020, 1, 1), max_value=datetime(2030, 1, 1)).map(
    lambda at: f"{at:%Y%m%d%H%M%S}"
)
numbers = st.integers(0, 100)
addresses = st.sampled_from(
    [
        "http://127.0.0.1:9/a.mp4",
        "https://localhost:9/b.mkv",
        "http://127.0.0.1:9/none",
        "http://elsewhere.example/a.mp4",
    ]
)
new_asset: Mapping[str, Good] = {
    "description": words,
    "category_id": categories,
    "tags": tags,
    "auto_publish": st.sampled_from([0, 1]),
    "template_group_name": st.just(""),
    "auto_encrypt": st.sampled_from([0, 1]),
    "auto_preheat": words,
    "thumbnail": st.just({"type": "time", "time": 10}),
    "review": st.just({"interval": 5}),
    "workflow_name": st.just(""),
}
subtitles = st.lists(
    st.fixed_dictionaries(
        {"id": st.integers(1, 8), "type": st.just("SRT"), "language": st.sampled_from(["CN", "EN"])},
        optional={"name": words, "md5": words, "description": words},
    ),
    max_size=3,
    unique_by=lambda one: one["id"],
)
by_url = st.fixed_dictionaries(
    {"url": addresses, "title": words, "video_type": types}, optional=dict(new_asset.items())
)
statuses = st.sampled_from(["CREATED", "PUBLISHED", "CREATING", "TRANSCODING", "CREATED,PUBLISHED"])
found: Mapping[str, Good] = {
    "start_time": times,
    "end_time": times,
    "category_id": categories,
    "tags": tags,
    "query_string": words,
    "page": numbers,
    "size": st.integers(1, 100),
}

OPERATIONS = (
    Shape(
        "CreateAssetByFileUpload",
        "POST",
        "/asset",
        {"title": words, "video_name": words, "video_type": types},
        {
            **new_asset,
            "video_md5": words,
            "cover_type": st.sampled_from(["JPG", "PNG"]),
            "cover_md5": words,
            "subtitles": subtitles,
        },
    ),
    Shape(
        "ConfirmAssetUpload",
        "POST",
        "/asset/status/uploaded",
        {"asset_id": waiting, "status": st.sampled_from(["CREATED", "FAILED", "CANCELLED"])},
    ),
    Shape(
        "UploadMetaDataByUrl",
        "POST",
        "/asset/upload_by_url",
        {"upload_metadatas": st.lists(by_url, min_size=1, max_size=3)},
    ),
    Shape(
        "ExtractAudio",
        "POST",
        "/asset/extract_audio",
        {"asset_id": videos},
        {"parameter": st.fixed_dictionaries({}, optional={"format": st.sampled_from(["MP3", "AAC"])})},
    ),
    Shape("CancelExtractAudio", "DELETE", "/asset/extract_audio", {"asset_id": in_queue}, query=True),
    Shape(
        "ShowAssetMeta",
        "GET",
        "/asset/info",
        {},
        {
            **found,
            "asset_id": id_lists,
            "status": statuses,
            "assetStatus": st.sampled_from(["CREATED", "PUBLISHED"]),
            "transcodeStatus": st.sampled_from(["UN_TRANSCODE", "TRANSCODING"]),
        },
        query=True,
    ),
    Shape(
        "ShowAssetDetail",
        "GET",
        "/asset/details",
        {"asset_id": videos},
        {"categories": st.sampled_from(["base_info", "transcode_info,review_info", "thumbnail_info"])},
        query=True,
    ),
    Shape(
        "ListAssetList",
        "GET",
        "/asset/list",
        {},
        {
            **found,
            "asset_id": id_lists,
            "status": statuses,
            "media_type": types,
            "order": st.sampled_from(["asc", "desc", "ASC"]),
        },
        query=True,
    ),
    Shape("DeleteAssets", "DELETE", "/asset", {"asset_id": id_lists}, {"delete_type": st.just("")}, query=True),
    Shape(
        "UpdateAssetMeta",
        "PUT",
        "/asset/info",
        {"asset_id": videos},
        {"title": words, "description": words, "category_id": categories, "tags": tags},
    ),
    Shape("PublishAssets", "POST", "/asset/status/publish", {"asset_id": id_lists}),
    Shape("UnpublishAssets", "POST", "/asset/status/unpublish", {"asset_id": id_lists}),
)

dialects = st.sampled_from(
    [
        {"absence": "http_404"},
        {"audio_id": "digits"},
        {"deletion_s": 0},
        {"new_in_listings_after_s": 0.1},
        {"source_while_extracted": "TRANSCODING"},
        {"cancel_takes": "either"},
        {"extraction_cancelled": "removed"},
    ]
)
CONTROL = (
    Shape(
        "settings",
        "PUT",
        "/_local/settings",
        {},
        {
            "extraction": st.fixed_dictionaries(
                {},
                optional={
                    "mode": st.sampled_from(["real", "timed"]),
                    "seconds": numbers,
                    "concurrency": st.integers(1, 9),
                },
            ),
            "quota_scale": st.sampled_from([0, 0.5, 1, 1e6]),
            "events": st.fixed_dictionaries(
                {}, optional={"url": st.sampled_from([None, "http://127.0.0.1:9/e"]), "key": st.none() | words}
            ),
            "dialects": dialects,
        },
    ),
    Shape(
        "faults",
        "POST",
        "/_local/faults",
        {"operation": st.sampled_from(["*", "ExtractAudio", "CreateExtractAudioTask", "ShowAssetMeta"])},
        {
            "times": st.integers(1, 5),
            "status": st.sampled_from([200, 204, 304, 400, 429, 500, 599]),
            "error_code": st.sampled_from(["VOD.10062", "VOD.10083"]),
            "delay_s": st.just(0),
            "drop": st.sampled_from(["before", "middle", "after"]),
            "body": words,
        },
    ),
    Shape("calls", "GET", "/_local/calls", query=True),
    Shape(
        "page",
        "GET",
        "/_local/assets",
        {},
        {"version": numbers, "size": st.integers(1, 100), "text": words},
        query=True,
    ),
    Shape("new upload", "POST", "/_local/assets", {"name": words.map(lambda word: f"{word}.mp4")}),
)

TEXTS = (
    *("", " ", "\ud800", "\x00", "\x1b[2J", "\r\nX: y", "٣", "{video}", "{video},{video}", ",", "../..", "a" * 70_000),
    *("_" * 60_000, "é" * 513, "0" * 19, "9" * 4000, "-1", "1e400", "NaN", "20260230000000", "//", "http://[x/a.mp4"),
    *(
        "http://127.0.0.1:99999/a.mp4",
        "http://a:b@127.0.0.1:9/%00.mp4",
        "http://\udcff/a.mp4",
        "http://127.0.0.1:9/\ud800.mp4",
    ),
)
"""Texts that were too much for somebody."""
VALUES: tuple[Any, ...] = (
    *(None, True, 0, -1, 2**31, 2**63, -(2**63) - 1, 10**400, 10**4000, 0.5, -0.0, float("nan"), float("inf")),
    *(
        [],
        {},
        [None],
        [[]] * 1000,
        ["{video}"] * 3000,
        [f"{n:x}" for n in range(40_000)],
        {"\ud800": 1},
        {"asset_id": []},
    ),
    [{"url": text, "title": text, "video_type": text} for text in TEXTS[:12]],
)
"""Values that are no text, and were too much for somebody."""
_TEXT = st.text(max_size=20) | st.sampled_from(TEXTS)
_NUMBER = st.integers() | st.floats()
_GARBAGE = st.recursive(
    st.none() | st.booleans() | _NUMBER | _TEXT | ids,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT | st.just("asset_id"), inner, max_size=4),
    max_leaves=6,
)
_GARBAGE_QUERY = _TEXT | _NUMBER | st.lists(_TEXT | ids, max_size=30)


@st.composite
def good(draw: Draw, shape: Shape) -> Sent:
    """A request whose fields are all good."""
    every = {**shape.needed, **shape.more}
    names = [name for name in every if name in shape.needed or draw(st.booleans())]
    return Sent(shape, {name: draw(every[name]) for name in names}, frozenset())


def spoilt(sent: Sent) -> Iterator[Sent]:
    """The request with each of its fields, and each that it could have, as each text and value in turn."""
    for name in (*sent.shape.needed, *sent.shape.more):
        for value in (*TEXTS, *VALUES):
            yield Sent(sent.shape, {**sent.fields, name: value}, frozenset({name}))


@st.composite
def garbled(draw: Draw, shape: Shape) -> Sent:
    """A request of which any field may be missing, bad or unknown."""
    every = {**shape.needed, **shape.more}
    garbage = _GARBAGE_QUERY if shape.query else _GARBAGE
    names = draw(st.lists(st.sampled_from(sorted(every)), unique=True)) if every else []
    bad = frozenset(name for name in names if draw(st.booleans()))
    fields = {name: draw(garbage if name in bad else every[name]) for name in names}
    if draw(st.booleans()):
        fields[draw(_TEXT)] = draw(garbage)
    return Sent(shape, fields, bad)


_TARGETS = st.sampled_from(
    [
        "/v1.0/0123456789abcdef0123456789abcdef/asset/info?asset_id=a",
        "/v1.0/0123456789abcdef0123456789abcdef/asset",
        "/v1.0/other/asset/list",
        "/v1.0/",
        "/",
        "/_local/health",
        "/_local/assets",
        "/_local/assets/a/waveform",
        "/_local/reset",
        "/media/a/b.mp4",
        "/media/a/b/cover0.jpg",
        "/upload/a/b/video",
        "*",
        "http://elsewhere.example/_local/calls",
    ]
)
_BYTES = st.binary(max_size=12) | st.sampled_from(
    [b"%ED%A0%80", b"%00", b"\xff\xfe", b"%", b"/../", b"?", b"#", b" ", b"\r\n"]
)
_HEADERS = {
    "Host": [
        b"127.0.0.1:8480",
        b"localhost",
        b"[::1]:1",
        b"[x",
        b"evil.example",
        b"a@127.0.0.1",
        b"127.0.0.1:99999999",
    ],
    "Origin": [b"null", b"http://[x", b"http://evil.example", b"http://127.0.0.1:8480"],
    "X-Auth-Token": [b"local-token"],
    "Authorization": [b"SDK-HMAC-SHA256 Access=a, SignedHeaders=host;host, Signature=" + b"0" * 64],
    "X-Sdk-Date": [b"20260101T000000Z", b"99999999T999999Z"],
    "X-Project-Id": [b"0123456789abcdef0123456789abcdef"],
    "Content-Type": [b"application/json", b"text/plain"],
    "Content-Length": [b"2", b"0", b"-1", b"2, 2", b"99999999999999999999"],
    "Transfer-Encoding": [b"chunked", b"identity", b"chunked, chunked"],
    "Range": [b"bytes=0-", b"bytes=5-1", b"bytes=" + b"0-1," * 999],
    "Connection": [b"close", b"keep-alive", b"upgrade"],
    "Upgrade": [b"h2c", b"websocket"],
    "Expect": [b"100-continue"],
}
_METHODS = st.sampled_from(["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "CONNECT", "TRACE", "PRI"])


@st.composite
def heads(draw: Draw) -> bytes:
    """The bytes of one request: HTTP, with headers that may be garbage, or nearly HTTP."""
    garbage = draw(st.integers(0, 3))
    target = draw(_TARGETS).encode() + (draw(_BYTES) if garbage > 1 else b"")
    names = draw(st.lists(st.sampled_from(sorted(_HEADERS)), max_size=4, unique=garbage == 0)) if garbage else []
    lines = [b"%s %s HTTP/1.1" % (draw(st.just("GET") | _METHODS).encode(), target), b"X-Auth-Token: local-token"]
    lines += [b"%s: %s" % (name.encode(), draw(st.sampled_from(_HEADERS[name]) | _BYTES)) for name in names]
    if "Host" not in names:
        lines.append(b"Host: 127.0.0.1")
    sent = bytearray(b"\r\n".join(lines) + b"\r\n\r\n" + draw(st.sampled_from([b"", b"{}", b"2\r\n{}\r\n0\r\n\r\n"])))
    for _ in range(draw(st.integers(1, 2)) if garbage == 3 else 0):
        place = draw(st.integers(0, len(sent)))
        sent[place : place + draw(st.integers(0, 3))] = draw(_BYTES)
    return bytes(sent)
