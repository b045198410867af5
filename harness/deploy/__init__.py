"""A workload on the cluster, its fresh pods and the routes to them -> Deployed. May touch adapters; knows no other stage."""

from harness.deploy.clearing import remove, sweep
from harness.deploy.direct import open_routes
from harness.deploy.own import require_room
from harness.deploy.standing import deploy, fresh_pods
from harness.deploy.workload import (
    images_of,
    knative_service,
    plain_deployment,
    require_possible,
    spec_of,
    workload_for,
    workload_of,
)

__all__ = [
    "deploy",
    "fresh_pods",
    "images_of",
    "knative_service",
    "open_routes",
    "plain_deployment",
    "remove",
    "require_possible",
    "require_room",
    "spec_of",
    "sweep",
    "workload_for",
    "workload_of",
]
