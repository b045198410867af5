"""What is applied for a spec, and what is said of a user's manifest that cannot be."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from harness.deploy.manifest import (
    adopted,
    described,
    env_of,
    pods_wanted,
    render,
    rendered_probe,
    scales_by_itself,
    sidecar_control_ports,
    user_port,
)
from harness.deploy.own import own_service
from harness.errors import BadInput, ExitCode
from harness.model import AppSpec, Handler, Probe, ServiceSpec, Sidecar

GOOD = """
apiVersion: serving.knative.dev/v1
kind: Service
metadata:
  name: mine
  labels: {team: a}
spec:
  template:
    spec:
      containers:
      - image: toggle
        ports: [{containerPort: 9000}]
        livenessProbe: {httpGet: {path: /healthz}}
"""


def from_yaml(text: str, *, where: str = "") -> dict[str, Any]:
    """A user's Service as it is deployed."""
    return own_service(text, where=where).obj


def rendered(spec: ServiceSpec) -> dict[str, object]:
    """With names a test can look for."""
    return adopted(render(spec), namespace="ns", images={"toggle": "dev.local/toggle:1"}, token="secret", run_id="r1")


def test_a_spec_is_rendered_whole() -> None:
    """Pinned in full: what is applied decides what is measured."""
    spec = ServiceSpec(
        app=AppSpec(startup_delay_s=5, sigterm="ignore"), liveness=Probe(initial_delay_s=10), target_burst_capacity=-1
    )
    assert rendered(spec) == {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": {"name": "toggle", "namespace": "ns", "labels": {"knative-chaos.dev/run": "r1"}},
        "spec": {
            "template": {
                "metadata": {
                    "labels": {"knative-chaos.dev/run": "r1"},
                    "annotations": {
                        "autoscaling.knative.dev/min-scale": "1",
                        "autoscaling.knative.dev/max-scale": "1",
                        "autoscaling.knative.dev/target-burst-capacity": "-1",
                    },
                },
                "spec": {
                    "containerConcurrency": 0,
                    "timeoutSeconds": 300,
                    "containers": [
                        {
                            "image": "dev.local/toggle:1",
                            "imagePullPolicy": "IfNotPresent",
                            "ports": [{"containerPort": 8080}],
                            "env": [
                                {"name": "TOGGLE_STARTUP_DELAY", "value": "5"},
                                {"name": "TOGGLE_SIGTERM", "value": "ignore"},
                                {"name": "TOGGLE_TOKEN", "value": "secret"},
                            ],
                            "resources": {"requests": {"cpu": "50m"}},
                            "livenessProbe": {
                                "httpGet": {"path": "/healthz"},
                                "periodSeconds": 1,
                                "failureThreshold": 3,
                                "timeoutSeconds": 1,
                                "initialDelaySeconds": 10,
                            },
                        }
                    ],
                },
            }
        },
    }


def test_scale_is_written_as_asked() -> None:
    """None leaves it to Knative."""
    text = str(rendered(ServiceSpec(min_scale=0, initial_scale=0, window_s=6)))
    assert "'autoscaling.knative.dev/initial-scale': '0'" in text
    assert "'autoscaling.knative.dev/window': '6s'" in text
    assert "initial-scale" not in str(rendered(ServiceSpec()))


@pytest.mark.parametrize(
    ("spec", "count", "by_itself"),
    [
        (ServiceSpec(), 1, False),
        (ServiceSpec(min_scale=3, max_scale=3), 3, False),
        (ServiceSpec(min_scale=0), 1, False),
        (ServiceSpec(min_scale=0, initial_scale=0), 0, False),
        (ServiceSpec(min_scale=1, initial_scale=0), 1, False),
        (ServiceSpec(min_scale=1, initial_scale=3), 3, True),
        (ServiceSpec(min_scale=3, initial_scale=1), 3, False),
        (ServiceSpec(max_scale=0), 1, True),
    ],
)
def test_the_pods_a_service_begins_with(spec: ServiceSpec, count: int, by_itself: bool) -> None:
    """The initial scale, but never fewer than the minimum."""
    assert (pods_wanted(rendered(spec)), scales_by_itself(rendered(spec))) == (count, by_itself)


