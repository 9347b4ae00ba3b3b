"""The wire: routes a call, lets it in or refuses it, answers it, and injects the faults that a test asked for."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from vod_provider.local.core.calls import Call, Calls
from vod_provider.local.core.errors import DOCUMENTED, VodError, internal, no_such_api, wrong_content_type, wrong_tenant
from vod_provider.local.core.faults import Fault, Faults
from vod_provider.local.core.quota import Quotas
from vod_provider.local.core.rules import Vod
from vod_provider.local.http import auth, control, transfer
from vod_provider.local.http.auth import Credentials, RawRequest
from vod_provider.local.http.connection import abort, drop
from vod_provider.local.http.json import MAX_BODY_BYTES, dumps
from vod_provider.local.http.operations import OPERATIONS, Answer, Operation, Request

_log = logging.getLogger(__name__)
_PREFIX = "/v1.0/"
_WITHOUT_BODY = frozenset({204, 304})
"""Statuses that HTTP has no body for; a fault can have any."""


@dataclass(frozen=True)
class Bench:
    """What a test sets and reads: faults, calls, quotas counted so far."""

    faults: Faults
    calls: Calls
    quotas: Quotas


class Api:
    """VOD's API as an ASGI application."""

    def __init__(
        self, vod: Vod, bench: Bench, credentials: Credentials, project: str, clock: Callable[[], float]
    ) -> None:
        self._vod = vod
        self._bench = bench
        self._credentials = credentials
        self._project = project
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call."""
        method: str = scope["method"]
        project, _, rest = scope["path"][len(_PREFIX) :].partition("/")
        operation = OPERATIONS.get((method, "/" + rest.rstrip("/")))
        reply = _Reply(scope, receive, send)
        if operation is None:
            await reply.refuse(self._told(no_such_api(method, scope["path"])))
            return
        call = self._bench.calls.arrived(operation.name, self._clock())
        body = await _read_body(receive)
        if body is None:
            return
        fault = self._bench.faults.take(operation.name)
        if fault is not None and fault.prevents_work:
            await _fail(reply, call, fault, self._vod.settings.dialects.gateway_prefix)
            return
        started = time.perf_counter()
        status, content = await self._work(scope, operation, project, body, call, reply.request_id)
        self._bench.calls.named(call)
        if _log.isEnabledFor(logging.INFO):
            _log_call(operation.name, status, reply.request_id, call, time.perf_counter() - started)
        if fault is not None:
            await _answer_with_fault(reply, call, fault, status, content)
            return
        call.status = status
        await reply.send(status, content)

    async def _work(
        self, scope: Scope, operation: Operation, project: str, body: bytes, call: Call, request_id: str
    ) -> tuple[int, bytes]:
        try:
            answer = await self._let_in(scope, operation, project, body, call)
        except VodError as error:
            _log.info("%s refused: %s", operation.name, error)
            return error.status, _error_body(self._told(error), request_id)
        except Exception as exc:  # noqa: BLE001  # a full disk, most of all; the log has the rest
            _log.exception("%s failed", operation.name)
            fault = internal(str(exc))
            return fault.status, _error_body(fault, request_id)
        return answer.status, _content(answer.body)

    def _told(self, error: VodError) -> VodError:
        """The error with the prefix that the gateway's codes have in the dialect that is on."""
        if not error.code.startswith("APIGW."):
            return error
        code = f"{self._vod.settings.dialects.gateway_prefix}.{error.code.removeprefix('APIGW.')}"
        return VodError(error.status, code, error.message, error.why)

    async def _let_in(self, scope: Scope, operation: Operation, project: str, body: bytes, call: Call) -> Answer:
        if len(body) > MAX_BODY_BYTES:
            raise VodError(413, "APIGW.0201", "Request entity too large")
        now = self._clock()
        headers = dict(scope["headers"])
        raw = RawRequest(scope["method"], scope["raw_path"], scope["query_string"], headers, body)
        auth.verify(raw, self._credentials, now)
        if project != self._project or headers.get(b"x-project-id", project.encode()) != project.encode():
            raise wrong_tenant(project)
        limit = round(operation.quota * self._vod.settings.quota_scale)
        if self._vod.settings.quota_scale > 0:
            limit = max(1, limit)
        self._bench.quotas.admit(project, operation.name, limit, time.monotonic())
        content_type = headers.get(b"content-type", b"application/json").split(b";")[0].strip().lower()
        if body and content_type != b"application/json":
            raise wrong_content_type(content_type.decode("latin-1"))
        request = Request(project, scope["query_string"], body, call.asset_ids)
        return await operation.handler(self._vod, request)


