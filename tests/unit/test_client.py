"""VOD's operations: what is sent, what is sent again, and what is made of the answers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest

from tests.unit.fakes import Clock, FakeDeadline, refused
from vod_provider.vod import retries
from vod_provider.vod.client import Client
from vod_provider.vod.deadline import Stop
from vod_provider.vod.errors import (
    AnswerError,
    DeadlineError,
    LostAnswerError,
    NotFoundError,
    QuotaError,
    StoppedError,
    ThrottledError,
    UnreachableError,
)
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


class Stopping(FakeDeadline):
    """Somebody stops the waiting as soon as it begins."""

    def __init__(self, clock: Clock, stop: Stop) -> None:
        super().__init__(clock, 600, stop)
        self._end_it = stop

    def pause(self, event: threading.Event, seconds: float = float("inf")) -> None:
        self._end_it()
        super().pause(event, seconds)


class Script:
    """A transport that answers in order, and keeps what was sent."""

    def __init__(self, *answers: Mapping[str, Any] | Exception) -> None:
        self.answers = list(answers)
        self.sent: list[tuple[str, str, Any, Any]] = []

    slow: Callable[[], None] | None = None

    def send(self, doing: str, method: str, path: str, *, query: Any = None, body: Any = None) -> Answer:
        self.sent.append((method, path, query, body))
        if self.slow is not None:
            self.slow()
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


def test_an_answer_that_says_nothing_is_asked_for_again() -> None:
    """A proxy, or a gateway in trouble, may answer 200 with an empty object; where asking again is harmless, it is."""
    vod, script, deadline = client({}, info("a"))
    assert vod.show(["a"], deadline)["a"].status == "CREATED"
    assert len(script.sent) == 2
    deleted = {"delete_result_array": [{"asset_id": "a", "status": "DELETED"}]}
    vod, script, deadline = client({"delete_result_array": None}, deleted)
    assert vod.delete(["a"], deadline) == {"a": True}
    vod, script, deadline = client(*[{}] * 50)
    with pytest.raises(LostAnswerError, match="an answer without asset_info_array"):
        vod.show(["a"], deadline)
    assert len(script.sent) == retries.ATTEMPTS


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
    assert said[0] == f"no answer from VOD: attempt 3 of {retries.ATTEMPTS}", "who waits is told, after a hiccup"
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


def answers_to_delete(*ids: str, status: str = "DELETED") -> dict[str, Any]:
    return {"delete_result_array": [{"asset_id": asset_id, "status": status} for asset_id in ids]}


@pytest.mark.parametrize("first", [answers_to_delete("a"), refused("VOD.10053")], ids=["unanswered", "refused"])
def test_a_call_that_leaves_ids_unanswered_shows_how_ids_are_to_be_sent(first: Any) -> None:
    """Sources contradict each other: the next call repeats the parameter, and the one after that does so, too."""
    vod, script, deadline = client(first, answers_to_delete("a", "b"), answers_to_delete("a", "b"))
    with suppress(AnswerError):  # whoever has asked then asks for each
        assert vod.delete(["a", "b"], deadline) == {"a": True, "b": False}
    for _ in range(2):
        assert vod.delete(["a", "b"], deadline) == {"a": True, "b": True}
    repeated = [("asset_id", "a"), ("asset_id", "b")]
    assert [query for _, _, query, _ in script.sent] == [[("asset_id", "a,b")], repeated, repeated]


def test_a_single_id_tells_nothing_of_how_several_are_sent() -> None:
    """One that is unanswered or refused is sent alike in both ways."""
    vod, script, deadline = client(answers_to_delete(), answers_to_delete("a", "b"))
    assert vod.delete(["c"], deadline) == {"c": False}
    vod.delete(["a", "b"], deadline)
    assert script.sent[1][2] == [("asset_id", "a,b")]


@pytest.mark.parametrize(("status", "deleted"), [(" deleted", True), ("DELETING", True), ("FAILED", False)])
def test_a_deletion_that_is_under_way_is_accepted(status: str, deleted: bool) -> None:
    """Deleting is asynchronous: either word of VOD's means that it goes."""
    vod, _, deadline = client(answers_to_delete("a", status=status))
    assert vod.delete(["a"], deadline) == {"a": deleted}


