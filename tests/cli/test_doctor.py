"""`doctor` against the local VOD, and what it finds of Pulumi and the settings."""

from __future__ import annotations

import importlib.metadata
import io
import os
import re
import tomllib
from pathlib import Path

import pytest
from obstore.exceptions import PermissionDeniedError
from obstore.store import MemoryStore

from tests.cli.conftest import Book, Command, Result, service
from tests.vod import LocalVod
from vod_provider.audio import ledger_store
from vod_provider.audio.ledger_records import Key
from vod_provider.cli import doctor
from vod_provider.cli.checks import Check
from vod_provider.cli.configuration import Configuration
from vod_provider.cli.console import Console
from vod_provider.cli.doctor import pulumi_checks, report, sdk_check, settings_checks, vod_checks
from vod_provider.cli.engine import Engine
from vod_provider.cli.errors import CommandError
from vod_provider.cli.layout import WIDTH, columns
from vod_provider.cli.permissions import ACTIONS
from vod_provider.local.core.dialects import TABLE

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def pulumi(home: Path) -> Path:
    """A `pulumi` on PATH that answers as the real one does, with its language host beside it; returns its folder."""
    folder = home / "bin"
    folder.mkdir()
    program(
        folder / "pulumi", 'case "$1" in version) echo v3.259.0;; *) echo "error: no stack named $5" >&2; exit 6;; esac'
    )
    program(folder / "pulumi-language-python", "exit 1")
    return folder


def program(file: Path, script: str) -> None:
    """An executable of a shell script."""
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)


def checks(result: Result) -> dict[str, dict[str, str]]:
    """The checks that were printed as JSON, by name."""
    return {one["name"]: one for one in result.json["checks"]}


def results(result: Result, wanted: str) -> list[str]:
    """The names of the checks with that result."""
    return [name for name, one in checks(result).items() if one["result"] == wanted]


def test_all_is_well(command: Command, vod: LocalVod, pulumi: Path) -> None:
    """Everything is there: every check is ok, the exit status 0, and VOD holds nothing that it did not before."""
    source = vod.video()
    audio_id = vod.extract(source)
    before = (vod.asset(source), vod.asset(audio_id), vod.audio_ids())
    vod.forget_calls()
    result = command("doctor", "--json", vod=vod)
    assert result.status == 0
    assert {one["result"] for one in result.json["checks"]} == {"ok"}, result.out
    assert set(ACTIONS) - {"vod:asset:update"} <= set(checks(result))
    assert vod.accepted() == 0
    assert (vod.asset(source), vod.asset(audio_id), vod.audio_ids()) == before


@pytest.mark.parametrize("number", range(6))
def test_all_is_well_in_every_dialect(command: Command, vod: LocalVod, pulumi: Path, number: int) -> None:
    """However VOD tells that an asset does not exist: every permission is found, and nothing is changed."""
    names = ("absence", "details_of_absent", "delete_of_absent", "cancel_takes", "gateway_prefix")
    dialects = {name: list(TABLE[name].values)[number % len(TABLE[name].values)] for name in names}
    vod._local("PUT", "settings", {"dialects": dialects})
    result = command("doctor", "--json", vod=vod)
    assert {one["result"] for one in result.json["checks"]} == {"ok"}, result.out


def test_the_report(command: Command, vod: LocalVod, pulumi: Path) -> None:
    """One aligned table, the settings with where they come from, and no secret in it."""
    result = command("doctor", vod=vod)
    lines = result.out.splitlines()
    assert re.match(r"CHECK +RESULT  FOUND$", lines[0])
    assert f"{vod.config['vod:endpoint']} (vod:endpoint by --config)" in result.out
    assert "loca... (vod:accessKey by --config" in result.out
    assert lines[-1] == "22 checks: 0 failed, 0 warnings."
    assert vod.config["vod:secretKey"] not in result.out + result.err


