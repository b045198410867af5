"""The cycles of one slot by themselves: a run with slots measures several workloads at the same time.

Within a slot one cycle follows the other, as in a run without slots. A cycle is therefore analysed on the history that its slot
alone would have left. Pods belong to a slot by their names: the names of everything that is made for a workload begin with its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import polars as pl

from harness.model import CycleMark, Gap, History, Stream

_NAMING = (Stream.ENDPOINTS.value, Stream.ACTIVATOR.value)
"""Streams that belong to no pod of the workload and name the workload in their payload."""


def slot_of(pod: str, slots: Sequence[str]) -> str:
    """The slot whose workload this pod belongs to; "" for any other pod, and in a run without slots."""
    return next((name for name in slots if pod.startswith(f"{name}-")), "")


def by_slot(history: History) -> Mapping[str, History]:
    """For each slot that had a cycle the history that it alone would have left; "" is the whole history of a run without slots.

    Left out are the cycles of the other slots, the faults in them, the observations and gaps of their pods, the EndpointSlices of
    their revisions and the activator's lines about them. What belongs to no slot (the node's journals, the clock) stays.
    """
    slots = history.meta.slots
    if not slots:
        return {"": history}
    found: dict[str, list[CycleMark]] = {}
    for mark in history.cycles:
        found.setdefault(slot_of(mark.pod, slots), []).append(mark)
    return {slot: _of_slot(history, marks, [name for name in slots if name != slot]) for slot, marks in found.items()}


def _of_slot(history: History, marks: Sequence[CycleMark], others: Sequence[str]) -> History:
    indices = {mark.index for mark in marks}
    return replace(
        history,
        cycles=tuple(marks),
        faults=tuple(event for event in history.faults if event.cycle in indices),
        gaps=tuple(gap for gap in history.gaps if not _of_another(gap, others)),
        observations=history.observations.filter(~_about(others)),
    )


def _of_another(gap: Gap, others: Sequence[str]) -> bool:
    return bool(slot_of(gap.pod, others))


def _about(others: Sequence[str]) -> pl.Expr:
    """Whether an observation is about one of these slots alone."""
    pod, payload = pl.col("pod"), pl.col("payload")
    of_pod = pl.any_horizontal(pl.lit(value=False), *(pod.str.starts_with(f"{name}-") for name in others))
    # A slice's name and its Service begin with that of the workload; the activator names the revision as namespace/name.
    named = payload.str.contains_any([f"{mark}{name}-" for name in others for mark in ('"', "/")])
    return of_pod | (pl.col("stream").is_in(_NAMING) & named)
