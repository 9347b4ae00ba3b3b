"""Chromium for the tests: found, or a clear word on what to install."""

from __future__ import annotations

import pytest

from tools import browser
from tools.console import ToolError


def test_a_chromium_on_path_is_enough() -> None:
    """Where one of its names is on PATH, nothing is installed."""
    browser.ensure(which={"google-chrome": "/usr/bin/google-chrome"}.get)


@pytest.mark.parametrize(("found", "user"), [({}, 0), ({"apt-get": "/usr/bin/apt-get"}, 1000)])
def test_what_cannot_be_installed_is_asked_for(found: dict[str, str], user: int) -> None:
    """Without apt-get, or without the right to use it, one line says what to install."""
    with pytest.raises(ToolError, match="apt-get install chromium"):
        browser.ensure(which=found.get, user=lambda: user)
