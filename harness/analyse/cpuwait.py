"""How long the daemons of our node waited for a CPU in a cycle."""

from __future__ import annotations

from collections.abc import Iterable

from harness.model import NodeCpu, Reason, ReasonKind

CPU_WAIT_LIMIT_US = 5_000.0
"""Mean wait of a daemon's thread each time it could run. In 57 cycles of the catalogue no second had more than 1.5 ms; in a cycle
whose requests timed out for want of a CPU the worst had 25 ms (docs/node-cpu.md)."""

OTHERS = 0.5
"""The share of the machine's CPU time below which the node's own work cannot be what its threads waited for."""

COVERED = 0.5
"""The share of a cycle that the samples must cover. Less says nothing about the rest."""


def cpu_wait_us(samples: Iterable[NodeCpu], from_ns: int, until_ns: int) -> float | None:
    """The mean wait of a thread each time it could run, in the worst interval of about a second; microseconds.

    Only intervals within the given times count: the making of the pod before the load is no part of a cycle. Of these, only those
    in which the node ran for less than OTHERS of the machine's CPU time: else its threads wait for each other, and what is measured
    would void its own cycles. An interval in which no thread got a CPU has no mean; the next one has its waits.
    None: unknown, where there are too few intervals.
    """
    within = [one for one in samples if from_ns <= one.from_ns < one.until_ns <= until_ns]
    if sum(one.until_ns - one.from_ns for one in within) < COVERED * (until_ns - from_ns):
        return None
    return max((one.waited_ns / one.turns / 1_000 for one in within if one.turns > 0 and not _busy_itself(one)), default=None)


def starved(waited_us: float | None) -> str:
    """Why a cycle with this wait says nothing of the service, a Reason of the machine; "" where it is allowed or unknown."""
    if waited_us is None or waited_us <= CPU_WAIT_LIMIT_US:
        return ""
    text = f"the node's daemons waited {waited_us:.0f} us for a CPU on average in one second > {CPU_WAIT_LIMIT_US:.0f} us"
    return Reason(text, ReasonKind.MACHINE)


def _busy_itself(one: NodeCpu) -> bool:
    return one.ran_ns >= OTHERS * one.cpus * (one.until_ns - one.from_ns)
