"""The histogram of lateness: never flatters, and hardly exaggerates."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from harness.load.pacing import Pacing, bucket, bucket_top_us
from tests.unit.load.held import PATIENT


@PATIENT
@given(st.integers(0, 1 << 35))
def test_a_bucket_ends_at_most_a_thousandth_above_its_values(us: int) -> None:
    """A value lies at or below the end of its bucket, by 0.1 % at most."""
    top = bucket_top_us(bucket(us))
    assert us <= top <= us * 1.001


@PATIENT
@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=200), st.sampled_from([0.5, 0.99, 1.0]))
def test_percentiles_are_those_of_the_sorted_values(late_ns: list[int], share: float) -> None:
    """Nearest rank, rounded up by the width of a bucket and a microsecond at most."""
    pacing = Pacing()
    for late in late_ns:
        pacing.add(late)
    exact = sorted(late_ns)[max(1, math.ceil(share * len(late_ns))) - 1] // 1000
    assert exact <= pacing.percentile_us(share) <= exact * 1.001 + 1
    assert pacing.max_us == max(late_ns) / 1000


def test_without_requests_there_is_no_lateness() -> None:
    """Zeros, not an error: a generator may be stopped before it sends."""
    assert (Pacing().percentile_us(0.99), Pacing().max_us) == (0.0, 0.0)
