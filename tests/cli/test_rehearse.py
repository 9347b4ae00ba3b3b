"""`rehearse` against the local VOD: what it names, what it leaves behind, and what it shows."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Command
from tests.vod import LocalVod, free_port
from vod_provider.cli.configuration import Configuration
from vod_provider.cli.rehearse import command as rehearse
from vod_provider.cli.rehearse.record import Record
from vod_provider.cli.rehearse.service import Reply, Service
from vod_provider.cli.rehearse.steps import MARK, Rehearsal


@pytest.fixture
def quiet(vod: LocalVod) -> LocalVod:
    """A local VOD without assets that extracts one audio at a time, so that others wait in the queue."""
    vod.reset()
    vod._local("PUT", "settings", {"extraction": {"mode": "real", "concurrency": 1}})
    return vod


def assets(vod: LocalVod) -> list[str]:
    """All that the service shows."""
    return [row["asset_id"] for row in vod.api("GET", "/asset/info?page=0&size=100")["asset_info_array"]]


def findings(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What was found, by the name of the question."""
    return {it["name"]: it for it in document["findings"]}


def test_the_whole_rehearsal(command: Command, quiet: LocalVod, home: Path) -> None:
    """It settles all that needs no second key and no callback, and leaves nothing behind, neither there nor here."""
    result = command("rehearse", "--yes", "--json", vod=quiet)
    assert result.status == 0
    open_ones = {name for name, it in findings(result.json).items() if it["seen"] is None}
    assert open_ones <= {
        "event_body",
        "event_name",
        "event_timestamp",
        "denied_code",
        "iam_first",
        "deletion_shows",  # nothing to see where a deletion is done at once
    }
    assert result.json["left_behind"] == []
    assert assets(quiet) == []
    assert [file.suffix for file in (home / ".local/state/pulumi-huaweicloud-vod").iterdir()] == [".lock"]


def test_what_is_announced_is_kept_to(command: Command, quiet: LocalVod) -> None:
    """The terminal says what will be done and what it costs at most, and no more than that is done."""
    quiet.forget_calls()
    result = command("rehearse", vod=quiet, typed="yes\n")
    assert result.status == 0
    assert "uploads 8 clips of 3 s" in result.out
    assert "asks for 7 extractions" in result.out
    counts = quiet.counts()
    assert counts["CreateAssetByFileUpload"] == 8
    assert counts["ExtractAudio"] == 7
    assert "QUESTION" in result.out
    assert "vod-local serve" in result.out


@pytest.mark.parametrize("answer", ["no\n", "\n", "y\n"])
def test_nothing_is_done_without_a_yes(command: Command, quiet: LocalVod, answer: str) -> None:
    """Anything but yes leaves it: VOD is only asked for remains."""
    quiet.forget_calls()
    result = command("rehearse", vod=quiet, typed=answer)
    assert result.status == 0
    assert "Nothing was done." in result.err
    assert set(quiet.counts()) == {"ShowAssetMeta"}


def test_nobody_to_ask(command: Command, quiet: LocalVod) -> None:
    """Without a terminal it takes --yes."""
    result = command("rehearse", vod=quiet)
    assert result.status == 2
    assert "add --yes" in result.err


def test_credentials_that_vod_does_not_take(command: Command, quiet: LocalVod) -> None:
    """Nothing is made, and VOD's answer is one line."""
    quiet.forget_calls()
    wrong = {**quiet.config, "vod:secretKey": "a-wrong-secret"}
    given = [word for name, value in wrong.items() for word in ("--config", f"{name}={value}")]
    result = command("rehearse", "--yes", *given)
    assert result.status == 2
    assert "listing assets: VOD answered HTTP 401" in result.err.splitlines()[-1]
    assert "CreateAssetByFileUpload" not in quiet.counts()


def test_what_was_found_before_a_failure_is_reported(command: Command, quiet: LocalVod) -> None:
    """Where VOD does not go along any more, the table has what was seen until then, and the rest is open."""
    quiet.faults({"operation": "ConfirmAssetUpload", "times": 1, "status": 403, "error_code": "VOD.10111"})
    result = command("rehearse", "--yes", "--json", vod=quiet)
    assert result.status == 2
    assert "VOD.10111" in result.err.splitlines()[-1]
    assert findings(result.json)["absence"]["seen"] == "NO_ASSET"
    assert findings(result.json)["extraction_done"]["seen"] is None
    assert assets(quiet) == []


def test_no_secret_is_shown(command: Command, quiet: LocalVod, tmp_path: Path) -> None:
    """Neither the table nor the file has a key, a token or the project's id in it."""
    output = tmp_path / "rehearsal.json"
    result = command("rehearse", "--yes", "--output", str(output), vod=quiet)
    written = output.read_text(encoding="utf-8")
    assert json.loads(written)["dialects"]["audio_id"] == "hex"
    for name in ("vod:accessKey", "vod:secretKey"):
        assert quiet.config[name] not in result.out + result.err + written
    assert quiet.config["vod:projectId"] not in written


def test_other_assets_are_left_alone(command: Command, quiet: LocalVod) -> None:
    """What somebody else has in the project stays as it is, also where its title is like ours."""
    others = [quiet.video(title="A video"), quiet.video(title=f"About {MARK}")]
    before = [quiet.asset(one) for one in others]
    assert command("rehearse", "--yes", "--json", vod=quiet).status == 0
    assert [quiet.asset(one) for one in others] == before
    assert sorted(assets(quiet)) == sorted(others)


