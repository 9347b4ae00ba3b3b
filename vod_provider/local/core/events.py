"""Signed callbacks: an event is kept until it has been taken, and is told again and again until then.

As the user guide on notifications has it: the body is an envelope, a JSON object whose string `message` holds the
event's own JSON text. Only that text is signed: `auth_sign` is hex HMAC-SHA256 with the configured key over
`VOD_{auth_timestamp}_{message}`. The other attributes of the envelope, and the seconds between two attempts, are
inferred.
"""

from __future__ import annotations

import asyncio
import hmac
import http.client
import json
import logging
import secrets
import time
from collections.abc import Callable, Mapping
from functools import partial
from urllib.parse import urlsplit

from vod_provider.local.core.dialects import Dialects
from vod_provider.local.core.settings import Settings
from vod_provider.local.core.store import Store
from vod_provider.local.core.threads import in_thread

_log = logging.getLogger(__name__)
RETRY_SECONDS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 120.0, 300.0)
_TIMEOUT_SECONDS = 10
_AT_ONCE = 8


def signature(key: str, timestamp: str, message: str) -> str:
    """What `auth_sign` holds."""
    return hmac.digest(key.encode(), f"VOD_{timestamp}_{message}".encode(), "sha256").hex()


def headers(key: str | None, timestamp: str, message: str) -> dict[str, str]:
    """The headers of a callback; unsigned where there is no key."""
    named = {"Content-Type": "application/json"}
    if key is not None:
        named |= {"auth_timestamp": timestamp, "auth_sign": signature(key, timestamp, message)}
    return named


def callback(key: str | None, message: str, now: float, dialects: Dialects) -> tuple[dict[str, str], str]:
    """Headers and body of the callback that tells an event's text at `now`, in unix seconds."""
    milliseconds = dialects.event_timestamp == "milliseconds"
    named = headers(key, str(int(now * 1000 if milliseconds else now)), message)
    if dialects.event_body == "bare":
        return named, message
    told_at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
    envelope = {"type": "Notification", "message_id": secrets.token_hex(16), "message": message, "timestamp": told_at}
    return named, json.dumps(envelope)


class Events:
    """Sends what is in the store's `events`, to where the settings say when it is sent."""

    def __init__(
        self,
        store: Store,
        settings: Callable[[], Settings],
        retry_seconds: tuple[float, ...] = RETRY_SECONDS,
    ) -> None:
        self._store = store
        self._settings = settings
        self._retry_seconds = retry_seconds
        self._sending: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(_AT_ONCE)

    def resume(self) -> None:
        """Send what an earlier run could not."""
        for number, body in self._store.events():
            self.send(number, body)

    def send(self, number: int, body: str) -> None:
        """Send an event that the store keeps under that number."""
        task = asyncio.get_running_loop().create_task(self._deliver(number, body))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def clear(self) -> None:
        """Stop sending; what is not sent stays in the store."""
        tasks = list(self._sending)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _deliver(self, number: int, body: str) -> None:
        for wait in (*self._retry_seconds, None):
            settings = self._settings()
            url = settings.events.url
            if url is None:
                break
            named, content = callback(settings.events.key, body, time.time(), settings.dialects)
            async with self._slots:
                problem = await in_thread(partial(_post, url, named, content))
            if problem is None:
                break
            _log.warning("event %d was not taken: %s", number, problem)
            if wait is not None:
                await asyncio.sleep(wait)
        self._store.remove_event(number)


def _post(url: str, named: Mapping[str, str], body: str) -> str | None:
    """Post once; None if it was taken (2xx), else what went wrong."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection = kind(parts.hostname or "", parts.port, timeout=_TIMEOUT_SECONDS)
        try:
            connection.request("POST", path, body.encode(), dict(named))
            status = connection.getresponse().status
        finally:
            connection.close()
    except (OSError, http.client.HTTPException, ValueError) as exc:
        return str(exc) or type(exc).__name__
    return None if 200 <= status < 300 else f"answered {status}"
