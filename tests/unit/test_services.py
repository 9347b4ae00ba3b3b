"""Where audios are looked for whose state does not say where they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.test_provider import CONFIG, ENDPOINT, SITE, owner
from vod_provider.audio.ledger import Ledger
from vod_provider.audio.ledger_records import Holder
from vod_provider.audio.place import Place
from vod_provider.config import settings
from vod_provider.plugin.services import Services
from vod_provider.vod.assets import Asset
from vod_provider.vod.deadline import Deadline, Stop

BEFORE = f"{ENDPOINT} {'1' * 32}"
"""Where the default was when the ledger first saw the audio; it is at `SITE` now."""


class Places(Services):
    """Services that have one audio, at the places of `there`; those that were asked about it are in `asked`."""

    def __init__(self, folder: Path, there: str | None) -> None:
        super().__init__(settings.load(CONFIG, {}), Ledger(folder / "ledger.sqlite"), Stop(), lambda _: None)
        self._there = there
        self.looked: list[str] = []

    def at(self, place: Place) -> Any:
        self._place = place
        return self

    def glance(self, audio_id: str, _deadline: Deadline) -> Asset:
        self.looked.append(self._place.site)
        return Asset(audio_id, "CREATED") if self._place.site == self._there else Asset.gone(audio_id)


@pytest.mark.parametrize(
    ("there", "looked", "found", "assumed"),
    [
        (BEFORE, [BEFORE], BEFORE, False),
        (SITE, [BEFORE, SITE], SITE, False),
        (None, [BEFORE, SITE], BEFORE, True),
    ],
)
def test_an_old_state_is_looked_for_where_the_ledger_saw_it_first(
    tmp_path: Path, there: str | None, looked: list[str], found: str, assumed: bool
) -> None:
    """Then where the default is now; found at neither, it stays what it was, and nothing is proven."""
    services = Places(tmp_path, there)
    services.ledger.hold([Holder(BEFORE, "audio1", owner("talk"), assumed=True)])
    given = Holder(SITE, "audio1", owner("talk"), account="a", assumed=True)
    holder, place = services.placed(given, Deadline())
    assert services.looked == looked
    assert (holder.site, holder.assumed) == (found, assumed)
    assert (place.site, place.account) == (found, "a")


def test_a_state_that_says_where_is_believed(tmp_path: Path) -> None:
    """Nobody is asked."""
    services = Places(tmp_path, None)
    holder, place = services.placed(Holder(BEFORE, "audio1", owner("talk")), Deadline())
    assert services.looked == []
    assert (holder.site, holder.assumed, place.site) == (BEFORE, False, BEFORE)
