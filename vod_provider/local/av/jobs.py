"""A process of its own that does media jobs, so that a crash of FFmpeg on a broken file harms nobody else.

It takes as much memory and writes as large a file as any real media needs, and no more: a small file can be made to ask
for all there is. It takes jobs from standard input: one JSON object a line in, one a line out.
`{"job": "probe", "source": PATH}`, `{"job": "extract", "source": PATH, "target": PATH, "format": "MP3"}`,
`{"job": "tone", "target": PATH, "format": "MP3"}`, `{"job": "peaks", "source": PATH}`,
`{"job": "m4a", "source": PATH, "target": PATH}`;
answered by `{"facts": {...}}` or `{"error": TEXT}`.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import signal
import sys
import threading
from dataclasses import asdict
from pathlib import Path
from queue import SimpleQueue

import av
import av.error

from vod_provider.local.av.errors import MediaError
from vod_provider.local.av.media import error_text, probe
from vod_provider.local.av.sound import extract, make_tone, peaks, wrap


def _answer(job: dict[str, str]) -> dict[str, object]:
    try:
        if job["job"] == "probe":
            return {"facts": asdict(probe(Path(job["source"])))}
        if job["job"] == "peaks":
            return {"facts": {"peaks": peaks(Path(job["source"]))}}
        if job["job"] == "m4a":
            wrap(Path(job["source"]), Path(job["target"]))
            return {"facts": {}}
        if job["job"] == "tone":
            return {"facts": asdict(make_tone(Path(job["target"]), job["format"]))}
        return {"facts": asdict(extract(Path(job["source"]), Path(job["target"]), job["format"]))}
    except MediaError as exc:
        return {"error": str(exc)}
    except (av.error.FFmpegError, OSError, ValueError, MemoryError) as exc:
        return {"error": f"{type(exc).__name__}: {error_text(exc)}"}


_PR_SET_PDEATHSIG = 1
"""`prctl(2)`: the signal that we get when our parent dies."""
_MEMORY_BYTES = 2 << 30
"""Address space, of which an idle process maps 0.2 GB. A picture of 8192 x 4320 in 10 bits has 106 MB."""
_FILE_BYTES = 8 << 30
"""The longest sound that is taken (a day), as AAC of 7.1 channels, has 5.5 GB."""


def _limit() -> None:
    for kind, most in ((resource.RLIMIT_AS, _MEMORY_BYTES), (resource.RLIMIT_FSIZE, _FILE_BYTES)):
        soft, hard = resource.getrlimit(kind)
        allowed = [limit for limit in (most, soft, hard) if limit != resource.RLIM_INFINITY]
        with contextlib.suppress(OSError, ValueError):  # macOS takes no limit of address space
            resource.setrlimit(kind, (min(allowed), hard))


def work() -> None:
    """Take jobs until standard input ends; then end at once, whatever FFmpeg is doing.

    Standard input ends when the service does, even by kill -9: a thread of its own sees that while a job
    runs, so that no process is left behind writing files that nobody waits for. On Linux the kernel ends us even
    before: the next service must not find us writing.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    _limit()
    jobs: SimpleQueue[str] = SimpleQueue()

    def read() -> None:
        for line in sys.stdin:
            jobs.put(line)
        os._exit(0)

    threading.Thread(target=read, daemon=True).start()
    while True:
        print(json.dumps(_answer(json.loads(jobs.get()))), flush=True)  # noqa: T201  # the protocol
