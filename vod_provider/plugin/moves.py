"""Audios that move between resources: from one resource each to one for all, and back.

Pulumi creates what is new before it deletes what goes, and tells nobody that the two belong together. So whoever is
created takes over what the ledger says that its counterpart holds; when that goes in the same run, its audio is
somebody else's, and stays. The counterpart is named by `moved_from`; within an `AudioCatalogue` its name tells it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from vod_provider.audio.inputs import Request
from vod_provider.audio.ledger_records import Holder, entry_of, name_of
from vod_provider.audio.ledger_records import Request as Asked
from vod_provider.vod.errors import VodError

CATALOGUE = "vod:index:AudioCatalogue"
"""The type of the component whose audios have names that tell their counterparts."""


class Held(NamedTuple):
    """An audio that a resource of the stack holds, or that was made for it."""

    owner: str
    audio_id: str
    site: str
    source: str
    format: str

    def is_asked(self, request: Request) -> bool:
        """Whether it was extracted from the same source in the same format, as far as the ledger says."""
        return self.source in {request.asset_id, ""} and self.format in {request.format, ""}


class Moves:
    """What the resources of one stack held when the run began, by their names."""

    def __init__(self, requests: Iterable[Asked], holders: Iterable[Holder]) -> None:
        self._named: defaultdict[str, list[Held]] = defaultdict(list)
        self._counterparts: defaultdict[tuple[str, bool], list[Held]] = defaultdict(list)
        rows: list[Asked | Holder] = [*holders, *requests]
        for row in rows:
            if row.audio_id is not None:
                held = Held(row.owner, row.audio_id, row.site, row.source, row.format)
                self._named[name_of(row.owner)].append(held)
                if (found := in_catalogue(row.owner)) is not None:
                    self._counterparts[found, entry_of(row.owner)[1] is not None].append(held)

    def from_(self, name: str, request: Request) -> Held:
        """The audio of the resource of that name, which is to be taken over. Raises VodError where it is not known."""
        doing = f"taking over the audio of {name}"
        found = self._named.get(name, [])
        if not found:
            raise VodError(
                f"{doing}: the ledger does not know it; `pulumi refresh` notes what the state has; if it is not there"
                " any more, take moved_from out, which extracts it and is billed"
            )
        fitting = [it for it in found if it.is_asked(request)]
        if not fitting:
            raise VodError(
                f"{doing}: it is {found[0].format} of asset {found[0].source}, and not {request.format} of asset"
                f" {request.asset_id}; take moved_from out, which extracts it and is billed"
            )
        return fitting[0]

    def counterpart(self, owner: str, request: Request) -> Held | None:
        """The audio that the same video of the same catalogue had the other way: one each, or one for all."""
        name = in_catalogue(owner)
        if name is None:
            return None
        found = self._counterparts.get((name, entry_of(owner)[1] is None), [])
        return next((it for it in found if it.is_asked(request)), None)


def in_catalogue(owner: str) -> str | None:
    """What an audio of a catalogue has in common with its counterpart; None for one that is in no catalogue."""
    base, key = entry_of(owner)
    _, found, urn = base.partition("urn:pulumi:")
    stack, project, types, name = (*urn.split("::", 3), "", "", "", "")[:4]
    parents = types.rpartition("$")[0]
    if not found or not parents.endswith(CATALOGUE):
        return None
    return "::".join((stack, project, parents, name if key is None else f"{name}-{key}"))
