"""The edges of a liveness restart, and what each rests on."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from harness.analyse import analyse
from harness.faults import EDGES
from harness.model import Bracket, Outcome, Probe, ServiceSpec, Stream
from tests.unit.analyse.dissection import dissected, drained, only, probe_refused, span
from tests.unit.analyse.story import (
    ASKED_S,
    BAD,
    BOOT_S,
    CLOSED_S,
    CREATED_S,
    FAILED_S,
    FAULT_S,
    GONE_S,
    KILLING_S,
    LISTENING_S,
    MS,
    OK_NEW,
    SIGTERM_S,
    STARTED_S,
    S,
    Story,
    at,
    calm,
    restarts,
)

A_STEP = 1e-6
"""A microsecond: what the app's clock is worth."""


def edges(story: Story, cycle: int = 0) -> dict[str, Bracket]:
    """The anatomy of one cycle."""
    return dict(dissected(story, cycle).edges)


def near(*ends: float) -> object:
    """A bracket of these ends."""
    return pytest.approx(ends, abs=A_STEP)


def test_a_liveness_restart() -> None:
    """Every edge of the pod's own is there, in the order of EDGES, true to its clock, uncontradicted; readiness never flipped."""
    story = restarts()
    drained(story, "pod-1", at(1, KILLING_S))
    shown = dissected(story, 1)
    seen = shown.edges
    unseen = {"first-good-startup-probe", "first-good-readiness-probe"}
    assert list(seen) == [edge for edge in EDGES if not edge.endswith(("unready", "again")) and edge not in unseen]
    assert (shown.missing, shown.disputes) == ((), ())
    assert span(seen["fault"], 1) == near(FAULT_S, FAULT_S + 0.001)
    assert span(seen["first-failed-probe"], 1) == near(FAILED_S - 1, FAILED_S)
    assert span(seen["killing"], 1) == near(FAILED_S + 2, KILLING_S + 0.000999999)
    assert span(seen["sigterm"], 1) == near(SIGTERM_S - 0.01, SIGTERM_S)
    assert span(seen["listener-closed"], 1) == near(SIGTERM_S, CLOSED_S)
    assert span(seen["process-gone"], 1) == near(CLOSED_S, GONE_S)
    assert span(seen["container-created"], 1) == near(CREATED_S - 0.01, CREATED_S)
    assert span(seen["container-started"], 1) == near(STARTED_S - 0.1, STARTED_S)
    assert span(seen["listening"], 1) == near(LISTENING_S - 0.02, LISTENING_S)
    assert span(seen["first-good-probe"], 1) == near(LISTENING_S, 11)
    lo, hi = span(seen["first-ok"], 1)
    assert lo < LISTENING_S <= hi < LISTENING_S + 0.03


def test_a_calm_cycle_has_no_edge_and_misses_none() -> None:
    """Without a fault nothing must be seen."""
    shown = dissected(calm())
    assert (shown.edges, shown.missing, shown.disputes) == ({}, (), ())


