"""Running a generator against the truth server."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from harness.load.process import GeneratorSpec
from harness.model import Lane, LoadPlan

TRUTH = Path(__file__).with_name("truth.py")
EVEN = tuple((lane, 1) for lane in Lane)
STRAIGHT = (Lane.GET_QUEUE_PROXY, Lane.GET_POD)
"""Lanes that connect to another port, where there is one."""


@contextmanager
def truth_server(log: Path, *, faults: Sequence[tuple[str, float, float]] = (), kill_second: bool = False) -> Iterator[int]:
    """The server's first port; its log is complete when the block is left."""
    with truth_ports(log, faults=faults, kill_second=kill_second) as (first, _):
        yield first


@contextmanager
def truth_ports(
    log: Path, *, faults: Sequence[tuple[str, float, float]] = (), kill_second: bool = False
) -> Iterator[tuple[int, int]]:
    """Both of its ports."""
    asked = json.dumps({"faults": list(faults), "kill_second": kill_second, "log": str(log)})
    server = subprocess.Popen([sys.executable, str(TRUTH), asked], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert server.stdin is not None
    assert server.stdout is not None
    try:
        first, second = (int(port) for port in server.stdout.readline().split())
        yield first, second
    finally:
        server.stdin.close()
        try:
            server.wait(20)
        finally:
            server.kill()
            server.wait()
            server.stdout.close()


def spec_for(
    port: int,
    *,
    rate_rps: float = 200.0,
    deadline_s: float = 5.0,
    max_s: float = 60.0,
    drain_s: float = 2.0,
    cap: int = 0,
    lanes: tuple[tuple[Lane, int], ...] = EVEN,
    at_once: bool = True,
    straight: int = 0,
    retries: int = 2,
    retry_after_s: float = 0.02,
) -> GeneratorSpec:
    """A generator for a server on this host. straight: the other port, 0 for none."""
    plan = LoadPlan(rate_rps, lanes, deadline_s, cap, retries=retries, retry_after_s=retry_after_s)
    ports = tuple((lane, straight) for lane in STRAIGHT if straight)
    return GeneratorSpec("127.0.0.1", port, "app.example", plan, "run", 3, max_s, drain_s, at_once=at_once, ports=ports)
