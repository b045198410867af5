"""What Knative takes for a probe."""

from __future__ import annotations

import pytest

from harness.knative.probes import is_probe_header


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
