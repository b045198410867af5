"""S35: a sidecar on the way of every request has an exec readiness probe, which nobody asks who routes requests (B17)."""

from __future__ import annotations

from dataclasses import replace

from harness.catalogue.claims import PREDICTED, broken_on, claim, holds_on, within
from harness.catalogue.s25 import FAILS, S25
from harness.model import AppSpec, FaultSpec, Handler, Probe, Scenario, ServiceSpec, Sidecar

B17 = "B17, found with this harness on 1.23"
EXEC = Probe(Handler.EXEC, path="readiness", period_s=1, failure_threshold=1, timeout_s=5)

S35A = Scenario(
    name="S35A",
    title="From zero under load, with a sidecar that every request needs and that has an exec readiness probe",
    service=ServiceSpec(
        app=AppSpec(startup_delay_s=0.0, asks=8090),
        sidecars=(Sidecar(port=8090, app=AppSpec(startup_delay_s=5.0), readiness=EXEC),),
        min_scale=0,
        initial_scale=0,
    ),
    fault=FaultSpec(),
    course="from-zero",
    after_s=5.0,
    # Up to 1.17 such a sidecar is not deployed (B8).
    claims=(
        claim("requests-do-not-fail", broken_on(">=1.18", B17)),
        claim("no-restart", holds_on(">=1.18", "nothing fails the app")),
        within("failed-requests", 200, 900, PREDICTED, "app", versions=">=1.18"),
        within("other-failures", 0, 10, PREDICTED, "app", versions=">=1.18"),
    ),
    cycles=3,
)

S35B = replace(
    S25,
    name="S35B",
    title="A sidecar that every request needs has an exec readiness probe beside its liveness probe, which fails under load",
    service=replace(S25.service, sidecars=(replace(S25.service.sidecars[0], readiness=EXEC),)),
    claims=(
        claim("pod-stays-ready", broken_on(">=1.22", "the kubelet asks an exec readiness probe, and forgets it at a restart")),
        *(one for one in FAILS if one.check != "pod-stays-ready"),
    ),
)

S35C = replace(
    S35A,
    name="S35C",
    title="From zero under load, with a sidecar that every request needs and that has a TCP readiness probe",
    service=replace(
        S35A.service,
        sidecars=(replace(S35A.service.sidecars[0], readiness=Probe(Handler.TCP, path="", period_s=1, failure_threshold=1)),),
    ),
    claims=(
        claim("requests-do-not-fail", holds_on(">=1.18", "queue-proxy asks the sidecar, and the activator asks queue-proxy")),
        claim("no-restart", holds_on(">=1.18", "nothing fails the app")),
        within("slowest-answer", 5, 20, PREDICTED, versions=">=1.18"),
        within("slow-answers", 200, 1000, PREDICTED, versions=">=1.18"),
    ),
)
