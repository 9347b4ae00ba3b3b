"""States of stacks, as `pulumi stack export` writes them: whose they are, and which audios they know. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from vod_provider.audio.entries import EXTRACTED, SUPERSEDED
from vod_provider.audio.ledger_records import SET
from vod_provider.cli.errors import CommandError
from vod_provider.plugin.state_secrets import in_clear, is_encrypted


@dataclass(frozen=True, order=True)
class StackName:
    """A stack, as far as URNs tell it: they say project and stack, and not the backend."""

    project: str
    stack: str

    def __str__(self) -> str:
        return f"{self.project}/{self.stack}"

    @classmethod
    def of_urn(cls, urn: str) -> StackName | None:
        """The stack of a resource, or None for what is no URN: 'urn:pulumi:STACK::PROJECT::TYPE::NAME'."""
        parts = urn.removeprefix("urn:pulumi:").split("::", 3)
        return cls(parts[1], parts[0]) if urn.startswith("urn:pulumi:") and len(parts) == 4 else None


@dataclass(frozen=True)
class State:
    """One exported state. `stacks` is empty where it has no resources, since nothing else in it names the stack."""

    stacks: frozenset[StackName]
    texts: frozenset[str]
    """Every text in it. An audio whose id is among them is known, be it a resource's id, an input or an output."""
    is_sealed: bool = False
    """Whether the ids of a set's audios are encrypted in it, as by the option `additional_secret_outputs`."""


def parse(text: str, origin: str) -> State:
    """Read an exported state; `origin` names it in errors. Raises CommandError for what is none."""
    try:
        exported = in_clear(json.loads(text))
    except ValueError as exc:
        raise CommandError(f"{origin}: no JSON ({exc}); it has to be what `pulumi stack export` writes") from exc
    deployment = exported.get("deployment") if isinstance(exported, dict) else None
    resources = (deployment.get("resources") or []) if isinstance(deployment, dict) else None
    if not isinstance(resources, list) or not all(isinstance(one, dict) for one in resources):
        raise CommandError(f"{origin}: no state of a stack; it has to be what `pulumi stack export` writes")
    stacks = (StackName.of_urn(str(one.get("urn", ""))) for one in resources)
    # Operations that were under way when an engine was killed stand beside the resources, and know ids too.
    is_sealed = any(map(_is_sealed, _resources(deployment)))
    return State(frozenset(name for name in stacks if name), frozenset(_texts(deployment)), is_sealed)


def _resources(value: Any) -> Iterator[dict[str, Any]]:
    """All resources of a deployment, those of pending operations, too: whatever has a URN."""
    if isinstance(value, dict):
        if "urn" in value:
            yield value
            return
        for part in value.values():
            yield from _resources(part)
    elif isinstance(value, list):
        for part in value:
            yield from _resources(part)


def _is_sealed(resource: dict[str, Any]) -> bool:
    """Whether it is a set, and an encrypted value stands where the ids of its audios would."""
    outputs = resource.get("outputs")
    if SET not in str(resource.get("urn", "")) or not isinstance(outputs, dict):
        return False
    for audios in (outputs.get(EXTRACTED), outputs.get(SUPERSEDED)):
        held = audios.values() if isinstance(audios, dict) else ()
        if any(map(is_encrypted, (audios, *held))):
            return True
        if any(is_encrypted(value) for one in held if isinstance(one, dict) for value in _ids(one)):
            return True
    return False


def _ids(entry: dict[str, Any]) -> Iterator[Any]:
    yield from (value for name, value in entry.items() if name in {"audio_asset_id", "audioAssetId"})


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)
