"""A process that writes to a ledger: `python -m tests.store.writer ENDPOINT OWNER COUNT [STEP]`.

Prints the owners whose request it may send. With a step (`before-segment`, `after-snapshot` and so on), it kills
itself there: before or after the storage has the object.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from obstore.store import S3Store

from vod_provider.audio import ledger_store
from vod_provider.audio.ledger import Ledger
from vod_provider.audio.ledger_records import Request
from vod_provider.audio.ledger_store import ObjectStore

STACK = "s3://state urn:pulumi:dev::"
SNAPSHOT_AFTER = 5


def bucket(endpoint: str, name: str = "team") -> Any:
    return S3Store(
        name,
        endpoint=endpoint,
        region="us-east-1",
        access_key_id="AK",
        secret_access_key="hidden-secret-key",
        client_options={"allow_http": True, "timeout": "5s", "connect_timeout": "2s"},
        retry_config={"max_retries": 1},
    )


def ledger(objects: Any) -> Ledger:
    return Ledger(None, store=ObjectStore(objects, "s3://team/ledgers", "ledgers", STACK, print))


def request(owner: str) -> Request:
    return Request(STACK + owner, "f", "https://vod project", None, "video", "MP3", 1.0)


class Killing:
    """Storage that kills this process at the third segment, or at the first snapshot."""

    def __init__(self, objects: Any, step: str) -> None:
        self._objects, self._left = objects, 3
        self._when, self._what = step.split("-")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._objects, name)

    def put(self, path: str, content: bytes, *, mode: Any) -> Any:
        snapshot = path.endswith(".snapshot.json")
        is_it = snapshot if self._what == "snapshot" else path.endswith(".json") and not snapshot
        if is_it and self._what == "segment":
            self._left -= 1
            is_it = self._left == 0
        if is_it and self._when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        answer = self._objects.put(path, content, mode=mode)
        if is_it:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer


def main(endpoint: str, owner: str, count: str, step: str = "") -> None:
    ledger_store.SNAPSHOT_AFTER = SNAPSHOT_AFTER
    objects = bucket(endpoint)
    here = ledger(Killing(objects, step) if step else objects)
    for number in range(int(count)):
        for name in (f"{owner}{number}", f"both{number}"):
            if here.intend(request(name)):
                print(name, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
