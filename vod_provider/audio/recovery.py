"""What became of a request whose answer is missing: the audio that VOD made of it, nothing, or a doubt.

VOD does not record what an audio was extracted from. So the evidence is put together: VOD made the audio after it was
asked, nobody is known to have it, its format is right, and its title (or its description, which VOD fills itself) is
that of the source, as the source is known now or was when VOD was asked. What speaks neither clearly for an audio nor
clearly against it is a doubt, and is told instead of asking, and paying, again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from vod_provider.audio.ledger import Ledger
from vod_provider.audio.ledger_records import Key, Request
from vod_provider.audio.operation import Operation
from vod_provider.vod.assets import Asset, Outcome, agree, format_of
from vod_provider.vod.client import Client
from vod_provider.vod.deadline import Deadline, running
from vod_provider.vod.errors import AmbiguousError
from vod_provider.vod.pacing.poller import Poller

SENT_S = 300.0
"""A request makes its audio at most this long after it was sent, or never. Inferred."""
LATE = 0.5
"""A request is sent within this part of the time over which every look has to find nothing, or not at all;"""
LATE_S = 2.0
"""but it has so many seconds, however short that is set: to write it down takes a busy machine a while."""
LOOKS = (0.08, 0.25, 0.5, 1.0)
"""When to look, in parts of the time over which every look has to find nothing before that is believed."""


@dataclass(frozen=True)
class _Found:
    """What became of a lost request: its audio, or None; or audios of which it is not clear yet what they are."""

    audio: Asset | None = None
    unclear: Sequence[Asset] = ()


class Recovery:
    """Searches in one place. Safe to share between threads.

    `absence_s`: seconds over which every look has to find nothing before VOD counts as having made
    nothing. `here` is this machine's time in Unix seconds; `running` are seconds that nobody sets, and that go on while
    it is suspended.
    """

    def __init__(
        self,
        client: Client,
        poller: Poller,
        ledger: Ledger,
        site: str,
        absence_s: float,
        *,
        here: Callable[[], float] = time.time,
        running: Callable[[], float] = running,
    ) -> None:
        self._client, self._poller, self._ledger, self._site = client, poller, ledger, site
        self.absence_s, self._here, self.running = absence_s, here, running
        self._ambiguous: set[Key] = set()

    def now(self) -> float:
        """Unix seconds of VOD's clock; of this machine's where VOD's answers have no date."""
        told = self._client.clock.now()
        return self._here() if told is None else told

    def is_new(self, request: Request) -> bool:
        """Whether VOD may have accepted it so lately that an absence of its audio proves nothing."""
        return self.now() - request.asked_at < self.absence_s

    def is_late(self, since: float) -> bool:
        """Whether so much time has passed `since` (of `running`) that another run may soon believe a request lost.

        One that was noted then and is sent only now: storage was slow, or this machine was halted in between.
        """
        return self.running() - since > self.late_s

    @property
    def late_s(self) -> float:
        """See `is_late`."""
        return max(LATE_S, LATE * self.absence_s)

    def in_the_way(self, request: Request) -> list[Request]:
        """Requests whose audio might be mistaken for the one of `request` as long as their own answers are missing."""
        since = self.now() - SENT_S
        return [
            other
            for other in self._ledger.unanswered(self._site)
            if other.key != request.key
            and other.key not in self._ambiguous
            and other.asked_at >= since
            and _may_be_mistaken(other, request)
        ]

    def search(self, request: Request, operation: Operation, deadline: Deadline) -> None:
        """Find out what became of the request; the ledger then has its audio, or no such request any more.

        It may be another run's that is still under way: an engine that was killed leaves its plugin behind for some
        seconds, and `pulumi cancel` ends no run. Raises AmbiguousError, and what the deadline raises.
        """
        operation.report("answer lost: searching for its audio")
        self._poller.glance(request.source, deadline)  # tells VOD's time
        for part in LOOKS:
            # By VOD's clock, so it does not matter how this machine's was set; never longer than the table says.
            age = max(0.0, self.now() - request.asked_at)
            deadline.sleep(min(self.absence_s, max(0.0, part * self.absence_s - age)))
            if self._look(request, operation, deadline, last=part == LOOKS[-1]):
                return

    def search_for_other(self, request: Request, operation: Operation, deadline: Deadline) -> None:
        """As `search`, for somebody else's request, who is told of a doubt when its own turn comes.

        That of a stack with a ledger of its own is only waited for: nobody but that stack can settle it.
        """
        try:
            self.search(request, operation, deadline)
        except AmbiguousError:
            self._ambiguous.add(request.key)
            return
        if request in self._ledger.unanswered(self._site):
            deadline.sleep(max(0.0, self.absence_s - (self.now() - request.asked_at)))
            self._ambiguous.add(request.key)

    def _look(self, request: Request, operation: Operation, deadline: Deadline, *, last: bool) -> bool:
        """One look; whether it has settled the matter."""
        while True:
            with self._ledger.searching(deadline.sleep, operation.report):
                if self._ledger.find(request.key) != request:
                    return True  # its answer came, or somebody else has found it
                found = self._found(request, deadline)
                if not found.unclear:
                    if found.audio is not None and (last or not self._may_be_anothers(request)):
                        self._ledger.accept(request.key, found.audio.id)
                        return True
                    if last:
                        self._ledger.drop(request.key)
                    return last
            # What tells them apart shows when they are done.
            for one in found.unclear:
                self._poller.wait(one.id, deadline)

    def _may_be_anothers(self, request: Request) -> bool:
        """Whether somebody asks for the same now, and the answer that tells whose the audio is may be on its way."""
        return not self._ledger.excludes_others and any(
            it.key != request.key and (it.source, it.format) == (request.source, request.format)
            for it in self._ledger.unanswered(self._site)
        )

    def _found(self, request: Request, deadline: Deadline) -> _Found:
        """What VOD has made of the request, as far as it can be told. Raises AmbiguousError."""
        candidates = self._candidates(request, deadline)
        if not candidates:
            return _Found()
        source = self._source(request, deadline)
        lost = [it for it in self._ledger.unanswered(self._site) if abs(it.asked_at - request.asked_at) <= SENT_S]
        alike = [it.format for it in lost if it.source == request.source] or [request.format]
        rivals = [(self._source(it, deadline), it.format) for it in lost if it.source != request.source]
        mine, contested, unclear, doubtful = [], [], [], []
        for audio in candidates:
            fits = [
                other.lasts_as_long_as(audio)
                for other, audio_format in rivals
                if other.may_have(audio) and format_of(audio) in {audio_format, None}
            ]
            if not source.may_have(audio):
                doubtful += [] if fits else [audio]
            elif not fits and (format_of(audio) is not None or len(set(alike)) == 1):
                mine.append(audio)
            elif audio.outcome is Outcome.PENDING:
                unclear.append(audio)
            elif format_of(audio) is None or any(fits) == source.lasts_as_long_as(audio):
                contested.append(audio)
            elif not any(fits):
                mine.append(audio)
        if unclear:
            return _Found(unclear=unclear)
        # As many lost answers for the same source and format: the audios are alike, each takes one.
        if len(mine) > alike.count(request.format) or (not mine and (contested or doubtful)):
            raise _doubt(request, [*mine, *contested, *(() if mine or contested else doubtful)])
        return _Found(min(mine, key=lambda it: it.id, default=None))

    def _candidates(self, request: Request, deadline: Deadline) -> list[Asset]:
        """Audios that VOD made after it was asked, that nobody is known to have, and whose format is not another."""
        made = self._client.made_between(*made_when(request.asked_at), deadline)
        known = self._ledger.known_ids(self._site)
        return [
            asset
            for asset in made
            if asset.id not in {*known, request.source}
            and asset.outcome is not Outcome.GONE
            and (format_of(asset) == request.format or not asset.pack_type)
        ]

    def _source(self, request: Request, deadline: Deadline) -> _Source:
        now, then = self._poller.glance(request.source, deadline), request.source_known
        titles = (now.title, str(then.get("title", "")))
        durations = (now.duration, then.get("duration"))
        return _Source(request.source, tuple(filter(None, titles)), tuple(filter(None, durations)))


