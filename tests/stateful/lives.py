"""Lives of a plugin: each is one process as far as the provider can tell, and ends where it is told to.

A life takes steps: one before and one after each write of the ledger, each request to VOD, and each save of the
engine. It can be killed at any of them, and nothing that belongs to it gets any further then; or be
told to stop there, as Ctrl-C does.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar
from unittest import mock

from vod_provider.audio.ledger import Ledger
from vod_provider.audio.ledger_records import Holder, Key, Request
from vod_provider.audio.operation import Operation
from vod_provider.audio.place import Place
from vod_provider.config import settings
from vod_provider.plugin import services, serving
from vod_provider.plugin.run import Run
from vod_provider.plugin.services import Services
from vod_provider.provider import ExtractedAudioProvider
from vod_provider.vod.deadline import Stop
from vod_provider.vod.transport import Answer, Transport

T = TypeVar("T")


class Killed(Exception):  # noqa: N818 - no error: the process ends here
    """The life is over."""


class Life:
    """One process of the plugin. `killed_at` and `stopped_at` are steps, counted from 1; None for never."""

    def __init__(self, config: dict[str, str], *, killed_at: int | None = None, stopped_at: int | None = None) -> None:
        self.stop = Stop()
        self.killed = False
        self.stopped = False
        self._killed_at, self._stopped_at = killed_at, stopped_at
        self._lock = threading.Lock()
        self._steps = 0
        base = settings.load(config, {})
        self.provider = ExtractedAudioProvider()
        self.provider._run = Run()
        with mock.patch.object(services, "Transport", self._transport):
            opened = Services(base, _Ledger(base.journal, self), self.stop, lambda _: None)
            opened.at(Place.asked(base, None, None, None))
        self.provider._opened = opened

    def _transport(self, *arguments: Any, **more: Any) -> Transport:
        return _Transport(*arguments, life=self, **more)

    def step(self) -> None:
        """Raises Killed if the life is over."""
        with self._lock:
            self._steps += 1
            self.killed = self.killed or self._steps == self._killed_at
            stops = self._steps == self._stopped_at
        if self.killed:
            self.stop()  # for whoever still waits
            raise Killed
        if stops:
            self.ctrl_c()

    def ctrl_c(self) -> None:
        """What the first Ctrl-C does."""
        self.stopped = True
        self.stop()

    def serve(self, urn: str, timeout: float, method: Callable[..., T], *arguments: Any) -> T:
        """Have the provider serve one request, as the host does it. Raises what it raises, or Killed."""
        request = serving.ServedRequest(Operation(f"backend {urn}", timeout, self.stop), urn)
        try:
            with serving.serving(request):
                answer = method(*arguments)
        except Exception:
            if self.killed:
                raise Killed from None
            raise
        self.step()
        return answer

    def end(self) -> None:
        """The process is gone: nothing of it goes on."""
        self.killed = True
        self.stop()


class _Transport(Transport):
    def __init__(self, *arguments: Any, life: Life, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._life = life

    def send(self, *arguments: Any, **more: Any) -> Answer:
        self._life.step()
        try:
            return super().send(*arguments, **more)
        finally:
            self._life.step()


class _Ledger(Ledger):
    def __init__(self, path: Path, life: Life) -> None:
        super().__init__(path)
        self._life = life

    def _stepping(self, write: Callable[[], T]) -> T:
        self._life.step()
        done = write()
        self._life.step()
        return done

    def intend(self, request: Request) -> bool:
        return self._stepping(lambda: super(_Ledger, self).intend(request))

    def accept(self, key: Key, audio_id: str, request_id: str = "") -> None:
        self._stepping(lambda: super(_Ledger, self).accept(key, audio_id, request_id))

    def answered(self, key: Key) -> None:
        self._stepping(lambda: super(_Ledger, self).answered(key))

    def drop(self, key: Key, audio_id: str | None = None) -> None:
        self._stepping(lambda: super(_Ledger, self).drop(key, audio_id))

    def release(self, holder: Holder) -> None:
        self._stepping(lambda: super(_Ledger, self).release(holder))

    def hold(self, holders: Iterable[Holder]) -> None:
        self._stepping(lambda: super(_Ledger, self).hold(holders))
