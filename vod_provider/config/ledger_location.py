"""Where the ledger is: a file of this machine, or object storage that a team's machines share. Pure: opens nothing.

Object storage is written as Pulumi writes its own backends, and needs no credentials in it:

    s3://bucket/prefix?endpoint=...&region=...&s3ForcePathStyle=true
    gs://bucket/prefix
    azblob://container/prefix?storage_account=...
    obs://bucket/prefix                 Huawei's OBS through its S3 interface, with the stack's credentials for VOD
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from vod_provider.config.errors import SettingsError
from vod_provider.text import is_region, nearest, short

OBS_ENDPOINT = "https://obs.{region}.myhuaweicloud.com"
"""Where OBS is. Source: the API reference of OBS, 'Endpoints'."""

_OPTIONS: Mapping[str, tuple[str, ...]] = {
    "s3": ("endpoint", "region", "s3ForcePathStyle", "use_path_style", "disableSSL", "disable_https", "awssdk"),
    "gs": ("endpoint",),
    "azblob": ("endpoint", "storage_account"),
    "obs": ("endpoint", "region"),
}
"""Options of each kind of storage. Those of S3 are what the backends of Pulumi take; `awssdk` means nothing here."""
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,221}")
_ACCOUNT = re.compile(r"[a-z0-9]{3,24}")


@dataclass(frozen=True)
class LedgerFile:
    """A file of this machine, by absolute path."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)


@dataclass(frozen=True)
class LedgerStore:
    """Objects below `prefix` in a bucket. Holds no credentials: those are the environment's, for 'obs' the stack's.

    `kind` is 's3', 'gs', 'azblob' (where `bucket` is a container) or 'obs'. `prefix` has no slash at either end, and
    '' stands for the whole bucket. `endpoint` is a URL, None for the provider's own; `region` and `storage_account`
    are None where the environment says them. `path_style`: the bucket stands in the path, not in the host's name.
    """

    kind: str
    bucket: str
    prefix: str = ""
    endpoint: str | None = None
    region: str | None = None
    path_style: bool = False
    storage_account: str | None = None

    def __str__(self) -> str:
        return f"{self.kind}://{self.bucket}/{self.prefix}".rstrip("/")


LedgerLocation = LedgerFile | LedgerStore


@dataclass(frozen=True)
class LedgerSetting:
    """The ledger's location as far as it is known before anybody needs it. `home` and `state` are the environment's.

    `given` is what vod:journal says: a store, a path (perhaps from '~' on), or None for nothing.
    """

    given: LedgerStore | Path | None = None
    home: str = ""
    state: str = ""

    def location(self) -> LedgerLocation:
        """Where the ledger is. Raises SettingsError where that takes a home folder, and the environment names none."""
        if isinstance(self.given, LedgerStore):
            return self.given
        if self.given is not None:
            return LedgerFile(self._home().joinpath(*self.given.parts[1:]) if _from_home(self.given) else self.given)
        state = Path(self.state)
        if not state.is_absolute():  # to be ignored then, says the XDG Base Directory Specification
            state = self._home() / ".local" / "state"
        return LedgerFile(state / "pulumi-huaweicloud-vod" / "journal.sqlite")

    def _home(self) -> Path:
        home = Path(self.home)
        if not home.is_absolute():
            raise SettingsError(
                "no place for the journal: the environment variable HOME is not set; set it, or run"
                " `pulumi config set vod:journal FILE` with an absolute path"
            )
        return home


def parse(name: str, text: str) -> LedgerStore | Path:
    """Read vod:journal. Raises SettingsError, which shows no URL: people put credentials into those."""
    if "://" in text:
        return _store(name, text)
    path = Path(text)
    if "\0" in text or not path.name:
        raise SettingsError(f"{name} is {short(text)}: expected the path of a file")
    if not path.is_absolute() and not _from_home(path):
        # Relative to what? Another run elsewhere would not find what this one wrote down.
        raise SettingsError(
            f"{name} is {short(text)}: expected an absolute path, one from ~/ on, or s3://BUCKET/PREFIX"
        )
    return path


