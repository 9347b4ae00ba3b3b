"""Stack configuration and environment -> Settings. Pure: reads nothing but its arguments.

What there is to set, and where each setting is looked for, is in `config.table`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from vod_provider.config import parsers, table
from vod_provider.config.errors import MissingSettingsError, SettingsError
from vod_provider.config.ledger_location import LedgerFile, LedgerLocation, LedgerSetting
from vod_provider.config.parsers import ENDPOINT, QUOTAS, Account, Listening, Timeouts, how
from vod_provider.config.table import NAMES
from vod_provider.text import listed, nearest, short
from vod_provider.vod.signing import Credentials, Token

__all__ = ["NAMES", "QUOTAS", "MissingSettingsError", "Settings", "SettingsError", "Timeouts", "load"]

INTERNATIONAL = ("cn-north-4", "ap-southeast-2", "ap-southeast-3")
"""Regions that accounts of the international site have. Source: its page 'Regions and Endpoints' (2026-05)."""

_NOBODY = Token("")
"""In place of credentials that are not set."""


@dataclass(frozen=True)
class Settings:
    """All that can be set. `at` gives the settings for one place, with endpoint and project complete.

    `endpoint` is a URL without a slash at its end, made of `template`, which may have '{region}' in it; '' while no
    region is known to fill in.
    `project_id` is '' while none is known. `quotas` are calls per minute by name, as in QUOTAS; `query_share` is
    the part of the query quota that waiting for audios may use up. `events` is None where they are not listened
    for. `offline`: nobody is going to ask VOD, so credentials need not be there. `account` is the name in
    `accounts` that these are of; None for the stack's own. `ledger` and `journal` are
    looked at when somebody is going to open it, and not before.
    """

    endpoint: str
    region: str | None
    project_id: str
    credentials: Credentials = field(repr=False)
    ledger_setting: LedgerSetting = field(default_factory=LedgerSetting)
    quotas: Mapping[str, int] = field(default_factory=QUOTAS.copy)
    query_share: float = 0.5
    timeouts: Timeouts = field(default_factory=Timeouts)
    debug: bool = False
    template: str = ENDPOINT
    accounts: Mapping[str, Account] = field(default_factory=dict, repr=False)
    events: Listening | None = None
    offline: bool = False
    account: str | None = None

    @property
    def ledger(self) -> LedgerLocation:
        """Where the ledger is. Raises SettingsError where that takes a home folder and there is none."""
        return self.ledger_setting.location()

    @property
    def journal(self) -> Path:
        """The file of the journal. Raises SettingsError where there is none, or vod:journal is object storage."""
        location = self.ledger
        if not isinstance(location, LedgerFile):
            raise SettingsError(f"vod:journal is {location}: expected a file, since this cannot be kept there")
        return location.path

    def at(
        self, region: str | None, project_id: str | None, account: str | None = None, *, endpoint: str | None = None
    ) -> Settings:
        """The settings for a resource's own region, project and account; None for the stack's.

        `endpoint` is where an audio is known to be, whatever the stack says today.
        An endpoint that was configured without '{region}' in it serves every region.
        Raises MissingSettingsError, which names all that neither the resource nor the stack says, and SettingsError
        for what cannot be: there is no such account, or a region would change the meaning of a URL.
        """
        base = self if account is None else self._of(account)
        here = replace(
            base,
            region=parsers.region("region", region) if region else base.region,
            project_id=parsers.project("project_id", project_id) if project_id else base.project_id,
        )
        here = replace(here, endpoint=endpoint or parsers.filled(here.template, here.region))
        missing = {
            "no credentials": here.credentials is _NOBODY and not self.offline,
            "no region": not here.endpoint,
            "no project": not here.project_id,
        }
        if any(missing.values()):
            raise MissingSettingsError(_missing([name for name, it in missing.items() if it], account))
        return here

    def ignored_region(self, region: str | None, account: str | None = None) -> str:
        """What is wrong with naming a region (a resource's own, or None for the stack's); '' for nothing.

        A local VOD plays every region, so that nothing is wrong with any.
        """
        other = self.accounts.get(account or "")
        template = (other.template if other else None) or self.template
        named = region or (other.region if other else None) or self.region
        if named is None or "{region}" in template or parsers.is_local(template):
            return ""
        return (
            f"region {short(named)} has no effect: the endpoint is {template} for every region; leave one of them"
            " out, or write {region} into the endpoint"
        )

    def lacks(self, account: str) -> str:
        """What is wrong with the name of an account; '' where there is one such."""
        if account in self.accounts:
            return ""
        hint = nearest(account, self.accounts) if self.accounts else "it has none"
        return f"is {short(account)}, which vod:accounts does not have: {hint}; {_set_account(account)}"

    def _of(self, account: str) -> Settings:
        """The settings with another account's credentials; a project of the stack's own account is none of its."""
        if problem := self.lacks(account):
            raise SettingsError(f"account {problem}")
        other = self.accounts[account]
        return replace(
            self,
            account=account,
            credentials=other.credentials,
            project_id=other.project_id,
            region=other.region or self.region,
            template=other.template or self.template,
        )


def load(config: Mapping[str, str], environ: Mapping[str, str], *, offline: bool = False) -> Settings:
    """Read the stack's configuration (full names, as 'vod:region') and the environment.

    Raises SettingsError for what is wrong. What is missing, `Settings.at` says, since the resources may have a region,
    a project and an account of their own. `offline`: nobody is going to ask VOD, so the stack's own credentials are not
    looked at.
    """
    if environ.get("PULUMI_PROJECT") != "vod":  # there, the namespace has the program's own settings in it, too
        _refuse_unknown("vod:", config)
    given = parsers.Given(config, environ)
    template = table.ENDPOINT.read(given) or ENDPOINT
    region = table.REGION.read(given)
    return Settings(
        endpoint=parsers.filled(template, region),
        region=region,
        project_id=table.PROJECT.read(given) or "",
        credentials=_NOBODY if offline else _credentials(given),
        ledger_setting=LedgerSetting(
            table.JOURNAL.read(given),
            home=given.get("HOME") or given.get("USERPROFILE") or "",
            state=given.get("XDG_STATE_HOME") or "",
        ),
        quotas=QUOTAS | (table.QUOTAS.read(given) or {}),
        timeouts=table.TIMEOUTS.read(given) or Timeouts(),
        debug=table.DEBUG.read(given) or False,
        template=template,
        accounts=table.ACCOUNTS.read(given) or {},
        events=table.EVENTS.read(given),
        offline=offline,
    )


def _credentials(given: parsers.Given) -> Credentials:
    """The credentials of the first source that has any."""
    for names in table.CREDENTIAL_SOURCES:
        found = parsers.credentials(given, names)
        if found is not None:
            return found
    return _NOBODY


def _refuse_unknown(namespace: str, config: Mapping[str, str]) -> None:
    known = [setting.name for setting in table.TABLE]
    for name in sorted(config):
        if name.startswith(namespace) and name not in known:
            raise SettingsError(f"{name} is no setting: {nearest(name, known)}")


# -- what is missing, and how to set it ----------------------------------------------------------------------------


def _missing(problems: list[str], account: str | None) -> str:
    """All that is missing, in one line, with the commands that set it."""
    where = "vod:" if account is None else f"vod:accounts.{account}."
    commands = {
        "no credentials": [_command(f"{where}accessKey", "KEY"), _command(f"{where}secretKey", "KEY", secret=True)],
        "no region": [f"{_command(f'{where}region', 'REGION')} (international accounts have {listed(INTERNATIONAL)})"],
        "no project": [_command(f"{where}projectId", "ID")],
    }
    variables = {
        "no credentials": ["HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK"],
        "no region": ["HW_REGION_NAME"],
        "no project": ["HUAWEICLOUD_SDK_PROJECT_ID"],
    }
    inputs = {"no region": "region", "no project": "project_id"}
    said = f"{', '.join(problems)}: run {listed([one for it in problems for one in commands[it]])}"
    if account is None:
        said += f", or set {listed([one for it in problems for one in variables[it]])} in the environment"
    if of_resource := [inputs[it] for it in problems if it in inputs]:
        said += f", or the resource's {listed(of_resource)}"
    return said


def _set_account(account: str) -> str:
    name = f"vod:accounts.{account}"
    return f"run {_command(f'{name}.accessKey', 'KEY')} and {_command(f'{name}.secretKey', 'KEY', secret=True)}"


def _command(name: str, value: str, *, secret: bool = False) -> str:
    return how(name, value, secret=secret).removeprefix("run ")
