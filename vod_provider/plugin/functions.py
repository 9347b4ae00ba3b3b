"""`getMediaAsset` and `getMediaAssets`, served for programs in every language. Loads HTTP at the first call."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from vod_provider.config import settings
from vod_provider.plugin import schema
from vod_provider.vod.asset_query import AssetQuery, one_asset
from vod_provider.vod.assets import MediaAsset
from vod_provider.vod.deadline import Deadline, Stop
from vod_provider.vod.errors import QueryError

if TYPE_CHECKING:
    from vod_provider.vod.client import Client

Props = dict[str, Any]
_TOLD = tuple(one.name for one in schema.ASSET)
_ASKED = frozenset(one.name for one in fields(AssetQuery))


class Functions:
    """Asks VOD with the settings of one provider, until `stop` is called. Safe to share between threads."""

    def __init__(self, config: Mapping[str, str], environ: Mapping[str, str], stop: Stop) -> None:
        self._config, self._environ, self._stop = config, environ, stop
        self._lock = threading.Lock()
        self._clients: dict[tuple[Any, ...], tuple[Client, float]] = {}

    def media_asset(self, args: Props) -> Props:
        """The asset of the id `asset_id`. Raises VodError where VOD does not have it, and SettingsError."""
        asset_id = args.get("asset_id")
        if not isinstance(asset_id, str) or not asset_id.strip():
            raise QueryError("asking about an asset: asset_id is missing: it is a media id")
        client, seconds = self._client(args)
        return _told(one_asset(client, asset_id, Deadline(seconds, self._stop)))

    def media_assets(self, args: Props) -> list[Props]:
        """All assets that fit. Raises VodError, and SettingsError."""
        query = AssetQuery(**{name: _fixed(name, args[name]) for name in _ASKED & args.keys()})
        client, seconds = self._client(args)
        pages = query.pages(client, lambda: Deadline(seconds, self._stop))
        found = {asset.id: asset for page in pages for asset in page}
        return [_told(asset) for asset in found.values()]

    def _client(self, args: Props) -> tuple[Client, float]:
        """A client for the place that the arguments name, and the seconds that a call may take."""
        place = args.get("region"), args.get("project_id"), args.get("account")
        with self._lock:
            if place not in self._clients:
                from vod_provider.vod.client import Client
                from vod_provider.vod.transport import Transport

                here = settings.load(self._config, self._environ).at(*place)
                transport = Transport(here.endpoint, here.project_id, here.credentials, account=here.account)
                self._clients[place] = Client(transport, here.quotas), here.timeouts.read
            return self._clients[place]


def _fixed(name: str, value: Any) -> Any:
    if isinstance(value, list):
        return tuple(dict.fromkeys(value))
    return int(value) if name == "category_id" else value


def _told(asset: MediaAsset) -> Props:
    return {name: getattr(asset, name) for name in _TOLD}
