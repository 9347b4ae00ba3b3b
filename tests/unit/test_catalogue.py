"""What an AudioCatalogue declares, with Pulumi's mocks."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pulumi
import pytest

from vod_provider import AudioCatalogue
from vod_provider.vod.assets import Asset

LOOP = asyncio.new_event_loop()
"""Pulumi takes the thread's loop, and there is none any more once some other test has called asyncio.run.

It stays open until the process ends: closing it ends Pulumi's threads, whose own loops nobody closes.
"""
AUDIO = "pulumi-python:dynamic/vod:ExtractedAudio"


class Mocks(pulumi.runtime.Mocks):
    """Notes the inputs of each audio; its id is made of its video's."""

    def __init__(self) -> None:
        self.declared: dict[str, dict[str, Any]] = {}

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        if args.typ == f"{AUDIO}Set":
            self.declared[args.name] = args.inputs
            made = {key: f"audio-of-{it['asset_id']}" for key, it in args.inputs["audios"].items()}
            extracted = {key: {"audio_asset_id": it, "url": f"https://{it}"} for key, it in made.items()}
            return "set", {"extracted": extracted}
        if args.typ != AUDIO:
            return args.name, args.inputs
        self.declared[args.name] = args.inputs
        audio_id = f"audio-of-{args.inputs['asset_id']}"
        return audio_id, {**args.inputs, "audio_asset_id": audio_id, "url": f"https://{audio_id}"}

    def call(self, args: pulumi.runtime.MockCallArgs) -> tuple[dict[Any, Any], None]:
        raise NotImplementedError(args.token)


@pytest.fixture
def mocks() -> Iterator[Mocks]:
    mocks = Mocks()
    asyncio.set_event_loop(LOOP)
    pulumi.runtime.set_mocks(mocks)
    yield mocks
    pulumi.runtime.settings.reset_options()


def outputs(catalogue: AudioCatalogue) -> list[Any]:
    """What the outputs are once everything is there."""
    found: list[Any] = []

    @pulumi.runtime.test  # type: ignore[untyped-decorator]
    def wait() -> pulumi.Output[None]:
        return pulumi.Output.all(catalogue.audio_asset_ids, catalogue.urls).apply(found.extend)

    wait()
    return found


def test_names_stay_with_their_videos(mocks: Mocks) -> None:
    """Each audio is called as the catalogue and its video are; common inputs go to all of them."""
    catalogue = AudioCatalogue("talks", {"intro": "v1", "finale": "v2"}, format="AAC", tags=["talk"], publish=True)
    assert outputs(catalogue) == [
        {"intro": "audio-of-v1", "finale": "audio-of-v2"},
        {"intro": "https://audio-of-v1", "finale": "https://audio-of-v2"},
    ]
    assert set(mocks.declared) == {"talks-intro", "talks-finale"}
    for inputs in mocks.declared.values():
        assert (inputs["format"], inputs["tags"], inputs["publish"]) == ("AAC", ["talk"], True)


@pytest.mark.parametrize("videos", [["v1", "v2"], [Asset("v1", "CREATED"), Asset("v2", "CREATED")], iter(["v1", "v2"])])
def test_ids_and_assets_are_their_own_names(mocks: Mocks, videos: Any) -> None:
    """A list of media ids, and what `get_media_assets` finds."""
    catalogue = AudioCatalogue("all", videos)
    assert outputs(catalogue)[0] == {"v1": "audio-of-v1", "v2": "audio-of-v2"}
    assert set(mocks.declared) == {"all-v1", "all-v2"}


def test_an_empty_catalogue_is_one_without_audios(mocks: Mocks) -> None:
    """Its outputs are mappings as ever."""
    assert outputs(AudioCatalogue("none", [])) == [{}, {}]
    assert mocks.declared == {}


