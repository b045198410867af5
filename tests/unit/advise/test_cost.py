"""What a restart costs a whole Service: its probes read from the manifest, its pods and its load."""

from __future__ import annotations

import pytest

from tests.unit.advise.kit import HTTP, LIVENESS, ONE_POD, READINESS, STARTUP, advised, service

MIN, TBC = "autoscaling.knative.dev/min-scale", "autoscaling.knative.dev/target-burst-capacity"

HEADERS = [{"name": "a", "value": "b"}]


def test_pods_share_the_requests() -> None:
    """S12: a third each without the activator; with it at most all."""
    one = advised(service({"livenessProbe": LIVENESS}, notes=ONE_POD), boot_s=5.05).cost
    direct = advised(service({"livenessProbe": LIVENESS}, notes={MIN: "3", TBC: "0"}), boot_s=5.05).cost
    through = advised(service({"livenessProbe": LIVENESS}, notes={MIN: "3"}), boot_s=5.05).cost
    assert one is not None and direct is not None and through is not None
    assert within((262, 276), one.requests.number)
    assert within((87, 91), direct.requests.number)
    assert (through.requests.number[0], through.requests.number[1]) == (direct.requests.number[0], one.requests.number[1])


def test_other_pods_take_what_a_pod_that_is_out_would_keep_waiting() -> None:
    """Where the activator is not on the way."""
    probes = {"livenessProbe": LIVENESS, "readinessProbe": READINESS}
    direct = advised(service(probes, notes={MIN: "3", TBC: "0"}), boot_s=5).cost
    through = advised(service(probes, notes={MIN: "3"}), boot_s=5).cost
    assert direct is not None and through is not None and through.waits is not None
    assert direct.waits is None
    assert through.waits.seconds == (7.15, 10.45)


def within(inner: tuple[float, float], outer: tuple[float, float]) -> bool:
    """Whether one interval lies in the other."""
    return outer[0] <= inner[0] and inner[1] <= outer[1]


@pytest.mark.parametrize(
    ("probes", "refused"),
    [
        ({}, (0.15, 0.7)),
        ({"readinessProbe": {**HTTP, "periodSeconds": 10}}, (0.15, 0.7)),
        ({"readinessProbe": READINESS}, (0, 0)),
        ({"readinessProbe": {**READINESS, "httpGet": {"path": "/healthz", "httpHeaders": HEADERS}}}, (0, 0.1)),
        ({"readinessProbe": {**READINESS, "httpGet": {"path": "/healthz", "port": 8081}}}, (0, 0.1)),
        ({"readinessProbe": {"tcpSocket": {}, "periodSeconds": 1, "failureThreshold": 1}}, (0, 0.1)),
        ({"startupProbe": STARTUP}, (0.15, 0.7)),
    ],
)
def test_the_probes_are_read_from_the_manifest(probes: dict[str, object], refused: tuple[float, float]) -> None:
    """Another header, port or kind of probe is another check: it begins to fail at the kill."""
    cost = advised(service({"livenessProbe": LIVENESS, **probes})).cost
    assert cost is not None
    assert cost.refused.seconds == refused


def test_where_only_liveness_fails_readiness_of_the_same_check_begins_to_fail_at_the_kill() -> None:
    """As under the fault of --verify, which the app does not notice."""
    cost = advised(service({"livenessProbe": LIVENESS, "readinessProbe": READINESS}), only_liveness_fails=True).cost
    assert cost is not None
    assert cost.refused.seconds == (0, 0.1)
