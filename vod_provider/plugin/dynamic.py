"""All that reaches past `pulumi.dynamic`.

Pulumi's dynamic host serves every dynamic resource of a program from four threads and drops, on the way to a
provider, the URN, the timeouts and Cancel; it knows no partial failure. All of it can be reached from inside
the process, but none of it is public. So each piece is looked for, used where it is as expected, and done
without where it is not: then the provider still works as a plain dynamic provider. Resources that are not ours
go through the host as if we were not there.

How it works: a handler of ours stands before the host's own. It notes what the request knows (a `Turn`), lets
the host's method do its work, and makes one line, or a partial failure, of whatever comes out as an error.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from queue import Empty
from types import FrameType
from typing import Any, NoReturn, Protocol

import grpc
from google.protobuf import any_pb2, struct_pb2
from pulumi.dynamic import ConfigureRequest
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, provider_pb2, status_pb2

from vod_provider.audio.operation import Call
from vod_provider.config.settings import NAMES
from vod_provider.plugin import engine_watch
from vod_provider.plugin.status_rows import Rows
from vod_provider.vod.deadline import Stop

_log = logging.getLogger(__name__)

PROVIDER_KEY = "__provider"
"""The property in which the host finds a resource's provider."""
WORKERS = 16_384
"""Threads that the host may start. It starts one only when all others are busy."""
FOREIGN_WORKERS = 4
"""Calls of other people's resources at once: as many as the host has threads where we are not there."""
CLOSING_S = 10.0
"""At the end of a run the engine waits less than this for the answer to Cancel, and longer on Ctrl-C: 5 s and 30 s.

Source: `Close` and `SignalCancellation` of the engine's plugin host."""
_SERVICE = "/pulumirpc.ResourceProvider/"
_REQUESTS: dict[str, Any] = {
    "Check": provider_pb2.CheckRequest,
    "Diff": provider_pb2.DiffRequest,
    "Create": provider_pb2.CreateRequest,
    "Read": provider_pb2.ReadRequest,
    "Update": provider_pb2.UpdateRequest,
    "Delete": provider_pb2.DeleteRequest,
}


class PartialFailureError(Exception):
    """The resource is there, but not as declared: Pulumi is to keep `id` and `outs`, and to fail the step."""

    def __init__(self, reason: str, id_: str, outs: Mapping[str, Any]) -> None:
        super().__init__(reason)
        self.id, self.outs = id_, outs


@dataclass
class Turn:
    """One request being served: what it knows, and what the answer is to hold beyond the host's own."""

    call: Call = field(default_factory=Call)
    urn: str = ""
    detailed: dict[str, str] = field(default_factory=dict)
    stables: tuple[str, ...] = ()

    @property
    def owners(self) -> str:
        """What the `Call.owner` of every resource of the same stack begins with; '' where the host does not say."""
        stack = "".join(f"{part}::" for part in self.urn.split("::")[:2] if part)
        return self.call.owner.removesuffix(self.urn) + stack


_serving = threading.local()


@contextmanager
def turn() -> Iterator[Turn]:
    """The request that this thread serves; a Turn of defaults where the host could not be extended."""
    current: Turn | None = getattr(_serving, "turn", None)
    if current is not None:
        yield current
        return
    # The request that made the host load us was on its way before we could stand in it.
    early = _early_request()
    if early is None or _extended is None:
        yield Turn()
        return
    request, context = early
    current = _extended.begin(request)
    try:
        yield current
    except Exception as error:  # noqa: BLE001 - it becomes the answer
        answered = context.abort
        context.abort = _raise_again  # the host is going to put the traceback in place of our answer
        _extended.refuse(answered, context, request, error)
    finally:
        _extended.end(current)


def _raise_again(*_: object) -> NoReturn:
    raise


def _early_request() -> tuple[Any, Any] | None:
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001
    while frame is not None:
        if frame.f_code.co_name in _REQUESTS and {"request", "context"} <= set(frame.f_locals):
            return frame.f_locals["request"], frame.f_locals["context"]
        frame = frame.f_back
    return None


