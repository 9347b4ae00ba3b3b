"""What an operation knows beyond its properties. All of it has defaults, for a host that could not be extended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from vod_provider.vod.deadline import Deadline, Stop
from vod_provider.vod.errors import VodError

# After Ctrl-C every audio that was under way says one of these. They are short, without ids, so that what has really
# failed stands out among them.
GOES_ON = "stopped; the next `pulumi up` goes on with it, and it is billed once"
NOT_ASKED = "stopped before VOD was asked; the next `pulumi up` asks"


@dataclass(frozen=True)
class Operation:
    """One create, read, update or delete.

    `owner` names the resource across runs: backend and URN ('' where the host does not say).
    `timeout` is the user's `custom_timeouts`, in seconds; 0 where none is set.
    `report` shows one line in the resource's row, of which a terminal of 100 columns shows the first 13 characters, and
    one of 80 none; `warn` leaves a warning that stays when the run is over.
    """

    owner: str = ""
    timeout: float = 0.0
    stop: Stop = field(default_factory=Stop)
    report: Callable[[str], None] = lambda _: None
    warn: Callable[[str], None] = lambda _: None

    def deadline(self, default: float) -> Deadline:
        """How long this operation may wait: what the user set, else `default` seconds. Raises VodError."""
        if self.timeout < 0:
            raise VodError(f"custom_timeouts is {self.timeout:g} s: expected a time greater than 0, or none")
        return Deadline(self.timeout or default, self.stop, notice=self.report)
