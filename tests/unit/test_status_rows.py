"""One live line a resource, not too often, and none at the end."""

from __future__ import annotations

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from queue import Queue

import pytest

from vod_provider.plugin import status_rows
from vod_provider.plugin.status_rows import StatusRows


def test_the_newest_line_once_a_second() -> None:
    """Lines that come too quickly are passed over for the newest; the same line is not repeated."""
    rows = StatusRows(lambda *_: None)
    rows._thread = object()  # type: ignore[assignment]  # no thread: the test takes the lines itself
    rows.show("urn", "one")
    assert rows.take(0.0) == ([("urn", "one")], float("inf"))
    rows.show("urn", "two")
    rows.show("urn", "three")
    assert rows.take(0.4)[0] == []
    assert rows.take(1.0) == ([("urn", "three")], float("inf"))
    rows.show("urn", "three")
    assert rows.take(100.0) == ([], float("inf"))
    rows.show("urn", "four")
    rows.show("urn", "three")
    assert rows.take(200.0) == ([], float("inf")), "what the row says already is not said again"


def test_nothing_once_a_row_is_done() -> None:
    """A line that has not been shown when its row is done is never shown; its last line is, at once; so are others."""
    sent: list[tuple[str, str]] = []
    rows = StatusRows(lambda *line: sent.append(line))
    rows._thread = object()  # type: ignore[assignment]
    rows.show("urn", "late")
    rows.show("other", "shown")
    rows.done("urn", "ready")
    assert rows.take(0.0)[0] == [("other", "shown")]
    rows.done("other")
    assert sent == [("urn", "ready")]


def test_the_end_of_a_row_waits_for_a_line_on_its_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """A row is not done before its line has arrived; what waits behind it and is done is not sent, the next is."""
    monkeypatch.setattr(status_rows, "LAST_S", 60.0)  # it is over as soon as the line has arrived, and no later
    sent = Queue[str]()
    begun, go_on = threading.Event(), threading.Event()

    def send(urn: str, _text: str) -> None:
        begun.set()
        assert go_on.wait(10)
        sent.put(urn)

    rows = StatusRows(send)
    with rows._changed:  # all lines at once
        rows._pending = {"first": "shown", "behind": "late", "other": "shown"}
    rows.show("first", "shown")
    assert begun.wait(10)
    with ThreadPoolExecutor() as pool:
        rows.done("behind")
        done = pool.submit(rows.done, "first")
        assert not done.done()
        go_on.set()
        done.result(10)
        assert sent.get_nowait() == "first"
        assert sent.get(timeout=10) == "other"


def test_a_line_is_shown_when_it_comes() -> None:
    """However long nothing was to be shown before; and the thread that does it keeps no process from ending."""
    sent, rests = Queue[str](), Queue[None]()

    class Changed(threading.Condition):
        def wait(self, timeout: float | None = None) -> bool:
            rests.put(None)  # whoever gets the lock after this finds it waiting
            return super().wait(timeout)

    rows = StatusRows(lambda _, text: sent.put(text))
    rows._changed = Changed(rows._changed._lock)  # type: ignore[attr-defined]
    for text in ("one", "two"):
        rows.show(text, text)
        assert sent.get(timeout=10) == text
        rests.get(timeout=10)
    assert rows._thread is not None
    assert rows._thread.daemon


def test_it_rests_until_a_row_may_change_again() -> None:
    """It does not look again and again, which would cost the plugin a processor."""
    times, rested, sent = itertools.chain([0.0, 0.0], itertools.repeat(0.25)), list[float](), list[str]()

    class OverError(Exception):
        pass

    class Changed(threading.Condition):
        def wait(self, timeout: float | None = None) -> bool:
            rested.append(float("inf") if timeout is None else timeout)
            if len(rested) == 2:
                raise OverError
            rows._pending["urn"] = "two"
            return True

    rows = StatusRows(lambda _, text: sent.append(text), lambda: next(times))
    rows._thread = object()  # type: ignore[assignment]  # the test's own runs it
    rows._changed = Changed(rows._changed._lock)  # type: ignore[attr-defined]
    rows.show("urn", "one")
    with pytest.raises(OverError):
        rows._run()
    assert sent == ["one"]
    assert rested == [threading.TIMEOUT_MAX, 0.75]
