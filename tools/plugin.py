"""Make what a release of the native plugin consists of, in dist/plugin. Nothing is uploaded, signed or tagged.

    python -m tools.plugin

There is the archive that Pulumi's engine installs, once for each platform's name, the package schema, and the SDKs made
from it: a wheel for Python, a package for Node.js, a module for Go. All have the version of the wheel in dist, which
`make dist` has built before. Runs in the environment of the tests, and needs Go and npm.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tools.console import ToolError, leave, say
from tools.dist import DIST
from tools.environment import ROOT
from tools.generate_sdks import generate
from vod_provider import __version__
from vod_provider.plugin.schema import schema

OUT = DIST / "plugin"
SOURCE = ROOT / "tools" / "package" / "plugin"
PLATFORMS = ("linux-amd64", "linux-arm64", "darwin-amd64", "darwin-arm64")
"""As the engine asks for them. The archive is the same for all: its packages are installed where it is unpacked."""
SOURCE_DATE_EPOCH = "1580601600"
"""What the files of a wheel are dated, so that the same sources give the same bytes: the date that hatchling takes."""
COMPILER = ROOT / "tests" / "engine" / "languages" / "nodejs"
"""The lock file with the TypeScript compiler and the packages that the SDK for Node.js is compiled against."""


def archive(wheel: Path) -> bytes:
    """The plugin, as a tar.gz that holds the wheel. The same wheel always gives the same bytes."""
    files = {path.name: path.read_bytes() for path in SOURCE.iterdir() if path.is_file()}
    files |= {"requirements.txt": f"./{wheel.name}\n".encode(), wheel.name: wheel.read_bytes()}
    return packed(files)


def packed(files: Mapping[str, bytes]) -> bytes:
    """The files as a tar.gz, without what differs from machine to machine."""
    packed_files = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=packed_files, mode="wb", mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w") as opened,
    ):
        for name, content in sorted(files.items()):
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o755 if content.startswith(b"#!") else 0o644
            opened.addfile(member, io.BytesIO(content))
    return packed_files.getvalue()


def write_archives(wheel: Path, folder: Path) -> list[Path]:
    """Write the archive under each name that the engine may ask for."""
    content = archive(wheel)
    folder.mkdir(parents=True, exist_ok=True)
    written = [folder / f"pulumi-resource-vod-v{__version__}-{platform}.tar.gz" for platform in PLATFORMS]
    for file in written:
        file.write_bytes(content)
    return written


def write_sdks(folder: Path, npm: Sequence[str | Path] = ("npm",), compiler: Path | None = None) -> list[Path]:
    """Write the schema and the SDKs; returns the schema, the wheel, the npm package and the folder of the Go module.

    `npm` is the command; `compiler` a folder with `node_modules` that COMPILER's lock names, if there is one already.
    """
    folder.mkdir(parents=True, exist_ok=True)
    described = folder / "schema.json"
    described.write_text(json.dumps(schema(), indent=1) + "\n", encoding="utf-8")
    with tempfile.TemporaryDirectory() as temporary:
        made = Path(temporary)
        generate(described, made)
        python = _python_package(made / "python", folder)
        nodejs = _nodejs_package(made / "nodejs", folder, npm, compiler)
        shutil.rmtree(folder / "go", ignore_errors=True)
        shutil.copytree(made / "go", folder / "go")
    return [described, python, nodejs, folder / "go"]


def _python_package(source: Path, folder: Path) -> Path:
    _run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, source, folder=source)
    return folder / f"pulumi_vod-{__version__}-py3-none-any.whl"


def _nodejs_package(source: Path, folder: Path, npm: Sequence[str | Path], compiler: Path | None) -> Path:
    """Compile the SDK, and pack what the compiler has written: programs in JavaScript use it, too."""
    if compiler is None:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(COMPILER / name, source.parent)
        _run(*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", folder=source.parent)
    else:
        (source.parent / "node_modules").symlink_to(compiler)
    _run("node", source.parent / "node_modules/typescript/bin/tsc", "-p", source, folder=source)
    for file in (source / "package.json", source / "README.md", ROOT / "LICENSE"):
        shutil.copy(file, source / "bin")
    _run(*npm, "pack", "--silent", "--pack-destination", folder, folder=source / "bin")
    return folder / f"pulumi-huaweicloud-vod-{__version__}.tgz"


def _run(*command: str | Path, folder: Path) -> None:
    """Run a command; what it said shows only if it fails."""
    if shutil.which(command[0]) is None:
        raise ToolError(f"{command[0]} is not on PATH, and is needed for the SDKs")
    environ = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "SOURCE_DATE_EPOCH": SOURCE_DATE_EPOCH}
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = (done.stdout + done.stderr).strip().splitlines()
        raise ToolError("\n".join([f"{' '.join(map(str, command[:4]))} failed:", *said[-20:]]))


def checksums(files: Iterable[Path]) -> list[str]:
    """A line for each file with its SHA-256."""
    return [f"{file.name}  sha256 {hashlib.sha256(file.read_bytes()).hexdigest()}" for file in files if file.is_file()]


def main() -> int:
    """Make all of it anew."""
    wheel = DIST / f"pulumi_huaweicloud_vod-{__version__}-py3-none-any.whl"
    if not wheel.exists():
        raise ToolError(f"there is no {wheel.relative_to(ROOT)}: run `make dist` first")
    shutil.rmtree(OUT, ignore_errors=True)
    say("\n".join(checksums([*write_archives(wheel, OUT), *write_sdks(OUT)])))
    say(f"All of it is in {OUT.relative_to(ROOT)}, and the module for Go in {(OUT / 'go').relative_to(ROOT)}.")
    return 0


if __name__ == "__main__":
    leave(main)
