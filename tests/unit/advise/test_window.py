"""The window model against what was measured, and its shape."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.advise.data import Constant, model
from harness.advise.spans import Span
from harness.advise.window import Phases, Probes, Timing, mean_refused_s, window
from tests.unit.advise.constants import RANGES

BOOT_S = 5.05
"""The toggle app with a delay of 5 s listens so long after its container's start (S1, S6, S7: 5.05 to 5.10 s)."""

LIVENESS = Timing(1, 3)
DEFAULT = Timing(10, 3, fails_within_s=1)
"""Knative's own readiness probe."""

FAST = Timing(1, 1)

SCENARIOS = {
    "S1": Probes(LIVENESS, DEFAULT),
    "S2": Probes(LIVENESS, DEFAULT),
    "S6": Probes(LIVENESS, FAST, same_check=True),
    "S7": Probes(LIVENESS, Timing(10, 3), same_check=True),
    "S10": Probes(LIVENESS, DEFAULT, kept_s=1),
    "S17A": Probes(LIVENESS, DEFAULT, grace_s=10, listens_on=True),
    "S17B": Probes(LIVENESS, DEFAULT, grace_s=10),
    "S31": Probes(LIVENESS, FAST, kept_s=1),
}


def within(inner: tuple[float, float], outer: Span) -> bool:
    """Whether one interval lies in the other."""
    return outer.lo <= inner[0] and inner[1] <= outer.hi


@pytest.mark.parametrize(
    ("name", "boot_s", "refused"),
    [
        ("S1", BOOT_S, (5.2, 5.56)),
        ("S2", 0.1, (0.34, 0.49)),
        ("S6", BOOT_S, (0, 0)),
        ("S7", BOOT_S, (5.24, 5.36)),
        ("S10", BOOT_S, (1.26, 1.26)),
        ("S17A", BOOT_S, (5.2, 5.2)),
        ("S17B", BOOT_S, (14.2, 14.3)),
        ("S31", BOOT_S, (0, 0)),
    ],
)
def test_what_was_measured_lies_within_the_prediction(name: str, boot_s: float, refused: tuple[float, float]) -> None:
    """Seconds for which requests were refused (docs/findings.md): the least and the most of the scenario's calm cycles."""
    found = window(SCENARIOS[name], model(), boot_s)
    assert within(refused, found.refused_s)
    assert (found.refused_s.boots, found.at_most_s) == (0, None)


@pytest.mark.parametrize(("name", "slowest"), [("S6", (8.0, 9.1)), ("S10", (5.2, 5.2))])
def test_how_long_the_others_wait(name: str, slowest: tuple[float, float]) -> None:
    """The slowest answer of a cycle."""
    found = window(SCENARIOS[name], model(), BOOT_S)
    assert found.waits_s is not None
    assert within(slowest, found.waits_s)


def test_requests_wait_from_the_way_out_until_the_app_answers() -> None:
    """Until it listens and BACK; where the kubelet keeps the container not ready, a period of its probe more."""
    assert window(SCENARIOS["S6"], RANGES, 5).waits_s == Span(7.15, 10.45)
    assert window(SCENARIOS["S10"], RANGES, 5).waits_s == Span(3.45, 6.7)
    assert window(replace(SCENARIOS["S10"], kept_s=3), RANGES, 5).waits_s == Span(3.45, 8.7)


@pytest.mark.parametrize(
    ("boot_s", "refused", "waits"),
    [(0.1, Span(0.25, 0.8), None), (0.5, Span(0.65, 1.2), Span(0, 0.85)), (1.9, Span(0.85, 2.1), Span(0, 2.25))],
)
def test_where_the_app_may_listen_before_the_pod_is_out(boot_s: float, refused: Span, waits: Span | None) -> None:
    """The pod is out 0.85 to 2.1 s after the close: surely too late, perhaps, and surely not later than the app listens."""
    found = window(Probes(LIVENESS, LIVENESS), RANGES, boot_s)
    assert (found.refused_s, found.waits_s) == (refused, waits)


def test_known_phases_make_the_window_narrow() -> None:
    """The check began to fail in the middle of a liveness period and a quarter before a readiness probe."""
    found = window(Probes(LIVENESS, Timing(2, 2)), RANGES, 6, Phases(0.5, 0.25))
    assert (found.killed_s, found.refused_s) == (Span(2.5, 2.6), Span(1.35, 1.6))


def test_a_grace_that_pre_stop_uses_up_is_2_s_all_the_same() -> None:
    """The kubelet's least."""
    found = window(replace(SCENARIOS["S1"], grace_s=2), RANGES, 5).refused_s
    assert found == Span(7.15, 7.7)


def test_an_unknown_boot_stays_open() -> None:
    """D + [a, b]; the same with D once it is known. A window that ends before the container has started needs no D."""
    open_one = window(SCENARIOS["S1"], RANGES)
    assert (open_one.refused_s.boots, open_one.at_most_s) == (1, Span(18.85, 30.1))
    known = window(SCENARIOS["S1"], RANGES, 5)
    assert known.refused_s == open_one.refused_s.with_boot(5)
    assert (known.at_most_s, known.waits_s) == (None, None)
    short = window(SCENARIOS["S6"], RANGES)
    assert (short.refused_s, short.at_most_s) == (Span(0, 0), None)


