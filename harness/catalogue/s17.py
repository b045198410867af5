"""S17: the app ignores SIGTERM, and lives until the grace is over: with its listener (A), or without (B)."""

from __future__ import annotations

from dataclasses import replace

from harness.catalogue.claims import PREDICTED, broken_on, claim, holds_on, within
from harness.catalogue.s1 import S1
from harness.model import AppSpec

BUG = "knative/serving #14980, open at 1.23"
RESTARTS = claim("container-restarts-once", holds_on(">=1.7", "the kubelet restarts a container whose liveness probe failed"))

S17A = replace(
    S1,
    name="S17A",
    title="Liveness failing under load in an app that ignores SIGTERM and keeps its listener",
    # timeoutSeconds is the grace between SIGTERM and SIGKILL, too: 300 s by default.
    service=replace(S1.service, app=AppSpec(startup_delay_s=5.0, sigterm="ignore"), timeout_s=10),
    # A process that gets SIGKILL reports no end of its listener: its sockets show it. The refused window says that nothing fails in
    # the grace: with it the window would be 9 s longer.
    claims=(
        claim("ready-pod-is-not-refused", broken_on(">=1.7", BUG)),
        claim("failures-only-while-not-listening", holds_on(">=1.7", "the kernel closes the listener with the process")),
        RESTARTS,
        within("failed-requests", 240, 550, PREDICTED, "refused-dial", versions=">=1.7"),
        within("other-failures", 0, 10, PREDICTED, "refused-dial", versions=">=1.7"),
        within("refused-window", 4.9, 11, PREDICTED, versions=">=1.7"),
    ),
    cycles=3,
)

S17B = replace(
    S17A,
    name="S17B",
    title="Liveness failing under load in an app that closes its listener on SIGTERM and lives on",
    service=replace(S17A.service, app=AppSpec(startup_delay_s=5.0, sigterm="ignore-close")),
    claims=(
        claim("ready-pod-is-not-refused", broken_on(">=1.7", BUG)),
        claim("failures-only-while-not-listening", holds_on(">=1.7", "error path of queue-proxy read at knative-v1.23.0")),
        RESTARTS,
        # The grace from SIGTERM on is 7 s at least; with its own start the app does not listen for 12 s.
        within("failed-requests", 590, 1450, PREDICTED, "refused-dial", versions=">=1.7"),
        within("other-failures", 0, 10, PREDICTED, "refused-dial", versions=">=1.7"),
        within("refused-window", 12, 29, PREDICTED, versions=">=1.7"),
    ),
)
