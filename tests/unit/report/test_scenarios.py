"""The index of the scenarios: each prediction beside what was measured."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from harness.catalogue import S1, SCENARIOS, resolve
from harness.judge import judge
from harness.model import Bounds, Expectation, Findings, KnativeVersion, Rate, RateOf, ResolvedClaim
from harness.report.scenarios import Entry, anchor, index
from harness.report.shape import Summary
from harness.report.summary import _claim
from tests.unit.judge.cases import cycle, findings

VERSION = KnativeVersion.parse("1.23")
CLAIMS = (
    ResolvedClaim("race", "no-request-is-refused", "words", Expectation.HOLDS, "a test", Rate(RateOf.CYCLES, 0.2, 1)),
    ResolvedClaim("number", "failed-requests", "words", Expectation.HOLDS, "a test", bounds=Bounds(5, 20, ("refused-dial",))),
    ResolvedClaim("ready", "pod-stays-ready", "words", Expectation.BROKEN, "a test"),
)
ENTRY = Entry("S5B", "two | probes", CLAIMS, 4)


def summary(*counts: int, of: Findings | None = None) -> Summary:
    """Of a run with so many refused requests in each cycle, as far as the index reads it."""
    seen = of or findings(*(cycle(at, by_cause={"refused-dial": count}) for at, count in enumerate(counts)))
    verdict = judge(replace(resolve(S1, VERSION), claims=CLAIMS), seen)
    shown = {
        "run_id": "a1b2c3d4",
        "started_utc": "2026-11-28T09:00:00.000000Z",
        "verdict": verdict.ruling,
        "reasons": list(verdict.reasons),
        "interrupted": "",
        "claims": [_claim(one) for one in verdict.claims],
        "cycles": [{"index": one.index, "voided": one.voided, "given_up": ""} for one in seen.cycles],
        "ledger": {"unattributed": 0, "unmatched": 0},
    }
    return cast("Summary", shown)


def test_each_claim_stands_beside_its_readings() -> None:
    """A share with its interval, a number by cycle, a check by how often."""
    lines = index([replace(ENTRY, summary=summary(10, 0, 12, 30), current=True)], "1.23.0")
    assert lines[0].startswith("1 of 1 scenarios measured on Knative 1.23.0: 0 as predicted, 0 not as predicted, 1 inconclusive.")
    assert "[S5B: two \\| probes](#s5b-two--probes)" in lines[4]
    assert "`a1b2c3d4`, 2026-11-28" in lines[4]
    table = lines[-3:]
    share = "broken in a share of 0.2 to 1 of the cycles | 3 of 4: 0.75, interval 0.19 to 0.99"
    assert table[0] == f"| `no-request-is-refused` | {share} | undecided |"
    assert table[1] == "| `failed-requests` (refused-dial) | 5 to 20 | 10, 0, 12, 30 | **not as predicted** |"
    assert table[2] == "| `pod-stays-ready` | broken | holds in 4 | **not as predicted** |"


def test_a_share_is_explained_by_the_phase_of_the_probes() -> None:
    """Each cycle's, where it is known, beside what was read in it."""
    shown = summary(10, 0, 12, 30)
    for at, phase in ((0, 2.5), (1, 0.25), (3, 1.5)):
        shown["cycles"][at]["probe_phase_s"] = phase
    lines = index([replace(ENTRY, summary=shown, current=True)], "1.23.0")
    assert any("| 0.25 s: 0; 1.5 s: 30; 2.5 s: 10 |" in line for line in lines)
    assert not any("phase of the probes" in line for line in index([replace(ENTRY, summary=summary(10))], "1.23.0"))


def test_a_run_of_an_earlier_prediction_is_not_judged_by_this_one() -> None:
    """It is shown, said to be one, and counted apart."""
    lines = index([replace(ENTRY, summary=summary(10, 9, 12))], "1.23.0")
    assert "0 as predicted, 0 not as predicted, 0 inconclusive, 1 with an earlier prediction" in lines[0]
    assert "(earlier prediction)" in lines[4]
    assert "| 3 of 4 |" in lines[4]
    assert all(line.endswith("| not judged by this prediction |") for line in lines[-3:])


def test_a_claim_that_the_run_did_not_make_is_not_measured() -> None:
    """So is a scenario without a run."""
    more = replace(CLAIMS[1], id="new", check="slowest-answer")
    lines = index([replace(ENTRY, claims=(more,), summary=summary(10, 9, 12)), replace(ENTRY, name="S9")], "1.23.0")
    assert lines[-1] == "| `slowest-answer` (refused-dial) | 5 to 20 | - | not measured |"
    assert "| S9: two \\| probes | not measured | - | - |" in lines


def test_a_summary_of_an_earlier_release_is_shown_without_readings() -> None:
    """Keys are only ever added."""
    shown = summary(10, 9, 12)
    for one in shown["claims"]:
        del one["readings"], one["rate"]
    assert (
        index([replace(ENTRY, summary=shown, current=True)], "1.23.0")[-1]
        == "| `pod-stays-ready` | broken | - | **not as predicted** |"
    )


def test_an_open_ledger_and_many_cycles_are_said_in_short() -> None:
    """A list of fifty numbers says less than its ends."""
    shown = summary(*range(6, 19))
    shown["ledger"]["unattributed"] = 2
    lines = index([replace(ENTRY, summary=shown, current=True)], "1.23.0")
    assert any("ledger open (2)" in line for line in lines)
    assert any("| 6 to 18 in 13 cycles | as predicted |" in line for line in lines)


def test_every_prediction_is_linked_by_its_heading() -> None:
    """As GitHub makes a fragment of it: two headings of one fragment would be one place."""
    fragments = [anchor(f"{one.name}: {one.title}") for one in SCENARIOS.values()]
    assert len(set(fragments)) == len(fragments)
    assert anchor("S1: Liveness probe only, failing under load") == "s1-liveness-probe-only-failing-under-load"
