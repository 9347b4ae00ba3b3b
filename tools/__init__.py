"""What the Makefile calls: environment, engine, local VOD and the main job. Started with the machine's own python3."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - it is just an older one that has to be told
    sys.exit(
        "error: python3 is %d.%d, and 3.11 or newer is needed: install one, or name it: make PYTHON=python3.12 up"  # noqa: UP031
        % sys.version_info[:2]
    )
