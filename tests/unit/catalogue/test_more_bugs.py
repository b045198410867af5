"""The signatures of the other bugs of the corpus: what is present, what is absent, and what looks alike and decides nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.catalogue import resolve
from harness.catalogue.bugs import BUGS, b0, b2, b4, b5, b6, b7, b8, b9, b10, b13, b14, b15, b16, b17, decide
from harness.catalogue.bugs.manifests import service
from harness.catalogue.bugs.reading import LOOKS_APART_S
from harness.model import (
    Answered,
    BugState,
    ConditionSeen,
    FaultEvent,
    Findings,
    Gap,
    KnativeVersion,
    Landed,
    Ledger,
    Observation,
    RequestSeen,
    Scenario,
    Seen,
    Stream,
)
from tests.unit.catalogue.bugkit import POD, SECOND, at, event, killing, pod, readiness, request, seen, unready
from tests.unit.catalogue.test_bugs import SIDECAR, app_log, cycle

PRESENT, ABSENT, UNSURE, NONE = BugState.PRESENT, BugState.ABSENT, BugState.INCONCLUSIVE, BugState.NOT_APPLICABLE

READY = pod(1, ready=True)


def spec_of(**containers: Any) -> str:
    """A pod's spec with these containers."""
    return json.dumps({"containers": [{"name": name.replace("_", "-"), **more} for name, more in containers.items()]})


def asked(status: int = 200, said: str = "", stored: str = "") -> Seen:
    """A dry run."""
    return Seen(answer=Answered(status, said), stored=stored, ended=True)


def stored(**containers: Any) -> str:
    """The Service with these containers as the API server answers it."""
    return json.dumps({"spec": {"template": {"spec": json.loads(spec_of(**containers))}}})


# --- admission ---


@pytest.mark.parametrize(("period", "state"), [(10, PRESENT), (1, ABSENT), (None, PRESENT)])
def test_b0_by_the_rendered_period(period: int | None, state: BugState) -> None:
    """A period that is left out is Kubernetes' own 10 s."""
    probe = {"httpGet": {"port": 8012}, **({"periodSeconds": period} if period else {})}
    assert b0.signature(Seen(template=spec_of(queue_proxy={"readinessProbe": probe}))).state is state
    assert b0.signature(Seen(template=spec_of(queue_proxy={}))).state is UNSURE


@pytest.mark.parametrize(("port", "state"), [(8080, PRESENT), (8099, ABSENT)])
def test_b6_by_the_rendered_port(port: int, state: BugState) -> None:
    """What Knative made of the port that was written."""
    spec = spec_of(user_container={"livenessProbe": {"httpGet": {"port": port}}})
    assert b6.signature(seen(3, [READY], [request(2)], template=spec)).state is state
    assert b6.signature(seen(3, [READY], [], template=spec)).state is UNSURE
    assert b6.signature(seen(3, [READY], [request(2)], template=spec_of(user_container={}))).state is UNSURE
    assert b6.signature(asked(400, "invalid value: 8099: spec.template.spec.containers[0].livenessProbe.port")).state is NONE
    assert b6.signature(asked(500, "admission webhook: internal error")).state is UNSURE


