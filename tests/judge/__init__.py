"""Knative and Kubernetes as judges of `harness.knative.manifest`: generated manifests, their answers, the differences."""
