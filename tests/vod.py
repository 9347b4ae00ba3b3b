"""The local VOD service as the tests of other parts use it: started, asked, broken. By its HTTP API alone."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import requests

TOKEN = "local-token"
PROJECT = "0123456789abcdef0123456789abcdef"


def free_port(host: str = "127.0.0.1") -> int:
    """A port that nobody listens on, for somebody who begins at once."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as free:
        free.bind((host, 0))
        return int(free.getsockname()[1])


class LocalVod:
    """A running service."""

    def __init__(self, port: int, folder: Path, host: str = "127.0.0.1") -> None:
        self.endpoint = f"http://{host}:{port}"
        self.store = folder / "data" / "vod.sqlite3"
        self.host, self.port, self._folder = host, port, folder
        self._process: subprocess.Popen[bytes] | None = None
        self.config = {
            "vod:endpoint": self.endpoint,
            "vod:projectId": PROJECT,
            "vod:accessKey": "local-access-key",
            "vod:secretKey": "local-secret-key",
            # An absence is believed sooner than from the cloud.
            "vod:timeouts": '{"absence": 2}',
        }

    @classmethod
    @contextmanager
    def started(cls, folder: Path, port: int | None = None, host: str = "127.0.0.1") -> Iterator[LocalVod]:
        """A service, on a free port unless told, with its data below `folder`, ended at the end."""
        folder.mkdir(parents=True, exist_ok=True)
        service = cls(port or free_port(), folder, host)
        service.start()
        try:
            yield service
        finally:
            service.end()

    def start(self) -> None:
        """Start the service, and wait until it answers."""
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "vod_provider.local",
                    "serve",
                    "--host",
                    self.host,
                    "--port",
                    str(self.port),
                    "--data",
                    str(self._folder / "data"),
                ],
                stdout=log,
                stderr=log,
            )
        end = time.monotonic() + 20
        while True:
            try:
                requests.get(f"{self.endpoint}/_local/health", timeout=5).raise_for_status()
                return
            except requests.RequestException:
                assert time.monotonic() < end, (self._folder / "log").read_text()
                assert self._process.poll() is None, (self._folder / "log").read_text()
                time.sleep(0.05)

    def end(self, *, kill: bool = False) -> None:
        """End the service; `kill` as a crash would."""
        if self._process is not None:
            (self._process.kill if kill else self._process.terminate)()
            self._process.wait(20)

    # -- /_local -------------------------------------------------------------------------------------------

    def _local(self, method: str, what: str, body: Any = None) -> Any:
        answer = requests.request(method, f"{self.endpoint}/_local/{what}", json=body, timeout=30)
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    def reset(self) -> None:
        """No assets, calls, faults, and the settings of the start."""
        self._local("POST", "reset")

    def faults(self, *faults: dict[str, Any]) -> None:
        """The next calls fail as told."""
        self._local("POST", "faults", list(faults))

    def mend(self) -> None:
        """No more faults."""
        self._local("DELETE", "faults")

    def timed(self, seconds: float, concurrency: int = 1000, quota_scale: float = 1.0) -> None:
        """Extractions take `seconds` each, and no work."""
        extraction = {"mode": "timed", "seconds": seconds, "concurrency": concurrency}
        self._local("PUT", "settings", {"extraction": extraction, "quota_scale": quota_scale})

    def failing(self, times: int, reason: str) -> None:
        """So many of the next extractions fail, with that reason."""
        self._local("PUT", "settings", {"extraction": {"fail": times, "fail_reason": reason}})

    def dialect(self, **values: object) -> None:
        """VOD behaves like that where public sources leave it open; names and values: docs/local-vod.md."""
        self._local("PUT", "settings", {"dialects": values})

    def tells(self, url: str | None, key: str | None) -> None:
        """Completed extractions are told to `url`, signed with `key`."""
        self._local("PUT", "settings", {"events": {"url": url, "key": key}})

    def calls(self) -> list[dict[str, Any]]:
        """All calls since the reset."""
        calls: list[dict[str, Any]] = self._local("GET", "calls")["calls"]
        return calls

    def forget_calls(self) -> None:
        """Count anew."""
        self._local("DELETE", "calls")

    def counts(self) -> dict[str, int]:
        """How often each operation was called."""
        counts: dict[str, int] = self._local("GET", "calls")["counts"]
        return counts

    def count(self, operation: str) -> int:
        """How often `operation` was called."""
        return self.counts().get(operation, 0)

    def accepted(self) -> int:
        """How many extractions were accepted, whether or not their answers arrived."""
        return sum(call["operation"] == "ExtractAudio" and len(call["asset_ids"]) == 2 for call in self.calls())

    # -- VOD's own API, by token ---------------------------------------------------------------------------

    def api(self, method: str, path: str, **rest: Any) -> Any:
        """One call of VOD's API."""
        url = f"{self.endpoint}/v1.0/{PROJECT}{path}"
        answer = requests.request(method, url, headers={"X-Auth-Token": TOKEN}, timeout=60, **rest)
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    def upload(self, file: Path, title: str) -> str:
        """Upload a file; returns its asset id."""
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "vod_provider.local",
                "upload",
                str(file),
                "--title",
                title,
                "--endpoint",
                self.endpoint,
            ],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    def video(self, seconds: float = 2, *, sound: bool = True, title: str = "A video") -> str:
        """Make a video and upload it; returns its asset id."""
        file = self._folder / f"{seconds:g}-{sound}.mp4"
        if not file.exists():
            make_video(file, seconds, sound=sound)
        return self.upload(file, title)

    def announced(self, title: str = "Announced") -> tuple[str, str]:
        """A video whose upload has begun and not ended; returns its asset id and where its bytes go."""
        body = {"title": title, "video_name": "video.mp4", "video_type": "MP4"}
        created = self.api("POST", "/asset", json=body)
        return created["asset_id"], created["video_upload_url"]

    def arrived(self, asset_id: str, url: str, seconds: float = 2) -> None:
        """The announced video's bytes arrive, and the upload ends."""
        file = self._folder / "arriving.mp4"
        make_video(file, seconds)
        assert requests.put(url, data=file.read_bytes(), timeout=60).ok
        self.api("POST", "/asset/status/uploaded", json={"asset_id": asset_id, "status": "CREATED"})

    def damage(self, asset_id: str) -> None:
        """Spoil an asset's file on the service's disk, so that FFmpeg fails on it."""
        (file,) = (self._folder / "data" / "media").glob(f"{asset_id}-*")
        file.write_bytes(b"this was a video once" * 100)

    def extract(self, source: str, audio_format: str = "MP3", *, wait: bool = True) -> str:
        """Extract an audio as somebody else would, and wait until it is ready; returns its id."""
        body = {"asset_id": source, "parameter": {"format": audio_format}}
        audio_id: str = self.api("POST", "/asset/extract_audio", json=body)["audio_asset_id"]
        end = time.monotonic() + 30
        while wait and self.asset(audio_id)["status"] == "CREATING":
            assert time.monotonic() < end
            time.sleep(0.05)
        return audio_id

    def asset(self, asset_id: str) -> dict[str, Any]:
        """One asset as `info` tells it; {} where there is none, however that is told."""
        url = f"{self.endpoint}/v1.0/{PROJECT}/asset/info?asset_id={asset_id}"
        answer = requests.get(url, headers={"X-Auth-Token": TOKEN}, timeout=60)
        if answer.status_code in {400, 404} and answer.json()["error_code"] == "VOD.10062":
            return {}
        assert answer.ok, answer.text
        found = [one for one in answer.json()["asset_info_array"] if one["description"] != "no asset"]
        return dict(found[0]) if found else {}

    def audio_ids(self) -> list[str]:
        """The ids of all audios, in any state."""
        rows: list[dict[str, Any]] = []
        while True:
            page = self.api("GET", f"/asset/info?page={len(rows) // 100}&size=100")["asset_info_array"]
            rows += page
            if len(page) < 100:
                break
        return [row["asset_id"] for row in rows if row["base_info"].get("video_type") not in {"MP4", "mp4"}]

    def delete(self, asset_id: str) -> None:
        """Delete an asset as somebody else would, and wait until it is gone."""
        result = self.api("DELETE", f"/asset?asset_id={asset_id}")["delete_result_array"]
        assert result[0]["status"] == "DELETED", result
        end = time.monotonic() + 30
        while self.asset(asset_id):
            assert time.monotonic() < end
            time.sleep(0.05)

    def retitle(self, asset_id: str, title: str) -> None:
        """Change a title as somebody else would."""
        self.api("PUT", "/asset/info", json={"asset_id": asset_id, "title": title})

    def download(self, url: str) -> bytes:
        """A file that an asset's url leads to."""
        answer = requests.get(url, timeout=60)
        assert answer.ok, answer.text
        return answer.content


