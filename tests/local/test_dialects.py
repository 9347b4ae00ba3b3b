"""Dialects: the table, how they are switched on, and what the official client sees of each."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from huaweicloudsdkvod.v1 import (
    CancelExtractAudioTaskRequest,
    DeleteAssetsRequest,
    ListAssetListRequest,
    ShowAssetDetailRequest,
    ShowAssetMetaRequest,
    UpdateAssetMetaReq,
    UpdateAssetMetaRequest,
)

from tests.local.conftest import official_client, until_done
from tests.local.test_operations import extract, info, refused
from tests.local.test_worker import wait_for
from tests.local.wiretap import call
from vod_provider.local.core.dialects import TABLE, Dialect, Dialects, parse
from vod_provider.local.core.errors import DialectError, SettingsError
from vod_provider.local.core.events import signature
from vod_provider.local.core.settings import Settings
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


# What the official client sees of each.

ABSENT = "0" * 32


@pytest.fixture
def source(service: LocalVod, video: Path) -> str:
    """A video that is ready, and extractions that take no work and are done at once."""
    service.settings(extraction={"mode": "timed", "seconds": 0, "concurrency": 1})
    return service.upload(video, "A video")


def dialect(service: LocalVod, **values: object) -> None:
    """Switch dialects on."""
    service.settings(dialects=values)


def made(client: Any, source: str) -> Any:
    """The AssetInfo of a new audio once it is extracted."""
    audio = extract(client, source)
    return until_done(client, audio)


def slow(service: LocalVod) -> None:
    """From now on an extraction runs for a minute, and the next ones are queued."""
    service.settings(extraction={"seconds": 60})


def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    """Wait until `condition()` holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.02)


def listed(client: Any) -> list[str]:
    """The ids in both listings, which agree; asked again where something may have changed between the two."""
    for _ in range(3):
        by_info = [one.asset_id for one in client.show_asset_meta(ShowAssetMetaRequest()).asset_info_array]
        by_list = [one.asset_id for one in client.list_asset_list(ListAssetListRequest()).assets]
        if by_info == by_list:
            return by_info
    raise AssertionError(f"{by_info} and {by_list}")


@pytest.mark.parametrize(
    ("value", "status"), [("NO_ASSET", "NO_ASSET"), ("NOASSET", "NOASSET"), ("UNCREATED", " UNCREATED")]
)
def test_absence_is_a_status(service: LocalVod, client: Any, source: str, value: str, status: str) -> None:
    """An id that does not exist has that status and a description; the others are told as ever."""
    dialect(service, absence=value)
    told = {one.asset_id: one for one in info(client, source, ABSENT)}
    assert (told[ABSENT].status, told[ABSENT].description, told[ABSENT].base_info) == (status, "no asset", None)
    assert told[source].status == "PUBLISHED"


def test_absence_is_left_out(service: LocalVod, client: Any, source: str) -> None:
    """An id that does not exist is not in the list."""
    dialect(service, absence="left_out")
    assert [one.asset_id for one in info(client, source, ABSENT)] == [source]
    assert info(client, ABSENT) == []


@pytest.mark.parametrize(("value", "status"), [("http_404", 404), ("vod_10062", 400)])
def test_absence_refuses_the_call(service: LocalVod, client: Any, source: str, value: str, status: int) -> None:
    """One id that does not exist, and the whole call is refused."""
    dialect(service, absence=value)
    assert refused(lambda: info(client, source, ABSENT)) == (status, "VOD.10062")
    assert [one.asset_id for one in info(client, source)] == [source]


@pytest.mark.parametrize(("value", "status"), [("http_404", 404), ("http_400", 400)])
def test_details_of_what_is_absent(service: LocalVod, client: Any, value: str, status: int) -> None:
    """Details are refused with that HTTP status."""
    dialect(service, details_of_absent=value)
    request = ShowAssetDetailRequest(asset_id=ABSENT)
    assert refused(lambda: client.show_asset_detail(request)) == (status, "VOD.10062")


def test_a_new_audio_is_shown_by_id_after_a_while(service: LocalVod, client: Any, source: str) -> None:
    """Absent by its id at first, while listings have it."""
    dialect(service, new_by_id_after_s=2)
    audio = extract(client, source)
    assert info(client, audio)[0].status == "NO_ASSET"
    assert refused(lambda: client.show_asset_detail(ShowAssetDetailRequest(asset_id=audio)))[1] == "VOD.10062"
    assert listed(client) == [audio, source]
    until(lambda: info(client, audio)[0].status == "CREATED")


