"""What importing the package loads: neither HTTP nor SQL before there is something to ask VOD."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {"requests", "urllib3", "sqlite3", "av", "starlette", "uvicorn"}


def loaded(statement: str) -> set[str]:
    """The top-level modules that a fresh Python has loaded after `statement`."""
    program = f"{statement}\nimport sys\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("module", ["vod_provider.resource", "vod_provider.provider"])
def test_a_program_and_its_preview_load_neither_http_nor_sql(module: str) -> None:
    """A preview and an unchanged `up` load these modules, and should not pay for what they do not use."""
    assert loaded(f"import {module}") & HEAVY == set()


def test_the_local_vod_needs_no_pulumi() -> None:
    """The package and the local VOD's command line load nothing of Pulumi and nothing of the provider's client."""
    names = loaded("import vod_provider, vod_provider.local.__main__")
    assert names & {"pulumi", "grpc", "requests"} == set()


def test_the_resource_is_loaded_when_it_is_asked_for() -> None:
    """`from vod_provider import ExtractedAudio` brings Pulumi, and still no HTTP and no SQL."""
    names = loaded("from vod_provider import ExtractedAudio")
    assert "pulumi" in names
    assert names & HEAVY == set()
