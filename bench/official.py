"""The official client in a plain script with a thread pool, as a platform team would write it.

    python -m bench.official create|read|delete IDS_FILE ENDPOINT SOURCE COUNT

Asks for COUNT audios of SOURCE, each in a thread that then looks every three seconds whether it is done, and
keeps the ids in IDS_FILE; reads or deletes these, ten in a call. A 429 is waited out.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException
from huaweicloudsdkcore.http.http_config import HttpConfig
from huaweicloudsdkvod.v1 import (
    CreateExtractAudioTaskRequest,
    DeleteAssetsRequest,
    ExtractAudioTaskReq,
    Parameter,
    ShowAssetMetaRequest,
    VodClient,
)

THREADS = 32
POLL_S = 3
IDS_PER_CALL = 10


def again(call: Callable[[], Any]) -> Any:
    """The answer, however often VOD says that there were too many calls."""
    pause = 1.0
    while True:
        try:
            return call()
        except ClientRequestException as error:
            if error.status_code != 429:
                raise
        time.sleep(pause * random.uniform(0.5, 1))
        pause = min(30.0, pause * 2)


def extract(client: VodClient, source: str) -> str:
    """Ask for an audio and wait until it is there."""
    task = ExtractAudioTaskReq(asset_id=source, parameter=Parameter(format="MP3"))
    audio_id: str = again(
        lambda: client.create_extract_audio_task(CreateExtractAudioTaskRequest(body=task))
    ).audio_asset_id
    while True:
        time.sleep(POLL_S)
        answer = again(lambda: client.show_asset_meta(ShowAssetMetaRequest(asset_id=[audio_id])))
        status = answer.asset_info_array[0].status
        if status in {"CREATED", "PUBLISHED"}:
            return audio_id
        if status != "CREATING":
            raise RuntimeError(f"extraction of {audio_id} failed: {status}")


def tens(ids: Sequence[str]) -> list[list[str]]:
    """The ids, ten by ten."""
    return [list(ids[start : start + IDS_PER_CALL]) for start in range(0, len(ids), IDS_PER_CALL)]


def main(action: str, file: str, endpoint: str, source: str, count: str) -> None:
    """Do one of the three."""
    credentials = BasicCredentials("local-access-key", "local-secret-key", "0123456789abcdef0123456789abcdef")
    client = (
        VodClient.new_builder()
        .with_http_config(HttpConfig(ignore_ssl_verification=True))
        .with_credentials(credentials)
        .with_endpoint(endpoint)
        .build()
    )
    with ThreadPoolExecutor(THREADS) as pool:
        if action == "create":
            ids = list(pool.map(lambda _: extract(client, source), range(int(count))))
            Path(file).write_text(json.dumps(ids))
            return
        ids = json.loads(Path(file).read_text())
        if action == "read":
            list(
                pool.map(
                    lambda ten: again(lambda: client.show_asset_meta(ShowAssetMetaRequest(asset_id=ten))), tens(ids)
                )
            )
        else:
            list(
                pool.map(lambda ten: again(lambda: client.delete_assets(DeleteAssetsRequest(asset_id=ten))), tens(ids))
            )


if __name__ == "__main__":
    main(*sys.argv[1:])
