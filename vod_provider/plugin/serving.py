"""One request of Pulumi's engine being served, at either door: by Pulumi's dynamic host, or by a plugin of our own.

A door opens a `Session` for its process, and serves each request within `Session.serve`. The provider asks for the
request that its thread serves with `current_request()`, whichever door it came through.
"""

from __future__ import annotations

import logging
import os
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any, NoReturn, Protocol

import grpc
from google.protobuf import any_pb2
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, provider_pb2, status_pb2

from vod_provider.audio.operation import Operation
from vod_provider.plugin import engine_watch
from vod_provider.plugin.errors import PartialFailureError
from vod_provider.plugin.owner import backend, owner_of
from vod_provider.plugin.status_rows import StatusRows
from vod_provider.text import printable
from vod_provider.vod.deadline import Stop

_log = logging.getLogger(__name__)

CLOSING_S = 10.0
"""At the end of a run the engine waits less than this for the answer to Cancel, and longer on Ctrl-C: 5 s and 30 s.

Source: `Close` and `SignalCancellation` of the engine's plugin host."""


@dataclass
class ServedRequest:
    """One request being served: what it knows, and what the answer is to hold beyond the provider's result.

    `last_line` is what its row ends with; '' leaves it as it is. `detailed` says by the path of a property what a diff
    does with it, as a `PropertyDiff.Kind`; those of the properties `of_inputs` are differences from the inputs
    before, and the others from the outputs; `stables` are outputs that an update leaves as they are.
    `inputs_before` has the inputs that were saved with the state; None where the host does not tell them.
    """

    operation: Operation = field(default_factory=Operation)
    urn: str = ""
    last_line: str = ""
    detailed: dict[str, str] = field(default_factory=dict)
    of_inputs: tuple[str, ...] = ()
    stables: tuple[str, ...] = ()
    inputs_before: Callable[[], dict[str, Any]] | None = None

    @property
    def owners(self) -> str:
        """What the `Operation.owner` of every resource of the stack begins with; '' where the host does not say."""
        stack = "".join(f"{part}::" for part in self.urn.split("::")[:2] if part)
        return self.operation.owner.removesuffix(self.urn) + stack

    def explain(self, response: Any) -> None:
        """Add to a diff's answer which property does what, so that the preview marks exactly these."""
        kinds = provider_pb2.PropertyDiff.Kind
        response.stables.extend(self.stables)
        if self.detailed:
            response.hasDetailedDiff = True
            properties = {path: path.partition("[")[0] for path in self.detailed}
            for path, kind in self.detailed.items():
                response.detailedDiff[path].kind = kinds.Value(kind)
                response.detailedDiff[path].inputDiff = properties[path] in self.of_inputs
            response.diffs.extend(dict.fromkeys(properties.values()))  # names alone: a row has no other


class EngineLog(Protocol):
    """Sends the engine one message: for a resource's row if `ephemeral`, else one that stays when the run is over."""

    def __call__(self, urn: str, text: str, *, ephemeral: bool = ..., warning: bool = ...) -> None: ...


