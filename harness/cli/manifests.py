"""Manifests as the commands `probes`, `advise` and `run --service` read them: each Service of a file, or the one with a name."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from harness.adapters.text import printable
from harness.cli.showing import text_of
from harness.deploy.reading import Manifest, listed, problems, read_all, require_known
from harness.errors import BadInput, ExitCode
from harness.knative.manifest import table
from harness.knative.manifest.settings import Settings
from harness.run import asked_version

File = Annotated[
    str, typer.Argument(metavar="FILE", help="File with Knative Services, or with Deployments; - reads standard input.")
]
Name = Annotated[str, typer.Option("--name", metavar="NAME", help="Only the Service with this name, of a file with several.")]
SidecarProbes = Annotated[
    bool, typer.Option("--sidecar-probes", help="Assume that config-features enables multi-container-probing.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object, or an array of them for several Services.")]

GRAVITY = (ExitCode.PASS, ExitCode.INCONCLUSIVE, ExitCode.REGRESSION, ExitCode.BAD_INPUT_OR_HOST)
"""Exit codes of one manifest. That of a file is the last of them that one of its manifests has."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a command was asked about. where: the file, for messages. manifests: at least one. settings: of the installation."""

    where: str
    text: str
    manifests: tuple[Manifest, ...]
    settings: Settings


def asked(file: str, kn_version: str, name: str, *, sidecar_probes: bool) -> Asked:
    """The manifests of a file or of standard input. Raises BadInput for what is no manifest and for an unknown version."""
    where = "stdin" if file == "-" else file
    text = sys.stdin.read() if file == "-" else text_of(Path(file))
    found = read_all(text, where=where, name=name)
    settings = Settings(asked_version(kn_version), probing=sidecar_probes, from_zero=True)
    require_known(settings)
    return Asked(where, text, found, settings)


def show_each(one: Asked, answer: Callable[[Manifest], tuple[Sequence[str], ExitCode]], *, as_json: bool) -> NoReturn:
    """Print the answer about each manifest, or its problems if it would be refused, and end with the gravest exit code.

    answer: the lines about a manifest that nobody refuses, one JSON text if as_json, and its exit code.
    """
    answers = [_refused(each, one, as_json=as_json) or answer(each) for each in one.manifests]
    if as_json:
        texts = [text for lines, _ in answers for text in lines]
        typer.echo(texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]")
    else:
        for number, (lines, _) in enumerate(answers):
            for line in ("", *lines) if number else lines:
                typer.echo(printable(line))
    raise typer.Exit(max((code for _, code in answers), key=GRAVITY.index))


def _refused(manifest: Manifest, one: Asked, *, as_json: bool) -> tuple[Sequence[str], ExitCode] | None:
    found = [(line.number, line.problem) for line in problems(manifest, one.settings)]
    if not found:
        return None
    lines = [table.refused_json(found, one.where)] if as_json else table.refused_lines(found, one.where)
    return lines, ExitCode.BAD_INPUT_OR_HOST


def require_one(text: str, where: str, name: str, *, because: str) -> None:
    """Raise BadInput if a file has several Services and none is named. because: why the command needs one, as a sentence."""
    found = read_all(text, where=where, name=name)
    if len(found) < 2:
        return
    names = [each.name for each in found if each.name]
    if len(set(names)) < len(found):
        raise BadInput(f"The file has {listed(found)}. {because}", fix="Leave one of them in the file.", where=where)
    command = shlex.join(["knative-chaos", *sys.argv[1:], "--name", names[0]])
    others = " ".join(f"or --name {each}" for each in names[1:])
    raise BadInput(f"The file has {listed(found)}. {because}", fix=f"{command} ({others}).", where=where)
