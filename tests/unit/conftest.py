"""Generated tests judge results only: how long an example takes says more about the machine than about the code."""

from hypothesis import HealthCheck, settings

# On a fresh clone the first text takes seconds: the tables of Unicode are made then.
settings.register_profile("unit", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unit")