class Session:
    """What all requests to one plugin process share. `engine` is the engine's address, as 'host:port'; None for none.

    `wording` puts a message into the words of the door, such as the names of properties. `unannounced` serves a request
    that was on its way before the session began; None where there cannot be one. `watches`: this process ends with the
    engine by the session's doing.
    """

    def __init__(
        self,
        engine: str | None,
        *,
        debug: bool = False,
        environ: Mapping[str, str] = os.environ,
        log: EngineLog | None = None,
        wording: Callable[[str], str] = lambda text: text,
        unannounced: Callable[[], AbstractContextManager[ServedRequest]] | None = None,
        watches: bool = True,
    ) -> None:
        self.engine = engine
        self.stop = Stop()
        self.when_over: list[Callable[[], None]] = []
        self.debug = debug
        self._wording = wording
        self.unannounced = unannounced
        self._backend = backend(environ)
        self._lock = threading.Lock()
        self._under_way = 0
        self._send = log or (engine_log(engine) if engine else None)
        self._rows = StatusRows(self._send) if self._send else None
        if engine and watches:
            engine_watch.end_without(engine, self.stop)

    @contextmanager
    def serve(self, urn: str, timeout: float = 0.0) -> Iterator[ServedRequest]:
        """Serve one request in this thread. `timeout` is what the user has set, in seconds; 0 for none."""
        with self._lock:
            self._under_way += 1

        def report(text: str) -> None:
            if self._rows is not None:
                self._rows.show(urn, self._wording(text))

        def warn_(text: str) -> None:
            self.warn(text, urn)

        operation = Operation(owner_of(self._backend, urn), timeout, self.stop, report, warn_)
        request = ServedRequest(operation, urn)
        try:
            with serving(request) as served:
                yield served
        finally:
            with self._lock:
                self._under_way -= 1
            if self._rows is not None:
                self._rows.done(urn, request.last_line)

    def say(self, text: str) -> None:
        """Show a line that stays, below the run."""
        if self._send is not None:
            self._send("", self._wording(text), ephemeral=False)

    def warn(self, text: str, urn: str = "") -> None:
        """Show a warning that stays: of the resource of that URN, or of the whole run."""
        if self._send is not None:
            self._send(urn, self._wording(text), ephemeral=False, warning=True)
        else:
            _log.warning("%s", text)

    def fail(
        self,
        context: Any,
        error: BaseException,
        describe: Callable[[PartialFailureError], provider_pb2.ErrorResourceInitFailed],
        abort: Callable[..., Any] | None = None,
    ) -> NoReturn:
        """Answer the request of that context with an error: one line, or a partial failure that `describe` describes.

        `abort` stands for the context's own where that has been taken away.
        """
        abort = abort or context.abort
        line = self._wording(one_line(error))
        if isinstance(error, PartialFailureError):
            detail = any_pb2.Any()
            described = describe(error)
            described.reasons.extend(self._wording(printable(one)) for one in error.reasons)
            detail.Pack(described)
            code: int = grpc.StatusCode.UNKNOWN.value[0]
            status = status_pb2.Status(code=code, message=line, details=[detail])
            context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
        elif self.debug:
            abort(grpc.StatusCode.UNKNOWN, "".join(traceback.format_exception(error)))
        abort(grpc.StatusCode.UNKNOWN, line)
        raise AssertionError("abort returns never")

    def cancel(self, context: Any) -> None:
        """Stop all waiting, as the engine asks; where that is how it ends a run, the run is over."""
        # Called at the end of every run, when all that was answered has been saved; and on the first Ctrl-C, after
        # which a second may keep the engine from saving anything. The time that it gives us tells them apart.
        ended = not self.stop.called and (context.time_remaining() or float("inf")) <= CLOSING_S
        self.stop()
        with self._lock:
            idle = self._under_way == 0
        if ended and idle:
            for callback in self.when_over:
                callback()


_session: Session | None = None
_serving = threading.local()


def open_session(session: Session) -> Session:
    """Make `session` the one of this process."""
    global _session
    _session = session
    return session


@contextmanager
def serving(request: ServedRequest) -> Iterator[ServedRequest]:
    """As long as this is entered, `request` is the one that this thread serves."""
    _serving.request = request
    try:
        yield request
    finally:
        _serving.request = None


@contextmanager
def current_request() -> Iterator[ServedRequest]:
    """The request that this thread serves; one of defaults where the host could not be extended."""
    current: ServedRequest | None = getattr(_serving, "request", None)
    if current is not None:
        yield current
    elif _session is not None and _session.unannounced is not None:
        with _session.unannounced() as served:
            yield served
    else:
        yield ServedRequest()


def stop() -> Stop:
    """What ends all waiting in this process."""
    return _session.stop if _session is not None else Stop()


def run() -> str:
    """What all plugins of this run of the engine have in common, and those of another run do not; '' where unknown.

    The engine listens on a port of its own in each run. That the next run gets the same one of 28,000 is not excluded.
    """
    return (_session.engine or "") if _session is not None else ""


def say(text: str) -> None:
    """Show a line that stays, below the run; nowhere where the engine cannot be reached."""
    if _session is not None:
        _session.say(text)


def warn(text: str) -> None:
    """Show a warning that stays, below the run; in the plugin's own log where the engine cannot be reached."""
    if _session is not None:
        _session.warn(text)
    else:
        _log.warning("%s", text)


def when_over(callback: Callable[[], None]) -> None:
    """Call `callback` when the run is over; never, where that cannot be known."""
    if _session is not None:
        _session.when_over.append(callback)


def one_line(error: BaseException) -> str:
    """The error's own text in one line; a mistake of ours is named as what it is."""
    text = printable(str(error))
    if type(error).__module__.startswith("vod_provider."):
        return text
    return f"{type(error).__name__}: {text} (a mistake in vod_provider; vod:debug shows where)"


def engine_log(engine: str) -> EngineLog:
    """Sends messages to the engine at that address, which says in whose row a message appears by its URN."""
    stub = engine_pb2_grpc.EngineStub(grpc.insecure_channel(engine))

    def send(urn: str, text: str, *, ephemeral: bool = True, warning: bool = False) -> None:
        severity = engine_pb2.WARNING if warning else engine_pb2.INFO
        try:
            stub.Log(engine_pb2.LogRequest(severity=severity, message=text, urn=urn, ephemeral=ephemeral), timeout=5)
        except grpc.RpcError as exc:
            _log.debug("the engine took no message for %s: %s", urn, exc)

    return send
