"""A dynamic resource with the inputs of an ExtractedAudio, whose create does nothing but let time pass.

With time to pass and threads enough it is the engine's bound; as it is, it is the bare host's cost.
"""

# ruff: noqa: SLF001 - the host has no public way to more threads

import sys
import threading
import time
import uuid
from typing import Any

from pulumi.dynamic import ConfigureRequest, CreateResult, Resource, ResourceProvider


class BareProvider(ResourceProvider):
    """Sleeps `bench:seconds` in create. `bench:workers` other than 0: the host gets as many threads."""

    serialize_as_secret_always = False

    def configure(self, req: ConfigureRequest) -> None:
        self._seconds = float(req.config.get("bench:seconds") or 0)
        workers = int(req.config.get("bench:workers") or 0)
        frame = sys._current_frames()[threading.main_thread().ident or 0]
        while workers and frame is not None:
            if "server" in frame.f_locals:
                frame.f_locals["server"]._state.thread_pool._max_workers = workers
                return
            frame = frame.f_back  # type: ignore[assignment]

    def create(self, props: dict[str, Any]) -> CreateResult:
        time.sleep(self._seconds)
        return CreateResult(uuid.uuid4().hex, props)


class Bare(Resource):
    """A resource that is nothing."""

    def __init__(self, name: str, **props: Any) -> None:
        super().__init__(BareProvider(), name, props)
