"""The life of one audio: ask for it, wait for it, give it its metadata, remove it.

Knows neither Pulumi nor HTTP. What makes it more than a few calls is that VOD is paid for every extraction
and answers before it is done: whatever breaks off in between, the next try has to go on with the same audio.

It is written in steps (see `steps`), which one thread goes for one audio, and a few go for thousands.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from vod_provider.audio.ledger import Ledger
from vod_provider.audio.ledger_records import Key, LedgerError, Request, State
from vod_provider.audio.operation import GOES_ON, NOT_ASKED, Operation
from vod_provider.audio.place import Place
from vod_provider.audio.recovery import Recovery, known_of
from vod_provider.audio.steps import Call, For, Lane, Pause, Steps, Wait, here
from vod_provider.vod import retries
from vod_provider.vod.absence import Purpose, rule
from vod_provider.vod.assets import DELETE_FAILED, DELETING, EXTRACTING, Asset, Outcome, agree, format_of
from vod_provider.vod.client import IDS_PER_CALL, Client
from vod_provider.vod.deadline import Deadline
from vod_provider.vod.errors import (
    AnswerError,
    DeadlineError,
    ExtractionError,
    ForeignAnswerError,
    InternalError,
    LostAnswerError,
    NotFoundError,
    StateError,
    StoppedError,
    UnfinishedError,
    UnreachableError,
    VodError,
)
from vod_provider.vod.pacing.batches import Batches
from vod_provider.vod.pacing.poller import Poller, Progress

UNASKED = "VOD was not asked, and the next `pulumi up` asks it"
ROUNDS = 3
"""How often a request is sent whose answers get lost, each time after a search for what became of it."""
REFUSALS = 3
"""How often a delete is sent that VOD refuses without a reason that it tells."""
GONE_PAUSE_S = 1.0
"""After a deletion, an asset is looked for after this time, then after twice that, and so on,"""
LONGEST_GONE_PAUSE_S = 8.0
"""but at least this often."""

T = TypeVar("T")


@dataclass(frozen=True)
class Asked:
    """One audio that is to be extracted: for whom (`key`), from which video, and as what.

    `formers` tells the keys by which runs that were broken off have asked for the same, and whose audios this one may
    have: of the same resource by its other type, or by a former name.
    """

    key: Key
    source: str
    format: str
    formers: Callable[[], Iterable[Key]] = tuple

    @property
    def doing(self) -> str:
        """What is being done, for messages."""
        return f"extracting {self.format} from asset {self.source}"


@dataclass(frozen=True)
class _NotSent:
    """A request that was not sent, since these others have to be cleared up first; none: another run sends the same.

    `late`: it was too late to send it when it was written down.
    """

    others: Sequence[Request] = ()
    late: bool = False


class Lifecycle:
    """Extracts, finds and removes audios of one place. Safe to share between threads."""

    def __init__(
        self,
        place: Place,
        client: Client,
        poller: Poller,
        deletes: Batches[bool],
        publishes: Mapping[bool, Batches[Asset]],
        ledger: Ledger,
        recovery: Recovery,
    ) -> None:
        self.place = place
        self._client, self._poller, self._deletes, self._publishes = client, poller, deletes, publishes
        self._ledger, self._recovery = ledger, recovery

    # -- one audio per declared resource ---------------------------------------------------------------------

    def ensure(self, asked: Asked, operation: Operation, deadline: Deadline) -> Asset:
        """As `ensuring`, in this thread."""
        return here(self.ensuring(asked, operation, deadline))

    def ensuring(self, asked: Asked, operation: Operation, deadline: Deadline) -> Steps[Asset]:
        """The audio that was asked for, once, whatever happened before; ready.

        Raises UnfinishedError as soon as VOD is known to have accepted, else whatever went wrong.
        """
        audio_id = yield from self.obtaining(asked, operation, deadline)
        try:
            return (yield from self.waiting(audio_id, asked.doing, operation, deadline, new=True))
        except ExtractionError:
            self._ledger.drop(asked.key, audio_id)  # it is gone
            raise

    def obtaining(self, asked: Asked, operation: Operation, deadline: Deadline) -> Steps[str]:
        """The id of the one audio that this resource has, or is going to have.

        Raises ExtractionError where the waiting had to end before VOD's answer was known; its text says whether VOD was
        asked.
        """
        try:
            return (yield from self._obtained(asked, operation, deadline))
        except (StoppedError, DeadlineError) as error:
            stopped = isinstance(error, StoppedError)
            if not error.sent or self._ledger.find(asked.key) is None:
                text = NOT_ASKED if stopped else f"{asked.doing}: {error}; the next `pulumi up` asks for it"
            else:
                text = f"{asked.doing}: {error}; the next `pulumi up` first finds out what became of the request"
            raise ExtractionError(text) from error
        except LedgerError as error:
            raise LedgerError(f"{asked.doing}: {error}") from error

    def _obtained(self, asked: Asked, operation: Operation, deadline: Deadline) -> Steps[str]:
        rounds = late = 0
        while True:
            request = self._ledger.claim(asked.key, asked.formers(), self.place.site)
            if request is not None and request.audio_id is None:
                yield Call(Lane.SEARCH, partial(self._recovery.search, request, operation, deadline))
                continue
            if request is not None and request.audio_id is not None:
                if (yield from self._is_usable(request, request.audio_id, operation, deadline)):
                    return request.audio_id
                self._ledger.drop(asked.key, request.audio_id)
            source = yield self._glance(asked.source, deadline)
            try:
                answer = yield from self._asking(asked, source, operation, deadline)
            except LostAnswerError:
                rounds += 1
                if rounds == ROUNDS:
                    raise
                continue
            if isinstance(answer, str):
                return answer
            if answer.late:
                late += 1
                if late == ROUNDS:
                    raise LedgerError(
                        "the ledger takes so long to write that another run could believe the request lost before it is"
                        f" sent (more than {self._recovery.late_s:g} s); {UNASKED}"
                    )
                operation.report("the ledger took long: asking anew")
            elif not answer.others:
                operation.report("another run is asking for the same audio: waiting for its answer")
                yield Pause(retries.pause(1), deadline)
            for other in answer.others:
                yield Call(Lane.SEARCH, partial(self._recovery.search_for_other, other, operation, deadline))

    def found(self, request: Request, operation: Operation, deadline: Deadline) -> str | None:
        """The audio of a request whose answer was lost; None where VOD has made none. Raises AmbiguousError."""
        self._recovery.search(request, operation, deadline)
        settled = self._ledger.find(request.key)
        return settled.audio_id if settled is not None else None

    def _is_usable(self, request: Request, audio_id: str, operation: Operation, deadline: Deadline) -> Steps[bool]:
        """Whether the audio of an earlier run is there, or may still come; what is left of a failed one is removed."""
        if self._recovery.is_new(request):
            return True  # too early to believe that it is gone: whoever waits for it finds out
        asset = yield from self.looking(audio_id, deadline)
        if asset.outcome is Outcome.FAILED:
            yield from self.removing(audio_id, operation, deadline)
        return asset.outcome in {Outcome.READY, Outcome.PENDING}

    def _asking(self, asked: Asked, source: Asset, operation: Operation, deadline: Deadline) -> Steps[str | _NotSent]:
        """Ask VOD for the audio; returns its id. Waits for quota, and for the source where that is not ready yet."""
        while True:
            operation.report(f"requesting {asked.format}")
            try:
                answer: str | _NotSent = yield Call(Lane.ASK, partial(self._ask, asked, source, operation, deadline))
                return answer
            except StateError as refusal:
                source = yield from self._changed_source(source, refusal, operation, deadline)

    def _ask(self, asked: Asked, source: Asset, operation: Operation, deadline: Deadline) -> str | _NotSent:
        """Ask VOD for the audio once; returns its id. Waits for quota."""

        def transaction(send: Callable[[], str]) -> str | _NotSent:
            """Runs where the request is sent, and to its end even if nobody waits for it any more."""
            with self._ledger.asking(operation.report):
                deadline.check()
                begun = self._recovery.running()
                request = Request(
                    owner=asked.key.owner,
                    fingerprint=asked.key.fingerprint,
                    site=self.place.site,
                    account=self.place.account,
                    source=asked.source,
                    format=asked.format,
                    asked_at=self._recovery.now(),
                    source_known=known_of(source),
                )
                others: list[Request] = []

                def may() -> bool:
                    others[:] = self._recovery.in_the_way(request)
                    return not others

                if not self._intend(request, may):
                    return _NotSent(others)
                if self._recovery.is_late(begun):
                    self._ledger.drop(asked.key, asked=request)
                    return _NotSent(late=True)
                try:
                    audio_id = send()
                    if audio_id == asked.source or self._ledger.knows(self.place.site, audio_id):
                        raise LostAnswerError(asked.doing, f"an answer with {audio_id}, which was there before")
                except (InternalError, ForeignAnswerError) as error:
                    # Behind a fault inside VOD, or a page that a proxy puts in place of its answer, it may be done.
                    raise LostAnswerError(asked.doing, str(error)) from error
                except (AnswerError, UnreachableError):
                    self._ledger.drop(asked.key, asked=request)  # VOD has refused, or never heard of it
                    raise
                except (StoppedError, DeadlineError) as error:
                    if not error.sent:
                        self._ledger.drop(asked.key, asked=request)
                    raise
                try:
                    self._ledger.accept(asked.key, audio_id, asked=request)
                except LedgerError as error:
                    # What is written down is that VOD was asked; this run has the id, and the engine gets it.
                    operation.warn(f"audio {audio_id}: {error}")
                return audio_id

        return self._client.extract(
            asked.source,
            asked.format,
            deadline,
            transaction=transaction,
            waiting=lambda: operation.report("quota: queued"),
        )

    def _intend(self, request: Request, may: Callable[[], bool]) -> bool:
        try:
            return self._ledger.intend(request, may)
        except LedgerError as error:
            raise LedgerError(f"{error}; {UNASKED}") from error

    def _changed_source(
        self, before: Asset, refusal: StateError, operation: Operation, deadline: Deadline
    ) -> Steps[Asset]:
        """VOD has refused because of the source's state: wait if that may change, else raise."""
        asset = yield from self.looking(before.id, deadline)
        if asset.outcome is Outcome.PENDING:
            operation.report(f"source busy: {asset.status}")
            asset = yield self._end_of(before.id, deadline)
        elif asset.outcome is before.outcome is Outcome.READY:
            raise ExtractionError(
                f"{refusal}; the source is {asset.status}: does it have an audio track? If not, leave it out of the"
                " program"
            ) from refusal
        if asset.outcome is Outcome.READY:
            return asset
        why = f" ({asset.reason})" if asset.reason else ""
        raise ExtractionError(f"{refusal}; the source is {asset.status}{why}") from refusal

    def wait(self, audio_id: str, doing: str, operation: Operation, deadline: Deadline, *, new: bool = False) -> Asset:
        """As `waiting`, in this thread."""
        return here(self.waiting(audio_id, doing, operation, deadline, new=new))

    def waiting(
        self, audio_id: str, doing: str, operation: Operation, deadline: Deadline, *, new: bool = False
    ) -> Steps[Asset]:
        """Wait until the audio is ready. `new`: VOD may have accepted it just now.

        Raises UnfinishedError where that cannot be seen to the end, ExtractionError where there is no audio.
        """
        last = Asset(audio_id, EXTRACTING)

        def progress(asset: Asset) -> None:
            nonlocal last
            last = asset
            operation.report("extracting" if asset.status == EXTRACTING else asset.status)

        progress(last)
        try:
            asset: Asset = yield self._end_of(audio_id, deadline, progress, new=new, for_=For.EXTRACTION)
        except StoppedError as error:
            raise UnfinishedError(last, GOES_ON) from error
        except VodError as error:
            raise UnfinishedError(
                last, f"{doing}: {error}; `pulumi up` goes on with audio {audio_id}, which is billed once"
            ) from error
        if asset.outcome is Outcome.READY:
            return asset
        if asset.outcome is Outcome.GONE:
            raise ExtractionError(f"{doing}: audio {audio_id} was deleted before it was ready")
        failed = f"{doing} failed: {asset.reason or asset.status} (audio {audio_id})"
        operation.report("failed: removing what is left of it")
        try:
            yield from self.removing(audio_id, operation, deadline)
        except VodError as error:
            raise UnfinishedError(asset, f"{failed}; its remains could not be removed: {error}") from error
        raise ExtractionError(f"{failed}; its remains were removed")

    # -- audios that are there -------------------------------------------------------------------------------

    def adopt(self, audio_id: str, asked: Asked, operation: Operation, deadline: Deadline) -> Asset:
        """As `adopting`, in this thread."""
        return here(self.adopting(audio_id, asked, operation, deadline))

    def adopting(self, audio_id: str, asked: Asked, operation: Operation, deadline: Deadline) -> Steps[Asset]:
        """An audio that is there already, if nothing that VOD tells speaks against its being this extraction.

        From then on it is this resource's, and nobody who searches for a lost audio takes it.
        """
        doing = f"adopting audio {audio_id}"
        asset = yield from self.looking(audio_id, deadline)
        if asset.outcome is Outcome.PENDING:
            asset = yield self._end_of(audio_id, deadline, lambda it: operation.report(it.reason or it.status))
        if asset.outcome is Outcome.GONE:
            raise ExtractionError(f"{doing}: VOD has no such asset; check adopt, the project and the region")
        if asset.outcome is not Outcome.READY:
            raise ExtractionError(f"{doing}: its status is {asset.status}; check adopt, the project and the region")
        if format_of(asset) != asked.format:
            found = asset.pack_type or "not an audio"
            raise ExtractionError(f"{doing}: it is {found} and not {asked.format}; check adopt and format")
        source = yield self._glance(asked.source, deadline)
        if not agree(asset.duration, source.duration):
            operation.warn(
                f"{doing}: it lasts {asset.duration:g} s and its source {asked.source} {source.duration:g} s; check"
                " adopt and asset_id, unless the video's sound is shorter than its picture"
            )
        self._ledger.take(
            Request(
                owner=asked.key.owner,
                fingerprint=asked.key.fingerprint,
                site=self.place.site,
                account=self.place.account,
                source=asked.source,
                format=asked.format,
                asked_at=self._recovery.now(),
                source_known=known_of(source),
                audio_id=audio_id,
                state=State.ACCEPTED,
            )
        )
        return asset

    def look(self, audio_id: str, deadline: Deadline) -> Asset:
        """As `looking`, in this thread."""
        return here(self.looking(audio_id, deadline))

    def looking(self, audio_id: str, deadline: Deadline) -> Steps[Asset]:
        """The asset as it is now; absent only where that is proven."""
        asset: Asset = yield Wait(
            lambda: self._poller.look(audio_id, deadline),
            lambda: self._poller.looking(audio_id),
            lambda future: self._poller.forget(audio_id, future),
        )
        return asset

    def glance(self, audio_id: str, deadline: Deadline) -> Asset:
        """One answer about the audio; an absence in it proves nothing."""
        return self._poller.glance(audio_id, deadline)

    def finishing(
        self, asset: Asset, metadata: Mapping[str, Any], operation: Operation, deadline: Deadline
    ) -> Steps[Asset]:
        """Give a new audio its metadata; returns it as it is then.

        VOD has it already, so what goes wrong here must not lose it.
        """
        publish = metadata.get("publish")
        try:
            told = {name: value for name, value in metadata.items() if name != "publish"}
            yield from self.describing(asset.id, told, operation, deadline)
            if publish is None or publish is asset.published:
                return asset
            return (yield from self.publishing(asset.id, operation, deadline, published=publish))
        except StoppedError as error:
            raise UnfinishedError(asset, GOES_ON) from error
        except VodError as error:
            raise UnfinishedError(asset, f"{error}; audio {asset.id} is kept, and `pulumi up` tries again") from error

    def describing(
        self, audio_id: str, metadata: Mapping[str, Any], operation: Operation, deadline: Deadline
    ) -> Steps[None]:
        """Give the audio its title, category and tags; does nothing where `metadata` is empty."""
        if metadata:
            operation.report(f"setting {', '.join(metadata)}")
            yield Call(Lane.CALL, partial(self._client.update, audio_id, metadata, deadline))

    def publishing(self, audio_id: str, operation: Operation, deadline: Deadline, *, published: bool) -> Steps[Asset]:
        """Publish the audio, or take that back; returns it as it is then."""
        what = "publishing" if published else "unpublishing"
        operation.report(what)
        asset: Asset = yield _batched(self._publishes[published], audio_id, deadline)
        if asset.outcome is not Outcome.READY or asset.published is not published:
            raise ExtractionError(f"{what} audio {audio_id}: VOD has answered, and its status is {asset.status}")
        return asset

    def remove(self, audio_id: str, operation: Operation, deadline: Deadline) -> None:
        """As `removing`, in this thread."""
        here(self.removing(audio_id, operation, deadline))

    def removing(self, audio_id: str, operation: Operation, deadline: Deadline) -> Steps[None]:
        """Remove the audio in whatever state it is, and return once it is gone, or VOD has long said so."""
        if (yield from self.deleting(audio_id, operation, deadline)):
            return
        for pause in self._gone_pauses(deadline):
            yield Pause(pause, deadline)
            asset = yield self._glance(audio_id, deadline)
            if asset.outcome is Outcome.GONE:
                return
        if (error := _deletion_error(asset)) is not None:
            raise error
        operation.warn(f"VOD has confirmed the deletion of audio {audio_id}, and still shows it")

    def deleting(self, audio_id: str, operation: Operation, deadline: Deadline) -> Steps[bool]:
        """Have VOD confirm that it deletes the audio, in whatever state it is. True where it is known to be gone."""
        operation.report("deleting")
        refusals = 0
        while not (yield _batched(self._deletes, audio_id, deadline)):
            asset = yield from self.looking(audio_id, deadline)
            if asset.outcome is Outcome.GONE:
                return True
            if asset.outcome is Outcome.PENDING:
                yield from self._end(asset, operation, deadline)
                continue
            refusals += 1
            if refusals == REFUSALS:
                why = f" ({asset.reason})" if asset.reason else ""
                raise ExtractionError(
                    f"deleting audio {audio_id}: VOD reports FAILED, and its status is {asset.status}{why};"
                    " try again later, or delete it in the console"
                )
            yield Pause(retries.pause(refusals), deadline)
        return False

    def see_through(
        self, audio_ids: Collection[str], deadline: Deadline
    ) -> tuple[list[str], dict[str, ExtractionError]]:
        """Return once all these are gone, or VOD, which has confirmed their deletion, has long said so.

        Returns those that it still shows then, and those whose deletion it says has failed, each with the error.
        Thousands are looked for in VOD's listing, where that is less to ask.
        """
        there = {audio_id: Asset(audio_id, DELETING) for audio_id in audio_ids}
        for pause in self._gone_pauses(deadline):
            deadline.sleep(pause)
            seen = self._seen(there, deadline)
            there = {audio_id: asset for audio_id, asset in seen.items() if asset.outcome is not Outcome.GONE}
            if not there:
                break
        failed = {it.id: error for it in there.values() if (error := _deletion_error(it)) is not None}
        return [audio_id for audio_id in there if audio_id not in failed], failed

    def _seen(self, audio_ids: Collection[str], deadline: Deadline) -> dict[str, Asset]:
        """One answer about each of these audios."""
        calls = len(audio_ids) // IDS_PER_CALL
        if calls > 1:
            with suppress(AnswerError):  # listing is an IAM action of its own, which nothing else here needs
                listed = self._client.few_audios(calls - 1, deadline)
                if listed is not None:
                    return {audio_id: listed.get(audio_id) or Asset.gone(audio_id) for audio_id in audio_ids}
        asked = {audio_id: self._poller.glancing(audio_id) for audio_id in audio_ids}
        try:
            return {audio_id: deadline.result(future) for audio_id, future in asked.items()}
        finally:
            for audio_id, future in asked.items():
                self._poller.forget(audio_id, future)

    def _gone_pauses(self, deadline: Deadline) -> Iterator[float]:
        """Seconds before each look for what is being deleted, for as long as it is looked for."""
        end, pause = deadline.now + rule(Purpose.DELETED, self._recovery.absence_s).at_most, GONE_PAUSE_S
        yield pause
        while (left := end - deadline.now) > 0:
            pause = min(LONGEST_GONE_PAUSE_S, 2 * pause)
            yield min(pause, left)

    def _end(self, asset: Asset, operation: Operation, deadline: Deadline) -> Steps[None]:
        """Bring a pending asset to where it can be deleted: VOD deletes nothing that is being processed."""
        if asset.status != DELETING:
            try:
                operation.report("cancelling")
                yield Call(Lane.CALL, partial(self._client.cancel, asset.id, deadline))
                return
            except (StateError, NotFoundError):
                operation.report("extracting, which cannot be stopped; deleted once it is done")
        yield self._end_of(asset.id, deadline)

    # -- what is waited for ----------------------------------------------------------------------------------

    def _glance(self, asset_id: str, deadline: Deadline) -> Wait[Asset]:
        """One answer about the asset."""
        return Wait(
            lambda: self._poller.glance(asset_id, deadline),
            lambda: self._poller.glancing(asset_id),
            lambda future: self._poller.forget(asset_id, future),
        )

    def _end_of(
        self,
        asset_id: str,
        deadline: Deadline,
        progress: Progress = lambda _: None,
        *,
        new: bool = False,
        for_: For = For.OTHERS,
    ) -> Wait[Asset]:
        """The asset once it is ready, failed or proven to be gone."""
        return Wait(
            lambda: self._poller.wait(asset_id, deadline, progress, new=new),
            lambda: self._poller.watching(asset_id, progress, new=new),
            lambda future: self._poller.forget(asset_id, future),
            for_,
        )


def _batched(batches: Batches[T], asset_id: str, deadline: Deadline) -> Wait[T]:
    return Wait(lambda: batches.ask(asset_id, deadline), lambda: batches.asking(asset_id))


def _deletion_error(asset: Asset) -> ExtractionError | None:
    """What VOD says of a deletion that it has confirmed and that has failed; None where it does not say so."""
    if asset.status != DELETE_FAILED:
        return None
    why = f" ({asset.reason})" if asset.reason else ""
    return ExtractionError(f"deleting asset {asset.id}: VOD has accepted it, and reports {asset.status}{why}")
