"""The commands for people: `python -m vod_provider orphans`, `doctor`, `rehearse`. Arguments and exit statuses only."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from vod_provider._version import __version__
from vod_provider.cli import configuration, doctor, layout, orphans, states
from vod_provider.cli.configuration import Configuration
from vod_provider.cli.console import Console
from vod_provider.cli.engine import Engine
from vod_provider.cli.errors import CommandError
from vod_provider.cli.rehearse import command as rehearse
from vod_provider.cli.states import StackName, State
from vod_provider.vod.errors import VodError

PROG = "python -m vod_provider"
_CONFIGURATION = """\
Settings are looked for as `pulumi up` does it: --config first, then the stack of --stack (the
first, where there are several), then the environment (HUAWEICLOUD_SDK_AK, HW_REGION_NAME ...).
Keep secrets out of --config: other users of the machine can see command lines.
"""
_ORPHANS = """\
Lists the audios of the project by who knows them. An orphan is what the ledger knows as asked for
by us and no state that is given holds. What neither the ledger nor a state knows is unknown: VOD
does not record what an audio was made of, nor by whom. Give every stack that uses the project.
Nothing is changed without --delete, which deletes orphans, and of the others what --id names.
"""
_ORPHANS_EXAMPLES = """\
examples:
  %(prog)s --stack dev --stack prod --cwd ./media
  pulumi stack export --stack dev | %(prog)s --stack-state -
  %(prog)s --stack-state dev.json --older-than 7d --delete
  %(prog)s --stack dev --json | jq '.totals'

exit status: 0 done, 1 an audio could not be deleted, 2 something given cannot be used or VOD
cannot be asked, 130 interrupted
"""
_DOCTOR = """\
Checks what `pulumi up` needs: Pulumi itself, settings and where each comes from, journal, endpoint,
clock, credentials, each permission, quotas. Says what to do where something is missing. Shows no
secret. Permissions are tried on an asset that is made up by chance and does not exist, so nothing
is changed and nothing is paid.
"""
_DOCTOR_EXAMPLES = """\
examples:
  %(prog)s --stack dev --cwd ./media
  HW_REGION_NAME=cn-north-4 %(prog)s --config vod:projectId=ID
  %(prog)s --json | jq -r '.checks[] | select(.result == "fail")'

exit status: 0 nothing failed (there may be warnings), 1 something failed, 130 interrupted
"""
_REHEARSE = """\
Settles what no public source says of VOD: uploads clips of three seconds, extracts audio from
them, looks at every answer, deletes all of it again, and compares what it saw with what the
provider assumes. Says first what it will do and what that costs at most, and asks. What a run
leaves behind that was killed, the next one removes. Needs a key that may do everything at VOD.

With REHEARSE_DENIED_ACCESS_KEY and REHEARSE_DENIED_SECRET_KEY in the environment, a key of the
same account that may do nothing at VOD, it also sees how a permission is denied. Where vod:events
is set, it looks at a callback, too.
"""
_REHEARSE_EXAMPLES = """\
examples:
  %(prog)s --stack dev --output rehearsal.json
  HW_REGION_NAME=cn-north-4 %(prog)s --config vod:projectId=ID --yes --json
  %(prog)s --stack dev --clean