class _Aborted(Exception):  # noqa: N818 - no error: it carries one past the host
    pass


class _QuietContext:
    """A request's context that keeps the error itself where the host would answer with its traceback."""

    def __init__(self, context: grpc.ServicerContext) -> None:
        self._context = context

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)

    def abort(self, _code: grpc.StatusCode, details: str) -> NoReturn:
        raise _Aborted from sys.exc_info()[1] or RuntimeError(details)


class _Handlers(grpc.GenericRpcHandler):  # type: ignore[misc]
    """Stands before the host's handlers, for the methods that a provider of ours has a part in."""

    def __init__(self, serve: Callable[[str, Any, Any], Any], cancel: Callable[[Any, Any], Any]) -> None:
        self.methods = {
            _SERVICE + name: grpc.unary_unary_rpc_method_handler(
                lambda request, context, name=name: serve(name, request, context),
                request_deserializer=request_type.FromString,
                response_serializer=lambda response: response.SerializeToString(),
            )
            for name, request_type in _REQUESTS.items()
        }
        self.methods[_SERVICE + "Cancel"] = grpc.unary_unary_rpc_method_handler(
            cancel,
            request_deserializer=lambda raw: raw,
            response_serializer=lambda response: response.SerializeToString(),
        )

    def instead_of(self, behavior: Any, monitor: object) -> Any:
        """What is to serve a request in place of `behavior`: ours, where it is a method that ours stand before."""
        ours = None
        if getattr(behavior, "__self__", None) is monitor:
            ours = self.methods.get(_SERVICE + getattr(behavior, "__name__", ""))
        return behavior if ours is None else ours.unary_unary

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        return self.methods.get(handler_call_details.method)


class _Extended:
    """The host, extended. `loaded` are the providers that it has loaded, by their `__provider`."""

    def __init__(
        self, monitor: Any, loaded: Mapping[str, object], ours: type, engine: str | None, *, debug: bool
    ) -> None:
        self._monitor, self._loaded, self._ours, self._debug = monitor, loaded, ours, debug
        self._foreign = threading.BoundedSemaphore(FOREIGN_WORKERS)
        self.stop = Stop()
        self.over: list[Callable[[], None]] = []
        self._lock = threading.Lock()
        self._turns = 0
        self._backend = backend(os.environ)
        self._send = _sender(engine) if engine else None
        self._rows = Rows(self._send) if self._send else None
        if engine:
            engine_watch.end_without(engine, self.stop)

    def handlers(self) -> _Handlers:
        return _Handlers(self._serve, self._cancel)

    def say(self, text: str) -> None:
        if self._send is not None:
            self._send("", text, ephemeral=False)

    def begin(self, request: Any) -> Turn:
        rows, urn = self._rows, request.urn

        def report(text: str) -> None:
            if rows is not None:
                rows.show(urn, text)

        with self._lock:
            self._turns += 1
        call = Call(f"{self._backend} {urn}", getattr(request, "timeout", 0.0), self.stop, report)
        return Turn(call, urn)

    def end(self, ended: Turn) -> None:
        with self._lock:
            self._turns -= 1
        if self._rows is not None:
            self._rows.done(ended.urn)

    def refuse(self, abort: Any, context: Any, request: Any, error: BaseException) -> NoReturn:
        """Answer with an error: one line, or a partial failure."""
        if isinstance(error, PartialFailureError):
            news = getattr(request, "news", None) or request.properties
            context.set_trailing_metadata((("grpc-status-details-bin", _partial(error, news)),))
        elif self._debug:
            abort(grpc.StatusCode.UNKNOWN, "".join(traceback.format_exception(error)))
        abort(grpc.StatusCode.UNKNOWN, one_line(error))
        raise AssertionError("abort returns never")

    def _serve(self, name: str, request: Any, context: Any) -> Any:
        method = getattr(self._monitor, name)
        if not self._serves(request):
            with self._foreign:
                return method(request, context)
        current = self.begin(request)
        _serving.turn = current
        try:
            response = method(request, _QuietContext(context))
            if name == "Diff":
                _explain(response, current)
            return response
        except _Aborted as aborted:
            self.refuse(context.abort, context, request, aborted.__cause__ or aborted)
        except Exception as error:  # noqa: BLE001 - it becomes the answer
            self.refuse(context.abort, context, request, error)
        finally:
            _serving.turn = None
            self.end(current)

    def _serves(self, request: Any) -> bool:
        """Whether the request is about a resource of ours, as its `__provider` tells."""
        for part in ("news", "properties", "inputs", "olds"):
            properties = getattr(request, part, None)
            if properties is not None and PROVIDER_KEY in properties.fields:
                return isinstance(self._loaded.get(properties.fields[PROVIDER_KEY].string_value), self._ours)
        return False

    def _cancel(self, request: Any, context: Any) -> Any:
        # Called at the end of every run, when all that was answered has been saved; and on the first Ctrl-C, after
        # which a second may keep the engine from saving anything. The time that it gives us tells them apart.
        ended = not self.stop.called and (context.time_remaining() or float("inf")) <= CLOSING_S
        self.stop()
        with self._lock:
            idle = self._turns == 0
        if ended and idle:
            for callback in self.over:
                callback()
        return self._monitor.Cancel(request, context)


