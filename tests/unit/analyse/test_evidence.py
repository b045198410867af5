"""What an answer proves by itself, and what it takes a log line to prove."""

from __future__ import annotations

import pytest

from harness.analyse import analyse
from harness.analyse.evidence import Failure, Wants, judge_answer
from harness.analyse.ledger import OVERTAKEN_NS, Account, account, may_be_sampled, total
from harness.judge import CHECKS
from harness.model import Cause, Lane, Observed, Outcome, SystemChange
from tests.unit.analyse.shapes import Line, causes, failures, lines
from tests.unit.analyse.story import BAD, REFUSED, UNSAMPLED, restarts

ENVOY = {"server": "envoy"}
THROUGH = {"server": "envoy", "x-envoy-upstream-service-time": "present"}
APP = {**THROUGH, "x-toggle-boot": "b"}
RESET = "read tcp 127.0.0.1:34567->127.0.0.1:8080: read: connection reset by peer"
ACTIVATOR = "dial tcp 10.244.0.9:8012: connect: connection refused"


def failure(outcome: Outcome, status: int = 0, body: str = "", headers: dict[str, str] | None = None) -> Failure:
    """A way to fail."""
    return Failure(outcome, status, body, headers or {})


def http(status: int, body: str, headers: dict[str, str]) -> Failure:
    """An answer that is no success."""
    return failure(Outcome.HTTP_ERROR, status, body, headers)


@pytest.mark.parametrize(
    ("seen", "verdict"),
    [
        (failure(Outcome.NOT_SENT), Cause.CLIENT),
        (failure(Outcome.TIMEOUT), Cause.TIMEOUT),
        (failure(Outcome.REFUSED), Cause.UNKNOWN),
        (failure(Outcome.RESET), Cause.UNKNOWN),
        (failure(Outcome.CLOSED), Cause.UNKNOWN),
        (failure(Outcome.TRUNCATED, 200, "hel", APP), Cause.UNKNOWN),
        (failure(Outcome.TRUNCATED, 502, "activator request timeout", THROUGH), Cause.ACTIVATOR),
        (failure(Outcome.TRUNCATED, 502, "request timeout", THROUGH), Cause.TIMEOUT),
        (failure(Outcome.TRUNCATED, 502, "request timeout", APP), Cause.UNKNOWN),
        (failure(Outcome.TRUNCATED, 502, "", THROUGH), Cause.UNKNOWN),
        (failure(Outcome.MALFORMED), Cause.UNKNOWN),
        (failure(Outcome.UNANSWERED), Cause.UNKNOWN),
        (http(502, REFUSED, THROUGH), Wants.REFUSED_LINE),
        (http(502, REFUSED, ENVOY), Wants.REFUSED_LINE),
        (http(503, REFUSED, THROUGH), Cause.UNKNOWN),
        (http(502, REFUSED.replace("8080", "8081"), THROUGH), Wants.LOOPBACK_LINE),
        (http(502, ACTIVATOR, THROUGH), Wants.ACTIVATOR_LINE),
        (http(502, "EOF", THROUGH), Wants.QUEUE_PROXY_LINE),
        (http(502, "unexpected EOF", THROUGH), Wants.QUEUE_PROXY_LINE),
        (
            http(502, "write tcp 127.0.0.1:5->127.0.0.1:8080: use of closed network connection", THROUGH),
            Wants.QUEUE_PROXY_LINE,
        ),
        (http(502, RESET, THROUGH), Wants.QUEUE_PROXY_LINE),
        (http(502, "write tcp 127.0.0.1:1->127.0.0.1:8080: write: broken pipe", THROUGH), Wants.QUEUE_PROXY_LINE),
        (http(502, "http: server closed idle connection", THROUGH), Wants.QUEUE_PROXY_LINE),
        (http(502, "context canceled", THROUGH), Wants.QUEUE_PROXY_LINE),
        (http(502, "", THROUGH), Cause.UNKNOWN),
        (http(502, "upstream said no", ENVOY), Cause.INGRESS),
        (http(504, "request timeout", THROUGH), Cause.TIMEOUT),
        (http(504, "activator request timeout", THROUGH), Cause.ACTIVATOR),
        (http(504, "upstream request timeout", ENVOY), Cause.INGRESS),
        (http(503, "no healthy upstream", ENVOY), Cause.INGRESS),
        (http(404, "", ENVOY), Cause.INGRESS),
        (http(503, "pending request queue full", THROUGH), Wants.OVERLOAD_LINE),
        (http(503, "pending request queue full", ENVOY), Cause.INGRESS),
        (http(503, "pending request queue full", {}), Cause.UNKNOWN),
        (http(503, "who knows", {}), Cause.UNKNOWN),
        (http(500, "oops", APP), Cause.APP),
        (http(502, REFUSED, APP), Cause.APP),
        (http(302, "", THROUGH), Cause.UNKNOWN),
    ],
)
def test_judge_answer(seen: Failure, verdict: Cause | Wants) -> None:
    """Status, headers and body; nothing else is looked at."""
    assert judge_answer(seen, 8080) is verdict


