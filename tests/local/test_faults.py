"""Faults that a test injects: what the caller sees, and whether the work was done."""

from __future__ import annotations

import http.client
import time
from pathlib import Path

import pytest

from tests.local.wiretap import call
from vod_provider.local.core.errors import DOCUMENTED, FaultError
from vod_provider.local.core.faults import MOST_FAULTS, Faults, parse_faults
from vod_provider.local.testing import LocalVod, LocalVodError

OPERATIONS = frozenset({"ExtractAudio", "ShowAssetMeta", "CancelExtractAudio"})


@pytest.fixture
def source(service: LocalVod, video: Path) -> str:
    """A video that is ready, and extractions that take no work."""
    service.settings(extraction={"mode": "timed", "seconds": 60})
    asset_id = service.upload(video)
    service.control("DELETE", "calls")
    return asset_id


def audios(service: LocalVod) -> list[str]:
    """The audios that the service has."""
    return [a["asset_id"] for a in call(service, "GET", "/asset/list?media_type=MP3").json["assets"]]


def statuses(service: LocalVod, operation: str) -> list[int]:
    """The statuses that calls of an operation were answered with."""
    return [c["status"] for c in service.calls()["calls"] if c["operation"] == operation]


@pytest.mark.parametrize(("drop", "made"), [("before", 0), ("middle", 1), ("after", 1)])
def test_drop(service: LocalVod, source: str, drop: str, made: int) -> None:
    """The connection ends abruptly: before the work, in the middle of the answer, after the work."""
    service.inject({"operation": "ExtractAudio", "drop": drop})
    lost = http.client.IncompleteRead if drop == "middle" else OSError
    with pytest.raises(lost):
        call(service, "POST", "/asset/extract_audio", {"asset_id": source})
    assert len(audios(service)) == made
    assert statuses(service, "ExtractAudio") == [0]
    recorded = service.calls()["calls"][0]["asset_ids"]
    assert recorded == ([source, *audios(service)] if made else [])
    assert call(service, "POST", "/asset/extract_audio", {"asset_id": source}).status == 202


@pytest.mark.parametrize("drop", ["before", "middle", "after"])
def test_drops_are_reliable(service: LocalVod, source: str, drop: str) -> None:
    """Fifty drops in a row are fifty broken connections."""
    service.inject({"operation": "ShowAssetMeta", "drop": drop, "times": 50})
    for _ in range(50):
        with pytest.raises((OSError, http.client.HTTPException)):
            call(service, "GET", f"/asset/info?asset_id={source}")
    assert call(service, "GET", f"/asset/info?asset_id={source}").status == 200


def test_status_is_answered_without_work(service: LocalVod, source: str) -> None:
    """An injected status comes `times` times with its code, and nothing is made."""
    service.inject({"operation": "CreateExtractAudioTask", "times": 2, "status": 503, "error_code": "VOD.10052"})
    for _ in range(2):
        answer = call(service, "POST", "/asset/extract_audio", {"asset_id": source})
        assert (answer.status, answer.json["error_code"]) == (503, "VOD.10052")
        assert answer.headers["x-request-id"]
    assert audios(service) == []
    assert call(service, "POST", "/asset/extract_audio", {"asset_id": source}).status == 202
    assert statuses(service, "ExtractAudio") == [503, 503, 202]


def test_throttling_has_its_code(service: LocalVod) -> None:
    """An injected 429 without a code is the gateway's."""
    service.inject({"operation": "*", "status": 429})
    assert call(service, "GET", "/asset/list").json["error_code"] == "APIGW.0308"


def test_documented_codes_have_their_status_and_message(service: LocalVod) -> None:
    """A code alone is answered as the table of codes has it; one that is not documented needs a status."""
    faults: list[dict[str, object]] = [{"operation": "*", "error_code": code} for code in DOCUMENTED]
    service.inject(*faults)
    for code, (status, message) in DOCUMENTED.items():
        answer = call(service, "GET", "/asset/list")
        assert (answer.status, answer.json["error_code"]) == (status, code)
        assert answer.json["error_msg"].startswith(message)
    with pytest.raises(LocalVodError, match="error_code"):
        service.inject({"operation": "*", "error_code": "VOD.99999"})


def test_body_in_place_of_json(service: LocalVod, source: str) -> None:
    """Raw text with a status is an answer without work; without one the work is done and its answer spoiled."""
    service.inject(
        {"operation": "ExtractAudio", "status": 502, "body": "<html>Bad Gateway</html>"},
        {"operation": "ExtractAudio", "body": "not json"},
    )
    gateway = call(service, "POST", "/asset/extract_audio", {"asset_id": source})
    assert (gateway.status, gateway.text, audios(service)) == (502, "<html>Bad Gateway</html>", [])
    spoiled = call(service, "POST", "/asset/extract_audio", {"asset_id": source})
    assert (spoiled.status, spoiled.text, len(audios(service))) == (202, "not json", 1)


