"""S1: only a liveness probe, and it fails under load (knative/serving #14980)."""

from __future__ import annotations

from harness.catalogue.claims import broken_on, claim, holds_on
from harness.model import AppSpec, FaultSpec, Probe, Scenario, ServiceSpec

S1 = Scenario(
    name="S1",
    title="Liveness probe only, failing under load",
    service=ServiceSpec(
        # The app listens 5 s after its start; the first liveness probe comes after 10 s, or it would be killed before it listens.
        app=AppSpec(startup_delay_s=5.0, sigterm="exit"),
        liveness=Probe(path="/healthz", period_s=1, failure_threshold=3, timeout_s=1, initial_delay_s=10),
    ),
    fault=FaultSpec("liveness"),
    # Older versions have other bugs that keep this one from being seen: from 1.1 to 1.6 queue-proxy never ends its drain after the
    # restart (knative/serving #12571, #12912), up to 1.0.2 the restart itself waits for timeoutSeconds (#5990).
    claims=(
        claim("ready-pod-is-not-refused", broken_on(">=1.7", "knative/serving #14980, open at 1.23")),
        claim("failures-only-while-not-listening", holds_on(">=1.7", "error path of queue-proxy read at knative-v1.23.0")),
        claim("container-restarts-once", holds_on(">=1.7", "the kubelet restarts a container whose liveness probe failed")),
    ),
)
