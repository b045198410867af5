"""`export`: a scenario for somebody who has kubectl and curl, and not this harness."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.adapters.text import printable
from harness.catalogue import SCENARIOS, resolve, scenario
from harness.cli.options import Version
from harness.run import asked_version
from harness.run.export import PUBLIC_IMAGE, export, write

WHERE = Path("artifacts") / "export"


def export_command(
    name: Annotated[str, typer.Argument(metavar="SCENARIO", help=f"One of {', '.join(SCENARIOS)}.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="Directory to write to; default: artifacts/export/SCENARIO-knative-VERSION.")
    ] = None,
    kn_version: Version = "",
    image: Annotated[str, typer.Option("--image", help=f"Image with python3 to use instead of {PUBLIC_IMAGE}.")] = "",
) -> None:
    """Write a scenario as YAML and a shell script that need only kubectl and curl."""
    version = asked_version(kn_version)
    done = export(resolve(scenario(name), version), version, image=image)
    for path in write(done, out or WHERE / done.name):
        typer.echo(printable(str(path)))
