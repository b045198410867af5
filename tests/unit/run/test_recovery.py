"""When a cycle has recovered, and which pods it looks at while others are measured beside it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest

from harness.adapters.wait import Look
from harness.apps.foreign import FOREIGN
from harness.faults import Sight
from harness.faults.fault import RESTART
from harness.knative.pods import pod
from harness.model import CycleMark, Lane, Observation, Outcome, Pod
from harness.observe.feed import Feed
from harness.run import cycle as module
from harness.run.cycle import Cycle, _LiveSight

STATUS = {"name": "user-container", "ready": True, "state": {"running": {}}}
POD = Pod("shop-1-a", "uid", "10.0.0.1", "node")


def state(restarts: int, at_ns: int, name: str = POD.name) -> Observation:
    """A state of a pod."""
    containers = [{**STATUS, "restartCount": restarts}]
    return pod({"metadata": {"name": name}, "status": {"containerStatuses": containers}}, deleted=False, seen_ns=at_ns)


def look_at(monkeypatch: pytest.MonkeyPatch, states: Sequence[Observation]) -> Look[bool]:
    """The cycle's look at its recovery after a fault at 100 ns: every answer is good, and the program names no boot."""
    one = cast("Any", Cycle.__new__(Cycle))
    one.app, one.mark, one.ends = FOREIGN, CycleMark(0, POD.name, "", 0, 0, 100, 0, 0, 0), RESTART
    one.spec = SimpleNamespace(load=SimpleNamespace(lanes=((Lane.GET_KEEPALIVE, 1),)), after_s=1.0, recovery_s=1.0)
    one.fault, one.told = SimpleNamespace(of_workload=True), (POD,)
    one.deployed, one.turn = SimpleNamespace(pods=(POD,)), SimpleNamespace(give_up=lambda _one: None)
    one.sight = SimpleNamespace(now=lambda: Sight(states))
    one._probe_watch = lambda _pod, *, of_its_boot: None
    answers = SimpleNamespace(tail=lambda _since, _lanes: [SimpleNamespace(outcome=Outcome.OK, boot="")])
    looks: list[Look[bool]] = []

    async def until(_what: str, look: Any, **_limits: float) -> None:
        looks.append(look())

    monkeypatch.setattr(module, "until", until)
    asyncio.run(one._await_recovery(answers))
    return looks[0]


def test_a_program_that_names_no_boot_has_recovered_once_it_was_restarted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Good answers before that are the old container's."""
    early = look_at(monkeypatch, [state(0, 50), state(0, 150)])
    assert (early.value, "no new container or boot was seen" in early.seen) == (None, True)
    assert look_at(monkeypatch, [state(0, 50), state(1, 150)]).value is True


def test_a_cycle_does_not_look_at_the_pods_of_another_slot() -> None:
    """It sees its own workload's, and those that belong to no slot."""
    feed = Feed()
    for name in ("shop-0-a", "shop-1-a", "activator-x"):
        feed.observation(state(0, 50, name))
    slots = ("shop-0", "shop-1")
    sight = _LiveSight(feed, lambda _since: (), frozenset({"", "shop-1"}), slots).now()
    assert [bool(sight.states(name)) for name in ("shop-0-a", "shop-1-a", "activator-x")] == [False, True, True]
    alone = _LiveSight(feed, lambda _since: (), frozenset({"", "shop-1"}), ()).now()
    assert all(alone.states(name) for name in ("shop-0-a", "shop-1-a", "activator-x"))
