"""`reproduce`: what somebody else's bundle shows, measured again here."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from harness import report
from harness.adapters.files import State
from harness.adapters.text import printable
from harness.cli.options import Artifacts, OnCluster, with_cluster
from harness.cli.showing import RULING_EXIT, progress_of
from harness.history import LATEST
from harness.model import Build
from harness.run import asked_build, faults_of, measure, prepare, require_runnable
from harness.run.reproducing import again, recorded, stack_differences


@with_cluster
def reproduce(
    file: Annotated[Path, typer.Argument(metavar="BUNDLE", help="A file that `bundle` wrote.")],
    cycles: Annotated[int, typer.Option("--kn-cycles", min=0, help="Number of cycles; 0: as in the bundle.")] = 0,
    kn_version: Annotated[str, typer.Option("--kn-version", help="Knative version to measure instead of that of the bundle.")] = "",
    *,
    on: OnCluster,
    artifacts: Artifacts = Path("artifacts"),
) -> None:
    """Measure what a bundle measured on the same version, and print both results side by side."""
    before = recorded(file)
    build = asked_build(kn_version) if kn_version else Build(before.version)
    asked = again(before, build.version, cycles=cycles)
    require_runnable(asked.scenario, build.version, artifacts, workload=asked.workload)
    state = State.default()
    progress = progress_of(state)
    for note in asked.notes:
        progress.say(printable(note))
    world = prepare(replace(on.ask(build), faults=faults_of(asked.scenario)), state=state, progress=progress)
    done = measure(asked.scenario, world, artifacts=artifacts, seed=asked.seed, workload=asked.workload)
    report.show(done.summary, where=str(done.directory))
    report.step_summary(done.summary)
    typer.echo("")
    now = world.stack.stack
    differences = stack_differences(before.meta.stack, now) or (f"stack: {now.id}, the same",)
    moved = f"{artifacts / LATEST / asked.scenario.name} leads to this new run now"
    for line in (*report.beside(before.run.summary, done.summary), "", moved, *differences):
        typer.echo(printable(line))
    raise typer.Exit(RULING_EXIT[done.verdict.ruling])
