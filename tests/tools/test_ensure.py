"""How the engine gets onto a machine: from PATH, the cache, a release, or Go."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import signal
import stat
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import Any

import pytest

from tests.tools.machine import ENGINE, PROGRAMS, Machine, finish, runs

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


def loaded() -> Any:
    """`ensure` as a module."""
    loader = SourceFileLoader("ensure", str(ENGINE / "ensure"))
    spec = spec_from_loader("ensure", loader)
    assert spec is not None
    ensure = module_from_spec(spec)
    loader.exec_module(ensure)
    return ensure


# -- the official release ------------------------------------------------------------------------------------


def test_a_release_is_downloaded(machine: Machine) -> None:
    """The official release is unpacked into the cache; Go is not asked, and the next run needs no mirror."""
    machine.put_go()
    machine.put_release(PLATFORM)
    folder = machine.ensure().folder()
    assert runs(folder)
    assert machine.calls() == []
    assert machine.engines() == [folder]
    machine.releases = "file:///nowhere"
    assert machine.ensure().folder() == folder


def test_a_release_with_another_checksum_is_refused(machine: Machine) -> None:
    """An archive that is not the pinned one is not unpacked, whatever the site says of it."""
    machine.put_release(PLATFORM, damaged=True)
    mirror = machine.folder / "mirror"
    (archive,) = mirror.glob("*.tar.gz")
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    (mirror / "pulumi-3.259.0-checksums.txt").write_text(f"{digest}  {archive.name}\n")
    error = machine.ensure().error()
    assert f"is not used: its SHA-256 is {digest}, pinned is " in error
    assert machine.engines() == []


def test_a_release_without_a_pinned_checksum_is_not_downloaded(machine: Machine) -> None:
    """Where the repository has no SHA-256 for this platform, nothing is fetched: the engine is built."""
    machine.put_go()
    machine.put_release("plan9-mips")
    answer = machine.ensure()
    assert runs(answer.folder())
    pins = "tools/engine/releases/3.259.0/checksums.txt"
    assert f"No download: no SHA-256 of pulumi-v3.259.0-{PLATFORM}.tar.gz is pinned in {pins}." in answer.messages


@pytest.mark.parametrize("address", ["http://127.0.0.1:1", "ftp://127.0.0.1:1", "/mirror"])
def test_a_mirror_without_encryption_is_refused(machine: Machine, address: str) -> None:
    """PULUMI_ENGINE_RELEASES is https or a local folder; the error says so, and nobody is asked."""
    machine.put_release(PLATFORM)
    machine.releases = address
    error = machine.ensure("--from", "download").error()
    assert f"PULUMI_ENGINE_RELEASES is {address}: it has to begin with https: or file:" in error


def test_a_password_in_a_mirrors_address_is_not_shown(machine: Machine) -> None:
    """It would not be sent, and would be in the log of a build."""
    machine.put_release(PLATFORM)
    machine.releases = "https://me:hidden@127.0.0.1:1"
    error = machine.ensure("--from", "download").error()
    assert "PULUMI_ENGINE_RELEASES has credentials in it" in error
    assert "hidden" not in error


def test_a_download_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mirror that never ends does not fill the disk."""
    ensure = loaded()
    monkeypatch.setattr(ensure, "LARGEST_RELEASE", 10)
    monkeypatch.setenv("PULUMI_ENGINE_RELEASES", f"file://{tmp_path}")
    monkeypatch.delenv("PULUMI_ENGINE_VERSION", raising=False)
    (tmp_path / f"pulumi-v{ensure.DEFAULT_VERSION}-{PLATFORM}.tar.gz").write_bytes(b"x" * 11)
    with pytest.raises(ensure.UnavailableError, match="has more than 10 bytes"):
        ensure.download(tmp_path)


def test_what_is_pinned_are_checksums_of_all_platforms() -> None:
    """The version that is got by default can be downloaded on each platform that Pulumi has an archive for."""
    lines = (ENGINE / "releases" / "3.259.0" / "checksums.txt").read_text().splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    platforms = ("darwin-arm64", "darwin-x64", "linux-arm64", "linux-x64")
    assert len(pins) == len(platforms)
    for pin, name in zip(pins, platforms, strict=True):
        assert re.fullmatch(rf"[0-9a-f]{{64}}  pulumi-v3\.259\.0-{name}\.tar\.gz", pin)


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


