"""S10: S1 with a startup probe: the new container is not ready until it has started, and the restart shows in the pod."""

from __future__ import annotations

from dataclasses import replace

from harness.catalogue.claims import PREDICTED, broken_on, claim, holds_on, within
from harness.catalogue.s1 import S1
from harness.model import Probe

S10 = replace(
    S1,
    name="S10",
    title="Liveness probe failing under load, with a startup probe",
    service=S1.service.with_probes(startup=Probe(path="/healthz", period_s=1, failure_threshold=30)),
    # Knative takes startup probes from 1.15 on. Not whether a Ready pod refuses: the pod does not stay Ready, unlike in S1.
    claims=(
        claim(
            "pod-stays-ready", broken_on(">=1.15", "the kubelet calls a container not ready until its startup probe has done well")
        ),
        claim("requests-do-not-fail", broken_on(">=1.15", "requests are refused until the pod has left the endpoints")),
        claim("container-restarts-once", holds_on(">=1.15", "the kubelet restarts a container whose liveness probe failed")),
        within("failed-requests", 5, 180, PREDICTED, "refused-dial", versions=">=1.15"),
        within("failed-requests", 0, 100, PREDICTED, "activator", versions=">=1.15"),
        within("other-failures", 0, 10, PREDICTED, "refused-dial", "activator", versions=">=1.15"),
        within("refused-window", 0.1, 3.6, PREDICTED, versions=">=1.15"),
        within("slowest-answer", 3, 15, PREDICTED, versions=">=1.15"),
    ),
    cycles=3,
)
