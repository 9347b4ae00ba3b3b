"""Requests that came to the host before it was extended: none waits for another."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from vod_provider.plugin import dynamic

LIMIT_S = 20


class Monitor:
    """Stands for the host; `Read` is what it would have served a request with."""

    def Read(self, request: str, _context: object) -> str:  # noqa: N802 - the host's name for it
        return f"{request}, served by the host"

    def GetSchema(self, request: str, _context: object) -> str:  # noqa: N802
        return f"{request}, served by the host"


def serve(name: str, request: str, _context: object) -> str:
    return f"{name} of {request}, served by ours"


@pytest.fixture
def handlers() -> dynamic._Handlers:
    return dynamic._Handlers(serve, serve)  # type: ignore[arg-type]


def submit(pool: ThreadPoolExecutor, behavior: Callable[[str, object], str], request: str) -> Future[str]:
    """As gRPC does it: what is to serve the request is among the arguments."""
    return pool.submit(lambda it, argument: it(argument, None), behavior, request)


def test_what_waited_is_served_by_our_handlers(handlers: dynamic._Handlers) -> None:
    """What is in the queue goes to the handler that stands before the host's; what has none, to the host's own."""
    monitor, loading = Monitor(), threading.Event()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(loading.wait, LIMIT_S)
        ours, own = submit(pool, monitor.Read, "one"), submit(pool, monitor.GetSchema, "other")
        pool._max_workers = 100
        assert dynamic._requeue(pool, monitor, handlers)
        assert ours.result(LIMIT_S) == "Read of one, served by ours"
        assert own.result(LIMIT_S) == "other, served by the host"
        loading.set()


def test_each_that_waited_gets_a_thread(handlers: dynamic._Handlers) -> None:
    """All run at once, whatever number of threads the pool wrongly counts as idle; and later ones as well."""
    loading, together = threading.Event(), threading.Barrier(13)
    with ThreadPoolExecutor(2) as pool:
        for _ in range(20):
            pool.submit(lambda: None)
        first = [pool.submit(loading.wait, LIMIT_S) for _ in range(2)]
        waiting = [pool.submit(together.wait, LIMIT_S) for _ in range(8)]
        pool._max_workers = 100
        assert dynamic._requeue(pool, Monitor(), handlers)
        later = [pool.submit(together.wait, LIMIT_S) for _ in range(4)]
        together.wait(LIMIT_S)
        for one in (*waiting, *later):
            one.result(LIMIT_S)
        loading.set()
        assert all(one.result(LIMIT_S) for one in first)


def test_a_full_pool_gets_no_more_threads(handlers: dynamic._Handlers) -> None:
    """With more waiting than the pool may have threads, they are queued, and the host goes on."""
    loading = threading.Event()
    with ThreadPoolExecutor(2) as pool:
        for _ in range(2):
            pool.submit(loading.wait, LIMIT_S)
        waiting = [pool.submit(loading.wait, LIMIT_S) for _ in range(8)]
        pool._max_workers = 3
        host = threading.Thread(target=dynamic._requeue, args=(pool, Monitor(), handlers), daemon=True)
        host.start()
        host.join(LIMIT_S)
        assert not host.is_alive()
        assert len(pool._threads) == 3
        loading.set()
        assert all(one.result(LIMIT_S) for one in waiting)


def test_a_pool_of_another_kind_is_left_alone(handlers: dynamic._Handlers) -> None:
    """Where the queue cannot be reached, nothing is touched."""
    assert not dynamic._requeue(object(), Monitor(), handlers)


def test_what_the_machine_gives_no_thread_to_waits(
    handlers: dynamic._Handlers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no more threads can be started, those that there are serve everything, then and later."""
    loading = threading.Event()
    with ThreadPoolExecutor(2) as pool:
        first = [pool.submit(loading.wait, LIMIT_S) for _ in range(2)]
        waiting = [pool.submit(int, number) for number in range(8)]

        def refuse(_thread: threading.Thread) -> None:
            raise RuntimeError("can't start new thread")

        monkeypatch.setattr(threading.Thread, "start", refuse)
        dynamic._widen(pool)
        assert dynamic._requeue(pool, Monitor(), handlers)
        later = pool.submit(int, 8)
        loading.set()
        assert [one.result(LIMIT_S) for one in (*waiting, later)] == list(range(9))
        assert all(one.result(LIMIT_S) for one in first)
