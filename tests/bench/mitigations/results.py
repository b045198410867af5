"""The results in docs/mitigations.md: a table for each situation, the edges of S1, and an explanation of each mitigation.

Pure but for the explanations' file: the same measured costs give the same text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.bench.mitigations.design import ARMS, LEFT_OUT, SAME_CELL, SITUATIONS, STOCK, Cell, designed
from tests.bench.mitigations.numbers import (
    DECIDED,
    EDGES,
    NOT_MEASURED,
    NOT_SEEN,
    NUMBERS,
    costs_in,
    hit,
    less_stock,
    shown,
    shown_edge,
    values,
)
from tests.bench.page import table
from tests.bench.restarts.costs import Cost
from tests.bench.restarts.measuring import Kept

PAGE = Path(__file__).parents[3] / "docs" / "mitigations.md"
MEASURED = Path(__file__).with_name("measured.json")
"""What the page's numbers are made of."""

EXPLANATIONS = Path(__file__).with_name("explanations.md")
QUOTED = re.compile(r"\{(?P<situation>\w+)/(?P<arm>[\w-]+)/(?P<what>@?[\w-]+)\}(?P<unit> s\b)?")

HEAD = "## Results\n"
ALWAYS = ("get", "post")
"""Columns that stand after each other before the comparison with stock."""

FURTHER = ("refused-s", "activator", "lost", "failed-max-s", "added-s", "slow", "in-flight", "not-ready-s", "repeated", "pods")
"""The others. A column is left out where no measured cell of the situation has another value than 0."""


def page(before: str, kept: Kept) -> str:
    """The page with what was measured below HEAD. Raises ValueError for one without the heading."""
    head, found, _ = before.partition(HEAD)
    if not found:
        raise ValueError(f"the page has no {HEAD.strip()!r}")
    return f"{head}{HEAD}\n{text(kept)}"


def text(kept: Kept) -> str:
    """Everything below HEAD."""
    parts = [_measured(kept)]
    for situation, (_, title) in SITUATIONS.items():
        name = situation if situation.startswith("S") else situation.capitalize()
        parts += [f"### {name}: {title[0].lower()}{title[1:]}", _table(situation, kept.costs), _left_out(situation)]
    parts += ["### Edge by edge, S1", _edges(kept.costs)]
    parts += ["### Why each works, and what it costs", explained(EXPLANATIONS.read_text(encoding="utf-8"), kept.costs)]
    return "\n\n".join(parts) + "\n"


def explained(template: str, costs: Sequence[Cost]) -> str:
    """The text with the measured number in place of each {situation/arm/number} and {situation/arm/@edge}.

    Raises KeyError for a situation, arm, number or edge that there is not, and for a cell that the design leaves out.
    """

    def quoted(found: re.Match[str]) -> str:
        value = _quoted(found["situation"], found["arm"], found["what"], costs)
        return value if value in {NOT_MEASURED, NOT_SEEN} else f"{value}{found['unit'] or ''}"

    return QUOTED.sub(quoted, template.strip())


def _quoted(situation: str, arm: str, what: str, costs: Sequence[Cost]) -> str:
    if situation not in SITUATIONS or arm not in ARMS or (situation, arm) in LEFT_OUT:
        raise KeyError(f"{situation}/{arm} is no cell of the design")
    of = costs_in(Cell(situation, arm), costs)
    if not what.startswith("@"):
        return shown(what, of)
    if what[1:] not in EDGES:
        raise KeyError(f"{what} is no edge of the table")
    return shown_edge(what[1:], of)


def _measured(kept: Kept) -> str:
    cells = designed()
    measured = [one for one in cells if costs_in(one, kept.costs)]
    if not measured:
        return f"Nothing was measured yet of {len(cells)} cells."
    first = min(kept.runs)
    date = f"{first[:4]}-{first[4:6]}-{first[6:8]}"
    count = len(kept.costs)
    stacks = "; ".join(sorted({cost.stack for cost in kept.costs}))
    return f"Measured on {date}: {len(measured)} of {len(cells)} cells, {count} cycles, on {stacks}."


def _table(situation: str, costs: Sequence[Cost]) -> str:
    arms = [arm for arm in ARMS if (situation, arm) not in LEFT_OUT]
    cells = {arm: costs_in(Cell(situation, arm), costs) for arm in arms}
    further = [name for name in FURTHER if any(any(values(name, one)) for one in cells.values())]
    head = (
        "arm",
        "cycles",
        *(NUMBERS[name].head for name in ALWAYS),
        "failed, less stock",
        "cycles with a failure",
        *(NUMBERS[name].head for name in further),
    )
    return table(head, [_row(arm, cells[arm], cells[STOCK], further) for arm in arms])


def _row(arm: str, cycles: Sequence[Cost], stock: Sequence[Cost], further: Iterable[str]) -> tuple[str, ...]:
    if not cycles:
        return (arm, *[NOT_MEASURED] * (5 + len(list(further))))
    return (
        arm,
        str(len(cycles)),
        *(shown(name, cycles, none="none sent") for name in ALWAYS),
        "" if arm == STOCK else less_stock(cycles, stock),
        hit(cycles),
        *(shown(name, cycles) for name in further),
    )


def _left_out(situation: str) -> str:
    lines = [
        f"- `{arm}` is the cell {' of '.join(reversed(there))}." for (name, arm), there in SAME_CELL.items() if name == situation
    ]
    reasons: dict[str, list[str]] = {}
    for (name, arm), why in LEFT_OUT.items():
        if name == situation:
            reasons.setdefault(why, []).append(f"`{arm}`")
    lines += [f"- Left out: {', '.join(arms)}: {why}." for why, arms in reasons.items()]
    return "\n".join(lines)


def _edges(costs: Sequence[Cost]) -> str:
    arms = [one.arm for one in designed() if one.situation == "S1"]
    rows = [(arm, *(shown_edge(name, costs_in(Cell("S1", arm), costs)) for name in EDGES)) for arm in ARMS if arm in arms]
    about = (
        f"Seconds from the edge `{DECIDED}`, the kubelet's decision to stop the container, until each edge had been seen "
        "([anatomy.md](anatomy.md)): the mean and the range over the cycles. Edges of pod, queue-proxy and endpoint come from "
        "watches, up to 0.1 s late. Where the endpoint is unready before the listener closes, no request is refused."
    )
    return f"{about}\n\n{table(('arm', *EDGES), rows)}"
