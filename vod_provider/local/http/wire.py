"""Assets in the shapes of VOD's answers; pure.

Shapes: the official client's models AssetInfo, BaseInfo, MetaData, AssetSummary and the examples of the API
reference. There an audio's `meta_data` has its codec in `codec`, bit rates are kbit/s, `video_size` is
bytes, `duration` whole seconds (at least 1), times are UTC written yyyymmddhhmmss.
"""

from __future__ import annotations

import json
import time
from collections.abc import Collection
from functools import lru_cache

from vod_provider.local.core.store import Asset

Json = dict[str, object]
_DEFAULT_CATEGORY = "Other"
_TRANSCODING = frozenset({"WAITING_TRANSCODE", "TRANSCODING", "TRANSCODE_SUCCEED", "TRANSCODE_FAILED"})
_STATUS_TEXTS = {
    "CREATING": "Asset meta is creating",
    "CREATED": "Asset meta is created",
    "PUBLISHED": "Asset meta is published",
    "WAITING_TRANSCODE": "Asset is waiting to be transcoded",
    "TRANSCODING": "Asset is being transcoded",
    "TRANSCODE_SUCCEED": "Asset is transcoded",
    "DELETING": "Asset is being deleted",
    "DELETED": "Asset is deleted",
}


def media_url(asset: Asset, public_url: str) -> str:
    """Where the asset's file can be fetched; nobody can guess it."""
    return f"{public_url}/media/{asset.asset_id}/{asset.token}.{asset.video_type.lower()}"


def upload_url(asset: Asset, public_url: str, name: str = "video") -> str:
    """Where the asset's file, or the extra of that name, is to be put; nobody can guess it."""
    return f"{public_url}/upload/{asset.asset_id}/{asset.token}/{name}"


def extra_url(asset: Asset, public_url: str, name: str) -> str:
    """Where a cover or subtitle can be fetched."""
    return f"{public_url}/media/{asset.asset_id}/{asset.token}/{name}"


def utc(seconds: int) -> str:
    """Unix seconds as yyyymmddhhmmss."""
    return time.strftime("%Y%m%d%H%M%S", time.gmtime(seconds))


@lru_cache(maxsize=4096)
def asset_info_json(asset: Asset, public_url: str) -> bytes:
    """AssetInfo as JSON; kept, since whoever waits asks for the same assets again and again."""
    return json.dumps(asset_info(asset, public_url), ensure_ascii=False, separators=(",", ":")).encode()


def asset_info(asset: Asset, public_url: str) -> Json:
    """AssetInfo. Where something failed, `description` says why: that is the field the models have for it."""
    return {
        "asset_id": asset.asset_id,
        "status": asset.status,
        "description": asset.reason or _STATUS_TEXTS.get(asset.status, ""),
        "is_multi_transcode": False,
        "base_info": base_info(asset, public_url),
        "play_info_array": [],
    }


def base_info(asset: Asset, public_url: str) -> Json:
    """BaseInfo; `meta_data` and `video_url` as soon as there is a file that has been looked into."""
    return {
        "title": asset.title,
        "video_name": asset.video_name,
        "description": asset.description or None,
        "category_id": asset.category_id,
        "category_name": _DEFAULT_CATEGORY if asset.category_id == -1 else None,
        "create_time": utc(asset.created),
        "last_modified": utc(asset.modified),
        "video_type": asset.video_type,
        "tags": asset.tags or None,
        "meta_data": meta_data(asset),
        "video_url": media_url(asset, public_url) if asset.meta else None,
        "sign_url": "",
        "cover_info_array": covers(asset, public_url),
        "subtitle_info": [
            {
                "url": extra_url(asset, public_url, extra["name"]),
                "id": extra["number"],
                "type": "SRT",
                "language": extra["language"],
            }
            for extra in json.loads(asset.extras)
            if extra["kind"] == "subtitle" and extra["file"]
        ],
    }


def covers(asset: Asset, public_url: str) -> list[Json]:
    """CoverInfo of each cover that is there."""
    return [
        {"cover_url": extra_url(asset, public_url, extra["name"])}
        for extra in json.loads(asset.extras)
        if extra["kind"] == "cover" and extra["file"]
    ]


