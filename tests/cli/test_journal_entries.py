"""What the commands read of the journal."""

from __future__ import annotations

from pathlib import Path

from vod_provider.audio.journal import Journal, Key, Owned

SERVICE = "https://vod p1"


def test_entries_tell_what_is_open_and_what_is_settled(tmp_path: Path) -> None:
    """An intent, an accepted and a settled entry of this service, each with its owner, oldest first."""
    times = iter(range(100, 200))
    journal = Journal(tmp_path / "journal", now=lambda: float(next(times)))
    for name, service in (("intent", SERVICE), ("accepted", SERVICE), ("settled", SERVICE), ("other", "else")):
        journal.intend(Key(f"backend {name}", "f"), service=service, source=f"source of {name}", audio_format="MP3")
    journal.accept(Key("backend accepted", "f"), "a1")
    journal.accept(Key("backend settled", "f"), "a2")
    journal.settle(["a2"])

    def entry(name: str, audio_id: str | None, intended_at: float, settled_at: float | None = None) -> Owned:
        return Owned(SERVICE, f"source of {name}", "MP3", audio_id, intended_at, f"backend {name}", settled_at)

    found = journal.entries(SERVICE)
    assert [(one.owner, one.audio_id) for one in found] == [
        ("backend intent", None),
        ("backend accepted", "a1"),
        ("backend settled", "a2"),
    ]
    assert found[0] == entry("intent", None, found[0].intended_at)
    assert found[2] == entry("settled", "a2", found[2].intended_at, found[2].settled_at)
    assert found[2].settled_at is not None
    assert found[2].settled_at > found[2].intended_at


def test_reading_makes_no_file(tmp_path: Path) -> None:
    """Where there is no journal there are no entries, and still no journal afterwards."""
    assert Journal(tmp_path / "none" / "journal").entries(SERVICE) == []
    assert list(tmp_path.iterdir()) == []
