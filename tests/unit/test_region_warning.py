"""A region without effect is said at the preview, without an engine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from vod_provider.audio.operation import Operation
from vod_provider.plugin import serving
from vod_provider.plugin.context import RunContext
from vod_provider.plugin.serving import ServedRequest
from vod_provider.provider import ExtractedAudioProvider

FIXED = {"vod:endpoint": "https://vod.example.com", "vod:projectId": "p"}


def provider(config: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> ExtractedAudioProvider:
    """A provider of a run with that configuration."""
    for name in ("HW_REGION_NAME", "HUAWEICLOUD_SDK_PROJECT_ID"):
        monkeypatch.delenv(name, raising=False)
    one = ExtractedAudioProvider()
    one.begin(RunContext(config))
    return one


def checked(one: ExtractedAudioProvider, warned: list[str], **inputs: Any) -> list[str]:
    """Have a resource checked; returns what is refused."""
    with serving.serving(ServedRequest(Operation(warn=warned.append), "urn")):
        return [failure.reason for failure in one.check({}, {"asset_id": "5412", **inputs}).failures]


def test_a_region_without_effect_is_warned_of_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A resource's own region means nothing where the endpoint is fixed: said at the first of many, never refused."""
    one, warned = provider(FIXED, monkeypatch), list[str]()
    assert checked(one, warned) == []
    assert warned == []
    for _ in range(3):
        assert checked(one, warned, region="cn-east-2") == []
    assert [text[:35] for text in warned] == ["region 'cn-east-2' has no effect: t"]
    checked(one, warned, region="cn-north-4")
    assert len(warned) == 2


@pytest.mark.parametrize(
    "config",
    [
        FIXED | {"vod:endpoint": "https://vod.{region}.example.com"},
        FIXED | {"vod:endpoint": "http://127.0.0.1:8480"},
        {"vod:projectId": "p"},
    ],
)
def test_a_region_with_an_effect_is_not_warned_of(config: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """It fills in an endpoint; and a local VOD plays every region."""
    warned = list[str]()
    assert checked(provider(config, monkeypatch), warned, region="cn-east-2") == []
    assert warned == []


def test_an_account_with_an_endpoint_of_its_own_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """What counts is the endpoint that the resource's account has."""
    accounts = '{"archive": {"token": "T", "projectId": "q", "endpoint": "https://vod.{region}.example.com"}}'
    one, warned = provider(FIXED | {"vod:accounts": accounts}, monkeypatch), list[str]()
    assert checked(one, warned, region="cn-east-2", account="archive") == []
    assert warned == []
    (refused,) = checked(one, warned, region="cn-east-2", account="archiv")
    assert "did you mean archive?" in refused
    assert warned == []