def test_probes_not_asked_for_are_not_there() -> None:
    """Knative puts its own readiness in where there is none; ours must not hide that."""
    text = str(rendered(ServiceSpec()))
    assert "Probe" not in text
    assert "target-burst-capacity" not in text


@pytest.mark.parametrize(
    ("name", "probe", "handler"),
    [
        ("liveness", Probe(), {"httpGet": {"path": "/healthz"}}),
        ("liveness", Probe(path="/x", port=8081), {"httpGet": {"path": "/x", "port": 8081}}),
        ("readiness", Probe(handler=Handler.TCP), {"tcpSocket": {}}),
        ("readiness", Probe(handler=Handler.TCP, port=8081), {"tcpSocket": {"port": 8081}}),
        ("startup", Probe(handler=Handler.TCP), {"tcpSocket": {"port": 8080}}),
        ("startup", Probe(path="/s"), {"httpGet": {"path": "/s", "port": 8080}}),
        ("liveness", Probe(handler=Handler.EXEC), {"exec": {"command": ["python3", "/app/toggle.py", "probe", "liveness"]}}),
        ("readiness", Probe(handler=Handler.EXEC), {"exec": {"command": ["python3", "/app/toggle.py", "probe", "readiness"]}}),
        (
            "readiness",
            Probe(handler=Handler.EXEC, path="liveness"),
            {"exec": {"command": ["python3", "/app/toggle.py", "probe", "liveness"]}},
        ),
        ("startup", Probe(handler=Handler.EXEC), {"exec": {"command": ["python3", "/app/toggle.py", "probe", "liveness"]}}),
    ],
)
def test_each_way_a_probe_asks(name: str, probe: Probe, handler: dict[str, object]) -> None:
    """A port is left to Knative except for a startup probe, whose port it does not fill in."""
    timing = {"periodSeconds": 1, "failureThreshold": 3, "timeoutSeconds": 1}
    assert rendered_probe(name, probe) == {**handler, **timing}


def test_a_users_manifest_is_taken_as_it_is() -> None:
    """Our labels and namespace are added; nothing else changes but the image named `toggle`."""
    given = from_yaml(GOOD)
    before = copy.deepcopy(given)
    obj = adopted(given, namespace="ns", images={"toggle": "dev.local/toggle:1"}, token="secret", run_id="r1")
    assert given == before
    assert obj["metadata"] == {"name": "mine", "namespace": "ns", "labels": {"team": "a", "knative-chaos.dev/run": "r1"}}
    assert obj["spec"]["template"]["metadata"] == {"labels": {"knative-chaos.dev/run": "r1"}}
    (container,) = obj["spec"]["template"]["spec"]["containers"]
    assert container == {
        "image": "dev.local/toggle:1",
        "imagePullPolicy": "IfNotPresent",
        "ports": [{"containerPort": 9000}],
        "livenessProbe": {"httpGet": {"path": "/healthz"}},
        "env": [{"name": "TOGGLE_TOKEN", "value": "secret"}],
    }
    assert (user_port(obj), env_of(obj, "TOGGLE_TOKEN")) == (9000, "secret")