def test_a_new_audio_is_listed_after_a_while(service: LocalVod, client: Any, source: str) -> None:
    """Missing in listings at first, while it is shown by its id."""
    dialect(service, new_in_listings_after_s=2)
    audio = extract(client, source)
    assert listed(client) == [source]
    assert until_done(client, audio).status == "CREATED"
    until(lambda: listed(client) == [audio, source])


def test_a_new_audio_stays_hidden_over_a_kill(tmp_path: Path, video: Path) -> None:
    """What is not shown yet is not shown by the next run of the service either, and a deletion is done by it."""
    service = start_local_vod(tmp_path, "--dialect", "new_by_id_after_s=5", "--dialect", "deletion_s=5")
    service.settings(extraction={"mode": "timed", "seconds": 0}, quota_scale=0)
    client = official_client(service)
    source, deleted = service.upload(video), service.upload(video)
    client.delete_assets(DeleteAssetsRequest(asset_id=[deleted]))
    audio = extract(client, source)
    service.process.kill()
    service.stop()
    service = start_local_vod(tmp_path)
    client = official_client(service)
    try:
        assert {one.status for one in info(client, audio, deleted)} == {"NO_ASSET", "DELETING"}
        until(lambda: {one.asset_id: one.status for one in info(client, audio, deleted)}[audio] == "CREATED")
        until(lambda: info(client, deleted)[0].status == "NO_ASSET")
        until(lambda: not list((tmp_path / "media").glob(f"{deleted}*")))
    finally:
        service.stop()


@pytest.mark.parametrize(
    ("value", "running", "queued"),
    [
        ("CREATING", "CREATING", "CREATING"),
        ("TRANSCODING", "TRANSCODING", "TRANSCODING"),
        ("WAITING_TRANSCODE", "TRANSCODING", "WAITING_TRANSCODE"),
    ],
)
def test_statuses_on_the_way(
    service: LocalVod, client: Any, source: str, value: str, running: str, queued: str
) -> None:
    """What an audio shows while it is extracted and while it is queued; neither can be changed or deleted."""
    dialect(service, extraction_running=value)
    slow(service)
    first, second = extract(client, source), extract(client, source)
    assert [info(client, one)[0].status for one in (first, second)] == [running, queued]
    for audio in (first, second):
        change = UpdateAssetMetaRequest(body=UpdateAssetMetaReq(asset_id=audio, title="x"))
        assert refused(lambda change=change: client.update_asset_meta(change)) == (403, "VOD.10061")
        result = client.delete_assets(DeleteAssetsRequest(asset_id=[audio])).delete_result_array
        assert result[0].status == "FAILED"


@pytest.mark.parametrize(
    ("value", "listed_as", "transcoded_as"),
    [
        ("CREATED", "CREATED", "UN_TRANSCODE"),
        ("PUBLISHED", "PUBLISHED", "UN_TRANSCODE"),
        ("TRANSCODE_SUCCEED", "CREATED", "TRANSCODE_SUCCEED"),
    ],
)
def test_status_at_the_end(
    service: LocalVod, client: Any, source: str, value: str, listed_as: str, transcoded_as: str
) -> None:
    """What an audio shows once it is extracted; its file is there."""
    dialect(service, extraction_done=value)
    audio = made(client, source)
    assert audio.status == value
    assert audio.base_info.video_url
    summary = client.list_asset_list(ListAssetListRequest(asset_id=[audio.asset_id])).assets[0]
    assert (summary.asset_status, summary.transcode_status) == (listed_as, transcoded_as)
    found = client.list_asset_list(ListAssetListRequest(status=[listed_as])).assets
    assert found[0].asset_id == audio.asset_id


@pytest.mark.parametrize("value", ["SERVER_ERROR", "TRANSCODE_FAILED", "UPLOAD_FAILED", "removed"])
def test_status_of_a_failure(
    service: LocalVod,
    client: Any,
    video: Path,
    listener: Any,
    value: str,
) -> None:
    """What an audio shows whose extraction failed; the event tells of it even if the audio is removed."""
    url, came, _ = listener
    service.settings(events={"url": url})
    dialect(service, extraction_failed=value)
    source = service.upload(video)
    next((service.data / "media").glob(f"{source}*")).unlink()
    audio = extract(client, source)
    until(lambda: info(client, audio)[0].status == ("NO_ASSET" if value == "removed" else value))
    wait_for(came, 1)
    told = json.loads(json.loads(came[0][1])["message"])["audio_extract_info"]
    assert (told["status"], told["asset_id"]) == ("FAILED", audio)


