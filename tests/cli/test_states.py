"""What is read out of exported states."""

from __future__ import annotations

import json
from typing import Any

import pytest

from vod_provider.cli.errors import CommandError
from vod_provider.cli.states import StackName, State, parse

URN = "urn:pulumi:dev::media::pulumi-python:dynamic/vod:ExtractedAudio::talk"
STACK = {"urn": "urn:pulumi:dev::media::pulumi:pulumi:Stack::media-dev", "type": "pulumi:pulumi:Stack"}


def exported(*resources: dict[str, Any], **rest: Any) -> str:
    """A state as the engine exports it."""
    return json.dumps({"version": 3, "deployment": {"manifest": {}, "resources": list(resources), **rest}})


def test_a_state_knows_its_stack_and_every_text_in_it() -> None:
    """An audio may stand there as an id, an input (adopt), an output or within a list: all of them count."""
    state = parse(
        exported(
            STACK | {"outputs": {"all": ["a-output"]}},
            {"urn": URN, "id": "a-id", "inputs": {"adopt": "a-input"}, "outputs": {"nested": {"deep": ["a-deep"]}}},
        ),
        "--stack dev",
    )
    assert state.stacks == {StackName("media", "dev")}
    assert {"a-id", "a-input", "a-output", "a-deep"} <= state.texts


def test_pending_operations_count() -> None:
    """What an engine was doing when it was killed stands beside the resources, and its id is known."""
    state = parse(exported(pending_operations=[{"type": "deleting", "resource": {"urn": URN, "id": "a1"}}]), "-")
    assert "a1" in state.texts


@pytest.mark.parametrize("deployment", [{}, {"resources": None}, {"resources": []}])
def test_an_empty_stack_is_a_state(deployment: dict[str, Any]) -> None:
    """A stack without resources exports none: it knows nothing, and does not tell its name."""
    assert parse(json.dumps({"deployment": deployment}), "-") == State(frozenset(), frozenset())


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "1", "{}", '{"deployment": null}', '{"deployment": {"resources": 1}}', '{"resources": []}',
             '{"deployment": {"resources": ["x"]}}']
)  # fmt: skip
def test_what_is_no_state(text: str) -> None:
    """Anything else is refused by the flag it came with: taken for an empty state, it would orphan all audios."""
    with pytest.raises(CommandError, match=r"--stack-state x\.json: .*pulumi stack export"):
        parse(text, "--stack-state x.json")


@pytest.mark.parametrize("urn", ["", "media/dev", "urn:pulumi:dev::media", "3f0c2c5e-6d0b-4f0e-9c55-9b9b1a1f2a10"])
def test_what_is_no_urn_names_no_stack(urn: str) -> None:
    """An owner that is no URN belongs to no stack."""
    assert StackName.of_urn(urn) is None
