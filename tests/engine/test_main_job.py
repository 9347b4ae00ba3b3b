"""The README's first commands: `make up` and the others, in a clone of their own."""

from __future__ import annotations

import re
import shutil

from tests.engine.clone import Clone
from tests.engine.conftest import ROOT
from tests.pages import blocks
from tools import service

README = (ROOT / "README.md").read_text()


def alike(text: str) -> list[str]:
    """The lines without what differs from run to run: ids, times, seconds, spaces."""
    for pattern, word in ((r"\b[0-9a-f]{32}\b", "ID"), (r"\d\d:\d\d:\d\d", "TIME"), (r"\b\d+s\b", "SECONDS")):
        text = re.sub(pattern, word, text)
    return [" ".join(line.split()) for line in text.splitlines()]


def test_make_up_says_what_the_readme_shows(clone: Clone) -> None:
    """Each line of the README is said; up again changes nothing; preview, refresh and down do what they say."""
    (shown,) = (block for block in blocks(README, "console") if "Previewing" in block)
    making, ready, *rest = shown.replace("8480", str(clone.port)).splitlines()
    assert making in (ROOT / "tools/environment.py").read_text(), "said where the environment has to be made"
    assert ready.startswith("The Python environment is ready (")
    said = clone.make("up")
    assert [line for line in alike("\n".join(rest)) if line not in alike(said)] == []
    (listen,) = re.findall(r"^Listen: +(\S+)$", said, re.MULTILINE)
    audio_id = listen.split("/")[-2]
    assert "2 unchanged" in clone.make("up")
    assert "2 unchanged" in clone.make("preview")
    assert "2 unchanged" in clone.make("refresh")
    assert audio_id in clone.make("up"), "the same audio still"
    assert "2 deleted" in clone.make("down")
    assert service.is_free(clone.port), "the local VOD is ended"
    assert "There is no stack" in clone.make("down")


def test_a_preview_without_a_stack_says_what_it_does(clone: Clone) -> None:
    """`make preview` where there is nothing says that it starts the service and makes a stack, and how to undo that."""
    said = clone.make("preview")
    assert "this starts the local VOD, uploads the sample video" in said
    assert "2 to create" in said
    assert "2 deleted" not in clone.make("down")


def test_the_shell_runs_an_example(clone: Clone) -> None:
    """What `make shell` prints as an example, typed into that shell, makes a project and its audio."""
    shutil.copytree(ROOT / "examples", clone.folder / "examples")
    clone.environ["SHELL"] = "/bin/sh"
    said = clone.make("shell", "exit\n")
    (typed,) = re.findall(r"For example:\n(.*?)`exit` leaves it", said, re.DOTALL)
    done = clone.make("shell", typed.replace("pulumi up", "pulumi up --yes --skip-preview"))
    assert "2 created" in done
    assert "2 deleted" in clone.make("shell", "pulumi destroy --yes --skip-preview --cwd .local/talk\n")
