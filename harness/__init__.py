"""A chaos and bug-reproduction harness for Knative Serving on a real cluster.

Rooms and their order: docs/architecture.md. This package stays free of imports,
so that the load generator's process (`python -m harness.load`) starts with the standard library alone.
"""

__version__ = "0.1.0"
