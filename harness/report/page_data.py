"""The lanes of a run as the one JSON document the page's script reads. Numbers and text alone; nothing of it is ever markup.

Edges and windows are the summary's, so that what the script draws and says of them is what `summary.json` says.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from harness.report import figures, timeline, words
from harness.report.lanes import CycleLanes, Lanes
from harness.report.shape import CycleShape, Summary
from harness.report.tracks import Track
from harness.report.traffic import Singles, group

FIRST_CODE = 48
"""Labels and lanes of single requests are written as one character each, from "0" on."""


def page_data(found: Lanes, summary: Summary) -> str:
    """The document, fit to stand inside a script element: no character of it can end that element or upset a parser."""
    cycles = {cycle["index"]: (place, cycle) for place, cycle in enumerate(summary["cycles"])}
    document = {
        "labels": [{"group": group(label), "words": timeline.label_words(label)} for label in found.labels],
        "lanes": [words.plain(lane) for lane in found.lanes],
        "cycles": [_cycle(one, *cycles[one.index]) for one in found.cycles],
        "leftOut": found.left_out,
    }
    return embedded(document)


def embedded(document: object) -> str:
    """JSON that is safe within <script>: "<", ">", "&", U+2028, U+2029 and lone surrogates as escapes."""
    # ensure_ascii writes everything beyond ASCII as an escape, surrogates and line separators included.
    shown = json.dumps(document, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return shown.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _cycle(one: CycleLanes, place: int, cycle: CycleShape) -> dict[str, Any]:
    return {
        "index": one.index,
        "pod": one.pod,
        "origin": one.origin,
        "counts": one.counts,
        "lo": one.lo_s,
        "hi": one.hi_s,
        "bin": one.traffic.bin_us,
        "cells": [number for cell in one.traffic.cells for number in cell],
        "singles": _singles(one.traffic.singles),
        "tracks": [_track(track) for track in one.tracks],
        "holes": [{"from": hole.from_s, "until": hole.until_s, "text": hole.text, "tracks": hole.tracks} for hole in one.holes],
        "edges": [
            {
                "figure": figures.path("cycles", place, "anatomy", name, "offset_s"),
                "key": words.plain(name),
                "label": words.plain(words.edge(name)),
                "kind": words.edge_kind(name),
                "at": edge["offset_s"],
                "text": words.offset(*edge["offset_s"]) if edge["offset_s"] else "",
                "evidence": words.plain(edge["evidence"]),
                "resolution": words.resolution(edge["resolution_s"]),
            }
            for name, edge in words.edges(cycle)
        ],
        "refused": {"figure": figures.path("cycles", place, "refused_window_s"), "at": cycle["refused_window_s"]},
        "logged": {"figure": figures.path("cycles", place, "queue_proxy_window_s"), "at": cycle["queue_proxy_window_s"]},
        "failed": words.failed(cycle),
        "sent": cycle["requests"]["sent"],
    }


def _singles(singles: Singles | None) -> dict[str, Any] | None:
    if singles is None:
        return None
    first = singles.at_us[0] if singles.at_us else 0
    return {
        "at": [first, *(after - before for before, after in pairwise(singles.at_us))],
        "took": list(singles.took_us),
        "label": _codes(singles.label),
        "lane": _codes(singles.lane),
    }


def _codes(indices: Sequence[int]) -> str:
    return "".join(chr(FIRST_CODE + index) for index in indices)


def _track(track: Track) -> dict[str, Any]:
    return {
        "key": track.key,
        "name": track.name,
        "plain": track.plain,
        "spans": [[span.from_s, span.until_s, span.tone.value, span.word, span.text] for span in track.spans],
        "marks": [[mark.at_s, mark.until_s, mark.tone.value, mark.text] for mark in track.marks],
        "density": [number for pair in track.density for number in pair],
        "leftOut": track.left_out,
    }
