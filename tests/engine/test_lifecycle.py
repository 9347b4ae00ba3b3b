"""The life of an ExtractedAudio, as the real engine drives it against the local VOD."""

from __future__ import annotations

from tests.engine.conftest import NewStack
from tests.vod import LocalVod

ONE = 'audio = ExtractedAudio("talk", asset_id="{source}"{more})\npulumi.export("audio", audio.audio_asset_id)'


def one(source: str, **more: object) -> str:
    """A program with one audio of `source`."""
    return ONE.format(source=source, more="".join(f", {name}={value!r}" for name, value in more.items()))


def test_a_preview_makes_no_call_and_needs_no_credentials(stack: NewStack, vod: LocalVod) -> None:
    """A preview of a new audio says what will be made, without configuration and without a single call."""
    without = stack({})
    without.program(one("0" * 32, title="A talk"))
    without.preview().expect("ExtractedAudio", "create", "MP3")
    assert vod.calls() == []


def test_up_makes_the_audio_and_waits_for_it(stack: NewStack, vod: LocalVod) -> None:
    """After `up` the audio is ready, and its outputs are the facts that VOD holds."""
    source = vod.video(seconds=5)
    audio = stack(vod.config)
    audio.program(one(source, title="A talk", tags=["one", "two"]))
    audio.up().expect("created")
    (resource,) = audio.audios().values()
    outs = resource["outputs"]
    assert resource["id"] == outs["audio_asset_id"]
    assert outs["status"] == "CREATED"
    assert outs["codec"] == "MP3"
    assert abs(outs["duration"] - 5) < 0.2
    assert (outs["title"], outs["tags"]) == ("A talk", ["one", "two"])
    assert vod.asset(resource["id"])["base_info"]["title"] == "A talk"
    assert len(vod.download(outs["url"])) == outs["size"]


def test_an_unchanged_up_changes_nothing_and_makes_no_call(stack: NewStack, vod: LocalVod) -> None:
    """A second `up` of the same program says so, without asking VOD anything."""
    source = vod.video(seconds=2)
    audio = stack(vod.config)
    audio.program(one(source))
    audio.up().expect("created")
    before = len(vod.calls())
    audio.up().expect("2 unchanged")
    assert len(vod.calls()) == before


def test_metadata_changes_in_place(stack: NewStack, vod: LocalVod) -> None:
    """A new title is an update: the same audio, all outputs kept, nothing extracted again."""
    source = vod.video(seconds=2)
    audio = stack(vod.config)
    audio.program(one(source, title="Before"))
    audio.up().expect()
    (before,) = audio.audios().values()
    audio.program(one(source, title="After"))
    assert "title" in audio.preview().expect("update").text
    audio.up().expect("updated")
    (after,) = audio.audios().values()
    assert after["id"] == before["id"]
    assert after["outputs"] == {**before["outputs"], "title": "After"}
    assert vod.asset(after["id"])["base_info"]["title"] == "After"
    assert vod.count("ExtractAudio") == 1


def test_another_format_is_another_extraction(stack: NewStack, vod: LocalVod) -> None:
    """A change of the format replaces: the new audio is made before the old one is deleted."""
    source = vod.video(seconds=2)
    audio = stack(vod.config)
    audio.program(one(source))
    audio.up().expect()
    (before,) = audio.audios().values()
    audio.program(one(source, format="aac"))
    audio.preview().expect("replace", "format")
    audio.up().expect("replaced")
    (after,) = audio.audios().values()
    assert after["outputs"]["codec"] == "AAC"
    assert vod.audio_ids() == [after["id"]]
    calls = [call["operation"] for call in vod.calls()]
    assert calls.index("DeleteAssets") > len(calls) - 1 - calls[::-1].index("ExtractAudio")
    assert before["id"] != after["id"]


def test_a_deliberate_replace_never_adopts_the_old_audio(stack: NewStack, vod: LocalVod) -> None:
    """`up --replace` extracts again what an earlier run has shown to be saved.

    Right after the run that made it, nobody knows whether the engine has saved it: then it is not billed a second time.
    """
    source = vod.video(seconds=2)
    audio = stack(vod.config)
    audio.program(one(source))
    audio.up().expect()
    (before,) = audio.audios().values()
    audio.up("--replace", before["urn"]).expect(f"audio {before['id']} was not extracted again")
    assert vod.count("ExtractAudio") == 1
    audio.up("--replace", before["urn"]).expect("replaced")
    (after,) = audio.audios().values()
    assert after["id"] != before["id"]
    assert vod.count("ExtractAudio") == 2
    assert vod.audio_ids() == [after["id"]]


