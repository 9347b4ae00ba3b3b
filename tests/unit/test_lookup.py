"""Assets as data, without network and engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import pulumi
import pytest
from pulumi.runtime import settings as runtime

from vod_provider import get_media_asset, get_media_assets
from vod_provider.program import lookup
from vod_provider.vod.asset_query import AssetQuery
from vod_provider.vod.assets import Asset
from vod_provider.vod.deadline import Deadline
from vod_provider.vod.errors import UnreachableError

ASSETS = [
    Asset("v1", "CREATED", title="One", tags=("a", "b"), category_id=7, pack_type="MP4"),
    Asset("v2", "CREATING", title="Two", pack_type="MP4"),
    Asset("a1", "PUBLISHED", title="One", tags=("a",), pack_type="MP3"),
    Asset("v3", "CREATED", title="One more", pack_type="MOV"),
]


class Pages:
    """In place of the client: two assets in a page, and errors where a test wants them."""

    def __init__(self) -> None:
        self.calls: list[Any] = []
        self.error: Exception | None = None

    def show(self, asset_ids: Sequence[str], _: object) -> dict[str, Asset]:
        self.calls.append(list(asset_ids))
        return {it: next((one for one in ASSETS if one.id == it), Asset.gone(it)) for it in asset_ids}

    def pages(self, _doing: str, query: Sequence[tuple[str, str]], _: object) -> Iterator[list[Asset]]:
        for first in range(0, len(ASSETS), 2):
            self.calls.append((dict(query), first))
            if first and self.error:
                raise self.error
            yield ASSETS[first : first + 2]


@pytest.fixture
def vod(monkeypatch: pytest.MonkeyPatch) -> Pages:
    pages = Pages()
    monkeypatch.setattr(lookup, "_found", WeakKeyDictionary())
    monkeypatch.setattr(lookup, "_connections", {((), (None, None, None)): (pages, "http://vod", 60.0)})
    return pages


def ids(**wanted: Any) -> list[str]:
    return [one.id for one in get_media_assets(**wanted)]


def test_filters(vod: Pages) -> None:
    """Title exactly, tags all of them, statuses, kind; what is not ready only where its status is asked for."""
    assert ids() == ["v1", "a1", "v3"]
    assert ids(title="One") == ["v1", "a1"]
    assert ids(tags=["a"]) == ["v1", "a1"]
    assert ids(tags=["b", "a"]) == ["v1"]
    assert ids(status=["CREATING"]) == ["v2"]
    assert ids(kind="audio") == ["a1"]
    assert ids(kind="video", title="One more") == ["v3"]


def test_by_ids(vod: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten in a call, when the loop gets there, in any state, by other filters too; a missing one is an error."""
    assert ids(asset_ids=["a1", "v2", "a1"]) == ["a1", "v2"]
    assert ids(asset_ids=["a1", "v1", "v2"], category_id=7) == ["v1"]
    assert ids(asset_ids=["a1", "v2"], status=["CREATING"]) == ["v2"]
    assert ids(asset_ids=[]) == []
    assert [len(call) for call in vod.calls] == [2, 3, 2]
    monkeypatch.setattr("tests.unit.test_lookup.ASSETS", [Asset(f"v{n}", "CREATED") for n in range(25)])
    vod.calls.clear()
    named = [f"v{n}" for n in range(25)]
    assert next(iter(get_media_assets(asset_ids=named))).id == "v0"
    assert [len(call) for call in vod.calls] == [10]
    assert ids(asset_ids=named) == named
    assert [len(call) for call in vod.calls] == [10, 10, 5]
    with pytest.raises(pulumi.RunError, match=r"^listing assets: VOD has no asset x nor y in this project and region$"):
        ids(asset_ids=["v1", "x", "y"])


def test_a_text_in_place_of_a_list_is_refused(vod: Pages) -> None:
    """It would be taken for its letters, find nothing, and a program would delete all that it declared."""
    with pytest.raises(TypeError, match=r"tags is a text, and has to be a list of texts: \['talk'\]"):
        ids(tags="talk")


def test_a_filter_may_come_as_any_iterable(vod: Pages) -> None:
    """Also as one that can be gone through once: without its filter a listing has everything."""
    assert ids(tags=(tag for tag in ["b", "a"])) == ["v1"]
    assert ids(tags=iter(["a"])) == ["v1", "a1"]
    assert ids(tags={"a": 1}.keys()) == ["v1", "a1"]
    assert ids(status=(one for one in ["CREATING"])) == ["v2"]
    assert ids(asset_ids=map(str, ["a1", "v2", "a1"])) == ["a1", "v2"]
    assert ids(asset_ids={"a1"}) == ["a1"]


