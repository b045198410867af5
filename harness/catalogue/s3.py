"""S3: S1 with an app that needs 60 s to listen: long enough for queue-proxy's readiness probe to take the pod out of service."""

from __future__ import annotations

from dataclasses import replace

from harness.catalogue.claims import PREDICTED, broken_on, claim, holds_on, within
from harness.catalogue.s1 import S1
from harness.model import AppSpec, LoadPlan, Probe

S3 = replace(
    S1,
    name="S3",
    title="Liveness probe only, failing under load in an app that listens after 60 s",
    service=replace(S1.service, app=AppSpec(startup_delay_s=60.0)).with_probes(
        liveness=Probe(path="/healthz", period_s=1, failure_threshold=3, timeout_s=1, initial_delay_s=65)
    ),
    # 20 rps for the 40 s in which requests wait are 800 at once. A request may wait for longer than the usual deadline of 40 s.
    load=LoadPlan(rate_rps=20.0, deadline_s=70.0),
    recovery_s=150.0,
    # Not whether a Ready pod refuses: it is Ready while requests are refused, and not Ready afterwards.
    claims=(
        claim("requests-do-not-fail", broken_on(">=1.7", "knative/serving #14980, open at 1.23")),
        claim("pod-stays-ready", broken_on(">=1.7", "three readiness probes 10 s apart fail (revision_defaults.go, deploy.go)")),
        claim("container-restarts-once", holds_on(">=1.7", "the kubelet restarts a container whose liveness probe failed")),
        within("failed-requests", 360, 680, PREDICTED, "refused-dial", versions=">=1.7"),
        within("failed-requests", 0, 100, PREDICTED, "activator", versions=">=1.7"),
        within("other-failures", 0, 10, PREDICTED, "refused-dial", "activator", versions=">=1.7"),
        within("refused-window", 18, 34, PREDICTED, versions=">=1.7"),
        within("slowest-answer", 26, 50, PREDICTED, versions=">=1.7"),
    ),
    cycles=3,
)
