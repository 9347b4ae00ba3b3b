"""Every operation, driven by the official client, and what is refused."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException
from huaweicloudsdkvod.v1 import (
    CancelExtractAudioTaskRequest,
    ConfirmAssetUploadReq,
    ConfirmAssetUploadRequest,
    CreateAssetByFileUploadReq,
    CreateAssetByFileUploadRequest,
    CreateExtractAudioTaskRequest,
    DeleteAssetsRequest,
    ExtractAudioTaskReq,
    ListAssetListRequest,
    PublishAssetReq,
    PublishAssetsRequest,
    ShowAssetDetailRequest,
    ShowAssetMetaRequest,
    Subtitle,
    UnpublishAssetsRequest,
    UpdateAssetMetaReq,
    UpdateAssetMetaRequest,
    UploadMetaDataByUrl,
    UploadMetaDataByUrlReq,
    UploadMetaDataByUrlRequest,
)

from tests.local.conftest import until_done, until_gone
from tests.local.samples import make_video
from tests.local.wiretap import call
from vod_provider.local.testing import LocalVod


def put(url: str, content: bytes) -> int:
    """Upload; returns the HTTP status."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, content, method="PUT")) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as exc:
        exc.close()
        return int(exc.code)


def create(client: Any, **more: Any) -> Any:
    """Create an asset by upload; returns the answer."""
    body = CreateAssetByFileUploadReq(**{"title": "T", "video_name": "t.mp4", "video_type": "MP4", **more})
    return client.create_asset_by_file_upload(CreateAssetByFileUploadRequest(body=body))


def confirm(client: Any, asset_id: str, status: str = "CREATED") -> Any:
    """Confirm an upload."""
    body = ConfirmAssetUploadReq(asset_id=asset_id, status=status)
    return client.confirm_asset_upload(ConfirmAssetUploadRequest(body=body))


def info(client: Any, *ids: str) -> list[Any]:
    """AssetInfo of these ids."""
    answer = client.show_asset_meta(ShowAssetMetaRequest(asset_id=list(ids)))
    found: list[Any] = answer.asset_info_array
    return found


def extract(client: Any, source: str) -> str:
    """Ask for an extraction; returns the audio's id."""
    request = CreateExtractAudioTaskRequest(body=ExtractAudioTaskReq(asset_id=source))
    return str(client.create_extract_audio_task(request).audio_asset_id)


def refused(function: Any) -> tuple[int, str]:
    """HTTP status and code of the refusal."""
    with pytest.raises(ClientRequestException) as caught:
        function()
    assert caught.value.request_id
    return caught.value.status_code, caught.value.error_code


def test_upload_in_two_steps(client: Any, video: Path) -> None:
    """Created, put and confirmed, an asset is there with its facts, published unless told otherwise."""
    for auto_publish, status in ((None, "PUBLISHED"), (1, "PUBLISHED"), (0, "CREATED")):
        created = create(client, auto_publish=auto_publish, description="D", tags="x, y", category_id=7)
        assert info(client, created.asset_id)[0].status == "CREATING"
        assert put(created.video_upload_url, video.read_bytes()) == 200
        assert confirm(client, created.asset_id).asset_id == created.asset_id
        asset = info(client, created.asset_id)[0]
        assert asset.status == status
        base = asset.base_info
        assert (base.title, base.description, base.tags, base.category_id) == ("T", "D", "x,y", 7)
        meta = base.meta_data
        assert (meta.pack_type, meta.codec, meta.audio_codec, meta.width, meta.height) == (
            "MP4",
            "H.264",
            "AAC",
            64,
            48,
        )
        assert (meta.duration, meta.audio_channels, meta.frame_rate) == (2, 2, 10)
        assert meta.video_size == video.stat().st_size
        assert meta.bit_rate == round(meta.video_size * 8 / meta.duration_ms)
        assert urllib.request.urlopen(base.video_url).read() == video.read_bytes()


def test_cover_and_subtitles_go_along(client: Any, video: Path) -> None:
    """A cover and subtitles get addresses of their own to be put to, and are told of with the asset."""
    subtitles = [Subtitle(id=2, type="SRT", language="EN")]
    created = create(client, cover_type="PNG", subtitles=subtitles)
    assert put(created.cover_upload_url, b"png") == 200
    assert put(created.subtitle_upload_urls[0], b"srt") == 200
    assert put(created.video_upload_url, video.read_bytes()) == 200
    confirm(client, created.asset_id)
    base = info(client, created.asset_id)[0].base_info
    assert urllib.request.urlopen(base.cover_info_array[0].cover_url).read() == b"png"
    assert (base.subtitle_info[0].id, base.subtitle_info[0].language) == (2, "EN")
    assert urllib.request.urlopen(base.subtitle_info[0].url).read() == b"srt"
    client.delete_assets(DeleteAssetsRequest(asset_id=[created.asset_id]))
    until_gone(client, created.asset_id)
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(base.cover_info_array[0].cover_url)