def _from_home(path: Path) -> bool:
    return path.parts[:1] == ("~",)


def _store(name: str, text: str) -> LedgerStore:
    try:
        parts = urlsplit(text)
        user, host, port = parts.username, parts.netloc, parts.port
    except ValueError as exc:
        raise SettingsError(f"{name} is no URL: expected s3://BUCKET/PREFIX") from exc
    kind = parts.scheme
    if kind not in _OPTIONS:
        raise SettingsError(f"{name} has the scheme {short(kind)}: {nearest(kind, _OPTIONS)}, or an absolute path")
    if user is not None or "@" in host:
        raise SettingsError(f"{name} has credentials in it: take them out; {_CREDENTIALS[kind]}")
    if port is not None or not _BUCKET.fullmatch(host):
        raise SettingsError(f"{name} names no bucket: expected {kind}://BUCKET/PREFIX")
    if parts.fragment or not parts.path.isprintable() or {".", ".."} & set(parts.path.split("/")):
        raise SettingsError(f"{name}: expected {kind}://BUCKET/PREFIX, where the prefix is letters, digits and slashes")
    given = _options(name, kind, parts.query)
    store = LedgerStore(
        kind=kind,
        bucket=host,
        prefix="/".join(filter(None, parts.path.split("/"))),
        endpoint=_endpoint(name, given),
        region=given.get("region"),
        path_style=_flag(name, given, "s3ForcePathStyle") or _flag(name, given, "use_path_style"),
        storage_account=given.get("storage_account"),
    )
    if store.region is not None and not is_region(store.region):
        raise SettingsError(f"{name}: region is {short(store.region)}: expected the id of a region")
    if store.storage_account is not None and not _ACCOUNT.fullmatch(store.storage_account):
        raise SettingsError(f"{name}: storage_account is no name of a storage account")
    return store


_CREDENTIALS = {
    "s3": "they come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or from the machine's role",
    "gs": "they come from GOOGLE_APPLICATION_CREDENTIALS, or from the machine's service account",
    "azblob": "they come from AZURE_STORAGE_ACCOUNT and AZURE_STORAGE_KEY, or from the machine's identity",
    "obs": "they are the stack's credentials for VOD (vod:accessKey and vod:secretKey)",
}
"""Where the credentials of each kind of storage come from."""


def _options(name: str, kind: str, query: str) -> dict[str, str]:
    """The options of a URL by name, blank ones left out. No value of one that is not known is shown."""
    given: dict[str, str] = {}
    for key, value in parse_qsl(query):
        if key not in _OPTIONS[kind]:
            raise SettingsError(f"{name} knows no option {short(key)} for {kind}: {nearest(key, _OPTIONS[kind])}")
        given[key] = value.strip()
    return {key: value for key, value in given.items() if value}


def _flag(name: str, given: Mapping[str, str], key: str) -> bool:
    value = given.get(key, "false").lower()
    if value not in {"true", "false"}:
        raise SettingsError(f"{name}: {key} is {short(given[key])}: expected true or false")
    return value == "true"


def _endpoint(name: str, given: Mapping[str, str]) -> str | None:
    """The endpoint as a URL. Pulumi's backends also take a host and port, with https unless `disableSSL` is set."""
    plain = _flag(name, given, "disableSSL") or _flag(name, given, "disable_https")
    text = given.get("endpoint")
    if text is None:
        return None
    if "@" in text:  # perhaps a password: not to be shown
        raise SettingsError(f"{name}: endpoint has credentials in it: take them out")
    url = text if "://" in text else f"{'http' if plain else 'https'}://{text}"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as exc:
        raise SettingsError(f"{name}: endpoint is no URL ({exc})") from exc
    if parts.scheme not in {"http", "https"} or not host or parts.query or parts.fragment or not url.isprintable():
        raise SettingsError(f"{name}: endpoint is {short(text)}: expected a URL, or a host and its port")
    return url.rstrip("/")
