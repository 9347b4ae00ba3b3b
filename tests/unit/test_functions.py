"""The functions of the native plugin, without a network."""

from __future__ import annotations

from typing import Any

import pytest

from vod_provider.plugin.functions import Functions
from vod_provider.vod import transport
from vod_provider.vod.deadline import Stop
from vod_provider.vod.errors import CredentialsError, of_answer


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