@pytest.mark.parametrize(("told", "status"), [("FAILED", "UPLOAD_FAILED"), ("CANCELLED", "CANCELLED")])
def test_upload_given_up(client: Any, told: str, status: str) -> None:
    """An upload that is confirmed as failed or cancelled ends so, and its address takes nothing any more."""
    created = create(client)
    confirm(client, created.asset_id, told)
    assert info(client, created.asset_id)[0].status == status
    assert put(created.video_upload_url, b"x") == 403
    assert refused(lambda: confirm(client, created.asset_id)) == (403, "VOD.10126")


def test_confirmation_needs_an_upload(client: Any) -> None:
    """Nothing uploaded, no such asset: a confirmation is refused."""
    created = create(client)
    assert refused(lambda: confirm(client, created.asset_id)) == (403, "VOD.10126")
    assert refused(lambda: confirm(client, "0" * 32)) == (403, "VOD.10062")


def test_extraction_needs_a_ready_source_with_sound(
    service: LocalVod, client: Any, video: Path, mute_video: Path
) -> None:
    """A source that is not there, not uploaded yet, without sound: refused at once, and nothing is made."""
    assert refused(lambda: extract(client, "0" * 32)) == (400, "VOD.10062")
    waiting = create(client).asset_id
    assert refused(lambda: extract(client, waiting)) == (400, "VOD.10083")
    mute = service.upload(mute_video)
    assert refused(lambda: extract(client, mute)) == (400, "VOD.10083")
    assert client.list_asset_list(ListAssetListRequest()).total == 2


def test_an_audio_cannot_be_extracted_from(service: LocalVod, client: Any, video: Path, tmp_path: Path) -> None:
    """Sources are videos: an extracted audio and an uploaded one are refused, and nothing is made."""
    audio = extract(client, service.upload(video))
    until_done(client, audio)
    assert refused(lambda: extract(client, audio)) == (400, "VOD.10063")
    wave = make_video(tmp_path / "wave.wav", audio_codec="pcm_s16le", video_codec=None)
    assert refused(lambda: extract(client, service.upload(wave))) == (400, "VOD.10063")
    assert client.list_asset_list(ListAssetListRequest()).total == 3


def test_only_what_is_queued_can_be_cancelled(service: LocalVod, client: Any, video: Path) -> None:
    """Queued: cancelled, 204. Running, done, no extraction at all: refused."""
    service.settings(extraction={"mode": "timed", "seconds": 60, "concurrency": 1})
    source = service.upload(video)
    running, queued = extract(client, source), extract(client, source)

    def cancel(asset_id: str) -> Any:
        return client.cancel_extract_audio_task(CancelExtractAudioTaskRequest(asset_id=asset_id))

    assert refused(lambda: cancel(running)) == (400, "VOD.10083")
    assert cancel(queued).status_code == 204
    assert info(client, queued)[0].status == "CANCELLED"
    assert refused(lambda: cancel(queued)) == (400, "VOD.10083")
    assert refused(lambda: cancel(source)) == (400, "VOD.10083")
    assert refused(lambda: cancel("0" * 32)) == (400, "VOD.10062")


