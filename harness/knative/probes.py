"""What Knative makes of a probe, and how a probe's request is told from a user's."""

from __future__ import annotations

import re

from harness.model import Handler, Probe

DEFAULT_READINESS = Probe(Handler.TCP, period_s=10)
"""Knative's own for a Service that names none: queue-proxy connects to the port when the kubelet asks it, every 10 s."""

KUBELET_AGENT = "kube-probe/"
"""How the User-Agent of the kubelet's probes begins; queue-proxy forwards it."""

KNATIVE_AGENT = "Knative-"
"""How the User-Agent of Knative's own probes begins (`Knative-Ingress-Probe`, `Knative-Activator-Probe` and others)."""

_PROBE_HEADER = re.compile(r"k-network-probe|k-kubelet-probe|knative-.*-probe")


def is_probe_header(name: str, value: str) -> bool:
    """Whether Knative takes a request with this header for a probe, and may answer it before it comes to the app."""
    lower = name.lower()
    return _PROBE_HEADER.fullmatch(lower) is not None or (lower == "user-agent" and value.lower().startswith(KUBELET_AGENT))
