"""VOD's operations, as far as ExtractedAudio needs them. Never waits for an asset.

Used (name of the official client; call; quota):
    ExtractAudio         POST   /asset/extract_audio            extract
    CancelExtractAudio   DELETE /asset/extract_audio?asset_id=  cancel
    ShowAssetMeta        GET    /asset/info?asset_id=..         query    up to ten ids, or a page by time
    ListAssetList        GET    /asset/list?media_type=..       query    a page by type and time
    DeleteAssets         DELETE /asset?asset_id=a,b             delete   up to ten ids
    UpdateAssetMeta      PUT    /asset/info                     update
    PublishAssets        POST   /asset/status/publish           publish    up to ten ids
    UnpublishAssets      POST   /asset/status/unpublish         unpublish  up to ten ids
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Protocol, TypeVar

from vod_provider.text import plain, printable
from vod_provider.vod import retries
from vod_provider.vod.assets import AUDIO, AUDIO_TYPES, Asset, status_of
from vod_provider.vod.connection import CONNECTIONS
from vod_provider.vod.deadline import Deadline
from vod_provider.vod.errors import (
    AnswerError,
    DeadlineError,
    LostAnswerError,
    NotFoundError,
    QuotaError,
    StoppedError,
    ThrottledError,
    UnreachableError,
    VodError,
)
from vod_provider.vod.pacing.quota import Quota
from vod_provider.vod.transport import EARLIEST, LATEST, Answer, Transport, VodClock

IDS_PER_CALL = 10
"""Info and delete take up to ten ids, and count as one call."""
PAGE = 100
"""Assets in one page of a listing, at most."""
LISTED = 20_000
"""How far pages reach: (page + 1) * size may not exceed it. Source: the API reference, 'Querying Media Assets'."""
WORDS = 300
"""Characters of a status, or of VOD's word on it, at most."""
DATA = 4096
"""Characters of a title, a description, an address, at most: several times what VOD takes."""
_HUGE = 2**53
"""Larger numbers are none of VOD's; Pulumi's are floats, which hold no more."""
_TIME = "%Y%m%d%H%M%S"
_ILLEGAL = "VOD.10053"
_DELETED = frozenset({"DELETED", "DELETING"})

T = TypeVar("T")
R = TypeVar("R")


class _Sending(Protocol):
    """Sends a request that has its place in the quota, and gives the place back if it never leaves."""

    def __call__(self, send: Callable[[], T]) -> T: ...


