"""The signatures of the corpus: present and absent only where the bug, or the right behaviour, was seen."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from harness.catalogue import SCENARIOS, resolve
from harness.catalogue.bugs import BUGS, Bug, b1, b3, b4, b8, bug_named, decide, in_order
from harness.errors import BadInput
from harness.judge import judge, require_checks
from harness.knative.names import USER_CONTAINER
from harness.model import (
    Answered,
    BugState,
    ConditionSeen,
    CycleFindings,
    CycleMark,
    Decided,
    Findings,
    KnativeVersion,
    Landed,
    Ledger,
    Scenario,
    Seen,
    Trial,
)
from tests.unit.catalogue.bugkit import POD, at, event, killing, pod, readiness, request, seen, unready

STEADY = [pod(1, ready=True)]
RESTARTED = [*STEADY, killing(10), pod(12, ready=True, restarts=1)]


@pytest.mark.parametrize("bug", BUGS.values(), ids=lambda bug: bug.id)
def test_nothing_seen_decides_nothing(bug: Bug) -> None:
    """Absent needs positive evidence: an empty trial, and one in which nothing happens to a standing pod, are inconclusive."""
    assert bug.signature(Seen()).state is BugState.INCONCLUSIVE
    assert bug.signature(Seen(ended=True, error="the API server went away")).state is BugState.INCONCLUSIVE


def test_names_and_order() -> None:
    """An entry stands under its own id; a bug comes after those that may mask it."""
    assert all(bug.id == name for name, bug in BUGS.items())
    assert bug_named("b4") is BUGS["B4"]
    with pytest.raises(BadInput, match="no bug 'B99'"):
        bug_named("B99")
    ordered = [bug.id for bug in in_order()]
    assert sorted(ordered) == sorted(BUGS)
    for bug in BUGS.values():
        before = [masker for masker in bug.maskers if bug.id not in BUGS[masker].maskers]
        assert all(ordered.index(masker) < ordered.index(bug.id) for masker in before)
    assert [bug.id for bug in in_order(("b1", "B4"))] == ["B4", "B1"]
    assert {masker for bug in BUGS.values() for masker in bug.maskers} <= set(BUGS)


def test_provocations_of_one_name_are_one() -> None:
    """Evidence is found by the name of the provocation: two of one name would be taken for each other."""
    by_name: dict[str, Trial | Scenario] = {}
    for bug in BUGS.values():
        assert by_name.setdefault(bug.provoked_by.name, bug.provoked_by) == bug.provoked_by


@pytest.mark.parametrize("version", ["1.1", "1.6", "1.23"])
def test_measured_provocations_are_of_every_version(version: str) -> None:
    """A scenario of the corpus has a name of its own, claims that exist, and an expectation on any version."""
    for bug in BUGS.values():
        if isinstance(bug.provoked_by, Scenario):
            assert bug.provoked_by.name not in SCENARIOS
            require_checks(resolve(bug.provoked_by, KnativeVersion.parse(version)).claims)


# --- B4 ---


def test_b4_is_present_when_the_drain_outlives_the_restart() -> None:
    """Restarted, and still 503 and not Ready a minute later: what 1.1 to 1.6 do without load."""
    stuck = [*STEADY, killing(10), unready(18), pod(31, ready=False, restarts=1, queue_proxy=False), unready(58, 5)]
    found = b4.signature(seen(60, stuck))
    assert found.state is BugState.PRESENT
    assert "503 48 s after the kill" in found.why
    assert b4.signature(seen(45, stuck)).state is BugState.INCONCLUSIVE
    assert b4.signature(seen(60, stuck[:-1])).state is BugState.INCONCLUSIVE


def test_b4_is_present_when_the_container_is_never_restarted() -> None:
    """What S1 shows on 1.6 under load: `Killing`, readiness 503, and no new container until the cycle is given up."""
    found = b4.signature(seen(35, [*STEADY, killing(10), unready(20)], ended=True))
    assert found.state is BugState.PRESENT
    assert "was not restarted" in found.why
    assert b4.signature(seen(35, [*STEADY, killing(10), unready(20)])).state is BugState.INCONCLUSIVE


DRAINED = [*STEADY, killing(10), unready(11, 25), pod(47, ready=False, restarts=1, queue_proxy=False)]
"""1.1: the kubelet asks each second, and its events of the 503 end before the restart."""


def test_b4_is_present_by_what_queue_proxy_answers_the_trial() -> None:
    """Events are dropped; the trial's own question is not. It still drains 20 s after the restart."""
    asked = [readiness(second) for second in (12, 40, 48, 68)]
    found = b4.signature(seen(70, DRAINED, readiness=tuple(asked)))
    assert found.state is BugState.PRESENT
    assert '503 "shutting down" 58 s after the kill' in found.why
    assert b4.signature(seen(70, DRAINED)).state is BugState.INCONCLUSIVE
    assert b4.signature(seen(70, DRAINED, readiness=tuple(asked[:-1]))).state is BugState.INCONCLUSIVE


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (503, ""),  # of the app, which is not ready
        (503, '{"kind":"Status","message":"error trying to reach service: dial tcp 10.0.0.1:8012: connect: connection refused"}'),
        (0, "The API server gave no answer"),
        (200, "queue"),
        (500, "shutting down"),
    ],
)
def test_b4_is_not_another_answer(status: int, text: str) -> None:
    """Only queue-proxy's own words and status show that it drains."""
    asked = tuple(readiness(second, status, text) for second in (48, 68))
    assert b4.signature(seen(70, DRAINED, readiness=asked)).state is BugState.INCONCLUSIVE
    other = tuple(replace(readiness(second), pod="toggle-00002-xyz") for second in (48, 68))
    assert b4.signature(seen(70, DRAINED, readiness=other)).state is BugState.INCONCLUSIVE