exit status: 0 done and all removed, 1 something could not be removed, 2 something given cannot be
used or VOD did not go along, 130 interrupted
"""


def main(arguments: Sequence[str] | None = None, console: Console | None = None) -> int:
    """Run a command; returns the exit status. Raises SystemExit for arguments that cannot be."""
    console = console or Console()
    options = _parser().parse_args(arguments)
    engine = Engine(os.environ, options.cwd)
    stacks: list[str] = options.stack or []

    def configure() -> Configuration:
        return configuration.gather(options.config, stacks[0] if stacks else None, engine, options.account)

    try:
        if options.command == "doctor":
            return doctor.run(engine, configure, console, as_json=options.json)
        if options.command == "rehearse":
            wanted = rehearse.Options(options.yes, options.clean, options.json, options.output)
            return rehearse.run(wanted, configure(), os.environ, console)
        asked = orphans.Options(
            states=_states(options, engine, console),
            former=options.former_stack,
            ids=options.id,
            older_than=options.older_than,
            delete=options.delete,
            yes=options.yes,
            as_json=options.json,
        )
        asked.check(terminal=console.asks)
        return orphans.open_orphans(configure(), console).run(asked)
    except (CommandError, VodError) as exc:  # the latter: there is no way to VOD, as by a proxy that can be none
        console.say(f"{PROG} {options.command}: {exc}")
        return 2


def _states(options: argparse.Namespace, engine: Engine, console: Console) -> list[State]:
    found = []
    for stack in options.stack or []:
        console.progress(f"exporting the state of {stack}")
        state = states.parse(engine.export(stack), f"--stack {stack}")
        if state.is_sealed:
            state = states.parse(engine.export(stack, show_secrets=True), f"--stack {stack}")
        found.append(state)
    for file in options.stack_state:
        flag = f"--stack-state {file}"
        try:
            exported = console.input.read() if file == "-" else Path(file).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as exc:
            raise CommandError(f"{flag}: {getattr(exc, 'strerror', None) or exc}") from exc
        found.append(states.parse(exported, flag))
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=PROG, description="Looks after what Pulumi does not see of Huawei Cloud VOD.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="orphans | doctor | rehearse")
    _add_orphans(_command(commands, "orphans", "audios that no stack knows", _ORPHANS, _ORPHANS_EXAMPLES))
    two = _command(commands, "doctor", "check all that an `up` needs", _DOCTOR, _DOCTOR_EXAMPLES)
    two.add_argument("--stack", nargs=1, metavar="NAME", help="the stack whose configuration is checked")
    _add_rehearse(_command(commands, "rehearse", "try out what is unknown of VOD", _REHEARSE, _REHEARSE_EXAMPLES))
    return parser


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, short: str, about: str, examples: str
) -> argparse.ArgumentParser:
    """A command with what all of them have."""
    one = commands.add_parser(
        name,
        help=short,
        description=about,
        epilog=examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,  # nobody is to delete by a slip of the fingers
    )
    one.add_argument("--json", action="store_true", help="print JSON instead of text")
    settings = one.add_argument_group("settings", _CONFIGURATION)
    settings.add_argument(
        "--config", action="append", default=[], metavar="KEY=VALUE", help="a setting, as vod:region=cn-north-4"
    )
    settings.add_argument("--account", metavar="NAME", help="an account of vod:accounts in place of the stack's own")
    settings.add_argument(
        "--cwd", type=Path, default=Path(), metavar="DIR", help="project folder of --stack (default: this one)"
    )
    return one


def _add_orphans(one: argparse.ArgumentParser) -> None:
    one.add_argument(
        "--stack", action="append", metavar="NAME", help="a stack that uses the project; its state is exported"
    )
    one.add_argument(
        "--stack-state", action="append", default=[], metavar="FILE",
        help="what `pulumi stack export` wrote for a stack; '-' is standard input",
    )  # fmt: skip
    one.add_argument(
        "--former-stack", action="append", default=[], type=_stack_name, metavar="PROJECT/STACK",
        help="a stack that was destroyed or removed: what the journal still keeps for it counts as orphaned",
    )  # fmt: skip
    one.add_argument(
        "--older-than", type=_seconds, default="1h", metavar="AGE",
        help="what is younger is listed and never deleted, since it may be a running `up`'s (default: %(default)s)",
    )  # fmt: skip
    one.add_argument(
        "--id", action="append", default=[], metavar="AUDIO",
        help="with --delete: also delete this one, although it is unknown, young or kept; may be given several times",
    )  # fmt: skip
    one.add_argument("--delete", action="store_true", help="delete the orphaned ones, after listing them and asking")
    one.add_argument("--yes", action="store_true", help="do not ask; needed where there is no terminal")


def _add_rehearse(one: argparse.ArgumentParser) -> None:
    one.add_argument("--stack", nargs=1, metavar="NAME", help="the stack whose configuration is used")
    one.add_argument("--yes", action="store_true", help="do not ask; needed where there is no terminal")
    one.add_argument("--clean", action="store_true", help="only remove what an earlier rehearsal left behind")
    one.add_argument("--output", type=Path, metavar="FILE", help="also write the JSON to a file, for a bug report")


def _seconds(given: str) -> float:
    try:
        return layout.seconds(given)
    except ValueError as exc:
        raise argparse.ArgumentTypeError(str(exc)) from exc


def _stack_name(given: str) -> StackName:
    project, slash, stack = given.rpartition("/")
    if not project or not slash or not stack:
        raise argparse.ArgumentTypeError(f"{given!r} names no stack: expected PROJECT/STACK")
    return StackName(project.rpartition("/")[2], stack)


if __name__ == "__main__":
    # As Ctrl-C: a job that is cancelled removes what a rehearsal made.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print(f"{PROG}: interrupted", file=sys.stderr, flush=True)
        os._exit(130)  # threads may wait for an answer of VOD for a minute
    except BrokenPipeError:
        # Whoever read us has gone, as `head` does; nothing may be written any more, not even at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
