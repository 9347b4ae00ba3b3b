"""Stack configuration and environment -> Settings. Pure: reads nothing but its arguments.

Each setting is looked for in this order, and a blank value counts as none:

    vod:*                    vod:region, vod:projectId, vod:accessKey ...
    huaweicloud:*            the configuration of pulumi_huaweicloud: nothing to repeat where that is in use
    HUAWEICLOUD_SDK_*        the environment of Huawei Cloud's SDKs
    HW_*                     the environment of Huawei Cloud's Terraform and Pulumi providers

Credentials are taken as a whole from the first of them that has any.
"""

from __future__ import annotations

import difflib
import ipaddress
import json
import math
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from vod_provider.vod.signing import AccessKey, Credentials, Token

ENDPOINT = "https://vod.{region}.myhuaweicloud.com"
"""Where VOD is. Source: the API reference, 'Endpoints'."""
QUOTAS = {
    "extract": 100,
    "cancel": 100,
    "delete": 100,
    "update": 100,
    "publish": 100,
    "unpublish": 100,
    "query": 1500,
}
"""Calls per minute that a tenant has, each on its own; info, details and list together are 'query'.

Source: the API reference, 'Constraints'. That operations of one line there do not share their 100 is inferred.
"""
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
    "journal",
    "debug",
)
"""The names of all settings in the namespace `vod` of the stack's configuration."""

_REGION = re.compile(r"[a-z0-9-]{1,64}")
_PROJECT = re.compile(r"[A-Za-z0-9_-]{1,64}")
_HEADER_VALUE = re.compile(r"[!-~]+")

T = TypeVar("T")


class SettingsError(ValueError):
    """A setting is missing or wrong. The text names it, and says where to set it; it shows no secret."""


@dataclass(frozen=True)
class Timeouts:
    """How long an operation may take where the resource sets no `custom_timeouts`, in seconds."""

    create: float = 3600.0
    update: float = 3600.0
    delete: float = 1200.0
    read: float = 300.0


@dataclass(frozen=True)
class Account:
    """Another account beside the stack's own. `region` None and `template` None: as the stack has it."""

    credentials: Credentials = field(repr=False)
    project_id: str = ""
    region: str | None = None
    template: str | None = None


@dataclass(frozen=True)
class Settings:
    """All that can be set. `at` gives the settings for one place, with endpoint and project complete.

    `endpoint` is a URL without a slash at its end, made of `template`, which may have '{region}' in it; '' while no
    region is known to fill in.
    `project_id` is '' while none is known. `quotas` are calls per minute by name, as in QUOTAS; `query_share` is
    the part of the query quota that waiting for audios may use up. `journal` is a file.
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

    def at(self, region: str | None, project_id: str | None, account: str | None = None) -> Settings:
        """The settings for a resource's own region, project and account; None for the stack's.

        An endpoint that was configured without '{region}' in it serves every region.
        Raises SettingsError where neither the resource nor the stack says region or project, or no such account is.
        """
        base = self if account is None else self._of(account)
        here = replace(
            base,
            region=_region("region", region) if region else base.region,
            project_id=_project("project_id", project_id) if project_id else base.project_id,
        )
        here = replace(here, endpoint=_filled(here.template, here.region))
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

    def _of(self, account: str) -> Settings:
        """The settings with another account's credentials; a project of the stack's own account is none of its."""
        if account not in self.accounts:
            hint = _nearest(account, self.accounts) if self.accounts else "it has none"
            raise SettingsError(f"account is {_short(account)}, which vod:accounts does not have: {hint}")
        other = self.accounts[account]
        return replace(
            self,
            credentials=other.credentials,
            project_id=other.project_id,
            region=other.region or self.region,
            template=other.template or self.template,
        )


def load(config: Mapping[str, str], environ: Mapping[str, str]) -> Settings:
    """Read the stack's configuration (full names, as 'vod:region') and the environment.

    Raises SettingsError for what is wrong and for missing credentials; region and project may still come from
    the resources, so that `Settings.at` looks after them.
    """
    if environ.get("PULUMI_PROJECT") != "vod":  # there, the namespace has the program's own settings in it, too
        _refuse_unknown("vod:", config)
    given = _Given(config, environ)
    template = given.read("vod:endpoint", _endpoint) or ENDPOINT
    region = given.read_first(_region, "vod:region", "huaweicloud:region", "HW_REGION_NAME")
    project_id = given.read_first(
        _project, "vod:projectId", "huaweicloud:projectId", "HUAWEICLOUD_SDK_PROJECT_ID", "HW_PROJECT_ID"
    )
    return Settings(
        endpoint=_filled(template, region),
        region=region,
        project_id=project_id or "",
        credentials=_credentials(given),
        journal=_journal(given),
        quotas=QUOTAS | (given.read("vod:quotas", _quotas) or {}),
        timeouts=given.read("vod:timeouts", _timeouts) or Timeouts(),
        debug=given.read("vod:debug", _boolean) or False,
        template=template,
        accounts=given.read("vod:accounts", _accounts) or {},
    )


class _Given:
    """What was given, by full name; a blank value is not given. Names of the configuration have a colon in them."""

    def __init__(self, config: Mapping[str, str], environ: Mapping[str, str]) -> None:
        self._values = {**environ, **config}

    def get(self, name: str) -> str | None:
        return self._values.get(name, "").strip() or None

    def read(self, name: str, parse: Callable[[str, str], T]) -> T | None:
        text = self.get(name)
        return None if text is None else parse(name, text)

    def read_first(self, parse: Callable[[str, str], T], *names: str) -> T | None:
        return next((self.read(name, parse) for name in names if self.get(name) is not None), None)


# -- credentials ---------------------------------------------------------------------------------------------

# Access key, secret key, security token and token of each source; '' for what it does not have.
_SOURCES = (
    ("vod:accessKey", "vod:secretKey", "vod:securityToken", "vod:token"),
    ("huaweicloud:accessKey", "huaweicloud:secretKey", "huaweicloud:securityToken", "huaweicloud:token"),
    ("HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK", "HUAWEICLOUD_SDK_SECURITY_TOKEN", ""),
    ("HW_ACCESS_KEY", "HW_SECRET_KEY", "HW_SECURITY_TOKEN", "HW_AUTH_TOKEN"),
)


NAMES = (
    *(f"vod:{key}" for key in KEYS),
    *(f"huaweicloud:{key}" for key in ("region", "projectId", "accessKey", "secretKey", "securityToken", "token")),
)
"""Every name of the stack's configuration that `load` looks at."""