def test_b4_is_not_the_drain_of_a_pod_that_is_deleted() -> None:
    """What queue-proxy answered while its pod was deleted is not read."""
    gone = pod(60, ready=False, restarts=1)
    gone = replace(gone, payload=gone.payload.replace('"deleting":false', '"deleting":true'))
    restarted = [*STEADY, killing(10), pod(14, ready=False, restarts=1), gone]
    asked = tuple(readiness(second) for second in (61, 68))
    assert b4.signature(seen(70, restarted, readiness=asked)).state is BugState.INCONCLUSIVE
    assert b4.signature(seen(70, restarted[:-1], readiness=asked)).state is BugState.PRESENT


def test_b4_is_absent_only_when_the_restarted_pod_serves() -> None:
    """Ready and 200 ten seconds after the restart. Not earlier, and not without the answer."""
    assert b4.signature(seen(23, RESTARTED, [request(13, boot="b2")])).state is BugState.ABSENT
    assert b4.signature(seen(15, RESTARTED, [request(13, boot="b2")])).state is BugState.INCONCLUSIVE
    assert b4.signature(seen(23, RESTARTED, [request(11)])).state is BugState.INCONCLUSIVE
    assert b4.signature(seen(23, RESTARTED)).state is BugState.INCONCLUSIVE


def test_b4_is_not_a_slow_start() -> None:
    """One 503 a second after the kill belongs to a drain that was ended, as from 1.7 on."""
    late = [*STEADY, killing(10), unready(11), pod(12, ready=False, restarts=1), pod(20, ready=True, restarts=1)]
    assert b4.signature(seen(19, late[:-1])).state is BugState.INCONCLUSIVE
    assert b4.signature(seen(31, late, [request(21)])).state is BugState.ABSENT


def test_b4_is_not_the_end_of_a_pod() -> None:
    """A pod that is deleted after its cycle drains and is not Ready; what was seen before that decides."""
    gone = pod(30, ready=False, restarts=1)
    gone = replace(gone, payload=gone.payload.replace('"deleting":false', '"deleting":true'))
    ended = [*RESTARTED, gone, unready(32)]
    mark = CycleMark(0, POD, "b1", at(0), at(5), at(7), at(10), at(24), at(28))
    assert b4.signature(seen(60, ended, ended=True)).state is BugState.INCONCLUSIVE
    assert b4.signature(seen(60, ended, ended=True, marks=(mark,))).state is BugState.ABSENT


