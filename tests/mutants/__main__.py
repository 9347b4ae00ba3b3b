"""Break the code on purpose, one small change at a time, and count how many of the changes the fast tests notice.

Of each module a sample is drawn, the same for the same `--seed`. What survives, and is not listed with a reason in
survivors.txt, is printed; the exit status is 1 where more than one of ten survive in all.

    python -m tests.mutants [--each 8] [--seed 1] [MODULE ...]
"""

from __future__ import annotations

import argparse
import ast
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from typing import NamedTuple

from tests.mutants.mutations import Mutant, mutants

ROOT = Path(__file__).resolve().parents[2]
MODULES = ("provider.py", "set_provider.py", "audio", "plugin", "vod/retries.py", "vod/pacing", "local/core/rules.py")
"""What is broken, below vod_provider."""
SURVIVORS = Path(__file__).with_name("survivors.txt")
PATIENCE = 5
"""A mutant whose tests take so many times as long as those of the code as it is hangs, and is noticed so."""
SHARE = 0.9
"""The share of mutants that has to die."""
NEEDED = (
    "vod_provider",
    "tests",
    "tools",
    "docs",
    "examples",
    "pyproject.toml",
    "README.md",
    "CHANGELOG.md",
    "Makefile",
)
"""What of the repository the fast tests read."""
_PASSED, _FAILED, _INTERNAL, _NO_TESTS = 0, 1, 3, 5


class Result(NamedTuple):
    """What became of one mutant."""

    module: str
    mutant: Mutant
    died: bool

    @property
    def line(self) -> str:
        """As it stands in survivors.txt; without the number of the line, which changes."""
        return f"{self.module}: {self.mutant.before} -> {self.mutant.after}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the sample; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__.partition("\n")[0])
    parser.add_argument("modules", nargs="*", default=MODULES)
    parser.add_argument("--each", type=int, default=8, help="mutants of each module")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    modules = list(_modules(options.modules))
    sample = [(it, mutant) for it in modules for mutant in _drawn(it, options.each, options.seed)]
    workers = os.cpu_count() or 1
    with tempfile.TemporaryDirectory(prefix="mutants-") as name, ThreadPoolExecutor(workers) as pool:
        trees: Queue[Path] = Queue()
        for number in range(workers):
            trees.put(_copied(Path(name) / str(number)))
        limits = {local: _limit(trees, local) for local in {_is_local(it) for it in modules}}
        results = list(pool.map(lambda it: _tried(trees, limits[_is_local(it[0])], *it), sample))
    return _told(modules, results)


def _modules(names: Sequence[str]) -> Iterator[str]:
    for name in names:
        path = ROOT / "vod_provider" / name
        files = sorted(path.glob("*.py")) if path.is_dir() else [path]
        yield from (str(it.relative_to(ROOT)) for it in files if it.name != "__init__.py")


def _drawn(module: str, count: int, seed: int) -> list[Mutant]:
    found = list(mutants((ROOT / module).read_text(encoding="utf-8")))
    return random.Random(f"{seed} {module}").sample(found, min(count, len(found)))


def _copied(folder: Path) -> Path:
    folder.mkdir()
    for name in NEEDED:
        path = ROOT / name
        if path.is_dir():
            shutil.copytree(path, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(path, folder / name)
    return folder


@contextmanager
def _borrowed(trees: Queue[Path]) -> Iterator[Path]:
    tree = trees.get()
    try:
        yield tree
    finally:
        trees.put(tree)


def _limit(trees: Queue[Path], local: bool) -> float:
    """Seconds after which tests hang: a busy machine must not pass for a test that notices."""
    with _borrowed(trees) as tree:
        begun = time.monotonic()
        if failure := _failure(tree, _fast(tree, local), None):
            raise RuntimeError(f"tests fail on the code as it is:\n{failure}")
        return PATIENCE * (time.monotonic() - begun)


def _tried(trees: Queue[Path], limit: float, module: str, mutant: Mutant) -> Result:
    with _borrowed(trees) as tree:
        file = tree / module
        file.write_text(mutant.source, encoding="utf-8")
        try:
            result = Result(module, mutant, died=_dies(tree, module, limit))
        finally:
            shutil.copy(ROOT / module, file)
    print("died    " if result.died else "SURVIVED", module, mutant, flush=True)
    return result


def _dies(tree: Path, module: str, limit: float) -> bool:
    """First by the tests that import the module, which are few; what these do not notice, all fast tests may."""
    fast = _fast(tree, _is_local(module))
    near = [it for it in fast if _imports(it, module)]
    return any(_failure(tree, tests, limit) for tests in (near, [it for it in fast if it not in near]) if tests)


def _is_local(module: str) -> bool:
    return module.startswith("vod_provider/local")


def _fast(tree: Path, local: bool) -> list[Path]:
    """Those of the events use loopback and take seconds: without them nothing would notice a change of their server."""
    areas = ["local"] if local else ["unit", "events"]
    return [it for area in areas for it in sorted((tree / "tests" / area).glob("test_*.py"))]


def _imports(test: Path, module: str) -> bool:
    wanted = module.removesuffix(".py").replace("/", ".")
    package, _, name = wanted.rpartition(".")
    imports = [it for it in ast.walk(ast.parse(test.read_text(encoding="utf-8"))) if isinstance(it, ast.ImportFrom)]
    return any(
        it.module == wanted or (it.module == package and name in {alias.name for alias in it.names}) for it in imports
    )


def _failure(tree: Path, tests: Sequence[Path], limit: float | None) -> str:
    """What the tests say where one fails, or they take longer than `limit` seconds; '' where all pass."""
    command = [sys.executable, "-B", "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *map(str, tests)]
    environ = os.environ | {"PYTHONPATH": str(tree), "HYPOTHESIS_STORAGE_DIRECTORY": str(tree / ".hypothesis")}
    run = subprocess.Popen(
        command, cwd=tree, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, process_group=0
    )
    try:
        text, _ = run.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        os.killpg(run.pid, 9)
        text, _ = run.communicate()
        return f"{text}\nlonger than {limit:.0f} s"
    if run.returncode in {_INTERNAL, _NO_TESTS}:
        raise RuntimeError(text)
    return "" if run.returncode == _PASSED else text or f"status {run.returncode}"


def _told(modules: Sequence[str], results: Sequence[Result]) -> int:
    explained = {it for it in SURVIVORS.read_text(encoding="utf-8").splitlines() if it and not it.startswith("#")}
    for module in modules:
        own = [it for it in results if it.module == module]
        print(f"{sum(it.died for it in own):4} of {len(own):3} died  {module}")
    survivors = [it for it in results if not it.died]
    unexplained = [it for it in survivors if it.line not in explained]
    died = len(results) - len(survivors)
    print(f"{died} of {len(results)} died; {len(survivors)} survived, {len(unexplained)} of them without a reason")
    for one in unexplained:
        print(f"  {one.line}")
    return 1 if died < SHARE * len(results) or unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
