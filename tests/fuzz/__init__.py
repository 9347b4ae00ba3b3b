"""Garbage against both sides of VOD's API: requests to the local VOD, and answers to the provider.

`make test` runs a bounded number of examples, always the same; `make fuzz` fifty times as many, drawn anew. A fuzzer is
worth what it reaches, so each test counts that: which operation with which fields, and how much of it is accepted.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, Phase, settings

TIMES = int(os.environ.get("FUZZ_TIMES", "1"))
"""How many times as many examples as in `make test`."""
FUZZ = settings(
    deadline=None,
    database=None,
    derandomize=TIMES == 1,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)
"""Nothing is kept from one run to the next: `make test` has the same examples each time."""
