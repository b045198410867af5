"""The options that several commands take."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_type_hints

import typer

from harness.model import Build
from harness.run import Ask

R = TypeVar("R")

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
    typer.Option("--kn-queue-proxy", "--queue-proxy", help="path:DIR of your own queue-proxy, used instead of the installed one."),
]
Prefer = Annotated[str, typer.Option("--kn-engine", "--engine", help="docker or podman; default: the one that works.")]
Seed = Annotated[
    int | None,
    typer.Option(
        "--kn-seed",
        "--seed",
        min=-(1 << 63),
        max=(1 << 63) - 1,
        help="Seed for the times of injection and the order of arms; default: random. It is recorded.",
    ),
]
Artifacts = Annotated[Path, typer.Option("--kn-artifacts", "--artifacts", help="Directory for the runs.")]
ReleaseUrl = Annotated[str, typer.Option("--kn-release-url", "--release-url", help="Download releases from this mirror.")]


@dataclass(frozen=True, slots=True)
class OnClusters:
    """On which clusters a command works, and where their parts come from: one option for each field, see `with_cluster`.

    A command that makes several clusters names them after one.
    """

    cluster: Cluster = "e2e"
    kn_source: Source = "auto"
    engine: Prefer = ""
    release_url: ReleaseUrl = ""

    def ask(self, build: Build | None = None) -> Ask:
        """For a world of this build; None is the pinned version."""
        return Ask(self.kn_source, build, self.cluster, self.release_url, self.engine)


@dataclass(frozen=True, slots=True)
class OnCluster(OnClusters):
    """The same of a command that works on one cluster, which a context can name as well."""

    context: Context = ""

    def ask(self, build: Build | None = None, *, recreate: bool = False) -> Ask:
        """For a world of this build; None is the pinned version."""
        return Ask(self.kn_source, build, self.cluster, self.release_url, self.engine, recreate, self.context)


def with_cluster(command: Callable[..., R]) -> Callable[..., R]:
    """The command with the options of OnClusters, or of a kind of it, in place of its parameter of that type.

    Typer reads options from a signature; it has no other way to share them. Raises ValueError without such a parameter.
    """
    own = inspect.signature(command, eval_str=True)
    ((name, kind),) = ((one.name, one.annotation) for one in own.parameters.values() if _is_shared(one.annotation))
    hints = get_type_hints(kind, include_extras=True)
    options = [
        inspect.Parameter(one.name, inspect.Parameter.KEYWORD_ONLY, default=one.default, annotation=hints[one.name])
        for one in fields(kind)
    ]
    shown: list[inspect.Parameter] = []
    for one in own.parameters.values():
        shown += options if one.name == name else [one.replace(kind=inspect.Parameter.KEYWORD_ONLY)]

    @wraps(command)
    def shared(**given: Any) -> R:
        chosen = kind(**{one.name: given.pop(one.name) for one in options})
        return command(**given, **{name: chosen})

    signature = own.replace(parameters=shown)
    vars(shared).update(__signature__=signature)
    shared.__annotations__ = {one.name: one.annotation for one in shown} | {"return": signature.return_annotation}
    return shared


def _is_shared(annotation: object) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, OnClusters)