def test_a_description_is_never_sent() -> None:
    """VOD does not let that of an extracted audio be changed, and may refuse the title with it."""
    vod, script, deadline = client({})
    vod.update("a", {"description": "D"}, deadline)
    vod.update("a", {"title": "T", "description": "D"}, deadline)
    assert script.sent == [("PUT", "/asset/info", None, {"asset_id": "a", "title": "T"})]


@pytest.mark.parametrize("odd", ["", None, True, 1.5, "a\nb", "x" * 400, {}])
def test_an_id_that_can_be_none_is_a_lost_answer(odd: Any) -> None:
    """VOD has accepted, and what it calls the audio cannot be used."""
    vod, _, deadline = client({"audio_asset_id": odd})
    with pytest.raises(LostAnswerError, match="without audio_asset_id"):
        vod.extract("v", "MP3", deadline, transaction=sent)


def test_an_id_may_be_a_number() -> None:
    """The only public example of an audio's id, 5412, looks like one."""
    vod, _, deadline = client({"audio_asset_id": 5412}, {"asset_info_array": [{"asset_id": 5412, "status": "CREATED"}]})
    assert vod.extract("v", "MP3", deadline, transaction=sent) == "5412"
    assert vod.show(["5412"], deadline)["5412"].status == "CREATED"


@pytest.mark.parametrize("time", ["99991231235959", "00010101000000", "19700101000000", "soon", None, 20260102030405.5])
def test_a_time_beyond_reason_is_none(time: Any) -> None:
    """Nobody has to compute with the year 9999."""
    vod, _, deadline = client(
        {"asset_info_array": [{"asset_id": "a", "status": "CREATED", "base_info": {"create_time": time}}]}
    )
    assert vod.show(["a"], deadline)["a"].created is None


# -- waiting that ends early -----------------------------------------------------------------------------------


def test_a_quota_that_refuses_until_the_deadline_has_accepted_nothing() -> None:
    """Every answer was a 429: that is what the error says, and that there is nothing to look for."""
    vod, _, deadline = client(*[throttled() for _ in range(500)])
    with pytest.raises(QuotaError) as raised:
        vod.extract("v", "MP3", deadline, transaction=sent)
    text = "VOD's quota (extract, 100 a minute) refused every request within 600 s, so VOD has accepted nothing"
    assert str(raised.value) == text
    assert not raised.value.sent


def test_a_quota_that_is_used_up_on_this_side_has_asked_nothing() -> None:
    """The turn of the request had not come by its deadline."""
    clock = Clock()
    script = Script({"audio_asset_id": "a"})
    vod = Client(script, QUOTAS | {"extract": 1}, quota=lambda limit: Quota(limit, clock), pool=Now())  # type: ignore[arg-type]
    vod.extract("v", "MP3", FakeDeadline(clock, 15), transaction=sent)
    with pytest.raises(
        QuotaError, match=r"\(extract, 1 a minute\) was used up for 15 s, so VOD was not asked"
    ) as raised:
        vod.extract("v", "MP3", FakeDeadline(clock, 15), transaction=sent)
    assert not raised.value.sent
    assert len(script.sent) == 1


class Later(Executor):
    """Runs when it is told to."""

    def __init__(self) -> None:
        self.works: list[Callable[[], None]] = []

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()

        def work() -> None:
            try:
                future.set_result(fn(*args, **kwargs))
            except Exception as error:  # noqa: BLE001
                future.set_exception(error)

        self.works.append(work)
        return future


@pytest.mark.parametrize("stopped", [True, False], ids=["stopped", "deadline"])
def test_who_stops_waiting_before_it_is_sent_keeps_it_from_being_sent(stopped: bool) -> None:
    """The error says that it was not sent, and that stays true: the thread that comes to it later does not send it."""
    clock, stop, pool = Clock(), Stop(), Later()
    script = Script({"audio_asset_id": "a"})
    vod = Client(script, QUOTAS, quota=lambda limit: Quota(limit, clock), pool=pool)  # type: ignore[arg-type]
    deadline = Stopping(clock, stop) if stopped else FakeDeadline(clock, 5)
    seen: list[BaseException] = []

    def transaction(send: Callable[[], str]) -> str:
        try:
            return send()
        except (StoppedError, DeadlineError) as error:
            seen.append(error)
            raise

    with pytest.raises((StoppedError, DeadlineError)) as raised:
        vod.extract("v", "MP3", deadline, transaction=transaction)
    assert getattr(raised.value, "sent", None) is False
    (work,) = pool.works
    work()
    assert script.sent == []
    assert seen == [raised.value]


