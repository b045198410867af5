"""Faults of the node: what they do as data, and what of their proof is missing when it did not come to that."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from harness.analyse import analyse
from harness.analyse.anatomy import witness
from harness.errors import BadInput
from harness.faults import FAULTS, Case, Lift, Sight
from harness.faults.edges import Witness
from harness.faults.node import NodeFault, NodeMemory, NodeRule, NodeSignal, Shown, Signal, Verdict
from harness.model import FaultEvent, FaultSpec, Observation, Probe, ServiceSpec, Stream
from tests.unit.analyse.story import FAULT_S, S, Story, at, calm, restarts

SERVICE = ServiceSpec(liveness=Probe())
SHOWN = Shown("10.244.0.9", "abc", {"name": "app", "livenessProbe": {"tcpSocket": {"port": 9000}}})


def node_fault(kind: str) -> NodeFault:
    """By its name."""
    fault = FAULTS[kind]
    assert isinstance(fault, NodeFault)
    return fault


def event_of(kind: str, hit: str = "containerd://pod-0-0", **told: int) -> FaultEvent:
    """Put into the pod of the first cycle of a story. hit: the id of the container that got the signal. told: more of it."""
    answer = json.dumps({"look": ["processes", hit], **told})
    return FaultEvent(0, kind, {}, "pod-0", "old0", at(0, FAULT_S), at(0, FAULT_S) + 1, 200, answer)


def story_of(*shown: dict[str, Any], exit_code: int | None = None, reason: str = "Error") -> Story:
    """A restart after failed liveness probes, and what the node showed, one look a second from the fault on."""
    story = restarts(1)
    for second, payload in enumerate(shown):
        story.see(Stream.NODE, "pod-0", at(0, FAULT_S) + 10 + second * S, payload)
    story.pod("pod-0", at(0, 8.6), restarts=1, since_ns=at(0, 8), exit_code=exit_code, reason=reason)
    return story


def missing(kind: str, story: Story, service: ServiceSpec = SERVICE, *, event: FaultEvent | None = None) -> list[str]:
    """The parts of the proof that were not seen."""
    case = Case(FaultSpec(kind), service, event or event_of(kind), at(0, FAULT_S))
    return [name for name, seen, _ in FAULTS[kind].proof(case, Sight(story.observations)) if not seen]


def test_what_is_done_is_data() -> None:
    """By the container's id, and by the port that was rendered."""
    assert node_fault("freeze").act(FaultSpec("freeze"), SHOWN) == NodeSignal("abc", Signal.STOP)
    assert node_fault("kill").act(FaultSpec("kill"), SHOWN) == NodeSignal("abc", Signal.KILL)
    assert node_fault("oom").act(FaultSpec("oom"), SHOWN) == NodeMemory("abc")
    blocked = node_fault("liveness-blocked")
    assert blocked.act(FaultSpec(blocked.name), SHOWN) == NodeRule("10.244.0.9", 9000, Verdict.REFUSE)
    assert blocked.act(FaultSpec(blocked.name, {"verdict": "drop"}), SHOWN) == NodeRule("10.244.0.9", 9000, Verdict.DROP)
    with pytest.raises(BadInput, match="verdict of the fault liveness-blocked is 'rejected'"):
        blocked.require(FaultSpec(blocked.name, {"verdict": "rejected"}))


def test_a_rule_must_have_met_as_many_packets_as_the_probe_may_fail() -> None:
    """A rule that nobody met did not kill the container, whatever else did."""
    assert missing("liveness-blocked", story_of({"rule": True, "packets": 0}, {"rule": True, "packets": 3})) == []
    assert missing("liveness-blocked", story_of({"rule": True, "packets": 2})) == ["the rule met 3 packets or more"]
    assert missing("liveness-blocked", story_of()) == ["the rule met 3 packets or more"]


