"""Processes that run the media jobs of `av`, so that FFmpeg works beside the service and may crash without harm.

They get an environment of what they need and no module from the current folder: what lies there, or which secrets the
service was started with, is none of their business.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from vod_provider.local.core.errors import JobFailedError

# `-P` keeps the current folder off the module path. Where the package is not installed but runs from a folder, that
# folder comes last: a file in it can stand in for no module.
_BOOT = "import sys; sys.path.append(sys.argv[1]); from vod_provider.local.av.jobs import work; work()"
_PACKAGE_FOLDER = str(Path(__file__).parents[3])
_NEEDED = ("LANG", "LC_ALL", "LC_CTYPE", "TZ")
_NEEDED_FOLDERS = (
    "HOME", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PATH", "PYTHONHOME", "PYTHONPATH", "PYTHONUSERBASE", "TMPDIR",
)  # fmt: skip


@dataclass
class _Process:
    process: asyncio.subprocess.Process

    async def run(self, job: Mapping[str, str]) -> dict[str, object]:
        stdin, stdout = self.process.stdin, self.process.stdout
        if stdin is None or stdout is None:
            raise JobFailedError("the media process has no pipes")
        try:
            stdin.write(json.dumps(job).encode() + b"\n")
            await stdin.drain()
            line = await stdout.readline()
        except (OSError, RuntimeError):  # uvloop raises a RuntimeError for a pipe that was closed
            line = b""
        if not line:
            raise JobFailedError(f"the media process ended unexpectedly ({_ending(await self.process.wait())})")
        answer = json.loads(line)
        if "error" in answer:
            raise JobFailedError(str(answer["error"]))
        facts = answer["facts"]
        return dict(facts)


class MediaProcesses:
    """Processes started when needed, kept for the next job, replaced when they break."""

    def __init__(self) -> None:
        self._idle: list[_Process] = []
        self._all: set[asyncio.subprocess.Process] = set()

    async def run(self, job: Mapping[str, str], timeout: float) -> dict[str, object]:
        """The facts that the job answers. Raises JobFailedError; `timeout` in seconds.

        Where it is cancelled or runs out of time, the process is killed, and the job with it.
        """
        worker = self._living() or await self._start()
        try:
            async with asyncio.timeout(timeout):
                facts = await worker.run(job)
        except TimeoutError as exc:
            await self._end(worker.process)
            raise JobFailedError(f"not done within {timeout:.0f} seconds") from exc
        except asyncio.CancelledError:
            await asyncio.shield(self._end(worker.process))
            raise
        except JobFailedError:
            if worker.process.returncode is None:
                self._idle.append(worker)
            else:
                self._all.discard(worker.process)
            raise
        self._idle.append(worker)
        return facts

    def _living(self) -> _Process | None:
        """An idle process that has not died meanwhile: a job must not fail for that."""
        while self._idle:
            worker = self._idle.pop()
            if worker.process.returncode is None:
                return worker
            self._all.discard(worker.process)
        return None

    async def close(self) -> None:
        """End them all."""
        self._idle.clear()
        await asyncio.gather(*(self._end(process) for process in list(self._all)))

    async def _start(self) -> _Process:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-c",
            _BOOT,
            _PACKAGE_FOLDER,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,
            env=needed_environment(os.environ),
        )
        self._all.add(process)
        return _Process(process)

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        self._all.discard(process)


def needed_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """What a media process needs of the service's environment: to find Python, its modules and a temporary folder.

    An entry of a search path that is empty or relative means the current folder, or something in it, and is left out.
    """
    needed = {name: environ[name] for name in _NEEDED if name in environ}
    for name in _NEEDED_FOLDERS:
        folders = [entry for entry in environ.get(name, "").split(os.pathsep) if Path(entry).is_absolute()]
        if folders:
            needed[name] = os.pathsep.join(folders)
    return needed


def _ending(code: int) -> str:
    if code >= 0:
        return f"exit status {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
