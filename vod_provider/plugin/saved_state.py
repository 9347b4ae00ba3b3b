"""What the engine's saved state says of a stack's audios, for a machine whose ledger knows nothing of the stack.

Asked of the `pulumi` that runs the plugin, which keeps secrets encrypted and takes no lock.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from typing import Any

from vod_provider.audio import entries
from vod_provider.audio.ledger_records import Holder, owner_of_entry
from vod_provider.audio.place import Place
from vod_provider.plugin import names
from vod_provider.plugin.errors import SavedStateError
from vod_provider.plugin.owner import SET_TYPES, TYPES
from vod_provider.vod.errors import VodError

SECONDS = 60.0
"""The command takes no longer."""


def holders(owners: str, environ: Mapping[str, str] = os.environ) -> list[Holder]:
    """The audios of the stack whose owners begin with `owners`, 'BACKEND urn:pulumi:STACK::PROJECT::'."""
    backend, _, urn = owners.partition("urn:pulumi:")
    stack, program = urn.partition("::")[0], shutil.which("pulumi", path=environ.get("PATH", ""))
    if program is None:
        raise SavedStateError("there is no pulumi on PATH to read the stack's state with")
    try:
        done = subprocess.run(  # noqa: S603 - the pulumi that runs this plugin, with arguments that are ours
            [program, "stack", "export", "--stack", stack, "--non-interactive"],
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS,
            check=True,
        )
        resources = json.loads(done.stdout)["deployment"].get("resources") or []
        return [it for one in resources for it in _audios(one, backend) if it.owner.startswith(owners)]
    except (OSError, subprocess.SubprocessError, VodError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SavedStateError(f"`pulumi stack export` of stack {stack} failed ({type(error).__name__})") from error


def _audios(resource: Mapping[str, Any], backend: str) -> Iterator[Holder]:
    kind, owner = resource["type"], f"{backend}{resource['urn']}"
    outs = names.to_snake(resource.get("outputs") or {})
    if kind in TYPES:
        yield _holder(owner, outs)
    elif kind in SET_TYPES:
        there = entries.entries(outs, entries.asked(names.to_snake(resource.get("inputs") or {})))
        for key, entry in there.held.items():
            yield _holder(owner_of_entry(owner, key), entry)


def _holder(owner: str, outs: Mapping[str, Any]) -> Holder:
    place = Place.parse(outs.get("place"))
    return Holder(
        site=place.site if place is not None else "",
        audio_id=str(outs["audio_asset_id"]),
        owner=owner,
        made_for=str(outs.get("made_for", "")),
        source=str(outs.get("asset_id") or ""),
        format=str(outs.get("format") or ""),
    )
