"""VOD's rules: what states an asset goes through, who may be changed, extracted, cancelled, deleted. No HTTP.

Rules that no source states are marked 'inferred' here and in docs/local-vod.md.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from vod_provider.local.core.data_folder import DataFolder
from vod_provider.local.core.errors import illegal_field, no_such_asset, not_updatable, unsupported_status
from vod_provider.local.core.events import Events
from vod_provider.local.core.fetch import Allowed
from vod_provider.local.core.media_processes import JobFailedError
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
READY = frozenset({CREATED, PUBLISHED})
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
        completion_event: Callable[[Asset, str], Mapping[str, object]],
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
            self.settings = Settings().changed(json.loads(kept)).changed({"dialects": dict(dialects or {})})
        self._events = Events(store, lambda: self.settings.events)
        self._worker = Worker(folder, lambda: self.settings.extraction, allowed, self._began, self._ended)

    def start(self) -> None:
        """Go on with what an earlier run left: half-written files are removed, unfinished work is run again."""
        self._folder.sweep()
        for task in self._store.tasks():
            self._worker.submit(task)
        self._events.resume()

    async def close(self) -> None:
        """Stop; nothing is lost that has been answered, and work that is stopped in good order was no attempt."""
        try:
            self._store.count_attempts(self._worker.begun, -1)
        except StoreError:
            _log.exception("that work was stopped in good order could not be noted")
        await self._worker.close()
        await self._events.clear()

    async def reset(self) -> None:
        """Forget everything and be as new."""
        await self._worker.clear()
        await self._events.clear()
        self._store.clear()
        self._folder.sweep()
        self.settings = self._first_settings

    def change_settings(self, given: object) -> None:
        """Change settings by decoded JSON. Raises SettingsError."""
        self.settings = self.settings.changed(given)
        self._store.set_setting("settings", self.settings.dumps())
        self._worker.pump()

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
            raise not_updatable(f"{asset_id} is {asset.status}, not waiting for an upload")
        if status != CREATED:
            ended = UPLOAD_FAILED if status == "FAILED" else CANCELLED
            self._change(asset_id, status=ended, reason=f"upload {status.lower()}", file="")
            self._folder.discard(asset.file)
            return
        if not asset.file:
            raise not_updatable(f"nothing has been uploaded for {asset_id}")
        task = Task(asset_id, "probe", asset.file)
        self._store.add_task(task)
        waiting = self._worker.submit(task)
        await asyncio.wait([waiting], timeout=_CONFIRM_SECONDS)

    # Extracting

    def extract(self, project: str, source_id: str, audio_format: str) -> Asset:
        """Have the sound of a video extracted; the audio is CREATING until it is done."""
        source = self._existing(project, source_id)
        if source.status not in READY:
            raise unsupported_status(f"{source_id} is {source.status}")
        # Documented: videos only. The code is inferred.
        if source.video_type in AUDIO_TYPES:
            raise unsupported_status(f"{source_id} is an audio")
        # Inferred: refused at once, since VOD knows from the file's facts that there is no sound.
        facts = json.loads(source.meta)
        if not facts.get("audio_codec"):
            raise unsupported_status(f"{source_id} has no sound")
        now = int(self._clock())
        audio = Asset(
            asset_id=secrets.token_hex(16), project=project, status=CREATING, title=source.title, created=now,
            modified=now, token=secrets.token_hex(16), video_type=audio_format, source_id=source_id,
            video_name=f"{Path(source.video_name).stem or source_id}.{audio_format.lower()}",
        )  # fmt: skip
        task = Task(audio.asset_id, "extract", source.file, audio_format, facts["duration_ms"] / 1000)
        with self._store.transaction():
            self._store.add_asset(audio)
            self._store.add_task(task)
        self._worker.submit(task)
        return audio

    def cancel(self, project: str, asset_id: str) -> None:
        """Cancel an extraction that has not begun."""
        self._existing(project, asset_id)
        if not self._worker.is_queued(asset_id):
            raise unsupported_status(f"no extraction into {asset_id} is queued")
        with self._store.transaction():
            self._store.remove_task(asset_id)
            self._change(asset_id, status=CANCELLED, reason="extraction cancelled")
        self._worker.withdraw(asset_id)

    # Asking

    def info(self, project: str, ids: Sequence[str]) -> list[Asset]:
        """The assets of these ids; those that are not there are left out."""
        return self._store.assets(project, ids)

    def details(self, project: str, asset_id: str) -> Asset:
        """One asset."""
        return self._existing(project, asset_id)

    def find(
        self, project: str, wanted: Filter, *, page: int, size: int, oldest_first: bool = False
    ) -> tuple[int, list[Asset]]:
        """How many assets fit, and one page of them; pages count from 0."""
        return self._store.find(project, wanted, offset=page * size, limit=size, oldest_first=oldest_first)

    async def peaks(self, asset: Asset) -> dict[str, object] | None:
        """The outline of an asset's sound, `{"peaks": [0 to 100, ...]}`, or None if there is none to be had."""
        if not asset.meta:
            return None
        try:
            return await self._worker.peaks(asset.file)
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
        if asset.status == CREATING:
            raise not_updatable(f"{asset_id} is {asset.status}")
        given = {name: value for name, value in vars(metadata).items() if value is not None}
        self._change(asset_id, **given)

    def publish(self, project: str, ids: Sequence[str], *, published: bool) -> list[Asset | str]:
        """Publish assets, or take it back; an id that is not there comes back as it is, the others as assets.

        An asset that is not ready stays as it is. Raises VOD.10062 if none of them is there (inferred).
        """
        found = {asset.asset_id: asset for asset in self._store.assets(project, ids)}
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
        """Delete assets; for each id, whether it is deleted.

        Not deleted are those that are not there and those that are being processed. Deleting the source of
        an extraction that waits or runs does it no harm: the file stays until it is done (inferred).
        """
        return [(asset_id, self._delete(project, asset_id)) for asset_id in ids]

    def _delete(self, project: str, asset_id: str) -> bool:
        asset = self._store.asset(asset_id)
        if asset is None or asset.project != project or self._worker.is_busy_with(asset_id):
            return False
        self._store.remove_asset(asset_id)
        self._discard_unless_used(asset.file)
        for extra in json.loads(asset.extras):
            self._folder.discard(extra["file"])
        return True

    async def remove(self, project: str, asset_id: str) -> None:
        """Delete an asset whatever is being done with it: work for it ends. Beside VOD's API, which waits instead."""
        self._existing(project, asset_id)
        await self._worker.stop(asset_id)
        asset = self._existing(project, asset_id)  # its work may just have ended
        source_files = [task.source_file for task in self._store.tasks() if task.asset_id == asset_id]
        with self._store.transaction():
            self._store.remove_task(asset_id)
            self._store.remove_asset(asset_id)
        for file in (asset.file, *source_files, *(extra["file"] for extra in json.loads(asset.extras))):
            self._discard_unless_used(file)

    # What the worker reports

    def _began(self, task: Task) -> None:
        self._store.count_attempts([task.asset_id], 1)

    def _ended(self, task: Task, outcome: Done | Failed) -> None:
        asset = self._store.asset(task.asset_id)
        if asset is None:
            return
        if isinstance(outcome, Done):
            columns = self._success(asset, outcome)
        else:
            status = SERVER_ERROR if task.kind == "extract" else UPLOAD_FAILED
            columns = {"status": status, "reason": outcome.reason}
            _log.warning("%s of %s failed: %s", task.kind, task.asset_id, outcome.reason)
        event: tuple[int, str] | None = None
        with self._store.transaction():
            self._change(task.asset_id, **columns)
            self._store.remove_task(task.asset_id)
            if task.kind == "extract" and self.settings.events.url is not None:
                changed = self._store.asset(task.asset_id) or asset
                body = json.dumps(self._completion_event(changed, self.public_url), ensure_ascii=False)
                event = (self._store.add_event(body), body)
        if event is not None:
            self._events.send(*event)
        if task.kind == "extract":
            self._discard_unless_used(task.source_file)

    def _success(self, asset: Asset, done: Done) -> dict[str, object]:
        status = PUBLISHED if asset.auto_publish else CREATED
        return {"status": status, "reason": "", "file": done.file, "meta": json.dumps(done.facts)}

    # Small parts

    def _new_asset(self, project: str, new: NewAsset) -> Asset:
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
        if asset is None or asset.project != project:
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
