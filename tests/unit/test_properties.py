"""Properties from the engine: the same as the SDK makes of them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from google.protobuf import struct_pb2
from hypothesis import given
from hypothesis import strategies as st
from pulumi.output import Unknown
from pulumi.runtime import rpc

from vod_provider.plugin.properties import deserialized
from vod_provider.plugin.state_secrets import SIGNATURE

VALUES = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)


def sent(properties: dict[str, Any]) -> struct_pb2.Struct:
    struct = struct_pb2.Struct()
    struct.update(properties)
    return struct


@given(st.dictionaries(st.text(), VALUES, max_size=4))
def test_plain_properties_are_what_the_sdk_makes_of_them(properties: dict[str, Any]) -> None:
    """Texts, numbers, lists, objects and nothing, at any depth."""
    struct = sent(properties)
    assert deserialized(struct, keep_unknowns=True) == rpc.deserialize_properties(struct, True)


def test_plain_properties_are_not_left_to_the_sdk(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes three times as long."""
    properties = {"audios": {"talk": {"asset_id": "video", "tags": ["one"], "publish": True}}, "size": 7.5}
    monkeypatch.setattr(rpc, "deserialize_properties", lambda *_: pytest.fail("the SDK was asked"))
    assert deserialized(sent(properties), keep_unknowns=True) == properties


@pytest.mark.parametrize("inside", [{}, {"title": "A title"}])
@pytest.mark.parametrize("keep_unknowns", [True, False])
def test_what_is_not_known_is_what_the_sdk_makes_of_it(inside: dict[str, Any], *, keep_unknowns: bool) -> None:
    """Kept or left out, beside what is known."""
    found = deserialized(sent({"audios": {"talk": {**inside, "asset_id": rpc.UNKNOWN}}}), keep_unknowns=keep_unknowns)
    talk = found["audios"]["talk"]
    assert isinstance(talk.pop("asset_id", None), Unknown) is keep_unknowns
    assert talk == inside


def test_a_secret_is_what_the_sdk_makes_of_it() -> None:
    """It makes all that it is in a secret."""
    secret = {SIGNATURE: "1b47061264138c4ac30d75fd1eb44270", "value": "a title"}
    struct = sent({"audios": {"talk": {"title": secret}}})
    found = deserialized(struct, keep_unknowns=True)
    assert rpc.is_rpc_secret(found["audios"])
    assert found == rpc.deserialize_properties(struct, True)


def test_the_signature_is_the_sdks() -> None:
    """What it writes before anything that is not plain."""
    from pulumi import StringAsset

    written = asyncio.run(rpc.serialize_property(StringAsset("text"), [], None))
    assert SIGNATURE in written
