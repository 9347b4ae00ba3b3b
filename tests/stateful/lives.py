"""Lives of a plugin: each is one process as far as the provider can tell, and ends where it is told to.

A life takes steps (see `faults.Step`): each request to VOD, each write of the ledger, and each save of the engine. What
is planned goes wrong there. Killed, nothing that belongs to it gets any further.
"""

from __future__ import annotations

import io
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from unittest import mock
from urllib.parse import parse_qs, urlsplit

import requests
import urllib3

from tests.stateful.faults import CONDITIONS, Fault, Plan, Reach, Step
from vod_provider.audio.ledger import Ledger
from vod_provider.audio.ledger_records import Holder, Key, LedgerError, Request, Store
from vod_provider.audio.operation import Operation
from vod_provider.audio.place import Place
from vod_provider.config import settings
from vod_provider.plugin import services, serving
from vod_provider.plugin.context import RunContext
from vod_provider.plugin.services import Services
from vod_provider.provider import ExtractedAudioProvider
from vod_provider.vod.deadline import Deadline, Stop
from vod_provider.vod.transport import Transport

T = TypeVar("T")

SKEW = timedelta(minutes=10)
"""How far a wrong clock is off. VOD takes signatures that are 15 minutes off."""
LATE_S = 0.02
"""How long an answer takes for which there is no time: whoever waits for it has given up when it comes."""

NOBODY = "http://127.0.0.1:1"
"""Where nobody listens."""


class Killed(Exception):  # noqa: N818 - no error: the process ends here
    """The life is over."""


class World:
    """What all lives share: what VOD calls a source, and who wants to know what is deleted."""

    def __init__(self) -> None:
        self.sources: list[str] = []
        self.reach = Reach()

    def deletes(self, audio_ids: Collection[str]) -> None:
        """These are about to be deleted."""

    def rename(self) -> None:
        """Every video gets another title."""


class Life:
    """One process of the plugin. `plans` go wrong in it; `elsewhere` are places that its audios may be at.

    The ledger is in the file that `config` names, or in `store`.
    """

    def __init__(
        self,
        config: dict[str, str],
        world: World,
        *,
        plans: Iterable[Plan] = (),
        store: Store | None = None,
        elsewhere: Iterable[Place] = (),
        skew: timedelta = timedelta(),
    ) -> None:
        self.world, self.skew = world, skew
        self.stop = Stop()
        self.expiry = Stop()
        """Ends the time of the operation under way. Not by a clock: a busy machine would take part."""
        self.killed = self.stopped = False
        self.saves = True
        """Whether the backend takes the state."""
        self.met: set[Fault] = set()
        self.plans = tuple(plans)
        self._lock = threading.Lock()
        self._taken: Counter[Step] = Counter()
        self._sessions: list[requests.Session] = []
        base = settings.load(config, {})
        self.provider = ExtractedAudioProvider()
        self.context = RunContext(config)
        self.provider.begin(self.context)
        ledger = _Ledger(base.journal, self) if store is None else _Ledger(None, self, store)
        with mock.patch.object(services, "Transport", self._transport):
            opened = Services(base, ledger, self.stop, lambda _: None)
            for place in {Place.asked(base, None, None, None), *elsewhere}:
                lifecycle = opened.at(place)
                lifecycle._recovery._here = lambda: time.time() + skew.total_seconds()
        self.context.opened = opened

    def _transport(self, *arguments: Any, **more: Any) -> Transport:
        now = lambda: datetime.now(UTC) + self.skew  # noqa: E731
        session = _Session(self)
        self._sessions.append(session)
        return Transport(*arguments, **more, session=session, now=now)

    def alive(self) -> None:
        """Raises Killed if the life is over."""
        if self.killed:
            raise Killed

    def step(self, step: Step) -> Fault | None:
        """The life comes to this step; returns what goes wrong at it. Raises Killed."""
        self.alive()
        with self._lock:
            self._taken[step] += 1
            found = [it.fault for it in self.plans if it.step is step and it.nth == self._taken[step]]
        for plan in self.plans:
            if plan.fault in CONDITIONS and plan.step is step:
                self._met(plan.fault, step)
        fault = next((it for it in found if it not in CONDITIONS), None)
        if fault is None:
            return None
        self._met(fault, step)
        if fault in {Fault.KILL, Fault.LOSE_MACHINE}:
            self.end()
            raise Killed
        if fault is Fault.RENAME:
            self.world.rename()
        if fault in {Fault.CTRL_C, Fault.CTRL_C_TWICE}:
            self.saves = self.saves and fault is Fault.CTRL_C
            self.ctrl_c()
        if fault is Fault.UNSAVED:
            self.saves = False
        if fault is Fault.LATE:
            self.expiry()
        return fault

    def _met(self, fault: Fault, step: Step) -> None:
        self.met.add(fault)
        self.world.reach.met(fault, step)

    def after(self, fault: Fault | None) -> None:
        """The step is done. Raises Killed if the life ends here."""
        if fault is Fault.KILL_AFTER:
            self.end()
        self.alive()

    def ctrl_c(self) -> None:
        """What the first Ctrl-C does."""
        self.stopped = True
        self.stop()

    def serve(self, urn: str, method: Callable[..., T], *arguments: Any) -> T:
        """Have the provider serve one request, as the host does it. Raises what it raises, or Killed."""
        self.expiry = Stop()
        request = serving.ServedRequest(_Operation(f"backend {urn}", 0.0, self.stop, expiry=self.expiry), urn)
        self.alive()
        try:
            with serving.serving(request):
                answer = method(*arguments)
        except Exception:
            self.alive()
            raise
        self.alive()
        return answer

    def end(self) -> None:
        """The process is gone: nothing of it goes on."""
        self.killed = True
        self.stop()
        for session in self._sessions:
            session.close()


