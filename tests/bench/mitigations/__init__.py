"""Mitigations of refused requests, measured side by side (docs/mitigations.md)."""
