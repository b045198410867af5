"""The stretch of time that belongs to a cycle, and what fell into it."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from harness.model import CycleMark, GeneratorReport


@dataclass(frozen=True, slots=True)
class Window:
    """[from_ns, until_ns], both ends included."""

    from_ns: int
    until_ns: int

    def holds(self, at_ns: int, resolution_ns: int = 0) -> bool:
        """Whether a moment known as [at, at + resolution) may lie in it."""
        return at_ns <= self.until_ns and at_ns + max(resolution_ns - 1, 0) >= self.from_ns

    def overlaps(self, from_ns: int, until_ns: int) -> bool:
        """Whether a stretch touches it."""
        return from_ns <= self.until_ns and until_ns >= self.from_ns


def of_cycle(mark: CycleMark, requests: pl.DataFrame, report: GeneratorReport | None) -> Window:
    """From the start of the cycle's load until nothing of it was under way any more.

    requests: the cycle's own. The scenario's mark may end before the last answer came, and a killed run has no end at all: a
    request counts until it is done, or it would take its log line out of the account.
    """
    starts = [ns for ns in (mark.load_started_ns, report.t0_ns if report else 0) if ns]
    ends = [mark.ended_ns, report.ended_ns if report else 0]
    if requests.height:
        starts.append(int(requests["intended_ns"].to_numpy().min()))
        ends += [int(requests[name].to_numpy().max()) for name in ("intended_ns", "sent_ns", "done_ns")]
    from_ns = min(starts, default=0)
    return Window(from_ns, max(from_ns, *ends))


def requests_of(requests: pl.DataFrame, cycle: int) -> pl.DataFrame:
    """The cycle's requests, all of them: its generator sent nothing for anybody else."""
    return requests.filter(pl.col("cycle") == cycle)
