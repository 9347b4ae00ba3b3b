"""A ledger in object storage, for a team and for runners whose disk goes with them. Loads `obstore` when it is opened.

Each stack has a folder with a log: a *segment* for each write, numbered and never overwritten, and now and then a
*snapshot* of all rows up to a segment. A segment is written only if there is none of its number: whoever is second
finds that out, reads what the first one wrote, and writes after it. So several plugin processes of one stack, and a run
that goes on beside the next, see each other's rows. What has changed is written, not the whole: many audios stay as
cheap as one.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from vod_provider.audio.ledger_records import Change, LedgerError
from vod_provider.config.ledger_location import OBS_ENDPOINT, LedgerStore
from vod_provider.text import is_loopback, printable
from vod_provider.vod.deadline import running
from vod_provider.vod.signing import AccessKey, Credentials

FOLDER = "vod-ledger"
"""Below the prefix: the prefix may be that of Pulumi's own backend, which has other folders."""
SNAPSHOT_AFTER = 100
"""A snapshot is written when a log has grown by so many segments."""
KEEP = timedelta(days=2)
"""Segments that are part of a snapshot stay so long: a process that has not read it may still write after them.

One that was halted for half of that reads the log again first.
"""
OTHERS_S = 5.0
"""The logs of other stacks are read again after so long."""
READERS = 16
ATTEMPTS = 5
"""So often a log is listed again when its objects went meanwhile, and a refused write is tried after newer ones."""
_TIMEOUT = {"timeout": "10s", "connect_timeout": "5s"}
_RETRIES = {"max_retries": 6, "retry_timeout": timedelta(seconds=20)}
"""The pauses are random, the first a tenth of a second and each up to twice the one before: a second or two in all."""
_SECRET_VARIABLES = (
    "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AZURE_STORAGE_KEY", "AZURE_STORAGE_ACCOUNT_KEY",
    "AZURE_STORAGE_SAS_TOKEN", "AZURE_STORAGE_SAS_KEY", "AZURE_STORAGE_TOKEN", "AZURE_CLIENT_SECRET",
    "GOOGLE_SERVICE_ACCOUNT_KEY",
)  # fmt: skip
"""Variables that the storage's clients take secrets from."""
_PREAMBLE = re.compile(
    r"^.*?Error performing ([A-Z]+) .*? - (?:Server returned non-2xx status code: |HTTP error: )?", re.DOTALL
)
"""What the storage's client says before the reason: the address, which the ledger's name tells, and its attempts."""
_SHORTEST_SECRET = 4
_WORDS = 250
"""Characters of the storage's own words."""
_NAME = re.compile(r"(\d{12})(?:-([0-9a-f]{8}))?(\.snapshot)?\.json")

Row = Mapping[str, Any]


class _GoneError(LedgerError):
    """An object, or the bucket itself, is not there."""


@dataclass
class _Log:
    """What is known of the log of one stack: its rows, up to and with the segment `seen`."""

    rows: dict[tuple[str, tuple[str, ...]], Row] = field(default_factory=dict)
    seen: int = 0
    snapshot: int = 0
    compacted: int = 0
    """The segment at which a snapshot was last tried."""
    read: set[str] = field(default_factory=set)
    complete_at: float = float("-inf")
    """When nobody had written after `seen`, in seconds of `running`."""

    def take(self, changes: Iterable[Change]) -> None:
        for change in changes:
            if change.row is None:
                self.rows.pop((change.table, change.key), None)
            else:
                self.rows[change.table, change.key] = change.row

    def changes(self) -> list[Change]:
        """Changes that make all rows."""
        return [Change(table, key, row) for (table, key), row in self.rows.items()]

    def changes_since(self, before: Mapping[tuple[str, tuple[str, ...]], Row]) -> list[Change]:
        """Changes that make all rows of those before. A snapshot alone does not say what it has deleted."""
        gone = [Change(table, key, None) for table, key in before if (table, key) not in self.rows]
        written = [Change(*key, row) for key, row in self.rows.items() if before.get(key) != row]
        return gone + written


