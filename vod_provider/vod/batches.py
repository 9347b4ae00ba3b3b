"""Deletes that arrive together leave in tens, since a call with ten ids counts as one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future

from vod_provider.vod.client import IDS_PER_CALL
from vod_provider.vod.errors import AnswerError, CredentialsError, NotFoundError
from vod_provider.vod.gathering import Gathering
from vod_provider.vod.patience import Patience, Stop


class _Batch:
    def __init__(self, now: float) -> None:
        self.asked: list[tuple[str, Future[bool]]] = []
        self.first = now
        self.full = threading.Event()


class Deletes:
    """Deletes assets, many callers in one call. Safe to share between threads.

    `delete(ids, patience)` is `Client.delete`.
    """

    def __init__(
        self,
        delete: Callable[[Sequence[str], Patience], dict[str, bool]],
        *,
        stop: Stop | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._delete, self._stop, self._clock = delete, stop, clock
        self._gathering = Gathering()
        self._lock = threading.Lock()
        self._open: _Batch | None = None

    def delete(self, asset_id: str, patience: Patience) -> bool:
        """Delete one asset. True if VOD reports it deleted or does not have it, False if it would not."""
        future: Future[bool] = Future()
        with self._lock:
            now = self._clock()
            self._gathering.came(now, joins=self._open is not None)
            batch = self._open
            if batch is None:
                batch = self._open = _Batch(now)
                threading.Thread(target=self._run, args=(batch,), name="vod-deletes", daemon=True).start()
            batch.asked.append((asset_id, future))
            if len(batch.asked) == IDS_PER_CALL:
                self._close(batch)
                batch.full.set()
        return patience.result(future)

    def _run(self, batch: _Batch) -> None:
        patience = Patience(stop=self._stop)
        try:
            self._gather(batch)
            self._send(batch.asked, patience)
        except Exception as error:  # noqa: BLE001 - whoever waits has to hear of it, whatever it is
            for _, future in batch.asked:
                if not future.done():
                    future.set_exception(error)

    def _gather(self, batch: _Batch) -> None:
        """Return when the batch is full, or nobody joins it any more."""
        while True:
            with self._lock:
                if self._open is not batch:
                    return
                left = self._gathering.until(batch.first) - self._clock()
                if left <= 0:
                    self._close(batch)
                    return
            batch.full.wait(left)

    def _close(self, batch: _Batch) -> None:
        self._open = None
        self._gathering.left(len(batch.asked))

    def _send(self, asked: Sequence[tuple[str, Future[bool]]], patience: Patience) -> None:
        try:
            deleted = self._delete(list(dict.fromkeys(asset_id for asset_id, _ in asked)), patience)
        except CredentialsError:
            raise
        except AnswerError as error:
            if len(asked) == 1:
                _, future = asked[0]
                if isinstance(error, NotFoundError):
                    future.set_result(True)
                else:
                    future.set_exception(error)
                return
            # One id that VOD refuses must not harm the others.
            for one in asked:
                self._send([one], patience)
            return
        for asset_id, future in asked:
            future.set_result(deleted[asset_id])