@pytest.mark.parametrize("name", ["pulumi-huaweicloud-vod", "pulumi-huaweicloud-vod/engine"])
def test_the_cache_is_closed_to_others(machine: Machine, name: str) -> None:
    """A cache that an earlier release left open to a group or to everybody is closed before it is used."""
    folder = machine.cache / name
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    machine.put_go()
    machine.ensure().folder()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.parametrize("name", ["pulumi-huaweicloud-vod", "pulumi-huaweicloud-vod/engine"])
def test_a_cache_that_leads_elsewhere_is_not_used(machine: Machine, name: str) -> None:
    """Nothing is run from a folder behind a link, which may be anybody's."""
    elsewhere = machine.folder / "elsewhere"
    elsewhere.mkdir()
    (machine.cache / name).parent.mkdir(parents=True)
    (machine.cache / name).symlink_to(elsewhere)
    machine.put_go()
    assert f"{machine.cache / name} is not taken as a cache: it is no folder of this user" in machine.ensure().error()
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize("name", ["pulumi-huaweicloud-vod", "pulumi-huaweicloud-vod/engine"])
def test_a_cache_of_another_user_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """In a shared place for caches, a folder that somebody else has made first is refused."""
    ensure = loaded()
    (tmp_path / name).mkdir(parents=True)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(ensure.UnavailableError, match="it is no folder of this user"):
        ensure.private(tmp_path / "pulumi-huaweicloud-vod" / "engine")


def test_an_engine_that_others_could_have_changed_is_built_anew(machine: Machine) -> None:
    """A cached program that a group or everybody may write to is not run."""
    machine.put_go()
    folder = machine.ensure().folder()
    machine.put("pulumi", f"touch {machine.folder}/planted; echo v3.259.0", folder).chmod(0o775)
    assert machine.ensure().folder() == folder
    assert runs(folder)
    assert not (machine.folder / "planted").exists()


# -- other versions and languages ----------------------------------------------------------------------------


def test_another_version_can_be_chosen(machine: Machine) -> None:
    """PULUMI_ENGINE_VERSION names the version to build; the default one stays in the cache beside it."""
    machine.put_go()
    usual = machine.ensure().folder()
    machine.engine_version = "3.274.1"
    other = machine.ensure().folder()
    assert other.name.startswith("3.274.1-")
    assert machine.engines() == [usual, other]


def test_the_chosen_version_is_the_only_one_taken_from_path(machine: Machine) -> None:
    """An engine on PATH of another version is not what was asked for."""
    machine.put_engine()
    machine.put_go()
    machine.engine_version = "3.274.1"
    answer = machine.ensure()
    assert answer.folder() != machine.path
    assert any("it is 3.300.1, PULUMI_ENGINE_VERSION is 3.274.1" in line for line in answer.messages)
    machine.put_engine("v3.274.1")
    assert machine.ensure().folder() == machine.path


def test_a_version_that_is_not_there_is_refused(machine: Machine) -> None:
    """The error names the versions that there are."""
    machine.put_go()
    machine.engine_version = "3.1.0"
    assert "PULUMI_ENGINE_VERSION is '3.1.0': there are 3.259.0 and 3.274.1" in machine.ensure().error()


def test_the_hosts_of_other_languages_are_built_on_demand(machine: Machine) -> None:
    """They join the engine in one folder, each built once."""
    machine.put_go()
    folder = machine.ensure("--languages", "yaml,nodejs").folder()
    languages = {"pulumi-language-yaml", "pulumi-language-nodejs"}
    assert {entry.name for entry in folder.iterdir()} == {*PROGRAMS, "executor.py", *languages}
    assert runs(folder)
    built = machine.calls()
    assert machine.ensure("--languages", "nodejs,yaml").folder() == folder
    assert machine.calls() == built
    machine.ensure("--languages", "yaml,go").folder()
    assert machine.calls() == [*built, "build"]


def test_a_release_has_the_hosts_of_other_languages(machine: Machine) -> None:
    """Nothing is built where the engine came with them."""
    machine.put_release(PLATFORM, "pulumi-language-yaml")
    folder = machine.ensure("--languages", "yaml").folder()
    assert machine.engines() == [folder]
    error = machine.ensure("--from", "download", "--languages", "go").error()
    assert f"{folder} has no pulumi-language-go" in error


def test_a_language_that_cannot_be_built_is_refused(machine: Machine) -> None:
    """The usage error names those that can."""
    answer = machine.ensure("--languages", "yaml,cobol")
    assert answer.status == 2
    assert "'cobol' is none of go, nodejs, yaml" in answer.messages[-1]


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