def test_b7_b9_and_b13_by_the_webhooks_answer() -> None:
    """Refused in the bug's own words, accepted with the field kept, dropped, or refused for another reason."""
    others = asked(403, "namespaces is forbidden")
    assert b7.signature(asked(400, "must not set the field(s): spec.containers[1].readinessProbe")).state is PRESENT
    probe = {"readinessProbe": {"tcpSocket": {"port": 8090}}}
    assert b7.signature(asked(stored=stored(sidecar=probe))).state is ABSENT
    defaulted = stored(user_container={"readinessProbe": {}}, sidecar={"env": [{"name": "PORT", "value": "8090"}]})
    assert b7.signature(asked(stored=defaulted)).state is UNSURE
    assert b7.signature(asked(stored="{}")).state is UNSURE
    assert b9.signature(asked(400, "must not set the field(s): spec.template.spec.containers[0].startupProbe")).state is PRESENT
    assert b9.signature(asked(stored=stored(user_container={"startupProbe": {}}))).state is ABSENT
    assert b9.signature(asked(stored="{}")).state is PRESENT
    unknown = "failed to create typed patch: .spec...livenessProbe.terminationGracePeriodSeconds: field not declared in schema"
    assert b13.signature(asked(500, unknown)).state is PRESENT
    assert b13.signature(asked(stored='{"terminationGracePeriodSeconds":7}')).state is ABSENT
    assert b13.signature(asked(stored="{}")).state is PRESENT
    for signature in (b7.signature, b9.signature, b13.signature):
        assert signature(others).state is UNSURE


def test_b16_by_the_controllers_words() -> None:
    """Accepted and refused later; refused at once; or standing with the probe."""
    said = 'Deployment.apps "r" is invalid: spec.template.spec.containers[0].startupProbe.httpGet.port: Invalid value: 0'
    assert b16.signature(seen(3, [], logs={"controller-1/controller": said})).state is PRESENT
    assert b16.signature(asked(400, "must not set the field(s): startupProbe")).state is NONE
    assert b16.signature(asked(500, ".spec.template.spec.containers[0].startupProbe: field not declared in schema")).state is NONE
    assert b16.signature(asked(400, "startupProbe needs a port")).state is ABSENT
    assert b16.signature(asked(403, "forbidden")).state is UNSURE
    kept = spec_of(user_container={"startupProbe": {"httpGet": {"port": 8080}}})
    assert b16.signature(seen(3, [READY], [request(2)], template=kept)).state is ABSENT
    assert b16.signature(seen(3, [READY], [request(2)], template=spec_of(user_container={}))).state is NONE
    assert b16.signature(seen(3, [READY], [], template=kept)).state is UNSURE


# --- what becomes of a workload ---


def test_b2_is_a_restart_that_waits_without_a_drain() -> None:
    """45 of the 60 s of timeoutSeconds. With a readiness that answers 503 it is B4."""
    blocked = [READY, killing(10)]
    assert b2.signature(seen(56, blocked)).state is PRESENT
    assert b2.signature(seen(40, blocked)).state is UNSURE
    assert b2.signature(seen(30, [*blocked, pod(12, ready=True, restarts=1)])).state is ABSENT
    late = [*blocked, unready(20), pod(45, ready=False, restarts=1), unready(60, 4)]
    found = decide(BUGS["B2"], seen(70, late, ended=True))
    assert (found.state, found.masked_by) == (BugState.MASKED, "B4")
    assert decide(BUGS["B4"], seen(70, blocked, ended=True)).masked_by == "B2"


def test_b2_is_absent_where_a_drain_restarts_before_timeout_seconds_are_over() -> None:
    """37 of 60 s on 1.1: the drain held it (B4), not the pod's grace. Close to the grace, or where it is not known: neither."""
    grace = json.dumps({"terminationGracePeriodSeconds": 60})
    early = [READY, killing(10), unready(20), pod(47, ready=False, restarts=1)]
    found = b2.signature(seen(48, early, template=grace))
    assert found.state is ABSENT
    assert "37 s after the kill, before the 60 s of timeoutSeconds were over; queue-proxy's readiness answered 503" in found.why
    assert b2.signature(seen(48, early)).state is UNSURE
    late = [READY, killing(10), unready(20), pod(56, ready=False, restarts=1)]
    assert b2.signature(seen(57, late, template=grace)).state is UNSURE
    gap = Gap(Stream.PODS, "", at(12), at(20), "the API server was away")
    assert BUGS["B2"].shown(seen(48, early, template=grace, gaps=(gap,))).state is UNSURE


