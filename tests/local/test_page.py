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
from tests.local.samples import make_loud_then_quiet
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


def media_path(service: LocalVod, asset_id: str) -> str:
    """The path that an asset's file can be fetched from."""
    found = service.control("GET", "assets")["assets"]
    return next(str(one["media"]) for one in found if one["id"] == asset_id)


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


def test_a_row_tells_what_failed_and_of_what_without_being_opened(
    page: Page, service: LocalVod, client: Any, video: Path
) -> None:
    """Kind, id and the reason of a failure are there at once; a video and its audio of the same title differ."""
    source = service.upload(video, "Keynote")
    service.settings(extraction={"fail": 1, "fail_reason": "the sound is damaged"})
    until_done(client, audio := extract(client, source))
    page.until("document.querySelector('.status.bad')")
    assert texts(page, ".title") == ["Keynote", "Keynote"]
    shown = "[...document.querySelectorAll('.asset')].map((row) => row.innerText.split(/\\s*\\n\\s*/))"
    failed, video_row = page.evaluate(shown)
    assert {"♪ Audio", "the sound is damaged", "SERVER_ERROR"} <= set(failed)
    assert "▶ Video" in video_row
    assert texts(page, ".id") == [audio, source]
    assert page.evaluate("document.querySelectorAll('details[open]').length") == 0
    keep(page, "failed")


def test_ids_and_addresses_are_copied(page: Page, service: LocalVod, client: Any, video: Path) -> None:
    """A button copies, says so, and does not open the row that it is in."""
    source = service.upload(video, "Keynote")
    page.send("Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite"])
    page.send("Emulation.setFocusEmulationEnabled", enabled=True)
    page.until("document.querySelector('.asset .copy')")
    page.evaluate("document.querySelector('.asset .copy').click()")
    page.until("document.querySelector('.asset .copy').textContent === 'Copied'")
    assert page.evaluate("navigator.clipboard.readText()") == source
    assert page.evaluate("document.querySelectorAll('details[open]').length") == 0
    page.evaluate("document.querySelector('.asset summary').click()")
    page.evaluate("document.querySelector('.facts .copy').click()")
    page.until("document.querySelector('.facts .copy').textContent === 'Copied'")
    assert page.evaluate("navigator.clipboard.readText()") == info(client, source)[0].base_info.video_url


def test_an_extraction_is_made_to_fail_from_the_page(page: Page, service: LocalVod, client: Any, video: Path) -> None:
    """One fails and the choice goes back; what /_local sets is shown as well."""
    source = service.upload(video, "Keynote")
    page.until("document.querySelectorAll('.asset').length === 1")
    choose = (
        "(() => {{ const it = document.getElementById('fail');"
        " it.value = '{}'; it.dispatchEvent(new Event('change')) }})()"
    )
    page.evaluate(choose.format(1))
    page.until("document.getElementById('fail').classList.contains('on')")
    assert service.control("GET", "settings")["extraction"]["fail"] == 1
    assert until_done(client, extract(client, source)).status == "SERVER_ERROR"
    page.until("document.getElementById('fail').value === '0'")
    service.settings(extraction={"fail": 7})
    page.until("document.getElementById('fail').selectedOptions[0].textContent === 'fail: the next 7'")
    page.evaluate(choose.format("all"))
    page.until("document.getElementById('fail').options.length === 3")
    assert service.control("GET", "settings")["extraction"]["fail"] == "all"
    page.evaluate(choose.format(0))
    page.until("!document.getElementById('fail').classList.contains('on')")


def test_raw_aac_lasts_as_long_as_it_does(page: Page, service: LocalVod, tmp_path: Path) -> None:
    """A browser guesses the length of ADTS from its beginning; the page shows, plays and seeks the right one."""
    audio = service.upload(make_loud_then_quiet(tmp_path / "speech.aac", 20, 95))
    entry = f"document.getElementById('{audio}')"
    page.until(f"{entry}?.querySelector('.brief').textContent.includes('1:35')")
    guessed = (
        f"new Promise((told) => {{ const it = new Audio({json.dumps(media_path(service, audio))});"
        " it.onloadedmetadata = () => told(it.duration) })"
    )
    assert page.evaluate(guessed) < 80, "else this file shows nothing"
    page.evaluate(f"{entry}.querySelector('summary').click()")
    page.until(f"{entry}.querySelector('audio')?.readyState >= 1")
    assert page.evaluate(f"{entry}.querySelector('audio').duration") == pytest.approx(95, abs=0.2)
    page.evaluate(f"(() => {{ const it = {entry}.querySelector('audio'); it.currentTime = 94; it.play() }})()")
    page.until(f"{entry}.querySelector('audio').ended")
    assert page.evaluate(f"{entry}.querySelector('audio').currentTime") == pytest.approx(95, abs=0.2)
    page.until(f"!{entry}.querySelector('canvas').hidden")
    assert not list((service.data / "incoming").iterdir()), "the copy for the page is removed"


@pytest.mark.parametrize(("width", "dark"), [(320, True), (320, False), (360, False), (1100, True)])
def test_fits_phone_and_dark_mode(
    page: Page, service: LocalVod, client: Any, video: Path, width: int, dark: bool
) -> None:
    """On the narrowest phone nothing sticks out, and in dark mode text stands out from its ground."""
    page.looks(width, 740, dark=dark, mobile=width < 500)
    source = service.upload(video, "A title that is much too long for the narrow screen of a telephone, by any measure")
    page.until("document.querySelectorAll('.asset').length === 1")
    page.evaluate("document.querySelector('.asset summary').click()")
    service.settings(extraction={"fail": 1, "fail_reason": "a_reason_without_any_place_to_break_it" * 5})
    until_done(client, extract(client, source))
    page.until("document.querySelectorAll('.asset').length === 2")
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
        const names = [".title", ".brief", ".status", ".kind", ".id", ".copy", ".reason", "dt", "dd"];
        return Math.min(...names.map((name) => {
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
