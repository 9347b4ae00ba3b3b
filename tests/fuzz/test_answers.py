"""Whatever VOD answers: errors of our own in one short line, and an audio that was accepted is never lost."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz import FUZZ, TIMES
from tests.fuzz.answers import TOKEN, VALUES, Spoil, Vod, places, spoils
from tests.fuzz.reached import Reached
from tests.unit.fakes import Clock, FakeDeadline
from tests.unit.test_client import Now
from tests.unit.test_ledger import FakeStore
from vod_provider.audio.ledger import Ledger
from vod_provider.audio.ledger_records import Change
from vod_provider.audio.lifecycle import Lifecycle
from vod_provider.audio.operation import Operation
from vod_provider.audio.place import Place
from vod_provider.audio.recovery import Recovery
from vod_provider.config.settings import load
from vod_provider.plugin import serving
from vod_provider.plugin.context import RunContext
from vod_provider.plugin.errors import PartialFailureError
from vod_provider.plugin.services import Services
from vod_provider.plugin.serving import ServedRequest, one_line
from vod_provider.provider import ExtractedAudioProvider
from vod_provider.text import is_plain
from vod_provider.vod.assets import Asset
from vod_provider.vod.client import Client
from vod_provider.vod.connection import new_session
from vod_provider.vod.deadline import Deadline, Stop
from vod_provider.vod.pacing.batches import Batches
from vod_provider.vod.pacing.poller import Poller, Progress
from vod_provider.vod.pacing.quota import Quota
from vod_provider.vod.signing import Token
from vod_provider.vod.transport import Transport

CONFIG = {"vod:endpoint": "https://vod.example", "vod:projectId": "project", "vod:token": TOKEN}
URN = "urn:pulumi:dev::media::pulumi-python:dynamic/vod:ExtractedAudio::talk"
LONGEST_ERROR = 2100
LONGEST_OUTPUTS = 20_000
QUOTAS = dict.fromkeys(("extract", "cancel", "query", "delete", "update", "publish", "unpublish"), 100_000)


class AloneBatches(Batches[Any]):
    """Batches of one, without a thread."""

    def ask(self, asset_id: str, deadline: Deadline) -> Any:
        future: Future[Any] = Future()
        self._send([(asset_id, future)], deadline)
        return future.result()


class AlonePoller(Poller):
    """The poller's schedule in the caller's own thread, in the time of the fake clock."""

    def glance(self, asset_id: str, deadline: Deadline) -> Asset:
        return self._show([asset_id], deadline)[asset_id]

    def wait(
        self, asset_id: str, deadline: Deadline, progress: Progress = lambda _: None, *, new: bool = False
    ) -> Asset:
        future = self._schedule.watch(asset_id, self._clock(), progress, new=new)
        try:
            while not future.done():
                ids = self._schedule.due(self._clock())
                if ids:
                    self._under_way += 1
                    self._ask(ids)
                else:
                    deadline.sleep(max(0.01, self._schedule.sleep(self._clock())))
            return future.result()
        finally:
            self._schedule.forget(asset_id, future)


@dataclass(frozen=True)
class TimedOperation(Operation):
    """An operation in the time of a fake clock."""

    clock: Clock = Clock()  # noqa: RUF009 - each bench gives its own

    def deadline(self, default: float) -> Deadline:
        return FakeDeadline(self.clock, min(default, 600))


class Bench:
    """The provider over a VOD whose answers are spoilt one after the other, in the given order."""

    def __init__(self, reached: Reached) -> None:
        self.clock, self.reached = Clock(), reached
        self.spoils: Iterator[Spoil | None] = iter(())
        self.vod = Vod(self.clock, lambda: next(self.spoils, None), reached.note)
        self.log: list[Change] = []
        self.begin()

    def begin(self) -> None:
        """A new process."""
        session = new_session()
        session.mount("https://", self.vod)
        transport = Transport(
            "https://vod.example",
            "project",
            Token(TOKEN),
            session=session,
            now=lambda: datetime.fromtimestamp(self.clock(), UTC),
            monotonic=self.clock,
        )
        pool = cast("Any", Now())
        self.client = Client(transport, QUOTAS, quota=lambda limit: Quota(limit, self.clock), pool=pool)
        poller = AlonePoller(self._show, 100_000, pool, clock=self.clock)
        self.ledger = Ledger(None, store=FakeStore(self.log))
        base = load(CONFIG, {})
        place = Place.asked(base, None, None, None)
        recovery = Recovery(self.client, poller, self.ledger, place.site, 60.0, here=self.clock)
        deletes = AloneBatches(self._delete, absent=lambda _: True, undone=lambda deleted: not deleted)
        publishes = {it: AloneBatches(self._publishing(it), absent=Asset.gone) for it in (True, False)}
        self.provider = ExtractedAudioProvider()
        context = RunContext(CONFIG)
        self.provider.begin(context)
        opened = Services(base, self.ledger, Stop(), self._said)
        opened._lifecycles[place] = Lifecycle(place, self.client, poller, deletes, publishes, self.ledger, recovery)
        context.opened = opened

    def _deadline(self) -> Deadline:
        return FakeDeadline(self.clock, 600)

    def _show(self, ids: Sequence[str], _: Deadline) -> dict[str, Asset]:
        return self.client.show(ids, self._deadline())

    def _delete(self, ids: Sequence[str], _: Deadline) -> dict[str, bool]:
        return self.client.delete(ids, self._deadline())

    def _publishing(self, published: bool) -> Callable[[Sequence[str], Deadline], dict[str, Asset]]:
        return lambda ids, _: self.client.publish(ids, self._deadline(), published=published)

    def _said(self, line: str) -> None:
        assert fits(line), line[:500]

    @contextmanager
    def serving(self) -> Iterator[None]:
        """One request to the plugin."""
        operation = TimedOperation(f"backend {URN}", 0.0, Stop(), self._said, self._said, self.clock)
        with serving.serving(ServedRequest(operation, URN)):
            yield

    def call(self, what: str, method: Callable[..., Any], *given: Any) -> Any:
        """What the method returns, or the error that it raises; what is shown and kept of it is checked."""
        try:
            with self.serving():
                answer = method(*given)
        except Exception as error:  # noqa: BLE001
            self.reached.note(what, type(error).__name__)
            line = one_line(error)
            assert "mistake in vod_provider" not in line, line
            assert fits(line), line[:500]
            if isinstance(error, PartialFailureError):
                check_outputs(error.outs)
            return error
        self.reached.note(what, "succeeded")
        outs = getattr(answer, "outs", None)
        if outs:
            check_outputs(outs)
        return answer

    def knows(self, audio_id: str, answer: Any) -> bool:
        """Whether the audio can be found again after that answer of a create."""
        known = {getattr(answer, "id", None), *(request.audio_id for request in self.ledger.requests(self.site))}
        return audio_id in known or audio_id not in self.vod.assets

    @property
    def site(self) -> str:
        return Place.asked(load(CONFIG, {}), None, None, None).site


def fits(line: str) -> bool:
    """Whether a terminal shows it as one line of a bounded length, without the token."""
    return all(map(is_plain, line)) and len(line) <= LONGEST_ERROR and TOKEN not in line


def check_outputs(outs: Any) -> None:
    """Pulumi's state takes it, and it is small."""
    text = json.dumps(outs, allow_nan=False, ensure_ascii=False)
    text.encode()
    assert len(text) <= LONGEST_OUTPUTS
    assert TOKEN not in text


