"""Logs on standard error: lines for people, or one JSON object a line for machines.

What a caller sent may stand in a message: no character of it can begin a line, move the cursor or change its colour.
"""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime

from vod_provider.local.core.text import printable

_EXTRAS = ("request_id", "asset_ids", "ms")


class JsonFormatter(logging.Formatter):
    """`{"time", "level", "logger", "message", ...}` with what the record carries besides."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        values: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        values |= {name: getattr(record, name) for name in _EXTRAS if hasattr(record, name)}
        if record.exc_info:
            values["exception"] = self.formatException(record.exc_info)
        return json.dumps(values)


class TextFormatter(logging.Formatter):
    """One line for a record, then the lines of its traceback, which begin with a bar."""

    def format(self, record: logging.LogRecord) -> str:
        """The lines."""
        time = datetime.fromtimestamp(record.created).astimezone().isoformat(" ", "milliseconds")
        lines = [f"{time} {record.levelname} {record.getMessage()}"]
        if record.exc_info:
            lines += [f"  | {line}" for line in self.formatException(record.exc_info).split("\n")]
        return "\n".join(printable(line) for line in lines)


def configure(level: str, *, as_json: bool) -> None:
    """Send our logs, and uvicorn's from warnings on, to standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter() if as_json else TextFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("vod_provider.local").setLevel(level.upper())
