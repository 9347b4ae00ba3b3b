"""`python -m vod_provider doctor`: whether everything is there that an `up` needs, and what to do where it is not."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import itertools
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict

from vod_provider.audio.ledger_records import LedgerError
from vod_provider.cli import layout, ledgers
from vod_provider.cli.checks import Check, not_tried
from vod_provider.cli.configuration import Configuration
from vod_provider.cli.console import Console
from vod_provider.cli.engine import INSTALL, Engine
from vod_provider.cli.errors import CommandError
from vod_provider.cli.permissions import Permissions
from vod_provider.cli.reach import Reach
from vod_provider.config import table
from vod_provider.config.ledger_location import LedgerFile
from vod_provider.config.settings import Settings, SettingsError
from vod_provider.vod.signing import AccessKey
from vod_provider.vod.transport import Transport

PACKAGE = "pulumi-huaweicloud-vod"
_LANGUAGE_HOST = "pulumi-language-python"


def run(engine: Engine, configure: Callable[[], Configuration], console: Console, *, as_json: bool) -> int:
    """Make all checks, show them, and return the exit status: 1 if one failed."""
    checks = []
    for check in itertools.chain(pulumi_checks(engine), vod_checks(configure)):
        console.progress(f"checked: {check.name}")
        checks.append(check)
    if as_json:
        console.print([json.dumps({"checks": [asdict(check) for check in checks]}, indent=2, ensure_ascii=False)])
    else:
        console.print(report(checks))
    return int(any(check.result == "fail" for check in checks))


# -- Pulumi ------------------------------------------------------------------------------------------------------


def pulumi_checks(engine: Engine) -> Iterator[Check]:
    """Engine, language host and SDK."""
    program = engine.program()
    if program is None:
        yield Check("Pulumi's engine", "fail", "there is no pulumi on PATH", INSTALL)
    else:
        try:
            yield Check("Pulumi's engine", "ok", f"{engine.version()} ({program})")
        except CommandError as exc:
            yield Check("Pulumi's engine", "fail", str(exc), INSTALL)
    host = engine.program(_LANGUAGE_HOST)
    if host is None:
        yield Check("its language host", "fail", f"no {_LANGUAGE_HOST} on PATH or beside pulumi", INSTALL)
    else:
        yield Check("its language host", "ok", str(host))
    yield sdk_check()


def sdk_check(
    version: Callable[[str], str] = importlib.metadata.version,
    requires: Callable[[str], list[str] | None] = importlib.metadata.requires,
) -> Check:
    """Pulumi's Python SDK in this environment, against what this package's own metadata asks for."""
    name = "Pulumi's Python SDK"
    try:
        installed, wanted = version("pulumi"), requires(PACKAGE) or []
    except importlib.metadata.PackageNotFoundError as exc:
        return Check(name, "fail", f"{exc.name} is not installed here", f"pip install {PACKAGE}")
    specifier = next((one.removeprefix("pulumi") for one in wanted if re.match(r"pulumi[<>=]", one)), "")
    if not _allows(specifier, installed):
        return Check(name, "fail", f"{installed} is not {specifier}", f'pip install "pulumi{specifier}"')
    if importlib.util.find_spec("pulumi.dynamic.__main__") is None:
        return Check(name, "fail", f"{installed} has no host for dynamic resources", f'pip install "pulumi{specifier}"')
    return Check(name, "ok", f"{installed} ({specifier}), with its host for dynamic resources")


def _allows(specifier: str, version: str) -> bool:
    """Whether a version is within bounds as '>=3.200,<4'; no other operators are in use."""
    here = _numbers(version)
    return all(
        here >= _numbers(bound) if operator == ">=" else here < _numbers(bound)
        for operator, bound in re.findall(r"(>=|<)\s*([\d.]+)", specifier)
    )


def _numbers(version: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", version)[:3]]


# -- VOD ---------------------------------------------------------------------------------------------------------


def vod_checks(configure: Callable[[], Configuration]) -> Iterator[Check]:
    """Settings, journal, and what can be found out over the network, which needs the settings."""
    try:
        configuration = configure()
        here = configuration.load()
    except CommandError as exc:
        yield Check("configuration", "fail", str(exc))
    except SettingsError as exc:
        found = "; ".join(configuration.found()) or "nothing"
        yield Check("configuration", "fail", f"{exc}. Found: {found}")
    else:
        yield from settings_checks(configuration, here)
        yield journal_check(configuration, here)
        reach = Reach(f"{here.endpoint}/v1.0/{here.project_id}/asset/info")
        yield from reach.checks()
        if reach.reached:
            to = Transport(here.endpoint, here.project_id, here.credentials, account=here.account)
            yield from Permissions(to, account=here.account).checks()
        else:
            yield not_tried("credentials, permissions", "VOD cannot be reached")
        return
    yield not_tried("all of VOD", "without settings there is nobody to ask")


def settings_checks(configuration: Configuration, here: Settings) -> Iterator[Check]:
    """Each setting and where it comes from; of a key its beginning, of secrets nothing."""
    endpoint = configuration.origin(table.ENDPOINT) or f"made of the region, {configuration.origin(table.REGION)}"
    ignored = here.ignored_region(None)
    if ignored:
        yield Check("region", "warn", f"{ignored} ({configuration.origin(table.REGION)})")
    elif here.region:
        yield Check("region", "ok", f"{here.region} ({configuration.origin(table.REGION)})")
    yield Check("endpoint", "ok", f"{here.endpoint} ({endpoint})")
    yield Check("project", "ok", f"{here.project_id} ({configuration.origin(table.PROJECT)})")
    if isinstance(here.credentials, AccessKey):
        key = here.credentials.access_key
        # Its beginning tells it from others, and too little of a secret that was put in the wrong place.
        shown = f"{key[:4]}..." if len(key) >= 16 else "there is one"
        yield Check("access key", "ok", f"{shown} ({configuration.credentials()})")
    else:
        yield Check("token", "ok", f"there is one, valid for 24 hours at most ({configuration.credentials()})")
    for setting in (table.QUOTAS, table.TIMEOUTS, table.EVENTS, table.DEBUG):
        if configuration.origin(setting):
            yield Check(setting.key, "ok", f"set ({configuration.origin(setting)})")


def journal_check(configuration: Configuration, here: Settings) -> Check:
    """Whether the ledger can be read and written; opening it is what `up` does, too."""
    warnings: list[str] = []
    try:
        location = here.ledger
        ledger = ledgers.opened(configuration, here, warnings.append)
        ledgers.check(ledger, here, warnings.append)
        requests, holders = ledger.everything(f"{here.endpoint} {here.project_id}")
    except (SettingsError, LedgerError) as exc:
        return Check("journal", "fail", str(exc))
    if warnings:
        remedy = "look with `python -m vod_provider orphans` for audios that only it knew"
        return Check("journal", "warn", warnings[0], remedy if isinstance(location, LedgerFile) else "")
    waiting = len(requests)
    known = f"{waiting + len(holders)} of its entries are of this project, {waiting} of them not yet in a stack"
    origin = configuration.origin(table.JOURNAL)
    return Check("journal", "ok", f"{location}{f' ({origin})' if origin else ''}: {known}")


# -- words -------------------------------------------------------------------------------------------------------


def report(checks: Iterable[Check]) -> Iterator[str]:
    """The checks for people: what was found in lines as they fit, the remedy below it."""
    shown = [("CHECK", "RESULT", "FOUND", "")]
    shown += [(it.name, it.result.upper() if it.result == "fail" else it.result, it.found, it.remedy) for it in checks]
    wide = max(layout.columns(row[0]) for row in shown)
    room = layout.WIDTH - wide - len("  RESULT  ")
    for name, result, found, remedy in shown:
        lines = layout.wrap(layout.clean(found), room) + (
            layout.wrap(layout.clean(f"-> {remedy}"), room) if remedy else []
        )
        for index, line in enumerate(lines):
            start = (name, result) if index == 0 else ("", "")
            yield f"{start[0]:{wide}}  {start[1]:6}  {line}"
    failed = sum(row[1] == "FAIL" for row in shown)
    warned = sum(row[1] == "warn" for row in shown)
    yield ""
    yield f"{layout.count(len(shown) - 1, 'check')}: {failed} failed, {layout.count(warned, 'warning')}."