@dataclass(frozen=True)
class _Operation(Operation):
    """One whose time is over when `expiry` says so."""

    expiry: Stop = field(default_factory=Stop)

    def deadline(self, default: float) -> Deadline:
        return _Deadline(default, self.stop, self.expiry)


class _Deadline(Deadline):
    def __init__(self, seconds: float, stop: Stop, expiry: Stop) -> None:
        super().__init__(seconds, stop)
        self._expiry = expiry

    @property
    def left(self) -> float:
        return 0.0 if self._expiry.called else super().left

    def pause(self, event: threading.Event, seconds: float = float("inf")) -> None:
        with self._expiry.waking(event):
            super().pause(event, seconds)


class _Session(requests.Session):
    """Requests of one life, with what goes wrong on their way."""

    def __init__(self, life: Life) -> None:
        super().__init__()
        self._life = life
        self.trust_env = False
        adapter = requests.adapters.HTTPAdapter(pool_connections=1, pool_maxsize=16, max_retries=0)
        self.mount("http://", adapter)

    def request(self, method: str, url: str, *arguments: Any, **more: Any) -> requests.Response:  # type: ignore[override]
        life = self._life
        ids = parse_qs(urlsplit(url).query).get("asset_id", [])
        step = _step_of(method, urlsplit(url).path, ids, life.world.sources)
        fault = life.step(step) if step is not None else None
        if fault is Fault.LATE:
            time.sleep(LATE_S)
        if fault is Fault.UNREACHABLE:
            return super().request(method, NOBODY, *arguments, **more)
        if fault is Fault.LOST_BEFORE:
            raise requests.ConnectionError("the connection was reset")
        if fault in _REFUSALS:
            return _response(*_REFUSALS[fault])
        life.alive()
        if step is Step.DELETE:
            life.world.deletes(ids)
        answer = super().request(method, url, *arguments, **more)
        try:
            life.after(fault)
        except Killed:
            answer.close()
            raise
        if fault is Fault.LOST_AFTER:
            answer.close()
            raise requests.ConnectionError("the connection was reset")
        if fault is Fault.PAGE:
            answer.close()
            return _response(200, b"<html>Welcome</html>")
        if fault is Fault.ABSENT:
            answer.close()
            return _response(200, b'{"asset_info_array": [], "total": 0}', answer.headers["Date"])
        return answer


_REFUSALS = {
    Fault.SERVER: (500, b'{"error_code": "VOD.10050", "error_msg": "internal"}'),
    Fault.QUOTA: (429, b'{"error_code": "APIG.0308", "error_msg": "too many"}'),
    Fault.REFUSED: (403, b'{"error_code": "VOD.10054", "error_msg": "no"}'),
}


def _response(status: int, body: bytes, date: str = "") -> requests.Response:
    response = requests.Response()
    response.status_code = status
    response.headers["Date"] = date
    response.raw = urllib3.HTTPResponse(io.BytesIO(body), status=status, preload_content=False)
    return response


def _step_of(method: str, path: str, ids: Collection[str], sources: Collection[str]) -> Step | None:
    what = path.partition("/asset")[2]
    if method == "GET":
        if not ids:
            return Step.SEARCH
        return Step.SOURCE if set(ids) <= set(sources) else Step.LOOK
    steps = {
        ("POST", "/extract_audio"): Step.EXTRACT,
        ("DELETE", ""): Step.DELETE,
        ("PUT", "/info"): Step.UPDATE,
        ("POST", "/status/publish"): Step.PUBLISH,
        ("POST", "/status/unpublish"): Step.PUBLISH,
    }
    return steps.get((method, what))


class _Ledger(Ledger):
    def __init__(self, path: Path | None, life: Life, store: Store | None = None) -> None:
        super().__init__(path, store=store)
        self._life = life

    def _stepping(self, step: Step, write: Callable[[], T]) -> T:
        fault = self._life.step(step)
        if fault is Fault.DISK:
            raise LedgerError("the ledger cannot be used (disk full)")
        done = write()
        self._life.after(fault)
        return done

    def intend(self, request: Request, may: Callable[[], bool] = lambda: True) -> bool:
        return self._stepping(Step.INTEND, lambda: super(_Ledger, self).intend(request, may))

    def accept(self, key: Key, audio_id: str, request_id: str = "", *, asked: Request | None = None) -> None:
        self._stepping(Step.ACCEPT, lambda: super(_Ledger, self).accept(key, audio_id, request_id, asked=asked))

    def answered(self, audios: Mapping[Key, str]) -> None:
        self._stepping(Step.ANSWERED, lambda: super(_Ledger, self).answered(audios))

    def drop(self, key: Key, audio_id: str | None = None, *, asked: Request | None = None) -> None:
        self._stepping(Step.DROP, lambda: super(_Ledger, self).drop(key, audio_id, asked=asked))

    def take(self, request: Request) -> None:
        self._stepping(Step.TAKE, lambda: super(_Ledger, self).take(request))

    def release(self, *holders: Holder) -> None:
        self._stepping(Step.RELEASE, lambda: super(_Ledger, self).release(*holders))

    def hold(self, holders: Iterable[Holder]) -> set[str]:
        wanted = list(holders)
        if not wanted:  # nothing is written
            return set()
        return self._stepping(Step.HOLD, lambda: super(_Ledger, self).hold(wanted))
