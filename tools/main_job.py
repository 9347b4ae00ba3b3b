"""The main job: one audio declared from one video, against a local VOD. All it leaves behind is in .local.

    python3 -m tools.main_job up | preview | refresh | down | shell

The environment variable VOD_PORT chooses the service's port (8480, or the one of the last run).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import urllib.error
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from tools import environment, service, stack
from tools.console import ToolError, leave, say
from tools.environment import LOCAL, PYTHON, ROOT

MEMORY = LOCAL / "main-job.json"
SAMPLE = LOCAL / "sample.mp4"
SAMPLE_S = 30
WHEELS = LOCAL / "wheels"
JOURNAL = LOCAL / "journal.sqlite"

NEWEST = ("--run-program",)
"""Without it, refresh and destroy go by the configuration of the last `up`: to the service's port of then."""

PORT = 8480
# The local service's own defaults.
PROJECT = "0123456789abcdef0123456789abcdef"
ACCESS_KEY = "local-access-key"
SECRET_KEY = "local-secret-key"  # noqa: S105 - known to everybody, for loopback only
TOKEN = "local-token"  # noqa: S105


@dataclass
class Memory:
    """What the next run has to know: the service's port, and the sample's asset id."""

    port: int = PORT
    asset_id: str = ""

    @classmethod
    def load(cls, file: Path) -> Memory:
        """What was kept; the defaults where nothing was, or nothing that makes sense."""
        try:
            kept = json.loads(file.read_text())
            return cls(int(kept["port"]), str(kept["asset_id"]))
        except (OSError, ValueError, TypeError, KeyError):
            return cls()

    def save(self, file: Path) -> None:
        """Keep it, all at once."""
        file.parent.mkdir(exist_ok=True)
        part = file.with_suffix(".part")
        part.write_text(json.dumps(asdict(self)))
        part.replace(file)


def chosen_port(environ: Mapping[str, str], last: int) -> int:
    """VOD_PORT, or else the port of the last run. Raises ToolError."""
    text = environ.get("VOD_PORT", "").strip()
    if not text:
        return last
    if not text.isdecimal() or not 1024 <= int(text) <= 65535:
        raise ToolError(f"VOD_PORT is {text!r}: expected a port from 1024 to 65535")
    return int(text)


def require_home(environ: Mapping[str, str]) -> None:
    """Make sure that there is a home folder: Go, pip and Pulumi keep their caches there. Raises ToolError."""
    if not environ.get("HOME", "").strip():
        raise ToolError(
            'the environment variable HOME is not set; set it, for example: HOME="$PWD/.local/home" make up'
        )


def configuration(port: int, asset_id: str) -> tuple[dict[str, str], dict[str, str]]:
    """The stack's configuration: plain and secret."""
    plain = {
        f"{stack.PROJECT}:asset_id": asset_id,
        "vod:endpoint": service.url(port),
        "vod:projectId": PROJECT,
        "vod:accessKey": ACCESS_KEY,
        "vod:journal": str(JOURNAL),
    }
    return plain, {"vod:secretKey": SECRET_KEY}


def is_known(port: int, asset_id: str) -> bool:
    """Whether the service has that asset, ready to extract from."""
    address = f"{service.url(port)}/v1.0/{PROJECT}/asset/info?asset_id={asset_id}"
    try:
        found = service.get(address, {"X-Auth-Token": TOKEN})["asset_info_array"]
    except urllib.error.HTTPError as exc:
        if 400 <= exc.code < 500:
            return False
        raise ToolError(f"the local VOD answers with status {exc.code}; see .local/vod.log") from exc
    except OSError as exc:
        raise ToolError(f"the local VOD does not answer ({exc}); see .local/vod.log") from exc
    return any(asset["asset_id"] == asset_id and asset["status"] in {"CREATED", "PUBLISHED"} for asset in found)


def ensure_sample(memory: Memory) -> None:
    """Have the sample video in the service, and remember its id. Raises ToolError."""
    if memory.asset_id and is_known(memory.port, memory.asset_id):
        say(f"The sample video is there: asset {memory.asset_id}.")
        return
    if not SAMPLE.exists():
        say(f"Making a sample video of {SAMPLE_S} s (H.264 and AAC): a few seconds.")
        _python("-m", "tools.sample_video", str(SAMPLE), "--seconds", str(SAMPLE_S))
    endpoint = ("--endpoint", service.url(memory.port))
    memory.asset_id = _python("-m", "vod_provider.local", "upload", str(SAMPLE), "--title", "Sample", *endpoint)
    memory.save(MEMORY)
    say(f"The sample video is uploaded: asset {memory.asset_id}.")


