"""S28: the load meets no pod, with the default TCP readiness probe (B) and with one of HTTP (A)."""

from __future__ import annotations

from dataclasses import replace

from harness.catalogue.claims import PREDICTED, holds, within
from harness.model import AppSpec, FaultSpec, Probe, Scenario, ServiceSpec

HELD = "the activator holds requests until a pod is ready"

ALWAYS = (holds("requests-do-not-fail", HELD), holds("no-restart", "nothing fails the app"))

S28A = Scenario(
    name="S28A",
    title="From zero under load, with an HTTP readiness probe",
    service=ServiceSpec(
        app=AppSpec(startup_delay_s=5.0),
        readiness=Probe(path="/readyz", period_s=1, failure_threshold=3),
        min_scale=0,
        initial_scale=0,
    ),
    fault=FaultSpec(),
    course="from-zero",
    after_s=5.0,
    claims=(*ALWAYS, within("slowest-answer", 5, 20, PREDICTED), within("slow-answers", 200, 1000, PREDICTED)),
    cycles=3,
)

S28B = replace(
    S28A,
    name="S28B",
    title="From zero under load, with the default TCP readiness probe",
    service=replace(S28A.service, readiness=None),
)
