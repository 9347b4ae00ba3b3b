"""The entries of a set of audios: what may be asked for, how little of it a state holds, and what a change comes to.

A set is declared with entries by key and with defaults for all of them. What an entry comes to is called by the names
that an `ExtractedAudio` has, so that the same rules hold for both. In the outputs an entry has only what VOD tells of
it, and what is not as the inputs saved with them ask: with ten thousand entries, each line counts. Pure; knows no
Pulumi.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
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


def outputs(entries: Entries, wanted: Mapping[str, Props], before: Mapping[str, Props] | None = None) -> dict[str, Any]:
    """The outputs that hold them, beside the inputs of which `wanted` are the entries.

    `before`: it may also be these, which the engine keeps where an update has failed in part. Then an entry relies on
    neither, unless both have the same of it.
    """
    places = [it["place"] for it in entries.held.values()]
    common = {"place": max(set(places), key=places.count) if places else "", "made_for": entries.mark}
    found: dict[str, Any] = {
        **{name: value for name, value in common.items() if value},
        EXTRACTED: {
            key: _written(
                entries.mark, key, it, wanted, common, alone=before is not None and before.get(key) != wanted.get(key)
            )
            for key, it in entries.held.items()
        },
    }
    if entries.superseded:
        found[SUPERSEDED] = {
            audio_id: {name: value for name, value in it.items() if value is not None}
            for audio_id, it in entries.superseded.items()
        }
    return found


def _written(
    base: str, key: str, entry: Props, wanted: Mapping[str, Props], common: Props, *, alone: bool
) -> dict[str, Any]:
    """`alone`: so that it can be read beside any inputs."""
    ask = {} if alone else wanted.get(key, {})
    found = {name: entry[name] for name in TOLD if entry.get(name) is not None}
    if entry.get("status") != _CREATED:
        found["status"] = entry.get("status")
    if alone or any(not inputs.same(name, entry.get(name), ask.get(name)) for name in REPLACING):
        found["made_from"] = {name: entry[name] for name in REPLACING if entry.get(name) is not None}
    managed = [name for name in METADATA if name != "publish" and (alone or ask.get(name) is not None)]
    known = [name for name in managed if name in entry]
    holds = {name: entry[name] for name in known if alone or not inputs.same(name, entry[name], ask.get(name))}
    if holds:
        found["holds"] = {name: value for name, value in holds.items() if value is not None}
    if lacks := [name for name in managed if name not in entry]:
        found["lacks"] = lacks
    if entry.get("place") != common["place"]:
        found["place"] = entry.get("place")
    if entry.get("made_for") != mark_of_entry(base, key):
        found["made_for"] = entry.get("made_for")
    return found


def entries(outs: Props, before: Mapping[str, Props]) -> Entries:
    """What the outputs hold, beside the inputs of which `before` are the entries. The inverse of `outputs`."""
    base = str(outs.get("made_for", ""))
    found = Entries(base)
    for key, it in (outs.get(EXTRACTED) or {}).items():
        ask = before.get(key, {})
        if not ask and "made_from" not in it:
            # Nothing is billed again because a state was edited, or a host has not told all of it.
            raise VodError(
                f"{path(key)}: the state has its audio {it.get('audio_asset_id')}, and not what it was made of"
            )
        entry = dict(it.get("made_from") or {name: ask[name] for name in REPLACING if ask.get(name) is not None})
        entry |= {name: ask[name] for name in METADATA if ask.get(name) is not None and name not in it.get("lacks", ())}
        entry |= it.get("holds", {})
        status = it.get("status", _CREATED)
        entry |= {name: it.get(name) for name in TOLD} | {"status": status, "publish": status == _PUBLISHED}
        if ask.get("adopt") == it.get("audio_asset_id"):
            entry["adopt"] = ask.get("adopt")
        entry["place"] = it.get("place", outs.get("place", ""))
        entry["made_for"] = it.get("made_for", mark_of_entry(base, key) if base else "")
        found.held[key] = entry
    found.superseded = {audio_id: dict(it) for audio_id, it in (outs.get(SUPERSEDED) or {}).items()}
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

    def paths(self, before: Mapping[str, Props], wanted: Mapping[str, Props]) -> dict[str, str]:
        """The path of everything that differs, and the `PropertyDiff.Kind` of what is done with it.

        Paths of inputs are those of differences from the inputs before. What differs although the inputs do not is told
        by what is to go from the outputs: another title that VOD holds, a status that is not to stay.
        """
        found = {path(key): "UPDATE" if key in before else "ADD" for key in self.added}
        for key in self.moved:
            found[path(key)] = "UPDATE" if key in before else "ADD"
        for key in self.removed + [old for old in self.moved.values() if old not in wanted]:
            found[path(key)] = "DELETE" if key in before and key not in wanted else "UPDATE"
        for key in self.unfinished:
            found[path(key, "status", EXTRACTED)] = "DELETE"
        for key, names in (*self.replaced.items(), *self.changed.items()):
            ask = before.get(key, {})
            differ = [name for name in names if not inputs.same(name, ask.get(name), wanted[key].get(name))]
            found |= {path(key, name): "UPDATE" for name in differ}
            found |= {path(key, f"holds.{name}", EXTRACTED): "DELETE" for name in names if name not in differ}
            if not names:
                found[path(key, "status", EXTRACTED)] = "DELETE"
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
