"""`report.html`: one page that needs nothing else. No script, no network, no font: text, two colour schemes and drawings in SVG.

The drawings are drawn here and not by a charting library: the page stays small, follows the reader's colour scheme,
says each number on hover, and the same run gives the same bytes.
"""

from __future__ import annotations

from functools import cache

import jinja2

from harness.model import Findings, History
from harness.report import timeline, words
from harness.report.shape import Summary

MAX_PICTURES = 24
"""Timelines drawn at most: about 60 kB each keeps the page below 2 MB. The table lists every cycle."""


def html(history: History, findings: Findings, summary: Summary) -> str:
    """The page of one run. Text from logs is escaped, and a policy in the page forbids scripts and loading anything."""
    pictures = timeline.timelines(history, findings.cycles)
    drawn = {picture.index: picture for picture in pictures[:MAX_PICTURES]}
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            s=summary,
            drawn=drawn,
            left_out=len(pictures) - len(drawn),
            strips=_strips(pictures[:MAX_PICTURES]),
            kept={cycle["index"]: cycle for cycle in summary["cycles"]},
            left_rows=_client_rows(summary),
            right_rows=_queue_proxy_rows(summary),
            wrong=words.imbalance(summary),
            headline=words.headline(summary),
            counted=words.counted(summary),
            lengths=words.refused_lengths(summary),
            recheck=_recheck(history, summary),
            total_s=sum(phase["seconds"] or 0.0 for phase in summary["phases"]),
            w=words,
            t=timeline,
        )
    )


@cache
def _environment() -> jinja2.Environment:
    env = jinja2.Environment(
        loader=jinja2.PackageLoader("harness.report", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    env.filters["signed"] = lambda value: f"{value:+.3f}"
    return env


def _shown(value: object) -> object:
    """What an expression of the page becomes: control characters out of all text, a dash for what is unknown."""
    if value is None:
        return "unknown"
    # Markup is a str, too, but it has been through here when it was made.
    return words.plain(value, keep="\n") if type(value) is str else value


def _strips(pictures: tuple[timeline.Timeline, ...]) -> tuple[timeline.Timeline, ...]:
    """The cycles of the glance: those that share one time axis, so a voided one is left to its own picture."""
    if not pictures:
        return ()
    axes = [picture.ticks for picture in pictures]
    common = max(axes, key=axes.count)
    return tuple(picture for picture in pictures if picture.ticks == common)


def _client_rows(summary: Summary) -> list[tuple[str, int]]:
    """Causes of failed requests, the attributed ones, largest first."""
    known = {key: n for key, n in summary["ledger"]["by_cause"].items() if key not in {"unknown", "ambiguous"} and n}
    return [(words.cause(key), n) for key, n in sorted(known.items(), key=lambda item: (-item[1], item[0]))]


def _queue_proxy_rows(summary: Summary) -> list[tuple[str, int]]:
    book = summary["ledger"]
    return [
        ("each with the one request it stands for", book["matched"] - book["interchangeable"]),
        ("with a request, but which of its neighbours is open (no cause depends on it)", book["interchangeable"]),
    ]


def _recheck(history: History, summary: Summary) -> dict[str, str]:
    """Commands a sceptic can paste, to be run in the directory of the page."""
    port = history.meta.user_port
    return {
        "analyze": "knative-chaos analyze .",
        "grep": f"grep -rhF '\"logger\":\"queueproxy\"' raw/ | sort -u | grep -cF '127.0.0.1:{port}: connect: connection refused'",
        "expected": str(summary["ledger"]["queue_proxy_refused_lines"]),
    }
