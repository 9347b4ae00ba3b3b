"""Hosts and addresses that a caller names: which of them are this machine, read without ever failing. Pure."""

from __future__ import annotations

import ipaddress
from urllib.parse import SplitResult, urlsplit


def is_loopback(host: str) -> bool:
    """Whether the host, a name or an address without brackets, is this machine and reached by nobody else."""
    if host.lower() == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


def split_url(url: str) -> SplitResult | None:
    """The parts of an address, or None if it is malformed; its host and port can then be read as well."""
    try:
        parts = urlsplit(url)
        _ = parts.hostname, parts.port  # raise for what urlsplit leaves alone
    except ValueError:
        return None
    return parts
