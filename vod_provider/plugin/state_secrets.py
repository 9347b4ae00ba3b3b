"""Secrets in a state as `pulumi stack export` writes it: encrypted, or in clear with `--show-secrets`. Pure."""

from __future__ import annotations

import json
from typing import Any

SIGNATURE, _SECRET = "4dabf18193072939515e22adb298388d", "1b47061264138c4ac30d75fd1eb44270"
"""By these Pulumi marks what is not plain, and a secret of it. Source: its `resource.SigKey`, `resource.SecretSig`."""


def is_encrypted(value: object) -> bool:
    """Whether it is a secret that cannot be read."""
    return isinstance(value, dict) and value.get(SIGNATURE) == _SECRET and "ciphertext" in value


def in_clear(value: Any) -> Any:
    """The value without the marks of secrets that the export shows; encrypted ones stay as they are."""
    if isinstance(value, list):
        return [in_clear(it) for it in value]
    if not isinstance(value, dict):
        return value
    if value.get(SIGNATURE) == _SECRET and isinstance(value.get("plaintext"), str):
        return in_clear(json.loads(value["plaintext"]))
    return {name: in_clear(it) for name, it in value.items()}
