"""How all audios of a project are listed, whatever their number."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.cli.fakes import BEGIN, FakeCatalogue, FakeTransport, every
from tests.vod import LocalVod
from vod_provider.config.settings import QUOTAS, load
from vod_provider.vod.assets import Asset
from vod_provider.vod.client import LISTED, Client
from vod_provider.vod.deadline import Deadline
from vod_provider.vod.errors import LostAnswerError
from vod_provider.vod.transport import Transport

UNTIL = BEGIN + timedelta(days=365)


def client(transport: object) -> Client:
    """A client that no quota holds up."""
    return Client(transport, dict.fromkeys(QUOTAS, 1_000_000))  # type: ignore[arg-type]


def test_all_pages_are_asked_for() -> None:
    """Three pages, the last of them short: every audio once, with what a listing tells of it."""
    transport = FakeTransport(FakeCatalogue(every(1, 250)), skew=7.0)
    progress: list[int] = []
    one = client(transport)
    found = one.audios(UNTIL, Deadline(), progress=progress.append)
    assert len(found) == 250
    assert len(transport.sent) == 3
    assert progress == [100, 200, 250]
    assert one.skew == pytest.approx(7.0, abs=2.0)
    assert found[f"{3:032x}"] == Asset(
        id=f"{3:032x}",
        status="PUBLISHED",
        title="Audio 3",
        url="https://media/3.mp3",
        duration=61.5,
        size=1003,
        pack_type="MP3",
        created=BEGIN + timedelta(seconds=3),
    )


def test_a_full_last_page_is_followed_by_an_empty_one() -> None:
    """Two hundred audios fill two pages; that there is no third shows only when it is asked for."""
    transport = FakeTransport(FakeCatalogue(every(1, 200)))
    assert len(client(transport).audios(UNTIL, Deadline())) == 200
    assert len(transport.sent) == 3


def test_more_than_pages_reach_is_listed_by_time() -> None:
    """VOD's pages reach 20,000 assets: more are listed in parts, without one lost and without asking further."""
    count = LISTED * 2 + 5000
    catalogue = FakeCatalogue(every(0.5, count))
    assert len(client(FakeTransport(catalogue)).audios(UNTIL, Deadline())) == count
    assert catalogue.largest_reach <= LISTED


def test_more_than_pages_reach_in_one_second_ends() -> None:
    """What was created within one second cannot be parted: as much of it as pages reach, and no endless halving."""
    catalogue = FakeCatalogue([BEGIN] * (LISTED + 100))
    assert len(client(FakeTransport(catalogue)).audios(UNTIL, Deadline())) == LISTED
    assert catalogue.largest_reach == LISTED


def test_what_is_not_known_yet_is_none() -> None:
    """An audio that is being made has 0 for duration and size, which is no duration and no size."""
    row = {"asset_id": "a", "asset_status": "CREATING", "duration": 0, "duration_ms": 0, "size": 0, "title": "T"}
    transport = FakeTransport(lambda *_: {"total": 1, "assets": [row]})
    assert client(transport).audios(UNTIL, Deadline()) == {"a": Asset("a", "CREATING", title="T")}


@pytest.mark.parametrize("rows", ["none", [{"title": "no id"}], [1]])
def test_an_answer_without_assets_is_no_empty_project(rows: object) -> None:
    """An answer that makes no sense is an error, never taken for 'no audios'."""
    transport = FakeTransport(lambda *_: {"assets": rows})
    with pytest.raises(LostAnswerError, match="an answer without assets"):
        client(transport).audios(UNTIL, Deadline())


def test_the_local_vod_lists_audios_and_no_videos(vod: LocalVod) -> None:
    """Both formats are found, extracted or uploaded, and the video they are of is not."""
    source = vod.video(title="A talk")
    made = {vod.extract(source, "MP3"), vod.extract(source, "AAC")}
    here = load(vod.config, {"HOME": "/nowhere"}).at(None, None)
    real = client(Transport(here.endpoint, here.project_id, here.credentials))
    found = real.audios(datetime.now(UTC) + timedelta(days=1), Deadline(60))
    assert set(found) == made
    for audio in found.values():
        assert audio.title == "A talk"
        assert audio.status == "CREATED"
        assert audio.duration == pytest.approx(2, abs=0.2)
        assert audio.created is not None
        assert abs((datetime.now(UTC) - audio.created).total_seconds()) < 60
