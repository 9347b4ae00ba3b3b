"""Requests put together by hand, for what no well-behaved client sends."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from vod_provider.local.http.signing import signed_headers
from vod_provider.local.testing import LocalVod


@dataclass
class Answered:
    """Status, headers, and the body as text."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.text)


def send(url: str, method: str, headers: dict[str, str], body: bytes | None = None) -> Answered:
    """One request over a connection of its own. Raises OSError or HTTPException if there is no whole answer."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=30)
    try:
        connection.request(method, parts.path + (f"?{parts.query}" if parts.query else ""), body, headers)
        response = connection.getresponse()
        text = response.read().decode()
        return Answered(response.status, {k.lower(): v for k, v in response.getheaders()}, text)
    finally:
        connection.close()


def call(
    service: LocalVod,
    method: str,
    path: str,
    body: object = None,
    *,
    content: bytes | None = None,
    headers: dict[str, str] | None = None,
    project: str | None = None,
) -> Answered:
    """A signed call of an operation; `body` goes as JSON, `content` as it is."""
    url = f"{service.endpoint}/v1.0/{project or service.project_id}{path}"
    sent = content if content is not None else (b"" if body is None else json.dumps(body).encode())
    named = {"Content-Type": "application/json", **(headers or {})}
    now = datetime.now(UTC)
    signed = signed_headers(method, url, sent, named, service.access_key, service.secret_key, now)
    return send(url, method, signed, sent or None)
