"""Whether a figure on a page is the one of `summary.json`: read from its text alone, without the code that wrote it."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "ns": 1e-9, "%": 0.01}


def agrees(summary: Any, path: str, part: str, shown: str) -> bool:
    """True if the text says what the summary holds at this path, to the digits that are shown."""
    value = derived(summary, path) if path.startswith("derived.") else looked_up(summary, path)
    if part == "length":
        value = value[1] - value[0]
    elif part == "sum":
        value = sum(value.values())
    said = (
        shown.replace("\N{NARROW NO-BREAK SPACE}", "")
        .replace("\N{MINUS SIGN}", "-")
        .strip("\N{LEFTWARDS ARROW}\N{RIGHTWARDS ARROW} ")
    )
    if value is None:
        return said == "unknown"
    if isinstance(value, bool):
        return said.lower() == str(value).lower()
    if isinstance(value, str):
        return folded(said) == folded(value)
    if isinstance(value, list):
        ends = re.findall(r"[-+]?[0-9]+(?:\.[0-9]+)?", said)
        exact = [(value[0] + value[1]) / 2] if len(ends) == 1 else value
        return len(ends) == len(exact) and all(close(end, one, 1.0) for end, one in zip(ends, exact, strict=True))
    return number(path, said, value)


def number(path: str, said: str, value: float) -> bool:
    """A number with or without a unit, or minutes and seconds."""
    long = re.fullmatch(r"([0-9]+) min ([0-9]{2}) s", said)
    if long:
        return int(long[1]) * 60 + int(long[2]) == round(value)
    match = re.fullmatch(r"([-+]?[0-9]+(?:\.[0-9]+)?) ?(us|ms|ns|s|%)?", said)
    if match is None:
        return False
    scale = UNITS[match[2]] if match[2] else 1.0
    stored = 1e-6 if path.endswith("_us") else 1.0
    return close(match[1], value * stored, scale if match[2] else stored)


def close(said: str, value: float, unit: float) -> bool:
    """Equal within half of the last digit shown."""
    digits = len(said.partition(".")[2])
    return abs(float(said) * unit - value) <= (0.5 * 10.0**-digits + 1e-9) * unit


def folded(text: str) -> str:
    """Letters and digits alone: what cannot be seen is shown as a replacement character, white space is folded."""
    return "".join(char for char in text if char.isalnum()).lower()


def looked_up(summary: Any, path: str) -> Any:
    """What lies at a dotted path whose parts are percent-encoded."""
    for part in path.split("."):
        key = unquote(part, errors="surrogatepass")
        summary = summary[int(key)] if isinstance(summary, list) else summary[key]
    return summary


def derived(summary: Any, path: str) -> Any:
    """The figures that are computed of the summary, computed here a second time."""
    counted = [cycle for cycle in summary["cycles"] if not cycle["voided"]]
    windows = [cycle["refused_window_s"] for cycle in counted if cycle["refused_window_s"]]
    lengths = [high - low for low, high in windows]
    book = summary["ledger"]
    return {
        "cycles_counted": len(counted),
        "cycles_voided": sum(bool(cycle["voided"]) and not cycle["given_up"] for cycle in summary["cycles"]),
        "cycles_given_up": sum(bool(cycle["given_up"]) for cycle in summary["cycles"]),
        "refused_cycles": len(windows),
        "refused_shortest_s": min(lengths, default=None),
        "refused_longest_s": max(lengths, default=None),
        "phases_s": sum(phase["seconds"] or 0 for phase in summary["phases"]),
        "unknown": book["unattributed"] - book["ambiguous"],
        "one_to_one": book["matched"] - book["interchangeable"],
    }[path.removeprefix("derived.")]
