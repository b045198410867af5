"""What every fault owes the rest of the house, whichever it is; and that nobody else asks which one it is."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from harness.errors import BadInput
from harness.faults import EDGES, FAULTS, Asked, Case, Door, Sight, fault_named
from harness.model import FaultEvent, FaultSpec, Handler, Observation, Outcome, Probe, Procedure, ServiceSpec, Stream
from tests.unit.analyse.story import FAULT_S, MS, Story, at, restarts

ROOT = Path(__file__).parents[3]
INJECTED = [name for name, fault in FAULTS.items() if fault.injected]
SERVICE = ServiceSpec(liveness=Probe(), readiness=Probe(path="/readyz"), max_scale=4)


def procedure(service: ServiceSpec) -> Procedure:
    """What is asked of a run of this Service."""
    return Procedure(title="x", service=service, fault=FaultSpec())


def case_of(kind: str) -> Case:
    """This fault, put into the pod of the first cycle of a story, or into one that is not the workload's."""
    pod = "other-0" if FAULTS[kind].elsewhere else "pod-0"
    answer = json.dumps({"boot": "old0", "look": ["processes", f"containerd://{pod}-0"], "oom_kills": 1})
    event = FaultEvent(0, kind, {}, pod, "old0", at(0, FAULT_S), at(0, FAULT_S) + 1, 200, answer)
    return Case(FaultSpec(kind), SERVICE, event, at(0, FAULT_S))


def everything() -> Story:
    """All that any of the faults must show, at once: of the first pod, of one beside it, and of one of another revision."""
    story = restarts(1)
    story.app("pod-0", "old0", at(0, 4.2), "probe", which="readiness", via="http", ok=False)
    story.app("pod-0", "old0", at(0, 4.2), "hang", which="liveness", via="http")
    story.pod("pod-0", at(0, 1), revision="toggle-00001")
    story.pod("pod-b", at(0, 1), revision="toggle-00001")
    story.pod("pod-0", at(0, 5.5), ready=False, revision="toggle-00001")
    story.pod("pod-c", at(0, 6), ready=False, revision="toggle-00002")
    story.pod("pod-c", at(0, 7), revision="toggle-00002")
    story.pod("pod-d", at(0, 1), revision="toggle-00002")
    story.pod("pod-e", at(0, 1), revision="toggle-00002")
    story.listed(at(0, 7.5), "pod-c")
    story.pod("pod-0", at(0, 8.3), restarts=1, since_ns=at(0, 8), revision="toggle-00001", exit_code=137, reason="OOMKilled")
    for pod, second, deleting in (("other-0", 1, False), ("other-0", 9, True), ("other-x", 6, False)):
        story.see(Stream.OTHER_PODS, pod, at(0, second), {"ready": not deleting, "deleting": deleting, "containers": {}})
    story.see(Stream.NODE, "pod-0", at(0, 4.5), {"processes": 2, "stopped": 2, "accept_queue": 3})
    story.see(Stream.NODE, "pod-0", at(0, 7), {"rule": True, "packets": 3})
    story.pod("pod-0", at(0, 9), restarts=1, deleting=True, revision="toggle-00001")
    story.pod("pod-b", at(0, 9), deleting=True, revision="toggle-00001")
    story.pod("pod-d", at(0, 9), deleting=True, revision="toggle-00002")
    story.pod("pod-c", at(0, 9.5), deleting=True, revision="toggle-00002")
    return story


def sight(observations: Iterable[Observation]) -> Sight:
    """Of these, and of two requests of users: a quick one before the fault, and a slow one after it."""
    taken = ((1, 3 * MS), (4.5, 1000 * MS))
    asked = [Asked(at(0, sent_s), at(0, sent_s) + took_ns, Outcome.OK, 200, "old0") for sent_s, took_ns in taken]
    return Sight(observations, lambda since_ns: [one for one in asked if one.done_ns >= since_ns])


@pytest.mark.parametrize("kind", FAULTS)
def test_the_registry_names_each_fault_by_its_own_name(kind: str) -> None:
    """A FaultSpec and a history find it by that name."""
    assert FAULTS[kind].name == kind
    assert fault_named(kind) is FAULTS[kind]


