"""The relative phase of the kubelet's probes: it decides whether a pod is out of service before its container is stopped.

The kubelet asks each probe by a ticker of its own. Both tickers start when the pod is added. While the container is not ready, each
update of the pod's status makes the readiness worker ask at once and starts its ticker anew (pkg/kubelet/prober/worker.go, read at
v1.34.4), and so the phase differs from pod to pod.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import gcd

from harness.apps.toggle import AppEvent
from harness.apps.toggle_probes import hits
from harness.knative.roles import asked_readiness
from harness.knative.times import SECOND_NS
from harness.model import ServiceSpec


def probe_phase_s(service: ServiceSpec, told: Sequence[AppEvent], boot: str, fault_ns: int) -> float | None:
    """How long after a liveness probe the readiness probe comes, in seconds, from 0 to less than their common period.

    By the probes that reached this boot of the app: the first of each after the fault, which decide, else the last ones before it.
    The readiness probe comes through queue-proxy, some milliseconds after the kubelet asked. None: one of them was not seen.
    """
    readiness, liveness = asked_readiness(service), service.liveness
    if readiness is None or liveness is None:
        return None
    asked = {which: [hit.t_ns for hit in hits(which, service, told) if hit.boot == boot] for which in ("liveness", "readiness")}
    after = {which: [at_ns for at_ns in found if at_ns >= fault_ns] for which, found in asked.items()}
    if all(after.values()):
        first = {which: found[0] for which, found in after.items()}
    elif all(asked.values()):
        first = {which: found[-1] for which, found in asked.items()}
    else:
        return None
    period_ns = gcd(max(liveness.period_s, 1), max(readiness.period_s, 1)) * SECOND_NS
    return (first["readiness"] - first["liveness"]) % period_ns / SECOND_NS
