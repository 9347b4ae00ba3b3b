"""Where the settings of a command come from: a stack, the command line, the environment. Shows no secret."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vod_provider.cli.engine import Engine
from vod_provider.cli.errors import CommandError
from vod_provider.config import settings
from vod_provider.config.settings import Settings, SettingsError

# The names of each setting in the order in which `settings.load` looks for them. Tests hold the two together.
PLACES: Mapping[str, Sequence[str]] = {
    "endpoint": ("vod:endpoint",),
    "region": ("vod:region", "huaweicloud:region", "HW_REGION_NAME"),
    "project": ("vod:projectId", "huaweicloud:projectId", "HUAWEICLOUD_SDK_PROJECT_ID", "HW_PROJECT_ID"),
    "accounts": ("vod:accounts",),
    "quotas": ("vod:quotas",),
    "timeouts": ("vod:timeouts",),
    "events": ("vod:events",),
    "journal": ("vod:journal", "XDG_STATE_HOME"),
    "debug": ("vod:debug",),
}
KEYS: Sequence[tuple[str, ...]] = (
    ("vod:accessKey", "vod:secretKey", "vod:securityToken"),
    ("vod:token",),
    ("huaweicloud:accessKey", "huaweicloud:secretKey", "huaweicloud:securityToken"),
    ("huaweicloud:token",),
    ("HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK", "HUAWEICLOUD_SDK_SECURITY_TOKEN"),
    ("HW_ACCESS_KEY", "HW_SECRET_KEY", "HW_SECURITY_TOKEN"),
    ("HW_AUTH_TOKEN",),
)
"""Credentials, each taken as a whole, in that order."""


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

    def origin(self, setting: str) -> str:
        """Where a setting of PLACES comes from, in words; '' if it is nowhere."""
        if self.account is not None and setting == "project":
            setting = "accounts"
        return next((self._place(name) for name in PLACES[setting] if self._is_set(name)), "")

    def credentials(self) -> str:
        """Where the credentials come from, in words."""
        if self.account is not None:
            return f"{self.account} of {self._place('vod:accounts')}"
        names = next((names for names in KEYS if any(map(self._is_set, names))), ())
        return ", ".join(self._place(name) for name in names if self._is_set(name))

    def found(self) -> list[str]:
        """Every place that has something of ours in it, in words."""
        names = [name for names in (*PLACES.values(), *KEYS) for name in names]
        return [self._place(name) for name in names if self._is_set(name)]

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
