"""What `help()` shows of the constructors."""

from __future__ import annotations

import inspect

import pytest

from vod_provider import AudioCatalogue, ExtractedAudio, ExtractedAudioArgs
from vod_provider.program.catalogue import SharedInputs


@pytest.mark.parametrize(
    ("of", "own", "inputs"),
    [
        (ExtractedAudio, ["resource_name", "args", "opts"], ExtractedAudioArgs),
        (AudioCatalogue, ["resource_name", "videos", "opts", "exclude", "as_set"], SharedInputs),
    ],
)
def test_every_input_is_in_the_signature(of: type, own: list[str], inputs: type) -> None:
    """By its name and type, behind what the constructor has beside; nothing is hidden behind a `**`."""
    parameters = inspect.signature(of).parameters
    assert list(parameters) == [*own, *inputs.__annotations__]
    for name in inputs.__annotations__:
        assert parameters[name].kind is inspect.Parameter.KEYWORD_ONLY
        assert parameters[name].annotation.startswith("Input[")


def test_only_what_has_to_be_given_has_no_default() -> None:
    """That is the video."""
    parameters = inspect.signature(ExtractedAudio).parameters
    without = [name for name, it in parameters.items() if it.default is inspect.Parameter.empty]
    assert without == ["resource_name", "asset_id"]
    assert parameters["asset_id"].annotation == "Input[str]"
