"""The commands as processes of their own: help, signals, pipes."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.conftest import state
from tests.vod import LocalVod
from vod_provider._version import __version__
from vod_provider.cli.layout import WIDTH

VOD_PROVIDER = [sys.executable, "-m", "vod_provider"]


def environ(home: Path) -> dict[str, str]:
    """Nothing of the caller's."""
    return {"HOME": str(home), "PATH": os.defpath, "COLUMNS": str(WIDTH)}


def settings(vod: LocalVod) -> list[str]:
    """The local VOD by --config."""
    return [word for name, value in vod.config.items() for word in ("--config", f"{name}={value}")]


def start(home: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start a command."""
    return subprocess.Popen(
        [*VOD_PROVIDER, *arguments],
        env=environ(home),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("command", [(), ("orphans",), ("doctor",), ("rehearse",)])
def test_help_teaches_and_fits(tmp_path: Path, command: tuple[str, ...]) -> None:
    """Each command's help has examples and exit statuses, in lines that fit a terminal."""
    with start(tmp_path, *command, "--help") as process:
        out, err = process.communicate()
    assert process.returncode == 0, err
    assert max(map(len, out.splitlines())) <= WIDTH
    if command:
        assert f"python -m vod_provider {command[0]} --stack dev" in out
        assert "exit status: 0" in out
    else:
        assert "orphans" in out
        assert "doctor" in out


@pytest.mark.parametrize("command", ["orphans", "doctor", "rehearse"])
def test_every_flag_is_in_the_docs(tmp_path: Path, command: str) -> None:
    """docs/commands.md tells of all that --help does."""
    with start(tmp_path, command, "--help") as process:
        out, _ = process.communicate()
    flags = set(re.findall(r"--[a-z-]+", out.partition("examples:")[0])) - {"--help"}
    docs = (Path(__file__).resolve().parents[2] / "docs" / "commands.md").read_text()
    assert "--config" in flags
    assert [flag for flag in sorted(flags) if flag not in docs] == []


def test_version(tmp_path: Path) -> None:
    """--version tells the package's."""
    with start(tmp_path, "--version") as process:
        assert process.communicate() == (f"{__version__}\n", "")


def test_no_command_is_an_error_that_names_them(tmp_path: Path) -> None:
    """Without a command there is nothing to do."""
    with start(tmp_path) as process:
        _, err = process.communicate()
    assert process.returncode == 2
    assert "orphans | doctor | rehearse" in err


def test_without_a_terminal_nothing_is_deleted(tmp_path: Path, vod: LocalVod) -> None:
    """Standard input that is no terminal is refused, and --yes is the way to say so."""
    audio_id = vod.extract(vod.video())
    given = ("orphans", *settings(vod), "--stack-state", state(tmp_path), "--id", audio_id, "--delete")
    with start(tmp_path, *given) as process:
        out, err = process.communicate()
    assert (process.returncode, out) == (2, "")
    assert err.startswith("python -m vod_provider orphans: --delete: there is no terminal")
    assert vod.audio_ids() == [audio_id]
    with start(tmp_path, *given, "--yes") as process:
        out, _ = process.communicate()
    assert process.returncode == 0
    assert f"{audio_id}: deleted" in out
    assert vod.audio_ids() == []


def test_ctrl_c_ends_it_at_once(tmp_path: Path, vod: LocalVod) -> None:
    """However long VOD takes to answer: one line, status 130, no traceback."""
    vod.faults({"operation": "ListAssetList", "times": 1, "delay_s": 20})
    with start(tmp_path, "orphans", *settings(vod)) as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith("listing the audios of")
        time.sleep(0.3)
        pressed = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=10)
    assert time.monotonic() - pressed < 3
    assert process.returncode == 130
    assert err == "python -m vod_provider: interrupted\n"


def test_whoever_reads_it_may_leave(tmp_path: Path, vod: LocalVod) -> None:
    """Piped into `head`, it ends without a word when nobody reads any more."""
    with start(tmp_path, "orphans", *settings(vod)) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        err = process.stderr.read()
        process.wait(20)
    assert process.returncode == 141
    assert "Error" not in err
    assert "Traceback" not in err
