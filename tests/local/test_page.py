"""The page in a real headless Chromium (Debian's package `chromium`).

VOD_LOCAL_SCREENSHOTS=DIR keeps what it looks like.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.local.browser import Page, chromium
from tests.local.conftest import until_done
from tests.local.test_operations import extract, info
from tests.local.wiretap import call
from vod_provider.local.testing import LocalVod


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """One browser for all of these tests."""
    with chromium(tmp_path_factory.mktemp("profile")) as page:
        yield page


@pytest.fixture
def page(browser: Page, service: LocalVod) -> Iterator[Page]:
    """The page of a new service; whatever it complains of, or asks elsewhere, fails the test."""
    browser.problems.clear()
    browser.looks(1100, 800)
    browser.open(f"{service.endpoint}/")
    yield browser
    browser.open("about:blank")
    assert browser.problems == []


def texts(page: Page, selector: str) -> list[str]:
    """The texts of all elements that fit."""
    found: list[str] = page.evaluate(
        f"[...document.querySelectorAll({json.dumps(selector)})].map((e) => e.textContent.trim())"
    )
    return found


def keep(page: Page, name: str) -> None:
    """Keep a screenshot if somebody wants to look."""
    folder = os.environ.get("VOD_LOCAL_SCREENSHOTS")
    if folder:
        page.screenshot(Path(folder) / f"{name}.png")


def test_empty_page_says_what_to_do(page: Page) -> None:
    """With nothing there yet the page says how to begin."""
    page.until("!document.getElementById('empty').hidden")
    assert "vod-local upload FILE" in texts(page, "#empty")[0]
    keep(page, "empty")


def test_assets_appear_and_change_while_one_looks(page: Page, service: LocalVod, client: Any, video: Path) -> None:
    """New assets come to the top, an extraction goes from CREATING to CREATED, without a reload."""
    page.evaluate("window.sameDocument = true")
    source = service.upload(video, "Holiday")
    page.until("document.querySelectorAll('.asset').length === 1")
    service.settings(extraction={"mode": "timed", "seconds": 1.5})
    extract(client, source)
    page.until("document.querySelectorAll('.asset').length === 2")
    page.until("document.querySelector('.asset .status').textContent === 'CREATING'")
    assert texts(page, ".title") == ["Holiday", "Holiday"]
    assert "1 in work" in texts(page, "#state")[0]
    page.until("document.querySelector('.asset .status').textContent === 'CREATED'")
    assert page.evaluate("window.sameDocument") is True


def test_audio_plays_and_shows_its_waveform(page: Page, service: LocalVod, client: Any, video: Path) -> None:
    """An audio has a player that plays, a waveform that is drawn and can be clicked, facts, and its video."""
    source = service.upload(video, "Film")
    for audio_format in ("MP3", "AAC"):
        body = {"asset_id": source, "parameter": {"format": audio_format}}
        audio = call(service, "POST", "/asset/extract_audio", body).json["audio_asset_id"]
        until_done(client, audio)
        entry = f"document.getElementById('{audio}')"
        page.until(f"{entry}?.querySelector('.status').textContent === 'CREATED'")
        page.evaluate(f"{entry}.querySelector('summary').click()")
        page.until(f"!{entry}.querySelector('canvas').hidden")
        page.until(f"{entry}.querySelector('audio').readyState >= 1")
        assert page.evaluate(f"{entry}.querySelector('audio').duration") == pytest.approx(2, abs=0.4)
        page.evaluate(f"{entry}.querySelector('audio').play()")
        page.until(f"{entry}.querySelector('audio').currentTime > 0.2")
        drawn = (
            f"(() => {{ const c = {entry}.querySelector('canvas'); const d = c.getContext('2d')"
            ".getImageData(0, 0, c.width, c.height).data; let n = 0; for (let i = 3; i < d.length; i += 4)"
            " n += d[i] > 0; return n / (c.width * c.height); })()"
        )
        assert 0.1 < page.evaluate(drawn) < 0.9
        told = page.evaluate(f"{entry}.querySelector('.facts').innerText")
        assert "Extracted from" in told
        assert f"{audio_format}, 2 ch, 48000 Hz" in told
    keep(page, "audio")
    page.evaluate(f"{entry}.querySelector('.facts a').click()")
    page.until(f"document.getElementById('{source}').querySelector('details').open")


def test_playing_goes_on_through_changes(page: Page, service: LocalVod, client: Any, video: Path) -> None:
    """A change of the list leaves an open entry and its player as they are."""
    source = service.upload(video, "First")
    page.until("document.querySelectorAll('.asset').length === 1")
    page.evaluate("document.querySelector('.asset summary').click()")
    page.until("document.querySelector('video')")
    page.evaluate("window.player = document.querySelector('video')")
    service.upload(video, "Second")
    page.until("document.querySelectorAll('.asset').length === 2")
    assert page.evaluate("window.player.isConnected && window.player === document.querySelector('video')")
    assert page.evaluate(f"document.getElementById('{source}').querySelector('details').open")


def test_keyboard_alone(page: Page, service: LocalVod, video: Path) -> None:
    """/ goes to the search, typing finds, Escape clears, arrows walk, Enter opens."""
    for title in ("Alpha", "Beta"):
        service.upload(video, title)
    page.until("document.querySelectorAll('.asset').length === 2")
    page.press("/", "/")
    page.type("alp")
    page.until("document.querySelectorAll('.asset').length === 1")
    assert texts(page, ".title") == ["Alpha"]
    page.press("Escape")
    page.until("document.querySelectorAll('.asset').length === 2")
    page.press("ArrowDown")
    page.press("ArrowDown")
    assert page.evaluate("document.activeElement.querySelector('.title').textContent") == "Alpha"
    page.press("Enter", "\r")
    page.until("document.activeElement.closest('details').open")


def test_upload_by_drop(page: Page, service: LocalVod, client: Any, video: Path) -> None:
    """Files dropped on the page are uploaded; one that is no media tells why."""
    content = base64.b64encode(video.read_bytes()).decode()
    page.evaluate(
        f"""(() => {{
            const bytes = Uint8Array.from(atob("{content}"), (c) => c.charCodeAt(0));
            const data = new DataTransfer();
            data.items.add(new File([bytes], "dropped film.mp4"));
            data.items.add(new File(["x"], "notes.txt"));
            document.body.dispatchEvent(new DragEvent("drop", {{bubbles: true, dataTransfer: data}}));
        }})()"""
    )
    page.until("document.querySelector('.asset .status')?.textContent === 'PUBLISHED'")
    assert texts(page, ".title") == ["dropped film.mp4"]
    page.until("document.querySelector('#uploads .failed')")
    assert "notes.txt is no kind of file" in texts(page, "#uploads .failed")[0]
    page.problems[:] = [problem for problem in page.problems if "400" not in problem]  # the refusal, logged
    shown = page.evaluate("document.querySelector('.asset').id")
    assert info(client, shown)[0].base_info.meta_data.duration == 2


def test_titles_are_text(page: Page, service: LocalVod, video: Path) -> None:
    """A title that looks like HTML is shown as it is and runs nothing."""
    service.upload(video, "<img src=x onerror=document.title=1>")
    page.until("document.querySelectorAll('.asset').length === 1")
    assert texts(page, ".title") == ["<img src=x onerror=document.title=1>"]
    assert page.evaluate("document.title") == "Local VOD"


@pytest.mark.parametrize(("width", "dark"), [(360, True), (360, False), (1100, True)])
def test_fits_phone_and_dark_mode(page: Page, service: LocalVod, video: Path, width: int, dark: bool) -> None:
    """On a phone nothing sticks out, and in dark mode text stands out from its ground."""
    page.looks(width, 740, dark=dark, mobile=width < 500)
    service.upload(video, "A title that is much too long for the narrow screen of a telephone, by any measure")
    page.until("document.querySelectorAll('.asset').length === 1")
    page.evaluate("document.querySelector('.asset summary').click()")
    page.until("document.querySelector('video')")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    contrast = """(() => {
        const light = (colour) => {
            const [r, g, b] = colour.match(/\\d+/g).slice(0, 3).map((v) => {
                const c = v / 255;
                return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
            });
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        };
        const ground = light(getComputedStyle(document.querySelector(".asset")).backgroundColor);
        return Math.min(...[".title", ".brief", ".status", "dt", "dd"].map((name) => {
            const ink = light(getComputedStyle(document.querySelector(name)).color);
            return (Math.max(ink, ground) + 0.05) / (Math.min(ink, ground) + 0.05);
        }));
    })()"""
    assert page.evaluate(contrast) >= 4.5
    keep(page, f"{width}-{'dark' if dark else 'light'}")


def test_service_that_goes_away(page: Page, service: LocalVod) -> None:
    """Without an answer the page says so, and goes on when there is one again."""
    page.send("Network.emulateNetworkConditions", offline=True, latency=0, downloadThroughput=-1, uploadThroughput=-1)
    page.until("document.getElementById('state').textContent.includes('does not answer')")
    page.send("Network.emulateNetworkConditions", offline=False, latency=0, downloadThroughput=-1, uploadThroughput=-1)
    page.until("!document.getElementById('state').textContent.includes('does not answer')")
    page.problems[:] = [problem for problem in page.problems if "INTERNET_DISCONNECTED" not in problem]
