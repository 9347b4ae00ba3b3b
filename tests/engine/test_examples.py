"""Every program in examples/ runs with the real engine, as it stands there."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.engine.conftest import ROOT, NewStack
from tests.vod import LocalVod

EXAMPLES = sorted(path.parent for path in (ROOT / "examples").glob("*/Pulumi.yaml"))
CONFIG: dict[str, Callable[[LocalVod], str]] = {
    "asset_id": lambda vod: vod.video(),
    "videos": lambda vod: json.dumps({"intro": vod.video(title="Intro"), "finale": vod.video(3, title="Finale")}),
}
"""What examples ask of their configuration."""


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_example(stack: NewStack, vod: LocalVod, example: Path) -> None:
    """The example comes up, does not change when it is run again, and leaves nothing behind."""
    program = (example / "__main__.py").read_text()
    wanted = {f"test-vod:{key}": value(vod) for key, value in CONFIG.items() if f'"{key}"' in program}
    one = stack(vod.config | wanted)
    for file in example.iterdir():
        if file.name != "Pulumi.yaml":
            shutil.copy(file, one.folder)
    one.up().expect("created")
    assert vod.audio_ids()
    one.up().expect("unchanged")
    one.destroy().expect("deleted")
    assert vod.audio_ids() == []
