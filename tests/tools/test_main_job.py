"""The main job's decisions: which port, which process, which environment, what is left of an earlier run."""

from __future__ import annotations

import json
import os
import platform
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tools import environment, main_job, service, stack
from tools.console import ToolError

PYPROJECT = b'[build-system]\nrequires = ["hatchling"]\n[project]\nname = "x"\n[tool.ruff]\nline-length = 100\n'


# -- environment ---------------------------------------------------------------------------------------------


def test_a_new_lock_metadata_or_place_makes_a_new_environment(tmp_path: Path) -> None:
    """The environment is made anew for what it was made from, and not for the settings of a linter."""
    made = environment.fingerprint(b"lock", PYPROJECT, tmp_path)
    assert made == environment.fingerprint(b"lock", PYPROJECT.replace(b"100", b"120"), tmp_path)
    assert made != environment.fingerprint(b"other", PYPROJECT, tmp_path)
    assert made != environment.fingerprint(b"lock", PYPROJECT.replace(b'"x"', b'"y"'), tmp_path)
    assert made != environment.fingerprint(b"lock", PYPROJECT, tmp_path / "moved")


@pytest.mark.parametrize("level", environment.LOCKS)
def test_a_lock_pins_everything_and_names_no_address(level: str) -> None:
    """Each requirement has one version and hashes; no index and no path of a machine stands in the lock."""
    text = environment.LOCKS[level].read_text()
    pins = _pins(text)
    assert len(pins) > 30
    assert all("==" in pin and pin.endswith("\\") for pin in pins)
    assert text.count("--hash=sha256:") >= len(pins)
    assert not any(word in text for word in ("://", "--index-url", "--find-links", " @ ", "-e "))


def test_what_is_run_is_part_of_what_is_tested() -> None:
    """`make up` installs versions that the tests use, and neither a linter nor a documentation builder."""
    run, tested = (set(_pins(lock.read_text())) for lock in environment.LOCKS.values())
    assert run < tested
    assert not [pin for pin in run if pin.startswith(("pytest", "mypy", "ruff", "sphinx", "moto", "huaweicloud"))]


def _pins(lock: str) -> list[str]:
    return [line for line in lock.splitlines() if line and not line.startswith((" ", "#"))]


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The words that tell apart the commands which make an environment; they do nothing but leave a Python."""
    ran: list[str] = []
    python = tmp_path / ".venv" / "bin" / "python"

    def run(name: str, *command: str | Path) -> None:
        ran.extend(Path(word).name for word in command if str(word).endswith(("--clear", ".lock", "--editable")))
        python.parent.mkdir(parents=True, exist_ok=True)
        python.touch()

    places = {"VENV": python.parents[1], "PYTHON": python, "STAMP": python.parents[1] / "made-from"}
    for name, place in {**places, "LOCAL": tmp_path / ".local"}.items():
        monkeypatch.setattr(environment, name, place)
    monkeypatch.setattr(environment, "_run", run)
    return ran


def test_a_run_installs_only_what_it_needs(commands: list[str]) -> None:
    """At the level of a run, the lock of the tests is not installed; a second run installs nothing."""
    environment.make("run")
    environment.make("run")
    assert commands == ["--clear", "run.lock", "--editable"]


def test_the_tests_extend_the_environment_of_a_run(commands: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """What `make up` made is not thrown away: the rest is added, and then there is enough for both."""
    environment.make("run")
    for level in ("test", "run", "test"):
        environment.make(level)
    assert commands[3:] == ["test.lock"]
    assert "Adding what the tests need" in capsys.readouterr().err


def test_an_extension_that_broke_off_makes_a_new_environment(
    commands: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where adding the tests' packages failed half way, the next run does not trust the environment."""
    environment.make("run")

    def fails(name: str, *command: str | Path) -> None:
        raise ToolError("pip ended with status 1")

    with monkeypatch.context() as broken:
        broken.setattr(environment, "_run", fails)
        with pytest.raises(ToolError):
            environment.make("test")
    environment.make("run")
    assert commands[3:] == ["--clear", "run.lock", "--editable"]


