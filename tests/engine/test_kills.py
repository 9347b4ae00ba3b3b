"""Ten runs broken off at random, always the same ones; `make soak` has more."""

from __future__ import annotations

import pytest

from tests.engine.conftest import NewStack
from tests.soak.kills import Kills
from tests.vod import LocalVod


@pytest.mark.parametrize(("seed", "kills"), [(1, 3), (2, 3), (3, 4)])
def test_random_kills_lose_nothing_and_pay_nothing_twice(stack: NewStack, vod: LocalVod, seed: int, kills: int) -> None:
    """Whatever is broken off whenever: one accepted request for each audio, and VOD holds just the state's."""
    rounds = Kills(stack(vod.config), vod, seed)
    done = 0
    while done < kills:
        report = rounds.round(breaks=min(3, kills - done))
        done += report.kills
        assert (report.lost, report.twice) == (0, 0), f"{report}\n{rounds.evidence()}"