def test_delay_comes_after_the_work(service: LocalVod, source: str) -> None:
    """A delayed answer belongs to work that is done at once; an injected error is delayed without any."""
    service.inject({"operation": "ExtractAudio", "delay_s": 0.4})
    started = time.monotonic()
    assert call(service, "POST", "/asset/extract_audio", {"asset_id": source}).status == 202
    assert time.monotonic() - started >= 0.4
    made = call(service, "GET", f"/asset/info?asset_id={audios(service)[0]}").json["asset_info_array"][0]
    assert made["status"] == "CREATING"
    service.inject({"operation": "ExtractAudio", "delay_s": 0.2, "status": 500})
    started = time.monotonic()
    assert call(service, "POST", "/asset/extract_audio", {"asset_id": source}).status == 500
    assert time.monotonic() - started >= 0.2
    assert len(audios(service)) == 1


def test_faults_are_used_in_order() -> None:
    """The first that fits is used; '*' fits all; used up, a fault is gone."""
    faults = Faults()
    faults.add(parse_faults([{"operation": "ExtractAudio", "times": 2}, {"operation": "*"}], OPERATIONS))
    order = [faults.take(name) for name in ("ShowAssetMeta", "ExtractAudio", "ExtractAudio", "ExtractAudio")]
    assert [fault and fault.operation for fault in order] == ["*", "ExtractAudio", "ExtractAudio", None]
    assert faults.as_json() == []


def test_faults_can_be_looked_at_and_taken_back(service: LocalVod) -> None:
    """What is still to be used is shown, and DELETE takes it back."""
    service.inject({"operation": "*", "status": 500, "times": 3})
    assert [f["times"] for f in service.control("GET", "faults")] == [3]
    service.control("DELETE", "faults")
    assert call(service, "GET", "/asset/list").status == 200


@pytest.mark.parametrize(
    ("fault", "field"),
    [
        ({}, "operation"),
        ({"operation": "Nothing"}, "operation"),
        ({"operation": "*", "times": 0}, "times"),
        ({"operation": "*", "times": "1"}, "times"),
        ({"operation": "*", "status": 42}, "status"),
        ({"operation": "*", "delay_s": -1}, "delay_s"),
        ({"operation": "*", "drop": "never"}, "drop"),
        ({"operation": "*", "body": 5}, "body"),
        ({"operation": "*", "body": "\ud800"}, "body"),
        ({"operation": "*", "status": 400, "error_code": "\ud800"}, "error_code"),
        ({"operation": "*", "error_code": "X"}, "error_code"),
        ({"operation": "*", "colour": "red"}, "colour"),
        ("text", "an object"),
    ],
)
def test_faults_that_make_no_sense(fault: object, field: str) -> None:
    """A fault that makes no sense is refused with the field's name."""
    with pytest.raises(FaultError, match=field):
        parse_faults([fault], OPERATIONS)


def test_refused_fault_changes_nothing(service: LocalVod) -> None:
    """One bad fault in a list, and none of them is taken."""
    with pytest.raises(LocalVodError, match="fault 1: times"):
        service.inject({"operation": "*", "status": 500}, {"operation": "*", "times": -1})
    assert service.control("GET", "faults") == []


@pytest.mark.parametrize("status", [204, 304])
def test_a_status_without_a_body_has_none(service: LocalVod, status: int) -> None:
    """A fault can have any status; where HTTP allows no body, none is sent, and the service has nothing to complain."""
    service.inject(
        {"operation": "ShowAssetMeta", "status": status, "body": "text"}, {"operation": "*", "status": status}
    )
    for _ in range(2):
        answer = call(service, "GET", "/asset/info?asset_id=a")
        assert (answer.status, answer.text) == (status, "")


def test_waiting_faults_have_a_limit() -> None:
    """A list of faults does not grow without end; what is there stays."""
    faults = Faults()
    faults.add(parse_faults([{"operation": "*"}] * MOST_FAULTS, OPERATIONS))
    with pytest.raises(FaultError, match="times"):
        faults.add(parse_faults({"operation": "*"}, OPERATIONS))
    assert len(faults.as_json()) == MOST_FAULTS


def test_calls_are_counted_and_kept(service: LocalVod, source: str) -> None:
    """Every call that arrives is counted, refused ones too, with status, time and the ids it names."""
    before = time.time()
    call(service, "GET", f"/asset/info?asset_id={source}")
    call(service, "GET", "/asset/details?asset_id=missing")
    told = service.calls()
    assert told["counts"] == {"ShowAssetMeta": 1, "ShowAssetDetail": 1}
    assert [(c["operation"], c["status"], c["asset_ids"]) for c in told["calls"]] == [
        ("ShowAssetMeta", 200, [source]),
        ("ShowAssetDetail", 404, ["missing"]),
    ]
    assert all(before <= c["time"] <= time.time() for c in told["calls"])
    service.control("DELETE", "calls")
    assert service.calls() == {"counts": {}, "calls": []}
