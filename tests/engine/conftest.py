"""The real engine, and stacks of their own for tests."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import storage
from tests.engine.clone import Clone
from tests.engine.stack import Stack
from tests.engine.yaml_stack import YamlStack

ROOT = Path(__file__).resolve().parents[2]

NewStack = Callable[[dict[str, str]], Stack]
NewYamlStack = Callable[[dict[str, str]], YamlStack]


@pytest.fixture(scope="session")
def engine() -> Path:
    """The folder of the Pulumi engine; built if it has to be. No engine is a failure."""
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "engine" / "ensure"], stdout=subprocess.PIPE, text=True, check=True
    )
    return Path(done.stdout.strip().splitlines()[-1])


@pytest.fixture(scope="session")
def yaml_engine() -> Path:
    """The folder of the Pulumi engine with the language host for YAML."""
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "engine" / "ensure", "--languages", "yaml"],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return Path(done.stdout.strip().splitlines()[-1])


@pytest.fixture
def yaml_stack(yaml_engine: Path, tmp_path: Path) -> Iterator[NewYamlStack]:
    """Makes stacks of YAML programs with the given configuration."""
    stacks: list[YamlStack] = []

    def new(config: dict[str, str]) -> YamlStack:
        stacks.append(YamlStack(tmp_path / f"yaml{len(stacks)}", yaml_engine, config))
        return stacks[-1]

    yield new
    for one in stacks:
        one.end()


@pytest.fixture
def s3() -> Iterator[str]:
    """The address of an S3 server with a bucket `team`."""
    with storage.served() as address:
        yield address


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