def test_a_users_own_image_gets_no_token() -> None:
    """Its environment is its own."""
    obj = adopted(
        from_yaml(GOOD.replace("image: toggle", "image: own:1")), namespace="ns", images={"toggle": "x"}, token="t", run_id="r"
    )
    (container,) = obj["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "own:1"
    assert "env" not in container
    assert env_of(obj, "TOGGLE_TOKEN") == ""


def test_a_sidecar_of_the_toggle_app_has_ports_of_its_own() -> None:
    """Its probes name theirs, which Knative fills in for no sidecar; and it gets the token."""
    probe = Probe(period_s=1)
    spec = ServiceSpec(app=AppSpec(0.0, asks=8090), sidecars=(Sidecar(liveness=probe), Sidecar("other", 8091, startup=probe)))
    obj: Any = rendered(spec)
    user, one, other = obj["spec"]["template"]["spec"]["containers"]
    assert [user["name"], one["name"], other["name"]] == ["user-container", "sidecar", "other"]
    env = [{given["name"]: given["value"] for given in container["env"]} for container in (user, one, other)]
    assert env[0]["TOGGLE_ASKS"] == "8090"
    assert [(given["PORT"], given["TOGGLE_CONTROL_PORT"], given["TOGGLE_TOKEN"]) for given in env[1:]] == [
        ("8090", "8098", "secret"),
        ("8091", "8097", "secret"),
    ]
    assert one["livenessProbe"]["httpGet"]["port"] == 8090
    assert other["startupProbe"]["httpGet"]["port"] == 8091
    assert "ports" not in one
    assert sidecar_control_ports(obj) == {"sidecar-1": 8098, "sidecar-2": 8097}


def test_a_sidecar_is_no_second_port() -> None:
    """One container of two has the port: that one is served."""
    obj = from_yaml(GOOD + "      - image: side:1\n        name: side\n")
    assert user_port(obj) == 9000


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("kind: [", "not YAML"),
        ("", "0 documents"),
        (GOOD + "---\n" + GOOD, r"2 Knative Services: mine \(line 2\), mine \(line 16\)"),
        ("just words\n", "no Knative Service; it has: str"),
        (GOOD.replace("serving.knative.dev/v1", "v1"), "no Knative Service; it has: v1 Service"),
        (GOOD.replace("serving.knative.dev/v1", "serving.knative.dev/v1beta1"), "apiVersion is 'serving.knative.dev/v1beta1'"),
        (GOOD.replace("kind: Service", "kind: Route"), "no Knative Service"),
        (GOOD.replace("name: mine", "other: mine"), "metadata.other: there is no such field"),
        (GOOD.replace("name: mine", "generateName: mine-"), "metadata.name is missing"),
        (GOOD.replace("name: mine", "name: .nan"), "metadata.name is nan, which JSON cannot represent"),
        (GOOD.replace("name: mine", "name: 12"), "metadata.name is 12"),
        (GOOD.replace("name: mine", "name: Mine_1"), "metadata.name: 'Mine_1' is not a valid Service name"),
        (GOOD.split("      containers:", maxsplit=1)[0] + "      containers: []\n", "there is no container"),
        (GOOD.split("    spec:\n      containers:", maxsplit=1)[0], "there is no container"),
        (GOOD.split("      containers:", maxsplit=1)[0] + "      containers: {image: x}\n", "is .*, which is not a list"),
        (GOOD.replace("image: toggle", "name: x"), r"containers\[0\] has no image"),
        (GOOD.replace("[{containerPort: 9000}]", "[{containerPort: 9000}, {containerPort: 9001}]"), r"2 ports \(9000.*9001"),
        (GOOD + "      - image: side:1\n        ports: [{containerPort: 9001}]\n", "2 ports"),
        (GOOD.replace("[{containerPort: 9000}]", "9000"), r"containers\[0\].ports is 9000, which is not a list"),
        (GOOD.replace("        ports: [{containerPort: 9000}]\n", "") + "      - image: side:1\n", "none of the 2 containers"),
    ],
)
def test_a_manifest_that_cannot_be_used_is_one_clear_line(text: str, said: str) -> None:
    """What is wrong, the fix, the file; exit code 3."""
    with pytest.raises(BadInput, match=said) as caught:
        from_yaml(text, where="service.yaml")
    assert "\n" not in str(caught.value)
    assert caught.value.fix
    assert caught.value.where.partition(":")[0] == "service.yaml"
    assert caught.value.exit_code is ExitCode.BAD_INPUT_OR_HOST


def test_a_target_of_requests_a_second_is_rendered_and_read_back() -> None:
    """By both annotations; another metric is none of ours."""
    spec = ServiceSpec(target_rps=20)
    obj = render(spec)
    notes = obj["spec"]["template"]["metadata"]["annotations"]
    assert notes["autoscaling.knative.dev/metric"] == "rps"
    assert notes["autoscaling.knative.dev/target"] == "20"
    assert described(obj, base=ServiceSpec()).target_rps == 20
    notes["autoscaling.knative.dev/metric"] = "concurrency"
    assert described(obj, base=ServiceSpec()).target_rps is None
