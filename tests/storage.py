"""Object storage for ledgers: an S3 server on this machine."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import requests
from moto.server import ThreadedMotoServer

KEYS = {"AWS_ACCESS_KEY_ID": "AK", "AWS_SECRET_ACCESS_KEY": "hidden-secret-key"}
"""The environment of whoever uses it."""


@contextmanager
def served() -> Iterator[str]:
    """The address of a server in this process, with a bucket `team`."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # it tells of each request
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        assert requests.put(f"http://{host}:{port}/team", timeout=10).ok
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def ledger(address: str) -> dict[str, str]:
    """The setting by which a stack keeps its ledger there."""
    return {"vod:journal": f"s3://team/ledgers?endpoint={address}&region=us-east-1&s3ForcePathStyle=true"}
