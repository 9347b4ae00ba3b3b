"""What each setting may be: text -> value, or SettingsError. Pure: reads nothing but its arguments."""

from __future__ import annotations

import difflib
import ipaddress
import json
import math
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, fields
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
SECRET = ("secretKey", "Token", "token", ".key")
"""How the names of settings end that are secrets."""
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
class Listening:
    """Where VOD's events are listened for: `key` signs them; without `certificate` (PEM files) as plain HTTP."""

    host: str
    port: int
    key: str = field(repr=False)
    certificate: Path | None = None
    certificate_key: Path | None = None


class Given:
    """What was given, by full name; a blank value is not given. Names of the configuration have a colon in them."""

    def __init__(self, config: Mapping[str, str], environ: Mapping[str, str]) -> None:
        self._values = {**environ, **config}

    def get(self, name: str) -> str | None:
        return self._values.get(name, "").strip() or None

    def read(self, name: str, parse: Callable[[str, str], T]) -> T | None:
        text = self.get(name)
        return None if text is None else parse(name, text)

    def required(self, name: str, parse: Callable[[str, str], T]) -> T:
        return parse(name, self.get(name) or "")

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


def credentials(given: Given) -> Credentials:
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


def _of_source(given: Given, names: tuple[str, str, str, str]) -> Credentials | None:
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


def endpoint(name: str, text: str) -> str:
    if "@" in text:  # perhaps a password: not to be shown
        raise SettingsError(f"{name} has an '@' in it: credentials are set as vod:accessKey and vod:secretKey")
    shown = f"{name} is {short(text)}"
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


def is_local(template: str) -> bool:
    """Whether the endpoint is on this machine."""
    return _is_loopback(urlsplit(template.replace("{region}", "region")).hostname or "")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def filled(template: str, region: str | None) -> str:
    """The endpoint of a region; '' where the template needs one and there is none."""
    if "{region}" not in template:
        return template
    return template.replace("{region}", region) if region else ""


def region(name: str, text: str) -> str:
    # Regions get added, so any name passes that cannot change the meaning of a URL.
    if not _REGION.fullmatch(text):
        raise SettingsError(f"{name} is {short(text)}: expected the id of a region, as ap-southeast-1")
    return text


def project(name: str, text: str) -> str:
    if not _PROJECT.fullmatch(text):
        raise SettingsError(f"{name} is {short(text)}: expected the id of a project, 32 hex digits as a rule")
    return text


def boolean(name: str, text: str) -> bool:
    if text.lower() not in {"true", "false"}:
        raise SettingsError(f"{name} is {short(text)}: expected true or false")
    return text.lower() == "true"


def quotas(name: str, text: str) -> dict[str, int]:
    quotas = {}
    for key, value in _object(name, text, QUOTAS).items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise SettingsError(f"{name}.{key} is {short(value)}: expected calls per minute, a whole number from 1 on")
        quotas[key] = value
    return quotas


def timeouts(name: str, text: str) -> Timeouts:
    timeouts = {}
    for key, value in _object(name, text, [one.name for one in fields(Timeouts)]).items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
            raise SettingsError(f"{name}.{key} is {short(value)}: expected seconds, a number greater than 0")
        timeouts[key] = float(value)
    return Timeouts(**timeouts)


_OF_ACCOUNT = ("accessKey", "secretKey", "securityToken", "token", "projectId", "region", "endpoint")


def accounts(name: str, text: str) -> dict[str, Account]:
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
    _known(name, value, _OF_ACCOUNT)
    given = Given({f"{name}.{key}": text for key, text in value.items()}, {})
    names = tuple(f"{name}.{key}" for key in _OF_ACCOUNT[:4])
    credentials = _of_source(given, (names[0], names[1], names[2], names[3]))
    if credentials is None:
        raise SettingsError(f"{name} has no credentials: set its accessKey and secretKey, or its token")
    return Account(
        credentials,
        project_id=given.read(f"{name}.projectId", project) or "",
        region=given.read(f"{name}.region", region),
        template=given.read(f"{name}.endpoint", endpoint),
    )


_OF_EVENTS = ("listen", "key", "certificate", "certificateKey")


