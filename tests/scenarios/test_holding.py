"""The holding queue-proxy beside the installed one, each arm with its predictions (docs/predictions.md, "The holding queue-proxy").

`pytest tests/scenarios/test_holding.py -m catalogue -k bound` measures one of them; docs/proposal.md says what was measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from fixtures.comparison import Comparison
from harness.catalogue import S1, S21, within
from harness.catalogue.claims import PREDICTED, claim, holds_on
from harness.catalogue.s17 import S17B
from harness.model import Claim, Scenario
from harness.run import Ask, Side, asked_build

HOLDING = Path(__file__).parents[2] / "testapps" / "queue-proxies" / "holding"
NONE_REFUSED = claim("no-request-is-refused", holds_on("any", "a refused dial is tried again"))


@dataclass(frozen=True, slots=True)
class Case:
    """One scenario for both arms. stock, held: what is claimed of each beside what its scenario says, or instead of it."""

    scenario: Scenario
    stock: tuple[Claim, ...]
    held: tuple[Claim, ...]


TEN_WITHOUT_THE_ACTIVATOR = replace(S1.service, container_concurrency=10, target_burst_capacity=0)


CASES: Mapping[str, Case] = {
    "methods": Case(
        replace(S1, name="holding-methods", cycles=3),
        (within("failed-requests", 240, 550, PREDICTED, "refused-dial"), within("other-failures", 0, 3, PREDICTED, "refused-dial")),
        (
            NONE_REFUSED,
            within("failed-requests", 0, 3, "what is in flight at the end of the process is not sent again"),
            within("slowest-answer", 4.9, 11, PREDICTED),
            within("slow-answers", 190, 460, PREDICTED),
        ),
    ),
    "queue": Case(
        replace(S1, name="holding-queue", cycles=2, service=TEN_WITHOUT_THE_ACTIVATOR),
        (within("failed-requests", 240, 550, PREDICTED, "refused-dial"), within("other-failures", 0, 3, PREDICTED, "refused-dial")),
        (
            NONE_REFUSED,
            within("failed-requests", 120, 450, PREDICTED, "overload"),
            within("other-failures", 0, 3, PREDICTED, "overload"),
            within("slow-answers", 90, 125, PREDICTED),
        ),
    ),
    "bound": Case(
        replace(S1, name="holding-bound", cycles=2, load=replace(S1.load, rate_rps=200.0)),
        (within("failed-requests", 980, 2200, PREDICTED, "refused-dial"),),
        (
            within("failed-requests", 1, 1200, PREDICTED, "refused-dial"),
            within("other-failures", 0, 20, PREDICTED, "refused-dial"),
            within("slow-answers", 700, 1010, PREDICTED),
        ),
    ),
    "late": Case(
        replace(S17B, name="holding-late", cycles=2),
        S17B.claims,
        (
            NONE_REFUSED,
            within("failed-requests", 100, 950, PREDICTED, "activator"),
            within("other-failures", 0, 5, PREDICTED, "activator"),
            within("slowest-answer", 9, 10.5, PREDICTED),
        ),
    ),
    "never": Case(
        replace(S21, name="holding-never", cycles=2),
        S21.claims,
        (
            NONE_REFUSED,
            within("failed-requests", 250, 1700, PREDICTED, "activator"),
            within("other-failures", 0, 20, PREDICTED, "activator"),
            within("slowest-answer", 10, 25, PREDICTED),
        ),
    ),
}
"""By name; the first one is the proposal's benefit, the others are its limits."""


@pytest.mark.catalogue
@pytest.mark.parametrize("name", CASES)
def test_holding_beside_the_installed_one(compare: Comparison, kn_ask: Ask, name: str) -> None:
    """Both arms are as predicted."""
    case, version = CASES[name], kn_ask.build.version.text if kn_ask.build else ""
    sides = [
        Side("stock", replace(case.scenario, claims=case.stock), asked_build(version)),
        Side("holding", replace(case.scenario, claims=case.held), asked_build(version, f"path:{HOLDING}")),
    ]
    compare(case.scenario.name, sides, title=case.scenario.title).expect_pass()