def test_wrong_credentials(command: Command, vod: LocalVod, pulumi: Path) -> None:
    """One failure, with VOD's words and what to do; the exit status is 1."""
    vod_with_wrong_key = dict(vod.config, **{"vod:secretKey": "a-wrong-secret"})
    arguments = [word for pair in vod_with_wrong_key.items() for word in ("--config", "=".join(pair))]
    result = command("doctor", "--json", *arguments)
    assert result.status == 1
    assert results(result, "fail") == ["credentials"]
    assert "APIGW.0301" in checks(result)["credentials"]["found"]
    assert "vod:secretKey" in checks(result)["credentials"]["remedy"]
    assert "a-wrong-secret" not in result.out + result.err


def test_a_missing_permission(command: Command, vod: LocalVod, pulumi: Path) -> None:
    """IAM refuses to delete: that one fails, with the action to grant."""
    vod.faults({"operation": "DeleteAssets", "times": 1, "status": 403, "error_code": "PAP5.0001"})
    result = command("doctor", "--json", vod=vod)
    assert result.status == 1
    assert results(result, "fail") == ["vod:asset:delete"]
    assert "grant vod:asset:delete" in checks(result)["vod:asset:delete"]["remedy"]


def test_used_up_quotas(command: Command, vod: LocalVod, pulumi: Path) -> None:
    """429 is a warning and no failure: the run waits for its quota."""
    vod.faults({"operation": "ExtractAudio", "times": 1, "status": 429, "error_code": "APIG.0308"})
    result = command("doctor", "--json", vod=vod)
    assert result.status == 0
    assert results(result, "warn") == ["vod:asset:createExtractAudioTask", "quotas"]


def test_an_endpoint_that_is_not_there(command: Command, vod: LocalVod, pulumi: Path) -> None:
    """The stage that fails is the failure, and nothing after it is tried."""
    arguments = [
        word
        for pair in (vod.config | {"vod:endpoint": "http://127.0.0.1:1"}).items()
        for word in ("--config", "=".join(pair))
    ]
    result = command("doctor", "--json", *arguments)
    assert result.status == 1
    assert results(result, "fail") == ["connection"]
    assert "not tried" in checks(result)["credentials, permissions"]["found"]


def test_no_settings_at_all(command: Command, pulumi: Path) -> None:
    """What is missing is said with how it is set, and nothing of VOD is tried."""
    result = command("doctor", "--json")
    assert result.status == 1
    assert results(result, "fail") == ["configuration"]
    assert "pulumi config set vod:accessKey" in checks(result)["configuration"]["found"]
    assert checks(result)["configuration"]["found"].endswith("Found: nothing")


def test_a_region_that_the_endpoint_ignores() -> None:
    """An endpoint without {region} serves every region: the region that is set is a warning."""
    stack = {"vod:endpoint": "https://vod.example.com", "vod:region": "r", "vod:projectId": "p", "vod:token": "T"}
    configuration = Configuration(stack, {}, {"HOME": "/home/ann"})
    found = {it.name: it for it in settings_checks(configuration, configuration.load())}
    assert found["region"].result == "warn"
    assert "has no effect" in found["region"].found
    assert "vod:region of the stack" in found["region"].found


