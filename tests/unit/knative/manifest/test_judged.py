"""Who refuses a Service, on which version; and what becomes of its probes."""

from __future__ import annotations

from typing import Any

import pytest

from harness.knative.manifest.judged import judged, judged_deployment
from harness.knative.manifest.places import By, Obj
from harness.knative.manifest.rendering import Rendered
from harness.knative.manifest.settings import NEWEST, Settings, nearest
from harness.model import KnativeVersion

AT = "spec.template.spec.containers[0]"


def service(*containers: Obj, notes: Obj | None = None, **pod: Any) -> Obj:
    """A Service of these containers."""
    return {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": {"name": "shop"},
        "spec": {
            "template": {
                "metadata": {"annotations": notes or {}},
                "spec": {"containers": [{"image": "own:1", **one} for one in containers], **pod},
            }
        },
    }


def on(version: str, *, probing: bool = False) -> Settings:
    """A release of this version."""
    return Settings(KnativeVersion.parse(version), probing=probing)


def refused(manifest: Obj, settings: Settings) -> list[tuple[By, str]]:
    """Who refuses it, and the place."""
    return [(one.by, one.what.split(" ")[0].rstrip(":")) for one in judged(manifest, settings).problems]


def rendered(manifest: Obj, settings: Settings) -> Rendered:
    """The pods of a Service that is accepted."""
    answer = judged(manifest, settings)
    assert answer.rendered is not None, answer.problems
    return answer.rendered


HTTP = {"httpGet": {"path": "/healthz"}}


@pytest.mark.parametrize(
    ("container", "version", "by", "place"),
    [
        ({"livenessProbe": {**HTTP, "failureTreshold": 1}}, "1.23", By.SCHEMA, f"{AT}.livenessProbe.failureTreshold"),
        ({"startupProbe": HTTP}, "1.14", By.SCHEMA, f"{AT}.startupProbe"),
        ({"startupProbe": HTTP}, "1.15", By.DEPLOYMENT, f"{AT}.startupProbe.httpGet.port"),
        ({"startupProbe": HTTP}, "1.23", By.DEPLOYMENT, f"{AT}.startupProbe.httpGet.port"),
        ({"startupProbe": {"periodSeconds": 1}}, "1.22", By.DEPLOYMENT, f"{AT}.startupProbe"),
        ({"startupProbe": {"periodSeconds": 1}}, "1.23", By.WEBHOOK, f"{AT}.startupProbe"),
        ({"livenessProbe": {"grpc": {}}}, "1.11", By.SCHEMA, f"{AT}.livenessProbe.grpc"),
        ({"livenessProbe": {"grpc": {}}}, "1.12", By.DEPLOYMENT, f"{AT}.livenessProbe.grpc.port"),
        ({"livenessProbe": {**HTTP, "tcpSocket": {}}}, "1.1", By.WEBHOOK, f"{AT}.livenessProbe"),
        ({"livenessProbe": {"httpGet": {"port": 8081}}}, "1.2", By.WEBHOOK, f"{AT}.livenessProbe.httpGet.port"),
        ({"livenessProbe": {"httpGet": {"port": "metrics"}}}, "1.23", By.WEBHOOK, f"{AT}.livenessProbe.httpGet.port"),
        ({"livenessProbe": {**HTTP, "successThreshold": 2}}, "1.23", By.DEPLOYMENT, f"{AT}.livenessProbe.successThreshold"),
        ({"readinessProbe": {"exec": {"command": []}}}, "1.23", By.DEPLOYMENT, f"{AT}.readinessProbe.exec"),
        ({"ports": [{"containerPort": 8012}]}, "1.23", By.WEBHOOK, f"{AT}.ports[0].containerPort"),
        ({"ports": [{"name": "http", "containerPort": 80}]}, "1.23", By.WEBHOOK, f"{AT}.ports[0].name"),
        ({"readinessProbe": {**HTTP, "failureThreshold": 1}}, "1.23", By.WEBHOOK, f"{AT}.readinessProbe.failureThreshold"),
        ({"env": [{"name": "PORT", "value": "1"}]}, "1.23", By.WEBHOOK, f"{AT}.env[0].name"),
    ],
)
def test_who_refuses_it(container: Obj, version: str, by: By, place: str) -> None:
    """The step and the place; versions differ."""
    assert refused(service(container), on(version)) == [(by, place)]


def test_annotations_are_checked_in_both_spellings_and_the_hyphenated_one_wins() -> None:
    """An older spelling beside it is not looked at."""
    group = "autoscaling.knative.dev"
    assert refused(service({}, notes={f"{group}/minScale": "x"}), on("1.23"))
    assert not refused(service({}, notes={f"{group}/min-scale": "1", f"{group}/minScale": "x"}), on("1.23"))
    assert refused(service({}, notes={f"{group}/min-scale": "3", f"{group}/maxScale": "2"}), on("1.23"))


