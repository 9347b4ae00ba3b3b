"""Authentication: our reading of the algorithm against the official signer, and the errors of each failure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException
from huaweicloudsdkcore.sdk_request import SdkRequest
from huaweicloudsdkcore.signer.signer import Signer
from huaweicloudsdkvod.v1 import ListAssetListRequest, ShowAssetMetaRequest, VodClient
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.local.conftest import official_client
from tests.local.wiretap import call, send
from vod_provider.local.core.errors import VodError
from vod_provider.local.http import auth
from vod_provider.local.http.auth import Credentials, RawRequest
from vod_provider.local.http.signing import signed_headers
from vod_provider.local.testing import LocalVod, start_local_vod

CREDENTIALS = Credentials("AK", "SK", "TOKEN")
NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


def officially_signed(
    method: str, path: str, query: list[tuple[str, str]], headers: dict[str, str], body: str
) -> RawRequest:
    """A request signed by the official signer, as it would come over the wire."""
    request = SdkRequest(
        method=method,
        schema="http",
        host="local",
        resource_path=path,
        query_params=list(query),
        header_params={**headers, "X-Sdk-Date": NOW.strftime(auth.DATE_FORMAT)},
        body=body,
    )
    signed = Signer(BasicCredentials("AK", "SK", "P")).sign(request)
    target, _, encoded = signed.uri.partition("?")
    raw = {name.lower().encode(): value.encode("latin-1") for name, value in signed.header_params.items()}
    return RawRequest(method, target.encode(), encoded.encode(), raw, (body or "").encode())


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), max_size=12)
NAME = st.text("abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=8).map(lambda name: f"X-{name}")


@given(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE"]),
    segments=st.lists(TEXT, max_size=4),
    slash=st.booleans(),
    query=st.lists(st.tuples(TEXT, TEXT), max_size=5),
    headers=st.dictionaries(NAME, TEXT.map(str.strip), max_size=3),
    body=TEXT,
)
@settings(deadline=None, max_examples=300)
def test_official_signatures_are_good(
    method: str, segments: list[str], slash: bool, query: list[tuple[str, str]], headers: dict[str, str], body: str
) -> None:
    """Whatever the official signer signs is let in: any path, query, headers and body, non-ASCII included."""
    path = "/v1.0/" + "/".join(quote(segment, safe="") for segment in segments) + ("/" if slash else "")
    request = officially_signed(method, path, query, headers, body)
    auth.verify(request, CREDENTIALS, NOW.timestamp())


@given(data=st.data())
@settings(deadline=None, max_examples=200)
def test_any_change_breaks_the_signature(data: st.DataObject) -> None:
    """One byte changed in method, path, query, a signed header or the body is noticed."""
    request = officially_signed("POST", "/v1.0/p/asset", [("a", "1"), ("b", "2")], {"X-Some": "value"}, "body")
    where = data.draw(st.sampled_from(["method", "path", "query", "header", "body"]))
    changed = {
        "method": RawRequest("PUT", request.path, request.query, request.headers, request.body),
        "path": RawRequest("POST", request.path + b"x", request.query, request.headers, request.body),
        "query": RawRequest("POST", request.path, request.query + b"3", request.headers, request.body),
        "header": RawRequest(
            "POST", request.path, request.query, {**request.headers, b"x-some": b"other"}, request.body
        ),
        "body": RawRequest("POST", request.path, request.query, request.headers, b"other"),
    }[where]
    with pytest.raises(VodError) as caught:
        auth.verify(changed, CREDENTIALS, NOW.timestamp())
    assert (caught.value.status, caught.value.code) == (401, "APIGW.0301")


@given(
    authorization=st.one_of(
        st.binary(max_size=80),
        st.builds(
            lambda access, headers, signature: (
                b"SDK-HMAC-SHA256 Access=%b, SignedHeaders=%b, Signature=%b" % (access, headers, signature)
            ),
            st.binary(max_size=20),
            st.binary(max_size=20),
            st.binary(max_size=70),
        ),
    ),
    date=st.binary(max_size=20),
    query=st.binary(max_size=30),
    path=st.binary(max_size=30),
)
@settings(deadline=None, max_examples=500)
def test_garbage_is_refused_and_never_a_crash(authorization: bytes, date: bytes, query: bytes, path: bytes) -> None:
    """Bytes of any kind where credentials should be are refused as such."""
    headers = {b"authorization": authorization, b"x-sdk-date": date}
    with pytest.raises(VodError) as caught:
        auth.verify(RawRequest("GET", path, query, headers, b""), CREDENTIALS, NOW.timestamp())
    assert caught.value.status == 401


def test_stages_of_the_algorithm() -> None:
    """Each stage gives what the documentation's rules give by hand."""
    assert auth.canonical_path(b"/v1.0/p/a%20b") == b"/v1.0/p/a%20b/"
    assert auth.canonical_path(b"/v1.0/p/~x/") == b"/v1.0/p/~x/"
    assert auth.canonical_queries(b"b=2&a=z&a=1&c") == [b"a=1&a=z&b=2&c="]
    assert auth.canonical_queries(b"a=%C3%A4&a=1") == [b"a=1&a=%C3%A4", b"a=%C3%A4&a=1"]
    assert auth.canonical_queries(b"q=a+b") == [b"q=a%20b"]
    plain, encoded = b"a-b=2&a=z&a=1&c=", b"%61-b=2&a=z&a=1&c="
    assert auth.canonical_queries(plain) == auth.canonical_queries(encoded) == [b"a=1&a=z&a-b=2&c="]
    assert auth.canonical_headers({b"host": b" h ", b"x-a": b"1"}, [b"host", b"X-A"]) == b"host:h\nx-a:1\n"
    unsigned = RawRequest("PUT", b"/", b"", {b"x-sdk-content-sha256": b"UNSIGNED-PAYLOAD"}, b"data")
    assert b"UNSIGNED-PAYLOAD" in auth.payload_hashes(unsigned)
    assert auth.string_to_sign(b"D", b"") == (
        b"SDK-HMAC-SHA256\nD\ne3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    )


@pytest.mark.parametrize(("minutes", "good"), [(14.9, True), (-14.9, True), (15.1, False), (-15.1, False)])
def test_clocks_may_differ_by_fifteen_minutes(minutes: float, good: bool) -> None:
    """A date up to 15 minutes before or after our clock is fine, one further off has expired."""
    request = officially_signed("GET", "/v1.0/p", [], {}, "")
    now = (NOW + timedelta(minutes=minutes)).timestamp()
    if good:
        auth.verify(request, CREDENTIALS, now)
    else:
        with pytest.raises(VodError, match="signature expired, signature time:20260304T050607Z"):
            auth.verify(request, CREDENTIALS, now)


def test_temporary_credentials() -> None:
    """A temporary key pair needs its security token; a permanent one must come without."""
    temporary = Credentials("AK", "SK", "TOKEN", "STS")
    with_token = officially_signed("GET", "/v1.0/p", [], {"X-Security-Token": "STS"}, "")
    without = officially_signed("GET", "/v1.0/p", [], {}, "")
    wrong = officially_signed("GET", "/v1.0/p", [], {"X-Security-Token": "other"}, "")
    auth.verify(with_token, temporary, NOW.timestamp())
    auth.verify(without, CREDENTIALS, NOW.timestamp())
    for request, credentials in ((without, temporary), (wrong, temporary), (with_token, CREDENTIALS)):
        with pytest.raises(VodError, match="security token"):
            auth.verify(request, credentials, NOW.timestamp())


def test_secrets_are_not_shown() -> None:
    """The repr of credentials holds the access key and none of the secrets."""
    assert repr(Credentials("AK", "hush", "hush", "hush")) == "Credentials(access_key='AK')"


def test_what_the_cloud_says_to_strangers(service: LocalVod) -> None:
    """Wrong key, wrong secret, no credentials, wrong token: 401 with the gateway's code and reason."""
    for access_key, secret_key, reason in (
        ("nobody", None, "ak nobody not exist"),
        (None, "wrong", "verify aksk signature fail"),
    ):
        with pytest.raises(ClientRequestException) as caught:
            official_client(service, access_key, secret_key).list_asset_list(ListAssetListRequest())
        assert (caught.value.status_code, caught.value.error_code) == (401, "APIGW.0301")
        assert reason in caught.value.error_msg
    url = f"{service.endpoint}/v1.0/{service.project_id}/asset/list"
    assert send(url, "GET", {}).status == 401
    refused = send(url, "GET", {"X-Auth-Token": "wrong"})
    assert (refused.status, refused.json["request_id"]) == (401, refused.headers["x-request-id"])
    assert send(url, "GET", {"X-Auth-Token": service.token}).status == 200


def test_another_project_is_refused(service: LocalVod) -> None:
    """Good credentials do not open another project."""
    answer = call(service, "GET", "/asset/list", project="f" * 32)
    assert (answer.status, answer.json["error_code"]) == (403, "VOD.10057")
    other = call(service, "GET", "/asset/list", headers={"X-Project-Id": "f" * 32})
    assert other.status == 403


def test_stale_request_is_refused(service: LocalVod) -> None:
    """A request signed an hour ago is refused, with both times in the message."""
    url = f"{service.endpoint}/v1.0/{service.project_id}/asset/list"
    earlier = datetime.now(UTC) - timedelta(hours=1)
    signed = signed_headers("GET", url, b"", {}, service.access_key, service.secret_key, earlier)
    answer = send(url, "GET", signed)
    assert answer.status == 401
    assert f"signature time:{earlier:%Y%m%dT%H%M%SZ}" in answer.json["error_msg"]


def test_odd_but_good_queries(service: LocalVod, client: Any) -> None:
    """Text with blanks, signs and letters of any language goes through the official client."""
    for text in ("a b+c", "käse & brot", "50% = ½?", "视频点播", "~-._/"):
        assert client.show_asset_meta(ShowAssetMetaRequest(query_string=text)).total == 0


def test_comparison_takes_no_shortcut() -> None:
    """A signature that is right in all but its last digit is refused as one that is wrong from the start."""
    request = officially_signed("GET", "/v1.0/p", [], {}, "")
    good = request.headers[b"authorization"]
    for bad in (good[:-1] + (b"0" if good[-1:] != b"0" else b"1"), good[:-64] + b"0" * 64):
        changed = RawRequest("GET", request.path, request.query, {**request.headers, b"authorization": bad}, b"")
        with pytest.raises(VodError, match="verify aksk signature fail"):
            auth.verify(changed, CREDENTIALS, NOW.timestamp())


def test_service_with_a_temporary_key_pair(tmp_path: Any) -> None:
    """Started with --security-token, the service lets in the official client with it, and the command line."""
    service = start_local_vod(tmp_path, "--security-token", "STS", "--access-key", "A", "--secret-key", "S")
    try:
        credentials = BasicCredentials("A", "S", service.project_id).with_security_token("STS")
        client = VodClient.new_builder().with_credentials(credentials).with_endpoint(service.endpoint).build()
        assert client.list_asset_list(ListAssetListRequest()).total == 0
        client = official_client(service, "A", "S")
        with pytest.raises(ClientRequestException, match="security token"):
            client.list_asset_list(ListAssetListRequest())
    finally:
        assert service.stop() == 0
