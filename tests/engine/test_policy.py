"""The policy pack in examples/policy, with the real engine and Pulumi's own policy SDK."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pytest
import yaml

from tests.engine.conftest import ROOT, NewStack
from tests.engine.stack import Stack
from tests.engine.test_examples import kept
from tests.vod import LocalVod
from vod_provider.plugin.owner import TYPES

PACK = ROOT / "examples/policy"
WANTED = (PACK / "requirements.txt").read_text().strip()
START = """#!/bin/sh
pack=$(dirname "$0")
exec "$pack/VENV/bin/python" -u -m pulumi.policy "$1" "$pack"
"""
"""Starts the policy pack beside it as the language host of Pulumi's releases does. The Python language host that can be
built from Go modules is older than the engine and cannot. An engine also takes an executable for a policy pack: it
starts that one itself, and reads the PulumiPolicy.yaml beside it."""


@pytest.fixture
def pack(tmp_path: Path, stack: NewStack, vod: LocalVod) -> tuple[Stack, Path]:
    """A stack, and what starts a copy of the policy pack that has an environment of its own."""
    copy = tmp_path / "policy"
    shutil.copytree(PACK, copy, ignore=shutil.ignore_patterns(".venv", "__pycache__"))
    virtualenv = yaml.safe_load((copy / "PulumiPolicy.yaml").read_text())["runtime"]["options"]["virtualenv"]
    (copy / virtualenv).symlink_to(sys.prefix)
    start = copy / "start"
    start.write_text(START.replace("VENV", virtualenv))
    start.chmod(0o755)
    one = stack(vod.config)
    one.environ["PYTHONPATH"] += f":{kept('pulumi-policy-1.21.0', 'pulumi-policy==1.21.0')}"
    return one, start


def test_an_audio_without_a_title_is_refused(pack: tuple[Stack, Path], vod: LocalVod) -> None:
    """The run ends before VOD is asked for anything; with a title it goes on, and missing tags are a remark."""
    assert WANTED == "pulumi-policy>=1.21,<2"
    one, policy = pack
    source = vod.video()
    one.program(f'ExtractedAudio("talk", asset_id="{source}")')
    refused = one.run("up", "--yes", "--stack", "test", "--policy-pack", str(policy)).expect_failure()
    assert "[mandatory]  audio-title  (pulumi-python:dynamic/vod:ExtractedAudio: talk)" in refused.text
    assert vod.accepted() == 0
    one.program(f'ExtractedAudio("talk", asset_id="{source}", title="The talk")')
    one.run("up", "--yes", "--skip-preview", "--stack", "test", "--policy-pack", str(policy)).expect(
        "[advisory]  audio-tags", "talk: set tags, so that its costs can be assigned", "2 created"
    )


def test_both_types_are_meant() -> None:
    """The pack names the type of Python programs and that of the native plugin."""
    types = re.findall(r'"(\S+:ExtractedAudio)"', (PACK / "__main__.py").read_text())
    assert types == list(TYPES)
