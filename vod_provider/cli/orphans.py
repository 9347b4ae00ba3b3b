"""`python -m vod_provider orphans`: whose the audios of the project are, and deleting those that no stack holds."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from vod_provider.audio.ledger_records import LedgerError
from vod_provider.cli import layout, ledgers
from vod_provider.cli.configuration import Configuration, loaded
from vod_provider.cli.console import Console
from vod_provider.cli.errors import CommandError
from vod_provider.cli.ownership import Entry, Finding, Known, Standing, entries_of, stack_of, urn_of
from vod_provider.cli.removal import Removal
from vod_provider.cli.states import StackName, State
from vod_provider.config.settings import SettingsError
from vod_provider.vod.assets import Asset
from vod_provider.vod.client import Client
from vod_provider.vod.deadline import Deadline
from vod_provider.vod.errors import DeadlineError, VodError
from vod_provider.vod.transport import Transport

LISTING_S = 600.0
"""How long the listing may take in all: at the quota, a million audios."""

_HEADINGS = {
    Standing.ORPHANED: "Orphaned: the ledger has them as asked for by us, and no state that was given holds them",
    Standing.YOUNG: "Too young to say: they would be orphaned, but they may be somebody's running `pulumi up`",
    Standing.KEPT: "Kept by the ledger: the next `pulumi up` that asks for the same takes it",
    Standing.ELSEWHERE: (
        "Of other stacks: the ledger has them for stacks whose states were not given, are empty or are encrypted"
    ),
    Standing.UNKNOWN: "Unknown: in no state that was given, and not in the ledger, so they may be anybody's",
}
_HEAD = ("AUDIO", "AGE", "STATUS", "FORMAT", "DURATION", "TITLE")
_RIGHT = frozenset({1, 4})


@dataclass(frozen=True)
class Options:
    """What was asked for. `older_than` in seconds; `former` are stacks that are no more.

    `ids` are audios that are to be deleted although they are unknown, young or kept: each was looked at, and named.
    """

    states: Sequence[State] = ()
    former: Sequence[StackName] = ()
    ids: Sequence[str] = ()
    older_than: float = 3600.0
    delete: bool = False
    yes: bool = False
    as_json: bool = False

    def check(self, *, terminal: bool) -> None:
        """Refuse what would delete without being looked at. Raises CommandError."""
        if not self.delete:
            if self.ids:
                raise CommandError("--id: names what --delete is to delete, and there is no --delete")
            return
        if not self.states and not self.former:
            raise CommandError(
                "--delete: no stack is named, so nothing can be called orphaned; give all stacks that use the project"
                " with --stack or --stack-state"
            )
        if self.as_json and not self.yes:
            raise CommandError("--delete: nothing is asked with --json; look at the list first, then add --yes")
        if not self.yes and not terminal:
            raise CommandError("--delete: there is no terminal to ask on; look at the list first, then add --yes")


class Orphans:
    """The command, over one project of VOD and one ledger. `now` is Unix time in seconds."""

    def __init__(
        self,
        client: Client,
        entries: Callable[[], Sequence[Entry]],
        place: str,
        console: Console,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._client, self._entries, self._place, self._console, self._now = client, entries, place, console, now

    def run(self, options: Options) -> int:
        """List, and delete if that was asked for; the exit status. Raises CommandError."""
        options.check(terminal=self._console.asks)
        found = self._find(options)
        wanted = _wanted(found, options)
        if not options.as_json:
            self._console.print(_report(found, options, self._place))
        if not options.delete or not wanted:
            if options.as_json:
                self._console.print([json.dumps(_as_json(found, self._place), indent=2, ensure_ascii=False)])
            return 0
        if not options.yes and not self._agreed(len(wanted)):
            self._console.say("Nothing was deleted.")
            return 0
        removal = Removal(self._client, lambda: self._taken(options, wanted), self._console.progress)
        if not options.as_json:
            self._console.print([""])
        results: dict[str, str] = {}
        failed = 0
        for one in removal.remove([it.audio.id for it in wanted]):
            results[one.audio_id] = one.said
            failed += not one.gone
            if not options.as_json:
                self._console.print(layout.paragraph(f"{one.audio_id}: {layout.clean(one.said)}"))
        if options.as_json:
            shown = _as_json(found, self._place) | {"deletions": results}
            self._console.print([json.dumps(shown, indent=2, ensure_ascii=False)])
        else:
            self._console.print([f"{layout.count(len(results) - failed, 'audio')} deleted, {failed} not."])
        return 1 if failed else 0

    def _find(self, options: Options) -> list[Finding]:
        until = datetime.fromtimestamp(self._now(), UTC) + timedelta(days=1)
        self._console.progress(f"listing the audios of {self._place}")
        try:
            audios = self._client.audios(
                until,
                Deadline(LISTING_S),
                progress=lambda count: self._console.progress(f"  {layout.count(count, 'audio')} so far"),
            )
        except DeadlineError as exc:
            raise CommandError(f"listing the project's audios: VOD's quota gave no way for {LISTING_S:g} s") from exc
        except VodError as exc:
            raise CommandError(str(exc)) from exc
        # The ledger is read after VOD: what was asked for in between is not in the list, rather than in the way.
        return self._sort(options, list(audios.values()))

    def _sort(self, options: Options, audios: Sequence[Asset]) -> list[Finding]:
        known = Known(options.states, self._entries(), options.former)
        return known.sort(audios, now=self._now(), skew=self._client.skew, older_than=options.older_than)

    def _taken(self, options: Options, wanted: Sequence[Finding]) -> set[str]:
        """Those that have become somebody's since they were listed: the question may have been open for hours."""
        now = self._sort(options, [it.audio for it in wanted])
        before = {it.audio.id: it.standing for it in wanted}
        return {it.audio.id for it in now if it.standing is not before[it.audio.id]}

    def _agreed(self, count: int) -> bool:
        answer = self._console.ask(f"Type the number of audios to delete them ({count}), anything else to leave them: ")
        return answer == str(count)


