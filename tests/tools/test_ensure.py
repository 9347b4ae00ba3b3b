"""How the engine gets onto a machine: from PATH, the cache, a release, or Go."""

from __future__ import annotations

import platform
import signal
import sys
from pathlib import Path

import pytest

from tests.tools.machine import PROGRAMS, Machine, finish, release_site, runs

PLATFORM = f"{sys.platform}-{'arm64' if platform.machine() in ('arm64', 'aarch64') else 'x64'}"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine without engine, Go and internet."""
    return Machine(tmp_path)


# -- PATH ----------------------------------------------------------------------------------------------------


def test_an_engine_on_path_is_taken(machine: Machine) -> None:
    """The user's own engine is used where it lies; nothing is put into the cache."""
    machine.put_engine()
    assert machine.ensure().folder() == machine.path
    assert machine.engines() == []


def test_an_engine_spread_over_path_is_gathered(machine: Machine) -> None:
    """Where the language host lies in another folder of PATH, one folder links to both."""
    machine.put_engine()
    other = machine.folder / "other"
    (machine.path / "pulumi-language-python").unlink()
    machine.put("pulumi-language-python", "echo host", other)
    machine.path = Path(f"{machine.path}:{other}")
    folder = machine.ensure().folder()
    assert {entry.name for entry in folder.iterdir()} == set(PROGRAMS)
    assert (folder / "pulumi-language-python").resolve() == other / "pulumi-language-python"
    assert runs(folder)
    assert machine.ensure().folder() == folder


@pytest.mark.parametrize(
    ("program", "script", "why"),
    [
        ("pulumi", "echo v3.199.9", "it is 3.199.9, needed is 3.200.0 or newer"),
        ("pulumi", "exit 3", "it is broken ('version' ends with 3)"),
        ("pulumi", "echo none", "it does not tell its version"),
        ("pulumi-language-python", "exit 126", "it is broken ('-h' ends with 126)"),
    ],
)
def test_an_engine_that_is_no_use_is_not_taken(machine: Machine, program: str, script: str, why: str) -> None:
    """Too old or broken, the engine on PATH is refused, and the error says why."""
    machine.put_engine()
    machine.put(program, script)
    assert f"{machine.path / program} is not taken: {why}" in machine.ensure().error()


@pytest.mark.parametrize("program", PROGRAMS[1:])
def test_an_engine_without_all_its_programs_is_not_taken(machine: Machine, program: str) -> None:
    """A pulumi on PATH without what runs Python programs is refused, and the error names what is missing."""
    machine.put_engine()
    (machine.path / program).unlink()
    assert f"{machine.path / 'pulumi'} is not taken: {program} is not on PATH" in machine.ensure().error()


def test_a_refused_engine_is_replaced_by_a_built_one(machine: Machine) -> None:
    """With an old engine on PATH, another is built, and it is said why."""
    machine.put_engine("v3.10.0")
    machine.put_go()
    answer = machine.ensure()
    assert answer.folder().parent.name == "engine"
    assert any("it is 3.10.0" in line for line in answer.messages)


# -- the official release ------------------------------------------------------------------------------------


def test_a_release_is_downloaded(machine: Machine) -> None:
    """With the internet, the official release is unpacked into the cache; Go is not asked."""
    machine.put_go()
    with release_site(machine.folder / "site", PLATFORM) as machine.releases:
        folder = machine.ensure().folder()
    assert runs(folder)
    assert machine.calls() == []
    assert machine.engines() == [folder]


def test_a_damaged_release_is_refused(machine: Machine) -> None:
    """A download whose checksum differs is not used."""
    with release_site(machine.folder / "site", PLATFORM, damaged=True) as machine.releases:
        error = machine.ensure().error()
    assert "is damaged" in error
    assert machine.engines() == []


def test_a_site_without_our_release_is_passed_over(machine: Machine) -> None:
    """Where there is no release for this platform, the engine is built."""
    machine.put_go()
    with release_site(machine.folder / "site", "plan9-mips") as machine.releases:
        answer = machine.ensure()
    assert runs(answer.folder())
    assert any(f"does not name pulumi-v3.259.0-{PLATFORM}.tar.gz" in line for line in answer.messages)


# -- the build and the cache ---------------------------------------------------------------------------------


def test_an_engine_is_built_once(machine: Machine) -> None:
    """Without the internet it is built from Go modules; the next run finds it, and needs no Go any more."""
    machine.put_go()
    first = machine.ensure()
    assert runs(first.folder())
    assert "minutes" in "\n".join(first.messages)
    assert machine.calls() == ["build", "build", "list"]
    (machine.path / "go").unlink()
    second = machine.ensure()
    assert second.folder() == first.folder()
    assert second.messages == []


def test_two_at_once_build_once(machine: Machine) -> None:
    """A second run waits for the first, says so, and takes what that has built."""
    machine.put_go()
    with machine.building() as first:
        second = machine.start()
        assert second.stderr is not None
        while "waiting" not in (line := second.stderr.readline()):
            assert line, "the second run does not wait"
    assert finish(first).folder() == finish(second).folder()
    assert machine.calls() == ["build", "build", "list"]


def test_a_run_that_is_told_to_end_clears_away(machine: Machine) -> None:
    """SIGTERM in the middle of a build leaves nothing in the cache."""
    machine.put_go()
    with machine.building() as process:
        process.send_signal(signal.SIGTERM)
        assert finish(process).status == 143
    assert machine.engines() == []


def test_a_run_that_was_killed_is_made_good(machine: Machine) -> None:
    """After kill -9 in the middle of a build there is no engine; the next run clears away and builds one."""
    machine.put_go()
    with machine.building() as process:
        process.kill()
        process.wait()
        (left,) = machine.engines()
        assert left.name.startswith("unfinished-")
    process.communicate()
    folder = machine.ensure().folder()
    assert runs(folder)
    assert machine.engines() == [folder]


def test_a_failed_build_says_why_and_leaves_nothing(machine: Machine) -> None:
    """Go's own words are in the error, and the next run tries again."""
    machine.put_go()
    (machine.go / "broken").touch()
    assert "'go build' failed: go: it cannot be built" in machine.ensure().error()
    assert machine.engines() == []
    (machine.go / "broken").unlink()
    assert runs(machine.ensure().folder())


def test_a_folder_that_is_not_whole_is_built_anew(machine: Machine) -> None:
    """An engine that somebody has taken a program from is replaced."""
    machine.put_go()
    folder = machine.ensure().folder()
    (folder / "pulumi").unlink()
    assert machine.ensure().folder() == folder
    assert runs(folder)


# -- what people read ----------------------------------------------------------------------------------------


def test_neither_internet_nor_go(machine: Machine) -> None:
    """One line says what was tried and what to install; the run ends at once with 1."""
    error = machine.ensure().error()
    assert error.startswith("error: no Pulumi engine: pulumi is not on PATH; ")
    assert "cannot be fetched" in error
    assert "there is no Go to build it with" in error
    assert "Install Pulumi" in error


def test_a_cache_that_cannot_be_written(machine: Machine) -> None:
    """A cache folder that is none is named in the error."""
    machine.put_go()
    machine.cache.write_text("")
    assert f"the cache folder {machine.cache}/" in machine.ensure().error()


def test_only_the_sources_that_are_asked_for(machine: Machine) -> None:
    """`--from` leaves the others out."""
    machine.put_engine()
    machine.put_go()
    assert machine.ensure("--from", "build").folder() != machine.path
    (machine.path / "pulumi").unlink()
    assert "error: no Pulumi engine: pulumi is not on PATH. " in machine.ensure("--from", "path").error()
