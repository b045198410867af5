"""Histories with one thing wrong: what was planted is found, and turns a pass into inconclusive."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from harness.analyse import analyse
from harness.judge import judge
from harness.model import (
    FaultEvent,
    Findings,
    Gap,
    Handler,
    Observed,
    Outcome,
    Probe,
    Ruling,
    ServiceSpec,
    Stream,
    Verdict,
)
from tests.unit.analyse.story import BAD, LISTENING_S, MS, REFUSED, S, Story, at, calm, open_questions, restarts


def judged(story: Story) -> tuple[Findings, Verdict]:
    """Analysed and judged as a run would be."""
    findings = analyse(story.history())
    return findings, judge(story.meta.spec, findings)


@pytest.mark.parametrize("tell", [restarts, calm])
def test_a_whole_history_passes(tell: Callable[[], Story]) -> None:
    """Nothing wrong: no doubt, and both kinds of run pass."""
    findings, verdict = judged(tell())
    assert findings.doubts == ()
    assert verdict.ruling is Ruling.PASS, verdict.reasons


def line_dropped(story: Story) -> str:
    """One refused line is lost: at 50 rps no neighbour could own it, so its request is without evidence."""
    assert story.drop(lambda one: REFUSED in one.payload and "queueproxy" in one.payload, 1) == 1
    return "1 failed requests are unattributed (0 of them ambiguous)"


def line_added(story: Story) -> str:
    """Somebody else's request was refused while the generator ran."""
    story.refused_line("pod-0", at(0, 8.011))
    return "1 refused lines of queue-proxy belong to no request"


def stranger_refused_before_closing(story: Story) -> str:
    """The same at a time when no request of ours failed."""
    story.refused_line("pod-1", at(1, 1.0))
    return "1 refused lines of queue-proxy belong to no request"


def unexplained_answer(story: Story) -> str:
    """A 502 of which nobody says why."""
    story.request(
        0, at(0, 2.0), Outcome.HTTP_ERROR, status=502, answer=story.answer(0, 502, "?", x_envoy_upstream_service_time="present")
    )
    return "1 failed requests are unattributed"


def closed_connection(story: Story) -> str:
    """The client's own socket was closed and nobody says why."""
    story.request(0, at(0, 2.0), Outcome.CLOSED, status=0, answer=-1)
    return "1 failed requests are unattributed"


def unanswered(story: Story) -> str:
    """The generator ended before the answer came."""
    story.requests[-1] |= {"outcome": "unanswered", "done_ns": 0, "answer": -1, "status": 0}
    return "1 failed requests are unattributed"


def queue_proxy_gap(story: Story) -> str:
    """The log of queue-proxy was cut in the middle of a cycle."""
    story.gaps.append(Gap(Stream.QUEUE_PROXY, "pod-0", at(0, 8), at(0, 9), "cut"))
    return "cycle 0: log:queue-proxy has a gap of 1.0 s: cut"


def gap_of_a_pod_that_came(story: Story) -> str:
    """One of several pods was gone before its log was read: it may have refused."""
    story.pod("pod-late", at(1, 5))
    story.gaps.append(Gap(Stream.QUEUE_PROXY, "pod-late", at(1, 5), at(1, 6), "the pod was gone before its log was read"))
    return "cycle 1: log:queue-proxy has a gap of 1.0 s: the pod was gone before its log was read"


def gap_of_all_pods(story: Story) -> str:
    """A gap without a pod concerns every pod."""
    story.gaps.append(Gap(Stream.PODS, "", at(1, 1), at(1, 2), "410"))
    return "cycle 1: pods has a gap"


def pods_gap(story: Story) -> str:
    """With a gap nobody knows whether the pod stayed Ready."""
    story.gaps.append(Gap(Stream.PODS, "pod-1", at(1, 8), at(1, 8.1), "410"))
    return "cycle 1: pods has a gap"


def app_gap(story: Story) -> str:
    """The app's own log was cut."""
    story.gaps.append(Gap(Stream.APP, "pod-1", at(1, 12), at(1, 70), "eof"))
    return "cycle 1: log:user-container has a gap"


def not_landed(story: Story) -> str:
    """No new boot in one cycle."""
    story.drop(lambda one: "new1" in one.payload)
    return "cycle 1: the fault is not proved to have landed (a new boot in the app's log: only old1)"


def not_even_sent(story: Story) -> str:
    """The fault was never put in."""
    del story.faults[1]
    return "cycle 1: the fault is not proved to have landed (the app was told: nothing was done)"


def given_up(story: Story) -> str:
    """The scenario gave a cycle up, and the fault had not landed."""
    story.drop(lambda one: "new1" in one.payload)
    story.cycles[1] = replace(story.cycles[1], given_up="no recovery within 90 s")
    return "1 of 2 cycles count (cycle 1: given up: no recovery within 90 s)"


def no_cycle_asked_for(story: Story) -> str:
    """The record says that none was to be measured; two were."""
    story.spec(cycles=0)
    return "a run of 0 cycles proves nothing"


def stalled_generator(story: Story) -> str:
    """The generator stood still for a second in one cycle."""
    for row in story.requests:
        if row["cycle"] == 0 and at(0, 1) <= row["intended_ns"] < at(0, 2):
            row["sent_ns"] = at(0, 2)
            row["done_ns"] = at(0, 2) + MS
    return "1 of 2 cycles count (cycle 0: pacing p99"


def capped_generator(story: Story) -> str:
    """Requests that were never sent."""
    story.request(1, at(1, 3), Outcome.NOT_SENT, status=0, answer=-1)
    return "1 of 2 cycles count (cycle 1: 1 requests were not sent"


def stolen_cpu(story: Story) -> str:
    """Somebody else used the machine."""
    story.generators[0] = replace(story.generators[0], steal=0.06)
    return "1 of 2 cycles count (cycle 0: steal 6.0% > 5%)"


def no_report(story: Story) -> str:
    """The generator died."""
    del story.generators[0]
    return "1 of 2 cycles count (cycle 0: the generator left no final report)"


def report_still_running(story: Story) -> str:
    """The generator was killed after it wrote a first report."""
    story.generators[1] = replace(story.generators[1], ended_by="running")
    return "1 of 2 cycles count (cycle 1: the generator left no final report)"


def ended_early(story: Story) -> str:
    """Somebody ended the generator right after the steady state, and nobody asked any more."""
    story.requests = [row for row in story.requests if row["cycle"] != 0 or row["intended_ns"] < at(0, 4.2)]
    left = sum(row["cycle"] == 0 for row in story.requests)
    story.generators[0] = replace(story.generators[0], ended_by="sigterm", planned=left, sent=left, ended_ns=at(0, 4.2))
    return "1 of 2 cycles count (cycle 0: the generator was not told to stop: it was ended by sigterm"


def load_ended_before_the_cycle(story: Story) -> str:
    """The generator says that it was told to stop, and planned nothing in the last half second."""
    story.requests = [row for row in story.requests if row["cycle"] != 1 or row["intended_ns"] < at(1, 12.5)]
    left = sum(row["cycle"] == 1 for row in story.requests)
    story.generators[1] = replace(story.generators[1], planned=left, sent=left)
    return "1 of 2 cycles count (cycle 1: the load ended 0.40 s before the cycle did"


def records_lost(story: Story) -> str:
    """One in ten was kept."""
    story.requests = [row for row in story.requests if row["seq"] % 10 == 0]
    return "0 of 2 cycles count (cycle 0: the generator planned 650 requests and left 65 records"


def record_lost(story: Story) -> str:
    """One record is missing, and the report does not know."""
    story.requests = [row for row in story.requests if (row["cycle"], row["seq"]) != (1, 17)]
    story.generators[1] = replace(story.generators[1], planned=649)
    return "1 of 2 cycles count (cycle 1: the generator's record of request 17 is missing"


def neither_given_up_nor_recovered(story: Story) -> str:
    """An error ended the run after the fault; the mark was still closed."""
    story.cycles[1] = replace(story.cycles[1], recovered_ns=0)
    return "1 of 2 cycles count (cycle 1: the run ended in it"


def given_up_and_replaced(story: Story) -> str:
    """The service did not recover; enough other cycles count, and yet that was its doing."""
    story.spec(cycles=1)
    story.cycles[0] = replace(story.cycles[0], recovered_ns=0, given_up="the recovery: not seen within 90 s")
    return "cycle 0: given up: the recovery: not seen within 90 s"


