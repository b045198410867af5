"""The anatomy of a story's cycle, and the stories of other faults than a liveness probe's."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import polars as pl

from harness.analyse.anatomy import Anatomy, about_no_request, dissect, gather
from harness.analyse.sights import rows_to_observations
from harness.apps.toggle import app_events
from harness.faults import Sight
from harness.model import AppSpec, Bracket, FaultSpec, History, Observation, ServiceSpec, Stream
from tests.unit.analyse.story import REFUSED, S, Story, at, restarts, stamp


def dissected(story: Story, cycle: int = 0, *, service: ServiceSpec | None = None) -> Anatomy:
    """What the story shows of one cycle."""
    return dissected_of(story.history(), cycle, service)


def dissected_of(history: History, cycle: int, service: ServiceSpec | None = None) -> Anatomy:
    """What a history shows of one cycle, without the rest of the findings."""
    mark = next(mark for mark in history.cycles if mark.index == cycle)
    known = pl.when(pl.col("stream").is_in(["pods", "endpointslices"])).then(pl.col("seen_ns")).otherwise(pl.col("at_ns"))
    shared = pl.col("stream").is_in(["endpointslices", "journal:kubelet", "journal:containerd"])
    proxies = pl.col("stream").is_in(["log:queue-proxy", "log:activator"])
    mine = history.observations.filter(~proxies & (shared | (pl.col("pod") == mark.pod)) & (known <= mark.ended_ns))
    seen = rows_to_observations(mine)
    sights, proxy = Sight(seen).states(mark.pod), about_no_request(history.observations)
    return dissect(
        mark,
        next((fault for fault in history.faults if fault.cycle == cycle), None),
        service or history.meta.spec.service,
        gather(mark.pod, seen, app_events(seen), sights, proxy, mark.ended_ns),
        history.requests.filter(pl.col("cycle") == cycle),
        history.answers.filter(pl.col("cycle") == cycle),
        end_ns=mark.ended_ns,
    )


def span(bracket: Bracket, cycle: int = 0) -> tuple[float, float]:
    """Its ends in seconds of the cycle."""
    return (bracket.lo_ns - at(cycle, 0)) / S, (bracket.hi_ns - at(cycle, 0)) / S


def of_kind(kind: str, *, persistent: bool = False, **service: Any) -> Story:
    """One restart by another fault: what only a failing probe shows is not there."""
    story = restarts(1)
    story.spec(fault=FaultSpec(kind, {"persistent": persistent}), service=ServiceSpec(app=AppSpec(), **service))
    story.faults = [replace(fault, kind=kind, params={"persistent": persistent}) for fault in story.faults]
    if kind != "liveness":
        story.drop(lambda one: '"liveness"' in one.payload or '"signal"' in one.payload or "Killing" in one.payload)
        story.drop(lambda one: one.stream is Stream.CONTAINERD and ("StopContainer" in one.payload or "signal" in one.payload))
    return story


def only(story: Story, keep: Callable[[Observation], bool], *, requests: bool = False) -> Story:
    """Without the witnesses but these; the clients' rows go too unless they are asked to stay."""
    story.drop(lambda one: not keep(one))
    if not requests:
        story.requests = []
    return story


def drained(story: Story, pod: str, ns: int) -> None:
    """Queue-proxy's line when the preStop hook of the user container reaches it."""
    line = {"severity": "info", "timestamp": stamp(ns)[:23] + "Z", "logger": "queueproxy"}
    line["message"] = "Attached drain handler from user-container&{GET /wait-for-drain}"
    story.see(Stream.QUEUE_PROXY, pod, ns, json.dumps(line, separators=(",", ":")))


def probe_refused(story: Story, pod: str, ns: int) -> None:
    """Queue-proxy's plain line about its own probe."""
    story.see(Stream.QUEUE_PROXY, pod, ns, f'Get "http://127.0.0.1:8080/readyz": {REFUSED}')
