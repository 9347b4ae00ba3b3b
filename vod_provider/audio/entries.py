"""The entries of a set of audios: what may be asked for, how little of it a state holds, and what a change comes to.

A set is declared with entries by key and with defaults for all of them. What an entry comes to is called by the names
that an `ExtractedAudio` has, so that the same rules hold for both. In the outputs an entry has only what VOD tells of
it, and what is not as the inputs saved with them ask: with ten thousand entries, each line counts. Pure; knows no
Pulumi.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from vod_provider.audio import inputs
from vod_provider.audio.inputs import DESCRIPTION, INPUTS, METADATA, REPLACING, IsUnknown, Problem
from vod_provider.audio.ledger_records import mark_of_entry
from vod_provider.text import is_plain, short
from vod_provider.vod.assets import Asset, Condition, condition
from vod_provider.vod.errors import VodError

AUDIOS = "audios"
"""The input with the entries."""
EXTRACTED = "extracted"
"""The output with the entries."""
SUPERSEDED = "superseded"
"""The output with audios that others have taken the place of, and that are still to be deleted."""
DRIFTED = "drifted"
"""The output with what VOD holds otherwise than the inputs ask, by key and name.

Beside the entries and not in them: the engine shows all of an output of which a part is to go.
"""
UNREADY = "unready"
"""The output with the status of each audio that is not ready, by key; beside the entries for the same reason."""
APART = "apart"
"""The output with what was asked for of audios, where the inputs saved beside it do not say it; to be kept as a secret.

