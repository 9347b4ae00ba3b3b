"""A dynamic resource with the inputs and outputs of an ExtractedAudio, whose create does nothing but let time pass.

The outputs are there since the engine writes them, with all of the state, before and after every step.

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
        audio_id = uuid.uuid4().hex
        made = {
            "audio_asset_id": audio_id,
            "url": f"http://127.0.0.1:12345/media/{audio_id}/{audio_id}.mp3",
            "status": "CREATED",
            "title": "A video",
            "description": "",
            "category_id": -1,
            "tags": [],
            "publish": False,
            "duration": 1.0,
            "bit_rate": 40.0,
            "size": 4994.0,
            "codec": "MP3",
        }
        return CreateResult(audio_id, props | made)


class Bare(Resource):
    """A resource that is nothing."""

    def __init__(self, name: str, **props: Any) -> None:
        super().__init__(BareProvider(), name, props)
