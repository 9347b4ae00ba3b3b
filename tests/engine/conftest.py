"""The real engine, and stacks of their own for tests."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.engine.clone import Clone
from tests.engine.stack import Stack

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


@pytest.fixture
def clone(tmp_path: Path, engine: Path) -> Iterator[Clone]:
    """A clone of the repository; its local VOD is ended with the test."""
    one = Clone(tmp_path)
    yield one
    one.make("down")
