"""`knative-chaos bisect`: which release introduced or fixed something; and the program for `git bisect run`."""

from __future__ import annotations

import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperCommand

from harness.adapters.engine import Engine
from harness.adapters.files import State
from harness.adapters.text import printable
from harness.catalogue.bugs import BUGS
from harness.cli.options import Cluster, OnClusters, with_cluster
from harness.cli.showing import progress_of
from harness.errors import BadInput, ExitCode, HarnessError, HostError, Interrupted, SourceError
from harness.history import corpus, require_writable
from harness.model import BugState, Cell, KnativeVersion
from harness.run import Ask, asked_build, asked_version
from harness.run.bisect import ANSWERS, candidates, search, searched
from harness.run.corpus import decided_versions, examine_build, examine_version
from harness.run.surroundings import surroundings_of
from harness.sources import KNOWN

GOOD, BAD, SKIP, ABORT = 0, 1, 125, 128
"""Exit codes that `git bisect run` understands; from 128 on it ends the search."""

What = Annotated[str, typer.Argument(metavar="SCENARIO-or-BUG", help=f"A scenario of the catalogue, or one of {', '.join(BUGS)}.")]
ClaimOption = Annotated[str, typer.Option("--claim", help="Claim of the scenario to search for; default: its first.")]
Root = Annotated[Path, typer.Option("--corpus", help="Directory for evidence and cells.")]
Again = Annotated[bool, typer.Option("--again", help="Examine releases again that are already decided.")]
Keep = Annotated[bool, typer.Option("--keep", help="Keep the clusters that this command creates.")]


@dataclass(frozen=True, slots=True)
class OnCommit(OnClusters):
    """On which cluster the commits are examined, one after the other."""

    cluster: Cluster = "bisect"


@with_cluster
def bisect(
    what: What,
    old: Annotated[str, typer.Option("--old", help="Older end of the range of releases.")] = "",
    new: Annotated[str, typer.Option("--new", help="Newer end of the range of releases.")] = "",
    claim: ClaimOption = "",
    root: Root = Path("artifacts/corpus"),
    *,
    on: OnClusters,
    again: Again = False,
    keep: Keep = False,
) -> None:
    """Find the release between two ends that introduced or fixed a bug, or changed a claim of a scenario."""
    if not (old and new):
        raise BadInput("bisect needs two ends, --old and --new.", fix="knative-chaos bisect B8 --old 1.14 --new 1.23")
    bug = searched(what, claim)
    require_writable(root, option="--corpus")
    versions = candidates(asked_version(old), asked_version(new), KNOWN)
    state = State.default()
    progress = progress_of(state)
    progress.say(f"{bug.id} over {', '.join(map(str, versions))}")

    def examine(version: KnativeVersion) -> Cell:
        cell = examine_version(bug, version, on.ask(), root, state=state, progress=progress, again=again, keep=keep)
        progress.say(f"{version}: {cell.decided.state}")
        return cell

    stored = () if again else decided_versions(bug, versions, corpus.read_cells(root))
    found = search(bug, versions, examine, stored=stored, around=lambda cell: surroundings_of(root / cell.evidence))
    for line in found.lines():
        typer.echo(printable(line))
    typer.echo(f"  below {root}; {len(found.cells)} of {len(versions)} releases examined")


@with_cluster
def bisect_step(
    what: What,
    good: Annotated[
        str, typer.Option("--good", help="State of the bug that counts as good: absent or present.")
    ] = BugState.ABSENT.value,
    claim: ClaimOption = "",
    kn_version: Annotated[
        str, typer.Option("--kn-version", help="Build to examine; default: the checkout in the current directory.")
    ] = "path:.",
    root: Root = Path("artifacts/bisect"),
    *,
    on: OnCommit,
) -> NoReturn:
    """Examine one checkout for `git bisect run`: exit code 0 good, 1 bad, 125 cannot be decided, 128 and more end the search."""
    try:
        sys.exit(_step(what, good, claim, kn_version, on.ask(), root))
    except (BadInput, HostError) as error:  # of every commit: to skip them all would take hours and find nothing
        _end(str(error))
    except Interrupted as error:
        _end(str(error), ExitCode.INCONCLUSIVE)
    except KeyboardInterrupt:
        _end("interrupted", ExitCode.INCONCLUSIVE)
    except HarnessError as error:
        _skip(str(error), on.engine)
    except Exception:  # noqa: BLE001 - a crash is no bad commit
        traceback.print_exc()
        _end("this is a bug of knative-chaos", ExitCode.OWN_CRASH)


class StepCommand(TyperCommand):
    """`bisect-step`, whose wrong arguments end the search: the exit code of the other commands would call the commit bad."""

    def make_context(self, *args: Any, **more: Any) -> Any:
        """Read the arguments."""
        try:
            return super().make_context(*args, **more)
        except Exception as error:
            if not hasattr(error, "format_message"):  # the help, which is none of the parser's complaints
                raise
            _end(error.format_message())


def _skip(why: str, engine: str) -> NoReturn:
    """Skip this commit, or end the search if it was the container engine that failed: it would fail for each commit."""
    try:
        Engine.detect(State.default(), prefer=engine).require_answer()
    except HostError as error:
        _end(f"{why} The container engine does not work: {error}")
    sys.stderr.write(f"knative-chaos: skipped: {printable(why)}\n")
    sys.exit(SKIP)


def _end(why: str, code: int = 0) -> NoReturn:
    """End the search. code: added to ABORT, so that one sees what it was."""
    sys.stderr.write(f"knative-chaos: {printable(why)}\n")
    sys.exit(ABORT + code)


def _step(what: str, good: str, claim: str, kn_version: str, ask: Ask, root: Path) -> int:
    """Cluster and images are kept: the next step finds what did not change."""
    if good not in {BugState.ABSENT, BugState.PRESENT}:
        raise BadInput(f"--good is {good!r}.", fix="--good absent, or --good present")
    bug, state = searched(what, claim), State.default()
    require_writable(root, option="--corpus")
    try:
        build = asked_build(kn_version)
    except BadInput as error:  # of this commit: the next one may be a Serving that can be built
        raise SourceError(f"{kn_version} cannot be built: {error}") from error
    cell = examine_build(bug, build, ask, root, state=state, progress=progress_of(state), keep=True)
    typer.echo(printable(f"{bug.id}: {cell.decided.state}. {cell.decided.why} [{root / cell.evidence}]"))
    if cell.decided.state not in ANSWERS:
        _skip(f"{cell.decided.state}: {cell.decided.why}", ask.engine)
    return GOOD if cell.decided.state == good else BAD