def interrupted(story: Story) -> str:
    """Ctrl-C."""
    story.meta = replace(story.meta, interrupted="Ctrl-C in cycle 1")
    return "the run was interrupted: Ctrl-C in cycle 1"


def killed(story: Story) -> str:
    """The harness was killed in the last cycle: no clock step, no end of the cycle, no report."""
    story.meta = replace(story.meta, clock_step_ns=None)
    story.cycles[1] = replace(story.cycles[1], recovered_ns=0, ended_ns=0)
    del story.generators[1]
    return "its history was never closed"


def unmarked(story: Story) -> str:
    """Killed before the cycle was marked at all."""
    story.spec(cycles=1)
    del story.cycles[1]
    return "cycle 1 sent requests but was never marked"


def clock_step(story: Story) -> str:
    """Time was set while it was measured."""
    story.meta = replace(story.meta, clock_step_ns=-6 * MS)
    return "the clock was stepped by -6.0 ms"


def torn(story: Story) -> str:
    """A line was lost to a kill."""
    story.notes = ("observations.jsonl: a last line of 7 bytes was torn and is left out",)
    return "the history is incomplete: observations.jsonl"


def deaf_to_queue_proxy(story: Story) -> str:
    """The stream delivered nothing at all, and no gap says so."""
    story.drop(lambda one: one.stream is Stream.QUEUE_PROXY)
    return "nothing was ever seen on log:queue-proxy"


def deaf_to_events(story: Story) -> str:
    """No event of any pod."""
    story.drop(lambda one: one.stream is Stream.EVENTS)
    return "cycle 0: the fault is not proved to have landed (the kubelet kills the container for its liveness: no Killing event"


def deaf_to_one_pod(story: Story) -> str:
    """The watch saw one cycle's pod only."""
    story.drop(lambda one: one.stream is Stream.PODS and one.pod == "pod-1")
    return "cycle 1: nothing was seen of pod-1 on pods"


def lines_of_another_pod(story: Story) -> str:
    """Each refused line comes at the right time and is of a pod that never had one of our requests."""
    story.observations = [
        replace(one, pod="pod-other") if "queueproxy" in one.payload and REFUSED in one.payload else one
        for one in story.observations
    ]
    return "125 refused lines of queue-proxy belong to no request"


def dead_from_the_start(story: Story) -> str:
    """Nothing was answered well before the fault: the failures after it say nothing."""
    wrong = story.answer(0, 503, "no", server="envoy")
    for row in story.requests:
        if row["cycle"] == 0 and row["outcome"] == "ok":
            row |= {"outcome": "http-error", "status": 503, "answer": wrong}
    return "cycle 0: no request was answered well"


def another_pod(story: Story) -> str:
    """A pod that is not this cycle's served it."""
    story.answer(1, 200, "hello", x_toggle_pod="pod-0", x_toggle_boot="x")
    return "cycle 1: another pod served it too: pod-0"


def another_pod_of_two(story: Story) -> str:
    """The Service may have two pods: only one of them is followed."""
    story.spec(service=replace(story.meta.spec.service, max_scale=2))
    return another_pod(story)


def redirected(story: Story) -> str:
    """A redirect is no error, and nobody followed it."""
    for row in story.requests[:3]:
        row["status"] = 302
    return "cycle 0: 3 answers are neither good nor errors: status 302"


def answered_by_nobody(story: Story) -> str:
    """Somebody on the way says 200, and the app under test was never asked."""
    story.requests[0]["answer"] = story.answer(0, 200, "hello", server="envoy")
    return "cycle 0: 1 good answers do not name the pod and boot"


def answered_without_boot(story: Story) -> str:
    """The pod alone does not say which process answered."""
    story.requests[0]["answer"] = story.answer(0, 200, "hello", x_toggle_pod="pod-0", x_toggle_boot="")
    return "cycle 0: 1 good answers do not name the pod and boot"


def good_without_an_answer(story: Story) -> str:
    """The record says OK and names no answer."""
    story.requests[0]["answer"] = -1
    return "cycle 0: 1 good answers do not name the pod and boot"


