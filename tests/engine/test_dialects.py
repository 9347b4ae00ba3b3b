"""The whole life of audios, a lost answer and a kill included, whatever VOD does where public sources leave it open.

Each life has many dialects on at once; together they have every value that the provider can meet in one.
"""

from __future__ import annotations

import json

import pytest

from tests.engine.conftest import NewStack
from tests.engine.stack import Stack, until
from tests.vod import LocalVod, free_port
from vod_provider.local.core.dialects import TABLE

SOON = 1.0
"""Seconds until the local VOD shows what it hides at first."""
LIVES: dict[str, dict[str, object]] = {
    "the defaults": {},
    "as the models": {
        "absence": "NO_ASSET",
        "extraction_running": "TRANSCODING",
        "extraction_done": "TRANSCODE_SUCCEED",
        "source_while_extracted": "TRANSCODING",
        "deletion_shows": "DELETED",
        "delete_of_absent": "FAILED",
        "delete_ids": "repeated_else_refused",
        "description_change": "ignored",
    },
    "as the examples": {
        "absence": "NOASSET",
        "extraction_running": "WAITING_TRANSCODE",
        "extraction_done": "PUBLISHED",
        "audio_id": "digits",
        "audio_facts": "unknown",
        "audio_description": "source",
        "delete_ids": "commas_else_first",
        "delete_of_absent": "refused_if_any",
        "default_format": "AAC",
    },
    "uncreated": {
        "absence": "UNCREATED",
        "deletion_shows": "unchanged",
        "deletion_s": SOON,
        "delete_ids": "repeated_else_first",
        "delete_of_absent": "DELETED",
        "audio_title": "empty",
        "audio_description": "empty",
    },
    "left out": {
        "absence": "left_out",
        "new_in_listings_after_s": SOON,
        "delete_ids": "commas_else_refused",
        "description_change": "taken",
        "deletion_s": SOON,
    },
    "404": {
        "absence": "http_404",
        "new_by_id_after_s": SOON,
        "details_of_absent": "http_400",
        "extraction_done": "PUBLISHED",
    },
    "10062": {
        "absence": "vod_10062",
        "new_by_id_after_s": SOON,
        "new_in_listings_after_s": SOON,
        "deletion_s": 0,
        "unknown_category": "refused",
    },
}
TITLED: dict[str, object] = {"audio_title": "file_name"}
FAILURES = TABLE["extraction_failed"].values
CANCELLATIONS: list[dict[str, object]] = [
    {"cancel_takes": "audio", "extraction_cancelled": "CANCELLED"},
    {"cancel_takes": "audio", "extraction_cancelled": "removed"},
    {"cancel_takes": "source", "extraction_cancelled": "removed"},
    {"cancel_takes": "either", "extraction_cancelled": "CANCELLED"},
]
CALLBACKS: list[dict[str, object]] = [
    {"event_body": "envelope", "event_name": "audioExtractComplete", "event_timestamp": "seconds"},
    {"event_body": "envelope", "event_name": "AudioExtractComplete", "event_timestamp": "milliseconds"},
    {"event_body": "bare", "event_name": "AudioExtractComplete", "event_timestamp": "seconds"},
    {"event_body": "bare", "event_name": "audioExtractComplete", "event_timestamp": "milliseconds"},
]
PREFIXES = TABLE["gateway_prefix"].values


def name(dialects: object) -> str:
    """A short name of a case."""
    return " ".join(map(str, dialects.values())) if isinstance(dialects, dict) else str(dialects)


def test_every_value_is_tried() -> None:
    """Each value of each dialect is on in at least one test here; of seconds, something else than the default."""
    tried: list[dict[str, object]] = [*LIVES.values(), *CANCELLATIONS, *CALLBACKS, TITLED]
    tried += [{"extraction_failed": one} for one in FAILURES]
    tried += [{"gateway_prefix": one} for one in PREFIXES]
    for dialect in TABLE.values():
        on = {one.get(dialect.name, dialect.default) for one in tried}
        assert len(on) > 1, dialect.name
        assert on >= set(dialect.values), dialect.name


