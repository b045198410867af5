"""Every other scenario of the catalogue: `make scenarios NAMES="S2 S6"`, or all of them without NAMES."""

import pytest

from fixtures.experiment import Experiment
from harness.catalogue import N1, S1, SCENARIOS
from harness.model import Scenario

OTHERS = [entry for entry in SCENARIOS.values() if entry not in (S1, N1)]


@pytest.mark.catalogue
@pytest.mark.parametrize("scenario", OTHERS, ids=lambda entry: entry.name)
def test_scenario(experiment: Experiment, scenario: Scenario) -> None:
    """Every claim is as docs/predictions.md says."""
    experiment(scenario).expect_pass()
