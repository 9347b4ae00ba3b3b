"""Timed extractions, how many run at a time, and completion told by events."""

from __future__ import annotations

import concurrent.futures
import hashlib
import hmac
import json
import os
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.local.conftest import official_client, until_done
from tests.local.samples import heard
from tests.local.test_operations import extract, info
from tests.local.wiretap import call
from vod_provider.local.core.events import headers, signature
from vod_provider.local.testing import LocalVod, start_local_vod


def test_timed_extraction_takes_its_time_and_gives_a_real_file(
    service: LocalVod, client: Any, video: Path, tmp_path: Path
) -> None:
    """Timed mode: CREATING for that long, then a small real audio that can be fetched and heard."""
    service.settings(extraction={"mode": "timed", "seconds": 0.5})
    source = service.upload(video, "Timed")
    started = time.monotonic()
    asset = until_done(client, extract(client, source))
    assert time.monotonic() - started >= 0.5
    assert (asset.status, asset.base_info.title) == ("CREATED", "Timed")
    audio = tmp_path / "audio.mp3"
    audio.write_bytes(urllib.request.urlopen(asset.base_info.video_url).read())
    assert heard(audio)[0] == pytest.approx(asset.base_info.meta_data.duration_ms / 1000, abs=0.05)


def test_sample_that_could_not_be_made_is_made_anew(video: Path, tmp_path: Path) -> None:
    """A full disk, or a reset, while timed mode's sample is being made fails no later extraction."""
    service = start_local_vod(tmp_path)
    try:
        mine = official_client(service)
        service.settings(extraction={"mode": "timed", "seconds": 0})
        source = service.upload(video)
        shared, aside = tmp_path / "shared", tmp_path / "aside"
        shared.rename(aside)
        assert until_done(mine, extract(mine, source)).status != "CREATED"
        aside.rename(shared)
        service.settings(extraction={"seconds": 60})
        extract(mine, source)
        service.reset()  # removes what is unfinished, the sample among it
        service.settings(extraction={"mode": "timed", "seconds": 0})
        assert until_done(mine, extract(mine, service.upload(video))).status == "CREATED"
    finally:
        service.stop()


def test_concurrency_holds_and_can_be_raised(service: LocalVod, client: Any, video: Path) -> None:
    """With two at a time, six of 0.4 s take three rounds; raised in between, the rest start at once."""
    service.settings(extraction={"mode": "timed", "seconds": 0.4, "concurrency": 2})
    source = service.upload(video)
    started = time.monotonic()
    for audio in [extract(client, source) for _ in range(6)]:
        until_done(client, audio)
    assert time.monotonic() - started >= 1.2
    service.settings(extraction={"seconds": 30, "concurrency": 1})
    waiting = [extract(client, source) for _ in range(4)]
    service.settings(extraction={"seconds": 0.1, "concurrency": 10})
    for audio in waiting[1:]:
        assert until_done(client, audio).status == "CREATED"
    assert info(client, waiting[0])[0].status == "CREATING"


