"""All that reaches past `pulumi.dynamic`.

Pulumi's dynamic host serves every dynamic resource of a program from four threads and drops, on the way to a
provider, the URN, the timeouts and Cancel; it knows no partial failure. All of it can be reached from inside
the process, but none of it is public. So each piece is looked for, used where it is as expected, and done
without where it is not: then the provider still works as a plain dynamic provider. Resources that are not ours
go through the host as if we were not there.

How it works: a handler of ours stands before the host's own. It notes what the request knows (`serving` holds that),
lets the host's method do its work, and makes one line, or a partial failure, of whatever comes out as an error.
"""

from __future__ import annotations

import logging
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from queue import Empty
from types import FrameType
from typing import Any, NoReturn

import grpc
from pulumi.dynamic import ConfigureRequest, ResourceProvider
from pulumi.runtime import rpc
from pulumi.runtime.proto import provider_pb2

from vod_provider.config.settings import NAMES
from vod_provider.plugin import serving
from vod_provider.plugin.context import RunContext, of_process
from vod_provider.plugin.errors import PartialFailureError
from vod_provider.plugin.properties import deserialized
from vod_provider.plugin.serving import ServedRequest, Session
from vod_provider.workers import most_workers, start_if_possible

_log = logging.getLogger(__name__)

PROVIDER_KEY = "__provider"
"""The property in which the host finds a resource's provider."""
WORKERS = 16_384
"""Threads that the host may start. It starts one only when all others are busy."""
FOREIGN_WORKERS = 4
"""Calls of other people's resources at once: as many as the host has threads where we are not there."""
_SERVICE = "/pulumirpc.ResourceProvider/"
_REQUESTS: dict[str, Any] = {
    "Check": provider_pb2.CheckRequest,
    "Diff": provider_pb2.DiffRequest,
    "Create": provider_pb2.CreateRequest,
    "Read": provider_pb2.ReadRequest,
    "Update": provider_pb2.UpdateRequest,
    "Delete": provider_pb2.DeleteRequest,
}


class OurProvider(ResourceProvider):
    """A provider of this package: its requests are served with all that can be reached."""

    serialize_as_secret_always = False

    _context: RunContext

    def configure(self, req: ConfigureRequest) -> None:
        """Extend Pulumi's dynamic host, which has loaded this provider, and begin."""
        config = configuration(req)
        extend(debug=config.get("vod:debug", "").lower() == "true")
        self.begin(of_process(config))

    def begin(self, context: RunContext) -> None:
        """Serve this run."""
        self._context = context


def _raise_again(*_: object) -> NoReturn:
    raise


def _early_request() -> tuple[Any, Any] | None:
    frame: FrameType | None = sys._getframe()  # noqa: SLF001
    while frame is not None:
        if frame.f_code.co_name in _REQUESTS and {"request", "context"}.issubset(frame.f_locals):
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


class _ExtendedHost:
    """The host, extended. `loaded` are the providers that it has loaded, by their `__provider`."""

    def __init__(self, monitor: Any, loaded: Mapping[str, object], engine: str | None, *, debug: bool) -> None:
        self._monitor, self._loaded = monitor, loaded
        self._foreign = threading.BoundedSemaphore(FOREIGN_WORKERS)
        self.session = Session(engine, debug=debug, unannounced=self._unannounced)

    def handlers(self) -> _Handlers:
        return _Handlers(self._serve, self._cancel)

    def _serve(self, name: str, request: Any, context: Any) -> Any:
        method = getattr(self._monitor, name)
        if not self._serves(request):
            with self._foreign:
                return method(request, context)
        with self.session.serve(request.urn, getattr(request, "timeout", 0.0)) as served:
            served.inputs_before = partial(_inputs_before, request)
            try:
                response = method(request, _QuietContext(context))
            except _Aborted as aborted:
                self._fail(context, request, aborted.__cause__ or aborted)
            except Exception as error:  # noqa: BLE001 - it becomes the answer
                self._fail(context, request, error)
            if name == "Diff":
                served.explain(response)
            return response

    def _fail(self, context: Any, request: Any, error: BaseException, abort: Any = None) -> NoReturn:
        self.session.fail(context, error, lambda partial: _described(partial, request), abort)

    @contextmanager
    def _unannounced(self) -> Iterator[ServedRequest]:
        """The request that made the host load us, which was on its way before we could stand in it."""
        early = _early_request()
        if early is None:
            yield ServedRequest()
            return
        request, context = early
        with self.session.serve(request.urn, getattr(request, "timeout", 0.0)) as served:
            served.inputs_before = partial(_inputs_before, request)
            try:
                yield served
            except Exception as error:  # noqa: BLE001 - it becomes the answer
                abort = context.abort
                context.abort = _raise_again  # the host is going to put the traceback in place of our answer
                self._fail(context, request, error, abort)

    def _serves(self, request: Any) -> bool:
        """Whether the request is about a resource of ours, as its `__provider` tells."""
        parts = (getattr(request, part, None) for part in ("news", "properties", "inputs", "olds"))
        named = (it.fields[PROVIDER_KEY].string_value for it in parts if it is not None and PROVIDER_KEY in it.fields)
        return isinstance(self._loaded.get(next(named, "")), OurProvider)

    def _cancel(self, request: Any, context: Any) -> Any:
        self.session.cancel(context)
        return self._monitor.Cancel(request, context)


