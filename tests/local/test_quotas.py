"""Quotas: any 60 seconds, per operation and project, scaled by a setting."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.local.wiretap import call
from vod_provider.local.core.errors import VodError
from vod_provider.local.core.quota import Quotas
from vod_provider.local.testing import LocalVod


@given(st.lists(st.floats(0, 30), min_size=1, max_size=200), st.integers(1, 20))
def test_never_more_than_the_limit_in_any_minute(gaps: list[float], limit: int) -> None:
    """However calls are spread, no 60 seconds hold more than the limit of them, and none is refused needlessly."""
    quotas, now, admitted = Quotas(), 0.0, list[float]()
    for gap in gaps:
        now += gap
        recent = [time for time in admitted if time > now - 60]
        if len(recent) == limit:
            with pytest.raises(VodError, match=f"limit:{limit},time:1 minute"):
                quotas.admit("P", "op", limit, now)
        else:
            quotas.admit("P", "op", limit, now)
            admitted.append(now)


def test_operations_and_projects_apart() -> None:
    """A full quota of one operation or project does not hold up another; no limit lets all through."""
    quotas = Quotas()
    quotas.admit("P", "a", 1, 0)
    quotas.admit("P", "b", 1, 0)
    quotas.admit("Q", "a", 1, 0)
    with pytest.raises(VodError, match="throttling threshold"):
        quotas.admit("P", "a", 1, 1)
    for _ in range(3):
        quotas.admit("P", "a", 0, 1)


def test_the_gateway_says_no(service: LocalVod) -> None:
    """Over the quota: 429 in the gateway's shape, counted as a call; other operations go on; 0 is no quota."""
    service.settings(quota_scale=0.05)
    answers = [call(service, "POST", "/asset/extract_audio", {"asset_id": "x"}) for _ in range(6)]
    assert [answer.status for answer in answers] == [400] * 5 + [429]
    assert answers[-1].json == {
        "error_code": "APIGW.0308",
        "error_msg": "The throttling threshold has been reached: policy user over ratelimit,limit:5,time:1 minute",
        "request_id": answers[-1].headers["x-request-id"],
    }
    assert service.calls()["counts"] == {"ExtractAudio": 6}
    assert call(service, "DELETE", "/asset?asset_id=x").status == 403
    service.settings(quota_scale=0)
    assert call(service, "POST", "/asset/extract_audio", {"asset_id": "x"}).status == 400
