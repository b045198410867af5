"""What a manifest means: its fields, their defaults, who refuses it, and the pods that are made from it. Pure.

The tables follow Knative Serving 1.1 to 1.23 and Kubernetes 1.34; `make probes-judge` compares them with the real code
(docs/probes.md). Nothing here reads YAML: an object comes as plain JSON values, and a problem names its place in it.
"""