_extended: _ExtendedHost | None = None


def extend(*, debug: bool) -> None:
    """Extend the host of this process, once, with as much as can be reached, for providers of ours."""
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
        _widen(pool)
    else:
        missing.append("its threads")
    loaded = frame.f_globals.get("_PROVIDER_CACHE") if frame else None
    methods = all(hasattr(monitor, name) for name in (*_REQUESTS, "Cancel"))
    if isinstance(handlers, list) and isinstance(loaded, dict) and methods:
        engine = sys.argv[1] if len(sys.argv) > 1 else None
        _extended = _ExtendedHost(monitor, loaded, engine, debug=debug)
        serving.open_session(_extended.session)
        ours_first = _extended.handlers()
        handlers.insert(0, ours_first)
        # Some releases register their methods by name, and these are not looked for among the generic ones.
        registered = getattr(state, "registered_method_handlers", None) or {}
        registered.update({name: ours_first.methods[name] for name in registered.keys() & ours_first.methods.keys()})
        if workers and not _requeue(pool, monitor, ours_first):
            missing.append("its queue")
    else:
        missing.append("its handlers")
    _outlast_the_end()
    if missing:
        _log.debug("Pulumi's dynamic host is not as expected: %s; going on without", " and ".join(missing))


def _outlast_the_end() -> None:
    """Let SIGTERM pass by, as the engine itself does: a runner sends it to all processes of a job that is cancelled.

    The engine then asks us to stop, which keeps what VOD has accepted, and kills us at the end; without an engine we
    end by ourselves. A process that died at once would leave 'connection reset by peer'. By the C library, since
    Python's own way is for the first thread only, which sits in the host.
    """
    with suppress(OSError, AttributeError, TypeError):
        import ctypes

        ctypes.CDLL(None).signal(signal.SIGTERM, ctypes.c_void_p(1))  # SIG_IGN, which is 1 on all systems with signals


def _widen(pool: Any) -> None:
    """Let the pool start threads as needed and as the machine gives, and never fail for want of one."""
    pool._max_workers = most_workers(WORKERS)  # noqa: SLF001
    adjust = getattr(pool, "_adjust_thread_count", None)
    if callable(adjust) and hasattr(pool, "_threads"):
        pool._adjust_thread_count = partial(start_if_possible, adjust, pool._threads)  # noqa: SLF001


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
    needed = min(len(threads) + len(waiting), pool._max_workers)  # noqa: SLF001
    for item in waiting:
        arguments = getattr(item, "args", None)
        if isinstance(arguments, tuple):
            item.args = tuple(handlers.instead_of(argument, monitor) for argument in arguments)
        queue.put(item)
    while len(threads) < needed:
        if pool._adjust_thread_count() is False:  # noqa: SLF001 - the machine gives no more, see _widen
            break
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


def _inputs_before(request: Any) -> dict[str, Any]:
    """The inputs that were saved with the state, by their names in it; none for a request without."""
    given = getattr(request, "old_inputs", None)
    if given is None:
        given = getattr(request, "inputs", None)
    return deserialized(given, keep_unknowns=True) if given is not None else {}


def _described(partial: PartialFailureError, request: Any) -> provider_pb2.ErrorResourceInitFailed:
    """What the engine is to save of a partial failure, with the reference to the provider that the host adds."""
    import asyncio

    news = getattr(request, "news", None) or request.properties
    properties = asyncio.run(rpc.serialize_properties(dict(partial.outs), {}))
    properties.fields[PROVIDER_KEY].CopyFrom(news.fields[PROVIDER_KEY])
    return provider_pb2.ErrorResourceInitFailed(id=partial.id, properties=properties, inputs=news)
