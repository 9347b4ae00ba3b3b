"""What ends a command before it is done; leaf."""

from __future__ import annotations


class CommandError(Exception):
    """Something that was given cannot be used. One line, which names the flag or the setting."""
