"""The run as the timeline shows it: nothing sampled, everything bounded."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import polars as pl

from harness.model import Gap, Stream
from harness.report.html import BUDGETS, MAX_DATA, fitting, singly
from harness.report.lanes import Budget, Lanes, lanes
from harness.report.page_data import page_data
from harness.report.summary import summary
from tests.unit.report.large import hostile, large

S = 1_000_000_000


def made(case: Any, budget: Budget | None = None) -> Lanes:
    """The lanes of a case."""
    return lanes(case.history, case.findings.cycles, budget)


def counted(found: Lanes, place: int) -> Counter[str]:
    """Requests of a cycle by label, from its bins."""
    out: Counter[str] = Counter()
    for _, label, _, number in found.cycles[place].traffic.cells:
        out[found.labels[label]] += number
    return out


def test_every_request_is_in_one_bin_and_once_by_itself(s1: Any) -> None:
    """By outcome, as the findings have it."""
    found = made(s1)
    for place, cycle in enumerate(s1.findings.cycles):
        assert counted(found, place) == cycle.by_outcome
        singles = found.cycles[place].traffic.singles
        assert singles is not None
        assert Counter(found.labels[label] for label in singles.label) == cycle.by_outcome
        assert list(singles.at_us) == sorted(singles.at_us)


def test_what_was_never_planned_is_not_drawn(s1: Any) -> None:
    """A record without an intended time is no request."""
    rows = s1.history.requests.with_columns(intended_ns=pl.when(pl.col("seq") < 10).then(0).otherwise(pl.col("intended_ns")))
    assert counted(made(replace(s1, history=replace(s1.history, requests=rows))), 0).total() == 990


def test_a_request_that_was_never_done_has_no_latency(s1: Any) -> None:
    """Minus one, which is no time."""
    rows = s1.history.requests.with_columns(done_ns=pl.when(pl.col("seq") == 0).then(0).otherwise(pl.col("done_ns")))
    singles = made(replace(s1, history=replace(s1.history, requests=rows))).cycles[0].traffic.singles
    assert singles is not None
    assert singles.took_us[0] == -1
    assert min(singles.took_us[1:]) >= 1200


def test_requests_are_given_singly_in_whole_cycles_only(s1: Any) -> None:
    """As far as the budget goes; the bins do not depend on it."""
    found = made(s1, Budget(singles=2_500))
    assert [cycle.traffic.singles is not None for cycle in found.cycles] == [True, True, False, False, False]
    assert "In 2 cycles each request is drawn by itself" in singly(found)
    assert [cycle.traffic.cells for cycle in found.cycles] == [cycle.traffic.cells for cycle in made(s1).cycles]


def test_cycles_that_count_are_shown_first(s1: Any) -> None:
    """A voided cycle does not take the place of one that counts."""
    cycles = tuple(replace(cycle, voided="late" if cycle.index == 0 else "") for cycle in s1.findings.cycles)
    found = made(replace(s1, findings=replace(s1.findings, cycles=cycles)), Budget(cycles=3))
    assert [cycle.index for cycle in found.cycles] == [1, 2, 3]
    assert found.left_out == 2


def test_a_probe_that_was_asked_for_has_its_lane_even_if_it_never_came(s1: Any) -> None:
    """That it was silent is something to see."""
    spec = s1.history.meta.spec
    probe = large(cycles=1, requests=10).history.meta.spec.service
    assert probe.liveness is None
    from harness.model import Probe  # noqa: PLC0415 - beside its only use

    asked = replace(spec, service=replace(spec.service, liveness=Probe(), readiness=Probe()))
    history = replace(s1.history, meta=replace(s1.history.meta, spec=asked))
    keys = [track.key for track in made(replace(s1, history=history)).cycles[0].tracks]
    assert keys[:2] == ["probe-liveness", "probe-readiness"]


def test_a_gap_covers_the_lanes_of_its_stream_in_its_own_cycle() -> None:
    """Of the pod or of all; what ended before, or is another pod's, is not drawn; an open one goes to the end."""
    case = large(cycles=2, requests=500)
    at = case.history.cycles[0].fault_ns
    gaps = (
        Gap(Stream.APP, "toggle-0", at + S, at + 2 * S, "cut"),
        Gap(Stream.PODS, "", at + 3 * S, 0, "never closed"),
        Gap(Stream.APP, "toggle-9", at + S, at + 2 * S, "of another pod"),
        Gap(Stream.APP, "", at - 90 * S, at - 80 * S, "long ago"),
    )
    first, second = made(replace(case, history=replace(case.history, gaps=gaps))).cycles
    assert [(hole.from_s, hole.until_s) for hole in first.holes] == [(1.0, 2.0), (3.0, 18.95)]
    assert first.holes[0].tracks == ("probe-liveness", "listener", "log-app")
    assert "pod-ready" in first.holes[1].tracks
    assert [hole.text.partition(":")[0][:11] for hole in second.holes] == ["gap in pods"]


def test_the_document_stays_small_at_any_size() -> None:
    """A hundred thousand requests, two hundred cycles: below its limit, with the largest budget that fits."""
    for cycles, requests in ((20, 5_000), (200, 300)):
        case = large(cycles=cycles, requests=requests)
        found, data = fitting(case.history, case.findings, summary(case.history, case.findings, case.verdict, artifacts={}))
        assert len(data) <= MAX_DATA
        assert sum(counted(found, place).total() for place in range(len(found.cycles))) == requests * min(cycles, 100)


def test_each_budget_is_smaller_than_the_one_before() -> None:
    """Or trying it would be in vain."""
    case = hostile()
    found = summary(case.history, case.findings, case.verdict, artifacts={})
    sizes = [len(page_data(made(case, budget), found)) for budget in BUDGETS]
    assert sizes == sorted(sizes, reverse=True)


def test_a_run_without_cycles_has_no_lanes(s1: Any) -> None:
    """And says nothing of how requests are shown."""
    found = made(replace(s1, findings=replace(s1.findings, cycles=())))
    assert (found.cycles, singly(found)) == ((), "")
