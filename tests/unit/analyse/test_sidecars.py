"""A fault in a sidecar: the log, the states and the edges that count are those of the container that was hit."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from harness.analyse import analyse
from harness.judge import judge
from harness.model import (
    AppSpec,
    Expectation,
    FaultSpec,
    Findings,
    Observation,
    Observed,
    Outcome,
    Probe,
    Ruling,
    ServiceSpec,
    Sidecar,
    Stream,
)
from tests.unit.analyse.sampled import Socket, listener, sampled
from tests.unit.analyse.story import BAD, CLOSED_S, FAULT_S, LISTENING_S, S, Story, at, claim, open_questions, restarts

CLAIMS = (
    claim("requests-do-not-fail", Expectation.BROKEN),
    claim("pod-stays-ready", Expectation.HOLDS),
    claim("failures-only-while-not-listening", Expectation.HOLDS),
    claim("container-restarts-once", Expectation.HOLDS),
)


def sidecar(cycles: int = 2) -> Story:
    """The restarts of a story, of a sidecar that the user container asks for each request."""
    story = restarts(cycles, claims=CLAIMS)
    service = ServiceSpec(app=AppSpec(0.0, asks=8090), sidecars=(Sidecar(liveness=Probe()),))
    story.spec(service=service, fault=FaultSpec("liveness", role="sidecar-1"))
    story.drop(lambda one: one.stream is Stream.QUEUE_PROXY and '"error"' in one.payload)
    story.observations = [_of_sidecar(one) for one in story.observations]
    story.faults = [replace(one, container="sidecar") for one in story.faults]
    story.cycles = [replace(one, boot=f"user{one.index}") for one in story.cycles]
    for row in story.answers:
        cycle, bad = row["cycle"], row["index"] == BAD
        headers = {"server": "envoy", "x-envoy-upstream-service-time": "present", "x-toggle-pod": f"pod-{cycle}"}
        row["headers"] = json.dumps({**headers, "x-toggle-boot": f"user{cycle}"})
        if bad:
            row.update(status=500, body="sidecar: connection refused\n")
    for row in story.requests:
        row["status"] = 500 if row["outcome"] == Outcome.HTTP_ERROR.value else row["status"]
    for cycle in range(cycles):
        story.app(f"pod-{cycle}", f"user{cycle}", at(cycle, -9), "boot")
        story.app(f"pod-{cycle}", f"user{cycle}", at(cycle, -9) + S, "listening", port=8080)
    return story


def _of_sidecar(one: Observation) -> Observation:
    if one.stream is Stream.APP:
        return replace(one, stream=Stream.SIDECAR, container="sidecar")
    if one.stream is Stream.PODS:
        state = json.loads(one.payload)
        was = state["containers"]["user-container"]
        state["containers"] = {"sidecar": was, "user-container": {"restarts": 0, "id": "u", "ready": True}}
        return replace(one, payload=json.dumps(state))
    container = one.container.replace("user-container", "sidecar")
    return replace(one, container=container, payload=one.payload.replace("user-container", "sidecar"))


def analysed(story: Story) -> tuple[Findings, dict[str, Observed], Ruling]:
    """The findings, what was seen of each claim, and the ruling."""
    history = story.history()
    findings = analyse(history)
    verdict = judge(history.meta.spec, findings)
    return findings, {one.claim.check: one.observed for one in verdict.claims}, verdict.ruling


def test_the_findings_are_of_the_container_that_was_hit() -> None:
    """Its kill, its restart and its listener; the failures are the app's own, and the user container is as it was."""
    findings, _, ruling = analysed(sidecar())
    assert open_questions(findings) == ()
    assert ruling is Ruling.PASS
    for index, cycle in enumerate(findings.cycles):
        assert (cycle.container, cycle.restarts, cycle.restarted) == ("sidecar", 1, {f"pod-{index}": 1})
        assert set(cycle.by_cause) == {"app"}
        assert (cycle.missing, cycle.disputes, cycle.outside_window) == ((), (), 0)
        for edge, at_s in (("fault", FAULT_S), ("listener-closed", CLOSED_S), ("listening", LISTENING_S)):
            bracket = cycle.anatomy[edge]
            assert bracket.lo_ns <= at(index, at_s) <= bracket.hi_ns + 1_000_000
        assert {"killing", "sigterm", "process-gone", "container-started", "first-good-probe"} <= set(cycle.anatomy)