def test_no_home(command: Command, vod: LocalVod, pulumi: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without HOME there is no place for the journal, which fails alone; all the rest is checked."""
    monkeypatch.delenv("HOME")
    result = command("doctor", "--json", vod=vod)
    assert results(result, "fail") == ["journal"]
    assert "pulumi config set vod:journal FILE" in checks(result)["journal"]["found"]
    assert checks(result)["vod:asset:list"]["result"] == "ok"


def test_a_ledger_in_object_storage(
    command: Command, vod: LocalVod, pulumi: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is read and written to, as an `up` would, and nothing of that stays; where that fails, its words are shown."""
    objects = MemoryStore()
    monkeypatch.setattr(ledger_store, "_made", lambda *_: objects)
    given = ("doctor", "--json", "--config", "vod:journal=s3://team/ledgers")
    found = checks(command(*given, vod=vod))["journal"]
    assert found["result"] == "ok"
    assert found["found"].startswith("s3://team/ledgers (vod:journal by --config): 0 of its entries")
    assert [meta for page in objects.list() for meta in page] == []

    def refused(*_: object, **__: object) -> None:
        raise PermissionDeniedError("no access to the bucket")

    monkeypatch.setattr(MemoryStore, "put", refused)
    found = checks(command(*given, vod=vod))["journal"]
    assert found["result"] == "fail"
    assert "the ledger at s3://team/ledgers cannot be used (no access to the bucket)" in found["found"]


def test_half_a_configuration_tells_what_is_there(
    command: Command, pulumi: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where something is missing, the places that have something are named, without their values."""
    monkeypatch.setenv("HW_SECRET_KEY", "s3cr3t-value")
    monkeypatch.setenv("HW_REGION_NAME", "cn-north-4")
    found = checks(command("doctor", "--json"))["configuration"]["found"]
    assert "HW_ACCESS_KEY is not set" in found
    assert "HW_REGION_NAME of the environment; HW_SECRET_KEY of the environment" in found
    assert "s3cr3t" not in found


def test_a_stack_that_does_not_exist(command: Command, pulumi: Path) -> None:
    """Pulumi's own words, and the flag that they are about."""
    result = command("doctor", "--json", "--stack", "nope")
    assert result.status == 1
    assert checks(result)["configuration"]["found"].startswith("--stack nope: `pulumi config --json` said: no stack")


def test_no_pulumi(command: Command, vod: LocalVod) -> None:
    """Without the engine nothing can be declared; what is there of VOD is told all the same."""
    result = command("doctor", "--json", vod=vod)
    assert result.status == 1
    assert results(result, "fail") == ["Pulumi's engine", "its language host"]
    assert "install Pulumi" in checks(result)["Pulumi's engine"]["remedy"]
    assert checks(result)["vod:asset:list"]["result"] == "ok"


def test_a_language_host_beside_the_engine(home: Path, pulumi: Path) -> None:
    """The official build has both in one folder, and PATH may lead to one of them only, by a link."""
    elsewhere = home / "links"
    elsewhere.mkdir()
    (elsewhere / "pulumi").symlink_to(pulumi / "pulumi")
    engine = Engine({"PATH": str(elsewhere)}, home)
    assert [it.result for it in pulumi_checks(engine)] == ["ok", "ok", "ok"]


def test_an_engine_that_does_not_run(home: Path, pulumi: Path) -> None:
    """A `pulumi` that is broken is a failure with what it said."""
    program(pulumi / "pulumi", "echo something is broken >&2; exit 1")
    first = next(iter(pulumi_checks(Engine(os.environ, home))))
    assert first.result == "fail"
    assert "something is broken" in first.found


def test_the_bounds_of_the_sdk_are_the_packages_own() -> None:
    """What is installed here is checked against the metadata, which is what pyproject.toml says."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        dependencies = tomllib.load(file)["project"]["dependencies"]
    (bounds,) = [it.removeprefix("pulumi") for it in dependencies if it.startswith("pulumi")]
    found = sdk_check()
    assert found.result == "ok"
    assert found.found.startswith(importlib.metadata.version("pulumi"))
    assert all(bound in found.found for bound in bounds.split(","))


@pytest.mark.parametrize(
    ("installed", "result"),
    [
        ("3.199.9", "fail"),
        ("3.200.0", "ok"),
        ("3.1000.0", "ok"),
        ("4.0.0", "fail"),
        ("4.0.0a1", "fail"),
        ("2.9", "fail"),
    ],
)
def test_which_sdk_is_supported(installed: str, result: str) -> None:
    """Versions are compared by number; one out of bounds comes with what to install."""
    found = sdk_check(lambda _: installed, lambda _: ["requests<3", "pulumi<4,>=3.200", "pulumi-aws>=9"])
    assert found.result == result
    assert (found.remedy == 'pip install "pulumi<4,>=3.200"') == (result == "fail")


def test_a_package_that_is_not_installed() -> None:
    """Run from a folder of sources, there is no metadata to go by."""

    def version(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    assert sdk_check(version).result == "fail"


def test_a_journal_with_entries(command: Command, vod: LocalVod, ledger: Book, pulumi: Path) -> None:
    """How many entries are of this project, and how many of them wait for an `up`."""
    for name in ("one", "two"):
        ledger.ask(Key(name, "f"), service(vod), "s")
        ledger.accept(Key(name, "f"), name)
    ledger.ask(Key("other", "f"), "another", "s")
    ledger.settle(service(vod), "one")
    found = checks(command("doctor", "--json", vod=vod))["journal"]
    assert found["result"] == "ok"
    assert found["found"].endswith("2 of its entries are of this project, 1 of them not yet in a stack")


def test_a_journal_that_cannot_be_made(command: Command, vod: LocalVod, pulumi: Path) -> None:
    """Nothing may be asked of VOD without one: a failure that names the setting."""
    result = command("doctor", "--json", "--config", "vod:journal=/dev/null/journal", vod=vod)
    assert result.status == 1
    assert results(result, "fail") == ["journal"]
    assert "vod:journal" in checks(result)["journal"]["found"]


def test_a_journal_that_was_set_aside(command: Command, vod: LocalVod, home: Path, pulumi: Path) -> None:
    """A file that is no journal is set aside as `up` would do it, with a warning and what that may mean."""
    file = home / "journal.sqlite"
    file.write_bytes(b"no ledger" * 1000)
    result = command("doctor", "--json", "--config", f"vod:journal={file}", vod=vod)
    assert result.status == 0
    assert results(result, "warn") == ["journal"]
    assert "set aside" in checks(result)["journal"]["found"]
    assert "orphans" in checks(result)["journal"]["remedy"]


def test_the_settings_tell_where_they_come_from() -> None:
    """Each with its place in words; of a token and of settings that may be long only that there are some."""
    configuration = Configuration(
        {"vod:region": "cn-north-4", "vod:quotas": '{"extract": 300}'},
        {"vod:projectId": "p1"},
        {"HW_AUTH_TOKEN": "t0k3n", "HOME": "/h"},
    )
    found = {it.name: it.found for it in settings_checks(configuration, configuration.load())}
    assert found == {
        "region": "cn-north-4 (vod:region of the stack)",
        "endpoint": "https://vod.cn-north-4.myhuaweicloud.com (made of the region, vod:region of the stack)",
        "project": "p1 (vod:projectId by --config)",
        "token": "there is one, valid for 24 hours at most (HW_AUTH_TOKEN of the environment)",
        "quotas": "set (vod:quotas of the stack)",
    }


def test_a_short_secret_in_the_wrong_place_is_not_shown_whole() -> None:
    """Whoever mixes up the two keys does not find the secret one in a pasted table."""
    stack = {"vod:accessKey": "abcd", "vod:secretKey": "x", "vod:region": "r", "vod:projectId": "p"}
    configuration = Configuration(stack, {}, {"HOME": "/h"})
    shown = " ".join(it.found for it in settings_checks(configuration, configuration.load()))
    assert "abcd" not in shown


def test_long_words_stay_within_the_report() -> None:
    """Whatever was found, it wraps within its column; remedies stand below."""
    lines = list(report([Check("a" * 30, "fail", "词" * 300 + " end", "do " * 90), Check("b", "ok", "")]))
    assert max(map(columns, lines)) <= WIDTH
    assert any("-> do do" in line for line in lines)
    assert lines[-1] == "2 checks: 1 failed, 0 warnings."


def test_nothing_is_configured_after_a_failure() -> None:
    """A failure to get the configuration is a row, and no traceback."""

    def configure() -> Configuration:
        raise CommandError("--stack x: no")

    assert [it.name for it in vod_checks(configure)] == ["configuration", "all of VOD"]


def test_progress_shows_while_it_works(home: Path) -> None:
    """A line on standard error as checks are done, at most one a second."""
    ticks = iter(range(0, 1000, 7))
    err = io.StringIO()
    console = Console(io.StringIO(), err, io.StringIO(), clock=lambda: next(ticks) / 10)
    doctor.run(Engine(os.environ, home), lambda: Configuration({}, {}, {}), console, as_json=False)
    assert err.getvalue().splitlines() == [
        "checked: Pulumi's engine", "checked: Pulumi's Python SDK", "checked: all of VOD"
    ]  # fmt: skip
