"""The commands of `knative-chaos`.

Exit codes: 0 pass, 1 regression, 2 inconclusive or interrupted, 3 bad input or unsuitable host, 70 crash.
"""

from __future__ import annotations

import sys
import traceback
from dataclasses import replace
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from harness import __version__, images, inject
from harness.adapters.clock import now_ns
from harness.adapters.engine import Engine
from harness.adapters.files import State
from harness.adapters.patience import WITHIN_S
from harness.adapters.signals import as_interrupts
from harness.adapters.text import printable
from harness.advise import Load, advice
from harness.advise.words import notes
from harness.catalogue import SCENARIOS, scenario
from harness.cli.advise import advise
from harness.cli.bisect import StepCommand, bisect, bisect_step
from harness.cli.bundle import bundle_command, unbundle_command
from harness.cli.corpus import corpus
from harness.cli.diff import diff
from harness.cli.export import export_command
from harness.cli.manifests import AsJson, File, Name, SidecarProbes, asked, show_each
from harness.cli.options import (
    Artifacts,
    Knative,
    OnCluster,
    OnClusters,
    Prefer,
    QueueProxy,
    Seed,
    Version,
    with_cluster,
)
from harness.cli.reproduce import reproduce
from harness.cli.run import run
from harness.cli.scenarios import scenarios
from harness.cli.showing import RULING_EXIT, progress_of, show, show_compared
from harness.cli.versions import versions
from harness.cluster import checks
from harness.cluster import down as take_down
from harness.deploy.reading import Manifest, missing, planned
from harness.errors import BadInput, ExitCode, HarnessError
from harness.faults import FAULTS
from harness.history import EXPERIMENT
from harness.history.rows import Format, answer
from harness.knative.manifest import table as probe_table
from harness.run import (
    Side,
    analyse_again,
    analyse_experiment,
    asked_build,
    compare,
    prepare,
    require_comparable,
    set_queue_proxy,
    worlds,
)

