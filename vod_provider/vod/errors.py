"""What can go wrong between us and VOD.

    VodError
    ├── AnswerError            VOD (or its gateway) said no: status, code, message, request id
    │   ├── NotFoundError      the asset does not exist
    │   ├── StateError         the asset is not in a state that allows it
    │   ├── ForeignAnswerError  something other than VOD has answered: a proxy or a portal
    │   ├── InternalError      a fault inside VOD, which may have done what was asked
    │   ├── CredentialsError   signature, key, token, permission or account
    │   └── ThrottledError     a quota is used up; nothing was done
    ├── UnreachableError       the request never got there; nothing was done
    ├── LostAnswerError        the request may have been carried out, and we do not know
    ├── StoppedError           the user or the engine asked us to stop waiting
    ├── DeadlineError          the resource's own time is up
    │   └── QuotaError         the quota left no time to send it, or refused it every time; nothing was done
    ├── ExtractionError        VOD could not extract it, or what is there is not what was asked for
    ├── AmbiguousError         several audios could be the one whose answer was lost
    ├── EarlyEndError          a wait that ended early, with what was being done
    ├── QueryError             a question that would find nothing, since an argument cannot be
    ├── GoneError              an audio that is held is not there, with what to do about it
    └── UnfinishedError        VOD has accepted, and the audio is not as asked for yet

Every text is one line: what was being done to which asset, what came back, what to do next.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vod_provider.text import printable

if TYPE_CHECKING:
    from vod_provider.vod.assets import Asset

NOT_FOUND, THROTTLED = 404, 429
MANY_ATTEMPTS = 1000
"""Of an error that may pass: as often as anything is sent."""
_CODE_LENGTH, _MESSAGE_LENGTH, _ID_LENGTH = 64, 300, 128
_DENIED = "give the user this permission: docs/permissions.md has the least policy"
_AGAIN = "an internal error of VOD: try again later, and give Huawei the request id if it stays"
# What to do about a code. Sources: the API reference's error codes; 'APIG' codes are the gateway's, also with 'APIGW'.
REMEDIES = {
    "VOD.10051": _AGAIN,
    "VOD.10052": _AGAIN,
    "VOD.10053": "check the properties",
    "VOD.10054": "check the credentials (vod:accessKey, vod:secretKey or vod:token) and this machine's clock",
    "VOD.10055": "complete the account's real-name verification",
    "VOD.10056": "the account is frozen or in arrears: check it in the console",
    "VOD.10057": "check vod:projectId: it has to be this account's project in this region",
    "VOD.10058": "check vod:endpoint: something else seems to answer there",
    "VOD.10059": "check vod:endpoint: something else seems to answer there",
    "VOD.10060": "wait until the asset is downloaded, or publish it",
    "VOD.10061": "the asset is not in a state that allows this yet",
    "VOD.10062": "check the asset id, the project and the region",
    "VOD.10063": "audio can be extracted from videos only",
    "VOD.10074": _DENIED,
    "VOD.10081": "check the properties",
    "VOD.10083": "the asset is not in a state that allows this",
    "VOD.10084": "try again, and look at the asset in the console",
    "VOD.10111": _DENIED,
    "VOD.10120": "the account is in arrears: check it in the console",
    "VOD.10126": "upload the video again",
    "VOD.10132": "the account is frozen or cancelled: check it in the console",
    "VOD.10133": _DENIED,
    "VOD.10137": "publish fewer assets at once",
    "VOD.10138": "try again, and give Huawei the request id if it stays",
    "APIG.0301": "check the credentials (vod:accessKey, vod:secretKey or vod:token) and this machine's clock",
    "APIG.0302": _DENIED,
    "APIG.0308": "the quota is shared by all clients of the tenant: try again in a minute",
}


def canonical(code: str) -> str:
    """The code as the tables here have it: the gateway's begin with 'APIG.' or 'APIGW.', which mean the same."""
    return code.replace("APIGW.", "APIG.", 1) if code.startswith("APIGW.") else code


def is_documented(code: str) -> bool:
    """Whether it is known what this code says, whatever the HTTP status that it comes with."""
    return canonical(code) in REMEDIES


_OF_ACCOUNT = re.compile(r"\bvod:(?=(accessKey|secretKey|securityToken|token|projectId|region|endpoint)\b)")


def of_account(remedy: str, account: str | None) -> str:
    """A remedy with the settings of another account than the stack's own, which stand below its name."""
    return remedy if account is None else _OF_ACCOUNT.sub(f"vod:accounts.{account}.", remedy)


class VodError(Exception):
    """Anything that this package raises on purpose. Its text is one line, whatever VOD has put into it."""

    def __init__(self, text: str = "") -> None:
        super().__init__(printable(text))


class AnswerError(VodError):
    """VOD answered with an error: it has not done what was asked.

    `status` is the HTTP status, `code` VOD's or the gateway's code ('' where the answer had none).
    """

    def __init__(
        self,
        doing: str,
        *,
        status: int,
        code: str,
        message: str,
        request_id: str,
        account: str | None = None,
        hint: str = "",
    ) -> None:
        self.doing, self.status, self.code = doing, status, printable(code, _CODE_LENGTH)
        self.request_id, self.message = printable(request_id, _ID_LENGTH), printable(message, _MESSAGE_LENGTH)
        said = " ".join(part for part in (str(status), self.code, self.message and f'"{self.message}"') if part)
        asked = f" (request {self.request_id})" if self.request_id else ""
        foreign = isinstance(self, ForeignAnswerError)
        remedy = f"; {_remedy(status, canonical(self.code), hint if foreign else '')}".removesuffix("; ")
        who = "something other than VOD" if foreign else "VOD"
        super().__init__(f"{doing}: {who} answered {said}{asked}{of_account(remedy, account)}")


