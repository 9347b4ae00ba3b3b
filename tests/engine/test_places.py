"""Publishing, other accounts, and what a preview says of replacements, with the real engine."""

from __future__ import annotations

import json

from tests.engine.conftest import NewStack
from tests.vod import LocalVod


def declared(source: str, **more: object) -> str:
    """A program with one audio."""
    given = "".join(f", {name}={value!r}" for name, value in more.items())
    return f'ExtractedAudio("talk", asset_id="{source}"{given})'


def test_publish_in_place_and_its_drift(stack: NewStack, vod: LocalVod) -> None:
    """Published at creation, taken back and published again without another extraction; drift is seen and mended."""
    audio = stack(vod.config)
    source = vod.video()
    audio.program(declared(source, publish=True))
    audio.up().expect()
    audio_id = audio.audios()["talk"]["id"]
    assert vod.asset(audio_id)["status"] == "PUBLISHED"
    outputs = audio.audios()["talk"]["outputs"]
    assert (outputs["publish"], outputs["status"]) == (True, "PUBLISHED")
    assert vod.download(outputs["url"])
    audio.program(declared(source, publish=False))
    audio.up().expect("1 updated")
    assert vod.asset(audio_id)["status"] == audio.audios()["talk"]["outputs"]["status"] == "CREATED"
    vod.api("POST", "/asset/status/publish", json={"asset_id": [audio_id]})
    audio.refresh().expect("1 updated")
    assert audio.audios()["talk"]["outputs"]["publish"] is True
    audio.up().expect("1 updated")
    assert vod.asset(audio_id)["status"] == "CREATED"
    audio.up().expect("2 unchanged")
    assert vod.accepted() == 1


def test_what_is_not_managed_stays_published(stack: NewStack, vod: LocalVod) -> None:
    """Where `publish` is left out, what somebody else does about it is shown and left alone."""
    audio = stack(vod.config)
    audio.program(declared(vod.video()))
    audio.up().expect()
    vod.api("POST", "/asset/status/publish", json={"asset_id": [audio.audios()["talk"]["id"]]})
    audio.refresh().expect()
    assert audio.audios()["talk"]["outputs"]["status"] == "PUBLISHED"
    audio.up().expect("2 unchanged")


def test_two_accounts_in_one_program(stack: NewStack, vod: LocalVod) -> None:
    """An account's audio is asked for, read and deleted with that account's own key."""
    own = {name.removeprefix("vod:"): vod.config[name] for name in ("vod:accessKey", "vod:secretKey", "vod:projectId")}
    wrong = {**own, "secretKey": "no-such-secret"}
    audio = stack(vod.config | {"vod:accounts": json.dumps({"other": own, "locked": wrong})})
    source = vod.video()
    audio.program(
        declared(source) + f'\nExtractedAudio("theirs", asset_id="{source}", account="other", format="AAC")'
        f'\nExtractedAudio("locked", asset_id="{source}", account="locked")'
    )
    failed = audio.up().expect_failure("check the credentials")
    assert "no-such-secret" not in failed.text
    assert set(audio.audios()) == {"talk", "theirs"}
    audio.refresh().expect()
    audio.destroy().expect()
    assert vod.audio_ids() == []


def test_an_account_that_is_not_configured_is_named(stack: NewStack, vod: LocalVod) -> None:
    """The error names the property, the setting and the nearest name, at the preview already."""
    audio = stack(vod.config | {"vod:accounts": '{"other": {"token": "t", "projectId": "p"}}'})
    audio.program(declared(vod.video(), account="othr"))
    audio.preview().expect_failure("account is 'othr', which vod:accounts does not have: did you mean other?")


def test_a_wrong_setting_fails_the_preview(stack: NewStack, vod: LocalVod) -> None:
    """What no `up` could use is one line before anything is asked; credentials may still be missing then."""
    audio = stack({"vod:regoin": "cn-north-4"})
    audio.program(declared("0" * 32))
    audio.preview().expect_failure("vod:regoin is no setting: did you mean vod:region?")
    audio.configure({"vod:quotas": '{"extract": 0}'})
    audio.preview().expect_failure("vod:quotas.extract is 0: expected calls per minute")
    audio.configure({"vod:region": "cn-north-4"})
    audio.preview().expect()
    assert vod.calls() == []


