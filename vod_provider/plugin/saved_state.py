"""What the engine's saved state says of a stack's audios, for a machine whose ledger knows nothing of the stack.

Asked of the `pulumi` that runs the plugin, which takes no lock, and keeps secrets encrypted unless they are needed.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

from vod_provider.audio import entries, inputs
from vod_provider.audio.ledger_records import Holder, owner_of_entry
from vod_provider.audio.place import Place
from vod_provider.plugin import names
from vod_provider.plugin.errors import EncryptedStateError, SavedStateError
from vod_provider.plugin.owner import SET_TYPES, TYPES, project_folder
from vod_provider.plugin.state_secrets import in_clear, is_encrypted
from vod_provider.vod.errors import VodError

SECONDS = 60.0
"""The command takes no longer."""
READERS = 4
"""So many other stacks are read at a time."""


T = TypeVar("T")


class SavedState:
    """The saved state of the stack whose owners begin with `owners`, 'BACKEND urn:pulumi:STACK::PROJECT::'.

    It is read when it is first asked for, and once, even where that fails: what a run changes in it, that run knows.
    Raises SavedStateError.
    """

    def __init__(self, owners: str, environ: Mapping[str, str] = os.environ) -> None:
        self._audios = _Once(lambda: _read(owners, environ))
        self._by_id = _Once(lambda: _by_id(holder for holder, _ in self._audios.get()))
        self._stacks = _Once(lambda: _stacks(owners, environ))
        self._elsewhere = _Once(lambda: _of_others(owners, environ, self._stacks.get()))

    def is_stack(self, name: str) -> bool:
        """Whether the project has a stack of that name in the backend, in whichever organization."""
        return name in self._stacks.get()

    def holders(self) -> list[Holder]:
        """Its audios, without those that only wait for their deletion."""
        return [holder for holder, leaving in self._audios.get() if not leaving]

    def holders_of(self, audio_id: str) -> list[Holder]:
        """Who has this audio in it, be it one that waits for its deletion."""
        return self._by_id.get().get(audio_id, [])

    def elsewhere(self, audio_id: str) -> list[Holder]:
        """Who has this audio in the states of the project's other stacks: `pulumi state move` takes it there.

        Each of them is read, at the first question.
        """
        return [holder for holder in self._elsewhere.get() if holder.audio_id == audio_id]


class _Once(Generic[T]):
    """What `read` returns, or the SavedStateError that it raises: it may take a minute, and thousands ask."""

    def __init__(self, read: Callable[[], T]) -> None:
        self._read, self._lock = read, threading.Lock()
        self._found: list[T] = []
        self._error: SavedStateError | None = None

    def get(self) -> T:
        with self._lock:
            if self._error is None and not self._found:
                try:
                    self._found.append(self._read())
                except SavedStateError as error:
                    self._error = error
            if self._error is not None:
                raise self._error
            return self._found[0]


def _read(owners: str, environ: Mapping[str, str]) -> list[tuple[Holder, bool]]:
    """All audios, and of each whether it only waits for its deletion."""
    backend, _, urn = owners.partition("urn:pulumi:")
    stack = urn.partition("::")[0]
    resources = _exported(stack, environ)
    if not all(map(_is_legible, resources)):
        try:
            resources = _exported(stack, environ, "--show-secrets")
        except SavedStateError as error:
            raise EncryptedStateError(f"the state of stack {stack} has its audios encrypted, and {error}") from error
    try:
        return [it for one in resources for it in _audios(one, backend) if it[0].owner.startswith(owners)]
    except (VodError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SavedStateError(f"the state of stack {stack} is not as expected ({type(error).__name__})") from error


def _by_id(holders: Iterable[Holder]) -> dict[str, list[Holder]]:
    found: dict[str, list[Holder]] = {}
    for holder in holders:
        found.setdefault(holder.audio_id, []).append(holder)
    return found


def _of_others(owners: str, environ: Mapping[str, str], stacks: Collection[str]) -> list[Holder]:
    """The audios of the project's other stacks, those included that wait for their deletion."""
    backend, _, urn = owners.partition("urn:pulumi:")
    own, _, project = urn.partition("::")
    others = [f"{backend}urn:pulumi:{stack}::{project}" for stack in sorted(stacks) if stack != own]
    with ThreadPoolExecutor(READERS, "vod-states") as pool:
        return [holder for audios in pool.map(lambda it: _read(it, environ), others) for holder, _ in audios]