@pytest.mark.parametrize(("value", "shown"), [("CANCELLED", "CANCELLED"), ("removed", "NO_ASSET")])
def test_status_of_a_cancelled_extraction(service: LocalVod, client: Any, source: str, value: str, shown: str) -> None:
    """What an audio shows whose extraction was cancelled."""
    dialect(service, extraction_cancelled=value)
    slow(service)
    _, queued = extract(client, source), extract(client, source)
    client.cancel_extract_audio_task(CancelExtractAudioTaskRequest(asset_id=queued))
    assert info(client, queued)[0].status == shown


@pytest.mark.parametrize(("value", "shown"), [("unchanged", "PUBLISHED"), ("TRANSCODING", "TRANSCODING")])
def test_status_of_the_source(service: LocalVod, client: Any, source: str, value: str, shown: str) -> None:
    """What a video shows while audio is extracted from it; more can be extracted, and afterwards it is as it was."""
    dialect(service, source_while_extracted=value)
    service.settings(extraction={"seconds": 1})
    first, second = extract(client, source), extract(client, source)
    assert info(client, source)[0].status == shown
    until_done(client, first)
    until_done(client, second)
    assert info(client, source)[0].status == "PUBLISHED"


@pytest.mark.parametrize(
    ("value", "by_audio", "by_source"), [("audio", True, False), ("source", False, True), ("either", True, True)]
)
def test_whose_id_a_cancellation_takes(
    service: LocalVod, client: Any, source: str, value: str, by_audio: bool, by_source: bool
) -> None:
    """The other id is refused with VOD.10083; by the source's, what was queued last is cancelled."""
    dialect(service, cancel_takes=value)
    slow(service)
    audios = [extract(client, source) for _ in range(4)]

    def cancels(asset_id: str) -> bool:
        answer = call(service, "DELETE", f"/asset/extract_audio?asset_id={asset_id}")
        assert answer.status == 204 or (answer.status, answer.json["error_code"]) == (400, "VOD.10083")
        return answer.status == 204

    assert cancels(audios[1]) == by_audio
    assert cancels(source) == by_source
    assert cancels(audios[0]) is False, "it runs"
    cancelled = [one for one in audios if info(client, one)[0].status == "CANCELLED"]
    assert cancelled == [audios[1]] * by_audio + [audios[3]] * by_source


@pytest.mark.parametrize("value", ["MP3", "AAC"])
def test_format_that_nobody_names(service: LocalVod, client: Any, source: str, value: str) -> None:
    """The format of an audio if the request has none."""
    dialect(service, default_format=value)
    assert made(client, source).base_info.video_type == value


def test_ids_of_audios(service: LocalVod, client: Any, source: str) -> None:
    """32 hexadecimal digits, or a short number, which no reset makes come again."""
    assert len(extract(client, source)) == 32
    dialect(service, audio_id="digits")
    first, second = extract(client, source), extract(client, source)
    assert 5412 < int(first) < int(second) < 1_000_000
    assert until_done(client, second).status == "CREATED"
    client.delete_assets(DeleteAssetsRequest(asset_id=[second]))
    assert int(extract(client, source)) > int(second)


@pytest.mark.parametrize(("value", "title"), [("source", "A video"), ("file_name", "sample.mp3"), ("empty", "")])
def test_title_of_a_new_audio(service: LocalVod, client: Any, source: str, value: str, title: str) -> None:
    """What an audio is called that nobody has named."""
    dialect(service, audio_title=value)
    assert made(client, source).base_info.title == title


def test_description_of_a_new_audio(service: LocalVod, client: Any, source: str) -> None:
    """With the source's id in it, so that a search finds the audio; or the source's own; or none."""
    client.update_asset_meta(UpdateAssetMetaRequest(body=UpdateAssetMetaReq(asset_id=source, description="Ours")))
    audio = made(client, source)
    assert source in audio.base_info.description
    found = client.show_asset_meta(ShowAssetMetaRequest(query_string=source)).asset_info_array
    assert [one.asset_id for one in found] == [audio.asset_id]
    dialect(service, audio_description="source")
    assert made(client, source).base_info.description == "Ours"
    dialect(service, audio_description="empty")
    assert made(client, source).base_info.description is None


