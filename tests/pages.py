"""What pages of the documentation have their readers write and run."""

from __future__ import annotations

import re
import shlex
import subprocess

from tests.vod import LocalVod

_COMMAND = re.compile(r"^\$ ((?:.*\\\n)*.*)$", re.MULTILINE)
_CURL = re.compile(r"^\$ (curl (?:.*\\\n)*.*)$", re.MULTILINE)


def blocks(text: str, language: str) -> list[str]:
    """The code blocks in that language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def sections(text: str) -> dict[str, str]:
    """What stands below each heading of the second level, by the heading."""
    parts = text.split("\n## ")[1:]
    return {heading: body for heading, _, body in (part.partition("\n") for part in parts)}


def commands(text: str) -> list[str]:
    """The commands that a page shows after a prompt, continued lines made one."""
    return [found.replace("\\\n", " ") for found in _COMMAND.findall(text)]


def curls(text: str) -> list[str]:
    """The commands with curl, continued lines made one."""
    return [command.replace("\\\n", " ") for command in _CURL.findall(text)]


def ask(command: str, vod: LocalVod) -> None:
    """Ask the local VOD what a page has its reader ask with curl; it has to be taken."""
    words = shlex.split(command.replace("http://127.0.0.1:8480", vod.endpoint))
    assert vod.endpoint in " ".join(words), command
    subprocess.run([*words, "--silent", "--fail", "--max-time", "20"], stdout=subprocess.DEVNULL, check=True)
