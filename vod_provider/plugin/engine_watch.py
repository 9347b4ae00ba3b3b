"""Ends this process when the engine that started it is gone: nobody would ever ask it to stop."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable

GRACE_S = 3.0
"""How long calls have, once told to stop, to write down what they know."""


def end_without(engine: str, stop: Callable[[], None]) -> None:
    """Watch the engine at `engine` ('host:port') from a thread of its own; `stop` ends all waiting."""
    host, _, port = engine.rpartition(":")
    threading.Thread(target=_watch, args=(host, int(port), stop), name="vod-alive", daemon=True).start()


def _watch(host: str, port: int, stop: Callable[[], None]) -> None:
    while _answers(host, port):
        time.sleep(0.2)
    stop()
    time.sleep(GRACE_S)
    os._exit(1)


def _answers(host: str, port: int) -> bool:
    """Hold a connection as long as it lasts. False if none comes about: nobody listens there any more."""
    try:
        with socket.create_connection((host, port), timeout=10) as connection:
            connection.settimeout(None)
            while connection.recv(4096):
                pass
    except ConnectionRefusedError:
        return False
    except OSError:
        pass  # reset, or closed for its silence: only a new attempt tells
    return True
