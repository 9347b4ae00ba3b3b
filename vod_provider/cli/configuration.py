"""Where the settings of a command come from: a stack, the command line, the environment. Shows no secret."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vod_provider.cli.engine import Engine
from vod_provider.cli.errors import CommandError
from vod_provider.config import settings, table
from vod_provider.config.settings import Settings, SettingsError
from vod_provider.config.table import Setting


@dataclass(frozen=True)
class Configuration:
    """What is configured. `stack` is the stack's configuration, `given` the command line's, which comes before it.

    `account` is a name of vod:accounts; None for the stack's own account.
    """

    stack: Mapping[str, str]
    given: Mapping[str, str]
    environ: Mapping[str, str]
    account: str | None = None

    def load(self) -> Settings:
        """The settings for the region and project of the stack, or of the account. Raises SettingsError."""
        return settings.load({**self.stack, **self.given}, self.environ).at(None, None, self.account)

    def origin(self, setting: Setting[Any]) -> str:
        """Where a setting comes from, in words; '' if it is nowhere."""
        if self.account is not None and setting is table.PROJECT:
            setting = table.ACCOUNTS
        return next((self._place(name) for name in setting.names if self._is_set(name)), "")

    def credentials(self) -> str:
        """Where the credentials come from, in words."""
        if self.account is not None:
            return f"{self.account} of {self._place(table.ACCOUNTS.name)}"
        for names in table.CREDENTIAL_SOURCES:
            *key, token = (name if self._is_set(name) else "" for name in names)
            if any(key) or token:
                return ", ".join(map(self._place, filter(None, key) if any(key) else [token]))
        return ""

    def found(self) -> list[str]:
        """Every setting that is there, in words: where it comes from."""
        return [self._place(name) for setting in table.TABLE for name in setting.names if self._is_set(name)]

    def _is_set(self, name: str) -> bool:
        return bool({**self.environ, **self.stack, **self.given}.get(name, "").strip())

    def _place(self, name: str) -> str:
        if name in self.given:
            return f"{name} by --config"
        return f"{name} of the stack" if name in self.stack else f"{name} of the environment"


def gather(pairs: Sequence[str], stack: str | None, engine: Engine, account: str | None = None) -> Configuration:
    """The configuration of a stack (None for none), of `--config KEY=VALUE`, and of the engine's environment.

    Raises CommandError.
    """
    given = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or ":" not in name:
            # What is behind '=' may be a secret.
            raise CommandError(f"--config {name}: expected KEY=VALUE with a full name, as vod:region=cn-north-4")
        given[name] = value
    return Configuration(engine.configuration(stack) if stack else {}, given, engine.environ, account)


def loaded(configuration: Configuration) -> Settings:
    """The settings. Raises CommandError, where there is none to be shown in a table."""
    try:
        return configuration.load()
    except SettingsError as exc:
        raise CommandError(f"{exc} (or --stack NAME, or --config KEY=VALUE)") from exc