@pytest.mark.parametrize("step", ["_queue", "_failure", "_deletions"])
def test_after_ctrl_c_nothing_is_left(
    command: Command, quiet: LocalVod, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Wherever it is interrupted, what was made is removed before it ends."""
    whole = getattr(Rehearsal, step)

    def interrupted(self: Rehearsal, *arguments: Any) -> None:
        whole(self, *arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(Rehearsal, step, interrupted)
    with pytest.raises(KeyboardInterrupt):
        command("rehearse", "--yes", "--json", vod=quiet)
    assert quiet.count("CreateAssetByFileUpload") >= 1
    assert assets(quiet) == []


def ended_by(number: signal.Signals, vod: LocalVod) -> int:
    """A rehearsal in a process of its own that gets a signal while it extracts; its exit status."""
    settings = [word for name, value in vod.config.items() for word in ("--config", f"{name}={value}")]
    run = subprocess.Popen([sys.executable, "-m", "vod_provider", "rehearse", "--yes", *settings])
    end = time.monotonic() + 20
    while vod.count("ExtractAudio") < 2 and time.monotonic() < end:
        time.sleep(0.01)
    run.send_signal(number)
    return run.wait(60)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_process_that_is_asked_to_end_removes_what_it_made(
    quiet: LocalVod, home: Path, number: signal.Signals
) -> None:
    """Ctrl-C, and the signal that ends a cancelled CI job."""
    assert ended_by(number, quiet) == 130
    assert quiet.count("ExtractAudio") >= 2
    assert assets(quiet) == []
    assert not list(home.glob(".local/state/pulumi-huaweicloud-vod/*.json"))


@pytest.mark.parametrize("record_lost", [False, True])
def test_after_a_kill_the_next_run_removes_what_is_left(
    command: Command, quiet: LocalVod, home: Path, record_lost: bool
) -> None:
    """The next run finds what was made by its own record, and on another machine by its mark."""
    assert ended_by(signal.SIGKILL, quiet) == -signal.SIGKILL
    assert assets(quiet)
    (record,) = (home / ".local/state/pulumi-huaweicloud-vod").glob("rehearsal-*.json")
    if record_lost:
        record.unlink()
    result = command("rehearse", "--clean", "--yes", vod=quiet)
    assert result.status == 0
    assert assets(quiet) == []
    assert not record.exists()


def test_two_at_once_are_refused(command: Command, quiet: LocalVod, home: Path) -> None:
    """One would take for remains what the other one makes."""
    here = Configuration({}, quiet.config, {"HOME": str(home)}).load()
    with Record(rehearse._record_file(here, {"HOME": str(home)})).held():
        result = command("rehearse", "--yes", vod=quiet)
    assert result.status == 2
    assert "another rehearsal" in result.err


def test_the_callback_is_seen_as_it_came(command: Command, quiet: LocalVod) -> None:
    """Where vod:events is set, body, name and timestamp of a real callback are looked at, and its signature."""
    port = free_port()
    quiet.tells(f"http://127.0.0.1:{port}/vod", "events-key")
    events = json.dumps({"listen": f"127.0.0.1:{port}", "key": "events-key"})
    result = command("rehearse", "--yes", "--json", "--config", f"vod:events={events}", vod=quiet)
    found = findings(result.json)
    assert found["event_name"]["seen"] == "audioExtractComplete"
    assert found["event_timestamp"]["seen"] == "seconds"
    assert found["event_body"]["evidence"].startswith("signed as assumed")
    assert "events-key" not in result.out


def seen_by_a_second_key(there: Reply, changing: Reply) -> dict[str, str]:
    """What is found of permissions where a second key gets these answers to a query and a deletion."""
    denied = FakeService({"GET": there, "DELETE": changing})
    unused: Any = None
    rehearsal = Rehearsal(FakeService({}), unused, lambda _: None, clip=b"", wrong=FakeService({}), denied=denied)
    rehearsal._permissions("video")
    return {name: it.seen for name, it in rehearsal.findings.items()}


class FakeService(Service):
    """Answers by the method alone."""

    def __init__(self, replies: dict[str, Reply]) -> None:
        self._replies = replies

    def ask(self, doing: str, method: str, path: str, **_: Any) -> Reply:
        return self._replies[method]


DENIAL = Reply(403, "VOD.10111", "denied")


@pytest.mark.parametrize(
    ("there", "changing", "code", "first"),
    [
        (DENIAL, DENIAL, "VOD.10111", "yes"),
        (DENIAL, Reply(403, "VOD.10062", "no such asset"), "VOD.10111", "no"),
        (DENIAL, Reply(429, "APIGW.0308", "too many"), "VOD.10111", ""),
        (Reply(), DENIAL, "", ""),
    ],
)
def test_how_a_second_key_is_denied(there: Reply, changing: Reply, code: str, first: str) -> None:
    """The code of a denial, and whether it comes before VOD looks for the asset; open where it is not told."""
    assert seen_by_a_second_key(there, changing) == {"denied_code": code, "iam_first": first}


def test_half_of_a_second_key_is_refused(command: Command, quiet: LocalVod, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both parts have to be there, and are named."""
    monkeypatch.setenv("REHEARSE_DENIED_ACCESS_KEY", "AK")
    result = command("rehearse", "--yes", vod=quiet)
    assert result.status == 2
    assert "REHEARSE_DENIED_SECRET_KEY" in result.err
