"""Secrets in a state as `pulumi stack export` writes it: encrypted, or in clear with `--show-secrets`. Pure."""

from __future__ import annotations

import json
from typing import Any

_NAME, _VALUE = "4dabf18193072939515e22adb298388d", "1b47061264138c4ac30d75fd1eb44270"
"""By these Pulumi marks a secret in a state. Source: `resource.SigKey` and `resource.SecretSig` of Pulumi."""


def is_encrypted(value: object) -> bool:
    """Whether it is a secret that cannot be read."""
    return isinstance(value, dict) and value.get(_NAME) == _VALUE and "ciphertext" in value


def in_clear(value: Any) -> Any:
    """The value without the marks of secrets that the export shows; encrypted ones stay as they are."""
    if isinstance(value, list):
        return [in_clear(it) for it in value]
    if not isinstance(value, dict):
        return value
    if value.get(_NAME) == _VALUE and isinstance(value.get("plaintext"), str):
        return in_clear(json.loads(value["plaintext"]))
    return {name: in_clear(it) for name, it in value.items()}
