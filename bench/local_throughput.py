"""How many signed ShowAssetMeta calls of ten ids each the local VOD answers in a second.

    python -m bench.local_throughput [--seconds 5] [--connections 16]

One process sends, one serves: each has a core of a machine with two. The caller signs once and sends the
same bytes again (a signature holds for 15 minutes), so that next to nothing is measured but the service.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import uvloop

from tests.local.samples import make_video
from vod_provider.local.http.signing import signed_headers
from vod_provider.local.testing import LocalVod, running_local_vod


def signed_request(service: LocalVod, ids: list[str]) -> bytes:
    """The whole request as bytes."""
    query = "&".join(f"asset_id={asset_id}" for asset_id in sorted(ids))
    path = f"/v1.0/{service.project_id}/asset/info?{query}"
    headers = signed_headers(
        "GET",
        service.endpoint + path,
        b"",
        {"Content-Type": "application/json", "X-Project-Id": service.project_id},
        service.access_key,
        service.secret_key,
        datetime.now(UTC),
    )
    lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def one_connection(url: str, request: bytes, until: float, delays: list[float]) -> None:
    """Ask again and again over one connection; notes how long each answer took."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    while time.monotonic() < until:
        started = time.monotonic()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200 "):
            raise RuntimeError(head.decode())
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
        delays.append(time.monotonic() - started)
    writer.close()
    await writer.wait_closed()


async def load(url: str, request: bytes, seconds: float, connections: int) -> list[float]:
    """Ask over several connections at once; returns the seconds each answer took."""
    delays: list[float] = []
    until = time.monotonic() + seconds
    await asyncio.gather(*(one_connection(url, request, until, delays) for _ in range(connections)))
    return delays


def cpu_seconds(pid: int) -> float:
    """CPU time that a process has used so far, in seconds (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--connections", type=int, default=16)
    options = parser.parse_args()
    with running_local_vod() as service:
        service.settings(quota_scale=0)
        video = make_video(service.data / "sample.mp4", seconds=1)
        ids = [service.upload(video) for _ in range(10)]
        request = signed_request(service, ids)
        before = cpu_seconds(service.process.pid)
        delays = sorted(uvloop.run(load(service.endpoint, request, options.seconds, options.connections)))
        worked = cpu_seconds(service.process.pid) - before
    rate = len(delays) / options.seconds
    print(f"{rate:.0f} calls/s over {options.connections} connections for {options.seconds:g} s")
    # Of all figures the one that a busy machine disturbs least: compare by it where others work as well.
    print(f"{worked / len(delays) * 1e6:.0f} µs of the service's CPU time for each call")
    for share in (50, 95, 99):
        print(f"p{share}: {delays[len(delays) * share // 100] * 1000:.1f} ms")


if __name__ == "__main__":
    main()