def open_orphans(configuration: Configuration, console: Console) -> Orphans:
    """The command over what is configured. Raises CommandError."""
    here = loaded(configuration)
    client = Client(Transport(here.endpoint, here.project_id, here.credentials, account=here.account), here.quotas)
    try:
        ledger = ledgers.opened(configuration, here, _refuse)
    except (SettingsError, LedgerError) as exc:
        raise CommandError(str(exc)) from exc

    def entries() -> Sequence[Entry]:
        try:
            return entries_of(ledger, f"{here.endpoint} {here.project_id}")
        except LedgerError as exc:
            raise CommandError(str(exc)) from exc

    return Orphans(client, entries, f"project {here.project_id} at {here.endpoint}", console)


def _refuse(warning: str) -> None:
    # What it kept is not known now, and would look orphaned.
    raise CommandError(f"vod:journal: {warning}; run this again to go without what it kept")


# -- words -------------------------------------------------------------------------------------------------------


def _wanted(found: Sequence[Finding], options: Options) -> list[Finding]:
    """What is to be deleted: the orphans, and those that were named and are nobody's. Raises CommandError."""
    by_id = {it.audio.id: it for it in found}
    for one in options.ids:
        if one not in by_id:
            raise CommandError(f"--id {one}: the project has no such audio")
        if by_id[one].standing in {Standing.KNOWN, Standing.ELSEWHERE}:
            raise CommandError(f"--id {one}: a stack holds it ({by_id[one].standing.value}), so it is not deleted")
    return [it for it in found if it.standing is Standing.ORPHANED or it.audio.id in options.ids]


