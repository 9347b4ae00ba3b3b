"""Runs a program for the language host, and ends it when the host is gone, and the host when the engine is.

The host is older than the engine, which ends it on Ctrl-C; the program then stays behind, holds on to the host's
output, and the engine waits 5 s for that. After a kill -9 of the engine both would stay for ever: the host waits for
the program, and the program for the engine.
"""

import contextlib
import itertools
import os
import runpy
import signal
import subprocess
import threading
import time
from pathlib import Path


def _end_with(host: int) -> None:
    engine = _parent(host)
    for tick in itertools.count(1):
        time.sleep(0.1)
        if os.getppid() != host or (tick % 10 == 0 and _parent(host) != engine):
            break
    with contextlib.suppress(ProcessLookupError):
        os.kill(host, signal.SIGKILL)
    os._exit(1)


def _parent(process: int) -> str:
    """The id of a process's parent; of one without, where it was adopted."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1]
    listed = subprocess.run(["ps", "-o", "ppid=", "-p", str(process)], capture_output=True, text=True, check=False)
    return listed.stdout.strip()


threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
runpy.run_path(str(Path(__file__).with_name("pulumi-language-python-exec")), run_name="__main__")