def test_an_unknown_fault_is_refused_with_the_names_there_are() -> None:
    """Before anything is built."""
    with pytest.raises(BadInput, match="no fault 'livenes'"):
        fault_named("livenes")


@pytest.mark.parametrize("kind", INJECTED)
def test_a_proof_reads_no_stream_that_it_does_not_declare(kind: str) -> None:
    """Streams beside the declared ones change nothing: the declaration is what a claim's evidence is demanded by."""
    story = everything()
    declared = frozenset().union(*FAULTS[kind].needs)
    whole = FAULTS[kind].proof(case_of(kind), sight(story.observations))
    alone = FAULTS[kind].proof(case_of(kind), sight(one for one in story.observations if one.stream in declared))
    assert whole == alone
    assert any(seen for _, seen, _ in whole)


@pytest.mark.parametrize("kind", INJECTED)
def test_a_proof_fails_without_any_group_that_it_declares(kind: str) -> None:
    """A group that could be missing without a difference would not be needed."""
    story = everything()
    assert all(seen for _, seen, _ in FAULTS[kind].proof(case_of(kind), sight(story.observations)))
    for group in FAULTS[kind].needs:
        rest = sight(one for one in story.observations if one.stream not in group)
        assert not all(seen for _, seen, _ in FAULTS[kind].proof(case_of(kind), rest)), group


@pytest.mark.parametrize("kind", FAULTS)
def test_edges_are_known_ones(kind: str) -> None:
    """An edge that no witness can show would be missing for ever."""
    fault = FAULTS[kind]
    must = fault.required(FaultSpec(kind), SERVICE, {}, at(0, 60), asks_liveness=True)
    assert must <= set(EDGES)
    assert {edge for pair in fault.order for edge in pair} <= set(EDGES)
    assert ("fault" in must) is fault.injected
    assert {witness.edge for witness in fault.witnesses} <= set(EDGES)


@pytest.mark.parametrize("kind", INJECTED)
def test_what_it_does_is_said_in_words(kind: str) -> None:
    """The report's first sentence begins with it."""
    assert re.fullmatch(r"[A-Z][^.]+", FAULTS[kind].done)


@pytest.mark.parametrize(
    ("kind", "service", "why"),
    [
        ("liveness", ServiceSpec(), "no liveness probe"),
        ("liveness", ServiceSpec(liveness=Probe(Handler.TCP)), "TCP"),
        ("liveness", ServiceSpec(liveness=Probe(path="/actuator/health/liveness")), "/actuator/health/liveness"),
        ("liveness", ServiceSpec(liveness=Probe(Handler.EXEC, path="readiness")), "readiness"),
        ("readiness", ServiceSpec(), "no readiness probe"),
        ("readiness", ServiceSpec(readiness=Probe(Handler.TCP)), "TCP"),
        ("readiness", ServiceSpec(readiness=Probe(path="/healthz")), "/healthz"),
        ("liveness-once", ServiceSpec(), "no liveness probe"),
        ("liveness-once", ServiceSpec(liveness=Probe(failure_threshold=2)), "kills 1 s after the first failure"),
        ("liveness-once", ServiceSpec(liveness=Probe(path="/readyz")), "/readyz"),
        ("liveness-blocked", ServiceSpec(), "no liveness probe"),
        ("liveness-blocked", ServiceSpec(liveness=Probe(Handler.EXEC)), "exec"),
        ("freeze", ServiceSpec(liveness=Probe(Handler.TCP)), "TCP"),
        ("freeze", ServiceSpec(liveness=Probe(Handler.EXEC)), "exec"),
        ("scale-down", ServiceSpec(), "has 1 pods at most"),
        ("scale-down", ServiceSpec(initial_scale=3, min_scale=2, max_scale=3), "its min-scale is 2"),
    ],
)
def test_a_fault_that_cannot_land_says_why(kind: str, service: ServiceSpec, why: str) -> None:
    """The toggle app answers every other path well, and its port goes on accepting."""
    assert why in FAULTS[kind].can_land(FaultSpec(kind), procedure(service))


