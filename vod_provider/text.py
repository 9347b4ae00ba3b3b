"""Words and patterns that several folders need: names that were meant, values cut short, ids, hosts. Pure; leaf."""

from __future__ import annotations

import difflib
import ipaddress
import re
import unicodedata
from collections.abc import Collection

_REGION = re.compile(r"[a-z0-9-]{1,64}")
_PROJECT = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SHORT = 60
_JOINERS = "\u200c\u200d"  # of letters in Persian and Indic scripts, and of emoji


def nearest(name: str, known: Collection[str]) -> str:
    """What somebody may have meant who wrote a name that is not known: 'did you mean ...?', or all that there are."""
    by_lower = {one.lower(): one for one in known}
    near = difflib.get_close_matches(name.lower(), by_lower, n=1)
    return f"did you mean {by_lower[near[0]]}?" if near else f"expected one of {', '.join(known)}"


def short(value: object) -> str:
    """A value as Python writes it, cut to a length that fits an error message."""
    text = repr(value)
    return text if len(text) <= _SHORT else f"{text[:_SHORT]}..."


def is_plain(letter: str) -> bool:
    """Whether a letter shows as itself: no control character, no mark that turns the direction of writing."""
    return letter.isprintable() or letter in _JOINERS or unicodedata.category(letter) == "Zs"


def plain(text: str, limit: int) -> str:
    """The text without what does not show as itself (control characters, lone surrogates), cut to a length."""
    return "".join(filter(is_plain, text[:limit]))


def printable(text: str, limit: int = 2000) -> str:
    """The text in one line that a terminal shows as it is, cut to a length."""
    clean = " ".join("".join(letter if is_plain(letter) else " " for letter in text[: 4 * limit]).split())
    return clean if len(clean) <= limit else f"{clean[:limit]}..."


def listed(words: Collection[str]) -> str:
    """'a', 'a and b', 'a, b and c'."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def is_region(text: str) -> bool:
    """Whether it can be the id of a region. Regions get added, so any name passes that cannot change a URL."""
    return _REGION.fullmatch(text) is not None


def is_project(text: str) -> bool:
    """Whether it can be the id of a project (32 hex digits as a rule), or the name of an account."""
    return _PROJECT.fullmatch(text) is not None


def is_loopback(host: str) -> bool:
    """Whether a host's name or address, without brackets, is this machine's own."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        name = host.lower().removesuffix(".")
        return name == "localhost" or name.endswith(".localhost")
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback
