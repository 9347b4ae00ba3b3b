"""Each project in examples/ runs with the real engine, from a copy elsewhere and with the built wheel."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

from tests.built import run
from tests.engine.conftest import ROOT, NewStack
from tests.engine.stack import Stack
from tests.vod import PROJECT, LocalVod
from vod_provider.config import settings
from vod_provider.vod.signing import AccessKey

EXAMPLES = sorted(
    path.parent for path in (ROOT / "examples").glob("*/__main__.py") if path.with_name("Pulumi.yaml").exists()
)
"""The projects in Python. test_native.py has those in other languages, and test_policy.py the policy pack."""
BESIDE = ROOT / "examples/beside-huaweicloud"
"""The plugin of its other provider cannot be downloaded without the internet, so this one runs with mocks."""
CI = ROOT / "examples/ci"
"""Runs on its own runners: test_ci.py."""
RUNNABLE = [example for example in EXAMPLES if example not in (BESIDE, CI)]
TESTED = [example for example in EXAMPLES if any(example.glob("test_*.py"))]
INSTALL = (ROOT / "docs/install.md").read_text()
REGIONS = Path(__file__).with_name("regions")
REGION = "cn-north-4"
OTHER_REGION = "ap-southeast-3"
SETS = re.compile(r"^(?:\$ )?pulumi (config set .+?)(?:   .*)?$", re.MULTILINE)

NewProject = Callable[[Path], Stack]


@pytest.fixture
def project(engine: Path, installed: Path, tmp_path: Path) -> Iterator[NewProject]:
    """Copies an example to a folder of its own, where only the built wheel is installed, and makes a stack of it."""
    stacks: list[Stack] = []

    def new(example: Path) -> Stack:
        folder = copied(example, tmp_path / f"elsewhere{len(stacks)}", installed)
        stacks.append(Stack(folder, engine, {}, whole=True))
        return stacks[-1]

    yield new
    for one in stacks:
        one.end()


def copied(example: Path, folder: Path, installed: Path) -> Path:
    """Copy an example with all its files, and give it the environment that its Pulumi.yaml names."""
    shutil.copytree(example, folder, ignore=shutil.ignore_patterns(".venv", "__pycache__", ".pytest_cache"))
    (folder / project_file(example)["runtime"]["options"]["virtualenv"]).symlink_to(installed)
    return folder


def project_file(example: Path) -> Any:
    """The content of an example's Pulumi.yaml."""
    return yaml.safe_load((example / "Pulumi.yaml").read_text())


def commands(example: Path) -> list[list[str]]:
    """The commands that configure an example: those on the page that shows it, and those in its own first lines."""
    shown = f"../examples/{example.name}/__main__.py"
    (page,) = [text for path in (ROOT / "docs").rglob("*.md") if shown in (text := path.read_text())]
    return [shlex.split(found) for found in SETS.findall(page) + SETS.findall((example / "__main__.py").read_text())]


def filled(command: list[str], vod: LocalVod, other: LocalVod) -> list[str]:
    """A command with real values in place of its placeholders. A word that is no placeholder is meant literally."""
    key = [word for word in command if word != "--"][-2]
    where = other if key.startswith("other_") else vod
    values: dict[str, Callable[[], str]] = {
        "AK": lambda: vod.config["vod:accessKey"],
        "SK": lambda: vod.config["vod:secretKey"],
        "REGION": lambda: OTHER_REGION,
        "PROJECT": lambda: PROJECT,
        "ORGANIZATION/PROJECT/STACK": lambda: "organization/stack-references/videos",
        "ID": lambda: where.video(title=key.rpartition(".")[2]),
    }
    if key.endswith(".projectId"):
        return [*command[:-1], PROJECT]
    if key == "category":
        return [*command[:-1], str(vod.asset(vod.video())["base_info"]["category_id"])]
    if key == "vod:endpoint":
        return [*command[:-1], command[-1].replace("http://127.0.0.1:8480", vod.endpoint)]
    return [*command[:-1], values.get(command[-1], lambda: command[-1])()]


@pytest.fixture
def region(vod: LocalVod, tmp_path: Path) -> Iterator[LocalVod]:
    """The local VOD of another region."""
    with LocalVod.started(tmp_path / OTHER_REGION, vod.port, "127.0.0.2") as other:
        yield other


