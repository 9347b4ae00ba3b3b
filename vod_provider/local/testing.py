"""A local VOD for tests: the pytest fixture `local_vod`, and what is behind it.

In a test suite's conftest.py:

    from vod_provider.local.testing import local_vod  # a service for the whole session

    def test_mine(local_vod):
        client = make_my_client(local_vod.endpoint, local_vod.access_key, local_vod.secret_key)

Each session gets a service of its own on a free port, in a process of its own, with a data folder that is
gone afterwards. `start_local_vod` is the same without pytest.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from vod_provider.local.cli.credentials import (
    DEFAULT_ACCESS_KEY,
    DEFAULT_PROJECT,
    DEFAULT_SECRET_KEY,
    DEFAULT_TOKEN,
    ENVIRONMENT,
)

_STOP_SECONDS = 10


class LocalVodError(Exception):
    """The service could not be started, or refused what was asked; the text says why."""


@dataclass
class LocalVod:
    """A running service: where it is, how to get in, and its controls."""

    endpoint: str
    process: subprocess.Popen[str]
    data: Path
    access_key: str = DEFAULT_ACCESS_KEY
    secret_key: str = field(default=DEFAULT_SECRET_KEY, repr=False)
    project_id: str = DEFAULT_PROJECT
    token: str = field(default=DEFAULT_TOKEN, repr=False)

    def upload(self, file: Path, title: str | None = None) -> str:
        """Put a file in, as the command `upload` does; returns the id of the asset, which is ready."""
        command = [sys.executable, "-m", "vod_provider.local", "upload", str(file), "--endpoint", self.endpoint]
        done = subprocess.run(  # noqa: S603
            command + (["--title", title] if title else []),
            capture_output=True,
            text=True,
            check=False,
            env=_environment(),
        )
        if done.returncode:
            raise LocalVodError(done.stderr.strip())
        return done.stdout.strip()

    def settings(self, **changes: object) -> dict[str, Any]:
        """Change settings, for example `extraction={"mode": "timed", "seconds": 1}`; returns all of them."""
        answer: dict[str, Any] = self.control("PUT", "settings", changes)
        return answer

    def inject(self, *faults: dict[str, object]) -> None:
        """Have calls fail, for example `{"operation": "ExtractAudio", "drop": "after"}`."""
        self.control("POST", "faults", list(faults))

    def calls(self) -> dict[str, Any]:
        """Which calls came in: `{"counts": {...}, "calls": [...]}`."""
        answer: dict[str, Any] = self.control("GET", "calls")
        return answer

    def reset(self) -> None:
        """Forget everything: assets, settings, faults, calls."""
        self.control("POST", "reset")

    def control(self, method: str, name: str, body: object = None) -> Any:
        """Call /_local/{name}; returns the decoded answer. Raises LocalVodError if it is refused."""
        content = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(  # noqa: S310
            f"{self.endpoint}/_local/{name}", content, {"Content-Type": "application/json"}, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
                text = answer.read()
        except urllib.error.HTTPError as exc:
            with exc:
                raise LocalVodError(f"{method} {name}: {exc.code} {exc.read().decode()}") from exc
        return json.loads(text) if text else None

    def stop(self) -> int:
        """End the service cleanly; returns its exit status. Ended already is fine."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            status = self.process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()
        return status


def start_local_vod(data: Path, *arguments: str, port: int = 0) -> LocalVod:
    """Start a service on a free port (or the given one); returns when it answers. Raises LocalVodError."""
    command: Sequence[str] = [
        sys.executable, "-m", "vod_provider.local", "serve", "--port", str(port), "--data", str(data),
        "--log-level", "warning", *arguments,
    ]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=_environment())  # noqa: S603
    if process.stdout is None:
        raise LocalVodError("the service has no standard output")
    line = process.stdout.readline()  # said once calls are answered, or empty if it could not start
    if not line:
        process.stdout.close()
        raise LocalVodError(f"the service ended with exit status {process.wait()}; see standard error")
    return LocalVod(line.split()[3], process, data)


def _environment() -> dict[str, str]:
    """Ours, without credentials that somebody uses for a service of their own."""
    return {name: value for name, value in os.environ.items() if not name.startswith(ENVIRONMENT)}


@contextlib.contextmanager
def running_local_vod(*arguments: str) -> Iterator[LocalVod]:
    """A service for as long as the block runs, its data folder gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="vod-local-") as folder:
        service = start_local_vod(Path(folder), *arguments)
        try:
            yield service
        finally:
            service.stop()


@pytest.fixture(scope="session")
def local_vod() -> Iterator[LocalVod]:
    """A local VOD for the whole session. Call its `reset()` where a test needs a new one."""
    with running_local_vod() as service:
        yield service
