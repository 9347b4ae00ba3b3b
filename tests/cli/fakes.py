"""VOD's side of a connection, played by a function: no network, and every request can be looked at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from vod_provider.vod.transport import Answer, VodClock

Reply = Callable[[str, str, list[tuple[str, str]], Any], Mapping[str, Any]]
"""(method, path, query, body) -> the body of the answer; raises what `vod.errors` has."""

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


class FakeTransport:
    """Answers as `reply` does. `sent` has the method and path of each request."""

    def __init__(self, reply: Reply, *, skew: float = 0.0) -> None:
        self._reply = reply
        self.clock = VodClock()
        self.clock.heard(format_datetime(datetime.now(UTC) + timedelta(seconds=skew), usegmt=True))
        self.sent: list[tuple[str, str]] = []

    def send(
        self,
        doing: str,
        method: str,
        path: str,
        *,
        query: list[tuple[str, str]] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> Answer:
        """One request and its answer."""
        self.sent.append((method, path))
        return Answer(self._reply(method, path, query or [], body), "r1")


class FakeCatalogue:
    """The operation ListAssetList over audios that were created one after the other, newest first."""

    def __init__(self, times: list[datetime]) -> None:
        self._rows = [
            {
                "asset_id": f"{number:032x}",
                "title": f"Audio {number}",
                "asset_status": "PUBLISHED",
                "media_type": "MP3",
                "duration": 61,
                "duration_ms": 61_500,
                "size": 1000 + number,
                "original_url": f"https://media/{number}.mp3",
                "create_time": time.strftime("%Y%m%d%H%M%S"),
            }
            for number, time in sorted(enumerate(times), key=lambda one: one[1], reverse=True)
        ]
        self._windows: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
        self.largest_reach = 0

    def __call__(self, method: str, path: str, query: list[tuple[str, str]], body: Any) -> Mapping[str, Any]:
        assert (method, path) == ("GET", "/asset/list")
        asked = dict(query)
        page, size = int(asked["page"]), int(asked["size"])
        self.largest_reach = max(self.largest_reach, (page + 1) * size)
        begin, end = window = asked["start_time"], asked["end_time"]
        if window not in self._windows:
            self._windows[window] = [row for row in self._rows if begin <= str(row["create_time"]) <= end]
        rows = self._windows[window]
        return {"total": len(rows), "assets": rows[page * size :][:size]}


def every(seconds: float, count: int) -> list[datetime]:
    """`count` times, `seconds` apart."""
    return [BEGIN + timedelta(seconds=seconds * number) for number in range(count)]
