"""What hostile neighbours take of the local VOD and of the provider: seconds, memory, answers.

    python -m bench.hostile [CASE ...]

Run it from the tree of another version to see what they took there: it uses nothing but the public commands, and the
client's own classes. Figures of memory are the peak of the process that was attacked, or of its media process (Linux).
"""

from __future__ import annotations

import argparse
import gzip
import json
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import av
import trustme

from tests.local.samples import make_video
from tests.local.wiretap import call, send
from vod_provider.local.testing import LocalVod, running_local_vod

PATIENCE_S = 40
"""After this long a case counts as endless."""
_CLIENT = """
import sys, time
from vod_provider.vod.client import Client
from vod_provider.vod.deadline import Deadline
from vod_provider.vod.signing import Token
from vod_provider.vod.transport import Transport
names = ("extract", "cancel", "query", "delete", "update", "publish", "unpublish")
client = Client(Transport(sys.argv[1], "project", Token("token")), dict.fromkeys(names, 1000))
started, said = time.monotonic(), ""
try:
    client.show(["asset"], Deadline(60))
except Exception as error:
    said = str(error)
peak = open("/proc/self/status").read().partition("VmHWM:")[2].split()[0]
print(f"{time.monotonic() - started:.1f} s, {int(peak) // 1024} MB, a message of {len(said)} characters")
"""
_LISTENER = """
import sys, time
from vod_provider.config.parsers import Listening
from vod_provider.plugin.event_listener import Listener
listener = Listener(Listening("127.0.0.1", 0, "key"), lambda _: None)
print(listener._server.server_address[1], flush=True)
sys.stdin.read()
"""


def peak_mb(pid: int) -> int:
    """The most memory that a process has had, in MB; 0 if it is gone."""
    try:
        return int(Path(f"/proc/{pid}/status").read_text().partition("VmHWM:")[2].split()[0]) // 1024
    except (OSError, IndexError):
        return 0


def children(pid: int) -> list[int]:
    """The processes that a process has started."""
    return [int(one) for task in Path(f"/proc/{pid}/task").iterdir() for one in (task / "children").read_text().split()]


def watched(service: LocalVod, work: Callable[[], str]) -> str:
    """What the work says, the seconds that it took, and the peak of the service's media processes."""
    peak, over = 0, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not over.wait(0.02):
            peak = max([peak, *map(peak_mb, children(service.process.pid))])

    thread = threading.Thread(target=watch)
    thread.start()
    started = time.monotonic()
    try:
        said = work()
    finally:
        over.set()
        thread.join()
    return f"{said} {time.monotonic() - started:.1f} s, {peak} MB"


def one_hertz(folder: Path) -> Path:
    """2 MB of sound with one sample a second: 23 days."""
    header = b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 1, 1, 1, 8) + b"data" + struct.pack("<I", 2_000_000)
    file = folder / "slow.wav"
    file.write_bytes(b"RIFF" + struct.pack("<I", len(header) + 2_000_000) + header + bytes(2_000_000))
    return file


def as_video(sound: Path) -> Path:
    """The sound in a Matroska file, since audio is extracted from videos only."""
    file = sound.with_suffix(".mkv")
    with av.open(str(sound)) as source, av.open(str(file), "w") as output:
        stream = output.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(source.streams.audio[0]):
            if packet.dts is not None:
                packet.stream = stream
                output.mux(packet)
    return file


def many_videos(folder: Path, width: int, height: int) -> Path:
    """A Matroska file with one and the same large video 40 times."""
    one, file = folder / "one.mkv", folder / f"{width}x{height}.mkv"
    with av.open(str(one), "w") as output:
        video: Any = output.add_stream("libx264", rate=1, options={"preset": "ultrafast"})
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        output.mux(video.encode(av.VideoFrame(width, height, "yuv420p")))
        output.mux(video.encode(None))
    with av.open(str(one)) as source, av.open(str(file), "w") as output:
        template = source.streams.video[0]
        copies = [output.add_stream_from_template(template) for _ in range(40)]
        for packet in source.demux(template):
            for copy in copies if packet.size else []:
                again = av.Packet(bytes(packet))
                again.pts, again.dts, again.time_base, again.stream = packet.pts, packet.dts, packet.time_base, copy
                again.is_keyframe = packet.is_keyframe
                output.mux(again)
    return file


def extraction(service: LocalVod, source: str) -> str:
    """How an extraction from that asset ends."""
    audio = call(service, "POST", "/asset/extract_audio", {"asset_id": source}).json["audio_asset_id"]
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        info = call(service, "GET", f"/asset/info?asset_id={audio}").json["asset_info_array"][0]
        if info["status"] != "CREATING":
            return str(info["status"])
        time.sleep(0.05)
    return "goes on after"


