"""What a bench found, as nouns; `harness.history.codec` turns them into JSON and back. The page is made of nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from harness.adapters.files import write_json
from harness.history.codec import decode, encode

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Client:
    """One client's numbers; None where it has none to give.

    pacing_*: arrival minus intended time at the low rate; read_p99_us: the same by when the server program read the request.
    busy_p99_us: of arrivals while every core was busy. cpu_us: of the client's process a request, its start-up taken off; of wrk
    at the rate it found itself. gate_rps, wide_gate_rps: highest rung with arrival p99 below 1 and 2 ms; 0: none.
    outage_*_ms: reported length of an outage, true_*_ms: the server's. killed: requests the server killed, reported: failures the
    client told of. stalled: requests that arrived while the server did not answer.
    """

    name: str
    how: str
    version: str
    pacing_p50_us: float | None = None
    pacing_p99_us: float | None = None
    read_p99_us: float | None = None
    cpu_us: float | None = None
    gate_rps: int | None = None
    wide_gate_rps: int | None = None
    busy_p99_us: float | None = None
    outage_502_ms: float | None = None
    true_502_ms: float | None = None
    outage_refuse_ms: float | None = None
    true_refuse_ms: float | None = None
    killed: int | None = None
    reported: int | None = None
    stalled: int | None = None


@dataclass(frozen=True, slots=True)
class Own:
    """What only ours has a goal for. recovery_ms: None: it never was in time again. memory_mib, disk_mib: per 100,000 requests."""

    recovery_ms: float | None
    stall_planned: int
    stall_accounted: int
    memory_mib: float
    disk_mib: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """The clients side by side. server_rps: where the truth server itself ends, 0 if nothing could show it.

    samples: each measurement before medians were taken, "client: what" -> values. discarded: runs measured again for stolen CPU.
    machine: what it ran on (`machine.facts`). background: share of its CPU time that others used before it began.
    """

    mode: str
    machine: Mapping[str, str]
    rounds: int
    rate: int
    seconds: float
    rungs: tuple[int, ...]
    stall_rate: int
    stall_s: float
    server_rps: float
    discarded: int
    background: float
    missing: Mapping[str, str]
    clients: tuple[Client, ...]
    own: Own
    samples: Mapping[str, tuple[float, ...]]


@dataclass(frozen=True, slots=True)
class Size:
    """Analysis of one built history, medians. Seconds of one process on one CPU; peak_mib: the most memory it had."""

    requests: int
    observations: int
    payload_mib: float
    disk_mib: float
    read_s: float
    analyse_s: float
    judge_s: float
    peak_mib: float
    unattributed: int
    repeats: int


@dataclass(frozen=True, slots=True)
class Side:
    """One side of the price, medians over its stretches. CPU in cores: the harness's process, the generator's, the whole machine.

    p50_us, p99_us: from sending to answer.
    """

    harness_cpu: float
    generator_cpu: float
    machine_cpu: float
    p50_us: float
    p99_us: float
    failed: int


@dataclass(frozen=True, slots=True)
class Price:
    """The cost of looking, on a real cluster: steady load with the observers and without, interleaved on one pod.

    why: there is none, and why ("" if there is). rounds: stretches of each side. p50_range_us: between the smallest and the largest
    p50 of the stretches without observers: a difference below that is none. observations: seen in all stretches with observers.
    """

    why: str
    rate: int = 0
    rounds: int = 0
    seconds: float = 0.0
    looking: Side | None = None
    alone: Side | None = None
    p50_range_us: float = 0.0
    observations: int = 0
    knative: str = ""
    kubernetes: str = ""


@dataclass(frozen=True, slots=True)
class Sizes:
    """All sizes, ascending."""

    sizes: tuple[Size, ...]


def keep(path: Path, noun: object) -> None:
    """Write it."""
    write_json(path, encode(noun))


def read(path: Path, noun: type[T]) -> T:
    """Read it back. Raises OSError, ValueError."""
    return decode(noun, json.loads(path.read_text(encoding="utf-8")))