def test_description_of_an_audio_is_changed(service: LocalVod, client: Any, source: str) -> None:
    """Refused as a whole, ignored, or taken; a video's is always taken."""
    audio = made(client, source)
    before = audio.base_info.description

    def change(asset_id: str, title: str) -> Any:
        body = UpdateAssetMetaReq(asset_id=asset_id, title=title, description="New")
        return client.update_asset_meta(UpdateAssetMetaRequest(body=body))

    def shown(asset_id: str) -> tuple[str, str]:
        base = info(client, asset_id)[0].base_info
        return base.title, base.description

    assert refused(lambda: change(audio.asset_id, "One")) == (400, "VOD.10053")
    assert shown(audio.asset_id) == ("A video", before)
    dialect(service, description_change="ignored")
    change(audio.asset_id, "Two")
    assert shown(audio.asset_id) == ("Two", before)
    dialect(service, description_change="taken")
    change(audio.asset_id, "Three")
    assert shown(audio.asset_id) == ("Three", "New")
    dialect(service, description_change="refused")
    change(source, "Four")
    assert shown(source) == ("Four", "New")


def test_facts_of_an_audio(service: LocalVod, client: Any, source: str) -> None:
    """Measured, or UNKNOWN and 0 as in a sample of the API reference."""
    measured = made(client, source).base_info.meta_data
    assert (measured.codec, measured.audio_codec) == ("MP3", "MP3")
    assert measured.video_size > 0
    dialect(service, audio_facts="unknown")
    unknown = made(client, source).base_info.meta_data
    assert (unknown.codec, unknown.audio_codec, unknown.video_size) == ("UNKNOWN", None, 0)
    assert unknown.duration_ms == measured.duration_ms


def test_categories_that_do_not_exist(service: LocalVod, client: Any, source: str) -> None:
    """Taken, or refused; -1 is always there."""

    def put_in(category: int) -> Any:
        body = UpdateAssetMetaReq(asset_id=source, category_id=category)
        return client.update_asset_meta(UpdateAssetMetaRequest(body=body))

    put_in(7)
    assert info(client, source)[0].base_info.category_id == 7
    dialect(service, unknown_category="refused")
    assert refused(lambda: put_in(8)) == (400, "VOD.10053")
    put_in(-1)
    assert info(client, source)[0].base_info.category_id == -1


@pytest.mark.parametrize(
    ("value", "shown", "still_listed"),
    [("DELETING", "DELETING", False), ("DELETED", "DELETED", False), ("unchanged", "PUBLISHED", True)],
)
def test_a_deletion_takes_a_while(
    service: LocalVod, client: Any, source: str, value: str, shown: str, still_listed: bool
) -> None:
    """Accepted at once and done later: until then it is shown so, for other operations it is gone already."""
    dialect(service, deletion_s=2, deletion_shows=value)
    file = next((service.data / "media").glob(f"{source}*"))
    result = client.delete_assets(DeleteAssetsRequest(asset_id=[source])).delete_result_array
    assert result[0].status == "DELETED"
    assert info(client, source)[0].status == shown
    assert (source in listed(client)) == still_listed
    assert client.show_asset_detail(ShowAssetDetailRequest(asset_id=source)).asset_id == source
    assert refused(lambda: extract(client, source)) == (400, "VOD.10062")
    again = DeleteAssetsRequest(asset_id=[source])
    assert refused(lambda: client.delete_assets(again)) == (403, "VOD.10062")
    until(lambda: info(client, source)[0].status == "NO_ASSET")
    assert listed(client) == []
    assert refused(lambda: client.show_asset_detail(ShowAssetDetailRequest(asset_id=source)))[0] == 404
    assert not file.exists()


def test_a_deletion_is_done_at_once(service: LocalVod, client: Any, source: str) -> None:
    """With no seconds, the asset is gone with the answer."""
    dialect(service, deletion_s=0)
    client.delete_assets(DeleteAssetsRequest(asset_id=[source]))
    assert info(client, source)[0].status == "NO_ASSET"


