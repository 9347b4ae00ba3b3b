"""Dialects: the table, how they are switched on, and what the official client sees of each."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from vod_provider.local.core.dialects import TABLE, Dialect, DialectError, Dialects, parse
from vod_provider.local.core.settings import Settings, SettingsError
from vod_provider.local.testing import LocalVod, start_local_vod

PAGE = Path(__file__).resolve().parents[2] / "docs/local-vod.md"


def row(dialect: Dialect) -> str:
    """The dialect as docs/local-vod.md shows it."""
    if dialect.values:
        values = "<br>".join(f"`{value}`: {means}" for value, means in dialect.values.items())
    else:
        values = f"seconds; {dialect.default:g} unless given"
    return f"| `{dialect.name}` | {dialect.question} | {values} | {dialect.source} |"


def test_the_page_has_the_table() -> None:
    """docs/local-vod.md shows every dialect with its question, values and source, the default first, in order."""
    section = PAGE.read_text().partition("\n## Dialects\n")[2].partition("\n## ")[0]
    shown = [line for line in section.splitlines() if line.startswith("| `")]
    assert shown == [row(dialect) for dialect in TABLE.values()]


def test_every_dialect_has_something_to_switch() -> None:
    """A dialect has at least two values, the default among them, or is a number of seconds."""
    for dialect in TABLE.values():
        assert dialect.question.endswith("?")
        assert dialect.source.endswith(".")
        if dialect.values:
            assert len(dialect.values) > 1
            assert dialect.default in dialect.values
        else:
            assert isinstance(dialect.default, int | float)
            assert dialect.name.endswith("_s")


def test_a_dialect_is_read_from_the_command_line() -> None:
    """NAME=VALUE, where a value of seconds is a number."""
    assert parse("absence=left_out") == ("absence", "left_out")
    assert parse("deletion_s=1.5") == ("deletion_s", 1.5)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("absence", "is not NAME=VALUE"),
        ("colour=red", "'colour' is unknown; known are absence, "),
        ("absence=maybe", "absence: one of NO_ASSET, .*, not 'maybe'"),
        ("deletion_s=soon", "deletion_s: seconds from 0 to 86400, not 'soon'"),
        ("deletion_s=-1", "deletion_s: seconds"),
        ("deletion_s=nan", "deletion_s: seconds"),
    ],
)
def test_a_wrong_dialect_is_named(given: str, said: str) -> None:
    """An unknown name or value is refused together with the known ones."""
    with pytest.raises(DialectError, match=said):
        parse(given)


@pytest.mark.parametrize("given", [[], {"colour": "red"}, {"absence": 1}, {"deletion_s": True}, {"deletion_s": None}])
def test_a_wrong_setting_is_named(given: object) -> None:
    """The same at /_local/settings."""
    with pytest.raises(SettingsError, match="dialects"):
        Settings().changed({"dialects": given})


def test_dialects_are_switched_while_the_service_runs(service: LocalVod) -> None:
    """A PUT changes the dialects that it names and leaves the others; a reset takes all of them back."""
    service.settings(dialects={"absence": "left_out", "deletion_s": 3})
    shown = service.settings(dialects={"absence": "NOASSET"})["dialects"]
    assert shown == vars(Dialects()) | {"absence": "NOASSET", "deletion_s": 3}
    service.reset()
    assert service.control("GET", "settings")["dialects"] == vars(Dialects())


def test_dialects_of_the_command_line_come_first(tmp_path: Path) -> None:
    """They come before the kept settings of an earlier run, and a reset goes back to them."""
    service = start_local_vod(tmp_path)
    service.settings(dialects={"absence": "left_out", "event_body": "bare"})
    service.stop()
    service = start_local_vod(tmp_path, "--dialect", "absence=NOASSET", "--dialect", "deletion_s=2")
    try:
        shown = service.control("GET", "settings")["dialects"]
        assert (shown["absence"], shown["deletion_s"], shown["event_body"]) == ("NOASSET", 2, "bare")
        service.reset()
        shown = service.control("GET", "settings")["dialects"]
        assert (shown["absence"], shown["deletion_s"], shown["event_body"]) == ("NOASSET", 2, "envelope")
    finally:
        service.stop()


def test_a_wrong_dialect_on_the_command_line_is_one_line() -> None:
    """Exit status 2, and the known values in the message."""
    command = [sys.executable, "-m", "vod_provider.local", "serve", "--dialect", "absence=maybe"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 2
    assert "absence: one of NO_ASSET" in done.stderr
    assert "Traceback" not in done.stderr