INPUTS = {"asset_id": "video", "format": "MP3", "title": "Talk", "publish": True, "tags": ["a"]}
METHODS: dict[str, Callable[[Client, Deadline], object]] = {
    "extract": lambda it, end: it.extract("video", "MP3", end, transaction=lambda send: send()),
    "cancel": lambda it, end: it.cancel("audio", end),
    "show one": lambda it, end: it.show(["video"], end),
    "show many": lambda it, end: it.show(["video", "audio", "other"], end),
    "search": lambda it, end: it.made_between(datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC), end),
    "list": lambda it, end: it.audios(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=1), end),
    "delete": lambda it, end: it.delete(["video", "audio"], end),
    "update": lambda it, end: it.update("video", {"title": "t"}, end),
    "publish": lambda it, end: it.publish(["video"], end, published=True),
    "unpublish": lambda it, end: it.publish(["video"], end, published=False),
}


THOROUGH = ("extract", "show one", "list", "delete")
"""One of each shape of an answer: of these each field gets each value, of the others as chance has it."""


@pytest.mark.parametrize("name", METHODS)
def test_client(name: str) -> None:
    """Every operation, every field of its answer as every value: an answer, or an error of our own in one line."""
    reached = Reached()
    bench = Bench(reached)

    def send(spoil: Spoil) -> None:
        bench.vod.assets.setdefault("video", bench.vod._asset("video", "MP4"))
        bench.spoils = iter([spoil] * 50)
        bench.call(name, METHODS[name], bench.client, FakeDeadline(bench.clock, 600))

    bench.call(name, METHODS[name], bench.client, FakeDeadline(bench.clock, 600))
    assert reached.total(name, "succeeded") == 1
    fields = len(list(places(bench.vod.last))) if name in THOROUGH else 0
    for nth in range(fields):
        for value in VALUES:
            send(Spoil(nth, value))
        send(Spoil(nth, missing=True))
    settings(FUZZ, max_examples=60 * TIMES)(given(spoils)(send))()
    print(reached.table())
    assert reached.total(name, "succeeded") >= max(10, fields)  # past all checks
    assert reached.total(name) - reached.total(name, "succeeded") >= 10