class Client:
    """Sends requests within the quotas and, where that is harmless, again. Safe to share between threads.

    Every method waits at most as long as its `deadline`, and raises what `vod.errors` has.
    `quotas`: calls per minute by name (extract, cancel, query, delete, update). Requests are sent from threads of
    `pool`; those to extract from `asking`, if given, where some may wait for other processes (see `extract`).
    """

    def __init__(
        self,
        transport: Transport,
        quotas: Mapping[str, int],
        *,
        quota: Callable[[int], Quota] = Quota,
        pool: ThreadPoolExecutor | None = None,
        asking: ThreadPoolExecutor | None = None,
    ) -> None:
        self._transport = transport
        self._quotas = {name: quota(limit) for name, limit in quotas.items()}
        self._pool = pool or ThreadPoolExecutor(CONNECTIONS, "vod")
        self._asking = asking or self._pool
        # How several ids are deleted in one call: the reference has commas between them, the official clients repeat
        # the parameter. A call that leaves some unanswered shows that it is the other way.
        self._repeats = False

    @property
    def clock(self) -> VodClock:
        """What time it is at VOD."""
        return self._transport.clock

    @property
    def skew(self) -> float:
        """VOD's clock less ours, in seconds; 0 before VOD has answered."""
        there = self.clock.now()
        return 0.0 if there is None else there - time.time()

    def extract(
        self,
        asset_id: str,
        audio_format: str,
        deadline: Deadline,
        *,
        transaction: Callable[[Callable[[], str]], R],
        waiting: Callable[[], None] = lambda: None,
    ) -> R:
        """Ask for the audio of `asset_id` within `transaction`, and return what that returns.

        `transaction` gets what sends the request and returns the id of the audio asset, which is not there yet. It
        runs where the request is sent, and to its end even if the caller has stopped waiting: the place to write down
        that VOD is asked, and what it answered. It need not send, which then takes nothing from the quota; and what
        sends may raise a StoppedError or DeadlineError whose `sent` is False, where nobody waits any more.
        Raises LostAnswerError where VOD may have accepted without our knowing of it; it is not asked again. Where
        the waiting ends early, `sent` of the error says whether the request had left: if not, VOD has accepted
        nothing. A QuotaError says that it was the quota that left no time.
        """
        doing = f"extracting {audio_format} from asset {asset_id}"
        body = {"asset_id": asset_id, "parameter": {"format": audio_format}}

        def send() -> str:
            answer = self._transport.send(doing, "POST", "/asset/extract_audio", body=body)
            audio_id = _id(answer.body.get("audio_asset_id"))
            if not audio_id:
                raise LostAnswerError(doing, "an answer without audio_asset_id", answer.request_id)
            return audio_id

        return self._perform(
            "extract",
            lambda sending: transaction(lambda: sending(send)),
            deadline,
            repeatable=False,
            waiting=waiting,
            pool=self._asking,
        )

    def cancel(self, audio_id: str, deadline: Deadline) -> None:
        """Take a queued extraction back. Raises StateError once it is under way."""
        doing = f"cancelling the extraction of audio {audio_id}"
        query = [("asset_id", audio_id)]
        self._call("cancel", deadline, doing, "DELETE", "/asset/extract_audio", _nothing, query=query)

    def show(self, asset_ids: Sequence[str], deadline: Deadline) -> dict[str, Asset]:
        """Up to ten assets by id. One that VOD answers it does not have is there with status NO_ASSET."""
        if len(asset_ids) == 1:
            try:
                return self._show(asset_ids, deadline)
            except NotFoundError:
                return {asset_ids[0]: Asset.gone(asset_ids[0])}
        try:
            return self._show(asset_ids, deadline)
        except NotFoundError:
            # VOD does not say which of them is missing.
            found: dict[str, Asset] = {}
            for asset_id in asset_ids:
                found |= self.show([asset_id], deadline)
            return found

    def _show(self, asset_ids: Sequence[str], deadline: Deadline) -> dict[str, Asset]:
        doing = f"asking about asset {_named(asset_ids)}"
        query = [("asset_id", asset_id) for asset_id in asset_ids]
        found = {asset.id: asset for asset in self._query(doing, query, partial(_assets, doing), deadline)}
        return {asset_id: found.get(asset_id) or Asset.gone(asset_id) for asset_id in asset_ids}

    def made_between(self, since: datetime, until: datetime, deadline: Deadline) -> list[Asset]:
        """All assets created in that time (VOD's clock, whole seconds, both included), videos and audios."""
        doing = "looking for what VOD made of a request whose answer was lost"
        query = [
            ("start_time", since.astimezone(UTC).strftime(_TIME)),
            ("end_time", until.astimezone(UTC).strftime(_TIME)),
        ]
        pages = self.pages(doing, query, lambda: deadline)
        # By id: what is created meanwhile moves others on to the next page.
        return list({asset.id: asset for page in pages for asset in page}.values())

    def pages(
        self, doing: str, query: Sequence[tuple[str, str]], deadline: Callable[[], Deadline]
    ) -> Iterator[list[Asset]]:
        """The assets that a query of ShowAssetMeta without ids finds, page by page, each asked for when it is wanted.

        `deadline` gives each page its own. Raises VodError where there are more than LISTED, which pages do not reach.
        """
        for page in range(LISTED // PAGE):
            asked = [*query, ("page", str(page)), ("size", str(PAGE))]
            found = self._query(doing, asked, partial(_assets, doing), deadline())
            yield found
            if len(found) < PAGE:
                return
        raise VodError(f"{doing}: pages reach {LISTED} assets, and there are more: narrow it down")

    def audios(
        self, until: datetime, deadline: Deadline, *, progress: Callable[[int], None] = lambda _: None
    ) -> dict[str, Asset]:
        """All assets created up to `until` (VOD's clock, whole seconds) whose files are audios, by id.

        Uploaded ones and extracted ones: VOD does not tell them apart. Known of each are title, description,
        status, container, duration, size, url and time; a status FAILED may stand for several. `progress` is told
        after each page how many there are so far. More than LISTED audios of one second cannot all be listed.
        Inferred: an extracted audio has its media type from the start (docs/cloud.md).
        """
        found: dict[str, Asset] = {}
        windows = [(EARLIEST, until)]
        while windows:
            begin, end = windows.pop()
            for page in range(LISTED // PAGE):
                audios, total = self._audios(begin, end, page, deadline)
                if total > LISTED and end - begin > timedelta(seconds=1):
                    # Pages do not reach that far, so it is listed in two halves.
                    middle = begin + timedelta(seconds=(end - begin) // timedelta(seconds=2))
                    windows += [(middle, end), (begin, middle)]
                    break
                found |= {audio.id: audio for audio in audios}
                progress(len(found))
                if len(audios) < PAGE:
                    break
        return found

    def few_audios(self, pages: int, deadline: Deadline) -> dict[str, Asset] | None:
        """All the project's audios, as `audios` has them, by id; None where so many pages do not hold them.

        Pages are read from the last to the first: what is deleted meanwhile moves others towards those still to come.
        """
        newest, total = self._audios(None, None, 0, deadline)
        if not len(newest) <= total <= min(pages * PAGE, LISTED):
            return None
        found: dict[str, Asset] = {}
        for page in reversed(range(1, -(-total // PAGE))):
            found |= {audio.id: audio for audio in self._audios(None, None, page, deadline)[0]}
        if found:
            newest, _ = self._audios(None, None, 0, deadline)
        return found | {audio.id: audio for audio in newest}

    def _audios(
        self, begin: datetime | None, end: datetime | None, page: int, deadline: Deadline
    ) -> tuple[list[Asset], int]:
        """One page of the audios of that time, or of all times, and how many they are in all."""
        doing = "listing the project's audios"
        query = [("media_type", kind) for kind in AUDIO_TYPES]
        for name, at in (("start_time", begin), ("end_time", end)):
            query += [(name, at.astimezone(UTC).strftime(_TIME))] if at is not None else []
        query += [("page", str(page)), ("size", str(PAGE))]

        def read(answer: Answer) -> tuple[list[Asset], int]:
            return [_summary(row) for row in _rows(doing, answer, "assets")], _whole(answer.body.get("total")) or 0

        return self._query(doing, query, read, deadline, path="/asset/list")

    def delete(self, asset_ids: Sequence[str], deadline: Deadline) -> dict[str, bool]:
        """Delete up to ten assets; says of each whether VOD reports it deleted."""
        doing = f"deleting asset {_named(asset_ids)}"
        repeats, several = self._repeats, len(asset_ids) > 1
        query = [("asset_id", one) for one in (asset_ids if repeats else [",".join(asset_ids)])]

        def read(answer: Answer) -> dict[str, str]:
            results = answer.body.get("delete_result_array")
            if not isinstance(results, list):
                raise LostAnswerError(doing, "an answer without delete_result_array", answer.request_id)
            return {_id(one.get("asset_id")): str(one.get("status")) for one in results if isinstance(one, dict)}

        try:
            told = self._call("delete", deadline, doing, "DELETE", "/asset", read, query=query)
        except AnswerError as error:
            if several and error.code == _ILLEGAL:
                self._repeats = not repeats
            raise
        if several and not told.keys() >= set(asset_ids):
            self._repeats = not repeats
        deleted = {asset_id for asset_id, status in told.items() if status_of(status, "") in _DELETED}
        return {asset_id: asset_id in deleted for asset_id in asset_ids}

    def publish(self, asset_ids: Sequence[str], deadline: Deadline, *, published: bool) -> dict[str, Asset]:
        """Publish up to ten assets, or take that back; returns them as they are then."""
        what = "publish" if published else "unpublish"
        doing = f"{what}ing asset {_named(asset_ids)}"
        body = {"asset_id": list(asset_ids)}
        assets = self._call(what, deadline, doing, "POST", f"/asset/status/{what}", partial(_assets, doing), body=body)
        found = {asset.id: asset for asset in assets}
        return {asset_id: found.get(asset_id) or Asset.gone(asset_id) for asset_id in asset_ids}

    def update(self, asset_id: str, metadata: Mapping[str, Any], deadline: Deadline) -> None:
        """Set title, category_id or tags (a list of words); what is not named stays.

        A description is left out: that of an extracted audio cannot be changed, and VOD may refuse the rest with it.
        """
        changes = {name: value for name, value in metadata.items() if name != "description"}
        if not changes:
            return
        doing = f"setting {', '.join(changes)} of asset {asset_id}"
        body: dict[str, Any] = {"asset_id": asset_id, **changes}
        if "tags" in body:
            body["tags"] = ",".join(body["tags"])
        self._call("update", deadline, doing, "PUT", "/asset/info", _nothing, body=body)

    def _query(
        self,
        doing: str,
        query: list[tuple[str, str]],
        read: Callable[[Answer], T],
        deadline: Deadline,
        *,
        path: str = "/asset/info",
    ) -> T:
        return self._call("query", deadline, doing, "GET", path, read, query=query)

    def _call(
        self,
        quota_name: str,
        deadline: Deadline,
        doing: str,
        method: str,
        path: str,
        read: Callable[[Answer], T],
        **more: Any,
    ) -> T:
        """Send a request that comes to the same however often it is sent; again where `read` finds no answer in it."""
        send = partial(self._transport.send, doing, method, path, **more)
        return self._perform(quota_name, lambda sending: read(sending(send)), deadline)

    def _perform(
        self,
        quota_name: str,
        work: Callable[[_Sending], R],
        deadline: Deadline,
        *,
        repeatable: bool = True,
        waiting: Callable[[], None] = lambda: None,
        pool: ThreadPoolExecutor | None = None,
    ) -> R:
        """Run `work`, which is given what sends a request, in a thread of the pool; again where that is harmless."""
        quota = self._quotas[quota_name]
        sending_or_over = threading.Lock()
        over: StoppedError | DeadlineError | None = None
        sent = False

        def attempt() -> R:
            end = quota.given_back  # unless it is sent

            def sending(send: Callable[[], T]) -> T:
                nonlocal end, sent
                with sending_or_over:
                    if over is not None:
                        raise over
                    sent = True
                end = quota.answered
                try:
                    return send()
                except ThrottledError:
                    end = quota.refused
                    raise
                except UnreachableError:
                    end = quota.given_back
                    raise

            try:
                return work(sending)
            finally:
                end()

        attempts = refusals = 0
        entering = True
        try:
            while True:
                entering = True
                quota.enter(deadline, waiting)
                entering = False
                try:
                    # In a thread of the pool, so that Ctrl-C need not wait for an answer that takes long.
                    return deadline.result((pool or self._pool).submit(attempt))
                except VodError as error:
                    throttled = isinstance(error, ThrottledError)
                    attempts, refusals = attempts + (not throttled), refusals + throttled
                    if attempts >= min(
                        retries.ATTEMPTS, getattr(error, "attempts", retries.ATTEMPTS)
                    ) or not retries.may_send_again(error, repeatable=repeatable):
                        raise
                    sent = sent and isinstance(error, LostAnswerError)
                    entering = throttled
                    if attempts > 1:  # the first may be a mere hiccup
                        deadline.notice(f"no answer from VOD: attempt {attempts + 1} of {retries.ATTEMPTS}")
                    deadline.sleep(retries.pause(max(1, attempts)))
        except (StoppedError, DeadlineError) as error:
            with sending_or_over:
                over, error.sent = error, sent
            if type(error) is DeadlineError and entering and not sent and not attempts:
                raise QuotaError(quota_name, quota.per_minute, deadline.seconds, refused=refusals > 0) from error
            raise


def _nothing(_: Answer) -> None:
    """What an answer says that only has to have come."""


def _named(asset_ids: Sequence[str]) -> str:
    return asset_ids[0] if len(asset_ids) == 1 else f"{asset_ids[0]} and {len(asset_ids) - 1} more"


def _assets(doing: str, answer: Answer) -> list[Asset]:
    return [_asset(row) for row in _rows(doing, answer, "asset_info_array")]


def _rows(doing: str, answer: Answer, name: str) -> list[Mapping[str, Any]]:
    """The answer's rows. One that has none at all proves nothing absent, unless it says that there are 0."""
    rows = answer.body.get(name, [] if answer.body.get("total") == 0 else None)
    if not isinstance(rows, list) or not all(isinstance(row, dict) and _id(row.get("asset_id")) for row in rows):
        raise LostAnswerError(doing, f"an answer without {name}", answer.request_id)
    return rows


def _asset(row: Mapping[str, Any]) -> Asset:
    """An entry of `asset_info_array` (model AssetInfo). Its own `description` tells why an asset failed."""
    base = _object(row.get("base_info"))
    meta = _object(base.get("meta_data"))
    plays = row.get("play_info_array")
    played = _object(plays[0]) if isinstance(plays, list) and plays else {}
    milliseconds = _whole(meta.get("duration_ms"))
    seconds = _whole(meta.get("duration"))
    duration: float | None = seconds if milliseconds is None else milliseconds / 1000
    tags = base.get("tags")
    return Asset(
        id=_id(row["asset_id"]),
        status=status_of(printable(str(row.get("status", "")), WORDS), str(row.get("description") or "")),
        title=plain(str(base.get("title") or ""), DATA),
        description=plain(str(base.get("description") or ""), DATA),
        category_id=_whole(base.get("category_id")),
        tags=tuple(filter(None, plain(str(tags), DATA).split(","))) if tags else (),
        url=plain(str(base.get("video_url") or played.get("url") or ""), DATA) or None,
        duration=duration,
        bit_rate=_whole(meta.get("bit_rate")),
        size=_whole(meta.get("video_size")),
        codec=printable(str(meta.get("audio_codec") or meta.get("codec") or ""), WORDS) or None,
        pack_type=printable(str(meta.get("pack_type") or base.get("video_type") or ""), WORDS) or None,
        created=_time(base.get("create_time")),
        reason=printable(str(row.get("description") or ""), WORDS),
        has_sound=_has_sound(meta),
    )


def _has_sound(meta: Mapping[str, Any]) -> bool | None:
    """Whether a file has an audio track, of its MetaData; None where that is not clear.

    `audio_codec` exists for assets made since 2025-01-01 only, and zeros stand for what was not looked into. So only a
    file whose `codec` is known can be without sound (inferred, docs/cloud.md).
    """
    channels, audio_codec = _whole(meta.get("audio_channels")), meta.get("audio_codec")
    if channels or _is_codec(audio_codec) or str(meta.get("pack_type")).upper() in AUDIO:
        return True
    return False if _is_codec(meta.get("codec")) and (channels == 0 or audio_codec == "") else None


def _is_codec(value: object) -> bool:
    return isinstance(value, str) and value.strip().upper() not in {"", "UNKNOWN"}


def _summary(row: Mapping[str, Any]) -> Asset:
    """An entry of `assets` in a listing (model AssetSummary). What is not known yet stands there as 0."""
    milliseconds = _whole(row.get("duration_ms")) or 1000 * (_whole(row.get("duration")) or 0)
    return Asset(
        id=_id(row["asset_id"]),
        status=status_of(printable(str(row.get("asset_status", "")), WORDS), str(row.get("exec_desc") or "")),
        title=plain(str(row.get("title") or ""), DATA),
        description=plain(str(row.get("description") or ""), DATA),
        url=plain(str(row.get("original_url") or ""), DATA) or None,
        duration=milliseconds / 1000 if milliseconds else None,
        size=_whole(row.get("size")) or None,
        pack_type=printable(str(row.get("media_type") or ""), WORDS) or None,
        created=_time(row.get("create_time")),
        reason=printable(str(row.get("exec_desc") or ""), WORDS),
    )


def _id(value: object) -> str:
    """An id as VOD tells it: a text, as all sources have it, or a number (the seed's example looks like one)."""
    told = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    return told if len(told) <= WORDS and told == printable(told, WORDS) else ""


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _whole(value: object) -> int | None:
    """A number as a whole one; None for what is none, and for numbers beyond reason."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not -_HUGE < value < _HUGE:
        return None
    return int(value)


def _time(value: object) -> datetime | None:
    try:
        told = datetime.strptime(str(value), _TIME).replace(tzinfo=UTC)
    except ValueError:
        return None
    return told if EARLIEST <= told < LATEST else None
