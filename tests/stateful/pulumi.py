"""Pulumi's engine, as far as a dynamic provider sees of it: what it asks, in which order, and what it saves."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from tests.stateful.faults import Step
from tests.stateful.lives import Killed, Life
from vod_provider.audio.inputs import parse
from vod_provider.audio.ledger_records import Holder, LedgerError
from vod_provider.plugin.errors import PartialFailureError
from vod_provider.plugin.saved_state import holder
from vod_provider.vod.errors import VodError

Props = dict[str, Any]


class UnsavedError(Exception):
    """The backend has not taken the state: what the engine did since is in no state."""


@dataclass
class Resource:
    """A resource in the state. `broken`: its last create or update failed after there was an id."""

    urn: str
    id: str
    inputs: Props
    outs: Props
    broken: bool = False

    @property
    def fingerprint(self) -> str:
        return parse(self.inputs).fingerprint


@dataclass(frozen=True)
class _Saved:
    """The state as it is saved when a run begins; `replaced` only wait for their deletion. What `SavedState` reads."""

    resources: list[Resource]
    replaced: list[Resource]
    name: str
    others: Collection[Stack]

    def holders(self) -> list[Holder]:
        return list(map(_holder, self.resources))

    def holders_of(self, audio_id: str) -> list[Holder]:
        return [_holder(it) for it in (*self.resources, *self.replaced) if it.id == audio_id]

    def is_stack(self, name: str) -> bool:
        return name == self.name or any(it.name == name for it in self.others)

    def elsewhere(self, audio_id: str) -> list[Holder]:
        there = [it for other in self.others for it in (*other.resources.values(), *other.replaced)]
        return [_holder(it) for it in there if it.id == audio_id]


def _holder(resource: Resource) -> Holder:
    return holder(f"backend {resource.urn}", resource.id, resource.outs)


@dataclass
class Stack:
    """A stack's state, and runs over it. `watch(urn, inputs, forced)` is called after each create.

    `others` tells the project's stacks.
    """

    name: str
    watch: Callable[[str, Props, bool], None]
    others: Callable[[], Collection[Stack]] = tuple
    resources: dict[str, Resource] = field(default_factory=dict)
    replaced: list[Resource] = field(default_factory=list)
    error: str = ""

    def urn(self, name: str) -> str:
        return f"urn:pulumi:{self.name}::project::pulumi-python:dynamic/vod:ExtractedAudio::{name}"

    def rename(self, name: str) -> None:
        """`pulumi stack rename`: all URNs have the new name, and the outputs stay as they are."""
        there = [*self.resources.values(), *self.replaced]
        for one in there:
            one.urn = one.urn.replace(f":{self.name}::", f":{name}::", 1)
        self.resources = {it.urn: it for it in self.resources.values()}
        self.name = name

    def ids(self) -> list[str]:
        """The ids that the state has, those included that are still to be deleted."""
        return [it.id for it in (*self.resources.values(), *self.replaced)]

    def up(
        self,
        life: Life,
        program: Mapping[str, Props],
        *,
        replace: Collection[str] = (),
        targets: Collection[str] | None = None,
        refresh: bool = False,
    ) -> bool:
        """One `pulumi up`, to its end or its first error; True if it went through.

        `replace` are names that `--replace` was given for, `targets` those of `--target`: what is left out of a run
        gets neither Check nor Diff. `refresh` reads all of these before.
        """
        wanted = None if targets is None else {self.urn(name) for name in targets}
        return self._run(life, lambda: self._up(life, program, replace, wanted, refresh))

    def refresh(self, life: Life) -> bool:
        """One `pulumi refresh`."""
        return self._run(life, lambda: self._refresh(life, None))

    def _run(self, life: Life, work: Callable[[], None]) -> bool:
        self.error = ""
        others = [it for it in self.others() if it is not self]
        saved = _Saved(list(self.resources.values()), list(self.replaced), self.name, others)
        life.context.leftovers._saved[f"backend urn:pulumi:{self.name}::project::"] = cast("Any", saved)
        try:
            work()
            if not life.stopped:
                life.context.over()
        except Killed:
            self.error = "killed"
        except (VodError, LedgerError, PartialFailureError, UnsavedError) as error:
            self.error = str(error)
            if not life.stopped and not life.killed:
                try:
                    life.context.over()
                except Killed:
                    self.error = "killed"
        finally:
            life.end()
        return not self.error

    def _up(
        self,
        life: Life,
        program: Mapping[str, Props],
        replace: Collection[str],
        targets: Collection[str] | None,
        refresh: bool,
    ) -> None:
        if refresh:
            self._refresh(life, targets)
        for name, inputs in program.items():
            if targets is None or self.urn(name) in targets:
                self._make(life, self.urn(name), inputs, name in replace)
        declared = {self.urn(name) for name in program}
        for one in list(self.replaced):
            if targets is None or one.urn in targets:
                life.serve(one.urn, life.provider.delete, one.id, one.outs)
                self._saving(life)
                self.replaced.remove(one)
        for urn in [urn for urn in self.resources if urn not in declared and (targets is None or urn in targets)]:
            life.serve(urn, life.provider.delete, self.resources[urn].id, self.resources[urn].outs)
            self._saving(life)
            del self.resources[urn]

    def _make(self, life: Life, urn: str, inputs: Props, forced: bool) -> None:
        old, provider = self.resources.get(urn), life.provider
        checked = life.serve(urn, provider.check, {} if forced or not old else old.inputs, inputs)
        assert not checked.failures
        news = checked.inputs
        if old is not None and not forced:
            diff = life.serve(urn, provider.diff, old.id, old.outs, news)
            if not diff.replaces:
                if diff.changes or old.broken:
                    self._update(life, old, news)
                return
        try:
            made = life.serve(urn, provider.create, news)
            new, failed = Resource(urn, made.id, news, made.outs or {}), None
        except PartialFailureError as error:
            new, failed = Resource(urn, error.id, news, dict(error.outs), broken=True), error
        finally:
            self.watch(urn, news, forced)
        self._save(life, new)
        if old is not None:
            self.replaced.append(old)
        if failed is not None:
            raise failed

    def _update(self, life: Life, old: Resource, news: Props) -> None:
        try:
            updated = life.serve(old.urn, life.provider.update, old.id, old.outs, news)
        except PartialFailureError as error:
            self._save(life, Resource(old.urn, error.id, news, dict(error.outs), broken=True))
            raise
        self._save(life, Resource(old.urn, old.id, news, updated.outs or {}))

    def _save(self, life: Life, new: Resource) -> None:
        self._saving(life)
        self.resources[new.urn] = new

    def _saving(self, life: Life) -> None:
        """The engine saves its state. Raises UnsavedError where the backend does not take it."""
        life.after(life.step(Step.SAVE))
        if not life.saves:
            raise UnsavedError("the state could not be saved")

    def _refresh(self, life: Life, targets: Collection[str] | None) -> None:
        for urn, one in list(self.resources.items()):
            if targets is not None and urn not in targets:
                continue
            read = life.serve(urn, life.provider.read, one.id, one.outs)
            self._saving(life)
            if read.id:
                one.outs, one.broken = read.outs or {}, False
            else:
                del self.resources[urn]
