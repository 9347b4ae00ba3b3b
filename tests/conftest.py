"""What tests of several parts use."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.engine.stack import heed_interrupts
from tests.vod import LocalVod

heed_interrupts()


@pytest.fixture(scope="session")
def running_vod(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalVod]:
    """A local VOD service, one for each process that runs tests."""
    with LocalVod.started(tmp_path_factory.mktemp("vod")) as service:
        yield service


@pytest.fixture
def vod(running_vod: LocalVod) -> LocalVod:
    """The local VOD service without assets, calls and faults."""
    running_vod.reset()
    return running_vod
