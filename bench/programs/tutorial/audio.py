"""A dynamic provider as the tutorials have it: create asks and polls, read asks, delete deletes; one call each.

In a module of its own: in `__main__`, Pulumi pickles the class itself into every resource. That fails now and then
with a thousand of them, and looks different in the next run, which is an update then that wipes the outputs.
"""

import time
from typing import Any

from pulumi.dynamic import CreateResult, ReadResult, Resource, ResourceProvider

POLL_S = 5


class AudioProvider(ResourceProvider):
    """One call of VOD for each thing to do, and a look every five seconds."""

    def create(self, props: dict[str, Any]) -> CreateResult:
        import requests

        headers = {"X-Auth-Token": props["token"]}
        body = {"asset_id": props["asset_id"], "parameter": {"format": props["format"]}}
        answer = requests.post(f"{props['url']}/asset/extract_audio", json=body, headers=headers, timeout=30)
        answer.raise_for_status()
        audio_id = answer.json()["audio_asset_id"]
        while True:
            time.sleep(POLL_S)
            answer = requests.get(f"{props['url']}/asset/info?asset_id={audio_id}", headers=headers, timeout=30)
            answer.raise_for_status()
            status = answer.json()["asset_info_array"][0]["status"]
            if status in {"CREATED", "PUBLISHED"}:
                return CreateResult(audio_id, {**props, "status": status})
            if status != "CREATING":
                raise RuntimeError(f"extraction failed: {status}")

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        import requests

        headers = {"X-Auth-Token": props["token"]}
        answer = requests.get(f"{props['url']}/asset/info?asset_id={id_}", headers=headers, timeout=30)
        answer.raise_for_status()
        return ReadResult(id_, {**props, "status": answer.json()["asset_info_array"][0]["status"]})

    def delete(self, id_: str, props: dict[str, Any]) -> None:
        import requests

        headers = {"X-Auth-Token": props["token"]}
        requests.delete(f"{props['url']}/asset?asset_id={id_}", headers=headers, timeout=30).raise_for_status()


class Audio(Resource):
    """An audio extracted from a video."""

    def __init__(self, name: str, **props: Any) -> None:
        super().__init__(AudioProvider(), name, {"status": None, **props})
