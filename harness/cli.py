"""The verbs of `knative-chaos`.

Exit codes: 0 pass, 1 regression, 2 inconclusive or interrupted, 3 bad input or host, 70 own crash.
"""

from __future__ import annotations

import sys
import traceback
from dataclasses import replace
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console

from harness import __version__, images, report
from harness.adapters.clock import now_ns
from harness.adapters.engine import Engine
from harness.adapters.files import State
from harness.adapters.progress import Progress
from harness.adapters.signals import as_interrupts
from harness.adapters.text import printable
from harness.catalogue import SCENARIOS, is_catalogued, scenario
from harness.cluster import checks
from harness.cluster import down as take_down
from harness.deploy import described, from_yaml
from harness.errors import BadInput, ExitCode, HarnessError
from harness.history.patience import WITHIN_S
from harness.history.rows import Format, answer
from harness.model import Ruling
from harness.scenario import Ask, Run, analyse_again, asked_version, measure, prepare, require_runnable, with_request_log

app = typer.Typer(
    name="knative-chaos",
    help="Chaos and bug reproduction for Knative Serving on a real cluster.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
cache_app = typer.Typer(help="What was built and downloaded, and what may go.", no_args_is_help=True)
app.add_typer(cache_app, name="cache")

Cluster = Annotated[str, typer.Option("--kn-cluster", "--cluster", help="Name of the cluster; several can stand side by side.")]
Context = Annotated[str, typer.Option("--kn-context", "--context", help="A kubeconfig context of ours, in place of the name.")]
Source = Annotated[str, typer.Option("--kn-source", help="auto, release or module.")]
Version = Annotated[str, typer.Option("--kn-version", help="Such as 1.23, v1.23.0 or v0.50.0; the pinned one by default.")]
Prefer = Annotated[str, typer.Option("--kn-engine", "--engine", help="docker or podman; the one that works by default.")]
Artifacts = Annotated[Path, typer.Option("--kn-artifacts", "--artifacts", help="Directory of the runs.")]
ReleaseUrl = Annotated[
    str, typer.Option("--kn-release-url", "--release-url", help="Where releases are downloaded from, for a mirror.")
]

RULING_EXIT = {
    Ruling.PASS: ExitCode.PASS,
    Ruling.REGRESSION: ExitCode.REGRESSION,
    Ruling.INCONCLUSIVE: ExitCode.INCONCLUSIVE,
}


INTERRUPTED_BY_PARSER = 130


def _progress(state: State) -> Progress:
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    return Progress(lambda text: console.print(text, markup=False), state.root / "durations.json")


def _show(run: Run) -> NoReturn:
    report.show(run.summary, where=str(run.directory))
    report.step_summary(run.summary)
    raise typer.Exit(RULING_EXIT[run.verdict.ruling])


@app.command()
def doctor() -> None:
    """Name what this machine lacks, and the command that mends each."""
    state = State.default()
    found = checks.examine(state)
    width = max(len(check.name) for check in found)
    for check in found:
        mark = "ok  " if check.ok else ("MISS" if check.needed else "warn")
        typer.echo(f"{mark} {check.name:<{width}}  {printable(check.seen)}")
        if not check.ok and check.fix:
            typer.echo(f"     {'':<{width}}  fix: {check.fix}")
    if any(check.needed and not check.ok for check in found):
        raise typer.Exit(ExitCode.BAD_INPUT_OR_HOST)


@app.command()
def up(
    cluster: Cluster = "e2e",
    context: Context = "",
    kn_source: Source = "auto",
    kn_version: Version = "",
    engine: Prefer = "",
    release_url: ReleaseUrl = "",
    *,
    recreate: Annotated[bool, typer.Option("--recreate", help="Make the cluster anew even if it is healthy.")] = False,
) -> None:
    """Make what is missing, up to a Knative that has served a request. Idempotent."""
    state = State.default()
    ask = Ask(kn_source, asked_version(kn_version), cluster, release_url, engine, recreate, context)
    world = prepare(ask, state=state, progress=_progress(state))
    typer.echo(f"cluster {world.handle.name}: Kubernetes {world.handle.kubernetes_version}, {world.stack.proof}")
    typer.echo(f"kubectl --kubeconfig {world.handle.kubeconfig} --context {world.handle.context} get pods -A")


@app.command()
def run(
    name: Annotated[str, typer.Argument(metavar="SCENARIO", help=f"One of {', '.join(SCENARIOS)}.")],
    cycles: Annotated[int, typer.Option("--kn-cycles", min=0, help="Cycles; 0: what the scenario says.")] = 0,
    rate: Annotated[float, typer.Option("--rate", min=0, help="Requests a second; 0: what the scenario says.")] = 0,
    service: Annotated[
        Path | None, typer.Option("--service", help="A Knative Service of your own that runs the toggle app.")
    ] = None,
    seed: Annotated[int | None, typer.Option("--kn-seed", "--seed", help="Of the injection phases; drawn by default.")] = None,
    *,
    request_log: Annotated[
        bool,
        typer.Option("--kn-request-log", "--request-log", help="Join client and queue-proxy by id; changes what is measured."),
    ] = False,
    cluster: Cluster = "e2e",
    context: Context = "",
    kn_source: Source = "auto",
    kn_version: Version = "",
    engine: Prefer = "",
    release_url: ReleaseUrl = "",
    artifacts: Artifacts = Path("artifacts"),
) -> None:
    """Measure one scenario and rule on it."""
    asked = scenario(name)
    # The user's file is read before anything is built: bad input must not cost twenty minutes.
    manifest = from_yaml(_text_of(service)) if service else None
    asked = replace(asked, cycles=cycles or asked.cycles, load=replace(asked.load, rate_rps=rate or asked.load.rate_rps))
    if manifest:
        asked = replace(asked, service=described(manifest, base=asked.service))
    if manifest or not is_catalogued(asked):
        asked = replace(asked, name=f"{asked.name}-own", title=f"{asked.title}, changed by the caller")
    if request_log:
        asked = with_request_log(asked)
    version = asked_version(kn_version)
    require_runnable(asked, version, artifacts, manifest=manifest)
    state = State.default()
    progress = _progress(state)
    world = prepare(Ask(kn_source, version, cluster, release_url, engine, context=context), state=state, progress=progress)
    _show(measure(asked, world, artifacts=artifacts, seed=seed, manifest=manifest))


@app.command()
def analyze(directory: Annotated[Path, typer.Argument(metavar="DIR", help="A run directory.")]) -> None:
    """Findings, verdict and report again from a run's files alone; needs no cluster."""
    _show(analyse_again(directory))


@app.command("report")
def report_command(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A run directory.")],
    svg: Annotated[Path | None, typer.Option("--svg", help="A file for the timeline as one picture, too.")] = None,
) -> None:
    """Write the report of a run anew and say where it is."""
    done = analyse_again(directory, picture=svg)
    typer.echo(str(done.directory / "report.html"))
    if svg:
        typer.echo(str(svg))
    raise typer.Exit(RULING_EXIT[done.verdict.ruling])


@app.command()
def query(
    places: Annotated[
        list[str], typer.Argument(metavar='DIR... "SQL"', help="Runs, or directories that contain runs; then one SELECT.")
    ],
    form: Annotated[
        Format | None, typer.Option("--format", help="How; by default as the ending of --out says, else a table.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="A file for the answer.")] = None,
    within_s: Annotated[float, typer.Option("--within", metavar="SECONDS", help="How long the query may work.")] = WITHIN_S,
) -> None:
    """Ask the histories of one run or many in SQL: requests, observations, cycles, ... (docs/query.md has the tables)."""
    *directories, sql = places
    if not directories:
        raise BadInput("A query needs a directory and its SQL.", fix='knative-chaos query artifacts "SELECT * FROM runs"')
    by_ending = {".csv": Format.CSV, ".json": Format.JSON, ".parquet": Format.PARQUET}.get(out.suffix if out else "", Format.TABLE)
    answer([Path(place) for place in directories], sql, sys.stdout, form=form or by_ending, out=out, within_s=within_s)


@app.command()
def down(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="Clusters; all of ours by default.")] = None,
    engine: Prefer = "",
) -> None:
    """Remove every cluster, container, network and volume of ours. Caches and images stay (`cache prune` removes those)."""
    state = State.default()
    removed = take_down.down(engine=Engine.detect(state, prefer=engine), state=state, names=names or None)
    gone = [what for what in removed if what != take_down.KEPT]
    for what in gone:
        typer.echo(f"removed {printable(what)}")
    typer.echo(take_down.KEPT if gone else f"Nothing of ours was there. {take_down.KEPT}")


@cache_app.command("list")
def cache_list(engine: Prefer = "") -> None:
    """What is cached, how large it is and when it was last used."""
    state = State.default()
    entries = images.entries(state, Engine.detect(state, prefer=engine))
    for entry in entries:
        days = (now_ns() - entry.last_used_ns) / 86_400e9
        typer.echo(f"{entry.bytes / 1e6:10.0f} MB  {days:6.1f} days  {entry.what}")
    typer.echo(f"{sum(entry.bytes for entry in entries) / 1e6:10.0f} MB  in all")


@cache_app.command("prune")
def cache_prune(
    older_than_days: Annotated[float, typer.Option("--older-than-days", help="Unused for so long.")] = 14,
    engine: Prefer = "",
    *,
    everything: Annotated[bool, typer.Option("--all", help="All of it; the next `up` builds anew.")] = False,
) -> None:
    """Remove what was not used lately."""
    state = State.default()
    days = 0 if everything else older_than_days
    for what in images.prune(state, Engine.detect(state, prefer=engine), older_than_days=days, progress=_progress(state)):
        typer.echo(f"removed {printable(what)}")


@app.command()
def version() -> None:
    """The harness's own version."""
    typer.echo(__version__)


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} cannot be read: {error}.", fix="Name a readable YAML file.") from error


def main() -> NoReturn:
    """Run a verb; every error becomes one line and an exit code."""
    as_interrupts()
    try:
        # Without its standalone mode the parser returns the code of an Exit, and its own 130 for an interrupt.
        code = app(standalone_mode=False) or ExitCode.PASS
    except HarnessError as error:
        _complain(str(error))
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED_BY_PARSER
    except Exception as error:  # noqa: BLE001 - the last door: a crash of ours is told from bad input by its exit code
        if hasattr(error, "format_message"):  # click's own complaints about arguments
            _complain(error.format_message())
            sys.exit(ExitCode.BAD_INPUT_OR_HOST)
        traceback.print_exc()
        _complain("this is a fault of knative-chaos itself; what was measured is in its run directory")
        sys.exit(ExitCode.OWN_CRASH)
    if code == INTERRUPTED_BY_PARSER:
        _complain("interrupted; the next `up` copes with what is left, `knative-chaos down NAME` removes it")
        code = ExitCode.INCONCLUSIVE
    sys.exit(code)


def _complain(text: str) -> None:
    sys.stderr.write(f"knative-chaos: {printable(text)}\n")
