"""Where a command's settings come from; the words agree with what `settings.load` does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Command
from vod_provider.cli.configuration import Configuration, gather, loaded
from vod_provider.cli.engine import Engine
from vod_provider.cli.errors import CommandError
from vod_provider.config import settings, table
from vod_provider.config.settings import Settings
from vod_provider.config.table import Setting
from vod_provider.vod.signing import AccessKey, Token

NO_ENGINE = Engine({"PATH": ""}, Path())
BASE = {
    "vod:region": "r-base",
    "vod:projectId": "p-base",
    "vod:accessKey": "a-base",
    "vod:secretKey": "s-base",
}
SETTING: dict[str, Callable[[Settings], str | None]] = {
    "endpoint": lambda it: it.endpoint,
    "region": lambda it: it.region,
    "projectId": lambda it: it.project_id,
    "accounts": lambda it: it.accounts["o"].project_id,
    "quotas": lambda it: str(it.quotas["extract"]),
    "timeouts": lambda it: f"{it.timeouts.create:g}",
    "events": lambda it: str(it.events and it.events.port),
    "journal": lambda it: str(it.journal),
    "debug": lambda it: str(it.debug).lower(),
}
VALUES = {
    "endpoint": ("https://{}.example", "https://{}.example"),
    "region": ("r-{}", "r-{}"),
    "projectId": ("p-{}", "p-{}"),
    "accounts": ('{{"o": {{"token": "T", "projectId": "p-{}"}}}}', "p-{}"),
    "quotas": ('{{"extract": 7{}}}', "7{}"),
    "timeouts": ('{{"create": 7{}}}', "7{}"),
    "events": ('{{"listen": "localhost:70{}", "key": "K"}}', "70{}"),
    "journal": ("/j{}", "/j{}"),
    "debug": ("true", "true"),
}
"""Per setting: what is set at its nth place, and what the settings then have."""


def of(values: dict[str, str]) -> tuple[Settings, Configuration]:
    """Both readings of the same: names with a colon are the stack's, the others the environment's."""
    stack = {name: value for name, value in values.items() if ":" in name}
    environ = {"HOME": "/home/ann"} | {name: value for name, value in values.items() if ":" not in name}
    return settings.load(stack, environ), Configuration(stack, {}, environ)


@pytest.mark.parametrize("setting", [one for one in table.TABLE if one not in table.CREDENTIALS], ids=lambda it: it.key)
def test_every_source_of_a_setting_is_where_it_is_read(setting: Setting[Any]) -> None:
    """Set at its nth source and all later ones, a setting has the nth value, and comes from there in words."""
    given, expected = VALUES[setting.key]
    for first in range(len(setting.names)):
        values = {name: given.format(index) for index, name in enumerate(setting.names) if index >= first}
        read, configuration = of({name: value for name, value in BASE.items() if name not in setting.names} | values)
        assert (SETTING[setting.key](read) or "").startswith(expected.format(first))
        assert configuration.origin(setting).startswith(setting.names[first])


KEYS = [
    names
    for source in table.CREDENTIAL_SOURCES
    for names in ([name for name in source[:3] if name], [name for name in source[3:] if name])
    if names
]
"""Keys and tokens by the names of their parts, in the order in which they are looked for."""


def test_credentials_come_from_where_they_are_read() -> None:
    """Set at its nth place and all later ones, a key or token is the nth, and comes from there in words."""
    place = {"vod:region": "r", "vod:projectId": "p"}
    for first in range(len(KEYS)):
        values = {name: f"{name.replace(':', '-')}-value" for names in KEYS[first:] for name in names}
        read, configuration = of(place | values)
        names = KEYS[first]
        expected = [f"{name.replace(':', '-')}-value" for name in names]
        found = read.credentials
        if isinstance(found, AccessKey):
            assert [found.access_key, found.secret_key, found.security_token] == expected
        else:
            assert isinstance(found, Token)
            assert [found.token] == expected
        told = configuration.credentials()
        assert all(name in told for name in names)
        assert not any(name in told for later in KEYS[first + 1 :] for name in later)
        assert "-value" not in told


def test_the_command_line_comes_before_the_stack_and_the_environment() -> None:
    """--config wins, and the words say so."""
    environ = {"HOME": "/h", "HW_REGION_NAME": "r-env"}
    configuration = Configuration(BASE, {"vod:region": "r-given"}, environ)
    assert configuration.load().region == "r-given"
    assert configuration.origin(table.REGION) == "vod:region by --config"
    assert configuration.origin(table.PROJECT) == "vod:projectId of the stack"
    assert Configuration({}, {}, environ).origin(table.REGION) == "HW_REGION_NAME of the environment"
    assert Configuration({}, {}, environ).origin(table.PROJECT) == ""


def test_another_account_is_told_from_the_stacks_own() -> None:
    """--account takes credentials and project of that account, and the words say so."""
    stack = BASE | {"vod:accounts": '{"o": {"token": "T", "projectId": "p-o"}}'}
    configuration = Configuration(stack, {}, {"HOME": "/h"}, account="o")
    assert (configuration.load().credentials, configuration.load().project_id) == (Token("T"), "p-o")
    assert configuration.credentials() == "o of vod:accounts of the stack"
    assert configuration.origin(table.PROJECT) == "vod:accounts of the stack"


@pytest.mark.parametrize("pair", ["region=cn-north-4", "vod:region", "=x", ""])
def test_a_setting_without_a_full_name_is_refused(pair: str) -> None:
    """--config takes full names, and does not repeat what may be a secret."""
    with pytest.raises(CommandError, match=r"--config .*expected KEY=VALUE"):
        gather([pair], None, NO_ENGINE)


def test_a_value_may_have_an_equals_sign() -> None:
    """Base64 does."""
    assert gather(["vod:token=a=b=="], None, NO_ENGINE).given == {"vod:token": "a=b=="}


def test_what_is_missing_names_the_flags_too() -> None:
    """Besides what `settings` says, a command can take a stack or a flag."""
    with pytest.raises(
        CommandError, match=r"no credentials, no region, no project: .*--stack NAME, or --config KEY=VALUE"
    ):
        loaded(Configuration({}, {}, {"HOME": "/h"}))


@pytest.mark.parametrize("words", [("orphans",), ("orphans", "--json"), ("doctor",), ("rehearse", "--yes")])
def test_a_proxy_that_can_be_none_ends_every_command(
    command: Command, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    """In a line that names its variable and shows nothing of its address; nobody is asked."""
    monkeypatch.setenv("HTTPS_PROXY", "http://me:hid/den@proxy.example:3128")
    given = {"vod:endpoint": "https://vod.example", "vod:projectId": "p", "vod:token": "T"}
    done = command(*words, *(word for name, value in given.items() for word in ("--config", f"{name}={value}")))
    assert done.status == (1 if words == ("doctor",) else 2)
    assert "HTTPS_PROXY is no address of a proxy" in " ".join(f"{done.out} {done.err}".split())
    assert "hid" not in f"{done.out} {done.err}"
