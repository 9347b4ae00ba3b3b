"""What is concluded from VOD's answers about credentials, permissions and quotas."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.cli.fakes import FakeTransport
from vod_provider.cli.checks import Check
from vod_provider.cli.permissions import ACTIONS, Permissions
from vod_provider.vod.errors import LostAnswerError, UnreachableError, VodError, of_answer

MADE_UP = "c" * 32
CHANGES = {
    ("POST", "/asset/extract_audio"): "vod:asset:createExtractAudioTask",
    ("DELETE", "/asset/extract_audio"): "vod:asset:stopExtractAudioTask",
    ("PUT", "/asset/info"): "vod:asset:modifyInfo",
    ("POST", "/asset/status/publish"): "vod:asset:publish",
    ("POST", "/asset/status/unpublish"): "vod:asset:unpublish",
    ("DELETE", "/asset"): "vod:asset:delete",
}
ALL = {("GET", "/asset/info"): "vod:asset:getInfo", ("GET", "/asset/list"): "vod:asset:list", **CHANGES}


def no(code: str, status: int = 400) -> VodError:
    """VOD's, or the gateway's, no."""
    return of_answer("checking permissions", status=status, code=code, message="No.", request_id="r9")


ABSENT = no("VOD.10062")


class Account:
    """Has no assets; `refusals` are its answers by what was asked, in place of the good ones."""

    def __init__(self, refusals: Mapping[str, VodError], rows: object = ()) -> None:
        self._refusals, self._rows = refusals, list(rows) if isinstance(rows, tuple) else rows
        self.bodies: list[tuple[str, Any]] = []

    def __call__(self, method: str, path: str, query: list[tuple[str, str]], body: Any) -> Mapping[str, Any]:
        name = ALL[(method, path)]
        self.bodies.append((name, body or dict(query)))
        if name in self._refusals:
            raise self._refusals[name]
        if (method, path) in CHANGES and name != "vod:asset:delete":
            raise ABSENT
        return {"asset_info_array": self._rows, "assets": [], "delete_result_array": []}


def checks(refusals: Mapping[str, VodError], rows: object = ()) -> tuple[dict[str, Check], list[tuple[str, str]]]:
    """The checks by name, and the requests that were sent."""
    transport = FakeTransport(Account(refusals, rows))
    return {it.name: it for it in Permissions(transport, lambda: MADE_UP).checks()}, transport.sent


def test_all_is_well() -> None:
    """Every permission is tried with one call, and 'does not exist' means that it was let through."""
    found, sent = checks({})
    assert {it.result for it in found.values()} == {"ok"}
    assert set(found) == {"credentials", *ALL.values(), "quotas"}
    assert sorted(sent) == sorted(ALL)
    assert "VOD.10062" in found["vod:asset:createExtractAudioTask"].found
    assert "none of 8 calls" in found["quotas"].found


def test_the_update_would_set_nothing() -> None:
    """Even if there were such an asset, no field of it would change; all ask for the id that was made up."""
    account = Account({})
    list(Permissions(FakeTransport(account), lambda: MADE_UP).checks())
    asked = dict(account.bodies)
    assert asked["vod:asset:modifyInfo"] == {"asset_id": MADE_UP}
    assert all(body["asset_id"] in (MADE_UP, [MADE_UP]) for name, body in account.bodies if name != "vod:asset:list")


def test_each_run_makes_up_another_id() -> None:
    """The id is 32 hex digits by chance."""
    ids = []
    for _ in range(3):
        account = Account({})
        list(Permissions(FakeTransport(account)).checks())
        ids.append(dict(account.bodies)["vod:asset:delete"]["asset_id"])
    assert len(set(ids)) == 3
    assert all(len(it) == 32 and int(it, 16) >= 0 for it in ids)


@pytest.mark.parametrize(
    "rows", [({"asset_id": MADE_UP, "status": "CREATED"},), ({"asset_id": MADE_UP},), "nonsense", (1,)]
)
def test_nothing_is_tried_on_an_asset_that_may_exist(rows: object) -> None:
    """Unless VOD says that it has no such asset, no change is sent."""
    found, sent = checks({}, rows)
    assert not set(sent) & set(CHANGES)
    assert all(found[name].result == "warn" for name in CHANGES.values())


@pytest.mark.parametrize(
    ("status", "description"), [("NO_ASSET", ""), ("NOASSET", "no asset"), (" UNCREATED", "no asset")]
)
def test_an_absent_one_may_have_a_status_for_it(status: str, description: str) -> None:
    """A row of its own says so, in each spelling that public sources have."""
    found, _ = checks({}, ({"asset_id": MADE_UP, "status": status, "description": description},))
    assert {it.result for it in found.values()} == {"ok"}


@pytest.mark.parametrize("name", ALL.values())
@pytest.mark.parametrize("code", ["PAP5.0001", "VOD.10074", "VOD.10111", "VOD.10133", "APIG.0302", "APIGW.0302"])
def test_a_denial_is_a_missing_permission(name: str, code: str) -> None:
    """Just that one fails, with the action to be granted, and the credentials are good."""
    found, _ = checks({name: no(code, 403)})
    assert {it.name for it in found.values() if it.result == "fail"} == {name}
    assert "r9" in found[name].found
    assert "grant" in found[name].remedy
    assert found["credentials"].result == "ok"
    assert name in found[name].remedy
    assert ("vod:asset:update" in found[name].remedy) == (name == "vod:asset:modifyInfo")


@pytest.mark.parametrize("code", ["", "VOD.10051", "VOD.10052"])
def test_a_403_that_is_no_denial_proves_nothing(code: str) -> None:
    """A page of a proxy has no code, and an internal fault of VOD is about no permission."""
    found, _ = checks({"vod:asset:delete": no(code, 403)})
    assert found["vod:asset:delete"].result == "warn"
    assert ("proxy" in found["vod:asset:delete"].remedy) == (code == "")


@pytest.mark.parametrize("name", CHANGES.values())
def test_absence_may_come_as_403(name: str) -> None:
    """Some operations say VOD.10062 with 403: the code says more than the status."""
    found, _ = checks({name: no("VOD.10062", 403)})
    assert found[name].result == "ok"


def test_a_refusal_of_vod_itself_came_after_iam() -> None:
    """Where VOD dislikes the made up id's form, it was let through to look at it."""
    found, _ = checks({"vod:asset:delete": no("VOD.10053")})
    assert found["vod:asset:delete"].result == "ok"
    assert "as far as can be told" in found["vod:asset:delete"].found


