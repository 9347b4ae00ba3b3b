"""Who is calling: SDK-HMAC-SHA256 signatures and tokens, verified from the raw request. Pure.

The algorithm as Huawei Cloud documents it ('API request signing'): a canonical request (method, path,
query, signed headers, payload hash), a string to sign (algorithm, date, hash of the canonical request),
and its HMAC-SHA256 with the secret key. Everything is computed on bytes as they came over the wire, so
that no decoding of ours can disagree with the caller's.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import quote, unquote_to_bytes

from vod_provider.local.core.errors import unauthenticated

ALGORITHM = b"SDK-HMAC-SHA256"
DATE_FORMAT = "%Y%m%dT%H%M%SZ"
MAX_SKEW_SECONDS = 15 * 60
UNSIGNED_PAYLOAD = b"UNSIGNED-PAYLOAD"
_EMPTY_SHA256 = hashlib.sha256(b"").hexdigest().encode()
_UNRESERVED = re.compile(rb"[A-Za-z0-9._~-]*")
_PLAIN_QUERY = re.compile(rb"[A-Za-z0-9._~-]+=[A-Za-z0-9._~-]*(?:&[A-Za-z0-9._~-]+=[A-Za-z0-9._~-]*)*")
_DATE = re.compile(rb"\d{8}T\d{6}Z")
_AUTHORIZATION = re.compile(
    rb"SDK-HMAC-SHA256\s+Access=(?P<access>[^,\s]+)\s*,\s*SignedHeaders=(?P<headers>[^,\s]+)\s*,"
    rb"\s*Signature=(?P<signature>[0-9a-fA-F]{64})\s*"
)


@dataclass(frozen=True)
class Credentials:
    """What a caller must know: a key pair (temporary if `security_token` is set), or the token.

    Raises ValueError if one is empty or blank: such a secret would match a caller who sends none.
    """

    access_key: str
    secret_key: str = field(repr=False)
    token: str = field(repr=False)
    security_token: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Refuse what would let everybody in."""
        for name, value in vars(self).items():
            if value is not None and not value.strip():
                raise ValueError(f"{name} must not be empty")


@dataclass(frozen=True)
class RawRequest:
    """A request as it came over the wire; header names in lower case, values unstripped."""

    method: str
    path: bytes
    query: bytes
    headers: Mapping[bytes, bytes]
    body: bytes


def verify(request: RawRequest, credentials: Credentials, now: float) -> None:
    """Return if the request carries good credentials; `now` is unix time in seconds.

    Raises VodError: 401 APIGW.0301 with the reason, as the gateway answers before VOD sees the request.
    """
    authorization = request.headers.get(b"authorization")
    if authorization is not None:
        _verify_signature(request, authorization, credentials, now)
        return
    token = request.headers.get(b"x-auth-token")
    if token is None:
        raise unauthenticated("neither Authorization nor X-Auth-Token is given")
    if not hmac.compare_digest(token.strip(), credentials.token.encode()):
        raise unauthenticated("decrypt token fail")


def _verify_signature(request: RawRequest, authorization: bytes, credentials: Credentials, now: float) -> None:
    match = _AUTHORIZATION.fullmatch(authorization.strip())
    if match is None:
        raise unauthenticated("Authorization format is incorrect")
    if not hmac.compare_digest(match["access"], credentials.access_key.encode()):
        raise unauthenticated(f"ak {match['access'].decode('latin-1')} not exist")
    date = request.headers.get(b"x-sdk-date", b"").strip()
    _verify_date(date, now)
    signed_headers = match["headers"].split(b";")
    given = match["signature"].lower()
    candidates = [
        signature(credentials.secret_key, string_to_sign(date, canonical))
        for canonical in canonical_requests(request, signed_headers)
    ]
    # Every candidate is compared: the time taken must not tell which of them came near.
    good = [hmac.compare_digest(given, candidate) for candidate in candidates]
    if not any(good):
        raise unauthenticated("verify aksk signature fail")
    _verify_security_token(request.headers.get(b"x-security-token"), credentials.security_token)


def _verify_date(date: bytes, now: float) -> None:
    try:
        signed_at = _unix_seconds(date)
    except ValueError as exc:
        raise unauthenticated("X-Sdk-Date is missing or not yyyymmddThhmmssZ") from exc
    if abs(now - signed_at) > MAX_SKEW_SECONDS:
        server_time = datetime.fromtimestamp(now, UTC).strftime(DATE_FORMAT)
        raise unauthenticated(
            f"calc aksk signature fail:signature expired, signature time:{date.decode()},server time:{server_time}"
        )


