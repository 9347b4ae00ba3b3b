"""Every program in examples/ runs with the real engine, as it stands there."""

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
from xml.etree import ElementTree

import pytest

from tests.engine.conftest import ROOT, NewStack
from tests.vod import PROJECT, LocalVod
from vod_provider.config import settings
from vod_provider.vod.signing import AccessKey

BESIDE = ROOT / "examples/beside-huaweicloud"
"""Its other provider's plugin cannot be had without the internet: run with mocks."""
EXAMPLES = sorted(path.parent for path in (ROOT / "examples").glob("*/Pulumi.yaml") if path.parent != BESIDE)
REGIONS = Path(__file__).with_name("regions")
OTHER_REGION = "ap-southeast-3"
SETS = re.compile(r"^(?:\$ )?pulumi (config set .+?)(?:   .*)?$", re.MULTILINE)


def commands(example: Path) -> list[list[str]]:
    """How a reader configures an example: by what the page that shows it says, and what its own first lines say."""
    shown = f"../examples/{example.name}/__main__.py"
    (page,) = [text for path in (ROOT / "docs").rglob("*.md") if shown in (text := path.read_text())]
    return [shlex.split(found) for found in SETS.findall(page) + SETS.findall((example / "__main__.py").read_text())]


def filled(command: list[str], vod: LocalVod, other: LocalVod) -> list[str]:
    """A command with what is there in place of the words that stand for it."""
    key = [word for word in command if word != "--"][-2]
    where = other if key.startswith("other_") else vod
    values: dict[str, Callable[[], str]] = {
        "AK": lambda: vod.config["vod:accessKey"],
        "SK": lambda: vod.config["vod:secretKey"],
        "REGION": lambda: OTHER_REGION,
        "PROJECT": lambda: PROJECT,
        "ORGANIZATION/PROJECT/STACK": lambda: "organization/test-vod/videos",
        "ID": lambda: where.video(title=key.rpartition(".")[2]),
    }
    if key.endswith(".projectId"):
        return [*command[:-1], PROJECT]
    if key == "category":
        return [*command[:-1], str(vod.asset(vod.video())["base_info"]["category_id"])]
    if key == "vod:endpoint":
        return [*command[:-1], command[-1].replace("http://127.0.0.1:8480", vod.endpoint)]
    # What is no such word is meant literally.
    return [*command[:-1], values.get(command[-1], lambda: command[-1])()]


@pytest.fixture
def region(vod: LocalVod, tmp_path: Path) -> Iterator[LocalVod]:
    """VOD's service in another region."""
    with LocalVod.started(tmp_path / OTHER_REGION, vod.port, "127.0.0.2") as other:
        yield other


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_example(stack: NewStack, vod: LocalVod, region: LocalVod, example: Path) -> None:
    """Configured as its page says, the example comes up, does not change when run again, and leaves nothing behind."""
    endpoint = f"http://{{region}}.localhost:{vod.port}"
    said = commands(example)
    assert said, "the reader has to be told what to set"
    told = any("vod:endpoint" in command for command in said)
    one = stack({} if told else vod.config | {"vod:endpoint": endpoint, "vod:region": "cn-north-4"})
    one.environ["PYTHONPATH"] += f":{REGIONS}"
    if example.name == "stack-references":
        one.program(f'pulumi.export("trailer_asset_id", "{vod.video()}")')
        one.run("stack", "init", "videos").expect()
        one.run("up", "--yes", "--skip-preview", "--stack", "videos").expect()
    for command in said:
        one.run(*filled(command, vod, region)).expect()
    for file in example.iterdir():
        if file.name != "Pulumi.yaml":
            shutil.copy(file, one.folder)
    one.up().expect("created")
    assert vod.audio_ids()
    assert bool(region.audio_ids()) is any("other_region" in command for command in said)
    one.up().expect("unchanged")
    one.destroy().expect("deleted")
    assert vod.audio_ids() == region.audio_ids() == []


def test_the_feed_of_the_podcast(stack: NewStack, vod: LocalVod) -> None:
    """The feed names each published audio, with where it is, how many bytes it has, and how long it takes."""
    one = stack(vod.config)
    set_first, set_second = [command for command in commands(ROOT / "examples/podcast") if command[-1] == "ID"]
    one.run(*set_first[:-1], vod.video(2)).expect()
    one.run(*set_second[:-1], vod.video(3)).expect()
    shutil.copy(ROOT / "examples/podcast/__main__.py", one.folder)
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
    """What VOD has of an asset whose id another resource tells: unknown at the preview, there after it."""
    one = stack(vod.config)
    one.program(
        "from vod_provider import get_media_asset_output\n"
        f'audio = ExtractedAudio("talk", asset_id="{vod.video(2)}")\n'
        'pulumi.export("kind", get_media_asset_output(audio.audio_asset_id).apply(lambda it: it.pack_type))'
    )
    one.preview().expect("kind: [unknown]")
    one.up().expect('kind: "MP3"')


def test_the_program_beside_another_provider(tmp_path: Path) -> None:
    """With mocks for engine and plugins, the audio is extracted from what pulumi_huaweicloud's resource makes."""
    shutil.copytree(BESIDE, tmp_path / "project")
    packages = kept("beside-huaweicloud-0.0.12", "pulumi_huaweicloud==0.0.12", "parver", "arpeggio", "setuptools<81")
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-W", "ignore:pkg_resources", "-p"]
    environ = {**os.environ, "PYTHONPATH": str(packages)}
    tested = subprocess.run(
        [*command, "no:cacheprovider"],
        cwd=tmp_path / "project",
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "1 passed" in tested.stdout, tested.stdout + tested.stderr


def test_what_is_set_beside_another_provider(stack: NewStack) -> None:
    """The program's first lines set what it asks for, and this provider finds region, project and key in the rest."""
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
    """A folder with those packages and nothing that they need, in the user's cache; filled when first asked for."""
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


def test_the_unit_tests_of_a_program(tmp_path: Path) -> None:
    """Users' tests with Pulumi's mocks pass, and need neither engine nor VOD."""
    shutil.copytree(ROOT / "examples/unit-tests", tmp_path / "project")
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider"]
    tested = subprocess.run(command, cwd=tmp_path / "project", capture_output=True, text=True, check=False)
    assert "1 passed" in tested.stdout, tested.stdout + tested.stderr
