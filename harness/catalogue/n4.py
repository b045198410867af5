"""N4: a plain Deployment, with probes as written (A: S1, C: S12), and with the readiness probe that Knative would add (B, D)."""

from __future__ import annotations

from dataclasses import replace

from harness.catalogue.claims import PREDICTED, broken, holds, within
from harness.catalogue.s1 import S1
from harness.catalogue.s12 import S12
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

N4C = replace(
    N4A,
    name="N4C",
    title="S12 on a plain Deployment, probes as written",
    service=replace(S12.service, target_burst_capacity=None),
    # Not where they fail: with three pods behind one address nobody can tell which of them refused a connection.
    claims=(
        broken("requests-do-not-fail", "without a readiness probe the pod is Ready as soon as its container runs"),
        holds("container-restarts-once", LIVENESS),
        within("failed-requests", 40, 190, PREDICTED, "direct"),
        within("other-failures", 0, 0, PREDICTED, "direct"),
        within("refused-window", 2.2, 11, PREDICTED),
        within("slowest-answer", 0, 2, PREDICTED),
    ),
)

N4D = replace(
    N4C,
    name="N4D",
    title="S12 on a plain Deployment, with the kubelet's TCP readiness probe of periodSeconds 10 and failureThreshold 3",
    kubelet_readiness=True,
    claims=(
        broken("requests-do-not-fail", "the pod refuses connections until it has left the Service"),
        broken("pod-stays-ready", "the kubelet forgets at a restart that the container was ready"),
        holds("container-restarts-once", LIVENESS),
        within("failed-requests", 1, 60, PREDICTED, "direct"),
        within("other-failures", 0, 0, PREDICTED, "direct"),
        within("refused-window", 0, 4, PREDICTED),
        within("slowest-answer", 0, 2, PREDICTED),
    ),
)