@pytest.mark.parametrize(
    ("code", "status", "remedy"),
    [
        ("APIG.0301", 401, "credentials"),
        ("", 401, "credentials"),
        ("VOD.10054", 403, "clock"),
        ("VOD.10055", 403, "real-name"),
        ("VOD.10056", 403, "arrears"),
        ("VOD.10057", 403, "vod:projectId"),
        ("VOD.10120", 403, ""),
        ("VOD.10132", 403, ""),
        ("APIGW.0301", 401, "credentials"),
    ],
)
def test_who_is_not_let_in_at_all(code: str, status: int, remedy: str) -> None:
    """Wrong credentials, account or project: one failure with its remedy, and nothing else is tried."""
    found, sent = checks({"vod:asset:getInfo": no(code, status)})
    assert [it.name for it in found.values() if it.result == "fail"] == ["credentials"]
    assert remedy in found["credentials"].remedy
    assert sent == [("GET", "/asset/info")]
    assert "not tried" in found["vod:asset:delete"].found


def test_the_documented_policy_has_what_is_probed() -> None:
    """The page 'The least permissions' lists every action, in its table and in its policy."""
    page = Path(__file__).parents[2].joinpath("docs/permissions.md").read_text(encoding="utf-8")
    policy = json.loads(page.partition("```json")[2].partition("```")[0])
    assert policy["Statement"][0]["Action"] == list(ACTIONS)
    assert [line.split("`")[1] for line in page.splitlines() if line.startswith("| `vod:asset:")] == list(ACTIONS)


def test_the_remedy_names_the_settings_of_the_account() -> None:
    """For another account than the stack's own, they stand below its name."""
    transport = FakeTransport(Account({"vod:asset:getInfo": no("APIG.0301", 401)}))
    (credentials, *_) = Permissions(transport, lambda: MADE_UP, "archive").checks()
    assert "vod:accounts.archive.accessKey, vod:accounts.archive.secretKey" in credentials.remedy


def test_used_up_quotas_are_told_by_operation() -> None:
    """429 says nothing of the permission, and is a warning with what to do."""
    found, _ = checks({name: no("APIG.0308", 429) for name in ("vod:asset:list", "vod:asset:delete")})
    assert found["vod:asset:list"].result == found["vod:asset:delete"].result == "warn"
    assert found["quotas"].result == "warn"
    assert "for list, delete" in found["quotas"].found
    assert "vod:quotas" in found["quotas"].remedy


@pytest.mark.parametrize(
    "error", [LostAnswerError("x", "503"), UnreachableError("x", "https://vod", "no route to host")]
)
def test_without_an_answer_nothing_is_claimed(error: VodError) -> None:
    """Credentials are neither good nor bad then, and the other calls would wait as long."""
    found, sent = checks({"vod:asset:getInfo": error})
    assert {it.result for it in found.values()} == {"warn"}
    assert len(sent) == 1


def test_a_gateway_without_this_api_proves_nothing() -> None:
    """The gateway answers 404 before it looks who asks."""
    found, _ = checks({"vod:asset:getInfo": no("APIG.0101", 404)})
    assert found["credentials"].result == "warn"
    assert found["vod:asset:getInfo"].result == "warn"
