"""Waiting, before the first cycle, until this machine is calm enough to send load in time.

Right after a cluster was made its components still start and settle: pacing p99 was 7 to 13 ms then, and the first cycles were
voided. What is looked at is the generator's own pacing without requests (`dry_run`), so nothing is sent to the system under test;
and how long the node waited for a CPU meanwhile, which whoever calls may add.
The wait only chooses when to begin. Whether a cycle counts is still decided by its own load.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harness.adapters.clock import mono_s
from harness.adapters.process import run
from harness.adapters.wait import Look, wait_for
from harness.errors import ToolFailed, WaitTimeout
from harness.model import LoadPlan

WITHIN_S = 120.0
"""A new cluster on two cores was settled within a minute or two."""

WINDOW_S = 2.0
IN_A_ROW = 2
"""Calm windows one after the other: one alone may fall between two bursts."""

RATES = (100.0, 1000.0)
"""Waits a second, at least and at most: fewer leave the p99 of a window to one wait, more tell nothing new of a single wait."""

SHARE = 0.5
"""Of the limits that void a cycle. A cycle is many windows long and meets rarer delays."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What voids a cycle: lateness in microseconds, CPU time stolen as a share of the machine's, and how long the threads of the
    node waited for a CPU, in microseconds.
    """

    p99_us: float
    max_us: float
    steal: float
    cpu_wait_us: float


@dataclass(frozen=True, slots=True)
class Window:
    """What one short look at the machine measured; as `Limits`. cpu_wait_us: None if it is not known."""

    p99_us: float
    max_us: float
    steal: float
    cpu_wait_us: float | None = None

    def __str__(self) -> str:
        node = "" if self.cpu_wait_us is None else f", the node waited {self.cpu_wait_us:.0f} us for a CPU"
        return f"pacing p99 {self.p99_us:.0f} us, max {self.max_us:.0f} us, steal {self.steal:.1%}{node}"


@dataclass(frozen=True, slots=True)
class Calm:
    """How the wait ended. came: whether the machine was calm in the end. last: the last window, in words."""

    came: bool
    waited_s: float
    windows: int
    last: str

    def __str__(self) -> str:
        if self.came:
            return f"the machine was calm after {self.waited_s:.1f} s and {self.windows} windows: {self.last}"
        return (
            f"the machine was not calm within {self.waited_s:.0f} s ({self.windows} windows), begun all the same; last: {self.last}"
        )


Measure = Callable[[float], Window]
"""Measures one window at so many waits a second."""


def is_calm(window: Window, limits: Limits) -> bool:
    """Whether the window stays within its share of each limit. What is not known keeps nobody waiting."""
    return (
        window.p99_us <= limits.p99_us * SHARE
        and window.max_us <= limits.max_us * SHARE
        and window.steal <= limits.steal * SHARE
        and (window.cpu_wait_us or 0.0) <= limits.cpu_wait_us * SHARE
    )


def rate_of(plan: LoadPlan) -> float:
    """Waits a second that stand for this load: its highest rate, within RATES."""
    return min(max(plan.rate_rps, plan.to_rate_rps, RATES[0]), RATES[1])


def dry_run(rate_rps: float) -> Window:
    """One window on this machine, in a process like the generator's.

    Raises ToolFailed when that fails, or does not end in time (code -1).
    """
    root = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join(part for part in (root, os.environ.get("PYTHONPATH", "")) if part)
    argv = [sys.executable, "-P", "-m", "harness.load.dry_run", f"{rate_rps:g}", f"{WINDOW_S:g}"]
    said = json.loads(run(argv, env={"PYTHONPATH": path}).stdout)
    return Window(said["p99_us"], said["max_us"], said["steal"])


def wait_until_calm(plan: LoadPlan, limits: Limits, *, within_s: float = WITHIN_S, measure: Measure = dry_run) -> Calm:
    """Measure windows until IN_A_ROW of them are calm, or the deadline has passed; the last one may begin before it and end after.

    Raises ToolFailed when a window cannot be measured at all. One that does not end in time is a restless one.
    """
    begun, rate_rps, calm, windows, last = mono_s(), rate_of(plan), 0, 0, "nothing"

    def look() -> Look[bool]:
        nonlocal calm, windows, last
        windows += 1
        try:
            window = measure(rate_rps)
        except ToolFailed as error:
            if error.code >= 0:
                raise
            calm, last = 0, str(error)
        else:
            calm, last = calm + 1 if is_calm(window, limits) else 0, str(window)
        return Look(True if calm == IN_A_ROW else None, last)

    try:
        came = wait_for("a calm machine", look, within_s=within_s, every_s=0)
    except WaitTimeout:
        came = False
    return Calm(came, mono_s() - begun, windows, last)
