"""What is loaded when: a preview needs neither HTTP nor SQL, and the local VOD no Pulumi."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys

import pytest
import requests

import vod_provider

CASES = {
    "the package": ("import vod_provider", {"pulumi", "requests", "sqlite3"}),
    "the resource": ("from vod_provider import ExtractedAudio", {"requests", "sqlite3", "starlette", "av"}),
    "the provider": ("import vod_provider.provider", {"requests", "sqlite3", "starlette", "av"}),
    "the provider of sets": ("import vod_provider.set_provider", {"requests", "sqlite3", "starlette", "av"}),
    "the local VOD": ("import vod_provider.local.__main__", {"pulumi", "requests", "av"}),
}


@pytest.mark.parametrize(("statement", "unwanted"), CASES.values(), ids=CASES.keys())
def test_what_an_import_leaves_out(statement: str, unwanted: set[str]) -> None:
    """Importing it loads none of what only a later step needs."""
    code = f"{statement}\nimport sys\nprint(*({unwanted!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_the_tests_parse_json_as_users_do() -> None:
    """requests parses with Python's own json here, although a development dependency brings another parser."""
    assert importlib.util.find_spec("simplejson")
    assert vars(requests.compat)["json"] is json


def test_the_public_names() -> None:
    """Other people's programs hold on to these."""
    assert set(vod_provider.__all__) == {
        "AudioCatalogue",
        "AudioFormat",
        "ExtractedAudio",
        "ExtractedAudioArgs",
        "ExtractedAudioSet",
        "MediaAsset",
        "SetAudio",
        "SetAudioArgs",
        "__version__",
        "get_media_asset",
        "get_media_asset_output",
        "get_media_assets",
    }
    for name in vod_provider.__all__:
        assert getattr(vod_provider, name) is not None
