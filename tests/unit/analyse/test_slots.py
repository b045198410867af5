"""Several workloads measured at the same time: each cycle is analysed as if its slot had been alone."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from harness.analyse import analyse
from harness.analyse.slots import by_slot, slot_of
from harness.model import CycleFindings, Findings, Gap, Stream
from tests.unit.analyse import story as told
from tests.unit.analyse.story import MS, T0, S, Story, at, open_questions, restarts

NAMES = ("toggle-0", "toggle-1")
APART_S = 7
"""Between the starts of two cycles. A story's restart lasts from 4 to 10 s, its load 13 s."""


def staggered(monkeypatch: pytest.MonkeyPatch, apart_s: float = APART_S) -> Story:
    """Two restarts in two slots, 7 s apart: both loads, and the lines of both pods, overlap; the restarts do not."""
    monkeypatch.setattr(told, "at", lambda cycle, seconds: T0 + round((cycle * apart_s + seconds) * 1000) * MS)
    story = renamed(restarts(cycles=2))
    for slot, pod in enumerate(("toggle-0-a", "toggle-1-a")):  # made together, before the load of either
        story.pod(pod, T0 - 10 * S)
        story.observations.insert(0, story.observations.pop())
        story.listed(T0 - 9 * S, pod, service=f"{NAMES[slot]}-00001-private")
        story.observations.insert(1, story.observations.pop())
    return story


def renamed(story: Story) -> Story:
    """The same with pods of two workloads."""

    def new(value: Any) -> Any:
        text = json.dumps(value)
        return json.loads(text.replace("pod-0", "toggle-0-a").replace("pod-1", "toggle-1-a"))

    story.cycles = [replace(mark, pod=new(mark.pod), pods=tuple(new(list(mark.pods)))) for mark in story.cycles]
    story.faults = [replace(event, pod=new(event.pod)) for event in story.faults]
    story.observations = [replace(one, pod=new(one.pod), payload=new(one.payload)) for one in story.observations]
    story.answers = new(story.answers)
    story.meta = replace(story.meta, slots=NAMES)
    return story


def without_times(cycle: CycleFindings, begun_ns: int) -> CycleFindings:
    """The cycle with the times of its edges and windows after the start of its load, and without names of pods."""
    edges = {
        name: replace(edge, lo_ns=edge.lo_ns - begun_ns, hi_ns=edge.hi_ns - begun_ns, evidence="")
        for name, edge in cycle.anatomy.items()
    }

    def moved(window: tuple[int, int] | None) -> tuple[int, int] | None:
        return window and (window[0] - begun_ns, window[1] - begun_ns)

    landed = replace(cycle.landed, parts=tuple((name, seen, "") for name, seen, _ in cycle.landed.parts))
    return replace(
        cycle,
        pod="",
        landed=landed,
        anatomy=edges,
        restarted=dict.fromkeys(["pod"], sum(cycle.restarted.values())),
        refused_window=moved(cycle.refused_window),
        queue_proxy_window=moved(cycle.queue_proxy_window),
    )


def found(story: Story) -> Findings:
    """Of the story, which must leave nothing open."""
    findings = analyse(story.history())
    assert open_questions(findings) == ()
    return findings


def test_each_cycle_is_as_if_its_slot_had_been_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Edges, counts, causes and windows; nothing of the other pod's restart shows."""
    one_by_one = found(restarts(cycles=2))
    alone = [without_times(cycle, at(cycle.index, 0)) for cycle in one_by_one.cycles]
    together = found(staggered(monkeypatch))
    assert [without_times(cycle, T0 + cycle.index * APART_S * S) for cycle in together.cycles] == alone
    assert together.ledger == one_by_one.ledger


def test_two_restarts_that_overlap_are_a_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    """The run promises that no slot injects its fault before the new container of another serves, here at 10 s."""
    findings = analyse(staggered(monkeypatch, 5.5).history())
    assert findings.doubts == ("cycles 0 and 1: the second fault came 0.483 s before the first container served",)
    assert analyse(staggered(monkeypatch, 6.1).history()).doubts == ()
    assert analyse(staggered(monkeypatch, 0).history()).doubts != ()


def test_restarts_of_voided_cycles_that_overlap_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing rests on them; on one that counts something does."""
    story = staggered(monkeypatch, 5.5)
    story.generators[0] = replace(story.generators[0], steal=0.5)
    assert any("container served" in text for text in analyse(story.history()).doubts)
    story.generators[1] = replace(story.generators[1], steal=0.5)
    assert not any("container served" in text for text in analyse(story.history()).doubts)


def test_without_the_slots_the_other_pods_restart_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same evidence, read as that of one workload, leaves claims open."""
    story = staggered(monkeypatch)
    story.meta = replace(story.meta, slots=())
    assert open_questions(analyse(story.history())) != ()


