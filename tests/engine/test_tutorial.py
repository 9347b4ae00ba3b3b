"""The tutorial, followed word by word with the real engine."""

from __future__ import annotations

import re
import signal

from tests.engine.conftest import ROOT, NewStack
from tests.engine.stack import LIMIT_S, until
from tests.pages import ask, blocks, curls
from tests.vod import LocalVod

PAGE = (ROOT / "docs/tutorial.md").read_text()
PROGRAM = (ROOT / "__main__.py").read_text()
SECTIONS = {part.partition("\n")[0]: part for part in PAGE.split("\n## ")}
ID = re.compile(r"\b[0-9a-f]{32}\b")


def said(section: str, text: str) -> None:
    """The engine has to have said each line that the section shows; ids and spaces may be others."""
    printed = " ".join(ID.sub("ID", text).split())
    for line in "".join(blocks(SECTIONS[section], "text")).splitlines():
        assert " ".join(line.split()) in printed, f"{line!r} is not in:\n{text}"


def test_the_tutorial(stack: NewStack, vod: LocalVod) -> None:
    """Each change of the page does what the page says, prints what it shows, and is paid as often as it says."""
    one = stack(vod.config | {"test-vod:asset_id": vod.video(30)})
    (declared,) = re.findall(r"^audio = .*?^\)", PROGRAM, re.MULTILINE | re.DOTALL)
    (shown,) = blocks(SECTIONS["# Get started"], "python")
    assert shown.strip() == declared, "the page shows what is there"

    def edit(section: str) -> None:
        (other,) = blocks(SECTIONS[section], "python")
        (one.folder / "__main__.py").write_text(PROGRAM.replace(declared, other.strip()))

    edit("# Get started")
    one.run("up", "--yes", "--stack", "test").expect("2 created")
    vod.forget_calls()
    one.run("up", "--yes", "--stack", "test").expect("2 unchanged")
    assert vod.counts() == {}

    edit("A change in place")
    said("A change in place", one.run("preview", "--stack", "test").expect().text)
    one.run("up", "--yes", "--stack", "test").expect("1 updated")
    assert vod.count("ExtractAudio") == 0

    edit("A replacement")
    said("A replacement", one.run("preview", "--stack", "test").expect().text)

    section = "Interrupting it"
    slow, real = curls(SECTIONS[section])
    ask(slow.replace('"seconds": 60', '"seconds": 8'), vod)
    run = one.start("up", "--yes", "--skip-preview", "--stack", "test")
    until(lambda: vod.count("ExtractAudio") == 1)
    asked = vod.count("ShowAssetMeta")
    until(lambda: vod.count("ShowAssetMeta") > asked)  # its row says so now: the audio is waited for
    run.send_signal(signal.SIGINT)
    broken_off, _ = run.communicate(timeout=LIMIT_S)
    resumed = one.up().expect().text
    said(section, broken_off + resumed)
    assert vod.count("ExtractAudio") == 1
    assert len(vod.audio_ids()) == 1
    assert one.audios()["audio"]["outputs"]["format"] == "AAC"
    ask(real, vod)

    one.destroy().expect("2 deleted")
    assert vod.audio_ids() == []
