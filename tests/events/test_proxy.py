"""VOD's events through a proxy: real nginx, with the configuration that the documentation shows."""

from __future__ import annotations

import http.client
import re
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Queue

import pytest
import trustme

from tests.engine.stack import until
from tests.pages import blocks
from tests.vod import LocalVod, free_port
from tools import nginx
from vod_provider.config.parsers import Listening
from vod_provider.plugin.event_listener import Listener

PAGE = (Path(__file__).resolve().parents[2] / "docs/how-to/events.md").read_text()
BEFORE = """
daemon off; master_process off; pid {folder}/pid;
events {{ }}
http {{
access_log {folder}/access.log;
client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
"""
"""What stands around a server's block, and keeps all in the test's folder."""
KEY = "KEY"


@pytest.fixture
def authority() -> trustme.CA:
    """Who has signed the proxy's certificate."""
    return trustme.CA()


@pytest.fixture
def trusting_vod(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalVod]:
    """A local VOD that trusts the proxy's certificate."""
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    with LocalVod.started(tmp_path / "vod") as service:
        yield service


@contextmanager
def proxied(folder: Path, authority: trustme.CA, server: str) -> Iterator[tuple[int, Queue[str], Path]]:
    """nginx as the page has it before a listener: its port, what the listener hears, and the log of nginx."""
    folder.mkdir()
    outer, inner = free_port(), free_port()
    issued = authority.issue_cert("localhost")
    issued.cert_chain_pems[0].write_to_path(folder / "certificate.pem")
    issued.private_key_pem.write_to_path(folder / "key.pem")
    server = server.replace("/etc/vod/", f"{folder}/").replace(":8490", f":{inner}")
    server, listens = re.subn(r"listen 443\b", f"listen 127.0.0.1:{outer}", server)
    assert listens == 1
    (folder / "nginx.conf").write_text(BEFORE.format(folder=folder) + server + "}\n")
    heard: Queue[str] = Queue()
    listener = Listener(Listening("127.0.0.1", inner, KEY), heard.put)
    program: list[str | Path] = [nginx.ensure(nginx.cache()), "-e", "stderr", "-p", folder, "-c", folder / "nginx.conf"]
    with (folder / "error.log").open("w") as log, subprocess.Popen(program, stdout=log, stderr=log) as process:
        try:
            until(lambda: answers(outer, authority) or process.poll() is not None)
            assert process.poll() is None, (folder / "error.log").read_text()
            yield outer, heard, folder / "access.log"
        finally:
            process.terminate()
            listener.close()


def answers(port: int, authority: trustme.CA) -> bool:
    """Whether the proxy is there."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    connection = http.client.HTTPSConnection("localhost", port, timeout=5, context=context)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status == 404
    except OSError:
        return False
    finally:
        connection.close()


def test_signed_events_pass_the_proxy_of_the_page(
    trusting_vod: LocalVod, authority: trustme.CA, tmp_path: Path
) -> None:
    """What VOD tells by HTTPS arrives, signature and all; without the line on underscores it is refused."""
    (server,) = blocks(PAGE, "nginx")
    with proxied(tmp_path / "page", authority, server) as (port, heard, log):
        trusting_vod.tells(f"https://localhost:{port}/vod", KEY)
        audio_id = trusting_vod.extract(trusting_vod.video())
        assert heard.get(timeout=20) == audio_id
        until(lambda: '"POST /vod HTTP/1.1" 204' in log.read_text())
    without, lines = re.subn(r"^\s*underscores_in_headers on;\n", "", server, flags=re.MULTILINE)
    assert lines == 1
    with proxied(tmp_path / "without", authority, without) as (port, heard, log):
        trusting_vod.tells(f"https://localhost:{port}/vod", KEY)
        trusting_vod.extract(trusting_vod.video())
        until(lambda: '"POST /vod HTTP/1.1" 403' in log.read_text())
        assert heard.empty()
