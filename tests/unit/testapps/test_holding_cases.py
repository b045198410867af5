"""The cases that measure the holding queue-proxy can be run, and no outcome satisfies both of their arms."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.model import Claim, Expectation, KnativeVersion
from harness.run import require_runnable
from tests.scenarios.test_holding import CASES, HOLDING

REFUSED = "no-request-is-refused"


def least_refused(claims: tuple[Claim, ...]) -> float:
    """How many requests must be refused at least for these claims to hold."""
    found = (one.expected[0].bounds for one in claims if one.check == "failed-requests")
    return max((bounds.lo for bounds in found if bounds and bounds.causes == ("refused-dial",)), default=0)


@pytest.mark.parametrize("name", CASES)
def test_each_arm_can_be_run_on_the_pinned_version(name: str, tmp_path: Path) -> None:
    """Fault, load and claims go together, and the queue-proxy is there."""
    case = CASES[name]
    for claims in (case.stock, case.held):
        spec = require_runnable(replace(case.scenario, claims=claims), KnativeVersion.parse("1.23"), tmp_path)
        assert len(spec.claims) == len(claims)
    assert (HOLDING / "main.go").is_file()


@pytest.mark.parametrize("name", CASES)
def test_what_the_installed_queue_proxy_shows_is_not_what_the_holding_one_is_predicted_to_show(name: str) -> None:
    """Its refused requests break a claim of the other arm: that none is refused, or how many answers are slow."""
    case = CASES[name]
    assert least_refused(case.stock) > 0
    none = any(one.check == REFUSED and one.expected[0].expectation is Expectation.HOLDS for one in case.held)
    slow = any(one.check == "slow-answers" and one.expected[0].bounds and one.expected[0].bounds.lo > 0 for one in case.held)
    assert none or slow
