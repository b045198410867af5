"""The sentences at the top: the fault, what clients saw, for how long."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from harness.faults import FAULTS
from harness.report import figures
from harness.report.sentences import as_text
from harness.report.summary import summary


def text_of(case: Any) -> str:
    """The sentences of a case, with plain spaces in numbers."""
    found = summary(case.history, case.findings, case.verdict, artifacts={})
    return " ".join(as_text(found)).replace("\N{NARROW NO-BREAK SPACE}", " ")


def test_a_restart_is_described_from_fault_to_duration(s1: Any) -> None:
    """In plain language, with the numbers of the summary."""
    assert text_of(s1) == (
        "The app was made to fail its liveness probe, with which Kubernetes checks that it is alive, in 5 cycles, each on a fresh "
        "pod, while 50 requests a second were sent. Of 5 000 requests 1 390 failed (HTTP 502: 1 385, connection reset: 5). "
        "The container's port refused requests for 5.5 to 5.6 s in each cycle, and the pod was Ready all that time."
    )


def test_a_control_run_says_that_nothing_was_done_and_nothing_failed(n1: Any) -> None:
    """Without a word of outages."""
    assert text_of(n1) == (
        "No fault was injected (a control run), in 2 cycles, each on a fresh pod, while 50 requests a second were sent. "
        "All 2 000 requests were answered."
    )


def test_ready_is_said_only_where_it_was_seen(s1: Any) -> None:
    """One cycle in which the streams do not tell, or another without refusals, changes the sentence."""
    first, second, *rest = s1.findings.cycles
    unsure = replace(first, ready_throughout=None)
    assert "the pod was Ready" not in text_of(replace(s1, findings=replace(s1.findings, cycles=(unsure, second, *rest))))
    spared = replace(second, refused_window=None)
    partly = replace(s1, findings=replace(s1.findings, cycles=(first, spared, *rest)))
    assert "s in 4 of the cycles, and the pod was Ready" in text_of(partly)


@pytest.mark.parametrize("kind", list(FAULTS))
def test_each_fault_has_words(s1: Any, kind: str) -> None:
    """None is called by its code."""
    faults = tuple(replace(fault, kind=kind) for fault in s1.history.faults)
    assert "The fault \N{LEFT DOUBLE QUOTATION MARK}" not in text_of(replace(s1, history=replace(s1.history, faults=faults)))


def test_a_run_without_cycles_or_load_says_so(s1: Any) -> None:
    """Interrupted before the first."""
    empty = replace(s1.findings, cycles=(), sent=0, ok=0, by_outcome={}, rate_rps=float("nan"))
    assert text_of(replace(s1, findings=empty)) == "No cycle was finished."


def test_a_figure_is_looked_up_by_its_path(s1: Any) -> None:
    """Keys from a log included; a path that leads nowhere is an error."""
    found: Any = summary(s1.history, s1.findings, s1.verdict, artifacts={})
    odd = 'a.b%<"\udc80'
    found["cycles"][0]["anatomy"][odd] = {"offset_s": [1.0, 2.0]}
    assert figures.value(found, figures.path("cycles", 0, "anatomy", odd, "offset_s", 1)) == 2.0
    assert '"' not in figures.path(odd)
    with pytest.raises(KeyError):
        figures.value(found, "ledger.matched.more")
