"""Who asks which port how often, and how long it takes until it acts."""

from __future__ import annotations

from typing import Any

import pytest

from harness.knative.manifest.judged import judged
from harness.knative.manifest.plan import Asker, Plan, ProbePlan, plan
from harness.knative.manifest.settings import Settings
from harness.model import KnativeVersion

POD = ("spec", "template", "spec")


def planned(*containers: dict[str, Any], version: str = "1.23", probing: bool = False, **pod: Any) -> Plan:
    """The plan of a Service of these containers."""
    manifest = {
        "metadata": {"name": "shop"},
        "spec": {"template": {"spec": {"containers": [{"image": "own:1", **one} for one in containers], **pod}}},
    }
    settings = Settings(KnativeVersion.parse(version), probing=probing)
    answer = judged(manifest, settings)
    assert answer.service is not None and answer.rendered is not None, answer.problems
    return plan(manifest, answer.service, answer.rendered, settings)


def row(found: Plan, container: str, kind: str, asker: Asker) -> ProbePlan:
    """The one probe of this kind."""
    (one,) = [one for one in found.probes if (one.container, one.kind, one.asker) == (container, kind, asker)]
    return one


HTTP = {"httpGet": {"path": "/healthz"}}


def test_a_service_without_probes_has_knatives_own() -> None:
    """The kubelet asks queue-proxy every 10 s; queue-proxy connects to the port until it succeeds; the activator asks as well."""
    found = planned({})
    assert [(one.container, one.kind, one.asker) for one in found.probes] == [
        ("queue-proxy", "readiness", Asker.KUBELET),
        ("user-container", "readiness", Asker.QUEUE_PROXY),
        ("queue-proxy", "readiness", Asker.ACTIVATOR),
    ]
    kubelet, asked, _activator = found.probes
    assert (kubelet.port.value, kubelet.period_s.value, kubelet.within_s) == (8012, 10, (20, 31))
    assert (asked.way, asked.port.value, asked.period_s.value) == ("TCP", 8080, 0)
    assert "every 50 ms" in asked.often
    assert "no readiness probe is written" in asked.changed[0]


@pytest.mark.parametrize(
    ("probe", "within"),
    [
        ({"periodSeconds": 1}, (2, 4)),
        ({}, (20, 31)),
        ({"periodSeconds": 5, "failureThreshold": 1, "timeoutSeconds": 3}, (0, 8)),
        ({"initialDelaySeconds": 10, "periodSeconds": 2}, (4, 7)),
    ],
)
def test_how_long_liveness_takes(probe: dict[str, int], within: tuple[int, int]) -> None:
    """From just after a good answer, or just before: (threshold - 1) periods at least, threshold periods and a timeout at most."""
    liveness = row(planned({"livenessProbe": {**HTTP, **probe}}), "user-container", "liveness", Asker.KUBELET)
    assert liveness.within_s == within


def test_a_startup_budget_counts_from_the_start() -> None:
    """With its delay."""
    startup = {"httpGet": {"port": 8080}, "periodSeconds": 10, "failureThreshold": 40, "initialDelaySeconds": 5}
    found = row(planned({"startupProbe": startup}), "user-container", "startup", Asker.KUBELET)
    assert found.within_s == (395, 406)


def test_each_value_has_its_place_or_is_a_default() -> None:
    """What the user wrote points at it."""
    liveness = row(planned({"livenessProbe": {**HTTP, "periodSeconds": 2}}), "user-container", "liveness", Asker.KUBELET)
    place = (*POD, "containers", 0, "livenessProbe")
    assert liveness.at == place
    assert liveness.period_s.at == (*place, "periodSeconds")
    assert liveness.target.at == (*place, "httpGet", "path")
    assert (liveness.failure_threshold.value, liveness.failure_threshold.at, liveness.port.at) == (3, None, None)


def test_what_knative_changed_is_told() -> None:
    """A port that it overwrites, and one that it fills in; on old versions a header as well."""
    liveness = {"httpGet": {"path": "/h", "port": 8081}}
    found = row(planned({"livenessProbe": liveness}, version="1.13"), "user-container", "liveness", Asker.KUBELET)
    assert found.port.value == 8080
    assert ["8081 became 8080" in one for one in found.changed] == [True, False]
    assert "K-Kubelet-Probe" in found.changed[1]
    kept = row(planned({"livenessProbe": liveness}, probing=True), "user-container", "liveness", Asker.KUBELET)
    assert (kept.port.value, kept.changed) == (8081, ())


