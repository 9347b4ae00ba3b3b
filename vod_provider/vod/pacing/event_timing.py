"""Whether VOD's events are to be relied on: by which audios they announced, and which they did not.

An event makes the poller look at once, so it need hardly ask on its own. But an event that never comes (another
address in VOD's console, a proxy that is down) must not cost a user more than seconds: who finds out by asking what
no event told, asks again as if there were none.
"""

from __future__ import annotations

from collections import OrderedDict

UNPROVEN_S = 5.0
"""Until the first event has come, audios are asked about no more often than this,"""
PROVEN_S = 30.0
"""and then this."""
LATE_S = 10.0
"""An event that is not there so long after the audio was seen to be done is missed."""
MISSED = 3
"""After so many missed ones, events are not relied on, until one comes."""
EARLY = 10_000
"""So many events are remembered for which nobody waited yet: an extraction may be over before its id is known here."""


class EventTiming:
    """What came of the events of one poller. In times that the caller gives; not safe for threads."""

    def __init__(self) -> None:
        self._on = self._proven = self._given_up = False
        self._early: OrderedDict[str, None] = OrderedDict()
        self._missing: dict[str, float] = {}

    def begin(self) -> None:
        """Somebody listens for events from now on."""
        self._on = True

    def came(self, asset_id: str, *, awaited: bool) -> None:
        """An event has come, for an audio that is awaited or for any other."""
        if awaited or self._missing.pop(asset_id, None) is not None:
            self._prove()
            return
        self._early[asset_id] = None
        while len(self._early) > EARLY:
            self._early.popitem(last=False)

    def came_early(self, asset_id: str) -> bool:
        """Whether an event of this audio came before anybody waited for it."""
        if asset_id not in self._early:
            return False
        del self._early[asset_id]
        self._prove()
        return True

    def found(self, asset_id: str, now: float) -> None:
        """An audio was seen to be done without an event."""
        if self._on and not self._given_up:
            self._missing[asset_id] = now

    def gives_up(self, now: float) -> bool:
        """True once when too many events are missed."""
        missed = [since for since in self._missing.values() if now - since > LATE_S]
        if self._given_up or len(missed) < MISSED:
            return False
        self._given_up = True
        self._missing.clear()
        return True

    def at_least(self) -> float:
        """Seconds between two questions about an audio, at least, as far as events go."""
        if not self._on or self._given_up:
            return 0.0
        return PROVEN_S if self._proven else UNPROVEN_S

    def _prove(self) -> None:
        self._proven, self._given_up = True, False
        self._missing.clear()
