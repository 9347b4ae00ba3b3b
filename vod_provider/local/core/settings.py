"""What a test can set at /_local/settings; checked, and kept over restarts."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field, replace
from typing import Literal

from vod_provider.local.core.dialects import Dialects
from vod_provider.local.core.errors import DialectError, SettingsError
from vod_provider.local.core.hosts import split_url
from vod_provider.local.core.text import is_text

MAX_CONCURRENCY = 100_000
MAX_SECONDS = 86_400
MOST_FAILURES = 1_000_000_000
MAX_REASON = 500


@dataclass(frozen=True)
class ExtractionSettings:
    """How extractions are run.

    'real' does the work; 'timed' takes `seconds` of clock and no work. `concurrency`: how many at a time;
    the others wait, queued, and can be cancelled. `fail`: how many of those that begin from now on fail, with
    `fail_reason`; it counts down.
    """

    mode: Literal["real", "timed"] = "real"
    seconds: float = 10
    concurrency: int = field(default_factory=lambda: os.cpu_count() or 2)
    fail: int | Literal["all"] = 0
    fail_reason: str = "made to fail by the setting extraction.fail"


@dataclass(frozen=True)
class EventSettings:
    """Where completed extractions are told, and the key the callback is signed with; None: nowhere, unsigned."""

    url: str | None = None
    key: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Settings:
    """All settings. `quota_scale` multiplies VOD's quotas; 0 means none."""

    extraction: ExtractionSettings = field(default_factory=ExtractionSettings)
    quota_scale: float = 1.0
    events: EventSettings = field(default_factory=EventSettings)
    dialects: Dialects = field(default_factory=Dialects)

    def with_one_failure_less(self) -> Settings:
        """These settings once an extraction has failed because of `extraction.fail`."""
        fail = self.extraction.fail
        return self if fail == "all" else replace(self, extraction=replace(self.extraction, fail=max(0, fail - 1)))

    def changed(self, given: object) -> Settings:
        """These settings with those that `given` (decoded JSON) names changed. Raises SettingsError."""
        values = _object("settings", given, {"extraction", "quota_scale", "events", "dialects"})
        extraction = _extraction(self.extraction, values.get("extraction", {}))
        scale = _number("quota_scale", values.get("quota_scale", self.quota_scale), 0, 1_000_000)
        events = _events(self.events, values.get("events", {}))
        try:
            dialects = self.dialects.changed(values.get("dialects", {}))
        except DialectError as exc:
            raise SettingsError(str(exc)) from exc
        return Settings(extraction, scale, events, dialects)

    def as_json(self) -> dict[str, object]:
        """As they are shown and given."""
        return asdict(self)

    def dumps(self) -> str:
        """As they are kept."""
        return json.dumps(asdict(self))


def _extraction(old: ExtractionSettings, given: object) -> ExtractionSettings:
    values = _object("extraction", given, {"mode", "seconds", "concurrency", "fail", "fail_reason"})
    mode = values.get("mode", old.mode)
    if mode != "real" and mode != "timed":
        raise SettingsError(f"extraction.mode: 'real' or 'timed', not {mode!r}")
    seconds = _number("extraction.seconds", values.get("seconds", old.seconds), 0, MAX_SECONDS)
    concurrency = values.get("concurrency", old.concurrency)
    if not isinstance(concurrency, int) or isinstance(concurrency, bool) or not 1 <= concurrency <= MAX_CONCURRENCY:
        raise SettingsError(f"extraction.concurrency: an integer from 1 to {MAX_CONCURRENCY}")
    fail = values.get("fail", old.fail)
    if fail != "all" and (not isinstance(fail, int) or isinstance(fail, bool) or not 0 <= fail <= MOST_FAILURES):
        raise SettingsError(f"extraction.fail: 'all', or an integer from 0 to {MOST_FAILURES}")
    reason = values.get("fail_reason", old.fail_reason)
    if not is_text(reason) or not reason.strip() or len(reason) > MAX_REASON:
        raise SettingsError(f"extraction.fail_reason: a text of at most {MAX_REASON} characters")
    return ExtractionSettings(
        "real" if mode == "real" else "timed", seconds, concurrency, fail if isinstance(fail, int) else "all", reason
    )


def _events(old: EventSettings, given: object) -> EventSettings:
    values = _object("events", given, {"url", "key"})
    url = values.get("url", old.url)
    key = values.get("key", old.key)
    if url is not None:
        parts = split_url(url) if is_text(url) else None
        if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
            raise SettingsError("events.url: an http or https address, or null")
    if key is not None and not is_text(key):
        raise SettingsError("events.key: a string, or null")
    return EventSettings(url if isinstance(url, str) else None, key)


def _object(name: str, given: object, known: set[str]) -> dict[str, object]:
    if not isinstance(given, dict):
        raise SettingsError(f"{name}: an object")
    for key in given:
        if key not in known:
            raise SettingsError(f"{name}: {key!r} is unknown; known are {', '.join(sorted(known))}")
    return given


def _number(name: str, value: object, low: float, high: float) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not low <= value <= high:
        raise SettingsError(f"{name}: a number from {low} to {high}")
    return value
