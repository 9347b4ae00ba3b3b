"""The table of settings: name, where each comes from, how it is read, and what of it is secret.

The settings, `doctor`, the warning of secrets that are set in clear, and the page 'Configuration' of the
documentation are all made from it or held to it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from vod_provider.config import ledger_location, parsers
from vod_provider.config.ledger_location import LedgerStore
from vod_provider.config.parsers import Account, Given, Listening, Part, Timeouts

T = TypeVar("T")

SOURCES = ("vod:", "huaweicloud:", "HUAWEICLOUD_SDK_", "HW_")
"""How names begin in each source, in the order in which they are looked at; a blank value counts as none.

The stack's own settings; those of pulumi_huaweicloud, so that nothing has to be repeated where that is in use; the
environment of Huawei Cloud's SDKs; the environment of Huawei Cloud's Terraform and Pulumi providers.
"""


@dataclass(frozen=True)
class Setting(Generic[T]):
    """One setting. `key` is its name in the namespace `vod`, `also` where else it is looked for, in this order.

    `parse` reads a text, given the name that it was found under. `secret` is the whole of it; `parts` are what
    an object may have in it, some of which are secret.
    """

    key: str
    parse: Callable[[str, str], T]
    about: str
    also: tuple[str, ...] = ()
    secret: bool = False
    parts: tuple[Part, ...] = ()

    @property
    def name(self) -> str:
        """Its full name in the stack's configuration."""
        return f"vod:{self.key}"

    @property
    def names(self) -> tuple[str, ...]:
        """Every name that it is looked for under, in this order."""
        return (self.name, *self.also)

    @property
    def secret_parts(self) -> tuple[str, ...]:
        """The keys of its secret parts."""
        return tuple(part.key for part in self.parts if part.secret)

    def name_in(self, source: str) -> str:
        """Its name in one of SOURCES; '' where that has none."""
        return next((name for name in self.names if name.startswith(source)), "")

    def read(self, given: Given) -> T | None:
        """Its value from the first source that has one, or None. Raises SettingsError, which names that source."""
        name = given.first(self.names)
        return None if name is None else given.read(name, self.parse)


ENDPOINT: Setting[str] = Setting(
    "endpoint",
    parsers.endpoint,
    "URL of VOD, in place of the region's own; may have `{region}` in it. http is for this machine only",
)
REGION: Setting[str] = Setting(
    "region",
    parsers.region,
    "id of the region; international accounts have cn-north-4, ap-southeast-2 and ap-southeast-3",
    also=("huaweicloud:region", "HW_REGION_NAME"),
)
PROJECT: Setting[str] = Setting(
    "projectId",
    parsers.project,
    "id of the project in that region",
    also=("huaweicloud:projectId", "HUAWEICLOUD_SDK_PROJECT_ID", "HW_PROJECT_ID"),
)
CREDENTIALS: tuple[Setting[str], ...] = (
    Setting(
        "accessKey",
        parsers.header_value(secret=False),
        "access key (AK)",
        also=("huaweicloud:accessKey", "HUAWEICLOUD_SDK_AK", "HW_ACCESS_KEY"),
    ),
    Setting(
        "secretKey",
        parsers.header_value(secret=True),
        "secret key (SK)",
        also=("huaweicloud:secretKey", "HUAWEICLOUD_SDK_SK", "HW_SECRET_KEY"),
        secret=True,
    ),
    Setting(
        "securityToken",
        parsers.header_value(secret=True),
        "security token of temporary credentials",
        also=("huaweicloud:securityToken", "HUAWEICLOUD_SDK_SECURITY_TOKEN", "HW_SECURITY_TOKEN"),
        secret=True,
    ),
    Setting(
        "token",
        parsers.header_value(secret=True),
        "a user token of IAM in place of a key; it expires within a day",
        also=("huaweicloud:token", "HW_AUTH_TOKEN"),
        secret=True,
    ),
)
"""In the order of parsers.CREDENTIALS; taken as a whole from the first source that has any of them."""
ACCOUNTS: Setting[dict[str, Account]] = Setting(
    "accounts",
    parsers.accounts,
    "other accounts by name, each with its accessKey and secretKey (and securityToken), or token, and its projectId,"
    " region and endpoint",
    parts=parsers.ACCOUNT,
)
QUOTAS: Setting[dict[str, int]] = Setting(
    "quotas",
    parsers.quotas,
    f"calls per minute where they differ from the cloud's: {', '.join(parsers.QUOTAS)}",
)
TIMEOUTS: Setting[Timeouts] = Setting(
    "timeouts",
    parsers.timeouts,
    "seconds, where a resource has no `custom_timeouts`: create and update (both 3600), delete (1200), read (300); "
    "absence (60): how long VOD is asked before what it does not show counts as gone",
)
EVENTS: Setting[Listening] = Setting(
    "events",
    parsers.events,
    "where VOD's events are listened for: listen, key, certificate, certificateKey; see [how](../how-to/events.md)",
    parts=parsers.EVENTS,
)
JOURNAL: Setting[LedgerStore | Path] = Setting(
    "journal",
    ledger_location.parse,
    "where the journal is: an absolute path, or one from `~/` on, or object storage that several machines share"
    " (`s3://`, `gs://`, `azblob://` or `obs://`). Default: `pulumi-huaweicloud-vod/journal.sqlite` in"
    " `XDG_STATE_HOME` or `~/.local/state`",
)
DEBUG: Setting[bool] = Setting("debug", parsers.boolean, "true: errors with tracebacks")

TABLE: tuple[Setting[Any], ...] = (
    REGION,
    ENDPOINT,
    PROJECT,
    *CREDENTIALS,
    ACCOUNTS,
    QUOTAS,
    TIMEOUTS,
    EVENTS,
    JOURNAL,
    DEBUG,
)
"""Every setting, as the documentation lists them."""

NAMES: tuple[str, ...] = tuple(name for setting in TABLE for name in setting.names if ":" in name)
"""Every name of the stack's configuration that is looked at."""

SECRETS: Mapping[str, tuple[str, ...]] = {
    name: setting.secret_parts
    for setting in TABLE
    if setting.secret or setting.secret_parts
    for name in setting.names
    if ":" in name
}
"""Names of the stack's configuration with secrets in them -> which parts are; () where the whole is one.

Pulumi counts an object as a secret as a whole if one part of it is.
"""

CREDENTIAL_SOURCES: tuple[tuple[str, ...], ...] = tuple(
    tuple(setting.name_in(source) for setting in CREDENTIALS) for source in SOURCES
)
"""The names of CREDENTIALS in each source; '' for what a source does not have."""
