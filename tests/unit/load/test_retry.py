"""Which attempt is followed by another, and when."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.load.retry import Retry
from harness.model import LoadPlan, Outcome
from tests.unit.load.held import PATIENT

MS = 1_000_000
RETRY = Retry.of(LoadPlan(retries=3, retry_after_s=0.1, deadline_s=1))
AGAIN = {Outcome.REFUSED, Outcome.RESET, Outcome.CLOSED, Outcome.TRUNCATED}


@pytest.mark.parametrize("outcome", list(Outcome))
def test_only_what_broke_on_the_way_is_tried_again(outcome: Outcome) -> None:
    """Not what was answered, not what took too long, not what is no HTTP, not what we could not send ourselves."""
    assert bool(RETRY.next_at(0, outcome, 0, 0, 0)) is (outcome in AGAIN)


@pytest.mark.parametrize(("status", "again"), [(500, False), (501, False), (502, True), (503, True), (504, True), (404, False)])
def test_of_answers_only_a_proxys_complaints(status: int, again: bool) -> None:
    """502, 503 and 504 say that somebody could not be reached; any other is an answer."""
    assert bool(RETRY.next_at(0, Outcome.HTTP_ERROR, status, 0, 0)) is again


def test_waits_double_and_attempts_end() -> None:
    """100, 200 and 400 ms after the outcome was known; after three further attempts it stays as it is."""
    assert [RETRY.next_at(attempt, Outcome.RESET, 0, 0, 10 * MS) // MS for attempt in range(4)] == [110, 210, 410, 0]


@PATIENT
@given(attempt=st.integers(0, 2), now=st.integers(0, 2000 * MS))
def test_never_past_the_deadline(attempt: int, now: int) -> None:
    """Which counts from the intended time."""
    at = RETRY.next_at(attempt, Outcome.REFUSED, 0, 5 * MS, now)
    assert at < (5 + 1000) * MS
    assert (at == 0) is (now + (100 * MS << attempt) >= 1005 * MS)