_extended: _Extended | None = None


def stop() -> Stop:
    """What ends all waiting in this process."""
    return _extended.stop if _extended is not None else Stop()


def say(text: str) -> None:
    """Show a line below the run, where the engine can be reached."""
    if _extended is not None:
        _extended.say(text)


def when_over(callback: Callable[[], None]) -> None:
    """Call `callback` when the run is over and all is saved; never, where that cannot be known."""
    if _extended is not None:
        _extended.over.append(callback)


def extend(ours: type, *, debug: bool) -> None:
    """Extend the host of this process, once, with as much as can be reached, for providers of type `ours`."""
    global _extended
    if _extended is not None:
        return
    missing: list[str] = []
    frame = _host_frame()
    server = frame.f_locals.get("server") if frame else None
    monitor = frame.f_locals.get("monitor") if frame else None
    state = getattr(server, "_state", None)
    pool = getattr(state, "thread_pool", None)
    handlers = getattr(state, "generic_handlers", None)
    workers = isinstance(getattr(pool, "_max_workers", None), int)
    if workers:
        pool._max_workers = WORKERS  # type: ignore[union-attr]  # noqa: SLF001
    else:
        missing.append("its threads")
    loaded = frame.f_globals.get("_PROVIDER_CACHE") if frame else None
    methods = all(hasattr(monitor, name) for name in (*_REQUESTS, "Cancel"))
    if isinstance(handlers, list) and isinstance(loaded, dict) and methods:
        engine = sys.argv[1] if len(sys.argv) > 1 else None
        _extended = _Extended(monitor, loaded, ours, engine, debug=debug)
        ours_first = _extended.handlers()
        handlers.insert(0, ours_first)
        # Some releases register their methods by name, and these are not looked for among the generic ones.
        registered = getattr(state, "registered_method_handlers", None) or {}
        registered.update({name: ours_first.methods[name] for name in registered.keys() & ours_first.methods.keys()})
        if workers and not _requeue(pool, monitor, ours_first):
            missing.append("its queue")
    else:
        missing.append("its handlers")
    if missing:
        _log.debug("Pulumi's dynamic host is not as expected: %s; going on without", " and ".join(missing))


