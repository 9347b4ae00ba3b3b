"""One live line in each resource's row: what is going on. Shown by the engine, in terminals and in plain logs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

EVERY_S = 1.0
"""A row changes at most this often."""
LAST_S = 2.0
"""How long the end of a row waits for a line that is on its way, so that none comes after it."""


class StatusRows:
    """Sends the newest line of each row, at most one a second, and none once the row is done.

    `send(urn, text)` delivers a line; it runs in a thread of ours, so that nobody waits for the engine.
    """

    def __init__(self, send: Callable[[str, str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._send, self._clock = send, clock
        lock = threading.Lock()
        self._changed, self._sent = threading.Condition(lock), threading.Condition(lock)
        self._sending: str | None = None
        self._pending: dict[str, str] = {}
        self._shown: dict[str, tuple[float, str]] = {}
        self._thread: threading.Thread | None = None

    def show(self, urn: str, text: str) -> None:
        """Show `text` in the row of `urn` as soon as the row may change again."""
        with self._changed:
            if urn in self._shown and self._shown[urn][1] == text:
                self._pending.pop(urn, None)
                return
            self._pending[urn] = text
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="vod-rows", daemon=True)
                self._thread.start()
            self._changed.notify()

    def done(self, urn: str, last: str = "") -> None:
        """The row is done: nothing more is shown in it, but for a last line, if there is one."""
        with self._changed:
            self._pending.pop(urn, None)
            self._shown.pop(urn, None)
            self._sent.wait_for(lambda: self._sending != urn, LAST_S)
        if last:
            self._send(urn, last)

    def take(self, now: float) -> tuple[list[tuple[str, str]], float]:
        """The lines that may be shown now, and the seconds until the next may."""
        ready: list[tuple[str, str]] = []
        wait = float("inf")
        for urn, text in list(self._pending.items()):
            last = self._shown.get(urn, (float("-inf"), ""))[0]
            if now - last >= EVERY_S:
                del self._pending[urn]
                self._shown[urn] = (now, text)
                ready.append((urn, text))
            else:
                wait = min(wait, last + EVERY_S - now)
        return ready, wait

    def _run(self) -> None:
        while True:
            with self._changed:
                ready, wait = self.take(self._clock())
                if not ready:
                    self._changed.wait(min(wait, threading.TIMEOUT_MAX))
            for urn, text in ready:
                with self._changed:
                    if urn not in self._shown:  # done meanwhile
                        continue
                    self._sending = urn
                try:
                    self._send(urn, text)
                finally:
                    with self._changed:
                        self._sending = None
                        self._sent.notify_all()
