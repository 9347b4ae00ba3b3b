"""The life of one audio: ask for it, wait for it, find it again, give it its metadata, remove it.

Knows neither Pulumi nor HTTP. What makes it more than a few calls is that VOD is paid for every extraction
and answers before it is done: whatever breaks off in between, the next try has to go on with the same audio.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from vod_provider.audio.journal import Entry, Journal, Key
from vod_provider.audio.operation import Operation
from vod_provider.vod import retries
from vod_provider.vod.assets import (
    DELETING,
    EXTRACTING,
    Asset,
    Outcome,
    format_of,
    lasts_as_long,
    may_be_extracted_from,
)
from vod_provider.vod.client import Client
from vod_provider.vod.deadline import Deadline
from vod_provider.vod.errors import (
    AmbiguousError,
    AnswerError,
    DeadlineError,
    ExtractionError,
    LostAnswerError,
    NotFoundError,
    StateError,
    StoppedError,
    UnfinishedError,
    UnreachableError,
    VodError,
)
from vod_provider.vod.pacing.batches import Batches
from vod_provider.vod.pacing.poller import Poller

SHOWN_S = 5.0
"""What VOD has accepted is in its listings within this time (inferred); nothing is looked for sooner."""
SENT_S = 300.0
"""A request makes its audio at most this long after it was sent, or never. Inferred."""
CLOCKS_S = 10.0
"""How far VOD's times may be off ours after the difference that its answers show was allowed for."""
ROUNDS = 3
"""How often a request is sent whose answers get lost, each time after looking for what became of it."""
REFUSALS = 3
"""How often a delete is sent that VOD refuses without a reason that it tells."""

Clock = Callable[[], float]
_NEVER = datetime.max.replace(tzinfo=UTC)


class _AskedElsewhereError(VodError):
    """Another process is asking for the same."""


class _OthersFirstError(VodError):
    """Answers to others are missing: what became of those is found out before VOD is asked for anything more."""

    def __init__(self, missing: Sequence[tuple[Key, Entry]]) -> None:
        super().__init__("answers to others are missing")
        self.missing = missing


@dataclass(frozen=True)
class _Found:
    """What became of a lost request: its audio, or None; or audios of which it is not clear yet what they are."""

    audio: Asset | None = None
    unclear: Sequence[Asset] = ()