def _requeue(pool: Any, monitor: object, handlers: _Handlers) -> bool:
    """Give requests that came before we stood in their way to our handlers, and a thread to each.

    While the first of them loads this provider, which takes a second, the others of a large stack wait in the
    queue of a pool that may have four threads; a pool looks for more only when something is submitted.
    """
    if not all(hasattr(pool, name) for name in ("_work_queue", "_adjust_thread_count", "_idle_semaphore", "_threads")):
        return False
    queue, idle, threads = pool._work_queue, pool._idle_semaphore, pool._threads  # noqa: SLF001
    waiting: list[Any] = []
    with suppress(Empty):
        while True:
            waiting.append(queue.get_nowait())
    # Until Python 3.12 a thread that goes on with what was queued counts as idle all the same.
    while idle.acquire(blocking=False):
        pass
    needed = min(len(threads) + len(waiting), WORKERS)
    for item in waiting:
        arguments = getattr(item, "args", None)
        if isinstance(arguments, tuple):
            item.args = tuple(handlers.instead_of(argument, monitor) for argument in arguments)
        queue.put(item)
    while len(threads) < needed:
        pool._adjust_thread_count()  # noqa: SLF001
    return True


def _host_frame() -> FrameType | None:
    """The frame of `pulumi.dynamic.__main__.main`, which the host's first thread sits in."""
    frame = sys._current_frames().get(threading.main_thread().ident or 0)  # noqa: SLF001
    while frame is not None:
        if frame.f_code.co_name == "main" and "monitor" in frame.f_locals and "server" in frame.f_locals:
            return frame
        frame = frame.f_back
    return None


def configuration(request: ConfigureRequest) -> dict[str, str]:
    """The stack's whole configuration, by full name. Pulumi's public way has to be told each name."""
    everything = getattr(request.config, "_props", None)
    if not isinstance(everything, dict):
        everything = {name: request.config.get(name) for name in NAMES}
    return {name: value for name, value in everything.items() if isinstance(value, str)}


def one_line(error: BaseException) -> str:
    """The error's own text in one line; a mistake of ours is named as what it is."""
    text = " ".join(str(error).split())
    if type(error).__module__.startswith("vod_provider."):
        return text
    return f"{type(error).__name__}: {text} (a mistake in vod_provider; vod:debug shows where)"


def backend(environ: Mapping[str, str]) -> str:
    """Which backend holds the state: the same URN in another backend is another resource."""
    return environ.get("PULUMI_BACKEND_URL", "") or environ.get("PULUMI_HOME", "")


def _explain(response: Any, current: Turn) -> None:
    """Add to a diff which property does what, so that the preview marks exactly these."""
    kinds = provider_pb2.PropertyDiff.Kind
    response.stables.extend(current.stables)
    if current.detailed:
        response.hasDetailedDiff = True
        for name, kind in current.detailed.items():
            response.detailedDiff[name].kind = kinds.Value(kind)
            response.diffs.append(name)


def _partial(error: PartialFailureError, news: struct_pb2.Struct) -> bytes:
    import asyncio

    from pulumi.runtime import rpc

    properties = asyncio.run(rpc.serialize_properties(dict(error.outs), {}))
    properties.fields[PROVIDER_KEY].CopyFrom(news.fields[PROVIDER_KEY])
    detail = any_pb2.Any()
    detail.Pack(
        provider_pb2.ErrorResourceInitFailed(id=error.id, properties=properties, reasons=[one_line(error)], inputs=news)
    )
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=one_line(error), details=[detail])
    return status.SerializeToString()


class _Send(Protocol):
    def __call__(self, urn: str, text: str, *, ephemeral: bool = True) -> None: ...


def _sender(engine: str) -> _Send:
    """Sends the engine a line for a resource's row; one that is not ephemeral stays when the run is over."""
    stub = engine_pb2_grpc.EngineStub(grpc.insecure_channel(engine))

    def send(urn: str, text: str, *, ephemeral: bool = True) -> None:
        try:
            stub.Log(
                engine_pb2.LogRequest(severity=engine_pb2.INFO, message=text, urn=urn, ephemeral=ephemeral),
                timeout=5,
            )
        except grpc.RpcError as exc:
            _log.debug("the engine took no line for %s: %s", urn, exc)

    return send
