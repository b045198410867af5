"""Each number of the comparison on rows whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from tests.bench import measures
from tests.bench.measures import Times

MS = 1_000_000


def times(*ms: float) -> Times:
    """Milliseconds as ns."""
    return np.array([round(one * MS) for one in ms], dtype=np.int64)


def test_the_grid_begins_with_the_least_late() -> None:
    """Of arrivals 5, 3 and 9 ms late at 100 rps, the second lies on its point and the others 2 and 6 ms behind theirs."""
    arrived = times(5, 13, 29)
    assert measures.errors(arrived, measures.grid(arrived, 100)).tolist() == times(2, 0, 6).tolist()


def test_a_request_is_joined_to_its_plan_by_its_number() -> None:
    """In whatever order they arrived; one that never arrived has no error, one that arrived twice has its first."""
    late = measures.by_number(np.array([2, 0, 2]), times(25, 1, 90), planned_seq=np.array([0, 1, 2]), intended=times(0, 10, 20))
    assert late.tolist() == times(1, 5).tolist()


def test_nothing_that_arrived_was_planned() -> None:
    """Then there is no error to tell of."""
    assert len(measures.by_number(np.array([-1]), times(1), np.array([0]), times(0))) == 0


@pytest.mark.parametrize(
    ("late", "wanted", "failed", "p99_us"),
    [(times(0.5, 0.5), 2, 0, 500.0), (times(0.5, 0.5), 3, 0, None), (times(0.5, 0.5), 2, 1, None), (times(3, 3), 2, 0, 3_000.0)],
    ids=["holds", "one did not arrive", "one failed", "late"],
)
def test_a_rung_holds_only_whole(late: Times, wanted: int, failed: int, p99_us: float | None) -> None:
    """A rung that loses or fails a request is none, however punctual the others were."""
    assert measures.rung_p99_us(late, wanted, failed) == p99_us


def test_an_outage_is_from_the_first_failure_to_the_last_and_a_period() -> None:
    """In the client's own order of planned times, not of their ends."""
    starts, ok = times(0, 2, 4, 6, 8), np.array([True, False, True, False, True])
    assert measures.outage_ns(starts, ok, 2 * MS) == 6 * MS
    assert measures.outage_ns(starts, np.ones(5, dtype=np.bool_), 2 * MS) == 0


def test_recovery_is_when_arrivals_are_in_time_again() -> None:
    """The first 40 requests after the stall are late: in time from the 40th ms on, but for the one that p99 forgives."""
    intended = np.arange(400, dtype=np.int64) * MS
    late = np.where(np.arange(400) < 40, 5 * MS, MS // 10).astype(np.int64)
    recovery = measures.recovery_ms(intended, late, 0)
    assert recovery is not None
    assert 38 <= recovery <= 40


def test_without_recovery_there_is_no_time_of_it() -> None:
    """Late to the end."""
    intended = np.arange(400, dtype=np.int64) * MS
    assert measures.recovery_ms(intended, np.full(400, 5 * MS), 0) is None


def test_growth_is_an_exponent() -> None:
    """A hundredfold size at a hundredfold time is linear, at ten thousandfold quadratic."""
    assert measures.linearity([10, 1_000], [1.0, 100.0]) == pytest.approx(1.0)
    assert measures.linearity([10, 100, 1_000], [1.0, 7.0, 10_000.0]) == pytest.approx(2.0)