@pytest.mark.parametrize(
    ("lane", "outcome", "verdict"),
    [
        (Lane.GET_POD, Outcome.REFUSED, Cause.DIRECT),
        (Lane.GET_POD, Outcome.RESET, Cause.DIRECT),
        (Lane.GET_POD, Outcome.CLOSED, Cause.DIRECT),
        (Lane.GET_POD, Outcome.TRUNCATED, Cause.DIRECT),
        (Lane.GET_POD, Outcome.MALFORMED, Cause.UNKNOWN),
        (Lane.GET_POD, Outcome.UNANSWERED, Cause.UNKNOWN),
        (Lane.GET_POD, Outcome.NOT_SENT, Cause.CLIENT),
        (Lane.GET_POD, Outcome.TIMEOUT, Cause.TIMEOUT),
        (Lane.GET_QUEUE_PROXY, Outcome.REFUSED, Cause.UNKNOWN),
        (Lane.GET_RETRYING, Outcome.CLOSED, Cause.UNKNOWN),
    ],
)
def test_only_at_the_pods_own_port_the_socket_is_evidence(lane: Lane, outcome: Outcome, verdict: Cause) -> None:
    """Nobody stands between: what the socket saw the app's port did. On any other way somebody else may have."""
    assert judge_answer(Failure(outcome, 0, "", {}, lane), 8080) is verdict


@pytest.mark.parametrize(("headers", "verdict"), [(APP, Cause.APP), ({}, Cause.UNKNOWN)])
def test_a_502_at_the_pods_own_port_is_not_queue_proxys(headers: dict[str, str], verdict: Cause) -> None:
    """Whatever it says: only the app can have said it, and its header must."""
    assert judge_answer(Failure(Outcome.HTTP_ERROR, 502, REFUSED, headers, Lane.GET_POD), 8080) is verdict
    assert judge_answer(Failure(Outcome.HTTP_ERROR, 502, REFUSED, {}, Lane.GET_QUEUE_PROXY), 8080) is Wants.REFUSED_LINE


def test_every_outcome_has_a_place() -> None:
    """No outcome of the generator falls through."""
    for outcome in Outcome:
        assert judge_answer(failure(outcome, 502, "x"), 8080) in {*Cause, *Wants}


def books(seen: list[Failure], queue_proxy: list[Line], activator: list[Line], *, sampled: bool = False) -> Account:
    """The account of requests sent at 100 and done 10 later, with a tolerance of 5."""
    failed = failures([(one, (100, 110)) for one in seen])
    own, other = lines(*queue_proxy), lines(*activator)
    return account(failed, own, other, pods={"p"}, user_port=8080, tolerance_ns=5, sampled=sampled)


def test_a_refused_line_may_be_of_a_request_that_timed_out_first() -> None:
    """All dials that wait are refused at once when a stopped process ends; the time of some requests runs out meanwhile."""
    late = http(504, "activator request timeout", THROUGH)
    books_of = books([http(502, REFUSED, THROUGH), late], [("p", 105, REFUSED), ("p", 106, REFUSED)], [])
    assert (books_of.refused_lines, books_of.matched, books_of.overtaken) == (2, 2, 1)
    assert causes(books_of) == [Cause.REFUSED_DIAL, Cause.ACTIVATOR]
    assert books_of.refused_window == (105, 105)
    assert books([late], [("p", 120, REFUSED)], []).matched == 0, "after the client's answer"
    assert books([http(503, "no healthy upstream", ENVOY)], [("p", 105, REFUSED)], []).matched == 0, "no timeout"
    assert books([Failure(Outcome.TIMEOUT, 0, "", {}, Lane.GET_POD)], [("p", 105, REFUSED)], []).matched == 0, "past queue-proxy"


def test_a_refused_line_long_before_a_timeout_is_of_somebody_else() -> None:
    """The answer to a refused dial is not under way for longer than OVERTAKEN_NS."""
    failed = failures([(http(504, "activator request timeout", THROUGH), (100, 100 + 3 * OVERTAKEN_NS))])
    for at_ns, matched in ((100 + OVERTAKEN_NS, 0), (100 + 2 * OVERTAKEN_NS, 1), (101 + 3 * OVERTAKEN_NS, 1)):
        own = lines(("p", at_ns, REFUSED))
        assert account(failed, own, lines(), pods={"p"}, user_port=8080, tolerance_ns=5, sampled=False).matched == matched


def test_a_port_that_refused_only_requests_that_timed_out_is_not_said_to_refuse_none() -> None:
    """Queue-proxy's refused lines are evidence, although no client was answered so."""
    story = restarts(cycles=1)
    for row in story.requests:
        row.update(status=504 if row["answer"] == BAD else row["status"])
    story.answers[BAD].update(status=504, body="activator request timeout")
    cycle = analyse(story.history()).cycles[0]
    assert cycle.by_cause == {"activator": 125}
    assert cycle.overtaken == 125
    for check in ("no-request-is-refused", "ready-pod-is-not-refused"):
        assert CHECKS[check](cycle).observed is Observed.UNDECIDED


