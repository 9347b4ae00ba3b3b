"""Completion told by VOD's events, with the real engine and the local VOD's callbacks."""

from __future__ import annotations

import json
import shlex
import socket

from tests.engine.conftest import ROOT, NewStack
from tests.pages import ask, curls
from tests.vod import LocalVod, free_port

PAGE = (ROOT / "docs/how-to/events.md").read_text()
KEY = "a key of the console"
MANY = 40


def configured(vod: LocalVod, port: int, **more: str) -> dict[str, str]:
    return vod.config | {"vod:events": json.dumps({"listen": f"127.0.0.1:{port}", "key": KEY, **more})}


def several(source: str, count: int) -> str:
    """A program with so many audios."""
    return f'for n in range({count}):\n    ExtractedAudio(f"audio{{n}}", asset_id="{source}", triggers=[n])'


def test_audios_are_seen_when_vod_tells(stack: NewStack, vod: LocalVod) -> None:
    """Forty audios take less than 1.5 calls each, the one that asks for it included: nobody polls."""
    port = free_port()
    vod.tells(f"http://127.0.0.1:{port}/vod", KEY)
    vod.timed(2, quota_scale=10)
    audio = stack(configured(vod, port))
    audio.program(several(vod.video(), MANY))
    vod.forget_calls()
    audio.up("--parallel", "100").expect(f"{MANY + 1} created")
    assert vod.count("ExtractAudio") == MANY
    assert sum(vod.counts().values()) < 1.5 * MANY, vod.counts()


def test_forged_events_change_nothing(stack: NewStack, vod: LocalVod) -> None:
    """Callbacks signed with another key make nobody look, and the audios are waited for all the same."""
    port = free_port()
    vod.tells(f"http://127.0.0.1:{port}/vod", "another key")
    vod.timed(1)
    audio = stack(configured(vod, port))
    source = vod.video()
    audio.program(several(source, 3))
    vod.forget_calls()
    audio.up().expect("4 created", "vod:events: callbacks came, and none was signed with vod:events.key")
    asked = [call["asset_ids"] for call in vod.calls() if call["operation"] == "ShowAssetMeta"]
    about_audios = [ids for ids in asked if ids != [source]]  # the source is looked at once, before it is asked for
    assert len(about_audios) == 1, "all three by one poll, five seconds later"
    assert vod.accepted() == 3


def test_without_a_place_to_listen_vod_is_asked(stack: NewStack, vod: LocalVod) -> None:
    """A port in use is a warning; a certificate that is none is an error before anything is paid."""
    source = vod.video()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        audio = stack(configured(vod, port, certificate="/no/such.pem"))
        audio.program(several(source, 1))
        audio.up().expect_failure("vod:events: no certificate with its key, in PEM, is in /no/such.pem: No such file")
        assert vod.count("ExtractAudio") == 0
        audio.configure(configured(vod, port))
        audio.up().expect(f"vod:events.listen: 127.0.0.1:{port} cannot be listened on", "1 created")


def test_events_are_tried_as_the_page_says(stack: NewStack, vod: LocalVod) -> None:
    """Followed word by word, the page's last commands have VOD asked when it tells, and not five seconds later."""
    port, audio, source = free_port(), stack(vod.config), vod.video()
    audio.program(several(source, 1))
    section = PAGE.partition("## Try it with the local VOD")[2].replace("8490", str(port))
    (command,) = curls(section)
    ask(command, vod)
    *sets, last = [shlex.split(line[2:]) for line in section.splitlines() if line.startswith("$ pulumi ")]
    vod.timed(1)
    for words in sets:
        assert words[0] == "pulumi"
        audio.run(*words[1:]).expect()
    vod.forget_calls()
    assert last == ["pulumi", "up"]
    audio.up().expect("2 created")
    times = {call["operation"]: call["time"] for call in vod.calls()}
    assert times["ShowAssetMeta"] - times["ExtractAudio"] < 4
