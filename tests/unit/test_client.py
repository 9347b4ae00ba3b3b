"""VOD's operations: what is sent, what is sent again, and what is made of the answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future
from typing import Any

import pytest

from tests.unit.fakes import Clock, FakeDeadline, refused
from vod_provider.vod import retries
from vod_provider.vod.client import Client
from vod_provider.vod.errors import AnswerError, LostAnswerError, NotFoundError, ThrottledError, UnreachableError
from vod_provider.vod.pacing.quota import Quota
from vod_provider.vod.transport import Answer

QUOTAS = {"extract": 100, "cancel": 100, "query": 1500, "delete": 100, "update": 100, "publish": 100}


class Now(Executor):
    """Runs at once."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001
            future.set_exception(error)
        return future


class Script:
    """A transport that answers in order, and keeps what was sent."""

    def __init__(self, *answers: Mapping[str, Any] | Exception) -> None:
        self.answers = list(answers)
        self.sent: list[tuple[str, str, Any, Any]] = []

    def send(self, doing: str, method: str, path: str, *, query: Any = None, body: Any = None) -> Answer:
        self.sent.append((method, path, query, body))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return Answer(answer, "r")


def client(*answers: Mapping[str, Any] | Exception) -> tuple[Client, Script, FakeDeadline]:
    script, clock = Script(*answers), Clock()
    made = Client(script, QUOTAS, quota=lambda limit: Quota(limit, clock), pool=Now())  # type: ignore[arg-type]
    return made, script, FakeDeadline(clock, 600)


def info(*ids: str) -> dict[str, Any]:
    return {"asset_info_array": [{"asset_id": asset_id, "status": "CREATED"} for asset_id in ids]}


def throttled() -> AnswerError:
    error = refused("APIG.0308", 429)
    assert isinstance(error, ThrottledError)
    return error


def sent(send: Callable[[], str]) -> str:
    """A transaction that does nothing but send."""
    return send()


def test_extract_sends_what_the_reference_shows() -> None:
    """Source and format as in the reference's example; the audio's id comes back."""
    vod, script, deadline = client({"asset_id": "v", "audio_asset_id": "5412"})
    assert vod.extract("v", "MP3", deadline, transaction=sent) == "5412"
    body = {"asset_id": "v", "parameter": {"format": "MP3"}}
    assert script.sent == [("POST", "/asset/extract_audio", None, body)]


def test_extract_is_never_repeated_where_it_may_have_been_done() -> None:
    """A lost answer comes out at once."""
    vod, script, deadline = client(LostAnswerError("x", "reset"), {"audio_asset_id": "a"})
    with pytest.raises(LostAnswerError):
        vod.extract("v", "MP3", deadline, transaction=sent)
    assert len(script.sent) == 1


def test_an_answer_without_an_id_is_a_lost_answer() -> None:
    """VOD has accepted, and we do not know what."""
    vod, _, deadline = client({"asset_id": "v"})
    with pytest.raises(LostAnswerError, match="without audio_asset_id"):
        vod.extract("v", "MP3", deadline, transaction=sent)


def test_extract_is_repeated_where_it_was_surely_not_done() -> None:
    """Neither a refused connection nor any number of 429 is an error within the deadline."""
    waits = [throttled() for _ in range(retries.ATTEMPTS * 2)]
    vod, script, deadline = client(UnreachableError("x", "e", "refused"), *waits, {"audio_asset_id": "a"})
    assert vod.extract("v", "MP3", deadline, transaction=sent) == "a"
    assert len(script.sent) == len(waits) + 2


def test_a_transaction_runs_where_the_request_is_sent() -> None:
    """What is to be written down is written around each sending."""
    seen: list[str] = []

    def transaction(send: Any) -> str:
        seen.append("before")
        audio_id = str(send())
        seen.append(audio_id)
        return audio_id

    vod, _, deadline = client({"audio_asset_id": "a"})
    vod.extract("v", "MP3", deadline, transaction=transaction)
    assert seen == ["before", "a"]


