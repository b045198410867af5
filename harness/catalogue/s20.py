"""S20: the app's process exits by itself. S20B: it is ended by SIGKILL."""

from __future__ import annotations

from dataclasses import replace

from harness.catalogue.claims import PREDICTED, broken_on, claim, holds_on, within
from harness.catalogue.s1 import S1
from harness.model import FaultSpec

NUMBERS = (
    # Few where the pod is not Ready for longer than a second.
    within("failed-requests", 1, 600, PREDICTED, "refused-dial", "reset-in-flight", versions=">=1.7"),
    within("failed-requests", 0, 100, PREDICTED, "activator", versions=">=1.7"),
    within("other-failures", 0, 0, PREDICTED, "refused-dial", "reset-in-flight", "activator", versions=">=1.7"),
    within("refused-window", 0, 13, PREDICTED, versions=">=1.7"),
)

S20 = replace(
    S1,
    name="S20",
    title="The process exits under load",
    fault=FaultSpec("exit"),
    # Not whether the pod was Ready: the kubelet may or may not publish that the container was not running for a second.
    claims=(
        claim("requests-do-not-fail", broken_on(">=1.7", "nobody listens until the new container does")),
        claim("failures-only-while-not-listening", holds_on(">=1.7", "error path of queue-proxy read at knative-v1.23.0")),
        claim("container-restarts-once", holds_on(">=1.7", "restartPolicy Always")),
        *NUMBERS,
    ),
    cycles=3,
)

S20B = replace(
    S20,
    name="S20B",
    title="The process is ended by SIGKILL under load",
    fault=FaultSpec("kill"),
    # A process that gets SIGKILL reports no end of its listener: its sockets show it.
    claims=(
        claim("requests-do-not-fail", broken_on(">=1.7", "nobody listens until the new container does")),
        claim("failures-only-while-not-listening", holds_on(">=1.7", "the kernel closes the listener with the process")),
        claim("container-restarts-once", holds_on(">=1.7", "restartPolicy Always")),
        *NUMBERS,
    ),
)
