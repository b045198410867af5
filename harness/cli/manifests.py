"""A manifest as the commands `probes` and `advise` read it: from a file or standard input, refused as Knative would refuse it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from harness.adapters.text import printable
from harness.cli.showing import text_of
from harness.deploy.reading import Manifest, problems, read, require_known
from harness.errors import ExitCode
from harness.knative.manifest import table
from harness.knative.manifest.settings import Settings
from harness.run import asked_version

File = Annotated[str, typer.Argument(metavar="FILE", help="A Knative Service or a Deployment; - reads standard input.")]
SidecarProbes = Annotated[
    bool, typer.Option("--sidecar-probes", help="As with multi-container-probing enabled in config-features.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def named(file: str) -> str:
    """The file for messages."""
    return "stdin" if file == "-" else file


def accepted(file: str, kn_version: str, *, sidecar_probes: bool, as_json: bool) -> tuple[Manifest, Settings, str]:
    """A manifest that nobody refuses, the installation for which that is so, and the text of the file.

    For one that is refused each problem is printed with its line and fix, and the command ends with the exit code of bad input.
    Raises BadInput for what is no manifest and for a version whose rules are not known.
    """
    where = named(file)
    text = sys.stdin.read() if file == "-" else text_of(Path(file))
    manifest = read(text, where=where)
    settings = Settings(asked_version(kn_version), probing=sidecar_probes, from_zero=True)
    require_known(settings)
    if found := [(one.number, one.problem) for one in problems(manifest, settings)]:
        for line in [table.refused_json(found, where)] if as_json else table.refused_lines(found, where):
            typer.echo(printable(line) if not as_json else line)
        raise typer.Exit(ExitCode.BAD_INPUT_OR_HOST)
    return manifest, settings, text
