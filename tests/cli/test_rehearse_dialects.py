"""`rehearse` names the dialect that is on, in every dialect of the local VOD."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.vod import LocalVod, free_port
from vod_provider.cli.configuration import Configuration
from vod_provider.cli.console import Console
from vod_provider.cli.rehearse import command as rehearse
from vod_provider.cli.rehearse.questions import QUESTIONS
from vod_provider.cli.rehearse.steps import Waits
from vod_provider.local.core.dialects import TABLE

KEY = "events-key"
QUICK = Waits(grace=1.5, listing=20, deletion=20, callback=10)
CHOICES = {name: list(dialect.values) for name, dialect in TABLE.items() if dialect.values}
ROUNDS = max(map(len, CHOICES.values()))
FAILED = "extraction_failed"
"""The one that takes real work to be seen; the others are seen best where extractions take a while."""


class Rehearsed:
    """Runs rehearsals against a local VOD that speaks the dialects given."""

    def __init__(self, vod: LocalVod, home: Path) -> None:
        self._vod, self._home, self._port = vod, home, free_port()

    def __call__(self, dialects: dict[str, Any], *, mode: str = "timed") -> dict[str, str]:
        """The dialects that are found; nothing is left behind."""
        extraction = {"mode": mode, "seconds": 0.3, "concurrency": 1}
        self._vod._local("PUT", "settings", {"extraction": extraction, "dialects": dialects})
        self._vod.tells(f"http://127.0.0.1:{self._port}/vod", KEY)
        events = json.dumps({"listen": f"127.0.0.1:{self._port}", "key": KEY})
        environ = {"HOME": str(self._home)}
        configuration = Configuration({}, self._vod.config | {"vod:events": events}, environ)
        console = Console(io.StringIO(), io.StringIO(), io.StringIO())
        options = rehearse.Options(yes=True, as_json=True, output=self._home / "found.json")
        assert rehearse.run(options, configuration, environ, console, QUICK) == 0
        assert self._vod.api("GET", "/asset/info?page=0&size=100")["asset_info_array"] == []
        found: dict[str, str] = json.loads((self._home / "found.json").read_text(encoding="utf-8"))["dialects"]
        return found


@pytest.fixture
def rehearsed(vod: LocalVod, tmp_path: Path) -> Iterator[Rehearsed]:
    """Rehearsals against a service without assets, whose dialects are the usual ones again afterwards."""
    yield Rehearsed(vod, tmp_path)
    vod.reset()


def test_every_dialect_has_a_question() -> None:
    """What can be switched on can be found out, and what is assumed is the default."""
    asked = {question.name: question.assumed for question in QUESTIONS if question.dialect}
    assert asked == {
        name: f"{dialect.default:g}" if isinstance(dialect.default, float | int) else dialect.default
        for name, dialect in TABLE.items()
    }


@pytest.mark.parametrize("number", range(ROUNDS))
def test_it_names_the_dialect_that_is_on(rehearsed: Rehearsed, number: int) -> None:
    """In each round every dialect has another one of its values, until each had all of them."""
    on = {name: values[number % len(values)] for name, values in CHOICES.items() if name != FAILED}
    found = rehearsed(on)
    assert {name: found.get(name) for name in on} == on


@pytest.mark.parametrize("value", CHOICES[FAILED])
def test_it_names_how_a_failure_shows(rehearsed: Rehearsed, value: str) -> None:
    """A clip with damaged sound fails for real."""
    assert rehearsed({FAILED: value}, mode="real")[FAILED] == value


@pytest.mark.parametrize("seconds", [0.0, 1.5])
@pytest.mark.parametrize("name", ["new_by_id_after_s", "new_in_listings_after_s", "deletion_s"])
def test_it_measures_how_long_things_take(rehearsed: Rehearsed, name: str, seconds: float) -> None:
    """Seconds are found to within half a second or so."""
    assert float(rehearsed({name: seconds})[name]) == pytest.approx(seconds, abs=0.7)
