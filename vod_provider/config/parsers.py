"""What each setting may be: text -> value, or SettingsError. Pure: reads nothing but its arguments."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import NamedTuple, TypeVar
from urllib.parse import urlsplit

from vod_provider.config.errors import SettingsError
from vod_provider.text import is_loopback, is_project, is_region, nearest, short
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

Source: the API reference, 'Constraints'. That operations of one line there do not share their 100 is inferred: see
docs/cloud.md.
"""
LARGEST = 1_000_000_000
"""No number of a setting is larger: 30 years in seconds."""
_HEADER_VALUE = re.compile(r"[!-~]+")


class Part(NamedTuple):
    """A part of a setting that is an object, or of credentials; `secret`: never shown, and set with `--secret`."""

    key: str
    secret: bool = False


CREDENTIALS = (Part("accessKey"), Part("secretKey", True), Part("securityToken", True), Part("token", True))
"""What credentials are made of. Either accessKey and secretKey, perhaps with securityToken, or token."""
ACCOUNT = (*CREDENTIALS, Part("projectId"), Part("region"), Part("endpoint"))
EVENTS = (Part("listen"), Part("key", True), Part("certificate"), Part("certificateKey"))

T = TypeVar("T")


@dataclass(frozen=True)
class Timeouts:
    """How long an operation may take where the resource sets no `custom_timeouts`, in seconds.

    `absence` is how long VOD is asked before something that it does not show is believed to be gone.
    """

    create: float = 3600.0
    update: float = 3600.0
    delete: float = 1200.0
    read: float = 300.0
    absence: float = 60.0


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

    def first(self, names: Iterable[str]) -> str | None:
        """The first of the names that something was given for."""
        return next((name for name in names if self.get(name) is not None), None)


# -- credentials ---------------------------------------------------------------------------------------------


def credentials(given: Given, names: Sequence[str]) -> Credentials | None:
    """The credentials of one source, if it has any. `names` are those of CREDENTIALS there; '' for what it lacks.

    Where it has a key and a token, the key: it does not expire.
    """
    access_key, secret_key, security_token, token = (
        given.read(name, header_value(secret=part.secret)) for name, part in zip(names, CREDENTIALS, strict=True)
    )
    if access_key and secret_key:
        return AccessKey(access_key, secret_key, security_token)
    if access_key or secret_key or security_token:
        missing, part = (names[1], CREDENTIALS[1]) if access_key else (names[0], CREDENTIALS[0])
        found = next(name for name in names if given.get(name))
        raise SettingsError(
            f"{missing} is not set, but {found} is: all of a key is taken from one place;"
            f" {how(missing, secret=part.secret)}, or take {found} out"
        )
    return Token(token) if token else None


def header_value(*, secret: bool) -> Callable[[str, str], str]:
    """The reader of what goes into a header as it is. Refused here, it is not shown; the HTTP library would show it."""

    def read(name: str, text: str) -> str:
        if not _HEADER_VALUE.fullmatch(text):
            way = how(name, secret=secret)
            raise SettingsError(f"{name} has characters in it that no key or token has (only ASCII, no space): {way}")
        return text

    return read


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
    if parts.scheme == "http" and not is_loopback(host):
        raise SettingsError(f"{shown}: requests would go unencrypted; use https, http is for this machine only")
    # In one spelling, since audios are told apart by where they are.
    _, _, rest = text.partition("://")
    netloc, slash, path = rest.partition("/")
    netloc = netloc.lower().removesuffix({"http": ":80", "https": ":443"}[parts.scheme])
    return f"{parts.scheme}://{netloc}{slash}{path}".rstrip("/")


def is_local(template: str) -> bool:
    """Whether the endpoint is on this machine."""
    return is_loopback(urlsplit(template.replace("{region}", "region")).hostname or "")


def filled(template: str, region: str | None) -> str:
    """The endpoint of a region; '' where the template needs one and there is none."""
    if "{region}" not in template:
        return template
    return template.replace("{region}", region) if region else ""


def region(name: str, text: str) -> str:
    if not is_region(text):
        raise SettingsError(f"{name} is {short(text)}: expected the id of a region, as ap-southeast-3")
    return text


def project(name: str, text: str) -> str:
    if not is_project(text):
        raise SettingsError(f"{name} is {short(text)}: expected the id of a project, 32 hex digits as a rule")
    return text


