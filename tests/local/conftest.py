"""One service for all of these tests, and the official client to drive it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkvod.v1 import ShowAssetMetaRequest, VodClient

from tests.local.samples import make_video
from vod_provider.local.testing import LocalVod, running_local_vod


@pytest.fixture(scope="session")
def shared_service() -> Iterator[LocalVod]:
    """One process for the whole session."""
    with running_local_vod() as running:
        yield running


@pytest.fixture
def service(shared_service: LocalVod) -> LocalVod:
    """The session's service, as new."""
    shared_service.reset()
    shared_service.settings(quota_scale=0)
    return shared_service


def official_client(service: LocalVod, access_key: str | None = None, secret_key: str | None = None) -> Any:
    """The official client, with the service's credentials or others."""
    credentials = BasicCredentials(
        access_key or service.access_key, secret_key or service.secret_key, service.project_id
    )
    return VodClient.new_builder().with_credentials(credentials).with_endpoint(service.endpoint).build()


@pytest.fixture
def client(service: LocalVod) -> Any:
    """The official client, let in."""
    return official_client(service)


@pytest.fixture(scope="session")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video of 2 s with sound."""
    return make_video(tmp_path_factory.mktemp("video") / "sample.mp4")


def until_done(client: Any, asset_id: str, seconds: float = 30) -> Any:
    """The asset's AssetInfo once it is no longer CREATING."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        info = client.show_asset_meta(ShowAssetMetaRequest(asset_id=[asset_id])).asset_info_array[0]
        if info.status != "CREATING":
            return info
        time.sleep(0.02)
    raise AssertionError(f"{asset_id} is still CREATING after {seconds} s")


def until_gone(client: Any, asset_id: str, seconds: float = 10) -> None:
    """Wait until VOD no longer has an asset."""
    end = time.monotonic() + seconds
    while client.show_asset_meta(ShowAssetMetaRequest(asset_id=[asset_id])).asset_info_array[0].status != "NO_ASSET":
        assert time.monotonic() < end, f"{asset_id} is still there after {seconds} s"
        time.sleep(0.02)


@pytest.fixture(scope="session")
def mute_video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video of 1 s without sound."""
    return make_video(tmp_path_factory.mktemp("mute") / "mute.mp4", seconds=1, audio_codec=None)


@pytest.fixture(scope="session")
def long_video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three minutes of sound, so that an extraction takes a while."""
    return make_video(tmp_path_factory.mktemp("long") / "long.mkv", seconds=180, rate=16000, audio_codec="flac",
                      layout="mono", video_codec=None)  # fmt: skip


@pytest.fixture
def listener() -> Iterator[tuple[str, list[tuple[dict[str, str], bytes]], list[int]]]:
    """A receiver of callbacks: its address, what came, and the statuses to answer next (then 200)."""
    came: list[tuple[dict[str, str], bytes]] = []
    statuses: list[int] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            came.append((dict(self.headers.items()), body))
            self.send_response(statuses.pop(0) if statuses else 200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=lambda: server.serve_forever(0.05))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/events?x=1", came, statuses
        server.shutdown()
        thread.join()