def test_who_stops_waiting_after_it_was_sent_is_told_so() -> None:
    """The answer is missing: VOD may have accepted."""
    clock, began, released = Clock(), threading.Event(), threading.Event()
    script = Script({"audio_asset_id": "a"})

    def slow() -> None:
        began.set()
        assert released.wait(10)

    class Patient(FakeDeadline):
        def pause(self, event: threading.Event, seconds: float = float("inf")) -> None:
            assert began.wait(10)
            super().pause(event, seconds)

    script.slow = slow
    with ThreadPoolExecutor(1) as pool:
        vod = Client(script, QUOTAS, quota=lambda limit: Quota(limit, clock), pool=pool)  # type: ignore[arg-type]
        with pytest.raises(DeadlineError) as raised:
            vod.extract("v", "MP3", Patient(clock, 5), transaction=sent)
        released.set()
    assert raised.value.sent is True


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


@pytest.mark.parametrize(
    ("facts", "has_sound"),
    [
        ({"pack_type": "MP4", "codec": "H.264", "audio_codec": "AAC", "audio_channels": 2}, True),
        ({"pack_type": "MP4", "codec": "H.264", "audio_codec": "AAC"}, True),
        ({"pack_type": "MP4", "codec": "H.264", "audio_channels": 1}, True),
        ({"pack_type": "MP3", "codec": "UNKNOWN", "video_size": 0, "audio_channels": 0}, True),
        ({"pack_type": "MP4", "codec": "H.264", "audio_codec": "", "audio_channels": 0}, False),
        ({"pack_type": "MP4", "codec": "H.264", "audio_codec": ""}, False),
        ({"pack_type": "MP4", "codec": "H.264", "audio_channels": 0}, False),
        # Of assets from before 2025, and while a file is not looked into yet, VOD says too little.
        ({"pack_type": "MP4", "codec": "H.264"}, None),
        ({"pack_type": "MP4", "codec": "H.264", "audio_codec": None, "audio_channels": None}, None),
        ({"pack_type": "MP4", "codec": "UNKNOWN", "audio_codec": "", "audio_channels": 0}, None),
        ({"pack_type": "MP4", "codec": "", "audio_codec": "UNKNOWN", "audio_channels": 0}, None),
        (None, None),
    ],
)
def test_only_a_file_that_vod_has_looked_into_is_without_sound(facts: Any, has_sound: bool | None) -> None:
    """A zero or an empty text alone may stand for what nobody has looked at."""
    row = {"asset_id": "a", "status": "CREATED", "base_info": {"meta_data": facts}}
    vod, _, deadline = client({"asset_info_array": [row]})
    assert vod.show(["a"], deadline)["a"].has_sound is has_sound


def listed(total: int, *ids: str) -> dict[str, Any]:
    """A page of a listing."""
    return {"total": total, "assets": [{"asset_id": it, "asset_status": "CREATED"} for it in ids]}


def test_few_audios_are_listed_from_the_last_page_on() -> None:
    """What is deleted meanwhile moves others forward, to pages that are still to be read."""
    first, last = [f"a{number}" for number in range(100)], [f"a{number}" for number in range(100, 120)]
    made, script, deadline = client(listed(120, *first), listed(120, *last), listed(110, *first[10:], *last[:10]))
    found = made.few_audios(2, deadline)
    assert found is not None
    assert set(found) == {*first[10:], *last}
    assert [dict(query)["page"] for _, _, query, _ in script.sent] == ["0", "1", "0"]


@pytest.mark.parametrize(
    "answer", [listed(201, *map(str, range(100))), listed(0, "a"), {"assets": listed(1, "a")["assets"]}]
)
def test_many_audios_are_not_listed(answer: dict[str, Any]) -> None:
    """Where they do not fit on so many pages, or VOD does not say how many they are, it is asked once."""
    made, script, deadline = client(answer)
    assert made.few_audios(2, deadline) is None
    assert len(script.sent) == 1


def test_one_page_of_audios_is_one_call() -> None:
    """Also an empty one, as after the deletion of everything."""
    for ids in ([], ["a"]):
        made, script, deadline = client(listed(len(ids), *ids))
        assert list(made.few_audios(1, deadline) or []) == ids
        assert len(script.sent) == 1
