"""Stack configuration and environment -> Settings. Pure: reads nothing but its arguments.

Each setting is looked for in this order, and a blank value counts as none:

    vod:*                    vod:region, vod:projectId, vod:accessKey ...
    huaweicloud:*            the configuration of pulumi_huaweicloud: nothing to repeat where that is in use
    HUAWEICLOUD_SDK_*        the environment of Huawei Cloud's SDKs
    HW_*                     the environment of Huawei Cloud's Terraform and Pulumi providers

Credentials are taken as a whole from the first of them that has any.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from vod_provider.config import parsers
from vod_provider.config.parsers import ENDPOINT, QUOTAS, Account, Listening, SettingsError, Timeouts
from vod_provider.vod.signing import Credentials, Token

__all__ = ["KEYS", "NAMES", "QUOTAS", "Settings", "SettingsError", "Timeouts", "load"]

KEYS = (
    "endpoint",
    "region",
    "projectId",
    "accessKey",
    "secretKey",
    "securityToken",
    "token",
    "accounts",
    "quotas",
    "timeouts",
    "events",
    "journal",
    "debug",
)
"""The names of all settings in the namespace `vod` of the stack's configuration."""

NAMES = (
    *(f"vod:{key}" for key in KEYS),
    *(f"huaweicloud:{key}" for key in ("region", "projectId", "accessKey", "secretKey", "securityToken", "token")),
)
"""Every name of the stack's configuration that `load` looks at."""

_NOBODY = Token("")


@dataclass(frozen=True)
class Settings:
    """All that can be set. `at` gives the settings for one place, with endpoint and project complete.

    `endpoint` is a URL without a slash at its end, made of `template`, which may have '{region}' in it; '' while no
    region is known to fill in.
    `project_id` is '' while none is known. `quotas` are calls per minute by name, as in QUOTAS; `query_share` is
    the part of the query quota that waiting for audios may use up. `journal` is a file; `events` None where
    they are not listened for.
    """

    endpoint: str
    region: str | None
    project_id: str
    credentials: Credentials = field(repr=False)
    journal: Path
    quotas: Mapping[str, int] = field(default_factory=QUOTAS.copy)
    query_share: float = 0.5
    timeouts: Timeouts = field(default_factory=Timeouts)
    debug: bool = False
    template: str = ENDPOINT
    accounts: Mapping[str, Account] = field(default_factory=dict, repr=False)
    events: Listening | None = None

    def at(self, region: str | None, project_id: str | None, account: str | None = None) -> Settings:
        """The settings for a resource's own region, project and account; None for the stack's.

        An endpoint that was configured without '{region}' in it serves every region.
        Raises SettingsError where neither the resource nor the stack says region or project, or no such account is.
        """
        base = self if account is None else self._of(account)
        here = replace(
            base,
            region=parsers.region("region", region) if region else base.region,
            project_id=parsers.project("project_id", project_id) if project_id else base.project_id,
        )
        here = replace(here, endpoint=parsers.filled(here.template, here.region))
        if not here.endpoint:
            raise SettingsError(
                "no region: run `pulumi config set vod:region REGION` (or vod:endpoint URL), or set"
                " huaweicloud:region, the environment variable HW_REGION_NAME, or the resource's region"
            )
        if not here.project_id:
            raise SettingsError(
                "no project: run `pulumi config set vod:projectId ID`, or set huaweicloud:projectId, the environment"
                " variable HUAWEICLOUD_SDK_PROJECT_ID or HW_PROJECT_ID, or the resource's project_id"
                if account is None
                else f"no project: run `pulumi config set --path vod:accounts.{account}.projectId ID`, or set the"
                " resource's project_id"
            )
        return here

    def lacks(self, account: str) -> str:
        """What is wrong with the name of an account; '' where there is one such."""
        if account in self.accounts:
            return ""
        hint = parsers.nearest(account, self.accounts) if self.accounts else "it has none"
        return f"is {parsers.short(account)}, which vod:accounts does not have: {hint}"

    def _of(self, account: str) -> Settings:
        """The settings with another account's credentials; a project of the stack's own account is none of its."""
        if problem := self.lacks(account):
            raise SettingsError(f"account {problem}")
        other = self.accounts[account]
        return replace(
            self,
            credentials=other.credentials,
            project_id=other.project_id,
            region=other.region or self.region,
            template=other.template or self.template,
        )


def load(config: Mapping[str, str], environ: Mapping[str, str], *, offline: bool = False) -> Settings:
    """Read the stack's configuration (full names, as 'vod:region') and the environment.

    Raises SettingsError for what is wrong and for missing credentials; region and project may still come from
    the resources, so that `Settings.at` looks after them. `offline`: nobody is going to ask VOD, so the stack's own
    credentials are not looked at.
    """
    if environ.get("PULUMI_PROJECT") != "vod":  # there, the namespace has the program's own settings in it, too
        _refuse_unknown("vod:", config)
    given = parsers.Given(config, environ)
    template = given.read("vod:endpoint", parsers.endpoint) or ENDPOINT
    region = given.read_first(parsers.region, "vod:region", "huaweicloud:region", "HW_REGION_NAME")
    project_id = given.read_first(
        parsers.project, "vod:projectId", "huaweicloud:projectId", "HUAWEICLOUD_SDK_PROJECT_ID", "HW_PROJECT_ID"
    )
    return Settings(
        endpoint=parsers.filled(template, region),
        region=region,
        project_id=project_id or "",
        credentials=_NOBODY if offline else parsers.credentials(given),
        journal=parsers.journal(given),
        quotas=QUOTAS | (given.read("vod:quotas", parsers.quotas) or {}),
        timeouts=given.read("vod:timeouts", parsers.timeouts) or Timeouts(),
        debug=given.read("vod:debug", parsers.boolean) or False,
        template=template,
        accounts=given.read("vod:accounts", parsers.accounts) or {},
        events=given.read("vod:events", parsers.events),
    )


def _refuse_unknown(namespace: str, config: Mapping[str, str]) -> None:
    known = [namespace + key for key in KEYS]
    for name in sorted(config):
        if name.startswith(namespace) and name not in known:
            raise SettingsError(f"{name} is no setting: {parsers.nearest(name, known)}")
