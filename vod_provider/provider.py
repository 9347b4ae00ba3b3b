"""Pulumi's check, diff, create, read, update and delete of an ExtractedAudio, put into words of `audio`.

Pulumi stores a reference to the class below in every resource's state: its module and name must stay as they
are, and it has no state of its own. HTTP and SQL are loaded when the first call to VOD is due, so that a preview
and an `up` without changes need neither them nor credentials.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    CreateResult,
    DiffResult,
    ReadResult,
    UpdateResult,
)
from pulumi.output import Unknown

from vod_provider.audio import inputs
from vod_provider.audio.ledger_records import Holder, Key, LedgerError, mark, name_of
from vod_provider.audio.place import Place
from vod_provider.audio.steps import here
from vod_provider.plugin import dynamic, names, serving
from vod_provider.plugin.context import asked_place, before_asking, moved_place
from vod_provider.plugin.errors import PartialFailureError
from vod_provider.plugin.run import Declared
from vod_provider.vod.assets import Asset, Condition, Outcome, condition, format_of
from vod_provider.vod.errors import (
    DeadlineError,
    EarlyEndError,
    ExtractionError,
    GoneError,
    NotFoundError,
    StoppedError,
    UnfinishedError,
    VodError,
)

Props = dict[str, Any]

STABLE = ("audio_asset_id",)
"""Outputs that an update never changes."""


class ExtractedAudioProvider(dynamic.OurProvider):
    """The life of `ExtractedAudio`. See there for what a user sees."""

    # -- what a preview asks, too: nobody else is asked for it ------------------------------------------------

    def check(self, olds: Props, news: Props) -> CheckResult:
        """Refuse what cannot be, by the name of its property; unknown values pass. Settings may not be wrong either."""
        checked, problems = inputs.check(news, _is_unknown)
        if not olds:
            problems += inputs.check_new(checked)
        # Named in the text: where Pulumi is told the property, it shows the value, secrets too.
        failures = [CheckFailure("", f"{problem.property} {problem.reason}") for problem in problems]
        with serving.current_request() as served:
            self._context.run.checks(served.urn)
            base, account = self._context.offline(), checked.get("account")
            if isinstance(account, str) and (problem := base.lacks(account)):
                failures.append(CheckFailure("", f"account {problem}"))
            region, _, _ = asked_place(checked)
            if region and not failures and (ignored := base.ignored_region(region, account)):
                self._context.run.warns(ignored, served.operation.warn)
            # A replacement is checked a second time, without what there was. Not every one is seen by Diff before:
            # `replace_on_changes` and `replacement_trigger` are the engine's own affair.
            if olds:
                self._context.run.declares(served.urn, _declared(olds))  # the rest, only Diff is told
            else:
                self._context.run.replaces(served.urn, checked.get("asset_id"))
                self._context.run.claims(served.urn, checked.get("moved_from"), checked.get("adopt"))
        return CheckResult(checked, failures)

    def diff(self, id_: str, olds: Props, news: Props) -> DiffResult:
        """Say what changes, without asking anybody. The native plugin may have left `olds`, with names of its own."""
        left, olds = olds, names.to_snake(olds)
        changes = inputs.compare(olds, news, _is_unknown)
        replaces, updates = changes.replaces, changes.updates
        with serving.current_request() as served:
            self._show(served, id_, olds)
            if replaces and set(replaces) <= set(inputs.PLACE):
                if self._context.asks_for_the_place_of(olds, news, _is_unknown):
                    replaces, updates = (), (*replaces, *updates)
            elif not replaces:
                self._context.note_where_it_stays(served.urn, olds)
            held = condition(str(olds.get("status", "")), has_file=bool(olds.get("url")))
            if held in {Condition.BROKEN, Condition.GONE}:
                replaces = (*replaces, "status")  # only another extraction helps
            elif held is Condition.UNFINISHED:
                updates = (*updates, "status")  # a refresh has made Pulumi forget that its create was broken off
            problem = inputs.check_description(olds, news, replaced=bool(replaces), is_unknown=_is_unknown)
            if problem is not None:
                raise inputs.InputError(problem)
            self._context.run.declares(served.urn, _declared(olds, id_))
            if replaces:
                self._context.run.replaces(served.urn, news.get("asset_id"))
            served.stables = STABLE
            served.detailed = dict.fromkeys(replaces, "UPDATE_REPLACE") | dict.fromkeys(updates, "UPDATE")
        return DiffResult(
            changes=bool(replaces or updates or olds.keys() != left.keys()),
            replaces=list(replaces),
            stables=list(STABLE),
            delete_before_replace=False,
        )

    # -- what VOD is asked for --------------------------------------------------------------------------------

    def create(self, props: Props) -> CreateResult:
        """Extract the audio, or adopt one, wait until it is ready, and give it its metadata."""
        request = inputs.parse(props)
        with serving.current_request() as served, self._context.hint.creating():
            operation = served.operation
            with before_asking(request):
                services = self._context.begin(served.owners)
            if line := self._context.hint.due(services.settings.quotas["extract"]):
                serving.say(line)
            deadline = operation.deadline(services.settings.timeouts.create)
            asked, place = self._context.asked(services, request, operation)
            lifecycle = services.at(place)
            outs = props | {"place": str(place), "made_for": mark(asked.key.owner) if operation.owner else ""}
            with self._partial(served.urn, outs, asked.key):
                if request.adopt is not None and not self._context.run.is_replaced(served.urn):
                    self._context.refuse_what_is_held(request.adopt, served.urn)
                    with _naming(f"adopting audio {request.adopt}"):
                        asset = lifecycle.adopt(request.adopt, asked, operation, deadline)
                elif (held := self._context.moved(asked, request, served.urn)) is not None:
                    place = moved_place(held, request, place)
                    lifecycle, outs["place"] = services.at(place), str(place)
                    with _naming(f"taking over audio {held.audio_id}"):
                        asset = lifecycle.adopt(held.audio_id, asked, operation, deadline)
                else:
                    services.listen()
                    asset = lifecycle.ensure(asked, operation, deadline)
                metadata = request.metadata.given()
                asset = here(lifecycle.finishing(asset, metadata, operation, deadline))
            self._context.answers([(served.urn, asset.id, asked.key)], owned=bool(operation.owner))
            served.last_line = _ready(asset)
            return CreateResult(asset.id, _outs(outs, asset) | metadata)

    def read(self, id_: str, props: Props) -> ReadResult:
        """The audio as VOD holds it; an id of '' where VOD has none such, every time over a while.

        For `ExtractedAudio.get` that is an error: Pulumi has no state of the audio that could go.
        """
        with serving.current_request() as served, _naming(f"reading audio {id_}"):
            holder = self._show(served, id_, props)
            services = self._context.services(served.owners)
            deadline = served.operation.deadline(services.settings.timeouts.read)
            holder, place = services.placed(holder, deadline)
            if holder.assumed and "audio_asset_id" in props:
                raise _unplaced(f"reading audio {id_}", place)
            asset = services.at(place).look(id_, deadline)
            if "audio_asset_id" not in props:
                props = props | {"format": _format_of_another(asset)}
                props.pop("asset_id", None)  # which VOD does not tell; without it, it is nobody's here (see `shows`)
            if asset.outcome is Outcome.GONE:
                services.ledger.release(holder)
                return ReadResult("", {})
            return ReadResult(id_, _outs(props | {"place": str(place)}, asset))

    def bring_in(self, audio_id: str, source: str | None, place: Mapping[str, str]) -> tuple[Props, Props]:
        """Outputs and inputs of an audio that is to be imported; `source` is the id of its video, if somebody says it.

        `place` are inputs that say where both are, as far as that is not where the default is. VOD does not record what
        an audio was extracted from. Without a source, the first `up` would replace the audio.
        """
        doing = f"importing audio {audio_id}"
        with serving.current_request() as served, _naming(doing):
            services = self._context.services(served.owners)
            for name, value in place.items():
                if reasons := inputs.reasons(name, value):
                    raise inputs.InputError(inputs.Problem(f"{doing}: {name}", reasons[0]))
            there = Place.asked(services.settings, *asked_place(place))
            known = services.ledger.sites_of(audio_id)
            if known and there.site not in known:
                raise VodError(
                    f"{doing}: it is not at {there.site}: the ledger has it at {known[0]}; {_elsewhere(audio_id)}"
                )
            deadline = served.operation.deadline(services.settings.timeouts.read)
            asset = services.at(there).look(audio_id, deadline)
            if asset.outcome is Outcome.GONE:
                raise VodError(f"{doing}: VOD has no such asset at {there.site}; check the id; {_elsewhere(audio_id)}")
            audio_format = _format_of_another(asset) or inputs.DEFAULT_FORMAT
            source = source or services.ledger.source_of(there.site, audio_id)
            if source is None:
                raise VodError(
                    f"{doing}: VOD does not record which video it was extracted from, and neither does the ledger; give"
                    f" both ids, as VIDEO_ID/{audio_id}"
                )
            if services.at(there).glance(source, deadline).outcome is Outcome.GONE:
                raise VodError(f"{doing}: VOD has no asset {source}; check the id of the video before the '/'")
            declared: Props = {"asset_id": source, "format": audio_format, **place}
            whose = {"place": str(there), "made_for": mark(served.operation.owner)}
            return _outs(declared | whose, asset), declared

    def update(self, id_: str, olds: Props, news: Props) -> UpdateResult:
        """Change metadata; where the last run broke off before the audio was ready, wait for it first."""
        request, olds = inputs.parse(news), names.to_snake(olds)
        with serving.current_request() as served:
            holder = self._show(served, id_, olds)
            services, operation = self._context.begin(served.owners), served.operation
            deadline = operation.deadline(services.settings.timeouts.update)
            holder, place = services.placed(replace(holder, account=request.account), deadline)
            if holder.assumed:
                raise _unplaced(f"updating audio {id_}", place)
            lifecycle = services.at(place)
            changed = set(inputs.compare(olds, news, _is_unknown).updates)
            metadata = request.metadata.given()
            outs = {name: value for name, value in olds.items() if name not in inputs.ASKING} | news
            outs["place"] = str(place)
            if condition(str(olds.get("status", "")), has_file=bool(olds.get("url"))) is Condition.WELL:
                with _naming(f"updating audio {id_}"), _missing():
                    wanted = {name: value for name, value in metadata.items() if name in changed and name != "publish"}
                    here(lifecycle.describing(id_, wanted, operation, deadline))
                    if "publish" in changed:
                        asset = here(lifecycle.publishing(id_, operation, deadline, published=metadata["publish"]))
                        outs |= {"status": asset.status, "url": asset.url or outs.get("url")}
                return UpdateResult(outs | metadata)
            services.listen()
            with self._partial(served.urn, outs):
                doing = f"extracting {request.format} from asset {request.asset_id}"
                try:
                    asset = lifecycle.wait(id_, doing, operation, deadline, new=True)
                except ExtractionError as error:
                    # An update cannot change the id: what is kept makes the next diff a replacement.
                    why = f"{error}; the next `pulumi up` extracts it again, which is billed again"
                    raise UnfinishedError(Asset.gone(id_), why) from error
                asset = here(lifecycle.finishing(asset, metadata, operation, deadline))
            served.last_line = _ready(asset)
            return UpdateResult(_outs(outs, asset) | metadata)

    def delete(self, id_: str, props: Props) -> None:
        """Remove the audio in whatever state it is, unless somebody else holds it; one that is gone is no error."""
        with serving.current_request() as served, _naming(f"deleting audio {id_}"):
            if self._context.run.has_answered(id_, served.urn):
                # Replaced by itself: this run's create found in the ledger what the state had all the time.
                self._show(served, id_, props)
                serving.say(
                    f"audio {id_} was not extracted again: whether an earlier run had saved it was not known until now."
                    " To extract it again, run the same command once more"
                )
                return
            holder = self._show(served, id_, props)
            services, operation = self._context.begin(served.owners), served.operation
            if self._context.run.still_has(id_, served.urn):
                # A run that replaced it by itself was broken off before it came to say so.
                served.last_line = "kept: it has taken its own place"
                return
            deadline = operation.deadline(services.settings.timeouts.delete)
            holder, place = services.placed(holder, deadline)
            (others,) = self._context.leftovers.let_go(services.ledger, [holder])
            if in_this_run := self._context.run.other_of(id_, served.urn):
                others = [in_this_run, *others]
            if moved := self._context.run.moved_to(id_):
                served.last_line = f"moved to {name_of(moved)}"
            if others:
                if not moved:
                    serving.say(f"audio {id_} is kept at VOD: {name_of(others[0])} holds it, too")
            else:
                if holder.assumed:
                    raise _unplaced(f"deleting audio {id_}", place)
                services.at(place).remove(id_, operation, deadline)
                served.last_line = "deleted"
            services.ledger.release(holder)
            self._context.leftovers.remove(services, served.urn, operation, deadline, id_)

    # -- the run ----------------------------------------------------------------------------------------------

    def _show(self, served: serving.ServedRequest, id_: str, props: Props) -> Holder:
        return self._context.shows(served.operation.owner, id_, props)

    @contextmanager
    def _partial(self, urn: str, outs: Props, key: Key | None = None) -> Iterator[None]:
        """Turn 'VOD has it, but it is not as asked for yet' into what makes Pulumi keep the id."""
        try:
            yield
        except UnfinishedError as error:
            self._context.answers([(urn, error.asset.id, key)], owned=bool(outs.get("made_for")))
            raise PartialFailureError(str(error), error.asset.id, _outs(outs, error.asset)) from error


def _is_unknown(value: object) -> bool:
    return isinstance(value, Unknown)


def _declared(props: Props, id_: str = "") -> Declared:
    return Declared(props.get("asset_id"), props.get("duration"), id_)


def _ready(asset: Asset) -> str:
    """What a row ends with: 'ready, 0:30'."""
    if asset.duration is None:
        return "ready"
    minutes, seconds = divmod(round(asset.duration), 60)
    return f"ready, {minutes}:{seconds:02}"


def _format_of_another(asset: Asset) -> str | None:
    """The format of an audio that Pulumi has no state of; raises VodError where it is not there, or no audio."""
    if asset.outcome is Outcome.GONE:
        raise VodError(f"reading audio {asset.id}: VOD has no such asset; check the id, the project and the region")
    found = format_of(asset)
    if found is None and asset.pack_type:
        raise VodError(
            f"reading audio {asset.id}: it is {asset.pack_type}, and no audio that VOD extracts; check the id"
        )
    return found


def _elsewhere(audio_id: str) -> str:
    return f"for another place than the provider's own, name it, as in VIDEO_ID/{audio_id}@region=REGION"


@contextmanager
def _missing() -> Iterator[None]:
    """Say how to go on where Pulumi's state has an audio that VOD does not have."""
    try:
        yield
    except NotFoundError as error:
        raise GoneError(
            f"{error}; if it was deleted, `pulumi refresh` sees it, and `pulumi up` extracts it again"
        ) from error


