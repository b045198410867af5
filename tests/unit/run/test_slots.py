"""Which runs can be measured in slots, and how their cycles are spread over rounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from harness import deploy
from harness.adapters.progress import QUIET
from harness.catalogue import N1, S1, S2, S21, S30B, S33A
from harness.errors import BadInput
from harness.model import Arrivals, FaultSpec, KnativeVersion, Lane, LoadPlan, Scenario, WorkloadKind
from harness.run import require_runnable, session
from harness.run.phases import Phases
from harness.run.session import _Session
from harness.run.slots import names_of

VERSION = KnativeVersion.parse("1.23")


@pytest.mark.parametrize("spec", [S1, S2, N1], ids=lambda spec: spec.name)
def test_what_disturbs_nobody_else_can_be_measured_in_slots(tmp_path: Path, spec: Scenario) -> None:
    """On one Knative Service each, by the users' route."""
    require_runnable(spec, VERSION, tmp_path, slots=3)


@pytest.mark.parametrize(
    ("scenario", "words"),
    [
        (replace(S1, workload=WorkloadKind.DEPLOYMENT), "a plain Deployment needs the one node port"),
        (replace(S1, load=LoadPlan(lanes=((Lane.GET_QUEUE_PROXY, 1),))), "the lane get-queue-proxy needs the one node port"),
        (replace(S1, load=LoadPlan(arrivals=Arrivals.RAMP, to_rate_rps=90, over_s=20)), "a load whose rate changes"),
        (replace(S1, fault=FaultSpec("activator-delete")), "the fault activator-delete hits a pod that all of them use"),
        (S30B, "in the course scale-down the workload scales"),
        (S33A, "its autoscaler may make pods"),
        (S21, "its container is restarted again and again"),
    ],
    ids=["plain", "node port", "ramp", "activator", "scale-down", "free", "loop"],
)
def test_what_the_slots_would_share_is_refused(tmp_path: Path, scenario: Scenario, words: str) -> None:
    """Before anything is made; alone it can be measured."""
    mine = replace(scenario, name="mine")
    require_runnable(mine, VERSION, tmp_path)
    with pytest.raises(BadInput, match=f"cannot be measured at the same time: .*{words}"):
        require_runnable(mine, VERSION, tmp_path, slots=2)


def test_objects_beside_the_service_are_refused(tmp_path: Path) -> None:
    """Each slot has a Service of its own name, but they would share the one ConfigMap."""
    service = deploy.knative_service(S1.service)
    beside = "\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {a: b}\n"
    workload = replace(service, documents=service.documents + beside)
    mine = replace(S1, name="mine")
    require_runnable(mine, VERSION, tmp_path, workload=workload)
    with pytest.raises(BadInput, match="its objects beside the Service would be shared"):
        require_runnable(mine, VERSION, tmp_path, workload=workload, slots=2)


@pytest.mark.parametrize("slots", [0, -1, 10])
def test_a_number_of_slots_that_cannot_be_is_refused(tmp_path: Path, slots: int) -> None:
    """No slot, or more than the machine has room for."""
    with pytest.raises(BadInput, match=f"{slots} slots were asked for"):
        require_runnable(S1, VERSION, tmp_path, slots=slots)


def test_one_slot_keeps_the_name_that_the_documents_have() -> None:
    """So a run without slots is what it always was."""
    workload = deploy.knative_service(S1.service)
    assert names_of(workload, 1) == ()
    assert names_of(workload, 3) == ("toggle-0", "toggle-1", "toggle-2")


@dataclass
class Told:
    """A cycle as a round leaves it."""

    slot: object
    deployed: str
    index: int
    replaces: int
    given_up: str = ""

    @property
    def mark(self) -> Any:
        """What it says of itself."""
        return SimpleNamespace(index=self.index, given_up=self.given_up)

    def prepare(self) -> None:
        """Its observers are proved elsewhere."""


def rounds(
    monkeypatch: pytest.MonkeyPatch, cycles: int, slots: int, *, void: Sequence[int] = (), given_up: Sequence[int] = ()
) -> tuple[list[list[tuple[str, int, int]]], list[str]]:
    """(workload, index, replaced) of each cycle by rounds, and the names of the steps. void, given_up: indices."""
    done: list[list[tuple[str, int, int]]] = []

    def cycle(bench: Any, deployed: str, index: int, *, replaces: int) -> Told:
        return Told(bench.random, deployed, index, replaces, "planted" if index in given_up else "")

    def measured(_bench: object, made: Sequence[Told]) -> None:
        assert len({id(one.slot) for one in made}) == len(made)  # each draws its own phases
        done.append([(one.deployed, one.index, one.replaces) for one in made])

    monkeypatch.setattr(session, "Cycle", cycle)
    monkeypatch.setattr(session, "measured_together", measured)
    monkeypatch.setattr(session, "replace", lambda _bench, **changed: SimpleNamespace(**changed))
    monkeypatch.setattr(deploy, "fresh_pods_together", lambda _handle, stood, **_: [f"{name}'" for name in stood])
    of_run = cast("Any", _Session.__new__(_Session))
    of_run.spec = SimpleNamespace(cycles=cycles, replacements=cycles // 2)
    of_run.world, of_run.seed, of_run.begun_cycles = SimpleNamespace(progress=QUIET, handle=None), 7, 0
    of_run.phases, of_run._work = Phases(QUIET), lambda *_: ""
    of_run.slots = tuple("abc"[:slots]) if slots > 1 else ()
    of_run._void_reason = lambda _bench, one: "late" if one.index in void else ""
    of_run._cycles(SimpleNamespace(random=object()), list("abc"[:slots]))
    assert of_run.begun_cycles == sum(map(len, done))
    return done, [phase.name for phase in of_run.phases.done]


def test_a_round_is_as_wide_as_there_are_slots_and_cycles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each on fresh pods of its own workload."""
    done, steps = rounds(monkeypatch, 5, 3)
    assert done == [[("a", 0, -1), ("b", 1, -1), ("c", 2, -1)], [("a'", 3, -1), ("b'", 4, -1)]]
    assert steps == ["6-10 cycles 0 to 2", "6-10 cycles 3 to 4"]


def test_without_slots_a_round_is_a_cycle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Under the names that its steps always had."""
    done, steps = rounds(monkeypatch, 3, 1)
    assert done == [[("a", 0, -1)], [("a'", 1, -1)], [("a''", 2, -1)]]
    assert steps == ["6-10 cycle 0", "6-10 cycle 1", "6-10 cycle 2"]


def test_a_voided_cycle_costs_itself_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The others of its round count; its replacement says what it stands for."""
    done, _ = rounds(monkeypatch, 5, 3, void=[1])
    assert done[1:] == [[("a'", 3, 1), ("b'", 4, -1), ("c'", 5, -1)]]


@pytest.mark.parametrize("slots", [1, 3])
def test_no_more_are_replaced_than_was_fixed(monkeypatch: pytest.MonkeyPatch, slots: int) -> None:
    """Two of four: the third voided one ends the run, after its round."""
    done, _ = rounds(monkeypatch, 4, slots, void=range(99))
    assert [index for made in done for _, index, _ in made] == [0, 1, 2]


def test_a_cycle_that_was_given_up_ends_the_run_after_its_round(monkeypatch: pytest.MonkeyPatch) -> None:
    """The others of the round are measured all the same."""
    done, _ = rounds(monkeypatch, 6, 3, given_up=[1])
    assert [[index for _, index, _ in made] for made in done] == [[0, 1, 2]]
