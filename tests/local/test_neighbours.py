"""Hostile callers and neighbours on the same machine: who is let in, and what they cannot break."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.local.test_operations import info
from tests.local.wiretap import call, send
from vod_provider.local.__main__ import main
from vod_provider.local.cli.logs import JsonFormatter, TextFormatter
from vod_provider.local.core.calls import Calls
from vod_provider.local.http.auth import Credentials
from vod_provider.local.testing import LocalVod, start_local_vod

OWN = ("--access-key", "A", "--secret-key", "S", "--token", "own-token")


@pytest.fixture(scope="module")
def reachable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalVod]:
    """A service that other machines can reach."""
    service = start_local_vod(tmp_path_factory.mktemp("reachable") / "data", "--host", "0.0.0.0", *OWN)
    yield service
    service.stop()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 204),
        ({"Host": "localhost"}, 204),
        ({"Host": "evil.example", "Origin": "http://evil.example"}, 403),
        ({"Host": "evil.example"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Host": "evil.example", "X-Auth-Token": ""}, 403),
        ({"Host": "evil.example", "X-Auth-Token": "local-token"}, 403),
        ({"Host": "evil@127.0.0.1"}, 403),
        ({"Host": "127.0.0.1.evil.example"}, 403),
        ({"Host": "[x"}, 403),
        ({"Host": ":99999999"}, 403),
        ({"Origin": "http://[x"}, 403),
        ({"Host": "vod.example", "X-Auth-Token": "own-token"}, 204),
        ({"Host": "vod.example", "X-Auth-Token": "own-token", "Origin": "http://evil.example"}, 403),
    ],
)
def test_who_may_reset_a_service_that_others_can_reach(
    reachable: LocalVod, headers: dict[str, str], status: int
) -> None:
    """Without the token it takes a loopback connection and a loopback name; another site's page never passes."""
    assert send(f"{reachable.endpoint}/_local/reset", "POST", headers).status == status


def test_the_token_that_everybody_knows_opens_no_back_door(service: LocalVod) -> None:
    """On loopback a page that was led here under another name is refused, token or not."""
    for headers in ({}, {"X-Auth-Token": "local-token"}):
        named = {"Host": "evil.example", "Origin": "http://evil.example", **headers}
        assert send(f"{service.endpoint}/_local/reset", "POST", named).status == 403


