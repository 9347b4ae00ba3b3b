"""The README's first commands: `make up` and the others, in a clone of their own."""

from __future__ import annotations

import re

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
