"""`knative-chaos corpus`: the bugs of the corpus on each version."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Annotated

import typer

from harness.adapters.files import State, write_atomic
from harness.catalogue.bugs import BUGS, in_order
from harness.cli.options import OnCluster, with_cluster
from harness.cli.showing import progress_of
from harness.errors import BadInput, ExitCode
from harness.history import corpus as store
from harness.history import require_writable
from harness.model import DECIDED_STATES, KnativeVersion
from harness.report import corpus as page_of
from harness.report.blocks import written
from harness.run import asked_version
from harness.run.corpus import CORPUS_VERSIONS, decide_again, fill

MAKE_EVIDENCE = "Make it on a cluster: knative-chaos corpus --kn-version 1.23. Or name a directory that has it: --corpus DIR."

Versions = Annotated[
    list[str] | None, typer.Option("--kn-version", help="Knative version; can be given several times; default: all of the matrix.")
]
Bugs = Annotated[
    list[str] | None, typer.Option("--bug", help=f"One of {', '.join(BUGS)}; can be given several times; default: all.")
]


@with_cluster
def corpus(
    kn_version: Versions = None,
    bug: Bugs = None,
    root: Annotated[Path, typer.Option("--corpus", help="Directory for evidence and cells.")] = Path("artifacts/corpus"),
    page: Annotated[Path | None, typer.Option("--page", help="Write the matrix into this Markdown file.")] = None,
    *,
    on: OnCluster,
    again: Annotated[bool, typer.Option("--again", help="Examine cells again that are already decided.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the clusters that this command creates.")] = False,
    analyze: Annotated[
        bool, typer.Option("--analyze", help="Decide the stored cells again from their evidence; needs no cluster.")
    ] = False,
) -> None:
    """Examine each bug of the corpus on each version; store each cell, and print the matrix.

    Exit codes: 0 every cell is decided, 2 one is not.
    """
    bugs = in_order(tuple(bug or ()))
    versions = list(dict.fromkeys(asked_version(text) for text in kn_version or CORPUS_VERSIONS))

    if page is not None:
        require_writable(page.parent, option="--page")
    if analyze and not store.read_cells(root):
        raise BadInput(f"There is no evidence in {root}.", fix=MAKE_EVIDENCE)
    require_writable(root, option="--corpus")

    def write() -> None:
        if page is not None:
            text = page.read_text(encoding="utf-8") if page.is_file() else ""
            write_atomic(page, written(text, _matrix(root, versions), page_of.BLOCK))

    if analyze:
        decide_again(root)
    else:
        state = State.default()
        fill(bugs, versions, on.ask(None), root, state=state, progress=progress_of(state), again=again, keep=keep, made=write)
    write()
    for line in _matrix(root, versions):
        typer.echo(line)
    if left := _undecided(root, {one.id for one in bugs}, {one.text for one in versions} if kn_version else None):
        typer.echo(f"not decided: {', '.join(left)}")
        raise typer.Exit(ExitCode.INCONCLUSIVE)


def _undecided(root: Path, bugs: Collection[str], versions: Collection[str] | None) -> list[str]:
    """The stored cells of these bugs that are not decided. versions: None for all."""
    cells = store.newest(store.read_cells(root))
    return [
        f"{bug} on {version} ({cell.decided.state})"
        for (bug, version), cell in sorted(cells.items())
        if bug in bugs and (versions is None or version in versions) and cell.decided.state not in DECIDED_STATES
    ]


def _matrix(root: Path, asked: list[KnativeVersion]) -> list[str]:
    """Of every bug, on the versions that were asked for and those of which there are cells."""
    cells = store.newest(store.read_cells(root))
    versions = sorted({*asked, *(KnativeVersion.parse(version) for _, version in cells)})
    ordered = sorted(BUGS.values(), key=lambda bug: int(bug.id.lstrip("BK")))
    return page_of.matrix([page_of.Row(bug.id, bug.title, bug.claimed) for bug in ordered], versions, cells)