def test_b2_is_not_a_drain_that_only_the_trial_saw() -> None:
    """Queue-proxy said so to the trial; the kubelet's events of it may be dropped."""
    blocked = [READY, killing(10)]
    assert b2.signature(seen(56, blocked, readiness=(readiness(12),))).state is UNSURE
    assert b2.signature(seen(56, blocked, readiness=(readiness(12, 200, "queue"),))).state is PRESENT
    assert b2.signature(seen(56, blocked, readiness=(readiness(8),))).state is PRESENT


def crashed(until: float, *conditions: tuple[float, str], ready: bool = True) -> Seen:
    """The app exits at 5 s and serves again from 13 s on; the Revision's condition at these seconds."""
    fault = FaultEvent(0, "exit", {}, POD, "b1", at(5), at(5), 200, "")
    told = tuple(
        ConditionSeen(at(when), "Revision", "r", "ContainerHealthy", status, "ExitCode1", "") for when, status in conditions
    )
    states = [READY, pod(6, ready=False, restarts=1), pod(12, ready=ready, restarts=1)]
    return seen(until, states, [request(13, boot="b2")], fault=fault, conditions=told)


def test_b10_is_a_condition_that_stays() -> None:
    """False for 30 s while the pod serves; absent where it was seen False and True again, or True for 30 s after an outage."""
    assert b10.signature(crashed(44, (2, "True"), (7, "False"))).state is PRESENT
    assert b10.signature(crashed(20, (2, "True"), (7, "False"))).state is UNSURE
    assert b10.signature(crashed(44, (2, "True"), (7, "False"), ready=False)).state is UNSURE
    assert b10.signature(crashed(16, (2, "True"), (7, "False"), (14, "True"))).state is ABSENT
    assert b10.signature(crashed(60, (2, "True"))).state is UNSURE
    assert b10.signature(replace(crashed(44, (7, "False")), requests=(request(3),))).state is UNSURE
    inactive = ConditionSeen(at(6), "Revision", "r", "Active", "Unknown", "Queued", "")
    never_false = crashed(44, (2, "True"))
    noticed = replace(never_false, conditions=(*never_false.conditions, inactive))
    assert b10.signature(noticed).state is ABSENT
    assert b10.signature(replace(noticed, until_ns=at(30))).state is UNSURE
    after_it = replace(inactive, seen_ns=at(20))
    assert b10.signature(replace(never_false, conditions=(*never_false.conditions, after_it))).state is UNSURE


def test_b14_is_killed_while_it_serves() -> None:
    """The kubelet is refused, queue-proxy is not."""
    refusals = [event(14, "Unhealthy", "Liveness probe failed: dial tcp 10.0.0.1:8080: connect: connection refused", count=3)]
    restarted = [READY, *refusals, pod(16, ready=True, restarts=1)]
    assert b14.signature(seen(17, restarted, [request(3)])).state is PRESENT
    assert b14.signature(seen(17, restarted)).state is UNSURE
    line = json.dumps({"t_ns": 1, "event": "probe", "boot": "b1", "which": "liveness", "ok": True})
    logs = {f"{POD}/user-container": f"{line}\n{line}"}
    assert b14.signature(seen(40, [READY], [request(3)], logs=logs)).state is ABSENT
    assert b14.signature(seen(20, [READY], [request(3)], logs=logs)).state is UNSURE
    assert b14.signature(seen(40, [READY], [request(3)])).state is UNSURE


def test_b17_is_an_answer_before_the_pod_is_ready() -> None:
    """By seconds; a request that waited for the pod shows the right behaviour."""
    states = [pod(14, ready=True)]
    early = RequestSeen(at(1), at(3), 200, "", POD, "b1")
    waited = replace(early, done_ns=at(14.2))
    cold = replace(early, done_ns=at(5.5))
    assert b17.signature(seen(15, states, [early])).state is PRESENT
    assert b17.signature(seen(15, states, [replace(early, status=500)])).state is PRESENT
    assert b17.signature(seen(15, states, [waited])).state is ABSENT
    assert b17.signature(seen(15, [pod(5, ready=True)], [cold])).state is UNSURE, "a start of a pod without the probe takes as long"
    assert b17.signature(seen(10, [], [early])).state is UNSURE
    assert b17.signature(asked(500, "no endpoints available")).state is UNSURE
    assert b8.signature(asked(500, "no endpoints available")).state is UNSURE
    assert b17.signature(asked(400, "must not set the field(s)")).state is NONE


