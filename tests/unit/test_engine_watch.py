"""A plugin ends with its engine, after a while in which calls write down what they know."""

from __future__ import annotations

import os
import socket
import threading
import time
from queue import Queue
from typing import Self

import pytest

from vod_provider.plugin import engine_watch


def test_the_process_ends_when_nobody_listens_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """All waiting is ended first."""
    answers, done = iter([True, True, False]), list[object]()

    def answers_now(host: str, port: int) -> bool:
        assert (host, port) == ("127.0.0.1", 5)
        done.append("asked")
        return next(answers)

    def exit_now(status: int) -> None:
        done.append(status)

    monkeypatch.setattr(engine_watch, "_answers", answers_now)
    monkeypatch.setattr(time, "sleep", done.append)
    monkeypatch.setattr(os, "_exit", exit_now)
    engine_watch._watch("127.0.0.1", 5, lambda: done.append("stopped"))
    assert done == ["asked", 0.2, "asked", 0.2, "asked", "stopped", engine_watch.GRACE_S, 1]


def test_it_is_watched_beside_all_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a thread that keeps no process from ending, by the host and the port in the engine's address."""
    watched: Queue[tuple[object, ...]] = Queue()
    monkeypatch.setattr(engine_watch, "_watch", lambda *it: watched.put((*it, threading.current_thread().daemon)))
    engine_watch.end_without("127.0.0.1:5", print)
    assert watched.get(timeout=10) == ("127.0.0.1", 5, print, True)


class Connection:
    """One to an engine that says something, and then ends as `end` has it."""

    def __init__(self, end: Exception | None) -> None:
        self.unread, self._end, self.seconds = [b"", b"hello"], end, float("nan")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def settimeout(self, seconds: float | None) -> None:
        self.seconds = float("inf") if seconds is None else seconds

    def recv(self, _: int) -> bytes:
        assert self.seconds == float("inf"), "an engine that says nothing would be asked again and again"
        said = self.unread.pop()
        if not said and self._end is not None:
            raise self._end
        return said


@pytest.mark.parametrize(
    ("connection", "answers"),
    [
        (ConnectionRefusedError(), False),
        (TimeoutError(), True),
        (OSError("no route"), True),
        (Connection(None), True),
        (Connection(ConnectionResetError()), True),
    ],
)
def test_only_an_engine_that_refuses_is_gone(
    monkeypatch: pytest.MonkeyPatch, connection: Connection | Exception, answers: bool
) -> None:
    """A connection is held until it ends, however it does; only a new attempt shows that nobody listens any more."""

    def create_connection(address: tuple[str, int], timeout: float) -> Connection:
        assert address == ("127.0.0.1", 5)
        assert 0 < timeout <= 10, "an engine on this machine answers sooner, or never"
        if isinstance(connection, Exception):
            raise connection
        connection.seconds = timeout
        return connection

    monkeypatch.setattr(socket, "create_connection", create_connection)
    assert engine_watch._answers("127.0.0.1", 5) is answers
    if isinstance(connection, Connection):
        assert not connection.unread, "it was let go before it ended"
