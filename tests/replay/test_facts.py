"""Every fact of every recording rests on the streams it declares: on no other, and on each group of them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from harness.analyse import analyse
from harness.analyse.facts import declared
from harness.history import read
from harness.model import CycleFindings, Fact, History, Stream
from tests.replay.replay import recordings


def fields_of(fact: Fact, cycle: CycleFindings) -> object:
    """What the findings of a cycle say of a fact."""
    return {
        Fact.REQUESTS: cycle.sent,
        Fact.LEDGER: (cycle.by_cause, cycle.queue_proxy_window),
        Fact.LANDING: cycle.landed,
        Fact.READINESS: cycle.ready_throughout,
        Fact.RESTARTS: cycle.restarts,
        Fact.LISTENER: (cycle.outside_window, cycle.anatomy, cycle.missing),
        Fact.PROBES: cycle.probed_again,
        Fact.LATENCY: cycle.latency,
        Fact.HOPS: cycle.hops,
        Fact.FAILING_POD: cycle.unknown.get(Fact.FAILING_POD),
    }[fact]


def without(history: History, streams: Collection[Stream]) -> History:
    """The history as if nothing had ever been observed on these streams, nor any gap noticed."""
    names = [stream.value for stream in streams]
    return replace(
        history,
        observations=history.observations.filter(~pl.col("stream").is_in(names)),
        gaps=tuple(gap for gap in history.gaps if gap.stream not in streams),
    )


@pytest.mark.parametrize("recording", recordings(), ids=lambda path: path.name)
def test_a_fact_rests_on_what_it_declares_and_on_each_group_of_it(recording: Path) -> None:
    """Without the streams it does not declare it says the same; without a whole group that it needs it is unknown."""
    history = read(recording)
    there = {Stream(name) for name in history.observations["stream"].unique()} | {gap.stream for gap in history.gaps}
    known: dict[frozenset[Stream], tuple[CycleFindings, ...]] = {}

    def cycles_without(streams: Collection[Stream]) -> tuple[CycleFindings, ...]:
        """What analysis finds without them. Facts often need the same group, and no recording has all streams."""
        gone = frozenset(there.intersection(streams))
        if gone not in known:
            known[gone] = analyse(without(history, gone)).cycles
        return known[gone]

    whole = cycles_without(())
    for fact, rests in declared(history.meta).items():
        others = set(Stream) - rests.streams - {Stream.CLOCK}
        alone = cycles_without(others)
        for cycle, again in zip(whole, alone, strict=True):
            assert fields_of(fact, again) == fields_of(fact, cycle), (fact, cycle.index)
            assert again.unknown.get(fact) == cycle.unknown.get(fact), (fact, cycle.index)
        for group in rests.needs:
            lost = cycles_without(group)
            assert all(fact in cycle.unknown for cycle in lost), (fact, group)


def test_every_fact_that_can_be_lost_is_tried() -> None:
    """There is a recording in which it needs something; only a route without queue-proxy needs one for the pod that failed."""
    needed = {fact for path in recordings() for fact, rests in declared(read(path).meta).items() if rests.needs}
    assert needed == set(Fact) - {Fact.REQUESTS, Fact.LATENCY, Fact.FAILING_POD}
