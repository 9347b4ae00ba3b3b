"""One service for all of these tests, and the official client to drive it."""

from __future__ import annotations

import time
from collections.abc import Iterator
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


@pytest.fixture(scope="session")
def mute_video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video of 1 s without sound."""
    return make_video(tmp_path_factory.mktemp("mute") / "mute.mp4", seconds=1, audio_codec=None)


@pytest.fixture(scope="session")
def long_video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three minutes of sound, so that an extraction takes a while."""
    return make_video(tmp_path_factory.mktemp("long") / "long.mkv", seconds=180, rate=16000, audio_codec="flac",
                      layout="mono", video_codec=None)  # fmt: skip
