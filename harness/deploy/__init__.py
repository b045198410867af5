"""A Knative Service on the cluster and its fresh pods -> Target. May touch adapters; knows no other stage."""

from harness.deploy.direct import open_ways
from harness.deploy.manifest import described, from_yaml, render
from harness.deploy.pods import PodState, pod_state
from harness.deploy.service import deploy, fresh_pod, remove, sweep

__all__ = ["PodState", "deploy", "described", "fresh_pod", "from_yaml", "open_ways", "pod_state", "remove", "render", "sweep"]