def boolean(name: str, text: str) -> bool:
    if text.lower() not in {"true", "false"}:
        raise SettingsError(f"{name} is {short(text)}: expected true or false")
    return text.lower() == "true"


def quotas(name: str, text: str) -> dict[str, int]:
    quotas = {}
    for key, value in _object(name, text, QUOTAS).items():
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= LARGEST:
            raise SettingsError(f"{name}.{key} is {short(value)}: expected calls per minute, a whole number from 1 on")
        quotas[key] = value
    return quotas


def timeouts(name: str, text: str) -> Timeouts:
    timeouts = {}
    for key, value in _object(name, text, [one.name for one in fields(Timeouts)]).items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= LARGEST:
            raise SettingsError(f"{name}.{key} is {short(value)}: expected seconds, a number greater than 0")
        timeouts[key] = float(value)
    return Timeouts(**timeouts)


def accounts(name: str, text: str) -> dict[str, Account]:
    value = _json(text)
    if not isinstance(value, dict):
        # Not shown: there are secrets in it.
        raise SettingsError(
            f"{name} is no JSON object: `pulumi config set --path {name}.NAME.accessKey KEY` and"
            f" `pulumi config set --path --secret {name}.NAME.secretKey KEY` make one"
        )
    return {key: _account(f"{name}.{key}", one) for key, one in value.items()}


def _account(name: str, value: object) -> Account:
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise SettingsError(f"{name} is no object of texts: it may have {', '.join(part.key for part in ACCOUNT)}")
    _known(name, value, [part.key for part in ACCOUNT])
    given = Given({f"{name}.{key}": text for key, text in value.items()}, {})
    own = credentials(given, [f"{name}.{part.key}" for part in CREDENTIALS])
    if own is None:
        raise SettingsError(f"{name} has no credentials: set its accessKey and secretKey, or its token")
    return Account(
        own,
        project_id=given.read(f"{name}.projectId", project) or "",
        region=given.read(f"{name}.region", region),
        template=given.read(f"{name}.endpoint", endpoint),
    )


def events(name: str, text: str) -> Listening:
    # Not shown: there is a secret in it.
    given = _texts(name, text, [part.key for part in EVENTS])
    for key, secret in EVENTS[:2]:
        if given.get(f"{name}.{key}") is None:
            raise SettingsError(f"{name}.{key} is not set: {how(f'{name}.{key}', secret=secret)}")
    certificate = f"{name}.certificate"
    if given.get(f"{name}.certificateKey") and not given.get(certificate):
        raise SettingsError(f"{name}.certificateKey is set, but {certificate} is not: {how(certificate)}")
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
    if "\0" in text or not path.is_absolute():  # Pulumi runs a provider in a folder of its own choice
        raise SettingsError(f"{name} is {short(text)}: expected an absolute path")
    return path


def _texts(name: str, text: str, known: Collection[str]) -> Given:
    """What a JSON object of texts has, under full names; nothing of it is shown, since there are secrets in it."""
    value = _json(text)
    if not isinstance(value, dict) or not all(isinstance(one, str) for one in value.values()):
        example = how(f"{name}.{next(iter(known))}")
        raise SettingsError(f"{name} is no JSON object of texts: {example}, which makes one")
    _known(name, value, known)
    return Given({f"{name}.{key}": one for key, one in value.items()}, {})


def _json(text: str) -> object:
    """The decoded text; None for what is no JSON, or nested deeper than anybody means."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _known(name: str, keys: Iterable[str], known: Collection[str]) -> None:
    for key in keys:
        if key not in known:
            raise SettingsError(f"{name} knows no {short(key)}: {nearest(key, known)}")


def _object(name: str, text: str, known: Collection[str]) -> dict[str, object]:
    value = _json(text)
    if not isinstance(value, dict):
        raise SettingsError(
            f"{name} is {short(text)}: expected a JSON object;"
            f" `pulumi config set --path {name}.{next(iter(known))} NUMBER` makes one"
        )
    _known(name, value, known)
    return value


# -- words ---------------------------------------------------------------------------------------------------


def how(name: str, value: str = "VALUE", *, secret: bool = False) -> str:
    """The command, or the environment variable, that sets a setting, or a part of one that is an object."""
    if ":" not in name:
        return f"set the environment variable {name}"
    path = "--path " if "." in name else ""
    return f"run `pulumi config set {path}{'--secret ' if secret else ''}{name} {value}`"