def meta_data(asset: Asset) -> Json | None:
    """MetaData, or None while nothing is known of the file."""
    if not asset.meta:
        return None
    facts = json.loads(asset.meta)
    return {
        "pack_type": facts["pack_type"],
        "codec": facts["video_codec"] or facts["audio_codec"] or "UNKNOWN",
        "audio_codec": facts["audio_codec"],
        "duration": max(1, facts["duration_ms"] // 1000),
        "duration_ms": facts["duration_ms"],
        "video_size": facts["size"],
        "width": facts["width"],
        "hight": facts["height"],
        "height": facts["height"],
        "bit_rate": facts["bit_rate"],
        "frame_rate": facts["frame_rate"],
        "quality": None,
        "audio_channels": facts["audio_channels"],
    }


def asset_details(asset: Asset, public_url: str, categories: Collection[str]) -> Json:
    """ShowAssetDetailResponse with the kinds of information asked for; all of them if none is named."""
    base = base_info(asset, public_url)
    base["sign_url"] = base["video_url"] or ""
    parts: Json = {
        "base_info": base,
        "transcode_info": {
            "template_group_name": "", "output": [], "exec_desc": "", "transcode_status": "UN_TRANSCODE"
        },
        "thumbnail_info": {
            "sample": [], "dots": [], "quantity": [], "exec_desc": "", "thumbnail_status": "UN_THUMBNAIL"
        },
        "review_info": {"suggestion": None, "cover": [], "video": [], "exec_desc": "", "review_status": "UN_REVIEW"},
    }  # fmt: skip
    return {"asset_id": asset.asset_id} | {
        name: part for name, part in parts.items() if not categories or name in categories
    }


LIST_STATUSES = {
    "CREATING": ("CREATING",),
    "FAILED": ("UPLOAD_FAILED", "SERVER_ERROR", "CANCELLED"),
    "CREATED": ("CREATED", "WAITING_TRANSCODE", "TRANSCODING", "TRANSCODE_SUCCEED", "TRANSCODE_FAILED"),
    "PUBLISHED": ("PUBLISHED",),
}
"""The words of ListAssetList for an asset, and the statuses of ShowAssetMeta that each one stands for."""


def absent_info(asset_id: str, status: str) -> Json:
    """AssetInfo of an id that there is no asset for."""
    return {"asset_id": asset_id, "status": status, "description": "no asset"}


def asset_summary(asset: Asset, public_url: str) -> Json:
    """AssetSummary; its `asset_status` knows one FAILED for all that failed, and `exec_desc` says why."""
    meta = meta_data(asset) or {}
    listed = next((name for name, held in LIST_STATUSES.items() if asset.status in held), asset.status)
    text = asset.reason or ("upload success" if asset.meta else "")
    return {
        "asset_id": asset.asset_id,
        "title": asset.title,
        "description": asset.description,
        "duration": meta.get("duration", 0),
        "duration_ms": meta.get("duration_ms", 0),
        "size": meta.get("video_size", 0),
        "original_url": media_url(asset, public_url) if asset.meta else None,
        "category": _DEFAULT_CATEGORY if asset.category_id == -1 else None,
        "covers": covers(asset, public_url),
        "create_time": utc(asset.created),
        "asset_status": listed,
        "transcode_status": asset.status if asset.status in _TRANSCODING else "UN_TRANSCODE",
        "thumbnail_status": "UN_THUMBNAIL",
        "review_status": "UN_REVIEW",
        "exec_desc": f"asset_exec_desc: {text}" if text else "",
        "media_type": asset.video_type,
    }


def completion_event(asset: Asset, public_url: str, event_name: str) -> Json:
    """The event for an audio that is made, or failed: then it has a code and a message, and no facts."""
    info: Json = {"asset_id": asset.asset_id}
    meta = meta_data(asset)
    if meta is None:
        info |= {"status": "FAILED", "error_code": "VOD.10051", "error_msg": asset.reason}
    else:
        info |= {"status": "SUCCEED", "title": asset.title, "url": media_url(asset, public_url), "meta_data": meta}
    return {"event_type": event_name, "audio_extract_info": info}