def case_wav() -> str:
    """A WAV of 2 MB at 1 Hz: an extraction from it."""
    with tempfile.TemporaryDirectory() as folder, running_local_vod() as service:
        source = service.upload(as_video(one_hertz(Path(folder))))
        return watched(service, lambda: extraction(service, source))


def _pictures(width: int, height: int) -> str:
    with tempfile.TemporaryDirectory() as folder, running_local_vod() as service:
        file = many_videos(Path(folder), width, height)

        def upload() -> str:
            with suppress(Exception):
                service.upload(file)
            return "uploaded:"

        return watched(service, upload)


def case_pictures() -> str:
    """40 videos of 8192 x 8192 in a file of 8 MB: an upload of it."""
    return _pictures(8192, 8192)


def case_8k() -> str:
    """40 videos of 8192 x 4320 in a file of 4 MB: an upload of it."""
    return _pictures(8192, 4320)


@contextmanager
def answering(
    answer: Callable[[socket.socket, threading.Event], None], tls: ssl.SSLContext | None = None
) -> Iterator[int]:
    """A server on loopback that reads once and answers each connection as told; its port."""
    over = threading.Event()

    def serve(connection: socket.socket) -> None:
        with suppress(OSError), connection:
            whole = tls.wrap_socket(connection, server_side=True) if tls else connection
            whole.recv(65536)
            answer(whole, over)

    def accept() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0), backlog=500) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1]
        over.set()


def _drip(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while not over.wait(0.5):
        connection.sendall(b"x")


def _flood(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while not over.is_set():
        connection.sendall(bytes(1 << 20))


def case_fetches() -> str:
    """Four servers that drip: how long a fetch from a fifth, good one takes."""
    with tempfile.TemporaryDirectory() as folder, running_local_vod() as service:
        content = make_video(Path(folder, "good.mp4"), seconds=1).read_bytes()

        def good(connection: socket.socket, _: threading.Event) -> None:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(content) + content)

        with answering(_drip) as drip, answering(good) as port:
            for one in [drip] * 4 + [port]:
                item = {"url": f"http://127.0.0.1:{one}/a.mp4", "title": "t", "video_type": "MP4"}
                made = call(service, "POST", "/asset/upload_by_url", {"upload_metadatas": [item]}).json["upload_assets"]
            asset, started = made[0]["asset_id"], time.monotonic()
            while time.monotonic() < started + PATIENCE_S:
                info = call(service, "GET", f"/asset/info?asset_id={asset}").json["asset_info_array"][0]
                if info["status"] != "CREATING":
                    return f"{info['status']} after {time.monotonic() - started:.1f} s"
                time.sleep(0.05)
            return f"waits after {PATIENCE_S} s"


def case_flood() -> str:
    """An endless fetch and a reset: what is written in the two seconds after it."""
    with running_local_vod() as service, answering(_flood) as port:
        item = {"url": f"http://127.0.0.1:{port}/a.mp4", "title": "t", "video_type": "MP4"}
        call(service, "POST", "/asset/upload_by_url", {"upload_metadatas": [item]})
        time.sleep(1)
        service.reset()

        def written() -> int:
            fields = Path(f"/proc/{service.process.pid}/io").read_text()
            return int(fields.partition("write_bytes: ")[2].split()[0])

        time.sleep(0.3)
        before = written()
        time.sleep(2)
        return f"{(written() - before) / 1e6:.0f} MB"


def case_heads() -> str:
    """256 half heads: when somebody else is answered, and how many of them are left after 25 s."""
    with running_local_vod() as service:
        host, port = service.endpoint.removeprefix("http://").split(":")
        half = [socket.create_connection((host, int(port))) for _ in range(256)]
        for one in half:
            one.sendall(b"GET / HTTP/1.1\r\nX: ")
        started = time.monotonic()
        try:
            send(f"{service.endpoint}/_local/health", "GET", {})
            said = f"answered after {(time.monotonic() - started) * 1000:.0f} ms"
        except OSError as exc:
            said = f"not answered ({type(exc).__name__})"
        time.sleep(25)
        left = 0
        for one in half:
            one.setblocking(False)
            try:
                left += one.recv(1, socket.MSG_PEEK) != b"" and not one.recv(12).startswith(b"HTTP/1.1 408")
            except BlockingIOError:
                left += 1
            except OSError:
                pass
            one.close()
        return f"{said}, {left} are left"


def case_tls() -> str:
    """TLS to the plain port: when the caller hears of it."""
    with running_local_vod() as service:
        host, port = service.endpoint.removeprefix("http://").split(":")
        started = time.monotonic()
        with socket.create_connection((host, int(port)), timeout=PATIENCE_S) as plain:
            try:
                ssl.create_default_context().wrap_socket(plain, server_hostname="localhost")
            except TimeoutError:
                return f"nothing after {PATIENCE_S} s"
            except OSError as exc:
                return f"{type(exc).__name__} after {(time.monotonic() - started) * 1000:.0f} ms"
        return "taken"


def case_surrogate() -> str:
    """Half of a surrogate pair as the name of a field, and a malformed address."""
    with running_local_vod() as service:
        name = call(service, "POST", "/asset", content=b'{"\\ud800": 1}').status
        item = {"url": "http://[x/a.mp4", "title": "t", "video_type": "MP4"}
        address = call(service, "POST", "/asset/upload_by_url", {"upload_metadatas": [item]}).status
        return f"{name}, {address}"


def _asked(endpoint: str, environ: dict[str, str] | None = None) -> str:
    done = subprocess.run([sys.executable, "-c", _CLIENT, endpoint], capture_output=True, text=True, env=environ)
    return done.stdout.strip() or done.stderr.strip().splitlines()[-1]


@contextmanager
def _http(status: int, body: bytes, headers: dict[str, str]) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with suppress(OSError):
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def case_gzip() -> str:
    """An answer of 400 kB of gzip, which are 400 MB."""
    body = gzip.compress(b'{"a": "' + b"a" * 400_000_000 + b'"}')
    with _http(200, body, {"Content-Encoding": "gzip"}) as endpoint:
        return _asked(endpoint)


def case_error_code() -> str:
    """An answer whose error_code has 3 MB."""
    body = json.dumps({"error_code": "\x1b[31m" + "x" * 3_000_000, "error_msg": "m"}).encode()
    with _http(400, body, {}) as endpoint:
        return _asked(endpoint)


def case_certificate() -> str:
    """A certificate that is not trusted."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    with answering(lambda *_: None, context) as port:
        return _asked(f"https://127.0.0.1:{port}")


def case_nobody() -> str:
    """Nobody listens on loopback."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    return _asked(f"http://127.0.0.1:{port}")


@contextmanager
def _listener() -> Iterator[tuple[int, int]]:
    with subprocess.Popen([sys.executable, "-c", _LISTENER], stdin=-1, stdout=-1, text=True) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline()), process.pid
        process.kill()