def make_video(file: Path, seconds: float, *, sound: bool = True) -> None:
    """Write a small MP4 of H.264 and AAC with a tone that swells and fades, or without sound."""
    import array
    import math

    import av

    rate, size = 44100, 1024
    temporary = file.with_suffix(f".{os.getpid()}.mp4")
    with av.open(str(temporary), "w") as container:
        video = container.add_stream("libx264", rate=10)
        video.width, video.height, video.pix_fmt = 64, 64, "yuv420p"
        audio = container.add_stream("aac", rate=rate, layout="mono") if sound else None
        for number in range(int(seconds * 10)):
            frame = av.VideoFrame(64, 64, "yuv420p")
            for plane in frame.planes:
                plane.update(bytes([(number * 8 + 16) % 200]) * plane.buffer_size)
            frame.pts, frame.time_base = number, Fraction(1, 10)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if audio is not None:
            for start in range(0, int(seconds * rate), size):
                count = min(size, int(seconds * rate) - start)
                tone = array.array(
                    "f",
                    (
                        0.3 * math.sin(t * 2 * math.pi * 220 / rate) * (0.6 + 0.4 * math.sin(t * 6 / rate))
                        for t in range(start, start + count)
                    ),
                )
                sound_frame = av.AudioFrame("fltp", "mono", count)
                sound_frame.planes[0].update(tone.tobytes().ljust(sound_frame.planes[0].buffer_size, b"\0"))
                sound_frame.sample_rate, sound_frame.pts = rate, start
                sound_frame.time_base = Fraction(1, rate)
                container.mux(audio.encode(sound_frame))
            container.mux(audio.encode(None))
    temporary.replace(file)
