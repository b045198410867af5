"""The time window of a cycle, and the rows of a cycle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from harness.analyse.columns import Indices
from harness.model import CycleMark, GeneratorReport


@dataclass(frozen=True, slots=True)
class Window:
    """[from_ns, until_ns], both ends included."""

    from_ns: int
    until_ns: int

    def holds(self, at_ns: int, resolution_ns: int = 0) -> bool:
        """Whether a moment known as [at, at + resolution) may lie in it."""
        return at_ns <= self.until_ns and at_ns + max(resolution_ns - 1, 0) >= self.from_ns

    def cut(self, ascending_ns: Indices) -> slice:
        """The slice of these times that lies in the window."""
        first, past = np.searchsorted(ascending_ns, self.from_ns, "left"), np.searchsorted(ascending_ns, self.until_ns, "right")
        return slice(int(first), int(past))

    def overlaps(self, from_ns: int, until_ns: int) -> bool:
        """Whether this interval touches it."""
        return from_ns <= self.until_ns and until_ns >= self.from_ns


def of_cycle(mark: CycleMark, requests: pl.DataFrame, report: GeneratorReport | None) -> Window:
    """From the start of the cycle's load until the end of its last request.

    requests: of the cycle. The mark may end before the last answer, and a killed run has no end. The window therefore lasts until
    the last request was done. Otherwise the account would miss the log line of that request.
    """
    starts = [ns for ns in (mark.load_started_ns, report.t0_ns if report else 0) if ns]
    ends = [mark.ended_ns, report.ended_ns if report else 0]
    if requests.height:
        starts.append(int(requests["intended_ns"].to_numpy().min()))
        ends += [int(requests[name].to_numpy().max()) for name in ("intended_ns", "sent_ns", "done_ns")]
    from_ns = min(starts, default=0)
    return Window(from_ns, max(from_ns, *ends))


class ByCycle:
    """The rows of a table, by cycle."""

    def __init__(self, rows: pl.DataFrame) -> None:
        self._none = rows.clear()
        cycle = rows["cycle"]
        if cycle.is_sorted():  # as a history has them: cut, not copied
            numbers, starts = np.unique(cycle.to_numpy(), return_index=True)
            ends = np.append(starts, rows.height)[1:]
            cut = zip(numbers.tolist(), starts.tolist(), ends.tolist(), strict=True)
            self._parts = {number: rows.slice(start, end - start) for number, start, end in cut}
        else:
            parts = rows.partition_by("cycle", as_dict=True, maintain_order=True)
            self._parts = {int(key[0]): part for key, part in parts.items()}

    def of(self, cycle: int) -> pl.DataFrame:
        """The cycle's rows; none where it has none."""
        return self._parts.get(cycle, self._none)