def program(talk: str, other: str) -> str:
    """A program with two audios and these inputs."""
    return f'ExtractedAudio("talk", {talk})\nExtractedAudio("other", {other})'


def holds_what_the_state_says(stack: Stack, vod: LocalVod, accepted: int) -> None:
    """VOD has the audios of the state and no others, made by so many accepted requests."""
    ids = sorted(one["id"] for one in stack.audios().values())
    until(lambda: sorted(vod.audio_ids()) == ids, 10)
    assert vod.accepted() == accepted


@pytest.mark.parametrize("dialects", LIVES.values(), ids=LIVES.keys())
def test_a_whole_life(stack: NewStack, vod: LocalVod, dialects: dict[str, object]) -> None:
    """Each audio is extracted once, kept as declared, replaced, missed, made again and removed, in every dialect."""
    vod.dialect(**dialects)
    vod.timed(0.5, quota_scale=0)
    source = vod.video()
    given = f'asset_id="{source}"'
    audio = stack(vod.config)

    # Begun: one answer is lost, and the engine is killed as soon as VOD has accepted both.
    vod.faults({"operation": "ExtractAudio", "drop": "after"})
    audio.program(program(given, f'{given}, format="AAC"'))
    run = audio.start("up", "--yes", "--skip-preview")
    until(lambda: vod.accepted() == 2)
    run.kill()
    run.communicate(timeout=30)
    until(lambda: not audio.processes("pulumi.dynamic"), 10)
    audio.run("cancel", "--yes", "--stack", "test").expect()
    audio.up().expect("created")
    holds_what_the_state_says(audio, vod, 2)
    audio.up().expect("3 unchanged")

    audio.program(program(f'{given}, title="A talk", tags=["one"]', given))
    audio.up().expect("1 updated", "1 replaced")
    holds_what_the_state_says(audio, vod, 3)
    talk = audio.audios()["talk"]["id"]
    base = vod.asset(talk)["base_info"]
    assert (base["title"], base["tags"]) == ("A talk", "one")
    audio.refresh().expect("3 unchanged")

    vod.delete(talk)
    audio.refresh().expect("1 deleted")
    audio.up().expect("1 created")
    holds_what_the_state_says(audio, vod, 4)
    audio.up().expect("3 unchanged")

    audio.destroy().expect("3 deleted")
    holds_what_the_state_says(audio, vod, 4)
    assert vod.audio_ids() == []


def test_a_title_that_is_not_the_source_s(stack: NewStack, vod: LocalVod) -> None:
    """It is taken as it is until the program sets one. No answer is lost here: its audio is recognised by title."""
    vod.dialect(**TITLED)
    source = vod.video()
    audio = stack(vod.config)
    audio.program(f'ExtractedAudio("talk", asset_id="{source}")')
    audio.up().expect("2 created")
    audio.up().expect("2 unchanged")
    audio.refresh().expect("2 unchanged")
    assert str(audio.audios()["talk"]["outputs"]["title"]).endswith(".mp3")
    audio.program(f'ExtractedAudio("talk", asset_id="{source}", title="A talk")')
    audio.up().expect("1 updated")
    holds_what_the_state_says(audio, vod, 1)
    audio.destroy().expect("2 deleted")
    holds_what_the_state_says(audio, vod, 1)


def test_an_audio_with_a_title_of_its_own_is_a_doubt(stack: NewStack, vod: LocalVod) -> None:
    """Its answer is lost, and neither title nor description names the source: nothing is billed twice, and the error
    tells the id and the ways on, of which `adopt` is one; a kill after acceptance is no doubt at all."""
    vod.dialect(**TITLED, audio_description="empty")
    vod.timed(0.5)
    source = vod.video()
    audio = stack(vod.config)
    audio.program(f'ExtractedAudio("talk", asset_id="{source}")')
    vod.faults({"operation": "ExtractAudio", "drop": "after"})
    said = audio.up().expect_failure("each of these audios could be the one that VOD made").text
    (audio_id,) = vod.audio_ids()
    assert audio_id in said
    audio.program(f'ExtractedAudio("talk", asset_id="{source}", adopt="{audio_id}")')
    audio.up().expect()
    assert vod.accepted() == 1
    audio.program(f'ExtractedAudio("talk", asset_id="{source}", format="AAC")')
    run = audio.start("up", "--yes", "--skip-preview")
    until(lambda: vod.accepted() == 2)
    run.kill()
    run.communicate(timeout=30)
    until(lambda: not audio.processes("pulumi.dynamic"), 10)
    audio.run("cancel", "--yes", "--stack", "test").expect()
    audio.up().expect()
    holds_what_the_state_says(audio, vod, 2)