def test_info_of_ids_and_by_filters(service: LocalVod, client: Any, video: Path) -> None:
    """By ids: each of them, in that order. Without ids: filters and pages, newest first."""
    ids = []
    for number in range(3):
        created = create(client, title=f"Film_{number}", tags="all,odd" if number % 2 else "all", category_id=number)
        put(created.video_upload_url, video.read_bytes())
        confirm(client, created.asset_id)
        ids.append(created.asset_id)
    answer = call(service, "GET", f"/asset/info?asset_id={ids[2]}&asset_id={'0' * 32}&asset_id={ids[0]}").json
    told = [(asset["asset_id"], asset["status"]) for asset in answer["asset_info_array"]]
    assert told == [(ids[2], "PUBLISHED"), ("0" * 32, "NO_ASSET"), (ids[0], "PUBLISHED")]
    assert (answer["total"], answer["is_truncated"]) == (2, 0)

    def found(**filters: Any) -> list[str]:
        answer = client.show_asset_meta(ShowAssetMetaRequest(**filters))
        assert answer.total >= len(answer.asset_info_array)
        return [asset.asset_id for asset in answer.asset_info_array]

    assert found() == ids[::-1]
    assert found(tags="odd") == [ids[1]]
    assert found(tags="all,odd") == [ids[1]]
    assert found(category_id=2) == [ids[2]]
    assert found(query_string="film_1") == [ids[1]]
    assert found(query_string="%") == []
    assert found(status=["PUBLISHED", "CREATING"]) == ids[::-1]
    assert found(asset_status=["CREATED"]) == []
    assert found(transcode_status=["TRANSCODING"]) == []
    assert found(start_time="20000101000000", end_time="20000101000001") == []
    assert found(start_time="20000101000000", end_time="29990101000000") == ids[::-1]
    first = client.show_asset_meta(ShowAssetMetaRequest(page=0, size=2))
    assert (first.is_truncated, first.total, len(first.asset_info_array)) == (1, 3, 2)
    assert client.show_asset_meta(ShowAssetMetaRequest(page=199, size=100)).total == 3, "the last page there is"
    second = client.show_asset_meta(ShowAssetMetaRequest(page=1, size=2))
    assert (second.is_truncated, [a.asset_id for a in second.asset_info_array]) == (0, [ids[0]])


def test_list_by_filters(service: LocalVod, client: Any, video: Path) -> None:
    """The list knows types of media, order and its own words for status."""
    source = service.upload(video, "One")
    audio = extract(client, source)
    until_done(client, audio)
    waiting = create(client).asset_id

    def found(**filters: Any) -> list[str]:
        return [a.asset_id for a in client.list_asset_list(ListAssetListRequest(**filters)).assets]

    assert found() == [waiting, audio, source]
    assert found(order="asc") == [source, audio, waiting]
    assert found(media_type=["MP3", "AAC"]) == [audio]
    assert found(status=["CREATING"]) == [waiting]
    assert found(asset_id=[source, audio]) == [audio, source]
    assert found(page=1, size=1) == [audio]
    summary = client.list_asset_list(ListAssetListRequest(asset_id=[audio])).assets[0]
    assert (summary.asset_status, summary.media_type, summary.duration) == ("CREATED", "MP3", 2)
    confirm(client, waiting, "FAILED")
    failed = client.list_asset_list(ListAssetListRequest(status=["FAILED"])).assets[0]
    assert (failed.asset_id, failed.asset_status) == (waiting, "FAILED")
    assert "upload failed" in failed.exec_desc


def test_details(service: LocalVod, client: Any, video: Path) -> None:
    """All there is of one asset, or only the kinds of information asked for."""
    source = service.upload(video)
    details = client.show_asset_detail(ShowAssetDetailRequest(asset_id=source))
    assert details.base_info.meta_data.duration == 2
    assert details.base_info.sign_url
    assert details.transcode_info.transcode_status == "UN_TRANSCODE"
    only = client.show_asset_detail(ShowAssetDetailRequest(asset_id=source, categories=["base_info"]))
    assert only.base_info is not None
    assert only.transcode_info is None
    missing = ShowAssetDetailRequest(asset_id="0" * 32)
    assert refused(lambda: client.show_asset_detail(missing)) == (404, "VOD.10062")


def test_update_changes_what_is_given(service: LocalVod, client: Any, video: Path) -> None:
    """What is given is changed, what is not stays; an empty text clears."""
    source = service.upload(video, "Old")

    def update(**fields: Any) -> Any:
        request = UpdateAssetMetaRequest(body=UpdateAssetMetaReq(asset_id=source, **fields))
        return client.update_asset_meta(request)

    assert update(description="Ünïcödé", tags="a,b").status_code == 204
    base = info(client, source)[0].base_info
    assert (base.title, base.description, base.tags) == ("Old", "Ünïcödé", "a,b")
    update(title="New", tags="")
    base = info(client, source)[0].base_info
    assert (base.title, base.description, base.tags) == ("New", "Ünïcödé", None)
    waiting = UpdateAssetMetaRequest(body=UpdateAssetMetaReq(asset_id=create(client).asset_id, title="x"))
    assert refused(lambda: client.update_asset_meta(waiting)) == (403, "VOD.10061")


