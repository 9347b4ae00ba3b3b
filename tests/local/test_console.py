"""What the page is made of and asks for; the page itself is tried in a browser by `test_page.py`."""

from __future__ import annotations

import re
import socket
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import av
import pytest
import requests

from tests.local.conftest import until_done
from tests.local.samples import heard, make_video
from tests.local.test_operations import create, extract, put
from tests.local.wiretap import call, send
from vod_provider.local.av.sound import peaks
from vod_provider.local.testing import LocalVod


def test_page_needs_nothing_from_elsewhere(service: LocalVod) -> None:
    """The page and its parts are served, name no other host, and are told to load from none."""
    page = send(f"{service.endpoint}/", "GET", {})
    assert page.status == 200
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'self'" in page.headers["content-security-policy"]
    for path in re.findall(r'(?:href|src)="(/[^"]+)"', page.text):
        part = send(f"{service.endpoint}{path}", "GET", {})
        assert part.status == 200
        assert not re.search(r"https?://(?!www\.w3\.org)", part.text)


def test_assets_are_told_once_per_change(service: LocalVod, client: Any, video: Path) -> None:
    """Newest first, with facts and source; the same version again is 304; a search finds by title."""
    source = service.upload(video, "Holiday")
    audio = extract(client, source)
    until_done(client, audio)
    told = send(f"{service.endpoint}/_local/assets", "GET", {}).json
    assert [asset["id"] for asset in told["assets"]] == [audio, source]
    made = told["assets"][0]
    assert (made["kind"], made["source"]) == ("audio", {"id": source, "title": "Holiday"})
    assert made["facts"]["duration_ms"] == pytest.approx(2000, abs=50)
    assert send(f"{service.endpoint}{made['media']}", "HEAD", {}).status == 200
    unchanged = f"{service.endpoint}/_local/assets?version={told['version']}"
    assert send(unchanged, "GET", {}).status == 304
    create(client, title="Other")
    assert send(unchanged, "GET", {}).json["total"] == 3
    assert send(f"{service.endpoint}/_local/assets?text=holi", "GET", {}).json["total"] == 2
    assert send(f"{service.endpoint}/_local/assets?size=many", "GET", {}).status == 400


def test_upload_from_the_page(service: LocalVod, video: Path) -> None:
    """Created by name, put, confirmed: the asset is ready. What VOD does not take is refused."""
    made = send(f"{service.endpoint}/_local/assets", "POST", {}, b'{"name": "my film.mp4"}').json
    assert put(service.endpoint + made["upload"], video.read_bytes()) == 200
    confirmation = f"{service.endpoint}/_local/assets/{made['asset_id']}/uploaded"
    assert send(confirmation, "POST", {}).status == 204
    asset = send(f"{service.endpoint}/_local/assets", "GET", {}).json["assets"][0]
    assert (asset["title"], asset["status"]) == ("my film.mp4", "PUBLISHED")
    assert send(confirmation, "POST", {}).status == 400
    for body in (b'{"name": "notes.txt"}', b'{"name": 5}', b"{}", b"x"):
        assert send(f"{service.endpoint}/_local/assets", "POST", {}, body).status == 400


def test_waveform(service: LocalVod, client: Any, video: Path, mute_video: Path) -> None:
    """The outline of an audio's sound; none where there is no sound, or no file yet."""

    def waveform(asset_id: str) -> Any:
        return send(f"{service.endpoint}/_local/assets/{asset_id}/waveform", "GET", {})

    assert 30 <= len(waveform(service.upload(video)).json["peaks"]) <= 50
    assert waveform(service.upload(mute_video)).status == 404
    assert waveform(create(client).asset_id).status == 404
    assert waveform("0" * 32).status == 404


def test_raw_aac_in_a_container(service: LocalVod, client: Any, video: Path, tmp_path: Path) -> None:
    """The sound of an AAC comes with its length, frame by frame the same; other assets have no such copy."""

    def playable(asset_id: str) -> tuple[int, bytes]:
        answer = requests.get(f"{service.endpoint}/_local/assets/{asset_id}/playable", timeout=30)
        return answer.status_code, answer.content

    source = service.upload(video)
    body = {"asset_id": source, "parameter": {"format": "AAC"}}
    audio = call(service, "POST", "/asset/extract_audio", body).json["audio_asset_id"]
    raw = tmp_path / "raw.aac"
    raw.write_bytes(requests.get(until_done(client, audio).base_info.video_url, timeout=30).content)
    status, content = playable(audio)
    wrapped = tmp_path / "wrapped.m4a"
    wrapped.write_bytes(content)
    assert status == 200
    assert heard(wrapped) == heard(raw)
    with av.open(str(wrapped)) as container:
        assert container.duration == pytest.approx(heard(raw)[0] * 1e6, abs=1e3)
    for other in (source, create(client).asset_id, "0" * 32):
        assert playable(other)[0] == 404
    with socket.create_connection((urlsplit(service.endpoint).hostname, urlsplit(service.endpoint).port)) as caller:
        head = f"GET /_local/assets/{audio}/playable HTTP/1.1\r\nHost: {urlsplit(service.endpoint).netloc}\r\n\r\n"
        caller.sendall(head.encode())
    end = time.monotonic() + 10
    while list((service.data / "incoming").iterdir()):
        assert time.monotonic() < end, "who goes away leaves nothing behind"
        time.sleep(0.05)


def test_peaks_follow_the_sound(tmp_path: Path, long_video: Path) -> None:
    """Loud and soft can be told apart, and a long file has no more peaks than a short one."""
    short = peaks(make_video(tmp_path / "a.wav", seconds=2, audio_codec="pcm_s16le", video_codec=None))
    assert min(short) < 8 < 24 < max(short) <= 100
    assert 200 < len(peaks(long_video)) <= 400