def test_b4_is_not_a_blocked_restart() -> None:
    """Without a 503 the container may be blocked by B2: that is another bug."""
    assert b4.signature(seen(60, [*STEADY, killing(10)], ended=True)).state is BugState.INCONCLUSIVE


# --- B3 ---


def app_log(count: int, *, peer: str = "10.244.0.1") -> dict[str, str]:
    """Good liveness probes in the app's log."""
    line = {"event": "probe", "boot": "b1", "which": "liveness", "via": "http", "ok": True, "status": 200, "peer": peer}
    return {f"{POD}/{USER_CONTAINER}": "\n".join(json.dumps({**line, "t_ns": at(second)}) for second in range(count))}


def test_b3_is_present_by_statuscode_400_and_a_restart() -> None:
    """Queue-proxy answers the kubelet's probe with 400."""
    bad = [event(5, "Unhealthy", "Liveness probe failed: HTTP probe failed with statuscode: 400", count=3)]
    assert b3.signature(seen(9, [*STEADY, *bad, pod(8, ready=False, restarts=1)])).state is BugState.PRESENT
    assert b3.signature(seen(9, [*STEADY, *bad])).state is BugState.INCONCLUSIVE


def test_b3_is_absent_by_what_the_app_was_asked() -> None:
    """The app itself reports the kubelet's probes; those of queue-proxy come over the pod's loopback."""
    requests = [request(3)]
    assert b3.signature(seen(12, STEADY, requests, logs=app_log(9))).state is BugState.ABSENT
    assert b3.signature(seen(12, STEADY, requests, logs=app_log(9, peer="127.0.0.1"))).state is BugState.INCONCLUSIVE
    assert b3.signature(seen(12, STEADY, requests, logs=app_log(2))).state is BugState.INCONCLUSIVE
    assert b3.signature(seen(60, STEADY, requests, ended=True)).state is BugState.INCONCLUSIVE


# --- B8 ---

SIDECAR = json.dumps(
    {"containers": [{"name": "user-container"}, {"name": "sidecar", "readinessProbe": {"exec": {"command": ["true"]}}}]}
)


def test_b8_is_present_by_knatives_words() -> None:
    """Wherever they are said: a condition of the Revision, or the controller's log."""
    said = "failed to create deployment: sidecar readiness probe does not define probe port on container: sidecar"
    condition = ConditionSeen(at(3), "Revision", "r-00001", "Ready", "False", "Why", said)
    assert b8.signature(seen(5, [], conditions=(condition,))).state is BugState.PRESENT
    assert b8.signature(seen(5, [], logs={"controller-1/controller": said})).state is BugState.PRESENT


def test_b8_is_absent_when_the_pod_stands_with_the_probe() -> None:
    """A pod without the sidecar's probe would prove nothing."""
    assert b8.signature(seen(9, [pod(2, ready=True)], [request(3)], template=SIDECAR)).state is BugState.ABSENT
    assert b8.signature(seen(9, [pod(2, ready=True)], [request(3)], template="{}")).state is BugState.INCONCLUSIVE
    assert b8.signature(seen(9, [pod(2, ready=False)], [request(3)], template=SIDECAR)).state is BugState.INCONCLUSIVE


def test_b8_does_not_apply_where_sidecars_have_no_probes() -> None:
    """Up to 1.13 the webhook refuses the manifest whatever the switch says."""
    refusal = Answered(400, 'admission webhook "validation" denied the request: must not set the field(s): readinessProbe')
    found = b8.signature(seen(1, [], answer=refusal, ended=True))
    assert found.state is BugState.NOT_APPLICABLE
    assert "must not set the field(s)" in found.why


# --- B1 and masking ---


