"""Steps 12 to 14: what a run directory says, from its files alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness import analyse, judge, report
from harness import history as history_room
from harness.model import Findings, Ruling, RunSpec, Verdict


@dataclass(frozen=True, slots=True)
class Run:
    """A finished run: where its files lie and what they say."""

    spec: RunSpec
    directory: Path
    findings: Findings
    verdict: Verdict
    summary: report.Summary

    def expect_pass(self) -> None:
        """Raises AssertionError with the verdict in words unless the ruling is pass.

        Whether the machine alone kept it from passing is `verdict.machine_alone`; the `experiment` fixture notes that for a CI.
        """
        if self.verdict.ruling is not Ruling.PASS:
            raise AssertionError("\n" + "\n".join(report.lines(self.summary, where=str(self.directory))))


def analyse_again(directory: Path, *, picture: Path | None = None) -> Run:
    """Steps 12-14 from the files alone. picture: a file for the timeline as SVG. Raises HistoryError when they are not a run."""
    recorded = history_room.read(directory)
    findings = analyse.analyse(recorded)
    verdict = judge.judge(recorded.meta.spec, findings)
    summary = report.write(directory, recorded, findings, verdict)
    if picture is not None:
        report.write_svg(picture, recorded, findings, summary)
    return Run(recorded.meta.spec, directory, findings, verdict, summary)