def _unplaced(doing: str, place: Place) -> GoneError:
    return GoneError(
        f"{doing}: VOD has no such asset at {place.site}, and the state, which an earlier version has written, does not"
        " say where it is; if the stack's region, endpoint or project has changed since, set it back and run `pulumi"
        " refresh`, which notes the place; if it was deleted, forget it with `pulumi state delete`"
    )


@contextmanager
def _naming(doing: str) -> Iterator[None]:
    """Say what was being done where a wait ended early, which only knows that it ended, or the ledger has failed."""
    try:
        yield
    except StoppedError as error:
        raise EarlyEndError("stopped; `pulumi up` or `pulumi destroy` goes on from here") from error
    except DeadlineError as error:
        raise EarlyEndError(f"{doing}: {error}; `pulumi up` or `pulumi destroy` goes on from here") from error
    except LedgerError as error:
        raise LedgerError(f"{doing}: {error}; `pulumi up` or `pulumi destroy` goes on from here") from error


def _outs(props: Props, asset: Asset) -> Props:
    """The full outputs: the inputs, and what VOD tells of the audio. Metadata stands there as VOD holds it."""
    return props | {
        "audio_asset_id": asset.id,
        "status": asset.status,
        "url": asset.url,
        "duration": asset.duration,
        "bit_rate": asset.bit_rate,
        "size": asset.size,
        "codec": asset.codec,
        "title": asset.title,
        "description": asset.description,
        "category_id": asset.category_id,
        "tags": list(asset.tags),
        "publish": asset.published,
    }