def test_a_slow_app_is_refused_until_the_pod_is_out() -> None:
    """S3: with a boot of 60 s the refusals end when queue-proxy's readiness has failed, and the others wait."""
    found = window(SCENARIOS["S1"], RANGES, 60)
    assert (found.refused_s.lo, found.refused_s.hi) == (18.85, 30.1)
    assert found.waits_s is not None and found.waits_s.lo > 30


def test_a_kill_at_the_edge_is_a_race() -> None:
    """S5: both probes with the same timing and check. Almost nothing is refused, and that is not zero."""
    found = window(Probes(LIVENESS, LIVENESS, same_check=True), RANGES, 5)
    assert found.refused_s.lo == 0 < found.refused_s.hi <= RANGES.propagation.hi


def test_the_same_check_at_kubernetes_defaults_is_a_race() -> None:
    """S5B: by the phase of the two probes nothing is refused, or for longer than the edge."""
    found = window(Probes(Timing(10, 3), Timing(10, 3), same_check=True), RANGES, 5)
    assert found.refused_s.lo == 0
    assert found.refused_s.hi > 3.5


def test_the_same_timing_with_another_check_starts_to_fail_at_the_kill() -> None:
    """Only queue-proxy's drain and the closed port fail it: three checks of one second then come too late."""
    assert window(Probes(LIVENESS, LIVENESS), RANGES, 5).refused_s.lo > 0.5


def test_a_fitted_model_takes_the_place_of_the_ranges() -> None:
    """The constants are data: others give other windows."""
    fitted = replace(RANGES, restart=Constant(1.0, 1.1, "a fit"))
    assert window(SCENARIOS["S1"], fitted).refused_s == Span(1.0, 1.1, 1)


def test_the_interval_is_narrower_than_that_of_the_plain_formula() -> None:
    """The reference's formula allows 0.3 to 2 s for the container's restart."""
    found = window(SCENARIOS["S1"], model()).refused_s
    assert found.hi - found.lo <= (2 - 0.3) / 2


def test_an_app_that_closes_its_port_at_sigterm_and_lives_on_is_refused_through_its_grace() -> None:
    """S17B: preStop takes a second of 10; the port is closed for the other nine, the restart and the start."""
    ends, lives_on = (window(replace(SCENARIOS["S1"], grace_s=grace), RANGES, BOOT_S).refused_s for grace in (0, 10))
    assert (round(lives_on.lo - ends.lo, 6), round(lives_on.hi - ends.hi, 6)) == (8.85, 9.0)


def test_an_app_that_keeps_its_port_is_refused_from_sigkill_on() -> None:
    """S17A: as S1; queue-proxy's drain is over before SIGKILL, so a fast readiness probe begins to fail at the close."""
    kept = replace(SCENARIOS["S1"], grace_s=10, listens_on=True)
    assert window(kept, RANGES, BOOT_S).refused_s == window(SCENARIOS["S1"], RANGES, BOOT_S).refused_s
    fast = window(Probes(LIVENESS, FAST, grace_s=10, listens_on=True), RANGES, BOOT_S)
    assert fast.refused_s == Span(0, 1.1)
    same = window(Probes(LIVENESS, FAST, same_check=True, grace_s=10, listens_on=True), RANGES, BOOT_S)
    assert same.refused_s == Span(0, 0)


def test_a_startup_probe_takes_the_pod_out_once_the_process_has_ended() -> None:
    """An app that closes its port and lives on: for the rest of its grace the kubelet has no new container to call not started."""
    ends, lives_on = (window(replace(SCENARIOS["S10"], grace_s=grace), RANGES, BOOT_S).refused_s for grace in (0, 10))
    assert (ends, lives_on) == (Span(0.5, 1.8), Span(9.35, 10.8))
    kept = window(replace(SCENARIOS["S10"], grace_s=10, listens_on=True), RANGES, BOOT_S)
    assert kept.refused_s == ends


@pytest.mark.parametrize(("lo", "hi"), [(-1.0, 1.0), (2.0, 1.0)])
def test_a_constant_is_an_interval_of_time(lo: float, hi: float) -> None:
    """Another one is refused where it is read."""
    with pytest.raises(ValueError, match="no interval"):
        Constant(lo, hi, "nobody")


@pytest.mark.parametrize(("period_s", "same"), [(1, False), (2, False), (5, False), (2, True), (10, False)])
def test_the_mean_over_the_phases_lies_in_the_window(period_s: int, same: bool) -> None:
    """A faster readiness has the shorter mean; where the pod is surely not out in time, it is the middle of the window."""
    probes = Probes(Timing(1, 3), Timing(period_s, 1), same_check=same)
    found, mean_s = window(probes, model(), 6.0).refused_s, mean_refused_s(probes, model(), 6.0)
    assert found.lo <= mean_s <= found.hi
    slower = replace(probes, readiness=Timing(period_s, 2))
    assert mean_refused_s(slower, model(), 6.0) > mean_s
    never = replace(probes, readiness=Timing(10, 3))
    open_s = window(never, model(), 6.0).refused_s
    assert mean_refused_s(never, model(), 6.0) == pytest.approx((open_s.lo + open_s.hi) / 2)
