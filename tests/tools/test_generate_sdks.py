"""The SDKs that Pulumi's generators write: each language's own compiler takes them."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from tests.languages import ROOT, build_go, check_typescript, install_node_modules, run
from tools.console import ToolError
from tools.generate_sdks import LANGUAGES, MODULE, generate

SCHEMA = Path(__file__).parent / "sdks" / "schema.json"
PROGRAM = """
import pulumi
from pulumi_tiny import GetThingResult, Thing, ThingArgs

class Mocks(pulumi.runtime.Mocks):
    def new_resource(self, args):
        assert (args.typ, args.inputs) == ("tiny:index:Thing", {"sourceId": "a"})
        return "id", {**args.inputs, "duration": 3}

    def call(self, args):
        return {}

pulumi.runtime.set_mocks(Mocks())

@pulumi.runtime.test
def created():
    return Thing("one", ThingArgs(source_id="a")).duration.apply(print)

created()
"""


@pytest.fixture(scope="module")
def sdks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the SDKs of the test's schema."""
    folder = tmp_path_factory.mktemp("sdks")
    generate(SCHEMA, folder)
    assert {entry.name for entry in folder.iterdir()} == set(LANGUAGES)
    return folder


def test_python(sdks: Path, tmp_path: Path) -> None:
    """It can be installed, and a program declares a resource with it, which gets the schema's type token and names."""
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps")
    run(*pip, "--target", tmp_path, sdks / "python", folder=tmp_path)
    assert run(sys.executable, "-c", PROGRAM, folder=tmp_path).split() == ["3.0"]


def test_typescript(sdks: Path) -> None:
    """The compiler takes it, with the newest @pulumi/pulumi that the lock has."""
    folder = sdks / "nodejs"
    for name in ("package.json", "package-lock.json"):
        shutil.copy(ROOT / "tests" / "engine" / "languages" / "nodejs" / name, folder)
    install_node_modules(folder)
    check_typescript(folder)


def test_go(sdks: Path) -> None:
    """The compiler takes it, with the release of Pulumi's SDK that the generator itself is built with."""
    folder = sdks / "go"
    sdk = "github.com/pulumi/pulumi/sdk/v3"
    version = run("go", "list", "-m", "-f", "{{.Version}}", sdk, folder=MODULE).strip()
    run("go", "mod", "edit", f"-require={sdk}@{version}", folder=folder)
    shutil.copy(ROOT / "tests" / "engine" / "languages" / "go" / "go.sum", folder)
    run("go", "mod", "tidy", folder=folder)
    build_go(folder, "./...")


def test_what_is_there_is_replaced(tmp_path: Path) -> None:
    """A file that an earlier schema had made does not stay."""
    (tmp_path / "go").mkdir()
    (tmp_path / "go" / "old.go").touch()
    (tmp_path / "notes").touch()
    generate(SCHEMA, tmp_path)
    assert not (tmp_path / "go" / "old.go").exists()
    assert (tmp_path / "notes").exists()


def test_a_bad_schema_is_refused(tmp_path: Path) -> None:
    """The error says what the generator says of it, and nothing is written."""
    schema = json.loads(SCHEMA.read_text())
    schema["resources"]["tiny:index:Thing"]["properties"]["duration"] = {"type": "minutes"}
    (tmp_path / "schema.json").write_text(json.dumps(schema))
    with pytest.raises(ToolError, match="minutes"):
        generate(tmp_path / "schema.json", tmp_path / "out")
    assert not (tmp_path / "out").exists()
