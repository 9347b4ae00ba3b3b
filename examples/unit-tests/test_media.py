"""Test what the program declares, without VOD or an engine. Run it with `pytest`."""

from typing import Any

import pulumi


class Mocks(pulumi.runtime.Mocks):
    """Stand in for the engine. `declared` holds the inputs of each resource by its name."""

    def __init__(self) -> None:
        self.declared: dict[str, dict[str, Any]] = {}

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        """Return the ID and the outputs that the resource has once it exists."""
        assert args.typ == "pulumi-python:dynamic/vod:ExtractedAudio"
        self.declared[args.name] = args.inputs
        audio_id = f"audio-of-{args.inputs['asset_id']}"
        return audio_id, {**args.inputs, "audio_asset_id": audio_id, "status": "CREATED", "duration": 60.0}

    def call(self, args: pulumi.runtime.MockCallArgs) -> tuple[dict[Any, Any], None]:
        """Fail: the program calls no provider functions."""
        raise NotImplementedError(args.token)


mocks = Mocks()
pulumi.runtime.set_mocks(mocks)

import media  # noqa: E402 - the mocks have to be set before any resource is declared


@pulumi.runtime.test  # type: ignore[untyped-decorator]
def test_talks_are_tagged() -> pulumi.Output[None]:
    """The audio of a talk has a tag and that of a trailer does not; both are AAC."""
    audios = media.declare_audios({"talk-1": "video1", "trailer": "video2"})

    def check(audio_ids: list[str]) -> None:
        assert audio_ids == ["audio-of-video1", "audio-of-video2"]
        assert mocks.declared["talk-1"]["tags"] == ["talk"]
        assert mocks.declared["trailer"]["tags"] == []
        assert {declared["format"] for declared in mocks.declared.values()} == {"AAC"}

    return pulumi.Output.all(*(audio.audio_asset_id for audio in audios.values())).apply(check)
