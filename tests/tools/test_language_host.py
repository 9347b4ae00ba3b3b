"""The wrapper that stands before the built language host."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tools.machine import ENGINE

LANGUAGE = ENGINE / "languages" / "python"


@pytest.fixture
def wrapper(tmp_path: Path) -> Path:
    """The wrapper, before a host that prints its arguments, one in a line."""
    place = tmp_path / "engine" / "pulumi-language-python"
    host = place.parent / "libexec" / "pulumi-language-python"
    host.parent.mkdir(parents=True)
    shutil.copy(LANGUAGE / "pulumi-language-python", place)
    host.write_text("#!/bin/sh\nprintf '%s\\n' \"$@\"\n")
    host.chmod(0o755)
    return place


def arguments(wrapper: Path, project: Path, working: Path | None = None) -> list[str]:
    """What the host gets when the engine starts the wrapper in a folder, but for the executor."""
    done = subprocess.run([wrapper, "127.0.0.1:1"], cwd=working or project, capture_output=True, text=True, check=True)
    words = done.stdout.splitlines()
    executor = words.index("-use-executor")
    assert Path(words[executor + 1]).parent == wrapper.parent
    return words[:executor] + words[executor + 2 :]


@pytest.mark.parametrize(
    ("text", "virtualenv"),
    [
        ("runtime:\n  name: python\n  options:\n    virtualenv: .venv\n", ".venv"),
        ("runtime:\n  name: python\n  options:\n    virtualenv: ../../.venv  # shared\n", "../../.venv"),
        ("runtime:\n  options:\n    virtualenv: /with a space/.venv\n", "/with a space/.venv"),
        ('runtime:\n  options:\n    virtualenv: "/quoted, once" # here\n', "/quoted, once"),
        ("runtime:\n  options:\n    virtualenv: '/quoted }'\n", "/quoted }"),
        ("runtime: {name: python, options: {virtualenv: .venv, typechecker: mypy}}\n", ".venv"),
        ("runtime: {name: python, options: {virtualenv: .venv}}\n", ".venv"),
        ('{"runtime": {"name": "python", "options": {"toolchain": "pip", "virtualenv": "/x/y"}}}', "/x/y"),
    ],
)
def test_the_virtualenv_of_the_project_is_handed_over(
    wrapper: Path, tmp_path: Path, text: str, virtualenv: str
) -> None:
    """However the project's file writes the option, the host gets it as an argument before the engine's own."""
    (tmp_path / "Pulumi.yaml").write_text(text)
    assert arguments(wrapper, tmp_path) == ["-root", str(tmp_path), "-virtualenv", virtualenv, "127.0.0.1:1"]


@pytest.mark.parametrize("text", ["runtime: python\n", "runtime: python\n# virtualenv: .venv\n", None])
def test_without_the_option_nothing_is_added(wrapper: Path, tmp_path: Path, text: str | None) -> None:
    """A project without a virtualenv, or no project at all, leaves the choice of Python to the host."""
    if text is not None:
        (tmp_path / "Pulumi.yaml").write_text(text)
    assert arguments(wrapper, tmp_path) == ["127.0.0.1:1"]


def test_a_plugin_that_is_installed_is_not_the_project_above_it(wrapper: Path, tmp_path: Path) -> None:
    """The engine starts the host in the plugin's folder: its packages never go into a project's environment."""
    (tmp_path / "Pulumi.yaml").write_text("runtime: {name: python, options: {virtualenv: .venv}}\n")
    plugin = tmp_path / "home/plugins/resource-vod"
    plugin.mkdir(parents=True)
    (plugin / "PulumiPlugin.yaml").write_text("runtime: python\n")
    assert arguments(wrapper, plugin) == ["127.0.0.1:1"]
    (plugin / "PulumiPlugin.yaml").write_text("runtime:\n  name: python\n  options:\n    virtualenv: venv\n")
    assert arguments(wrapper, plugin) == ["-root", str(plugin), "-virtualenv", "venv", "127.0.0.1:1"]
    (plugin / "Pulumi.yaml").write_text("runtime: {name: python, options: {virtualenv: own}}\n")
    assert arguments(wrapper, plugin) == ["-root", str(plugin), "-virtualenv", "own", "127.0.0.1:1"]


def test_the_file_is_found_above(wrapper: Path, tmp_path: Path) -> None:
    """With `main:` the engine starts the host in a folder below the project's."""
    (tmp_path / "Pulumi.yaml").write_text("main: src\nruntime: {name: python, options: {virtualenv: .venv}}\n")
    working = tmp_path / "src"
    working.mkdir()
    assert arguments(wrapper, tmp_path, working)[:4] == ["-root", str(tmp_path), "-virtualenv", ".venv"]


def test_the_wrapper_is_found_through_a_link(wrapper: Path, tmp_path: Path) -> None:
    """Linked to from elsewhere, the wrapper still finds the host that it was put before."""
    link = tmp_path / "linked"
    link.symlink_to(wrapper)
    assert subprocess.run([link, "x"], cwd=tmp_path, capture_output=True, check=True).stdout.endswith(b"\nx\n")


@pytest.mark.parametrize("killed", ["engine", "host"])
def test_nothing_stays_behind(tmp_path: Path, killed: str) -> None:
    """After kill -9 of the engine, or of the host alone, host and program end by themselves."""
    shutil.copy(LANGUAGE / "executor.py", tmp_path)
    (tmp_path / "pulumi-language-python-exec").write_text("print('runs', flush=True)\nimport time\ntime.sleep(60)\n")
    # Each says its id, starts the next, and waits for it; all of them write into the pipe that the test reads.
    host = f'echo $$; "{sys.executable}" "{tmp_path / "executor.py"}"; true'
    command = ["/bin/sh", "-c", 'echo $$; /bin/sh -c "$1"; true', "engine", host]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as engine:
        assert engine.stdout is not None
        processes = {"engine": int(engine.stdout.readline()), "host": int(engine.stdout.readline())}
        assert engine.stdout.readline() == "runs\n"
        os.kill(processes[killed], signal.SIGKILL)
        rest, _ = engine.communicate(timeout=30)  # ends with the last process that has the pipe
    assert rest == ""