def test_an_accepted_audio_is_never_lost() -> None:
    """Whatever is answered from then on, the engine gets the id or the ledger has it, and the next run goes on."""
    reached = Reached()

    def life(before: list[Spoil | None], after: list[Spoil | None]) -> None:
        bench = Bench(reached)
        # A glance at the source, and the request; the second answer is the acceptance.
        bench.spoils = iter([*before[:1], None, *after])
        made = bench.call("create", bench.provider.create, INPUTS)
        accepted = list(bench.vod.honest)
        if "was deleted before it was ready" in str(made):
            reached.note("create", "told for a minute that it is gone")
            return
        for audio_id in accepted:
            assert bench.knows(audio_id, made), made
        bench.spoils = iter(())
        bench.begin()
        again = bench.call("create again", bench.provider.create, INPUTS)
        if accepted and accepted[0] in bench.vod.assets:
            assert bench.vod.extractions == accepted
            assert again.id == accepted[0]

    lists = st.lists(st.none() | spoils, max_size=6) | spoils.map(lambda one: [one] * 200)
    settings(FUZZ, max_examples=250 * TIMES)(given(lists, lists)(life))()
    print(reached.table())
    assert reached.total("create", "succeeded") >= 20
    assert reached.total("create", "PartialFailureError") >= 20
    assert reached.total("create", "told for a minute that it is gone") <= reached.total("create") / 10
    assert reached.total("create again", "succeeded") >= 100


def test_a_lost_acceptance_is_no_mistake_of_ours() -> None:
    """The answer to the request itself is garbage, and what follows it: only errors of our own, in both runs."""
    reached = Reached()

    def life(answer: Spoil, after: list[Spoil | None]) -> None:
        bench = Bench(reached)
        bench.spoils = iter([None, answer, *after])
        bench.call("create", bench.provider.create, INPUTS)
        bench.spoils = iter(after)
        bench.begin()
        bench.call("create again", bench.provider.create, INPUTS)

    settings(FUZZ, max_examples=100 * TIMES)(given(spoils, st.lists(st.none() | spoils, max_size=4))(life))()
    print(reached.table())


def test_read_update_and_delete() -> None:
    """What is done to an audio that is there meets garbage: an error of our own, or outputs that a state takes."""
    reached = Reached()

    def life(answers: list[Spoil | None]) -> None:
        bench = Bench(reached)
        made = bench.call("create", bench.provider.create, INPUTS)
        changed = INPUTS | {"title": "Other", "publish": False, "tags": []}
        for what, more in (("read", ()), ("update", (changed,)), ("delete", ())):
            bench.begin()
            bench.spoils = iter(answers)
            bench.call(what, getattr(bench.provider, what), made.id, made.outs, *more)

    lists = st.lists(st.none() | spoils, max_size=4) | spoils.map(lambda one: [one] * 200)
    settings(FUZZ, max_examples=150 * TIMES)(given(lists)(life))()
    print(reached.table())
    for what in ("read", "update", "delete"):
        assert reached.total(what, "succeeded") >= 10
        assert reached.total(what) - reached.total(what, "succeeded") >= 10