def case_dripping_callbacks() -> str:
    """16 senders of a byte every 3 s: what becomes of a callback."""
    with _listener() as (port, _):
        slow = [socket.create_connection(("127.0.0.1", port)) for _ in range(16)]
        for one in slow:
            one.sendall(b"POST / HTTP/1.1\r\nX: ")
        over = threading.Event()

        def drip() -> None:
            while not over.wait(3):
                for one in slow:
                    with suppress(OSError):
                        one.sendall(b"x")

        threading.Thread(target=drip).start()
        time.sleep(0.5)
        started = time.monotonic()
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as good:
                good.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
                heard = good.recv(1)
            said = f"{'answered' if heard else 'hung up'} after {(time.monotonic() - started) * 1000:.0f} ms"
        except OSError:
            said = f"none after {PATIENCE_S} s"
        over.set()
        for one in slow:
            one.close()
        return said


def case_large_callbacks() -> str:
    """16 senders of 98 headers of 65 kB."""
    with _listener() as (port, pid):
        senders = [socket.create_connection(("127.0.0.1", port), timeout=5) for _ in range(16)]

        def flood(one: socket.socket) -> None:
            with suppress(OSError):
                one.sendall(b"POST / HTTP/1.1\r\n")
                for number in range(98):
                    one.sendall(b"X-%d: %s\r\n" % (number, b"x" * 65_000))

        threads = [threading.Thread(target=flood, args=(one,)) for one in senders]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        time.sleep(0.5)
        peak = peak_mb(pid)
        for one in senders:
            one.close()
        return f"{peak} MB"


CASES = {name.removeprefix("case_"): case for name, case in globals().items() if name.startswith("case_")}


def main() -> None:
    """Run the cases and print what each took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"of {', '.join(CASES)}; all by default")
    for name in parser.parse_args().cases or CASES:
        print(f"{CASES[name].__doc__}\n    {CASES[name]()}", flush=True)


if __name__ == "__main__":
    main()
