"""Names below localhost are this machine, as RFC 6761 says; not every resolver knows. Each region has its own address.

Pulumi's programs and plugins load it where this folder is in PYTHONPATH; see tests/engine/test_examples.py.
"""

import socket
from typing import Any

ADDRESSES = {"cn-north-4.localhost": "127.0.0.1", "ap-southeast-3.localhost": "127.0.0.2"}

_resolve = socket.getaddrinfo


def getaddrinfo(host: Any, *rest: Any, **more: Any) -> Any:
    """What the resolver says of that host."""
    return _resolve(ADDRESSES.get(host, host), *rest, **more)


socket.getaddrinfo = getaddrinfo
