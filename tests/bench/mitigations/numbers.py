"""The numbers of a cell over its cycles, by name: those of the tables and those that the explanations quote. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.model import Cause
from tests.bench.mitigations.design import SAME_CELL, Cell
from tests.bench.restarts.costs import Cost
from tests.bench.restarts.intervals import Interval, cell, difference, interval, share

NOT_MEASURED = "not measured"
NOT_SEEN = "not seen"

RARE = 10
"""A mean below this that is no whole number is shown with its decimals: one failure in four cycles is 0.25, not 0."""


@dataclass(frozen=True, slots=True)
class Number:
    """A number of a cycle. head: of its column. of: None for a cycle that has none."""

    head: str
    digits: int
    of: Callable[[Cost], float | None]


def by_method(method: str) -> Callable[[Cost], float | None]:
    """Failed requests of this method; None where none was sent."""
    return lambda cost: cost.failed_by.get(method, 0) if cost.sent_by.get(method) else None


NUMBERS: Mapping[str, Number] = {
    "failed": Number("failed", 0, lambda cost: cost.failed),
    "get": Number("failed GET", 0, by_method("GET")),
    "post": Number("failed POST", 0, by_method("POST")),
    "refused-s": Number("refused for, s", 2, lambda cost: cost.refused_s),
    "activator": Number("failed at the activator", 0, lambda cost: cost.causes.get(Cause.ACTIVATOR.value, 0)),
    "lost": Number("lost in flight", 0, lambda cost: cost.causes.get(Cause.RESET_IN_FLIGHT.value, 0)),
    "failed-max-s": Number("slowest failure, s", 1, lambda cost: cost.failed_max_s),
    "added-s": Number("latency added to the slowest answer, s", 1, lambda cost: cost.waited_max_s),
    "slow": Number("answers over 1 s", 0, lambda cost: cost.slow),
    "in-flight": Number("most in flight", 0, lambda cost: cost.most_in_flight),
    "not-ready-s": Number("not Ready, s", 1, lambda cost: cost.not_ready_s),
    "repeated": Number("repeated attempts", 0, lambda cost: cost.repeated),
    "pods": Number("pods", 0, lambda cost: cost.pods),
}

DECIDED = "killing"
"""The edge from which the others are counted: the kubelet has decided to stop the container."""

EDGES = (
    "first-failed-probe",
    "queue-proxy-unready",
    "pod-unready",
    "endpoint-unready",
    "sigterm",
    "listener-closed",
    "container-started",
    "listening",
    "pod-ready-again",
    "first-ok",
)


@dataclass(frozen=True, slots=True)
class Seen:
    """An edge over the cycles of a cell. in_cycles: that saw it; mean, first, last: seconds after the decision to kill."""

    in_cycles: int
    mean: float
    first: float
    last: float


def costs_in(cell_: Cell, costs: Iterable[Cost]) -> list[Cost]:
    """The counted cycles of a cell; those of the cell that its table shows in its place."""
    situation, arm = SAME_CELL.get((cell_.situation, cell_.arm), (cell_.situation, cell_.arm))
    name = Cell(situation, arm).name
    return [cost for cost in costs if cost.name == name]


def values(name: str, costs: Iterable[Cost]) -> list[float]:
    """The number of this name, of the cycles that have one."""
    return [value for cost in costs if (value := NUMBERS[name].of(cost)) is not None]


def shown(name: str, costs: Sequence[Cost], none: str = "-") -> str:
    """The mean with its interval; NOT_MEASURED without a cycle, `none` where the cycles have no such number."""
    if not costs:
        return NOT_MEASURED
    found = values(name, costs)
    if not found:
        return none
    value = interval(found)
    rare = 0 < value.mean < RARE and not value.mean.is_integer()
    return cell(value, NUMBERS[name].digits or 2 * rare)


def less_stock(costs: Sequence[Cost], stock: Sequence[Cost]) -> str:
    """Failed requests less those of stock, with the interval of the difference."""
    if not costs:
        return NOT_MEASURED
    found = difference(values("failed", costs), values("failed", stock))
    return "-" if found is None else cell(found, 0)


def hit(costs: Sequence[Cost]) -> str:
    """How many cycles had a failed request, and the exact interval of their share in all restarts."""
    if not costs:
        return NOT_MEASURED
    hits = sum(cost.failed > 0 for cost in costs)
    found: Interval = share(hits, len(costs))
    return f"{hits} of {len(costs)} [{found.lo:.0%}, {found.hi:.0%}]"


def edge(name: str, costs: Iterable[Cost]) -> Seen | None:
    """When it was seen, counted from the decision to kill; None where no cycle saw both."""
    found = [cost.edges[name] - cost.edges[DECIDED] for cost in costs if name in cost.edges and DECIDED in cost.edges]
    return Seen(len(found), sum(found) / len(found), min(found), max(found)) if found else None


def shown_edge(name: str, costs: Sequence[Cost]) -> str:
    """Its mean and range; of one that was not seen in each cycle, in how many."""
    if not costs:
        return NOT_MEASURED
    seen = edge(name, costs)
    if seen is None:
        return NOT_SEEN
    spread = f"{seen.mean:+.2f} ({seen.first:+.2f} to {seen.last:+.2f})"
    return spread if seen.in_cycles == len(costs) else f"{spread}, in {seen.in_cycles} of {len(costs)}"
