"""Applies manifests and proves that a request is served -> InstalledStack. May touch adapters; knows no other stage.

`request_log` is the one change of Knative that a single run makes and gives back.
"""

from harness.install import request_log
from harness.install.stack import install

__all__ = ["install", "request_log"]
