"""Whose an audio is: the same resource has one name on every machine, and no credential of a backend is kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from vod_provider.plugin.owner import TYPES, backend, identity, of_other_type, owner_now, owner_of

URN = "urn:pulumi:dev::p::t::a"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("s3://bucket", "s3://bucket/"),
        ("s3://bucket/prefix", "s3://bucket/prefix?region=eu-west-1&awssdk=v2"),
        ("s3://bucket?endpoint=https://minio:9000", "s3://bucket?endpoint=minio:9000&s3ForcePathStyle=true"),
        ("https://me:secret@state.example.com", "https://state.example.com/"),
        ("azblob://container", "azblob://container/"),
        ("file:///srv/state", "file:///srv/state/"),
        ("file://~/state", f"file://{Path.home()}/state"),
    ],
)
def test_spellings_of_one_backend(one: str, other: str) -> None:
    """How a backend is written down makes no other owner of its resources."""
    assert identity(one) == identity(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("s3://bucket", "gs://bucket"),
        ("s3://bucket/a", "s3://bucket/b"),
        ("s3://bucket?endpoint=one:9000", "s3://bucket?endpoint=two:9000"),
        ("s3://bucket?endpoint=one:9000", "s3://bucket?endpoint=one:9001"),
        ("s3://bucket?endpoint=one", "s3://bucket?endpoint=one:9000"),
        ("https://one.example.com", "https://one.example.com:8443"),
        ("file:///srv/one", "file:///srv/two"),
        ("https://one.example.com", "https://two.example.com"),
    ],
)
def test_two_backends(one: str, other: str) -> None:
    """Where their states differ, so do their resources."""
    assert identity(one) != identity(other)


def test_nothing_secret_is_kept() -> None:
    """User and password of a backend's URL are left out, also where it cannot be read."""
    for url in ("https://me:secret@state:443/x?token=secret", "s3://me:secret@bucket", "https://me:secret@[x"):
        assert "secret" not in identity(url)
        assert "me" not in identity(url)


@pytest.mark.parametrize("url", ["https://me:secret@[x", "https://me:secret@x:y", "s3://b?endpoint=me:secret"])
def test_what_is_no_url_has_no_name(url: str) -> None:
    """Nothing of it is shown, and nothing fails: it is the engine's to refuse it."""
    assert identity(url) == "?"


def test_the_backend_of_a_login_is_that_of_the_variable(tmp_path: Path) -> None:
    """Chosen by `pulumi login` on one machine and by the variable on another, it is one backend."""
    (tmp_path / ".pulumi").mkdir()
    (tmp_path / ".pulumi" / "credentials.json").write_text(json.dumps({"current": "s3://bucket/"}))
    logged_in = {"HOME": str(tmp_path)}
    assert backend(logged_in) == backend({"PULUMI_BACKEND_URL": "s3://bucket"}) == "s3://bucket"
    assert backend({"PULUMI_HOME": str(tmp_path / ".pulumi")}) == "s3://bucket"
    assert backend({"PULUMI_BACKEND_URL": "gs://other", **logged_in}) == "gs://other"


def test_the_backend_of_the_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pulumi.yaml may name it; the variable comes first, as for the engine."""
    (tmp_path / "Pulumi.yaml").write_text("name: p\nruntime: python\nbackend:\n  url: s3://bucket/\n")
    (tmp_path / "program").mkdir()
    monkeypatch.chdir(tmp_path / "program")
    assert backend({}) == "s3://bucket"
    assert backend({"PULUMI_BACKEND_URL": "gs://other"}) == "gs://other"
    (tmp_path / "Pulumi.yaml").write_text("name: p\nruntime: python\n")
    assert backend({}) == "https://api.pulumi.com"


def test_a_backend_in_a_folder_of_the_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a relative path, each copy of the project has a backend of its own, wherever in it the plugin runs."""
    found = []
    for copy in (tmp_path / "one", tmp_path / "two"):
        (copy / "program").mkdir(parents=True)
        (copy / "Pulumi.yaml").write_text("name: p\nruntime: python\nbackend:\n  url: file://./state\n")
        for folder in (copy, copy / "program"):
            monkeypatch.chdir(folder)
            found.append(backend({}))
        assert backend({"PULUMI_BACKEND_URL": "file://state/../state"}) == identity(f"file://{copy}/state")
    assert found == [f"file://{tmp_path}/{copy}/state" for copy in ("one", "one", "two", "two")]
    monkeypatch.chdir(tmp_path)
    assert identity("file://.") == f"file://{tmp_path}"


@pytest.mark.parametrize("content", ["", "{", "[]", '{"current": 1}'])
def test_without_a_login_it_is_pulumis_own(tmp_path: Path, content: str) -> None:
    """Whatever the file with the login holds, and where there is none."""
    (tmp_path / "credentials.json").write_text(content)
    assert backend({"PULUMI_HOME": str(tmp_path)}) == backend({}) == "https://api.pulumi.com"


def test_owners() -> None:
    """Backend and URN; a host that does not say which resource it is has no owner to name."""
    assert owner_of("s3://b", URN) == f"s3://b {URN}"
    assert owner_of("s3://b", "") == ""


def test_owners_of_the_version_before() -> None:
    """It wrote the variable as it was, or PULUMI_HOME, or nothing: by today's name its entries are found again."""
    environ = {"PULUMI_BACKEND_URL": "s3://me:secret@b/", "PULUMI_HOME": "/home/me/.pulumi"}
    for written in (f"s3://me:secret@b/ {URN}", f"/home/me/.pulumi {URN}", f" {URN}"):
        assert owner_now(environ, written) == f"s3://b {URN}"
    assert owner_now(environ, f"gs://other/ {URN}") == f"gs://other {URN}"


def test_the_other_types_owner_differs_in_the_type_alone() -> None:
    """Both ways; an owner of nobody knows which resource stays."""
    dynamic, native = (f"file:///s urn:pulumi:dev::media::{one}::talk" for one in TYPES)
    assert of_other_type(dynamic) == native
    assert of_other_type(native) == dynamic
    assert of_other_type("0b7e") == "0b7e"
    assert of_other_type(f"{dynamic}, {dynamic}") == f"{native}, {dynamic}", "a name may be like a type"
