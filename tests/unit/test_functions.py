"""The functions of the native plugin, without a network."""

from __future__ import annotations

from typing import Any

import pytest

from vod_provider.plugin.functions import Functions, _fixed
from vod_provider.vod import transport
from vod_provider.vod.asset_query import AssetQuery
from vod_provider.vod.assets import MediaAsset
from vod_provider.vod.deadline import Stop
from vod_provider.vod.errors import CredentialsError, QueryError, of_answer


def test_an_error_names_the_setting_of_the_account_that_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A remedy is about the keys that were refused, which are not those of the stack."""

    def send(self: Any, doing: str, *_: object, **__: object) -> object:
        raise of_answer(doing, status=401, code="APIG.0301", message="no", request_id="r", account=self._account)

    monkeypatch.setattr(transport.Transport, "send", send)
    config = {
        "vod:endpoint": "http://127.0.0.1:1",
        "vod:projectId": "p",
        "vod:token": "T",
        "vod:accounts": '{"archive": {"token": "T", "projectId": "q"}}',
    }
    functions = Functions(config, {}, Stop())
    with pytest.raises(CredentialsError, match=r"check the credentials \(vod:accessKey,"):
        functions.media_asset({"asset_id": "5412"})
    with pytest.raises(CredentialsError, match=r"check the credentials \(vod:accounts\.archive\.accessKey,"):
        functions.media_asset({"asset_id": "5412", "account": "archive"})


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"tags": "talk"}, "tags is 'talk', and has to be a list of texts"),
        ({"tags": [1.0]}, r"tags is \[1.0\], and has to be a list of texts"),
        ({"tags": [" "]}, r"tags is \[' '\], and has to be a list of texts"),
        ({"asset_ids": {"a": "b"}}, "asset_ids is {'a': 'b'}, and has to be a list of texts"),
        ({"status": "CREATED"}, "status is 'CREATED', and has to be a list of texts"),
        ({"category_id": 7.5}, "category_id is 7.5, and has to be a whole number"),
        ({"category_id": float("nan")}, "category_id is nan, and has to be a whole number"),
        ({"category_id": float("inf")}, "category_id is inf, and has to be a whole number"),
        ({"category_id": "9" * 5000}, "category_id is '9+\\.\\.\\., and has to be a whole number"),
        ({"category_id": True}, "category_id is True, and has to be a whole number"),
        ({"title": 5.0}, "title is 5.0, and has to be a text"),
        ({"kind": ["audio"]}, r"kind is \['audio'\], and has to be a text"),
        ({"region": ["r"]}, r"region is \['r'\], and has to be a text"),
    ],
)
def test_what_can_be_no_filter_is_refused(given: dict[str, Any], said: str) -> None:
    """Programs without types send what they like: it must not list everything, or nothing."""
    with pytest.raises(QueryError, match=f"^listing assets: {said}$"):
        Functions({}, {}, Stop()).media_assets(given)


@pytest.mark.parametrize(("given", "number"), [(7.0, 7), (8, 8), ("-1", -1)])
def test_a_number_may_come_as_each_language_has_it(given: Any, number: int) -> None:
    """The engine sends all of them as floats, and a configuration holds texts."""
    fixed = _fixed("category_id", given)
    assert (fixed, type(fixed)) == (number, int)


@pytest.mark.parametrize("given", [{}, {"asset_id": 5.0}, {"asset_id": " "}])
def test_an_asset_is_asked_for_by_its_id(given: dict[str, Any]) -> None:
    """Without one, VOD is not asked."""
    with pytest.raises(QueryError, match="asset_id is missing"):
        Functions({}, {}, Stop()).media_asset(given)


def test_all_that_fit_are_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """An asset that is made while VOD lists them may be on two pages."""
    one, other = MediaAsset("a", "CREATED", title="One"), MediaAsset("b", "CREATED")
    monkeypatch.setattr(AssetQuery, "pages", lambda *_: [[one, other], [one]])
    config = {"vod:endpoint": "http://127.0.0.1:1", "vod:projectId": "p", "vod:token": "T"}
    told = Functions(config, {}, Stop()).media_assets({"title": "One"})
    assert [(it["id"], it["title"]) for it in told] == [("a", "One"), ("b", "")]
