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
SETS = {
    "typescript": (
        "export const audioId",
        """const config = new pulumi.Config();
const archive = new vod.ExtractedAudioSet("archive", {
    audios: {
        "talk-17": { assetId: config.require("videoId"), title: "Seventeen", tags: ["first"] },
        talk_18: { assetId: config.require("otherId") },
    },
    format: "AAC",
    tags: ["talks"],
});
export const ids: pulumi.Output<string[]> = archive.extracted.apply((it) =>
    ["talk-17", "talk_18"].map((key) => it[key].audioAssetId),
);
export const heard: pulumi.Output<string | undefined> = archive.extracted.apply((it) => it["talk-17"].url);
""",
    ),
    "go": (
        '\t\tctx.Export("audioId"',
        """\t\tconf := config.New(ctx, "")
\t\tarchive, err := vod.NewExtractedAudioSet(ctx, "archive", &vod.ExtractedAudioSetArgs{
\t\t\tAudios: vod.SetAudioMap{
\t\t\t\t"talk-17": vod.SetAudioArgs{
\t\t\t\t\tAssetId: pulumi.String(conf.Require("videoId")),
\t\t\t\t\tTitle:   pulumi.String("Seventeen"),
\t\t\t\t\tTags:    pulumi.ToStringArray([]string{"first"}),
\t\t\t\t},
\t\t\t\t"talk_18": vod.SetAudioArgs{AssetId: pulumi.String(conf.Require("otherId"))},
\t\t\t},
\t\t\tFormat: vod.AudioFormatAAC,
\t\t\tTags:   pulumi.ToStringArray([]string{"talks"}),
\t\t})
\t\tif err != nil {
\t\t\treturn err
\t\t}
\t\tctx.Export("ids", archive.Extracted.ApplyT(func(it map[string]vod.SetAudioResult) []string {
\t\t\treturn []string{it["talk-17"].AudioAssetId, it["talk_18"].AudioAssetId}
\t\t}))
\t\tvar heard pulumi.StringPtrOutput = archive.Extracted.MapIndex(pulumi.String("talk-17")).Url()
\t\tctx.Export("heard", heard)
""",
    ),
    "python": (
        'pulumi.export("audioId"',
        """config = pulumi.Config()
archive = vod.ExtractedAudioSet(
    "archive",
    audios={
        "talk-17": vod.SetAudioArgs(asset_id=config.require("videoId"), title="Seventeen", tags=["first"]),
        "talk_18": vod.SetAudioArgs(asset_id=config.require("otherId")),
    },
    format=vod.AudioFormat.AAC,
    tags=["talks"],
)
ids: pulumi.Output[list[str]] = archive.extracted.apply(
    lambda it: [it[key].audio_asset_id for key in ("talk-17", "talk_18")]
)
heard: pulumi.Output[str | None] = archive.extracted.apply(lambda it: it["talk-17"].url)
pulumi.export("ids", ids)
pulumi.export("heard", heard)
""",
    ),
}
"""Of each program: before what to put which lines, so that it declares a set of two audios, too."""
HOSTS = {"typescript": "nodejs", "go": "go", "python": "yaml"}
"""What the engine needs besides the host for Python."""


def replace_once(program: Path, before: str, after: str) -> None:
    """Change the program in the one place that has that text."""
    text = program.read_text()
    assert text.count(before) == 1
    program.write_text(text.replace(before, after))


def configure(stack: Stack, **config: str) -> None:
    """Set the stack's configuration as a user does, by one command."""
    given = [word for key, value in config.items() for word in ("--plaintext", f"{key}={value}")]
    stack.run("config", "set-all", *given).expect()


@pytest.mark.parametrize("language", PREPARE)
def test_an_example_lives(language: str, sdks: Path, vod: LocalVod, tmp_path: Path) -> None:
    """Preview, up, an unchanged up, a preview of one changed entry of a set, a refused input, destroy, and `import`.

    The paths in it have the keys of the program and the names of the schema.
    """
    engine, folder = engine_for(HOSTS[language]), tmp_path / "project"
    example = ROOT / "examples" / language
    folder.mkdir()
    if example.is_dir():
        shutil.copytree(example, folder, dirs_exist_ok=True)
    file, before, after = WITH_IMPORT[language]
    if language == "python":
        (folder / file).write_text(PYTHON)
    replace_once(folder / file, before, after)
    where, declared = SETS[language]
    replace_once(folder / file, where, declared + where)
    PREPARE[language](folder, sdks)
    stack = Stack(folder, engine, {}, whole=True)
    try:
        stack.environ |= environ()
        stack.environ["PATH"] = f"{engine}:{stack.environ['PATH']}"
        plugin = str(Path(sys.prefix, "bin", "pulumi-resource-vod"))
        stack.run("plugin", "install", "resource", "vod", "0.1.0", "--file", plugin).expect()
        source = vod.video()
        configure(stack, **vod.config, videoId=source, otherId=source)
        stack.preview().expect("3 to create", "archive: 2 to extract")
        stack.up().expect("3 created")
        told = json.loads(stack.run("stack", "output", "--json").expect().text)
        first, second = told["ids"]
        assert sorted([told["audioId"], first, second]) == sorted(vod.audio_ids())
        assert told["url"].startswith(vod.endpoint)
        assert told["heard"].startswith(f"{vod.endpoint}/media/{first}/")
        shown = {id_: vod.asset(id_)["base_info"] for id_ in (first, second)}
        assert [(it["title"], it["tags"]) for it in shown.values()] == [("Seventeen", "first"), ("A video", "talks")]
        stack.up().expect("3 unchanged")
        stack.run("config", "set", "otherId", "0" * 32).expect()
        text = stack.run("preview", "--json").expect().text  # warnings of the engine stand around the JSON
        changed, _ = json.JSONDecoder().raw_decode(text, text.index("{"))
        paths = [list(it["detailedDiff"]) for it in changed["steps"] if it.get("detailedDiff")]
        assert paths == [['audios["talk_18"].assetId']]
        stack.run("config", "set", "otherId", "two words").expect()
        stack.preview().expect_failure('audios["talk_18"].assetId must be a media id')
        stack.destroy().expect("3 deleted")
        assert vod.audio_ids() == []
        audio_id = vod.extract(source)
        vod.retitle(audio_id, "The talk, to listen to")
        configure(stack, otherId=source, **{"import": f"{source}/{audio_id}"})
        stack.up().expect("1 imported")
        assert audio_id in vod.audio_ids()
        stack.run("config", "rm", "import").expect()
        stack.up().expect("3 unchanged")
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
