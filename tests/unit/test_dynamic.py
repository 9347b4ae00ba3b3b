"""Pulumi's dynamic host, extended: what of it is found and used, and what is done without."""

from __future__ import annotations

import ctypes
import logging
import re
import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import grpc
import pulumi.dynamic
import pytest
from google.protobuf import any_pb2
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto import provider_pb2, status_pb2

from tests.unit.test_native import Aborted, Context
from vod_provider.plugin import context, dynamic, engine_watch, serving
from vod_provider.plugin.errors import PartialFailureError
from vod_provider.plugin.serving import ServedRequest
from vod_provider.vod.errors import VodError

_PROVIDER_CACHE: dict[str, object] = {}
"""The host has one by this name, beside its `main`."""
OURS, FOREIGN = "ours", "somebody else's"
URN = "urn:pulumi:dev::media::pulumi-python:dynamic/vod:ExtractedAudio::talk"


class Monitor:
    """Stands for the host's servicer: it does what it is told to, and notes what was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.serves: Callable[[Any], Any] = lambda _: None
        self.seen: list[ServedRequest] = []

    def _serve(self, name: str, request: Any, context: Any) -> Any:
        self.asked.append(name)
        try:
            with serving.current_request() as served:
                self.seen.append(served)
                result = self.serves(request)
        except Exception as error:  # noqa: BLE001 - as the host does it
            context.abort(grpc.StatusCode.UNKNOWN, f"a traceback of {error!r}")
        return result

    def __getattr__(self, name: str) -> Any:
        if name not in {*dynamic._REQUESTS, "Cancel"}:
            raise AttributeError(name)
        return lambda request, context: self._serve(name, request, context)


class Host:
    """A process of the host. `main` is where its first thread sits when a provider of ours is loaded."""

    def __init__(self) -> None:
        self.monitor = Monitor()
        self.pool = ThreadPoolExecutor(4)
        self.methods: dict[str, Any] = {}
        self.state: Any = SimpleNamespace(
            thread_pool=self.pool, generic_handlers=[object()], registered_method_handlers=self.methods
        )

    def extend(self, *, debug: bool = False) -> None:
        def main(server: Any, monitor: Any) -> None:
            dynamic.extend(debug=debug)

        main(SimpleNamespace(_state=self.state), self.monitor)

    def ask(self, name: str, request: Any, context: Any) -> Any:
        """Serve a request by the handler that gRPC would find first."""
        details: Any = SimpleNamespace(method=f"/pulumirpc.ResourceProvider/{name}")
        handler = self.state.generic_handlers[0].service(details)
        sent = request.SerializeToString()
        return handler.unary_unary(handler.request_deserializer(sent), context)


class OurProvider(dynamic.OurProvider):
    """One that the host has loaded."""


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    """A host that nobody has extended yet, whose engine is at an address that is watched."""
    monkeypatch.setattr(dynamic, "_extended", None)
    monkeypatch.setattr(serving, "_session", None)
    monkeypatch.setattr(sys, "argv", ["main", "127.0.0.1:1"])
    watched: list[str] = []
    monkeypatch.setattr(engine_watch, "end_without", lambda engine, _: watched.append(engine))
    monkeypatch.setattr(serving, "engine_log", lambda _: lambda *_, **__: None)
    monkeypatch.setattr(ctypes, "CDLL", lambda _: SimpleNamespace(signal=lambda *_: None))
    _PROVIDER_CACHE.clear()
    _PROVIDER_CACHE.update({OURS: OurProvider(), FOREIGN: object()})
    one = Host()
    yield one
    one.pool.shutdown()
    if dynamic._extended is not None:
        assert watched == ["127.0.0.1:1"]


def properties(provider: str = OURS, **more: str) -> Struct:
    found = Struct()
    found.update({"__provider": provider, **more})
    return found


def test_a_request_of_ours_is_known(host: Host) -> None:
    """Its URN, its timeout and the inputs before are told to whoever serves it."""
    host.extend()
    before = properties(asset_id="video")
    request = provider_pb2.UpdateRequest(urn=URN, timeout=7.0, news=properties(), old_inputs=before)
    host.monitor.serves = lambda _: provider_pb2.UpdateResponse()
    assert host.ask("Update", request, Context()) == provider_pb2.UpdateResponse()
    (served,) = host.monitor.seen
    assert (served.urn, served.operation.timeout, served.operation.owner.endswith(URN)) == (URN, 7.0, True)
    assert served.inputs_before is not None
    assert served.inputs_before()["asset_id"] == "video"


def test_a_foreign_request_is_the_hosts(host: Host) -> None:
    """And fails as it does there."""
    host.extend()
    host.monitor.serves = lambda _: provider_pb2.CreateResponse(id="theirs")
    request = provider_pb2.CreateRequest(urn=URN, properties=properties(FOREIGN))
    assert host.ask("Create", request, Context()).id == "theirs"
    assert host.monitor.seen[0].urn == ""

    def fail(_: object) -> NoReturn:
        raise ValueError("theirs")

    host.monitor.serves = fail
    with pytest.raises(Aborted, match=r"a traceback of ValueError\('theirs'\)"):
        host.ask("Create", request, Context())


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (VodError("VOD said\nno"), "VOD said no"),
        (KeyError("x"), "KeyError: 'x' (a mistake in vod_provider; vod:debug shows where)"),
    ],
)
def test_an_error_of_ours_is_one_line(host: Host, error: Exception, line: str) -> None:
    """In place of the host's traceback, which vod:debug shows."""
    host.extend()

    def fail(_: object) -> NoReturn:
        raise error

    host.monitor.serves = fail
    with pytest.raises(Aborted) as aborted:
        host.ask("Create", provider_pb2.CreateRequest(urn=URN, properties=properties()), Context())
    assert str(aborted.value) == line


