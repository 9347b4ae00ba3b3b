"""Pulumi's check, diff, create, read, update and delete of an ExtractedAudioSet, put into words of `audio`.

Pulumi stores a reference to the class below in every set's state: its module and name must stay as they are, and it has
no state of its own. HTTP and SQL are loaded when the first call to VOD is due.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    CreateResult,
    DiffResult,
    ReadResult,
    UpdateResult,
)
from pulumi.output import Unknown
from pulumi.runtime import rpc

from vod_provider.audio import entries, inputs
from vod_provider.audio.entries import Entries, Plan
from vod_provider.audio.ledger_records import Holder, Key, LedgerError, mark, name_of, owner_of_entry
from vod_provider.audio.operation import Operation
from vod_provider.audio.place import Place
from vod_provider.config import settings
from vod_provider.plugin import dynamic, names, serving
from vod_provider.plugin.context import RunContext, moved_place
from vod_provider.plugin.errors import PartialFailureError
from vod_provider.plugin.leftovers import TOLD
from vod_provider.plugin.run import Declared
from vod_provider.plugin.serving import ServedRequest
from vod_provider.vod.assets import Asset, Condition, Outcome
from vod_provider.vod.errors import DeadlineError, ExtractionError, StoppedError, UnfinishedError, VodError

if TYPE_CHECKING:
    from vod_provider.audio.many import Many
    from vod_provider.audio.steps import Steps
    from vod_provider.plugin.services import Services
    from vod_provider.vod.deadline import Deadline

Props = dict[str, Any]

TAKEN_S, TAKEN_PAUSE_S = 10.0, 0.1
"""So long a set waits for others to take over the next of the audios that it has lost to them, looking so often."""
AGAIN = "`pulumi up` goes on with what is missing"


class ExtractedAudioSetProvider(dynamic.OurProvider):
    """The life of `ExtractedAudioSet`. See there for what a user sees."""

    # -- what a preview asks, too: nobody else is asked for it ------------------------------------------------

    def check(self, olds: Props, news: Props) -> CheckResult:
        """Refuse what cannot be, by the paths of entries; unknown values pass. Settings may not be wrong either."""
        checked, problems = entries.check(news, _is_unknown)
        failures = [CheckFailure("", f"{problem.property} {problem.reason}") for problem in problems]
        with serving.current_request() as served:
            self._context.run.checks(served.urn)
            _before(served)  # refuses a host that does not tell what it has to
            base, run = self._context.offline(), self._context.run
            wanted = {} if failures else entries.asked(checked, _is_unknown)
            accounts = {
                it["account"]: key for key, it in reversed(wanted.items()) if isinstance(it.get("account"), str)
            }
            for account, key in accounts.items():
                if problem := base.lacks(account):
                    failures.append(CheckFailure("", f"{entries.path(key, 'account')} {problem}"))
            for region, account in {(it.get("region"), it.get("account")) for it in wanted.values()}:
                if isinstance(region, str) and not failures and (ignored := base.ignored_region(region, account)):
                    run.warns(ignored, served.operation.warn)
            if olds:
                for key, ask in entries.asked(olds).items():
                    run.declares(owner_of_entry(served.urn, key), Declared(ask.get("asset_id"), None, ""))
            else:
                for key, ask in wanted.items():
                    run.replaces(owner_of_entry(served.urn, key), ask.get("asset_id"))
                self._claims(served.urn, wanted)
                if wanted:
                    run.notes(served.urn, f"{name_of(served.urn)}: {len(wanted)} to extract")
        return CheckResult(checked, failures)

    def diff(self, _id: str, olds: Props, news: Props) -> DiffResult:
        """Say what changes, by the paths of entries, without asking anybody. A set itself is never replaced."""
        left, olds = olds, names.to_snake(olds)
        with serving.current_request() as served:
            before, run = _before(served), self._context.run
            there, wanted = entries.entries(olds, entries.asked(before)), entries.asked(news, _is_unknown)
            self._show(served, there)
            known = not _is_unknown(news.get(entries.AUDIOS))
            plan = entries.plan(there, wanted, _is_unknown, self._is_there) if known else Plan()
            for key, entry in there.held.items():
                urn = owner_of_entry(served.urn, key)
                run.declares(urn, Declared(entry.get("asset_id"), entry.get("duration"), entry["audio_asset_id"]))
                if key not in wanted or key in plan.removed:
                    run.undeclares(urn)
                elif key not in plan.replaced:
                    self._context.note_where_it_stays(urn, entry)
            for key in plan.replaced:
                run.replaces(owner_of_entry(served.urn, key), wanted[key].get("asset_id"))
            self._claims(served.urn, {key: wanted[key] for key in plan.added})
            line = plan.line()
            run.notes(served.urn, f"{name_of(served.urn)}: {line}" if line else "")
            served.of_inputs = (entries.AUDIOS, *entries.DEFAULTS)
            served.detailed = plan.paths(there, before, news, _is_unknown) if known else {entries.AUDIOS: "UPDATE"}
        changes = bool(plan) or not known or olds.keys() != left.keys()
        return DiffResult(changes=changes, replaces=[], delete_before_replace=False)

    def _claims(self, urn: str, new: Mapping[str, Mapping[str, Any]]) -> None:
        for key, ask in new.items():
            self._context.run.claims(owner_of_entry(urn, key), ask.get("moved_from"), ask.get("adopt"))

    def _is_there(self, entry: Mapping[str, Any], ask: Mapping[str, Any]) -> bool:
        return self._context.asks_for_the_place_of(entry, ask, _is_unknown)

    # -- what VOD is asked for --------------------------------------------------------------------------------

    def create(self, props: Props) -> CreateResult:
        """Extract all audios, or adopt them, wait until they are ready, and give them their metadata."""
        wanted = entries.asked(props)
        with serving.current_request() as served:
            owner = served.operation.owner
            there = Entries(mark(owner) if owner else "")
            work = _Work(self._context, served, there, wanted, served.operation.timeout)
            id_ = mark(owner) if owner else uuid.uuid4().hex
            work.extract(wanted)
            if not there.held and (error := work.error("extracting the audios of")):
                raise error
            work.answer(id_)
            return CreateResult(id_, _outputs(there, wanted))

    def read(self, id_: str, props: Props) -> ReadResult:
        """The audios as VOD holds them, without those that it proves to have no more."""
        with serving.current_request() as served:
            before = entries.asked(_before(served))
            if entries.EXTRACTED not in props:
                raise VodError(
                    f"reading set {id_}: a set has no id at VOD, so it can be neither imported nor read; declare it,"
                    " and take over its audios: with adopt one that is at VOD, with moved_from one of another resource"
                )
            there = entries.entries(props, before)
            self._show(served, there)
            work = _Work(self._context, served, there, before, served.operation.timeout, changes=False)
            work.look()
            return ReadResult(id_, _outputs(there, before, apart=there.apart))

    def update(self, id_: str, olds: Props, news: Props) -> UpdateResult:
        """Bring about what is missing, change what differs, and delete what nobody asks for any more."""
        with serving.current_request() as served:
            before, wanted = entries.asked(_before(served)), entries.asked(news)
            there = entries.entries(names.to_snake(olds), before)
            self._show(served, there)
            plan = entries.plan(there, wanted, _is_unknown, self._is_there)
            work = _Work(self._context, served, there, wanted, served.operation.timeout)
            work.update(plan)
            work.answer(id_, before)
            return UpdateResult(_outputs(there, wanted))

    def delete(self, _id: str, props: Props) -> None:
        """Remove the audios in whatever state they are, unless somebody else holds them."""
        with serving.current_request() as served:
            before = entries.asked(_before(served))
            there = entries.entries(names.to_snake(props), before)
            self._show(served, there)
            work = _Work(self._context, served, there, before, served.operation.timeout)
            work.delete([*there.held, *there.superseded])
            if error := work.error("deleting the audios of"):
                raise error
            services, operation = self._context.begin(served.owners), served.operation
            deadline = operation.deadline(services.settings.timeouts.delete)
            self._context.leftovers.remove(services, served.urn, operation, deadline)
            served.last_line = f"{work.deleted} deleted"

    def _show(self, served: ServedRequest, there: Entries) -> None:
        """Note that the engine's saved state has all these audios, and whom the set was made for."""
        if there.mark:
            self._context.run.has_mark(served.operation.owner, there.mark)
        for audio_id, key, entry in _audios(there):
            self._context.shows(owner_of_entry(served.operation.owner, key), audio_id, entry)