# --- under measured load ---


def line(payload: str, stream: Stream = Stream.QUEUE_PROXY) -> Observation:
    """Of a proxy's log."""
    return Observation(stream, POD, "queue-proxy", 0, at(9), SECOND, at(9), payload)


def run_of(bug: str, lines: list[Observation], **changes: Any) -> Seen:
    """One counted cycle of the bug's scenario, with these lines."""
    provoked_by = BUGS[bug].provoked_by
    assert isinstance(provoked_by, Scenario)
    assert resolve(provoked_by, KnativeVersion.parse("1.1")).claims
    found = Findings((cycle(**changes),), Ledger(0, 0, 0, 0, {}, 0, 0, 0, 0, 0), 0, 0, {}, 50, 1, 1, (), ())
    return Seen(observations=tuple(lines), findings=found, ended=True)


def test_b5_needs_panic_and_place_and_states_what_was_excluded() -> None:
    """Absent carries the attempts and the exact bound: one attempt excludes rates above 0.975."""
    panic = line("2026/11/28 00:00:00 http: panic serving 127.0.0.1:1: runtime error: invalid memory address")
    assert b5.signature(run_of("B5", [panic, line("\tdrain.go:1 (*Drainer).resetTimer")])).state is PRESENT
    assert b5.signature(run_of("B5", [panic])).state is UNSURE
    found = b5.signature(run_of("B5", [line("{}")]))
    assert (found.state, found.attempts) == (ABSENT, 1)
    assert found.upper == pytest.approx(0.975)
    assert b5.most(3) == pytest.approx(0.7076, abs=1e-4)
    assert BUGS["B5"].shown(run_of("B5", [])).state is UNSURE
    assert b5.signature(run_of("B5", [line("{}")], restarts=0)).state is UNSURE
    assert b5.signature(run_of("B5", [line("{}")], landed=Landed(False, ()))).state is UNSURE


def test_b15_is_an_error_line_of_a_cancelled_request() -> None:
    """A debug line is none; absent needs clients that gave up."""
    error = json.dumps(
        {"severity": "ERROR", "logger": "queueproxy", "error": "context canceled", "message": "error reverse proxying"}
    )
    gave_up = {"by_cause": {"timeout": 200}}
    assert b15.signature(run_of("B15", [line(error)], **gave_up)).state is PRESENT
    assert b15.signature(run_of("B15", [line(error, Stream.ACTIVATOR)], **gave_up)).state is PRESENT
    debug = line(error.replace("ERROR", "DEBUG"))
    assert b15.signature(run_of("B15", [debug], **gave_up)).state is ABSENT
    assert b15.signature(run_of("B15", [debug], by_cause={})).state is UNSURE
    assert BUGS["B15"].shown(run_of("B15", [], **gave_up)).state is UNSURE


# --- gaps ---


def decisive() -> dict[str, tuple[Seen, ...]]:
    """By bug: evidence that decides, each of which reads that something was not there, or when it was first there."""
    good = app_log(9)
    drained = [READY, killing(10), unready(20), pod(45, ready=False, restarts=1), unready(60, 4)]
    early = RequestSeen(at(1), at(3), 200, "", POD, "b1")
    return {
        "B2": (seen(56, [READY, killing(10)]), seen(30, [READY, killing(10), pod(12, ready=True, restarts=1)])),
        "B3": (seen(12, [READY], [request(3)], logs=good),),
        "B4": (
            seen(70, drained),
            seen(35, [READY, killing(10), unready(20)], ended=True),
            seen(23, [READY, killing(10), pod(12, ready=True, restarts=1)], [request(13, boot="b2")]),
        ),
        "B5": (run_of("B5", [line("{}")]),),
        "B8": (seen(9, [READY], [request(3)], template=SIDECAR),),
        "B10": (crashed(45, (2, "True"), (6, "False")), crashed(16, (2, "True"), (7, "False"), (14, "True"))),
        "B14": (seen(40, [READY], [request(2)], logs=good),),
        "B15": (run_of("B15", [line("{}")], by_cause={"timeout": 200}),),
        "B17": (seen(15, [pod(14, ready=True)], [early]),),
    }


