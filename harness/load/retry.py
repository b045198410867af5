"""The client that tries again: what it takes for worth another attempt, and when. Pure.

Like the retrying clients that people put in front of a service, it tries again where nobody knows whether the request was served
(a connection that broke) and where a proxy says that somebody behind it could not be reached. It differs from them in that every
attempt is recorded.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.load.schedule import SECOND_NS
from harness.model import LANES, Behaviour, LoadPlan, Outcome

OUTCOMES_TRIED_AGAIN = frozenset({Outcome.REFUSED, Outcome.RESET, Outcome.CLOSED, Outcome.TRUNCATED})
STATUSES_TRIED_AGAIN = frozenset({502, 503, 504})


@dataclass(frozen=True, slots=True)
class Retry:
    """How often, and after how long. after_ns: before the first further attempt, doubled for each one after it."""

    retries: int
    after_ns: int
    deadline_ns: int

    @staticmethod
    def of(plan: LoadPlan) -> Retry:
        """As the plan has it."""
        return Retry(plan.retries, round(plan.retry_after_s * SECOND_NS), round(plan.deadline_s * SECOND_NS))

    def next_at(self, attempt: int, outcome: Outcome, status: int, intended: int, now: int) -> int:
        """When the attempt after this one is due; 0: this was the last. attempt: its number, from 0. Times: one clock, ns."""
        again = outcome in OUTCOMES_TRIED_AGAIN or (outcome is Outcome.HTTP_ERROR and status in STATUSES_TRIED_AGAIN)
        if not again or attempt >= self.retries:
            return 0
        at = now + (self.after_ns << attempt)
        return at if at < intended + self.deadline_ns else 0


RETRYING = frozenset(code for code, lane in enumerate(LANES) if lane.behaviour is Behaviour.RETRYING)
"""Codes of the lanes whose clients try again."""
