"""How long after a liveness probe the readiness probe comes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.analyse import analyse
from harness.analyse.probephase import probe_phase_s
from harness.apps.toggle import AppEvent
from harness.model import Handler, Probe, Rate, RateOf, ServiceSpec
from tests.unit.analyse.story import FAULT_S, S1_CLAIMS, at, restarts

SECOND = 1_000_000_000
FAULT_NS = 100 * SECOND
TEN = ServiceSpec(liveness=Probe(period_s=10), readiness=Probe(period_s=10))
ONE = ServiceSpec(liveness=Probe(), readiness=Probe())


def probe(second: float, *, readiness: bool, boot: str = "old", ok: bool = True) -> AppEvent:
    """A probe of /healthz: by queue-proxy over the loopback, or by the kubelet."""
    peer = "127.0.0.1" if readiness else "10.244.0.1"
    more = {"which": "liveness", "via": "http", "ok": ok, "status": 200 if ok else 503, "peer": peer}
    return AppEvent("probe", boot, int(second * SECOND), more)


def liveness(*seconds: float, boot: str = "old") -> list[AppEvent]:
    """Of the kubelet."""
    return [probe(second, readiness=False, boot=boot) for second in seconds]


def readiness(*seconds: float, boot: str = "old") -> list[AppEvent]:
    """Of queue-proxy."""
    return [probe(second, readiness=True, boot=boot) for second in seconds]


@pytest.mark.parametrize(
    ("service", "told", "phase"),
    [
        (TEN, [*liveness(103, 113), *readiness(105.5, 115.5)], 2.5),
        (TEN, [*liveness(108), *readiness(100.5)], 2.5),
        (TEN, [*liveness(93), *readiness(95.5)], 2.5),
        # Those after the fault decide: before it the activator may have asked, too.
        (TEN, [*liveness(93, 103), *readiness(93.1, 105.5)], 2.5),
        (ONE, [*liveness(100.75), *readiness(100.25)], 0.5),
        # Of a shorter liveness period the phase is within that.
        (replace(TEN, liveness=Probe()), [*liveness(100.25), *readiness(103.75)], 0.5),
        (TEN, [*liveness(103), *readiness(105.5, boot="new")], None),
        (TEN, liveness(103), None),
        (replace(TEN, liveness=None), [*liveness(103), *readiness(105.5)], None),
    ],
)
def test_the_phase_is_that_of_the_probes_that_decide(service: ServiceSpec, told: list[AppEvent], phase: float | None) -> None:
    """Of one boot, modulo the period that both share."""
    events = sorted(told, key=lambda one: one.t_ns)
    assert probe_phase_s(service, events, "old", FAULT_NS) == phase


def test_the_default_readiness_is_asked_by_tcp() -> None:
    """Every 10 s; the liveness probe each second."""
    tcp = AppEvent("probe", "old", 101 * SECOND, {"which": "tcp-probe", "via": "tcp", "ok": True, "peer": "127.0.0.1"})
    service = ServiceSpec(liveness=Probe())
    assert service.readiness is None
    assert probe_phase_s(service, [*liveness(100.5), tcp], "old", FAULT_NS) == 0.5
    assert (
        probe_phase_s(replace(service, readiness=Probe(Handler.EXEC, path="readiness")), [*liveness(100.5), tcp], "old", 0) is None
    )


@pytest.mark.parametrize("share", [True, False])
def test_a_run_with_a_claim_about_a_share_has_it_for_each_cycle(share: bool) -> None:
    """It decides such races; the summary of any other run is as it was."""
    rate = Rate(RateOf.CYCLES, 0, 0.5) if share else None
    story = restarts(1, claims=tuple(replace(one, rate=rate) for one in S1_CLAIMS))
    story.spec(service=ONE)
    for second in (0.4, 1.4, 2.4, 3.4):
        story.app("pod-0", "old0", at(0, FAULT_S - 5 + second), "probe", which="liveness", via="http", ok=True, peer="127.0.0.1")
    (found,) = analyse(story.history()).cycles
    assert (found.probe_phase_s is not None) is share