def _is_recent(log: _Log) -> bool:
    """Whether what others have written after `seen`, if anything, is surely still there: see KEEP."""
    return running() - log.complete_at < KEEP.total_seconds() / 2


class ObjectStore:
    """The store of one stack's ledger: see `ledger_records.Store`.

    `objects` is one of obstore's stores. `stack` is what the owners of the stack's resources begin with. `warn` is told
    in one line where the storage has no conditional writes. `secrets` are not shown, should the storage tell them.
    """

    def __init__(
        self,
        objects: Any,
        name: str,
        prefix: str,
        stack: str,
        warn: Callable[[str], None],
        secrets: tuple[str, ...] = (),
    ) -> None:
        self.name = name
        self.requests = 0
        self._objects, self._warn, self._secrets = objects, warn, secrets
        self._root = f"{prefix}/{FOLDER}/" if prefix else f"{FOLDER}/"
        self._folder = self._folder_of(stack)
        self._lock = threading.Lock()
        self._log = _Log()
        self._others: dict[str, _Log] = {}
        self._others_read = float("-inf")
        self._conditional: bool | None = None
        self._writer = uuid.uuid4().hex[:8]

    def _folder_of(self, stack: str) -> str:
        return self._root + hashlib.sha256(stack.encode()).hexdigest()[:32] + "/"

    # -- the protocol ----------------------------------------------------------------------------------------

    def load(self) -> Iterable[Change]:
        """All rows of this stack."""
        with self._lock:
            self._read(self._folder, self._log)
            return self._log.changes()

    def append(self, changes: Sequence[Change]) -> Sequence[Change]:
        """Write a segment after all that are known; or return what another process has written after those."""
        with self._lock:
            return self._appended(self._folder, self._log, changes)

    def append_to(self, stack: str, changes: Sequence[Change]) -> None:
        """The same in the log of another stack, after what anybody else has written there."""
        folder = self._folder_of(stack)
        with self._lock:
            while self._appended(folder, self._others.setdefault(folder, _Log()), changes):
                pass

    def _appended(self, folder: str, log: _Log, changes: Sequence[Change]) -> Sequence[Change]:
        if self._conditional is None:
            self._conditional = self._keeps_conditions()
        for _ in range(ATTEMPTS):
            newer = [] if self._conditional and _is_recent(log) else self._read(folder, log)
            if newer:
                return newer
            if self._written(folder, log, changes):
                self._compact(folder, log)
                return ()
            newer = self._read(folder, log)
            if newer:
                return newer
            # What came before has changed no row: an empty answer would say that ours is written.
        raise LedgerError(
            f"the ledger at {self.name} cannot be used: the storage says each time that somebody else has just written;"
            " run it again when no other run of this stack is under way"
        )

    def _written(self, folder: str, log: _Log, changes: Sequence[Change]) -> bool:
        """Write the segment after all that are known; whether there was none of its number."""
        number = log.seen + 1
        name = f"{number:012d}.json" if self._conditional else f"{number:012d}-{self._writer}.json"
        content = _encoded(changes)
        begun, written = running(), False
        try:
            written = self._put(folder + name, content, create=bool(self._conditional))
        except LedgerError:
            with suppress(LedgerError):
                written = self._is_there(folder + name, content)  # then only its answer was lost
            if not written:
                raise
        # Refused, it may still be this one: an attempt whose answer was lost is sent again.
        if not written and not self._is_there(folder + name, content):
            return False
        log.seen = number
        log.read.add(name)
        log.take(changes)
        log.complete_at = begun
        return True

    def _is_there(self, path: str, content: bytes) -> bool:
        """Whether the segment at that path has this content, as far as the storage tells."""
        try:
            return self._got(path) == content
        except _GoneError:
            return False  # refused for one that is still on its way: S3 says 409 then

    def _has_next(self) -> bool:
        """Whether somebody has written the segment after all that are known."""
        try:
            self._asked(lambda: self._objects.head(f"{self._folder}{self._log.seen + 1:012d}.json"))
        except _GoneError:
            return False
        return True

    def renew(self) -> Sequence[Change]:
        """What other processes have written to this stack's log; `others` is read anew, too."""
        with self._lock:
            self._others_read = float("-inf")
            return self._read(self._folder, self._log)

    def newer(self) -> Sequence[Change]:
        """What other processes have written to this stack's log: it is listed only where there may be any."""
        with self._lock:
            if self._conditional and _is_recent(self._log) and not self._has_next():
                return ()
            return self._read(self._folder, self._log)

    def others(self) -> Iterable[Change]:
        """The rows of all other stacks, at most some seconds old."""
        with self._lock:
            now = time.monotonic()
            if now - self._others_read >= OTHERS_S:
                for folder, names in self._listed(self._root).items():
                    if folder != self._folder:
                        self._read(folder, self._others.setdefault(folder, _Log()), names)
                self._others_read = now
            return [change for log in self._others.values() for change in log.changes()]

    def check(self) -> None:
        """Read, write and remove something, as a run would. Raises LedgerError."""
        with self._lock:
            self._read(self._folder, self._log)
            self._conditional = self._keeps_conditions()

    # -- reading ---------------------------------------------------------------------------------------------

    def _read(self, folder: str, log: _Log, names: Sequence[str] | None = None) -> list[Change]:
        """Read what has been written to a log since it was read last; returns what that changes.

        Objects may go between being listed and being read, when another process writes a snapshot.
        """
        before, begun = dict(log.rows), running()
        for _ in range(ATTEMPTS):
            if names is None:
                names = self._listed(folder).get(folder, ())
            try:
                self._take_listed(folder, log, names)
            except _GoneError as exc:
                names, gone = None, exc
            else:
                log.complete_at = begun
                return log.changes_since(before)
        raise gone

    def _take_listed(self, folder: str, log: _Log, names: Sequence[str]) -> None:
        """Take all that is unread, or nothing: what is taken once is not returned again."""
        parsed = sorted((int(found[1]), name, bool(found[3])) for name in names if (found := _NAME.fullmatch(name)))
        newest = max((number for number, _, snapshot in parsed if snapshot), default=0)
        rows: list[Change] | None = None
        read = log.read
        if newest > log.seen:
            path = f"{folder}{newest:012d}.snapshot.json"
            content = self._got(path)
            rows, read = self._parsed(path, content), self._covered(path, content)
        last = max(log.snapshot, newest)
        # Where there are no conditional writes, two writers may have one number, and a snapshot may cover only one.
        unread = [
            name
            for number, name, snapshot in parsed
            if not snapshot and name not in read and (number > last or "-" in name)
        ]
        segments = self._contents([folder + name for name in unread])
        if rows is not None:
            log.rows.clear()
            log.take(rows)
            log.seen = newest
        log.snapshot, log.read = last, read | set(unread)
        for name, changes in zip(unread, segments, strict=True):
            log.seen = max(log.seen, int(name[:12]))
            log.take(changes)

    def _listed(self, prefix: str) -> dict[str, list[str]]:
        """The names of objects by folder."""
        found: dict[str, list[str]] = {}
        for page in self._asked(lambda: list(self._objects.list(prefix))):
            for meta in page:
                folder, _, name = str(meta["path"]).rpartition("/")
                found.setdefault(f"{folder}/", []).append(name)
        return found

    def _contents(self, paths: Sequence[str]) -> list[list[Change]]:
        if len(paths) <= 1:
            return [self._content(path) for path in paths]
        with ThreadPoolExecutor(READERS, "vod-ledger") as pool:
            return list(pool.map(self._content, paths))

    def _got(self, path: str) -> bytes:
        content: bytes = self._asked(lambda: bytes(self._objects.get(path).bytes()))
        return content

    def _content(self, path: str) -> list[Change]:
        return self._parsed(path, self._got(path))

    def _parsed(self, path: str, content: bytes) -> list[Change]:
        try:
            return [Change(table, tuple(key), row) for table, key, row in json.loads(content)["changes"]]
        except (ValueError, TypeError, KeyError, RecursionError) as exc:
            raise self._not_ours(path) from exc

    def _covered(self, path: str, content: bytes) -> set[str]:
        """The segments that a snapshot names: those of numbers that two writers have had."""
        covers = json.loads(content).get("covers", [])
        if not isinstance(covers, list) or not all(isinstance(name, str) for name in covers):
            raise self._not_ours(path)
        return set(covers)

    def _not_ours(self, path: str) -> LedgerError:
        return LedgerError(f"the ledger at {self.name} cannot be read: {path} is not of this package")

    # -- writing ---------------------------------------------------------------------------------------------

    def _put(self, path: str, content: bytes, *, create: bool) -> bool:
        """Write an object; with `create`, only if it is not there. Whether it was written."""
        from obstore.exceptions import AlreadyExistsError, PreconditionError

        try:
            self._asked(lambda: self._objects.put(path, content, mode="create" if create else "overwrite"))
        except (AlreadyExistsError, PreconditionError):
            return False
        return True

    def _compact(self, folder: str, log: _Log) -> None:
        """Write a snapshot when the log has grown. It is no part of any change: one that fails is tried again later."""
        if log.seen - max(log.snapshot, log.compacted) < SNAPSHOT_AFTER:
            return
        log.compacted = log.seen
        with suppress(LedgerError):
            self._write_snapshot(folder, log)

    def _write_snapshot(self, folder: str, log: _Log) -> None:
        """Write all rows as one object, and remove segments that are long part of one.

        How long is told by the storage's clock: this machine's may be days ahead.
        """
        number = log.seen
        listed = [meta for page in self._asked(lambda: list(self._objects.list(folder))) for meta in page]
        names = {str(meta["path"]).rpartition("/")[2] for meta in listed}
        covers = sorted(name for name in log.read & names if "-" in name)
        content = _encoded(log.changes(), covers=covers)
        self._put(f"{folder}{number:012d}.snapshot.json", content, create=False)
        log.snapshot = number
        if not listed:
            return
        now = max(meta["last_modified"] for meta in listed)
        old = [
            str(meta["path"])
            for meta in listed
            if (found := _NAME.fullmatch(str(meta["path"]).rpartition("/")[2]))
            and int(found[1]) < number
            and (not found[2] or found[0] in covers)
            and meta["last_modified"] < now - KEEP
        ]
        if old:
            self._asked(lambda: self._objects.delete(old))

    def _keeps_conditions(self) -> bool:
        """Whether a second object of one name is refused. Some storage that speaks S3 takes it without a word."""
        from obstore.exceptions import NotSupportedError

        probe = f"{self._folder}probe-{self._writer}"
        try:
            # One refusal is proof, also of the first: an attempt whose answer was lost is sent again.
            kept = not (self._put(probe, b"", create=True) and self._put(probe, b"", create=True))
        except NotSupportedError:
            kept = False
        self._asked(lambda: self._objects.delete(probe))
        if not kept:
            self._warn(
                f"the storage at {self.name} has no conditional writes: the ledger works, but a second run of the same"
                " stack at the same moment is not noticed"
            )
        return kept

    def _asked(self, ask: Callable[[], Any]) -> Any:
        """What the storage answers. Raises LedgerError in one line, and obstore's errors that callers tell apart."""
        from obstore import exceptions as failures

        self.requests += 1
        try:
            return ask()
        except (failures.AlreadyExistsError, failures.PreconditionError, failures.NotSupportedError):
            raise
        except (failures.BaseError, OSError, ValueError) as exc:
            kind = _GoneError if isinstance(exc, FileNotFoundError) else LedgerError
            why = _reason(exc, self._secrets)
            raise kind(f"the ledger at {self.name} cannot be used ({why}); check vod:journal, {_HOW}") from exc


