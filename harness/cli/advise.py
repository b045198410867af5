"""`knative-chaos advise`: which measured risks a Service runs, and the smallest change that helps."""

from __future__ import annotations

from typing import Annotated

import typer

from harness.adapters.text import printable
from harness.advise import Advice, Load, advice
from harness.advise.schema import as_json as json_of
from harness.advise.words import lines
from harness.cli.manifests import AsJson, File, SidecarProbes, accepted, named
from harness.cli.options import Version
from harness.errors import ExitCode


def advise(
    file: File,
    kn_version: Version = "",
    *,
    boot_seconds: Annotated[
        float | None,
        typer.Option(
            "--boot-seconds", min=0, help="From the start of a container until its app listens; it is not in the manifest."
        ),
    ] = None,
    rate: Annotated[float, typer.Option("--rate", min=0, help="Requests a second to the Service.")] = 50,
    check_path: Annotated[
        str, typer.Option("--check-path", help="A path that answers well only if the app can serve; changes may ask it.")
    ] = "",
    sidecar_probes: SidecarProbes = False,
    as_json: AsJson = False,
) -> None:
    """Show which measured risks a Knative Service runs, what a restart costs, and what helps; needs no cluster.

    Exit codes: 0 no risk, 1 a risk, 2 the restart cannot be judged, 3 bad input.
    """
    manifest, settings = accepted(file, kn_version, sidecar_probes=sidecar_probes, as_json=as_json)
    found = advice(manifest.obj, settings, Load(rate, boot_seconds, check_path), manifest.line)
    if as_json:
        typer.echo(json_of(found))
    else:
        for line in lines(found, named(file)):
            typer.echo(printable(line))
    raise typer.Exit(exit_code(found))


def exit_code(found: Advice) -> ExitCode:
    """Of a command that gives this advice; a Service whose restart cannot be judged is not one without a risk."""
    if found.risks:
        return ExitCode.REGRESSION
    return ExitCode.INCONCLUSIVE if any(one.decisive for one in found.not_judged) else ExitCode.PASS
