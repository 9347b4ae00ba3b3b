"""One live line a resource, not too often, and none at the end."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from vod_provider.plugin.status_rows import EVERY_S, StatusRows


def test_the_newest_line_once_a_second() -> None:
    """Lines that come too quickly are passed over for the newest; the same line is not repeated."""
    rows = StatusRows(lambda *_: None)
    rows._thread = object()  # type: ignore[assignment]  # no thread: the test takes the lines itself
    rows.show("urn", "one")
    assert rows.take(0.0) == ([("urn", "one")], float("inf"))
    rows.show("urn", "two")
    rows.show("urn", "three")
    assert rows.take(0.4)[0] == []
    assert rows.take(EVERY_S) == ([("urn", "three")], float("inf"))
    rows.show("urn", "three")
    assert rows.take(100.0) == ([], float("inf"))


def test_nothing_once_a_row_is_done() -> None:
    """A line that has not been shown when its row is done is never shown; other rows are."""
    rows = StatusRows(lambda *_: None)
    rows._thread = object()  # type: ignore[assignment]
    rows.show("urn", "late")
    rows.show("other", "shown")
    rows.done("urn")
    assert rows.take(0.0)[0] == [("other", "shown")]


def test_the_end_of_a_row_waits_for_a_line_on_its_way() -> None:
    """A row is not done before its line has arrived; a line that waits behind that one is not sent any more."""
    sent = list[str]()
    begun, go_on = threading.Event(), threading.Event()

    def send(urn: str, _text: str) -> None:
        begun.set()
        assert go_on.wait(10)
        sent.append(urn)

    rows = StatusRows(send)
    with rows._changed:  # both lines at once
        rows._pending = {"first": "shown", "behind": "late"}
    rows.show("first", "shown")
    assert begun.wait(10)
    with ThreadPoolExecutor() as pool:
        rows.done("behind")
        done = pool.submit(rows.done, "first")
        assert not done.done()
        go_on.set()
        done.result(10)
        assert sent == ["first"]