@lru_cache(maxsize=64)
def _unix_seconds(date: bytes) -> float:
    if not _DATE.fullmatch(date):
        raise ValueError(date)
    return datetime.strptime(date.decode(), DATE_FORMAT).replace(tzinfo=UTC).timestamp()


def _verify_security_token(given: bytes | None, expected: str | None) -> None:
    if expected is None and given is None:
        return
    if not hmac.compare_digest((given or b"").strip(), (expected or "").encode()) or expected is None:
        raise unauthenticated("verify security token fail")


def canonical_requests(request: RawRequest, signed_headers: Sequence[bytes]) -> Iterator[bytes]:
    """The canonical request, in each of the forms that a correct signer may have made of this request.

    Signers differ in what they take for the payload hash where there is no body or where the header
    X-Sdk-Content-Sha256 speaks, and in whether they sort the query before or after encoding it.
    Raises VodError if a signed header is missing.
    """
    headers = canonical_headers(request.headers, signed_headers)
    path = canonical_path(request.path)
    for query in canonical_queries(request.query):
        for payload_hash in payload_hashes(request):
            yield b"\n".join((request.method.encode(), path, query, headers, b";".join(signed_headers), payload_hash))


def canonical_path(path: bytes) -> bytes:
    """The path with each segment encoded anew, and a slash at its end."""
    encoded = quote(unquote_to_bytes(path), safe="/~").encode()
    return encoded if encoded.endswith(b"/") else encoded + b"/"


def canonical_queries(query: bytes) -> list[bytes]:
    """The query sorted by name and value, encoded anew: sorted before and, if that differs, after encoding."""
    if _PLAIN_QUERY.fullmatch(query):  # nothing to encode: as ids come, in a third of the time
        pieces = sorted(piece.split(b"=") for piece in query.split(b"&"))
        return [b"&".join(map(b"=".join, pieces))]
    pairs = []
    for piece in query.split(b"&"):
        if piece:
            name, _, value = piece.partition(b"=")
            pairs.append((*_decoded_and_encoded(name), *_decoded_and_encoded(value)))
    decoded_first = [pair[1] + b"=" + pair[3] for pair in sorted(pairs, key=lambda pair: (pair[0], pair[2]))]
    encoded_first = [pair[1] + b"=" + pair[3] for pair in sorted(pairs, key=lambda pair: (pair[1], pair[3]))]
    joined = b"&".join(decoded_first)
    return [joined] if decoded_first == encoded_first else [joined, b"&".join(encoded_first)]


def canonical_headers(headers: Mapping[bytes, bytes], signed: Sequence[bytes]) -> bytes:
    """One line `name:value` for each signed header, names in lower case, values stripped, each line ended."""
    lines = []
    for name in signed:
        value = headers.get(name.lower())
        if value is None:
            raise unauthenticated(f"signed header {name.decode('latin-1')} is missing")
        lines.append(name.lower() + b":" + value.strip() + b"\n")
    return b"".join(lines)


def payload_hashes(request: RawRequest) -> list[bytes]:
    """What may stand for the payload: its SHA-256, or what X-Sdk-Content-Sha256 says if that is true of it."""
    real = hashlib.sha256(request.body).hexdigest().encode() if request.body else _EMPTY_SHA256
    announced = request.headers.get(b"x-sdk-content-sha256")
    if announced is not None and announced.strip() == UNSIGNED_PAYLOAD:
        return [real, UNSIGNED_PAYLOAD]
    return [real]


def string_to_sign(date: bytes, canonical_request: bytes) -> bytes:
    """Algorithm, date and hash of the canonical request, a line each."""
    return b"\n".join((ALGORITHM, date, hashlib.sha256(canonical_request).hexdigest().encode()))


def signature(secret_key: str, to_sign: bytes) -> bytes:
    """Hex HMAC-SHA256 of the string to sign."""
    return hmac.digest(secret_key.encode(), to_sign, "sha256").hex().encode()


def _decoded_and_encoded(text: bytes) -> tuple[bytes, bytes]:
    if _UNRESERVED.fullmatch(text):
        return text, text
    decoded = unquote_to_bytes(text.replace(b"+", b" "))
    return decoded, quote(decoded, safe="~").encode()
