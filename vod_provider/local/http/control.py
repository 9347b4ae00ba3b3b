"""/_local: what a test or a person asks of the service beside VOD's API. No signature; for this machine only."""

from __future__ import annotations

import hmac

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from vod_provider._version import __version__
from vod_provider.local.core.calls import Calls
from vod_provider.local.core.errors import FaultError, SettingsError
from vod_provider.local.core.faults import Faults, parse_faults
from vod_provider.local.core.hosts import is_loopback, split_url
from vod_provider.local.core.quota import Quotas
from vod_provider.local.core.rules import Vod
from vod_provider.local.http.json import JsonResponse, read_json
from vod_provider.local.http.operations import OPERATION_NAMES

_FOR_EVERYBODY = ("/media/", "/upload/", "/_local/health")


class Guard:
    """Keeps /_local and the page for this machine.

    A caller passes whose connection and whose Host header are both loopback: a browser that was led here under
    another name (DNS rebinding) comes from loopback too, but names the other site. Anybody else must show the token,
    which counts only where others can reach the service at all: else it may be the one that everybody knows.
    A browser that shows a page of another site (Origin) is refused either way.
    """

    def __init__(self, app: ASGIApp, token: str, *, loopback_only: bool) -> None:
        self._app = app
        self._token = token.encode()
        self._loopback_only = loopback_only

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what may pass."""
        guarded = scope["type"] == "http" and not scope["path"].startswith(_FOR_EVERYBODY)
        if guarded and not self._may_pass(scope):
            await JsonResponse({"error": "only for this machine"}, 403)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _may_pass(self, scope: Scope) -> bool:
        headers = Headers(scope=scope)
        host, origin = headers.get("host", ""), headers.get("origin")
        if origin is not None and not _is_origin_of(origin, host):
            return False
        client = (scope.get("client") or ("",))[0]
        if is_loopback(client) and _names_loopback(host):
            return True
        token = headers.get("x-auth-token")
        return (
            not self._loopback_only and token is not None and hmac.compare_digest(token.encode("latin-1"), self._token)
        )


def _is_origin_of(origin: str, host: str) -> bool:
    parts = split_url(origin)
    return parts is not None and parts.netloc != "" and parts.netloc.lower() == host.lower()


def _names_loopback(host: str) -> bool:
    parts = split_url(f"//{host}")
    return parts is not None and "@" not in parts.netloc and is_loopback(parts.hostname or "")


def routes(vod: Vod, faults: Faults, calls: Calls, quotas: Quotas) -> list[BaseRoute]:
    """The routes under /_local."""

    async def health(_request: Request) -> Response:
        return JsonResponse({"status": "ok", "version": __version__})

    async def get_settings(_request: Request) -> Response:
        return JsonResponse(vod.settings.as_json())

    async def put_settings(request: Request) -> Response:
        try:
            vod.change_settings(await read_json(request))
        except SettingsError as exc:
            return _bad_request(exc)
        return JsonResponse(vod.settings.as_json())

    async def get_calls(request: Request) -> Response:
        return JsonResponse(calls.as_json(request.query_params.get("operation")))

    async def delete_calls(_request: Request) -> Response:
        calls.clear()
        return Response(status_code=204)

    async def get_faults(_request: Request) -> Response:
        return JsonResponse(faults.as_json())

    async def post_faults(request: Request) -> Response:
        try:
            faults.add(parse_faults(await read_json(request), OPERATION_NAMES))
        except FaultError as exc:
            return _bad_request(exc)
        return JsonResponse(faults.as_json())

    async def delete_faults(_request: Request) -> Response:
        faults.clear()
        return Response(status_code=204)

    async def reset(_request: Request) -> Response:
        await vod.reset()
        faults.clear()
        calls.clear()
        quotas.clear()
        return Response(status_code=204)

    return [
        Route("/_local/health", health, methods=["GET"]),
        Route("/_local/settings", get_settings, methods=["GET"]),
        Route("/_local/settings", put_settings, methods=["PUT"]),
        Route("/_local/calls", get_calls, methods=["GET"]),
        Route("/_local/calls", delete_calls, methods=["DELETE"]),
        Route("/_local/faults", get_faults, methods=["GET"]),
        Route("/_local/faults", post_faults, methods=["POST"]),
        Route("/_local/faults", delete_faults, methods=["DELETE"]),
        Route("/_local/reset", reset, methods=["POST"]),
    ]


def _bad_request(exc: Exception) -> Response:
    return JsonResponse({"error": str(exc)}, 400)
