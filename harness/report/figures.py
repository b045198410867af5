"""The numbers of a page: each is looked up in the summary by its path, so none can differ from `summary.json`.

    value(summary, "ledger.matched")                    1327
    value(summary, "cycles.0.requests.sent")            cycles by place in the list
    value(summary, "derived.refused_longest_s")         computed from the summary alone, here and nowhere else

A part of a path is percent-encoded where it is not a plain word, its dots included: keys may come from a log.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import quote, unquote

from markupsafe import Markup, escape

from harness.report import words
from harness.report.shape import Summary

DERIVED: Mapping[str, Callable[[Summary], object]] = {
    "cycles_counted": lambda s: words.counted(s)[0],
    "cycles_voided": lambda s: words.not_counted(s).get("voided", 0),
    "cycles_given_up": lambda s: words.not_counted(s).get("given up", 0),
    "refused_cycles": lambda s: len(words.refused_lengths(s)),
    "refused_shortest_s": lambda s: min(words.refused_lengths(s), default=None),
    "refused_longest_s": lambda s: max(words.refused_lengths(s), default=None),
    "phases_s": lambda s: sum(phase["seconds"] or 0.0 for phase in s["phases"]),
    "unknown": lambda s: s["ledger"]["unattributed"] - s["ledger"]["ambiguous"],
    "one_to_one": lambda s: s["ledger"]["matched"] - s["ledger"]["interchangeable"],
}
"""What is computed of the summary: cycles that count, are voided, or were given up, cycles with refused requests and the shortest
and longest of their windows, the time of all phases, failures without any evidence, lines with the one request they stand for."""

STYLES: Mapping[str, Callable[..., str]] = {
    "count": words.count,
    "micros": words.micros,
    "share": words.share,
    "duration": words.duration,
    "seconds": lambda value: "unknown" if value is None else f"{value:.2f}",
    "short": lambda value: "unknown" if value is None else f"{value:.1f}",
    "signed": lambda value: "unknown" if value is None else f"{value:+.3f}",
    "rate": lambda value: "unknown" if value is None else f"{value:g}",
    "text": lambda value: "unknown" if value is None else str(value),
    "resolution": words.resolution,
}


def path(*parts: str | int) -> str:
    """The path of these keys and places."""
    return ".".join(quote(str(part), safe="", errors="surrogatepass").replace(".", "%2E") for part in parts)


def value(summary: Summary, at: str) -> object:
    """What the summary holds at this path. Raises KeyError or IndexError where there is nothing."""
    found: object = summary
    keys = [unquote(part, errors="surrogatepass") for part in at.split(".")]
    if keys[0] == "derived":
        return DERIVED[keys[1]](summary)
    for key in keys:
        if isinstance(found, list):
            found = found[int(key)]
        elif isinstance(found, dict):
            found = found[key]
        else:
            raise KeyError(at)
    return found


def figure(summary: Summary, at: str, style: str) -> Markup:
    """The figure as an element that names its path; style: one of STYLES."""
    shown = words.plain(STYLES[style](value(summary, at)), keep="\N{NARROW NO-BREAK SPACE}")
    return Markup('<data data-figure="{}">{}</data>').format(escape(at), shown)
