"""VOD's rules: what states an asset goes through, who may be changed, extracted, cancelled, deleted. No HTTP.

Rules that no source states are marked 'inferred' here and in docs/local-vod.md.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from vod_provider.local.core.appearances import Appearances
from vod_provider.local.core.data_folder import DataFolder
from vod_provider.local.core.dialects import Dialects
from vod_provider.local.core.errors import (
    JobFailedError,
    SettingsError,
    illegal_field,
    no_such_asset,
    not_confirmable,
    not_updatable,
    unsupported_status,
    unsupported_type,
)
from vod_provider.local.core.events import Events
from vod_provider.local.core.fetch import Allowed
from vod_provider.local.core.media_types import AUDIO_TYPES
from vod_provider.local.core.settings import Settings
from vod_provider.local.core.store import Asset, Filter, Store, StoreError, Task
from vod_provider.local.core.worker import Done, Failed, Worker

_log = logging.getLogger(__name__)
CREATING = "CREATING"
CREATED = "CREATED"
PUBLISHED = "PUBLISHED"
UPLOAD_FAILED = "UPLOAD_FAILED"
SERVER_ERROR = "SERVER_ERROR"
CANCELLED = "CANCELLED"
WAITING_TRANSCODE = "WAITING_TRANSCODE"
TRANSCODING = "TRANSCODING"
TRANSCODE_SUCCEED = "TRANSCODE_SUCCEED"
READY = frozenset({CREATED, PUBLISHED, TRANSCODE_SUCCEED})
UNFINISHED = frozenset({CREATING, WAITING_TRANSCODE, TRANSCODING})
_ABSENT_STATUSES = {"NO_ASSET": "NO_ASSET", "NOASSET": "NOASSET", "UNCREATED": " UNCREATED"}
"""The status of an id that there is no asset for, by the dialect `absence`."""
MOST_LISTED = 20_000
"""Listings count, and show, no more assets than that."""
_FIRST_NUMBER = 5412
# How long a confirmation waits for the file to be looked into. After that it answers, and the asset's
# status tells the rest.
_CONFIRM_SECONDS = 30


@dataclass(frozen=True)
class Metadata:
    """What people say of an asset; None in an update means as it was."""

    title: str | None = None
    description: str | None = None
    category_id: int | None = None
    tags: str | None = None


@dataclass(frozen=True)
class Extra:
    """A file beside the video: `kind` 'cover' or 'subtitle'; a subtitle has a number and a language ('CN', 'EN')."""

    kind: Literal["cover", "subtitle"]
    name: str
    number: int = 0
    language: str = ""
    file: str = ""


@dataclass(frozen=True)
class NewAsset:
    """An asset to be made of a file: `video_type` is its container ('MP4'), `extras` come beside it."""

    metadata: Metadata
    video_name: str
    video_type: str
    auto_publish: bool = True
    extras: Sequence[Extra] = ()


@dataclass(frozen=True)
class Absent:
    """An id that there is no asset for, and the status that says so."""

    asset_id: str
    status: str


class Vod:
    """The service. `clock` gives unix seconds; `public_url` is where media and uploads are reached.

    `completion_event` puts an audio that is made, or failed, into the words of the message that is posted.
    `dialects` are those of the command line: they come before the kept ones, and a reset goes back to them.
    """

    def __init__(
        self,
        store: Store,
        folder: DataFolder,
        *,
        public_url: str,
        allowed: Allowed,
        clock: Callable[[], float],
        completion_event: Callable[[Asset, str, str], Mapping[str, object]],
        dialects: Mapping[str, object] | None = None,
    ) -> None:
        self._store = store
        self._folder = folder
        self._clock = clock
        self.public_url = public_url
        self._allowed = allowed
        self._completion_event = completion_event
        self._first_settings = Settings().changed({"dialects": dict(dialects or {})})
        kept = store.setting("settings")
        self.settings = self._first_settings
        if kept:
            try:
                self.settings = Settings().changed(json.loads(kept)).changed({"dialects": dict(dialects or {})})
            except SettingsError as exc:  # another version kept what this one does not know
                _log.warning("the kept settings are left aside: %s", exc)
        self._events = Events(store, lambda: self.settings)
        self._appearances = Appearances(store, clock, self._remove)
        self._worker = Worker(
            folder, lambda: self.settings.extraction, allowed, self._began, self._ended, self._made_to_fail
        )

    def start(self) -> None:
        """Go on with what an earlier run left: half-written files are removed, unfinished work is run again."""
        self._folder.sweep()
        for task in self._store.tasks():
            self._worker.submit(task)
        self._appearances.resume()
        self._events.resume()

    async def close(self) -> None:
        """Stop; nothing is lost that has been answered, and work that is stopped in good order was no attempt."""
        try:
            self._store.count_attempts(self._worker.begun, -1)
        except StoreError:
            _log.exception("that work was stopped in good order could not be noted")
        self._appearances.stop()
        await self._worker.close()
        await self._events.clear()

    async def reset(self) -> None:
        """Forget everything and be as new."""
        await self._worker.clear()
        await self._events.clear()
        self._appearances.clear()
        self._store.clear()
        self._folder.sweep()
        self.settings = self._first_settings

    def change_settings(self, given: object) -> None:
        """Change settings by decoded JSON. Raises SettingsError."""
        self.settings = self.settings.changed(given)
        self._store.set_setting("settings", self.settings.dumps())
        self._worker.pump()

    @property
    def _dialects(self) -> Dialects:
        return self.settings.dialects

    # Uploading

    def create(self, project: str, new: NewAsset) -> Asset:
        """An asset that waits for its file."""
        asset = self._new_asset(project, new)
        self._store.add_asset(asset)
        return asset

    def create_by_url(self, project: str, new: NewAsset, url: str) -> Asset:
        """An asset whose file is fetched from an address. Raises VOD.10053 if that is not allowed here."""
        if url not in self._allowed:
            raise illegal_field("url", "fetching from there is not allowed (--allow-fetch)")
        asset = self._new_asset(project, new)
        task = Task(asset.asset_id, "fetch", argument=url)
        with self._store.transaction():
            self._store.add_asset(asset)
            self._store.add_task(task)
        self._worker.submit(task)
        return asset

    def awaiting_upload(self, asset_id: str, token: str) -> Asset | None:
        """The asset that such an upload address belongs to, if it still waits for a file."""
        asset = self._with_token(asset_id, token)
        if asset is None or asset.status != CREATING or self._worker.is_busy_with(asset_id):
            return None
        return asset

    def new_part(self) -> Path:
        """Where an upload is written until it is whole."""
        return self._folder.incoming()

    def uploaded(self, asset_id: str, token: str, name: str, part: Path) -> None:
        """Take a whole upload (`name` 'video', or an extra's); a later one takes its place until the confirmation."""
        asset = self.awaiting_upload(asset_id, token)
        if asset is None:
            raise not_updatable("the upload is over")
        extras = json.loads(asset.extras)
        extra = next((extra for extra in extras if extra["name"] == name), None)
        file = self._folder.media_name(asset_id, name.rpartition(".")[2] if extra else asset.video_type)
        self._folder.adopt(part, file)
        if extra is None:
            replaced = asset.file
            self._store.change_asset(asset_id, file=file)
        else:
            replaced, extra["file"] = extra["file"], file
            self._store.change_asset(asset_id, extras=json.dumps(extras))
        self._folder.discard(replaced)

    async def confirm(self, project: str, asset_id: str, status: str) -> None:
        """The upload is over: `status` CREATED, FAILED or CANCELLED. CREATED looks into the file and waits for that."""
        asset = self._existing(project, asset_id, status=403)
        if asset.status != CREATING or asset.source_id or self._worker.is_busy_with(asset_id):
            raise not_confirmable(f"{asset_id} is {asset.status}, not waiting for an upload")
        if status != CREATED:
            ended = UPLOAD_FAILED if status == "FAILED" else CANCELLED
            self._change(asset_id, status=ended, reason=f"upload {status.lower()}", file="")
            self._folder.discard(asset.file)
            return
        if not asset.file:
            raise not_confirmable(f"nothing has been uploaded for {asset_id}")
        task = Task(asset_id, "probe", asset.file)
        self._store.add_task(task)
        waiting = self._worker.submit(task)
        await asyncio.wait([waiting], timeout=_CONFIRM_SECONDS)

    # Extracting

    def extract(self, project: str, source_id: str, audio_format: str | None) -> Asset:
        """Have the sound of a video extracted."""
        source = self._existing(project, source_id)
        if source.status not in READY:
            raise unsupported_status(f"{source_id} is {source.status}")
        # Documented: videos only. The code is inferred.
        if source.video_type in AUDIO_TYPES:
            raise unsupported_type(f"{source_id} is an audio")
        # Inferred: refused at once, since VOD knows from the file's facts that there is no sound.
        facts = json.loads(source.meta)
        if not facts.get("audio_codec"):
            raise unsupported_status(f"{source_id} has no sound")
        audio = self._new_audio(source, audio_format or self._dialects.default_format)
        task = Task(audio.asset_id, "extract", source.file, audio.video_type, facts["duration_ms"] / 1000)
        with self._store.transaction():
            self._store.add_asset(audio)
            self._store.add_task(task)
            self._appearances.new(
                audio.asset_id, self._dialects.new_by_id_after_s, self._dialects.new_in_listings_after_s
            )
        self._worker.submit(task)
        return audio

    def _new_audio(self, source: Asset, audio_format: str) -> Asset:
        now = int(self._clock())
        number = str(_FIRST_NUMBER + self._store.last_number())
        name = f"{Path(source.video_name).stem or source.asset_id}.{audio_format.lower()}"
        titles = {"source": source.title, "file_name": name, "empty": ""}
        descriptions = {
            "names_source": f"The audio extracted from {source.asset_id}",
            "source": source.description,
            "empty": None,
        }
        return Asset(
            asset_id=number if self._dialects.audio_id == "digits" else secrets.token_hex(16),
            project=source.project,
            status=self._dialects.extraction_running,
            title=titles[self._dialects.audio_title],
            description=descriptions[self._dialects.audio_description],
            created=now,
            modified=now,
            token=secrets.token_hex(16),
            video_type=audio_format,
            source_id=source.asset_id,
            video_name=name,
        )

    def cancel(self, project: str, asset_id: str) -> None:
        """Cancel an extraction that has not begun; the id is the audio's or the source's, by the dialect."""
        self._existing(project, asset_id)
        audios = [asset_id] if self._dialects.cancel_takes != "source" else []
        if self._dialects.cancel_takes != "audio":
            audios += self._store.queued_extractions(asset_id)
        audio_id = next((one for one in audios if self._worker.is_queued(one)), None)
        if audio_id is None:
            raise unsupported_status(f"no extraction of {asset_id} is queued")
        with self._store.transaction():
            self._store.remove_task(audio_id)
            self._change(audio_id, status=CANCELLED, reason="extraction cancelled")
        self._worker.withdraw(audio_id)
        if self._dialects.extraction_cancelled == "removed":
            self._remove(audio_id)

    # Asking

    def info(self, project: str, ids: Sequence[str]) -> list[Asset | Absent]:
        """The assets of these ids, as they are shown by id; raises VOD.10062 where the dialect has that for absence."""
        found = self._shown_by_id(project, ids)
        if len(found) == len(ids):
            return [*found]
        shown = {one.asset_id: one for one in found}
        missing = [asset_id for asset_id in ids if asset_id not in shown]
        if missing and self._dialects.absence in ("http_404", "vod_10062"):
            raise no_such_asset(missing[0], 404 if self._dialects.absence == "http_404" else 400)
        status = _ABSENT_STATUSES.get(self._dialects.absence)
        told = [shown.get(asset_id) or (status and Absent(asset_id, status)) for asset_id in ids]
        return [one for one in told if one]

    def _shown_by_id(self, project: str, ids: Sequence[str]) -> list[Asset]:
        there = self._store.assets(project, ids)
        if not self._appearances.are_settled:
            there = [one for one in there if self._appearances.is_shown_by_id(one.asset_id)]
        return self._shown(there)

    def _shown(self, assets: list[Asset]) -> list[Asset]:
        """These assets with the statuses that are shown."""
        in_work = self._store.sources_in_work() if self._dialects.source_while_extracted == TRANSCODING else None
        if not in_work and self._appearances.are_settled and all(one.status != WAITING_TRANSCODE for one in assets):
            return assets  # nearly always, and asked most of all
        return [self._as_shown(one, in_work or set()) for one in assets]

    def _as_shown(self, asset: Asset, in_work: Collection[str]) -> Asset:
        deleted = self._dialects.deletion_shows
        if deleted != "unchanged" and self._appearances.is_being_deleted(asset.asset_id):
            return replace(asset, status=deleted)
        waits = asset.status == WAITING_TRANSCODE and self._worker.is_queued(asset.asset_id)
        if asset.asset_id in in_work or (asset.status == WAITING_TRANSCODE and not waits):
            return replace(asset, status=TRANSCODING)
        return asset

    def assets(self, project: str, ids: Sequence[str]) -> list[Asset]:
        """The assets of these ids that are there, in whatever dialect."""
        return self._store.assets(project, ids)

    def details(self, project: str, asset_id: str) -> Asset:
        """One asset; it is shown until its deletion is done."""
        for asset in self._shown_by_id(project, [asset_id]):
            return asset
        raise no_such_asset(asset_id, 404 if self._dialects.details_of_absent == "http_404" else 400)

    def find(
        self, project: str, wanted: Filter, *, page: int, size: int, oldest_first: bool = False
    ) -> tuple[int, list[Asset]]:
        """How many assets fit, at most MOST_LISTED, and one page of them; pages count from 0."""
        hidden = self._appearances.unlisted(list_deleted=self._dialects.deletion_shows == "unchanged")
        total, found = self._store.find(
            project, replace(wanted, hidden=hidden), offset=page * size, limit=size, oldest_first=oldest_first
        )
        return min(total, MOST_LISTED), self._shown(found)

    async def peaks(self, asset: Asset) -> dict[str, object] | None:
        """The outline of an asset's sound, `{"peaks": [0 to 100, ...]}`, or None if there is none to be had."""
        if not asset.meta:
            return None
        try:
            return await self._worker.peaks(asset.file)
        except JobFailedError:
            return None

    async def playable(self, asset: Asset) -> Path | None:
        """A copy of an asset's raw AAC that tells its length; None if there is none. Whoever asks removes it."""
        if not asset.meta or json.loads(asset.meta)["pack_type"] != "AAC":
            return None
        try:
            return await self._worker.playable(asset.file)
        except JobFailedError:
            return None

    @property
    def version(self) -> int:
        """A number that changes whenever anything does."""
        return self._store.version

    def media(self, asset_id: str, token: str) -> Path | None:
        """The file that such a media address belongs to."""
        asset = self._with_token(asset_id, token)
        return self._folder.path(asset.file) if asset is not None and asset.meta else None

    def extra_media(self, asset_id: str, token: str, name: str) -> Path | None:
        """The cover or subtitle that such a media address belongs to."""
        asset = self._with_token(asset_id, token)
        extras = json.loads(asset.extras) if asset is not None else []
        return next((self._folder.path(e["file"]) for e in extras if e["name"] == name and e["file"]), None)

    # Changing

    def update(self, project: str, asset_id: str, metadata: Metadata) -> None:
        """Change what people say of an asset. Inferred: not while it is being made."""
        asset = self._existing(project, asset_id)
        if asset.status in UNFINISHED:
            raise not_updatable(f"{asset_id} is {asset.status}")
        self._check_category(metadata)
        if asset.source_id and metadata.description is not None:
            if self._dialects.description_change == "refused":
                raise illegal_field("description", f"{asset_id} is an extracted audio")
            if self._dialects.description_change == "ignored":
                metadata = replace(metadata, description=None)
        given = {name: value for name, value in vars(metadata).items() if value is not None}
        self._change(asset_id, **given)

    def publish(self, project: str, ids: Sequence[str], *, published: bool) -> list[Asset | str]:
        """Publish assets, or take it back; an id that is not there comes back as it is, the others as assets.

        An asset that is not ready stays as it is. Raises VOD.10062 if none of them is there (inferred).
        """
        found = {
            asset.asset_id: asset
            for asset in self._store.assets(project, ids)
            if not self._appearances.is_being_deleted(asset.asset_id)
        }
        if not found:
            raise no_such_asset(ids[0], status=403)
        status = PUBLISHED if published else CREATED
        with self._store.transaction():
            for asset in found.values():
                if asset.status in READY and asset.status != status:
                    self._change(asset.asset_id, status=status)
        found = {asset.asset_id: asset for asset in self._store.assets(project, list(found))}
        return [found.get(asset_id, asset_id) for asset_id in ids]

    def delete(self, project: str, ids: Sequence[str]) -> list[tuple[str, bool]]:
        """Delete assets; for each id, whether that is accepted. It is done only after a while.

        Refused are those that are being processed, and those that are not there, as the dialect has it. Deleting the
        source of an extraction that waits or runs does it no harm: the file stays until it is done (inferred).
        """
        there = {
            asset.asset_id
            for asset in self._store.assets(project, ids)
            if not self._appearances.is_being_deleted(asset.asset_id)
        }
        absent = [asset_id for asset_id in ids if asset_id not in there]
        policy = self._dialects.delete_of_absent
        if absent and (policy == "refused_if_any" or (policy == "refused_if_none" and not there)):
            raise no_such_asset(absent[0], status=403)
        return [(one, self._delete(one) if one in there else policy == "DELETED") for one in ids]

    def _delete(self, asset_id: str) -> bool:
        if self._worker.is_busy_with(asset_id):
            return False
        if self._dialects.deletion_s:
            self._appearances.delete(asset_id, self._dialects.deletion_s)
        else:
            self._remove(asset_id)
        return True

    def _remove(self, asset_id: str) -> None:
        """Take an asset that nobody works on out, with its files."""
        asset = self._store.asset(asset_id)
        self._store.remove_asset(asset_id)
        self._appearances.forget(asset_id)  # afterwards: what is kept of an asset that is gone does no harm
        if asset is not None:
            for file in (asset.file, *(extra["file"] for extra in json.loads(asset.extras))):
                self._discard_unless_used(file)

    async def remove(self, project: str, asset_id: str) -> None:
        """Delete an asset whatever is being done with it: work for it ends. Beside VOD's API, which waits instead."""
        self._existing(project, asset_id)
        await self._worker.stop(asset_id)
        asset = self._existing(project, asset_id)  # its work may just have ended
        self._appearances.forget(asset_id)
        source_files = [task.source_file for task in self._store.tasks() if task.asset_id == asset_id]
        with self._store.transaction():
            self._store.remove_task(asset_id)
            self._store.remove_asset(asset_id)
        for file in (asset.file, *source_files, *(extra["file"] for extra in json.loads(asset.extras))):
            self._discard_unless_used(file)

    # What the worker reports

    def _began(self, task: Task) -> None:
        self._store.count_attempts([task.asset_id], 1)

    def _made_to_fail(self) -> str | None:
        """The reason that an extraction which begins now is to fail with, if it is."""
        extraction = self.settings.extraction
        if not extraction.fail:
            return None
        self.settings = self.settings.with_one_failure_less()
        try:
            self._store.set_setting("settings", self.settings.dumps())
        except StoreError:
            _log.exception("that an extraction was made to fail could not be noted")
        return extraction.fail_reason

    def _ended(self, task: Task, outcome: Done | Failed) -> None:
        asset = self._store.asset(task.asset_id)
        if asset is None:
            return
        if isinstance(outcome, Done):
            columns = self._success(asset, outcome)
        else:
            extraction = self._dialects.extraction_failed
            status = (
                UPLOAD_FAILED if task.kind != "extract" else SERVER_ERROR if extraction == "removed" else extraction
            )
            columns = {"status": status, "reason": outcome.reason}
            _log.warning("%s of %s failed: %s", task.kind, task.asset_id, outcome.reason)
        event: tuple[int, str] | None = None
        with self._store.transaction():
            self._change(task.asset_id, **columns)
            self._store.remove_task(task.asset_id)
            if task.kind == "extract" and self.settings.events.url is not None:
                changed = self._store.asset(task.asset_id) or asset
                told = self._completion_event(changed, self.public_url, self._dialects.event_name)
                body = json.dumps(told, ensure_ascii=False)
                event = (self._store.add_event(body), body)
        if event is not None:
            self._events.send(*event)
        if task.kind == "extract":
            self._discard_unless_used(task.source_file)
            if isinstance(outcome, Failed) and self._dialects.extraction_failed == "removed":
                self._remove(task.asset_id)

    def _success(self, asset: Asset, done: Done) -> dict[str, object]:
        status = PUBLISHED if asset.auto_publish else CREATED
        facts = done.facts
        if asset.source_id:
            status = self._dialects.extraction_done
            if self._dialects.audio_facts == "unknown":
                facts = {**facts, "audio_codec": None, "size": 0}
        return {"status": status, "reason": "", "file": done.file, "meta": json.dumps(facts)}

    # Small parts

    def _check_category(self, metadata: Metadata) -> None:
        if metadata.category_id not in (None, -1) and self._dialects.unknown_category == "refused":
            raise illegal_field("category_id", f"{metadata.category_id} does not exist")

    def _new_asset(self, project: str, new: NewAsset) -> Asset:
        self._check_category(new.metadata)
        now = int(self._clock())
        said = new.metadata
        return Asset(
            asset_id=secrets.token_hex(16), project=project, status=CREATING, title=said.title or "",
            created=now, modified=now, token=secrets.token_hex(16), description=said.description,
            category_id=-1 if said.category_id is None else said.category_id, tags=said.tags or None,
            video_name=new.video_name, video_type=new.video_type, auto_publish=int(new.auto_publish),
            extras=json.dumps([asdict(extra) for extra in new.extras]),
        )  # fmt: skip

    def _existing(self, project: str, asset_id: str, status: int = 400) -> Asset:
        asset = self._store.asset(asset_id)
        if asset is None or asset.project != project or self._appearances.is_being_deleted(asset_id):
            raise no_such_asset(asset_id, status)
        return asset

    def _with_token(self, asset_id: str, token: str) -> Asset | None:
        asset = self._store.asset(asset_id)
        if asset is None or not secrets.compare_digest(asset.token.encode(), token.encode()):
            return None
        return asset

    def _change(self, asset_id: str, **columns: object) -> None:
        self._store.change_asset(asset_id, modified=int(self._clock()), **columns)

    def _discard_unless_used(self, file: str) -> None:
        if file and not self._store.is_in_use(file):
            self._folder.discard(file)


def upload_names(asset: Asset) -> set[str]:
    """What may be uploaded for the asset: 'video', and its extras by name."""
    return {"video"} | {extra["name"] for extra in json.loads(asset.extras)}
