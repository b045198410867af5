"""Applies manifests and proves that a request is served -> InstalledStack. May touch adapters; knows no other stage."""

from harness.install.stack import install

__all__ = ["install"]
