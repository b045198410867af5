"""The pins of `recipes/versions.toml`, typed."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

RECIPES = Path(__file__).parent / "recipes"
"""The recipes: files that are read and filled in, never written."""

CHECKOUT = Path(__file__).parents[2]
"""Where `requirements/` and `testapps/` lie."""


@dataclass(frozen=True, slots=True)
class Pins:
    """What a source of a Knative version is told of the pins. knative, kourier: of Go modules, "v0.50.0"; kubernetes: "v1.34.4"."""

    knative: str
    kourier: str
    kubernetes: str
    envoy: str


def pins() -> Pins:
    """From the recipes."""
    pinned = Versions.load()
    return Pins(knative=pinned.serving, kourier=pinned.kourier, kubernetes=f"v{pinned.kubernetes}", envoy=pinned.envoy)


@dataclass(frozen=True, slots=True)
class Versions:
    """Each pinned version as its project writes it, without a leading "v" except for Go modules of Knative.

    kubernetes_commands: what is built of Kubernetes. inherit: Go modules built with their own go.sum and replace lines.
    """

    serving: str
    kourier: str
    kubernetes: str
    kubernetes_commands: tuple[str, ...]
    etcd: str
    etcd_image: str
    coredns: str
    pause: str
    kind: str
    debian: str
    envoy: str
    inherit: tuple[str, ...]

    @staticmethod
    def load(path: Path = RECIPES / "versions.toml") -> Versions:
        """From the recipes. A key that is not there is a defect of the checkout and raises KeyError."""
        read = tomllib.loads(path.read_text(encoding="utf-8"))
        kubernetes = read["kubernetes"]
        return Versions(
            serving=read["knative"]["serving"],
            kourier=read["knative"]["kourier"],
            kubernetes=kubernetes["version"],
            kubernetes_commands=tuple(kubernetes["commands"]),
            etcd=kubernetes["etcd"],
            etcd_image=kubernetes["etcd_image"],
            coredns=kubernetes["coredns"],
            pause=kubernetes["pause"],
            kind=read["kind"]["version"],
            debian=read["debian"]["suite"],
            envoy=read["envoy"]["version"],
            inherit=tuple(read["go"]["inherit"]),
        )
