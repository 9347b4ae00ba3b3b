"""The real engine, for the benchmark in small."""

from __future__ import annotations

from pathlib import Path

import pytest

import bench.cases


@pytest.fixture(scope="session")
def engine() -> Path:
    """The folder of the Pulumi engine; built if it has to be."""
    return bench.cases.engine()
