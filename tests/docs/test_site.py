"""The documentation: it builds without a warning, and says what the code does."""

from __future__ import annotations

import ast
import functools
import itertools
import re
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.local.browser import chromium
from vod_provider.audio import inputs
from vod_provider.cli import permissions
from vod_provider.config import settings, table
from vod_provider.program.resource import ExtractedAudio, ExtractedAudioArgs
from vod_provider.vod.errors import REMEDIES

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.rglob("*.md"), *ROOT.glob("*.md")])
LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)")


def text(page: str) -> str:
    return (DOCS / page).read_text()


def test_the_site_fetches_nothing(site: Path) -> None:
    """No page loads a script, a style or a picture from elsewhere. The fixture makes any warning an error."""
    pages = list(site.rglob("*.html"))
    assert len(pages) > len(list(DOCS.rglob("*.md")))
    for page in pages:
        loaded = re.findall(r'<(?:script|img|iframe)[^>]* src="([^"]+)"', page.read_text())
        loaded += re.findall(r'<link[^>]* rel="stylesheet"[^>]* href="([^"]+)"', page.read_text())
        assert not [one for one in loaded if "//" in one], page


def test_each_input_and_output_is_on_the_resources_page_once(site: Path) -> None:
    """The page begins with an example, and has each input and each output in one place."""
    page = (site / "reference/resource.html").read_text()
    inputs, outputs = page.partition('id="outputs"')[::2]
    for text, names in ((inputs, ExtractedAudioArgs.__annotations__), (outputs, ExtractedAudio._output_names)):
        shown = re.findall(r'<dt class="[^"]*" id="vod_provider\.\w+\.(\w+)">', text)
        assert sorted(set(shown) - {"get"}) == sorted(names)
        assert len(shown) == len(set(shown))
    assert inputs.index('id="inputs"') > inputs.index("highlight-python") > inputs.index("<h1>")


