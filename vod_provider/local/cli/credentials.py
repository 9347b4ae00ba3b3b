"""Credentials of both commands: from an option, a file, the environment, or those that everybody knows."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from vod_provider.local.cli.errors import CredentialsError
from vod_provider.local.http.auth import Credentials

DEFAULT_ACCESS_KEY = "local-access-key"
DEFAULT_SECRET_KEY = "local-secret-key"  # noqa: S105  # known to everybody, for loopback only
DEFAULT_PROJECT = "0123456789abcdef0123456789abcdef"
DEFAULT_TOKEN = "local-token"  # noqa: S105
ENVIRONMENT = "VOD_LOCAL_"
_MOST_FILE_BYTES = 64 * 1024


@dataclass(frozen=True)
class _Source:
    """One of them: its option (with `_` for `-`), its default, and whether it is a secret, which has a file too."""

    name: str
    default: str | None
    help: str
    secret: bool = True

    @property
    def option(self) -> str:
        return "--" + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        return ENVIRONMENT + self.name.upper()

    def add_to(self, parser: argparse.ArgumentParser) -> None:
        default = f"; default: {self.default}" if self.default else ""
        parser.add_argument(self.option, metavar="TEXT", help=f"{self.help} (or ${self.variable}{default})")
        if self.secret:
            parser.add_argument(
                f"{self.option}-file", type=Path, metavar="FILE", help=f"a file that holds {self.option}"
            )

    def read(self, options: argparse.Namespace, environ: Mapping[str, str]) -> str | None:
        """The value: an option comes before a file, a file before the environment."""
        given: str | None = getattr(options, self.name)
        file: Path | None = getattr(options, f"{self.name}_file", None)
        if given is not None and file is not None:
            raise CredentialsError(f"give {self.option} or {self.option}-file, not both")
        if given is None and file is not None:
            given = _first_line(file, f"{self.option}-file")
        if given is None:
            given = environ.get(self.variable, self.default)
        if given is not None and not (given.isascii() and given.isprintable() and given.strip() == given != ""):
            # An empty secret would match a caller who sends an empty one; others cannot stand in a header.
            raise CredentialsError(f"{self.option} must be ASCII, without blanks around it, and not empty")
        return given


_ACCESS_KEY = _Source("access_key", DEFAULT_ACCESS_KEY, "access key", secret=False)
_SECRET_KEY = _Source("secret_key", DEFAULT_SECRET_KEY, "secret key")
_TOKEN = _Source("token", DEFAULT_TOKEN, "what X-Auth-Token must hold")
_SECURITY_TOKEN = _Source(
    "security_token", None, "makes the key pair a temporary one, which needs this X-Security-Token"
)


def add_key_pair(parser: argparse.ArgumentParser) -> None:
    """Add the options of what a call is signed with."""
    for source in (_ACCESS_KEY, _SECRET_KEY, _SECURITY_TOKEN):
        source.add_to(parser)
    parser.add_argument("--project", default=DEFAULT_PROJECT, help="project id (default: %(default)s)")


def add_token(parser: argparse.ArgumentParser) -> None:
    """Add the options of what a call may carry instead of a signature."""
    _TOKEN.add_to(parser)


def read_credentials(options: argparse.Namespace, environ: Mapping[str, str]) -> Credentials:
    """The credentials that the options name. Raises CredentialsError."""
    return Credentials(
        access_key=_ACCESS_KEY.read(options, environ) or "",
        secret_key=_SECRET_KEY.read(options, environ) or "",
        token=(_TOKEN.read(options, environ) or "") if hasattr(options, _TOKEN.name) else DEFAULT_TOKEN,
        security_token=_SECURITY_TOKEN.read(options, environ),
    )


def known_to_everybody(credentials: Credentials) -> bool:
    """Whether any of them is a default of this program."""
    defaults = {DEFAULT_ACCESS_KEY, DEFAULT_SECRET_KEY, DEFAULT_TOKEN}
    return bool(defaults & {credentials.access_key, credentials.secret_key, credentials.token})


def _first_line(file: Path, option: str) -> str:
    try:
        with file.open("rb") as opened:
            text = opened.read(_MOST_FILE_BYTES).decode()
    except OSError as exc:
        raise CredentialsError(f"{option} {file}: {exc.strerror or exc}") from exc
    except UnicodeDecodeError as exc:
        raise CredentialsError(f"{option} {file}: this is no text") from exc
    return text.partition("\n")[0].strip()
