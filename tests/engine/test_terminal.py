"""What people see in a terminal, where the engine leaves little room, and after Ctrl-C."""

from __future__ import annotations

import re

from tests.engine.conftest import NewStack
from tests.engine.terminal import Terminal
from tests.vod import LocalVod

UP = ("up", "--yes", "--skip-preview", "--stack", "test", "--parallel", "100")


def test_rows_fit_a_terminal_of_100_columns(stack: NewStack, vod: LocalVod) -> None:
    """Each row says what is going on in the 13 characters that it has there, and ends with how it ended."""
    one, source = stack(vod.config | {"vod:quotas": '{"extract": 1}'}), vod.video()
    vod.timed(2)
    one.program(f'for n in range(2):\n    ExtractedAudio(f"audio-{{n}}", asset_id="{source}", triggers=[n])')
    run = Terminal(one, 100, *UP)
    run.until(lambda: "quota: queued" in run.rows("audio-0") + run.rows("audio-1"))
    queued, first = sorted(["audio-0", "audio-1"], key=lambda name: "quota: queued" not in run.rows(name))
    run.until(lambda: "ready, 0:01" in run.rows(first))
    run.interrupt()
    text = run.end()
    assert max(len(line) for line in run.lines() if "ExtractedAudio" in line) <= 100, text
    assert "extracting" in run.rows(first), text
    assert "quota: queued" in run.rows(queued), text


def test_after_ctrl_c_what_has_failed_stands_out(stack: NewStack, vod: LocalVod) -> None:
    """Of twelve audios, those that were under way and those that waited for the quota are one short line each."""
    one = stack(vod.config | {"vod:quotas": '{"extract": 8}'})
    source, mute = vod.video(), vod.video(sound=False)
    vod.timed(60)
    one.program(
        "import asyncio, pathlib\n"
        f'ExtractedAudio("mute", asset_id="{mute}")\n'
        "async def later():\n"
        '    while not pathlib.Path("failed").exists():\n'
        "        await asyncio.sleep(0.1)\n"
        f'    return "{source}"\n'
        "for n in range(11):\n"
        '    ExtractedAudio(f"audio-{n}", asset_id=later(), triggers=[n])'
    )
    run = Terminal(one, 80, *UP, "--continue-on-error")
    run.until(lambda: vod.count("ExtractAudio") == 1)
    (one.folder / "failed").touch()
    run.until(lambda: vod.count("ExtractAudio") == 8)
    accepted = vod.accepted()
    run.interrupt()
    text = run.end().rpartition("Diagnostics:")[2]
    said = [line.strip() for line in text.splitlines()]
    assert said.count("* stopped; the next `pulumi up` goes on with it, and it is billed once") == accepted, text
    assert said.count("error: stopped before VOD was asked; the next `pulumi up` asks") == 12 - 8, text
    (failed,) = re.findall(r"\(mute\):\s+error: (.*)", text)
    assert failed.startswith(f"extracting MP3 from asset {mute}: VOD answered 4"), text
    assert len(one.audios()) == accepted == 7
    # Nothing else is longer than a line of the terminal.
    longest = [line for line in said if line.startswith(("error:", "*")) and failed not in line]
    assert max(map(len, longest)) < 80 - 8, text