What was asked for may be one, and the host does not tell which is.
"""
DEFAULTS = ("format", "category_id", "tags", "publish", "region", "project_id", "account", "triggers")
"""Inputs of the set that hold for each entry that does not have its own."""
OF_ENTRY = tuple(name for name in INPUTS if name != DESCRIPTION)
"""Inputs of an entry. VOD does not let a description be set."""
TOLD = ("audio_asset_id", "url", "duration", "size")
"""What VOD tells of an audio, and an entry has in the outputs, under these names."""
PROBLEMS = 20
"""So many problems of the inputs are told, and how many more there are."""
_CREATED, _PUBLISHED = "CREATED", "PUBLISHED"

Props = Mapping[str, Any]


def path(key: str, name: str = "", where: str = AUDIOS) -> str:
    """Where an entry, or a property of it, stands: 'audios["talk-17"].format', as Pulumi writes it."""
    quoted = key.replace('"', '\\"')
    return f'{where}["{quoted}"]' + (f".{name}" if name else "")


# -- what is asked for --------------------------------------------------------------------------------------------


def check(props: Props, is_unknown: IsUnknown) -> tuple[dict[str, Any], list[Problem]]:
    """The inputs in their normal form, and all that is wrong, by paths; as `inputs.check`."""
    audios = props.get(AUDIOS)
    rest = {name: value for name, value in props.items() if name != AUDIOS}
    checked, problems = inputs.check_given(rest, is_unknown, DEFAULTS)
    if audios is None:
        problems.append(Problem(AUDIOS, "is missing: it has the audios, each by a name of its own"))
    elif is_unknown(audios):
        checked[AUDIOS] = audios
    elif not isinstance(audios, Mapping):
        problems.append(Problem(AUDIOS, f"must be an object of audios, each by a name of its own: got {short(audios)}"))
    else:
        entries = checked[AUDIOS] = {}
        for key, entry in audios.items():
            entries[key], wrong = _check_entry(key, entry, is_unknown)
            problems += wrong
    if len(problems) > PROBLEMS:
        problems[PROBLEMS:] = [Problem(AUDIOS, f"has {len(problems) - PROBLEMS} more problems")]
    return checked, problems


def _check_entry(key: str, entry: Any, is_unknown: IsUnknown) -> tuple[Any, list[Problem]]:
    if not key or key.startswith("__") or not all(map(is_plain, key)):
        reason = f"must have names that are not empty, without '__' before and control characters: got {short(key)}"
        return entry, [Problem(AUDIOS, reason)]
    if is_unknown(entry):
        return entry, []
    if not isinstance(entry, Mapping):
        return entry, [Problem(path(key), f"must be an object with asset_id: got {short(entry)}")]
    checked, problems = inputs.check_given(entry, is_unknown, OF_ENTRY)
    source = checked.get("asset_id")
    if source is None:
        problems.append(Problem("asset_id", "is missing: it is the media id of the source video"))
    elif checked.get("adopt") == source and not is_unknown(source):
        problems.append(Problem("adopt", "is the source itself: it is the media id of an audio extracted from it"))
    return checked, [Problem(path(key, it.property), it.reason) for it in problems]


def asked(props: Props, is_unknown: IsUnknown = lambda _: False) -> dict[str, dict[str, Any]]:
    """What each entry of the checked inputs comes to, by the names that an `ExtractedAudio` has.

    None are known as long as the entries are not.
    """
    audios = props.get(AUDIOS)
    if not isinstance(audios, Mapping) or is_unknown(audios):
        return {}
    common = {"format": inputs.DEFAULT_FORMAT} | {name: props[name] for name in DEFAULTS if props.get(name) is not None}
    return {
        key: common | {"asset_id": entry} if is_unknown(entry) else {**common, **entry} for key, entry in audios.items()
    }


# -- what there is ------------------------------------------------------------------------------------------------


@dataclass
class Entries:
    """What a set has: by key, and, by audio id, what others have taken the place of. `mark` is that of the set.

    Each is a mapping like the outputs of an `ExtractedAudio`, as far as VOD tells and somebody has asked.
    """

    mark: str = ""
    held: dict[str, dict[str, Any]] = field(default_factory=dict)
    superseded: dict[str, dict[str, Any]] = field(default_factory=dict)
    apart: frozenset[str] = frozenset()
    """Keys of those of which the state says itself what they have, since the inputs beside it may not say so."""


def made(wanted: Props, asset: Asset, place: str, made_for: str, *, described: bool) -> dict[str, Any]:
    """An entry that was extracted as `wanted`; `described`: and has its metadata."""
    entry = {name: wanted[name] for name in REPLACING if wanted.get(name) is not None}
    if described:
        entry |= {name: wanted[name] for name in METADATA if wanted.get(name) is not None}
    if wanted.get("adopt") == asset.id:
        entry["adopt"] = asset.id
    return entry | told(asset) | {"place": place, "made_for": made_for}


def told(asset: Asset) -> dict[str, Any]:
    """What VOD tells of an audio, whoever has asked."""
    return {
        "audio_asset_id": asset.id,
        "url": asset.url,
        "duration": asset.duration,
        "size": asset.size,
        "status": asset.status,
        "publish": asset.published,
    }


def told_of(asset: Asset, name: str) -> Any:
    """One of an audio's metadata, as VOD tells it."""
    told = {
        "title": asset.title,
        "category_id": asset.category_id,
        "tags": list(asset.tags),
        "publish": asset.published,
    }
    return told[name]


def seen(entry: Props, asset: Asset) -> dict[str, Any]:
    """The entry as VOD holds it now, with those of its metadata that are managed."""
    held = {name: told_of(asset, name) for name in METADATA if name in entry}
    return {**entry, **held, **told(asset)}


def state_of(entry: Props) -> Condition:
    """How the audio of an entry is."""
    return condition(str(entry.get("status", "")), has_file=bool(entry.get("url")))


