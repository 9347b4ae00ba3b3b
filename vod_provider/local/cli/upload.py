"""The command `upload`: a file into a running service, by the public API like any other client."""

from __future__ import annotations

import argparse
import http.client
import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import SplitResult, urlencode, urlsplit

from vod_provider.local.cli.errors import UploadError
from vod_provider.local.core.hosts import split_url
from vod_provider.local.core.media_types import MEDIA_TYPES
from vod_provider.local.core.text import printable
from vod_provider.local.http.auth import Credentials
from vod_provider.local.http.fields import MAX_TITLE_BYTES, cut_to_bytes
from vod_provider.local.http.signing import signed_headers

_BLOCK = 1 << 20
_MOST_ANSWER = 1 << 20
"""Bytes of an answer that are read,"""
_MOST_WORDS = 1000
"""and characters of what is said about it."""


def upload(options: argparse.Namespace, credentials: Credentials) -> int:
    """Run the command; returns the exit status."""
    try:
        asset_id = _Client(options, credentials).upload(options.file, options.title or options.file.name)
    except UploadError as exc:
        print(f"vod-local: {printable(str(exc)[:_MOST_WORDS])}", file=sys.stderr)  # noqa: T201
        return 1
    print(printable(asset_id))  # noqa: T201
    return 0


class _Client:
    def __init__(self, options: argparse.Namespace, credentials: Credentials) -> None:
        parts = split_url(options.endpoint)
        if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
            raise UploadError(f"--endpoint {options.endpoint} is no http or https address")
        self._options = options
        self._credentials = credentials
        self._base = f"{options.endpoint.rstrip('/')}/v1.0/{options.project}"

    def upload(self, file: Path, title: str) -> str:
        """Create, put, confirm, look; returns the id of an asset that is ready."""
        video_type = file.suffix.lstrip(".").upper()
        if not file.is_file():
            raise UploadError(f"{file} is no file")
        if video_type not in MEDIA_TYPES:
            raise UploadError(f"{file}: the extension must be one of {', '.join(sorted(MEDIA_TYPES))}")
        new = {
            "title": cut_to_bytes(title, MAX_TITLE_BYTES),
            "video_name": cut_to_bytes(file.name, MAX_TITLE_BYTES),
            "video_type": video_type,
        }
        created = self._call("POST", "/asset", new)
        asset_id = _text(created, "asset_id")
        self._put(_text(created, "video_upload_url"), file)
        self._call("POST", "/asset/status/uploaded", {"asset_id": asset_id, "status": "CREATED"})
        infos = self._call("GET", f"/asset/info?{urlencode({'asset_id': asset_id})}", None).get("asset_info_array")
        info = infos[0] if isinstance(infos, list) and infos and isinstance(infos[0], dict) else {}
        status = _text(info, "status")
        if status not in ("CREATED", "PUBLISHED"):
            raise UploadError(f"{file} became asset {asset_id}, which is {status}: {info.get('description')}")
        return asset_id

    def _put(self, url: str, file: Path) -> None:
        parts = split_url(url)
        if parts is None or not parts.hostname:
            raise UploadError(f"the address to upload to is {url!r}, which is none")
        connection = _connection(parts)
        try:
            size = file.stat().st_size
            connection.putrequest("PUT", parts.path)
            connection.putheader("Content-Length", str(size))
            connection.endheaders()
            sent = 0
            with file.open("rb") as source:
                while block := source.read(_BLOCK):
                    connection.send(block)
                    sent += len(block)
                    if sys.stderr.isatty():
                        done = f"{printable(file.name)}: {sent * 100 // size}%"
                        print(f"\r{done}", end="", file=sys.stderr)  # noqa: T201
            if sys.stderr.isatty():
                print(file=sys.stderr)  # noqa: T201
            response = connection.getresponse()
            text = response.read(_MOST_ANSWER).decode(errors="replace")
        except (OSError, http.client.HTTPException) as exc:
            raise UploadError(f"{file} could not be uploaded: {exc or type(exc).__name__}") from exc
        finally:
            connection.close()
        if response.status != http.HTTPStatus.OK:
            raise UploadError(f"{file} could not be uploaded: {response.status} {text}")

    def _call(self, method: str, path: str, body: object) -> dict[str, object]:
        options, credentials = self._options, self._credentials
        content = b"" if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", "X-Project-Id": options.project}
        if credentials.security_token:
            headers["X-Security-Token"] = credentials.security_token
        url = self._base + path
        signed = signed_headers(
            method, url, content, headers, credentials.access_key, credentials.secret_key, datetime.now(UTC)
        )
        parts = urlsplit(url)
        connection = _connection(parts)
        try:
            connection.request(method, f"{parts.path}?{parts.query}" if parts.query else parts.path, content, signed)
            response = connection.getresponse()
            text = response.read(_MOST_ANSWER)
        except (OSError, http.client.HTTPException) as exc:
            raise UploadError(f"no answer from {options.endpoint}: {exc or type(exc).__name__}") from exc
        finally:
            connection.close()
        if response.status >= http.HTTPStatus.BAD_REQUEST:
            raise UploadError(f"{method} {parts.path} answered {response.status} {text.decode(errors='replace')}")
        try:
            answer = json.loads(text) if text else {}
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            raise UploadError(f"{method} {parts.path} answered {response.status} with what is no answer of VOD")
        return answer


def _text(answer: Mapping[str, object], name: str) -> str:
    """A text that VOD's answer has; whoever else answers may have none."""
    value = answer.get(name)
    if not isinstance(value, str) or not value:
        raise UploadError(f"what answers at --endpoint is not VOD: its answer has no {name}")
    return value


def _connection(parts: SplitResult) -> http.client.HTTPConnection:
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    return kind(parts.hostname or "", parts.port, timeout=300)