@pytest.mark.parametrize("example", RUNNABLE, ids=lambda path: path.name)
def test_example(project: NewProject, vod: LocalVod, region: LocalVod, example: Path) -> None:
    """Configured as its page says, the example comes up, does not change when run again, and leaves nothing behind."""
    said = commands(example)
    assert said, "the page has to say what to configure"
    one = project(example)
    if not any("vod:endpoint" in command for command in said):
        one.configure(vod.config | {"vod:endpoint": f"http://{{region}}.localhost:{vod.port}", "vod:region": REGION})
    one.environ["PYTHONPATH"] += f":{REGIONS}"
    if example.name == "stack-references":
        other = (one.folder / "__main__.py").read_text()
        one.program(f'pulumi.export("trailer_asset_id", "{vod.video()}")')
        one.run("stack", "init", "videos").expect()
        one.run("up", "--yes", "--skip-preview", "--stack", "videos").expect()
        (one.folder / "__main__.py").write_text(other)
    for command in said:
        one.run(*filled(command, vod, region)).expect()
    one.up().expect("created")
    assert vod.audio_ids()
    assert bool(region.audio_ids()) is any("other_region" in command for command in said)
    one.up().expect("unchanged")
    one.destroy().expect("deleted")
    assert vod.audio_ids() == region.audio_ids() == []


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_every_example_is_a_whole_project(example: Path) -> None:
    """Its Pulumi.yaml is valid and asks for what the program requires, and requirements.txt names every package."""
    about = project_file(example)
    assert about["name"] == example.name
    assert about["runtime"] == {"name": "python", "options": {"virtualenv": ".venv"}}
    asked = about["template"]["config"]
    program = (example / "__main__.py").read_text()
    required = set(re.findall(r'require(?:_int)?\("(\w+)"\)', program))
    assert required == {name for name in asked if ":" not in name}
    assert all(question["description"] for question in asked.values())
    for name, question in asked.items():
        assert question.get("secret", False) is name.endswith("secretKey")
    wanted = [line.partition("#")[0].strip() for line in (example / "requirements.txt").read_text().splitlines()]
    extra = "[store]" if example == CI else ""
    assert wanted[0] == f"pulumi-huaweicloud-vod{extra}>=0.1,<1"
    assert ("pytest>=8,<10" in wanted) is (example in TESTED)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_pulumi_new(stack: NewStack, tmp_path: Path, example: Path) -> None:
    """`pulumi new FOLDER` makes a project with the example's files and with the answers in its configuration."""
    made, asked = tmp_path / "made", project_file(example)["template"]["config"]
    answers = {name: question.get("default", f"my {name}") for name, question in asked.items()}
    one = stack({})
    options = [word for name in asked if "default" not in asked[name] for word in ("--config", f"{name}=my {name}")]
    one.run("new", str(example), "--yes", "--dir", str(made), "--name", "mine", "--stack", "dev", *options).expect()
    about = yaml.safe_load((made / "Pulumi.yaml").read_text())
    assert (about["name"], "template" in about) == ("mine", False)
    assert about["runtime"] == project_file(example)["runtime"]
    for file in example.iterdir():
        if file.is_file() and file.name != "Pulumi.yaml":
            assert (made / file.name).read_bytes() == file.read_bytes()
    shown = json.loads(
        one.run("config", "--cwd", str(made), "--stack", "dev", "--show-secrets", "--json").expect().text
    )
    config = {name.removeprefix("mine:"): entry["value"] for name, entry in shown.items() if name != "pulumi:tags"}
    assert config == answers
    # What --config sets is never a secret to the engine; answers to questions and their defaults are.
    secrets = {name for name, question in asked.items() if question.get("secret") and "default" in question}
    assert {name for name, entry in shown.items() if entry["secret"]} == secrets


def test_pulumi_new_installs_the_wheel(stack: NewStack, vod: LocalVod, distributions: Path, tmp_path: Path) -> None:
    """As the page on installing has it, `pulumi new` installs the wheel of `make dist`, and `pulumi up` works then."""
    ((wheels, new),) = re.findall(r"^\$ PIP_FIND_LINKS=(\S+) pulumi (new .+)$", INSTALL, re.MULTILINE)
    assert wheels.endswith("/dist")
    *words, example = shlex.split(new)
    one, made = stack({}), tmp_path / "talk"
    del one.environ["PYTHONPATH"], one.environ["PIP_PATH"]
    one.environ |= {"PIP_FIND_LINKS": str(distributions), "PULUMI_STACK": "dev"}
    answers = {"asset_id": vod.video(), "vod:endpoint": vod.endpoint}
    options = [word for name, value in answers.items() for word in ("--config", f"{name}={value}")]
    folder = str(ROOT / example.removeprefix("../pulumi-huaweicloud-vod/"))
    one.run(*words, folder, "--yes", "--dir", str(made), "--name", "mine", "--stack", "dev", *options).expect()
    where = ("--cwd", str(made), "--yes", "--skip-preview")
    one.run("up", *where).expect("2 created")
    one.run("destroy", *where).expect("2 deleted")


