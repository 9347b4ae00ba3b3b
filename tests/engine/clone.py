"""A clone of the repository in which a test runs `make up` and the like, as a newcomer does."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.vod import LocalVod, free_port
from tools import environment

ROOT = Path(__file__).resolve().parents[2]
PARTS = (
    "CHANGELOG.md",
    "LICENSE",
    "Makefile",
    "Pulumi.yaml",
    "README.md",
    "__main__.py",
    "pyproject.toml",
    "requirements",
    "tools",
    "vod_provider",
)
"""What the main job and the build of the package need of the repository."""
LIMIT_S = 180


class Clone:
    """A clone whose Python environment is there already: making it takes a minute, and is pip's work."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.vod = LocalVod(self.port, folder)
        """The service that `make up` starts."""
        for part in PARTS:
            copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
            copy(ROOT / part, folder / part)
        made, here = Path(sys.prefix), folder / ".venv"
        here.mkdir()
        shutil.copy(made / "pyvenv.cfg", here)
        for name in ("bin", "lib"):
            (here / name).symlink_to(made / name)
        lock, project = (folder / "requirements/test.lock").read_bytes(), (folder / "pyproject.toml").read_bytes()
        (here / "made-from").write_text(environment.fingerprint(lock, project, here))
        self.environ = {**os.environ, "VOD_PORT": str(self.port), "NO_COLOR": "1"}

    def make(self, target: str, typed: str = "") -> str:
        """What make says where there is no terminal, on standard output and standard error, given what is typed."""
        done = subprocess.run(
            ["make", target],
            cwd=self.folder,
            env=self.environ,
            input=typed,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout
