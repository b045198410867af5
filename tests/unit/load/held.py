"""Running a generator against the truth server."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from hypothesis import HealthCheck, settings

from harness.load.process import GeneratorSpec
from harness.model import POD_ROUTE, QUEUE_PROXY_ROUTE, USERS_ROUTE, Lane, LoadPlan, Route

TRUTH = Path(__file__).with_name("truth.py")
EVEN = tuple((lane, 1) for lane in Lane if lane is not Lane.GRPC)  # its path is no other lane's
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""Of properties: how long a busy machine takes says nothing."""

WITHIN_S = 60.0
"""What is waited for comes far sooner: this is for a machine that has other things to do."""


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
            server.wait(WITHIN_S)
        finally:
            server.kill()
            server.wait()
            server.stdout.close()


def spec_for(
    port: int,
    *,
    rate_rps: float = 200.0,
    deadline_s: float = WITHIN_S,
    max_s: float = 600.0,
    drain_s: float = WITHIN_S,
    cap: int = 0,
    lanes: tuple[tuple[Lane, int], ...] = EVEN,
    at_once: bool = True,
    straight: int = 0,
    retries: int = 2,
    retry_after_s: float = 0.02,
) -> GeneratorSpec:
    """A generator for a server on this host. straight: the port of all routes but the users', 0: the same."""
    plan = LoadPlan(rate_rps, lanes, deadline_s, cap, retries=retries, retry_after_s=retry_after_s)
    routes = tuple(
        Route(name, "127.0.0.1", port if name == USERS_ROUTE else straight or port, "app.example", ())
        for name in (USERS_ROUTE, QUEUE_PROXY_ROUTE, POD_ROUTE)
    )
    return GeneratorSpec(routes, plan, "run", 3, max_s, drain_s, at_once=at_once)