class _Work:
    """What one request has to do with the audios of a set; `there` is kept up to what there is.

    `timeout` is the user's, in seconds; 0 for none: then there is as much time as VOD's quota needs, and what one audio
    is given besides.
    """

    def __init__(
        self,
        context: RunContext,
        served: ServedRequest,
        there: Entries,
        wanted: Mapping[str, Mapping[str, Any]],
        timeout: float,
        *,
        changes: bool = True,
    ) -> None:
        self._context, self._served, self._timeout = context, served, timeout
        context.run.owners = served.owners if changes else context.run.owners
        self._operation = served.operation
        self.there, self.wanted = there, wanted
        self.failed: dict[str, Exception] = {}
        self.deleted = 0
        self.accepted: list[tuple[str, str, Key | None]] = []
        self._asked: dict[str, tuple[Key, Place]] = {}
        self._gone: set[str] = set()
        self._over: Exception | None = None

    # -- extracting ------------------------------------------------------------------------------------------

    def extract(self, keys: Iterable[str]) -> None:
        """Bring these entries about. What fails is in `failed` then, by key."""
        self._bring_about(dict.fromkeys(keys, self._extracting))

    def update(self, plan: Plan) -> None:
        """Do what is planned: first what is new, then what is to be deleted."""
        held = self.there.held
        before = dict(held)
        for key in plan.removed:
            if key in self.wanted:
                self._supersede(key, before[key])
        for old in {*plan.moved.values(), *(it for it in plan.removed if it in self.wanted)} - plan.moved.keys():
            held.pop(old)
        for key, old in plan.moved.items():
            held[key] = before[old]
        jobs: dict[str, Callable[[str, Deadline], Steps[Asset]]] = {}
        jobs |= dict.fromkeys((*plan.added, *plan.replaced), self._extracting)
        jobs |= dict.fromkeys(plan.unfinished, self._waiting)
        jobs |= {key: partial(self._changing, changed) for key, changed in plan.changed.items()}
        self._bring_about(jobs)
        if self._over is None:
            ready = {key for key, entry in held.items() if entries.state_of(entry) is Condition.WELL}
            left = [
                id_ for id_, it in self.there.superseded.items() if it["key"] in ready or it["key"] not in self.wanted
            ]
            try:
                self.delete(self._unclaimed([key for key in plan.removed if key not in self.wanted] + left))
            except LedgerError as error:  # the engine has to be told of the new ones all the same
                self._over = error

    def _unclaimed(self, keys_and_ids: Sequence[str]) -> list[str]:
        """These, without those that others are still to take over, which stay superseded until the next run.

        The engine deletes a resource at the end, when others have taken over what was its; a set that only loses
        entries is updated beside those who take over their audios.
        """
        if not keys_and_ids:
            return []
        run, ledger = self._context.run, self._services().ledger
        holders: dict[str, Holder] = {}
        for it in keys_and_ids:
            entry = self.there.held.get(it) or self.there.superseded[it]
            holders[it] = self._holder(entry["audio_asset_id"], entry.get("key", it), entry)
        claimed = {it for it, one in holders.items() if run.is_claimed(name_of(one.owner), one.audio_id)}
        operation, awaited = replace(self._operation, timeout=0.0), len(claimed)
        deadline = operation.deadline(TAKEN_S)
        # Who held it in an earlier run may have lost it since: a state that was put back.
        while claimed := {
            it for it in claimed if set(ledger.others_of(holders[it])) <= set(ledger.disprovable(holders[it]))
        }:
            if len(claimed) < awaited:
                deadline, awaited = operation.deadline(TAKEN_S), len(claimed)
            operation.report(f"{awaited} to be taken over by others")
            try:
                deadline.sleep(TAKEN_PAUSE_S)
            except DeadlineError:
                break
            except StoppedError as error:
                self._over = error
                return []
        others = ledger.others_of_each([*holders.values()])
        alone = [it for it, found in zip(holders, others, strict=True) if not found]
        left = claimed | {it for it in alone if it not in claimed and not run.gives_up(holders[it].audio_id)}
        for it in left - self.there.superseded.keys():
            self._supersede(it, self.there.held.pop(it))
        return [it for it in keys_and_ids if it not in left]

    def _bring_about(self, jobs: Mapping[str, Callable[[str, Deadline], Steps[Asset]]]) -> None:
        if not jobs:
            return
        services = self._services()
        services.listen()
        quota = services.settings.quotas["extract"]
        asking = sum(job == self._extracting for job in jobs.values())
        seconds = services.settings.timeouts.create + 60.0 * asking / quota
        many = self._go(jobs, seconds, "ready", quota)
        for key, asset in many.done.items():
            self._have(key, asset, described=True)
        for key, error in many.failed.items():
            if isinstance(error, UnfinishedError):
                self._have(key, error.asset, described=False)
            elif key in self._gone:
                self.there.held.pop(key, None)

    def _extracting(self, key: str, deadline: Deadline) -> Steps[Asset]:
        """Extract the audio of an entry, or adopt it, wait until it is ready, and give it its metadata."""
        services, operation = self._services(), self._of(key)
        request = inputs.parse(self.wanted[key])
        asked, place = self._context.asked(services, request, operation)
        lifecycle = services.at(place)
        self._asked[key] = asked.key, place
        urn, given = owner_of_entry(self._served.urn, key), request.metadata.given()
        if request.adopt is not None and not self._context.run.is_replaced(urn):
            self._context.refuse_what_is_held(request.adopt, urn)
            asset = yield from lifecycle.adopting(request.adopt, asked, operation, deadline)
        elif (held := self._context.moved(asked, request, urn)) is not None:
            place = moved_place(held, request, place)
            self._asked[key] = asked.key, place
            lifecycle = services.at(place)
            asset = yield from lifecycle.adopting(held.audio_id, asked, operation, deadline)
            given = {name: it for name, it in given.items() if not inputs.same(name, entries.told_of(asset, name), it)}
        else:
            asset = yield from lifecycle.ensuring(asked, operation, deadline)
        return (yield from lifecycle.finishing(asset, given, operation, deadline))

    def _waiting(self, key: str, deadline: Deadline) -> Steps[Asset]:
        """Wait for an audio of an earlier run, and give it its metadata."""
        entry, operation = self.there.held[key], self._of(key)
        lifecycle, request = self._services().at(_place(entry)), inputs.parse(self.wanted[key])
        doing = f"extracting {request.format} from asset {request.asset_id}"
        try:
            asset = yield from lifecycle.waiting(entry["audio_asset_id"], doing, operation, deadline, new=True)
        except ExtractionError as error:
            self._gone.add(key)
            raise ExtractionError(f"{error}; the next `pulumi up` extracts it again, which is billed again") from error
        return (yield from lifecycle.finishing(asset, request.metadata.given(), operation, deadline))

    def _changing(self, changed: Sequence[str], key: str, deadline: Deadline) -> Steps[Asset]:
        """Change the metadata of an audio that is there; the asset that this brings has only what that changes."""
        entry, operation = self.there.held[key], self._of(key)
        lifecycle, audio_id = self._services().at(_place(entry)), entry["audio_asset_id"]
        given = inputs.parse(self.wanted[key]).metadata.given()
        told = {name: value for name, value in given.items() if name in changed and name != "publish"}
        asset = Asset(audio_id, entry["status"], url=entry["url"], duration=entry["duration"], size=entry["size"])
        yield from lifecycle.describing(audio_id, told, operation, deadline)
        if "publish" in changed:
            published = yield from lifecycle.publishing(audio_id, operation, deadline, published=given["publish"])
            asset = replace(asset, status=published.status, url=published.url or asset.url)
        return asset

    def _have(self, key: str, asset: Asset, *, described: bool) -> None:
        """An entry has an audio now; what it had before is superseded."""
        before = self.there.held.get(key)
        if before is not None and before["audio_asset_id"] != asset.id:
            self._supersede(key, before)
        request, place = self._asked.get(key, (None, None))
        if request is not None and place is not None:
            owner = request.owner if self._operation.owner else ""
            self.accepted.append((owner_of_entry(self._served.urn, key), asset.id, request))
            made_for = mark(owner) if owner else ""
            self.there.held[key] = entries.made(self.wanted[key], asset, str(place), made_for, described=described)
        elif before is not None:
            ask = self.wanted[key] if described else before
            metadata = {name: ask[name] for name in inputs.METADATA if ask.get(name) is not None}
            self.there.held[key] = {**before, **metadata, **entries.told(asset)}

    def _supersede(self, key: str, entry: Mapping[str, Any]) -> None:
        self.there.superseded[entry["audio_asset_id"]] = {**entry, "key": key}

    # -- looking and deleting --------------------------------------------------------------------------------

    def look(self) -> None:
        """See what VOD holds; raises where that cannot be seen, and nothing is lost then."""
        services = self._context.services(self._served.owners)
        audios = {audio_id: (key, entry) for audio_id, key, entry in _audios(self.there)}
        seconds = services.settings.timeouts.read + 6.0 * len(audios) / services.settings.quotas["query"]

        def looking(audio_id: str, deadline: Deadline) -> Steps[Asset]:
            return services.at(_place(audios[audio_id][1])).looking(audio_id, deadline)

        many = self._go(dict.fromkeys(audios, looking), seconds, "read", services.settings.quotas["query"] * 10)
        if error := self.error("reading the audios of"):
            raise error
        gone: list[Holder] = []
        for audio_id, asset in many.done.items():
            key, entry = audios[audio_id]
            if asset.outcome is Outcome.GONE:
                gone.append(self._holder(audio_id, key, entry))
                if self.there.superseded.pop(audio_id, None) is None:
                    self.there.held.pop(key)
            elif audio_id not in self.there.superseded:
                self.there.held[key] = entries.seen(entry, asset)
        if gone:
            services.ledger.release(*gone)

    def delete(self, keys_and_ids: Sequence[str]) -> None:
        """Delete the audios of these keys, and these that are superseded, unless somebody else holds them."""
        if not keys_and_ids:
            return
        services, run = self._services(), self._context.run
        audios: dict[str, tuple[str, dict[str, Any]]] = {}
        for it in keys_and_ids:
            entry = self.there.held.get(it) or self.there.superseded[it]
            key, audio_id = entry.get("key", it), entry["audio_asset_id"]
            if not run.still_has(audio_id, owner_of_entry(self._served.urn, key)):  # else a run replaced it by itself
                audios[audio_id] = key, entry
        holders = [self._holder(audio_id, key, entry) for audio_id, (key, entry) in audios.items()]
        mine = {entry["audio_asset_id"] for key, entry in self.there.held.items() if key not in keys_and_ids}
        kept: dict[str, str] = {}
        for holder, others in zip(holders, self._context.leftovers.let_go(services.ledger, holders), strict=True):
            urn = owner_of_entry(self._served.urn, audios[holder.audio_id][0])
            if other := run.other_of(holder.audio_id, urn) or next(iter(others), ""):
                kept[holder.audio_id] = other
            elif run.has_answered(holder.audio_id, urn) or holder.audio_id in mine:
                kept[holder.audio_id] = self._served.urn
        said = [it for it, other in kept.items() if other != self._served.urn and not run.moved_to(it)]
        for audio_id in said[:TOLD]:
            serving.say(f"audio {audio_id} is kept at VOD: {name_of(kept[audio_id])} holds it, too")
        if len(said) > TOLD:
            serving.say(f"... and {len(said) - TOLD} more audios that others hold, too")

        def deleting(audio_id: str, deadline: Deadline) -> Steps[bool]:
            key, entry = audios[audio_id]
            return services.at(_place(entry)).deleting(audio_id, self._of(key), deadline)

        quota = services.settings.quotas["delete"] * 10
        seconds = services.settings.timeouts.delete + 60.0 * len(audios) / quota
        jobs = {audio_id: deleting for audio_id in audios if audio_id not in kept}
        many = self._go(jobs, seconds, "deleted", quota)
        confirmed: dict[Place, list[str]] = {}
        for audio_id in [it for it, known_gone in many.done.items() if not known_gone]:
            confirmed.setdefault(_place(audios[audio_id][1]), []).append(audio_id)
        for place, audio_ids in confirmed.items():
            self._see_through(place, audio_ids)
        deleted = many.done.keys() - self.failed.keys()
        gone = [holder for holder in holders if holder.audio_id in deleted or holder.audio_id in kept]
        self.deleted = len(deleted)
        for holder in gone:
            key, entry = audios[holder.audio_id]
            if self.there.superseded.pop(holder.audio_id, None) is None:
                self.there.held.pop(key)
        if gone:
            services.ledger.release(*gone)

    def _see_through(self, place: Place, audio_ids: Sequence[str]) -> None:
        """See the audios go whose deletion VOD has confirmed; what then turns out to have failed is in `failed`."""
        lifecycle, operation = self._services().at(place), replace(self._operation, timeout=self._timeout)
        operation.report(f"{len(audio_ids)} deleted, seeing them go")
        try:
            deadline = operation.deadline(self._services().settings.timeouts.delete)
            shown, failed = lifecycle.see_through(audio_ids, deadline)
        except (StoppedError, DeadlineError) as error:
            self._over = error
            return
        except VodError as error:
            operation.warn(f"VOD has confirmed the deletion of {len(audio_ids)} audios; looking for them: {error}")
            return
        self.failed |= failed
        if shown:
            some, more = shown[:TOLD], len(shown) - TOLD
            named = ", ".join([*some, *([f"{more} more"] if more > 0 else [])])
            operation.warn(f"VOD has confirmed the deletion of these audios, and still shows them: {named}")

    # -- all of them -----------------------------------------------------------------------------------------

    def _go(
        self, jobs: Mapping[str, Callable[[str, Deadline], Steps[Any]]], seconds: float, done: str, per_minute: float
    ) -> Many[Any]:
        from vod_provider.audio.many import Many

        operation = replace(self._operation, timeout=self._timeout)
        deadline = operation.deadline(seconds)
        many: Many[Any] = Many(deadline, lambda counts: operation.report(counts.line(done)), per_minute)
        many.run({key: job(key, deadline) for key, job in jobs.items()})
        self.failed |= many.failed
        self._over = many.over
        return many

    def _services(self) -> Services:
        return self._context.begin(self._served.owners)

    def _of(self, key: str) -> Operation:
        """An operation on one entry, which has no row of its own."""
        return replace(self._operation, owner=owner_of_entry(self._operation.owner, key), report=lambda _: None)

    def _holder(self, audio_id: str, key: str, entry: Mapping[str, Any]) -> Holder:
        return self._context.holder(owner_of_entry(self._operation.owner, key), audio_id, entry)

    # -- the answer ------------------------------------------------------------------------------------------

    def answer(self, id_: str, before: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        """Note what the engine is told; raises PartialFailureError where not all is as declared.

        `before` are the entries of the inputs that the engine keeps then, in an update.
        """
        self._context.answers(self.accepted, owned=bool(self._operation.owner))
        held = [it for key, it in self.there.held.items() if key in self.wanted]  # others have not been deleted yet
        ready = sum(entries.state_of(it) is Condition.WELL for it in held)
        self._served.last_line = f"{ready} ready"
        if reasons := self._reasons():
            outs = _outputs(self.there, self.wanted, before)
            raise PartialFailureError(
                reasons[0], id_, outs, *reasons[1:], f"{self._standing(ready, len(held))}; {AGAIN}"
            )

    def error(self, doing: str) -> VodError | None:
        """What has failed as one error, where nothing is to be kept; None for nothing."""
        reasons = self._reasons()
        if not reasons:
            return None
        return VodError(f"{doing} {name_of(self._served.urn)}: {'; '.join(reasons)}")

    def _reasons(self) -> list[str]:
        """Why not all is as it is to be: the first few reasons, and how many more; none where all is."""
        if self._over is not None:
            return [str(self._over)]
        # By key, so that the next run tells the same ones if they fail again: the engine's maps have no order.
        keys = sorted(self.failed, key=lambda key: (key not in self.wanted, key))
        lines = [f"{self._label(key)}: {self.failed[key]}" for key in keys[:TOLD]]
        more = len(self.failed) - len(lines)
        return [*lines, f"and {more} more failed"] if more else lines

    def _label(self, key: str) -> str:
        return entries.path(key) if key in self.wanted else f"audio {key}"

    def _standing(self, ready: int, held: int) -> str:
        unfinished = held - ready
        kept = f", {unfinished} more are accepted by VOD and kept" if unfinished else ""
        return f"{ready} of {len(self.wanted)} audios are ready{kept}"


def _outputs(
    there: Entries,
    wanted: Mapping[str, Mapping[str, Any]],
    before: Mapping[str, Mapping[str, Any]] | None = None,
    apart: Collection[str] = (),
) -> Props:
    """As `entries.outputs`, with what may be of secret inputs as a secret. Both doors pass one on to the engine."""
    outs = entries.outputs(there, wanted, before, apart)
    if entries.APART in outs:
        outs[entries.APART] = rpc.wrap_rpc_secret(outs[entries.APART])
    return outs


def _is_unknown(value: object) -> bool:
    return isinstance(value, Unknown)


def _before(served: ServedRequest) -> Mapping[str, Any]:
    """The inputs that were saved with the state. Raises VodError where the host does not tell them."""
    if served.inputs_before is None:
        raise VodError(
            "ExtractedAudioSet: this release of Pulumi's Python SDK does not tell a provider what a set needs to know;"
            " use one ExtractedAudio for each video, or the native plugin (vod:index:ExtractedAudioSet)"
        )
    return names.to_snake(served.inputs_before())


def _audios(there: Entries) -> Iterable[tuple[str, str, dict[str, Any]]]:
    """All that a set has: ids, the keys under which they are or were last, and entries."""
    for key, entry in there.held.items():
        yield entry["audio_asset_id"], key, entry
    for audio_id, entry in there.superseded.items():
        yield audio_id, entry["key"], entry


def _place(entry: Mapping[str, Any]) -> Place:
    place = Place.parse(entry.get("place"))
    if place is None:
        raise settings.SettingsError(f"the state does not say where audio {entry.get('audio_asset_id')} is")
    return place
