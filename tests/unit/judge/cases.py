"""Literal findings of one cycle, for tests to change."""

from __future__ import annotations

from typing import Any

from harness.model import ClaimResult, CycleFindings, Expectation, Findings, Landed, Ledger, Observed, ResolvedClaim

LANDED = Landed(proved=True, parts=(("all", True, "seen"),))
NOT_LANDED = Landed(proved=False, parts=(("all", False, "not seen"),))


def cycle(index: int = 0, **changed: Any) -> CycleFindings:
    """A cycle in which 10 of 100 requests were refused while the pod stayed Ready, unless changed."""
    sane: dict[str, Any] = {
        "index": index,
        "pod": f"pod-{index}",
        "voided": "",
        "landed": LANDED,
        "anatomy": {},
        "sent": 100,
        "ok": 90,
        "by_outcome": {"ok": 90, "http-502": 10},
        "by_cause": {"refused-dial": 10},
        "refused_window": (1, 2),
        "ready_throughout": True,
        "restarts": 1,
        "outside_window": 0,
        "pacing_p50_us": 1.0,
        "pacing_p99_us": 2.0,
        "pacing_max_us": 3.0,
        "steal": 0.0,
    }
    return CycleFindings(**(sane | changed))


def calm(index: int = 0, **changed: Any) -> CycleFindings:
    """A cycle in which nothing failed and nothing was restarted."""
    return cycle(index, **({"ok": 100, "by_outcome": {"ok": 100}, "by_cause": {}, "refused_window": None, "restarts": 0} | changed))


def claim(check: str = "no-restart", expected: Expectation = Expectation.HOLDS) -> ResolvedClaim:
    """A claim named by its check."""
    return ResolvedClaim(check, check, "statement", expected, "a test")


def result(expected: Expectation, observed: Observed, check: str = "c") -> ClaimResult:
    """A claim that was decided."""
    return ClaimResult(claim(check, expected), observed, "why")


def findings(*cycles: CycleFindings, doubts: tuple[str, ...] = ()) -> Findings:
    """Findings of which the judge reads only cycles and doubts."""
    ledger = Ledger(0, 0, 0, 0, {}, 0, 0, 0, 0, 0)
    return Findings(cycles, ledger, 0, 0, {}, 50.0, 0.0, 0.0, (), doubts)
