"""N4: S1 on a plain Deployment: probes as written (A), and with a readiness probe as Knative would have added it (B)."""

from __future__ import annotations

from dataclasses import replace

from harness.catalogue.claims import PREDICTED, broken, holds, within
from harness.catalogue.s1 import S1
from harness.model import Lane, LoadPlan, WorkloadKind

LIVENESS = "the kubelet restarts a container whose liveness probe failed"

N4A = replace(
    S1,
    name="N4A",
    title="S1 on a plain Deployment, probes as written",
    workload=WorkloadKind.DEPLOYMENT,
    # One connection a request, or the connections of before would go on to a pod that Kubernetes has left out.
    load=LoadPlan(lanes=((Lane.GET_NEW, 1),)),
    claims=(
        broken("requests-do-not-fail", "without a readiness probe the pod is Ready as soon as its container runs"),
        holds("failures-only-while-not-listening", "nothing is on the way but the node's own forwarding"),
        holds("container-restarts-once", LIVENESS),
        within("failed-requests", 200, 550, PREDICTED, "direct"),
        within("other-failures", 0, 0, PREDICTED, "direct"),
        within("refused-window", 4.5, 11, PREDICTED),
    ),
    cycles=3,
)

N4B = replace(
    N4A,
    name="N4B",
    title="S1 on a plain Deployment, with the kubelet's TCP readiness probe of periodSeconds 10 and failureThreshold 3",
    kubelet_readiness=True,
    # Not that requests fail only while nobody listens: after that they fail until the kubelet's next readiness probe.
    claims=(
        broken("requests-do-not-fail", "the only pod is out of service from its restart to its next good readiness probe"),
        broken("pod-stays-ready", "the kubelet forgets at a restart that the container was ready"),
        holds("container-restarts-once", LIVENESS),
        within("failed-requests", 5, 550, PREDICTED, "direct"),
        within("other-failures", 0, 0, PREDICTED, "direct"),
        within("refused-window", 5, 30, PREDICTED),
        within("slowest-answer", 1, 40, PREDICTED),
    ),
)
