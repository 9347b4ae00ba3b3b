"""The real engine, and stacks of their own for tests."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.engine.stack import Stack
from tests.vod import LocalVod

ROOT = Path(__file__).resolve().parents[2]

NewStack = Callable[[dict[str, str]], Stack]


@pytest.fixture(scope="session")
def engine() -> Path:
    """The folder of the Pulumi engine; built if it has to be. No engine is a failure."""
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "engine" / "ensure"], stdout=subprocess.PIPE, text=True, check=True
    )
    return Path(done.stdout.strip().splitlines()[-1])


@pytest.fixture
def stack(engine: Path, tmp_path: Path) -> Iterator[NewStack]:
    """Makes stacks with the given configuration."""
    stacks: list[Stack] = []

    def new(config: dict[str, str]) -> Stack:
        stacks.append(Stack(tmp_path / f"stack{len(stacks)}", engine, config))
        return stacks[-1]

    yield new
    for one in stacks:
        one.end()


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
