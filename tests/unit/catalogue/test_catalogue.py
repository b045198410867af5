"""The catalogue is data that other rooms can rely on."""

from __future__ import annotations

import pytest

from harness.catalogue import SCENARIOS, scenario
from harness.catalogue.claims import STATEMENTS
from harness.errors import BadInput
from harness.judge.checks import CHECKS
from harness.model import Expectation, RunSpec


@pytest.mark.parametrize("spec", SCENARIOS.values(), ids=SCENARIOS)
def test_every_claim_names_a_check_that_exists_and_a_source(spec: RunSpec) -> None:
    """A claim nobody can check, or nobody can trace, is not a claim."""
    assert spec.claims
    for claim in spec.claims:
        assert claim.check in CHECKS
        assert claim.source
        assert claim.statement == STATEMENTS[claim.check]
    assert len({claim.id for claim in spec.claims}) == len(spec.claims)


@pytest.mark.parametrize("spec", SCENARIOS.values(), ids=SCENARIOS)
def test_the_liveness_probe_starts_after_the_app_listens(spec: RunSpec) -> None:
    """Otherwise the kubelet kills the app before it ever listens, and the run measures that instead."""
    probe = spec.service.liveness
    assert probe is not None
    assert probe.initial_delay_s > spec.service.app.startup_delay_s


@pytest.mark.parametrize("spec", SCENARIOS.values(), ids=SCENARIOS)
def test_only_an_open_bug_is_expected_to_be_broken(spec: RunSpec) -> None:
    """A scenario without a fault has nothing to blame a broken claim on."""
    if spec.fault.kind == "none":
        assert all(claim.expected is Expectation.HOLDS for claim in spec.claims)


def test_an_unknown_scenario_is_refused_with_the_known_names() -> None:
    """One clear line instead of a KeyError."""
    with pytest.raises(BadInput, match="S1, N1"):
        scenario("S99")
    assert scenario("s1").scenario == "S1"
