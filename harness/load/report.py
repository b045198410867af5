"""generator.json: what the generator says of itself, about once a second while it runs and finally at its end."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from harness.load.host import CpuTimes, Standing
from harness.load.pacing import Pacing
from harness.load.schedule import SECOND_NS
from harness.model import GeneratorReport

RUNNING = "running"
"""ended_by of a report whose generator had not ended when it was written: it runs, or was killed."""

_ROOM = 2048
_QUIET_NS = 1_000_000
Numbers = Callable[[], tuple[int, int, Pacing]]


class Reporter:
    """Writes the report. Times given are monotonic ns; the file has UTC."""

    def __init__(self, path: Path, rate_rps: float, standing: Standing, utc_offset_ns: int) -> None:
        self._path = path
        self._rate = rate_rps
        self._standing = standing
        self._offset = utc_offset_ns
        self._cpu = CpuTimes.read()
        self._t0 = 0
        self._written = 0
        self._fd = -1

    def begin(self, t0: int) -> int:
        """The load starts at t0; returns it in UTC."""
        self._t0 = t0 + self._offset
        self._cpu = CpuTimes.read()
        self._written = t0
        self._put(self._report(t0, (0, 0, Pacing()), RUNNING))
        return self._t0

    def now_and_then(self, now: int, next_due: int, numbers: Numbers) -> None:
        """Write if a second has gone and no request is due within the next millisecond; after two seconds, in any case."""
        gone = now - self._written
        if gone < SECOND_NS or (0 < next_due - now < _QUIET_NS and gone < 2 * SECOND_NS):
            return
        self._written = now
        self._put(self._report(now, numbers(), RUNNING))

    def end(self, now: int, numbers: tuple[int, int, Pacing], ended_by: str) -> None:
        """The last word; the file is complete when this returns."""
        self._put(self._report(now, numbers, ended_by))
        os.close(self._fd)

    def _report(self, now: int, numbers: tuple[int, int, Pacing], ended_by: str) -> GeneratorReport:
        planned, not_sent, pacing = numbers
        steal, busy = CpuTimes.read().shares_since(self._cpu)
        return GeneratorReport(
            rate_rps=self._rate,
            planned=planned,
            sent=planned - not_sent,
            not_sent=not_sent,
            pacing_p50_us=pacing.percentile_us(0.5),
            pacing_p99_us=pacing.percentile_us(0.99),
            pacing_max_us=pacing.max_us,
            steal=steal,
            busy=busy,
            t0_ns=self._t0,
            ended_ns=now + self._offset,
            ended_by=ended_by,
            pinned_cpu=self._standing.pinned_cpu,
            niceness=self._standing.niceness,
            realtime=self._standing.realtime,
        )

    def _put(self, report: GeneratorReport) -> None:
        """Over the old text in one write, filled up with blanks: no reader sees half of it, and no file has to change its name."""
        if self._fd < 0:  # no file before there is something to say
            self._fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        text = json.dumps(asdict(report), sort_keys=True).encode("ascii")
        os.pwrite(self._fd, text.ljust(_ROOM - 1) + b"\n", 0)
