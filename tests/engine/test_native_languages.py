"""The native plugin from TypeScript, Go and Python: the SDKs of a release, and programs with the real engine."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.engine.stack import Stack
from tests.languages import (
    NPM,
    ROOT,
    build_go,
    check_typescript,
    engine_for,
    environ,
    install_node_modules,
    run,
    with_node,
)
from tests.vod import LocalVod
from tools.plugin import write_sdks
from vod_provider import __version__
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
    """The folder with the schema and the SDKs of a release."""
    folder = tmp_path_factory.mktemp("sdks")
    for name in ("package.json", "package-lock.json"):
        shutil.copy(LANGUAGES / "nodejs" / name, folder)
    install_node_modules(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", with_node())
        write_sdks(folder, ("node", NPM), (folder / "node_modules").resolve())
    return folder


def test_all_of_a_release_has_one_version(sdks: Path) -> None:
    """The schema, each package, and the plugin that each SDK has the engine install."""
    assert json.loads((sdks / "schema.json").read_text()) == schema()
    with tarfile.open(sdks / f"pulumi-huaweicloud-vod-{__version__}.tgz") as opened:
        names = opened.getnames()
        about = json.loads((opened.extractfile("package/package.json") or pytest.fail("no package.json")).read())
    assert (about["version"], about["pulumi"]["version"]) == (__version__, __version__)
    assert {"package/index.js", "package/index.d.ts", "package/LICENSE"} <= set(names)
    assert json.loads((sdks / "go/vod/pulumi-plugin.json").read_text())["version"] == __version__
    with zipfile.ZipFile(sdks / f"pulumi_vod-{__version__}-py3-none-any.whl") as wheel:
        assert json.loads(wheel.read("pulumi_vod/pulumi-plugin.json"))["version"] == __version__


def prepare_typescript(folder: Path, sdks: Path) -> None:
    """Lay out the example's packages as `npm install` does, and check the types of all of it."""
    with tarfile.open(sdks / f"pulumi-huaweicloud-vod-{__version__}.tgz") as package:
        package.extractall(folder / "sdks", filter="data")
    (folder / "sdks/package").rename(folder / "sdks/vod")
    (folder / "node_modules").mkdir()
    for installed in (sdks / "node_modules").resolve().iterdir():
        (folder / "node_modules" / installed.name).symlink_to(installed)
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
    run(*pip, "--target", folder, sdks / f"pulumi_vod-{__version__}-py3-none-any.whl", folder=folder)
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
WITH_IMPORT = {
    "typescript": (
        "index.ts",
        'listen to",\n});',
        'listen to",\n}, { import: new pulumi.Config().get("import") });',
    ),
    "go": (
        "main.go",
        "\n\t\t})\n\t\tif err",
        '\n\t\t}, pulumi.Import(pulumi.ID(config.New(ctx, "").Get("import"))))\n\t\tif err',
    ),
    "python": (
        "__main__.py",
        'listen to")',
        'listen to", opts=pulumi.ResourceOptions(import_=pulumi.Config().get("import")))',
    ),
}
"""Of each program: what to put where, so that it imports the audio that its configuration names."""
HOSTS = {"typescript": "nodejs", "go": "go", "python": "yaml"}
"""What the engine needs besides the host for Python."""


def imports(program: Path, before: str, after: str) -> None:
    """Give the program's audio the option `import`, as far as the configuration has an id."""
    text = program.read_text()
    assert text.count(before) == 1
    program.write_text(text.replace(before, after))


@pytest.mark.parametrize("language", PREPARE)
def test_an_example_lives(language: str, sdks: Path, vod: LocalVod, tmp_path: Path) -> None:
    """Preview, up, an unchanged up, a refused input by its name in the schema, destroy, and the option `import`."""
    engine, folder = engine_for(HOSTS[language]), tmp_path / "project"
    example = ROOT / "examples" / language
    folder.mkdir()
    if example.is_dir():
        shutil.copytree(example, folder, dirs_exist_ok=True)
    file, before, after = WITH_IMPORT[language]
    if language == "python":
        (folder / file).write_text(PYTHON)
    imports(folder / file, before, after)
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
        audio_id = vod.extract(source)
        vod.retitle(audio_id, "The talk, to listen to")
        stack.run("config", "set", "videoId", source).expect()
        stack.run("config", "set", "import", f"{source}/{audio_id}").expect()
        stack.up().expect("1 imported")
        assert vod.audio_ids() == [audio_id]
        stack.run("config", "rm", "import").expect()
        stack.up().expect("2 unchanged")
    finally:
        stack.end()


@pytest.mark.parametrize("language", ["typescript", "go"])
def test_an_example_is_a_template(language: str, tmp_path: Path) -> None:
    """`pulumi new` takes it: the project has the example's files, a name of its own, and no template."""
    example, made = ROOT / "examples" / language, tmp_path / "made"
    stack = Stack(tmp_path / "stack", engine_for(HOSTS[language]), {})
    stack.environ |= environ() | {"PATH": f"{engine_for(HOSTS[language])}:{environ()['PATH']}"}
    stack.run("new", str(example), "--generate-only", "--yes", "--dir", str(made), "--name", "mine").expect()
    stack.end()
    before, after = (yaml.safe_load((folder / "Pulumi.yaml").read_text()) for folder in (example, made))
    after["config"].pop("pulumi:tags")  # what it was made from
    assert after == {name: it for name, it in before.items() if name != "template"} | {"name": "mine", "config": {}}
    for file in example.iterdir():
        if file.is_file() and file.name != "Pulumi.yaml":
            assert (made / file.name).read_bytes() == file.read_bytes()