def test_the_finest_clock_stands() -> None:
    """Of an event true to a second and finer witnesses, the finer ones' time is taken; alone, the event's second."""
    story = restarts()
    story.drop(lambda one: one.stream in {Stream.CONTAINERD, Stream.APP})
    killing = edges(story)["killing"]
    assert (killing.evidence, killing.resolution_ns) == ("events: Killing", S)
    assert span(killing) == near(KILLING_S // 1, KILLING_S // 1 + 1)
    started = edges(story)["container-started"]
    assert (started.evidence, started.resolution_ns) == ("the pod's status: startedAt", S)
    assert span(started) == near(STARTED_S, STARTED_S + 1)
    drained(story, "pod-0", at(0, KILLING_S))
    assert span(edges(story)["killing"]) == near(FAULT_S + 2, KILLING_S + 0.000999999)


ALONE: dict[str, tuple[Stream, dict[str, tuple[float, float]]]] = {
    "the app's log": (
        Stream.APP,
        {
            "first-failed-probe": (FAILED_S - 1, FAILED_S),
            "killing": (FAILED_S + 2, SIGTERM_S),
            "sigterm": (FAILED_S + 2, SIGTERM_S),
            "listener-closed": (SIGTERM_S, CLOSED_S),
            "process-gone": (CLOSED_S, BOOT_S),
            "container-created": (CLOSED_S, BOOT_S),
            "container-started": (CLOSED_S, BOOT_S),
            "listening": (BOOT_S, LISTENING_S),
            "first-good-probe": (LISTENING_S, 11.0),
        },
    ),
    "containerd's journal": (
        Stream.CONTAINERD,
        {
            "killing": (FAULT_S, ASKED_S),
            "sigterm": (SIGTERM_S - 0.01, GONE_S),
            "listener-closed": (FAULT_S, GONE_S),
            "process-gone": (SIGTERM_S - 0.01, GONE_S),
            "container-created": (CREATED_S - 0.01, CREATED_S),
            "container-started": (STARTED_S - 0.1, STARTED_S),
        },
    ),
    "the events": (Stream.EVENTS, {"killing": (6.0, 7.0)}),
    "the pods": (Stream.PODS, {"container-started": (STARTED_S, STARTED_S + 1)}),
}


@pytest.mark.parametrize("witness", ALONE)
def test_each_witness_alone(witness: str) -> None:
    """One source by itself gives the edges it knows, each as wide as it knows them, and nothing is guessed."""
    stream, expected = ALONE[witness]
    shown = dissected(only(restarts(), lambda one: one.stream is stream))
    assert {edge: span(bracket) for edge, bracket in shown.edges.items() if edge != "fault"} == {
        edge: near(*ends) for edge, ends in expected.items()
    }
    assert set(shown.missing) == {
        "first-failed-probe", "killing", "sigterm", "listener-closed", "process-gone", "container-created", "container-started",
        "listening", "first-ok",
    } - set(expected) | ({"first-ok"} if witness == "the app's log" else set())  # fmt: skip
    assert shown.disputes == ()


def test_the_clients_alone() -> None:
    """Who was answered by which boot, and who was refused, brackets both ends of the outage by a period and an answer's time."""
    seen = edges(only(restarts(), lambda one: False, requests=True))
    assert set(seen) == {"fault", "listener-closed", "listening", "first-ok"}
    assert span(seen["listener-closed"]) == near(CLOSED_S - 0.02, CLOSED_S + 0.003)
    assert span(seen["listening"]) == near(LISTENING_S - 0.02, LISTENING_S + 0.003)
    assert span(seen["first-ok"]) == near(LISTENING_S - 0.017, LISTENING_S + 0.003)


def test_the_kubelets_journal_where_it_speaks() -> None:
    """Without raised verbosity it does not; if it does, the kill is not after its line."""
    story = only(restarts(), lambda one: False)
    story.see(Stream.KUBELET, "", at(0, KILLING_S), '"Killing container with a grace period" pod="ns/pod-0"')
    story.see(Stream.KUBELET, "", at(0, KILLING_S - 1), '"Killing container with a grace period" pod="ns/pod-7"')
    assert span(edges(story)["killing"]) == near(FAULT_S, KILLING_S)


def test_the_preStop_hook_in_queue_proxys_log() -> None:  # noqa: N802 - the hook's name
    """The kill was decided before it, true to the line's millisecond; an earlier container's hook is none of this fault."""
    story = only(restarts(), lambda one: False)
    drained(story, "pod-0", at(0, 1))
    assert "killing" not in edges(story)
    drained(story, "pod-0", at(0, KILLING_S))
    assert span(edges(story)["killing"]) == near(FAULT_S, KILLING_S + 0.000999999)


def test_events_of_the_new_container_and_the_first_failed_probe() -> None:
    """Created, Started and Unhealthy are true to a second; the probe itself may have been a timeout earlier."""
    story = restarts()
    for reason, count, seconds in (("Created", 1, -9), ("Created", 2, CREATED_S), ("Started", 2, STARTED_S)):
        told = {"reason": reason, "message": f"{reason} container", "container": "user-container", "count": count}
        story.see(Stream.EVENTS, "pod-0", at(0, seconds) // S * S, told, S)
    for count in (1, 2, 3):
        told = {"reason": "Unhealthy", "message": "Liveness probe failed: 503", "container": "user-container", "count": count}
        story.see(Stream.EVENTS, "pod-0", at(0, 3 + count), told, S)
    assert dissected(story).disputes == ()
    only(story, lambda one: one.stream in {Stream.EVENTS, Stream.PODS})
    seen = edges(story)
    assert span(seen["container-created"]) == near(7, 8)
    assert span(seen["first-failed-probe"]) == near(2, 5)


def test_folded_events_tell_only_the_latest() -> None:
    """Where failures were folded together unseen, the first one is only not after them."""
    story = only(restarts(), lambda one: one.stream is Stream.PODS)
    told = {"reason": "Unhealthy", "message": "Liveness probe failed: 503", "container": "user-container", "count": 3}
    story.see(Stream.EVENTS, "pod-0", at(0, 6), told, S)
    assert span(edges(story)["first-failed-probe"]) == near(FAULT_S, 7)


def test_the_pods_status_of_the_old_container() -> None:
    """Its end, true to a second, in the status of the container that follows it."""
    story = only(restarts(), lambda one: one.stream is Stream.PODS)
    user = {"restarts": 1, "ready": True, "id": "x", "running_since_ns": at(0, 8), "last_terminated": {"finished_ns": at(0, 7)}}
    story.drop(lambda one: one.seen_ns > at(0, 0))
    story.see(Stream.PODS, "pod-0", at(0, 8.5), {"ready": True, "containers": {"user-container": user}})
    assert span(edges(story)["process-gone"]) == near(7, 8)


def test_the_apps_own_stamps_from_before_an_act() -> None:
    """They are the last good: sharper than its previous event."""
    story = only(restarts(), lambda one: one.stream is Stream.APP)
    for index, one in enumerate(story.observations):
        told = json.loads(one.payload)
        if told["event"] in {"signal", "closed", "listening"}:
            story.observations[index] = replace(one, payload=json.dumps(told | {"before_ns": one.at_ns - 30_000}))
    seen = edges(story)
    assert [seen[edge].hi_ns - seen[edge].lo_ns for edge in ("sigterm", "listener-closed", "listening")] == [30_000] * 3


def test_an_app_that_says_nothing_at_its_end_closes_with_its_process() -> None:
    """SIGKILL leaves no event: the listener is closed by the process's end, at the latest."""
    story = only(restarts(), lambda one: one.stream is Stream.CONTAINERD)
    closed = edges(story)["listener-closed"]
    assert span(closed) == near(FAULT_S, GONE_S)
    assert closed.evidence == "the process's end closes it: containerd: Stop container with signal, exited_at"


def test_an_exec_probes_end_is_not_the_containers() -> None:
    """Its exit event names the container and its own id."""
    story = restarts()
    other = f'container_id:"pod-0-0"  id:"abc"  pid:77  exited_at:{{seconds:{at(0, 5) // S}  nanos:1}}'
    story.containerd("pod-0", 0, at(0, 5), f"received exit event {other}")
    assert span(edges(story)["process-gone"]) == near(CLOSED_S, GONE_S)
    assert dissected(story).disputes == ()


def test_the_first_ok_needs_no_failure_before_it() -> None:
    """An outage that was buffered: the first answer of the new boot, from its sending."""
    story = only(restarts(), lambda one: False, requests=True)
    for row in story.requests:
        if row["answer"] == BAD:
            row.update(answer=OK_NEW, status=200, outcome=Outcome.OK.value)
    seen = edges(story)
    assert set(seen) == {"fault", "first-ok"}
    assert span(seen["first-ok"]) == near(CLOSED_S, CLOSED_S + 0.003)


def test_another_pod_that_answers_takes_the_clients_word() -> None:
    """Whose port refused cannot be told any more."""
    story = only(restarts(), lambda one: False, requests=True)
    story.answer(0, 200, "hello", x_toggle_pod="pod-7", x_toggle_boot="b")
    assert set(edges(story)) == {"fault", "first-ok"}


def test_a_second_restart_moves_no_edge() -> None:
    """The anatomy is that of the first restart, whatever follows it."""
    story = restarts(1)
    once = dissected(story).edges
    again = 11.2
    story.app("pod-0", "new0", at(0, again), "signal", signal="SIGTERM", action="exit")
    story.app("pod-0", "new0", at(0, again + 0.01), "closed", port=8080)
    story.containerd("pod-0", 1, at(0, again - 0.01), 'Stop container "pod-0-1" with signal terminated')
    within = 'CreateContainer within sandbox "box" for {}&ContainerMetadata{{Name:user-container,Attempt:2,}}'
    story.containerd("pod-0", 2, at(0, again + 0.1), within.format("container "))
    story.containerd("pod-0", 2, at(0, again + 0.2), f'{within.format("")} returns container id "pod-0-2"')
    story.containerd("pod-0", 2, at(0, again + 0.3), 'StartContainer for "pod-0-2" returns successfully')
    for reason in ("Created", "Started"):
        told = {"reason": reason, "message": f"{reason} container", "container": "user-container", "count": 3}
        story.see(Stream.EVENTS, "pod-0", at(0, 11), told, S)
    story.pod("pod-0", at(0, 12), restarts=2, since_ns=at(0, again + 0.3))
    story.app("pod-0", "newer", at(0, 12), "boot")
    story.app("pod-0", "newer", at(0, 12.5), "listening", port=8080)
    twice = dissected(story)
    assert twice.edges == once
    assert twice.disputes == ()


def test_a_container_that_dies_before_it_listens() -> None:
    """What listens, answers and probes well is the next one; the first new container is still the first."""
    story = restarts(1)
    story.drop(lambda one: one.stream is Stream.APP and '"new0"' in one.payload and one.at_ns >= at(0, LISTENING_S))
    story.app("pod-0", "newer", at(0, 9), "boot")
    story.app("pod-0", "newer", at(0, LISTENING_S), "listening", port=8080)
    story.probe("pod-0", "newer", at(0, 11), ok=True)
    seen = edges(story)
    assert span(seen["container-started"]) == near(STARTED_S - 0.1, STARTED_S)
    assert span(seen["listening"]) == near(LISTENING_S - 0.02, LISTENING_S)
    assert span(seen["first-good-probe"]) == near(LISTENING_S, 11)


def test_a_good_readiness_probe_after_queue_proxys_failed_ones() -> None:
    """Its last failed one, in its own log, is the last moment at which the contrary was seen."""
    story = restarts(1)
    service = ServiceSpec(liveness=Probe(), readiness=Probe(path="/readyz"))
    more = {"which": "readiness", "via": "http", "ok": True, "status": 200}
    story.app("pod-0", "new0", at(0, 10.6), "probe", **more)
    for seconds in (8.0, 9.7, 10.1, 12.0):
        probe_refused(story, "pod-0", at(0, seconds))
    good = dissected(story, service=service).edges["first-good-readiness-probe"]
    assert span(good) == near(10.1, 10.6)
    assert good.evidence.startswith("queue-proxy's log: its last failed probe; the app's log")


def test_readiness_flips_are_brackets_between_two_sights() -> None:
    """Last seen ready, first seen not; and back."""
    story = restarts()
    story.pod("pod-0", at(0, 7.6), ready=False)
    story.pod("pod-0", at(0, 10.5), restarts=1, since_ns=at(0, STARTED_S))
    seen = edges(story)
    assert span(replace(seen["pod-unready"], hi_ns=seen["pod-unready"].hi_ns - 2 * MS))[1] == 7.6
    assert seen["pod-unready"].hi_ns <= seen["pod-ready-again"].hi_ns


def test_endpoint_flips_follow_the_private_service() -> None:
    """The public one's slices may hold the activator instead of the pod."""

    def slices(story: Story, seconds: float, service: str, *, ready: bool) -> None:
        endpoints = [{"ip": "1", "pod": "pod-0", "ready": ready, "serving": ready, "terminating": False}]
        story.see(Stream.ENDPOINTS, "", at(0, seconds), {"slice": service, "service": service, "endpoints": endpoints})

    story = restarts()
    slices(story, 1, "toggle-00001", ready=True)
    slices(story, 5, "toggle-00001", ready=False)
    assert "endpoint-unready" not in edges(story)
    gone = {"slice": "s", "service": "toggle-00001-private", "endpoints": []}
    story.see(Stream.ENDPOINTS, "", at(0, 8), gone)
    assert "endpoint-unready" in edges(story)
    assert "endpoint-ready-again" not in edges(story)


def test_queue_proxys_own_readiness() -> None:
    """It stands beside the pod's: the pod may be unready while queue-proxy is ready."""

    def sight(seconds: float, *, ready: bool, proxy: bool) -> None:
        containers = {"user-container": {"restarts": 0, "ready": True}, "queue-proxy": {"restarts": 0, "ready": proxy}}
        story.see(Stream.PODS, "pod-0", at(0, seconds), {"ready": ready, "deleting": False, "containers": containers})

    story = restarts()
    sight(3, ready=True, proxy=True)
    sight(5, ready=False, proxy=True)
    assert "pod-unready" in edges(story)
    assert "queue-proxy-unready" not in edges(story)
    sight(6, ready=False, proxy=False)
    sight(9, ready=True, proxy=True)
    seen = edges(story)
    assert span(seen["queue-proxy-unready"]) == near(5.002, 6.002)
    assert span(seen["queue-proxy-ready-again"]) == near(6.002, 9.002)


def test_what_comes_after_the_cycle_is_not_of_it() -> None:
    """Taking the pod away for the next cycle makes it unready and restarts nothing."""
    story = restarts()
    whole = analyse(story.history()).cycles[0]
    story.see(Stream.PODS, "pod-0", at(0, 14), {"ready": False, "deleting": True, "containers": {}})
    story.app("pod-0", "new0", at(0, 14), "closed", port=8080)
    story.see(
        Stream.EVENTS, "pod-0", at(0, 14), {"reason": "Killing", "message": "Stopping container user-container", "container": ""}, S
    )
    assert analyse(story.history()).cycles[0] == whole
