"""Probes of sidecars: Knative refuses them unless config-features permits them (since 1.14), so an examination may permit them."""

from __future__ import annotations

from harness.adapters.objects import Ref
from harness.install.permission import Permission, service
from harness.install.scoped import Scoped
from harness.knative.names import FEATURES_CONFIG, MULTI_CONTAINER_PROBING, SYSTEM_NAMESPACE

PERMISSION = Permission(
    scoped=Scoped(
        ref=Ref("v1", "ConfigMap", FEATURES_CONFIG, SYSTEM_NAMESPACE),
        annotation="knative-chaos.dev/sidecar-probes",
        wanted={MULTI_CONTAINER_PROBING: "enabled"},
        what="switch for probes of sidecars",
        why="a sidecar with a probe is examined",
    ),
    of="a sidecar with a probe",
    tried=service(
        "knative-chaos-sidecar",
        {"name": "user", "ports": [{"containerPort": 8080}]},
        {"name": "sidecar", "readinessProbe": {"tcpSocket": {"port": 8090}}},
    ),
    settles_s=15.0,  # The webhook reads a changed ConfigMap within 1 to 2 s.
)

switch_on, give_back = PERMISSION.switch_on, PERMISSION.give_back
