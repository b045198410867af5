"""Workloads as documents: from a spec, from a user's manifest, and the plain Deployment of either."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.catalogue import N1, S1
from harness.deploy import knative_service, plain_deployment, require_possible, spec_of, workload_for, workload_of
from harness.deploy.workload import applied, objects_of
from harness.errors import BadInput
from harness.model import AppSpec, Handler, Lane, LoadPlan, Probe, ServiceSpec, Workload, WorkloadKind
from tests.unit.deploy.test_manifest import GOOD

SPEC = ServiceSpec(
    app=AppSpec(startup_delay_s=2),
    liveness=Probe(initial_delay_s=10),
    startup=Probe(handler=Handler.TCP),
    min_scale=3,
    timeout_s=10,
)


def test_a_spec_is_its_documents_and_back() -> None:
    """The short way of writing says nothing that the documents do not."""
    workload = knative_service(SPEC)
    assert workload.kind is WorkloadKind.KNATIVE_SERVICE
    assert spec_of(workload, base=ServiceSpec()) == replace(SPEC, startup=replace(SPEC.startup or Probe(), path="/"))


def test_documents_hold_nothing_of_one_run() -> None:
    """No namespace, no label, no token; and what is applied has them all."""
    workload = knative_service(SPEC)
    for text in ("namespace", "knative-chaos.dev/run", "TOGGLE_TOKEN", "dev.local"):
        assert text not in workload.documents
    (obj,) = applied(workload, namespace="ns", images={"toggle": "dev.local/toggle:1"}, token="secret", run_id="r1")
    for text in ("'namespace': 'ns'", "'knative-chaos.dev/run': 'r1'", "'value': 'secret'", "dev.local/toggle:1"):
        assert text in str(obj)


def test_a_users_manifest_is_kept_as_written() -> None:
    """With its comments."""
    text = GOOD + "# why\n"
    assert workload_of(text).documents == text
    with pytest.raises(BadInput, match="no Knative Service"):
        workload_of("a: 1")


def test_a_plain_deployment_is_written_whole() -> None:
    """Pinned in full: what is applied decides what is measured."""
    deployment, service = objects_of(plain_deployment(knative_service(SPEC)))
    assert deployment == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "toggle"},
        "spec": {
            "replicas": 3,
            "selector": {"matchLabels": {"app": "toggle"}},
            "template": {
                "metadata": {"labels": {"app": "toggle"}},
                "spec": {
                    "containers": [
                        {
                            "image": "toggle",
                            "ports": [{"containerPort": 8080}],
                            "env": [
                                {"name": "TOGGLE_STARTUP_DELAY", "value": "2"},
                                {"name": "TOGGLE_SIGTERM", "value": "exit"},
                                {"name": "PORT", "value": "8080"},
                            ],
                            "resources": {"requests": {"cpu": "50m"}},
                            "livenessProbe": {
                                "httpGet": {"path": "/healthz", "port": 8080},
                                "periodSeconds": 1,
                                "failureThreshold": 3,
                                "timeoutSeconds": 1,
                                "initialDelaySeconds": 10,
                            },
                            "startupProbe": {
                                "tcpSocket": {"port": 8080},
                                "periodSeconds": 1,
                                "failureThreshold": 3,
                                "timeoutSeconds": 1,
                            },
                            "name": "user-container",
                        }
                    ],
                    "terminationGracePeriodSeconds": 10,
                },
            },
        },
    }
    assert service == {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "toggle"},
        "spec": {
            "type": "NodePort",
            "selector": {"app": "toggle"},
            "ports": [{"name": "http", "port": 80, "targetPort": 8080, "nodePort": 31082}],
        },
    }


def test_a_users_service_becomes_a_deployment_too() -> None:
    """Its port, name, other containers and annotations stay; those of Knative, and the ports it would fill in, do not."""
    text = GOOD.replace(
        "    spec:\n", "    metadata: {annotations: {autoscaling.knative.dev/min-scale: '2', mine: a}}\n    spec:\n", 1
    )
    text += "      - image: side:1\n        readinessProbe: {grpc: {port: 7}}\n      containerConcurrency: 5\n"
    deployment, service = objects_of(plain_deployment(Workload(WorkloadKind.KNATIVE_SERVICE, text)))
    template = deployment["spec"]["template"]
    served, side = template["spec"]["containers"]
    assert (deployment["metadata"]["name"], deployment["spec"]["replicas"]) == ("mine", 2)
    assert template["metadata"]["annotations"] == {"mine": "a"}
    assert (served["name"], side["name"]) == ("user-container", "user-container-1")
    assert served["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": 9000}
    assert side["readinessProbe"]["grpc"] == {"port": 7}
    assert {"name": "PORT", "value": "9000"} in served["env"]
    assert template["spec"]["terminationGracePeriodSeconds"] == 300
    assert "containerConcurrency" not in template["spec"]
    assert service["spec"]["ports"][0]["targetPort"] == 9000


def test_the_kubelets_readiness_is_added_when_asked_for() -> None:
    """As Knative's in timing, and never beside one that is written."""
    (deployment, _) = objects_of(plain_deployment(knative_service(SPEC), kubelet_readiness=True))
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert container["readinessProbe"] == {
        "tcpSocket": {"port": 8080},
        "periodSeconds": 10,
        "failureThreshold": 3,
        "timeoutSeconds": 1,
    }
    with pytest.raises(BadInput, match="readiness probe of its own"):
        plain_deployment(knative_service(replace(SPEC, readiness=Probe())), kubelet_readiness=True)


def test_a_deployment_cannot_begin_without_a_pod() -> None:
    """Refused beforehand."""
    with pytest.raises(BadInput, match="cannot begin with zero pods"):
        plain_deployment(knative_service(replace(SPEC, min_scale=0, initial_scale=0)))


def test_a_deployment_is_described_too() -> None:
    """Probes, scale and grace are read back from it."""
    seen = spec_of(plain_deployment(knative_service(SPEC)), base=ServiceSpec())
    assert (seen.name, seen.min_scale, seen.max_scale, seen.timeout_s) == ("toggle", 3, 3, 10)
    assert seen.liveness == SPEC.liveness


def test_a_procedure_says_what_it_deploys() -> None:
    """As Knative Service or as Deployment, of its own service or of a user's."""
    assert workload_for(S1) == knative_service(S1.service)
    plain = replace(S1, workload=WorkloadKind.DEPLOYMENT, kubelet_readiness=True)
    assert workload_for(plain) == plain_deployment(knative_service(S1.service), kubelet_readiness=True)
    own = workload_of(GOOD)
    assert workload_for(S1, own) is own
    assert workload_for(replace(N1, workload=WorkloadKind.DEPLOYMENT), own) == plain_deployment(own)


@pytest.mark.parametrize("lane", [Lane.GET_QUEUE_PROXY, Lane.GET_POD, Lane.GET_H2C])
def test_a_lane_that_a_deployment_cannot_serve_is_refused(lane: Lane) -> None:
    """Before anything is made, and not for a Knative Service."""
    service = knative_service(SPEC)
    require_possible(service, ((lane, 1),), request_log=True)
    plain = plain_deployment(service)
    with pytest.raises(BadInput, match=str(lane)) as caught:
        require_possible(plain, ((lane, 1),))
    assert "get-new-connection" in caught.value.fix
    require_possible(plain, (*LoadPlan().lanes, (lane, 0)))


def test_a_deployment_has_no_request_log() -> None:
    """There is no queue-proxy to write it."""
    with pytest.raises(BadInput, match="no queue-proxy"):
        require_possible(plain_deployment(knative_service(SPEC)), LoadPlan().lanes, request_log=True)