def test_publish_and_take_back(service: LocalVod, client: Any, video: Path) -> None:
    """Ready assets change; others stay as they are; one that is not there is told as such."""
    audio = extract(client, service.upload(video))
    until_done(client, audio)
    waiting = create(client).asset_id
    body = PublishAssetReq(asset_id=[audio, waiting, "0" * 32])
    published = client.publish_assets(PublishAssetsRequest(body=body)).asset_info_array
    assert [asset.status for asset in published] == ["PUBLISHED", "CREATING", "NOASSET"]
    back = client.unpublish_assets(UnpublishAssetsRequest(body=PublishAssetReq(asset_id=[audio])))
    assert back.asset_info_array[0].status == "CREATED"
    none = PublishAssetsRequest(body=PublishAssetReq(asset_id=["0" * 32]))
    assert refused(lambda: client.publish_assets(none)) == (403, "VOD.10062")


def test_delete_says_for_each(service: LocalVod, client: Any, video: Path) -> None:
    """Deleted ones go a little later, with their files; one in work and an absent one fail and harm no other."""
    service.settings(extraction={"mode": "timed", "seconds": 60}, dialects={"deletion_s": 2})
    source = service.upload(video)
    busy = extract(client, source)
    url = info(client, source)[0].base_info.video_url
    results = client.delete_assets(DeleteAssetsRequest(asset_id=[source, busy, "0" * 32])).delete_result_array
    assert {r.asset_id: r.status for r in results} == {source: "DELETED", busy: "FAILED", "0" * 32: "FAILED"}
    shown = {asset.asset_id: asset.status for asset in info(client, source, busy)}
    assert shown == {source: "DELETING", busy: "CREATING"}
    assert [a.asset_id for a in client.list_asset_list(ListAssetListRequest()).assets] == [busy]
    until_gone(client, source)
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(url)
    with_commas = call(service, "DELETE", f"/asset?asset_id={busy},b")
    assert [r["asset_id"] for r in with_commas.json["delete_result_array"]] == [busy, "b"]
    absent = DeleteAssetsRequest(asset_id=[source, "0" * 32])
    assert refused(lambda: client.delete_assets(absent)) == (403, "VOD.10062")


def test_deleted_source_does_no_harm(service: LocalVod, client: Any, video: Path) -> None:
    """An extraction that waits goes on though its source is deleted, and then the source's file is gone too."""
    service.settings(extraction={"mode": "timed", "seconds": 0.3, "concurrency": 1})
    source = service.upload(video)
    first, second = extract(client, source), extract(client, source)
    service.settings(extraction={"mode": "real"})
    client.delete_assets(DeleteAssetsRequest(asset_id=[source]))
    until_gone(client, source)
    assert until_done(client, first).status == "CREATED"
    assert until_done(client, second).status == "CREATED"
    assert not list((service.data / "media").glob(f"{source}*"))


