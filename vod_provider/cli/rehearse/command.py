"""The command `rehearse`: says what it will do, asks, does it, removes what it made, and reports."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from vod_provider.cli import layout
from vod_provider.cli.configuration import Configuration, loaded
from vod_provider.cli.console import Console
from vod_provider.cli.errors import CommandError
from vod_provider.cli.rehearse import report
from vod_provider.cli.rehearse.callbacks import collected
from vod_provider.cli.rehearse.record import Record
from vod_provider.cli.rehearse.service import Service
from vod_provider.cli.rehearse.steps import EXTRACTIONS, MARK, UPLOADS, Rehearsal, Waits
from vod_provider.config.settings import Settings
from vod_provider.vod.signing import AccessKey, Credentials, Token
from vod_provider.vod.transport import Transport

CLIP_S = 3
DENIED = ("REHEARSE_DENIED_ACCESS_KEY", "REHEARSE_DENIED_SECRET_KEY", "REHEARSE_DENIED_SECURITY_TOKEN")
"""Environment variables with a second key of the same account, which is denied everything at VOD."""


@dataclass(frozen=True)
class Options:
    """What was asked for. `output` is a file for the JSON; `clean` only removes what earlier rehearsals left."""

    yes: bool = False
    clean: bool = False
    as_json: bool = False
    output: Path | None = None


def run(
    options: Options,
    configuration: Configuration,
    environ: Mapping[str, str],
    console: Console,
    waits: Waits | None = None,
) -> int:
    """The exit status: 0 done and all removed, 1 something is left behind. Raises CommandError."""
    here = loaded(configuration)
    if not options.yes and (options.as_json or not console.asks):
        raise CommandError("there is nobody to ask: read what it does without --json first, then add --yes")
    denied = _denied(environ)
    record = Record(_record_file(here, environ))
    with record.held(), collected(None if options.clean else here.events) as callbacks:
        rehearsal = Rehearsal(
            _service(here, here.credentials),
            record,
            console.progress,
            clip=resources.files("vod_provider.cli.rehearse").joinpath("clip.mp4").read_bytes(),
            wrong=_service(here, _wrong(here.credentials)),
            denied=None if denied is None else _service(here, denied),
            callbacks=callbacks if here.events is not None else None,
            key=here.events.key if here.events is not None else "",
            waits=waits,
        )
        remains = rehearsal.remains()
        for line in [] if options.as_json else _announcement(here, len(remains), options, denied is not None):
            console.print(layout.paragraph(line))
        if not options.yes and console.ask("Type yes to begin, anything else to leave: ") != "yes":
            console.say("Nothing was done.")
            return 0
        left = rehearsal.clean(remains)
        failure = None
        if not options.clean:
            try:
                rehearsal.run()
            except CommandError as exc:
                failure = exc
            finally:
                left += _removed(rehearsal, console)
    if not options.clean:
        _report(rehearsal, here, denied, options, console, left)
    for asset_id in left:
        console.say(f"asset {asset_id} could not be removed; run `rehearse --clean` later")
    if failure is not None:  # after the report of what was found before it
        raise failure
    return 1 if left else 0


def _removed(rehearsal: Rehearsal, console: Console) -> list[str]:
    """Remove what was made, also after Ctrl-C; returns what is left. A second Ctrl-C leaves it to the next run."""
    try:
        left = rehearsal.clean()
        # What was asked for when it was interrupted, and VOD made without our knowing its id.
        return left + rehearsal.clean([one for one in rehearsal.remains() if one not in left])
    except KeyboardInterrupt:
        console.say("What is left is written down: `rehearse --clean` removes it.")
        raise


def _announcement(here: Settings, remains: int, options: Options, denied: bool) -> Sequence[str]:
    place = f"project {here.project_id} at {here.endpoint}"
    earlier = f"removes {layout.count(remains, 'asset')} that an earlier rehearsal left" if remains else ""
    if options.clean:
        return [f"This {earlier or 'has nothing to remove'} in {place}.", ""]
    return [
        f"This rehearsal tries out VOD in {place}. It" + (f" {earlier}," if earlier else ""),
        f"- uploads {UPLOADS} clips of {CLIP_S} s (12 kB each), titled '{MARK} ...';",
        f"- asks for {EXTRACTIONS} extractions from them, of which it cancels what it can;",
        "- changes and publishes one of the audios, which anybody who knows its address can fetch for some seconds;",
        "- sends one request with a wrong signature"
        + (", and three with the second key, which VOD should deny;" if denied else ";"),
        "- deletes all of it again, also after Ctrl-C. It reads the titles of the last week's assets to find what an"
        " earlier rehearsal left, and touches nothing that is not its own.",
        f"It costs at most {EXTRACTIONS} extractions of {CLIP_S} s, {EXTRACTIONS * CLIP_S} s of sound in all (VOD may"
        f" round each up to a minute), and the storage of {UPLOADS * 12 + 100} kB for a few minutes.",
        "",
    ]


def _report(
    rehearsal: Rehearsal,
    here: Settings,
    denied: Credentials | None,
    options: Options,
    console: Console,
    left: Sequence[str],
) -> None:
    findings = report.ordered(rehearsal.findings)
    secrets = [*_secrets(here.credentials), *(_secrets(denied) if denied else ()), here.project_id]
    secrets += [here.events.key] if here.events is not None else []
    document = report.as_json(findings, endpoint=here.endpoint, secrets=secrets, left=left)
    written = json.dumps(document, indent=2, ensure_ascii=False)
    if options.output is not None:
        try:
            options.output.write_text(written + "\n", encoding="utf-8")
        except OSError as exc:
            console.say(f"--output {options.output}: {exc.strerror}; here it is instead")
            console.print([written])
    console.print([written] if options.as_json else report.table(findings))


def _service(here: Settings, credentials: Credentials) -> Service:
    return Service(Transport(here.endpoint, here.project_id, credentials, account=here.account), time.sleep)


def _wrong(credentials: Credentials) -> Credentials:
    """Credentials that no gateway takes."""
    if isinstance(credentials, AccessKey):
        return AccessKey(credentials.access_key, "wrong-on-purpose", credentials.security_token)
    return Token("wrong-on-purpose")


def _denied(environ: Mapping[str, str]) -> Credentials | None:
    access_key, secret_key, security_token = (environ.get(name, "").strip() for name in DENIED)
    if bool(access_key) != bool(secret_key):
        raise CommandError(f"{DENIED[0]} and {DENIED[1]} have to be set together")
    return AccessKey(access_key, secret_key, security_token or None) if access_key else None


def _secrets(credentials: Credentials) -> list[str]:
    if isinstance(credentials, AccessKey):
        return [credentials.access_key, credentials.secret_key, credentials.security_token or ""]
    return [credentials.token] if isinstance(credentials, Token) else []


def _record_file(here: Settings, environ: Mapping[str, str]) -> Path:
    """One file for each place, beside the journal's usual folder."""
    state = Path(environ.get("XDG_STATE_HOME") or "")
    if not state.is_absolute():
        home = Path(environ.get("HOME") or environ.get("USERPROFILE") or "")
        if not home.is_absolute():
            raise CommandError("the environment variable HOME is not set: there is no place to note what is made")
        state = home / ".local" / "state"
    place = hashlib.sha256(f"{here.endpoint} {here.project_id}".encode()).hexdigest()[:16]
    return state / "pulumi-huaweicloud-vod" / f"rehearsal-{place}.json"
