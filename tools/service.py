"""The local VOD service of this clone, in the background: found by its command line, started, stopped.

It is looked for among the processes, and not in a file with a process id: such a file goes stale, and may name a
process that is by now somebody else's.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.console import ToolError, say
from tools.environment import LOCAL, PYTHON, ROOT, clean

HOST = "127.0.0.1"
DATA = LOCAL / "vod"
LOG = LOCAL / "vod.log"
START_S = 30.0
ANSWER_S = 5.0
STOP_S = 10.0

_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class Running:
    """A process that serves `DATA`."""

    pid: int
    port: int


def url(port: int) -> str:
    """The service's address."""
    return f"http://{HOST}:{port}"


def get(address: str, headers: dict[str, str] | None = None) -> Any:
    """What a service on this machine answers, decoded. Raises OSError or ValueError where that is no JSON."""
    with _DIRECT.open(urllib.request.Request(address, headers=headers or {}), timeout=ANSWER_S) as answer:  # noqa: S310
        return json.load(answer)


def find() -> Running | None:
    """The service of this clone, if it runs."""
    return next(ours(_processes(), DATA), None)


def ours(processes: Iterable[tuple[int, str]], data: Path) -> Iterator[Running]:
    """Those of the processes (id, command line) that serve the folder `data`."""
    command = re.compile(rf" -m vod_provider\.local serve --port (\d+) --data {re.escape(str(data))}$")
    for pid, line in processes:
        found = command.search(line)
        if found:
            yield Running(pid, int(found[1]))


def require_port(port: int) -> None:
    """Make sure that the port is free, or is this clone's own service's. Raises ToolError."""
    running = find()
    if running is None or running.port != port:
        _refuse_taken(port)


def ensure(port: int) -> None:
    """Have the service run on `port` and answer. Raises ToolError."""
    running = find()
    if running is not None and running.port == port and _answers(port) and DATA.exists():
        say(f"The local VOD runs on {url(port)}.")
        return
    if running is not None:
        why = "its data is gone" if not DATA.exists() else "it does not answer" if running.port == port else "new port"
        say(f"Stopping the local VOD on port {running.port}: {why}.")
        stop(running)
    _refuse_taken(port)
    _start(port)
    say(f"The local VOD runs on {url(port)}, in the background.")


def stop(running: Running) -> None:
    """End the service, by force if it takes too long: it loses nothing by that."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.kill(running.pid, number)
        except ProcessLookupError:
            return
        end = time.monotonic() + STOP_S
        while time.monotonic() < end:
            if find() is None:
                return
            time.sleep(0.05)
    raise ToolError(f"the local VOD (process {running.pid}) cannot be stopped")


def is_free(port: int) -> bool:
    """Whether a service could listen there."""
    with socket.socket() as attempt:
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind((HOST, port))
        except OSError:
            return False
    return True


def _refuse_taken(port: int) -> None:
    if is_free(port):
        return
    who = "the local VOD of another clone" if _answers(port) else "another program"
    free = next((other for other in range(port + 1, min(port + 100, 65536)) if is_free(other)), None)
    remedy = f"VOD_PORT={free} make up" if free else "VOD_PORT=PORT make up"
    raise ToolError(f"port {port} is taken by {who}; stop that, or choose another port: {remedy}")


def _start(port: int) -> None:
    LOCAL.mkdir(exist_ok=True)
    command = [str(PYTHON), "-m", "vod_provider.local", "serve", "--port", str(port), "--data", str(DATA)]
    with LOG.open("ab") as log:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=clean(os.environ),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C ends the main job, not the service
        )
    end = time.monotonic() + START_S
    while not _answers(port):
        if process.poll() is not None:
            last = LOG.read_text(errors="replace").strip().splitlines()[-1:]
            raise ToolError(f"the local VOD did not start: {''.join(last) or 'see .local/vod.log'}")
        if time.monotonic() > end:
            process.kill()
            raise ToolError(f"the local VOD does not answer on {url(port)} after {START_S:.0f} s; see .local/vod.log")
        time.sleep(0.05)


def _answers(port: int) -> bool:
    try:
        return bool(get(f"{url(port)}/_local/health")["status"] == "ok")
    except (OSError, ValueError, TypeError, KeyError):
        return False


def _processes() -> Iterator[tuple[int, str]]:
    """All processes: id and command line, its arguments joined by spaces."""
    proc = Path("/proc")
    if (proc / "self" / "cmdline").exists():
        for entry in proc.iterdir():
            if entry.name.isdigit():
                try:
                    words = (entry / "cmdline").read_bytes().rstrip(b"\0").split(b"\0")
                except OSError:
                    continue  # ended meanwhile
                yield int(entry.name), b" ".join(words).decode(errors="replace")
        return
    listed = subprocess.run(["ps", "-axww", "-o", "pid=,command="], capture_output=True, text=True, check=True)
    for line in listed.stdout.splitlines():
        pid, _, command = line.strip().partition(" ")
        yield int(pid), command.strip()
