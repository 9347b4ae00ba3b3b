"""Every program in examples/ runs with the real engine, as it stands there."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.engine.conftest import ROOT, NewStack
from tests.vod import PROJECT, TOKEN, LocalVod

EXAMPLES = sorted(path.parent for path in (ROOT / "examples").glob("*/Pulumi.yaml"))
CONFIG: dict[str, Callable[[LocalVod], str]] = {
    "asset_id": lambda vod: vod.video(),
    "archive_asset_id": lambda vod: vod.video(title="Archived"),
    "category": lambda vod: str(vod.asset(vod.video(title="In it"))["base_info"]["category_id"]),
    "episodes": lambda vod: json.dumps({"Pilot": vod.video(title="Pilot"), "The 2nd": vod.video(3, title="2")}),
    "videos": lambda vod: json.dumps({"intro": vod.video(title="Intro"), "finale": vod.video(3, title="Finale")}),
}
"""What examples ask of their configuration."""
ACCOUNT = {"token": TOKEN, "projectId": PROJECT}
ARCHIVE = {"vod:accounts": json.dumps({"archive": ACCOUNT})}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_example(stack: NewStack, vod: LocalVod, example: Path) -> None:
    """The example comes up, does not change when it is run again, and leaves nothing behind."""
    program = (example / "__main__.py").read_text()
    wanted = {f"test-vod:{key}": value(vod) for key, value in CONFIG.items() if f'"{key}"' in program}
    one = stack(vod.config | ARCHIVE | wanted)
    for file in example.iterdir():
        if file.name != "Pulumi.yaml":
            shutil.copy(file, one.folder)
    one.up().expect("created")
    assert vod.audio_ids()
    one.up().expect("unchanged")
    one.destroy().expect("deleted")
    assert vod.audio_ids() == []


def test_the_feed_of_the_podcast(stack: NewStack, vod: LocalVod) -> None:
    """The feed names each published audio, with where it is, how many bytes it has, and how long it takes."""
    one = stack(vod.config | {"test-vod:episodes": CONFIG["episodes"](vod)})
    shutil.copy(ROOT / "examples/podcast/__main__.py", one.folder)
    one.preview().expect()
    assert not (one.folder / "feed.xml").exists()
    one.up().expect()
    channel = ElementTree.parse(one.folder / "feed.xml").getroot().find("channel")
    assert channel is not None
    items = channel.findall("item")
    assert [item.findtext("title") for item in items] == ["Pilot", "The 2nd"]
    for item, seconds in zip(items, ("2", "3"), strict=True):
        enclosure = item.find("enclosure")
        assert enclosure is not None
        assert len(vod.download(enclosure.attrib["url"])) == int(enclosure.attrib["length"])
        assert item.findtext("{http://www.itunes.com/dtds/podcast-1.0.dtd}duration") == seconds
    assert {audio["outputs"]["status"] for audio in one.audios().values()} == {"PUBLISHED"}


def test_the_unit_tests_of_a_program(tmp_path: Path) -> None:
    """Users' tests with Pulumi's mocks pass, and need neither engine nor VOD."""
    shutil.copytree(ROOT / "examples/unit-tests", tmp_path / "project")
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider"]
    tested = subprocess.run(command, cwd=tmp_path / "project", capture_output=True, text=True, check=False)
    assert "1 passed" in tested.stdout, tested.stdout + tested.stderr
