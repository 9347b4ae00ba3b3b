"""How the tools speak to the person at the terminal: progress line by line, and one line for what went wrong."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NoReturn


class ToolError(Exception):
    """What was asked for cannot be done. The text says why and what to do, in one line."""


def say(text: str) -> None:
    """A line of progress. On standard error, in order with what the programs that are run say there."""
    print(text, file=sys.stderr, flush=True)


def leave(main: Callable[[], int]) -> NoReturn:
    """Run `main`, and end the process with its status."""
    try:
        status = main()
    except ToolError as exc:
        say(f"error: {exc}")
        status = 1
    except KeyboardInterrupt:
        status = 130
    sys.exit(status)