def nothing_sent(story: Story) -> str:
    """No load at all."""
    story.requests.clear()
    return "no request was sent"


EITHER: list[Callable[[Story], str]] = [
    unexplained_answer,
    closed_connection,
    unanswered,
    line_added,
    stranger_refused_before_closing,
    queue_proxy_gap,
    gap_of_a_pod_that_came,
    gap_of_all_pods,
    pods_gap,
    no_cycle_asked_for,
    stalled_generator,
    capped_generator,
    stolen_cpu,
    no_report,
    report_still_running,
    interrupted,
    killed,
    unmarked,
    clock_step,
    torn,
    deaf_to_queue_proxy,
    deaf_to_one_pod,
    dead_from_the_start,
    another_pod,
    another_pod_of_two,
    ended_early,
    load_ended_before_the_cycle,
    records_lost,
    record_lost,
    neither_given_up_nor_recovered,
    given_up_and_replaced,
    redirected,
    answered_by_nobody,
    answered_without_boot,
    good_without_an_answer,
    nothing_sent,
]
OF_A_FAULT: list[Callable[[Story], str]] = [
    app_gap,
    deaf_to_events,
    line_dropped,
    lines_of_another_pod,
    not_landed,
    not_even_sent,
    given_up,
]


@pytest.mark.parametrize(
    ("tell", "plant"),
    [(restarts, plant) for plant in (*EITHER, *OF_A_FAULT)] + [(calm, plant) for plant in EITHER],
    ids=lambda one: one.__name__,
)
def test_a_planted_fault_is_found(tell: Callable[[], Story], plant: Callable[[Story], str]) -> None:
    """It is said in words, and the verdict is inconclusive; never pass, never regression."""
    story = tell()
    words = plant(story)
    findings, verdict = judged(story)
    assert any(words in text for text in open_questions(findings)), open_questions(findings)
    assert verdict.ruling is Ruling.INCONCLUSIVE


@pytest.mark.parametrize("plant", [app_gap, deaf_to_events], ids=lambda one: one.__name__)
def test_what_no_claim_needs_may_be_lost(plant: Callable[[Story], str]) -> None:
    """That no request fails and nothing restarts is known without the app's log and without events."""
    story = calm()
    plant(story)
    assert judged(story)[1].ruling is Ruling.PASS


def test_a_lost_stream_leaves_only_those_claims_open_that_rest_on_it() -> None:
    """Without the app's log nobody knows when it listened; that the port refused a Ready pod is known all the same."""
    story = restarts()
    app_gap(story)
    _, verdict = judged(story)
    assert [one.observed for one in verdict.claims] == [Observed.BROKEN, Observed.UNDECIDED, Observed.UNDECIDED]
    assert verdict.ruling is Ruling.INCONCLUSIVE


def test_a_fault_that_was_not_asked_for_is_a_doubt() -> None:
    """A calm run in which somebody put in a fault is no calm run."""
    story = calm()
    story.faults.append(restarts().faults[0])
    assert "cycle 0: the fault liveness was put in though none was asked" in analyse(story.history()).doubts


def test_the_record_of_no_fault_is_none() -> None:
    """A calm cycle may say that nothing was done to its pod: that is no fault, and has no edges."""
    story = calm()
    story.faults += [FaultEvent(cycle, "none", {}, f"pod-{cycle}", "b", at(cycle, 4), at(cycle, 4), 0, "") for cycle in range(2)]
    findings, verdict = judged(story)
    assert verdict.ruling is Ruling.PASS
    assert [cycle.anatomy for cycle in findings.cycles] == [{}, {}]


@pytest.mark.parametrize("stream", [Stream.KUBELET, Stream.CONTAINERD, Stream.ENDPOINTS, Stream.ACTIVATOR])
def test_a_gap_that_takes_nothing_is_no_doubt(stream: Stream) -> None:
    """The journals and endpoints only sharpen the anatomy; the activator's log explains only what nothing else does."""
    story = restarts()
    story.gaps.append(Gap(stream, "", at(0, 8), at(0, 9), "cut"))
    assert judged(story)[1].ruling is Ruling.PASS


def test_an_activator_gap_is_named_when_failures_are_left() -> None:
    """It may have held the explanation."""
    story = restarts()
    closed_connection(story)
    story.gaps.append(Gap(Stream.ACTIVATOR, "activator-x", at(0, 8), at(0, 9), "cut"))
    assert any("log:activator has a gap" in text for text in open_questions(analyse(story.history())))


def test_a_gap_outside_the_cycles_or_of_another_pod_is_no_doubt() -> None:
    """Between cycles nothing is measured."""
    story = restarts()
    story.gaps.append(Gap(Stream.QUEUE_PROXY, "", at(0, 20), at(0, 40), "new pod"))
    story.gaps.append(Gap(Stream.QUEUE_PROXY, "pod-1", at(0, 8), at(0, 9), "not this cycle's"))
    assert judged(story)[1].ruling is Ruling.PASS


@pytest.mark.parametrize("leaving", [False, True], ids=["of the cycle before", "on its way out"])
def test_a_gap_of_a_pod_of_before_is_no_doubt(leaving: bool) -> None:
    """Its logs were sealed with its cycle."""
    story = restarts()
    story.pod("pod-old", at(0, 12) if not leaving else at(0, 30))
    if leaving:
        story.see(Stream.PODS, "pod-old", at(0, 31), {"ready": False, "deleting": True, "containers": {}})
    story.gaps.append(Gap(Stream.QUEUE_PROXY, "pod-old", at(1, 5), at(1, 6), "the pod was gone"))
    assert judged(story)[1].ruling is Ruling.PASS


def test_a_pod_that_was_followed_may_serve_too() -> None:
    """All there is to know of it is known."""
    story = calm()
    story.pod("pod-two", at(0, 20))
    story.app("pod-two", "x", at(0, 21), "boot")
    story.answer(1, 200, "hello", x_toggle_pod="pod-two", x_toggle_boot="x")
    assert judged(story)[1].ruling is Ruling.PASS


def test_a_refused_line_of_a_followed_pod_has_its_request() -> None:
    """Of two pods one is hit, and it names itself in no answer while it refuses."""
    story = restarts()
    story.observations = [
        replace(one, pod="pod-two") if one.stream is Stream.QUEUE_PROXY and one.pod == "pod-1" else one
        for one in story.observations
    ]
    story.pod("pod-two", at(0, 20))
    story.app("pod-two", "x", at(0, 21), "boot")
    findings = analyse(story.history())
    assert (findings.ledger.unmatched, findings.ledger.unattributed) == (0, 0)


def test_a_voided_cycle_can_be_replaced() -> None:
    """With enough cycles that count, a voided one is reported and decides nothing, whatever failed in it."""
    story = restarts(3)
    stalled_generator(story)
    closed_connection(story)
    story.spec(cycles=2)
    findings, verdict = judged(story)
    assert [bool(cycle.voided) for cycle in findings.cycles] == [True, False, False]
    assert findings.cycles[0].by_cause["unknown"] == 1
    assert findings.ledger.unattributed == 0
    assert findings.sent == 1300
    assert verdict.ruling is Ruling.PASS


def test_a_flip_of_readiness_is_another_failure() -> None:
    """With exec readiness the pod is un-Readied by the restart: the claim about Ready pods is not decided by its 502s."""
    story = restarts()
    for cycle in range(2):
        story.pod(f"pod-{cycle}", at(cycle, 7.6), ready=False)
        story.pod(f"pod-{cycle}", at(cycle, 10.5), restarts=1, since_ns=at(cycle, 8.0))
    findings, verdict = judged(story)
    assert findings.doubts == ()
    assert [cycle.ready_throughout for cycle in findings.cycles] == [False, False]
    assert {"pod-unready", "pod-ready-again"} <= set(findings.cycles[0].anatomy)
    assert verdict.ruling is Ruling.INCONCLUSIVE
    assert "the pod did not stay Ready" in verdict.reasons[0]


def test_probe_errors_are_never_counted() -> None:
    """Queue-proxy's own failed probes say "connection refused" in plain text, a hundred of them in the window."""
    story = restarts()
    for number in range(100):
        text = f"aggressive probe error (failed {number} times): {REFUSED}"
        story.see(Stream.QUEUE_PROXY, "pod-0", at(0, 8) + number * 10 * MS, text)
    findings, verdict = judged(story)
    assert findings.ledger.queue_proxy_refused_lines == 250
    assert verdict.ruling is Ruling.PASS


