"""`bundle` and `unbundle`: a run as one archive for others, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.adapters.text import printable
from harness.history import archive
from harness.run.bundling import bundle

WHERE = Path("artifacts") / "bundles"

MOST_NAMED = 3
"""Files that are left out and named; the others are counted."""


def bundle_command(
    directory: Annotated[Path, typer.Argument(metavar="RUN", help="A run directory.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="File to write; default: SCENARIO-ID.zip in the current directory.")
    ] = None,
) -> None:
    """Pack a run into one archive for a bug report; secrets, host names, user names and paths are replaced."""
    done = bundle(directory, out)
    typer.echo(f"{printable(str(done.path))}: {len(done.manifest.files)} files, {done.bytes / 1e6:.1f} MB")
    replaced = ", ".join(f"{number} {kind}" for kind, number in done.manifest.redacted.items()) or "nothing"
    typer.echo(f"replaced: {replaced}; look through it before you send it")
    if done.left_out:
        more = ", ..." if len(done.left_out) > MOST_NAMED else ""
        named = f"{', '.join(done.left_out[:MOST_NAMED])}{more}"
        typer.echo(printable(f"left out, as they are none of a run's: {len(done.left_out)} ({named})"))


def unbundle_command(
    file: Annotated[Path, typer.Argument(metavar="BUNDLE", help="A file that `bundle` wrote.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="Directory to write to; default: artifacts/bundles/SCENARIO-ID.")
    ] = None,
) -> None:
    """Verify a bundle and unpack it whole; `analyze`, `report` and `query` take the run directory in it."""
    manifest = archive.read_manifest(file)
    target = out or WHERE / archive.directory_name(manifest)
    archive.unpack(file, target)
    typer.echo(printable(str(target / archive.RUN_BELOW)))
