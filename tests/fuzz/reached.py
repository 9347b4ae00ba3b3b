"""What a fuzzer has reached: a count of each case, and of what became of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable


class Reached:
    """Counts of cases by name and outcome."""

    def __init__(self) -> None:
        self._counts: dict[str, Counter[str]] = {}

    def note(self, case: str, outcome: str) -> None:
        """Count one."""
        self._counts.setdefault(case, Counter())[outcome] += 1

    def total(self, case: str, outcome: str | None = None) -> int:
        """How often that case was met, with that outcome if one is named."""
        counts = self._counts.get(case, Counter())
        return counts.total() if outcome is None else counts[outcome]

    def seldom(self, cases: Iterable[str], outcome: str | None = None, *, least: int = 1) -> list[str]:
        """The cases that were met less often than that."""
        return [case for case in cases if self.total(case, outcome) < least]

    def table(self) -> str:
        """A line for each case, for people."""
        return "\n".join(
            f"{case:<45} {', '.join(f'{count} {outcome}' for outcome, count in counts.most_common())}"
            for case, counts in sorted(self._counts.items())
        )
