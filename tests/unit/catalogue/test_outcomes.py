"""What a scenario predicts is not what any outcome would satisfy: three plain ones, and the scenarios that pass with each."""

from __future__ import annotations

from dataclasses import replace

from harness.catalogue import SCENARIOS, resolve
from harness.judge.algebra import rule
from harness.judge.claims import decide
from harness.model import Bracket, CycleFindings, KnativeVersion, Latency, Ruling, Scenario
from tests.unit.judge.cases import cycle

SECOND_NS = 10**9


def edge(at_s: float) -> Bracket:
    """An edge of the anatomy."""
    return Bracket(round(at_s * SECOND_NS), round(at_s * SECOND_NS), "a test", 1)


def outcome(refused: int, window_s: float, slowest_s: float, slow: int, *, restarts: int, ready: bool) -> CycleFindings:
    """A cycle in which so many requests were refused for so long, and so many waited for more than 1 s."""
    return cycle(
        sent=700,
        ok=700 - refused,
        by_outcome={"ok": 700 - refused} | ({"http-502": refused} if refused else {}),
        by_cause={"refused-dial": refused} if refused else {},
        refused_window=(100 * SECOND_NS, round((100 + window_s) * SECOND_NS)) if refused else None,
        latency=Latency(slowest_s, 0.003, slow, 0.01),
        restarts=restarts,
        restarted={"pod-0": restarts} if restarts else {},
        ready_throughout=ready,
        pods=1,
        probe_phase_s=2.5,
        anatomy={"killing": edge(96), "process-gone": edge(97)},
    )


S1S = outcome(266, 5.3, 0.05, 0, restarts=1, ready=True)
"""What S1 shows: nothing that the scenario adds to it had an effect."""

HELD = outcome(0, 0, 8.0, 400, restarts=1, ready=False)
"""What S6 shows: nothing fails, all wait."""

NOTHING = outcome(0, 0, 0.05, 0, restarts=0, ready=True)
"""What N1 shows."""


def passing(shown: CycleFindings) -> set[str]:
    """The scenarios that pass if each of their cycles shows this."""
    return {name for name, spec in SCENARIOS.items() if passes(spec, shown)}


def passes(spec: Scenario, shown: CycleFindings) -> bool:
    """Whether the claims of this scenario are as expected in such cycles."""
    found = [replace(shown, index=index) for index in range(spec.cycles)]
    claims = resolve(spec, KnativeVersion.parse("1.23")).claims
    return rule((), [decide(claim, found) for claim in claims]).ruling is Ruling.PASS


AS_S1 = {"S1", "S1B", "S7", "S14A", "S15", "S17A", "S20", "S20B", "S22", "S33A", "S34"}
"""Predicted to be like S1: in number and length, whatever the cause."""

WITHOUT_NUMBERS = {"S2", "S12"}
"""Predicted to be less than S1, and measured before such numbers were claimed."""


def test_the_outcome_of_s1_passes_only_where_it_is_predicted() -> None:
    """Not where a probe, a retry, more pods or another fault is predicted to change it."""
    assert passing(S1S) == AS_S1 | WITHOUT_NUMBERS


def test_an_outcome_in_which_all_wait_passes_only_where_it_is_predicted() -> None:
    """S5 predicts it of nearly all of its cycles, S8B of the restart alone; S16A's clients wait because they try again."""
    assert passing(HELD) == {"S5", "S6", "S8B", "S16A", "S26", "S26B", "S31"}


def test_an_outcome_without_any_effect_passes_only_where_it_is_predicted() -> None:
    """Whether the fault landed is asked before any claim."""
    assert passing(NOTHING) == {"N1", "N3", "S30A", "S30B", "S30C"}
