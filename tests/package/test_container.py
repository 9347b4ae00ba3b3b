"""The Containerfile, as far as it goes without a container engine: linted, its steps followed in a folder, its entry
point started, asked for its health, and ended.

Not done: pulling the base image, `useradd` and `chown`, since those would change this machine.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from tests.built import ROOT, run
from tests.pages import commands
from tests.vod import PROJECT, free_port, make_video

FILE = ROOT / "Containerfile"
PAGE = (ROOT / "docs/how-to/container.md").read_text()
FOLDERS = re.compile(r"(?<![\w./=-])/(opt|source|wheels|data)\b")
"""The folders of the image that the test has in a folder of its own."""
RUNS = [command for command in commands(PAGE) if command.startswith("podman run")]


def instructions() -> list[tuple[str, str]]:
    """The instructions of the file, continued lines made one."""
    lines = "\n".join(line for line in FILE.read_text().splitlines() if not line.lstrip().startswith("#"))
    found = [line.partition(" ") for line in lines.replace("\\\n", " ").splitlines() if line]
    return [(word, " ".join(rest.split())) for word, _, rest in found]


class Image:
    """A folder with what the image has."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.environ = {"PATH": "/usr/bin:/bin"}
        self.commands: dict[str, list[str]] = {}
        for word, rest in instructions():
            self._follow(word, rest)

    def here(self, text: str) -> str:
        """The text with the image's folders where they are in this test."""
        return FOLDERS.sub(lambda found: f"{self.root}/{found[1]}", text)

    def _follow(self, word: str, rest: str) -> None:
        if word == "COPY" and not rest.startswith("--from"):
            *sources, target = rest.split()
            self._copy([ROOT / source for source in sources], Path(self.here(target)), is_folder=target.endswith("/"))
        elif word == "RUN":
            for command in rest.split(" && "):
                if not command.startswith(("useradd ", "chown ")):
                    run("sh", "-c", self.here(command), folder=self.root, environ=self.environ)
                    self._have_packages(command)
        elif word == "ENV":
            name, _, value = rest.partition("=")
            self.environ[name] = self.here(value).replace("$PATH", self.environ["PATH"])
        elif word in {"ENTRYPOINT", "CMD"}:
            self.commands[word] = json.loads(rest)
        elif word == "HEALTHCHECK":
            self.commands[word] = json.loads(rest.partition(" CMD ")[2])

    def _copy(self, sources: list[Path], target: Path, *, is_folder: bool) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        for source in sources:
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
            else:
                assert is_folder
                target.mkdir(exist_ok=True)
                shutil.copy(source, target)

    def _have_packages(self, command: str) -> None:
        """Once the environment is made: it has the packages of this one, which are those of the lock, already."""
        if " -m venv " in command:
            (packages,) = (self.root / "opt/vod-local/lib").glob("python*/site-packages")
            (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"))

    @contextmanager
    def started(self, arguments: list[str], environ: dict[str, str], port: int) -> Iterator[subprocess.Popen[str]]:
        """The entry point with those arguments, on a port of the test's, once it says where it listens."""
        words = [self.here(word).replace("8480", str(port)) for word in arguments]
        command = [*self.commands["ENTRYPOINT"], *words, "--port", str(port)]
        program = shutil.which(command[0], path=self.environ["PATH"])
        assert program is not None
        environ = self.environ | {"HOME": str(self.root / "data")} | environ
        with subprocess.Popen([program, *command[1:]], env=environ, stdout=subprocess.PIPE, text=True) as service:
            try:
                assert service.stdout is not None
                assert str(port) in service.stdout.readline()
                yield service
            finally:
                service.send_signal(signal.SIGTERM)
        assert service.returncode == 0

    def is_healthy(self, port: int) -> bool:
        """What the health check says."""
        words = [word.replace("8480", str(port)) for word in self.commands["HEALTHCHECK"]]
        program = shutil.which(words[0], path=self.environ["PATH"])
        return subprocess.run([str(program), *words[1:]], stderr=subprocess.DEVNULL, check=False).returncode == 0


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """The steps of the file, followed once."""
    return Image(tmp_path_factory.mktemp("image"))


def after_the_image(command: str) -> tuple[dict[str, str], list[str]]:
    """What a `podman run` sets in the environment, and what it gives to the entry point."""
    words = shlex.split(command)
    environ = dict(words[index + 1].split("=", 1) for index, word in enumerate(words) if word == "--env")
    return environ, words[words.index("vod-local") + 1 :]


def test_the_linter_finds_nothing() -> None:
    """hadolint, with shellcheck in it, has nothing to say."""
    linter = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([linter, "--failure-threshold", "style", FILE], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_only_the_package_is_in_the_image(image: Image) -> None:
    """What is installed is the wheel of this version, and not the clone that the tests run from."""
    python = image.root / "opt/vod-local/bin/python"
    found = run(python, "-c", "import vod_provider; print(vod_provider.__file__)", folder=image.root).strip()
    assert Path(found).is_relative_to(image.root / "opt/vod-local")


@pytest.mark.parametrize("command", RUNS, ids=["network of the machine", "network of its own"])
def test_it_runs_as_the_page_says(image: Image, tmp_path: Path, command: str) -> None:
    """It listens, is healthy, takes a video with the page's credentials, and SIGTERM ends it with status 0."""
    environ, arguments = after_the_image(command)
    port = free_port()
    token = environ.get("VOD_LOCAL_TOKEN", "local-token")
    assert not image.is_healthy(port)
    with image.started(arguments or image.commands["CMD"], environ, port):
        assert image.is_healthy(port)
        make_video(tmp_path / "talk.mp4", 1)
        upload = [str(image.root / "opt/vod-local/bin/vod-local"), "upload", str(tmp_path / "talk.mp4")]
        url = f"http://127.0.0.1:{port}"
        asset = run(*upload, "--endpoint", url, environ=image.environ | environ).strip()
        answer = requests.get(
            f"{url}/v1.0/{PROJECT}/asset/info", {"asset_id": asset}, headers={"X-Auth-Token": token}, timeout=10
        )
        assert answer.json()["asset_info_array"][0]["status"] == "PUBLISHED"
    assert (image.root / "data/vod-local").is_dir()