def test_a_new_resource_of_a_former_name_has_an_audio_of_its_own(stack: NewStack, vod: LocalVod) -> None:
    """After `pulumi state rename`, right after the first run, the saved state tells who has the audio by now."""
    source = vod.video(seconds=2)
    audio = stack(vod.config)
    audio.program(one(source))
    audio.up().expect()
    (before,) = audio.audios().values()
    name = before["urn"].rpartition("::")[2]
    audio.run("state", "rename", before["urn"], "second", "--yes").expect()
    options = "opts=pulumi.ResourceOptions(depends_on=[first])"
    audio.program(f'first = {one(source)}\nExtractedAudio("second", asset_id="{source}", {options})')
    audio.up().expect("1 created")
    found = {name: it["id"] for name, it in audio.audios().items()}
    assert found["second"] == before["id"]
    assert sorted(vod.audio_ids()) == sorted({found[name], before["id"]})
    assert vod.count("ExtractAudio") == 2


def test_refresh_sees_that_the_audio_was_deleted(stack: NewStack, vod: LocalVod) -> None:
    """An audio that was deleted behind Pulumi's back is gone after a refresh, and made again by the next `up`."""
    source = vod.video(seconds=2)
    audio = stack(vod.config)
    audio.program(one(source))
    audio.up().expect()
    (before,) = audio.audios().values()
    vod.delete(before["id"])
    audio.refresh().expect("deleted")
    assert audio.audios() == {}
    audio.up().expect("created")
    assert vod.count("ExtractAudio") == 2


def test_refresh_sees_drift_and_up_mends_it(stack: NewStack, vod: LocalVod) -> None:
    """A title changed in the console shows after a refresh, and `up` sets it back."""
    source = vod.video(seconds=2)
    audio = stack(vod.config)
    audio.program(one(source, title="Ours"))
    audio.up().expect()
    (resource,) = audio.audios().values()
    vod.retitle(resource["id"], "Theirs")
    audio.refresh().expect("updated")
    assert audio.audios()["talk"]["outputs"]["title"] == "Theirs"
    audio.up().expect("updated")
    assert vod.asset(resource["id"])["base_info"]["title"] == "Ours"


def test_a_deleted_source_harms_nothing(stack: NewStack, vod: LocalVod) -> None:
    """With the source gone, refresh, an unchanged `up` and destroy work as before."""
    source = vod.video(seconds=2)
    audio = stack(vod.config)
    audio.program(one(source))
    audio.up().expect()
    vod.delete(source)
    audio.refresh().expect("2 unchanged")
    audio.up().expect("2 unchanged")
    audio.destroy().expect("deleted")
    assert vod.audio_ids() == []


def test_destroy_removes_the_audio_and_an_absent_one_is_no_error(stack: NewStack, vod: LocalVod) -> None:
    """Destroy deletes at VOD what is there, and succeeds where it is gone already."""
    source = vod.video(seconds=2)
    audio = stack(vod.config)
    audio.program(one(source) + f'\nExtractedAudio("other", asset_id="{source}", format="AAC")')
    audio.up().expect()
    vod.delete(audio.audios()["other"]["id"])
    audio.destroy().expect("3 deleted")
    assert vod.audio_ids() == []


def test_get_reads_an_audio_that_is_there(stack: NewStack, vod: LocalVod) -> None:
    """`ExtractedAudio.get` shows the facts of an audio that somebody else made, and destroy leaves it alone."""
    source = vod.video(seconds=2)
    audio_id = vod.extract(source)
    audio = stack(vod.config)
    audio.program(
        f'theirs = ExtractedAudio.get("theirs", "{audio_id}", pulumi.ResourceOptions())\n'
        'pulumi.export("told", pulumi.Output.all(theirs.codec, theirs.format))'
    )
    audio.preview().expect('[0]: "MP3"', '[1]: "MP3"')
    audio.up().expect('[0]: "MP3"', '[1]: "MP3"')
    audio.destroy().expect()
    assert vod.audio_ids() == [audio_id]


