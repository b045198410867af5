"""When requests were refused, read from a recorded run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.analyse import analyse
from harness.compare import refused_traces
from harness.history import read

DATA = Path(__file__).parents[2] / "data"


def test_each_refused_request_is_one_point_from_the_fault_on() -> None:
    """As many as the ledger has of that cause; the first at the beginning of the refused window."""
    history = read(DATA / "s1-knative-1.23")
    findings = analyse(history)
    found = refused_traces(history, findings)
    faults = {mark.index: mark.fault_ns for mark in history.cycles}
    for cycle in findings.cycles:
        assert len(found[cycle.index]) == cycle.by_cause["refused-dial"] > 200
        assert cycle.refused_window is not None
        assert found[cycle.index][0] == pytest.approx((cycle.refused_window[0] - faults[cycle.index]) / 1e9)
        assert list(found[cycle.index]) == sorted(found[cycle.index])


def test_a_cycle_without_a_refused_request_has_an_empty_trace_and_one_that_does_not_count_has_none() -> None:
    """So that a page can tell the two apart."""
    history = read(DATA / "n1-knative-1.23")
    findings = analyse(history)
    assert refused_traces(history, findings) == {cycle.index: () for cycle in findings.cycles}
    first = replace(findings.cycles[0], voided="the generator was late")
    left = replace(findings, cycles=(first, *findings.cycles[1:]))
    assert 0 not in refused_traces(history, left)


def test_times_of_answers_are_analysed_for_a_block_of_an_experiment() -> None:
    """A run by itself without a claim about a number does without them."""
    history = read(DATA / "n1-knative-1.23")
    assert {cycle.latency for cycle in analyse(history).cycles} == {None}
    block = replace(history, meta=replace(history.meta, experiment="0a1b2c3d", arm="n1-base"))
    for cycle in analyse(block).cycles:
        assert cycle.latency is not None
        assert 0 < cycle.latency.median_s <= cycle.latency.p99_s <= cycle.latency.slowest_s < 1