def test_a_rule_that_lasted_into_the_next_container_is_no_proof() -> None:
    """It may have killed that one as well; a persistent rule is to last."""
    met, part = {"rule": True, "packets": 3}, "the rule was taken away before it could fail the next container"
    begun_s = 8  # the start of the next container
    for after_s, found in ((1.9, []), (2.0, [part])):  # 3 failures, one a second
        story = story_of(met)
        story.see(Stream.NODE, "pod-0", at(0, begun_s + after_s), met)
        story.see(Stream.NODE, "pod-0", at(0, begun_s + 9), {"rule": False})
        assert missing("liveness-blocked", story) == found
        assert missing("liveness-blocked", story, ServiceSpec(liveness=Probe(initial_delay_s=10))) == []
        case = Case(FaultSpec("liveness-blocked", {"persistent": True}), SERVICE, event_of("liveness-blocked"), at(0, FAULT_S))
        assert all(seen for _, seen, _ in FAULTS["liveness-blocked"].proof(case, Sight(story.observations)))


def test_a_rule_that_was_not_seen_to_be_gone_is_no_proof() -> None:
    """Silence after the last look at it may be a node that nobody looked at; recordings that say nothing of such a look lack it."""
    met, part = {"rule": True, "packets": 3}, "the rule was taken away before it could fail the next container"
    asked = replace(event_of("liveness-blocked"), answer=json.dumps({"looked_after": True}))
    for shown, found in (([met], [part]), ([{"rule": False}, met], [part]), ([met, {"rule": False}], [])):
        assert missing("liveness-blocked", story_of(*shown), event=asked) == found
        assert missing("liveness-blocked", story_of(*shown)) == []


def test_a_rule_for_another_address_or_port_is_no_proof() -> None:
    """The pod's address is that of the API; packets to others may be met as well."""
    story = story_of({"rule": True, "packets": 3})
    state = {"ready": True, "ip": "10.244.0.9", "containers": {"user-container": {"restarts": 0}}}
    story.see(Stream.PODS, "pod-0", at(0, FAULT_S) - S, state)
    address, port = "the rule is for the pod's address", "the rule is for the probe's port"
    right = {"ip": "10.244.0.9", "port": 8080, "probed_port": 8080}
    for wrong, lacking in (
        ({}, []),
        ({"ip": "10.244.0.8"}, [address]),
        ({"port": 9090}, [port]),
        ({"ip": "", "port": None}, [address, port]),
    ):
        event = replace(event_of("liveness-blocked"), answer=json.dumps(right | wrong))
        assert missing("liveness-blocked", story, event=event) == lacking
    story.drop(lambda one: one.stream is Stream.PODS and "10.244.0.9" in one.payload)
    event = replace(event_of("liveness-blocked"), answer=json.dumps(right))
    assert missing("liveness-blocked", story, event=event) == [address]


def test_what_was_seen_before_the_fault_proves_nothing() -> None:
    """Packets of an earlier rule, and an earlier end of the container."""
    story, before = story_of(), at(0, FAULT_S) - S
    story.see(Stream.NODE, "pod-0", before, {"rule": True, "packets": 3})
    assert missing("liveness-blocked", story) == ["the rule met 3 packets or more"]
    ended = story_of()
    ended.pod("pod-0", before, exit_code=137, reason="OOMKilled")
    exit_code, reason = "the container's exit code is 137", "the kubelet's reason for its end is OOMKilled"
    assert missing("kill", ended) == [exit_code]
    assert missing("oom", ended, event=event_of("oom", oom_kills=1)) == [exit_code, reason]


def test_every_process_must_be_stopped() -> None:
    """One that runs on may answer."""
    frozen = {"processes": 2, "stopped": 2, "accept_queue": 4}
    assert missing("freeze", story_of(frozen)) == []
    assert missing("freeze", story_of({**frozen, "stopped": 1})) == ["every process of the container is stopped"]
    assert missing("freeze", story_of({**frozen, "accept_queue": 0})) == ["connections wait in the accept queue"]
    gone = {"processes": 0, "stopped": 0, "accept_queue": 1}
    assert missing("freeze", story_of(gone)) == ["every process of the container is stopped"]


def test_without_a_liveness_probe_stopped_processes_are_all() -> None:
    """Nobody restarts the container; it lasts until it is taken back."""
    story = story_of({"processes": 1, "stopped": 1, "accept_queue": 1})
    story.observations = [
        one
        for one in story.observations
        if one.stream is Stream.NODE or (one.stream is Stream.PODS and one.seen_ns < at(0, FAULT_S))
    ]
    assert missing("freeze", story, ServiceSpec()) == []
    assert "restartCount grew" in missing("freeze", story)
    assert FAULTS["freeze"].ends(FaultSpec("freeze"), ServiceSpec()).lift is Lift.HELD
    assert FAULTS["freeze"].ends(FaultSpec("freeze"), SERVICE).lift is Lift.LAST