def test_what_can_be_repeated_is_repeated_a_bounded_number_of_times() -> None:
    """A query whose answers get lost is sent again, but not for ever."""
    vod, script, deadline = client(LostAnswerError("x", "500"), info("a"))
    assert vod.show(["a"], deadline)["a"].status == "CREATED"
    assert len(script.sent) == 2
    vod, script, deadline = client(*[LostAnswerError("x", "500")] * 50)
    said: list[str] = []
    deadline.notice = said.append
    with pytest.raises(LostAnswerError):
        vod.show(["a"], deadline)
    assert len(script.sent) == retries.ATTEMPTS
    assert said[0] == f"VOD does not answer: attempt 3 of {retries.ATTEMPTS} comes", "who waits is told, after a hiccup"
    assert len(said) == retries.ATTEMPTS - 2


def test_ids_travel_in_one_call_and_a_missing_one_is_absent() -> None:
    """What VOD leaves out of its answer, it does not have."""
    vod, script, deadline = client(info("a", "c"))
    shown = vod.show(["a", "b", "c"], deadline)
    assert [shown[one].status for one in "abc"] == ["CREATED", "NO_ASSET", "CREATED"]
    assert script.sent[0][2] == [("asset_id", "a"), ("asset_id", "b"), ("asset_id", "c")]


def test_a_call_refused_for_one_id_is_asked_again_one_by_one() -> None:
    """VOD.10062 for several ids does not say which: each is asked about alone."""
    missing = refused("VOD.10062")
    assert isinstance(missing, NotFoundError)
    vod, _, deadline = client(missing, info("a"), missing)
    assert [one.status for one in vod.show(["a", "b"], deadline).values()] == ["CREATED", "NO_ASSET"]


def test_delete_tells_of_each() -> None:
    """Up to ten ids in one call, each with its own result."""
    results = [{"asset_id": "a", "status": "DELETED"}, {"asset_id": "b", "status": "FAILED"}]
    vod, script, deadline = client({"delete_result_array": results})
    assert vod.delete(["a", "b"], deadline) == {"a": True, "b": False}
    assert script.sent == [("DELETE", "/asset", [("asset_id", "a,b")], None)]


def test_publish_takes_ten_and_tells_of_each() -> None:
    """Several ids are one call; one that VOD does not have is absent."""
    vod, script, deadline = client(info("a", "b"))
    told = vod.publish(["a", "b", "c"], deadline, published=True)
    assert {name: asset.status for name, asset in told.items()} == {"a": "CREATED", "b": "CREATED", "c": "NO_ASSET"}
    assert script.sent == [("POST", "/asset/status/publish", None, {"asset_id": ["a", "b", "c"]})]


def test_update_joins_tags() -> None:
    """Tags go to VOD joined by commas; what is not named is not sent."""
    vod, script, deadline = client({})
    vod.update("a", {"title": "T", "tags": ["x", "y"]}, deadline)
    assert script.sent == [("PUT", "/asset/info", None, {"asset_id": "a", "title": "T", "tags": "x,y"})]


def test_an_asset_is_read_as_the_models_have_it() -> None:
    """Facts in seconds, kbit/s and bytes, milliseconds preferred; what failed tells why in `description`."""
    row = {
        "asset_id": "a",
        "status": "SERVER_ERROR",
        "description": "no sound",
        "base_info": {
            "title": "T",
            "description": "D",
            "category_id": -1,
            "tags": "x,y",
            "create_time": "20260102030405",
            "video_url": "http://u",
            "meta_data": {
                "pack_type": "MP3", "codec": "MP3", "duration": 3, "duration_ms": 3019, "bit_rate": 64, "video_size": 9,
            },
        },
    }  # fmt: skip
    vod, _, deadline = client({"asset_info_array": [row]})
    asset = vod.show(["a"], deadline)["a"]
    assert (asset.duration, asset.bit_rate, asset.size, asset.codec, asset.pack_type) == (3.019, 64, 9, "MP3", "MP3")
    assert (asset.title, asset.description, asset.tags, asset.reason) == ("T", "D", ("x", "y"), "no sound")
    assert asset.created is not None
    assert asset.created.isoformat() == "2026-01-02T03:04:05+00:00"