def test_a_partial_failure_says_what_is_kept(host: Host) -> None:
    """With the reference to the provider, without which the host could not serve the resource any more."""
    host.extend()

    def fail(_: object) -> NoReturn:
        raise PartialFailureError("one", "id", {"status": "CREATING"}, "two")

    host.monitor.serves = fail
    context = Context()
    with pytest.raises(Aborted, match=r"^one$"):
        host.ask("Create", provider_pb2.CreateRequest(urn=URN, properties=properties()), context)
    ((name, raw),) = context.trailing
    assert name == "grpc-status-details-bin"
    (detail,) = status_pb2.Status.FromString(raw).details
    kept = provider_pb2.ErrorResourceInitFailed()
    assert isinstance(detail, any_pb2.Any)
    assert detail.Unpack(kept)
    assert (kept.id, list(kept.reasons)) == ("id", ["one", "two"])
    assert dict(kept.properties) == {"status": "CREATING", "__provider": OURS}


def test_the_host_has_the_context_of_a_request_as_ever(host: Host) -> None:
    """Only how it answers an error is ours."""

    class Asking(Monitor):
        def Create(self, _request: Any, context: Any) -> Any:  # noqa: N802 - the host's name
            return provider_pb2.CreateResponse(id=str(context.time_remaining()))

    host.monitor = Asking()
    host.extend()
    request = provider_pb2.CreateRequest(urn=URN, properties=properties())
    assert host.ask("Create", request, Context()).id == str(Context().time_remaining())


def test_foreign_resources_have_as_many_threads_as_without_us() -> None:
    """Those of Pulumi's own host."""
    source = Path(pulumi.dynamic.__file__).with_name("__main__.py").read_text(encoding="utf-8")
    assert re.findall(r"max_workers=([0-9]+)", source) == [str(dynamic.FOREIGN_WORKERS)]


def test_a_request_that_names_no_provider_is_the_hosts(host: Host) -> None:
    """Nobody knows whose it is."""
    host.extend()
    host.monitor.serves = lambda _: provider_pb2.CreateResponse(id="theirs")
    assert host.ask("Create", provider_pb2.CreateRequest(urn=URN), Context()).id == "theirs"
    assert host.monitor.seen[0].urn == ""


def test_a_diff_is_explained(host: Host) -> None:
    """Which property does what is beside the host's answer."""
    host.extend()

    def differ(_: object) -> provider_pb2.DiffResponse:
        with serving.current_request() as served:
            served.detailed = {"title": "UPDATE"}
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_SOME)

    host.monitor.serves = differ
    answer = host.ask("Diff", provider_pb2.DiffRequest(urn=URN, news=properties()), Context())
    assert answer.hasDetailedDiff
    assert answer.detailedDiff["title"].kind == provider_pb2.PropertyDiff.UPDATE


def test_cancel_is_heard(host: Host) -> None:
    """All waiting ends, and the host hears of it, too."""
    host.extend()
    details: Any = SimpleNamespace(method="/pulumirpc.ResourceProvider/Cancel")
    host.state.generic_handlers[0].service(details).unary_unary(b"", Context())
    assert serving.stop().called
    assert host.monitor.asked == ["Cancel"]


