"""What a source takes as given: the versions of everything that is not Knative Serving."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

NODE_REF = "build://node"
ENVOY_REF = "build://envoy"
TOGGLE_REF = "build://toggle"
QUEUE_PROXY_REF = "build://queue-proxy"


@dataclass(frozen=True, slots=True)
class Pins:
    """Versions handed in by the caller. kubernetes: "v1.34.4". kourier: of the Go module net-kourier, "v0.48.0".

    envoy: of Envoy, as its recipe takes it. toggle_base: image reference the toggle app is built on where registries answer.
    """

    kubernetes: str
    kourier: str
    envoy: str
    toggle_base: str = "docker.io/library/python:3.13-slim"


class Modules(Protocol):
    """What a source needs of a Go toolchain."""

    def module_dir(self, module: str, version: str, *, hint: str = "") -> Path:
        """The unpacked module."""

    def required_dir(self, root: Path, package: str) -> Path:
        """The unpacked module that holds this package, at the version that the module in `root` uses."""
