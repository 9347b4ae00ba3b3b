"""The program with Pulumi's mocks in place of engine and plugins; run by `pytest`."""

import runpy
from pathlib import Path
from typing import Any

import pulumi


class Mocks(pulumi.runtime.Mocks):
    """Answers in place of the engine; `declared` are the resources' inputs, by type."""

    def __init__(self) -> None:
        self.declared: dict[str, dict[str, Any]] = {}

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        """The video's id is what its audio is to be extracted from."""
        self.declared[args.typ] = args.inputs
        if args.typ == "huaweicloud:Vod/mediaAsset:MediaAsset":
            return "the-video", {**args.inputs}
        return "the-audio", {**args.inputs, "audio_asset_id": "the-audio"}

    def call(self, args: pulumi.runtime.MockCallArgs) -> tuple[dict[Any, Any], None]:
        """Functions of providers; there is none here."""
        raise NotImplementedError(args.token)


mocks = Mocks()
pulumi.runtime.set_mocks(mocks)
pulumi.runtime.set_all_config({"project:url": "https://example.com/talk.mp4"})


@pulumi.runtime.test  # type: ignore[untyped-decorator]
def test_the_audio_is_the_videos() -> pulumi.Output[None]:
    """The audio is extracted from the asset that the other provider makes, and bears its name."""
    program = runpy.run_path(str(Path(__file__).with_name("__main__.py")))

    def check(audio_id: str) -> None:
        assert audio_id == "the-audio"
        declared = mocks.declared["pulumi-python:dynamic/vod:ExtractedAudio"]
        assert (declared["asset_id"], declared["title"]) == ("the-video", "The talk")

    audio: pulumi.Output[str] = program["audio"].audio_asset_id
    return audio.apply(check)
