"""Object storage for ledgers: an S3 server on this machine, and a proxy before it that breaks as told."""

from __future__ import annotations

import http.client
import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import requests
from moto.server import ThreadedMotoServer

KEYS = {"AWS_ACCESS_KEY_ID": "AK", "AWS_SECRET_ACCESS_KEY": "hidden-secret-key"}
"""The environment of whoever uses it."""


@contextmanager
def served() -> Iterator[str]:
    """The address of a server in this process, with a bucket `team`."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # it tells of each request
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        assert requests.put(f"http://{host}:{port}/team", timeout=10).ok
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def ledger(address: str) -> dict[str, str]:
    """The setting by which a stack keeps its ledger there."""
    return {"vod:journal": f"s3://team/ledgers?endpoint={address}&region=us-east-1&s3ForcePathStyle=true"}


@dataclass
class Fault:
    """What befalls the requests of a `method` with `part` in their paths: the first `after` of them not, then `times`.

    `status` and `code` are answered instead of the server's own answer. `lost`: the server does what was asked, and
    its answer does not arrive. `until`: the answer is kept back until that is set. `met` is set at the first one.
    """

    method: str = "PUT"
    part: str = ".json"
    after: int = 0
    times: int = 1
    status: int = 0
    code: str = ""
    lost: bool = False
    until: threading.Event | None = None
    met: threading.Event = field(default_factory=threading.Event)

    def meets(self, method: str, path: str) -> bool:
        """Whether this request is one of them; counts."""
        if method != self.method or self.part not in path or not self.times:
            return False
        if self.after:
            self.after -= 1
            return False
        self.times -= 1
        return True


class Proxy(ThreadingHTTPServer):
    """Passes requests on to the server at `address`, unless a fault befalls them; `seen` has what came."""

    daemon_threads = True

    def __init__(self, address: str) -> None:
        super().__init__(("127.0.0.1", 0), _Passing)
        self.behind = urlsplit(address).netloc
        self.address = f"http://127.0.0.1:{self.server_address[1]}"
        self.faults: list[Fault] = []
        self.seen: list[str] = []
        self.lock = threading.Lock()

    def fault(self, **values: object) -> Fault:
        """Break like that from now on."""
        one = Fault(**values)  # type: ignore[arg-type]
        with self.lock:
            self.faults.append(one)
        return one

    def mend(self) -> None:
        """No more faults; what is kept back goes on."""
        with self.lock:
            kept, self.faults = self.faults, []
        for one in kept:
            if one.until is not None:
                one.until.set()

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that are gone are no news."""


class _Passing(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Proxy

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        pass

    def _pass(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with self.server.lock:
            self.server.seen.append(f"{self.command} {self.path}")
            fault = next((it for it in self.server.faults if it.meets(self.command, self.path)), None)
        if fault is not None and fault.status:
            fault.met.set()
            content = f"<Error><Code>{fault.code}</Code><Message>As told.</Message></Error>".encode()
            self._answer(fault.status, {"Content-Type": "application/xml"}, content)
            return
        behind = http.client.HTTPConnection(self.server.behind, timeout=60)
        headers = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
        behind.request(self.command, self.path, body, headers)
        answer = behind.getresponse()
        content = answer.read()
        behind.close()
        if fault is not None:
            fault.met.set()
            if fault.until is not None:
                fault.until.wait(120)
            if fault.lost:
                with suppress(OSError):
                    self.connection.shutdown(socket.SHUT_RDWR)
                self.close_connection = True
                return
        self._answer(answer.status, dict(answer.getheaders()), content)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _pass  # noqa: N815 - the base class's names

    def _answer(self, status: int, headers: dict[str, str], content: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in {"content-length", "transfer-encoding", "connection"}:
                self.send_header(name, value)
        length = headers.get("Content-Length") if self.command == "HEAD" else None
        self.send_header("Content-Length", length or str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


@contextmanager
def broken() -> Iterator[Proxy]:
    """A server as `served`, behind a proxy."""
    with served() as address:
        proxy = Proxy(address)
        thread = threading.Thread(target=proxy.serve_forever, daemon=True)
        thread.start()
        try:
            yield proxy
        finally:
            proxy.mend()
            proxy.shutdown()
            proxy.server_close()
            thread.join()
