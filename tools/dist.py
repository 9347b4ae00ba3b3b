"""Build the distributions that a release consists of into dist/, and check them. Nothing is uploaded or signed.

    python -m tools.dist

Runs in the environment of the tests, which has the programs that build and check.
"""

from __future__ import annotations

import email
import email.message
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

from tools.console import ToolError, leave, say
from tools.environment import ROOT, clean

DIST = ROOT / "dist"
PACKAGES = {"vod_provider", "pulumi_huaweicloud_vod"}
"""What a wheel may contain beside its own metadata."""
PLUGIN = "pulumi_huaweicloud_vod/pulumi-plugin.json"
NEEDED = {"vod_provider/py.typed", "vod_provider/local/console/index.html", PLUGIN}
UNWANTED = re.compile(r"(^|/)(\.venv|\.local|__pycache__|\.git|Pulumi\.dev\.yaml)(/|$)")
_LINK = re.compile(r"\]\(([^)]+)\)")


def build(folder: Path) -> tuple[Path, Path]:
    """Build the sdist, and the wheel from it. Returns both; raises ToolError."""
    shutil.rmtree(folder, ignore_errors=True)
    _run("build", "--no-isolation", "--outdir", str(folder), str(ROOT))
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return sdist, wheel


def faults(sdist: Path, wheel: Path, changelog: str) -> list[str]:
    """What is wrong with the distributions, in a sentence each."""
    found: list[str] = []
    with zipfile.ZipFile(wheel) as opened:
        names = opened.namelist()
        (about,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        metadata = email.message_from_bytes(opened.read(about))
    tops = {name.partition("/")[0] for name in names} - {about.partition("/")[0]}
    found += [f"The wheel contains {top}, which is not part of the package." for top in sorted(tops - PACKAGES)]
    found += [f"The wheel lacks {name}." for name in sorted(NEEDED - set(names))]
    with tarfile.open(sdist) as opened_sdist:
        names += opened_sdist.getnames()
    found += [f"{name} does not belong into a distribution." for name in names if UNWANTED.search(name)]
    version = metadata["Version"]
    if not re.search(rf"^## \[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d$", changelog, re.MULTILINE):
        found.append(f"CHANGELOG.md has no section with a date for version {version}.")
    return found + broken_links(metadata)


def broken_links(metadata: email.message.Message) -> list[str]:
    """The links of the description that lead nowhere on the page of a package index."""
    links = _LINK.findall(str(metadata.get_payload()))
    return [f"The README links to {link}, which is no absolute address." for link in links if "://" not in link]


def main() -> int:
    """Build and check."""
    sdist, wheel = build(DIST)
    _run("twine", "check", "--strict", str(sdist), str(wheel))
    if found := faults(sdist, wheel, (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")):
        raise ToolError("\n".join(["the distributions are not fit for a release:", *found]))
    for file in (sdist, wheel):
        say(f"{file.relative_to(ROOT)}  sha256 {hashlib.sha256(file.read_bytes()).hexdigest()}")
    with zipfile.ZipFile(wheel) as opened:
        (about,) = (name for name in opened.namelist() if name.endswith(".dist-info/METADATA"))
        if not email.message_from_bytes(opened.read(about)).get_all("Project-URL"):
            say("No repository is set in pyproject.toml, so the package's page will link nowhere: docs/releasing.md.")
    return 0


def _run(module: str, *arguments: str) -> None:
    """Run a module of this environment; what it said shows only if it fails."""
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, cwd=ROOT, env=clean(os.environ), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        say("\n".join((done.stdout + done.stderr).strip().splitlines()[-20:]))
        raise ToolError(f"{module} ended with status {done.returncode}; its own words are above")


if __name__ == "__main__":
    leave(main)
