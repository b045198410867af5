"""S29: queue-proxy is ended by SIGKILL: the app runs on, and nobody forwards to it."""

from __future__ import annotations

from dataclasses import replace

from harness.catalogue.claims import PREDICTED, broken, within
from harness.catalogue.s1 import S1
from harness.model import FaultSpec

S29 = replace(
    S1,
    name="S29",
    title="Queue-proxy is ended by SIGKILL under load",
    fault=FaultSpec("kill", role="queue-proxy"),
    claims=(
        broken("requests-do-not-fail", "queue-proxy's port is closed until its next container listens"),
        broken("pod-stays-ready", "the kubelet publishes that queue-proxy's container is not running"),
        broken("failures-only-while-not-listening", "the app listens throughout, and nobody forwards to it"),
        within("failed-requests", 1, 240, PREDICTED),
    ),
    cycles=3,
)
