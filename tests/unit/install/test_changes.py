"""What is changed in Knative before it is applied, and that each change is told."""

from __future__ import annotations

import json
from typing import Any

import pytest

from harness.adapters.documents import Obj, name_of
from harness.errors import InstallError
from harness.install.apply import parsed
from harness.install.changes import changed, digest, images_of, millicores
from harness.model import Provision, SystemChange
from tests.unit.install.manifests import provision


def done(given: Provision) -> tuple[dict[str, Obj], tuple[SystemChange, ...]]:
    """Objects by name, and the changes."""
    _, rest = parsed(given)
    objects, changes = changed(rest)
    return {f"{obj['kind']}/{name_of(obj)}": obj for obj in objects}, changes


def test_the_ingress_is_kourier_on_a_node_port() -> None:
    """Class, type and port; what it was is kept."""
    objects, changes = done(provision())
    assert objects["ConfigMap/config-network"]["data"]["ingress-class"] == "kourier.ingress.networking.knative.dev"
    assert objects["Service/kourier"]["spec"] == {
        "type": "NodePort",
        "ports": [{"name": "http2", "port": 80, "nodePort": 31080}, {"name": "https", "port": 443}],
    }
    told = {(change.what, change.was, change.now) for change in changes}
    assert ("spec.type", "LoadBalancer", "NodePort") in told
    assert ("ingress-class", None, "kourier.ingress.networking.knative.dev") in told


def test_older_serving_reads_the_older_key() -> None:
    """Its example says which; both are set where both are read."""
    _, rest = parsed(provision())
    network = next(obj for obj in rest if name_of(obj) == "config-network")
    network["data"] = {"_example": 'ingress.class: "istio"\n'}
    objects, _ = changed(rest)
    data = next(obj for obj in objects if name_of(obj) == "config-network")["data"]
    assert "ingress.class" in data
    assert "ingress-class" not in data


@pytest.mark.parametrize(
    ("logger", "was"),
    [(None, None), ('{"level": "debug"}', None), ('{"sampling": {"initial": 100}}', '{"initial": 100}')],
)
def test_sampling_is_null_not_left_out(logger: str | None, was: str | None) -> None:
    """Leaving the key out keeps it on; the rest of the logger stays as it was."""
    objects, changes = done(provision(logger=logger))
    now = json.loads(objects["ConfigMap/config-logging"]["data"]["zap-logger-config"])
    assert "sampling" in now
    assert now["sampling"] is None
    if logger is not None:
        assert {**now, "sampling": 0} == {**json.loads(logger), "sampling": 0}
    assert [(change.was, change.now) for change in changes if "sampling" in change.what] == [(was, "null")]


def test_a_logger_that_is_off_already_is_no_change() -> None:
    """Nothing is told that was not done."""
    _, changes = done(provision(logger='{"sampling": null}'))
    assert not [change for change in changes if "sampling" in change.what]


def test_a_logger_that_is_no_json_is_refused() -> None:
    """Rather than replaced."""
    with pytest.raises(InstallError, match="not JSON"):
        done(provision(logger="{level:"))


def test_cpu_requests_shrink_and_limits_do_not() -> None:
    """By the same factor for all, so that their shares among themselves stay."""
    objects, changes = done(provision())
    for name, cpu in (("controller", "25m"), ("gateway", "125m")):
        (container,) = objects[f"Deployment/{name}"]["spec"]["template"]["spec"]["containers"]
        assert container["resources"] == {"requests": {"cpu": cpu, "memory": "10Mi"}, "limits": {"cpu": "1"}}
    told = {(change.was, change.now) for change in changes if "CPU request" in change.what}
    assert told == {("100m", "25m"), ("0.5", "125m")}


def test_another_configuration_is_another_pod_template() -> None:
    """So the apply itself replaces the pods that read the old one; the same configuration replaces none."""

    def annotation(given: Provision) -> str:
        objects, _ = done(given)
        return str(objects["Deployment/controller"]["spec"]["template"]["metadata"]["annotations"]["knative-chaos.dev/config"])

    assert annotation(provision()) == annotation(provision(image="dev.local/x:2"))
    assert annotation(provision()) != annotation(provision(logger='{"level": "debug"}'))


def test_the_given_objects_stay_as_they_are() -> None:
    """Pure: what comes in can be used again."""
    _, rest = parsed(provision())
    before = digest(rest)
    changed(rest)
    assert digest(rest) == before


def test_each_change_says_why() -> None:
    """A reader of the report must not have to guess."""
    _, changes = done(provision())
    assert all(change.why and change.object and change.what for change in changes)


@pytest.mark.parametrize("missing", ["config-network", "config-domain", "config-logging", "kourier"])
def test_what_cannot_be_changed_is_an_error(missing: str) -> None:
    """An object that is not there would otherwise be a change not made."""
    _, rest = parsed(provision())
    with pytest.raises(InstallError, match=missing):
        changed([obj for obj in rest if name_of(obj) != missing])


@pytest.mark.parametrize(("quantity", "thousandths"), [("100m", 100), ("1", 1000), ("0.5", 500), ("0.03", 30)])
def test_cpu_quantities(quantity: str, thousandths: int) -> None:
    """As Kubernetes writes them."""
    assert millicores(quantity) == thousandths


def test_no_cpu_quantity() -> None:
    """An error, not a guess."""
    with pytest.raises(InstallError, match="not a CPU quantity"):
        millicores("some")


def test_the_images_of_a_stack_are_those_its_objects_name() -> None:
    """Containers, initial ones too, Knative's caching Images, and the image of queue-proxy, which no object runs."""
    pod = {"initContainers": [{"image": "d"}], "containers": [{"image": "b"}, {"image": "a"}, {"name": "none"}]}
    objects: list[dict[str, Any]] = [
        {"kind": "Deployment", "spec": {"template": {"spec": pod}}},
        {"kind": "Image", "spec": {"image": "b"}},
        {"kind": "ConfigMap", "data": {"queue-sidecar-image": "c", "other": "x"}},
        {"kind": "ConfigMap", "data": None},
        {"kind": "Namespace"},
    ]
    assert images_of(objects) == ("a", "b", "c", "d")
