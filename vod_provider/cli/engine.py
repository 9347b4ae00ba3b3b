"""What the Pulumi command on this machine is asked: a stack's state, its configuration, the version."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vod_provider.cli.errors import CommandError

INSTALL = "install Pulumi (https://www.pulumi.com/docs/install/), or put it on PATH"


@dataclass(frozen=True)
class Engine:
    """The `pulumi` on the PATH of `environ`, run in the folder `cwd` of a project."""

    environ: Mapping[str, str]
    cwd: Path

    def program(self, name: str = "pulumi") -> Path | None:
        """Where a program of Pulumi's is: on PATH, or beside `pulumi` itself."""
        found = shutil.which(name, path=self.environ.get("PATH", ""))
        if found is None and name != "pulumi":
            beside = self.program()
            found = shutil.which(name, path=str(beside.resolve().parent)) if beside else None
        return Path(found) if found else None

    def version(self) -> str:
        """The version, as '3.259.0'. Raises CommandError."""
        return self._run("pulumi", ["version"]).strip().removeprefix("v")

    def export(self, stack: str, *, show_secrets: bool = False) -> str:
        """The stack's state as JSON; secrets in it stay encrypted unless asked for. Raises CommandError."""
        arguments = ["stack", "export", "--stack", stack, *(["--show-secrets"] if show_secrets else [])]
        return self._run(f"--stack {stack}", arguments)

    def configuration(self, stack: str) -> dict[str, str]:
        """The stack's configuration by full name, secrets decrypted. Raises CommandError."""
        text = self._run(f"--stack {stack}", ["config", "--json", "--show-secrets", "--stack", stack])
        try:
            return {name: str(setting.get("value") or "") for name, setting in json.loads(text).items()}
        except (ValueError, AttributeError) as exc:
            raise CommandError(f"--stack {stack}: `pulumi config --json` printed no JSON object of settings") from exc

    def _run(self, flag: str, arguments: Sequence[str]) -> str:
        program = self.program()
        if program is None:
            raise CommandError(f"{flag}: there is no pulumi on PATH; {INSTALL}")
        if not self.cwd.is_dir():
            raise CommandError(f"--cwd {self.cwd}: no such folder")
        try:
            done = subprocess.run(  # noqa: S603 - the user's own pulumi, with arguments that are ours
                [program, *arguments, "--non-interactive"],
                cwd=self.cwd,
                env=dict(self.environ),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
        except OSError as exc:
            raise CommandError(f"{flag}: {program} cannot be run ({exc.strerror})") from exc
        if done.returncode != 0:
            raise CommandError(f"{flag}: `pulumi {' '.join(arguments[:2])}` said: {_error(done.stderr)}")
        return done.stdout


def _error(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    told = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    return (told or lines or ["nothing"])[-1]
