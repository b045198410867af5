"""The timeline of a run as one SVG file for a README, a slide or an issue: a typical cycle, and a strip for each cycle.

No script, no font, no link; light and dark by the reader's own preference. Same run, same bytes.
"""

from __future__ import annotations

import statistics
import textwrap

from harness.errors import BadInput
from harness.model import Findings, History
from harness.report import timeline, words
from harness.report.headline import headline
from harness.report.html import asset, environment, strips
from harness.report.lanes import Budget, lanes
from harness.report.sentences import as_text
from harness.report.shape import Summary

MAX_STRIPS = 20
LINE = 132
"""Characters of a line of text across the picture, about."""
HEAD_LINE = 76
"""Characters of a line of the headline, about."""


def svg(history: History, findings: Findings, summary: Summary) -> str:
    """The picture. Raises BadInput for a run without a single request, which has nothing to show."""
    found = lanes(history, findings.cycles, Budget(singles=0))
    pictures = timeline.timelines(found, summary)
    if not pictures:
        raise BadInput(
            "No request was recorded in this run: there is no timeline to draw.", fix="Choose a run with a finished cycle."
        )
    chosen = typical(pictures, summary)
    kept = {cycle["index"]: cycle for cycle in summary["cycles"]}
    place = next(n for n, cycle in enumerate(summary["cycles"]) if cycle["index"] == chosen.index)
    head = textwrap.wrap(headline(summary), HEAD_LINE, max_lines=3, placeholder=" …")
    text = textwrap.wrap(" ".join(as_text(summary)), LINE)
    return (
        environment()
        .get_template("picture.svg.j2")
        .render(
            s=summary,
            p=chosen,
            place=place,
            strips=strips(pictures)[:MAX_STRIPS],
            kept=kept,
            head=head,
            text=text,
            light=asset("light.css"),
            dark=asset("dark.css"),
            style=asset("drawing.css"),
            w=words,
            t=timeline,
        )
    )


def typical(pictures: tuple[timeline.Timeline, ...], summary: Summary) -> timeline.Timeline:
    """The picture of the cycle that counts whose number of failed requests is nearest to the median; the first of several."""
    failed = {cycle["index"]: words.failed(cycle) for cycle in summary["cycles"]}
    counted = {cycle["index"] for cycle in summary["cycles"] if not cycle["voided"]}
    usable = [picture for picture in pictures if picture.index in counted] or list(pictures)
    middle = statistics.median(failed[picture.index] for picture in usable)
    return min(usable, key=lambda picture: abs(failed[picture.index] - middle))