def test_processes_of_another_container_prove_nothing() -> None:
    """Stopped to the last one, and with connections that wait: those of queue-proxy, which listens in the same network."""
    story = story_of({"processes": 1, "stopped": 1, "accept_queue": 1})
    part = "the signal went to the container"
    for wrong in (event_of("freeze", "containerd://pod-0-queue-proxy"), replace(event_of("freeze"), answer="{}")):
        assert missing("freeze", story, event=wrong) == [part]
    # The id of the container that the kubelet made after the kill is no id of the one that was hit.
    assert missing("freeze", story, event=event_of("freeze", "containerd://pod-0-1")) == [part]
    story.observations = [one for one in story.observations if one.stream is not Stream.PODS]
    assert part in missing("freeze", story)


def test_a_container_that_got_sigkill_says_so_by_its_exit_code() -> None:
    """One that ended by itself has another."""
    assert missing("kill", story_of(exit_code=137)) == []
    assert missing("kill", story_of(exit_code=1)) == ["the container's exit code is 137"]


def test_a_kill_of_another_container_or_of_no_process_is_no_proof() -> None:
    """Somebody else may have ended the one that was to be hit; an answer that says nothing of it is of an earlier release."""
    wrong, none, other = "the signal went to the container", "the container had a process", "the signal was SIGKILL"
    story, right = story_of(exit_code=137), json.loads(event_of("kill", processes=1).answer) | {"signal": "KILL"}
    changes: tuple[tuple[dict[str, Any], list[str]], ...] = (
        ({}, []),
        ({"look": ["processes", "containerd://pod-0-queue-proxy"]}, [wrong]),
        ({"look": None}, [wrong]),
        ({"signal": "TERM"}, [other]),
        ({"processes": 0}, [none]),
        ({"processes": None}, [none]),
    )
    for changed, lacking in changes:
        assert missing("kill", story, event=replace(event_of("kill"), answer=json.dumps(right | changed))) == lacking
    assert missing("kill", story, event=replace(event_of("kill"), answer="{}")) == []
    story, event = (
        story_of(exit_code=137, reason="OOMKilled"),
        event_of("oom", "containerd://pod-0-queue-proxy", oom_kills=1, processes=0),
    )
    assert missing("oom", story, event=event) == ["the limit was the container's", none]


@pytest.mark.parametrize(
    ("counted", "exit_code", "reason", "lacking"),
    [
        (1, 137, "OOMKilled", []),
        (0, 137, "OOMKilled", ["the kernel counted an OOM kill in the container's control group"]),
        (None, 137, "OOMKilled", ["the kernel counted an OOM kill in the container's control group"]),
        (1, 137, "Error", ["the kubelet's reason for its end is OOMKilled"]),
        (1, 1, "OOMKilled", ["the container's exit code is 137"]),
    ],
)
def test_the_kernel_and_the_kubelet_both_say_out_of_memory(
    counted: int | None, exit_code: int, reason: str, lacking: list[str]
) -> None:
    """A container that somebody else killed has the exit code, too; a process that the kernel ended may not be the first."""
    event = event_of("oom") if counted is None else event_of("oom", oom_kills=counted)
    assert missing("oom", story_of(exit_code=exit_code, reason=reason), event=event) == lacking


def test_a_limit_is_put_back_at_the_end_of_the_cycle_whatever_ended_it() -> None:
    """An injection that failed half-way left it there; a container that was ended took it along."""
    ends = FAULTS["oom"].ends(FaultSpec("oom"), SERVICE)
    assert (ends.lift, ends.new_boot, ends.probed_again) == (Lift.LAST, True, True)
    assert FAULTS["oom"].ends(FaultSpec("oom", role="queue-proxy"), SERVICE).lift is Lift.LAST