def test_every_page_is_in_the_menu(site: Path) -> None:
    """No page is left out of the table of contents, and installing comes first."""
    menu = re.findall(r'toctree-l1[^"]*"><a class="[^"]*" href="([^"#]+)"', (site / "index.html").read_text())
    pages = {str(page.relative_to(DOCS).with_suffix(".html")) for page in DOCS.rglob("*.md")}
    assert set(menu) == pages - {"index.html"}
    assert menu[:2] == ["install.html", "tutorial.html"]


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder, and writes no log."""

    def log_message(self, *_: object) -> None:
        pass


def test_a_narrow_screen_shows_every_column(site: Path, tmp_path: Path) -> None:
    """No page is wider than the screen, no cell of a table is outside of it, and each has its heading."""
    width = 320
    with (
        ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(site))) as server,
        chromium(tmp_path) as page,
    ):
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page.looks(width, 800, mobile=True)
        for file in sorted(site.rglob("*.html")):
            name = file.relative_to(site)
            page.open(f"http://127.0.0.1:{server.server_port}/{name}")
            assert page.evaluate("document.scrollingElement.scrollWidth") <= width, name
            outside = page.evaluate(
                "[...document.querySelectorAll('article td, article td *')]"
                f".filter(it => it.getBoundingClientRect().right > {width}).map(it => it.outerHTML)"
            )
            assert outside == [], name
            headings = page.evaluate(
                "[...document.querySelectorAll('article .column-heading')].filter(it => it.offsetHeight < 8).length"
            )
            assert headings == 0, name
        page.open(f"http://127.0.0.1:{server.server_port}/reference/configuration.html")
        assert page.evaluate("document.querySelectorAll('.column-heading').length") >= 3 * len(table.TABLE)
        server.shutdown()


def test_every_input_is_described_where_an_editor_shows_it() -> None:
    """The constructor's docstring has the same words on each input as the dictionary, and no others."""
    source = ast.parse((ROOT / "vod_provider/program/resource.py").read_text())
    (args,) = [it for it in source.body if isinstance(it, ast.ClassDef) and it.name == "ExtractedAudioArgs"]
    of_dictionary = {
        before.target.id: after.value.value
        for before, after in itertools.pairwise(args.body)
        if isinstance(before, ast.AnnAssign) and isinstance(before.target, ast.Name)
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
    }
    assert list(of_dictionary) == list(ExtractedAudioArgs.__annotations__)
    told = re.findall(r":param (\w+): (.*?)(?=:param|$)", " ".join((ExtractedAudio.__init__.__doc__ or "").split()))
    of_constructor = {name: text.strip() for name, text in told if name not in {"resource_name", "args", "opts"}}
    assert of_constructor == {name: " ".join(str(text).split()) for name, text in of_dictionary.items()}
    assert {name for name, text in of_constructor.items() if "is billed again" in text} == set(inputs.REPLACING)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link is to a file that is there."""
    for target in LINK.findall(page.read_text()):
        assert (page.parent / target).exists(), target


def test_every_setting_is_described() -> None:
    """No name that the provider reads is left out, and none is made up."""
    told = set(re.findall(r"`((?:vod|huaweicloud):\w+)`", text("reference/configuration.md")))
    assert told == set(settings.NAMES)


def test_every_code_is_described() -> None:
    """Each code that the provider or the local VOD knows has its line."""
    told = set(re.findall(r"^\| ((?:VOD|APIG)\.\d+) \|", text("troubleshooting.md"), re.MULTILINE))
    local = set(re.findall(r"VOD\.\d{5}", (ROOT / "vod_provider/local/core/errors.py").read_text()))
    assert {*REMEDIES, *local} <= told


@pytest.mark.parametrize(
    "words", re.findall(r"^\| ([^|`]+?) \|", text("troubleshooting.md").partition("## Words")[2], re.MULTILINE)[2:]
)
def test_every_error_in_the_docs_is_one_of_ours(words: str) -> None:
    """What the page says that the provider says stands in its source."""
    source = " ".join(re.sub(r'"\s*\n\s*f?"', "", path.read_text()) for path in (ROOT / "vod_provider").rglob("*.py"))
    for part in words.split(" ... "):
        assert part in source, part


def test_the_policy_has_what_the_doctor_tries() -> None:
    """The least policy is made of the actions that `doctor` looks for."""
    tried = set(re.findall(r"vod:asset:\w+", Path(permissions.__file__).read_text()))
    assert set(re.findall(r'"(vod:asset:\w+)"', text("permissions.md"))) == tried


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_exist(page: Path) -> None:
    """Every target of make that a page names is in the Makefile, every example in examples/."""
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"(?:`|\$ )make ([a-z]+)\b", page.read_text()):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    for name in re.findall(r"`examples/([\w-]+)`", page.read_text()):
        assert (ROOT / "examples" / name).is_dir(), name


def test_the_drawing_of_the_rooms_shows_every_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is made from the import contracts, so a folder or a file of the package that it lacks has no contract."""
    monkeypatch.syspath_prepend(DOCS)
    rooms = __import__("rooms")
    drawn = re.findall(r"<b>([^<]+)</b>", rooms.drawn())
    package = ROOT / "vod_provider"
    folders = {f"{it.parent.name}/" for it in package.glob("*/__init__.py")}
    assert set(drawn) == folders | {it.name for it in package.glob("*.py")} - {"__init__.py"}
    assert "<li>lifecycle</li><li>recovery</li>" in rooms.drawn()


def test_the_tour_names_files_that_are_there() -> None:
    """And in their folders."""
    tour = (ROOT / "CONTRIBUTING.md").read_text().partition("## A tour")[2].partition("## Habits")[0]
    named = re.findall(r"`([a-z_/]+\.py)`", tour)
    assert len(set(named)) > 20
    assert [it for it in named if not (ROOT / "vod_provider" / it).exists()] == []