app = typer.Typer(
    name="knative-chaos",
    help="Reproduce and measure failures of Knative Serving on a real cluster.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
cache_app = typer.Typer(help="Show and remove what was built and downloaded.", no_args_is_help=True)
app.add_typer(cache_app, name="cache")
app.command()(corpus)
app.command()(bisect)
app.command("bisect-step", cls=StepCommand)(bisect_step)

app.command("bundle")(bundle_command)
app.command("unbundle")(unbundle_command)
app.command("export")(export_command)
app.command("reproduce")(reproduce)

INTERRUPTED_BY_PARSER = 130


app.command()(run)
app.command()(scenarios)
app.command()(versions)
app.command()(diff)
app.command()(advise)


@app.command()
def doctor() -> None:
    """List what this machine lacks, each with the command that provides it."""
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
@with_cluster
def up(
    *,
    on: OnCluster,
    kn_version: Knative = "",
    queue_proxy: QueueProxy = "",
    recreate: Annotated[bool, typer.Option("--recreate", help="Create the cluster again even if it is healthy.")] = False,
) -> None:
    """Create a cluster with Knative that has served a request; make only what is missing."""
    state = State.default()
    world = prepare(on.ask(asked_build(kn_version, queue_proxy), recreate=recreate), state=state, progress=progress_of(state))
    set_queue_proxy(world)
    for kind, need in inject.lacking(FAULTS, world.engine, world.handle.node).items():
        world.progress.say(f"the fault {kind} cannot be done on this cluster: the kernel lacks {need.what}. Fix: {need.fix}")
    typer.echo(f"cluster {world.handle.name}: Kubernetes {world.handle.kubernetes_version}, {world.stack.proof}")
    typer.echo(f"kubectl --kubeconfig {world.handle.kubeconfig} --context {world.handle.context} get pods -A")


@app.command()
def probes(
    file: File, kn_version: Version = "", name: Name = "", *, sidecar_probes: SidecarProbes = False, as_json: AsJson = False
) -> None:
    """Show who asks each probe of a manifest, how often, and how long it takes until it acts; needs no cluster."""
    one = asked(file, kn_version, name, sidecar_probes=sidecar_probes)

    def answer(manifest: Manifest) -> tuple[list[str], ExitCode]:
        plan = planned(manifest, one.settings)
        plan = replace(plan, notes=(*plan.notes, *notes(advice(manifest.obj, one.settings, Load(), manifest.line))))
        gone = [str(need) for need in missing(manifest, plan.needs)]
        if as_json:
            return [probe_table.as_json(plan, manifest.line, missing=gone)], ExitCode.PASS
        return probe_table.lines(plan, manifest.line, missing=gone), ExitCode.PASS

    show_each(one, answer, as_json=as_json)


@app.command("compare")
@with_cluster
def compare_command(
    name: Annotated[str, typer.Argument(metavar="SCENARIO", help=f"One of {', '.join(SCENARIOS)}.")],
    beside: Annotated[
        list[str] | None, typer.Option("--with", metavar="SCENARIO", help="Another scenario to measure beside it.")
    ] = None,
    kn_version: Annotated[
        list[str] | None,
        typer.Option("--kn-version", help="Version, or path:DIR of a checkout; give it once for each build to compare."),
    ] = None,
    queue_proxy: Annotated[
        list[str] | None,
        typer.Option(
            "--kn-queue-proxy", "--queue-proxy", help="path:DIR of your own queue-proxy, measured beside the installed one."
        ),
    ] = None,
    cycles: Annotated[int, typer.Option("--kn-cycles", min=0, help="Number of cycles of each arm; 0: as in the scenario.")] = 0,
    seed: Seed = None,
    *,
    on: OnClusters,
    artifacts: Artifacts = Path("artifacts"),
) -> None:
    """Measure several scenarios, or one on several versions or queue-proxies, in turn, and print the verdict of each arm."""
    entries = [scenario(one) for one in (name, *(beside or ()))]
    number = cycles or entries[0].cycles
    builds = dict.fromkeys(asked_build(text, swap) for text in kn_version or ("",) for swap in ("", *(queue_proxy or ())))
    suffixes = {build: f"-{build.label}" if len(builds) > 1 else "" for build in builds}
    sides = [
        Side(entry.name.lower() + suffixes[build], replace(entry, cycles=number), build) for entry in entries for build in builds
    ]
    ask = on.ask()
    require_comparable(sides, ask, artifacts)
    state = State.default()
    pairs = worlds(sides, ask, state=state, progress=progress_of(state))
    show_compared(compare(f"{entries[0].name}-compare", pairs, artifacts=artifacts, seed=seed))


@app.command()
def analyze(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A run directory, or the directory of an experiment.")],
) -> None:
    """Compute findings, verdict and report of a run again from its files; needs no cluster."""
    if (directory / EXPERIMENT).is_file():
        show_compared(analyse_experiment(directory))
    show(analyse_again(directory))


@app.command("report")
def report_command(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A run directory, or the directory of an experiment.")],
    svg: Annotated[Path | None, typer.Option("--svg", help="Also write the timeline of a run to this SVG file.")] = None,
) -> None:
    """Write the report of a run, or of each run of an experiment, again and print its path."""
    if (directory / EXPERIMENT).is_file():
        if svg:
            raise BadInput(f"{directory} is an experiment: each of its runs has a timeline.", fix="Name one of its runs.")
        compared = analyse_experiment(directory)
        if compared.experiment.design is not None:
            typer.echo(str(compared.directory / "report.html"))
        for one in (run for runs in compared.runs.values() for run in runs):
            typer.echo(str(one.directory / "report.html"))
        raise typer.Exit(RULING_EXIT[compared.experiment.ruling])
    done = analyse_again(directory, picture=svg)
    typer.echo(str(done.directory / "report.html"))
    if svg:
        typer.echo(str(svg))
    raise typer.Exit(RULING_EXIT[done.verdict.ruling])


@app.command()
def query(
    places: Annotated[
        list[str],
        typer.Argument(metavar='DIR... "SQL"', help="Run directories, or directories above them; then one SELECT statement."),
    ],
    form: Annotated[
        Format | None, typer.Option("--format", help="Output format; default: by the suffix of --out, otherwise a table.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Write the result to this file.")] = None,
    within_s: Annotated[float, typer.Option("--within", metavar="SECONDS", help="Time limit of the query.")] = WITHIN_S,
) -> None:
    """Query the recorded tables of one run or many in SQL (docs/query.md describes the tables)."""
    *directories, sql = places
    if not directories:
        raise BadInput("A query needs a directory and its SQL.", fix='knative-chaos query artifacts "SELECT * FROM runs"')
    by_ending = {".csv": Format.CSV, ".json": Format.JSON, ".parquet": Format.PARQUET}.get(out.suffix if out else "", Format.TABLE)
    answer([Path(place) for place in directories], sql, sys.stdout, form=form or by_ending, out=out, within_s=within_s)


@app.command()
def down(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Clusters; default: every cluster of this harness.")
    ] = None,
    engine: Prefer = "",
) -> None:
    """Remove every cluster, container, network and volume of this harness. Caches and images stay (see `cache prune`)."""
    state = State.default()
    removed = take_down.down(engine=Engine.detect(state, prefer=engine), state=state, names=names or None)
    gone = [what for what in removed if what != take_down.KEPT]
    for what in gone:
        typer.echo(f"removed {printable(what)}")
    typer.echo(take_down.KEPT if gone else f"Nothing of this harness was found. {take_down.KEPT}")


