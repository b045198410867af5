"""What Knative makes of a probe, and how a probe's request is told from a user's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.model import Handler, Probe

DEFAULT_READINESS = Probe(Handler.TCP, period_s=10)
"""Knative's own for a Service that names none: queue-proxy connects to the port when the kubelet asks it, every 10 s."""

KUBELET_AGENT = "kube-probe/"
"""How the User-Agent of the kubelet's probes begins; queue-proxy forwards it."""

KNATIVE_AGENT = "Knative-"
"""How the User-Agent of Knative's own probes begins (`Knative-Ingress-Probe`, `Knative-Activator-Probe` and others)."""

_PROBE_HEADERS = frozenset({"k-network-probe", "k-kubelet-probe"})
"""Taken for a probe whatever their value, by the activator's and the ingress's probe handlers and queue-proxy's drainer.

Source: knative.dev/networking pkg/http/header and pkg/http/probe, knative.dev/pkg network/handlers/drain.go.
"""

_PROBERS = (KUBELET_AGENT, "knative-activator-probe", "knative-autoscaling-probe")
"""How a User-Agent begins that queue-proxy answers, in lower case: the kubelet's, and HealthCheckUAPrefixes of Serving's
pkg/queue/sharedmain/handlers.go, since 1.6. `Knative-Ingress-Probe` and `Knative-Queue-Proxy-Probe` are only names."""

_ROUTING_HEADERS = frozenset(
    {
        "k-network-hash",  # "override" is matched by a route of its own in the ingress
        "k-original-host",  # the host for which queue-proxy asks the app
        "k-passthrough-lb",  # an ingress sends to the pod that the host names
        "k-proxy-request",  # queue-proxy takes it for the activator's word, and counts the request otherwise
        "knative-serving-namespace",  # with the next one: the revision to which the activator sends
        "knative-serving-revision",
    }
)

_ENVOY = "x-envoy-"
"""Retries, timeouts and hedging as the request asks for them: Kourier lets these headers in from outside."""


DRAINS = "shutting down"
"""The body of queue-proxy's 503 to a probe while it drains; it does not ask the app then. Its 503 for an app that is not ready has
no body. Source: knative.dev/pkg network/handlers/drain.go and Serving's pkg/queue/health/handler.go, v0.28.0."""


@dataclass(frozen=True, slots=True)
class HttpAsked:
    """A request of the kubelet's for an HTTP probe. path: with its slash. headers: with the User-Agent."""

    port: int
    path: str
    headers: Mapping[str, str]


def asked_over_http(container: Mapping[str, Any], which: str) -> HttpAsked | None:
    """What the kubelet asks for a container's probe, of its entry in a pod's spec; None for no probe, or none over plain HTTP.

    which: "liveness", "readiness" or "startup". The User-Agent begins as the kubelet's: queue-proxy takes the request for a probe.
    """
    get = (container.get(f"{which}Probe") or {}).get("httpGet")
    if not get or get.get("scheme", "HTTP") != "HTTP":
        return None
    headers = {str(one.get("name")): str(one.get("value") or "") for one in get.get("httpHeaders") or []}
    path = str(get.get("path") or "/")
    return HttpAsked(probed_port(container, which), path, {"User-Agent": f"{KUBELET_AGENT}knative-chaos", **headers})


def probed_port(container: Mapping[str, Any], which: str) -> int:
    """The port that a container's probe asks, of its entry in a pod's spec. which: "liveness", "readiness" or "startup".

    A name stands for the port of the container that is called so. Raises ValueError, in words, where no port is asked.
    """
    probe = container.get(f"{which}Probe") or {}
    asked = next((probe[handler].get("port") for handler in ("httpGet", "tcpSocket", "grpc") if probe.get(handler)), None)
    if isinstance(asked, str) and not asked.isdecimal():
        named = {one.get("name"): one.get("containerPort") for one in container.get("ports") or []}
        asked = named.get(asked)
    if not asked:
        raise ValueError(f"the container {container.get('name')} has no {which} probe of a port")
    return int(asked)


def is_probe_header(name: str, value: str) -> bool:
    """Whether Knative takes a request with this header for a probe, and may answer it before it comes to the app."""
    lower = name.lower()
    return lower in _PROBE_HEADERS or (lower == "user-agent" and value.lower().startswith(_PROBERS))


def is_routing_header(name: str) -> bool:
    """Whether Knative's parts and its ingress tell each other by this header where, or how often, a request goes.

    Not `Knative-Serving-Tag`: it chooses a revision only with the feature tag-header-based-routing, which the harness leaves off.
    """
    return name.lower() in _ROUTING_HEADERS or name.lower().startswith(_ENVOY)