def _exported(stack: str, environ: Mapping[str, str], *options: str) -> list[dict[str, Any]]:
    """Our resources in the stack's state, in clear what the command shows in clear. Raises SavedStateError."""
    with _pulumi(environ, ("stack", "export", *options), "--stack", stack) as told:
        resources = told["deployment"].get("resources") or []
        return [in_clear(one) for one in resources if one["type"] in (*TYPES, *SET_TYPES)]


def _stacks(owners: str, environ: Mapping[str, str]) -> frozenset[str]:
    """The names of the project's stacks, without their organizations. Raises SavedStateError."""
    own = owners.partition("urn:pulumi:")[2].partition("::")[0]
    with _pulumi(environ, ("stack", "ls", "--json")) as told:
        found = frozenset(str(one["name"]).rpartition("/")[2] for one in told)
    if own not in found:
        raise SavedStateError(f"`pulumi stack ls` does not list stack {own} itself")
    return found


@contextmanager
def _pulumi(environ: Mapping[str, str], command: tuple[str, ...], *options: str) -> Iterator[Any]:
    """What the command tells in JSON. Raises SavedStateError, also where that is not as the body of `with` expects."""
    program = shutil.which("pulumi", path=environ.get("PATH", ""))
    if program is None:
        raise SavedStateError("there is no pulumi on PATH to read the stack's state with")
    try:
        done = subprocess.run(  # noqa: S603 - the pulumi that runs this plugin, with arguments that are ours
            [program, *command, "--non-interactive", *options],
            cwd=project_folder(),  # where a backend with a relative path is
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS,
            check=True,
        )
        yield json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SavedStateError(f"`pulumi {' '.join(command)}` failed ({type(error).__name__})") from error


def _is_legible(resource: Mapping[str, Any]) -> bool:
    """Whether nothing is encrypted that tells which audios there are, and what they were made of."""
    asked, outs = (names.to_snake(resource.get(part) or {}) for part in ("inputs", "outputs"))
    needed = [outs.get(name) for name in (*_NEEDED, entries.EXTRACTED, entries.APART)] + [asked.get(entries.AUDIOS)]
    for audios in (outs.get(entries.EXTRACTED), asked.get(entries.AUDIOS)):
        if isinstance(audios, dict) and not is_encrypted(audios):
            needed += audios.values()
            needed += [it.get(name) for it in audios.values() if isinstance(it, dict) for name in _NEEDED]
    return not any(map(is_encrypted, [*needed, asked.get("format")]))


_NEEDED = ("asset_id", "format", "audio_asset_id")


def _audios(resource: Mapping[str, Any], backend: str) -> Iterator[tuple[Holder, bool]]:
    kind, owner = resource["type"], f"{backend}{resource['urn']}"
    outs = names.to_snake(resource.get("outputs") or {})
    leaving = bool(resource.get("delete"))
    if resource.get("external"):
        return  # only looked at: it is somebody else's
    if kind in TYPES:
        yield _holder(owner, outs), leaving
    elif kind in SET_TYPES:
        there = entries.entries(outs, entries.asked(names.to_snake(resource.get("inputs") or {})))
        for key, entry in there.held.items():
            yield _holder(owner_of_entry(owner, key), entry), leaving
        for audio_id, entry in there.superseded.items():
            yield _holder(owner_of_entry(owner, entry["key"]), {**entry, "audio_asset_id": audio_id}), True


def _holder(owner: str, outs: Mapping[str, Any]) -> Holder:
    return holder(owner, str(outs["audio_asset_id"]), outs)


def holder(owner: str, audio_id: str, outs: Mapping[str, Any], assumed: Place | None = None) -> Holder:
    """Whose an audio is, as far as its outputs say, which may lack the place: then it is `assumed`."""
    place, account = Place.parse(outs.get("place")), outs.get("account")
    known = place or assumed
    return Holder(
        site=known.site if known is not None else "",
        audio_id=audio_id,
        owner=owner,
        account=account if isinstance(account, str) else None,
        made_for=str(outs.get("made_for", "")),
        source=str(outs.get("asset_id") or ""),
        format=str(outs.get("format") or ""),
        adopted=outs.get("adopt") == audio_id,
        assumed=place is None,
        fingerprint=inputs.fingerprint(outs),
    )