@cache_app.command("list")
def cache_list(engine: Prefer = "") -> None:
    """List what is cached, its size and the time since its last use."""
    state = State.default()
    entries = images.entries(state, Engine.detect(state, prefer=engine))
    for entry in entries:
        days = (now_ns() - entry.last_used_ns) / 86_400e9
        typer.echo(f"{entry.bytes / 1e6:10.0f} MB  {days:6.1f} days  {entry.what}")
    typer.echo(f"{sum(entry.bytes for entry in entries) / 1e6:10.0f} MB  total")


@cache_app.command("prune")
def cache_prune(
    older_than_days: Annotated[
        float, typer.Option("--older-than-days", help="Remove only what was last used more than this many days ago.")
    ] = 14,
    engine: Prefer = "",
    *,
    everything: Annotated[bool, typer.Option("--all", help="Remove everything; the next `up` builds it again.")] = False,
) -> None:
    """Remove cached files and images that were not used lately."""
    state = State.default()
    days = 0 if everything else older_than_days
    for what in images.prune(state, Engine.detect(state, prefer=engine), older_than_days=days, progress=progress_of(state)):
        typer.echo(f"removed {printable(what)}")


@app.command()
def version() -> None:
    """Print the version of the harness."""
    typer.echo(__version__)


def main() -> NoReturn:
    """Run a command; every error becomes one line and an exit code."""
    as_interrupts()
    try:
        # Without its standalone mode the parser returns the code of an Exit, and its own 130 for an interrupt.
        code = app(standalone_mode=False) or ExitCode.PASS
    except HarnessError as error:
        _complain(str(error))
        for note in getattr(error, "__notes__", ()):
            sys.stderr.write(f"{printable(note)}\n")
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED_BY_PARSER
    except Exception as error:  # noqa: BLE001 - last resort: a crash must have another exit code than bad input
        if hasattr(error, "format_message"):  # click's own complaints about arguments
            context = getattr(error, "ctx", None)
            command = context.command_path if context else "knative-chaos"
            _complain(f"{error.format_message()} Fix: {command} --help")
            sys.exit(ExitCode.BAD_INPUT_OR_HOST)
        traceback.print_exc()
        _complain("this is a bug of knative-chaos; what was measured is kept in the run directory")
        sys.exit(ExitCode.OWN_CRASH)
    if code == INTERRUPTED_BY_PARSER:
        _complain("interrupted; the next `up` reuses or removes what is left, `knative-chaos down NAME` removes it")
        code = ExitCode.INCONCLUSIVE
    sys.exit(code)


def _complain(text: str) -> None:
    sys.stderr.write(f"knative-chaos: {printable(text)}\n")
