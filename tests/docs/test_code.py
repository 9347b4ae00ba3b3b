"""Code of the documentation that is no example of its own, run as it stands there."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pages import ask, blocks, curls
from tests.vod import LocalVod, free_port, make_video

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
LOCAL = (DOCS / "local-vod.md").read_text()
RUN_ELSEWHERE = {
    "README.md": "tests/engine/test_documented.py",
    "docs/how-to/archive.md": "tests/engine/test_documented.py",
    "docs/tutorial.md": "tests/engine/test_tutorial.py",
    "docs/local-vod.md": "tests/docs/test_code.py",
}
"""Pages with Python of their own, and the test that runs it; all other Python is included from examples/."""
CURLS = {
    f"{page.stem}-{number}": command
    for page in sorted(DOCS.rglob("*.md"))
    for number, command in enumerate(curls(page.read_text()))
}


def test_python_stands_only_where_a_test_runs_it() -> None:
    """No page has Python that nobody runs."""
    pages = [*ROOT.glob("*.md"), *DOCS.rglob("*.md")]
    having = {str(page.relative_to(ROOT)) for page in pages if "```python" in page.read_text()}
    assert having == set(RUN_ELSEWHERE)
    for test in RUN_ELSEWHERE.values():
        assert (ROOT / test).exists()


def test_the_test_of_the_local_vods_page_passes(tmp_path: Path) -> None:
    """The page's own pytest module, run by pytest beside a holiday.mp4."""
    (module,) = blocks(LOCAL, "python")
    (tmp_path / "test_mine.py").write_text(module)
    make_video(tmp_path / "holiday.mp4", 2)
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "1 passed" in done.stdout, done.stdout + done.stderr


def test_the_first_commands_of_the_local_vods_page(tmp_path: Path) -> None:
    """Followed on another port, they start a service that says so, and upload a video under that title."""
    install, serve, upload = blocks(LOCAL, "")[0].splitlines()
    assert install == 'pip install "pulumi-huaweicloud-vod[local]"', "tests/package does it"
    (command, said), port = serve.split("  # "), str(free_port())
    make_video(tmp_path / "holiday.mp4", 2)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environ = {**os.environ, "PATH": path, "XDG_DATA_HOME": str(tmp_path)}
    running = [*shlex.split(command), "--port", port]
    with subprocess.Popen(
        running, env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as service:
        try:
            assert service.stdout is not None
            answer = service.stdout.readline().strip()
            assert answer == said.replace("8480", port).replace("...", str(tmp_path / "vod-local"))
            vod = LocalVod(int(port), tmp_path)
            words = [*shlex.split(upload, comments=True), "--endpoint", vod.endpoint]
            done = subprocess.run(words, cwd=tmp_path, env=environ, stdout=subprocess.PIPE, text=True, check=True)
            assert vod.asset(done.stdout.strip())["base_info"]["title"] == "Holiday"
        finally:
            service.terminate()
    assert service.returncode == 0


@pytest.mark.parametrize("command", CURLS.values(), ids=CURLS.keys())
def test_what_is_asked_with_curl_is_taken(vod: LocalVod, command: str) -> None:
    """The local VOD accepts what a page has its reader send."""
    ask(command, vod)
