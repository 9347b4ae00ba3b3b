"""Which callbacks count, and what they tell."""

from __future__ import annotations

import json

import pytest

from vod_provider.local.core.events import signature
from vod_provider.plugin.event_listener import LATE_S, Gate, Verdict, audio_of, readings

KEY = "key"
NOW = 1_800_000_000
BODY = json.dumps({"event_type": "audioExtractComplete", "audio_extract_info": {"asset_id": "a1"}})


def verdict(gate: Gate, timestamp: object = NOW, key: str = KEY, body: str = BODY, sign: str | None = None) -> Verdict:
    """What the gate says of a callback that was signed with `key`."""
    return gate.admit(str(timestamp), sign or signature(key, str(timestamp), body), body.encode())


def gate(now: float = NOW) -> Gate:
    return Gate(KEY, clock=lambda: now)


def test_a_signed_callback_is_new_once() -> None:
    """The same one sent on later does nothing; the same event signed anew, as VOD repeats it, counts."""
    at = gate()
    assert [verdict(at), verdict(at), verdict(at, NOW + 1)] == [Verdict.NEW, Verdict.KNOWN, Verdict.NEW]


@pytest.mark.parametrize(
    "of",
    [
        {"key": "other"},
        {"key": ""},
        {"sign": " "},
        {"sign": "0" * 64},
        {"sign": "\xe9"},
        {"timestamp": ""},
        {"timestamp": "soon"},
        {"timestamp": "\xe9"},
        {"timestamp": f"{NOW}.5"},
        {"timestamp": NOW - LATE_S - 1},
        {"timestamp": NOW + LATE_S + 1},
        {"timestamp": (NOW - int(LATE_S) - 1) * 1000},
        {"timestamp": (NOW + int(LATE_S) + 1) * 1000},
        {"timestamp": "9" * 400},
        {"sign": signature(KEY, str(NOW), BODY + " ")},
        {"sign": signature(KEY, str(NOW + 1), BODY)},
    ],
)
def test_forged_and_late_ones_are_refused(of: dict[str, str]) -> None:
    """Another key, no signature, one of another body or time, and times that are none or minutes off."""
    assert verdict(gate(), **of) is Verdict.REFUSED


def test_what_was_admitted_is_forgotten_only_once_it_is_late() -> None:
    """A callback from a clock that goes ahead can be repeated for longer, and does nothing all that time."""
    now = float(NOW)
    at = Gate(KEY, clock=lambda: now)
    assert verdict(at, NOW + 200) is Verdict.NEW
    now += LATE_S + 199
    assert verdict(at, NOW + 200) is Verdict.KNOWN
    now += 2
    assert verdict(at, NOW + 200) is Verdict.REFUSED


@pytest.mark.parametrize("off", [-301, -300, 300, 301])
def test_a_callback_may_be_five_minutes_old(off: int) -> None:
    """As the documentation says; and a clock may go ahead by as much. Until then a repeated one is known."""
    now = float(NOW)
    at = Gate(KEY, clock=lambda: now)
    in_time = abs(off) <= 300
    assert verdict(at, NOW + off) is (Verdict.NEW if in_time else Verdict.REFUSED)
    assert verdict(at, NOW) is Verdict.NEW
    now += abs(off)
    assert verdict(at, NOW) is (Verdict.KNOWN if in_time else Verdict.REFUSED)


def test_a_key_that_fits_none_is_told_from_a_forger() -> None:
    """Where no callback bears the key, it is wrong; where one does, the others are somebody else's."""
    at = gate()
    told = [at.others_only]
    for timestamp, key in ((NOW, "other"), (NOW - LATE_S - 1, KEY)):
        verdict(at, timestamp, key)
        told.append(at.others_only)
    assert told == [False, True, False]


def test_the_time_may_be_in_milliseconds() -> None:
    """No source says in which unit it is; either is told from the other by its size."""
    assert verdict(gate(), NOW * 1000 + 999) is Verdict.NEW


@pytest.mark.parametrize(
    ("body", "texts"),
    [
        (json.dumps({"message": BODY, "type": "Notification"}), [BODY]),
        (json.dumps({"message": "Tölд \u00e9", "more": {"deep": [1]}}), ["Tölд \u00e9"]),
        (BODY, []),
        (json.dumps({"message": {"event_type": "x"}}), []),
        ('["message"]', []),
        ("{", []),
        ("[" * 60_000, []),
    ],
)
def test_the_signed_text_is_the_message_of_the_envelope(body: str, texts: list[str]) -> None:
    """Exactly as decoded; without an envelope it is the whole body, which is always the last reading."""
    assert readings(body.encode()) == [*(text.encode() for text in texts), body.encode()]


def test_half_of_a_surrogate_pair_breaks_nothing() -> None:
    """JSON can say what UTF-8 cannot: such a message is signed by nobody."""
    assert len(readings(b'{"message": "\\ud800"}')) == 2
    assert verdict(gate(), body='{"message": "x"}', sign="0" * 64) is Verdict.REFUSED


def test_the_signature_may_be_in_capitals() -> None:
    """Hex digits are the same in either case."""
    assert verdict(gate(), sign=signature(KEY, str(NOW), BODY).upper()) is Verdict.NEW


@pytest.mark.parametrize(
    ("body", "audio"),
    [
        (BODY, "a1"),
        ("", None),
        ("[1]", None),
        ("\x00", None),
        (BODY.replace("audioExtract", "AudioExtract"), "a1"),
        (BODY.replace('"audio_extract_info"', '"more": null, "audio_extract_info"'), "a1"),
        ('{"event_type": 5, "audio_extract_info": {"asset_id": "a1"}}', None),
        ("[" * 60_000, None),
        ('{"event_type": "fileUploadComplete", "audio_extract_info": {"asset_id": "a1"}}', None),
        ('{"event_type": "audioExtractComplete"}', None),
        ('{"event_type": "audioExtractComplete", "audio_extract_info": {"asset_id": 5}}', None),
        ('{"event_type": "audioExtractComplete", "audio_extract_info": {"asset_id": ""}}', None),
        ('{"event_type": "audioExtractComplete", "audio_extract_info": ["a1"]}', None),
    ],
)
def test_only_a_completed_extraction_names_an_audio(body: str, audio: str | None) -> None:
    """Any other event, and what is no event at all, names none."""
    assert audio_of(body.encode()) == audio
