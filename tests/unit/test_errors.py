"""What an error says."""

from __future__ import annotations

import pytest

from vod_provider.vod import errors, retries
from vod_provider.vod.assets import Asset
from vod_provider.vod.errors import LostAnswerError, UnreachableError, of_account, of_answer

KINDS = [
    (400, "VOD.10062", errors.NotFoundError),
    (403, "VOD.10062", errors.NotFoundError),
    (400, "VOD.10083", errors.StateError),
    (403, "VOD.10061", errors.StateError),
    (400, "VOD.10053", errors.AnswerError),
    (401, "APIG.0301", errors.CredentialsError),
    (403, "VOD.10054", errors.CredentialsError),
    (403, "", errors.ForeignAnswerError),
    (401, "", errors.ForeignAnswerError),
    (401, "APIGW.0301", errors.CredentialsError),
    (403, "APIGW.0302", errors.CredentialsError),
    (429, "APIGW.0308", errors.ThrottledError),
    (403, "VOD.10052", errors.InternalError),
    (403, "VOD.10074", errors.CredentialsError),
    (403, "VOD.10120", errors.CredentialsError),
    (400, "VOD.10063", errors.AnswerError),
    (429, "APIG.0308", errors.ThrottledError),
    (429, "", errors.ThrottledError),
    (403, "VOD.10051", errors.InternalError),
]


@pytest.mark.parametrize(("status", "code", "kind"), KINDS)
def test_the_code_decides_before_the_status(status: int, code: str, kind: type) -> None:
    """VOD answers some codes with several statuses; the code says what is meant."""
    assert type(of_answer("doing", status=status, code=code, message="", request_id="")) is kind


def test_an_answer_is_one_line_with_all_that_helps() -> None:
    """What was done, status, code, message, request id and a remedy, whatever VOD puts into its message."""
    error = of_answer("extracting", status=400, code="VOD.10062", message="no\nsuch  asset", request_id="abc")
    assert str(error) == (
        'extracting: VOD answered 400 VOD.10062 "no such asset" (request abc); check the asset id, the project and the'
        " region"
    )


def test_every_error_is_one_line() -> None:
    """Whatever VOD, a title or another error brings along."""
    for error in (
        errors.VodError("two\nlines"),
        LostAnswerError("extracting", "two\r\nlines", "abc"),
        UnreachableError("extracting", "https://vod", "two\nlines"),
        errors.ExtractionError("failed: two\n\tlines"),
        errors.UnfinishedError(Asset("a", "CREATING"), "two\nlines"),
        of_answer("extracting", status=400, code="VOD\n1", message="two\nlines", request_id="a\nb"),
    ):
        assert str(error).splitlines() == [" ".join(str(error).split())]
        assert "lines" in str(error)


def test_an_error_without_a_code_is_as_plain_as_it_came() -> None:
    """No code, no message, no request id: no empty brackets and quotes; and it was not VOD that answered."""
    proxy = "check vod:endpoint, and whether a proxy or a portal is in between"
    assert (
        str(of_answer("asking", status=405, code="", message="", request_id=""))
        == "asking: something other than VOD answered 405; " + proxy
    )
    nowhere = of_answer("asking", status=404, code="", message="", request_id="")
    assert str(nowhere) == "asking: something other than VOD answered 404; " + proxy


HOSTILE = "\x1b]0;owned\x07\x1b[31mred\x9b2J\u202eevil\u2066\r\nnext\ud800" + "x" * 100_000


@pytest.mark.parametrize("field", ["code", "message", "request_id"])
def test_vods_words_cannot_do_anything_to_a_terminal(field: str) -> None:
    """No escape sequence, no mark that turns the direction, no second line, no megabytes."""
    for prefix in ("", "VOD.", "VOD.10051"):
        given = {"code": prefix, "message": "", "request_id": ""}
        given[field] += HOSTILE
        error = of_answer(
            "doing", status=400, code=given["code"], message=given["message"], request_id=given["request_id"]
        )
        text = str(error)
        assert text.isprintable()
        assert len(text) < 1200
        text.encode()


def test_a_message_without_end_is_cut() -> None:
    """A page of HTML in a message does not fill the terminal."""
    assert len(str(of_answer("asking", status=400, code="", message="x" * 10_000, request_id=""))) < 500


FAILURES = {
    "never sent": (UnreachableError("doing", "https://vod", "refused"), True, True),
    "429": (of_answer("doing", status=429, code="APIG.0308", message="", request_id=""), True, True),
    "answer lost": (LostAnswerError("doing", "reset"), True, False),
    "a fault inside VOD": (of_answer("doing", status=403, code="VOD.10052", message="", request_id=""), True, False),
    "refused": (of_answer("doing", status=400, code="VOD.10053", message="", request_id=""), False, False),
    "stopped": (errors.StoppedError(), False, False),
}


@pytest.mark.parametrize(("error", "repeatable", "once"), FAILURES.values(), ids=FAILURES.keys())
def test_what_may_be_sent_again(error: errors.VodError, *, repeatable: bool, once: bool) -> None:
    """The table in retries.py: a request that is paid for is never repeated where it may have been done."""
    assert retries.may_send_again(error, repeatable=True) is repeatable
    assert retries.may_send_again(error, repeatable=False) is once


def test_pauses_grow_and_are_bounded() -> None:
    """Twice as long each time, half of it by chance, never over the longest."""
    assert [retries.pause(attempt, lambda: 1.0) for attempt in (1, 2, 3)] == [0.5, 1.0, 2.0]
    assert retries.pause(1, lambda: 0.0) == 0.25
    assert retries.pause(50, lambda: 1.0) == retries.LONGEST_PAUSE_S


def test_a_request_is_tried_seven_times_in_25_s() -> None:
    """On average, as the documentation says."""
    assert retries.ATTEMPTS == 7
    assert 20 < sum(retries.pause(attempt, lambda: 0.5) for attempt in range(1, 7)) < 30


def test_a_remedy_names_the_settings_of_the_account() -> None:
    """Credentials and project of another account stand below its name; what is the stack's own stays as it is."""
    error = of_answer("x", status=401, code="APIG.0301", message="", request_id="", account="archive")
    assert "vod:accounts.archive.accessKey, vod:accounts.archive.secretKey or vod:accounts.archive.token" in str(error)
    assert of_account("check vod:projectId and vod:quotas", "a") == "check vod:accounts.a.projectId and vod:quotas"
    assert of_account("check vod:projectId", None) == "check vod:projectId"