def _python(*arguments: str) -> str:
    """Run the environment's Python; returns what it prints."""
    environ = environment.clean(os.environ)
    done = subprocess.run([PYTHON, *arguments], cwd=ROOT, env=environ, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise ToolError(f"{arguments[1]} ended with status {done.returncode}; its own words are above")
    return done.stdout.strip()


def prepare() -> stack.Stack:
    """Environment, engine, service, sample and stack: all that a run of the engine needs. Raises ToolError."""
    memory = Memory.load(MEMORY)
    # What fails at once comes before what takes minutes.
    require_home(os.environ)
    port = chosen_port(os.environ, memory.port)
    service.require_port(port)
    environment.make("run")
    engine = stack.find_engine()
    service.ensure(port)
    memory.port = port
    memory.save(MEMORY)
    ensure_sample(memory)
    prepared = stack.Stack(engine)
    prepared.prepare(*configuration(port, memory.asset_id))
    return prepared


def up() -> int:
    """Make the audio, and say where to listen."""
    prepared = prepare()
    here = service.url(Memory.load(MEMORY).port)
    status = prepared.run("up", "--yes")
    if status == 0 and not prepared.outputs()["url"].startswith(here):
        say(f"\nThe service has moved to {here}: taking its new addresses into the state.")
        status = prepared.run("up", "--yes", "--refresh")
    if status == 0:
        say(f"\nListen:  {prepared.outputs()['url']}\nPage:    {here}/\nMore:    make shell\nEnd:     make down")
    return status


def preview() -> int:
    """Show what `up` would do."""
    if not stack.exists():
        say(
            "There is no stack yet. To show what `make up` would do,\n"
            "this starts the local VOD, uploads the sample video and makes an empty stack.\n"
            "`make down` removes the stack and stops the local VOD."
        )
    return prepare().run("preview")


def shell() -> int:
    """Open the user's shell with this clone's engine, backend and passphrase, and say what to do there."""
    prepared = prepare()
    memory = Memory.load(MEMORY)
    WHEELS.mkdir(parents=True, exist_ok=True)
    wheel = ("--no-deps", "--no-build-isolation", "--wheel-dir", str(WHEELS), str(ROOT))
    _python("-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", *wheel)
    say(
        "\nThis shell has Pulumi, with the state and the passphrase of this clone. For example:\n"
        "  pulumi new $EXAMPLES/one-audio --dir .local/talk --name talk --stack dev --yes \\\n"
        "    --config asset_id=$ASSET_ID --config vod:endpoint=$VOD_ENDPOINT\n"
        "  pulumi up --cwd .local/talk\n"
        "`exit` leaves it."
    )
    return prepared.shell(
        {
            "ASSET_ID": memory.asset_id,
            "EXAMPLES": str(ROOT / "examples"),
            "PIP_FIND_LINKS": str(WHEELS),
            "VOD_ENDPOINT": service.url(memory.port),
        }
    )


def refresh() -> int:
    """Take over into the state what has changed at VOD."""
    return prepare().run("refresh", "--yes", *NEWEST)


def down() -> int:
    """Remove the audio, and stop the service."""
    status = 0
    if stack.exists():
        prepared = prepare()
        if prepared.is_empty():  # with the program run, `destroy` would put the stack's own resource into it
            prepared.remove()
            say("The empty stack is removed.")
        else:
            status = prepared.run("destroy", "--yes", "--remove", *NEWEST)
    else:
        say("There is no stack, so there is nothing to remove.")
    return status or stop()


def stop() -> int:
    """Stop the service, and leave all else as it is."""
    running = service.find()
    if running is not None:
        service.stop(running)
        say("The local VOD is stopped.")
    return 0


COMMANDS = {"up": up, "preview": preview, "refresh": refresh, "down": down, "shell": shell, "stop": stop}


def main() -> int:
    """Run one command."""
    parser = argparse.ArgumentParser(prog="tools.main_job", description=__doc__.splitlines()[0])
    parser.add_argument("command", choices=COMMANDS)
    return COMMANDS[parser.parse_args().command]()


if __name__ == "__main__":
    leave(main)
