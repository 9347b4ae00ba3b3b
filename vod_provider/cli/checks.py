"""What a check says; leaf."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Result = Literal["ok", "warn", "fail"]


@dataclass(frozen=True)
class Check:
    """One check: what was looked at, what was found, and what to do where that is not as it should be.

    'warn' is what does not keep the provider from working, and what could not be found out.
    """

    name: str
    result: Result
    found: str
    remedy: str = ""


def not_tried(name: str, why: str) -> Check:
    """A check that makes no sense after what another one has found."""
    return Check(name, "warn", f"not tried: {why}")
