"""S24: the app hangs and a liveness probe asks it. S24B: every process is stopped, and SIGTERM does not arrive either."""

from __future__ import annotations

from dataclasses import replace

from harness.catalogue.claims import PREDICTED, broken, broken_on, claim, holds_on, within
from harness.catalogue.s1 import S1
from harness.model import FaultSpec, LoadPlan

S24 = replace(
    S1,
    name="S24",
    title="The app hangs under load, with a liveness probe",
    service=replace(S1.service, timeout_s=10),
    fault=FaultSpec("hang"),
    load=LoadPlan(rate_rps=20.0),
    claims=(
        claim(
            "requests-do-not-fail", broken_on(">=1.7", "the requests of the hang lose their connection, those after it are refused")
        ),
        claim("ready-pod-is-not-refused", broken_on(">=1.7", "knative/serving #14980, open at 1.23")),
        claim("failures-only-while-not-listening", holds_on(">=1.7", "a request that hangs fails when the process ends")),
        claim("container-restarts-once", holds_on(">=1.7", "the kubelet restarts a container whose liveness probe failed")),
        within("failed-requests", 96, 240, PREDICTED, "refused-dial", versions=">=1.7"),
        within("failed-requests", 50, 140, PREDICTED, "reset-in-flight", versions=">=1.7"),
        within("other-failures", 0, 5, PREDICTED, "refused-dial", "reset-in-flight", versions=">=1.7"),
    ),
    cycles=3,
)

S24B = replace(
    S1,
    name="S24B",
    title="Every process of the container stopped under load, with a liveness probe",
    # Stopped processes do not end before the grace is over, which is timeoutSeconds (300 s by default), and all requests wait.
    service=replace(S1.service, timeout_s=10),
    fault=FaultSpec("freeze"),
    load=LoadPlan(rate_rps=20.0),
    # A stopped process keeps its listener and reports no end of it: its sockets show it.
    claims=(
        broken("requests-do-not-fail", "nobody answers until the kubelet has killed the container and the new one listens"),
        claim("ready-pod-is-not-refused", broken_on(">=1.7", "knative/serving #14980, open at 1.23")),
        broken("failures-only-while-not-listening", "the kernel accepts for stopped processes, and nobody answers"),
        claim("container-restarts-once", holds_on(">=1.7", "the kubelet restarts a container whose liveness probe failed")),
        within("failed-requests", 100, 900, PREDICTED, versions=">=1.7"),
        within("other-failures", 0, 0, PREDICTED, "activator", "reset-in-flight", "refused-dial", "timeout", versions=">=1.7"),
        within("refused-window", 4.9, 13, PREDICTED, versions=">=1.7"),
    ),
    cycles=3,
)
