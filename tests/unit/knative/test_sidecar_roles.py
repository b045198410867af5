"""The Service as each of its containers has it."""

from __future__ import annotations

import pytest

from harness.faults.edges import good_probes_due
from harness.knative.probes import DEFAULT_READINESS
from harness.knative.roles import asked_readiness, container_of_role, is_sidecar, log_of, service_of_role
from harness.model import AppSpec, Bracket, Handler, Probe, ServiceSpec, Sidecar, Stream

OWN = Probe(path="/healthz", period_s=1, failure_threshold=1)


def service(readiness: Probe | None = None, *, users: Probe | None = None) -> ServiceSpec:
    """With one sidecar that has this readiness."""
    own = Sidecar(name="proxy", app=AppSpec(7.0), liveness=OWN, readiness=readiness)
    return ServiceSpec(readiness=users, sidecars=(own,))


@pytest.mark.parametrize("role", ["user", "queue-proxy", "sidecar-2"])
def test_every_other_container_has_the_service_itself(role: str) -> None:
    """Only a sidecar that there is has a program and probes of its own."""
    assert service_of_role(service(), role) is not None
    assert service_of_role(service(), role) == service()


def test_a_sidecar_has_its_own_program_and_probes() -> None:
    """And what is the pod's stays."""
    seen = service_of_role(service(), "sidecar-1")
    assert (seen.app, seen.liveness, seen.startup) == (AppSpec(7.0), OWN, None)
    assert (seen.timeout_s, seen.max_scale, len(seen.sidecars)) == (300, 1, 1)


@pytest.mark.parametrize(
    ("users", "period_s", "threshold"),
    [(None, DEFAULT_READINESS.period_s, DEFAULT_READINESS.failure_threshold), (Probe(period_s=2, failure_threshold=5), 2, 5)],
)
def test_queue_proxy_asks_a_sidecars_readiness_with_the_user_containers_timing(
    users: Probe | None, period_s: int, threshold: int
) -> None:
    """Its own period and threshold have no effect; an exec probe stays with the kubelet, as it is."""
    asked = asked_readiness(service_of_role(service(OWN, users=users), "sidecar-1"))
    assert asked is not None
    assert (asked.path, asked.period_s, asked.failure_threshold) == ("/healthz", period_s, threshold)
    by_exec = Probe(Handler.EXEC, path="readiness", period_s=3, failure_threshold=4)
    assert asked_readiness(service_of_role(service(by_exec, users=users), "sidecar-1")) == by_exec


def test_a_sidecar_without_a_readiness_probe_is_asked_nothing() -> None:
    """Knative's default is the user container's alone, so no good readiness probe of the sidecar is due."""
    seen = {"listening": Bracket(1, 2, "", 1), "container-started": Bracket(0, 1, "", 1)}
    hour_ns = 3_600 * 10**9
    assert asked_readiness(service_of_role(service(), "sidecar-1")) is None
    assert set(good_probes_due(service_of_role(service(), "sidecar-1"), seen, hour_ns)) == {"first-good-probe"}
    assert asked_readiness(service()) == DEFAULT_READINESS
    assert set(good_probes_due(service(), seen, hour_ns)) == {"first-good-readiness-probe"}


def test_roles_have_containers_and_logs() -> None:
    """Whatever the containers are called."""
    roles = ("user", "queue-proxy", "sidecar-1", "sidecar-x", "sidecar")
    assert [container_of_role(service(), role) for role in roles[:3]] == ["user-container", "queue-proxy", "proxy"]
    assert [log_of(role) for role in roles] == [Stream.APP, Stream.QUEUE_PROXY, Stream.SIDECAR, None, None]
    assert [is_sidecar(role) for role in roles] == [False, False, True, False, False]
