"""What the credentials may do, found out by calls that can change nothing and cost nothing.

IAM is asked before VOD looks for the asset. So a change to an asset that does not exist tells the two apart: 'does
not exist' (VOD.10062), or any other word of VOD itself on the request, means that it was let through; a code of DENIED,
or 403 with a code that is not VOD's, means that it was not. The asset's id is made up anew, 128 bits by chance, and VOD
is asked first whether it has it; if it does, no change is tried. The update names no field, so there is nothing that it
would set.

That IAM is asked first is inferred: see docs/cloud.md, 'What is known of the cloud'. IAM actions and codes: the API
reference, 'Permissions and Supported Actions' and 'Error Codes'.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from vod_provider.cli.checks import Check, not_tried
from vod_provider.vod.assets import ABSENT, status_of
from vod_provider.vod.errors import (
    REMEDIES,
    AnswerError,
    InternalError,
    LostAnswerError,
    NotFoundError,
    ThrottledError,
    UnreachableError,
    VodError,
    canonical,
    of_account,
)
from vod_provider.vod.transport import Answer

ACCOUNT = frozenset(
    {
        "VOD.10054",
        "VOD.10055",
        "VOD.10056",
        "VOD.10057",
        "VOD.10120",  # in arrears
        "VOD.10132",  # frozen or cancelled
        "APIG.0301",
    }
)
"""Codes that say that the caller is not let in at all, whatever it asks for."""
DENIED = frozenset({"VOD.10074", "VOD.10111", "VOD.10133", "APIG.0302"})
"""Codes that say that the caller may not do this."""
DOING = "checking permissions"


class Sends(Protocol):
    """`Transport`, as far as it is needed here."""

    def send(
        self,
        doing: str,
        method: str,
        path: str,
        *,
        query: list[tuple[str, str]] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> Answer: ...


@dataclass(frozen=True)
class _Probe:
    """`action` is IAM's, `also` the one that old-style policies may want beside it."""

    name: str
    action: str
    send: Callable[[Sends, str], Answer]
    also: str = ""


_ASK = _Probe(
    "query", "vod:asset:getInfo", lambda to, it: to.send(DOING, "GET", "/asset/info", query=[("asset_id", it)])
)
_PROBES = (
    _Probe("list", "vod:asset:list", lambda to, _: to.send(DOING, "GET", "/asset/list", query=[("size", "1")])),
    _Probe(
        "extract",
        "vod:asset:createExtractAudioTask",
        lambda to, it: to.send(
            DOING, "POST", "/asset/extract_audio", body={"asset_id": it, "parameter": {"format": "MP3"}}
        ),
    ),
    _Probe(
        "cancel",
        "vod:asset:stopExtractAudioTask",
        lambda to, it: to.send(DOING, "DELETE", "/asset/extract_audio", query=[("asset_id", it)]),
    ),
    _Probe(
        "update",
        "vod:asset:modifyInfo",
        lambda to, it: to.send(DOING, "PUT", "/asset/info", body={"asset_id": it}),
        also="vod:asset:update",
    ),
    _Probe(
        "publish",
        "vod:asset:publish",
        lambda to, it: to.send(DOING, "POST", "/asset/status/publish", body={"asset_id": [it]}),
    ),
    _Probe(
        "unpublish",
        "vod:asset:unpublish",
        lambda to, it: to.send(DOING, "POST", "/asset/status/unpublish", body={"asset_id": [it]}),
    ),
    _Probe("delete", "vod:asset:delete", lambda to, it: to.send(DOING, "DELETE", "/asset", query=[("asset_id", it)])),
)
ACTIONS = tuple(action for probe in (_ASK, *_PROBES) for action in (probe.action, probe.also) if action)
"""The IAM actions of a least policy, as the documentation lists them."""
QUOTA = "the quota is shared by all clients of the tenant: try again in a minute, or have it raised and set vod:quotas"


