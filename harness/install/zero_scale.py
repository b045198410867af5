"""Services that begin without a pod: Knative refuses initial-scale 0 unless its configuration allows it, so a run may allow it."""

from __future__ import annotations

from harness.adapters.objects import Ref
from harness.install.permission import Permission, service
from harness.install.scoped import Scoped
from harness.knative.names import ALLOW_ZERO_INITIAL_SCALE, AUTOSCALER_CONFIG, INITIAL_SCALE, SYSTEM_NAMESPACE

PERMISSION = Permission(
    scoped=Scoped(
        ref=Ref("v1", "ConfigMap", AUTOSCALER_CONFIG, SYSTEM_NAMESPACE),
        annotation="knative-chaos.dev/zero-initial-scale",
        wanted={ALLOW_ZERO_INITIAL_SCALE: "true"},
        what="switch for an initial scale of 0",
        why="a Service that is measured from zero must begin without a pod",
    ),
    of="a Service with an initial scale of 0",
    tried=service("knative-chaos-from-zero", {}, annotations={INITIAL_SCALE: "0"}),
)

switch_on, give_back = PERMISSION.switch_on, PERMISSION.give_back
