"""`report.html`: one page that needs nothing else. No network, no font, no library: text, drawings in SVG, one script of ours.

Without script it is a page with a drawn timeline a cycle, and so it is when printed. The script draws the same lanes anew for each
zoom. A policy in the page admits that script and that style by their hashes and nothing else: text from a log cannot become either.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files

import jinja2
from markupsafe import Markup

from harness.model import Findings, History
from harness.report import figures, timeline, words
from harness.report.headline import headline
from harness.report.lanes import Budget, Lanes, lanes
from harness.report.page_data import page_data
from harness.report.sentences import sentences
from harness.report.shape import Summary

MAX_PICTURES = 24
"""Cycles drawn without script at most; the table and the script have more."""

MAX_DATA = 3_000_000
"""Characters of the script's document at most. Where it would be more, requests are shown one by one in fewer cycles, then in none,
then in wider bins and fewer cycles; the page says which."""

BUDGETS = (
    Budget(),
    Budget(singles=40_000),
    Budget(singles=0),
    Budget(singles=0, bins=12_000, marks=2_000),
    Budget(singles=0, bins=3_000, marks=500, cycles=24),
)

SCRIPTS = ("dom.js", "data.js", "scale.js", "tip.js", "rows.js", "chart.js", "overlay.js", "input.js", "page.js")
"""In the order in which they stand in the page, within one function."""


def html(history: History, findings: Findings, summary: Summary, *, logs: bool = True) -> str:
    """The page of one run. Its figures are the summary's; text from logs is escaped.

    logs: whether the unparsed logs lie beside the page. A copy may be without them: the page does not list them then, and counts in
    the tables.
    """
    found, data = fitting(history, findings, summary)
    pictures = timeline.timelines(found, summary)
    drawn = {picture.index: picture for picture in pictures[:MAX_PICTURES]}
    style, script = page_style(), page_script()
    return (
        environment()
        .get_template("report.html.j2")
        .render(
            s=summary,
            style=Markup(style),  # noqa: S704 - a file of ours
            script=Markup(script),  # noqa: S704 - a file of ours
            data=Markup(data),  # noqa: S704 - JSON in which no character can end the element
            policy=policy(style, script),
            drawn=drawn,
            left_out=len(pictures) - len(drawn) + found.left_out,
            singly=singly(found),
            strips=strips(pictures[:MAX_PICTURES]),
            kept={cycle["index"]: cycle for cycle in summary["cycles"]},
            causes=_causes(summary),
            places={cycle["index"]: place for place, cycle in enumerate(summary["cycles"])},
            sentences=sentences(summary),
            wrong=words.imbalance(summary),
            headline=headline(summary),
            counted=words.counted(summary),
            not_counted=words.not_counted(summary),
            replacements=history.meta.spec.replacements,
            lengths=words.refused_lengths(summary),
            missing=words.missing(summary),
            disputes=words.disputes(summary),
            port=history.meta.user_port,
            logs=logs,
            fig=lambda style, *parts: figures.figure(summary, figures.path(*parts), style),
            at=lambda style, path: figures.figure(summary, path, style),
            w=words,
            t=timeline,
        )
    )


def fitting(history: History, findings: Findings, summary: Summary) -> tuple[Lanes, str]:
    """The lanes and their document, within the largest budget that keeps the page small."""
    found, data = Lanes((), (), ()), ""
    for budget in BUDGETS:
        found = lanes(history, findings.cycles, budget)
        data = page_data(found, summary)
        if len(data) <= MAX_DATA:
            break
    return found, data


def singly(found: Lanes) -> str:
    """How requests are shown, as text: the page must say what it aggregates."""
    if not found.cycles:
        return ""
    width = max(one.traffic.bin_us for one in found.cycles) / 1e6
    alone = [one for one in found.cycles if one.traffic.singles is not None]
    base = f"Each request is counted in exactly one bar, by its intended time; no bar is narrower than {width:g} s."
    if len(alone) == len(found.cycles):
        return f"{base} Zoomed in far enough, each request is drawn by itself."
    if not alone:
        return f"{base} There are too many requests to draw each one; requests.parquet beside this page has all of them."
    return (
        f"{base} In {words.plural(len(alone), 'cycle')} each request is drawn by itself when zoomed in; the others have "
        "too many; requests.parquet beside this page has all of them."
    )


@cache
def environment() -> jinja2.Environment:
    """The templates of this package. Everything that is not Markup is escaped, and control characters are taken out of it."""
    env = jinja2.Environment(
        loader=jinja2.PackageLoader("harness.report", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    env.filters["signed"] = lambda value: f"{value:+.3f}"
    env.filters["path"] = figures.path
    return env


def asset(name: str) -> str:
    """The text of one of this package's style sheets or scripts."""
    return (files("harness.report") / "assets" / name).read_text(encoding="utf-8")


@cache
def page_style() -> str:
    """The page's style: the colours of both schemes, then how things look."""
    light, dark = asset("light.css").strip(), asset("dark.css").strip()
    schemes = (
        f":root {{ color-scheme: light dark;\n{light}\n}}",
        "@media screen { :root[data-theme=light] { color-scheme: light; } }",
        f"@media screen {{ :root[data-theme=dark] {{ color-scheme: dark;\n{dark}\n}} }}",
        f"@media screen and (prefers-color-scheme: dark) {{ :root:not([data-theme=light]) {{\n{dark}\n}} }}",
    )
    return "\n".join((*schemes, asset("drawing.css"), asset("page.css")))


@cache
def page_script() -> str:
    """The page's script: all of it in one function, so that nothing of it is reachable from outside."""
    return '(() => {\n"use strict";\n' + "\n".join(asset(name) for name in SCRIPTS) + "})();\n"


def policy(style: str, script: str) -> str:
    """What the page may do: run this script, use this style, and nothing else; no request leaves it."""
    return (
        f"default-src 'none'; script-src '{_digest(script)}'; style-src '{_digest(style)}'; base-uri 'none'; form-action 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )


def still_policy(style: str) -> str:
    """What a page without a script may do: use this style, and nothing else."""
    return f"default-src 'none'; style-src '{_digest(style)}'; base-uri 'none'; form-action 'none'"


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _shown(value: object) -> object:
    """What an expression of a template becomes: control characters out of all text, a word for what is unknown."""
    if value is None:
        return "unknown"
    # Markup is a str, too, but it has been through here when it was made.
    return words.plain(value, keep="\n\N{NARROW NO-BREAK SPACE}") if type(value) is str else value


def strips(pictures: tuple[timeline.Timeline, ...]) -> tuple[timeline.Timeline, ...]:
    """The cycles of the overview: those that share one time axis. A voided cycle with another axis has only its own picture."""
    if not pictures:
        return ()
    axes = [picture.ticks for picture in pictures]
    common = max(axes, key=axes.count)
    return tuple(picture for picture in pictures if picture.ticks == common)


def _causes(summary: Summary) -> list[str]:
    """Causes of failed requests, the attributed ones, largest first."""
    known = {key: n for key, n in summary["ledger"]["by_cause"].items() if key not in {"unknown", "ambiguous"} and n}
    return sorted(known, key=lambda key: (-known[key], key))
