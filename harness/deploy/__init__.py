"""A workload on the cluster, its fresh pods and the routes to them -> Deployed. May touch adapters; knows no other stage."""

from harness.deploy.clearing import remove, sweep
from harness.deploy.direct import open_routes
from harness.deploy.own import require_room
from harness.deploy.standing import deploy, deploy_together, fresh_pods, fresh_pods_together
from harness.deploy.workload import (
    images_of,
    knative_service,
    name_of,
    named,
    objects_of,
    plain_deployment,
    require_possible,
    spec_of,
    workload_for,
    workload_of,
)

__all__ = [
    "deploy",
    "deploy_together",
    "fresh_pods",
    "fresh_pods_together",
    "images_of",
    "knative_service",
    "name_of",
    "named",
    "objects_of",
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
