"""`make soak`: breaks off runs of the real engine at random, most of half an hour, and counts what that costs.

Prints a line for each round and a summary; exit status 0 if nothing was lost and nothing paid twice.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests import storage
from tests.engine.stack import Stack, heed_interrupts
from tests.soak.kills import Kills, Report
from tests.vod import LocalVod

ENSURE = Path(__file__).resolve().parents[2] / "tools" / "engine" / "ensure"


def main() -> int:
    """Run rounds until there have been enough kills, time is up, or something is lost; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--minutes", type=float, default=25, help="ends with the first round after that")
    parser.add_argument(
        "--disks",
        choices=("lost", "kept"),
        default="lost",
        help="lost: half of them, with the ledger in object storage",
    )
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    heed_interrupts()
    engine = subprocess.run([sys.executable, ENSURE], stdout=subprocess.PIPE, text=True, check=True)
    total, rounds, began = Report(), 0, time.monotonic()
    print(f"seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="soak-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        (folder / "vod").mkdir()
        with LocalVod.started(folder / "vod") as vod, storage.served() as address:
            loses = options.disks == "lost"
            config = vod.config | (storage.ledger(address) if loses else {})
            stack = Stack(folder / "stack", Path(engine.stdout.strip().splitlines()[-1]), config)
            stack.environ |= storage.KEYS
            try:
                kills = Kills(stack, vod, options.seed, loses_disks=loses)
                while (
                    not total.lost + total.twice
                    and total.kills < options.kills
                    and time.monotonic() - began < 60 * options.minutes
                ):
                    report = kills.round(breaks=3)
                    rounds += 1
                    print(report, flush=True)
                    for count in ("kills", "disks", "asked", "told", "lost", "twice"):
                        setattr(total, count, getattr(total, count) + getattr(report, count))
                if total.lost + total.twice:
                    print(kills.evidence())
            finally:
                stack.end()
    print(
        f"{total.kills} kills, {total.disks} disks lost, {rounds} rounds, {total.asked} extractions asked for,"
        f" lost {total.lost}, twice {total.twice}; in doubt and told {total.told};"
        f" {(time.monotonic() - began) / 60:.0f} minutes"
    )
    return 1 if total.lost or total.twice else 0


if __name__ == "__main__":
    sys.exit(main())
