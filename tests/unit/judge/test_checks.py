"""Each check on cycles literal to the letter."""

from __future__ import annotations

import pytest

from harness.catalogue.claims import STATEMENTS
from harness.judge import CHECKS
from harness.judge.numbers import NUMBERS
from harness.model import CycleFindings, Fact, Observed
from tests.unit.judge.cases import NOT_LANDED, calm, cycle

H, B, U = Observed.HOLDS, Observed.BROKEN, Observed.UNDECIDED

CASES: list[tuple[str, CycleFindings, Observed, str]] = [
    ("requests-do-not-fail", calm(), H, "all 100"),
    ("requests-do-not-fail", cycle(), B, "10 of 100 requests failed: 10 refused-dial"),
    ("requests-do-not-fail", calm(sent=0, ok=0, by_outcome={}), U, "nothing was sent"),
    ("requests-do-not-fail", cycle(by_cause={"unknown": 10}), U, "none with a cause"),
    ("requests-do-not-fail", cycle(by_cause={"ambiguous": 9, "client": 1}), U, "none with a cause"),
    ("requests-do-not-fail", cycle(by_cause={}), U, "none with a cause"),
    ("requests-do-not-fail", cycle(by_cause={"unknown": 9, "app": 1}), B, "1 app, 9 unknown"),
    ("ready-pod-is-not-refused", cycle(), B, "10 requests were refused while the pod stayed Ready"),
    ("ready-pod-is-not-refused", cycle(ready_throughout=False), U, "not the failure the claim speaks of"),
    ("ready-pod-is-not-refused", cycle(ready_throughout=None), U, "nothing tells"),
    ("ready-pod-is-not-refused", cycle(landed=NOT_LANDED), U, "not proved to have landed"),
    ("ready-pod-is-not-refused", calm(landed=NOT_LANDED), U, "not proved to have landed"),
    ("ready-pod-is-not-refused", cycle(by_cause={"ambiguous": 10}), U, "10 failures are unattributed"),
    ("ready-pod-is-not-refused", cycle(by_cause={"ambiguous": 9, "refused-dial": 1}), B, "1 requests were refused"),
    ("ready-pod-is-not-refused", cycle(by_cause={"activator": 10}), H, "none of 100"),
    ("ready-pod-is-not-refused", calm(ready_throughout=None), H, "none of 100"),
    ("ready-pod-is-not-refused", calm(sent=0), U, "nothing was sent"),
    ("no-request-is-refused", cycle(ready_throughout=False), B, "10 of 100 requests were refused"),
    ("no-request-is-refused", cycle(by_cause={"activator": 10}), H, "none of 100"),
    ("no-request-is-refused", calm(landed=NOT_LANDED), U, "not proved to have landed"),
    ("no-request-is-refused", calm(sent=0), U, "nothing was sent"),
    ("no-request-is-refused", cycle(before_fault={"refused-dial": 10}), U, "each before the fault"),
    ("no-request-is-refused", cycle(by_cause={"ambiguous": 10}), U, "10 failures are unattributed"),
    ("no-request-is-refused", cycle(by_cause={"queue-proxy": 10}), U, "10 errors of queue-proxy have no known kind"),
    (
        "no-request-is-refused",
        cycle(by_cause={"activator": 10}, overtaken=3),
        U,
        "logged 3 refused dials of requests that timed out",
    ),
    (
        "no-request-is-refused",
        cycle(by_cause={"refused-dial": 1, "activator": 9}, overtaken=3),
        B,
        "1 of 100 requests were refused",
    ),
    ("ready-pod-is-not-refused", cycle(by_cause={"activator": 10}, overtaken=3), U, "logged 3 refused dials of requests that"),
    ("ready-pod-is-not-refused", cycle(by_cause={"refused-dial": 1, "activator": 9}, overtaken=3), B, "1 requests were refused"),
    ("failures-only-while-not-listening", cycle(), H, "no request failed"),
    ("failures-only-while-not-listening", cycle(outside_window=2), B, "2 requests failed while the app listened"),
    ("failures-only-while-not-listening", cycle(outside_window=None), U, "did not report"),
    (
        "ready-pod-is-not-refused",
        cycle(by_outcome={"ok": 90, "refused": 10}, by_cause={"direct": 10}),
        B,
        "10 requests were refused",
    ),
    ("failures-only-while-not-listening", calm(sent=0), U, "nothing was sent"),
    ("container-restarts-once", cycle(), H, "restarts: 1 (should be 1)"),
    ("container-restarts-once", cycle(restarts=0), B, "restarts: 0"),
    ("container-restarts-once", cycle(restarts=2), B, "restarts: 2"),
    ("container-restarts-once", cycle(restarts=None), U, "not seen"),
    ("container-restarts-once", cycle(probed_again=True), H, "restarts: 1 (should be 1)"),
    ("container-restarts-once", cycle(probed_again=False), U, "no good liveness probe of the new container was seen"),
    ("container-restarts-once", cycle(restarts=2, probed_again=False), B, "restarts: 2"),
    ("pod-stays-ready", cycle(), H, "stayed Ready"),
    ("pod-stays-ready", cycle(ready_throughout=False), B, "not Ready"),
    ("pod-stays-ready", cycle(ready_throughout=None), U, "nothing tells"),
    ("pod-stays-ready", cycle(landed=NOT_LANDED), U, "not proved"),
    ("pod-stays-ready", cycle(sent=0), U, "nothing was sent"),
    ("ready-pod-is-not-refused", cycle(by_cause={"queue-proxy": 10}), U, "10 errors of queue-proxy have no known kind"),
    ("ready-pod-is-not-refused", cycle(by_cause={"queue-proxy": 2}, before_fault={"queue-proxy": 2}), H, "none of 100"),
    ("pod-stays-ready", cycle(unknown={"readiness": "a gap"}), U, "a gap"),
    ("no-restart", calm(probed_again=False), H, "restarts: 0"),
    ("no-restart", calm(), H, "restarts: 0"),
    ("no-restart", cycle(), B, "restarts: 1 (should be 0)"),
    ("no-restart", cycle(restarts=None), U, "not seen"),
]


