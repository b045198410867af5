"""What Knative takes for a probe."""

from __future__ import annotations

import pytest

from harness.knative.probes import HttpAsked, asked_over_http, is_probe_header


@pytest.mark.parametrize(
    ("name", "value", "probe"),
    [
        ("K-Network-Probe", "queue", True),
        ("K-Kubelet-Probe", "", True),
        ("Knative-Ingress-Probe", "a", False),
        ("User-Agent", "kube-probe/1.34", True),
        ("User-Agent", "Knative-Activator-Probe", True),
        ("User-Agent", "Knative-Autoscaling-Probe", True),
        ("User-Agent", "Knative-Ingress-Probe", False),
        ("User-Agent", "curl/8", False),
        ("X-Knative-Probe", "a", False),
    ],
)
def test_a_probe_is_known_by_its_headers(name: str, value: str, *, probe: bool) -> None:
    """Whatever their case."""
    assert is_probe_header(name, value) is probe
    assert is_probe_header(name.lower(), value.upper()) is probe


QUEUE_PROXY = {
    "name": "queue-proxy",
    "ports": [{"name": "http-queue", "containerPort": 8012}],
    "readinessProbe": {"httpGet": {"path": "/ready", "port": 8012, "httpHeaders": [{"name": "K-Network-Probe", "value": "queue"}]}},
}


def test_a_probe_over_http_is_asked_as_the_kubelet_asks_it() -> None:
    """With the rendered port, path and headers, and a User-Agent that queue-proxy takes for the kubelet's."""
    agent = {"User-Agent": "kube-probe/knative-chaos"}
    assert asked_over_http(QUEUE_PROXY, "readiness") == HttpAsked(8012, "/ready", {**agent, "K-Network-Probe": "queue"})
    named = {**QUEUE_PROXY, "readinessProbe": {"httpGet": {"port": "http-queue", "scheme": "HTTP"}}}
    assert asked_over_http(named, "readiness") == HttpAsked(8012, "/", agent)
    assert all(is_probe_header(name, value) for name, value in agent.items())


@pytest.mark.parametrize(
    "probe", [None, {}, {"exec": {"command": ["true"]}}, {"tcpSocket": {"port": 1}}, {"httpGet": {"port": 1, "scheme": "HTTPS"}}]
)
def test_no_probe_over_http_is_not_asked(probe: object) -> None:
    """Nor one over TLS."""
    assert asked_over_http({**QUEUE_PROXY, "readinessProbe": probe}, "readiness") is None
