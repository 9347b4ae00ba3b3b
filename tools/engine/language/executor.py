"""Runs a program for the language host, and ends it when the host is gone.

The host is older than the engine, which ends it on Ctrl-C; the program then stays behind, holds on to the host's
output, and the engine waits 5 s for that. After a kill -9 of the engine the program would stay for ever.
"""

import os
import runpy
import threading
import time
from pathlib import Path


def _end_with(host: int) -> None:
    while os.getppid() == host:
        time.sleep(0.1)
    os._exit(1)


threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
runpy.run_path(str(Path(__file__).with_name("pulumi-language-python-exec")), run_name="__main__")
