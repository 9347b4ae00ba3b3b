"""One request being served, at either door: what it knows, how it fails, what Cancel means."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from queue import Queue
from typing import Any, NoReturn

import grpc
import pytest
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, provider_pb2, status_pb2

from vod_provider.plugin import serving
from vod_provider.plugin.errors import PartialFailureError
from vod_provider.plugin.serving import ServedRequest, Session
from vod_provider.vod.errors import VodError

URN = "urn:pulumi:dev::media::vod:index:ExtractedAudio::talk"


class Aborted(Exception):  # noqa: N818
    """What gRPC's abort raises."""


class Context:
    """A request's context, as gRPC gives one."""

    def __init__(self, remaining: float | None = None) -> None:
        self.remaining = remaining
        self.trailing: tuple[tuple[str, bytes], ...] = ()
        self.details = ""

    def time_remaining(self) -> float | None:
        return self.remaining

    def set_trailing_metadata(self, trailing: tuple[tuple[str, bytes], ...]) -> None:
        self.trailing = trailing

    def abort(self, code: grpc.StatusCode, details: str) -> NoReturn:
        assert code is grpc.StatusCode.UNKNOWN
        self.details = details
        raise Aborted(details)


class Log:
    """The engine's log."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, str, bool, bool]] = []

    def __call__(self, urn: str, text: str, *, ephemeral: bool = True, warning: bool = False) -> None:
        self.messages.append((urn, text, ephemeral, warning))


@pytest.fixture(autouse=True)
def no_session(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each test begin without a session."""
    monkeypatch.setattr(serving, "_session", None)


def session(**more: Any) -> Session:
    return Session(None, environ={"PULUMI_BACKEND_URL": "file:///state"}, **more)


def describe(partial: PartialFailureError) -> provider_pb2.ErrorResourceInitFailed:
    return provider_pb2.ErrorResourceInitFailed(id=partial.id)


def test_a_request_knows_its_resource_and_its_timeout() -> None:
    """The owner is backend and URN; the owners of a stack begin alike; what the user has set is the deadline."""
    with session().serve(URN, 7.0) as served, serving.current_request() as current:
        assert current is served
    assert served.operation.owner == f"file:///state {URN}"
    assert served.owners == "file:///state urn:pulumi:dev::media::"
    assert served.operation.deadline(60)._seconds == 7.0


def test_a_timeout_that_is_not_set_is_the_default() -> None:
    """The engine sends 0 where the user has set none."""
    with session().serve(URN) as served:
        assert served.operation.deadline(60)._seconds == 60


def test_no_request_outlives_its_answer() -> None:
    """A thread that has answered serves nothing; what it does next knows no resource."""
    with session().serve(URN):
        pass
    with serving.current_request() as current:
        assert current.urn == ""
        assert current.owners == ""


def test_a_request_from_before_the_session_is_served_as_the_door_says() -> None:
    """A door that can tell what came before it began is asked for it, once for a request."""
    found = ServedRequest(urn=URN)

    @contextmanager
    def unannounced() -> Iterator[ServedRequest]:
        with serving.serving(found):
            yield found

    serving.open_session(session(unannounced=unannounced))
    with serving.current_request() as current, serving.current_request() as inner:
        assert current is inner is found


def test_an_error_is_one_line() -> None:
    """An error of ours is its own text; one that nobody foresaw is named as a mistake of ours."""
    context = Context()
    with pytest.raises(Aborted):
        session().fail(context, VodError("extracting:\n  no"), describe)
    assert context.details == "extracting: no"
    with pytest.raises(Aborted):
        session().fail(context, ZeroDivisionError("division\nby zero"), describe)
    assert context.details == ("ZeroDivisionError: division by zero (a mistake in vod_provider; vod:debug shows where)")
    assert context.trailing == ()


def test_debugging_shows_where_an_error_comes_from() -> None:
    """With vod:debug the answer is the traceback."""
    context = Context()
    try:
        _ = 1 / 0
    except ZeroDivisionError as error:
        with pytest.raises(Aborted):
            session(debug=True).fail(context, error, describe)
    assert "Traceback" in context.details
    assert "_ = 1 / 0" in context.details


@pytest.mark.parametrize("debug", [False, True])
def test_a_partial_failure_tells_what_to_keep_and_why(debug: bool) -> None:
    """The engine finds id and reason in the trailing metadata, also while debugging."""
    context = Context()
    with pytest.raises(Aborted):
        session(debug=debug).fail(context, PartialFailureError("not\nyet", "audio1", {}), describe)
    assert context.details == "not yet"
    ((name, raw),) = context.trailing
    assert name == "grpc-status-details-bin"
    status = status_pb2.Status.FromString(raw)
    told = provider_pb2.ErrorResourceInitFailed()
    assert status.details[0].Unpack(told)
    assert (status.code, status.message) == (2, "not yet")
    assert (told.id, list(told.reasons)) == ("audio1", ["not yet"])


