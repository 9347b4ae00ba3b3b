"""The language hosts that are built from Go modules: a small program of each runs with the real engine."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.engine.stack import Stack
from tests.languages import build_go, check_typescript, engine_for, environ, install_node_modules

PROGRAMS = Path(__file__).with_name("languages")


def _build_go_program(folder: Path) -> None:
    build_go(folder, "-o", "program", ".")


def _prepare_typescript(folder: Path) -> None:
    install_node_modules(folder)
    check_typescript(folder)


PREPARE: dict[str, Callable[[Path], None]] = {
    "yaml": lambda _: None,
    "nodejs": _prepare_typescript,
    "go": _build_go_program,
}


@pytest.mark.parametrize("language", PREPARE)
def test_a_program_exports_a_value(language: str, tmp_path: Path) -> None:
    """Preview, up and an unchanged up work, and the stack's output is what the program computes."""
    engine = engine_for(language)
    stack = Stack(tmp_path / "stack", engine, {})
    try:
        stack.environ |= environ()
        stack.environ["PATH"] = f"{engine}:{stack.environ['PATH']}"
        shutil.copytree(PROGRAMS / language, stack.folder, dirs_exist_ok=True)
        PREPARE[language](stack.folder)
        stack.preview().expect("+ 1 to create")
        stack.up().expect("+ 1 created")
        stack.up().expect("1 unchanged")
        assert json.loads(stack.run("stack", "output", "--json").expect().text) == {"greeting": "hello world"}
    finally:
        stack.end()
