"""Users' programs are checked as strictly as their own tools may do it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.typing.editor import Editor
from vod_provider.audio.inputs import REPLACING
from vod_provider.program.catalogue import SharedInputs
from vod_provider.program.resource import ExtractedAudioArgs

ROOT = Path(__file__).resolve().parents[2]
USES = Path(__file__).with_name("uses.py")
LINES = dict(enumerate(USES.read_text().splitlines(), 1))
EXPECTED = {number for number, line in LINES.items() if line.endswith("# error")}
# A keyword that there is none of has to be in what is said of its line.
MISTYPED = {number: word for number, line in LINES.items() for word in ("formats", "publishing") if f"{word}=" in line}
# What these import is not in the environment: the engine would want the plugin of each provider that it finds there,
# and a policy pack has an environment of its own.
ELSEWHERE = {ROOT / f"examples/{name}/__main__.py" for name in ("beside-huaweicloud", "policy")}
PROGRAMS = [
    *(program for program in ROOT.glob("examples/*/__main__.py") if program not in ELSEWHERE),
    ROOT / "examples/unit-tests/media.py",
    ROOT / "__main__.py",
]


def pyright(files: list[Path], folder: Path) -> list[dict[str, object]]:
    """What pyright says in its strict mode. basedpyright is pyright with all that it needs in its wheel."""
    settings = {"typeCheckingMode": "strict", "include": [str(file) for file in files], "venvPath": str(ROOT)}
    (folder / "pyrightconfig.json").write_text(
        json.dumps({**settings, "venv": ".venv", "extraPaths": [str(ROOT), str(ROOT / "examples/unit-tests")]})
    )
    command = [str(Path(sys.executable).with_name("basedpyright")), "--outputjson", "-p", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    report: dict[str, list[dict[str, object]]] = json.loads(done.stdout)
    return [one for one in report["generalDiagnostics"] if one["severity"] == "error"]


def test_pyright_reports_what_is_wrong_and_nothing_else(tmp_path: Path) -> None:
    """In strict mode, right uses and all examples are clean, and each wrong use is reported."""
    found: dict[int, str] = {}
    for one in pyright([USES, *PROGRAMS], tmp_path):
        assert one["file"] == str(USES), one
        line = one["range"]["start"]["line"] + 1  # type: ignore[index]
        assert line in EXPECTED, one
        found[line] = f"{found.get(line, '')}\n{one['message']}"
    assert found.keys() == EXPECTED
    assert len(MISTYPED) == 4
    for line, keyword in MISTYPED.items():
        assert re.search(rf'parameter "{keyword}" of type "NoSuchInput"|No parameter named "{keyword}"', found[line])


def test_mypy_reports_what_is_wrong_and_nothing_else() -> None:
    """Strict mypy reports each wrong use, and no other line."""
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--no-warn-unreachable", str(USES)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    found = {int(number) for number in re.findall(r"uses\.py:(\d+): error", done.stdout)}
    assert found == EXPECTED, done.stdout
    for line, keyword in MISTYPED.items():
        assert re.search(
            rf'uses\.py:{line}: error: Unexpected keyword argument "{keyword}".* did you mean', done.stdout
        )


@pytest.fixture(scope="module")
def editor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Editor]:
    one = Editor(tmp_path_factory.mktemp("editor"), ROOT)
    yield one
    one.end()


IMPORT = "from vod_provider import AudioCatalogue, ExtractedAudio\n"


@pytest.mark.parametrize(
    ("call", "inputs"),
    [
        ("ExtractedAudio('talk', {}|)", [*ExtractedAudioArgs.__annotations__]),
        ("AudioCatalogue('talks', ['5412'], {}|)", [*SharedInputs.__annotations__]),
    ],
)
def test_an_editor_completes_every_input(editor: Editor, call: str, inputs: list[str]) -> None:
    """Inputs that come out of a TypedDict are offered as if they stood in the constructor."""
    for name in inputs:
        assert f"{name}=" in editor.completions(IMPORT + call.format(name[:2]))


def test_an_editor_completes_the_formats(editor: Editor) -> None:
    """Between the quotation marks."""
    assert editor.completions(f"{IMPORT}ExtractedAudio('talk', asset_id='5412', format='|')") == ["'MP3'", "'AAC'"]


@pytest.mark.parametrize("name", ["asset_id", "format", "title", "region", "triggers"])
def test_an_editor_describes_the_input_that_is_being_written(editor: Editor, name: str) -> None:
    """With its type and its text, which says what is billed."""
    shown = editor.parameters(f"{IMPORT}ExtractedAudio('talk', {name}=|)")
    (text,) = [it["documentation"] for it in shown if it["label"].startswith(f"{name}: Input[") and it["documentation"]]
    assert ("billed again" in text) is (name in REPLACING)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({}, "needs asset_id"),
        ({"asset_id": "5412", "titel": "A talk"}, "has no input 'titel': did you mean title?"),
        ("5412", "was given a str where inputs are one dictionary: a media id is asset_id=..."),
    ],
)
def test_what_checkers_refuse_is_refused_at_run_time(given: object, wanted: str) -> None:
    """Without a checker, an error names the input that is missing or unknown, and what may have been meant."""
    program = f"from vod_provider import ExtractedAudio; ExtractedAudio('talk', {given!r})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    last = done.stderr.splitlines()[-1]
    assert last.startswith("TypeError: ExtractedAudio('talk')")
    assert wanted in last