class _Reply:
    """The answer to one call."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self.request_id = secrets.token_hex(16)

    async def send(self, status: int, content: bytes, content_type: bytes = b"application/json") -> None:
        await self._send(self._start(status, content, content_type))
        await self._send({"type": "http.response.body", "body": b"" if status in _WITHOUT_BODY else content})

    async def refuse(self, error: VodError) -> None:
        await self.send(error.status, _error_body(error, self.request_id))

    async def send_half(self, status: int, content: bytes) -> None:
        """Send the headers and half of the body, then break off."""
        await self._send(self._start(status, content, b"application/json"))
        half = content[: len(content) // 2]
        await self._send({"type": "http.response.body", "body": half, "more_body": True})
        await drop(self._scope, self._receive, reset=False)

    async def drop(self) -> None:
        """End the connection without an answer."""
        await drop(self._scope, self._receive, reset=True)

    def _start(self, status: int, content: bytes, content_type: bytes) -> dict[str, object]:
        headers = [(b"x-request-id", self.request_id.encode())]
        if status not in _WITHOUT_BODY:
            headers += [(b"content-type", content_type), (b"content-length", b"%d" % len(content))]
        return {"type": "http.response.start", "status": status, "headers": headers}


async def _fail(reply: _Reply, call: Call, fault: Fault, gateway_prefix: str) -> None:
    """A fault that keeps the work from being done."""
    await asyncio.sleep(fault.delay_s)
    if fault.drop == "before" or fault.status is None:
        await reply.drop()
        return
    call.status = fault.status
    if fault.body is not None:
        await reply.send(fault.status, fault.body.encode(), b"text/html")
        return
    code = fault.error_code or (f"{gateway_prefix}.0308" if fault.status == 429 else "VOD.10051")
    _, message = DOCUMENTED.get(code.replace("APIG.", "APIGW."), (0, "This error is not documented."))
    await reply.refuse(VodError(fault.status, code, f"{message} (asked for at /_local/faults)"))


async def _answer_with_fault(reply: _Reply, call: Call, fault: Fault, status: int, content: bytes) -> None:
    """A fault of the answer: the work is done."""
    await asyncio.sleep(fault.delay_s)
    if fault.drop == "after":
        await reply.drop()
    elif fault.drop == "middle":
        await reply.send_half(status, content)
    else:
        call.status = status
        if fault.body is None:
            await reply.send(status, content)
        else:
            await reply.send(status, fault.body.encode(), b"text/html")


async def _read_body(receive: Receive) -> bytes | None:
    """The body, cut off a little above what is allowed; None if the caller is gone."""
    chunks = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        chunk: bytes = message.get("body", b"")
        if size <= MAX_BODY_BYTES:
            chunks.append(chunk)
        size += len(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)


def _error_body(error: VodError, request_id: str) -> bytes:
    body = {"error_code": error.code, "error_msg": error.message}
    if error.code.startswith(("APIGW.", "APIG.")):
        body["request_id"] = request_id  # the gateway says it in the body too
    return dumps(body)


def _content(body: object) -> bytes:
    if isinstance(body, bytes):
        return body
    return b"" if body is None else dumps(body)


def _log_call(operation: str, status: int, request_id: str, call: Call, seconds: float) -> None:
    _log.info(
        "%s %d",
        operation,
        status,
        extra={"request_id": request_id, "asset_ids": call.asset_ids, "ms": round(seconds * 1000, 1)},
    )


def create_app(
    vod: Vod,
    credentials: Credentials,
    project: str,
    *,
    pages: Sequence[BaseRoute] = (),
    loopback_only: bool = True,
    clock: Callable[[], float] = time.time,
) -> ASGIApp:
    """The whole service: VOD's API, uploads and media, /_local, and the pages that are handed in."""
    bench = Bench(Faults(), Calls(), Quotas())
    api = Api(vod, bench, credentials, project, clock)
    routes = [
        *transfer.routes(vod),
        *control.routes(vod, bench.faults, bench.calls, bench.quotas),
        *pages,
    ]
    rest = control.Guard(Starlette(routes=routes), credentials.token, loopback_only=loopback_only)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        handler = api if scope["path"].startswith(_PREFIX) else rest
        try:
            await handler(scope, receive, send)
        except asyncio.CancelledError:  # the service ends, and this call has had its time
            abort(scope)

    return app