@pytest.mark.parametrize("option", ["--token", "--secret-key", "--access-key", "--security-token"])
@pytest.mark.parametrize("value", ["", "  ", "a\nb"])
def test_empty_credentials_are_refused(
    option: str, value: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A credential that is empty, blank or cannot stand in a header: status 2 and a line that names it."""
    assert main(["serve", "--port", "0", "--data", str(tmp_path / "data"), option, value]) == 2
    assert f"{option} must be ASCII" in capsys.readouterr().err


def test_credentials_without_a_secret_cannot_be_made() -> None:
    """Whoever builds a service in code gets no service that lets everybody in, either."""
    with pytest.raises(ValueError, match="token"):
        Credentials("a", "s", "")


def test_secrets_from_files_and_environment(
    video: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A secret in a file or a variable stands on no command line, and opens the service."""
    secret, token = tmp_path / "secret", tmp_path / "token"
    secret.write_text("from-a-file\n")
    token.write_text("token-from-a-file\n")
    files = ("--secret-key-file", str(secret), "--token-file", str(token))
    service = start_local_vod(tmp_path / "data", *files)
    try:
        calls = f"{service.endpoint}/v1.0/{service.project_id}/asset/list"
        assert send(calls, "GET", {"X-Auth-Token": "token-from-a-file"}).status == 200
        assert send(calls, "GET", {"X-Auth-Token": "local-token"}).status == 401
        upload = ["upload", str(video), "--endpoint", service.endpoint]
        assert main(upload) == 1
        monkeypatch.setenv("VOD_LOCAL_SECRET_KEY", "from-a-file")
        assert main(upload) == 0
        assert main([*upload, "--secret-key", "from-an-option"]) == 1
        assert main([*upload, "--secret-key", "x", "--secret-key-file", str(secret)]) == 1
        assert "not both" in capsys.readouterr().err
        assert main([*upload, "--secret-key-file", str(tmp_path / "none")]) == 1
        assert "No such file" in capsys.readouterr().err
    finally:
        service.stop()


def test_half_a_surrogate_pair_in_a_name(service: LocalVod) -> None:
    """JSON can name a field that UTF-8 cannot: it is refused by name like any other."""
    for path in ("/asset", "/asset/extract_audio", "/asset/upload_by_url"):
        answer = call(service, "POST", path, content=b'{"\\ud800": 1}')
        assert (answer.status, answer.json["error_code"]) == (400, "VOD.10053")
        assert "\ud800" in answer.json["error_msg"]
    for name in ("settings", "faults"):
        method = "PUT" if name == "settings" else "POST"
        assert send(f"{service.endpoint}/_local/{name}", method, {}, b'{"\\ud800": 1}').status == 400
    assert send(f"{service.endpoint}/_local/assets", "POST", {}, b'{"name": "\\ud800.mp4"}').status == 400


@pytest.mark.parametrize("url", ["http://[x/a.mp4", "http://127.0.0.1:99999/a.mp4", "//a.mp4", "a.mp4"])
def test_a_malformed_address_is_that_entry_s_error(service: LocalVod, url: str) -> None:
    """An address that cannot be read fails its own entry of the call and no other."""
    items = [
        {"url": "http://127.0.0.1:1/good.mp4", "title": "good", "video_type": "MP4"},
        {"url": url, "title": "bad", "video_type": "MP4"},
    ]
    answer = call(service, "POST", "/asset/upload_by_url", {"upload_metadatas": items})
    assert answer.status == 200
    good, bad = answer.json["upload_assets"]
    assert good["asset_id"]
    assert bad["error_code"] == "VOD.10053"


def test_what_local_controls_cannot_read(service: LocalVod) -> None:
    """Deep JSON is no setting, and a body of megabytes is not even read."""
    for name, method in (("settings", "PUT"), ("faults", "POST")):
        url = f"{service.endpoint}/_local/{name}"
        assert send(url, method, {}, b"[" * 100_000).status == 400
        assert send(url, method, {}, b" " * (2 << 20)).status == 413
    events = b'{"events": {"url": "http://[x"}}'
    assert send(f"{service.endpoint}/_local/settings", "PUT", {}, events).status == 400


def test_a_line_of_the_log_cannot_be_forged() -> None:
    """Whatever a message or an exception holds, each record begins one line and moves no cursor."""
    forged = "x\n2026-01-01 ERROR forged\r\x1b[2J\x9b\u2028\u202e\ud800"
    try:
        raise ValueError(forged)
    except ValueError:
        record = logging.LogRecord("n", logging.ERROR, "p", 1, "refused: %s", (forged,), sys.exc_info())
    for formatter in (TextFormatter(), JsonFormatter()):
        lines = formatter.format(record).split("\n")
        assert all(line.isprintable() for line in lines)
        assert not any(line.startswith("2026-01-01 ERROR") for line in lines)
    assert all(line.startswith("  | ") for line in TextFormatter().format(record).split("\n")[1:])


def test_the_list_of_calls_is_bounded() -> None:
    """Old calls are forgotten where there are too many, or where all together name too many ids; counts stay."""
    calls = Calls(kept=5, ids_kept=100)
    for _ in range(20):
        calls.named(calls.arrived("ListAssetList", 0.0))
    assert len(calls.as_json()["calls"]) == 5  # type: ignore[arg-type]
    late = calls.arrived("ListAssetList", 0.0)
    for _ in range(20):
        busy = calls.arrived("PublishAssets", 0.0)
        busy.asset_ids.extend(str(number) for number in range(40))
        calls.named(busy)
    assert len(calls.as_json()["calls"]) == 2  # type: ignore[arg-type]
    late.asset_ids.append("x")
    calls.named(late)
    assert calls.as_json()["counts"] == {"ListAssetList": 21, "PublishAssets": 20}


def test_upload_of_a_file_whose_name_is_not_text(service: LocalVod, client: object, video: Path) -> None:
    """A file's name may hold any bytes: it is uploaded, and what is not UTF-8 is a question mark in its title."""
    file = os.fsencode(video.parent) + b"/caf\xe9.mp4"
    Path(os.fsdecode(file)).write_bytes(video.read_bytes())
    command: list[str | bytes] = [
        sys.executable,
        "-m",
        "vod_provider.local",
        "upload",
        file,
        "--endpoint",
        service.endpoint,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    asset = info(client, done.stdout.strip())[0]
    assert (asset.base_info.title, asset.base_info.video_name) == ("caf?.mp4", "caf?.mp4")
