"""One running service: socket, data folder, event loop, and a clean end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import signal
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn
import uvloop

from vod_provider.local.console import routes
from vod_provider.local.core.data_folder import DataFolder
from vod_provider.local.core.fetch import Allowed
from vod_provider.local.core.hosts import is_loopback
from vod_provider.local.core.rules import Vod
from vod_provider.local.core.store import Store
from vod_provider.local.http.app import create_app
from vod_provider.local.http.auth import Credentials
from vod_provider.local.http.connection import Protocol, end_late_connections
from vod_provider.local.http.wire import completion_event

# How long calls that are being answered may go on after the service was told to end.
_GRACE_SECONDS = 3
# Files that are kept free for media, uploads, the database and the media processes' pipes.
_FILES_BESIDE_CONNECTIONS = 256
_MOST_CONNECTIONS = 4096
_TICKS_PER_SECOND = 10


@dataclass(frozen=True)
class Options:
    """How to run a service; `port` 0 takes a free one, `public_url` None is made of host and port."""

    data: Path
    credentials: Credentials
    project: str
    host: str = "127.0.0.1"
    port: int = 8480
    public_url: str | None = None
    allowed: Allowed = field(default_factory=Allowed)
    dialects: Mapping[str, object] = field(default_factory=dict)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises OSError if the address cannot be had."""
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(2048)
    except OSError:
        listener.close()
        raise
    return listener


def run(options: Options, listener: socket.socket, started: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT; `started` is called with the address once calls are answered.

    Raises FolderInUseError if another service has the data folder, FolderNotOursError if it holds other files.
    """
    Protocol.most_connections = _most_connections()
    os.umask(0o077)  # what is made from now on, in this process or in those that it starts, is for this user alone
    folder = DataFolder(options.data)
    try:
        store = Store(folder.database)
        folder.use(store)
        try:
            uvloop.run(_serve(options, listener, folder, store, started))
        finally:
            store.close()
    finally:
        folder.close()


async def _serve(
    options: Options, listener: socket.socket, folder: DataFolder, store: Store, started: Callable[[str], None]
) -> None:
    url = options.public_url or _url(options.host, listener.getsockname()[1])
    vod = Vod(
        store,
        folder,
        public_url=url,
        allowed=options.allowed,
        clock=time.time,
        completion_event=completion_event,
        dialects=options.dialects,
    )
    app = create_app(
        vod,
        options.credentials,
        options.project,
        pages=routes(vod, options.project),
        loopback_only=is_loopback(options.host),
    )
    config = uvicorn.Config(
        app,
        http=Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        backlog=2048,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        timeout_keep_alive=75,
    )
    server = _Server(config, lambda: started(url))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.stop)
    vod.start()
    try:
        await server.serve(sockets=[listener])
    finally:
        await vod.close()


class _Server(uvicorn.Server):
    """Uvicorn's server, which ends at a signal with status 0 and says when it has started."""

    def __init__(self, config: uvicorn.Config, started_hook: Callable[[], None]) -> None:
        super().__init__(config)
        self._started_hook = started_hook

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say so."""
        await super().startup(sockets)
        self._started_hook()

    async def on_tick(self, counter: int) -> bool:
        """Once a second, end the connections that keep the service waiting."""
        if counter % _TICKS_PER_SECOND == 0:
            end_late_connections(self.server_state.connections, asyncio.get_running_loop().time())
        return await super().on_tick(counter)

    def stop(self) -> None:
        """End; asked a second time, end at once."""
        self.force_exit = self.should_exit
        self.should_exit = True

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to us: uvicorn would raise them again at the end."""
        yield


def _most_connections() -> int:
    """How many connections the limit of open files leaves room for; the limit is raised as far as that needs."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_CONNECTIONS + _FILES_BESIDE_CONNECTIONS
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    room = _MOST_CONNECTIONS if soft == resource.RLIM_INFINITY else soft - _FILES_BESIDE_CONNECTIONS
    return max(16, min(_MOST_CONNECTIONS, room))


def _url(host: str, port: int) -> str:
    if host in ("0.0.0.0", "::", ""):  # noqa: S104  # every address: this machine's own is one of them
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