def _credentials(given: _Given) -> Credentials:
    """The first source's that has any."""
    for names in _SOURCES:
        found = _of_source(given, names)
        if found is not None:
            return found
    raise SettingsError(
        "no credentials: run `pulumi config set vod:accessKey KEY` and `pulumi config set --secret vod:secretKey KEY`"
        " (or vod:token), or set huaweicloud:accessKey and huaweicloud:secretKey, or the environment variables"
        " HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK, or HW_ACCESS_KEY and HW_SECRET_KEY"
    )


def _of_source(given: _Given, names: tuple[str, str, str, str]) -> Credentials | None:
    """The credentials of one source, if it has any. Where it has a key and a token, the key: it does not expire."""
    access_key, secret_key, security_token, token = (given.read(name, _header_value) for name in names)
    if access_key and secret_key:
        return AccessKey(access_key, secret_key, security_token)
    if access_key or secret_key or security_token:
        missing = names[1] if access_key else names[0]
        found = next(name for name in names if given.get(name))
        raise SettingsError(
            f"{missing} is not set, but {found} is: all of a key is taken from one place;"
            f" {_how(missing)}, or take {found} out"
        )
    return Token(token) if token else None


def _header_value(name: str, text: str) -> str:
    """A secret goes into a header as it is. Refused here, it is not shown; refused by the HTTP library, it would be."""
    if not _HEADER_VALUE.fullmatch(text):
        raise SettingsError(
            f"{name} has characters in it that no key or token has (only ASCII, no space): {_how(name)}"
        )
    return text


# -- one reader for each kind of value -----------------------------------------------------------------------


def _endpoint(name: str, text: str) -> str:
    if "@" in text:  # perhaps a password: not to be shown
        raise SettingsError(f"{name} has an '@' in it: credentials are set as vod:accessKey and vod:secretKey")
    shown = f"{name} is {_short(text)}"
    filled = text.replace("{region}", "region")
    if "{" in filled or not filled.isprintable() or " " in filled:
        raise SettingsError(f"{shown}: no URL, and {{region}} is all that is filled in")
    try:
        parts = urlsplit(filled)
        host, _ = parts.hostname, parts.port
    except ValueError as exc:
        raise SettingsError(f"{shown}: no URL ({exc})") from exc
    if parts.scheme not in {"http", "https"} or not host:
        raise SettingsError(f"{shown}: expected a URL as {ENDPOINT} or http://127.0.0.1:8480")
    if parts.query or parts.fragment:
        raise SettingsError(f"{shown}: expected a URL without '?' and '#'")
    if parts.scheme == "http" and not _is_loopback(host):
        raise SettingsError(f"{shown}: requests would go unencrypted; use https, http is for this machine only")
    return text.rstrip("/")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _filled(template: str, region: str | None) -> str:
    """The endpoint of a region; '' where the template needs one and there is none."""
    if "{region}" not in template:
        return template
    return template.replace("{region}", region) if region else ""


def _region(name: str, text: str) -> str:
    # Regions get added, so any name passes that cannot change the meaning of a URL.
    if not _REGION.fullmatch(text):
        raise SettingsError(f"{name} is {_short(text)}: expected the id of a region, as ap-southeast-1")
    return text


