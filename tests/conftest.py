"""What tests of several parts use."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# requests parses JSON with simplejson where it is installed, and that takes and refuses other texts than Python's own
# json. Users do not have it; the official client, which the tests compare with, brings it. So requests is loaded as if
# it were not there.
sys.modules["simplejson"] = None  # type: ignore[assignment]
import requests  # noqa: E402, F401

del sys.modules["simplejson"]

from tests import built  # noqa: E402
from tests.engine.stack import heed_interrupts  # noqa: E402
from tests.vod import LocalVod  # noqa: E402

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


@pytest.fixture(scope="session")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist and the wheel, built once."""
    return built.distributions(tmp_path_factory)


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment that has the built wheel."""
    return built.environment(tmp_path_factory)