NOT_REFUSED = (
    "reset-in-flight",
    "dial-timeout",
    "protocol",
    "request-body",
    "canceled",
    "overload",
    "activator-overload",
)


@pytest.mark.parametrize("cause", NOT_REFUSED)
def test_what_a_proxy_says_of_itself_is_a_failure_and_no_evidence_of_14980(cause: str) -> None:
    """A failed request, by the system; no refused dial of a Ready pod (knative/serving #12414, #6757)."""
    seen = cycle(by_cause={cause: 10})
    assert CHECKS["requests-do-not-fail"](seen).observed is B
    assert CHECKS["ready-pod-is-not-refused"](seen).observed is H


@pytest.mark.parametrize(("check", "seen", "observed", "why"), CASES)
def test_a_check(check: str, seen: CycleFindings, observed: Observed, why: str) -> None:
    """What it says, and why."""
    reading = CHECKS[check](seen)
    assert reading.observed is observed
    assert why in reading.why


@pytest.mark.parametrize("check", CHECKS)
def test_a_check_is_undecided_where_a_fact_it_rests_on_is_unknown(check: str) -> None:
    """Whatever the cycle shows; a fact that it does not rest on changes nothing."""
    for fact in Fact:
        reading = CHECKS[check](cycle(unknown={fact.value: "the log has a gap"}))
        if fact in CHECKS[check].facts:
            assert (reading.observed, reading.why) == (U, "the log has a gap")
        else:
            assert reading == CHECKS[check](cycle())


def test_a_straight_refusal_is_a_refusal() -> None:
    """Where nobody is between client and container, the socket says that the port refused."""
    seen = cycle(by_outcome={"ok": 90, "refused": 8, "reset": 2}, by_cause={"direct": 10})
    reading = CHECKS["ready-pod-is-not-refused"](seen)
    assert (reading.observed, reading.value, reading.unit) == (B, 8, "requests")


def test_every_check_is_tried_with_every_observation() -> None:
    """Each registered check has cases in which it holds, is broken and is undecided."""
    assert {(check, observed) for check, _, observed, _ in CASES} == {
        (check, observed) for check in CHECKS for observed in Observed
    }


def test_the_catalogue_speaks_of_checks_there_are() -> None:
    """Each statement people may claim has a check, and each check a statement."""
    assert set(STATEMENTS) == {*CHECKS, *NUMBERS}
