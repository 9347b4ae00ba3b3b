"""Calls of one kind that arrive together leave in tens, since a call with ten ids counts as one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar

from vod_provider.vod.client import IDS_PER_CALL
from vod_provider.vod.deadline import Deadline, Stop
from vod_provider.vod.errors import AnswerError, CredentialsError, ForeignAnswerError, InternalError, NotFoundError
from vod_provider.vod.pacing.batch_timing import BatchTiming

T = TypeVar("T")


class _Batch(Generic[T]):
    def __init__(self, now: float) -> None:
        self.asked: list[tuple[str, Future[T]]] = []
        self.first = now
        self.full = threading.Event()


class Batches(Generic[T]):
    """One operation on assets, many callers in one call. Safe to share between threads.

    `call(ids, deadline)` does it for up to ten ids and has an answer for each, as `Client.delete`; `absent` gives the
    answer for an id that VOD does not have; an answer that is `undone` is asked for once more, by itself.
    """

    def __init__(
        self,
        call: Callable[[Sequence[str], Deadline], Mapping[str, T]],
        *,
        absent: Callable[[str], T],
        undone: Callable[[T], bool] = lambda _: False,
        stop: Stop | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._call, self._absent, self._undone = call, absent, undone
        self._stop, self._clock = stop, clock
        self._batch_timing = BatchTiming()
        self._lock = threading.Lock()
        self._open: _Batch[T] | None = None

    def ask(self, asset_id: str, deadline: Deadline) -> T:
        """Do it to one asset, and return the answer for it."""
        return deadline.result(self.asking(asset_id))

    def asking(self, asset_id: str) -> Future[T]:
        """As `ask`, without holding a thread: the future brings the answer, or raises."""
        future: Future[T] = Future()
        with self._lock:
            now = self._clock()
            self._batch_timing.came(now, joins=self._open is not None)
            batch = self._open
            if batch is None:
                batch = self._open = _Batch(now)
                threading.Thread(target=self._run, args=(batch,), name="vod-batch", daemon=True).start()
            batch.asked.append((asset_id, future))
            if len(batch.asked) == IDS_PER_CALL:
                self._close(batch)
                batch.full.set()
        return future

    def _run(self, batch: _Batch[T]) -> None:
        deadline = Deadline(stop=self._stop)
        try:
            self._gather(batch)
            self._send(batch.asked, deadline)
        except Exception as error:  # noqa: BLE001 - whoever waits has to hear of it, whatever it is
            for _, future in batch.asked:
                if not future.done():
                    future.set_exception(error)

    def _gather(self, batch: _Batch[T]) -> None:
        """Return when the batch is full, or nobody joins it any more."""
        while True:
            with self._lock:
                if self._open is not batch:
                    return
                left = self._batch_timing.until(batch.first) - self._clock()
                if left <= 0:
                    self._close(batch)
                    return
            batch.full.wait(left)

    def _close(self, batch: _Batch[T]) -> None:
        self._open = None
        self._batch_timing.left(len(batch.asked))

    def _send(self, asked: Sequence[tuple[str, Future[T]]], deadline: Deadline) -> None:
        try:
            answers = self._call(list(dict.fromkeys(asset_id for asset_id, _ in asked)), deadline)
        except (CredentialsError, ForeignAnswerError, InternalError):
            raise
        except AnswerError as error:
            if len(asked) == 1:
                asset_id, future = asked[0]
                if isinstance(error, NotFoundError):
                    future.set_result(self._absent(asset_id))
                else:
                    future.set_exception(error)
                return
            # One id that VOD refuses must not harm the others.
            for one in asked:
                self._send([one], deadline)
            return
        for asset_id, future in asked:
            answer = answers[asset_id]
            if len(answers) > 1 and self._undone(answer):
                # Sources contradict each other on how several ids are to be sent; one is sent alike in all.
                self._send([(asset_id, future)], deadline)
            else:
                future.set_result(answer)
