"""How audios are deleted: in tens, each told of, none that is somebody's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.cli.fakes import FakeTransport
from vod_provider.cli.removal import Removal, Removed
from vod_provider.config.settings import QUOTAS
from vod_provider.vod.client import Client
from vod_provider.vod.errors import VodError, of_answer

Answers = Callable[[list[str]], Mapping[str, Any]]


def refusal(code: str, status: int = 400) -> VodError:
    """VOD's no."""
    return of_answer("deleting", status=status, code=code, message="No.", request_id="r9")


class Vod:
    """Deletes what `delete` lets it; `statuses` is what it tells of the others."""

    def __init__(self, delete: Answers, statuses: Mapping[str, str]) -> None:
        self._delete, self._statuses = delete, statuses
        self.deletes: list[list[str]] = []

    def __call__(self, method: str, path: str, query: list[tuple[str, str]], body: Any) -> Mapping[str, Any]:
        ids = [id_ for _, value in query for id_ in value.split(",")]
        if method == "GET":
            rows = [{"asset_id": id_, "status": self._statuses[id_]} for id_ in ids if id_ in self._statuses]
            return {"asset_info_array": rows}
        self.deletes.append(ids)
        return self._delete(ids)


def results(*refused: str) -> Answers:
    """VOD deletes all but those."""
    return lambda ids: {
        "delete_result_array": [{"asset_id": it, "status": "FAILED" if it in refused else "DELETED"} for it in ids]
    }


def remove(
    delete: Answers, ids: list[str], statuses: Mapping[str, str] | None = None, taken: frozenset[str] = frozenset()
) -> tuple[list[Removed], Vod]:
    """What becomes of the audios, and the calls that were made."""
    vod = Vod(delete, statuses or {})
    client = Client(FakeTransport(vod), QUOTAS)  # type: ignore[arg-type]
    return list(Removal(client, lambda: taken, lambda _: None).remove(ids)), vod


def test_they_leave_in_tens() -> None:
    """Twenty-three audios are three calls, and each is told of."""
    ids = [f"a{number}" for number in range(23)]
    said, vod = remove(results(), ids)
    assert said == [Removed(it, True, "deleted") for it in ids]
    assert [len(call) for call in vod.deletes] == [10, 10, 3]


def test_one_that_is_somebodys_by_now_is_left() -> None:
    """What the journal or a state knows by the time of the call is not sent."""
    said, vod = remove(results(), ["a1", "a2"], taken=frozenset({"a1"}))
    assert said == [Removed("a1", False, "left: it is somebody's by now"), Removed("a2", True, "deleted")]
    assert vod.deletes == [["a2"]]


def test_nothing_is_sent_where_all_are_somebodys() -> None:
    """A call without ids would mean whatever VOD takes it for."""
    said, vod = remove(results(), ["a1"], taken=frozenset({"a1"}))
    assert [one.gone for one in said] == [False]
    assert vod.deletes == []


def test_a_refused_one_is_told_with_its_status() -> None:
    """VOD says FAILED and not why; what it has no more is gone, and an audio in the making is not."""
    said, _ = remove(results("gone", "busy"), ["a1", "gone", "busy"], {"busy": "CREATING", "gone": "DELETED"})
    assert said == [
        Removed("a1", True, "deleted"),
        Removed("gone", True, "gone already"),
        Removed("busy", False, "VOD reports FAILED: its status is CREATING; try again later"),
    ]


def test_one_that_vod_does_not_accept_harms_no_other() -> None:
    """A call is refused as a whole for one of its ids: the others are deleted one by one."""

    def delete(ids: list[str]) -> Mapping[str, Any]:
        if "bad" in ids:
            raise refusal("VOD.10053")
        return results()(ids)

    said, vod = remove(delete, ["a1", "bad", "a2"])
    assert [(one.audio_id, one.gone) for one in said] == [("a1", True), ("bad", False), ("a2", True)]
    assert "VOD.10053" in said[1].said
    assert "r9" in said[1].said
    assert [len(call) for call in vod.deletes] == [3, 1, 1, 1]


def test_one_that_does_not_exist_is_gone() -> None:
    """VOD.10062 for one of two: it is gone, and the other is deleted."""

    def delete(ids: list[str]) -> Mapping[str, Any]:
        if "gone" in ids:
            raise refusal("VOD.10062")
        return results()(ids)

    said, _ = remove(delete, ["gone", "a1"])
    assert said == [Removed("gone", True, "gone already"), Removed("a1", True, "deleted")]


@pytest.mark.parametrize(("code", "status"), [("VOD.10054", 403), ("", 403), ("APIG.0301", 401)])
def test_a_missing_permission_is_no_fault_of_an_id(code: str, status: int) -> None:
    """Who may not delete is told so for all of them after one call."""

    def delete(ids: list[str]) -> Mapping[str, Any]:
        raise refusal(code, status)

    said, vod = remove(delete, ["a1", "a2"])
    assert [one.gone for one in said] == [False, False]
    assert all("r9" in one.said for one in said)
    assert len(vod.deletes) == 1


def test_what_a_call_leaves_is_asked_for_singly() -> None:
    """VOD may read the first of several ids only, and leave out the others or call them FAILED: none is given up."""
    for left in ("", "FAILED"):

        def first_only(ids: list[str], left: str = left) -> Mapping[str, Any]:
            rows = [{"asset_id": ids[0], "status": "DELETED"}]
            rows += [{"asset_id": one, "status": left} for one in ids[1:] if left]
            return {"delete_result_array": rows}

        said, vod = remove(first_only, ["a1", "a2", "a3"])
        assert said == [Removed(it, True, "deleted") for it in ("a1", "a2", "a3")]
        assert vod.deletes == [["a1", "a2", "a3"], ["a2"], ["a3"]]