def test_tags_lose_the_blanks_around_them(vod: Pages) -> None:
    """As VOD takes them from all that are set: with the blanks no asset would fit."""
    assert ids(tags=[" a", "b "]) == ["v1"]
    assert ("tags", "a,b") in [(name, value) for query, _ in vod.calls for name, value in query.items()]


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"tags": None}, "tags is None, and has to be a list of texts"),
        ({"tags": 7}, "tags is 7, and has to be a list of texts"),
        ({"tags": {"a": "b"}}, "tags is {'a': 'b'}, and has to be a list of texts"),
        ({"tags": b"a"}, "tags is 97, and has to be a text"),
        ({"status": [""]}, "status is '', and has to be a text"),
        ({"asset_ids": object.__new__(pulumi.Output)}, "asset_ids is an Output, and has to be a list of texts"),
        ({"title": object.__new__(pulumi.Output)}, "title is an Output, and has to be a text"),
        ({"title": ["One"]}, r"title is \['One'\], and has to be a text"),
        ({"category_id": "7a"}, "category_id is '7a', and has to be a whole number"),
        ({"category_id": 7.0}, "category_id is 7.0, and has to be a whole number"),
        ({"category_id": True}, "category_id is True, and has to be a whole number"),
    ],
)
def test_what_can_be_no_filter_is_refused(vod: Pages, wanted: dict[str, Any], said: str) -> None:
    """By name, before VOD is asked: it would list everything, or nothing."""
    with pytest.raises(TypeError, match=f"^{said}$"):
        ids(**wanted)
    assert vod.calls == []


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"kind": "vidio"}, "listing assets: kind is 'vidio': did you mean video?"),
        ({"status": ["PUBLISHD"]}, "listing assets: status 'PUBLISHD' is none of VOD's: did you mean PUBLISHED?"),
        ({"tags": ["no,comma"]}, "listing assets: tags have no commas, by which VOD tells them apart: 'no,comma'"),
    ],
)
def test_what_would_find_nothing_is_refused(vod: Pages, wanted: dict[str, Any], said: str) -> None:
    """A slip must not read as an empty list: a program would delete all that it declared."""
    with pytest.raises(pulumi.RunError) as refused:
        ids(**wanted)
    assert str(refused.value) == said
    assert vod.calls == []


def test_an_output_is_no_text(vod: Pages) -> None:
    """An Output is refused before it is asked about; so is anything else that is no text."""
    unknown: Any = object.__new__(pulumi.Output)
    with pytest.raises(TypeError, match=r"^asset_id is an Output, not known while the program runs: \.apply, or get_"):
        get_media_asset(unknown)
    with pytest.raises(TypeError, match=r"^asset_ids is None, and has to be a text$"):
        ids(asset_ids=[None])
    assert vod.calls == []


@pytest.mark.parametrize(("status", "there"), [("TRANSCODING", True), ("TRANSCODE_FAILED", True), ("DELETED", False)])
def test_what_is_transcoded_is_there(status: str, there: bool) -> None:
    """A video that VOD works on stays in the listing: out of it, its audio would be deleted and paid again."""
    assert AssetQuery().fits(Asset("v", status)) is there


def test_what_vod_can_filter_it_does(vod: Pages) -> None:
    """Title, category and tags go along with the query."""
    ids(title="One", category_id=-1, tags=["a", "b"])
    assert vod.calls[0] == ({"query_string": "One", "category_id": "-1", "tags": "a,b"}, 0)
    from_the_configuration: Any = "7"
    assert ids(asset_ids=["v1", "v2"], category_id=from_the_configuration) == ["v1"]


def test_pages_are_asked_for_when_the_loop_gets_there_and_once(vod: Pages) -> None:
    """The first asset needs one page; all of them, and all of them again, one call for each page."""
    assert next(iter(get_media_assets())).id == "v1"
    assert len(vod.calls) == 1
    assert ids() == ids()
    assert len(vod.calls) == 2


def test_an_error_is_no_end(vod: Pages) -> None:
    """A page that cannot be had raises each time, as Pulumi shows errors without a traceback."""
    vod.error = UnreachableError("listing assets", "https://vod.example", "no route")
    for _ in range(2):
        with pytest.raises(pulumi.RunError, match=r"^listing assets: https://vod\.example cannot be reached"):
            ids()


def test_one_asset_is_asked_for_once(vod: Pages) -> None:
    """By its id; one that is not there is an error."""
    assert get_media_asset("v1") is get_media_asset("v1")
    assert vod.calls == [["v1"]]
    with pytest.raises(pulumi.RunError, match="asset v9: VOD has no such asset"):
        get_media_asset("v9")


def test_another_run_of_the_process_asks_anew(vod: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    """A preview and an up in one process (Automation API): what changed in between is seen."""
    for run in (PulumisMonitor(), PulumisMonitor()):
        monkeypatch.setattr(runtime, "get_monitor", lambda run=run: run)
        get_media_asset("v1")
        assert ids() == ids()
    assert vod.calls == [["v1"], ({}, 0), ({}, 2)] * 2


class PulumisMonitor:
    """Pulumi makes one for each run."""


def test_each_page_has_its_own_time(vod: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is late says what it was, where VOD was asked, and which setting gives more time."""
    made = list[Deadline]()

    def pages(_doing: str, _query: object, deadline: Callable[[], Deadline]) -> Iterator[list[Asset]]:
        for asset in ASSETS:
            made.append(deadline())
            yield [asset]
        monkeypatch.setattr(made[0], "_end", 0.0)
        made[0].check()

    monkeypatch.setattr(vod, "pages", pages)
    late = r"^listing assets: VOD at http://vod has not answered within 60 s \(vod:timeouts\.read\)$"
    with pytest.raises(pulumi.RunError, match=late):
        ids()
    assert len(made) == len(set(map(id, made))) == len(ASSETS)


def test_what_takes_long_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """While VOD is asked again and again, a preview that stands still says why."""
    said: list[str] = []
    monkeypatch.setattr("pulumi.log.info", lambda text, ephemeral: said.append(f"{text} {ephemeral}"))
    lookup._CallDeadline(60.0, "listing assets", "http://vod").notice("VOD does not answer")
    assert said == ["listing assets: VOD does not answer True"]


def test_what_is_missing_in_the_configuration_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without credentials the error is the provider's own."""
    for name in ("HUAWEICLOUD_SDK_AK", "HW_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(lookup, "_connections", {})
    monkeypatch.setattr(lookup, "_found", WeakKeyDictionary())
    with pytest.raises(
        pulumi.RunError, match="no credentials, no region, no project: run `pulumi config set vod:accessKey KEY`"
    ):
        get_media_asset("v1")