@pytest.mark.parametrize("arguments", [[], ["tests"], ["run", "test"]])
def test_an_unknown_level_is_refused(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Anything but one of the three words is an error that names them."""
    monkeypatch.setattr(sys, "argv", ["environment", *arguments])
    with pytest.raises(ToolError, match="'run', 'test' or 'lock'"):
        environment.main()


def test_the_callers_python_settings_are_left_out() -> None:
    """Variables that would lead Python or pip elsewhere are dropped; proxies and the like stay."""
    caller = {"PYTHONPATH": "/x", "PIP_TARGET": "/y", "VIRTUAL_ENV": "/z", "HTTPS_PROXY": "p", "HOME": "/h"}
    assert environment.clean(caller) == {"HTTPS_PROXY": "p", "HOME": "/h"}


# -- the service ---------------------------------------------------------------------------------------------


def test_only_the_service_of_this_clone_is_ours() -> None:
    """Of all processes, the one that serves exactly our data folder is ours; its port is read off it."""
    serve = "/c/.venv/bin/python -m vod_provider.local serve --port"
    processes = [
        (1, f"{serve} 8480 --data /other/.local/vod"),
        (2, f"{serve} 8481 --data /c/.local/vod-2"),
        (3, f"{serve} 8482 --data /c/.local/vod"),
        (4, "grep -m vod_provider.local serve --data /c/.local/vod"),
    ]
    assert list(service.ours(processes, Path("/c/.local/vod"))) == [service.Running(3, 8482)]


def test_a_port_that_is_taken_is_seen() -> None:
    """A port on which somebody listens is not free; it is again once they have gone."""
    with socket.socket() as taken:
        taken.bind((service.HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert not service.is_free(port)
    assert service.is_free(port)


# -- the port, and what is remembered ------------------------------------------------------------------------


def test_the_port_is_the_chosen_one_or_the_last() -> None:
    """VOD_PORT decides; where it is not set or blank, it is the port of the last run."""
    assert main_job.chosen_port({"VOD_PORT": "9000"}, 8480) == 9000
    assert main_job.chosen_port({"VOD_PORT": ""}, 8481) == 8481
    assert main_job.chosen_port({}, 8482) == 8482


@pytest.mark.parametrize("text", ["abc", "80", "65536", "-1", "8480.5"])
def test_a_port_that_is_none_is_refused_by_name(text: str) -> None:
    """What is no usable port is an error that names the variable."""
    with pytest.raises(ToolError, match="VOD_PORT"):
        main_job.chosen_port({"VOD_PORT": text}, 8480)


def test_without_a_home_one_line_names_the_variable() -> None:
    """A missing or blank HOME is an error that names it and says how to set it."""
    for environ in ({}, {"HOME": " "}):
        with pytest.raises(ToolError, match="HOME is not set; set it, for example"):
            main_job.require_home(environ)
    main_job.require_home({"HOME": "/home/ann"})


def test_a_taken_port_is_refused_before_anything_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The port is looked at first: no environment is made for a run that cannot have its service."""
    made: list[str] = []
    monkeypatch.setattr(main_job, "MEMORY", tmp_path / "memory.json")
    monkeypatch.setattr(environment, "make", made.append)
    monkeypatch.setenv("HOME", str(tmp_path))
    with socket.socket() as taken:
        taken.bind((service.HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setenv("VOD_PORT", str(port))
        with pytest.raises(ToolError, match=f"port {port} is taken by another program"):
            main_job.prepare()
    assert made == []


def test_what_is_remembered_comes_back(tmp_path: Path) -> None:
    """Port and asset id survive from run to run."""
    file = tmp_path / "new" / "memory.json"
    main_job.Memory(8481, "a" * 32).save(file)
    assert main_job.Memory.load(file) == main_job.Memory(8481, "a" * 32)


@pytest.mark.parametrize("text", [None, "", "{", "[]", '{"port": "x", "asset_id": ""}'])
def test_a_memory_that_makes_no_sense_is_none(tmp_path: Path, text: str | None) -> None:
    """A file that is missing, torn or foreign counts as a first run."""
    file = tmp_path / "memory.json"
    if text is not None:
        file.write_text(text)
    assert main_job.Memory.load(file) == main_job.Memory()


def test_the_secret_key_is_configured_as_a_secret() -> None:
    """The stack's configuration has the service's address, and the secret key only among the secrets."""
    plain, secret = main_job.configuration(8481, "a" * 32)
    assert plain["vod:endpoint"] == "http://127.0.0.1:8481"
    assert plain["vod-audio:asset_id"] == "a" * 32
    assert list(secret) == ["vod:secretKey"]
    assert secret["vod:secretKey"] not in plain.values()


# -- the stack -----------------------------------------------------------------------------------------------


def test_the_callers_pulumi_has_no_say() -> None:
    """Backend, home and passphrase are the clone's own, whatever the caller's Pulumi is set to."""
    caller = {"PULUMI_STACK": "prod", "PULUMI_ACCESS_TOKEN": "t", "PATH": "/usr/bin", "NO_PROXY": "example.org"}
    environ = stack.environ(caller, Path("/engine"))
    assert not {"PULUMI_STACK", "PULUMI_ACCESS_TOKEN"} & set(environ)
    assert environ["PULUMI_BACKEND_URL"].startswith("file://")
    assert environ["PATH"] == f"/engine{os.pathsep}/usr/bin"
    assert environ["NO_PROXY"] == "example.org,127.0.0.1,localhost"


def test_only_the_lock_of_a_dead_engine_of_this_machine_goes(tmp_path: Path) -> None:
    """A living engine, an engine of another machine, and a file that makes no sense keep their locks."""
    ended = subprocess.Popen(["true"])
    ended.wait()
    here = platform.node()
    locks = {
        "dead": json.dumps({"pid": ended.pid, "hostname": here}),
        "living": json.dumps({"pid": os.getpid(), "hostname": here}),
        "elsewhere": json.dumps({"pid": ended.pid, "hostname": f"not-{here}"}),
        "torn": "{",
    }
    for name, text in locks.items():
        (tmp_path / f"{name}.json").write_text(text)
    stack.unlock(tmp_path)
    assert sorted(path.stem for path in tmp_path.iterdir()) == ["elsewhere", "living", "torn"]


@pytest.mark.parametrize(
    ("text", "interrupted"),
    [
        (json.dumps({"checkpoint": {"latest": {"pending_operations": [{"type": "creating"}]}}}), True),
        (json.dumps({"checkpoint": {"latest": {"resources": []}}}), False),
        (json.dumps({"checkpoint": {"latest": None}}), False),
        ("{", False),
        (None, False),
    ],
)
def test_an_interrupted_run_is_seen_in_the_state(tmp_path: Path, text: str | None, interrupted: bool) -> None:
    """Operations that were begun and not ended stand in the state; a stack without state has none."""
    file = tmp_path / "dev.json"
    if text is not None:
        file.write_text(text)
    assert stack.is_interrupted(file) is interrupted
