"""What the credentials may do, found out by calls that can change nothing.

IAM is asked before VOD looks for the asset. So a change to an asset that does not exist tells the two apart: 'does
not exist' (VOD.10062), or any other word of VOD itself on the request, means that it was let through; 403 with
another code means that it was not. The asset's id is made up anew, 128 bits by chance, and VOD is asked first
whether it has it; if it does, no change is tried. The update names no field, so there is nothing that it would set.

IAM actions: the API reference, 'Permissions and Supported Actions'. None is listed for cancelling an extraction.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from vod_provider.cli.checks import Check, not_tried
from vod_provider.vod.assets import ABSENT
from vod_provider.vod.errors import (
    REMEDIES,
    AnswerError,
    CredentialsError,
    LostAnswerError,
    NotFoundError,
    ThrottledError,
    UnreachableError,
    VodError,
)
from vod_provider.vod.transport import Answer

ACCOUNT = frozenset({"VOD.10054", "VOD.10055", "VOD.10056", "VOD.10057", "APIG.0301"})
"""Codes that say that the caller is not let in at all, whatever it asks for."""
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
    name: str
    action: str
    send: Callable[[Sends, str], Answer]


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
        "cancel an extraction",
        "",
        lambda to, it: to.send(DOING, "DELETE", "/asset/extract_audio", query=[("asset_id", it)]),
    ),
    _Probe("update", "vod:asset:update", lambda to, it: to.send(DOING, "PUT", "/asset/info", body={"asset_id": it})),
    _Probe("delete", "vod:asset:delete", lambda to, it: to.send(DOING, "DELETE", "/asset", query=[("asset_id", it)])),
)
QUOTA = "the quota is shared by all clients of the tenant: try again in a minute, or have it raised and set vod:quotas"


class Permissions:
    """The checks of credentials, permissions and quotas, over one transport."""

    def __init__(self, to: Sends, new_id: Callable[[], str] = lambda: uuid.uuid4().hex) -> None:
        self._to, self._id = to, new_id()
        self._throttled: list[str] = []
        self._answered = 0

    def checks(self) -> Iterator[Check]:
        """Credentials, then each permission, then what became of the quotas."""
        error, exists = self._ask()
        yield _credentials(error)
        refused = isinstance(error, CredentialsError) and _is_account(error)
        if refused or isinstance(error, UnreachableError | LostAnswerError):
            why = "the credentials are not accepted" if refused else "VOD does not answer"
            yield from (not_tried(_named(probe), why) for probe in (_ASK, *_PROBES))
            return
        yield self._judged(_ASK, error)
        for probe in _PROBES:
            if exists and probe.name != "list":
                yield not_tried(_named(probe), f"VOD does not say that it has no asset {self._id}")
            else:
                yield self._judged(probe, self._error(probe))
        yield self._quotas()

    def _ask(self) -> tuple[VodError | None, bool]:
        """What VOD says when asked for the asset, and whether it exists."""
        try:
            rows = _ASK.send(self._to, self._id).body.get("asset_info_array", [])
        except VodError as error:
            return error, False
        absent = isinstance(rows, list) and all(isinstance(row, dict) and row.get("status") == ABSENT for row in rows)
        return None, not absent

    def _error(self, probe: _Probe) -> VodError | None:
        try:
            probe.send(self._to, self._id)
        except VodError as error:
            return error
        return None

    def _judged(self, probe: _Probe, error: VodError | None) -> Check:
        name = _named(probe)
        self._answered += error is None or isinstance(error, AnswerError)
        if isinstance(error, ThrottledError):
            self._throttled.append(probe.name)
            return Check(name, "warn", f"not to be told: {_answer(error)}", QUOTA)
        if error is None:
            return Check(name, "ok", "allowed")
        if isinstance(error, NotFoundError):
            return Check(name, "ok", f"allowed: VOD has looked for the asset ({error.code})")
        if isinstance(error, CredentialsError):
            what = f"grant {probe.action} to the IAM user" if probe.action else "grant it to the IAM user"
            return Check(name, "fail", f"not allowed: {_answer(error)}", f"{what}, in this region's project")
        if isinstance(error, AnswerError) and error.code.startswith("VOD."):
            return Check(name, "ok", f"allowed, as far as can be told: {_answer(error)}")
        return Check(name, "warn", f"not to be told: {_answer(error)}", "try again later")

    def _quotas(self) -> Check:
        if self._throttled:
            return Check("quotas", "warn", f"used up (429) for {', '.join(self._throttled)}", QUOTA)
        return Check("quotas", "ok", f"none of {self._answered} calls was refused (429)")


def _credentials(error: VodError | None) -> Check:
    if isinstance(error, CredentialsError) and _is_account(error):
        remedy = REMEDIES.get(error.code, REMEDIES["APIG.0301"])
        return Check("credentials", "fail", f"not accepted: {_answer(error)}", remedy)
    # What VOD itself says, or IAM of a permission, is said after the caller was let in; the gateway's rest is not.
    if error is None or isinstance(error, CredentialsError) or getattr(error, "code", "").startswith("VOD."):
        return Check("credentials", "ok", "accepted")
    return Check("credentials", "warn", f"not to be told: {_answer(error)}", "try again later")


def _is_account(error: CredentialsError) -> bool:
    return error.status == 401 or error.code in ACCOUNT


def _named(probe: _Probe) -> str:
    return probe.action or probe.name


def _answer(error: VodError) -> str:
    if not isinstance(error, AnswerError):
        return str(error).removeprefix(f"{DOING}: ")
    asked = f" (request {error.request_id})" if error.request_id else ""
    return " ".join(part for part in (str(error.status), error.code, error.message) if part) + asked
