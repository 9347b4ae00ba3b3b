"""From when a new asset is shown, and until when a deleted one is.

It is kept in the store, so that a restart changes nothing. Only what is not settled yet is kept: an asset without an
entry is shown everywhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

from vod_provider.local.core.store import Store


@dataclass(slots=True, frozen=True)
class Appearance:
    """Unix seconds: from `by_id` on shown by its id, from `listed` on in listings; at `gone` its deletion is done."""

    by_id: float = 0
    listed: float = 0
    gone: float | None = None


class Appearances:
    """What is not shown yet, or not for long. `remove(asset_id)` is called once a deletion is done."""

    def __init__(self, store: Store, clock: Callable[[], float], remove: Callable[[str], None]) -> None:
        self._store = store
        self._clock = clock
        self._remove = remove
        self._kept = {row[0]: Appearance(row[1], row[2], row[3]) for row in store.appearances()}
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def resume(self) -> None:
        """Go on with what an earlier run left; to be called on the event loop."""
        for asset_id in list(self._kept):
            self._set_timer(asset_id)

    def new(self, asset_id: str, by_id_after: float, listed_after: float) -> None:
        """Show a new asset only after so many seconds."""
        if by_id_after or listed_after:
            now = self._clock()
            self._keep(asset_id, Appearance(now + by_id_after, now + listed_after))

    def delete(self, asset_id: str, after: float) -> None:
        """Have a deletion done after so many seconds."""
        self._keep(asset_id, replace(self._kept.get(asset_id, Appearance()), gone=self._clock() + after))

    @property
    def are_settled(self) -> bool:
        """Whether every asset is shown everywhere, and none is being deleted."""
        return not self._kept

    def is_shown_by_id(self, asset_id: str) -> bool:
        """Whether the asset is shown to those who ask for its id."""
        kept = self._kept.get(asset_id)
        return kept is None or kept.by_id <= self._clock()

    def is_being_deleted(self, asset_id: str) -> bool:
        """Whether a deletion was accepted and is not done."""
        kept = self._kept.get(asset_id)
        return kept is not None and kept.gone is not None

    def unlisted(self, *, list_deleted: bool) -> list[str]:
        """The assets that listings do not show."""
        now = self._clock()
        return [
            asset_id
            for asset_id, kept in self._kept.items()
            if kept.listed > now or (kept.gone is not None and not list_deleted)
        ]

    def forget(self, asset_id: str) -> None:
        """Forget an asset that is gone, or that is shown everywhere by now."""
        timer = self._timers.pop(asset_id, None)
        if timer is not None:
            timer.cancel()
        if self._kept.pop(asset_id, None) is not None:
            self._store.remove_appearance(asset_id)

    def stop(self) -> None:
        """Stop all timers; what is kept stays in the store."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def clear(self) -> None:
        """Forget everything."""
        self.stop()
        self._kept.clear()

    def _keep(self, asset_id: str, kept: Appearance) -> None:
        self._kept[asset_id] = kept
        self._store.set_appearance(asset_id, kept.by_id, kept.listed, kept.gone)
        self._set_timer(asset_id)

    def _set_timer(self, asset_id: str) -> None:
        kept = self._kept[asset_id]
        timer = self._timers.pop(asset_id, None)
        if timer is not None:
            timer.cancel()
        if kept.gone is not None:
            due, then = kept.gone, self._remove
        else:
            due, then = max(kept.by_id, kept.listed), self.forget
        loop = asyncio.get_running_loop()
        self._timers[asset_id] = loop.call_later(max(0, due - self._clock()), then, asset_id)