def outputs(
    entries: Entries,
    wanted: Mapping[str, Props],
    before: Mapping[str, Props] | None = None,
    apart: Collection[str] = (),
) -> dict[str, Any]:
    """The outputs that hold them, beside the inputs of which `wanted` are the entries.

    `before`: it may also be these, which the engine keeps where an update has failed in part. Then an entry relies on
    neither, unless both have the same of it. Entries with the keys `apart` rely on none in any case.
    """
    alone = {key for key in entries.held if before is not None and before.get(key) != wanted.get(key)}.union(apart)
    places = [it["place"] for it in entries.held.values()]
    common = {"place": max(set(places), key=places.count) if places else "", "made_for": entries.mark}
    found: dict[str, Any] = {
        **{name: value for name, value in common.items() if value},
        EXTRACTED: {
            key: _written(entries.mark, key, it, wanted.get(key, {}), common, alone=key in alone)
            for key, it in entries.held.items()
        },
    }
    drifts = {key: drift(it, wanted.get(key, {})) for key, it in entries.held.items() if key not in alone}
    if drifted := {key: it for key, it in drifts.items() if it}:
        found[DRIFTED] = drifted
    if unready := {key: it.get("status") for key, it in entries.held.items() if state_of(it) is not Condition.WELL}:
        found[UNREADY] = unready
    if entries.superseded:
        found[SUPERSEDED] = {id_: _named(it, _KEPT) for id_, it in entries.superseded.items()}
    asked_for = {
        EXTRACTED: {
            key: _asked_for(it, {} if key in alone else wanted.get(key, {}), alone=key in alone)
            for key, it in entries.held.items()
        },
        SUPERSEDED: {id_: _named(it, _ASKED_FOR) for id_, it in entries.superseded.items()},
    }
    full = {name: {key: it for key, it in part.items() if it} for name, part in asked_for.items()}
    if any(full.values()):
        found[APART] = {name: part for name, part in full.items() if part}
    return found


_KEPT = ("audio_asset_id", "key", "place", "made_for")
_ASKED_FOR = ("asset_id", "format", "account", "adopt")


def _named(entry: Props, names: Iterable[str]) -> dict[str, Any]:
    return {name: entry[name] for name in names if entry.get(name) is not None}


def _written(base: str, key: str, entry: Props, ask: Props, common: Props, *, alone: bool) -> dict[str, Any]:
    """`alone`: so that it can be read beside any inputs."""
    found = _named(entry, TOLD)
    if entry.get("status") != _CREATED:
        found["status"] = entry.get("status")
    if lacks := [name for name in METADATA if name not in entry and (alone or ask.get(name) is not None)]:
        found["lacks"] = lacks
    if entry.get("place") != common["place"]:
        found["place"] = entry.get("place")
    if entry.get("made_for") != mark_of_entry(base, key):
        found["made_for"] = entry.get("made_for")
    return found


def _asked_for(entry: Props, ask: Props, *, alone: bool) -> dict[str, Any]:
    """What was asked for when the audio was made, and what VOD was given, as far as `ask` does not say it."""
    found: dict[str, Any] = {}
    if alone or any(not inputs.same(name, entry.get(name), ask.get(name)) for name in REPLACING):
        found["made_from"] = _named(entry, REPLACING)
    if alone and (holds := _named(entry, [name for name in METADATA if name != "publish"])):
        found["holds"] = holds
    return found


def drift(entry: Props, ask: Props) -> dict[str, Any]:
    """What VOD holds of an audio otherwise than its inputs ask; of what they do not ask, nothing."""
    told = [name for name in METADATA if name in entry and (name != "publish" or state_of(entry) is Condition.WELL)]
    asked = [name for name in told if ask.get(name) is not None]
    return {name: entry[name] for name in asked if not inputs.same(name, entry[name], ask[name])}


