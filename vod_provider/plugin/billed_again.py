"""What a preview has to say about money: how much sound its replacements extract again."""

from __future__ import annotations

import threading


class BilledAgain:
    """Counts extractions that replace another. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: list[float] = []
        self._unknown = 0

    def note(self, seconds: float | None) -> None:
        """One more is to be extracted again; `seconds` of sound, as far as that is known."""
        with self._lock:
            if seconds is None:
                self._unknown += 1
            else:
                self._known.append(seconds)

    def line(self) -> str:
        """What to tell; '' where nothing is extracted again."""
        count = len(self._known) + self._unknown
        if not count:
            return ""
        text = f"{count} audio{'s' if count > 1 else ''} will be extracted again and billed again"
        if self._known:
            text += f": {_duration(sum(self._known))} of sound"
            if self._unknown:
                text += f", and {self._unknown} more of unknown length"
        return text


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [(hours, "h"), (minutes, "min"), (rest, "s")]
    return " ".join(f"{number} {unit}" for number, unit in parts if number) or "less than a second"
