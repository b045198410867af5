"""The numbers of a cycle beside what was predicted of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.analyse import analyse
from harness.catalogue.claims import within
from harness.errors import BadInput
from harness.judge import judge, require_checks
from harness.judge.algebra import deviation
from harness.judge.claims import decide
from harness.judge.numbers import NUMBERS
from harness.model import Bounds, Bracket, CycleFindings, Fact, HopPart, Hops, Latency, Observed, ResolvedClaim, Ruling
from tests.unit.analyse.story import CLOSED_S, S1_CLAIMS, at, calm, restarts
from tests.unit.judge.cases import NOT_LANDED, cycle
from tests.unit.judge.cases import calm as calm_cycle


def bracket(lo_s: float, hi_s: float) -> Bracket:
    """An edge between two seconds."""
    return Bracket(int(lo_s * 10**9), int(hi_s * 10**9), "seen", 1)


H, B, U = Observed.HOLDS, Observed.BROKEN, Observed.UNDECIDED
LATE = Latency(slowest_s=6.2, median_s=0.004, slow=270, p99_s=5.9)
MIXED = cycle(by_cause={"timeout": 7, "reset-in-flight": 3}, before_fault={"timeout": 2})

WAIT = HopPart("activator", 99, least_s=0.0, median_s=0.001, p99_s=5.0, most_s=6.1, total_s=250.0)
HELD = Hops(WAIT, (WAIT,), {"activator": 6.1}, {"queue-proxy has no line of it": 1})

STOPPED = {"killing": bracket(9, 11), "process-gone": bracket(310, 310)}

CASES: list[tuple[str, Bounds, CycleFindings, Observed, str]] = [
    ("failed-requests", Bounds(8, 10), cycle(), H, "10 requests, predicted 8 to 10"),
    ("failed-requests", Bounds(0, 9), cycle(), B, "10 requests, predicted 0 to 9"),
    ("failed-requests", Bounds(11, 20), cycle(), B, "10 requests, predicted 11 to 20"),
    ("failed-requests", Bounds(5, 5, ("timeout",)), MIXED, H, "5 requests"),
    ("failed-requests", Bounds(8, 8, ("timeout", "reset-in-flight")), MIXED, H, "8 requests"),
    ("failed-requests", Bounds(1, 9, ("app",)), MIXED, B, "0 requests"),
    ("failed-requests", Bounds(0, 9), cycle(sent=0), U, "nothing was sent"),
    ("failed-requests", Bounds(0, 99), cycle(landed=NOT_LANDED), U, "not proved to have landed"),
    ("failed-requests", Bounds(0, 99), cycle(unknown={"ledger": "a line is missing"}), U, "a line is missing"),
    ("other-failures", Bounds(0, 0, ("refused-dial",)), cycle(), H, "0 requests"),
    ("other-failures", Bounds(0, 0, ("timeout",)), MIXED, B, "3 requests"),
    ("other-failures", Bounds(0, 0), calm_cycle(), H, "0 requests"),
    ("other-failures", Bounds(0, 0), cycle(unknown={"ledger": "a line is missing"}), U, "a line is missing"),
    ("refused-window", Bounds(3, 5.5), cycle(refused_window=(10**9, 5 * 10**9)), H, "4 s, predicted 3 to 5.5"),
    ("refused-window", Bounds(3, 5.5), cycle(refused_window=(10**9, 7 * 10**9)), B, "6 s"),
    ("refused-window", Bounds(3, 5.5), calm_cycle(), B, "0 s"),
    ("refused-window", Bounds(3, 5.5), cycle(sent=0), U, "nothing was sent"),
    ("refused-window", Bounds(0, 0), cycle(by_cause={"queue-proxy": 250}), U, "an error of no known kind"),
    ("refused-window", Bounds(0, 0), calm_cycle(overtaken=2), U, "or requests timed out first"),
    ("refused-window", Bounds(3, 5.5), cycle(refused_window=(10**9, 5 * 10**9), overtaken=2), H, "4 s, predicted 3 to 5.5"),
    ("refused-window", Bounds(0, 0), cycle(by_cause={"queue-proxy": 2}, before_fault={"queue-proxy": 2}), H, "0 s"),
    ("slowest-answer", Bounds(5, 7), cycle(latency=LATE), H, "6.2 s"),
    ("slowest-answer", Bounds(0, 0.5), cycle(latency=LATE), B, "6.2 s"),
    ("slowest-answer", Bounds(0, 0.5), cycle(), U, "no request was answered well"),
    ("median-answer", Bounds(0, 0.1), cycle(latency=LATE), H, "0.004 s"),
    ("median-answer", Bounds(1, 2), cycle(latency=LATE), B, "0.004 s"),
    ("median-answer", Bounds(1, 2), cycle(), U, "no request was answered well"),
    ("p99-answer", Bounds(5, 6), cycle(latency=LATE), H, "5.9 s"),
    ("p99-answer", Bounds(0, 1), cycle(latency=LATE), B, "5.9 s"),
    ("p99-answer", Bounds(0, 1), cycle(), U, "no request was answered well"),
    ("failed-or-slow", Bounds(280, 280), cycle(latency=LATE), H, "280 requests"),
    ("failed-or-slow", Bounds(0, 279), cycle(latency=LATE), B, "280 requests"),
    ("failed-or-slow", Bounds(0, 1000), cycle(), U, "no request was answered well"),
    ("restarts", Bounds(3, 3), cycle(restarted={"pod-0": 1, "other": 2}), H, "3 restarts"),
    ("restarts", Bounds(1, 1), calm_cycle(), B, "0 restarts"),
    ("restarts", Bounds(0, 1), cycle(restarts=None), U, "restart count was not seen"),
    ("stopping", Bounds(299, 301), cycle(anatomy=STOPPED), H, "300 s"),
    ("stopping", Bounds(0, 20), cycle(anatomy=STOPPED), B, "300 s"),
    ("stopping", Bounds(0, 20), cycle(), U, "the kubelet's kill, or the end of the old process, was not seen"),
    ("pods", Bounds(2, 9), cycle(pods=3), H, "3 pods"),
    ("pods", Bounds(1, 1), cycle(pods=3), B, "3 pods"),
    ("pods", Bounds(1, 1), cycle(), U, "how many pods there were is not known"),
    ("activator-wait", Bounds(5, 7), cycle(hops=HELD), H, "6.1 s, predicted 5 to 7"),
    ("activator-wait", Bounds(0.2, 5), cycle(hops=HELD), B, "6.1 s"),
    ("activator-wait", Bounds(0, 9), cycle(), U, "no request log"),
    ("activator-wait", Bounds(0, 9), cycle(hops=replace(HELD, not_split={"no line": 2})), U, "too few of its requests"),
    ("activator-wait", Bounds(0, 9), cycle(hops=replace(HELD, parts=())), U, "too few of its requests"),
    ("probe-phase", Bounds(1, 4), cycle(probe_phase_s=2.5), H, "2.5 s"),
    ("probe-phase", Bounds(0, 0.5), cycle(probe_phase_s=2.5), B, "2.5 s"),
    ("probe-phase", Bounds(0, 10), cycle(), U, "saw no liveness probe or no readiness probe"),
    ("slow-answers", Bounds(250, 400), cycle(latency=LATE), H, "270 requests"),
    ("slow-answers", Bounds(0, 0), cycle(latency=LATE), B, "270 requests"),
    ("slow-answers", Bounds(0, 0), cycle(), U, "no request was answered well"),
]


@pytest.mark.parametrize(("name", "bounds", "seen", "observed", "why"), CASES)
def test_a_number_is_held_against_its_bounds(name: str, bounds: Bounds, seen: CycleFindings, observed: Observed, why: str) -> None:
    """What it says, and why."""
    reading = NUMBERS[name].within(bounds, seen)
    assert reading.observed is observed
    assert why in reading.why


def test_every_number_is_tried_with_every_observation() -> None:
    """Each has cases in which it lies within, outside, and is not known."""
    assert {(name, observed) for name, _, _, observed, _ in CASES} == {(name, seen) for name in NUMBERS for seen in Observed}


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_is_not_known_where_a_fact_it_rests_on_is_not(name: str) -> None:
    """Whatever the cycle shows; a fact that it does not rest on changes nothing."""
    seen = cycle(latency=LATE, anatomy=STOPPED, probe_phase_s=2.5, pods=2, hops=HELD)
    for fact in Fact:
        reading = NUMBERS[name].within(Bounds(0, 1000), replace(seen, unknown={fact.value: "a gap"}))
        assert reading.observed is (U if fact in NUMBERS[name].facts else H)


def claimed(name: str, lo: float, hi: float, *causes: str) -> ResolvedClaim:
    """A claim of a number, on one version."""
    made = within(name, lo, hi, "a prediction", *causes)
    (one,) = made.expected
    return ResolvedClaim(made.id, made.check, made.statement, one.expectation, one.source, bounds=one.bounds)


def test_one_cycle_outside_of_its_bounds_is_not_as_predicted() -> None:
    """Neither worse nor fixed: it may be either."""
    off = decide(claimed("failed-requests", 0, 9), [cycle(0), calm_cycle(1)])
    assert deviation(off) == (
        "not as predicted: failed-requests; broken in 1 of 2 cycles: 10 requests, predicted 0 to 9 (cycle 0); "
        "0 requests, predicted 0 to 9 (cycle 1)"
    )
    assert [one.value for one in off.readings.values()] == [10, 0]


def test_an_unknown_number_or_cause_is_bad_input_before_a_run() -> None:
    """In what was recorded it is undecided."""
    require_checks([claimed(name, 0, 1) for name in NUMBERS])
    with pytest.raises(BadInput, match="names the check 'no-restart', which there is not"):
        require_checks([claimed("no-restart", 0, 1)])
    with pytest.raises(BadInput, match="names the cause 'refused'"):
        require_checks([claimed("failed-requests", 0, 1, "refused")])
    assert decide(claimed("no-restart", 0, 1), [cycle()]).observed is U


@pytest.mark.parametrize("bounds", [(2, 1), (-1, 1), (0, float("inf")), (float("nan"), 1)])
def test_bounds_that_predict_nothing_are_refused(bounds: tuple[float, float]) -> None:
    """Every outcome, or none, would satisfy them."""
    with pytest.raises(ValueError, match="is no prediction"):
        Bounds(*bounds)


@pytest.mark.parametrize(
    ("claim", "ruling"),
    [
        (claimed("failed-requests", 125, 125, "refused-dial"), Ruling.PASS),
        (claimed("failed-requests", 10, 124, "refused-dial"), Ruling.REGRESSION),
        (claimed("other-failures", 0, 0, "refused-dial"), Ruling.PASS),
        (claimed("other-failures", 0, 0, "timeout"), Ruling.REGRESSION),
        (claimed("refused-window", 2.4, 2.5), Ruling.PASS),
        (claimed("refused-window", 3, 5.5), Ruling.REGRESSION),
        (claimed("slowest-answer", 0, 0.1), Ruling.PASS),
        (claimed("slow-answers", 1, 9), Ruling.REGRESSION),
    ],
    ids=lambda one: one.id if isinstance(one, ResolvedClaim) else one,
)
def test_a_run_is_ruled_by_its_numbers(claim: ResolvedClaim, ruling: Ruling) -> None:
    """The claims without numbers are as expected in all of them."""
    story = restarts(claims=(*S1_CLAIMS, claim))
    assert judge(story.meta.spec, analyse(story.history())).ruling is ruling


def test_an_answer_that_took_long_is_seen() -> None:
    """From when it was due; one from before the fault is no effect of it."""
    for story, since_s in ((restarts(1), CLOSED_S + 4), (calm(1), 1)):
        story.spec(claims=(claimed("slowest-answer", 0, 0.1),))
        story.request(0, at(0, since_s) + 1, took_ns=2_500_000_000)
        latency = analyse(story.history()).cycles[0].latency
        assert latency is not None
        assert (round(latency.slowest_s, 1), round(latency.median_s, 3), latency.slow) == (2.5, 0.003, 1)
    early = restarts(1)
    early.spec(claims=(claimed("slowest-answer", 0, 0.1),))
    early.request(0, at(0, 0.5) + 1, took_ns=2_500_000_000)
    latency = analyse(early.history()).cycles[0].latency
    assert latency is not None
    assert latency.slow == 0
