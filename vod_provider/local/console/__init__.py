"""The page at `/` for people, and the routes that it calls. Like /_local, for this machine only.

No rule of VOD may be in it: it asks `core` as the API does, and shows what it is answered.
"""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from vod_provider.local.core.errors import VodError
from vod_provider.local.core.media_types import AUDIO_TYPES, MEDIA_TYPES
from vod_provider.local.core.rules import Metadata, NewAsset, Vod
from vod_provider.local.core.store import Asset, Filter
from vod_provider.local.http import wire
from vod_provider.local.http.fields import MAX_TITLE_BYTES, Fields, Query, cut_to_bytes
from vod_provider.local.http.json import JsonResponse, read_body

_FOLDER = Path(__file__).parent
_FILES = {"/": "index.html", "/console/style.css": "style.css", "/console/page.js": "page.js"}
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data:; media-src 'self' blob:; frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


def routes(vod: Vod, project: str) -> list[BaseRoute]:
    """The page's files, and the assets as it shows them."""

    async def page(request: Request) -> Response:
        return FileResponse(_FOLDER / _FILES[request.url.path], headers=_HEADERS)

    async def assets(request: Request) -> Response:
        """`{"version", "total", "fail", "assets": [...]}`, or 304 if nothing has changed since `version`.

        `fail` is the setting `extraction.fail`.
        """
        fail = vod.settings.extraction.fail
        version = f"{vod.version}-{fail}"
        if request.query_params.get("version") == version:
            return Response(status_code=304)
        query = Query(request.url.query.encode())
        try:
            size = query.integer("size", 1, 1000) or 50
            wanted = Filter(text=query.text("text"))
        except VodError as error:
            return JsonResponse({"error": error.message}, 400)
        total, found = vod.find(project, wanted, page=0, size=size)
        sources = {asset.asset_id: asset for asset in vod.assets(project, [asset.source_id for asset in found])}
        shown = [_shown(asset, sources.get(asset.source_id)) for asset in found]
        return JsonResponse({"version": version, "total": total, "fail": fail, "assets": shown})

    async def create(request: Request) -> Response:
        """Begin an upload: `{"name": FILE NAME}` gives `{"asset_id", "upload"}`."""
        try:
            name = Fields.of_body(await read_body(request), {"name"}).required_text("name", 1024)
        except VodError as error:
            return JsonResponse({"error": error.why}, 400)
        video_type = name.rpartition(".")[2].upper()
        if video_type not in MEDIA_TYPES:
            return JsonResponse({"error": f"{name} is no kind of file that VOD takes"}, 400)
        label = cut_to_bytes(name, MAX_TITLE_BYTES)
        asset = vod.create(project, NewAsset(Metadata(title=label), label, video_type))
        return JsonResponse({"asset_id": asset.asset_id, "upload": urlsplit(wire.upload_url(asset, "")).path})

    async def confirm(request: Request) -> Response:
        """End an upload."""
        try:
            await vod.confirm(project, request.path_params["asset_id"], "CREATED")
        except VodError as error:
            return JsonResponse({"error": error.why}, 400)
        return Response(status_code=204)

    async def remove(request: Request) -> Response:
        """Delete an asset, and end what is being done with it."""
        try:
            await vod.remove(project, request.path_params["asset_id"])
        except VodError as error:
            return JsonResponse({"error": error.message}, 404)
        return Response(status_code=204)

    async def waveform(request: Request) -> Response:
        """`{"peaks": [0 to 100, ...]}` of an asset's sound."""
        found = vod.assets(project, [request.path_params["asset_id"]])
        outline = await vod.peaks(found[0]) if found else None
        if outline is None:
            return JsonResponse({"error": "no sound"}, 404)
        return JsonResponse(outline, headers={"Cache-Control": "max-age=86400"})

    async def playable(request: Request) -> Response:
        """The sound of an asset of raw AAC, in a container that tells its length."""
        found = vod.assets(project, [request.path_params["asset_id"]])
        copy = await vod.playable(found[0]) if found else None
        if copy is None:
            return JsonResponse({"error": "no raw AAC"}, 404)
        return _Once(copy, media_type="audio/mp4", headers={"X-Content-Type-Options": "nosniff"})

    return [
        *(Route(path, page, methods=["GET"]) for path in _FILES),
        Route("/_local/assets", assets, methods=["GET"]),
        Route("/_local/assets", create, methods=["POST"]),
        Route("/_local/assets/{asset_id}", remove, methods=["DELETE"]),
        Route("/_local/assets/{asset_id}/uploaded", confirm, methods=["POST"]),
        Route("/_local/assets/{asset_id}/waveform", waveform, methods=["GET"]),
        Route("/_local/assets/{asset_id}/playable", playable, methods=["GET"]),
    ]


class _Once(FileResponse):
    """A file that was made for one answer, and is removed after it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the file, as far as somebody takes it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            Path(self.path).unlink(missing_ok=True)


def _shown(asset: Asset, source: Asset | None) -> dict[str, object]:
    return {
        "id": asset.asset_id,
        "title": asset.title,
        "description": asset.description or "",
        "tags": asset.tags or "",
        "kind": "audio" if asset.video_type in AUDIO_TYPES else "video",
        "format": asset.video_type,
        "status": asset.status,
        "reason": asset.reason,
        "created": asset.created,
        "facts": json.loads(asset.meta) if asset.meta else None,
        "media": wire.media_url(asset, "") if asset.meta else None,
        "source": asset.source_id and {"id": asset.source_id, "title": source.title if source else None},
    }
