"""What is known of a run before anything is made for it."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from harness.catalogue import N1, S1, broken, holds, is_catalogued
from harness.cycle import Planted
from harness.errors import BadInput
from harness.model import LoadPlan, Probe, RunSpec
from harness.scenario import require_runnable


@pytest.mark.parametrize("spec", [S1, N1, replace(S1, cycles=1)], ids=["S1", "N1", "fewer cycles"])
def test_the_catalogue_can_be_run(tmp_path: Path, spec: RunSpec) -> None:
    """Fewer or more cycles are the same scenario."""
    assert is_catalogued(spec)
    require_runnable(spec, tmp_path)


@pytest.mark.parametrize(
    "spec",
    [
        replace(S1, service=S1.service.with_probes(readiness=Probe())),
        replace(S1, load=LoadPlan(rate_rps=10)),
        replace(S1, claims=S1.claims[:1]),
        replace(N1, fault=S1.fault),
        replace(S1, pacing_p99_limit_us=10**9),
    ],
    ids=["service", "load", "claims", "fault", "limits"],
)
def test_a_changed_scenario_needs_a_name_of_its_own(tmp_path: Path, spec: RunSpec) -> None:
    """Its results would be taken for the catalogue's."""
    with pytest.raises(BadInput, match=r"not the \w+ of the catalogue"):
        require_runnable(spec, tmp_path)
    require_runnable(replace(spec, scenario="mine"), tmp_path)


def test_a_planted_run_needs_a_name_of_its_own(tmp_path: Path) -> None:
    """Also where nothing of the scenario itself is changed."""
    planted = Planted(before_fault=lambda _target, _generator: None)
    assert planted.names() == ("before_fault",)
    with pytest.raises(BadInput, match="not the S1"):
        require_runnable(S1, tmp_path, planted=planted)


def test_a_users_own_service_needs_a_name_of_its_own(tmp_path: Path) -> None:
    """S1's probes are not the ones that were measured."""
    with pytest.raises(BadInput, match="not the S1"):
        require_runnable(S1, tmp_path, manifest={})


@pytest.mark.parametrize("rate", [math.nan, math.inf, 0.0, -1.0, 2e6])
def test_a_load_that_cannot_be_generated_is_refused_first(tmp_path: Path, rate: float) -> None:
    """Not after the cluster was made."""
    with pytest.raises(BadInput, match="rate_rps"):
        require_runnable(replace(S1, scenario="mine", load=LoadPlan(rate_rps=rate)), tmp_path)


def test_a_claim_nobody_can_check_is_refused_first(tmp_path: Path) -> None:
    """With the checks there are."""
    for claim in (holds("requests-dont-fail"), broken("no-such-thing", "nowhere")):
        with pytest.raises(BadInput, match="requests-do-not-fail"):
            require_runnable(replace(S1, scenario="mine", claims=(claim,)), tmp_path)


def test_no_cycles_are_no_run(tmp_path: Path) -> None:
    """Zero cycles would leave nothing to rule on."""
    with pytest.raises(BadInput, match="0 cycles"):
        require_runnable(replace(S1, cycles=0), tmp_path)