def _remedy(status: int, code: str, hint: str) -> str:
    if code in REMEDIES:
        return REMEDIES[code]
    return hint or ("check vod:endpoint" if status == NOT_FOUND else "")


class ForeignAnswerError(AnswerError):
    """An answer without a code of VOD or its gateway: a proxy's or a portal's, perhaps in place of VOD's own."""


class InternalError(AnswerError):
    """A fault inside VOD (VOD.10051, VOD.10052). What was asked may have been done."""


class NotFoundError(AnswerError):
    """The asset does not exist (VOD.10062)."""


class StateError(AnswerError):
    """The asset's state does not allow the operation (VOD.10061, VOD.10083)."""


class CredentialsError(AnswerError):
    """The request was not accepted as coming from somebody who may do this."""


class ThrottledError(AnswerError):
    """A quota is used up (429). The gateway refuses before VOD sees the request."""


class UnreachableError(VodError):
    """No connection came about: name, address, proxy, TLS. The request was never sent.

    `attempts` is how often it makes sense to try in all. `hint` says what to do.
    """

    def __init__(
        self,
        doing: str,
        endpoint: str,
        why: str,
        *,
        hint: str = "check vod:endpoint, vod:region and the network",
        attempts: int = MANY_ATTEMPTS,
    ) -> None:
        super().__init__(f"{doing}: {endpoint} cannot be reached ({why}); {hint}")
        self.attempts = attempts


class LostAnswerError(VodError):
    """The request was sent, and no answer came that says whether it was carried out."""

    def __init__(self, doing: str, why: str, request_id: str = "") -> None:
        asked = f" (request {printable(request_id, _ID_LENGTH)})" if request_id else ""
        super().__init__(f"{doing}: VOD's answer was lost ({why}){asked}; it may have been carried out")


class StoppedError(VodError):
    """Somebody asked us to stop waiting: Ctrl-C, or the engine is gone.

    `sent`: False where it is known that the request that was waited for had not been sent, and never will be.
    """

    sent: bool = True

    def __init__(self) -> None:
        super().__init__("stopped before it was done")


class DeadlineError(VodError):
    """The time that the resource was given is over. `sent` as of StoppedError."""

    sent: bool = True

    def __init__(self, seconds: float) -> None:
        super().__init__(f"not done within {seconds:g} s (custom_timeouts)")


class QuotaError(DeadlineError):
    """The deadline came while a quota (`name`, `per_minute` calls) kept the request from VOD: nothing was done.

    `refused`: VOD's gateway refused it every time with 429; else its turn had not come on this side.
    """

    sent = False

    def __init__(self, name: str, per_minute: int, seconds: float, *, refused: bool) -> None:
        quota = f"VOD's quota ({name}, {per_minute} a minute)"
        if refused:
            text = f"{quota} refused every request within {seconds:g} s, so VOD has accepted nothing"
        else:
            text = f"{quota} was used up for {seconds:g} s, so VOD was not asked"
        VodError.__init__(self, text)


class ExtractionError(VodError):
    """VOD could not extract the audio, or what is there is not what was asked for."""


class AmbiguousError(VodError):
    """Several audios could be the one whose answer was lost, and guessing might take somebody else's."""


class EarlyEndError(VodError):
    """A wait that ended early, with what was being done."""


class GoneError(VodError):
    """An audio that is held is not there, with what to do about it."""


class UnfinishedError(VodError):
    """VOD has accepted, but the audio is not as asked for yet. `asset` is what is known of it."""

    def __init__(self, asset: Asset, why: str) -> None:
        super().__init__(why)
        self.asset = asset


_BY_CODE: dict[str, type[AnswerError]] = {
    "VOD.10051": InternalError,
    "VOD.10052": InternalError,
    "VOD.10062": NotFoundError,
    "VOD.10061": StateError,
    "VOD.10083": StateError,
    "VOD.10054": CredentialsError,
    "VOD.10055": CredentialsError,
    "VOD.10056": CredentialsError,
    "VOD.10057": CredentialsError,
    "VOD.10074": CredentialsError,
    "VOD.10111": CredentialsError,
    "VOD.10120": CredentialsError,
    "VOD.10132": CredentialsError,
    "VOD.10133": CredentialsError,
    "APIG.0308": ThrottledError,
}
_BY_STATUS: dict[int, type[AnswerError]] = {401: CredentialsError, 403: CredentialsError, 429: ThrottledError}


def of_answer(
    doing: str,
    *,
    status: int,
    code: str,
    message: str,
    request_id: str,
    account: str | None = None,
    hint: str = "",
    is_page: bool = False,
) -> AnswerError:
    """The error for an answer that refuses. A code says more than a status, so it decides first.

    `hint` is what to do about an answer that is not VOD's; `is_page`: its body is no JSON object. A 404 without a code
    is taken for VOD's word on an asset only where it has a request id, and is no page: Huawei's own Terraform provider
    meets it, but so does whoever asks a wrong address.
    """
    known = canonical(code)
    if known in _BY_CODE:
        kind = _BY_CODE[known]
    elif status == NOT_FOUND and (known.startswith("VOD.") or (not known and request_id and not is_page)):
        kind = NotFoundError
    elif not known and status != THROTTLED:
        kind, hint = ForeignAnswerError, hint or "check vod:endpoint, and whether a proxy or a portal is in between"
    elif known.startswith("VOD."):
        kind = AnswerError
    else:
        kind = _BY_STATUS.get(status, AnswerError)
    return kind(doing, status=status, code=code, message=message, request_id=request_id, account=account, hint=hint)


class QueryError(VodError):
    """A question that would find nothing, since an argument cannot be."""