@pytest.mark.parametrize(
    ("kind", "service"),
    [
        ("none", ServiceSpec()),
        ("exit", ServiceSpec()),
        ("hang", ServiceSpec()),
        ("liveness", ServiceSpec(liveness=Probe())),
        ("liveness", ServiceSpec(liveness=Probe(Handler.EXEC))),
        ("liveness", ServiceSpec(liveness=Probe(Handler.EXEC, path="liveness"))),
        ("readiness", ServiceSpec(readiness=Probe(path="/readyz"))),
        ("readiness", ServiceSpec(readiness=Probe(Handler.EXEC, path="readiness"))),
        ("liveness-once", ServiceSpec(liveness=Probe())),
        ("liveness-once", ServiceSpec(liveness=Probe(period_s=10, failure_threshold=2))),
        ("liveness-blocked", ServiceSpec(liveness=Probe(path="/actuator/health/liveness"))),
        ("liveness-blocked", ServiceSpec(liveness=Probe(Handler.TCP))),
        ("freeze", ServiceSpec(liveness=Probe())),
        ("freeze", ServiceSpec()),
        ("kill", ServiceSpec(liveness=Probe(Handler.EXEC))),
        ("oom", ServiceSpec(liveness=Probe(Handler.TCP))),
        ("activator-delete", ServiceSpec()),
        ("pod-delete", ServiceSpec()),
        ("roll-out", ServiceSpec()),
        ("scale-down", ServiceSpec(initial_scale=3, min_scale=1, max_scale=3)),
    ],
)
def test_a_fault_that_can_land_is_let_through(kind: str, service: ServiceSpec) -> None:
    """The probe asks the toggle app what the fault makes it answer badly."""
    assert FAULTS[kind].can_land(FaultSpec(kind), procedure(service)) == ""


@pytest.mark.parametrize("kind", FAULTS)
def test_a_parameter_that_the_fault_does_not_have_is_refused(kind: str) -> None:
    """Before anything is built, with those it has; so is a value of another type."""
    fault = FAULTS[kind]
    fault.require(FaultSpec(kind, fault.params))
    with pytest.raises(BadInput, match="no parameter 'speed'"):
        fault.require(FaultSpec(kind, {"speed": 1}))
    for role in ("sidecar", "sidecar-0", "istio"):
        with pytest.raises(BadInput, match=f"cannot hit the container '{role}'"):
            fault.require(FaultSpec(kind, role=role))
    for name in fault.params:
        with pytest.raises(BadInput, match=f"The parameter {name} of the fault {kind} is 1.5"):
            fault.require(FaultSpec(kind, {name: 1.5}))
    assert fault.filled({}) == dict(fault.params)


@pytest.mark.parametrize("kind", INJECTED)
def test_a_door_that_a_cluster_does_not_have_is_refused_before_anything_is_built(kind: str) -> None:
    """A node of somebody else's cluster does not let us in."""
    fault = FAULTS[kind]
    closed = frozenset(Door) - {fault.door}
    assert "of this cluster is not ours" in fault.refused(FaultSpec(kind), procedure(SERVICE), closed)
    assert fault.refused(FaultSpec(kind), procedure(SERVICE), frozenset(Door)) == fault.can_land(
        FaultSpec(kind), procedure(SERVICE)
    )


def test_what_is_done_to_the_workload_cannot_be_done_to_each_pod() -> None:
    """All of its pods are hit by the one call."""
    for kind, fault in FAULTS.items():
        if fault.of_workload:
            with pytest.raises(BadInput, match="is done once, to the workload"):
                fault.require(FaultSpec(kind, pods="all"))


def test_nobody_else_asks_which_fault_it_is() -> None:
    """A fault's name stands in its own file, its scenarios, and nowhere else."""
    names = "|".join(INJECTED)
    asks = re.compile(rf"kind\S* (?:==|!=|is|is not|in|not in) [{{(\"']|[=!]= \"(?:{names})\"")
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in sorted((ROOT / "harness").rglob("*.py"))
        if path.parent.name != "faults"
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if re.search("fault", line) and asks.search(line)
    ]
    assert found == [], "\n".join(found)


def test_every_door_has_an_injector_behind_it() -> None:
    """A fault without one could be asked for and never done."""
    from harness.inject import INJECTORS  # noqa: PLC0415 - the pure part of this file must not import the world

    assert {fault.door for fault in FAULTS.values()} - {Door.NONE} <= set(INJECTORS)
    assert Stream.APP in Stream