def test_queue_proxy_is_judged_by_its_own_container() -> None:
    """A restart of the user container proves nothing of it; the app runs on, so that no other boot is waited for."""
    fault = FaultSpec("kill", role="queue-proxy")
    FAULTS["kill"].require(fault)
    event, story = event_of("kill", "qp-0"), restarts(1)

    def parts() -> list[bool]:
        case = Case(fault, SERVICE, event, event.sent_ns)
        return [seen for _, seen, _ in FAULTS["kill"].proof(case, Sight(story.observations))]

    def state(ns: int, count: int, **more: Any) -> None:
        proxy = {"restarts": count, "id": f"qp-{count}", **more}
        containers = {"queue-proxy": proxy, "user-container": {"restarts": 0}}
        story.see(Stream.PODS, "pod-0", ns, {"ready": True, "containers": containers})

    state(at(0, 1), 0)
    assert parts() == [True, True, False, False]
    state(at(0, 9), 1, last_terminated={"exit_code": 137})
    assert parts() == [True, True, True, True]
    ends = FAULTS["kill"].ends(fault, SERVICE)
    assert (ends.lift, ends.new_boot, ends.ready_again) == (Lift.NEVER, False, True)
    assert FAULTS["kill"].required(fault, SERVICE, {}, at(0, 60), asks_liveness=True) == {"fault"}


@pytest.mark.parametrize(("role", "missing_one"), [("queue-proxy", False), ("user", True)])
def test_the_edges_of_a_restart_are_the_user_containers(role: str, *, missing_one: bool) -> None:
    """None of them is missed where queue-proxy was killed; all are where the user container should have been and was not."""
    story = calm(1)
    mark = story.cycles[0]
    story.cycles[0] = replace(mark, fault_ns=at(0, FAULT_S), landed_ns=at(0, FAULT_S + 1))
    story.faults.append(event_of("kill"))
    story.meta = replace(story.meta, spec=replace(story.meta.spec, fault=FaultSpec("kill", role=role)))
    found = analyse(story.history()).cycles[0].missing
    assert ("process-gone" in found) is missing_one, found


def test_a_persistent_rule_is_not_lifted_with_the_kill() -> None:
    """The next container has no good liveness probe to be waited for."""
    blocked = FAULTS["liveness-blocked"]
    once, always = (blocked.ends(FaultSpec(blocked.name, {"persistent": value}), SERVICE) for value in (False, True))
    assert (once.lift, once.probed_again) == (Lift.KILLED, True)
    assert (always.lift, always.probed_again) == (Lift.LAST, False)


def test_the_container_is_stopped_when_containerd_or_queue_proxy_says_so() -> None:
    """Not by the kubelet's event, and not by a stop before the fault."""
    blocked, event = FAULTS["liveness-blocked"], event_of("liveness-blocked")
    case = Case(FaultSpec(blocked.name), SERVICE, event, event.sent_ns)
    stop = 'StopContainer for "abc" with timeout 300 (s)'

    def seen(stream: Stream, payload: str, after_ns: int = 1) -> bool:
        moment = event.sent_ns + after_ns
        return blocked.lifts(case, Sight([Observation(stream, "pod-0", "", 0, moment, 1, moment, payload)]))

    assert seen(Stream.CONTAINERD, stop)
    assert seen(Stream.QUEUE_PROXY, '{"message":"Attached drain handler from user-container"}')
    assert not seen(Stream.CONTAINERD, stop, -1)
    assert not seen(Stream.CONTAINERD, 'StartContainer for "abc"')
    assert not seen(Stream.EVENTS, '{"reason":"Killing","message":"Container app failed liveness probe"}')


def test_a_counter_brackets_the_first_failed_probe() -> None:
    """Between the last look without a packet and the first with one; a line of a log is only known to be after the fault."""
    event = event_of("liveness-blocked")
    story = story_of(*({"rule": True, "packets": packets} for packets in (0, 0, 1, 2)))
    looks = [one for one in story.observations if one.stream is Stream.NODE]
    found = witness.sources(looks, FAULTS["liveness-blocked"].witnesses, event)["first-failed-probe"]
    assert (found.lo_ns, found.hi_ns) == (looks[1].at_ns, looks[2].seen_ns)
    line = Witness("listening", Stream.NODE, '"packets": 2', "a line")
    found = witness.sources(looks, [line], event)["listening"]
    assert (found.lo_ns, found.hi_ns) == (event.sent_ns, looks[3].seen_ns)
    assert witness.sources(looks[:2], [line], event) == {}
