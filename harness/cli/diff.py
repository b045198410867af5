"""`knative-chaos diff`: whether one build of Knative is worse than another one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from harness.adapters.files import State
from harness.catalogue import SCENARIOS, scenario
from harness.cli.options import Artifacts, OnClusters, Seed, with_cluster
from harness.cli.showing import progress_of, show_compared
from harness.errors import BadInput
from harness.model import Build
from harness.run import DiffAsk, Pair, asked_build, compare_builds, require_diff


@dataclass(frozen=True, slots=True)
class OnBoth(OnClusters):
    """On which clusters a comparison is made."""

    cluster: Annotated[str, typer.Option("--kn-cluster", "--cluster", help="Prefix of the names of both clusters.")] = "diff"


@with_cluster
def diff(
    names: Annotated[list[str], typer.Argument(metavar="SCENARIO...", help=f"One or more of {', '.join(SCENARIOS)}.")],
    base: Annotated[str, typer.Option("--base", help="Build to compare with: a version such as 1.16, or path:DIR of a checkout.")],
    head: Annotated[str, typer.Option("--head", help="Build to judge as better, worse or the same.")],
    cycles: Annotated[
        int, typer.Option("--kn-cycles", min=0, help="Cycles of each arm for each look, an even number; 0: 8, or more if needed.")
    ] = 0,
    looks: Annotated[
        int,
        typer.Option("--looks", min=1, help="Maximum number of looks: an inconclusive look is followed by as many cycles again."),
    ] = 1,
    margin: Annotated[
        list[str] | None,
        typer.Option("--margin", metavar="READING=NUMBER", help="Margin within which a reading counts as the same (docs/diff.md)."),
    ] = None,
    seed: Seed = None,
    *,
    on: OnBoth,
    artifacts: Artifacts = Path("artifacts"),
) -> None:
    """Compare two builds of Knative: better, worse, the same within a margin, or inconclusive (exit codes 0, 1, 0, 2)."""
    pair = Pair(build_of(base, "--base"), build_of(head, "--head"))
    asked = DiffAsk(pair, tuple(scenario(name) for name in names), cycles, looks, margins_of(margin or ()))
    require_diff(asked, artifacts)
    state = State.default()
    show_compared(compare_builds(asked, on.ask(), artifacts=artifacts, state=state, progress=progress_of(state), seed=seed))


def build_of(text: str, option: str) -> Build:
    """The build that a user wrote for this option. Raises BadInput, also for no text."""
    if not text.strip():
        raise BadInput(f"{option} is empty.", fix=f"Name a version, for example {option} 1.23.")
    return asked_build(text)


def margins_of(texts: Iterable[str]) -> dict[str, float]:
    """From "refused-window=0.2". Raises BadInput."""
    found = {}
    for text in texts:
        name, _, number = text.partition("=")
        if name.strip() in found:
            raise BadInput(f"The margin of {name.strip()} is given twice.", fix="Give it once.")
        try:
            found[name.strip()] = float(number)
        except ValueError:
            raise BadInput(f"{text!r} is not a margin.", fix="Write a reading and a number: refused-window=0.2.") from None
    return found
