"""The command line: `serve` runs a local VOD, `upload` puts a file into one."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from vod_provider._version import __version__
from vod_provider.local.cli.credentials import add_key_pair, add_token, known_to_everybody, read_credentials
from vod_provider.local.cli.errors import CredentialsError
from vod_provider.local.core.dialects import parse
from vod_provider.local.core.errors import DialectError
from vod_provider.local.core.hosts import split_url

DEFAULT_PORT = 8480
MOST_PORT = 65535
_DESCRIPTION = """\
A local VOD: the API of Huawei Cloud's Video on Demand on this machine, with real audio extraction.
"""
_SERVE_HELP = """\
Point any client of VOD at the address that is printed, for example the official Python client:

  VodClient.new_builder()
      .with_credentials(BasicCredentials("local-access-key", "local-secret-key", PROJECT))
      .with_endpoint("http://127.0.0.1:8480")

then try:

  vod-local upload holiday.mp4 --title Holiday     prints the id of the new asset
  curl http://127.0.0.1:8480/_local/calls          which calls came in, and how they were answered
  curl -X PUT http://127.0.0.1:8480/_local/settings -d '{"extraction": {"mode": "timed", "seconds": 3}}'
  curl http://127.0.0.1:8480/_local/faults -d '[{"operation": "ExtractAudio", "drop": "after"}]'

A command line can be read by everybody on this machine: give secrets of your own in a file
(--secret-key-file, --token-file) or in the environment.

SIGTERM or Ctrl-C end it cleanly; kill -9 loses nothing: extractions go on at the next start.
Exit status: 0 ended as told, 2 could not start (the reason is on standard error).
"""
_UPLOAD_HELP = """\
Creates an asset, uploads the file to it and confirms the upload, as any client does. Standard output
holds nothing but the asset's id. Exit status: 0 the asset is ready, 1 it is not (the reason is on
standard error).
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status."""
    options = _parser().parse_args(arguments)
    if options.command == "serve":
        return _serve(options)
    from vod_provider.local.cli.upload import upload

    try:
        return upload(options, read_credentials(options, os.environ))
    except CredentialsError as exc:
        print(f"vod-local: {exc}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="vod-local", description=_DESCRIPTION)
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="serve | upload")
    raw = argparse.RawDescriptionHelpFormatter
    serve = commands.add_parser("serve", help="run the service", epilog=_SERVE_HELP, formatter_class=raw)
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    serve.add_argument(
        "--port", type=_port, default=DEFAULT_PORT, help="port; 0 takes a free one (default: %(default)s)"
    )
    serve.add_argument(
        "--data", type=Path, default=_default_data(), metavar="DIR", help="where all is kept (default: %(default)s)"
    )
    serve.add_argument(
        "--public-url", type=_url, metavar="URL", help="where clients reach this service (default: host and port)"
    )
    serve.add_argument(
        "--allow-fetch", action="append", default=[], metavar="HOST[:PORT]", type=_host,
        help="a host that UploadMetaDataByUrl may fetch from, beside loopback; may be given several times",
    )  # fmt: skip
    serve.add_argument(
        "--dialect", action="append", default=[], metavar="NAME=VALUE", type=_dialect,
        help="how VOD behaves where public sources leave it open, for example absence=left_out; may be given several "
        "times; the names are in docs/local-vod.md and at /_local/settings",
    )  # fmt: skip
    serve.add_argument("--log-level", choices=("debug", "info", "warning", "error"), default="info")
    serve.add_argument("--log-format", choices=("text", "json"), default="text", help="logs go to standard error")
    add_key_pair(serve)
    add_token(serve)
    upload = commands.add_parser(
        "upload", help="put a file into a running service", epilog=_UPLOAD_HELP, formatter_class=raw
    )
    upload.add_argument("file", type=Path, metavar="FILE")
    upload.add_argument("--title", help="title of the asset (default: the file's name)")
    upload.add_argument("--endpoint", default=f"http://127.0.0.1:{DEFAULT_PORT}", help="default: %(default)s")
    add_key_pair(upload)
    return parser


def _port(given: str) -> int:
    if not given.isascii() or not given.isdigit() or len(given) > len("65535") or int(given) > MOST_PORT:
        raise argparse.ArgumentTypeError(f"{given!r} is no port: 0 to {MOST_PORT}")
    return int(given)


def _url(given: str) -> str:
    parts = split_url(given)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname or not given.isprintable():
        raise argparse.ArgumentTypeError(f"{given!r} is no http or https address")
    return given.rstrip("/")


def _host(given: str) -> str:
    parts = split_url(f"//{given}")
    if parts is None or not parts.hostname or parts.netloc != given or "@" in given:
        raise argparse.ArgumentTypeError(f"{given!r} is not HOST or HOST:PORT")
    return given


def _dialect(given: str) -> tuple[str, str | float]:
    try:
        return parse(given)
    except DialectError as exc:
        raise argparse.ArgumentTypeError(str(exc)) from exc


def _default_data() -> Path:
    base = os.environ.get("XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local" / "share") / "vod-local"


def _serve(options: argparse.Namespace) -> int:
    try:
        from vod_provider.local.cli import logs, server
    except ModuleNotFoundError as exc:
        return _cannot_start(f'{exc.name} is not installed: run `pip install "pulumi-huaweicloud-vod[local]"`')
    from vod_provider.local.core.errors import FolderInUseError, FolderNotOursError
    from vod_provider.local.core.fetch import Allowed
    from vod_provider.local.core.hosts import is_loopback
    from vod_provider.local.core.store import StoreError

    try:
        credentials = read_credentials(options, os.environ)
    except CredentialsError as exc:
        return _cannot_start(str(exc))
    logs.configure(options.log_level, as_json=options.log_format == "json")
    if not is_loopback(options.host):
        if known_to_everybody(credentials):
            return _cannot_start(
                f"{options.host} can be reached from other machines: give --access-key, --secret-key and --token "
                "of your own"
            )
        print(f"warning: {options.host} can be reached from other machines, without TLS", file=sys.stderr)
    try:
        listener = server.listen(options.host, options.port)
    except (OSError, UnicodeError) as exc:  # the latter: a label of the name is empty or too long
        why = getattr(exc, "strerror", None) or exc
        return _cannot_start(f"cannot listen on {options.host}:{options.port}: {why}")
    running = server.Options(
        data=options.data,
        credentials=credentials,
        project=options.project,
        host=options.host,
        port=options.port,
        public_url=options.public_url,
        allowed=Allowed(options.allow_fetch),
        dialects=dict(options.dialect),
    )
    try:
        server.run(running, listener, lambda url: print(f"Local VOD on {url} (data in {options.data})", flush=True))
    except (FolderInUseError, FolderNotOursError, StoreError, OSError) as exc:
        return _cannot_start(f"{options.data}: {exc}")
    return 0


def _cannot_start(why: str) -> int:
    print(f"vod-local: {why}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
