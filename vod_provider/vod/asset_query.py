"""A question for assets: checked before VOD is asked, sent as VOD's query where it has one, and filtered here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vod_provider.text import nearest
from vod_provider.vod.assets import OUTCOMES, MediaAsset, Outcome
from vod_provider.vod.deadline import Deadline
from vod_provider.vod.errors import QueryError, VodError

if TYPE_CHECKING:  # it loads HTTP, which a program that asks for nothing does not need
    from vod_provider.vod.client import Client

KINDS = ("video", "audio")
LISTING = "listing assets"


@dataclass(frozen=True)
class AssetQuery:
    """Which assets are wanted. `asset_ids` None: all; `status` empty: those whose files are there, or all named ones.

    Tags lose the blanks around them, as at VOD. Raises QueryError for what cannot be.
    """

    asset_ids: tuple[str, ...] | None = None
    title: str | None = None
    category_id: int | None = None
    tags: tuple[str, ...] = ()
    status: tuple[str, ...] = ()
    kind: str | None = None

    def __post_init__(self) -> None:
        if self.kind is not None and self.kind not in KINDS:
            raise QueryError(f"{LISTING}: kind is {self.kind!r}: {nearest(self.kind, KINDS)}")
        if odd := next((one for one in self.status if one not in OUTCOMES), None):
            raise QueryError(f"{LISTING}: status {odd!r} is none of VOD's: {nearest(odd, OUTCOMES)}")
        object.__setattr__(self, "tags", tuple(tag.strip() for tag in self.tags))
        if not all(self.tags):
            raise QueryError(f"{LISTING}: a tag is blank, which no asset has")
        if tag := next((tag for tag in self.tags if "," in tag), None):
            raise QueryError(f"{LISTING}: tags have no commas, by which VOD tells them apart: {tag!r}")

    def pages(self, client: Client, deadline: Callable[[], Deadline]) -> Iterator[list[MediaAsset]]:
        """The assets that fit, a call's worth at a time, each with a deadline of its own. Raises VodError."""
        pages = (
            client.pages(LISTING, self._parameters(), deadline)
            if self.asset_ids is None
            else _named(client, self.asset_ids, deadline)
        )
        for page in pages:
            yield [asset for asset in page if self.fits(asset)]

    def fits(self, asset: MediaAsset) -> bool:
        """Whether the asset is one of those that are wanted."""
        named = self.asset_ids is not None
        return (
            (self.title is None or asset.title == self.title)
            and (not named or self.category_id in {None, asset.category_id})
            and set(self.tags) <= set(asset.tags)
            and (asset.status in self.status if self.status else named or _is_there(asset))
            and (self.kind is None or (self.kind == "audio") == asset.is_audio)
        )

    def _parameters(self) -> list[tuple[str, str]]:
        query = [("query_string", self.title)] if self.title else []
        query += [("category_id", str(self.category_id))] if self.category_id is not None else []
        query += [("tags", ",".join(self.tags))] if self.tags else []
        return query


def one_asset(client: Client, asset_id: str, deadline: Deadline) -> MediaAsset:
    """The asset of that id. Raises VodError where VOD does not have it."""
    found = client.show([asset_id], deadline)[asset_id]
    if found.outcome is Outcome.GONE:
        raise VodError(f"asking about asset {asset_id}: VOD has no such asset in this project and region")
    return found


def _named(client: Client, asset_ids: Sequence[str], deadline: Callable[[], Deadline]) -> Iterator[list[MediaAsset]]:
    """The assets of these ids, ten by ten. Raises VodError where VOD does not have one."""
    from vod_provider.vod.client import IDS_PER_CALL

    for first in range(0, len(asset_ids), IDS_PER_CALL):
        found = client.show(asset_ids[first : first + IDS_PER_CALL], deadline())
        if missing := [asset.id for asset in found.values() if asset.outcome is Outcome.GONE]:
            raise VodError(f"{LISTING}: VOD has no asset {' nor '.join(missing)} in this project and region")
        yield list(found.values())


def _is_there(asset: MediaAsset) -> bool:
    """Whether its file is there, also while VOD makes something else of it, or failed to."""
    return asset.outcome is Outcome.READY or "TRANSCOD" in asset.status
