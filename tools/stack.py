"""The stack at the root, its state in a file backend of this clone, run by the real engine."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.console import ToolError, say
from tools.environment import LOCAL, PYTHON, ROOT, clean

NAME = "dev"
PROJECT = "vod-audio"
"""The project's name in Pulumi.yaml."""

_STATE = LOCAL / "pulumi"
_LOCKS = _STATE / ".pulumi" / "locks"
_STACK_FILE = _STATE / ".pulumi" / "stacks" / PROJECT / f"{NAME}.json"


def find_engine() -> Path:
    """The folder of the Pulumi engine, got first where it has to be. Raises ToolError."""
    command = [sys.executable, str(ROOT / "tools" / "engine" / "ensure")]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise ToolError("there is no Pulumi engine; what to install is said above")
    return Path(done.stdout.splitlines()[-1])


def exists() -> bool:
    """Whether the stack was made, and not removed since."""
    return _STACK_FILE.exists()


@dataclass(frozen=True)
class Stack:
    """The stack, with the engine in that folder."""

    engine: Path

    def prepare(self, plain: Mapping[str, str], secret: Mapping[str, str]) -> None:
        """Make the stack where there is none, and configure it. Raises ToolError."""
        _STATE.mkdir(parents=True, exist_ok=True)
        unlock(_LOCKS)
        self._quietly("stack", "select", "--create", NAME)
        values = [word for key, value in plain.items() for word in ("--plaintext", f"{key}={value}")]
        values += [word for key, value in secret.items() for word in ("--secret", f"{key}={value}")]
        self._quietly("config", "set-all", "--stack", NAME, *values)
        if is_interrupted(_STACK_FILE):
            # The provider's journal knows what became of such a create, so Pulumi need not warn and ask about it.
            forget = ("--clear-pending-creates", "--run-program", "--skip-preview", "--yes")
            self._quietly("refresh", "--stack", NAME, *forget)

    def run(self, command: str, *options: str) -> int:
        """Run the engine in the terminal; returns its exit status."""
        arguments = ["pulumi", command, "--stack", NAME, "--suppress-permalink=true", *options]
        with subprocess.Popen(arguments, cwd=ROOT, env=environ(os.environ, self.engine)) as process:
            while True:
                try:
                    return process.wait()
                except KeyboardInterrupt:
                    continue  # the terminal told the engine, too, which ends in its own good time

    def shell(self, variables: Mapping[str, str]) -> int:
        """Run the user's shell with the engine's environment and `variables`; returns its exit status."""
        here = environ(os.environ, self.engine)
        path = f"{PYTHON.parent}{os.pathsep}{here['PATH']}"
        program = here.get("SHELL") or "/bin/sh"
        done = subprocess.run([program], cwd=ROOT, env=here | {"PATH": path} | dict(variables), check=False)
        return done.returncode

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs. Raises ToolError."""
        return dict(json.loads(self._quietly("stack", "output", "--json", "--stack", NAME)))

    def is_empty(self) -> bool:
        """Whether nothing is in the stack. Raises ToolError."""
        exported = json.loads(self._quietly("stack", "export", "--stack", NAME))
        return not exported["deployment"].get("resources")

    def remove(self) -> None:
        """Remove the empty stack. Raises ToolError."""
        self._quietly("stack", "rm", NAME, "--yes")

    def _quietly(self, *arguments: str) -> str:
        command = ["pulumi", *arguments, "--non-interactive"]
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=environ(os.environ, self.engine),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            say(done.stderr.strip())
            raise ToolError(f"'pulumi {' '.join(arguments[:2])}' failed; its own words are above")
        return done.stdout


def environ(caller: Mapping[str, str], engine: Path) -> dict[str, str]:
    """For the engine: nothing of the caller's own Pulumi, and no proxy between this machine and itself."""
    kept = {name: value for name, value in clean(caller).items() if not name.startswith("PULUMI_")}
    for name in ("NO_PROXY", "no_proxy"):
        kept[name] = ",".join(filter(None, [kept.get(name), "127.0.0.1", "localhost"]))
    return kept | {
        "PATH": f"{engine}{os.pathsep}{kept.get('PATH', os.defpath)}",
        "PULUMI_HOME": str(LOCAL / "pulumi-home"),
        "PULUMI_BACKEND_URL": f"file://{_STATE}",
        "PULUMI_CONFIG_PASSPHRASE": "local",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
    }


def is_interrupted(stack_file: Path) -> bool:
    """Whether an earlier run ended in the middle of something, by what it left in the state."""
    try:
        return bool(json.loads(stack_file.read_text())["checkpoint"]["latest"].get("pending_operations"))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False  # no state yet, or one that the engine has to judge


def unlock(locks: Path) -> None:
    """Take away the locks of engines that were killed: they would hold the stack for ever."""
    for lock in locks.rglob("*.json"):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            held = json.loads(lock.read_text())
            if held["hostname"] == platform.node() and not _is_alive(int(held["pid"])):
                lock.unlink()
                say("An earlier run was killed: its lock on the stack is taken away.")


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
