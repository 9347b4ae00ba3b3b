"""What VOD and the API gateway before it say when they refuse, and what else can go wrong in the service; leaf.

    VodError               a refusal, as it goes over the wire
    FolderInUseError       another service runs on the data folder
    FolderNotOursError     the data folder holds files of somebody else
    FetchError             a file could not be had from its address
    JobFailedError         work on a file ended without a result
    ValueError             what somebody has asked of the service beside VOD's API
    ├── SettingsError      a setting
    ├── DialectError       a dialect
    └── FaultError         a fault that is to be injected

Codes, messages and HTTP statuses: the error table of the API reference. Where a code is answered with
different statuses by different operations, the one who raises says which.
"""

from __future__ import annotations

from collections.abc import Mapping

DOCUMENTED: Mapping[str, tuple[int, str]] = {
    "VOD.10051": (403, "Internal system error."),
    "VOD.10052": (403, "The internal communication of the service is abnormal."),
    "VOD.10053": (400, "The request parameter is illegal."),
    "VOD.10054": (403, "Identity authentication failed."),
    "VOD.10055": (403, "The user is not authenticated by real name."),
    "VOD.10056": (403, "The user is in an abnormal state."),
    "VOD.10057": (403, "Tenant ID verification failed."),
    "VOD.10058": (403, "The request method is incorrect."),
    "VOD.10059": (403, "The requested content type is incorrect."),
    "VOD.10060": (403, "Media asset is not downloaded successfully or not released, please check."),
    "VOD.10061": (403, "The operation failed, and the current media asset status is not allowed to be updated."),
    "VOD.10062": (400, "Media asset or resource does not exist, please check."),
    "VOD.10063": (403, "Media asset type is not supported at this time."),
    "VOD.10074": (403, "The user has no permission for this operation."),
    "VOD.10081": (400, "The request parameters are illegal, please check."),
    "VOD.10083": (400, "The current media asset status does not support this operation."),
    "VOD.10084": (403, "The media asset could not be published."),
    "VOD.10111": (403, "The user has no permission for this resource."),
    "VOD.10120": (403, "The account is in arrears."),
    "VOD.10126": (403, "The current media asset status does not allow an upload to be confirmed."),
    "VOD.10132": (403, "The account is frozen or cancelled."),
    "VOD.10133": (403, "The policy of the user does not allow this operation."),
    "VOD.10137": (403, "The number of media assets to be published exceeds the limit."),
    "VOD.10138": (403, "The operation failed, please check."),
    "APIGW.0101": (404, "The API does not exist or has not been published in the environment."),
    "APIGW.0201": (413, "Request entity too large"),
    "APIGW.0301": (401, "Incorrect IAM authentication information"),
    "APIGW.0302": (403, "The IAM user is not authorized to access the API."),
    "APIGW.0308": (429, "The throttling threshold has been reached"),
}
"""The documented codes with HTTP status and message: what an injected error says that names only the code.

Messages from VOD.10074 on, but for 10081, are in words of ours: the codes and their meanings are documented.
"""


class VodError(Exception):
    """A refusal as it goes over the wire.

    `status` is the HTTP status, `code` and `message` are `error_code` and `error_msg` of the answer.
    `why` says more to the reader of the log; the cloud tells no more than the message, so neither do we.
    """

    def __init__(self, status: int, code: str, message: str, why: str = "") -> None:
        super().__init__(f"{code} {message}" + (f" ({why})" if why else ""))
        self.status = status
        self.code = code
        self.message = message
        self.why = why


def illegal_field(field: str, why: str) -> VodError:
    """A field that is missing, unknown, of a wrong type or out of its limits."""
    message = f"The request parameter is illegal, illegal field: {{{field}}}."
    return VodError(400, "VOD.10053", message, why)


def illegal_request(why: str) -> VodError:
    """A request that is wrong as a whole, such as a body that is no JSON object."""
    return VodError(400, "VOD.10081", "The request parameters are illegal, please check.", why)


def no_such_asset(asset_id: str, status: int = 400) -> VodError:
    """An asset that this project does not have; 400 or 403, by operation."""
    message = "Media asset or resource does not exist, please check."
    return VodError(status, "VOD.10062", message, asset_id)


def not_confirmable(why: str) -> VodError:
    """An asset that does not wait for the confirmation of an upload."""
    return VodError(403, "VOD.10126", DOCUMENTED["VOD.10126"][1], why)


def unsupported_type(why: str) -> VodError:
    """A kind of media that an operation does not take: the page on extraction has no other status than 400."""
    return VodError(400, "VOD.10063", DOCUMENTED["VOD.10063"][1], why)


def not_updatable(why: str) -> VodError:
    """An asset whose status does not let it be changed."""
    message = "The operation failed, and the current media asset status is not allowed to be updated."
    return VodError(403, "VOD.10061", message, why)


def unsupported_status(why: str) -> VodError:
    """An asset whose status does not support what was asked. The message's wording is inferred."""
    message = "The current media asset status does not support this operation."
    return VodError(400, "VOD.10083", message, why)


def internal(why: str) -> VodError:
    """A fault of the service itself, such as a full disk."""
    return VodError(403, "VOD.10051", "Internal system error.", why)


def wrong_tenant(project: str) -> VodError:
    """A project in the path that the credentials do not belong to."""
    return VodError(403, "VOD.10057", "Tenant ID verification failed.", project)


def wrong_content_type(content_type: str) -> VodError:
    """A body that is not announced as JSON."""
    return VodError(403, "VOD.10059", "The requested content type is incorrect.", content_type)


def unauthenticated(why: str) -> VodError:
    """Credentials that the gateway does not accept; it says why, as in the cloud."""
    return VodError(401, "APIGW.0301", f"Incorrect IAM authentication information: {why}")


def no_such_api(method: str, path: str) -> VodError:
    """A path or method that is no operation of this API."""
    message = "The API does not exist or has not been published in the environment."
    return VodError(404, "APIGW.0101", message, f"{method} {path}")


def throttled(limit: int) -> VodError:
    """More calls within a minute than the quota allows."""
    message = f"The throttling threshold has been reached: policy user over ratelimit,limit:{limit},time:1 minute"
    return VodError(429, "APIGW.0308", message)


class FolderInUseError(Exception):
    """Another service runs on that data folder."""


class FolderNotOursError(Exception):
    """The folder holds files of somebody else, or a link where a folder or file of ours should be."""


class DialectError(ValueError):
    """A dialect that does not exist, or a value that it does not have; the text names the known ones."""


class FaultError(ValueError):
    """A fault that makes no sense; the text names the field."""


class SettingsError(ValueError):
    """A setting that is unknown, ill-typed or out of its limits; the text names it."""


class FetchError(Exception):
    """The file could not be had; the text says why."""


class JobFailedError(Exception):
    """The job ended without a result; the text says why."""
