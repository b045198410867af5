"""Findings and verdict -> summary.json, HTML, terminal, JUnit. Writes the files it is given paths for, nothing else.

    found = report.write(directory, history, findings, verdict)     the three files of a run, and the summary
    report.show(found, where=str(directory))                        print the verdict; `lines` gives the same as text
    report.write_svg(path, history, findings, found)                the timeline as one SVG picture
    report.write_comparison(directory, experiment, traces)          the page of a comparison of two builds
    report.headline(found)                                          what happened, in one line
    report.beside(found, other)                                     two runs of one scenario, as lines
    report.step_summary(found)                                      appended to the CI's summary page, if there is one

Everything but the page and the picture is made from the summary alone: `junit` and `overview` take those of many runs.
"""

from __future__ import annotations

from harness.report.beside import beside
from harness.report.ci import experiment_step_summary, markdown, step_summary
from harness.report.headline import headline
from harness.report.junit import Run, junit
from harness.report.shape import Summary
from harness.report.summary import summary
from harness.report.svg import svg
from harness.report.terminal import experiment_lines, lines, overview, show
from harness.report.write import write, write_comparison, write_svg

__all__ = [
    "Run",
    "Summary",
    "beside",
    "experiment_lines",
    "experiment_step_summary",
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
    "write_comparison",
    "write_svg",
]