@pytest.mark.parametrize("value", FAILURES)
def test_a_failed_extraction_leaves_nothing(stack: NewStack, vod: LocalVod, value: str) -> None:
    """However a failure shows, `up` fails, no audio is left at VOD, and the next one extracts again."""
    vod.dialect(extraction_failed=value)
    source = vod.video()
    vod.damage(source)
    audio = stack(vod.config)
    audio.program(f'ExtractedAudio("talk", asset_id="{source}")')
    audio.up().expect_failure(source)
    until(lambda: vod.audio_ids() == [], 10)
    audio.program(f'ExtractedAudio("talk", asset_id="{vod.video(seconds=1)}")')
    audio.up().expect()
    holds_what_the_state_says(audio, vod, 2)


@pytest.mark.parametrize("dialects", CANCELLATIONS, ids=name)
def test_a_queued_extraction_is_removed(stack: NewStack, vod: LocalVod, dialects: dict[str, object]) -> None:
    """An audio that is destroyed before it is made goes, by a cancellation or once it is made; another's stays."""
    vod.dialect(**dialects)
    vod.timed(3, concurrency=1)
    source = vod.video()
    another = vod.extract(source, wait=False)
    audio = stack(vod.config)
    times = 'pulumi.ResourceOptions(custom_timeouts=pulumi.CustomTimeouts(create="1s"))'
    audio.program(f'ExtractedAudio("talk", asset_id="{source}", format="AAC", opts={times})')
    audio.up().expect_failure("not done within 1 s")
    audio.destroy().expect("2 deleted")
    until(lambda: vod.audio_ids() == [another], 10)
    assert vod.accepted() == 2


@pytest.mark.parametrize("dialects", CALLBACKS, ids=name)
def test_a_callback_is_understood(stack: NewStack, vod: LocalVod, dialects: dict[str, object]) -> None:
    """VOD is asked when it has told that the audio is done, and not at the next poll."""
    vod.dialect(**dialects)
    port = free_port()
    vod.tells(f"http://127.0.0.1:{port}/vod", "key")
    vod.timed(1.5)
    audio = stack(vod.config | {"vod:events": json.dumps({"listen": f"127.0.0.1:{port}", "key": "key"})})
    audio.program(f'ExtractedAudio("talk", asset_id="{vod.video()}")')
    audio.up().expect("2 created")
    times = {call["operation"]: call["time"] for call in vod.calls()}
    assert 1.4 < times["ShowAssetMeta"] - times["ExtractAudio"] < 3.5


@pytest.mark.parametrize("prefix", PREFIXES)
def test_codes_of_the_gateway_are_understood(stack: NewStack, vod: LocalVod, prefix: str) -> None:
    """Throttling is waited for, wrong credentials are named as such, with either prefix."""
    vod.dialect(gateway_prefix=prefix)
    source = vod.video()
    audio = stack(vod.config)
    audio.program(f'ExtractedAudio("talk", asset_id="{source}")')
    vod.faults({"operation": "ExtractAudio", "status": 429})
    audio.up().expect("2 created")
    holds_what_the_state_says(audio, vod, 1)
    wrong = stack({**vod.config, "vod:secretKey": "wrong"})
    wrong.program(f'ExtractedAudio("talk", asset_id="{source}")')
    wrong.up().expect_failure(f"{prefix}.0301", "check the credentials")
