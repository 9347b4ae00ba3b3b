"""Pulumi's check, diff, create, read, update and delete of an ExtractedAudio, put into words of `extraction`.

Pulumi stores a reference to the class below in every resource's state: its module and name must stay as they
are, and it has no state of its own. HTTP and SQL are loaded when the first call to VOD is due, so that a preview
and an `up` without changes need neither them nor credentials.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    ConfigureRequest,
    CreateResult,
    DiffResult,
    ReadResult,
    ResourceProvider,
    UpdateResult,
)
from pulumi.output import Unknown

from vod_provider.audio import inputs
from vod_provider.audio.operation import Operation
from vod_provider.config import settings
from vod_provider.plugin import dynamic, serving
from vod_provider.plugin.billed_again import Again
from vod_provider.plugin.parallelism_hint import Hint, parallelism
from vod_provider.vod.assets import Asset, Condition, Outcome, condition, format_of
from vod_provider.vod.errors import (
    DeadlineError,
    ExtractionError,
    NotFoundError,
    StoppedError,
    UnfinishedError,
    VodError,
)

if TYPE_CHECKING:
    from vod_provider.audio.lifecycle import Extraction
    from vod_provider.plugin.services import Services
    from vod_provider.vod.deadline import Deadline

Props = dict[str, Any]

STABLE = ("audio_asset_id",)
"""Outputs that an update never changes."""


class EarlyEndError(VodError):
    """A wait that ended early, with what was being done."""


class Held(NamedTuple):
    """What there is of a resource: its source, its seconds and its id; '' and None where only its inputs are known."""

    source: str | None
    seconds: float | None
    id: str

    @classmethod
    def of(cls, props: Props, id_: str = "") -> Held:
        return cls(props.get("asset_id"), props.get("duration"), id_)


@dataclass
class Run:
    """What Pulumi has shown of one run, and what was answered. Threads add to it."""

    seen: set[str] = field(default_factory=set)
    """Ids that Pulumi has shown to hold, and that the journal does not know of yet."""
    answered: set[str] = field(default_factory=set)
    """Ids that this run has given to Pulumi."""
    held: dict[str, Held] = field(default_factory=dict)
    """By URN: what there is of resources that are still declared, and not replaced as far as is known."""
    replaced: set[str] = field(default_factory=set)
    """The URNs of those that are."""
    again: Again = field(default_factory=Again)
    owners: str = ""
    """See `ServedRequest.owners`; '' as long as nothing was created, updated or deleted: in a preview."""


class GoneError(VodError):
    """The audio is not there, with what to do about it."""


class ExtractedAudioProvider(ResourceProvider):
    """The life of `ExtractedAudio`. See there for what a user sees."""

    serialize_as_secret_always = False

    _config: Mapping[str, str] = {}
    _opened: Services | None = None
    _opening = threading.Lock()
    _hint = Hint(0)
    _settings: settings.Settings | None = None
    _run: Run

    def configure(self, req: ConfigureRequest) -> None:
        """Note the stack's configuration; nothing is looked at before it is needed."""
        self._run = Run()
        self._settings = None
        self._config = dynamic.configuration(req)
        dynamic.extend(ExtractedAudioProvider, debug=self._config.get("vod:debug", "").lower() == "true")
        serving.when_over(self._run_over)
        self._hint = Hint(parallelism(os.environ, os.cpu_count() or 1))

    def check(self, olds: Props, news: Props) -> CheckResult:
        """Refuse what cannot be, by the name of its property; unknown values pass. Settings may not be wrong either."""
        checked, problems = inputs.check(news, _is_unknown)
        # Named in the text: where Pulumi is told the property, it shows the value, secrets too.
        failures = [CheckFailure("", f"{problem.property} {problem.reason}") for problem in problems]
        with serving.current_request() as served:
            base, account = self._offline(), checked.get("account")
            if isinstance(account, str) and (problem := base.lacks(account)):
                failures.append(CheckFailure("", f"account {problem}"))
            # A replacement is checked a second time, without what there was. Not every one is seen by Diff before:
            # `replace_on_changes` and `replacement_trigger` are the engine's own affair.
            if olds:
                self._run.held[served.urn] = Held.of(olds)  # the rest, only Diff is told
            else:
                self._paid_again(served.urn, checked)
        return CheckResult(checked, failures)

    def diff(self, id_: str, olds: Props, news: Props) -> DiffResult:
        """Say what changes, without asking anybody."""
        self._run.seen.add(id_)
        changes = inputs.compare(olds, news, _is_unknown)
        if set(changes.replaces) <= set(inputs.PLACE) and self._in_one_place(olds, news):
            changes = inputs.Changes((), (*changes.replaces, *changes.updates))
        replaces = changes.replaces
        if _condition(olds) in {Condition.BROKEN, Condition.GONE}:
            # The last run saw it fail or vanish after Pulumi had its id: only another extraction helps.
            replaces = (*replaces, "status")
        with serving.current_request() as served:
            self._run.held[served.urn] = Held.of(olds, id_)
            if replaces:
                self._paid_again(served.urn, news)
            served.stables = STABLE
            served.detailed = dict.fromkeys(replaces, "UPDATE_REPLACE") | dict.fromkeys(changes.updates, "UPDATE")
        return DiffResult(
            changes=bool(replaces or changes.updates),
            replaces=list(replaces),
            stables=list(STABLE),
            delete_before_replace=False,
        )

    def create(self, props: Props) -> CreateResult:
        """Extract the audio, or adopt one, wait until it is ready, and give it its metadata."""
        request = inputs.parse(props)
        with serving.current_request() as served, self._hint.creating():
            services, operation = self._services(), served.operation
            self._run.owners = served.owners
            if line := self._hint.due(services.settings.quotas["extract"]):
                serving.say(line)
            extraction = services.at(request.region, request.project_id, request.account)
            deadline = operation.deadline(services.settings.timeouts.create)
            with self._partial(props):
                if request.adopt is not None:
                    with _naming(f"adopting audio {request.adopt}"):
                        asset = extraction.adopt(
                            request.adopt, request.fingerprint, request.asset_id, request.format, operation, deadline
                        )
                else:
                    services.listen()
                    asset = extraction.ensure(
                        request.fingerprint, request.asset_id, request.format, operation, deadline
                    )
                metadata = request.metadata.given()
                asset = _describe(extraction, asset, metadata, operation, deadline)
            self._run.answered.add(asset.id)
            return CreateResult(asset.id, _outs(props, asset) | metadata)

    def read(self, id_: str, props: Props) -> ReadResult:
        """The audio as VOD holds it; an id of '' where VOD answers that it has none such.

        For `ExtractedAudio.get` that is an error: Pulumi has no state of the audio that could go.
        """
        with serving.current_request() as served, _naming(f"reading audio {id_}"):
            services = self._services()
            services.settle({id_})
            extraction = services.at(*_place(props))
            asset = extraction.look(id_, served.operation.deadline(services.settings.timeouts.read))
            if "audio_asset_id" not in props:
                props = props | {"format": _format_of_another(asset)}
            if asset.outcome is Outcome.GONE:
                return ReadResult("", {})
            return ReadResult(id_, _outs(props, asset))

    def update(self, id_: str, olds: Props, news: Props) -> UpdateResult:
        """Change metadata; where the last run broke off before the audio was ready, wait for it first."""
        request = inputs.parse(news)
        with serving.current_request() as served:
            services, operation = self._services(), served.operation
            self._run.owners = served.owners
            services.settle({id_})
            extraction = services.at(request.region, request.project_id, request.account)
            deadline = operation.deadline(services.settings.timeouts.update)
            changed = set(inputs.compare(olds, news, _is_unknown).updates)
            metadata = request.metadata.given()
            outs = {name: value for name, value in olds.items() if name not in inputs.ASKING} | news
            if _condition(olds) is Condition.WELL:
                with _naming(f"updating audio {id_}"), _missing():
                    wanted = {name: value for name, value in metadata.items() if name in changed and name != "publish"}
                    extraction.describe(id_, wanted, operation, deadline)
                    if "publish" in changed:
                        asset = extraction.publish(id_, operation, deadline, published=metadata["publish"])
                        outs |= {"status": asset.status, "url": asset.url or outs.get("url")}
                return UpdateResult(outs | metadata)
            services.listen()
            with self._partial(news):
                doing = f"extracting {request.format} from asset {request.asset_id}"
                try:
                    asset = extraction.wait(id_, doing, operation, deadline)
                except ExtractionError as error:
                    # An update cannot change the id: what is kept makes the next diff a replacement.
                    why = f"{error}; the next `pulumi up` extracts again, and is paid again"
                    raise UnfinishedError(Asset.gone(id_), why) from error
                asset = _describe(extraction, asset, metadata, operation, deadline)
            return UpdateResult(outs | _outs(news, asset) | metadata)

    def delete(self, id_: str, props: Props) -> None:
        """Remove the audio in whatever state it is; one that is gone already is no error."""
        if id_ in self._run.answered:
            # Replaced by itself: this run's create found in the journal what Pulumi had all the time. See _run_over.
            return
        with serving.current_request() as served, _naming(f"deleting audio {id_}"):
            services, operation = self._services(), served.operation
            self._run.owners = served.owners
            for urn, held in list(self._run.held.items()):
                if held.id == id_ and urn != served.urn:
                    # Adopted from a resource that is still there: one audio, and not this one's alone.
                    serving.say(f"audio {id_} is kept at VOD: {urn.rpartition('::')[2]} holds it, too")
                    return
            extraction = services.at(*_place(props))
            extraction.remove(id_, operation, operation.deadline(services.settings.timeouts.delete))
            services.settle({id_})

    def _paid_again(self, urn: str, news: Props) -> None:
        """Another extraction is going to take the place of the one that there is, if there is one."""
        held = self._run.held.pop(urn, None)
        if held is None or urn in self._run.replaced:
            return
        if urn:  # else the host does not say which resource it is
            self._run.replaced.add(urn)
        self._run.again.note(held.seconds if held.source == news.get("asset_id") else None)

    def _offline(self) -> settings.Settings:
        """The settings, as far as they are needed to compare and to refuse. Raises SettingsError for a wrong one."""
        if self._settings is None:
            self._settings = settings.load(self._config, os.environ, offline=True)
        return self._settings

    def _in_one_place(self, olds: Props, news: Props) -> bool:
        """Whether both name the same place, in other words perhaps: region and project of the stack, written down."""
        if any(_is_unknown(news.get(name)) for name in inputs.PLACE):
            return False
        try:
            base = self._offline()
            old, new = base.at(*_place(olds)), base.at(*_place(news))
        except settings.SettingsError:
            return False
        return (old.endpoint, old.project_id) == (new.endpoint, new.project_id)

    @contextmanager
    def _partial(self, news: Props) -> Iterator[None]:
        """Turn 'VOD has it, but it is not as asked for yet' into what makes Pulumi keep the id."""
        try:
            yield
        except UnfinishedError as error:
            self._run.answered.add(error.asset.id)
            raise serving.PartialFailureError(str(error), error.asset.id, _outs(news, error.asset)) from error

    def _run_over(self) -> None:
        """Pulumi has saved what this run has answered.

        Without it, `up --replace` would take the old audio for its replacement: the engine shows a provider
        nothing of the old resource then, neither by Diff nor by Check.
        """
        if not self._run.owners and (line := self._run.again.line()):
            serving.say(line)
        if self._opened is None:
            return
        self._opened.settle(self._run.answered)
        if line := self._opened.over():
            serving.say(line)
        for kept in self._opened.journal.kept(self._run.owners) if self._run.owners else ():
            serving.say(
                f"audio {kept.audio_id} ({kept.format} of asset {kept.source}) was made for"
                f" {kept.owner.rpartition('::')[2]} by a run that was broken off, and this run did not take it:"
                " `pulumi up` takes it while the program has that resource as it was then; else"
                " `python -m vod_provider orphans` says how to remove it"
            )

    def _services(self) -> Services:
        """What talks to VOD, opened at the first use; shows the journal first which audios Pulumi holds."""
        with self._opening:
            if self._opened is None:
                from vod_provider.plugin.services import Services

                self._opened = Services.open(self._config, os.environ, serving.stop(), serving.warn)
        seen = []
        while self._run.seen:
            with suppress(KeyError):  # another thread was quicker
                seen.append(self._run.seen.pop())
        if seen:
            self._opened.settle(seen)
        return self._opened


