"""What an operation knows beyond its properties."""

from __future__ import annotations

import pytest

from vod_provider.audio.operation import Operation
from vod_provider.vod.errors import VodError


@pytest.mark.parametrize(("timeout", "left"), [(0.0, 60), (0.5, 0.5), (7.0, 7)])
def test_an_operation_has_the_time_that_its_user_gives_it(timeout: float, left: float) -> None:
    """Else that of the settings; nobody has given any by default."""
    assert Operation(timeout=timeout).deadline(60).left == pytest.approx(left, abs=0.2)
    assert Operation().deadline(60).left == pytest.approx(60, abs=0.2)


def test_a_negative_timeout_is_refused() -> None:
    """By the name of the option."""
    with pytest.raises(VodError, match="custom_timeouts is -1 s"):
        Operation(timeout=-1).deadline(60)
