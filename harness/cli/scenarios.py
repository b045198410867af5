"""`knative-chaos scenarios`: what can be measured, and what was."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.adapters.files import write_atomic
from harness.catalogue import SCENARIOS, resolve
from harness.cli.options import Artifacts
from harness.errors import BadInput
from harness.history import require_writable
from harness.model import KnativeVersion, RunSpec
from harness.report import scenarios as page_of
from harness.report.blocks import written
from harness.run import asked_version
from harness.run.stored import entries

BLOCK = "scenarios"


def scenarios(
    index: Annotated[
        Path | None,
        typer.Option("--index", help="Write a Markdown page with each prediction beside what stored runs measured."),
    ] = None,
    kn_version: Annotated[str, typer.Option("--kn-version", help="With --index: the Knative version of the page.")] = "",
    artifacts: Artifacts = Path("artifacts"),
) -> None:
    """List the scenarios of the catalogue, each with what it does; docs/predictions.md says what each will show.

    With --index: write the page from the runs that are stored; needs no cluster.
    """
    if index is None:
        width = max(map(len, SCENARIOS))
        for name, entry in SCENARIOS.items():
            typer.echo(f"{name:<{width}}  {entry.title}")
        return
    require_writable(index.parent, option="--index")
    version = asked_version(kn_version)
    lines = page_of.index(entries(artifacts, _resolved(version), version), version.text)
    text = index.read_text(encoding="utf-8") if index.is_file() else "# Scenarios\n"
    write_atomic(index, written(text, lines, BLOCK))
    typer.echo(lines[0])


def _resolved(version: KnativeVersion) -> list[RunSpec]:
    """Those that predict something of this version, as their names are counted: S1, S1B, S2, ..., N1."""
    found = []
    for _, entry in sorted(SCENARIOS.items(), key=lambda item: _counted(item[0])):
        try:
            found.append(resolve(entry, version))
        except BadInput:
            continue
    return found


def _counted(name: str) -> tuple[bool, int, str]:
    """The order of names: scenarios with a fault (S) before controls (N), 2 before 10."""
    digits = "".join(filter(str.isdigit, name))
    return name.startswith("N"), int(digits or 0), name
