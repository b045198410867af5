"""Options that several commands share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from harness.cli.options import Cluster, OnCluster, OnClusters, with_cluster
from harness.run import Ask


@dataclass(frozen=True, slots=True)
class OnTwo(OnClusters):
    """Another name by default."""

    cluster: Cluster = "two"


def test_a_command_gets_the_shared_options_as_one() -> None:
    """At the place of its parameter in the help; what is not given has its default; its own parameters are left as they are."""
    seen: list[tuple[str, bool, Ask]] = []
    app = typer.Typer()

    @app.command()
    @with_cluster
    def work(what: Annotated[str, typer.Argument()], *, on: OnCluster, keep: bool = False) -> None:
        """Work."""
        seen.append((what, keep, on.ask(None, recreate=True)))

    for words in (
        ["it"],
        ["it", "--keep", "--kn-cluster", "c", "--context", "x", "--kn-engine", "docker", "--kn-source", "module"],
    ):
        assert CliRunner().invoke(app, words).exit_code == 0
    assert seen == [
        ("it", False, Ask(recreate=True)),
        ("it", True, Ask("module", None, "c", "", "docker", recreate=True, context="x")),
    ]
    shown = CliRunner().invoke(app, ["--help"]).output
    assert shown.index("--kn-cluster") < shown.index("--kn-release-url") < shown.index("--keep")
    assert "Work." in shown


def test_a_command_on_several_clusters_has_no_context() -> None:
    """Nor has one of a kind with another default."""
    seen: list[Ask] = []
    app = typer.Typer()

    @app.command()
    @with_cluster
    def work(*, on: OnTwo) -> None:
        """Work."""
        seen.append(on.ask())

    assert CliRunner().invoke(app, []).exit_code == 0
    assert CliRunner().invoke(app, ["--kn-source", "module", "--kn-cluster", "other"]).exit_code == 0
    assert CliRunner().invoke(app, ["--context", "x"]).exit_code == 2
    assert seen == [Ask(cluster="two"), Ask("module", cluster="other")]


def test_a_command_without_the_parameter_is_a_mistake() -> None:
    """When it is defined, and not when it is called."""
    with pytest.raises(ValueError, match="not enough values"):
        with_cluster(lambda: None)
