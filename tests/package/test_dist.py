"""What `make dist` checks, and what a package index shows."""

from __future__ import annotations

import email
import re
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from readme_renderer import markdown

from tests.built import ROOT, run
from tools import dist
from tools.package import metadata
from vod_provider import __version__

README = (ROOT / "README.md").read_text()
CHANGELOG = (ROOT / "CHANGELOG.md").read_text()
REPOSITORY = "https://example.com/owner/name"


def files(folder: Path) -> tuple[Path, Path]:
    """The sdist and the wheel in a folder."""
    (sdist,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    return sdist, wheel


def test_nothing_is_wrong_with_what_is_built(distributions: Path) -> None:
    """The check of `make dist` passes, with the changelog's dated section for the version among what it checks."""
    assert dist.faults(*files(distributions), CHANGELOG) == []
    undated = CHANGELOG.replace(f"## [{__version__}] - ", f"## [{__version__}] ")
    assert dist.faults(*files(distributions), undated) == [
        f"CHANGELOG.md has no section with a date for version {__version__}."
    ]


def test_what_does_not_belong_is_named(distributions: Path, tmp_path: Path) -> None:
    """A foreign folder, a missing file, a leftover and a relative link are faults, each in a sentence."""
    sdist, wheel = files(distributions)
    changed = tmp_path / wheel.name
    with zipfile.ZipFile(wheel) as whole, zipfile.ZipFile(changed, "w") as copy:
        for name in whole.namelist():
            if name.endswith("/METADATA"):
                copy.writestr(name, whole.read(name) + b"\n[here](docs/here.md)\n")
            elif name != "vod_provider/py.typed":
                copy.writestr(name, whole.read(name))
        copy.writestr("tests/vod.py", "")
        copy.writestr("vod_provider/__pycache__/x.pyc", "")
    assert dist.faults(sdist, changed, CHANGELOG) == [
        "The wheel contains tests, which is not part of the package.",
        "The wheel lacks vod_provider/py.typed.",
        "vod_provider/__pycache__/x.pyc does not belong into a distribution.",
        "The README links to docs/here.md, which is no absolute address.",
    ]


def test_with_a_repository_every_link_works_on_an_index(distributions: Path, tmp_path: Path) -> None:
    """Once the owner has set the address, the page has links, and those of the README lead to files of the tag."""
    with tarfile.open(files(distributions)[0]) as sdist:
        sdist.extractall(tmp_path, filter="data")
    (source,) = tmp_path.iterdir()
    project = source / "pyproject.toml"
    project.write_text(project.read_text().replace('repository = ""', f'repository = "{REPOSITORY}/"'))
    run(sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", tmp_path / "out", source)
    (wheel,) = (tmp_path / "out").glob("*.whl")
    with zipfile.ZipFile(wheel) as opened:
        (name,) = (name for name in opened.namelist() if name.endswith(".dist-info/METADATA"))
        about = email.message_from_bytes(opened.read(name))
    assert f"Repository, {REPOSITORY}" in about.get_all("Project-URL", [])
    html = markdown.render(str(about.get_payload()))
    assert html is not None
    links = re.findall(r'href="([^"]+)"', html)
    ours = [link.removeprefix(f"{REPOSITORY}/blob/v{__version__}/") for link in links if link.startswith(REPOSITORY)]
    assert {"docs/promises.md", "examples"} <= set(ours)
    assert all((ROOT / path).exists() for path in ours), ours
    # The renderer gives each heading a link to itself.
    assert all(link.startswith(("https://", "http://", "#")) for link in links), links


def test_without_a_repository_there_is_no_dead_link() -> None:
    """As long as nobody knows the address, the description names the files and links to none of them."""
    text = metadata.on_an_index(README, "", __version__)
    assert "docs/local-vod.md" in text
    assert [link for link in re.findall(r"\]\(([^)]+)\)", text) if "://" not in link] == []


@pytest.mark.parametrize("link", ["[a](docs/a.md)", "[a](https://example.org/a)", "[a](#a)"])
def test_only_relative_links_change(link: str) -> None:
    """A link to a file of the repository becomes one to the release's tag; others stay as they are."""
    expected = f"[a]({REPOSITORY}/blob/v1.0/docs/a.md)" if "docs" in link else link
    assert metadata.on_an_index(link, REPOSITORY, "1.0") == expected
