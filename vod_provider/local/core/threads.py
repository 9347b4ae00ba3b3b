"""Calls that block, beside the event loop, in threads that nobody has to wait for when the service ends."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def in_thread(function: Callable[[], T]) -> T:
    """What the function returns or raises. Cancelled, the thread goes on alone and its result is dropped.

    Unlike those of `asyncio.to_thread`, these threads do not hold up the end of the process: an address
    that answers slowly must not keep SIGTERM waiting.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(result: Callable[[], None]) -> None:
        # The loop may be closed, or the future cancelled, by the time the thread is done.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(lambda: None if future.done() else result())

    def run() -> None:
        try:
            value = function()
        except Exception as exc:  # noqa: BLE001  # handed on to whoever awaits
            error = exc
            settle(lambda: future.set_exception(error))
        else:
            settle(lambda: future.set_result(value))

    threading.Thread(target=run, daemon=True).start()
    return await future
