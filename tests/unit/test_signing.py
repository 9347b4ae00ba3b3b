"""Signatures: the documented example stage by stage, and agreement with the official signer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from types import SimpleNamespace
from urllib.parse import quote, quote_plus

import pytest
from huaweicloudsdkcore.sdk_request import SdkRequest
from huaweicloudsdkcore.signer.signer import Signer
from hypothesis import given
from hypothesis import strategies as st

from vod_provider.vod import signing
from vod_provider.vod.signing import AccessKey, Token, sign

# The example of the 'API Request Signing Guide' (support.huaweicloud.com, devg-apisign), all its stages.
KEY = AccessKey("QTWAOYTTINDUT2QVKYUC", "MFyfvK41ba2giqM7Uio6PznpdUKGpownRZlmVmHc")
NOW = datetime(2019, 11, 15, 3, 36, 55, tzinfo=UTC)
DATE = "20191115T033655Z"
HOST = "service.region.example.com"
URL = f"https://{HOST}/v1/77b6a44cba5143ab91d13ab9a8ff44fd/vpcs?limit=2&marker=13551d6b-755d-4757-b956-536f674975c0"
JSON = {"Content-Type": "application/json"}
SIGNED = {**JSON, "Host": HOST, "X-Sdk-Date": DATE}
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
CANONICAL = f"""GET
/v1/77b6a44cba5143ab91d13ab9a8ff44fd/vpcs/
limit=2&marker=13551d6b-755d-4757-b956-536f674975c0
content-type:application/json
host:service.region.example.com
x-sdk-date:20191115T033655Z

content-type;host;x-sdk-date
{EMPTY}"""
TO_SIGN = f"SDK-HMAC-SHA256\n{DATE}\nb25362e603ee30f4f25e7858e8a7160fd36e803bb2dfe206278659d71a9bcd7a"
SIGNATURE = "7be6668032f70418fcc22abc52071e57aff61b84a1d2381bb430d6870f4f6ebe"
AUTHORIZATION = (
    f"SDK-HMAC-SHA256 Access=QTWAOYTTINDUT2QVKYUC, SignedHeaders=content-type;host;x-sdk-date, Signature={SIGNATURE}"
)


def official(
    method: str, path: str, query: list[tuple[str, str]], headers: dict[str, str], body: bytes, host: str = HOST
) -> str:
    """What the official signer puts into Authorization, for the documented key."""
    request = SdkRequest(
        method=method,
        schema="https",
        host=host,
        resource_path=path,
        query_params=list(query),
        header_params={**headers, "X-Sdk-Date": DATE},
        body=body,
    )
    Signer(SimpleNamespace(ak=KEY.access_key, sk=KEY.secret_key)).sign(request)
    return str(request.header_params["Authorization"])


def test_stage_canonical_request() -> None:
    """The first stage of the documented example."""
    assert signing.canonical_request("get", URL, SIGNED, b"") == CANONICAL


def test_stage_string_to_sign() -> None:
    """The second stage of the documented example."""
    assert signing.string_to_sign(CANONICAL, DATE) == TO_SIGN


def test_stage_signature() -> None:
    """The third stage of the documented example."""
    assert signing.signature(KEY.secret_key, TO_SIGN) == SIGNATURE


def test_stage_authorization() -> None:
    """The last stage of the documented example."""
    assert signing.authorization(KEY.access_key, SIGNED, SIGNATURE) == AUTHORIZATION


def test_sign_goes_through_all_stages() -> None:
    """The documented example as a whole, with the headers that have to be added."""
    added = sign(KEY, method="GET", url=URL, headers=JSON, body=b"", now=NOW)
    assert added == {"X-Sdk-Date": DATE, "Host": HOST, "Authorization": AUTHORIZATION}


def test_time_is_sent_in_utc() -> None:
    """A time of another zone signs the same."""
    here = NOW.astimezone(timezone(timedelta(hours=8)))
    added = sign(KEY, method="GET", url=URL, headers=JSON, body=b"", now=here)
    assert added["Authorization"] == AUTHORIZATION


def test_token_is_sent_as_it_is() -> None:
    """A token needs no signature."""
    assert sign(Token("MII"), method="GET", url=URL, headers=JSON, body=b"", now=NOW) == {"X-Auth-Token": "MII"}


def test_security_token_is_signed() -> None:
    """A temporary key's token is sent and signed with the rest, as the official client does it."""
    key = AccessKey(KEY.access_key, KEY.secret_key, "temporary")
    added = sign(key, method="DELETE", url=f"https://{HOST}/a", headers={}, body=b"", now=NOW)
    assert added["X-Security-Token"] == "temporary"
    assert added["Authorization"] == official("DELETE", "/a", [], {"X-Security-Token": "temporary"}, b"")


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://vod.example.com:8443/a", "vod.example.com:8443"),
        ("http://127.0.0.1:8480/a", "127.0.0.1:8480"),
        ("http://[::1]:8480/a", "[::1]:8480"),
        ("https://user@vod.example.com/a", "vod.example.com"),
    ],
)
def test_host_is_what_the_url_names(url: str, host: str) -> None:
    """The signed host has the port, and nothing of who asks."""
    added = sign(KEY, method="GET", url=url, headers={}, body=b"", now=NOW)
    assert added["Host"] == host
    assert added["Authorization"] == official("GET", "/a", [], {}, b"", host)


