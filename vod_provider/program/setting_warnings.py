"""Warns, once in a run, of settings that are not what their author means: secrets in clear, a region without effect."""

from __future__ import annotations

import os
from collections.abc import Iterator
from weakref import WeakSet

import pulumi
from pulumi.runtime import config
from pulumi.runtime import settings as runtime

from vod_provider.config import parsers, settings
from vod_provider.config.table import ENDPOINT, NAMES, REGION, SECRETS

_told: WeakSet[object] = WeakSet()


def warn_once() -> None:
    """Say once in a run what is wrong. Secrets of a local VOD are known to everybody, and its region means nothing."""
    run = runtime.get_monitor()
    if run is None or run in _told:
        return
    _told.add(run)
    if parsers.is_local(config.get_config(ENDPOINT.name) or parsers.ENDPOINT):
        return
    for line in (_plain_secrets(), _ignored_region()):
        if line:
            pulumi.log.warn(line)


def _plain_secrets() -> str:
    """Which secrets are set in clear: the engine writes a stack's configuration into its state, as it is."""
    plain = list(_set_in_clear())
    if not plain:
        return ""
    return (
        f"{', '.join(plain)}: set in clear, which the engine writes into the state like that; set it again with"
        " `pulumi config set --secret`, or take it from the environment"
    )


def _set_in_clear() -> Iterator[str]:
    for name, parts in SECRETS.items():
        text = "" if config.is_config_secret(name) else config.get_config(name) or ""
        if text and not parts:
            yield name
        yield from (f"{name} ({part})" for part in parts if f'"{part}"' in text)


def _ignored_region() -> str:
    """Whether the stack names a region that its endpoint ignores. One for all stacks, or another provider, may."""
    if not config.get_config(REGION.name):
        return ""
    configured = {name: value for name in NAMES if (value := config.get_config(name))}
    try:
        ignored = settings.load(configured, os.environ, offline=True).ignored_region(None)
    except settings.SettingsError:
        return ""  # the provider refuses it in a moment
    return f"{REGION.name}: {ignored}" if ignored else ""