def entries(outs: Props, before: Mapping[str, Props]) -> Entries:
    """What the outputs hold, beside the inputs of which `before` are the entries. The inverse of `outputs`."""
    base = str(outs.get("made_for", ""))
    apart, drifted = outs.get(APART) or {}, outs.get(DRIFTED) or {}
    if "ciphertext" in apart:
        raise VodError("the state has what some of its audios were made of encrypted")
    told_apart = apart.get(EXTRACTED, {})
    found = Entries(base, apart=frozenset(key for key, it in told_apart.items() if "holds" in it))
    for key, written in (outs.get(EXTRACTED) or {}).items():
        it, ask = {**written, **told_apart.get(key, {})}, before.get(key, {})
        if not ask and "made_from" not in it:
            # Nothing is billed again because a state was edited, or a host has not told all of it.
            raise VodError(
                f"{path(key)}: the state has its audio {it.get('audio_asset_id')}, and not what it was made of"
            )
        entry = dict(it.get("made_from") or {name: ask[name] for name in REPLACING if ask.get(name) is not None})
        entry |= {name: ask[name] for name in METADATA if ask.get(name) is not None and name not in it.get("lacks", ())}
        entry |= it.get("holds", {}) | drifted.get(key, {})
        status = it.get("status", _CREATED)
        entry |= {name: it.get(name) for name in TOLD} | {"status": status, "publish": status == _PUBLISHED}
        if ask.get("adopt") == it.get("audio_asset_id"):
            entry["adopt"] = ask.get("adopt")
        entry["place"] = it.get("place", outs.get("place", ""))
        entry["made_for"] = it.get("made_for", mark_of_entry(base, key) if base else "")
        found.held[key] = entry
    found.superseded = {
        id_: {**it, **apart.get(SUPERSEDED, {}).get(id_, {})} for id_, it in (outs.get(SUPERSEDED) or {}).items()
    }
    return found


# -- what a change comes to ---------------------------------------------------------------------------------------


@dataclass
class Plan:
    """What is to be done to come from what there is to what is asked for; keys of entries, but for `left`.

    `moved`: the new key -> the one under which there is an audio of the same source and format. `replaced`: why another
    extraction is to take the place of this one; `changed`: what of its metadata VOD is to hold otherwise.
    """

    added: list[str] = field(default_factory=list)
    moved: dict[str, str] = field(default_factory=dict)
    replaced: dict[str, tuple[str, ...]] = field(default_factory=dict)
    changed: dict[str, tuple[str, ...]] = field(default_factory=dict)
    unfinished: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    """Audios that others have taken the place of, by id."""

    def __bool__(self) -> bool:
        return bool(
            self.added or self.moved or self.replaced or self.changed or self.unfinished or self.removed or self.left
        )

    def paths(self, there: Entries, before: Props, news: Props, is_unknown: IsUnknown) -> dict[str, str]:
        """The path of everything that differs, and the `PropertyDiff.Kind` of what is done with it.

        `before` are the inputs saved with the state, `news` those that are checked. A difference of the inputs is told
        where it stands: with the entry, or once with the set. What differs although the inputs do not is told by what
        is to go from the outputs: another title that VOD holds, a status that is not to stay.
        """
        old, new = before.get(AUDIOS) or {}, news[AUDIOS]
        asked_before, wanted = asked(before), asked(news, is_unknown)
        found = {path(key): "UPDATE" if key in old else "ADD" for key in (*self.added, *self.moved)}
        for key in self.removed + [it for it in self.moved.values() if it not in wanted]:
            found[path(key)] = "DELETE" if key in old and key not in wanted else "UPDATE"
        found |= {path(key, where=UNREADY): "DELETE" for key in self.unfinished}
        for key, names in (*self.replaced.items(), *self.changed.items()):
            if key in self.moved:
                continue
            ask, entry = asked_before.get(key, {}), there.held[key]
            drifted = drift(entry, ask)
            for name in names:
                if name in drifted and inputs.same(name, ask.get(name), wanted[key].get(name)):
                    found[path(key, name, DRIFTED)] = "DELETE"
                elif is_unknown(new[key]):
                    found[path(key)] = "UPDATE"
                else:
                    own = name in new[key] or name in old.get(key, {})
                    found[path(key, name) if own else name] = "UPDATE"
            if not names:
                found[path(key, where=UNREADY)] = "DELETE"
        if self.left:
            found[SUPERSEDED] = "DELETE"
        return found

    def line(self) -> str:
        """What is done, in numbers; '' for nothing."""
        again = len(self.replaced)
        parts = (
            (len(self.added), "to extract"),
            (again, "to extract again"),
            (len(self.unfinished), "to wait for"),
            (len(self.moved), "to rename without a call"),
            (len(self.changed), "to change in place"),
            (len(self.removed) + len(self.left) + again, "to delete"),
        )
        return ", ".join(f"{count} {what}" for count, what in parts if count)


