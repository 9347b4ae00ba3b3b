"""`getMediaAsset` and `getMediaAssets`, served for programs in every language. Loads HTTP at the first call."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from vod_provider.config import settings
from vod_provider.plugin import schema
from vod_provider.text import short
from vod_provider.vod.asset_query import LISTING, AssetQuery, one_asset
from vod_provider.vod.assets import MediaAsset
from vod_provider.vod.deadline import Deadline, Stop
from vod_provider.vod.errors import QueryError

if TYPE_CHECKING:
    from vod_provider.vod.client import Client

Props = dict[str, Any]
_TOLD = tuple(one.name for one in schema.ASSET)
_ASKED = frozenset(one.name for one in fields(AssetQuery))
_LISTS = ("asset_ids", "tags", "status")


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
        client, seconds = self._client("asking about an asset", args)
        return _told(one_asset(client, asset_id, Deadline(seconds, self._stop)))

    def media_assets(self, args: Props) -> list[Props]:
        """All assets that fit. Raises VodError, and SettingsError."""
        given = {name: args[name] for name in _ASKED & args.keys() if args[name] is not None}
        query = AssetQuery(**{name: _fixed(name, value) for name, value in given.items()})
        client, seconds = self._client(LISTING, args)
        pages = query.pages(client, lambda: Deadline(seconds, self._stop))
        found = {asset.id: asset for page in pages for asset in page}
        return [_told(asset) for asset in found.values()]

    def _client(self, doing: str, args: Props) -> tuple[Client, float]:
        """A client for the place that the arguments name, and the seconds that a call may take."""
        place = args.get("region"), args.get("project_id"), args.get("account")
        for name, value in zip(("region", "project_id", "account"), place, strict=True):
            if value is not None and not isinstance(value, str):
                raise QueryError(f"{doing}: {name} is {short(value)}, and has to be a text")
        with self._lock:
            if place not in self._clients:
                from vod_provider.vod.client import Client
                from vod_provider.vod.transport import Transport

                here = settings.load(self._config, self._environ).at(*place)
                transport = Transport(here.endpoint, here.project_id, here.credentials, account=here.account)
                self._clients[place] = Client(transport, here.quotas), here.timeouts.read
            return self._clients[place]


def _fixed(name: str, value: Any) -> Any:
    """A value that a query takes. Not each language checks types: a text for a list would be taken for its letters.

    Raises QueryError: what can be no filter must not find everything, or nothing.
    """
    wrong = f"{LISTING}: {name} is {short(value)}, and has to be"
    if name in _LISTS:
        if not isinstance(value, list) or not all(isinstance(one, str) and one.strip() for one in value):
            raise QueryError(f"{wrong} a list of texts")
        return tuple(dict.fromkeys(value))
    if name == "category_id":
        if isinstance(value, str) and re.fullmatch("-?[0-9]{1,9}", value):  # as a configuration holds it
            return int(value)
        if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
            raise QueryError(f"{wrong} a whole number")
        return int(value)
    if not isinstance(value, str):
        raise QueryError(f"{wrong} a text")
    return value


def _told(asset: MediaAsset) -> Props:
    return {name: getattr(asset, name) for name in _TOLD}
