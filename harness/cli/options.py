"""The options that several commands take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Cluster = Annotated[str, typer.Option("--kn-cluster", "--cluster", help="Name of the cluster; several can exist at once.")]
Context = Annotated[
    str,
    typer.Option("--kn-context", "--context", help="A kubeconfig context of a cluster made by this harness, instead of the name."),
]
Source = Annotated[str, typer.Option("--kn-source", help="Where Knative comes from: auto, release or module.")]
Version = Annotated[
    str, typer.Option("--kn-version", help="Knative version: 1.23, v1.23.0 or v0.50.0; default: the pinned version.")
]
Knative = Annotated[
    str,
    typer.Option(
        "--kn-version",
        help="Knative version (1.23, v1.23.0 or v0.50.0), or path:DIR of a checkout of Serving; default: the pinned version.",
    ),
]
QueueProxy = Annotated[
    str,
    typer.Option("--kn-queue-proxy", "--queue-proxy", help="path:DIR of a queue-proxy of your own in place of the installed one."),
]
Prefer = Annotated[str, typer.Option("--kn-engine", "--engine", help="docker or podman; default: the one that works.")]
Artifacts = Annotated[Path, typer.Option("--kn-artifacts", "--artifacts", help="Directory for the runs.")]
ReleaseUrl = Annotated[str, typer.Option("--kn-release-url", "--release-url", help="Download releases from this mirror.")]