def test_the_end_of_a_run_calls_those_who_wait_for_it() -> None:
    """Cancel with seconds left is the end of a run: whoever wants to know is called, once."""
    one, called = session(), []
    one.when_over.append(lambda: called.append(1))
    with one.serve(URN):
        pass
    one.cancel(Context(5))
    assert one.stop.called
    one.cancel(Context(5))
    assert called == [1]


@pytest.mark.parametrize("remaining", [30.0, None])
def test_ctrl_c_is_not_the_end_of_a_run(remaining: float | None) -> None:
    """Cancel with time left stops the waiting, and proves nothing about what was saved; nor does the one after it."""
    one, called = session(), []
    one.when_over.append(lambda: called.append(1))
    one.cancel(Context(remaining))
    assert one.stop.called
    one.cancel(Context(5))
    assert called == []


def test_a_run_with_a_request_under_way_is_not_over() -> None:
    """An engine that ends its plugin while something is being made has not saved what that is going to be."""
    one, called = session(), []
    one.when_over.append(lambda: called.append(1))
    with one.serve(URN):
        one.cancel(Context(5))
    assert called == []


def test_messages_reach_the_engine() -> None:
    """A warning stays, in its resource's row or below the run; a line below the run stays, too."""
    log = Log()
    one = serving.open_session(session(log=log))
    with one.serve(URN) as served:
        served.operation.warn("doubtful")
    serving.say("line")
    serving.warn("careful")
    assert log.messages == [
        (URN, "doubtful", False, True),
        ("", "line", False, False),
        ("", "careful", False, True),
    ]


def test_a_row_says_what_is_going_on_and_how_it_ended() -> None:
    """In the words of the door, and only until the request is over; without an engine there are no rows."""
    lines: Queue[tuple[str, str, bool, bool]] = Queue()

    def log(urn: str, text: str, *, ephemeral: bool = True, warning: bool = False) -> None:
        lines.put((urn, text, ephemeral, warning))

    with session(log=log, wording=str.upper).serve(URN) as served:
        served.operation.report("half")
        assert lines.get(timeout=10) == (URN, "HALF", True, False)
        served.last_line = "ready"
    assert lines.get_nowait() == (URN, "ready", True, False)
    with session().serve(URN) as served:
        served.operation.report("half")


def test_what_all_plugins_of_a_run_have_in_common_is_the_engine() -> None:
    """Its address; without one nothing is known."""
    assert serving.run() == ""
    serving.open_session(session(log=Log()))
    assert serving.run() == ""
    serving.open_session(Session("127.0.0.1:5", environ={"PULUMI_BACKEND_URL": "file:///state"}, watches=False))
    assert serving.run() == "127.0.0.1:5"


def test_a_message_says_how_long_it_stays_and_whose_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the engine's protocol has it; an engine that takes none, since it is at its end, is no error."""
    sent: list[Any] = []

    class Engine:
        def __init__(self, _channel: object) -> None:
            pass

        def Log(self, message: Any, timeout: float) -> None:  # noqa: N802 - the protocol's name
            assert 0 < timeout < float("inf")
            sent.append((message.severity, message.message, message.urn, message.ephemeral))
            if message.message == "late":
                raise grpc.RpcError

    monkeypatch.setattr(engine_pb2_grpc, "EngineStub", Engine)
    send = serving.engine_log("127.0.0.1:5")
    send(URN, "50 %")
    send(URN, "doubtful", ephemeral=False, warning=True)
    send("", "late", ephemeral=False)
    assert sent == [
        (engine_pb2.INFO, "50 %", URN, True),
        (engine_pb2.WARNING, "doubtful", URN, False),
        (engine_pb2.INFO, "late", "", False),
    ]


def test_a_diff_says_which_property_does_what() -> None:
    """Details and stable outputs are added to the host's own answer; without details, there are none."""
    response = provider_pb2.DiffResponse()
    ServedRequest(detailed={"format": "UPDATE_REPLACE"}, stables=("audio_asset_id",)).explain(response)
    assert response.hasDetailedDiff
    assert response.detailedDiff["format"].kind == provider_pb2.PropertyDiff.UPDATE_REPLACE
    assert list(response.diffs) == ["format"]
    assert list(response.stables) == ["audio_asset_id"]
    entries = provider_pb2.DiffResponse()
    paths = {'audios["a"].title': "UPDATE", 'audios["b"]': "ADD", 'drifted["a"].tags': "DELETE", "format": "UPDATE"}
    ServedRequest(detailed=paths, of_inputs=("audios", "format")).explain(entries)
    assert {path: it.inputDiff for path, it in entries.detailedDiff.items()} == {
        path: not path.startswith("drifted") for path in paths
    }
    assert list(entries.diffs) == ["audios", "drifted", "format"], "the names that the row shows"
    plain = provider_pb2.DiffResponse()
    ServedRequest().explain(plain)
    assert not plain.hasDetailedDiff
