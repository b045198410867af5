"""The request log joins client and queue-proxy by id; what is planted in it is found."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from harness.analyse import analyse
from harness.judge import judge
from harness.model import Fact, Findings, Lane, Outcome, Ruling, Stream, Verdict
from tests.unit.analyse.story import BAD, MS, REFUSED, Story, at, open_questions, restarts, stamp


def log_line(
    story: Story, pod: str, ns: int, rid: str, *, status: int = 200, attempt: str = "", agent: str = "knative-chaos"
) -> None:
    """A line of queue-proxy's request log, after an answer that took it 1 ms."""
    line = {
        "log": "knative-chaos-request",
        "rid": rid,
        "attempt": attempt,
        "method": "GET",
        "agent": agent,
        "status": status,
        "size": 61,
        "latency_s": 0.001,
    }
    story.see(Stream.QUEUE_PROXY, pod, ns, json.dumps(line, separators=(",", ":")))


def logged(story: Story) -> Story:
    """With the request log on, and a line of each request of the story, half a millisecond after its error line."""
    story.spec(request_log=True)
    for row in story.requests:
        rid = f"id-{row['cycle']}-{row['seq']}"
        log_line(story, f"pod-{row['cycle']}", row["sent_ns"] + 3 * MS // 2, rid, status=row["status"])
    return story


def judged(story: Story) -> tuple[Findings, Verdict]:
    """Analysed and judged as a run would be."""
    findings = analyse(story.history())
    return findings, judge(story.meta.spec, findings)


def is_logged(one: Any, status: int) -> bool:
    """Whether this is a line of the request log with that status."""
    return '"log":"knative-chaos-request"' in one.payload and f'"status":{status}' in one.payload


def refused(story: Story) -> dict[str, Any]:
    """A refused request of the first cycle."""
    return next(row for row in story.requests if row["answer"] == BAD)


def without_hops(findings: Findings) -> Findings:
    """Without the split by hop, which needs the activator's request log too."""
    cycles = [
        replace(one, hops=None, unknown={f: why for f, why in one.unknown.items() if f != Fact.HOPS}) for one in findings.cycles
    ]
    return replace(findings, cycles=tuple(cycles))


def test_every_request_has_its_line() -> None:
    """Joined one by one, nobody is left on either side, and the rest of the findings is what it is without the log."""
    story = restarts()
    plain, _ = judged(story)
    findings, verdict = judged(logged(story))
    assert (findings.ledger.request_log_lines, findings.ledger.exact, findings.ledger.strangers) == (1300, 1300, 0)
    assert verdict.ruling is Ruling.PASS, verdict.reasons
    assert replace(findings.ledger, request_log_lines=0, exact=0) == plain.ledger
    assert without_hops(findings).cycles == plain.cycles


def test_a_log_that_was_not_asked_for_is_not_read() -> None:
    """Its lines are there all the same: nothing changes."""
    story = logged(restarts())
    story.spec(request_log=False)
    assert judged(story)[0] == judged(restarts())[0]


def line_lost(story: Story) -> str:
    """A good answer came through queue-proxy, which does not know of it."""
    assert story.drop(lambda one: is_logged(one, 200), 1) == 1
    return "cycle 0: 1 requests that queue-proxy answered are not so in its request log"


def line_of_a_refused_one_lost(story: Story) -> str:
    """An error line that would fit is no evidence for a request that queue-proxy never logged."""
    assert story.drop(lambda one: is_logged(one, 502), 1) == 1
    return "1 failed requests are unattributed (0 of them ambiguous)"


def line_of_another_status(story: Story) -> str:
    """Client and queue-proxy do not speak of the same answer."""
    story.drop(lambda one: is_logged(one, 502), 1)
    log_line(story, "pod-0", refused(story)["sent_ns"] + 3 * MS // 2, f"id-0-{refused(story)['seq']}", status=200)
    return "cycle 0: 1 requests that queue-proxy answered are not so in its request log"


def line_doubled(story: Story) -> str:
    """One request, two lines, and no second attempt."""
    log_line(story, "pod-0", at(0, 2), "id-0-5")
    return "1 lines of queue-proxy's request log are of no request of the generator"


def stranger(story: Story) -> str:
    """Somebody else asked."""
    log_line(story, "pod-0", at(0, 2), "x-1")
    return "1 lines of queue-proxy's request log are of no request of the generator"


def nameless(story: Story) -> str:
    """Somebody without an id, who is no probe of the system's."""
    log_line(story, "pod-0", at(0, 2), "", agent="curl%2F8")
    return "1 lines of queue-proxy's request log are of no request of the generator"


def never_sent(story: Story) -> str:
    """An id of this cycle beyond the last request."""
    log_line(story, "pod-0", at(0, 2), "id-0-650")
    return "1 lines of queue-proxy's request log are of no request of the generator"


def of_another_cycle(story: Story) -> str:
    """A request that was sent, but not now."""
    log_line(story, "pod-0", at(0, 2), "id-1-5")
    return "1 lines of queue-proxy's request log are of no request of the generator"


def of_another_run(story: Story) -> str:
    """The number of one of ours, under another name."""
    log_line(story, "pod-0", at(0, 2), "di-0-5")
    return "1 lines of queue-proxy's request log are of no request of the generator"


def of_another_pod(story: Story) -> str:
    """The line is right but for the pod that wrote it."""
    for number, one in enumerate(story.observations):
        if is_logged(one, 200):
            story.observations[number] = replace(one, pod="pod-1")
            break
    return "1 lines of queue-proxy's request log are of no request of the generator"


def hostile(story: Story) -> str:
    """What a client can put into an id stays in it: another one's line is not taken from that one."""
    log_line(story, "pod-0", at(0, 2), "id-0-5%22%2C%22rid%22%3A%22id-0-6")
    return "1 lines of queue-proxy's request log are of no request of the generator"


def error_line_lost(story: Story) -> str:
    """The request log says 502 and nobody says why."""
    assert story.drop(lambda one: REFUSED in one.payload and '"logger"' in one.payload, 1) == 1
    return "1 failed requests are unattributed (0 of them ambiguous)"


def no_log_at_all(story: Story) -> str:
    """It was to be on, and is not."""
    assert story.drop(lambda one: '"log":' in one.payload) == 1300
    return "cycle 1: 650 requests that queue-proxy answered are not so in its request log"


PLANTS: list[Callable[[Story], str]] = [
    line_lost,
    line_of_a_refused_one_lost,
    line_of_another_status,
    line_doubled,
    stranger,
    nameless,
    never_sent,
    of_another_cycle,
    of_another_run,
    of_another_pod,
    hostile,
    error_line_lost,
    no_log_at_all,
]


@pytest.mark.parametrize("plant", PLANTS, ids=lambda one: one.__name__)
def test_a_planted_fault_is_found(plant: Callable[[Story], str]) -> None:
    """It is said in words, and the verdict is inconclusive."""
    story = logged(restarts())
    words = plant(story)
    findings, verdict = judged(story)
    assert any(words in text for text in open_questions(findings)), open_questions(findings)
    assert verdict.ruling is Ruling.INCONCLUSIVE


def test_probes_of_the_system_are_nobodys_and_no_strangers() -> None:
    """They carry no id of ours and say who they are; the proof requests of a deployment come before the load."""
    story = logged(restarts())
    log_line(story, "pod-0", at(0, 2), "", agent="kube-probe%2F1.34")
    log_line(story, "pod-0", at(0, 3), "", agent="Knative-Ingress-Probe")
    log_line(story, "pod-0", at(0, -3), "", agent="")
    findings, verdict = judged(story)
    assert (findings.ledger.request_log_lines, findings.ledger.exact, findings.ledger.strangers) == (1302, 1300, 0)
    assert verdict.ruling is Ruling.PASS


def held(story: Story) -> Story:
    """All failed requests were held on their way, so that their times at the client overlap; queue-proxy had each for 1 ms."""
    for row in story.requests:
        if row["answer"] == BAD:
            row["done_ns"] = at(row["cycle"], 10.2)
    return story


def test_what_is_contested_by_time_is_not_by_id() -> None:
    """One error line lost of 125: by the client's times it may be anybody's, by the request log it is one request's."""
    plain = held(restarts(1))
    joined = held(logged(restarts(1)))
    for story in (plain, joined):
        assert story.drop(lambda one: REFUSED in one.payload and '"logger"' in one.payload, 1) == 1
    assert judged(plain)[0].ledger.by_cause == {"ambiguous": 125}
    assert judged(joined)[0].ledger.by_cause == {"refused-dial": 124, "unknown": 1}


def test_fewer_pairs_could_be_exchanged() -> None:
    """The count of what stays open shrinks with the interval a line may lie in: 19 ms at the client, 2 ms at queue-proxy."""
    for tell, open_pairs in ((lambda story: story, 750), (logged, 0)):
        story = tell(restarts(1, rate=300))
        story.spec(match_tolerance_s=0.0005)
        for row in story.requests:
            if row["answer"] == BAD:
                row |= {
                    "intended_ns": row["intended_ns"] - 8 * MS,
                    "sent_ns": row["sent_ns"] - 8 * MS,
                    "done_ns": row["done_ns"] + 8 * MS,
                }
        findings, verdict = judged(story)
        assert (findings.ledger.matched, findings.ledger.interchangeable) == (750, open_pairs)
        assert verdict.ruling is Ruling.PASS, verdict.reasons


@pytest.mark.parametrize(
    ("after_us", "cause"), [(-6_501, "unknown"), (-6_500, "refused-dial"), (5_000, "refused-dial"), (5_001, "unknown")]
)
def test_the_tolerance_is_a_bound_from_both_sides(after_us: int, cause: str) -> None:
    """Read 5 ms before the request was sent, 1.5 ms before its own line was, to 5 ms after that line: ends included."""
    story = logged(restarts(1))
    story.drop(lambda one: REFUSED in one.payload and '"logger"' in one.payload)
    read_ns = refused(story)["sent_ns"] + 3 * MS // 2 + after_us * 1_000
    # Its own time, when it is another one within the load, plays no part.
    line = {"logger": "queueproxy", "error": REFUSED, "timestamp": stamp(at(0, 5))}
    story.see(Stream.QUEUE_PROXY, "pod-0", read_ns, line)
    assert judged(story)[0].cycles[0].by_cause.get("refused-dial", 0) == (cause == "refused-dial")


def test_a_line_that_was_read_late_is_no_hole() -> None:
    """The runtime was held up after it had read the error line: by the request's sending that line is still its own."""
    story = logged(restarts(1))
    late = [one for one in story.observations if is_logged(one, 502)][10:13]
    for number, one in enumerate(story.observations):
        if one in late:
            story.observations[number] = replace(one, at_ns=one.at_ns + 90 * MS)
    findings, verdict = judged(story)
    assert (findings.ledger.by_cause, findings.ledger.unmatched) == ({"refused-dial": 125}, 0)
    assert verdict.ruling is Ruling.PASS, verdict.reasons


@pytest.mark.parametrize(("own_late_ms", "unknown"), [(0, 0), (90, 3)])
def test_an_error_line_that_was_read_after_its_request_line_is_matched_by_its_own_time(own_late_ms: int, unknown: int) -> None:
    """The runtime had no CPU when it read the error lines. What queue-proxy wrote into them must lie within the request."""
    story = logged(restarts(1))
    late = [one for one in story.observations if REFUSED in one.payload and '"logger"' in one.payload][10:13]
    for number, one in enumerate(story.observations):
        if one in late:
            line = json.loads(one.payload) | {"timestamp": stamp(one.at_ns + own_late_ms * MS)}
            story.observations[number] = replace(one, at_ns=one.at_ns + 90 * MS, payload=json.dumps(line))
    assert judged(story)[0].cycles[0].by_cause.get("unknown", 0) == unknown


def retried(story: Story, attempts: int = 2) -> Story:
    """The refused requests of the first cycle were of a client that tried again, and was answered well in the end."""
    for row in story.requests:
        if row["cycle"] == 0 and row["answer"] == BAD:
            early = [row | {"attempt": number, "sent_ns": row["sent_ns"] + number * MS // 10} for number in range(attempts)]
            story.attempts += [one | {"lane": Lane.GET_RETRYING.value} for one in early]
            again_ns = at(0, 10.01) + row["seq"] * MS
            row |= {"lane": Lane.GET_RETRYING.value, "outcome": Outcome.OK.value, "status": 200, "answer": 2}
            row |= {"sent_ns": again_ns, "done_ns": again_ns + 3 * MS}
            for number in range(1, attempts):
                story.refused_line("pod-0", row["intended_ns"] + 50_000 + MS + number * MS // 10)
    return story


def test_what_a_retrying_client_made_good_is_hidden_and_owns_its_lines() -> None:
    """Each superseded attempt has its line and is no failure of the client's; without the attempts the lines are nobody's."""
    story = retried(restarts(claims=()))
    findings, _ = judged(story)
    ledger = findings.ledger
    assert (ledger.hidden, ledger.client_failures, ledger.by_cause) == (250, 125, {"refused-dial": 125})
    assert (ledger.queue_proxy_refused_lines, ledger.matched, ledger.unmatched) == (375, 375, 0)
    assert findings.cycles[0].by_cause == {}
    assert (findings.cycles[0].voided, findings.pacing_p99_us) == ("", 50.0)  # a further attempt is late on purpose
    assert findings.cycles[0].outside_window == 0
    assert findings.cycles[0].refused_window is not None
    story.attempts = [row for row in story.attempts if row["attempt"] == 0]
    assert judged(story)[0].ledger.unmatched == 125
    story.attempts.clear()
    assert judged(story)[0].cycles[0].voided.startswith("pacing p99")


def test_each_attempt_has_its_own_line_in_the_request_log() -> None:
    """By id and number; the number of the last attempt is that of those before it."""
    story = retried(restarts(claims=()))
    story.spec(request_log=True)
    rows = [(row, "" if row["lane"] != Lane.GET_RETRYING.value else "2") for row in story.requests]
    for row, attempt in [*rows, *((row, str(row["attempt"])) for row in story.attempts)]:
        rid = f"id-{row['cycle']}-{row['seq']}"
        log_line(story, f"pod-{row['cycle']}", row["sent_ns"] + 3 * MS // 2, rid, status=row["status"], attempt=attempt)
    ledger = judged(story)[0].ledger
    assert (ledger.request_log_lines, ledger.exact, ledger.strangers) == (1550, 1550, 0)
    assert (ledger.hidden, ledger.matched, ledger.unmatched, ledger.unattributed) == (250, 375, 0, 0)
    log_line(story, "pod-0", at(0, 11), f"id-0-{refused_seq(story)}", attempt="3")
    assert judged(story)[0].ledger.strangers == 1


def refused_seq(story: Story) -> int:
    """The number of the first request that was tried again."""
    return int(story.attempts[0]["seq"])


def test_an_attempt_without_a_line_is_no_failure_of_the_client() -> None:
    """Its cause is not known, and stands in no count: the client did not fail. A line without an attempt still is nobody's."""
    story = retried(restarts(claims=()))
    story.drop(lambda one: REFUSED in one.payload and '"logger"' in one.payload and one.pod == "pod-0")
    ledger = judged(story)[0].ledger
    assert (ledger.hidden, ledger.unattributed, ledger.client_failures) == (250, 0, 125)


def straight(story: Story, lane: Lane) -> Story:
    """Every fifth request left out the ingress."""
    for row in story.requests:
        if row["seq"] % 5 == 0:
            row["lane"] = lane.value
    return story


def test_failures_straight_at_queue_proxy_are_in_the_ledger_and_in_no_claim() -> None:
    """They have causes like all others, own their lines, and a user would not have seen them."""
    findings, verdict = judged(straight(restarts(), Lane.GET_QUEUE_PROXY))
    assert findings.ledger == judged(restarts())[0].ledger
    assert [cycle.by_cause for cycle in findings.cycles] == [{"refused-dial": 100}] * 2
    assert [(cycle.sent, cycle.ok) for cycle in findings.cycles] == [(520, 420)] * 2
    assert (findings.sent, findings.ok, findings.by_outcome) == (1040, 840, {"http-502": 200, "ok": 840})
    assert verdict.ruling is Ruling.PASS


def test_failures_at_the_pods_own_port_are_direct() -> None:
    """The socket is the evidence; no line of queue-proxy is asked for, and no claim."""
    story = straight(restarts(), Lane.GET_POD)
    for row in story.requests:
        if row["lane"] == Lane.GET_POD.value and row["answer"] == BAD:
            row |= {"outcome": Outcome.REFUSED.value, "status": 0, "answer": -1, "done_ns": row["sent_ns"] + MS // 5}
    gone = {row["sent_ns"] + MS for row in story.requests if row["outcome"] == "refused"}
    assert (
        story.drop(
            lambda one: (
                REFUSED in one.payload and '"logger"' in one.payload and round(one.at_ns, -6) in {ns // MS * MS for ns in gone}
            )
        )
        == 50
    )
    findings, verdict = judged(story)
    assert findings.ledger.by_cause == {"direct": 50, "refused-dial": 200}
    assert (findings.ledger.client_failures, findings.ledger.unattributed, findings.ledger.unmatched) == (250, 0, 0)
    assert [cycle.by_cause for cycle in findings.cycles] == [{"refused-dial": 100}] * 2
    assert [cycle.outside_window for cycle in findings.cycles] == [0, 0]
    assert verdict.ruling is Ruling.PASS, verdict.reasons


def test_requests_to_the_pods_own_port_have_no_line_and_need_none() -> None:
    """With the request log on, a line of such a request is a stranger's."""
    story = straight(restarts(), Lane.GET_POD)
    story.requests = [row for row in story.requests if row["lane"] != Lane.GET_POD.value or row["answer"] != BAD]
    for cycle, report in story.generators.items():
        planned = sum(row["cycle"] == cycle for row in story.requests)
        story.generators[cycle] = replace(report, planned=planned, sent=planned)
    for row in story.requests:
        row["seq"] = sum(1 for other in story.requests if other["cycle"] == row["cycle"] and other["sent_ns"] < row["sent_ns"])
    ways = [row for row in story.requests if row["lane"] != Lane.GET_POD.value]
    story.spec(request_log=True)
    for row in ways:
        log_line(
            story, f"pod-{row['cycle']}", row["sent_ns"] + 3 * MS // 2, f"id-{row['cycle']}-{row['seq']}", status=row["status"]
        )
    story.drop(
        lambda one: (
            REFUSED in one.payload
            and '"logger"' in one.payload
            and not any(abs(one.at_ns - row["sent_ns"] - MS) < MS for row in ways)
        )
    )
    findings, _ = judged(story)
    assert (findings.ledger.exact, findings.ledger.strangers, findings.ledger.unattributed) == (len(ways), 0, 0)
    assert open_questions(without_hops(findings)) == ()
    direct = next(row for row in story.requests if row["lane"] == Lane.GET_POD.value)
    log_line(story, "pod-0", direct["sent_ns"] + MS, f"id-0-{direct['seq']}")
    assert judged(story)[0].ledger.strangers == 1


def test_only_direct_lanes_show_nothing_of_the_users_way() -> None:
    """Nobody went it: no claim is decided by that."""
    story = restarts(1)
    for row in story.requests:
        row["lane"] = Lane.GET_QUEUE_PROXY.value
    findings, verdict = judged(story)
    assert findings.sent == 0
    assert any("no request was answered well before the fault" in doubt for doubt in findings.doubts)
    assert verdict.ruling is Ruling.INCONCLUSIVE
