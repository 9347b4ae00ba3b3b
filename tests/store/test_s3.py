"""A ledger in S3, by processes that are killed, race each other, and lose the server."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
import requests

from tests.storage import KEYS
from tests.storage import ledger as server_ledger
from tests.store.writer import SNAPSHOT_AFTER, bucket, ledger, request
from vod_provider.audio import ledger_store
from vod_provider.audio.ledger_records import LedgerError
from vod_provider.audio.ledger_store import ObjectStore
from vod_provider.config.ledger_location import LedgerStore, parse
from vod_provider.vod.signing import Token


class Server:
    """An S3 server in a process of its own, with a bucket `team`."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.endpoint = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.monotonic() + 60
        while True:
            try:
                assert requests.put(f"{self.endpoint}/team", timeout=10).ok
                return
            except requests.ConnectionError:
                assert time.monotonic() < until
                assert self._process.poll() is None
                time.sleep(0.1)

    def end(self) -> None:
        self._process.kill()
        self._process.wait(timeout=30)


@pytest.fixture
def server() -> Iterator[Server]:
    one = Server()
    yield one
    one.end()


def writer(server: Server, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.store.writer", server.endpoint, *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def known(server: Server, owner: str) -> bool:
    """Whether a new machine finds the request."""
    return ledger(bucket(server.endpoint)).find(request(owner).key) is not None


def test_three_processes_of_one_stack(server: Server) -> None:
    """They write and compact at the same time: what all want one gets, and nothing that was written is lost."""
    writers = [writer(server, owner, "12") for owner in ("a", "b", "c")]
    may: list[str] = []
    for one in writers:
        said, errors = one.communicate(timeout=120)
        assert one.returncode == 0, errors
        may += said.split()
    expected = [f"{owner}{number}" for owner in ("a", "b", "c", "both") for number in range(12)]
    assert sorted(may) == sorted(expected)
    after = ledger(bucket(server.endpoint))
    assert [name for name in expected if after.find(request(name).key) is None] == []
    stored = [str(meta["path"]) for page in bucket(server.endpoint).list() for meta in page]
    assert sum(path.endswith(".snapshot.json") for path in stored) >= len(expected) // SNAPSHOT_AFTER // 3


@pytest.mark.parametrize("step", ["before-segment", "after-segment", "before-snapshot", "after-snapshot"])
def test_killed_at_each_step(server: Server, step: str) -> None:
    """Killed before or after the storage has the object: all that was allowed is known, and the next runner goes on."""
    killed = writer(server, "a", "12", step)
    said, errors = killed.communicate(timeout=120)
    assert killed.returncode == -signal.SIGKILL, errors
    allowed = said.split()
    assert allowed
    assert [name for name in allowed if not known(server, name)] == []
    following = writer(server, "a", "12")
    said, errors = following.communicate(timeout=120)
    assert following.returncode == 0, errors
    # The one under way has its place in the log, or has not: the same is never allowed twice.
    assert not set(said.split()) & set(allowed)
    expected = [f"{owner}{number}" for owner in ("a", "both") for number in range(12)]
    assert [name for name in expected if not known(server, name)] == []


def test_the_server_goes_away(server: Server) -> None:
    """In the middle of a run: one line with the place and no credentials, soon, and nothing is allowed."""
    here = ledger(bucket(server.endpoint))
    assert here.intend(request("a"))
    server.end()
    began = time.monotonic()
    with pytest.raises(LedgerError) as raised:
        here.intend(request("b"))
    assert time.monotonic() - began < 30
    said = str(raised.value)
    assert "the ledger at s3://team/ledgers cannot be used" in said
    assert "\n" not in said
    assert "hidden-secret-key" not in said
    assert here.find(request("b").key) is None


def test_loopback_is_not_reached_by_a_proxy(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys and tokens would go to it, and it would be believed; NO_PROXY or not."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    location = parse("vod:journal", server_ledger(server.endpoint)["vod:journal"])
    assert isinstance(location, LedgerStore)
    opened = ledger_store.opened(location, "stack", credentials=Token("x"), region=None, warn=pytest.fail)
    opened.check()
    assert opened.requests > 2


def test_a_bucket_that_is_not_there(server: Server) -> None:
    """Reading it, or writing to it, is the same error."""
    here = ObjectStore(bucket(server.endpoint, "other"), "s3://other", "", "stack", pytest.fail)
    with pytest.raises(LedgerError, match="s3://other"):
        here.load()
    with pytest.raises(LedgerError, match="s3://other"):
        here.append([])


def test_objects_hold_no_credentials(server: Server) -> None:
    """Neither the keys of the storage nor anything else than rows."""
    assert ledger(bucket(server.endpoint)).intend(request("a"))
    objects = bucket(server.endpoint)
    kept = b"".join(bytes(objects.get(meta["path"]).bytes()) for page in objects.list() for meta in page)
    assert b"both" not in kept
    assert request("a").owner.encode() in kept
    assert b"hidden-secret-key" not in kept


def test_a_long_log_is_few_requests(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new machine reads the snapshot and what follows it, however long the log has become."""
    monkeypatch.setattr(ledger_store, "SNAPSHOT_AFTER", 20)
    here = ledger(bucket(server.endpoint))
    for number in range(65):
        assert here.intend(request(str(number)))
    new = ObjectStore(
        bucket(server.endpoint), "s3://team/ledgers", "ledgers", "s3://state urn:pulumi:dev::", pytest.fail
    )
    assert len(list(new.load())) == 65
    assert new.requests == 1 + 1 + 5