def events(name: str, text: str) -> Listening:
    # Not shown: there is a secret in it.
    given = _texts(name, text, _OF_EVENTS)
    for key in ("listen", "key"):
        if given.get(f"{name}.{key}") is None:
            raise SettingsError(f"{name}.{key} is not set: {_how(f'{name}.{key}')}")
    certificate = f"{name}.certificate"
    if given.get(f"{name}.certificateKey") and not given.get(certificate):
        raise SettingsError(f"{name}.certificateKey is set, but {certificate} is not: {_how(certificate)}")
    host, port = given.required(f"{name}.listen", _address)
    return Listening(
        host,
        port,
        given.required(f"{name}.key", lambda _, key: key),
        given.read(certificate, _file),
        given.read(f"{name}.certificateKey", _file),
    )


def _address(name: str, text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    bare = host.removeprefix("[").removesuffix("]")
    if not bare or (":" in bare) != (host != bare) or not re.fullmatch("[0-9]{1,5}", port) or not 0 < int(port) < 65536:
        raise SettingsError(f"{name} is {short(text)}: expected an address and a port, as 0.0.0.0:8443 or [::]:8443")
    return bare, int(port)


def _file(name: str, text: str) -> Path:
    path = Path(text)
    if not path.is_absolute():  # Pulumi runs a provider in a folder of its own choice
        raise SettingsError(f"{name} is {short(text)}: expected an absolute path")
    return path


def _texts(name: str, text: str, known: Collection[str]) -> Given:
    """What a JSON object of texts has, under full names; nothing of it is shown, since there are secrets in it."""
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict) or not all(isinstance(one, str) for one in value.values()):
        how = _how(f"{name}.{next(iter(known))}")
        raise SettingsError(f"{name} is no JSON object of texts: {how}, which makes one")
    _known(name, value, known)
    return Given({f"{name}.{key}": one for key, one in value.items()}, {})


def _known(name: str, keys: Iterable[str], known: Collection[str]) -> None:
    for key in keys:
        if key not in known:
            raise SettingsError(f"{name} knows no {short(key)}: {nearest(key, known)}")


def _object(name: str, text: str, known: Collection[str]) -> dict[str, object]:
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise SettingsError(
            f"{name} is {short(text)}: expected a JSON object;"
            f" `pulumi config set --path {name}.{next(iter(known))} NUMBER` makes one"
        )
    _known(name, value, known)
    return value


def journal(given: Given) -> Path:
    configured = given.get("vod:journal")
    if configured is not None:
        path = Path(configured)
        if path.parts[0] == "~":
            path = _home(given).joinpath(*path.parts[1:])
        if not path.is_absolute():
            # Relative to what? Another run elsewhere would not find what this one wrote down.
            raise SettingsError(f"vod:journal is {short(configured)}: expected an absolute path, or one from ~/ on")
        return path
    state = Path(given.get("XDG_STATE_HOME") or "")
    if not state.is_absolute():  # to be ignored then, says the XDG Base Directory Specification
        state = _home(given) / ".local" / "state"
    return state / "pulumi-huaweicloud-vod" / "journal.sqlite"


def _home(given: Given) -> Path:
    home = Path(given.get("HOME") or given.get("USERPROFILE") or "")
    if not home.is_absolute():
        raise SettingsError(
            "no place for the journal: the environment variable HOME is not set; set it, or run"
            " `pulumi config set vod:journal FILE` with an absolute path"
        )
    return home


# -- words ---------------------------------------------------------------------------------------------------


def nearest(name: str, known: Collection[str]) -> str:
    by_lower = {one.lower(): one for one in known}
    near = difflib.get_close_matches(name.lower(), by_lower, n=1)
    return f"did you mean {by_lower[near[0]]}?" if near else f"expected one of {', '.join(known)}"


def _how(name: str) -> str:
    if ":" not in name:
        return f"set the environment variable {name}"
    secret = "--secret " if name.endswith(SECRET) else ""
    path = "--path " if "." in name else ""
    return f"run `pulumi config set {path}{secret}{name} VALUE`"


def short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}..."
