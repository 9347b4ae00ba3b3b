"""Garbage of all kinds where fields should be: refused, never a crash, and nothing is done."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.local.wiretap import call
from vod_provider.local.http.operations import OPERATIONS, Operation
from vod_provider.local.testing import LocalVod

NAMES = st.sampled_from(
    [
        "asset_id",
        "title",
        "description",
        "category_id",
        "tags",
        "video_name",
        "video_type",
        "auto_publish",
        "cover_type",
        "subtitles",
        "parameter",
        "format",
        "status",
        "upload_metadatas",
        "url",
        "id",
        "type",
        "language",
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just("\ud800") | st.just("MP4"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=8,
)
WRITING = [operation for operation in OPERATIONS.values() if operation.method in ("POST", "PUT")]
ASKING = [operation for operation in OPERATIONS.values() if operation.method in ("GET", "DELETE")]
QUERIES = [
    "asset_id",
    "status",
    "transcodeStatus",
    "assetStatus",
    "start_time",
    "end_time",
    "category_id",
    "tags",
    "query_string",
    "page",
    "size",
    "order",
    "media_type",
    "categories",
    "delete_type",
]
FUZZ = settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])


@FUZZ
@given(operation=st.sampled_from(WRITING), body=st.dictionaries(NAMES, VALUES, max_size=5))
def test_bodies(service: LocalVod, operation: Operation, body: dict[str, object]) -> None:
    """Whatever JSON comes in a body, the answer is a success or one of VOD's own errors."""
    answer = call(service, operation.method, operation.path, content=json.dumps(body).encode())
    assert answer.status in (200, 202, 204, 400, 403)
    if answer.status >= 400:
        assert answer.json["error_code"] in {"VOD.10053", "VOD.10061", "VOD.10062", "VOD.10081", "VOD.10083"}


@FUZZ
@given(
    operation=st.sampled_from(ASKING),
    query=st.lists(st.tuples(st.sampled_from(QUERIES), st.text(max_size=20) | st.integers().map(str)), max_size=5),
)
def test_queries(service: LocalVod, operation: Operation, query: list[tuple[str, str]]) -> None:
    """Whatever comes in a query, the answer is a success or one of VOD's own errors."""
    pairs = "&".join(f"{name}={quote(value.encode(errors='replace'))}" for name, value in query)
    answer = call(service, operation.method, f"{operation.path}?{pairs}")
    assert answer.status < 500
    if answer.status >= 400:
        assert answer.json["error_code"] in {"VOD.10053", "VOD.10062", "VOD.10083"}


@pytest.mark.parametrize("content", [b"[" * 100_000, b'{"a":' * 50_000, b'{"category_id":' + b"9" * 5000 + b"}", b"\0"])
def test_hostile_json(service: LocalVod, content: bytes) -> None:
    """JSON meant to exhaust the parser is refused like any other."""
    answer = call(service, "POST", "/asset", content=content)
    assert (answer.status, answer.json["error_code"]) == (400, "VOD.10081")
