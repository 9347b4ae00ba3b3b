"""Test the program with Pulumi's mocks, without an engine or plugins. Run it with `pytest`."""

import runpy
from pathlib import Path
from typing import Any

import pulumi


class Mocks(pulumi.runtime.Mocks):
    """Stand in for the engine. `declared` holds the inputs of each resource by its type."""

    def __init__(self) -> None:
        self.declared: dict[str, dict[str, Any]] = {}

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        """Return the ID and the outputs that the resource has once it exists."""
        self.declared[args.typ] = args.inputs
        if args.typ == "huaweicloud:Vod/mediaAsset:MediaAsset":
            return "the-video", {**args.inputs}
        return "the-audio", {**args.inputs, "audio_asset_id": "the-audio"}

    def call(self, args: pulumi.runtime.MockCallArgs) -> tuple[dict[Any, Any], None]:
        """Fail: the program calls no provider functions."""
        raise NotImplementedError(args.token)


mocks = Mocks()
pulumi.runtime.set_mocks(mocks)
pulumi.runtime.set_all_config({"project:url": "https://example.com/talk.mp4"})


@pulumi.runtime.test  # type: ignore[untyped-decorator]
def test_the_audio_comes_from_the_video() -> pulumi.Output[None]:
    """The audio is extracted from the other provider's asset and has the same title."""
    program = runpy.run_path(str(Path(__file__).with_name("__main__.py")))

    def check(audio_id: str) -> None:
        assert audio_id == "the-audio"
        declared = mocks.declared["pulumi-python:dynamic/vod:ExtractedAudio"]
        assert (declared["asset_id"], declared["title"]) == ("the-video", "The talk")

    audio: pulumi.Output[str] = program["audio"].audio_asset_id
    return audio.apply(check)
