"""A Pulumi stack of a test's own, run by the real engine in a temporary folder."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROJECT = "test-vod"
NOTHING = Path(__file__).with_name("nothing")
_blank: dict[Path, bytes] | None = None
LIMIT_S = 120
"""No step of the engine takes longer than this, or the test fails."""


@dataclass(frozen=True)
class Result:
    """What a run of the engine said."""

    returncode: int
    text: str

    @property
    def ok(self) -> bool:
        return self.returncode == 0

    def lines(self, word: str) -> list[str]:
        """The lines that contain `word`."""
        return [line.strip() for line in self.text.splitlines() if word in line]


class Stack:
    """A project with one program and one stack, its state in a file backend below `folder`."""

    def __init__(
        self, folder: Path, engine: Path, config: dict[str, str], python: str = sys.prefix, *, whole: bool = False
    ) -> None:
        """Make the project and its stack. A `whole` project is in `folder` already, with files of its own."""
        self.folder = folder
        self._state = folder / "state"
        self._state.mkdir(parents=True, exist_ok=True)
        (folder / "home").mkdir(exist_ok=True)
        self.environ = {
            "PATH": f"{engine}:/usr/bin:/bin",
            "HOME": str(folder / "home"),
            "PULUMI_HOME": str(folder / "home" / ".pulumi"),
            "PULUMI_BACKEND_URL": f"file://{self._state}",
            "PULUMI_CONFIG_PASSPHRASE": "test",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_STACK": "test",
            "NO_COLOR": "1",
            # At each run the engine has pip list all packages, to find those that bring plugins. Here none does, and
            # for pip to say so takes a third of what a run costs. test_main_job.py runs `make up` with pip itself.
            "PYTHONPATH": str(NOTHING),
            "PIP_PATH": str(folder / "home"),
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        }
        self.journal = folder / "home/.local/state/pulumi-huaweicloud-vod/journal.sqlite"
        if whole:
            self.run("stack", "init", "test").expect()
        else:
            runtime = {"name": "python", "options": {"virtualenv": python}}
            (folder / "Pulumi.yaml").write_text(json.dumps({"name": PROJECT, "runtime": runtime}))
            self._begin()
        self.configure(config)

    def _begin(self) -> None:
        """Make the stack. The first one of a process is made by the engine, the others are copies of that."""
        global _blank
        salt = self.folder / "Pulumi.test.yaml"
        if _blank is None:
            self.run("stack", "init", "test").expect()
            files = {
                path.relative_to(self.folder): path.read_bytes() for path in self._state.rglob("*") if path.is_file()
            }
            _blank = files | {salt.relative_to(self.folder): salt.read_bytes()}
        for name, content in _blank.items():
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / name).write_bytes(content)

    def configure(self, config: dict[str, str]) -> None:
        """Set the stack's configuration; plain values, since the test's secrets are public."""
        lines = dict(config)
        salt = self.folder / "Pulumi.test.yaml"
        kept = [line for line in salt.read_text().splitlines() if "encryptionsalt" in line] if salt.exists() else []
        body = ["config:", *(f"  {key}: {json.dumps(value)}" for key, value in lines.items())]
        salt.write_text("\n".join(kept + (body if lines else [])) + "\n")

    def lose_disk(self) -> None:
        """Remove all that the machine has of its own: it was thrown away. Program and backend are elsewhere."""
        shutil.rmtree(self.folder / "home/.local", ignore_errors=True)

    def program(self, source: str) -> None:
        """Replace the program."""
        (self.folder / "__main__.py").write_text(
            f"import pulumi\nfrom vod_provider import ExtractedAudio\n\n{source}\n"
        )

    def start(self, *args: str) -> subprocess.Popen[str]:
        """Start the engine in a process group of its own."""
        return subprocess.Popen(
            ["pulumi", "--non-interactive", *args],
            cwd=self.folder,
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *args: str) -> Run:
        """Run the engine to its end."""
        process = self.start(*args)
        try:
            text, _ = process.communicate(timeout=LIMIT_S)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
        return Run(process.returncode, text)

    def up(self, *args: str) -> Run:
        return self.run("up", "--yes", "--skip-preview", "--stack", "test", *args)

    def preview(self, *args: str) -> Run:
        return self.run("preview", "--diff", "--stack", "test", *args)

    def refresh(self, *args: str) -> Run:
        return self.run("refresh", "--yes", "--skip-preview", "--stack", "test", *args)

    def destroy(self, *args: str) -> Run:
        return self.run("destroy", "--yes", "--skip-preview", "--stack", "test", *args)

    def processes(self, command: str = "") -> list[int]:
        """The processes that run in the stack's folder and have `command` in their command lines."""
        found = []
        for process in Path("/proc").iterdir():
            if process.name.isdigit():
                with contextlib.suppress(OSError):
                    here = (process / "cwd").readlink() == self.folder
                    if here and command in (process / "cmdline").read_text():
                        found.append(int(process.name))
        return found

    def end(self) -> None:
        """End what is left: after a kill -9 of the engine, its language host stays behind."""
        for process in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)

    def state(self) -> dict[str, Any]:
        """The stack's state, as the engine saved it."""
        (file,) = self._state.rglob("stacks/*/test.json")
        deployment: dict[str, Any] = json.loads(file.read_text())["checkpoint"]["latest"]
        return deployment

    def audios(self) -> dict[str, dict[str, Any]]:
        """The ExtractedAudio resources in the state, by name."""
        return {
            resource["urn"].rpartition("::")[2]: resource
            for resource in self.state().get("resources", [])
            if resource["type"].endswith(":ExtractedAudio")
        }

    def state_bytes(self) -> int:
        """How large the file of the state is."""
        (file,) = self._state.rglob("stacks/*/test.json")
        return file.stat().st_size

    def raw_state(self) -> str:
        """The state file as it lies on the disk."""
        return "\n".join(path.read_text() for path in self._state.rglob("*.json"))


class Run(Result):
    """A finished run."""

    def expect(self, *words: str) -> Run:
        """The run, which has to have succeeded and to have said `words`."""
        assert self.ok, self.text
        for word in words:
            assert word in self.text, f"{word!r} is not in:\n{self.text}"
        return self

    def expect_failure(self, *words: str) -> Run:
        """The run, which has to have failed and to have said `words`."""
        assert not self.ok, self.text
        for word in words:
            assert word in self.text, f"{word!r} is not in:\n{self.text}"
        assert "Traceback" not in self.text, self.text
        return self


def heed_interrupts() -> None:
    """Have the engines that this process starts end their plugins at once.

    They do it by SIGINT. Who was started in the background of a script ignores it, and so do all that it starts:
    then each run of the engine waits five seconds for a plugin to end.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def until(condition: Any, seconds: float = 20.0) -> None:
    """Wait until `condition()` holds; the test fails if it does not in time."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "not in time"
        time.sleep(0.05)