def test_a_restart_of_another_container_is_one_too_many() -> None:
    """The claim is about the sidecar alone, and names both."""
    story = sidecar()
    for one in [one for one in story.observations if one.stream is Stream.PODS and one.pod == "pod-1"]:
        later = json.loads(one.payload)
        if later["containers"]["sidecar"]["restarts"]:
            later["containers"]["user-container"]["restarts"] = 1
            story.observations[story.observations.index(one)] = replace(one, payload=json.dumps(later))
    findings, observed, ruling = analysed(story)
    assert findings.cycles[1].restarted == {"pod-1": 1, "pod-1/user-container": 1}
    assert observed["container-restarts-once"] is Observed.BROKEN
    assert ruling is Ruling.REGRESSION


def test_what_another_container_shows_is_no_proof() -> None:
    """A kill, a failed probe and a restart of the user container land no fault in the sidecar."""
    story = sidecar(1)
    story.observations = [
        replace(
            one,
            stream=Stream.APP if one.stream is Stream.SIDECAR else one.stream,
            container=one.container.replace("sidecar", "user-container"),
            payload=one.payload.replace('"sidecar"', '"user-container"'),
        )
        for one in story.observations
    ]
    (cycle,) = analysed(story)[0].cycles
    missing = {name for name, seen, _ in cycle.landed.parts if not seen}
    assert missing == {
        "a failed liveness probe in the app's log",
        "the kubelet kills the container for its liveness",
        "restartCount grew",
        "a new boot in the app's log",
    }


@pytest.mark.parametrize("container", ["", "user-container"])
def test_a_fault_that_was_put_into_another_container_is_in_doubt(container: str) -> None:
    """The record says where it was put."""
    story = sidecar(1)
    story.faults = [replace(one, container=container) for one in story.faults]
    (said,) = [text for text in analysed(story)[0].doubts if "was put into" in text]
    assert said == f"cycle 0: the fault was put into pod-0/{container or 'no container'}, not into pod-0/sidecar"


def test_without_the_sidecars_log_its_claims_are_undecided() -> None:
    """The user container's log says nothing of the sidecar."""
    story = sidecar()
    story.drop(lambda one: one.stream is Stream.SIDECAR and one.pod == "pod-1")
    findings, observed, ruling = analysed(story)
    assert any("nothing was seen of pod-1 on log:sidecar" in text for text in open_questions(findings))
    assert observed["failures-only-while-not-listening"] is Observed.UNDECIDED
    assert ruling is Ruling.INCONCLUSIVE


def test_a_sidecar_that_the_node_hit_has_the_boot_of_its_log() -> None:
    """A kill asks nobody for a boot."""
    story = sidecar(1)
    story.spec(fault=FaultSpec("kill", role="sidecar-1"))
    story.faults = [replace(one, kind="kill", params={}, boot="", answer="{}") for one in story.faults]
    for one in [one for one in story.observations if one.stream is Stream.PODS]:
        state = json.loads(one.payload)
        if state["containers"]["sidecar"]["restarts"]:
            state["containers"]["sidecar"]["last_terminated"] = {"exit_code": 137}
            story.observations[story.observations.index(one)] = replace(one, payload=json.dumps(state))
    (cycle,) = analysed(story)[0].cycles
    assert cycle.landed.proved
    assert cycle.anatomy["listener-closed"].evidence.startswith("the app's log")
    assert (cycle.missing, cycle.outside_window) == ((), 0)


@pytest.mark.parametrize(("port", "observed"), [(8090, Observed.HOLDS), (8091, Observed.UNDECIDED)])
def test_the_sockets_that_count_are_those_of_the_sidecars_port(port: int, observed: Observed) -> None:
    """Its log has no end of its listener, as after SIGKILL: its own port was closed; another port shows nothing."""
    story = sidecar()
    story.drop(lambda one: any(word in one.payload for word in ('"closed"', '"exit"')) and one.stream is Stream.SIDECAR)

    def sockets(seconds: float) -> list[Socket]:
        own = [listener(17, port=port)] if seconds < CLOSED_S else [listener(18, port=port)] if seconds >= LISTENING_S else []
        return [listener(9, port=8080), *own]

    _, seen, _ = analysed(sampled(story, sockets))
    assert seen["failures-only-while-not-listening"] is observed
