"""The containers of a pod by role: which container a fault hits, where its log is, and the Service as that container has it.

"user" gets the requests, "queue-proxy" forwards them, "sidecar-1", "sidecar-2", ... are the others, in the order of the manifest.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, replace

from harness.knative.names import QUEUE_PROXY, USER_CONTAINER, USER_ROLE
from harness.knative.probes import DEFAULT_READINESS
from harness.model import Handler, Probe, ServiceSpec, Sidecar, Stream

SIDECAR = "sidecar"
"""What the role of every sidecar begins with; and the kind of role for faults that can hit any of them."""


def sidecar_role(number: int) -> str:
    """The role of the sidecar with this number, from 1."""
    return f"{SIDECAR}-{number}"


def is_sidecar(role: str) -> bool:
    """Whether this is the role of a sidecar."""
    return re.fullmatch(rf"{SIDECAR}-[1-9]\d*", role, re.ASCII) is not None


def sidecar_of(service: ServiceSpec, role: str) -> Sidecar | None:
    """The sidecar of this role, None if the Service has none or the role is of another container."""
    return {sidecar_role(number): one for number, one in enumerate(service.sidecars, 1)}.get(role)


def container_of_role(service: ServiceSpec, role: str) -> str:
    """The name of the container of this role."""
    sidecar = sidecar_of(service, role)
    return sidecar.name if sidecar else {USER_ROLE: USER_CONTAINER}.get(role, role)


def log_of(role: str) -> Stream | None:
    """The stream of the container's log, None for a role without one."""
    return Stream.SIDECAR if is_sidecar(role) else {USER_ROLE: Stream.APP, QUEUE_PROXY: Stream.QUEUE_PROXY}.get(role)


@dataclass(frozen=True, slots=True)
class _OfSidecar(ServiceSpec):
    """A Service as one of its sidecars has it."""


def service_of_role(service: ServiceSpec, role: str) -> ServiceSpec:
    """The Service as the container of this role has it: a sidecar's program and probes in place of those of the user container.

    Queue-proxy asks a sidecar's HTTP, TCP or gRPC readiness, but with the period and the threshold of the user container. An exec
    readiness is the kubelet's, with its own timing. The Service itself for every role but a sidecar's.
    """
    sidecar = sidecar_of(service, role)
    if sidecar is None:
        return service
    readiness = sidecar.readiness
    if readiness is not None and readiness.handler is not Handler.EXEC:
        timing = service.readiness or DEFAULT_READINESS
        readiness = replace(readiness, period_s=timing.period_s, failure_threshold=timing.failure_threshold)
    given = {one.name: getattr(service, one.name) for one in fields(ServiceSpec)}
    own = {"app": sidecar.app, "liveness": sidecar.liveness, "readiness": readiness, "startup": sidecar.startup}
    return _OfSidecar(**{**given, **own})


def asked_readiness(service: ServiceSpec) -> Probe | None:
    """The readiness probe that is asked: its own, or Knative's for a user container that has none. None: a sidecar without one."""
    return service.readiness or (None if isinstance(service, _OfSidecar) else DEFAULT_READINESS)