def cycle(**changes: object) -> CycleFindings:
    """One that refused 270 requests of a Ready pod."""
    found = CycleFindings(
        index=0,
        pod=POD,
        voided="",
        landed=Landed(True, ()),
        anatomy={},
        sent=600,
        ok=330,
        by_outcome={"ok": 330, "http-502": 270},
        by_cause={"refused-dial": 270},
        refused_window=(at(10), at(15)),
        ready_throughout=True,
        restarts=1,
        outside_window=0,
        pacing_p50_us=1,
        pacing_p99_us=1,
        pacing_max_us=1,
        steal=0,
        probed_again=True,
    )
    return replace(found, **changes)  # type: ignore[arg-type]  # of the fields above


def measured(*cycles: CycleFindings, **more: object) -> Seen:
    """A run with these cycles."""
    spec = resolve(b1.LIVENESS_UNDER_LOAD, KnativeVersion.parse("1.23"))
    found = Findings(cycles, Ledger(0, 0, 0, 0, {}, 0, 0, 0, 0, 0), 0, 0, {}, 50, 1, 1, (), ())
    return replace(Seen(findings=found, verdict=judge(spec, found), ended=True), **more)  # type: ignore[arg-type]


def test_b1_by_what_the_claims_observed() -> None:
    """Refused while Ready: present. None refused although it was restarted: absent. A voided cycle says nothing."""
    assert b1.signature(measured(cycle())).state is BugState.PRESENT
    fixed = cycle(ok=600, by_outcome={"ok": 600}, by_cause={}, refused_window=None)
    assert b1.signature(measured(fixed)).state is BugState.ABSENT
    assert b1.signature(measured(replace(fixed, restarts=0))).state is BugState.INCONCLUSIVE
    whole = measured(fixed)
    assert whole.findings is not None
    doubt = replace(whole, findings=replace(whole.findings, doubts=("the load was late",)))
    assert b1.signature(doubt).state is BugState.INCONCLUSIVE, "as its run is"
    assert b1.signature(measured(replace(fixed, landed=Landed(False, ())))).state is BugState.INCONCLUSIVE
    assert b1.signature(measured(cycle(voided="late"))).state is BugState.INCONCLUSIVE


def test_b1_is_masked_by_what_the_same_run_shows() -> None:
    """On 1.6 the cycle is given up; the record of it shows B4."""
    mark = CycleMark(0, POD, "b1", at(0), at(5), at(7), 0, 0, at(40), given_up="the fault's landing: not seen within 32 s")
    stuck = (*STEADY, killing(10), unready(20))
    run = measured(cycle(voided="given up"), marks=(mark,), observations=stuck, until_ns=at(40))
    found = decide(BUGS["B1"], run)
    assert (found.state, found.masked_by) == (BugState.MASKED, "B4")
    assert "given" in found.why or "landing" in found.why
    assert "was not restarted" in found.why
    assert decide(BUGS["B1"], replace(run, observations=())).state is BugState.INCONCLUSIVE


def test_b1_is_masked_by_a_cell_of_the_same_stack() -> None:
    """On 1.1 the workload never stands; B3's own cell says why. A masker that is absent masks nothing."""
    nothing = Seen(ended=True, error="toggle is not served: pod restarted")
    assert decide(BUGS["B1"], nothing, {"B3": Decided(BugState.PRESENT, "statuscode 400")}).masked_by == "B3"
    assert decide(BUGS["B1"], nothing, {"B3": Decided(BugState.ABSENT, "good probes")}).state is BugState.INCONCLUSIVE
    assert decide(BUGS["B1"], measured(cycle()), {"B3": Decided(BugState.PRESENT, "400")}).state is BugState.PRESENT


def test_masking_needs_the_end_of_the_trial() -> None:
    """While the trial goes on it may still decide by itself."""
    still = seen(20, [*STEADY])
    assert decide(BUGS["B1"], still, {"B3": Decided(BugState.PRESENT, "400")}).state is BugState.INCONCLUSIVE
