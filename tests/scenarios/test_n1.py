"""N1: no fault, the same load."""

import pytest

from fixtures.experiment import Experiment
from harness.catalogue import N1


@pytest.mark.scenario
def test_n1(experiment: Experiment) -> None:
    """Nothing may fail without a fault."""
    experiment(N1).expect_pass()