def test_a_gap_of_one_slots_pod_concerns_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gap that belongs to no pod concerns them all."""
    story = staggered(monkeypatch)
    story.gaps = [Gap(Stream.APP, "toggle-1-a", T0 + 6 * S, T0 + 7 * S, "lost")]
    kept = by_slot(story.history())
    assert {slot: len(history.gaps) for slot, history in kept.items()} == {"toggle-0": 0, "toggle-1": 1}
    first, second = analyse(story.history()).cycles
    assert not first.unknown
    assert second.unknown
    story.gaps = [Gap(Stream.PODS, "", T0 + 6 * S, T0 + 7 * S, "lost")]
    assert all(cycle.unknown for cycle in analyse(story.history()).cycles)


def test_what_names_another_slots_revision_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """EndpointSlices and the activator's lines; the node's journals, and what names nobody, stay."""
    story = staggered(monkeypatch)
    story.see(Stream.ACTIVATOR, "activator-x", T0, {"error": "EOF", "knative.dev/key": "ns/toggle-1-00001"})
    story.see(Stream.ACTIVATOR, "activator-x", T0, {"error": "EOF"})
    kept = by_slot(story.history())
    seen = {slot: history.observations for slot, history in kept.items()}
    assert {slot: rows.filter(pl.col("stream") == Stream.ACTIVATOR.value).height for slot, rows in seen.items()} == {
        "toggle-0": 1,
        "toggle-1": 2,
    }
    for slot, other in (("toggle-0", "toggle-1"), ("toggle-1", "toggle-0")):
        assert not seen[slot].filter(pl.col("payload").str.contains(f'"{other}-') | pl.col("pod").str.starts_with(other)).height
        assert [mark.pod for mark in kept[slot].cycles] == [f"{slot}-a"]
        assert {event.pod for event in kept[slot].faults} == {f"{slot}-a"}


def test_a_run_without_slots_is_analysed_whole() -> None:
    """The very history, under no slot's name."""
    history = restarts().history()
    assert by_slot(history)[""] is history
    assert slot_of("toggle-00001-deployment-5c64b577c7-hcpbd", ()) == ""


def test_a_slot_keeps_what_is_of_a_slot_whose_name_begins_as_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of toggle-1 and toggle-10: pods, EndpointSlices, the activator's lines and gaps."""
    story = staggered(monkeypatch)
    names = ("toggle-1", "toggle-10")

    def new(value: Any) -> Any:
        return json.loads(json.dumps(value).replace("toggle-1-", "toggle-10-").replace("toggle-0-", "toggle-1-"))

    story.cycles = [replace(mark, pod=new(mark.pod)) for mark in story.cycles]
    story.faults = [replace(event, pod=new(event.pod)) for event in story.faults]
    story.observations = [replace(one, pod=new(one.pod), payload=new(one.payload)) for one in story.observations]
    story.meta = replace(story.meta, slots=names)
    for name in names:
        story.see(Stream.ACTIVATOR, "activator-x", T0, {"error": "EOF", "knative.dev/key": f"ns/{name}-00001"})
        story.gaps.append(Gap(Stream.APP, f"{name}-a", T0, T0 + 1, "lost"))
    kept = by_slot(story.history())
    for name, other in (names, reversed(names)):
        seen, of_all = kept[name].observations, story.history().observations

        def about(rows: pl.DataFrame, word: str) -> int:
            named = pl.col("payload").str.contains(f'["/]{word}-') | pl.col("pod").str.starts_with(f"{word}-")
            return rows.filter(named).height

        assert about(seen, name) == about(of_all, name) > 0
        assert about(seen, other) == 0
        assert seen.filter(pl.col("stream") == Stream.ENDPOINTS.value).height > 0
        assert seen.filter(pl.col("stream") == Stream.ACTIVATOR.value).height == 1
        assert [gap.pod for gap in kept[name].gaps] == [f"{name}-a"]


def test_no_slot_is_taken_for_another() -> None:
    """Ten slots and more."""
    names = tuple(f"toggle-{number}" for number in range(12))
    assert slot_of("toggle-1-00001-deployment-5c-x", names) == "toggle-1"
    assert slot_of("toggle-11-00001-deployment-5c-x", names) == "toggle-11"
    assert slot_of("activator-65486b75f9-jc5cj", names) == ""
