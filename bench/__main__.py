"""Measures this provider side by side with what a user would otherwise write: `make bench`.

    python -m bench [--keep] [--tutorial-limit SECONDS] [CASE ...]
    python -m bench --report

Each case leaves a file in .local/bench; from all that are there, results.json, results.md and results.svg are made.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import time
from pathlib import Path

from bench.cases import cases, engine, say
from bench.report import write
from tests.engine.stack import heed_interrupts

KEPT = Path(__file__).parents[1] / ".local" / "bench"


def main() -> None:
    """Run the cases that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("case", nargs="*", help="run these only; default is all")
    parser.add_argument("--keep", action="store_true", help="skip cases whose results are there already")
    parser.add_argument("--report", action="store_true", help="run nothing: write the results anew")
    parser.add_argument("--list", action="store_true", help="name the cases")
    parser.add_argument(
        "--tutorial-limit",
        type=float,
        default=600.0,
        help="break the tutorial provider's create off after so many seconds; its rate is extrapolated then (600)",
    )
    args = parser.parse_args()
    known = cases(args.tutorial_limit)
    if args.list:
        print("\n".join(known))
        return
    heed_interrupts()
    KEPT.mkdir(parents=True, exist_ok=True)
    for name in [] if args.report else args.case or known:
        file = KEPT / f"{name}.json"
        if args.keep and file.exists():
            continue
        say(f"{name} ...")
        about = {"started": time.strftime("%Y-%m-%d %H:%M:%S"), "load": os.getloadavg()[0], "commit": _commit()}
        result = known[name](engine())
        file.write_text(json.dumps(about | result, indent=1))
        for step, measured in result.get("steps", {}).items():
            say(f"  {step}: {measured['seconds']:.1f} s, {measured['calls']} {measured['note'][-300:]}")
    write({file.stem: json.loads(file.read_text()) for file in KEPT.glob("*.json")}, Path(__file__).parent)


def _commit() -> str:
    done = subprocess.run(["git", "rev-parse", "--short", "HEAD"], stdout=subprocess.PIPE, text=True, check=False)
    return done.stdout.strip()


main()