def test_a_video_may_have_inputs_of_its_own(mocks: Mocks) -> None:
    """They come before those that all have; a mistake in them is told as by ExtractedAudio itself."""
    videos: dict[str, Any] = {"intro": "v1", "finale": {"asset_id": "v2", "title": "The end", "format": "MP3"}}
    catalogue = AudioCatalogue("talks", videos, format="AAC", tags=["talk"])
    assert outputs(catalogue)[0] == {"intro": "audio-of-v1", "finale": "audio-of-v2"}
    found = {name: (one["format"], one.get("title"), one["tags"]) for name, one in mocks.declared.items()}
    assert found == {"talks-intro": ("AAC", None, ["talk"]), "talks-finale": ("MP3", "The end", ["talk"])}
    assert repr(catalogue) == "AudioCatalogue('talks', 2 audios)"
    with pytest.raises(TypeError, match=r"ExtractedAudio\('bad-a'\) has no input 'titel': did you mean title\?"):
        AudioCatalogue("bad", {"a": {"asset_id": "v1", "titel": "A"}})  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("videos", "said"),
    [
        ([Asset("a1", "CREATED", pack_type="MP3")], "videos has audio a1 in its list, and an audio's audio would be"),
        (None, "videos is None, and has to be media ids by name, or a list of media ids or assets"),
        ([""], "videos has '' where a name or a media id has to be"),
        ({"": "v1"}, "videos has '' where a name or a media id has to be"),
        ([5412], "videos has 5412 where a name or a media id has to be"),
        ([object.__new__(pulumi.Output)], "videos has an Output in its list, whose name nobody knows yet"),
        (object.__new__(pulumi.Output), "videos is an Output: how many audios there are has to be known"),
    ],
)
def test_what_lists_no_videos_is_refused(mocks: Mocks, videos: Any, said: str) -> None:
    """In one line, before anything is declared."""
    with pytest.raises(TypeError) as refused:
        AudioCatalogue("one", videos)
    assert str(refused.value).startswith(said)
    assert mocks.declared == {}


@pytest.mark.parametrize(
    "videos",
    [
        {"v1": "v1", "v2": "v2", "v3": {"asset_id": "v3"}},
        ["v1", "v2", "v3"],
        [Asset("v1", "CREATED"), Asset("v2", "CREATED"), Asset("v3", "CREATED", pack_type="MP3")],
    ],
)
def test_what_is_excluded_is_not_declared(mocks: Mocks, videos: Any) -> None:
    """By name or media id, whatever else would be wrong with it; one that is not there is no error."""
    catalogue = AudioCatalogue("all", videos, exclude=["v2", "v3", "gone"])
    assert outputs(catalogue)[0] == {"v1": "audio-of-v1"}
    assert set(mocks.declared) == {"all-v1"}


@pytest.mark.parametrize(
    ("exclude", "said"),
    [
        ("v1", "exclude is a text, and has to be a list of names: ['v1']"),
        (None, "exclude is None, and has to be a list of names, known while the program runs"),
        (object.__new__(pulumi.Output), "exclude is an Output, and has to be a list of names"),
        ([object.__new__(pulumi.Output)], "exclude has an Output in its list, and has to be a list of names"),
        ([5412], "exclude has 5412 in its list, and has to be a list of names"),
    ],
)
def test_what_names_nothing_to_leave_out_is_refused(mocks: Mocks, exclude: Any, said: str) -> None:
    """It would leave out nothing, or one letter's worth."""
    with pytest.raises(TypeError) as refused:
        AudioCatalogue("one", ["v1"], exclude=exclude)
    assert str(refused.value).startswith(said)
    assert mocks.declared == {}


def test_an_input_that_there_is_none_of_is_refused(mocks: Mocks) -> None:
    """By the catalogue's name, before anything is declared."""
    wrong: dict[str, Any] = {"formats": "MP3"}
    with pytest.raises(TypeError, match=r"AudioCatalogue\('one'\) has no input 'formats': did you mean format\?"):
        AudioCatalogue("one", ["v1"], **wrong)
    assert mocks.declared == {}


def test_a_text_in_place_of_a_list_is_refused(mocks: Mocks) -> None:
    """It would be taken for its letters."""
    with pytest.raises(TypeError, match=r"videos is a text, and has to be a list of media ids: \['v1'\]"):
        AudioCatalogue("one", "v1")


def test_a_catalogue_may_be_one_set(mocks: Mocks) -> None:
    """One resource of the component's name has all audios, and each output is made when it is asked for."""
    catalogue = AudioCatalogue("archive", {"a": "v1", "b": {"asset_id": "v2", "title": "T"}}, as_set=True, format="AAC")
    assert catalogue.audio_set is not None
    assert catalogue.audios == {}
    assert sorted(catalogue.urls) == ["a", "b"]
    assert len(catalogue.audio_asset_ids) == 2
    found: list[Any] = []

    @pulumi.runtime.test  # type: ignore[untyped-decorator]
    def wait() -> pulumi.Output[None]:
        return pulumi.Output.all(**catalogue.audio_asset_ids, url=catalogue.urls["b"]).apply(found.append)

    wait()
    assert found == [{"a": "audio-of-v1", "b": "audio-of-v2", "url": "https://audio-of-v2"}]
    assert mocks.declared["archive"]["audios"] == {"a": {"asset_id": "v1"}, "b": {"asset_id": "v2", "title": "T"}}
    assert mocks.declared["archive"]["format"] == "AAC"
    with pytest.raises(KeyError):
        catalogue.urls["c"]
