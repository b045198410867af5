"""Knative and Kubernetes as judges of `harness.knative.manifest`: generated manifests, the answers of the real code, and the differences."""