def test_two_thousand_in_flight_cost_next_to_nothing(service: LocalVod, video: Path) -> None:
    """Two thousand timed extractions are accepted and run at once; waiting for them takes hardly any processor."""
    service.settings(extraction={"mode": "timed", "seconds": 2, "concurrency": 2000})
    source = service.upload(video)

    def ask(_: int) -> str:
        return str(call(service, "POST", "/asset/extract_audio", {"asset_id": source}).json["audio_asset_id"])

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        audios = list(pool.map(ask, range(2000)))

    def total(status: str) -> int:
        return int(call(service, "GET", f"/asset/list?media_type=MP3&status={status}").json["total"])

    def processor_seconds() -> float:
        fields = Path(f"/proc/{service.process.pid}/stat").read_text().rsplit(")")[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    used = processor_seconds()
    end = time.monotonic() + 20
    while total("CREATED") < 2000 and time.monotonic() < end:
        time.sleep(0.2)
    assert total("CREATED") == 2000
    assert processor_seconds() - used < 3
    assert len(set(audios)) == 2000


def wait_for(came: list[Any], count: int, seconds: float = 10) -> None:
    """Wait until that many callbacks have come."""
    end = time.monotonic() + seconds
    while len(came) < count and time.monotonic() < end:
        time.sleep(0.01)
    assert len(came) >= count


def test_completion_is_told_and_signed(service: LocalVod, client: Any, video: Path, listener: Any) -> None:
    """A completed extraction is told with its facts, signed over the time and the event's text in the envelope."""
    url, came, _ = listener
    service.settings(extraction={"mode": "timed", "seconds": 0.3}, events={"url": url, "key": "secret"})
    source = service.upload(video, "Tölд")
    audio = extract(client, source)
    made = until_done(client, audio)
    wait_for(came, 1)
    got, body = came[0]
    message = json.loads(body)["message"]
    signed = f"VOD_{got['auth_timestamp']}_{message}"
    expected = hmac.new(b"secret", signed.encode(), hashlib.sha256).hexdigest()
    assert got["auth_sign"] == expected
    assert abs(int(got["auth_timestamp"]) - time.time()) < 5
    event = json.loads(message)
    told = event["audio_extract_info"]
    assert event["event_type"] == "audioExtractComplete"
    assert (told["status"], told["asset_id"], told["title"]) == ("SUCCEED", audio, "Tölд")
    assert told["url"] == made.base_info.video_url
    assert told["meta_data"]["pack_type"] == "MP3"


def test_failure_is_told(service: LocalVod, client: Any, long_video: Path, listener: Any) -> None:
    """A failed extraction is told with a code and the reason."""
    url, came, _ = listener
    source = service.upload(long_video)
    next((service.data / "media").glob(f"{source}*")).unlink()
    service.settings(events={"url": url})
    audio = extract(client, source)
    failed = until_done(client, audio)
    wait_for(came, 1)
    got, body = came[0]
    told = json.loads(json.loads(body)["message"])["audio_extract_info"]
    assert (told["status"], told["asset_id"]) == ("FAILED", audio)
    assert not told.keys() & {"title", "url", "meta_data"}
    assert told["error_msg"] == failed.description
    assert told["error_code"]
    assert "auth_sign" not in got


def test_event_is_told_until_it_is_taken(service: LocalVod, client: Any, video: Path, listener: Any) -> None:
    """A receiver that answers with errors is told again, and once only when it has taken the event."""
    url, came, statuses = listener
    statuses += [500]
    service.settings(extraction={"mode": "timed", "seconds": 0}, events={"url": url, "key": "k"})
    audio = extract(client, service.upload(video))
    wait_for(came, 2)
    assert [json.loads(json.loads(body)["message"])["audio_extract_info"]["asset_id"] for _, body in came] == [
        audio
    ] * 2
    time.sleep(0.2)
    assert len(came) == 2


def test_event_survives_a_kill(tmp_path: Path, video: Path, listener: Any) -> None:
    """An event that nobody took before a kill is told after the restart."""
    url, came, statuses = listener
    statuses += [503]
    service = start_local_vod(tmp_path / "data")
    service.settings(extraction={"mode": "timed", "seconds": 0}, events={"url": url, "key": "k"})
    call(service, "POST", "/asset/extract_audio", {"asset_id": service.upload(video)})
    wait_for(came, 1)
    service.process.kill()
    service.stop()
    service = start_local_vod(tmp_path / "data")
    wait_for(came, 2)
    assert service.stop() == 0
    assert json.loads(came[0][1])["message"] == json.loads(came[1][1])["message"]


def test_signature_of_a_callback() -> None:
    """The signature is the hex HMAC-SHA256 over 'VOD_{timestamp}_{body}'; without a key there is none."""
    assert signature("k", "1", "{}") == hmac.new(b"k", b"VOD_1_{}", hashlib.sha256).hexdigest()
    assert headers(None, "1", "{}") == {"Content-Type": "application/json"}


@pytest.mark.parametrize("mode", ["real", "timed"])
def test_extractions_are_made_to_fail(service: LocalVod, client: Any, video: Path, mode: str) -> None:
    """As many as the setting says, in the order in which they begin, with its reason; those after them are done."""
    source = service.upload(video)
    extraction = {"mode": mode, "seconds": 0.1, "concurrency": 1}
    service.settings(extraction={**extraction, "fail": 2, "fail_reason": "the sound is damaged"})
    ended = [until_done(client, extract(client, source)) for _ in range(3)]
    assert [one.status for one in ended] == ["SERVER_ERROR", "SERVER_ERROR", "CREATED"]
    assert [one.description for one in ended[:2]] == ["the sound is damaged"] * 2
    assert service.control("GET", "settings")["extraction"]["fail"] == 0
    service.settings(extraction={"fail": "all"})
    for _ in range(2):
        assert until_done(client, extract(client, source)).status == "SERVER_ERROR"
    assert service.control("GET", "settings")["extraction"]["fail"] == "all"
    service.settings(extraction={"fail": 0})
    assert until_done(client, extract(client, source)).status == "CREATED"


def test_how_many_are_still_to_fail_outlives_a_restart(tmp_path: Path, video: Path) -> None:
    """The count goes down where it is kept, not only in memory."""
    service = start_local_vod(tmp_path)
    try:
        source = service.upload(video)
        service.settings(extraction={"fail": 2})
        until_done(official_client(service), extract(official_client(service), source))
    finally:
        service.stop()
    again = start_local_vod(tmp_path)
    try:
        assert again.control("GET", "settings")["extraction"]["fail"] == 1
    finally:
        again.stop()