def _project(name: str, text: str) -> str:
    if not _PROJECT.fullmatch(text):
        raise SettingsError(f"{name} is {_short(text)}: expected the id of a project, 32 hex digits as a rule")
    return text


def _boolean(name: str, text: str) -> bool:
    if text.lower() not in {"true", "false"}:
        raise SettingsError(f"{name} is {_short(text)}: expected true or false")
    return text.lower() == "true"


def _quotas(name: str, text: str) -> dict[str, int]:
    quotas = {}
    for key, value in _object(name, text, QUOTAS).items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise SettingsError(f"{name}.{key} is {_short(value)}: expected calls per minute, a whole number from 1 on")
        quotas[key] = value
    return quotas


def _timeouts(name: str, text: str) -> Timeouts:
    timeouts = {}
    for key, value in _object(name, text, [one.name for one in fields(Timeouts)]).items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
            raise SettingsError(f"{name}.{key} is {_short(value)}: expected seconds, a number greater than 0")
        timeouts[key] = float(value)
    return Timeouts(**timeouts)


_OF_ACCOUNT = ("accessKey", "secretKey", "securityToken", "token", "projectId", "region", "endpoint")


def _accounts(name: str, text: str) -> dict[str, Account]:
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        # Not shown: there are secrets in it.
        raise SettingsError(
            f"{name} is no JSON object: `pulumi config set --path {name}.NAME.accessKey KEY` and"
            f" `pulumi config set --path --secret {name}.NAME.secretKey KEY` make one"
        )
    return {key: _account(f"{name}.{key}", one) for key, one in value.items()}


def _account(name: str, value: object) -> Account:
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise SettingsError(f"{name} is no object of texts: it may have {', '.join(_OF_ACCOUNT)}")
    for key in value:
        if key not in _OF_ACCOUNT:
            raise SettingsError(f"{name} knows no {_short(key)}: {_nearest(key, _OF_ACCOUNT)}")
    given = _Given({f"{name}.{key}": text for key, text in value.items()}, {})
    names = tuple(f"{name}.{key}" for key in _OF_ACCOUNT[:4])
    credentials = _of_source(given, (names[0], names[1], names[2], names[3]))
    if credentials is None:
        raise SettingsError(f"{name} has no credentials: set its accessKey and secretKey, or its token")
    return Account(
        credentials,
        project_id=given.read(f"{name}.projectId", _project) or "",
        region=given.read(f"{name}.region", _region),
        template=given.read(f"{name}.endpoint", _endpoint),
    )


def _object(name: str, text: str, known: Collection[str]) -> dict[str, object]:
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise SettingsError(
            f"{name} is {_short(text)}: expected a JSON object;"
            f" `pulumi config set --path {name}.{next(iter(known))} NUMBER` makes one"
        )
    for key in value:
        if key not in known:
            raise SettingsError(f"{name} knows no {_short(key)}: {_nearest(key, known)}")
    return value


def _journal(given: _Given) -> Path:
    configured = given.get("vod:journal")
    if configured is not None:
        path = Path(configured)
        if path.parts[0] == "~":
            path = _home(given).joinpath(*path.parts[1:])
        if not path.is_absolute():
            # Relative to what? Another run elsewhere would not find what this one wrote down.
            raise SettingsError(f"vod:journal is {_short(configured)}: expected an absolute path, or one from ~/ on")
        return path
    state = Path(given.get("XDG_STATE_HOME") or "")
    if not state.is_absolute():  # to be ignored then, says the XDG Base Directory Specification
        state = _home(given) / ".local" / "state"
    return state / "pulumi-huaweicloud-vod" / "journal.sqlite"


def _home(given: _Given) -> Path:
    home = Path(given.get("HOME") or given.get("USERPROFILE") or "")
    if not home.is_absolute():
        raise SettingsError(
            "no place for the journal: the environment variable HOME is not set; set it, or run"
            " `pulumi config set vod:journal FILE` with an absolute path"
        )
    return home


# -- words ---------------------------------------------------------------------------------------------------


def _refuse_unknown(namespace: str, config: Mapping[str, str]) -> None:
    known = [namespace + key for key in KEYS]
    for name in sorted(config):
        if name.startswith(namespace) and name not in known:
            raise SettingsError(f"{name} is no setting: {_nearest(name, known)}")


def _nearest(name: str, known: Collection[str]) -> str:
    by_lower = {one.lower(): one for one in known}
    near = difflib.get_close_matches(name.lower(), by_lower, n=1)
    return f"did you mean {by_lower[near[0]]}?" if near else f"expected one of {', '.join(known)}"


def _how(name: str) -> str:
    if ":" not in name:
        return f"set the environment variable {name}"
    secret = "" if name.endswith("accessKey") else "--secret "
    path = "--path " if "." in name else ""
    return f"run `pulumi config set {path}{secret}{name} VALUE`"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}..."
