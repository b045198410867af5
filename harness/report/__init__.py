"""Findings and verdict -> summary.json, HTML, terminal, JUnit. Writes files it is told to, nothing else.

    found = report.write(directory, history, findings, verdict)     the three files of a run, and the summary
    report.show(found, where=str(directory))                        on the terminal; `lines` gives the same as text
    report.write_svg(path, history, findings, found)                the timeline as one picture for a README
    report.headline(found)                                          what happened, in one line
    report.step_summary(found)                                      on the page of a CI, if there is one

Everything but the page and the picture is made from the summary alone: `junit` and `overview` take those of many runs.
"""

from __future__ import annotations

from harness.report.ci import markdown, step_summary
from harness.report.headline import headline
from harness.report.junit import Run, junit
from harness.report.shape import Summary
from harness.report.summary import summary
from harness.report.svg import svg
from harness.report.terminal import lines, overview, show
from harness.report.write import write, write_svg

__all__ = [
    "Run",
    "Summary",
    "headline",
    "junit",
    "lines",
    "markdown",
    "overview",
    "show",
    "step_summary",
    "summary",
    "svg",
    "write",
    "write_svg",
]