def test_get_of_an_audio_that_is_not_there_is_an_error(stack: NewStack, vod: LocalVod) -> None:
    """A wrong id or a video's fails with one line at the preview already, and so does one that went."""
    audio, video = stack(vod.config), vod.video()
    audio.program(f'ExtractedAudio.get("theirs", "{video}")')
    audio.preview().expect_failure(f"reading audio {video}: it is MP4, and no audio that VOD extracts; check the id")
    audio.program(f'ExtractedAudio.get("theirs", "{"e" * 32}")')
    wrong = f"reading audio {'e' * 32}: VOD has no such asset; check the id, the project and the region"
    audio.preview().expect_failure(wrong)
    audio_id = vod.extract(video)
    audio.program(f'ExtractedAudio.get("theirs", "{audio_id}")')
    audio.up().expect()
    vod.delete(audio_id)
    audio.up().expect_failure(f"reading audio {audio_id}: VOD has no such asset")
    audio.refresh().expect()
    audio.destroy().expect()


def test_a_source_that_does_not_exist_is_one_line(stack: NewStack, vod: LocalVod) -> None:
    """The error names what was done, the asset, VOD's code and request id, and nothing is left in the state."""
    audio = stack(vod.config)
    audio.program(one("f" * 32))
    failed = audio.up().expect_failure("VOD.10062", "f" * 32, "request", "check the asset id")
    assert len({line.partition("error: ")[2] for line in failed.lines("VOD.10062")}) == 1, failed.text
    assert audio.audios() == {}


def test_bad_input_is_refused_by_name_before_any_call(stack: NewStack, vod: LocalVod) -> None:
    """Every problem of the inputs is told at preview, each by its property."""
    audio = stack({})
    audio.program(one("", format="WAV", title="x" * 129, tags=list("abcdefghijklmnopq")))
    said = [line.partition("has a problem: ")[2] for line in audio.preview().expect_failure().lines("has a problem")]
    assert sorted(set(said)) == [
        "asset_id must be a media id: got '', which is blank",
        "format must be MP3 or AAC: got 'WAV'",
        "tags must be at most 16 tags: got 17",
        "title must be at most 128 bytes of UTF-8: got 129",
    ]
    assert vod.calls() == []


def test_a_secret_that_is_refused_stays_one(stack: NewStack, vod: LocalVod) -> None:
    """What is wrong with a title or tag that is a secret is told without showing it."""
    audio = stack({})
    secret = "pulumi.Output.secret({!r})"
    texts = {"title": "hush" * 40, "description": "hush" * 400, "tags": ["hush,hush"]}
    given = "".join(f", {name}={secret.format(value)}" for name, value in texts.items())
    audio.program(f'ExtractedAudio("talk", asset_id="{"0" * 32}"{given})')
    failed = audio.preview().expect_failure("title must be at most 128", "description must be", "tags must be without")
    assert "hush" not in failed.text


def test_wrong_credentials_are_one_line_without_the_secret(stack: NewStack, vod: LocalVod) -> None:
    """A wrong secret key is VOD's own error with a remedy; the key itself is nowhere to be seen."""
    source = vod.video(seconds=2)
    audio = stack({**vod.config, "vod:secretKey": "a-wrong-secret"})
    audio.program(one(source))
    failed = audio.up().expect_failure("check the credentials")
    assert "a-wrong-secret" not in failed.text


def test_missing_configuration_names_what_to_set(stack: NewStack) -> None:
    """Without credentials `up` says which setting is missing and where it is set."""
    audio = stack({"vod:region": "cn-north-4"})
    audio.program(one("f" * 32))
    audio.up().expect_failure("vod:accessKey")


def test_unknown_inputs_pass_the_preview(stack: NewStack, vod: LocalVod) -> None:
    """An audio of a source that is not known yet can be previewed, and is made from what it turns out to be."""
    source = vod.video(seconds=2)
    audio = stack(vod.config)
    audio.program(
        one(source) + '\nExtractedAudio("again", asset_id=audio.asset_id, format="AAC", title=audio.audio_asset_id)'
    )
    audio.preview().expect("again")
    audio.up().expect()
    assert audio.audios()["again"]["outputs"]["title"] == audio.audios()["talk"]["id"]


