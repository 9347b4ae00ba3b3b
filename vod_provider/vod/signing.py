"""Who is asking: the headers that prove it, for an access key (SDK-HMAC-SHA256) or a token. Pure.

A signature comes about in stages, each a function: the request in its canonical form, the string to sign, the
signature, the header Authorization. Source: Huawei Cloud's 'API Request Signing Guide', and where that leaves
questions open (encoding, repeated names, header case) the official client's `huaweicloudsdkcore.signer.signer`.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import quote, unquote_to_bytes, urlsplit

ALGORITHM = "SDK-HMAC-SHA256"


@dataclass(frozen=True)
class AccessKey:
    """An access key (AK and SK); a temporary one comes with a security token."""

    access_key: str
    secret_key: str = field(repr=False)
    security_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Token:
    """A user token of IAM (X-Subject-Token in its answer). It is valid for 24 hours at most."""

    token: str = field(repr=False)


Credentials = AccessKey | Token


def sign(
    credentials: Credentials, *, method: str, url: str, headers: Mapping[str, str], body: bytes, now: datetime
) -> dict[str, str]:
    """The headers to add to a request so that VOD knows who sends it.

    `url` is absolute and as it will be sent; `headers` are those to be signed, and have to be sent as they are
    (Host is added); `body` is always signed. Whoever receives the request allows `now` to be 15 minutes off.
    """
    if isinstance(credentials, Token):
        return {"X-Auth-Token": credentials.token}
    date = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    added = {"X-Sdk-Date": date}
    if "host" not in map(str.lower, headers):
        added["Host"] = urlsplit(url).netloc.rpartition("@")[2]
    if credentials.security_token is not None:
        added["X-Security-Token"] = credentials.security_token
    signed = {**headers, **added}
    to_sign = string_to_sign(canonical_request(method, url, signed, body), date)
    proof = signature(credentials.secret_key, to_sign)
    return added | {"Authorization": authorization(credentials.access_key, signed, proof)}


def canonical_request(method: str, url: str, headers: Mapping[str, str], body: bytes) -> str:
    """The request in the one form that both sides come to: what is signed of it, a line each."""
    parts = urlsplit(url)
    lines = (
        method.upper(),
        _canonical_path(parts.path),
        _canonical_query(parts.query),
        *(f"{name}:{value}" for name, value in _canonical_headers(headers)),
        "",
        signed_headers(headers),
        hashlib.sha256(body).hexdigest(),
    )
    return "\n".join(lines)


def signed_headers(headers: Mapping[str, str]) -> str:
    """The names of the headers that are signed: in lower case, sorted, joined by semicolons."""
    return ";".join(name for name, _ in _canonical_headers(headers))


def string_to_sign(canonical: str, date: str) -> str:
    """Algorithm, date (as in X-Sdk-Date) and hash of the canonical request, a line each."""
    return "\n".join((ALGORITHM, date, hashlib.sha256(canonical.encode()).hexdigest()))


def signature(secret_key: str, to_sign: str) -> str:
    """HMAC-SHA256 of the string to sign, in hex."""
    return hmac.digest(secret_key.encode(), to_sign.encode(), "sha256").hex()


def authorization(access_key: str, headers: Mapping[str, str], proof: str) -> str:
    """The value of the header Authorization: whose key, which headers are signed, and the signature."""
    return f"{ALGORITHM} Access={access_key}, SignedHeaders={signed_headers(headers)}, Signature={proof}"


def _canonical_path(path: str) -> str:
    """The path with each segment encoded anew, and a slash at its end."""
    encoded = quote(unquote_to_bytes(path), safe="/~")
    return encoded if encoded.endswith("/") else encoded + "/"


def _canonical_query(query: str) -> str:
    """The parameters sorted by name, then value, and encoded anew; one without a value gets an empty one."""
    pairs = []
    for parameter in filter(None, query.split("&")):
        name, _, value = parameter.partition("=")
        pairs.append((_decoded(name), _decoded(value)))
    return "&".join(f"{_encoded(name)}={_encoded(value)}" for name, value in sorted(pairs))


def _canonical_headers(headers: Mapping[str, str]) -> list[tuple[str, str]]:
    """Names in lower case, sorted, and their values without space around; gateways drop names with a '_'."""
    return sorted((name.lower(), value.strip()) for name, value in headers.items() if "_" not in name)


def _decoded(text: str) -> bytes:
    return unquote_to_bytes(text.replace("+", " "))


def _encoded(text: bytes) -> str:
    return quote(text, safe="~")
