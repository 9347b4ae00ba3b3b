"""A plugin ends with its engine, after a while in which calls write down what they know."""

from __future__ import annotations

import os
import time

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
