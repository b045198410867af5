"""Histories of an older layout, brought to this release's layout before they are decoded.

A step leads from one layout to the next. Its functions are pure, from JSON values to JSON values; the files of the run directory
stay as they were written. Add a step when a file or a column changes its meaning, or may hold a value that earlier releases refuse
as damage (a lane, an outcome, a stream); a new field that has a default, or a new table of `layout.OPTIONAL`, needs none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

from harness.errors import HistoryError
from harness.history.layout import Table

Object = dict[str, Any]
Change = Callable[[Object], Object]


WITH_ANOTHER_RELEASE = "Read it with the release that wrote it"
"""How the fix of every error begins that is about what this release does not know, and about no damage."""


def unchanged(given: Object) -> Object:
    """What a step does to all that it does not name."""
    return given


@dataclass(frozen=True, slots=True)
class Step:
    """From one layout to the next. name: what changed, in words. meta: of run.json.

    rows: a row of a table, as the journal or the Parquet file of that layout holds it; keys that are no column are dropped.
    """

    name: str
    meta: Change = unchanged
    rows: Mapping[Table, Change] = field(default_factory=dict)


def _fault_params(given: Object) -> Object:
    """A FaultEvent, and a FaultSpec: `persistent` became one of the parameters."""
    return {name: value for name, value in given.items() if name != "persistent"} | {
        "params": {"persistent": given["persistent"]} if given.get("kind") != "none" else {}
    }


STEPS: tuple[Step, ...] = (
    Step(
        name="a fault has parameters",
        meta=lambda given: given | {"spec": given["spec"] | {"fault": _fault_params(given["spec"]["fault"])}},
        rows={Table.FAULTS: _fault_params},
    ),
    Step(
        name="a cycle names its pods and the milestones of its course",
        rows={Table.CYCLES: lambda given: given | {"pods": [], "at": {}}},
    ),
    Step(name="a request may be a unary gRPC call"),  # the lane grpc, the outcome grpc-error
    Step(name="listening sockets are sampled"),  # a stream that an earlier release does not know
    Step(
        name="a fault names the container that it hit",
        rows={Table.FAULTS: lambda given: given | {"container": ""}},
    ),
    Step(name="a fault may hit the pod that the activator has first or last"),  # values of FaultSpec.pods
    Step(name="the access log of the ingress is observed"),  # a stream that an earlier release does not know
)
"""STEPS[n - 1] leads from layout n to layout n + 1."""

HISTORY_SCHEMA = 1 + len(STEPS)
"""The layout that this release writes; run.json names it."""


def steps_from(layout: object, where: str) -> tuple[Step, ...]:
    """The steps from this layout to this release's. where: the file that names it. Raises HistoryError for an unknown one."""
    if type(layout) is int and 1 <= layout <= HISTORY_SCHEMA:
        return STEPS[layout - 1 :]
    raise HistoryError(
        f"This history has layout {layout!r}; this release reads {HISTORY_SCHEMA}{' and older' if STEPS else ''}.",
        fix=f"{WITH_ANOTHER_RELEASE}, or a later one.",
        where=where,
    )


def meta(given: object, steps: Sequence[Step], where: str) -> object:
    """The `meta` of run.json in this release's layout. Raises HistoryError naming the step that cannot be taken."""
    return reduce(lambda value, step: _taken(step, step.meta, value, where), steps, given)


def changes(table: Table, steps: Sequence[Step]) -> bool:
    """Whether any of these steps changes rows of the table."""
    return any(table in step.rows for step in steps)


def row(table: Table, given: object, steps: Sequence[Step], where: str) -> Any:
    """A row of the table in this release's layout. Raises HistoryError naming the step that cannot be taken."""
    return reduce(lambda value, step: _taken(step, step.rows.get(table, unchanged), value, where), steps, given)


def _taken(step: Step, change: Change, value: object, where: str) -> object:
    if change is unchanged:
        return value
    try:
        if not isinstance(value, dict):
            raise TypeError(f"{type(value).__name__} is no object")  # noqa: TRY301 - one message for all that a step cannot read
        return change(value)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise HistoryError(
            f"The step {step.name!r} from an older layout cannot be taken: {type(error).__name__}: {error}.", where=where
        ) from error