@pytest.mark.parametrize("bug", decisive())
def test_a_gap_of_a_stream_that_is_needed_decides_nothing(bug: str) -> None:
    """What was lost in it may be what decides otherwise: the restart, the 503, the first Ready, the line of the log."""
    for whole in decisive()[bug]:
        found = BUGS[bug].shown(whole)
        assert found.state in {PRESENT, ABSENT}, found
        needed = BUGS[bug].needs[found.state]
        for stream in Stream:
            gap = Gap(stream, "", at(6), at(9), "the API server was away")
            shown = decide(BUGS[bug], replace(whole, gaps=(gap,)))
            assert shown.state is (UNSURE if stream in needed else found.state), (stream, shown)
            if stream in needed:
                assert f"the stream {stream.value} has a gap of 3 s (the API server was away)" in shown.why


def test_the_page_lists_what_each_bug_needs() -> None:
    """docs/corpus.md, section Gaps: the bugs with needs, and for which state."""
    page = (Path(__file__).parents[3] / "docs" / "corpus.md").read_text(encoding="utf-8")
    rows = [
        row.split(" |") for row in page.partition("present needs | absent needs |")[2].splitlines()[2:] if row.startswith("| B")
    ]
    listed = {cells[0].lstrip("| "): (bool(cells[1].strip()), bool(cells[2].strip())) for cells in rows if len(cells) == 4}
    assert listed == {bug.id: (PRESENT in bug.needs, ABSENT in bug.needs) for bug in BUGS.values() if bug.needs}


def test_a_gap_before_the_fault_hides_nothing() -> None:
    """A trial is decided by what follows its fault."""
    whole = crashed(45, (2, "True"), (6, "False"))
    before, after = (replace(whole, gaps=(Gap(Stream.PODS, "", at(1), at(until), "away"),)) for until in (4, 6))
    assert BUGS["B10"].shown(before).state is PRESENT
    assert BUGS["B10"].shown(after).state is UNSURE


def test_evidence_without_pods_is_not_whole() -> None:
    """That no pod was restarted is not seen by who saw no pod."""
    whole = decisive()["B3"][0]
    assert BUGS["B3"].shown(replace(whole, observations=())).state is UNSURE


def test_no_edge_is_shorter_than_two_looks_are_apart() -> None:
    """What lies between two looks of a trial is no gap yet: no threshold of a signature may be as short."""
    shortest = min(
        b2.PROMPT_S, b2.BLOCKED_S, b2.EARLY_S, b4.RESET_S, b4.BLOCKED_S, b4.STUCK_S, b4.STEADY_S, b10.STEADY_S, b14.STEADY_S
    )
    assert min(shortest, b17.EARLY_S) > LOOKS_APART_S
    assert b17.EARLY_S < b17.DELAY_S


def test_manifests_say_what_was_asked() -> None:
    """From zero there is no min-scale; a sidecar's variable stands beside its others."""
    assert "min-scale" in service("a")
    text = service("a", sidecar="readinessProbe: {}", sidecar_env="- {name: X, value: '1'}", from_zero=True)
    assert "min-scale" not in text
    assert (
        "            - {name: X, value: '1'}\n          resources: {requests: {cpu: 20m}}\n          readinessProbe: {}\n" in text
    )
