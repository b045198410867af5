"""S25 to S27: a sidecar on the way of every request fails its liveness probe, with and without a readiness probe of its own."""

from __future__ import annotations

from dataclasses import replace

from harness.catalogue.claims import PREDICTED, broken_on, claim, holds_on, within
from harness.model import AppSpec, FaultSpec, Probe, Scenario, ServiceSpec, Sidecar

RESTARTS = claim("container-restarts-once", holds_on(">=1.22", "the kubelet restarts a container whose liveness probe failed"))
LIVENESS = Probe(path="/healthz", period_s=1, failure_threshold=3, timeout_s=1, initial_delay_s=10)

FAILS = (
    # Up to 1.21 a sidecar's liveness goes to the port of the user container (B6).
    claim("requests-do-not-fail", broken_on(">=1.22", "the app answers 500 while its sidecar does not listen")),
    claim("pod-stays-ready", holds_on(">=1.22", "nobody asks the sidecar whether it is ready, or too seldom")),
    claim("failures-only-while-not-listening", holds_on(">=1.22", "the app asks its sidecar for each request")),
    RESTARTS,
    within("failed-requests", 240, 550, PREDICTED, "app", versions=">=1.22"),
    within("other-failures", 0, 10, PREDICTED, "app", versions=">=1.22"),
)

WAITS = (
    claim("pod-stays-ready", broken_on(">=1.22", "queue-proxy asks the sidecar's readiness with the user container's timing")),
    RESTARTS,
    within("slowest-answer", 5, 20, PREDICTED, versions=">=1.22"),
    within("slow-answers", 200, 900, PREDICTED, versions=">=1.22"),
)

S25 = Scenario(
    name="S25",
    title="A sidecar that every request needs has a liveness probe only, failing under load",
    service=ServiceSpec(
        app=AppSpec(startup_delay_s=0.0, asks=8090),
        sidecars=(Sidecar(port=8090, app=AppSpec(startup_delay_s=5.0), liveness=LIVENESS),),
    ),
    fault=FaultSpec("liveness", role="sidecar-1"),
    claims=FAILS,
    cycles=3,
)


def _with_sidecar(base: Scenario, *, liveness: Probe = LIVENESS, readiness: Probe | None = None) -> ServiceSpec:
    (sidecar,) = base.service.sidecars
    changed = replace(sidecar, liveness=liveness, readiness=readiness or sidecar.readiness)
    return replace(base.service, sidecars=(changed,))


S26 = replace(
    S25,
    name="S26",
    title="The same check as the sidecar's readiness probe, and the user container's with periodSeconds 1 and failureThreshold 1",
    # The sidecar's own timing is Kubernetes' default: were it used, the pod would stay Ready.
    service=replace(
        _with_sidecar(S25, readiness=Probe(path="/healthz", period_s=10, failure_threshold=3)),
        readiness=Probe(path="/readyz", period_s=1, failure_threshold=1),
    ),
    claims=(claim("requests-do-not-fail", holds_on(">=1.22", "as S6, by the readiness of the sidecar")), *WAITS),
)

S26B = replace(
    S26,
    name="S26B",
    title="The sidecar's liveness probe with the timing of the user container's readiness probe",
    service=_with_sidecar(S26, liveness=replace(LIVENESS, failure_threshold=1)),
    # A race: the readiness probe that fails first must reach the activator before SIGTERM closes the listener.
    claims=(
        *WAITS,
        within("failed-requests", 0, 100, PREDICTED, "app", versions=">=1.22"),
        within("other-failures", 0, 10, PREDICTED, "app", versions=">=1.22"),
    ),
)

S27 = replace(
    S25,
    name="S27",
    title="The sidecar's readiness probe with periodSeconds 1 and failureThreshold 1, the user container's as by default",
    service=_with_sidecar(S25, readiness=Probe(path="/healthz", period_s=1, failure_threshold=1)),
)