_HOW = "its credentials and the network"


def opened(
    location: LedgerStore,
    stack: str,
    *,
    credentials: Credentials,
    region: str | None,
    warn: Callable[[str], None] = lambda _: None,
) -> ObjectStore:
    """The store at `location` for the stack whose owners begin with `stack`.

    `credentials` and `region` are the stack's for VOD; only storage in Huawei's OBS uses them. Raises LedgerError.
    """
    try:
        import obstore  # noqa: F401 - whether it is there
    except ImportError as exc:
        raise LedgerError(
            f'vod:journal is {location}, which needs `pip install "pulumi-huaweicloud-vod[store]"` in this environment'
        ) from exc
    try:
        objects = _made(location, credentials, region)
    except LedgerError:
        raise
    except Exception as exc:
        why = _reason(exc, _secrets(credentials))
        raise LedgerError(f"vod:journal is {location}, which cannot be opened ({why})") from exc
    return ObjectStore(objects, str(location), location.prefix, stack, warn, _secrets(credentials))


def _made(location: LedgerStore, credentials: Credentials, region: str | None) -> Any:
    from obstore.store import AzureStore, GCSStore, S3Store

    options: dict[str, Any] = {"client_options": _client(location.endpoint or ""), "retry_config": _RETRIES}
    if location.endpoint:
        options["endpoint"] = location.endpoint
    if location.kind == "gs":
        return GCSStore(location.bucket, **options)
    if location.kind == "azblob":
        if location.storage_account:
            options["account_name"] = location.storage_account
        return AzureStore(location.bucket, **options)
    if location.kind == "s3":
        if location.region:
            options["region"] = location.region
        options["virtual_hosted_style_request"] = not location.path_style and location.endpoint is None
        return S3Store(location.bucket, **options)
    if not isinstance(credentials, AccessKey):
        raise LedgerError(f"vod:journal is {location}: OBS takes vod:accessKey and vod:secretKey, and no vod:token")
    region = location.region or region
    if location.endpoint is None:
        if region is None:
            raise LedgerError(f"vod:journal is {location}: set vod:region, or write the region into the URL")
        # With virtual-hosted requests, the endpoint is that of the bucket.
        options["endpoint"] = OBS_ENDPOINT.replace("{region}", region).replace("://", f"://{location.bucket}.")
        options["virtual_hosted_style_request"] = True
    options |= {"region": region or "obs", "access_key_id": credentials.access_key}
    options |= {"secret_access_key": credentials.secret_key}
    if credentials.security_token:
        options["session_token"] = credentials.security_token
    return S3Store(location.bucket, **options)


