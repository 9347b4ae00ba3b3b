"""Ten random kills, always the same ones; `make soak` has more."""

from __future__ import annotations

import random

import pytest

from tests.engine.conftest import NewStack
from tests.engine.kills import one_round
from tests.vod import LocalVod


@pytest.mark.parametrize(("seed", "kills"), [(1, 3), (2, 3), (3, 4)])
def test_random_kills_lose_nothing_and_pay_nothing_twice(stack: NewStack, vod: LocalVod, seed: int, kills: int) -> None:
    """Whatever is killed whenever: one accepted request for each audio, and VOD holds just the state's."""
    lost, twice, done = one_round(stack(vod.config), vod, random.Random(seed), kills)
    assert (lost, twice) == (0, 0), done
