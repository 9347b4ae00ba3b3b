"""When is an asset gone? Absence is believed slowly: the one table that says how slowly, for each purpose.

A cloud that has just accepted an extraction, or is under load, may say 'no such asset', leave an id out of its answer,
or answer with an empty list. So one answer proves nothing, and nothing is paid for again on the strength of one.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass


class Purpose(enum.Enum):
    """What it is asked for."""

    LOOK = "a refresh, or any look at an asset that was there"
    NEW = "waiting for an audio that VOD has just accepted"
    SEARCH = "looking in listings for the audio of a request whose answer was lost"
    DELETED = "seeing a deletion through"


@dataclass(frozen=True)
class Rule:
    """What proves an absence.

    At least `answers` in a row say so, the last at least `over` seconds after the first, and not within `not_before`
    seconds after the beginning (VOD's acceptance, the sending of the request).

    `at_most`: seconds after which it is no longer looked for; infinite for as long as the caller has.
    """

    answers: int
    over: float
    not_before: float = 0.0
    at_most: float = float("inf")

    @property
    def pause(self) -> float:
        """Seconds between two questions while there is a doubt."""
        return self.over / max(1, self.answers - 1)


DEFAULT_S = 60.0
"""The setting `vod:timeouts.absence` that the table below is for."""

# Source of the 60 s: Huawei's own Terraform provider polls so long after a deletion. The rest is chosen, and not
# documented.
TABLE: Mapping[Purpose, Rule] = {
    Purpose.LOOK: Rule(answers=4, over=15.0),
    Purpose.NEW: Rule(answers=4, over=15.0, not_before=60.0),
    Purpose.SEARCH: Rule(answers=3, over=10.0, not_before=60.0),
    Purpose.DELETED: Rule(answers=1, over=0.0, at_most=60.0),
}


def rule(purpose: Purpose, seconds: float = DEFAULT_S) -> Rule:
    """The rule for a purpose. `seconds` is the setting; the whole table shrinks and grows with it."""
    part, base = seconds / DEFAULT_S, TABLE[purpose]
    return Rule(base.answers, base.over * part, base.not_before * part, base.at_most * part)


class Doubt:
    """What the answers about one asset prove so far. In times that the caller gives; not safe for threads."""

    def __init__(self, rule: Rule, begun: float) -> None:
        self.rule = rule
        self._begun = begun
        self._first = 0.0
        self._answers = 0

    def present(self) -> None:
        """An answer has it."""
        self._answers = 0

    def absent(self, now: float) -> bool:
        """An answer does not have it. True where that proves that it is gone."""
        if not self._answers:
            self._first = now
        self._answers += 1
        rule = self.rule
        return self._answers >= rule.answers and now - self._first >= rule.over and now - self._begun >= rule.not_before

    @property
    def pause(self) -> float:
        """Seconds until the next question is worth asking."""
        return self.rule.pause
