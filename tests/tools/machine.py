"""A machine that `tools/engine/ensure` finds itself on: what is on PATH, a cache of its own, a mirror of releases."""

from __future__ import annotations

import hashlib
import io
import shutil
import socket
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ENGINE = Path(__file__).resolve().parents[2] / "tools" / "engine"
PROGRAMS = ("pulumi", "pulumi-language-python", "pulumi-language-python-exec", "pulumi-resource-pulumi-python")
LIMIT_S = 60.0

# Stands in for Go: 'builds' programs that answer, waits while the file `hold` is there, and writes down its calls.
GO = """#!/bin/sh
PATH=/usr/bin:/bin
echo "$1" >> "{folder}/calls"
while [ -e "{folder}/hold" ]; do sleep 0.02; done
if [ -e "{folder}/broken" ]; then echo "go: it cannot be built" >&2; exit 1; fi
if [ "$1" = list ]; then echo "{folder}/sdk"; exit; fi
version="$(basename "$PWD")"
while [ "$1" != -o ]; do shift; done
mkdir -p "$(dirname "$2")"
printf '#!/bin/sh\\necho v%s\\n' "$version" > "$2"
chmod 775 "$2"
"""


class Machine:
    """Nothing on PATH but what the tests put there, and what shell scripts need."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "bin"
        self.cache = folder / "cache"
        self.go = folder / "go"
        self.releases = f"https://127.0.0.1:{_closed_port()}"
        self.engine_version = ""
        self.tools = folder / "tools" / "engine"
        """The copy of tools/engine in which `ensure` runs, so that a test can pin what it likes."""
        shutil.copytree(ENGINE, self.tools)
        self.path.mkdir()
        for name in ("dirname", "readlink", "sed"):
            (self.path / name).symlink_to(str(shutil.which(name)))

    def put(self, name: str, script: str, folder: Path | None = None) -> Path:
        """Put a program on PATH, or elsewhere."""
        place = (folder or self.path) / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(f"#!/bin/sh\n{script}\n")
        place.chmod(0o755)
        return place

    def put_engine(self, version: str = "v3.300.1", folder: Path | None = None) -> None:
        """Put all of an engine on PATH."""
        for name in PROGRAMS:
            self.put(name, f"echo {version}", folder)

    def put_go(self) -> None:
        """Put on PATH what looks like Go."""
        for script in ("cmd/pulumi-language-python-exec", "dist/pulumi-resource-pulumi-python"):
            place = self.go / "sdk" / "python" / script
            place.parent.mkdir(parents=True)
            place.write_text("#!/bin/sh\n")
        self.put("go", "").write_text(GO.format(folder=self.go))

    def put_release(self, platform: str, *programs: str, damaged: bool = False) -> None:
        """Make a mirror of Pulumi's releases with an archive for one platform, and pin its SHA-256."""
        content = io.BytesIO()
        with tarfile.open(fileobj=content, mode="w:gz") as archive:
            for name in (*PROGRAMS, *programs):
                script = b"#!/bin/sh\necho v3.259.0\n"
                member = tarfile.TarInfo(f"pulumi/{name}")
                member.size = len(script)
                archive.addfile(member, io.BytesIO(script))
        name = f"pulumi-v3.259.0-{platform}.tar.gz"
        digest = hashlib.sha256(content.getvalue()).hexdigest()
        mirror = self.folder / "mirror"
        mirror.mkdir()
        (mirror / name).write_bytes(content.getvalue()[: -8 if damaged else None])
        pins = self.tools / "releases" / "3.259.0" / "checksums.txt"
        pins.write_text(f"# a remark\n{'0' * 64}  other.tar.gz\n{digest}  {name}\n")
        self.releases = f"file://{mirror}"

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start `ensure`."""
        environ = {
            "PATH": str(self.path),
            "HOME": str(self.folder / "home"),
            "XDG_CACHE_HOME": str(self.cache),
            "PULUMI_ENGINE_RELEASES": self.releases,
            "PULUMI_ENGINE_VERSION": self.engine_version,
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        return subprocess.Popen(
            [sys.executable, self.tools / "ensure", *arguments],
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def ensure(self, *arguments: str) -> Answer:
        """Run `ensure` to its end."""
        return finish(self.start(*arguments))

    def calls(self) -> list[str]:
        """The commands that Go was called with, in order."""
        file = self.go / "calls"
        return file.read_text().split() if file.exists() else []

    @contextmanager
    def building(self) -> Iterator[subprocess.Popen[str]]:
        """A run of `ensure` that is in the middle of its build; Go goes on when the block ends."""
        hold = self.go / "hold"
        hold.touch()
        process = self.start()
        try:
            until(self.calls)
            yield process
        finally:
            hold.unlink()

    @property
    def engine_cache(self) -> Path:
        """The folder in which the engines are."""
        return self.cache / "pulumi-huaweicloud-vod" / "engine"

    def engines(self) -> list[Path]:
        """The folders in the cache, but for the lock."""
        place = self.engine_cache
        return sorted(entry for entry in place.iterdir() if entry.is_dir()) if place.exists() else []


class Answer:
    """What a run of `ensure` came to."""

    def __init__(self, status: int, output: str, messages: str) -> None:
        self.status = status
        self.lines = output.splitlines()
        self.messages = messages.strip().splitlines()

    def folder(self) -> Path:
        """The folder to put on PATH; the run has to have succeeded."""
        assert self.status == 0, self.messages
        return Path(self.lines[-1])

    def error(self) -> str:
        """The last message; the run has to have failed."""
        assert self.status == 1, self.messages
        assert not self.lines
        return self.messages[-1]


def finish(process: subprocess.Popen[str]) -> Answer:
    """Wait for the end of a run."""
    output, messages = process.communicate(timeout=LIMIT_S)
    return Answer(process.returncode, output, messages)


def until(condition: Callable[[], object]) -> None:
    """Wait until something holds."""
    end = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def runs(folder: Path) -> bool:
    """Whether the engine in a folder tells its version."""
    done = subprocess.run([folder / "pulumi", "version"], capture_output=True, text=True, check=True)
    return done.stdout.startswith("v3.")


def _closed_port() -> int:
    """A port of this machine where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
