"""Warns of secrets that are set in clear: the engine writes a stack's configuration into its state, as it is."""

from __future__ import annotations

from weakref import WeakSet

import pulumi
from pulumi.runtime import config
from pulumi.runtime import settings as runtime

from vod_provider.config import parsers, settings

SECRETS = tuple(name for name in settings.NAMES if name.endswith(parsers.SECRET))
HOLDING = {"vod:accounts": ("secretKey", "securityToken", "token"), "vod:events": ("key",)}
"""Settings that are objects, and what is secret in them. Pulumi counts the whole as a secret if one part of it is."""

_told: WeakSet[object] = WeakSet()


def warn_once() -> None:
    """Say once in a run which secrets are set in clear. Those of a local VOD are known to everybody."""
    run = runtime.get_monitor()
    if run is None or run in _told:
        return
    _told.add(run)
    if parsers.is_local(config.get_config("vod:endpoint") or parsers.ENDPOINT):
        return
    plain = [name for name in SECRETS if config.get_config(name) and not config.is_config_secret(name)]
    for name, keys in HOLDING.items():
        text = "" if config.is_config_secret(name) else config.get_config(name) or ""
        plain += [f"{name} ({key})" for key in keys if f'"{key}"' in text]
    if plain:
        pulumi.log.warn(
            f"{', '.join(plain)}: set in clear, which the engine writes into the state like that; set it again with"
            " `pulumi config set --secret`, or take it from the environment"
        )
