"""S31: S1 with an exec readiness probe, which stays with the kubelet and so is reset by the restart."""

from __future__ import annotations

from dataclasses import replace

from harness.catalogue.claims import broken_on, claim, holds_on
from harness.catalogue.s1 import S1
from harness.model import Handler, Probe

S31 = replace(
    S1,
    name="S31",
    title="Liveness probe failing under load, with an exec readiness probe",
    service=S1.service.with_probes(readiness=Probe(Handler.EXEC, path="readiness", period_s=1, failure_threshold=1, timeout_s=5)),
    # Not whether a Ready pod refuses: the pod does not stay Ready, which is what sets it apart from S1.
    claims=(
        claim(
            "pod-stays-ready", broken_on(">=1.7", "the kubelet asks an exec readiness probe itself, and forgets it at a restart")
        ),
        claim("failures-only-while-not-listening", holds_on(">=1.7", "error path of queue-proxy read at knative-v1.23.0")),
        claim("container-restarts-once", holds_on(">=1.7", "the kubelet restarts a container whose liveness probe failed")),
    ),
    cycles=3,
)
