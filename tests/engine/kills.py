"""Random kills of the real engine and its plugin, and the count of what they cost.

    python -m tests.engine.kills 200 [SEED]     what `make soak` runs; about six seconds a kill

A round is a new stack with four audios: it is broken off a few times, at random moments and in random ways, and then
left to finish. In the end VOD has to have accepted one request for each audio, and to hold just the state's audios.
"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from os import kill
from pathlib import Path

from tests.engine.stack import LIMIT_S, Stack
from tests.vod import LocalVod

VICTIMS = ("engine", "plugin", "both", "Ctrl-C", "Ctrl-C twice")
PLUGIN = "pulumi.dynamic"
DECLARED = 4
EXTRACTION_S = 1.5
LATEST_S = 5.0
"""A run is broken off at the latest this long after its start; by then it is about done."""
FAULTS = ({"drop": "before"}, {"drop": "after"}, {"drop": "middle"}, {"status": 503}, {"body": "<html>"})


@dataclass
class Count:
    """What a number of rounds came to."""

    kills: int = 0
    rounds: int = 0
    twice: int = 0
    lost: int = 0

    def __str__(self) -> str:
        return f"{self.kills} kills in {self.rounds} rounds: {self.lost} lost, {self.twice} paid twice"


def program(vod: LocalVod) -> str:
    """Two formats of one video, and the audios of two videos with the same title."""
    one, other = vod.video(title="Alike"), vod.video(title="Alike")
    return "\n".join(
        f'ExtractedAudio("{name}", asset_id="{source}", format="{audio_format}", title="{name}")'
        for name, source, audio_format in (
            ("mp3", one, "MP3"),
            ("aac", one, "AAC"),
            ("other", other, "MP3"),
            ("third", vod.video(title="Another"), "MP3"),
        )
    )


def break_off(stack: Stack, victims: str, after_s: float) -> None:
    """Start an `up`, and end it in that way after that time."""
    run = stack.start("up", "--yes", "--skip-preview", "--stack", "test")
    with suppress(subprocess.TimeoutExpired):
        run.wait(after_s)
    if victims.startswith("Ctrl-C"):
        for _ in range(1 + ("twice" in victims)):
            run.send_signal(signal.SIGINT)
            time.sleep(0.2)
    else:
        plugins = stack.processes(PLUGIN)
        if victims != "plugin":
            run.kill()
        if victims != "engine":
            for plugin in plugins:
                with suppress(ProcessLookupError):
                    kill(plugin, signal.SIGKILL)
    run.communicate(timeout=LIMIT_S)
    stack.run("cancel", "--yes", "--stack", "test")


def one_round(stack: Stack, vod: LocalVod, chance: random.Random, kills: int) -> tuple[int, int, str]:
    """Break a stack off `kills` times and let it finish; returns how many audios are lost, how many paid twice, and
    what was done."""
    done = []
    stack.program(program(vod))
    vod.timed(EXTRACTION_S)
    for _ in range(kills):
        if chance.random() < 0.3:
            fault = chance.choice(FAULTS)
            done.append(str(fault))
            vod.faults({"operation": "ExtractAudio", "times": 1, **fault})
        victims, after_s = chance.choice(VICTIMS), chance.uniform(0.3, LATEST_S)
        done.append(f"{victims} after {after_s:.2f} s")
        break_off(stack, victims, after_s)
    vod.mend()
    stack.up().expect()
    held = {audio["id"] for audio in stack.audios().values()}
    assert len(held) == DECLARED, stack.state()
    at_vod = set(vod.audio_ids())
    return len(held ^ at_vod), vod.accepted() - DECLARED, ", ".join(done)


def main(kills: int, seed: int) -> int:
    """Run rounds until there were that many kills."""
    tool = Path(__file__).resolve().parents[2] / "tools" / "engine" / "ensure"
    engine = Path(subprocess.run([tool], stdout=subprocess.PIPE, text=True, check=True).stdout.strip().splitlines()[-1])
    chance, count = random.Random(seed), Count()
    print(f"seed {seed}")
    with tempfile.TemporaryDirectory() as folder, LocalVod.started(Path(folder)) as vod:
        while count.kills < kills:
            vod.reset()
            stack = Stack(Path(folder, f"stack{count.rounds}"), engine, vod.config)
            number = min(chance.randint(1, 4), kills - count.kills)
            try:
                lost, twice, done = one_round(stack, vod, chance, number)
            finally:
                stack.end()
            count.kills += number
            count.rounds += 1
            count.lost += lost
            count.twice += twice
            print(f"{count}    [{done}]", flush=True)
    return 1 if count.lost or count.twice else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(1_000_000)))