def test_the_feed_of_the_podcast(project: NewProject, vod: LocalVod) -> None:
    """The feed names each published audio, with its URL, its size in bytes and its duration."""
    one = project(ROOT / "examples/podcast")
    one.configure(vod.config)
    set_first, set_second = [command for command in commands(ROOT / "examples/podcast") if command[-1] == "ID"]
    one.run(*set_first[:-1], vod.video(2)).expect()
    one.run(*set_second[:-1], vod.video(3)).expect()
    one.preview().expect()
    assert not (one.folder / "feed.xml").exists()
    one.up().expect()
    channel = ElementTree.parse(one.folder / "feed.xml").getroot().find("channel")
    assert channel is not None
    items = channel.findall("item")
    assert [item.findtext("title") for item in items] == ["Pilot", "The 2nd"]
    for item, seconds in zip(items, ("2", "3"), strict=True):
        enclosure = item.find("enclosure")
        assert enclosure is not None
        assert len(vod.download(enclosure.attrib["url"])) == int(enclosure.attrib["length"])
        assert item.findtext("{http://www.itunes.com/dtds/podcast-1.0.dtd}duration") == seconds
    assert {audio["outputs"]["status"] for audio in one.audios().values()} == {"PUBLISHED"}


def test_an_asset_of_an_output(stack: NewStack, vod: LocalVod) -> None:
    """An asset whose ID is another resource's output is unknown in the preview, and known after it."""
    one = stack(vod.config)
    one.program(
        "from vod_provider import get_media_asset_output\n"
        f'audio = ExtractedAudio("talk", asset_id="{vod.video(2)}")\n'
        'pulumi.export("kind", get_media_asset_output(audio.audio_asset_id).apply(lambda it: it.pack_type))'
    )
    one.preview().expect("kind: [unknown]")
    one.up().expect('kind: "MP3"')


@pytest.mark.parametrize("example", TESTED, ids=lambda path: path.name)
def test_the_tests_of_an_example_pass(tmp_path: Path, installed: Path, example: Path) -> None:
    """An example's own tests pass with the built wheel, and need neither an engine nor VOD."""
    folder = copied(example, tmp_path / "elsewhere", installed)
    environ = {**os.environ}
    ignored: list[str] = []
    if example == BESIDE:
        wanted = ("pulumi_huaweicloud==0.0.12", "parver", "arpeggio", "setuptools<81")
        environ["PYTHONPATH"] = str(kept("beside-huaweicloud-0.0.12", *wanted))
        ignored = ["-W", "ignore:pkg_resources"]
    command = [str(folder / ".venv/bin/python"), "-m", "pytest", "-q", "-W", "error", *ignored]
    assert "1 passed" in run(*command, "-p", "no:cacheprovider", folder=folder, environ=environ)


def test_what_is_set_beside_another_provider(stack: NewStack) -> None:
    """The program's first lines set what it requires; this provider finds region, project and key among the rest."""
    one = stack({})
    for command in commands(BESIDE):
        one.run(*command).expect()
    shown = json.loads(one.run("config", "--show-secrets", "--json").expect().text)
    config = {name: entry["value"] for name, entry in shown.items()}
    asked = re.findall(r'config\.require\("(\w+)"\)', (BESIDE / "__main__.py").read_text())
    assert [f"test-vod:{name}" for name in asked] == [name for name in config if name.startswith("test-vod:")]
    found = settings.load(config, {"HOME": "/home/ann"}).at(None, None)
    assert (found.endpoint, found.credentials) == (
        f"https://vod.{config['huaweicloud:region']}.myhuaweicloud.com",
        AccessKey(config["huaweicloud:accessKey"], config["huaweicloud:secretKey"]),
    )
    assert shown["huaweicloud:secretKey"]["secret"]


def kept(name: str, *packages: str) -> Path:
    """A folder in the user's cache with those packages, without their dependencies; filled when it is first needed."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(base, "pulumi-huaweicloud-vod", "packages", name)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            shutil.rmtree(folder, ignore_errors=True)
            pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
            subprocess.run([*pip, "--target", folder, *packages], check=True)
            (folder / "complete").touch()
    return folder