def test_300_a_second_with_all_lines() -> None:
    """Intervals of neighbours overlap, and yet each request has its line: nothing is ambiguous, many pairs could swap."""
    findings, verdict = judged(restarts(rate=300))
    assert findings.ledger.by_cause == {"refused-dial": 1500}
    assert (findings.ledger.ambiguous, findings.ledger.unmatched, findings.ledger.matched) == (0, 0, 1500)
    assert findings.ledger.interchangeable == 1500
    assert verdict.ruling is Ruling.PASS


def test_300_a_second_with_one_line_missing() -> None:
    """Nobody can say whose line is gone: the whole burst is ambiguous, and the other cycle is not."""
    story = restarts(rate=300)
    line_dropped(story)
    findings, verdict = judged(story)
    assert findings.ledger.ambiguous == 750
    assert findings.ledger.by_cause == {"ambiguous": 750, "refused-dial": 750}
    assert findings.ledger.matched == 1499
    assert verdict.ruling is Ruling.INCONCLUSIVE


def test_missing_lines_are_censored_while_the_log_is_sampled() -> None:
    """Without the recorded change, a refused answer without a line is known to be missing from the log."""
    story = restarts(rate=300)
    story.meta = replace(story.meta, changes=())
    assert judged(story)[1].ruling is Ruling.PASS
    assert story.drop(lambda one: "queueproxy" in one.payload and REFUSED in one.payload, 40) == 40
    findings, _ = judged(story)
    assert findings.ledger.censored == 40
    missing = [cycle.unknown["ledger"] for cycle in findings.cycles if "ledger" in cycle.unknown]
    assert all("refused lines are missing and queue-proxy's log sampling was not switched off" in text for text in missing)
    assert missing


def test_lines_before_and_after_the_generator_do_not_count() -> None:
    """Somebody who asks between two cycles takes nothing from the account."""
    story = restarts()
    story.refused_line("pod-0", at(0, -2))
    story.refused_line("pod-0", at(0, 30))
    assert judged(story)[1].ruling is Ruling.PASS


def test_a_line_seen_late_still_counts() -> None:
    """The moment a line reached us plays no part; its own time does."""
    story = restarts()
    story.observations = [
        replace(one, at_ns=one.at_ns + S, seen_ns=one.seen_ns + S) if "queueproxy" in one.payload else one
        for one in story.observations
    ]
    assert judged(story)[1].ruling is Ruling.PASS


def test_failures_while_listening_are_outside_the_window() -> None:
    """A refused dial with its line, while the app said it listened, breaks that claim and makes the run a regression."""
    story = restarts()
    story.request(0, at(0, 12.0105), Outcome.HTTP_ERROR, status=502, answer=BAD)
    story.refused_line("pod-0", at(0, 12.0115))
    findings, verdict = judged(story)
    assert findings.doubts == ()
    assert [cycle.outside_window for cycle in findings.cycles] == [1, 0]
    assert verdict.ruling is Ruling.REGRESSION
    assert verdict.reasons[0].startswith("worse: failures-only-while-not-listening")


def test_an_app_that_does_not_report_leaves_that_claim_open() -> None:
    """Killed without a word: nobody knows when the listener closed."""
    story = restarts()
    story.drop(lambda one: '"closed"' in one.payload or '"exit"' in one.payload)
    findings, verdict = judged(story)
    assert [cycle.outside_window for cycle in findings.cycles] == [None, None]
    assert verdict.ruling is Ruling.INCONCLUSIVE


def test_a_mended_knative_is_a_regression_called_fixed() -> None:
    """No request is refused any more: not as expected, and said by evidence that decides."""
    story = restarts()
    for row in story.requests:
        if row["answer"] == BAD:
            row |= {"outcome": "ok", "status": 200, "answer": 2, "done_ns": at(row["cycle"], LISTENING_S) + 3 * MS}
    story.drop(lambda one: "queueproxy" in one.payload and REFUSED in one.payload)
    _, verdict = judged(story)
    assert verdict.ruling is Ruling.REGRESSION
    (reason,) = verdict.reasons
    assert reason.startswith(
        "fixed: ready-pod-is-not-refused is expected to be broken; holds in 2 of 2 cycles: none of 650 requests"
    )