def _condition(outs: Props) -> Condition:
    """How the audio was when the state was saved."""
    return condition(str(outs.get("status", "")), has_file=bool(outs.get("url")))


def _is_unknown(value: object) -> bool:
    return isinstance(value, Unknown)


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


def _place(props: Props) -> tuple[str | None, str | None, str | None]:
    return props.get("region"), props.get("project_id"), props.get("account")


def _describe(
    extraction: Extraction, asset: Asset, metadata: Mapping[str, Any], operation: Operation, deadline: Deadline
) -> Asset:
    """Give a new audio its metadata; returns it as it is then.

    VOD has it already, so what goes wrong here must not lose it.
    """
    publish = metadata.get("publish")
    try:
        told = {name: value for name, value in metadata.items() if name != "publish"}
        extraction.describe(asset.id, told, operation, deadline)
        if publish is None or publish is asset.published:
            return asset
        return extraction.publish(asset.id, operation, deadline, published=publish)
    except VodError as error:
        raise UnfinishedError(asset, f"{error}; audio {asset.id} is kept, and `pulumi up` tries again") from error


@contextmanager
def _missing() -> Iterator[None]:
    """Say how to go on where Pulumi's state has an audio that VOD does not have."""
    try:
        yield
    except NotFoundError as error:
        raise GoneError(
            f"{error}; if it was deleted, `pulumi refresh` sees it, and `pulumi up` extracts it again"
        ) from error


@contextmanager
def _naming(doing: str) -> Iterator[None]:
    """Say what was being done where a wait ended early, which only knows that it ended."""
    try:
        yield
    except (StoppedError, DeadlineError) as error:
        raise EarlyEndError(f"{doing}: {error}; `pulumi up` or `pulumi destroy` goes on from here") from error


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
