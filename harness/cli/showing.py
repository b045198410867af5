"""What several commands do: read a file, show progress, print a verdict and end with its exit code."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import typer
from rich.console import Console

from harness import report
from harness.adapters.files import State
from harness.adapters.progress import Progress
from harness.errors import BadInput, ExitCode
from harness.model import Ruling
from harness.run import Compared, Run

RULING_EXIT = {
    Ruling.PASS: ExitCode.PASS,
    Ruling.REGRESSION: ExitCode.REGRESSION,
    Ruling.INCONCLUSIVE: ExitCode.INCONCLUSIVE,
}


def progress_of(state: State) -> Progress:
    """Each step on standard error, with how long it took before."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    return Progress(lambda text: console.print(text, markup=False), state.root / "durations.json")


def show(run: Run) -> NoReturn:
    """Print the verdict of a run and end with its exit code."""
    report.show(run.summary, where=str(run.directory))
    report.step_summary(run.summary)
    raise typer.Exit(RULING_EXIT[run.verdict.ruling])


def show_compared(done: Compared) -> NoReturn:
    """Print the verdicts of an experiment and end with its exit code."""
    for line in report.experiment_lines(done.experiment, where=str(done.directory)):
        typer.echo(line)
    report.experiment_step_summary(done.experiment)
    raise typer.Exit(RULING_EXIT[done.experiment.ruling])


def text_of(path: Path) -> str:
    """The text of a user's file. Raises BadInput if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} cannot be read: {error}.", fix="Give the path of a readable YAML file.") from error
