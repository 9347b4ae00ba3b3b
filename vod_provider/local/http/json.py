"""JSON read from callers and written to them, such that nothing a caller sends can make either fail."""

from __future__ import annotations

import json
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

MAX_BODY_BYTES = 1 << 20


def dumps(value: object) -> bytes:
    """The value as JSON in UTF-8, without blanks.

    What a caller sent may hold half of a surrogate pair, which JSON can say and UTF-8 cannot: then everything
    beyond ASCII is written as an escape.
    """
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()


class JsonResponse(Response):
    """An answer of JSON, whatever the value holds."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """The body."""
        return dumps(content)


async def read_body(request: Request) -> bytes:
    """The body of a request. Raises HTTPException 413 if it is larger than VOD's own calls may be."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise HTTPException(413, f"more than {MAX_BODY_BYTES} bytes")
    return bytes(body)


async def read_json(request: Request) -> object:
    """The decoded body of a request, or None if it is no JSON. Raises HTTPException 413 if it is too large."""
    try:
        return json.loads(await read_body(request))
    except (ValueError, RecursionError):
        return None
