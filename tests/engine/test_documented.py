"""The commands of the documentation that set configuration, with the real engine."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from tests.engine.conftest import ROOT, NewStack
from tests.pages import blocks
from tests.vod import LocalVod
from vod_provider.config import settings

SETS = re.compile(r"^\$ pulumi (config set .+)$", re.MULTILINE)
PAGES = [page for page in sorted([*(ROOT / "docs").rglob("*.md"), ROOT / "README.md"]) if SETS.search(page.read_text())]
KEY = {"vod:accessKey": "AK", "vod:secretKey": "SK"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_documented_configuration_is_accepted(stack: NewStack, page: Path) -> None:
    """What a page has its reader set, the provider reads, and every secret is kept as one."""
    one = stack({})
    said = SETS.findall(page.read_text())
    for command in said:
        one.run(*shlex.split(command), "--stack", "test").expect()
    shown = json.loads(one.run("config", "--show-secrets", "--json", "--stack", "test").expect().text)
    config = {name.replace("test-vod:", "vod:"): entry["value"] for name, entry in shown.items()}
    settings.load(
        KEY | {name: value for name, value in config.items() if name in settings.NAMES}, {"HOME": "/home/ann"}
    )
    kept = (one.folder / "Pulumi.test.yaml").read_text()
    for command in said:
        assert ("--secret" in command) is bool(re.search("secretKey|Token|token|events.key", command)), command
    assert ("secure:" in kept) is any("--secret" in command for command in said)


def test_the_program_of_the_readme(stack: NewStack, vod: LocalVod) -> None:
    """What the README begins with comes up as it stands there, with the id of a video that is there."""
    (program,) = blocks((ROOT / "README.md").read_text(), "python")
    one = stack(vod.config)
    (one.folder / "__main__.py").write_text(re.sub(r"\b[0-9a-f]{32}\b", vod.video(), program))
    one.up().expect("2 created", "audio_asset_id", "url")
    assert one.audios()["talk"]["outputs"]["title"] == "The talk"


def test_the_program_of_a_whole_archive(stack: NewStack, vod: LocalVod) -> None:
    """The set on its page comes up as it stands there, with the ids of videos that are there."""
    (program,) = blocks((ROOT / "docs/how-to/archive.md").read_text(), "python")
    one = stack(vod.config)
    (one.folder / "__main__.py").write_text(re.sub(r"\b[0-9a-f]{32}\b", lambda _: vod.video(), program))
    one.up().expect("2 created", "2 ready", "url")
    assert sorted(vod.asset(it)["base_info"]["title"] for it in vod.audio_ids()) == ["A video", "The next talk"]
