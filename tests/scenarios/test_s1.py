"""S1: only a liveness probe, and it fails under load."""

import pytest

from fixtures.experiment import Experiment
from harness.catalogue import S1


@pytest.mark.scenario
def test_s1(experiment: Experiment) -> None:
    """Requests are refused while the pod stays Ready, in every cycle (knative/serving #14980)."""
    experiment(S1).expect_pass()