class Permissions:
    """The checks of credentials, permissions and quotas, over one transport."""

    def __init__(
        self, to: Sends, new_id: Callable[[], str] = lambda: uuid.uuid4().hex, account: str | None = None
    ) -> None:
        self._to, self._id, self._account = to, new_id(), account
        self._throttled: list[str] = []
        self._answered = 0

    def checks(self) -> Iterator[Check]:
        """Credentials, then each permission, then what became of the quotas."""
        error, exists = self._ask()
        yield _credentials(error, self._account)
        refused = isinstance(error, AnswerError) and _is_account(error)
        if refused or isinstance(error, UnreachableError | LostAnswerError):
            why = "the credentials are not accepted" if refused else "VOD does not answer"
            yield from (not_tried(probe.action, why) for probe in (_ASK, *_PROBES))
            return
        yield self._judged(_ASK, error)
        for probe in _PROBES:
            if exists and probe.name != "list":
                yield not_tried(probe.action, f"VOD does not say that it has no asset {self._id}")
            else:
                yield self._judged(probe, self._error(probe))
        yield self._quotas()

    def _ask(self) -> tuple[VodError | None, bool]:
        """What VOD says when asked for the asset, and whether it exists."""
        try:
            rows = _ASK.send(self._to, self._id).body.get("asset_info_array", [])
        except VodError as error:
            return error, False
        return None, not (isinstance(rows, list) and all(map(_says_absent, rows)))

    def _error(self, probe: _Probe) -> VodError | None:
        try:
            probe.send(self._to, self._id)
        except VodError as error:
            return error
        return None

    def _judged(self, probe: _Probe, error: VodError | None) -> Check:
        name = probe.action
        self._answered += error is None or isinstance(error, AnswerError)
        if isinstance(error, ThrottledError):
            self._throttled.append(probe.name)
            return Check(name, "warn", f"unknown: {_answer(error)}", QUOTA)
        if error is None:
            return Check(name, "ok", "allowed")
        if isinstance(error, NotFoundError):
            return Check(name, "ok", f"allowed: VOD has looked for the asset ({error.code})")
        if isinstance(error, AnswerError) and _is_denied(error):
            also = f" (and {probe.also}, which old-style policies may want)" if probe.also else ""
            remedy = f"grant {probe.action}{also} to the IAM user, in this region's project"
            return Check(name, "fail", f"denied: {_answer(error)}", remedy)
        if isinstance(error, AnswerError) and error.code.startswith("VOD.") and not isinstance(error, InternalError):
            return Check(name, "ok", f"allowed, as far as can be told: {_answer(error)}")
        return Check(name, "warn", f"unknown: {_answer(error)}", _unknown(error))

    def _quotas(self) -> Check:
        if self._throttled:
            return Check("quotas", "warn", f"used up (429) for {', '.join(self._throttled)}", QUOTA)
        return Check("quotas", "ok", f"none of {self._answered} calls was refused (429)")


def _says_absent(row: object) -> bool:
    """Whether a row of an answer says that there is no such asset, in any of the ways that are known."""
    if not isinstance(row, dict):
        return False
    return status_of(str(row.get("status", "")), str(row.get("description", ""))) == ABSENT


def _credentials(error: VodError | None, account: str | None) -> Check:
    if isinstance(error, AnswerError) and _is_account(error):
        remedy = REMEDIES.get(canonical(error.code), REMEDIES["APIG.0301"])
        return Check("credentials", "fail", f"not accepted: {_answer(error)}", of_account(remedy, account))
    # What VOD itself says, or IAM of a permission, is said after the caller was let in; the gateway's rest is not.
    if error is None or (isinstance(error, AnswerError) and (_is_denied(error) or error.code.startswith("VOD."))):
        return Check("credentials", "ok", "accepted")
    return Check("credentials", "warn", f"unknown: {_answer(error)}", _unknown(error))


def _is_account(error: AnswerError) -> bool:
    return error.status == 401 or canonical(error.code) in ACCOUNT


def _is_denied(error: AnswerError) -> bool:
    """Whether it is a word of IAM; its own codes, as PAP5.0001, come with 403."""
    code = canonical(error.code)
    return code in DENIED or (
        error.status == 403 and code != "" and not code.startswith("VOD.") and code not in ACCOUNT
    )


def _unknown(error: VodError) -> str:
    if isinstance(error, AnswerError) and not error.code:
        return "the answer has no code of VOD or its gateway: is a proxy or a portal in between?"
    return "try again later"


def _answer(error: VodError) -> str:
    if not isinstance(error, AnswerError):
        return str(error).removeprefix(f"{DOING}: ")
    asked = f" (request {error.request_id})" if error.request_id else ""
    return " ".join(part for part in (str(error.status), error.code, error.message) if part) + asked
