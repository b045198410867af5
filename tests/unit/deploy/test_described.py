"""A user's manifest says in our terms what the Service under test is."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from harness.catalogue import S1
from harness.deploy.manifest import described, render
from harness.errors import BadInput
from harness.model import AppSpec, Handler, Probe, ServiceSpec, Sidecar
from tests.unit.deploy.test_manifest import from_yaml


def written(**container: Any) -> str:
    """A manifest with one container of this kind."""
    spec = {"containers": [{"image": "toggle", **container}]}
    notes = {"autoscaling.knative.dev/min-scale": "1", "autoscaling.knative.dev/max-scale": "2"}
    return yaml.safe_dump(
        {
            "apiVersion": "serving.knative.dev/v1",
            "kind": "Service",
            "metadata": {"name": "mine"},
            "spec": {"template": {"metadata": {"annotations": notes}, "spec": spec}},
        }
    )


def test_probes_scale_and_delay_are_read() -> None:
    """With Kubernetes' own defaults for what is not written."""
    text = written(
        env=[{"name": "TOGGLE_STARTUP_DELAY", "value": "2.5"}],
        livenessProbe={"httpGet": {"path": "/healthz"}, "periodSeconds": 2},
        readinessProbe={"tcpSocket": {}, "periodSeconds": 10, "failureThreshold": 1, "initialDelaySeconds": 7},
        startupProbe={"exec": {"command": ["true"]}, "timeoutSeconds": 4},
    )
    seen = described(from_yaml(text), base=S1.service)
    assert seen.liveness == Probe(Handler.HTTP, "/healthz", period_s=2, failure_threshold=3, timeout_s=1)
    assert seen.readiness == Probe(Handler.TCP, "/", period_s=10, failure_threshold=1, timeout_s=1, initial_delay_s=7)
    assert seen.startup == Probe(Handler.EXEC, "/", period_s=10, failure_threshold=3, timeout_s=4)
    assert (seen.name, seen.app.startup_delay_s, seen.min_scale, seen.max_scale) == ("mine", 2.5, 1, 2)


FEW = st.integers(1, 9)


def probes(*checks: str) -> st.SearchStrategy[Probe | None]:
    """A probe as the manifest can say it, or none. checks: names of the app's probe command."""
    handlers = st.one_of(
        st.tuples(st.just(Handler.HTTP), st.sampled_from(["/healthz", "/readyz", "/other"]), st.sampled_from([0, 9090])),
        st.tuples(st.just(Handler.TCP), st.just("/"), st.sampled_from([0, 9090])),
        st.tuples(st.just(Handler.EXEC), st.sampled_from(checks), st.just(0)),
    )
    timing = st.tuples(FEW, FEW, FEW, st.integers(0, 9))
    return st.none() | st.builds(lambda asked, times: Probe(*asked, *times), handlers, timing)


APPS = st.builds(
    AppSpec,
    st.sampled_from([0.0, 1.0, 2.5]),
    st.sampled_from(["exit", "ignore", "ignore-close"]),
    asks=st.sampled_from([0, 8090]),
    answer_delay_s=st.sampled_from([0.0, 0.5]),
    ready_delay_s=st.sampled_from([0.0, 2.5]),
    logs_requests=st.booleans(),
)
SIDECARS = st.builds(
    Sidecar,
    name=st.sampled_from(["sidecar", "proxy"]),
    port=st.sampled_from([8090, 8091]),
    app=APPS,
    liveness=probes("liveness", "readiness"),
    readiness=probes("liveness", "readiness"),
    startup=probes("liveness"),
)
SERVICES = st.builds(
    ServiceSpec,
    name=st.sampled_from(["toggle", "mine"]),
    app=APPS,
    sidecars=st.lists(SIDECARS, max_size=2).map(tuple),
    liveness=probes("liveness", "readiness"),
    readiness=probes("liveness", "readiness"),
    startup=probes("liveness"),
    min_scale=st.integers(0, 9),
    max_scale=st.integers(0, 9),
    timeout_s=FEW,
    container_concurrency=st.integers(0, 9),
    target_burst_capacity=st.none() | st.integers(-1, 9),
    initial_scale=st.none() | st.integers(0, 9),
    window_s=st.none() | st.sampled_from([6, 66]),
    target_rps=st.none() | FEW,
)


@given(SERVICES, SERVICES)
def test_a_rendered_service_is_described_as_what_it_was_rendered_from(spec: ServiceSpec, base: ServiceSpec) -> None:
    """There and back, whatever another Service says: each field is in the documents."""
    assert described(yaml.safe_load(yaml.safe_dump(render(spec))), base=base) == spec


@pytest.mark.parametrize(("text", "seconds"), [("6s", 6), ("1m6s", 66), ("1h", 3600), ("", None), ("6", None), ("1.5s", None)])
def test_a_window_is_a_duration(text: str, seconds: int | None) -> None:
    """As Go writes it; what is none is one clear line."""
    manifest = from_yaml(written())
    manifest["spec"]["template"]["metadata"]["annotations"]["autoscaling.knative.dev/window"] = text
    if seconds is None:
        with pytest.raises(BadInput, match="window"):
            described(manifest, base=S1.service)
    else:
        assert described(manifest, base=S1.service).window_s == seconds


def test_another_image_is_known_by_its_name() -> None:
    """The toggle app's environment says nothing of it."""
    env = [{"name": "TOGGLE_STARTUP_DELAY", "value": "soon"}]
    assert described(from_yaml(written(image="nginx", env=env)), base=S1.service).app == AppSpec(0.0, image="nginx")


@pytest.mark.parametrize(
    "container",
    [
        {"livenessProbe": {"httpGet": {"path": "/"}, "periodSeconds": "often"}},
        {"readinessProbe": {"tcpSocket": {}, "failureThreshold": [1]}},
        {"env": [{"name": "TOGGLE_STARTUP_DELAY", "value": "soon"}]},
    ],
    ids=["period", "threshold", "delay"],
)
def test_what_is_no_number_is_one_clear_line(container: dict[str, Any]) -> None:
    """Before a cluster is made."""
    with pytest.raises(BadInput):
        described(from_yaml(written(**container)), base=S1.service)