def test_only_a_probe_that_restarts_an_app_which_listens_is_noted() -> None:
    """TCP liveness fails only once the port is closed: #14980 is no note of it."""
    assert any("#14980" in one for one in planned({"livenessProbe": HTTP}).notes)
    assert not any("#14980" in one for one in planned({"livenessProbe": {"tcpSocket": {}}}).notes)


def test_exec_readiness_stays_with_the_kubelet_and_a_port_is_asked_beside_it() -> None:
    """Two rows for one probe."""
    found = planned({"readinessProbe": {"exec": {"command": ["test", "-e", "x"]}, "periodSeconds": 2}})
    assert row(found, "user-container", "readiness", Asker.KUBELET).target.value == "test -e x"
    assert row(found, "user-container", "readiness", Asker.QUEUE_PROXY).way == "TCP"


STARTUP = {"startupProbe": {"httpGet": {"port": 8080}}}
MAIN = {"name": "main", "ports": [{"containerPort": 8080}]}


@pytest.mark.parametrize(
    ("containers", "version", "why"),
    [
        (({},), "1.23", None),
        (({"readinessProbe": HTTP},), "1.23", None),
        (({"readinessProbe": {"exec": {"command": ["true"]}}},), "1.23", "the probe is exec"),
        ((STARTUP,), "1.23", "there is a startup probe"),
        ((STARTUP,), "1.15", "there is a startup probe"),
        ((MAIN, {"name": "side", **STARTUP}), "1.23", "a sidecar has a startup probe"),
        ((MAIN, {"name": "side", **STARTUP}), "1.17", None),
    ],
)
def test_where_the_activator_waits_for_ready(containers: tuple[dict[str, object], ...], version: str, why: str | None) -> None:
    """Where queue-proxy cannot answer for a probe that the kubelet asks."""
    found = row(planned(*containers, version=version, probing=True), "queue-proxy", "readiness", Asker.ACTIVATOR)
    assert found.acts.partition("Ready: ")[2] == (why or "")


def test_a_sidecars_readiness_has_the_served_containers_timing() -> None:
    """Its own has no effect, and that is said."""
    side = {"name": "side", "readinessProbe": {"tcpSocket": {"port": 9000}, "periodSeconds": 1, "failureThreshold": 1}}
    found = planned({"name": "main", "ports": [{"containerPort": 8080}]}, side, probing=True)
    asked = row(found, "side", "readiness", Asker.QUEUE_PROXY)
    assert any("no effect" in one for one in asked.changed)
    assert "every 10 s" in asked.often


def test_grpc_and_h2c() -> None:
    """Queue-proxy is asked at its HTTP/2 port then; an HTTP probe of an h2c port is warned of."""
    ports = [{"name": "h2c", "containerPort": 50051}]
    found = planned({"ports": ports, "readinessProbe": {"grpc": {"service": "greeter"}, "periodSeconds": 5}, "livenessProbe": HTTP})
    asked = row(found, "user-container", "readiness", Asker.QUEUE_PROXY)
    assert (asked.way, asked.port.value, asked.target.value) == ("gRPC", 50051, "greeter")
    assert row(found, "queue-proxy", "readiness", Asker.KUBELET).port.value == 8013
    assert any("HTTP/1.1" in one for one in found.notes)


def test_scale_and_timeouts_with_their_defaults() -> None:
    """By name; what the version fills in is a default."""
    values = dict(planned({}, containerConcurrency=5, timeoutSeconds=400).values)
    assert (values["containerConcurrency"].value, values["timeoutSeconds"].value) == (5, 400)
    assert (values["min-scale"].value, values["min-scale"].at, values["target-burst-capacity"].value) == ("0", None, "211")
    assert values["responseStartTimeoutSeconds"].value == "300"
    assert dict(planned({}, version="1.6").values).keys().isdisjoint({"responseStartTimeoutSeconds", "idleTimeoutSeconds"})
