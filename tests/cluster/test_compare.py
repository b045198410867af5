"""Two arms on one cluster, measured in turn: each block is a run of its own, and the experiment can be read again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fixtures.comparison import Comparison
from harness.catalogue import holds
from harness.history import read_experiment, read_meta
from harness.model import Probe
from harness.run import Side, analyse_experiment
from tests.cluster.quick import N1

pytestmark = pytest.mark.cluster


def test_two_arms_on_one_cluster_take_turns(compare: Comparison) -> None:
    """The stacks are equal, the arms are not; nothing fails in either, and the files alone say so again."""
    stock = replace(N1, name="compare-stock", cycles=2, after_s=3.0, claims=(holds("requests-do-not-fail"), holds("no-restart")))
    both = replace(stock, name="compare-readiness", service=stock.service.with_probes(readiness=Probe(failure_threshold=1)))
    done = compare("compare-n1", [Side("stock", stock), Side("readiness", both)])
    done.expect_pass()
    first, second = done.experiment.arms
    assert first.stack == second.stack
    assert first.id != second.id
    order = [block.arm for block in done.experiment.blocks]
    assert order in (["stock", "readiness", "readiness", "stock"], ["readiness", "stock", "stock", "readiness"])
    begun = [read_meta(done.directory / block.run).anchor_utc_ns for block in done.experiment.blocks]
    assert begun == sorted(begun)
    assert {read_meta(run.directory).experiment for runs in done.runs.values() for run in runs} == {done.experiment.id}
    assert analyse_experiment(done.directory).experiment == done.experiment == read_experiment(done.directory)
