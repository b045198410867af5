"""S1: only a liveness probe, and it fails under load (knative/serving #14980)."""

from __future__ import annotations

from harness.catalogue.claims import broken, holds
from harness.model import AppSpec, FaultSpec, Probe, RunSpec, ServiceSpec

S1 = RunSpec(
    scenario="S1",
    title="Liveness probe only, failing under load",
    service=ServiceSpec(
        # The app listens 5 s after its start; the first liveness probe comes after 10 s, or it would be killed before it listens.
        app=AppSpec(startup_delay_s=5.0, sigterm="exit"),
        liveness=Probe(path="/healthz", period_s=1, failure_threshold=3, timeout_s=1, initial_delay_s=10),
    ),
    fault=FaultSpec("liveness"),
    claims=(
        broken("ready-pod-is-not-refused", "knative/serving #14980, open at 1.23"),
        holds("failures-only-while-not-listening", "error path of queue-proxy read at knative-v1.23.0"),
        holds("container-restarts-once", "the kubelet restarts a container whose liveness probe failed"),
    ),
)