class Extraction:
    """Extracts, finds and removes audios of one VOD project. Safe to share between threads.

    `service` names endpoint and project in the journal. `now` is Unix time in seconds.
    """

    def __init__(
        self,
        client: Client,
        poller: Poller,
        deletes: Batches[bool],
        publishes: Mapping[bool, Batches[Asset]],
        journal: Journal,
        service: str,
        *,
        now: Clock = time.time,
    ) -> None:
        self._client, self._poller, self._deletes, self._publishes = client, poller, deletes, publishes
        self._journal, self._service, self._now = journal, service, now
        self._ambiguous: set[Key] = set()

    def ensure(
        self, fingerprint: str, source: str, audio_format: str, operation: Operation, deadline: Deadline
    ) -> Asset:
        """The audio of `source`, asked for once whatever happened before, and waited for.

        `fingerprint` stands for all that was asked for. Where nobody knows which resource this is (a host that
        could not be extended), nothing can be found again after a crash.

        Raises UnfinishedError as soon as VOD is known to have accepted, else whatever went wrong.
        """
        doing = f"extracting {audio_format} from asset {source}"
        key = _key(operation, fingerprint)
        try:
            audio_id = self._obtain(key, source, audio_format, operation, deadline)
        except (StoppedError, DeadlineError) as error:
            then = "`pulumi up` looks first what became of it" if error.sent else "`pulumi up` asks for it again"
            raise ExtractionError(f"{doing}: {error}; {then}") from error
        try:
            return self.wait(audio_id, doing, operation, deadline, new=True)
        except ExtractionError:
            self._journal.drop(key, audio_id)  # it is gone
            raise

    def wait(self, audio_id: str, doing: str, operation: Operation, deadline: Deadline, *, new: bool = False) -> Asset:
        """Wait until the audio is ready. Raises UnfinishedError where that cannot be seen to the end.

        `new`: VOD has accepted it just now.
        """
        last = Asset(audio_id, EXTRACTING)
        since = datetime.now().astimezone().strftime("%H:%M:%S")

        def progress(asset: Asset) -> None:
            nonlocal last
            last = asset
            operation.report(
                f"{'extracting' if asset.status == EXTRACTING else asset.status} since {since}: audio {audio_id}"
            )

        operation.report(f"extracting since {since}: audio {audio_id}")
        try:
            asset = self._poller.wait(audio_id, deadline, progress, new=new)
        except VodError as error:
            raise UnfinishedError(
                last, f"{doing}: {error}; `pulumi up` goes on with audio {audio_id} and pays nothing twice"
            ) from error
        if asset.outcome is Outcome.READY:
            return asset
        if asset.outcome is Outcome.GONE:
            raise ExtractionError(f"{doing}: audio {audio_id} was deleted before it was ready")
        failed = f"{doing} failed: {asset.reason or asset.status} (audio {audio_id})"
        operation.report("removing what is left of a failed extraction")
        try:
            self.remove(audio_id, operation, deadline)
        except VodError as error:
            raise UnfinishedError(asset, f"{failed}; its remains could not be removed: {error}") from error
        raise ExtractionError(f"{failed}; its remains were removed")

    def adopt(
        self, audio_id: str, fingerprint: str, source: str, audio_format: str, operation: Operation, deadline: Deadline
    ) -> Asset:
        """An audio that is there already, if nothing that VOD tells speaks against its being this extraction.

        From then on it is this resource's, and nobody who looks for a lost audio takes it.
        """
        doing = f"adopting audio {audio_id}"
        asset = self._poller.look(audio_id, deadline)
        if asset.outcome is Outcome.PENDING:
            asset = self._poller.wait(audio_id, deadline, lambda it: operation.report(it.reason or it.status))
        if asset.outcome is Outcome.GONE:
            raise ExtractionError(f"{doing}: VOD has no such asset; check adopt, the project and the region")
        if asset.outcome is not Outcome.READY:
            raise ExtractionError(f"{doing}: its status is {asset.status}; check adopt, the project and the region")
        if format_of(asset) != audio_format:
            found = asset.pack_type or "no audio"
            raise ExtractionError(f"{doing}: it is {found} and not {audio_format}; check adopt and format")
        origin = self._poller.look(source, deadline)
        if not lasts_as_long(asset, origin):
            raise ExtractionError(
                f"{doing}: it lasts {asset.duration:g} s and asset {source} {origin.duration:g} s, so it is not"
                " extracted from it; check adopt and asset_id"
            )
        key = _key(operation, fingerprint)
        self._journal.take_over(key, audio_id, service=self._service, source=source, audio_format=audio_format)
        return asset

    def look(self, audio_id: str, deadline: Deadline) -> Asset:
        """The audio as it is now."""
        return self._poller.look(audio_id, deadline)

    def describe(self, audio_id: str, metadata: Mapping[str, Any], operation: Operation, deadline: Deadline) -> None:
        """Give the audio its title, description, category and tags; does nothing where `metadata` is empty."""
        if metadata:
            operation.report(f"setting {', '.join(metadata)}")
            self._client.update(audio_id, metadata, deadline)

    def publish(self, audio_id: str, operation: Operation, deadline: Deadline, *, published: bool) -> Asset:
        """Publish the audio, or take that back; returns it as it is then."""
        what = "publishing" if published else "unpublishing"
        operation.report(what)
        asset = self._publishes[published].ask(audio_id, deadline)
        if asset.outcome is not Outcome.READY or asset.published is not published:
            raise ExtractionError(f"{what} audio {audio_id}: VOD has answered, and its status is {asset.status}")
        return asset

    def remove(self, audio_id: str, operation: Operation, deadline: Deadline) -> None:
        """Remove the audio in whatever state it is, and return once it is gone."""
        operation.report("deleting")
        refusals = 0
        while not self._deletes.ask(audio_id, deadline):
            asset = self._poller.look(audio_id, deadline)
            if asset.outcome is Outcome.GONE:
                return
            if asset.outcome is Outcome.PENDING:
                self._end(asset, operation, deadline)
                continue
            refusals += 1
            if refusals == REFUSALS:
                why = f" ({asset.reason})" if asset.reason else ""
                raise ExtractionError(
                    f"deleting audio {audio_id}: VOD reports FAILED, and its status is {asset.status}{why};"
                    " try again later, or delete it in the console"
                )
            deadline.sleep(retries.pause(refusals))

    def _end(self, asset: Asset, operation: Operation, deadline: Deadline) -> None:
        """Bring a pending asset to where it can be deleted: VOD deletes nothing that is being processed."""
        if asset.status != DELETING:
            try:
                operation.report("cancelling the queued extraction")
                self._client.cancel(asset.id, deadline)
                return
            except (StateError, NotFoundError):
                operation.report("VOD is extracting it and cannot be stopped: waiting to delete it")
        self._poller.wait(asset.id, deadline)

    # -- one audio per declared resource ---------------------------------------------------------------------

    def _obtain(self, key: Key, source: str, audio_format: str, operation: Operation, deadline: Deadline) -> str:
        """The id of the one audio that this resource has, or is going to have."""
        rounds = 0
        while True:
            entry = self._journal.find(key)
            if entry is not None and entry.audio_id is None:
                self._search(key, entry, operation, deadline)
                continue
            if entry is not None and entry.audio_id is not None:
                asset = self._poller.look(entry.audio_id, deadline)
                if asset.outcome in {Outcome.READY, Outcome.PENDING}:
                    return asset.id
                if asset.outcome is Outcome.FAILED:
                    self.remove(asset.id, operation, deadline)
                self._journal.drop(key, asset.id)
            try:
                return self._ask(key, source, audio_format, operation, deadline)
            except _AskedElsewhereError:
                operation.report("another run asks for the same: waiting for what it gets")
            except _OthersFirstError as others:
                for other_key, other in others.missing:
                    try:
                        self._search(other_key, other, operation, deadline)
                    except AmbiguousError:
                        self._ambiguous.add(other_key)  # its own resource will tell
            except LostAnswerError:
                rounds += 1
                if rounds == ROUNDS:
                    raise

    def _ask(self, key: Key, source: str, audio_format: str, operation: Operation, deadline: Deadline) -> str:
        def around(send: Callable[[], str]) -> str:
            with self._journal.asking():
                deadline.check()  # nobody may be waiting for it any more
                missing = self._journal.unanswered(self._service, self._now() - SENT_S)
                if others := [it for it in missing if it[0] != key and it[0] not in self._ambiguous]:
                    raise _OthersFirstError(others)
                if not self._journal.intend(key, service=self._service, source=source, audio_format=audio_format):
                    raise _AskedElsewhereError
                try:
                    audio_id = send()
                except (AnswerError, UnreachableError):
                    self._journal.drop(key)
                    raise
                except (StoppedError, DeadlineError) as error:
                    if not error.sent:
                        self._journal.drop(key)
                    raise
                self._journal.accept(key, audio_id)
                return audio_id

        while True:
            operation.report(f"asking VOD to extract {audio_format}")
            try:
                return self._client.extract(
                    source,
                    audio_format,
                    deadline,
                    around=around,
                    waiting=lambda: operation.report("waiting for quota"),
                )
            except StateError as refusal:
                self._wait_for_source(source, refusal, operation, deadline)

    def _wait_for_source(self, source: str, refusal: StateError, operation: Operation, deadline: Deadline) -> None:
        """VOD has refused because of the source's state: wait if that may change, else raise."""
        asset = self._poller.look(source, deadline)
        if asset.outcome is Outcome.PENDING:
            operation.report(f"waiting for the source: {asset.status}")
            asset = self._poller.wait(source, deadline)
            if asset.outcome is Outcome.READY:
                return
        if asset.outcome is Outcome.READY:
            raise ExtractionError(f"{refusal}; the source is {asset.status}: has it an audio track?") from refusal
        why = f" ({asset.reason})" if asset.reason else ""
        raise ExtractionError(f"{refusal}; the source is {asset.status}{why}") from refusal

    def _search(self, key: Key, entry: Entry, operation: Operation, deadline: Deadline) -> None:
        """Find out what became of a request without an answer; the entry then has an audio, or is gone.

        The request may be another run's that is still under way: an engine that was killed leaves its plugin behind
        for some seconds, and `pulumi cancel` ends no run.
        """
        operation.report("looking for the audio of a request whose answer was lost")
        age = self._now() - entry.intended_at
        if age < SHOWN_S:
            deadline.sleep(SHOWN_S - age)
        while True:
            with self._journal.searching(deadline.sleep):
                if self._journal.find(key) != entry:
                    return  # its answer came, or somebody else has looked
                found = self._found(entry, deadline)
                if not found.unclear:
                    if found.audio is None:
                        self._journal.drop(key)
                    else:
                        self._journal.accept(key, found.audio.id)
                    return
            # What tells them apart shows when they are done.
            for one in found.unclear:
                self._poller.wait(one.id, deadline)

    def _found(self, entry: Entry, deadline: Deadline) -> _Found:
        """What VOD has made of the request of that entry, as far as it can be told. Raises AmbiguousError."""
        origin = self._poller.look(entry.source, deadline)
        audios = [asset for asset in self._candidates(entry, deadline) if may_be_extracted_from(asset, origin)]
        if not audios:
            return _Found()
        since, until = entry.intended_at - SENT_S, entry.intended_at + SENT_S
        lost = self._journal.lost(self._service, since, until)
        formats = [audio_format for source, audio_format in lost if source == entry.source]
        others = {source: self._poller.look(source, deadline) for source in {it[0] for it in lost} - {entry.source}}
        rivals = [(others[source], audio_format) for source, audio_format in lost if source in others]
        mine, contested, unclear = [], [], []
        for audio in audios:
            if format_of(audio) not in {entry.format, None}:
                continue
            fits = [
                lasts_as_long(audio, other)
                for other, audio_format in rivals
                if may_be_extracted_from(audio, other) and format_of(audio) in {audio_format, None}
            ]
            if not fits and (format_of(audio) is not None or len(set(formats)) == 1):
                mine.append(audio)
            elif audio.outcome is Outcome.PENDING:
                unclear.append(audio)
            elif format_of(audio) is None or any(fits) == lasts_as_long(audio, origin):
                contested.append(audio)
            elif not any(fits):
                mine.append(audio)
        if unclear:
            return _Found(unclear=unclear)
        # As many lost answers for the same source and format: the audios are alike, each takes one.
        if len(mine) > formats.count(entry.format) or (contested and not mine):
            ids = ", ".join(it.id for it in (*mine, *contested))
            raise AmbiguousError(
                f"extracting {entry.format} from asset {entry.source}: the answer was lost, and each of these audios"
                f" could be the one that VOD made: {ids}; set adopt to the right one, or delete them and run"
                " `pulumi up` again"
            )
        return _Found(min(mine, key=lambda it: (it.created or _NEVER, it.id), default=None))

    def _candidates(self, entry: Entry, deadline: Deadline) -> list[Asset]:
        """Assets that VOD made in the time in question, and that are nobody's."""
        sent = datetime.fromtimestamp(entry.intended_at + self._client.skew, UTC)
        made = self._client.made_between(sent - timedelta(seconds=CLOCKS_S), sent + timedelta(seconds=SENT_S), deadline)
        owned = self._journal.audio_ids(self._service)
        return [asset for asset in made if asset.id not in owned]


def _key(operation: Operation, fingerprint: str) -> Key:
    """The journal's key; where nobody knows which resource this is, one that nobody finds again."""
    return Key(operation.owner or str(uuid.uuid4()), fingerprint)