def test_own_host_header_is_kept() -> None:
    """A Host that the caller sets, in whatever case, is signed and not set again."""
    added = sign(KEY, method="GET", url=f"https://{HOST}/a", headers={"hOST": "other"}, body=b"", now=NOW)
    assert "Host" not in added
    assert added["Authorization"] == official("GET", "/a", [], {"hOST": "other"}, b"")


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        ("", "/", ""),
        ("/", "/", ""),
        ("/a/", "/a/", ""),
        ("/a//b", "/a//b/", ""),
        ("/a b+c%20d%2fe", "/a%20b%2Bc%20d/e/", ""),
        ("/~a-b_c.d*e", "/~a-b_c.d%2Ae/", ""),
        ("/视频", "/%E8%A7%86%E9%A2%91/", ""),
        ("/a%ff", "/a%FF/", ""),
        ("/a#b?c", "/a/", ""),
        ("/a?b=2&a=1", "/a/", "a=1&b=2"),
        ("/a?b=2&a=1&b=10&b", "/a/", "a=1&b=&b=10&b=2"),
        ("/a?x=a+b&y=a%20b&z=a%2Bb", "/a/", "x=a%20b&y=a%20b&z=a%2Bb"),
        ("/a?x=%e8%a7%86&&y=a=b", "/a/", "x=%E8%A7%86&y=a%3Db"),
        ("/a?asset_id=1,2&c=~*'()", "/a/", "asset_id=1%2C2&c=~%2A%27%28%29"),
    ],
)
def test_path_and_query_in_canonical_form(target: str, path: str, query: str) -> None:
    """Every way to write a path or a query comes to one form."""
    lines = signing.canonical_request("GET", f"https://{HOST}{target}", {}, b"").split("\n")
    assert lines == ["GET", path, query, "", "", EMPTY]


def test_headers_in_canonical_form() -> None:
    """Names lose their case, values the space around them, and the order is by name; '_' is left out."""
    headers = {"X-B": " two\t", "a-Header": "Keeps Case", "X-A": "", "x_dropped": "1"}
    lines = signing.canonical_request("put", f"https://{HOST}/", headers, b"{}").split("\n")
    assert lines[3:8] == ["a-header:Keeps Case", "x-a:", "x-b:two", "", "a-header;x-a;x-b"]


def test_body_is_signed() -> None:
    """Another body gives another signature."""
    made = [sign(KEY, method="POST", url=URL, headers=JSON, body=body, now=NOW) for body in (b"", b"{}", b"{ }")]
    assert len({headers["Authorization"] for headers in made}) == 3


def test_secrets_are_not_in_the_repr() -> None:
    """Neither kind of credentials shows its secret."""
    assert repr(AccessKey("AK", "SECRET", "SECRET")) == "AccessKey(access_key='AK')"
    assert repr(Token("SECRET")) == "Token()"


text = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
segments = st.lists(text, max_size=4)
queries = st.lists(st.tuples(st.sampled_from(["a", "asset_id", "é"]) | text.filter(bool), text), max_size=5)
names = st.from_regex(r"[A-Za-z][A-Za-z0-9_-]{0,8}", fullmatch=True).filter(
    lambda name: name.lower() not in {"host", "content-type"} and not name.lower().startswith("x-sdk-")
)
headers_given = st.dictionaries(names, text, max_size=4).filter(
    lambda headers: len({name.lower() for name in headers}) == len(headers)
)


@given(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "patch"]),
    segments=segments,
    query=queries,
    plus=st.booleans(),
    headers=headers_given,
    json=st.booleans(),
    body=st.binary(max_size=20),
)
def test_agrees_with_the_official_signer(
    *,
    method: str,
    segments: list[str],
    query: list[tuple[str, str]],
    plus: bool,
    headers: dict[str, str],
    json: bool,
    body: bytes,
) -> None:
    """Whatever the path, query, headers and body: both signers come to the same Authorization."""
    path = "/" + "/".join(quote(segment, safe="") for segment in segments)
    written = quote_plus if plus else quote
    url = f"https://{HOST}{path}?" + "&".join(f"{written(name)}={written(value)}" for name, value in query)
    headers = {**headers, **(JSON if json else {})}
    added = sign(KEY, method=method, url=url, headers=headers, body=body, now=NOW)
    assert added["Authorization"] == official(method, path, query, headers, body)
