"""Warns of secrets that are set in clear: the engine writes a stack's configuration into its state, as it is."""

from __future__ import annotations

from weakref import WeakSet

import pulumi
from pulumi.runtime import config
from pulumi.runtime import settings as runtime

from vod_provider.config import parsers
from vod_provider.config.table import SECRETS

_told: WeakSet[object] = WeakSet()


def warn_once() -> None:
    """Say once in a run which secrets are set in clear. Those of a local VOD are known to everybody."""
    run = runtime.get_monitor()
    if run is None or run in _told:
        return
    _told.add(run)
    if parsers.is_local(config.get_config("vod:endpoint") or parsers.ENDPOINT):
        return
    plain = []
    for name, parts in SECRETS.items():
        text = "" if config.is_config_secret(name) else config.get_config(name) or ""
        if text and not parts:
            plain.append(name)
        plain += [f"{name} ({part})" for part in parts if f'"{part}"' in text]
    if plain:
        pulumi.log.warn(
            f"{', '.join(plain)}: set in clear, which the engine writes into the state like that; set it again with"
            " `pulumi config set --secret`, or take it from the environment"
        )
