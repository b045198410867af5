"""S24B: every process of the container is stopped: the port accepts, nobody answers, and SIGTERM does not arrive."""

from __future__ import annotations

from dataclasses import replace

from harness.catalogue.claims import PREDICTED, broken, broken_on, claim, holds_on, within
from harness.catalogue.s1 import S1
from harness.model import FaultSpec, LoadPlan

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
