"""May a request be sent again? The one place that decides, per operation and per kind of failure.

                        asks or repeats     extract
    never sent          again               again
    429                 again               again       the gateway refused it before VOD saw it
    answer lost, 5xx,   again               no          it may have been done, and each one is paid for:
    nonsense                                            look for it first (audio/recovery.py)
    10051, 10052        again               no          a fault inside VOD, with 403: it may have been done
    4xx                 no                  no          VOD has refused

'Asks or repeats': info, list, update, publish, cancel and delete come to the same however often they are sent.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from vod_provider.vod.errors import InternalError, LostAnswerError, ThrottledError, UnreachableError, VodError

ATTEMPTS = 7
"""How often a request is sent in all; with the pauses between about 25 s. 429 does not count."""
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 20.0


def may_send_again(error: VodError, *, repeatable: bool) -> bool:
    """Whether the same request may leave a second time after `error`."""
    if isinstance(error, LostAnswerError | InternalError):
        return repeatable
    return isinstance(error, UnreachableError | ThrottledError)


def pause(attempt: int, jitter: Callable[[], float] = random.random) -> float:
    """Seconds to wait after the given attempt (1 is the first); doubles, half of it by chance."""
    longest = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** (attempt - 1))
    return longest * (0.5 + 0.5 * jitter())