def _client(endpoint: str) -> dict[str, Any]:
    """How storage at an endpoint, '' for the provider's own, is asked."""
    client: dict[str, Any] = {**_TIMEOUT, "allow_http": endpoint.startswith("http://")}
    host = urlsplit(endpoint).hostname or ""
    if is_loopback(host):
        # Loopback is never reached by a proxy: keys and tokens would go to it, and it would be believed. A proxy of
        # its own, which is then left out, is the only thing that keeps the client from those of the environment.
        client |= {"proxy_url": "http://127.0.0.1:9", "proxy_excludes": host}
    return client


def _encoded(changes: Sequence[Change], **more: object) -> bytes:
    """The content of an object; no two are the same, so that a writer knows its own."""
    content = {"version": 1, "id": uuid.uuid4().hex, **more, "changes": changes}
    return json.dumps(content, separators=(",", ":")).encode()


def _reason(exc: BaseException, secrets: Iterable[str] = ()) -> str:
    """The storage's own words, in one line of a bounded length.

    Without the queries of URLs, which may be signed, and without what is secret: storage tells a token again that it
    refuses. Of XML, the code and the message.
    """
    text = str(exc).partition("\n\nDebug source")[0]
    for secret in secrets:
        text = text.replace(secret, "***")
    said = ": ".join(re.findall("<(?:Code|Message)>([^<]*)<", text))
    text = re.sub(r"\?[^\s\"')]*", "", f"{text.partition('<')[0]}{said}")
    return printable(_PREAMBLE.sub(r"\1: ", text), _WORDS)


def _secrets(credentials: Credentials) -> tuple[str, ...]:
    """What storage may be told, the longest first: one may be a part of another."""
    own = (credentials.secret_key, credentials.security_token) if isinstance(credentials, AccessKey) else ()
    known = {one for one in (*own, *map(os.environ.get, _SECRET_VARIABLES)) if one and len(one) >= _SHORTEST_SECRET}
    return tuple(sorted(known, key=len, reverse=True))