def _report(found: Sequence[Finding], options: Options, place: str) -> Iterator[str]:
    stacks = sorted({str(name) for state in options.states for name in state.stacks})
    empty = sum(not state.stacks for state in options.states)
    given = [*stacks, *([layout.count(empty, "state") + " without resources"] if empty else [])]
    compared = f"{', '.join(given)} and the ledger" if given else "the ledger alone, since no stack was given"
    yield from layout.paragraph(f"Audios of {place}, compared with {compared}.")
    count = {standing: sum(it.standing is standing for it in found) for standing in Standing}
    sealed = frozenset().union(*(state.stacks for state in options.states if state.is_sealed))
    known, orphaned, unknown = (count[one] for one in (Standing.KNOWN, Standing.ORPHANED, Standing.UNKNOWN))
    rest = len(found) - known - orphaned - unknown
    yield (
        f"{layout.count(len(found), 'audio')}: {known} known, {orphaned} orphaned, {unknown} unknown,"
        f" {rest} of others or in doubt."
    )
    for standing, heading in _HEADINGS.items():
        here = [it for it in found if it.standing is standing]
        if here:
            yield ""
            yield from layout.paragraph(heading)
            yield ""
            yield from _table(here, sealed)
            yield f"{layout.count(len(here), 'audio')}, {_total(here)}"
    if unknown:
        yield ""
        yield from layout.paragraph(
            "VOD does not record what an audio was made of, nor by whom. An unknown one may have been uploaded, or"
            " made by a stack, a machine or a program that this ledger knows nothing of. --delete leaves it; --id AUDIO"
            " names one that you have looked at, to be deleted with the others."
        )


def _table(findings: Sequence[Finding], sealed: Collection[StackName | None]) -> Iterator[str]:
    rows = [
        (
            layout.clean(it.audio.id),
            layout.age(it.age),
            layout.clean(it.audio.status),
            layout.clean(it.audio.pack_type or "?"),
            layout.duration(it.audio.duration),
            layout.clean(it.audio.title) or "-",
        )
        for it in findings
    ]
    head, *lines = layout.table(_HEAD, rows, right=_RIGHT)
    yield head
    for line, it in zip(lines, findings, strict=True):
        yield line
        for detail in _details(it, sealed):
            yield from layout.paragraph(layout.clean(detail), "    ")


def _details(it: Finding, sealed: Collection[StackName | None]) -> Iterator[str]:
    entry = it.entry
    if entry is None:
        return
    owner = urn_of(entry.owner) or "an unknown resource"
    if it.lost:
        asked = datetime.fromtimestamp(entry.asked_at or 0.0, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        yield f"may be what VOD made of {entry.format} from {entry.source}, asked at {asked}; the answer was lost"
        yield f"for {owner}"
    else:
        yield f"extracted from {entry.source}"
        yield f"{'for' if it.standing is Standing.KEPT else 'was'} {owner}"
    if it.standing is Standing.ELSEWHERE:
        stack = stack_of(entry.owner)
        if stack in sealed:
            yield "the given state has audios encrypted: give what `pulumi stack export --show-secrets` writes"
        else:
            yield f"give its state with --stack or --stack-state, or --former-stack {stack} if it is no more"


def _total(findings: Sequence[Finding]) -> str:
    known = [it.audio.duration for it in findings if it.audio.duration is not None]
    unknown = len(findings) - len(known)
    rest = f", and {unknown} of unknown duration" if unknown else ""
    return f"{layout.duration(sum(known))} in all (extraction is billed by duration){rest}"


def _as_json(found: Sequence[Finding], place: str) -> dict[str, Any]:
    return {
        "place": place,
        "audios": [_finding(it) for it in found],
        "totals": {
            standing.value: {
                "count": len(here),
                "duration_s": round(sum(it.audio.duration or 0.0 for it in here), 3),
            }
            for standing in Standing
            for here in [[it for it in found if it.standing is standing]]
        },
    }


def _finding(it: Finding) -> Mapping[str, Any]:
    return {
        "audio_asset_id": it.audio.id,
        "standing": it.standing.value,
        "title": it.audio.title,
        "status": it.audio.status,
        "format": it.audio.pack_type,
        "created": it.audio.created.isoformat() if it.audio.created else None,
        "age_s": None if it.age is None else round(it.age),
        "duration_s": it.audio.duration,
        "size": it.audio.size,
        "url": it.audio.url,
        "source": it.entry.source if it.entry and not it.lost else None,
        "owner": urn_of(it.entry.owner) if it.entry else None,
        "answer_lost": it.lost,
    }
