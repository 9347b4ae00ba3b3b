"""VOD's operations: how each is called, which fields it reads, what it answers. No rules, no connection.

Names are those of the official client's methods, save ExtractAudio and CancelExtractAudio (there
CreateExtractAudioTask and CancelExtractAudioTask). Quotas are calls a minute.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from vod_provider.local.core.errors import VodError, illegal_field
from vod_provider.local.core.fetch import extension
from vod_provider.local.core.media_types import MEDIA_TYPES
from vod_provider.local.core.rules import MOST_LISTED, Absent, Extra, Metadata, NewAsset, Vod
from vod_provider.local.core.store import Asset, Filter
from vod_provider.local.http import wire
from vod_provider.local.http.fields import (
    MAX_DESCRIPTION_BYTES,
    MAX_TITLE_BYTES,
    Fields,
    Query,
    checked_id,
    cut_to_bytes,
)
from vod_provider.local.http.json import dumps

_INFO_STATUSES = frozenset(
    [
        "UNCREATED",
        "DELETED",
        "CANCELLED",
        "SERVER_ERROR",
        "UPLOAD_FAILED",
        "CREATING",
        "PUBLISHED",
        "WAITING_TRANSCODE",
        "TRANSCODING",
        "TRANSCODE_FAILED",
        "TRANSCODE_SUCCEED",
        "CREATED",
        "NO_ASSET",
        "DELETING",
        "DELETE_FAILED",
        "OBS_CREATING",
        "OBS_CREATE_FAILED",
        "OBS_CREATE_SUCCESS",
    ]
)
_LIST_STATUSES = frozenset(
    [
        "CREATING",
        "FAILED",
        "CREATED",
        "PUBLISHED",
        "TRANSCODING",
        "TRANSCODE_SUCCEED",
        "TRANSCODE_FAILED",
        "THUMBNAILING",
        "THUMBNAIL_SUCCEED",
        "THUMBNAIL_FAILED",
        "UN_REVIEW",
        "REVIEWING",
        "REVIEW_SUSPICIOUS",
        "REVIEW_PASSED",
        "REVIEW_FAILED",
        "REVIEW_BLOCKED",
    ]
)
_TRANSCODE_STATUSES = frozenset(
    ["TRANSCODING", "TRANSCODE_FAILED", "TRANSCODE_SUCCEED", "UN_TRANSCODE", "WAITING_TRANSCODE"]
)
_DETAILS = frozenset({"base_info", "transcode_info", "thumbnail_info", "review_info"})
_NEW_ASSET_FIELDS = frozenset(
    [
        "title",
        "description",
        "category_id",
        "tags",
        "video_type",
        "auto_publish",
        "template_group_name",
        "auto_encrypt",
        "auto_preheat",
        "thumbnail",
        "review",
        "workflow_name",
    ]
)
_FILE_FIELDS = _NEW_ASSET_FIELDS | {"video_name", "video_md5", "cover_type", "cover_md5", "subtitles"}
_MAX_URLS = 16
_SUBTITLE_FIELDS = frozenset(("id", "type", "language", "name", "md5", "description"))
_MAX_SUBTITLES = 8
_MAX_CATEGORY = 2**63 - 1


@dataclass(slots=True)
class Request:
    """A call that has been let in; `asset_ids` collects the ids named in it and in its answer."""

    project: str
    query: bytes
    body: bytes
    asset_ids: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Answer:
    """HTTP status, and what goes into the body as JSON; bytes are JSON already, None is no body."""

    status: int
    body: object = None


Handler = Callable[[Vod, Request], Awaitable[Answer]]


@dataclass(frozen=True)
class Operation:
    """One operation: its path is relative to /v1.0/{project_id}."""

    name: str
    method: str
    path: str
    quota: int
    handler: Handler


async def _create_asset_by_file_upload(vod: Vod, request: Request) -> Answer:
    fields = Fields.of_body(request.body, _FILE_FIELDS)
    video_name = fields.required_text("video_name", MAX_TITLE_BYTES)
    extras = _extras(fields)
    asset = vod.create(request.project, _new_asset(fields, video_name, extras))
    urls = {extra: wire.upload_url(asset, vod.public_url, extra.name) for extra in extras}
    request.asset_ids.append(asset.asset_id)
    body: dict[str, object] = {
        "asset_id": asset.asset_id,
        "video_upload_url": wire.upload_url(asset, vod.public_url),
        "cover_upload_url": next((url for extra, url in urls.items() if extra.kind == "cover"), None),
        "subtitle_upload_urls": [url for extra, url in urls.items() if extra.kind == "subtitle"],
        "target": {
            "bucket": "local",
            "location": "local",
            "object": f"{asset.asset_id}/{asset.token}.{asset.video_type.lower()}",
        },
    }
    return Answer(200, body)


async def _confirm_asset_upload(vod: Vod, request: Request) -> Answer:
    fields = Fields.of_body(request.body, {"asset_id", "status"})
    asset_id = fields.asset_id()
    status = fields.required_choice("status", {"CREATED", "FAILED", "CANCELLED"})
    request.asset_ids.append(asset_id)
    await vod.confirm(request.project, asset_id, status)
    return Answer(200, {"asset_id": asset_id})


async def _upload_meta_data_by_url(vod: Vod, request: Request) -> Answer:
    fields = Fields.of_body(request.body, {"upload_metadatas"})
    items = fields.objects("upload_metadatas", _NEW_ASSET_FIELDS | {"url"}, _MAX_URLS)
    if not items:
        raise illegal_field("upload_metadatas", "missing or empty")
    read = [(item.required_text("url", 2048), item) for item in items]
    made = [(url, _new_asset(item, _file_name(url))) for url, item in read]
    answers: list[dict[str, object]] = []
    for url, new in made:
        try:
            if not extension(url):
                raise illegal_field("url", "does not end in an extension")
            asset = vod.create_by_url(request.project, new, url)
        except VodError as error:
            answers.append({"url": url, "error_code": error.code, "error_msg": error.message})
        else:
            request.asset_ids.append(asset.asset_id)
            answers.append({"url": url, "asset_id": asset.asset_id})
    return Answer(200, {"upload_assets": answers})


async def _extract_audio(vod: Vod, request: Request) -> Answer:
    fields = Fields.of_body(request.body, {"asset_id", "parameter"})
    source_id = fields.asset_id()
    parameter = fields.object("parameter", {"format"})
    audio_format = parameter.choice("format", {"MP3", "AAC"}) if parameter else None
    request.asset_ids.append(source_id)
    audio = vod.extract(request.project, source_id, audio_format)
    request.asset_ids.append(audio.asset_id)
    return Answer(202, {"asset_id": source_id, "audio_asset_id": audio.asset_id})


async def _cancel_extract_audio(vod: Vod, request: Request) -> Answer:
    asset_id = Query(request.query).asset_id()
    request.asset_ids.append(asset_id)
    vod.cancel(request.project, asset_id)
    return Answer(204)


async def _show_asset_meta(vod: Vod, request: Request) -> Answer:
    query = Query(request.query)
    ids = query.asset_ids()
    if ids:
        request.asset_ids.extend(ids)
        told = vod.info(request.project, ids)
        total, truncated = len(told) - sum(isinstance(one, Absent) for one in told), 0
    else:
        statuses = query.choices("status", _INFO_STATUSES) + query.choices("assetStatus", {"PUBLISHED", "CREATED"})
        transcode = query.choices("transcodeStatus", _TRANSCODE_STATUSES)
        page, size = _page(query)
        wanted = _filter(query, statuses)
        if transcode and "UN_TRANSCODE" not in transcode:
            total, told = 0, []  # nothing is transcoded here
        else:
            total, found = vod.find(request.project, wanted, page=page, size=size)
            told = list(found)
        truncated = int((page + 1) * size < total)
        request.asset_ids.extend(one.asset_id for one in told)
    infos = b",".join(
        wire.asset_info_json(one, vod.public_url)
        if isinstance(one, Asset)
        else dumps(wire.absent_info(one.asset_id, one.status))
        for one in told
    )
    body = b'{"asset_info_array":[%b],"is_truncated":%d,"total":%d}' % (infos, truncated, total)
    return Answer(200, body)


async def _show_asset_detail(vod: Vod, request: Request) -> Answer:
    query = Query(request.query)
    asset_id = query.asset_id()
    categories = query.choices("categories", _DETAILS)
    request.asset_ids.append(asset_id)
    asset = vod.details(request.project, asset_id)
    return Answer(200, wire.asset_details(asset, vod.public_url, categories))


async def _list_asset_list(vod: Vod, request: Request) -> Answer:
    query = Query(request.query)
    ids = query.asset_ids()
    listed = query.choices("status", _LIST_STATUSES)
    statuses = [status for name in listed for status in wire.LIST_STATUSES.get(name, (name,))]
    video_types = query.choices("media_type", MEDIA_TYPES)
    order = query.choice("order", {"asc", "desc", "ASC", "DESC"})
    page, size = _page(query)
    wanted = _filter(query, statuses, video_types, ids)
    oldest_first = (order or "").lower() == "asc"
    total, assets = vod.find(request.project, wanted, page=page, size=size, oldest_first=oldest_first)
    request.asset_ids.extend(asset.asset_id for asset in assets)
    return Answer(200, {"total": total, "assets": [wire.asset_summary(asset, vod.public_url) for asset in assets]})


async def _delete_assets(vod: Vod, request: Request) -> Answer:
    query = Query(request.query)
    ids = _ids_to_delete(query, vod.settings.dialects.delete_ids)
    if not ids:
        raise illegal_field("asset_id", "missing")
    if query.choice("delete_type", {"origin"}):
        raise illegal_field("delete_type", "there are no transcoded files that deleting the original could leave")
    request.asset_ids.extend(ids)
    results = [
        {"asset_id": asset_id, "status": "DELETED" if deleted else "FAILED"}
        for asset_id, deleted in vod.delete(request.project, ids)
    ]
    return Answer(200, {"delete_result_array": results})


def _ids_to_delete(query: Query, form: str) -> list[str]:
    """The ids that are read in the dialect `delete_ids`."""
    given = query.given("asset_id")
    expected, _, otherwise = form.partition("_else_")
    if expected == "commas" and len(given) > 1:
        only_first = given[:1]
    elif expected == "repeated" and any("," in value for value in given):
        only_first = [value.partition(",")[0] for value in given]
    else:
        return query.asset_ids()
    if otherwise == "refused":
        raise illegal_field("asset_id", f"several ids are given {expected} only")
    return [checked_id("asset_id", asset_id) for asset_id in only_first[0].split(",")]


async def _update_asset_meta(vod: Vod, request: Request) -> Answer:
    fields = Fields.of_body(request.body, {"asset_id", "title", "description", "category_id", "tags"})
    asset_id = fields.asset_id()
    metadata = _metadata(fields)
    request.asset_ids.append(asset_id)
    vod.update(request.project, asset_id, metadata)
    return Answer(204)


async def _publish_assets(vod: Vod, request: Request) -> Answer:
    return _published(vod, request, published=True)


async def _unpublish_assets(vod: Vod, request: Request) -> Answer:
    return _published(vod, request, published=False)


def _published(vod: Vod, request: Request, *, published: bool) -> Answer:
    ids = Fields.of_body(request.body, {"asset_id"}).asset_ids()
    request.asset_ids.extend(ids)
    infos: list[object] = [
        wire.asset_info(asset, vod.public_url)
        if isinstance(asset, Asset)
        else wire.absent_info(asset, "NOASSET")  # as in the example of this operation
        for asset in vod.publish(request.project, ids, published=published)
    ]
    return Answer(200, {"asset_info_array": infos})


def _metadata(fields: Fields) -> Metadata:
    return Metadata(
        title=fields.text("title", MAX_TITLE_BYTES),
        description=fields.text("description", MAX_DESCRIPTION_BYTES),
        category_id=fields.integer("category_id", -1, _MAX_CATEGORY),
        tags=fields.tags(),
    )


def _extras(fields: Fields) -> list[Extra]:
    extras = []
    cover_type = fields.choice("cover_type", {"JPG", "PNG"})
    if cover_type:
        extras.append(Extra("cover", f"cover0.{cover_type.lower()}"))
    for subtitle in fields.objects("subtitles", _SUBTITLE_FIELDS, _MAX_SUBTITLES):
        number = subtitle.integer("id", 1, _MAX_SUBTITLES)
        if number is None:
            raise illegal_field("id", "missing")
        subtitle.required_choice("type", {"SRT"})
        language = subtitle.required_choice("language", {"CN", "EN"})
        extras.append(Extra("subtitle", f"subtitle{number}.srt", number, language))
    if len({extra.name for extra in extras}) < len(extras):
        raise illegal_field("subtitles", "an id twice")
    return extras


def _new_asset(fields: Fields, video_name: str, extras: Sequence[Extra] = ()) -> NewAsset:
    fields.required_text("title", MAX_TITLE_BYTES)
    for name in ("template_group_name", "workflow_name"):
        if fields.text(name, MAX_TITLE_BYTES):
            raise illegal_field(name, "there is no transcoding here")
    return NewAsset(
        metadata=_metadata(fields),
        video_name=video_name,
        video_type=fields.required_choice("video_type", MEDIA_TYPES),
        auto_publish=fields.integer("auto_publish", 0, 1) != 0,
        extras=extras,
    )


def _file_name(url: str) -> str:
    return cut_to_bytes(url.rsplit("/", 1)[-1].split("?")[0], MAX_TITLE_BYTES)


def _page(query: Query) -> tuple[int, int]:
    page, size = query.integer("page", 0, 2**31) or 0, query.integer("size", 1, 100) or 10
    if (page + 1) * size > MOST_LISTED:
        raise illegal_field("page", f"beyond the first {MOST_LISTED} assets")
    return page, size


def _filter(
    query: Query, statuses: list[str], video_types: list[str] | None = None, ids: list[str] | None = None
) -> Filter:
    category = query.integer("category_id", -1, _MAX_CATEGORY)
    return Filter(
        statuses=statuses,
        categories=() if category is None else (category,),
        tags=query.tags(),
        video_types=video_types or (),
        text=query.text("query_string"),
        since=query.time("start_time"),
        until=query.time("end_time"),
        ids=ids or (),
    )


_TABLE = (
    Operation("CreateAssetByFileUpload", "POST", "/asset", 1500, _create_asset_by_file_upload),
    Operation("ConfirmAssetUpload", "POST", "/asset/status/uploaded", 1500, _confirm_asset_upload),
    Operation("UploadMetaDataByUrl", "POST", "/asset/upload_by_url", 100, _upload_meta_data_by_url),
    Operation("ExtractAudio", "POST", "/asset/extract_audio", 100, _extract_audio),
    Operation("CancelExtractAudio", "DELETE", "/asset/extract_audio", 100, _cancel_extract_audio),
    Operation("ShowAssetMeta", "GET", "/asset/info", 1500, _show_asset_meta),
    Operation("ShowAssetDetail", "GET", "/asset/details", 1500, _show_asset_detail),
    Operation("ListAssetList", "GET", "/asset/list", 1500, _list_asset_list),
    Operation("DeleteAssets", "DELETE", "/asset", 100, _delete_assets),
    Operation("UpdateAssetMeta", "PUT", "/asset/info", 100, _update_asset_meta),
    Operation("PublishAssets", "POST", "/asset/status/publish", 100, _publish_assets),
    Operation("UnpublishAssets", "POST", "/asset/status/unpublish", 100, _unpublish_assets),
)
OPERATIONS: Mapping[tuple[str, str], Operation] = {(op.method, op.path): op for op in _TABLE}
OPERATION_NAMES = frozenset(operation.name for operation in _TABLE)
