"""A Knative Service on the cluster and its fresh pods -> Deployed. May touch adapters; knows no other stage."""

from harness.deploy.direct import open_routes
from harness.deploy.manifest import described, from_yaml, render
from harness.deploy.pods import PodState, pod_state
from harness.deploy.service import deploy, fresh_pods, remove, sweep

__all__ = ["PodState", "deploy", "described", "fresh_pods", "from_yaml", "open_routes", "pod_state", "remove", "render", "sweep"]
