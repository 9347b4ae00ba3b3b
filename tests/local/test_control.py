"""/_local: settings, reset, and who may ask."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.local.wiretap import call, send
from vod_provider.local.core.errors import SettingsError
from vod_provider.local.core.settings import ExtractionSettings, Settings
from vod_provider.local.testing import LocalVod, LocalVodError, start_local_vod


def test_settings_are_shown_and_changed_in_part(service: LocalVod) -> None:
    """A PUT changes what it names and leaves the rest."""
    changed = service.settings(extraction={"mode": "timed", "seconds": 3}, events={"url": "http://h/p", "key": "k"})
    again = service.settings(extraction={"concurrency": 7})
    reason = ExtractionSettings().fail_reason
    assert again["extraction"] == {
        "mode": "timed",
        "seconds": 3,
        "concurrency": 7,
        "fail": 0,
        "fail_reason": reason,
    }
    assert again["events"] == changed["events"] == {"url": "http://h/p", "key": "k"}
    assert service.control("GET", "settings") == again


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ([], "settings"),
        ({"colour": 1}, "colour"),
        ({"quota_scale": -1}, "quota_scale"),
        ({"quota_scale": "1"}, "quota_scale"),
        ({"extraction": {"mode": "fast"}}, "extraction.mode"),
        ({"extraction": {"seconds": True}}, "extraction.seconds"),
        ({"extraction": {"concurrency": 0}}, "extraction.concurrency"),
        ({"extraction": {"threads": 1}}, "threads"),
        ({"extraction": {"fail": -1}}, "extraction.fail"),
        ({"extraction": {"fail": True}}, "extraction.fail"),
        ({"extraction": {"fail": "some"}}, "extraction.fail"),
        ({"extraction": {"fail_reason": " "}}, "extraction.fail_reason"),
        ({"extraction": {"fail_reason": "x" * 501}}, "extraction.fail_reason"),
        ({"extraction": {"fail_reason": "\ud800"}}, "extraction.fail_reason"),
        ({"events": {"url": "ftp://h"}}, "events.url"),
        ({"events": {"key": 5}}, "events.key"),
        ({"events": {"key": "\ud800"}}, "events.key"),
        ({"events": {"url": "http://h/\ud800"}}, "events.url"),
    ],
)
def test_wrong_settings_are_named(given: Any, named: str) -> None:
    """A setting that makes no sense is refused by name."""
    with pytest.raises(SettingsError, match=named):
        Settings().changed(given)


def test_settings_come_back_as_they_were_kept() -> None:
    """What is kept in the store reads back the same."""
    for fail in (3, "all"):
        settings = Settings(ExtractionSettings("timed", 2.5, 9, fail, "no sound"), 0.5)
        assert Settings().changed(settings.as_json()) == settings


def test_kept_settings_that_are_not_known_are_left_aside(tmp_path: Path) -> None:
    """A service starts with its first settings where another version kept others, and its assets are there."""
    service = start_local_vod(tmp_path)
    service.settings(quota_scale=0.5)
    service.stop()
    with closing(sqlite3.connect(tmp_path / "vod.sqlite3")) as database, database:
        database.execute("UPDATE settings SET value = ?", ('{"colour": "red"}',))
    service = start_local_vod(tmp_path)
    assert service.control("GET", "settings") == Settings().as_json()
    service.stop()


def test_what_the_page_searches_for_has_a_limit(service: LocalVod) -> None:
    """A search for a text of any length is refused, not handed to the database."""
    assert send(f"{service.endpoint}/_local/assets?text={'a' * 2000}", "GET", {}).status == 400
    assert send(f"{service.endpoint}/_local/assets?text=a", "GET", {}).status == 200


def test_a_body_that_is_no_json_is_refused(service: LocalVod) -> None:
    """Neither settings nor faults are changed by what cannot be read."""
    for method, name in (("PUT", "settings"), ("POST", "faults")):
        assert send(f"{service.endpoint}/_local/{name}", method, {}, b"{").status == 400


def test_reset_forgets_everything(service: LocalVod, video: Path) -> None:
    """After a reset there are no assets, files, faults, calls, and the settings are the first ones."""
    source = service.upload(video)
    service.settings(extraction={"mode": "timed", "seconds": 60}, quota_scale=0.5)
    call(service, "POST", "/asset/extract_audio", {"asset_id": source})
    service.inject({"operation": "*", "status": 500})
    service.reset()
    assert service.calls() == {"counts": {}, "calls": []}
    assert service.control("GET", "settings") == Settings().as_json()
    assert call(service, "GET", "/asset/list").json["total"] == 0
    assert list((service.data / "media").iterdir()) == []
    assert list((service.data / "incoming").iterdir()) == []


def test_pages_of_other_sites_are_kept_out(service: LocalVod) -> None:
    """A browser that shows another site's page, or was led here under another name, gets nothing."""
    url = f"{service.endpoint}/_local/calls"
    host = service.endpoint.removeprefix("http://")
    assert send(url, "GET", {}).status == 200
    assert send(url, "GET", {"Origin": service.endpoint}).status == 200
    assert send(url, "GET", {"Origin": "http://evil.example"}).status == 403
    assert send(url, "GET", {"Origin": "null"}).status == 403
    assert send(url, "GET", {"Host": f"evil.example:{host.split(':')[1]}"}).status == 403
    assert send(f"{service.endpoint}/_local/reset", "POST", {"Origin": "http://evil.example"}).status == 403
    assert send(f"{service.endpoint}/_local/health", "GET", {"Host": "elsewhere"}).json["status"] == "ok"


def test_errors_of_controls_are_readable(service: LocalVod) -> None:
    """The fixture's own errors say what was refused and why."""
    with pytest.raises(LocalVodError, match=r"PUT settings: 400 .*quota_scale"):
        service.settings(quota_scale="x")
