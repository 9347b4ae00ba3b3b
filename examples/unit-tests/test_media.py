"""Tests of what is declared; run by `pytest`. Neither VOD nor an engine has a part in it."""

from typing import Any

import pulumi


class Mocks(pulumi.runtime.Mocks):
    """Answers in place of the engine; `declared` are the resources and their inputs."""

    def __init__(self) -> None:
        self.declared: dict[str, dict[str, Any]] = {}

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        """What a resource is, once it is there: its id and its outputs."""
        assert args.typ == "pulumi-python:dynamic/vod:ExtractedAudio"
        self.declared[args.name] = args.inputs
        outputs = {"audio_asset_id": f"audio-of-{args.inputs['asset_id']}", "status": "CREATED", "duration": 60.0}
        return f"audio-of-{args.inputs['asset_id']}", {**args.inputs, **outputs}

    def call(self, args: pulumi.runtime.MockCallArgs) -> tuple[dict[Any, Any], None]:
        """Functions of providers; there is none here."""
        raise NotImplementedError(args.token)


mocks = Mocks()
pulumi.runtime.set_mocks(mocks)

import media  # noqa: E402 - resources are declared only once there are mocks


@pulumi.runtime.test  # type: ignore[untyped-decorator]
def test_talks_are_tagged() -> pulumi.Output[None]:
    """A talk's audio is tagged, another's is not; both are AAC."""
    audios = media.audios({"talk-1": "video1", "trailer": "video2"})

    def check(values: list[Any]) -> None:
        assert values[:2] == ["audio-of-video1", "audio-of-video2"]
        assert mocks.declared["talk-1"]["tags"] == ["talk"]
        assert mocks.declared["trailer"]["tags"] == []
        assert {declared["format"] for declared in mocks.declared.values()} == {"AAC"}

    return pulumi.Output.all(*(audio.audio_asset_id for audio in audios)).apply(check)
