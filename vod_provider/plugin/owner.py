"""Which resource this is, on every machine: its backend and its URN. The same URN elsewhere is another resource.

Reads two files at most: the project's, which may name a backend, and the one in which `pulumi login` keeps the current
one. No credential of a backend's URL is kept.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

TYPES = ("pulumi-python:dynamic/vod:ExtractedAudio", "vod:index:ExtractedAudio")
"""The type of an audio of the dynamic provider, and of the native plugin."""
SET_TYPES = ("pulumi-python:dynamic/vod:ExtractedAudioSet", "vod:index:ExtractedAudioSet")
"""The same of a set of audios."""
_PROJECT = ("Pulumi.yaml", "Pulumi.yml")
_SERVICE = "https://api.pulumi.com"
"""Pulumi Cloud, the backend of whoever has chosen none. Source: `pulumi login --help`."""


def owner_of(backend: str, urn: str) -> str:
    """The owner of an audio, as the ledger has it: 'BACKEND URN'; '' where the host does not say which resource."""
    return f"{backend} {urn}" if urn else ""


class Parts(NamedTuple):
    """What an owner consists of; `resource` is the rest of the URN (types and name) and the key of an entry."""

    backend: str
    stack: str
    project: str
    resource: str


def parts_of(owner: str) -> Parts:
    """The inverse of `owner_of`."""
    backend, _, urn = owner.partition(" urn:pulumi:")
    stack, _, rest = urn.partition("::")
    project, _, resource = rest.partition("::")
    return Parts(backend, stack, project, resource)


def of_other_type(owner: str) -> str:
    """The owner of the same name and stack whose resource is of the other of our two types.

    A program that changes from one type to the other declares the same resource; see 'In other languages'.
    """
    for types in (SET_TYPES, TYPES):
        for here, there in (types, types[::-1]):
            if f"{here}::" in owner:
                return owner.replace(f"{here}::", f"{there}::", 1)
    return owner


def owner_now(environ: Mapping[str, str], written: str) -> str:
    """What an owner that a version before has written is called today.

    Those wrote PULUMI_BACKEND_URL as it was, or else PULUMI_HOME, or else nothing: then it was the current backend.
    """
    former, _, urn = written.rpartition(" ")
    if former in {"", environ.get("PULUMI_HOME", "")}:
        return owner_of(backend(environ), urn)
    return f"{identity(former)} {urn}"


def backend(environ: Mapping[str, str]) -> str:
    """The identity of the backend that holds the state. Source of the order: `GetCurrentCloudURL` of the engine."""
    given = environ.get("PULUMI_BACKEND_URL", "").strip()
    return identity(given or _of_project() or _logged_in(environ) or _SERVICE)


def identity(url: str) -> str:
    """The part of a backend's URL that tells it from others, in one spelling, without user, password and options.

    Of the options only the endpoint tells backends apart: a bucket of another endpoint is another bucket. A folder with
    a relative path is another one in each copy of the project, whose stacks have the same names.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        endpoint = _host(parse_qs(parts.query).get("endpoint", [""])[0])
    except ValueError:
        return "?"  # nothing of it is shown: there may be a password in it
    if parts.scheme == "file":
        folder = Path(url.removeprefix("file://").partition("?")[0]).expanduser()
        if not folder.is_absolute():  # the engine takes it from where it was started, in the project's folder as a rule
            folder = Path(os.path.normpath(project_folder() / folder))
        return f"file://{folder}"
    # Names of buckets are lower case, those of Azure's containers too; `hostname` makes them so.
    shown = f"{parts.scheme}://{host}{f':{port}' if port else ''}{parts.path.rstrip('/')}"
    return f"{shown}?endpoint={endpoint}" if endpoint else shown


def _host(endpoint: str) -> str:
    parts = urlsplit(endpoint if "//" in endpoint else f"//{endpoint}")
    return f"{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}"


def project_folder() -> Path:
    """Where the project's Pulumi.yaml is. The engine runs a plugin inside of the project, perhaps in its `main`."""
    here = Path.cwd()
    return next((it for it in (here, *here.parents) if any((it / name).is_file() for name in _PROJECT)), here)


def _of_project() -> str:
    """The backend that the project's Pulumi.yaml names; '' for none."""
    for name in _PROJECT:
        with suppress(OSError, UnicodeDecodeError):
            return _backend_in((project_folder() / name).read_text(encoding="utf-8"))
    return ""


def _backend_in(project: str) -> str:
    if "backend" not in project:
        return ""
    import yaml  # takes longer to load than all else that is done here, and is seldom needed

    try:
        url = yaml.safe_load(project).get("backend", {}).get("url", "")
    except (AttributeError, yaml.YAMLError):
        return ""
    return url if isinstance(url, str) else ""


def _logged_in(environ: Mapping[str, str]) -> str:
    """The backend that `pulumi login` has chosen; '' for none."""
    home = environ.get("PULUMI_HOME") or (f"{environ['HOME']}/.pulumi" if environ.get("HOME") else "")
    if not home:
        return ""
    try:
        current = json.loads((Path(home) / "credentials.json").read_text(encoding="utf-8")).get("current", "")
    except (OSError, ValueError, AttributeError):
        return ""
    return current if isinstance(current, str) else ""