@pytest.mark.parametrize(
    ("value", "alone", "with_another"),
    [
        ("refused_if_none", "VOD.10062", ["FAILED", "DELETED"]),
        ("refused_if_any", "VOD.10062", "VOD.10062"),
        ("FAILED", ["FAILED"], ["FAILED", "DELETED"]),
        ("DELETED", ["DELETED"], ["DELETED", "DELETED"]),
    ],
)
def test_deleting_what_is_absent(
    service: LocalVod, client: Any, source: str, value: str, alone: Any, with_another: Any
) -> None:
    """What an id that does not exist gets, alone and together with one that does."""
    dialect(service, delete_of_absent=value, deletion_s=60)

    def deleted(ids: str) -> Any:
        answer = call(service, "DELETE", f"/asset?asset_id={ids}")
        if answer.status == 403:
            return answer.json["error_code"]
        return [one["status"] for one in answer.json["delete_result_array"]]

    assert deleted(ABSENT) == alone
    assert deleted(f"{ABSENT},{source}") == with_another
    assert info(client, source)[0].status == ("PUBLISHED" if with_another == "VOD.10062" else "DELETING")


@pytest.mark.parametrize(
    ("value", "with_commas", "repeated"),
    [
        ("either", 2, 2),
        ("commas_else_first", 2, 1),
        ("commas_else_refused", 2, None),
        ("repeated_else_first", 1, 2),
        ("repeated_else_refused", None, 2),
    ],
)
def test_several_ids_to_delete(
    service: LocalVod,
    client: Any,
    video: Path,
    source: str,
    value: str,
    with_commas: int | None,
    repeated: int | None,
) -> None:
    """How many of two ids are deleted, and answered for, in each form; None: the call is refused."""
    dialect(service, delete_ids=value, deletion_s=0)
    for form, expected in (("asset_id={},{}", with_commas), ("asset_id={}&asset_id={}", repeated)):
        ids = [made(client, source).asset_id for _ in range(2)]
        answer = call(service, "DELETE", "/asset?" + form.format(*ids))
        gone = [one for one in ids if info(client, one)[0].status == "NO_ASSET"]
        if expected is None:
            assert (answer.status, answer.json["error_code"], gone) == (400, "VOD.10053", [])
        else:
            told = [one["asset_id"] for one in answer.json["delete_result_array"]]
            assert gone == told == ids[:expected]


@pytest.mark.parametrize("body", ["envelope", "bare"])
@pytest.mark.parametrize("name", ["audioExtractComplete", "AudioExtractComplete"])
@pytest.mark.parametrize("unit", ["seconds", "milliseconds"])
def test_callbacks(
    service: LocalVod,
    client: Any,
    source: str,
    listener: Any,
    body: str,
    name: str,
    unit: str,
) -> None:
    """In an envelope or bare, with either name, in either unit: what is signed is the event's text."""
    url, came, _ = listener
    service.settings(events={"url": url, "key": "k"})
    dialect(service, event_body=body, event_name=name, event_timestamp=unit)
    audio = made(client, source).asset_id
    wait_for(came, 1)
    got, content = came[0]
    message = content.decode()
    if body == "envelope":
        envelope = json.loads(content)
        assert len(envelope) > 1
        message = envelope["message"]
    assert got["auth_sign"] == signature("k", got["auth_timestamp"], message)
    event = json.loads(message)
    assert (event["event_type"], event["audio_extract_info"]["asset_id"]) == (name, audio)
    divisor = 1000 if unit == "milliseconds" else 1
    assert abs(int(got["auth_timestamp"]) / divisor - time.time()) < 10


@pytest.mark.parametrize("prefix", ["APIGW", "APIG"])
def test_codes_of_the_gateway(service: LocalVod, prefix: str) -> None:
    """Unknown calls, wrong credentials, quotas, injected throttling: all codes of the gateway begin so."""
    dialect(service, gateway_prefix=prefix)
    wrong = official_client(service, secret_key="wrong")
    assert refused(lambda: info(wrong, ABSENT)) == (401, f"{prefix}.0301")
    assert call(service, "GET", "/asset/nothing").json["error_code"] == f"{prefix}.0101"
    service.inject({"operation": "*", "status": 429})
    throttled = call(service, "GET", "/asset/list").json
    assert throttled["error_code"] == f"{prefix}.0308"
    assert throttled["request_id"]
    service.inject({"operation": "*", "status": 429, "error_code": "APIG.0308"})
    assert call(service, "GET", "/asset/list").json["error_code"] == "APIG.0308", "as the test asked for"