def test_a_secret_in_the_configuration_is_not_in_the_state(stack: NewStack, vod: LocalVod) -> None:
    """A secret key, configured as such, is nowhere in what the backend stores; the provider is a short reference."""
    audio = stack({key: value for key, value in vod.config.items() if key != "vod:secretKey"})
    secret = vod.config["vod:secretKey"]
    audio.run("config", "set", "--secret", "vod:secretKey", secret, "--stack", "test").expect()
    audio.program(one(vod.video(seconds=2)))
    audio.up().expect()
    assert secret not in audio.raw_state()
    (resource,) = audio.audios().values()
    assert len(resource["inputs"]["__provider"]) < 100


def test_a_secret_of_the_environment_is_not_in_the_loudest_log(stack: NewStack, vod: LocalVod) -> None:
    """Credentials of the environment show neither in the log at its highest level nor in journal and state.

    Secrets of the configuration would: the engine writes them into that log itself, on the way to the provider.
    """
    audio = stack({key: value for key, value in vod.config.items() if not key.endswith("Key")})
    secret = vod.config["vod:secretKey"]
    audio.environ |= {"HW_ACCESS_KEY": vod.config["vod:accessKey"], "HW_SECRET_KEY": secret}
    audio.program(one(vod.video(seconds=2)))
    assert secret not in audio.up("--logtostderr", "-v=9").expect().text
    assert secret not in audio.raw_state()
    assert secret.encode() not in audio.journal.read_bytes()


def test_an_audio_that_two_resources_hold_goes_with_the_last(stack: NewStack, vod: LocalVod) -> None:
    """One that adopts what another still holds, and is removed again, takes nothing from it."""
    audio, source = stack(vod.config), vod.video()
    first = f'first = ExtractedAudio("first", asset_id="{source}")'
    audio.program(first + f'\nExtractedAudio("second", asset_id="{source}", adopt=first.audio_asset_id)')
    audio.up().expect("3 created")
    (audio_id,) = vod.audio_ids()
    audio.program(first)
    audio.up().expect("1 deleted", f"audio {audio_id} is kept at VOD: first holds it, too")
    assert vod.audio_ids() == [audio_id]
    audio.program("")
    audio.up().expect("1 deleted")
    assert vod.audio_ids() == []


def test_a_renamed_audio_that_is_replaced_leaves_nothing(stack: NewStack, vod: LocalVod) -> None:
    """Another name, by an alias, and another format at once: the old audio is deleted all the same."""
    audio, source = stack(vod.config), vod.video()
    audio.program(one(source))
    audio.up().expect()
    alias = 'opts=pulumi.ResourceOptions(aliases=[pulumi.Alias(name="talk")], replace_on_changes=["title"])'
    for more in ('format="AAC"', 'format="AAC", title="Another"'):
        audio.program(f'ExtractedAudio("renamed", asset_id="{source}", {more}, {alias})')
        audio.up().expect("1 replaced")
        assert vod.audio_ids() == [audio.audios()["renamed"]["id"]]


def test_an_update_of_what_is_gone_says_how_to_go_on(stack: NewStack, vod: LocalVod) -> None:
    """An audio that somebody deleted cannot be given a title; refresh and up, as the error says, make it again."""
    audio, source = stack(vod.config), vod.video()
    audio.program(one(source, title="One"))
    audio.up().expect()
    vod.delete(vod.audio_ids()[0])
    audio.program(one(source, title="Two"))
    audio.up().expect_failure("`pulumi refresh` sees it, and `pulumi up` extracts it again")
    audio.refresh().expect("1 deleted")
    audio.up().expect("1 created")
    assert audio.audios()["talk"]["outputs"]["title"] == "Two"


def test_a_resource_that_goes_in_an_up_with_a_refresh_goes_with_its_audio(stack: NewStack, vod: LocalVod) -> None:
    """The engine asks Diff of it while it refreshes, although the program does not have it any more."""
    one = stack(vod.config)
    one.program(f'ExtractedAudio("talk", asset_id="{vod.video()}")')
    one.up().expect()
    one.program("")
    one.up("--refresh").expect("1 deleted")
    assert vod.audio_ids() == []