def test_methods_that_are_registered_by_name_are_replaced(host: Host) -> None:
    """Some releases look there first; what is not ours stays."""
    host.methods.update(
        {"/pulumirpc.ResourceProvider/Create": "theirs", "/pulumirpc.ResourceProvider/Invoke": "theirs"}
    )
    host.extend()
    ours = host.state.generic_handlers[0].methods
    assert host.methods == {
        "/pulumirpc.ResourceProvider/Create": ours["/pulumirpc.ResourceProvider/Create"],
        "/pulumirpc.ResourceProvider/Invoke": "theirs",
    }


def test_the_host_is_extended_once(host: Host, caplog: pytest.LogCaptureFixture) -> None:
    """However many providers it loads; its pool may grow. Of a host that is as expected nothing is said."""
    with caplog.at_level(logging.DEBUG, "vod_provider"):
        host.extend()
        host.extend()
    assert caplog.records == []
    assert len(host.state.generic_handlers) == 2
    assert host.pool._max_workers > 4


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda host: setattr(host.state, "generic_handlers", None), "its handlers"),
        (lambda host: setattr(host.state, "thread_pool", None), "its threads"),
        (lambda host: delattr(host.pool, "_work_queue"), "its queue"),
        (lambda host: setattr(host, "monitor", object()), "its handlers"),
    ],
)
def test_a_host_that_is_not_as_expected(
    host: Host, spoil: Callable[[Host], None], said: str, caplog: pytest.LogCaptureFixture
) -> None:
    """What can be used is; the rest is done without, and said to whoever debugs."""
    queue = host.pool._work_queue
    spoil(host)
    with caplog.at_level(logging.DEBUG, "vod_provider"):
        host.extend()
    assert [record.message for record in caplog.records] == [
        f"Pulumi's dynamic host is not as expected: {said}; going on without"
    ]
    host.pool._work_queue = queue


@pytest.mark.parametrize("there", [{}, {"_threads": set()}, {"_adjust_thread_count": print}])
def test_a_pool_whose_threads_cannot_be_seen_grows_as_it_likes(there: dict[str, Any]) -> None:
    """It may have more of them; how it starts them stays its own affair."""
    pool = SimpleNamespace(_max_workers=4, **there)
    dynamic._widen(pool)
    assert pool.__dict__.pop("_max_workers") > 4
    assert pool.__dict__ == there


def test_outside_of_the_host_nothing_is_extended(host: Host) -> None:
    """As in a test of a program, with mocks."""
    dynamic.extend(debug=False)
    assert dynamic._extended is None
    assert serving._session is None


@pytest.mark.parametrize(("text", "debug"), [(None, False), ("true", True), ("True", True), ("false", False)])
def test_it_begins_with_the_stacks_settings(monkeypatch: pytest.MonkeyPatch, text: str | None, debug: bool) -> None:
    """All of them; and tracebacks are shown to whoever asks for them with vod:debug."""
    extended: list[bool] = []
    monkeypatch.setattr(dynamic, "extend", lambda *, debug: extended.append(debug))
    monkeypatch.setattr(context, "_of_process", None)
    monkeypatch.setattr(serving, "_session", None)
    given = {"vod:region": "r"} | ({} if text is None else {"vod:debug": text})
    provider = OurProvider()
    provider.configure(SimpleNamespace(config=SimpleNamespace(_props=given)))  # type: ignore[arg-type]
    assert extended == [debug]
    assert provider._context.config == given


def test_sigterm_passes_by(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the C library is called, or if there is none."""
    done: list[tuple[int, Any]] = []
    monkeypatch.setattr(ctypes, "CDLL", lambda _: SimpleNamespace(signal=lambda *it: done.append(it)))
    host.extend()
    ((number, handler),) = done
    assert (number, handler.value) == (signal.SIGTERM, 1)
    monkeypatch.setattr(dynamic, "_extended", None)
    monkeypatch.setattr(ctypes, "CDLL", lambda _: SimpleNamespace())
    host.extend()
    assert len(host.state.generic_handlers) == 3
    monkeypatch.setattr(dynamic, "_extended", None)


def test_the_request_that_made_the_host_load_us(host: Host) -> None:
    """It was on its way before anything could stand before it: it is found, and its error is one line, too."""

    class Early(Monitor):
        def Create(self, request: Any, context: Any) -> Any:  # noqa: N802 - the host's name
            host.extend()
            with serving.current_request() as served:
                self.seen.append(served)
                raise VodError("no")

    host.monitor = early = Early()
    request = provider_pb2.CreateRequest(urn=URN, timeout=3.0, properties=properties())
    with pytest.raises(Aborted, match=r"^no$"):
        early.Create(request, Context())
    assert (early.seen[0].urn, early.seen[0].operation.timeout) == (URN, 3.0)
