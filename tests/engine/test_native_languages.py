"""The native plugin from TypeScript, Go and Python: SDKs made from its schema, and programs with the real engine."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.engine.stack import Stack
from tests.languages import ROOT, build_go, check_typescript, engine_for, environ, install_node_modules, run
from tests.vod import LocalVod
from tools.generate_sdks import generate
from vod_provider.plugin.schema import schema

LANGUAGES = Path(__file__).with_name("languages")
PYTHON = """
import pulumi
import pulumi_vod as vod

talk = vod.ExtractedAudio("talk", asset_id=pulumi.Config().require("videoId"), title="The talk, to listen to")
pulumi.export("audioId", talk.audio_asset_id)
pulumi.export("url", talk.url)
"""


@pytest.fixture(scope="module")
def sdks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the SDKs of the plugin's schema."""
    folder = tmp_path_factory.mktemp("sdks")
    (folder / "schema.json").write_text(json.dumps(schema()))
    generate(folder / "schema.json", folder)
    return folder


def prepare_typescript(folder: Path, sdks: Path) -> None:
    """Lay out the example's packages as `pulumi package add` and `npm install` do, and check the types of all of it."""
    shutil.copytree(sdks / "nodejs", folder / "sdks/vod")
    installed = folder / "installed"
    installed.mkdir()
    for name in ("package.json", "package-lock.json"):
        shutil.copy(LANGUAGES / "nodejs" / name, installed)
    install_node_modules(installed)
    (folder / "node_modules").mkdir()
    for package in (installed / "node_modules").resolve().iterdir():
        (folder / "node_modules" / package.name).symlink_to(package)
    (folder / "node_modules/pulumi-huaweicloud-vod").symlink_to(folder / "sdks/vod")
    check_typescript(folder)


def prepare_go(folder: Path, sdks: Path) -> None:
    """Lay out the example's modules as `pulumi package add` does, and build it."""
    shutil.copytree(sdks / "go", folder / "sdks/vod")
    build_go(folder, "-o", "program", ".")
    project = folder / "Pulumi.yaml"
    project.write_text(project.read_text().replace("runtime: go", "runtime: {name: go, options: {binary: program}}"))


def prepare_python(folder: Path, sdks: Path) -> None:
    """Install the SDK where the program finds it, and check the types of the program."""
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps")
    run(*pip, "--target", folder, sdks / "python", folder=folder)
    (folder / "__main__.py").write_text(PYTHON)
    project = {"name": "one-audio-python", "runtime": {"name": "python", "options": {"virtualenv": sys.prefix}}}
    (folder / "Pulumi.yaml").write_text(json.dumps(project))
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(folder / ".mypy"), "__main__.py"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert "__main__.py" not in done.stdout, done.stdout


PREPARE: dict[str, Callable[[Path, Path], None]] = {
    "typescript": prepare_typescript,
    "go": prepare_go,
    "python": prepare_python,
}
HOSTS = {"typescript": "nodejs", "go": "go", "python": "yaml"}
"""What the engine needs besides the host for Python."""


@pytest.mark.parametrize("language", PREPARE)
def test_an_example_lives(language: str, sdks: Path, vod: LocalVod, tmp_path: Path) -> None:
    """Preview, up, an unchanged up, a refused input by its name in the schema, and destroy."""
    engine, folder = engine_for(HOSTS[language]), tmp_path / "project"
    example = ROOT / "examples" / language
    folder.mkdir()
    if example.is_dir():
        shutil.copytree(example, folder, dirs_exist_ok=True)
    PREPARE[language](folder, sdks)
    stack = Stack(folder, engine, {}, whole=True)
    try:
        stack.environ |= environ()
        stack.environ["PATH"] = f"{engine}:{stack.environ['PATH']}"
        plugin = str(Path(sys.prefix, "bin", "pulumi-resource-vod"))
        stack.run("plugin", "install", "resource", "vod", "0.1.0", "--file", plugin).expect()
        source = vod.video()
        for key, value in {**vod.config, "videoId": source}.items():
            stack.run("config", "set", key, value).expect()
        stack.preview().expect("2 to create")
        stack.up().expect("2 created")
        told = json.loads(stack.run("stack", "output", "--json").expect().text)
        assert [told["audioId"]] == vod.audio_ids()
        assert told["url"].startswith(vod.endpoint)
        stack.up().expect("2 unchanged")
        stack.run("config", "set", "videoId", "two words").expect()
        stack.preview().expect_failure("assetId must be a media id")
        stack.destroy().expect("2 deleted")
        assert vod.audio_ids() == []
    finally:
        stack.end()
