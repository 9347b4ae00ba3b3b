"""Signs a request of the command line's own, with the very functions that verify it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import urlsplit

from vod_provider.local.http.auth import DATE_FORMAT, RawRequest, canonical_requests, signature, string_to_sign


def signed_headers(
    method: str, url: str, body: bytes, headers: Mapping[str, str], access_key: str, secret_key: str, now: datetime
) -> dict[str, str]:
    """The headers given, and those that make the request an authenticated one."""
    parts = urlsplit(url)
    date = now.astimezone(UTC).strftime(DATE_FORMAT)
    named = {**headers, "Host": parts.netloc, "X-Sdk-Date": date}
    raw = {name.lower().encode(): value.encode() for name, value in named.items()}
    names = sorted(raw)
    request = RawRequest(method, parts.path.encode(), parts.query.encode(), raw, body)
    canonical = next(canonical_requests(request, names))
    signed = signature(secret_key, string_to_sign(date.encode(), canonical)).decode()
    listed = b";".join(names).decode()
    authorization = f"SDK-HMAC-SHA256 Access={access_key}, SignedHeaders={listed}, Signature={signed}"
    return {**named, "Authorization": authorization}