def test_how_long_before_a_timeout_a_refused_line_may_be() -> None:
    """100 ms: the answers of a frozen server were seen 10 to 37 ms after the lines."""
    failed = failures([(http(504, "activator request timeout", THROUGH), (0, 10_000_000_000))])
    for at_ns, overtaken in ((9_963_000_000, 1), (9_901_000_000, 1), (9_899_000_000, 0), (9_000_000_000, 0)):
        own = lines(("p", at_ns, REFUSED))
        books_of = account(failed, own, lines(), pods={"p"}, user_port=8080, tolerance_ns=5, sampled=False)
        assert (books_of.overtaken, books_of.matched) == (overtaken, overtaken)


def found(seen: list[Failure], queue_proxy: list[Line], activator: list[Line]) -> list[Cause]:
    """The causes in it."""
    return causes(books(seen, queue_proxy, activator))


@pytest.mark.parametrize(
    ("body", "by_queue_proxy", "by_activator", "by_nobody"),
    [
        (REFUSED, Cause.REFUSED_DIAL, Cause.UNKNOWN, Cause.UNKNOWN),
        (RESET, Cause.RESET_IN_FLIGHT, Cause.ACTIVATOR, Cause.UNKNOWN),
        ("EOF", Cause.RESET_IN_FLIGHT, Cause.ACTIVATOR, Cause.UNKNOWN),
        (ACTIVATOR, Cause.UNKNOWN, Cause.ACTIVATOR, Cause.UNKNOWN),
    ],
)
def test_who_logged_it_decides(body: str, by_queue_proxy: Cause, by_activator: Cause, by_nobody: Cause) -> None:
    """The same answer has another cause, or none, by whose log has its line."""
    seen, line = [http(502, body, THROUGH)], [("p", 105, body)]
    assert found(seen, line, []) == [by_queue_proxy]
    assert found(seen, [], line) == [by_activator]
    assert found(seen, [], []) == [by_nobody]


@pytest.mark.parametrize(
    ("at", "cause"), [(94, Cause.UNKNOWN), (95, Cause.REFUSED_DIAL), (115, Cause.REFUSED_DIAL), (116, Cause.UNKNOWN)]
)
def test_the_tolerance_is_a_bound_from_both_sides(at: int, cause: Cause) -> None:
    """[sent - tolerance, done + tolerance], ends included, and not a nanosecond more."""
    assert found([http(502, REFUSED, THROUGH)], [("p", at, REFUSED)], []) == [cause]


def test_a_line_serves_only_its_own_text() -> None:
    """A reset is matched by the very connection it names."""
    other = RESET.replace("34567", "34568")
    assert found([http(502, RESET, THROUGH)], [("p", 105, other)], []) == [Cause.UNKNOWN]
    assert found([http(502, RESET, THROUGH)], [("p", 105, other), ("p", 106, RESET)], []) == [Cause.RESET_IN_FLIGHT]


def test_one_line_for_two_is_ambiguous() -> None:
    """Either may lack it."""
    assert found([http(502, "EOF", THROUGH)] * 2, [("p", 105, "EOF")], []) == [Cause.AMBIGUOUS] * 2


@pytest.mark.parametrize("body", [REFUSED, RESET])
def test_another_pods_line_is_nobodys(body: str) -> None:
    """Text and time are right, and yet the request never went there; its own line beside it is still its own."""
    own, other = ("p", 105, body), ("q", 105, body)
    assert found([http(502, body, THROUGH)], [other], []) == [Cause.UNKNOWN]
    assert Cause.UNKNOWN not in found([http(502, body, THROUGH)], [other, own], [])
    seen = books([http(502, body, THROUGH)], [other, own], [])
    assert seen.refused_lines - seen.matched == (body == REFUSED)


def test_the_columns_add_up() -> None:
    """Attributed + unattributed are the failures, matched + unmatched the lines, over all cycles."""
    seen = [http(502, REFUSED, THROUGH), http(500, "", APP), failure(Outcome.CLOSED)]
    told = [("p", 105, REFUSED), ("p", 106, REFUSED), ("p", 106, "context canceled")]
    one = books(seen, told, [], sampled=True)
    ledger = total([one, one])
    assert (ledger.client_failures, ledger.attributed, ledger.unattributed, ledger.ambiguous) == (6, 4, 2, 0)
    assert (ledger.queue_proxy_refused_lines, ledger.matched, ledger.unmatched, ledger.censored) == (4, 2, 2, 0)
    assert ledger.by_cause == {"app": 2, "refused-dial": 2, "unknown": 2}
    assert sum(ledger.by_cause.values()) == ledger.client_failures


def test_sampling_is_off_only_by_record() -> None:
    """A change of anything else, or of another setting of the logs, does not count."""
    assert may_be_sampled(())
    assert not may_be_sampled((UNSAMPLED,))
    assert may_be_sampled((SystemChange("configmap knative-serving/config-logging", "loglevel", None, "debug", ""),))
    assert may_be_sampled((SystemChange("configmap knative-serving/config-tracing", "sampling", None, "null", ""),))
