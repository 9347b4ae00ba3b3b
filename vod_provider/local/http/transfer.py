"""Uploads in, media out: streamed, whole or not at all, only to addresses that nobody can guess."""

from __future__ import annotations

import errno
import logging
import os
import shutil
from pathlib import Path

import anyio.to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Message, Receive, Scope, Send

from vod_provider.local.core.errors import VodError
from vod_provider.local.core.rules import Vod, upload_names
from vod_provider.local.http.connection import drop

_log = logging.getLogger(__name__)
_WRITE_BYTES = 1 << 20
_FREE_SPACE = 512 << 20
"""Bytes of the disk that uploads leave free: without any the database could take nothing in."""
_TYPES = {
    "MP3": "audio/mpeg", "AAC": "audio/aac", "M4A": "audio/mp4", "WAV": "audio/wav", "FLAC": "audio/flac",
    "OGG": "audio/ogg", "MP4": "video/mp4", "M4V": "video/mp4", "MOV": "video/quicktime", "WEBM": "video/webm",
    "MKV": "video/x-matroska", "TS": "video/mp2t", "AVI": "video/x-msvideo", "FLV": "video/x-flv",
    "JPG": "image/jpeg", "PNG": "image/png", "SRT": "application/x-subrip",
}  # fmt: skip


def routes(vod: Vod) -> list[BaseRoute]:
    """PUT of uploads, GET of media."""

    async def upload(request: Request) -> Response:
        asset_id, token, name = (request.path_params[key] for key in ("asset_id", "token", "name"))
        asset = vod.awaiting_upload(asset_id, token)
        if asset is None or name not in upload_names(asset):
            return _storage_error(403, "AccessDenied", "The address is wrong, or the upload is over.")
        part = vod.new_part()
        try:
            await _receive(request, part)
            vod.uploaded(asset_id, token, name, part)
        except ClientDisconnect:
            return _storage_error(400, "RequestTimeout", "The upload broke off.")
        except VodError as error:
            return _storage_error(error.status, "AccessDenied", error.message)
        except OSError as exc:
            _log.exception("an upload failed")
            if exc.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                return _storage_error(507, "InsufficientStorage", "No space is left for the upload.")
            return _storage_error(500, "InternalError", "The upload could not be stored.")
        finally:
            part.unlink(missing_ok=True)
        return Response(status_code=200)

    async def media(request: Request) -> Response:
        token, _, extension = request.path_params["name"].partition(".")
        path = vod.media(request.path_params["asset_id"], token)
        return file_response(path, extension)

    async def extra(request: Request) -> Response:
        asset_id, token, name = (request.path_params[key] for key in ("asset_id", "token", "name"))
        return file_response(vod.extra_media(asset_id, token, name), name.rpartition(".")[2])

    def file_response(path: Path | None, extension: str) -> Response:
        if path is None:
            return _storage_error(404, "NoSuchKey", "There is no such media.")
        headers = {"Access-Control-Allow-Origin": "*", "X-Content-Type-Options": "nosniff"}
        return _MediaResponse(
            path, media_type=_TYPES.get(extension.upper(), "application/octet-stream"), headers=headers
        )

    return [
        Route("/upload/{asset_id}/{token}/{name}", upload, methods=["PUT"]),
        Route("/media/{asset_id}/{name}", media, methods=["GET", "HEAD"]),
        Route("/media/{asset_id}/{token}/{name}", extra, methods=["GET", "HEAD"]),
    ]


class _MediaResponse(FileResponse):
    """A file that may be deleted while it is being sent."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it; if it is gone already, say so, and if it goes in between, break off."""
        begun = False

        async def noticed(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await super().__call__(scope, receive, noticed)
        except (FileNotFoundError, RuntimeError):  # the latter is Starlette's word for it
            if begun:
                await drop(scope, receive, reset=True)
            else:
                await _storage_error(404, "NoSuchKey", "There is no such media.")(scope, receive, send)


async def _receive(request: Request, part: Path) -> None:
    """Write the body as it comes, in blocks, off the event loop. Raises OSError, also if it may fill the disk."""
    with part.open("wb") as file:
        buffer = bytearray()
        async for chunk in request.stream():
            buffer += chunk
            if len(buffer) >= _WRITE_BYTES:
                if shutil.disk_usage(part.parent).free < _FREE_SPACE:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                block, buffer = buffer, bytearray()
                await anyio.to_thread.run_sync(file.write, block)
        await anyio.to_thread.run_sync(file.write, buffer)


def _storage_error(status: int, code: str, message: str) -> Response:
    # Uploads and media are the object storage's (OBS), which answers in XML.
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>'
    return Response(text, status_code=status, media_type="application/xml")