def test_the_same_place_in_other_words_is_not_paid_again(stack: NewStack, vod: LocalVod) -> None:
    """Project and region of the stack written into the resource are changed in place, without a call."""
    audio = stack(vod.config)
    source = vod.video()
    audio.program(declared(source))
    audio.up().expect()
    vod.forget_calls()
    audio.program(declared(source, project_id=vod.config["vod:projectId"], region="cn-north-4"))
    audio.up().expect("1 updated")
    audio.up().expect("2 unchanged")
    audio.program(declared(source))
    audio.up().expect("1 updated")
    assert vod.counts() == {}


def test_a_preview_says_what_is_paid_again(stack: NewStack, vod: LocalVod) -> None:
    """One line for all replacements, with their length as far as it is known; none where nothing is replaced."""
    audio = stack(vod.config)
    source, other = vod.video(3), vod.video(2)
    both = f'\nExtractedAudio("second", asset_id="{source}", title="S")'
    audio.program(declared(source) + both)
    audio.up().expect()
    assert "billed again" not in audio.preview().expect().text
    audio.program(declared(source, format="AAC") + both)
    audio.preview().expect("1 audio will be extracted again and billed again: 3 s of sound")
    audio.program(declared(other, format="AAC") + both.replace(', title="S"', ', format="AAC"'))
    said = audio.preview().expect("2 audios will be extracted again and billed again: 3 s of sound, and 1 more")
    assert len(said.lines("billed again")) == 1
    audio.program(declared(other, format="AAC") + f'\nExtractedAudio.get("read", "{vod.extract(source)}")')
    audio.preview().expect("1 audio will be extracted again")  # though VOD was asked


def test_a_preview_says_so_of_replacements_that_the_engine_decides(stack: NewStack, vod: LocalVod) -> None:
    """`replace_on_changes`, `replacement_trigger` and `replace_with` are paid again, too, and counted once each."""
    audio, source = stack(vod.config), vod.video(3)
    program = """
a = ExtractedAudio("a", asset_id="{0}", title="{1}", opts=pulumi.ResourceOptions(replace_on_changes=["title"]))
b = ExtractedAudio("b", asset_id="{0}", format="AAC", opts=pulumi.ResourceOptions(replacement_trigger="{1}"))
c = ExtractedAudio("c", asset_id="{0}", triggers=[1], opts=pulumi.ResourceOptions(replace_with=[b]))
"""
    audio.program(program.format(source, "One"))
    audio.up().expect()
    assert "billed again" not in audio.preview().expect().text
    audio.program(program.format(source, "Two"))
    audio.preview().expect("3 audios will be extracted again and billed again: 3 s of sound, and 2 more")
    audio.up().expect("3 replaced")
    assert vod.accepted() == 6


def test_secrets_in_clear_are_warned_of(stack: NewStack) -> None:
    """Once in a run, by their names, and no more once they are set with --secret, which the state has encrypted."""
    accounts = json.dumps({"other": {"token": "t-o-k-e-n", "projectId": "p"}})
    audio = stack({"vod:region": "cn-north-4", "vod:secretKey": "s-e-c-r-e-t", "vod:accounts": accounts})
    audio.program(declared("0" * 32) + f'\nExtractedAudio("second", asset_id="{"1" * 32}")')
    said = audio.preview().expect("vod:secretKey, vod:accounts (token): set in clear")
    assert len(said.lines("set in clear")) == 1
    assert "s-e-c-r-e-t" not in said.text
    for name, value in (("vod:secretKey", "s-e-c-r-e-t"), ("vod:accounts", accounts)):
        audio.run("config", "set", "--secret", name, value, "--stack", "test").expect()
    assert "set in clear" not in audio.preview().expect().text


def test_a_region_that_a_fixed_endpoint_ignores_is_a_warning(stack: NewStack) -> None:
    """A resource's own, once however many name it, at the preview already; and no failure."""
    audio = stack({"vod:endpoint": "https://vod.example.com", "vod:projectId": "p"})
    audio.program(
        "\n".join(f'ExtractedAudio("n{n}", asset_id="{n}541", region="cn-east-{n // 2 + 1}")' for n in range(1, 5))
    )
    said = audio.preview().expect("5 to create")
    for region in ("cn-east-1", "cn-east-2", "cn-east-3"):
        assert len(said.lines(f"region '{region}' has no effect: the endpoint is https://vod.example.com")) == 1
