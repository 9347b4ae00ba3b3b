"""The commands run in this process, with a console and a home of the test's own."""

from __future__ import annotations

import io
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.vod import LocalVod
from vod_provider.__main__ import main
from vod_provider.audio.ledger import Ledger
from vod_provider.audio.ledger_records import Holder, Key, Request
from vod_provider.cli.console import Console
from vod_provider.cli.layout import WIDTH, columns

Command = Callable[..., "Result"]


class Terminal(io.StringIO):
    """Standard input with somebody at it."""

    def isatty(self) -> bool:
        return True


@dataclass(frozen=True)
class Result:
    """A finished command. What it printed fits the terminal."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed, decoded."""
        return json.loads(self.out)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without any setting, and no Pulumi on PATH."""
    for name in list(os.environ):
        if name.startswith(("HW_", "HUAWEICLOUD_", "XDG_", "PULUMI_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path


@pytest.fixture
def command(home: Path) -> Command:
    """Runs `python -m vod_provider` with those arguments; `typed` is what somebody types at a terminal."""

    def run(*arguments: str, vod: LocalVod | None = None, typed: str | None = None, piped: str = "") -> Result:
        settings = [
            word for name, value in (vod.config if vod else {}).items() for word in ("--config", f"{name}={value}")
        ]
        out, err = io.StringIO(), io.StringIO()
        given = io.StringIO(piped) if typed is None else Terminal(typed)
        status = main([*arguments, *settings], Console(out, err, given))
        if "--json" not in arguments:
            assert [line for line in out.getvalue().splitlines() if columns(line) > WIDTH] == []
        return Result(status, out.getvalue(), err.getvalue())

    return run


class Book(Ledger):
    """The ledger, written by short words."""

    def ask(self, key: Key, site: str, source: str) -> None:
        """VOD is about to be asked."""
        self.intend(Request(*key, site, None, source, "MP3", time.time()))

    def settle(self, site: str, *audio_ids: str) -> None:
        """A state is shown that has these audios, for whom they were asked for."""
        rows = [it for it in self.requests(site) if it.audio_id in audio_ids]
        self.hold(Holder(site, str(it.audio_id), it.owner, source=it.source, format=it.format) for it in rows)


@pytest.fixture
def ledger(home: Path) -> Book:
    """The ledger that the commands find."""
    return Book(home / ".local/state/pulumi-huaweicloud-vod/journal.sqlite")


def service(vod: LocalVod) -> str:
    """How the ledger names the local VOD."""
    return f"{vod.config['vod:endpoint']} {vod.config['vod:projectId']}"


def urn(name: str, stack: str = "dev") -> str:
    """The URN of an audio in a stack of the project 'media'."""
    return f"urn:pulumi:{stack}::media::pulumi-python:dynamic/vod:ExtractedAudio::{name}"


def state(folder: Path, stack: str = "dev", **audios: str) -> str:
    """An exported state with those audios by name; returns its file."""
    root = {"urn": f"urn:pulumi:{stack}::media::pulumi:pulumi:Stack::media-{stack}"}
    resources = [root, *({"urn": urn(name, stack), "id": id_} for name, id_ in audios.items())]
    file = folder / f"{stack}.json"
    file.write_text(json.dumps({"version": 3, "deployment": {"resources": resources}}))
    return str(file)