def test_an_initial_scale_of_zero_needs_its_permission() -> None:
    """Which a run gives, and a release does not."""
    manifest = service({}, notes={"autoscaling.knative.dev/initial-scale": "0"})
    assert refused(manifest, on("1.23"))
    assert rendered(manifest, Settings(NEWEST, from_zero=True)).replicas == 0


def test_a_deadline_of_zero_passes_the_webhook_and_is_refused_as_a_deployment() -> None:
    """Found by the judge: the annotation counts as there although it says nothing."""
    for text in ("", "0s"):
        manifest = service({}, notes={"serving.knative.dev/progress-deadline": text})
        assert [one.by for one in judged(manifest, on("1.23")).problems] == [By.DEPLOYMENT]
    assert not refused(service({}, notes={"serving.knative.dev/progress-deadline": ""}), on("1.3"))


def test_readiness_moves_to_queue_proxy_but_for_exec() -> None:
    """Queue-proxy's own readiness has its timing; what it asks then is the probe over loopback."""
    made = rendered(service({"readinessProbe": {**HTTP, "periodSeconds": 2}}), on("1.23"))
    user, queue_proxy = made.pod["containers"]
    assert "readinessProbe" not in user
    assert queue_proxy["readinessProbe"]["periodSeconds"] == 2
    assert queue_proxy["readinessProbe"]["httpGet"]["port"] == 8012
    ((_, asked),) = made.asked
    assert asked["httpGet"] == {"path": "/healthz", "host": "127.0.0.1", "port": 8080, "scheme": "HTTP"}
    made = rendered(service({"readinessProbe": {"exec": {"command": ["true"]}}}), on("1.23"))
    assert made.pod["containers"][0]["readinessProbe"]["exec"] == {"command": ["true"]}
    ((_, asked),) = made.asked
    assert asked["tcpSocket"] == {"host": "127.0.0.1", "port": 8080}


@pytest.mark.parametrize(
    ("version", "probing", "port"),
    [("1.1", False, 8012), ("1.3", False, 8080), ("1.21", True, 8080), ("1.22", False, 8080), ("1.22", True, 8081)],
)
def test_liveness_is_asked_at_the_served_port(version: str, probing: bool, port: int) -> None:
    """On 1.1 at queue-proxy's; with multi-container-probing since 1.22 where it was written."""
    written = {"httpGet": {"path": "/h", **({"port": 8081} if version != "1.1" else {})}}
    made = rendered(service({"livenessProbe": written}), on(version, probing=probing))
    assert made.pod["containers"][0]["livenessProbe"]["httpGet"]["port"] == port


def test_the_readiness_port_is_honoured_since_1_3() -> None:
    """Before, the served port took its place."""
    manifest = service({"readinessProbe": {"tcpSocket": {"port": 9999}}})
    assert rendered(manifest, on("1.3")).asked[0][1]["tcpSocket"]["port"] == 9999
    assert [by for by, _ in refused(manifest, on("1.2"))] == [By.WEBHOOK]


SIDE = {"name": "side", "readinessProbe": {"exec": {"command": ["true"]}}}
MAIN = {"name": "main", "ports": [{"containerPort": 8080}]}


def test_a_sidecars_probe_needs_the_feature() -> None:
    """And its exec readiness is asked by nobody who routes: since 1.18 queue-proxy skips it, before the Deployment is not made."""
    both = service(MAIN, SIDE)
    assert refused(both, on("1.23")) == [(By.WEBHOOK, "spec.template.spec.containers[1].readinessProbe")]
    assert refused(both, on("1.13", probing=True))[0][0] is By.WEBHOOK
    assert [by for by, _ in refused(both, on("1.17", probing=True))] == [By.DEPLOYMENT]
    assert len(rendered(both, on("1.18", probing=True)).asked) == 1
    tcp = service(MAIN, {**SIDE, "readinessProbe": {"tcpSocket": {"port": 9000}}})
    assert [index for index, _ in rendered(tcp, on("1.14", probing=True)).asked] == [0, 1]


def test_a_deployment_is_checked_as_kubernetes_does() -> None:
    """Nobody fills in a port there."""
    template = {"spec": {"containers": [{"name": "a", "image": "own:1", "livenessProbe": HTTP}]}}
    manifest = {"metadata": {"name": "a"}, "spec": {"selector": {}, "template": template}}
    (problem,) = judged_deployment(manifest, on("1.23")).problems
    assert (problem.by, problem.what.split(" ")[0]) == (By.DEPLOYMENT, f"{AT}.livenessProbe.httpGet.port")


def test_a_version_whose_rules_are_not_known_has_a_nearest_one() -> None:
    """The oldest or the newest."""
    assert [nearest(KnativeVersion.parse(text)).minor_text for text in ("0.26", "1.0", "1.7.2", "1.30")] == [
        "1.1",
        "1.1",
        "1.7",
        "1.23",
    ]
