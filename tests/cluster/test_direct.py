"""Side by side: the way of every user, to queue-proxy, to the app itself. They fail at the same time, each in its own words."""

from __future__ import annotations

import polars as pl
import pytest

from fixtures.experiment import Experiment
from harness.adapters.kube import Kube
from harness.adapters.objects import Objects
from harness.deploy.direct import NODE_PORTS
from harness.history import read
from harness.model import Lane, LoadPlan, Outcome
from harness.run import World
from tests.cluster.quick import S1

pytestmark = pytest.mark.cluster


def test_each_way_fails_in_its_own_words_at_the_same_time(world: World, experiment: Experiment) -> None:
    """Through queue-proxy a request is answered 502; past it there is nobody to answer. The ways are gone after the run."""
    plan = LoadPlan(rate_rps=60, lanes=((Lane.GET_KEEPALIVE, 1), (Lane.GET_QUEUE_PROXY, 1), (Lane.GET_POD, 1)))
    run = experiment(S1, name="ways", claims=S1.claims, cycles=1, load=plan)
    history = read(run.directory)
    (mark,) = history.cycles
    assert not mark.given_up
    windows = {}
    for lane, outcomes in (
        (Lane.GET_KEEPALIVE, {Outcome.HTTP_ERROR}),
        (Lane.GET_QUEUE_PROXY, {Outcome.HTTP_ERROR}),
        (Lane.GET_POD, {Outcome.REFUSED, Outcome.RESET, Outcome.CLOSED}),
    ):
        mine = history.requests.filter(pl.col("lane") == lane)
        failed = mine.filter(pl.col("outcome") != Outcome.OK)
        assert mine.height > failed.height > 10, lane
        assert set(failed["outcome"]) <= outcomes, lane
        assert set(failed["status"]) == ({0} if lane is Lane.GET_POD else {502}), lane
        windows[lane] = (failed["intended_ns"].min(), failed["intended_ns"].max())
    starts, ends = zip(*windows.values(), strict=True)
    common, whole = min(ends) - max(starts), max(ends) - min(starts)
    assert common > 0.8 * whole, windows
    services = Objects(Kube.of(world.handle)).find("v1", "Service")
    held = [port.get("nodePort") for one in services for port in one["spec"].get("ports") or []]
    assert not set(NODE_PORTS.values()) & set(held)
