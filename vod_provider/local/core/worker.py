"""Takes work that is waiting, runs it, and reports how it ended. Knows queues and clocks, not VOD's rules.

Extractions wait in a queue and run as many at a time as the settings allow; looking into an uploaded file
and fetching one from an address go beside them, so that a long extraction holds up no upload.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from vod_provider.local.core.data_folder import DataFolder
from vod_provider.local.core.errors import FetchError, JobFailedError
from vod_provider.local.core.fetch import Allowed, Stop, fetch
from vod_provider.local.core.media_processes import MediaProcesses
from vod_provider.local.core.settings import ExtractionSettings
from vod_provider.local.core.store import StoreError, Task
from vod_provider.local.core.threads import in_thread

_log = logging.getLogger(__name__)
_PROBE_SECONDS = 60
_PROBES_AT_ONCE = 2
_DRAW_SECONDS = 300  # the whole sound of a file of hours is decoded
_FETCHES_AT_ONCE = 16
_RECORD_AGAIN_SECONDS = 2
_TONE_SECONDS = 60
_EXTRACTION_SECONDS = 300
_LONGEST_EXTRACTION_SECONDS = 6 * 3600
MOST_ATTEMPTS = 5
"""Work that was begun so often, and took the service with it each time, is given up."""
# Asked for more processes than this, the machine would only switch between them.
_MOST_PROCESSES = 4 * (os.cpu_count() or 1)

Facts = dict[str, object]


@dataclass(frozen=True)
class Done:
    """Work that is done: `file` (in the data folder) and its facts."""

    file: str
    facts: Facts


@dataclass(frozen=True)
class Failed:
    """Work that cannot be done, and why."""

    reason: str


_Work = Coroutine[object, object, Done | Failed]


async def _failing(reason: str) -> Done | Failed:
    return Failed(reason)


def extraction_seconds(length: float) -> float:
    """How long an extraction may take from a source of `length` seconds, which may be no more than a claim.

    Speech takes a five-hundredth of its length, and the worst there is (7.1 at 192 kHz to AAC) a thirtieth.
    """
    return _EXTRACTION_SECONDS + min(max(0.0, length) / 4, _LONGEST_EXTRACTION_SECONDS)


class Worker:
    """Runs tasks; `ended(task, outcome)` is called on the event loop once for each, `began(task)` when it is begun.

    `made_to_fail()` is asked once for each extraction that begins: the reason that it is to fail with, or None.
    """

    def __init__(
        self,
        folder: DataFolder,
        settings: Callable[[], ExtractionSettings],
        allowed: Allowed,
        began: Callable[[Task], None],
        ended: Callable[[Task, Done | Failed], None],
        made_to_fail: Callable[[], str | None],
    ) -> None:
        self._folder = folder
        self._settings = settings
        self._allowed = allowed
        self._began = began
        self._ended = ended
        self._made_to_fail = made_to_fail
        self._extractors = MediaProcesses()
        self._probers = MediaProcesses()
        self._drawers = MediaProcesses()
        self._drawings = asyncio.Semaphore(1)
        self._probes = asyncio.Semaphore(_PROBES_AT_ONCE)
        self._fetches = asyncio.Semaphore(_FETCHES_AT_ONCE)
        self._queue: OrderedDict[str, Task] = OrderedDict()
        self._extracting: set[str] = set()
        self._running: dict[str, asyncio.Task[None] | asyncio.TimerHandle] = {}
        self._begun: set[str] = set()
        self._waiting: dict[str, asyncio.Future[None]] = {}
        self._samples: dict[str, asyncio.Task[Done | Failed]] = {}

    def submit(self, task: Task) -> asyncio.Future[None]:
        """Take a task in; the future is done when the task has ended."""
        done = asyncio.get_running_loop().create_future()
        self._waiting[task.asset_id] = done
        if task.attempts >= MOST_ATTEMPTS:
            self._end(task, Failed(f"given up: begun {task.attempts} times, and the service ended each time"))
        elif task.kind == "extract":
            self._queue[task.asset_id] = task
            self.pump()
        elif task.kind == "fetch":
            self._begin(task, self._fetch(task))
        else:
            self._begin(task, self._probe(task))
        return done

    def is_queued(self, asset_id: str) -> bool:
        """Whether an extraction waits and has not begun."""
        return asset_id in self._queue

    def withdraw(self, asset_id: str) -> None:
        """Take an extraction out of the queue."""
        del self._queue[asset_id]
        self._finish(asset_id)

    async def stop(self, asset_id: str) -> None:
        """End the work for an asset, whether it waits or runs; it is not reported."""
        self._queue.pop(asset_id, None)
        handle = self._running.pop(asset_id, None)
        if handle is not None:
            handle.cancel()
        if isinstance(handle, asyncio.Task):
            await asyncio.gather(handle, return_exceptions=True)
        self._extracting.discard(asset_id)
        self._begun.discard(asset_id)
        self._finish(asset_id)
        self.pump()

    @property
    def begun(self) -> frozenset[str]:
        """The assets whose work has begun and is neither done nor stopped."""
        return frozenset(self._begun)

    async def peaks(self, file: str) -> Facts:
        """The outline of a file's sound, `{"peaks": [...]}`. Raises JobFailedError."""
        async with self._drawings:
            return await self._drawers.run({"job": "peaks", "source": str(self._folder.path(file))}, _DRAW_SECONDS)

    async def playable(self, file: str) -> Path:
        """A copy of a file of raw AAC in a container that tells its length; whoever asks removes it.

        Raises JobFailedError.
        """
        part = self._folder.incoming()
        try:
            async with self._drawings:
                job = {"job": "m4a", "source": str(self._folder.path(file)), "target": str(part)}
                await self._drawers.run(job, _DRAW_SECONDS)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        return part

    def is_busy_with(self, asset_id: str) -> bool:
        """Whether the asset has work waiting or running."""
        return asset_id in self._waiting

    def pump(self) -> None:
        """Start what may start; to be called when the settings change."""
        settings = self._settings()
        limit = settings.concurrency
        if settings.mode == "real":
            limit = min(limit, _MOST_PROCESSES)
        while self._queue and len(self._extracting) < limit:
            _, task = self._queue.popitem(last=False)
            self._extracting.add(task.asset_id)
            reason = self._made_to_fail()
            if settings.mode == "timed":
                self._start_timed(task, settings.seconds, reason)
            elif reason is not None:
                self._start(task, _failing(reason))
            else:
                self._begin(task, self._extract(task))

    async def clear(self) -> None:
        """Forget all work: what waits, and what runs."""
        self._queue.clear()
        # The samples that are being made as well: whoever clears also removes the unfinished files.
        handles = [*self._running.values(), *(sample for sample in self._samples.values() if not sample.done())]
        self._running.clear()
        for handle in handles:
            handle.cancel()
        await asyncio.gather(
            *(handle for handle in handles if isinstance(handle, asyncio.Task)), return_exceptions=True
        )
        self._extracting.clear()
        self._begun.clear()
        for asset_id in list(self._waiting):
            self._finish(asset_id)

    async def close(self) -> None:
        """Stop everything; work that was running is not reported, so that it is run again next time."""
        await self.clear()
        await asyncio.gather(self._extractors.close(), self._probers.close(), self._drawers.close())

    def _begin(self, task: Task, work: _Work) -> None:
        """Start work that may take the service with it: begun is noted, so that it is not begun for ever."""
        self._begun.add(task.asset_id)
        try:
            self._began(task)
        except (OSError, StoreError):
            _log.exception("that %s of %s began could not be noted", task.kind, task.asset_id)
        self._start(task, work)

    def _start(self, task: Task, work: _Work) -> None:
        coroutine = self._run(task, work)
        self._running[task.asset_id] = asyncio.get_running_loop().create_task(coroutine)

    async def _run(self, task: Task, work: _Work) -> None:
        try:
            outcome = await work
        except Exception as exc:  # noqa: BLE001  # whatever it is, it must become the asset's state
            _log.exception("%s of %s failed", task.kind, task.asset_id)
            outcome = Failed(f"internal error: {exc}")
        self._end(task, outcome)

    def _end(self, task: Task, outcome: Done | Failed) -> None:
        self._running.pop(task.asset_id, None)
        self._extracting.discard(task.asset_id)
        self._begun.discard(task.asset_id)
        try:
            self._ended(task, outcome)
        except (OSError, StoreError):  # a full disk, most of all: the work is done, so keep trying to say so
            _log.exception("the end of %s of %s could not be recorded", task.kind, task.asset_id)
            loop = asyncio.get_running_loop()
            self._running[task.asset_id] = loop.call_later(_RECORD_AGAIN_SECONDS, self._end, task, outcome)
        else:
            self._finish(task.asset_id)
        self.pump()

    def _finish(self, asset_id: str) -> None:
        waiting = self._waiting.pop(asset_id, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(None)

    async def _extract(self, task: Task) -> Done | Failed:
        return await self._make(
            self._extractors,
            {"job": "extract", "source": str(self._folder.path(task.source_file)), "format": task.argument},
            self._folder.media_name(task.asset_id, task.argument),
            extraction_seconds(task.seconds),
        )

    async def _probe(self, task: Task) -> Done | Failed:
        source = self._folder.path(task.source_file)
        async with self._probes:
            try:
                facts = await self._probers.run({"job": "probe", "source": str(source)}, _PROBE_SECONDS)
            except JobFailedError as exc:
                return Failed(str(exc))
        return Done(task.source_file, facts)

    async def _fetch(self, task: Task) -> Done | Failed:
        part = self._folder.incoming()
        file = self._folder.media_name(task.asset_id, "fetched")
        stop = Stop()
        try:
            async with self._fetches:
                await in_thread(partial(fetch, task.argument, part, self._allowed, stop))
            self._folder.adopt(part, file)
        except FetchError as exc:
            return Failed(str(exc))
        finally:
            stop.now()  # cancelled, the thread goes on alone: it must not go on writing
            part.unlink(missing_ok=True)
        outcome = await self._probe(Task(task.asset_id, "probe", file))
        if isinstance(outcome, Failed):
            self._folder.discard(file)
        return outcome

    def _start_timed(self, task: Task, seconds: float, reason: str | None) -> None:
        loop = asyncio.get_running_loop()
        if reason is None:
            self._sample(task.argument)  # made while the clock runs

        def over() -> None:
            self._start(task, self._timed(task) if reason is None else _failing(reason))

        # One entry in the event loop's own heap for each: thousands cost next to nothing.
        self._running[task.asset_id] = loop.call_later(seconds, over)

    async def _timed(self, task: Task) -> Done | Failed:
        return await asyncio.shield(self._sample(task.argument))

    def _sample(self, audio_format: str) -> asyncio.Task[Done | Failed]:
        if audio_format not in self._samples:
            name = self._folder.shared_name(f"timed.{audio_format.lower()}")
            job = {"job": "tone", "format": audio_format}
            making = self._make(self._extractors, job, name, _TONE_SECONDS)
            sample = self._samples[audio_format] = asyncio.get_running_loop().create_task(making)
            sample.add_done_callback(partial(self._keep_if_good, audio_format))
        return self._samples[audio_format]

    def _keep_if_good(self, audio_format: str, sample: asyncio.Task[Done | Failed]) -> None:
        # After a full disk, say, the next extraction is to fare better.
        if sample.cancelled() or sample.exception() is not None or isinstance(sample.result(), Failed):
            self._samples.pop(audio_format, None)

    async def _make(self, processes: MediaProcesses, job: dict[str, str], file: str, timeout: float) -> Done | Failed:
        part: Path = self._folder.incoming()
        try:
            facts = await processes.run({**job, "target": str(part)}, timeout)
            self._folder.adopt(part, file)
        except JobFailedError as exc:
            return Failed(str(exc))
        finally:
            part.unlink(missing_ok=True)
        return Done(file, facts)