def plan(
    there: Entries, wanted: Mapping[str, Props], is_unknown: IsUnknown, is_there: Callable[[Props, Props], bool]
) -> Plan:
    """What is to be done. `is_there(entry, ask)`: other words for a place may ask for the place where an audio is."""
    found = Plan(left=list(there.superseded))
    replaces: dict[str, tuple[str, ...]] = {}
    needs: list[str] = []
    for key, ask in wanted.items():
        entry = there.held.get(key)
        if entry is not None:
            replaces[key], changes = differences(entry, ask, is_unknown, is_there)
        if entry is None or replaces[key] or not _is_sound(entry):
            needs.append(key)
        else:
            _is_kept(found, key, entry, changes)
    # Audios that nobody asks for under their own key any more may be what others ask for: entries were renamed.
    free = defaultdict[Any, list[str]](list)
    for key in [*(it for it in there.held if it not in wanted), *(it for it in needs if it in there.held)]:
        if _is_sound(there.held[key]):
            free[there.held[key].get("asset_id"), there.held[key].get("format")].append(key)
    for key in needs:
        old = _same_audio(free, there, wanted[key], is_unknown, is_there)
        if old is not None:
            found.moved[key] = old
            _is_kept(found, key, there.held[old], differences(there.held[old], wanted[key], is_unknown, is_there)[1])
    moved = set(found.moved.values())
    for key in needs:
        if key in found.moved:
            continue
        if key in there.held and key not in moved:
            found.replaced[key] = replaces[key]
        else:
            found.added.append(key)
    # Under a new key, or under that of another that has moved itself: its own audio is nobody's any more.
    found.removed = [key for key in there.held if key not in moved and (key not in wanted or key in found.moved)]
    return found


def _is_sound(entry: Props) -> bool:
    """Whether the audio is well, or may still become it."""
    return state_of(entry) in {Condition.WELL, Condition.UNFINISHED}


def _is_kept(found: Plan, key: str, entry: Props, changes: tuple[str, ...]) -> None:
    if state_of(entry) is Condition.UNFINISHED:
        found.unfinished.append(key)
    elif changes:
        found.changed[key] = changes


def differences(
    entry: Props, ask: Props, is_unknown: IsUnknown, is_there: Callable[[Props, Props], bool]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What needs another extraction, and what is changed in place."""
    changes = inputs.compare(entry, ask, is_unknown)
    replaces = changes.replaces
    if replaces and set(replaces) <= set(inputs.PLACE) and is_there(entry, ask):
        replaces = ()
    return replaces, changes.updates


def _same_audio(
    free: Mapping[Any, list[str]],
    there: Entries,
    ask: Props,
    is_unknown: IsUnknown,
    is_there: Callable[[Props, Props], bool],
) -> str | None:
    """The key of an audio that is what is asked for, and that nobody asks for any more; it is taken out of `free`."""
    if is_unknown(ask.get("asset_id")) or is_unknown(ask.get("format")):
        return None
    keys = free.get((ask.get("asset_id"), ask.get("format")), [])
    for key in keys:
        if ask.get("adopt") not in {None, there.held[key]["audio_asset_id"]}:
            continue  # the same would do, and it is another that is to be taken over
        if not differences(there.held[key], ask, is_unknown, is_there)[0]:
            keys.remove(key)
            return key
    return None
