"""The truth server's other side: start it on its CPU, stop it, and read what it saw."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tests.bench.machine import cpus, on_cpu
from tests.bench.server import ARRIVAL

Times = npt.NDArray[np.int64]
ARRIVAL_DTYPE = np.dtype([("seq", "<i8"), ("at_ns", "<i8"), ("read_ns", "<i8")])

if ARRIVAL_DTYPE.itemsize != ARRIVAL.size:  # pragma: no cover - a change of one without the other
    raise AssertionError(f"an arrival has {ARRIVAL.size} bytes, its dtype {ARRIVAL_DTYPE.itemsize}")

Fault = tuple[str, float, float]
"""kind, from and until in seconds after the first request."""


def _none() -> Times:
    return np.zeros(0, dtype=np.int64)


@dataclass(slots=True)
class Truth:
    """What the server saw; filled in when its block is left. One row a request, in the order read."""

    port: int
    served: int = 0
    killed: int = 0
    windows: Sequence[tuple[int, int]] = ()
    seq: Times = field(default_factory=_none)
    at_ns: Times = field(default_factory=_none)
    read_ns: Times = field(default_factory=_none)


@contextmanager
def serving(folder: Path, capacity: int, faults: Sequence[Fault] = (), *, kill_second: bool = False) -> Iterator[Truth]:
    """A fresh server for the block. capacity: arrivals that can be logged; more are served and only counted."""
    log = folder / "arrivals.bin"
    asked = {"log": str(log), "capacity": capacity, "faults": list(faults), "kill_second": kill_second}
    with on_cpu(cpus()[1]):
        child = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.server", json.dumps(asked)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
            text=True,
        )
    try:
        assert child.stdout is not None
        truth = Truth(int(child.stdout.readline()))
        yield truth
        told, _ = child.communicate(timeout=60)  # closes its input first
        said = json.loads(told)
        truth.served, truth.killed = said["served"], said["killed"]
        truth.windows = [(on, off) for on, off in said["windows"]]
        rows = np.fromfile(log, dtype=ARRIVAL_DTYPE, count=min(truth.served, capacity))
        truth.seq, truth.at_ns, truth.read_ns = (rows[name].copy() for name in ("seq", "at_ns", "read_ns"))
    finally:
        child.kill()
        with child:  # closes its pipes and waits for it
            pass
        log.unlink(missing_ok=True)
