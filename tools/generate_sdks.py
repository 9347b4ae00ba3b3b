"""Write the SDKs of a Pulumi package for Python, Node.js and Go, from its schema.

    python3 -m tools.generate_sdks SCHEMA.json OUT_DIR

OUT_DIR gets python/, nodejs/ and go/. The generators are Pulumi's own, built with Go from the module tools/sdks: about
a minute the first time, a second where Go has built them before.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tools.console import ToolError, leave

MODULE = Path(__file__).with_name("sdks")
LANGUAGES = ("python", "nodejs", "go")
PULUMI = "github.com/pulumi/pulumi/sdk/v3"


def generate(schema: Path, out: Path) -> None:
    """Write one folder for each language into `out`. Raises ToolError, with the generator's words for a bad schema."""
    if shutil.which("go") is None:
        raise ToolError("there is no Go to build the generator of the SDKs with: https://go.dev/dl/")
    with tempfile.TemporaryDirectory() as temporary:
        program = Path(temporary, "sdks")
        # As the engine is built, so that Go finds what it has compiled for that.
        _run("go", "build", "-mod=readonly", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o", program, ".")
        _run(program, schema.resolve(), out.resolve())
    _write_go_module(json.loads(schema.read_text(encoding="utf-8")), out / "go")


def _write_go_module(schema: Mapping[str, Any], folder: Path) -> None:
    """Make the Go SDK a module of the schema's `modulePath`, which the generator leaves to whoever publishes it."""
    path = schema.get("language", {}).get("go", {}).get("modulePath")
    if path is None:
        return
    ours = (MODULE / "go.mod").read_text(encoding="utf-8")
    (version,) = re.findall(rf"{re.escape(PULUMI)} (v[\d.]+)", ours)
    (go,) = re.findall(r"^go [\d.]+$", ours, re.MULTILINE)
    (folder / "go.mod").write_text(f"module {path}\n\n{go}\n\nrequire {PULUMI} {version}\n", encoding="utf-8")


def _run(*command: str | Path) -> None:
    environ = {**os.environ, "GOWORK": "off", "CGO_ENABLED": "0"}
    done = subprocess.run(command, cwd=MODULE, env=environ, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines() or [f"it ended with status {done.returncode}"]
        raise ToolError(f"{Path(command[0]).name} failed: " + "\n".join(said[-20:]))


def main() -> int:
    """Generate them."""
    if len(sys.argv) != 3:
        raise ToolError("tools.generate_sdks takes a schema and a folder: SCHEMA.json OUT_DIR")
    generate(Path(sys.argv[1]), Path(sys.argv[2]))
    return 0


if __name__ == "__main__":
    leave(main)
