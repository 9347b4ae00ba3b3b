"""What unit tests use in place of time and of VOD: nothing waits, and nothing goes over a network."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar, cast

import pytest

from vod_provider.audio.operation import Operation
from vod_provider.vod.assets import Asset
from vod_provider.vod.deadline import Deadline, Stop
from vod_provider.vod.errors import LostAnswerError, VodError, of_answer
from vod_provider.vod.pacing.batches import Batches

T = TypeVar("T")

START = 1_800_000_000.0
"""The Unix time at which every fake clock begins."""


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


class FakeDeadline(Deadline):
    """Waits by moving its clock on."""

    def __init__(self, clock: Clock, seconds: float = float("inf"), stop: Stop | None = None) -> None:
        super().__init__(seconds, stop, clock)
        self._fake = clock

    def pause(self, event: threading.Event, seconds: float = float("inf")) -> None:
        self.check()
        if not event.is_set():
            assert min(seconds, self.left) < float("inf"), "this would wait for ever"
            self._fake.now += min(seconds, self.left)
        self.check()


@dataclass(frozen=True)
class FakeOperation(Operation):
    """One that waits by moving a clock on."""

    clock: Clock = field(default_factory=Clock)

    def deadline(self, default: float) -> Deadline:
        return FakeDeadline(self.clock, super().deadline(default).seconds, self.stop)


def refused(code: str, status: int = 400) -> VodError:
    """VOD's answer of that code."""
    return of_answer("doing", status=status, code=code, message="no", request_id="r")


class Asked:
    """Batches that wait for nobody."""

    def __init__(self, ask: Callable[[str, Deadline], object]) -> None:
        self.ask = ask

    def asking(self, asset_id: str) -> Future[object]:
        return done(lambda: self.ask(asset_id, Deadline()))


def done(work: Callable[[], T]) -> Future[T]:
    """A future of what is done already."""
    future: Future[T] = Future()
    try:
        future.set_result(work())
    except Exception as error:  # noqa: BLE001 - it is what the future brings
        future.set_exception(error)
    return future


class FakeVod:
    """VOD in memory, with the methods of client, poller and batches that `Lifecycle` uses.

    `faults` holds, by operation, what the next calls do instead of their work: an exception to raise before it, or
    'after' to lose the answer of work that was done. An extraction takes one look and is then done.
    """

    def __init__(self, clock: Clock) -> None:
        self._time = clock
        self.clock = self
        self.assets: dict[str, Asset] = {}
        self.faults: dict[str, list[Exception | str]] = {}
        self.calls: list[str] = []
        self.accepted = 0
        self.answers: list[str] = []
        """Ids that the next answers have in place of those of the audios."""
        self.skew = 0.0
        self.late = 0.0
        self.dated = True
        self.outcome: Callable[[Asset], Asset] = lambda asset: replace(asset, status="CREATED")
        self.holds = False
        self.watched: dict[str, Future[Asset]] = {}
        self._ids = (f"audio{number}" for number in itertools.count())

    def video(self, asset_id: str = "video", title: str = "A video", status: str = "CREATED", **more: Any) -> str:
        """Put a video there."""
        self.assets[asset_id] = Asset(asset_id, status, title=title, pack_type="MP4", **more)
        return asset_id

    def audio(self, title: str = "A video", audio_format: str = "MP3", status: str = "CREATED", **more: Any) -> str:
        """Put an audio there, as if somebody had extracted it now."""
        created = datetime.fromtimestamp(self._time() + self.skew, UTC).replace(microsecond=0)
        asset = Asset(next(self._ids), status, title=title, pack_type=audio_format, created=created, **more)
        self.assets[asset.id] = asset
        return asset.id

    def audio_ids(self) -> list[str]:
        """The ids of all audios."""
        return [asset.id for asset in self.assets.values() if asset.pack_type != "MP4"]

    def _fault(self, operation: str) -> bool:
        """Raise the next fault of the operation; True if its answer is to be lost."""
        self.calls.append(operation)
        waiting = self.faults.get(operation, [])
        fault = waiting.pop(0) if waiting else None
        if isinstance(fault, Exception):
            raise fault
        return fault == "after"

    def now(self) -> float | None:
        """Unix seconds of its clock, up to a second late, as `VodClock` tells them; None: its answers have no date."""
        return self._time() + self.skew - self.late if self.dated else None

    # -- Client --------------------------------------------------------------------------------------------

    def extract(
        self,
        asset_id: str,
        audio_format: str,
        deadline: Deadline,
        *,
        transaction: Callable[[Callable[[], str]], T],
        waiting: Callable[[], None],
    ) -> T:
        def send() -> str:
            lost = self._fault("extract")
            source = self.assets.get(asset_id)
            if source is None:
                raise refused("VOD.10062")
            if source.status != "CREATED":
                raise refused("VOD.10083")
            self.accepted += 1
            audio_id = self.audio(source.title, audio_format, "CREATING")
            if lost:
                raise LostAnswerError("extracting", "broken off")
            return self.answers.pop() if self.answers else audio_id

        deadline.check()
        return transaction(send)

    def cancel(self, audio_id: str, deadline: Deadline) -> None:
        self._fault("cancel")
        if self.assets[audio_id].reason != "queued":
            raise refused("VOD.10083")
        self.assets[audio_id] = replace(self.assets[audio_id], status="CANCELLED")

    def made_between(self, since: datetime, until: datetime, deadline: Deadline) -> list[Asset]:
        self._fault("list")
        return [asset for asset in self.assets.values() if asset.created and since <= asset.created <= until]

    def few_audios(self, pages: int, deadline: Deadline) -> dict[str, Asset] | None:
        self._fault("few_audios")
        found = {it.id: it for it in self.assets.values() if it.pack_type != "MP4"}
        return found if len(found) <= 100 * pages else None

    def update(self, asset_id: str, metadata: Mapping[str, Any], deadline: Deadline) -> None:
        self._fault("update")
        self.assets[asset_id] = replace(self.assets[asset_id], **metadata)

    # -- Poller -------------------------------------------------------------------------------------------

    def look(self, asset_id: str, deadline: Deadline) -> Asset:
        self._fault("look")
        return self.assets.get(asset_id) or Asset.gone(asset_id)

    def glance(self, asset_id: str, deadline: Deadline) -> Asset:
        self._fault("glance")
        return self.assets.get(asset_id) or Asset.gone(asset_id)

    def wait(
        self,
        asset_id: str,
        deadline: Deadline,
        progress: Callable[[Asset], None] = lambda _: None,
        *,
        new: bool = False,
    ) -> Asset:
        asset = self.look(asset_id, deadline)
        progress(asset)
        if asset.status == "CREATING":
            asset = self.assets[asset_id] = self.outcome(asset)
        return asset

    # -- Poller, for whoever holds no thread -----------------------------------------------------------------

    def glancing(self, asset_id: str) -> Future[Asset]:
        return done(lambda: self.glance(asset_id, Deadline()))

    def looking(self, asset_id: str) -> Future[Asset]:
        return done(lambda: self.look(asset_id, Deadline()))

    def watching(
        self, asset_id: str, progress: Callable[[Asset], None] = lambda _: None, *, new: bool = False
    ) -> Future[Asset]:
        """Comes at once, unless `holds` is set: then when `comes` is called."""
        if not self.holds:
            return done(lambda: self.wait(asset_id, Deadline(), progress, new=new))
        self.watched[asset_id] = Future()
        return self.watched[asset_id]

    def comes(self, asset_id: str) -> None:
        """What was waited for is there."""
        self.watched.pop(asset_id).set_result(self.wait(asset_id, Deadline()))

    def forget(self, asset_id: str, future: Future[Asset]) -> None:
        self.watched.pop(asset_id, None)

    # -- Batches -------------------------------------------------------------------------------------------

    def deletes(self) -> Batches[bool]:
        return cast("Batches[bool]", Asked(lambda *given: self.delete(*given)))

    def publishes(self) -> dict[bool, Batches[Asset]]:
        return {it: cast("Batches[Asset]", Asked(partial(self.publish, published=it))) for it in (True, False)}

    def publish(self, asset_id: str, deadline: Deadline, *, published: bool) -> Asset:
        self._fault("publish" if published else "unpublish")
        asset = self.assets.get(asset_id)
        if asset is None:
            return Asset.gone(asset_id)
        if asset.status in {"CREATED", "PUBLISHED"}:
            asset = self.assets[asset_id] = replace(asset, status="PUBLISHED" if published else "CREATED")
        return asset

    def delete(self, asset_id: str, deadline: Deadline) -> bool:
        self._fault("delete")
        asset = self.assets.get(asset_id)
        if asset is not None and asset.status == "CREATING":
            return False
        self.assets.pop(asset_id, None)
        return True

    def show(self, asset_ids: Sequence[str], deadline: Deadline) -> dict[str, Asset]:
        return {asset_id: self.look(asset_id, deadline) for asset_id in asset_ids}


def hide_from_others(vod: FakeVod, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have VOD show no audio but to those who know that it may be new, and who wait longer."""
    wait = vod.wait

    def hidden(asset_id: str, *given: Any, new: bool = False) -> Asset:
        return wait(asset_id, *given, new=new) if new else Asset.gone(asset_id)

    monkeypatch.setattr(vod, "wait", hidden)