def test_upload_by_url(service: LocalVod, client: Any, video: Path) -> None:
    """Files are fetched from allowed addresses; each address that is not allowed, or no file, is told apart."""
    served = info(client, service.upload(video))[0].base_info.video_url
    urls = [served, f"{service.endpoint}/media/none/none.mp4", "http://example.com/a.mp4", f"{service.endpoint}/x"]
    items = [UploadMetaDataByUrl(video_type="MP4", title=f"T{i}", url=url) for i, url in enumerate(urls)]
    request = UploadMetaDataByUrlRequest(body=UploadMetaDataByUrlReq(upload_metadatas=items))
    good, missing, forbidden, bad = client.upload_meta_data_by_url(request).upload_assets
    assert until_done(client, good.asset_id).status == "PUBLISHED"
    failed = until_done(client, missing.asset_id)
    assert failed.status == "UPLOAD_FAILED"
    assert "404" in failed.description
    assert (forbidden.asset_id, forbidden.error_code) == (None, "VOD.10053")
    assert (bad.asset_id, bad.error_code) == (None, "VOD.10053")


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("POST", "/asset", {"video_name": "n", "video_type": "MP4"}, "title"),
        ("POST", "/asset", {"title": "ü" * 65, "video_name": "n", "video_type": "MP4"}, "title"),
        ("POST", "/asset", {"title": "t", "video_name": "n", "video_type": "EXE"}, "video_type"),
        ("POST", "/asset", {"title": "t", "video_name": "n", "video_type": "MP4", "colour": 1}, "colour"),
        ("POST", "/asset", {"title": 5, "video_name": "n", "video_type": "MP4"}, "title"),
        ("POST", "/asset", {"title": "t", "video_name": "n", "video_type": "MP4", "tags": "x" * 25}, "tags"),
        ("POST", "/asset", {"title": "t", "video_name": "n", "video_type": "MP4", "category_id": "1"}, "category_id"),
        (
            "POST",
            "/asset",
            {"title": "t", "video_name": "n", "video_type": "MP4", "auto_publish": True},
            "auto_publish",
        ),
        ("POST", "/asset", {"title": "t", "video_name": "n", "video_type": "MP4", "cover_type": "GIF"}, "cover_type"),
        ("POST", "/asset/extract_audio", {}, "asset_id"),
        ("POST", "/asset/extract_audio", {"asset_id": None}, "asset_id"),
        ("POST", "/asset/extract_audio", {"asset_id": "a/../b"}, "asset_id"),
        ("POST", "/asset/extract_audio", {"asset_id": "a", "parameter": {"format": "OGG"}}, "format"),
        ("POST", "/asset/extract_audio", {"asset_id": "a", "parameter": []}, "parameter"),
        ("POST", "/asset/extract_audio", {"asset_id": "a", "parameter": {"rate": 1}}, "rate"),
        ("POST", "/asset/status/uploaded", {"asset_id": "a", "status": "DONE"}, "status"),
        ("PUT", "/asset/info", {"asset_id": "a", "description": "x" * 1025}, "description"),
        ("PUT", "/asset/info", {"asset_id": "a", "tags": ",".join(f"t{n}" for n in range(17))}, "tags"),
        ("POST", "/asset/status/publish", {"asset_id": "a"}, "asset_id"),
        ("POST", "/asset/status/publish", {"asset_id": []}, "asset_id"),
        ("POST", "/asset/upload_by_url", {"upload_metadatas": []}, "upload_metadatas"),
        ("DELETE", "/asset/extract_audio", None, "asset_id"),
        ("DELETE", "/asset", None, "asset_id"),
        ("DELETE", "/asset?asset_id=" + ",".join(f"a{n}" for n in range(11)), None, "asset_id"),
        ("GET", "/asset/info?" + "&".join(f"asset_id=a{n}" for n in range(11)), None, "asset_id"),
        ("GET", "/asset/info?status=FINE", None, "status"),
        ("GET", "/asset/info?size=101", None, "size"),
        ("GET", "/asset/info?page=-1", None, "page"),
        ("GET", "/asset/info?page=200&size=100", None, "page"),
        ("GET", "/asset/list?page=2000", None, "page"),
        ("GET", "/asset/info?start_time=yesterday", None, "start_time"),
        ("GET", "/asset/info?start_time=20261399000000", None, "start_time"),
        ("GET", "/asset/list?media_type=AUDIO", None, "media_type"),
        ("GET", "/asset/details", None, "asset_id"),
        ("GET", "/asset/details?asset_id=a&categories=colours", None, "categories"),
    ],
)
def test_wrong_fields_are_named(service: LocalVod, method: str, path: str, body: object, field: str) -> None:
    """Missing, unknown, ill-typed, too long, too many: VOD.10053 with the field's name, and nothing is done."""
    answer = call(service, method, path, body)
    assert answer.status == 400
    assert answer.json["error_code"] == "VOD.10053"
    assert f"illegal field: {{{field}}}" in answer.json["error_msg"]
    assert call(service, "GET", "/asset/list").json["total"] == 0


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"null"])
def test_body_that_is_no_object(service: LocalVod, content: bytes) -> None:
    """A body that is no JSON object is refused as a whole."""
    answer = call(service, "POST", "/asset/extract_audio", content=content)
    assert (answer.status, answer.json["error_code"]) == (400, "VOD.10081")


def test_limits_are_bytes_not_characters(client: Any) -> None:
    """A title of exactly 128 bytes, 64 two-byte letters, is fine."""
    assert create(client, title="ü" * 64).asset_id


def test_what_is_no_operation(service: LocalVod) -> None:
    """An unknown path, an unknown method, a body of another type, a huge body: each with its error."""
    unknown = call(service, "GET", "/asset/nothing")
    assert (unknown.status, unknown.json["error_code"]) == (404, "APIGW.0101")
    assert unknown.json["request_id"] == unknown.headers["x-request-id"]
    assert call(service, "PATCH", "/asset").status == 404
    xml = call(service, "POST", "/asset", content=b"<a/>", headers={"Content-Type": "text/xml"})
    assert (xml.status, xml.json["error_code"]) == (403, "VOD.10059")
    huge = call(service, "POST", "/asset", content=b" " * (2 << 20))
    assert (huge.status, huge.json["error_code"]) == (413, "APIGW.0201")


def test_times_are_utc(service: LocalVod, client: Any, video: Path) -> None:
    """create_time is written yyyymmddhhmmss in UTC."""
    before = time.strftime("%Y%m%d%H%M%S", time.gmtime())
    base = info(client, service.upload(video))[0].base_info
    after = time.strftime("%Y%m%d%H%M%S", time.gmtime())
    assert before <= base.create_time <= base.last_modified <= after
