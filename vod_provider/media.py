"""Assets as data, for programs: `get_media_asset` and `get_media_assets`.

They run where the program runs and ask VOD at once, at a preview too, with the stack's own configuration. What was
asked for once in a run is not asked for again. With Pulumi's mocks, replace them as any other function.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

import pulumi

from vod_provider import settings
from vod_provider.vod.assets import Asset, Outcome
from vod_provider.vod.errors import VodError

if TYPE_CHECKING:
    from vod_provider.vod.client import Client
    from vod_provider.vod.patience import Patience

MediaAsset = Asset
"""One media asset, as VOD tells of it."""

AUDIO = frozenset(["MP3", "OGG", "WAV", "WMA", "APE", "FLAC", "AAC", "AC3", "MMF", "AMR", "M4A", "M4R", "WV", "MP2"])
"""Containers of audios; all others are videos. Source: the API reference, field `video_type` of a new asset."""

_connections: dict[Any, tuple[Client, float]] = {}
_found: dict[Any, Any] = {}


def get_media_asset(
    asset_id: str, *, region: str | None = None, project_id: str | None = None, account: str | None = None
) -> MediaAsset:
    """One asset by its media id.

    :param asset_id: Media id.
    :param region: Region of the asset; default is the stack's.
    :param project_id: Project of the asset; default is the stack's.
    :param account: Name of an account in `vod:accounts`; default is the stack's own.
    :raises pulumi.RunError: VOD does not have it, or cannot be asked.
    """
    place = (region, project_id, account)
    key = (_configuration(), place, asset_id)
    if key not in _found:
        with _told():
            found = _ask(place, lambda client, patience: client.show([asset_id], patience)[asset_id])
        if found.outcome is Outcome.GONE:
            raise pulumi.RunError(f"asking about asset {asset_id}: VOD has no such asset in this project and region")
        _found[key] = found
    asset: MediaAsset = _found[key]
    return asset


def get_media_assets(
    *,
    title: str | None = None,
    category_id: int | None = None,
    tags: Sequence[str] = (),
    status: Sequence[str] = (),
    kind: Literal["video", "audio"] | None = None,
    region: str | None = None,
    project_id: str | None = None,
    account: str | None = None,
) -> Iterable[MediaAsset]:
    """All assets that fit, a hundred in a call, each page when the loop gets there. At most 20,000 can be listed.

    :param title: Title, exactly.
    :param category_id: Id of a category; -1 is the category 'Others'.
    :param tags: Tags, all of which an asset has to have.
    :param status: Statuses as VOD names them, for example CREATED and PUBLISHED; default is
        all whose files are there, those that are being transcoded included.
    :param kind: Videos or audios only; told apart by their containers.
    :param region: Region of the assets; default is the stack's.
    :param project_id: Project of the assets; default is the stack's.
    :param account: Name of an account in `vod:accounts`; default is the stack's own.
    :raises pulumi.RunError: VOD cannot be asked; raised where a page is asked for.
    """
    for name, value in (("tags", tags), ("status", status)):
        if isinstance(value, str):
            raise TypeError(f"{name} is a text, and has to be a list of texts: [{value!r}]")
    place = (region, project_id, account)
    key = (_configuration(), place, title, category_id, tuple(tags), tuple(status), kind)
    if key not in _found:
        query = [("query_string", title)] if title else []
        query += [("category_id", str(category_id))] if category_id is not None else []
        query += [("tags", ",".join(tags))] if tags else []

        def fits(asset: Asset) -> bool:
            return (
                (title is None or asset.title == title)
                and set(tags) <= set(asset.tags)
                and (asset.status in status if status else _is_there(asset))
                and (kind is None or (kind == "audio") == ((asset.pack_type or "").upper() in AUDIO))
            )

        pages = _ask(place, lambda client, patience: client.pages("listing assets", query, patience))
        _found[key] = _Once(pages, fits)
    assets: Iterable[MediaAsset] = _found[key]
    return assets


class _Once:
    """Pages as one sequence: each is asked for at most once, and only when somebody gets there."""

    def __init__(self, pages: Iterator[list[Asset]], fits: Callable[[Asset], bool]) -> None:
        self._pages, self._fits = pages, fits
        self._assets: dict[str, Asset] = {}
        self._failed: VodError | None = None

    def __iter__(self) -> Iterator[Asset]:
        given = 0
        while True:
            known = list(self._assets.values())[given:]
            yield from known
            given += len(known)
            if not known and not self._more():
                return

    def _more(self) -> bool:
        with _told():
            if self._failed is not None:  # a generator that has raised is over, and must not read as the end
                raise self._failed
            try:
                page = next(self._pages, None)
            except VodError as error:
                self._failed = error
                raise
        if page is None:
            return False
        self._assets |= {asset.id: asset for asset in page if self._fits(asset)}
        return True


def _ask(place: tuple[str | None, str | None, str | None], call: Callable[[Client, Patience], Any]) -> Any:
    from vod_provider.vod.patience import Patience

    with _told():
        configured = _configuration()
        if (configured, place) not in _connections:
            from vod_provider.vod.client import Client
            from vod_provider.vod.transport import Transport

            here = settings.load(dict(configured), os.environ).at(*place)
            transport = Transport(here.endpoint, here.project_id, here.credentials)
            _connections[configured, place] = Client(transport, here.quotas), here.timeouts.read
        client, seconds = _connections[configured, place]
        return call(client, Patience(seconds))


def _is_there(asset: Asset) -> bool:
    """Whether its file is there, also while VOD makes something else of it, or failed to."""
    return asset.outcome is Outcome.READY or "TRANSCOD" in asset.status


def _configuration() -> tuple[tuple[str, str], ...]:
    """The stack's configuration, as far as it matters here: one process may run several stacks."""
    found = ((name, pulumi.Config(name.split(":")[0]).get(name.split(":")[1])) for name in settings.NAMES)
    return tuple((name, value) for name, value in found if value)


@contextmanager
def _told() -> Iterator[None]:
    """Errors as Pulumi shows them without a traceback."""
    try:
        yield
    except (VodError, settings.SettingsError) as error:
        raise pulumi.RunError(str(error)) from error
