"""A Knative Service on the cluster and its fresh pods -> Deployed. May touch adapters; knows no other stage."""

from harness.deploy.clearing import remove, sweep
from harness.deploy.direct import open_routes
from harness.deploy.manifest import described, from_yaml, render
from harness.deploy.service import deploy, fresh_pods

__all__ = ["deploy", "described", "fresh_pods", "from_yaml", "open_routes", "remove", "render", "sweep"]