def test_a_calm_run_with_an_error_of_the_app_is_worse() -> None:
    """A failure with a cause breaks the calm."""
    story = calm()
    answer = story.answer(1, 500, "oops", x_toggle_boot="old1", x_toggle_pod="pod-1")
    story.request(1, at(1, 6), Outcome.HTTP_ERROR, status=500, answer=answer)
    findings, verdict = judged(story)
    assert findings.by_outcome == {"http-500": 1, "ok": 1300}
    assert verdict.ruling is Ruling.REGRESSION
    assert "1 app" in verdict.reasons[0]


def test_two_restarts_are_not_one() -> None:
    """The restart count is taken from the pod, whatever else was seen."""
    story = restarts()
    story.pod("pod-1", at(1, 12), restarts=2, since_ns=at(1, 11))
    findings, verdict = judged(story)
    assert [cycle.restarts for cycle in findings.cycles] == [1, 2]
    assert verdict.ruling is Ruling.REGRESSION


def test_lines_are_matched_per_pod() -> None:
    """Another pod's lines explain nothing and are nobody's; where there may be two, those of one that served explain requests."""
    story = restarts()
    lines_of_another_pod(story)
    ledger = analyse(story.history()).ledger
    assert (ledger.unattributed, ledger.queue_proxy_refused_lines, ledger.matched, ledger.unmatched) == (250, 250, 0, 250)
    of_two = replace(story.meta.spec.service, max_scale=2)
    story.spec(service=of_two)
    assert analyse(story.history()).ledger == ledger
    for cycle in range(2):
        story.answer(cycle, 200, "hello", x_toggle_pod="pod-other", x_toggle_boot="x")
    story.spec(service=replace(of_two, max_scale=1))
    assert analyse(story.history()).ledger == ledger
    story.spec(service=of_two)
    ledger = analyse(story.history()).ledger
    assert (ledger.unattributed, ledger.matched, ledger.unmatched) == (0, 250, 0)


@pytest.mark.parametrize("service", [ServiceSpec(liveness=Probe()), ServiceSpec()], ids=["asked", "only told"])
def test_a_restart_that_was_not_probed_well_may_be_one_of_many(service: ServiceSpec) -> None:
    """The new container fails its probes and the cycle ends before the next restart: nobody can say that there was one only."""
    story = restarts()
    story.spec(service=service)
    assert [cycle.probed_again for cycle in analyse(story.history()).cycles] == [True, True]
    story.drop(lambda one: '"which": "liveness"' in one.payload and '"boot": "new1"' in one.payload)
    story.probe("pod-1", "new1", at(1, 11), ok=False)
    findings, verdict = judged(story)
    assert [(cycle.restarts, cycle.probed_again) for cycle in findings.cycles] == [(1, True), (1, False)]
    assert verdict.ruling is Ruling.INCONCLUSIVE
    assert verdict.reasons[0].startswith("container-restarts-once: undecided in 1 of 2 cycles: restarts: 1, but no good liveness")


def test_a_probe_nobody_tells_of_is_not_waited_for() -> None:
    """A TCP probe only opens a connection: the app cannot tell it from another, and the restart count stands alone."""
    story = restarts()
    story.spec(service=ServiceSpec(liveness=Probe(Handler.TCP)))
    story.drop(lambda one: '"which": "liveness"' in one.payload)
    assert [cycle.probed_again for cycle in analyse(story.history()).cycles] == [None, None]


def test_an_empty_history_is_inconclusive() -> None:
    """Nothing in, nothing decided, no crash."""
    findings, verdict = judged(Story(restarts().meta))
    assert findings.sent == 0
    assert findings.cycles == ()
    assert verdict.ruling is Ruling.INCONCLUSIVE
    assert json.dumps(verdict.reasons)


def test_many_requests() -> None:
    """A hundred thousand requests, 19,000 of them refused, each with its line."""
    story = restarts(cycles=1, rate=7_700)
    assert len(story.requests) == 100_100
    findings, _ = judged(story)
    assert findings.ledger.matched == findings.ledger.client_failures == 19_250
    assert findings.doubts == ()