@dataclass(frozen=True)
class _Source:
    """A source, as VOD tells of it now and told of it when the request was made: it may have been renamed since."""

    id: str
    titles: Sequence[str]
    durations: Sequence[float]

    def may_have(self, audio: Asset) -> bool:
        """Whether the audio's title is one of the source's, as far as VOD tells both, or its description names it."""
        if not audio.title or not self.titles or any(audio.title.startswith(title) for title in self.titles):
            return True
        return self.id in audio.description or any(title in audio.description for title in self.titles)

    def lasts_as_long_as(self, audio: Asset) -> bool:
        """Whether the durations agree, as far as VOD tells both: a hint only, since sound may end before pictures."""
        return not self.durations or any(agree(audio.duration, one) for one in self.durations)


def made_when(asked_at: float) -> tuple[datetime, datetime]:
    """When VOD made the audio of a request that was sent at `asked_at`, if it did: not before, both included.

    `asked_at` is up to a second early (see `VodClock`), which is all that VOD's clocks are allowed to differ.
    """
    asked = datetime.fromtimestamp(asked_at, UTC).replace(microsecond=0)  # VOD dates whole seconds
    return asked, asked + timedelta(seconds=SENT_S)


def known_of(source: Asset) -> dict[str, Any]:
    """What is worth remembering of a source when VOD is asked (see `Request.source_known`)."""
    known = {"title": source.title, "duration": source.duration}
    return {name: value for name, value in known.items() if value}


def _may_be_mistaken(one: Request, other: Request) -> bool:
    """Whether an audio of the one could be taken for one of the other, as far as their formats and titles tell."""
    if one.format != other.format:
        return False
    first, second = (str(it.source_known.get("title", "")) for it in (one, other))
    return one.source == other.source or first.startswith(second) or second.startswith(first)


def _doubt(request: Request, audios: Sequence[Asset]) -> AmbiguousError:
    ids = ", ".join(it.id for it in audios)
    return AmbiguousError(
        f"extracting {request.format} from asset {request.source}: the answer was lost, and each of these audios could"
        f" be the one that VOD made: {ids}; set adopt to the right one, delete those that nobody needs, or, if it is"
        " none of them, change triggers to extract it anew"
    )
