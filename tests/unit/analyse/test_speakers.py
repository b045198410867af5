"""What queue-proxy, the activator and the ingress say of themselves in an answer, and whose cause it is.

The answers are those of knative/serving #13377, #6757, #12414, #12387 and #16162, and errors of Go's net/http, x/net/http2 and
Envoy as Knative 1.23 is built with them.
"""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from harness.analyse.errorlines import ANSWER_BYTES, as_answered, forwarding_errors
from harness.analyse.evidence import Failure, is_of_queue_proxy
from harness.analyse.ledger import account
from harness.analyse.requestlog import Joined, RequestLines
from harness.knative.proxyerrors import cause_of
from harness.load.wire import BODY_KEPT
from harness.model import Cause, Lane, Outcome, Stream
from tests.unit.analyse.shapes import Line, causes, failures, lines
from tests.unit.analyse.test_columns import observations

THROUGH = {"server": "envoy", "x-envoy-upstream-service-time": "present"}
ENVOY = {"server": "envoy"}
FULL = "pending request queue full"
WAITED = "context deadline exceeded"
H2_TO_HTTP1 = (
    r'net/http: HTTP/1.x transport connection broken: malformed HTTP response "\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x05"'
)
OWN_DIAL = "dial tcp 127.0.0.1:8080: i/o timeout"
CLOSED_BODY = "http: invalid Read on closed Body"
NOT_FOUND = 'revision.serving.knative.dev "echo-00001" not found'


def http(status: int, body: str, headers: dict[str, str] | None = None, lane: Lane = Lane.GET_KEEPALIVE) -> Failure:
    """An answer that is no success, through the ingress."""
    return Failure(Outcome.HTTP_ERROR, status, body, THROUGH if headers is None else headers, lane)


def found(seen: list[Failure], queue_proxy: list[Line], activator: list[Line]) -> list[Cause]:
    """The causes of these requests, sent at 100 and done at 110."""
    failed = failures([(one, (100, 110)) for one in seen])
    own, other = lines(*queue_proxy), lines(*activator)
    return causes(account(failed, own, other, pods={"p"}, user_port=8080, tolerance_ns=5, sampled=False))


LOGGED = [
    (H2_TO_HTTP1, Cause.PROTOCOL),
    ("EOF", Cause.RESET_IN_FLIGHT),
    ("unexpected EOF", Cause.RESET_IN_FLIGHT),
    (CLOSED_BODY, Cause.REQUEST_BODY),
    ("ReverseProxy does an invalid Read on closed Body", Cause.REQUEST_BODY),
    ("net/http: HTTP/1.x transport connection broken: http: ContentLength=524288 with Body length 4096", Cause.REQUEST_BODY),
    ("http: unexpected EOF reading trailer", Cause.REQUEST_BODY),
    ("malformed chunked encoding", Cause.REQUEST_BODY),
    ("http: request body too large", Cause.REQUEST_BODY),
    ("context canceled", Cause.CANCELED),
    ("net/http: request canceled while waiting for connection", Cause.CANCELED),
    (WAITED, Cause.TIMEOUT),
    ("net/http: timeout awaiting response headers", Cause.TIMEOUT),
    ("net/http: TLS handshake timeout", Cause.TIMEOUT),
    ("net/http: HTTP/1.x transport connection broken: unexpected EOF", Cause.RESET_IN_FLIGHT),
    (
        "net/http: HTTP/1.x transport connection broken: write tcp 127.0.0.1:5->127.0.0.1:8080: write: connection reset by peer",
        Cause.RESET_IN_FLIGHT,
    ),
    ("readfrom tcp 127.0.0.1:5->127.0.0.1:8080: write tcp 127.0.0.1:5->127.0.0.1:8080: write: broken pipe", Cause.RESET_IN_FLIGHT),
    ("read tcp 127.0.0.1:5->127.0.0.1:8080: read: connection timed out", Cause.RESET_IN_FLIGHT),
    (
        'http2: server sent GOAWAY and closed the connection; LastStreamID=1, ErrCode=NO_ERROR, debug=""',
        Cause.RESET_IN_FLIGHT,
    ),
    ("http2: client connection lost", Cause.RESET_IN_FLIGHT),
    ("stream error: stream ID 5; INTERNAL_ERROR; received from peer", Cause.RESET_IN_FLIGHT),
    ("stream error: stream ID 5; PROTOCOL_ERROR; received from peer", Cause.PROTOCOL),
    ("http2: failed reading the frame payload: http2: frame too large, note that it looked like HTTP/1.1", Cause.PROTOCOL),
    ('malformed MIME header: missing colon: "x"', Cause.PROTOCOL),
    ("net/http: server response headers exceeded 10485760 bytes; aborted", Cause.PROTOCOL),
    ("tls: first record does not look like a TLS handshake", Cause.PROTOCOL),
    ("remote error: tls: bad certificate", Cause.PROTOCOL),
    ("tls: failed to verify certificate: x509: certificate signed by unknown authority", Cause.PROTOCOL),
    ("something nobody has seen yet", Cause.QUEUE_PROXY),
]
"""Errors a proxy answers as 502 and logs; the cause where the line is queue-proxy's."""


@pytest.mark.parametrize(("body", "cause"), LOGGED)
def test_an_error_that_is_answered_and_logged_is_its_speakers(body: str, cause: Cause) -> None:
    """By whose log it stands in; by nobody's, no cause."""
    assert cause_of(body, 8080) is cause
    assert found([http(502, body)], [("p", 105, body)], []) == [cause]
    assert found([http(502, body)], [], [("a", 105, body)]) == [Cause.ACTIVATOR]
    assert found([http(502, body)], [], []) == [Cause.UNKNOWN]


@pytest.mark.parametrize("body", [body for body, _ in LOGGED])
def test_the_line_must_be_of_the_pod_and_of_the_time(body: str) -> None:
    """As for a refused dial: another pod's line, or one of another moment, is of another request."""
    assert found([http(502, body)], [("q", 105, body)], []) == [Cause.UNKNOWN]
    assert found([http(502, body)], [("p", 116, body)], []) == [Cause.UNKNOWN]
    assert found([http(502, body)] * 2, [("p", 105, body)], []) == [Cause.AMBIGUOUS] * 2


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        (OWN_DIAL, Cause.DIAL_TIMEOUT),
        ("timed out dialing 127.0.0.1:8080 after 15.34s", Cause.DIAL_TIMEOUT),
        ("dial tcp 127.0.0.1:8080: connect: connection timed out", Cause.DIAL_TIMEOUT),
        ("dial tcp 127.0.0.1:8080: operation was canceled", Cause.CANCELED),
        ("dial tcp 127.0.0.1:8080: connect: cannot assign requested address", Cause.QUEUE_PROXY),
        ("dial tcp 127.0.0.1:8080: socket: too many open files", Cause.QUEUE_PROXY),
    ],
)
def test_a_dial_of_the_container_is_queue_proxys_alone(body: str, cause: Cause) -> None:
    """The activator never connects there: a line of its log with this text changes nothing. It is no refusal."""
    assert found([http(502, body)], [("p", 105, body)], []) == [cause]
    assert found([http(502, body)], [], [("a", 105, body)]) == [Cause.UNKNOWN]
    assert is_of_queue_proxy(http(502, body), 8080)


@pytest.mark.parametrize(
    "body",
    [
        "dial tcp 10.244.0.9:8012: i/o timeout",
        "timed out dialing 10.244.0.9:8012 after 15.34s",
        "timed out dialing [fd00::9]:8012 after 15.34s",
        "dial tcp [fd00::9]:8012: connect: no route to host",
        "dial tcp: lookup echo-private.default on 10.96.0.10:53: no such host",
    ],
)
def test_a_dial_of_the_pod_is_the_activators_alone(body: str) -> None:
    """queue-proxy never connects there."""
    assert found([http(502, body)], [], [("a", 105, body)]) == [Cause.ACTIVATOR]
    assert found([http(502, body)], [("p", 105, body)], []) == [Cause.UNKNOWN]


def test_a_dial_timeout_without_an_address_is_whose_log_says_it() -> None:
    """Up to Knative 1.4 the error names none."""
    body = "timed out dialing after 15.34s"
    assert found([http(502, body)], [("p", 105, body)], []) == [Cause.DIAL_TIMEOUT]
    assert found([http(502, body)], [], [("a", 105, body)]) == [Cause.ACTIVATOR]


@pytest.mark.parametrize("body", [FULL, WAITED])
def test_a_full_queue_needs_no_line_and_the_activators_line_names_it(body: str) -> None:
    """queue-proxy logs none. Where the activator has too few lines, the queue was full all the same, and whose is not known."""
    assert found([http(503, body)], [], []) == [Cause.OVERLOAD]
    assert found([http(503, body)], [], [("a", 105, body)]) == [Cause.ACTIVATOR_OVERLOAD]
    assert found([http(503, body)] * 2, [], [("a", 105, body)]) == [Cause.OVERLOAD] * 2
    assert found([http(503, body)], [], [("a", 116, body)]) == [Cause.OVERLOAD]


def test_a_full_queue_is_believed_only_of_who_has_one() -> None:
    """The ingress has none of these; without its word that somebody behind it answered, anybody may have written so."""
    assert found([http(503, FULL, ENVOY)], [], []) == [Cause.INGRESS]
    assert found([http(503, FULL, {})], [], []) == [Cause.UNKNOWN]
    assert found([http(503, FULL, {**THROUGH, "x-toggle-boot": "b"})], [], []) == [Cause.APP]
    assert found([http(503, FULL + " of ours")], [], []) == [Cause.UNKNOWN]
    assert found([http(500, FULL)], [], []) == [Cause.UNKNOWN]


def test_a_full_queue_asked_straight_is_queue_proxys() -> None:
    """Nobody else is on that way, whatever the activator logged at that time for others."""
    seen = [http(503, FULL, {}, Lane.GET_QUEUE_PROXY)]
    assert found(seen, [], [("a", 105, FULL)]) == [Cause.OVERLOAD]


@pytest.mark.parametrize(
    ("line_of", "activator", "cause"),
    [
        (0, [], Cause.OVERLOAD),
        (0, [("a", 105, FULL)], Cause.OVERLOAD),
        (-1, [("a", 105, FULL)], Cause.ACTIVATOR_OVERLOAD),
        (-1, [], Cause.UNKNOWN),
    ],
    ids=["logged", "logged, and another's line", "not logged", "said by nobody"],
)
def test_with_a_request_log_it_is_known_whose_queue_was_full(line_of: int, activator: list[Line], cause: Cause) -> None:
    """A request in queue-proxy's request log was refused there; one that is not never came to queue-proxy."""
    one = np.array([1])
    log = RequestLines(np.array([110]), one - 1, one, one, one, one, np.array([5]), one < 0, ("p",))
    joined = Joined(log=log, line_of=np.array([line_of]), lines=1, exact=1, strangers=0)
    failed = failures([(http(503, FULL), (100, 110))])
    books = account(failed, lines(), lines(*activator), pods={"p"}, user_port=8080, tolerance_ns=5, sampled=False, log=joined)
    assert causes(books) == [cause]


def test_the_activator_names_the_revision_it_did_not_find() -> None:
    """It logs the error without the words it puts before it in the answer."""
    for status in (404, 500):
        seen = [http(status, f"Error getting active endpoint: {NOT_FOUND}")]
        assert found(seen, [], [("a", 105, NOT_FOUND)]) == [Cause.ACTIVATOR]
        assert found(seen, [], []) == [Cause.UNKNOWN]


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (503, "upstream connect error or disconnect/reset before headers. reset reason: connection termination"),
        (503, "upstream connect error or disconnect/reset before headers. reset reason: protocol error"),
        (503, "no healthy upstream"),
        (504, "upstream request timeout"),
        (504, "stream timeout"),
        (408, "request timeout"),
        (503, "envoy overloaded"),
        (502, "upstream protocol error"),
        (413, "Payload Too Large"),
        (431, "Request Header Fields Too Large"),
        (500, "malformed upstream"),
        (404, ""),
    ],
)
def test_what_envoy_answers_by_itself_is_the_ingress(status: int, body: str) -> None:
    """No upstream's time; the same words from behind it are somebody else's."""
    assert found([http(status, body, ENVOY)], [], []) == [Cause.INGRESS]
    assert found([http(status, body)], [], []) == [Cause.UNKNOWN]


def test_a_refused_line_has_one_request() -> None:
    """An error that says the same with another status owns none of the refused lines."""
    refused = "dial tcp 127.0.0.1:8080: connect: connection refused"
    assert found([http(502, refused), http(500, refused)], [("p", 105, refused)], []) == [Cause.REFUSED_DIAL, Cause.UNKNOWN]


@pytest.mark.parametrize("size", [ANSWER_BYTES - 1, ANSWER_BYTES, ANSWER_BYTES + 1, 4096])
@pytest.mark.parametrize("letter", ["x", "\N{LATIN SMALL LETTER E WITH ACUTE}"])
def test_a_text_longer_than_what_is_kept_of_a_body_still_has_its_line(size: int, letter: str) -> None:
    """`malformed HTTP response` holds what the app sent, up to a line of it; an answer is kept to its first 512 bytes."""
    assert ANSWER_BYTES == BODY_KEPT
    said = ('malformed HTTP response "' + letter * size)[: size - 1] + '"'
    body = f"{said}\n".encode()[:BODY_KEPT].decode(errors="replace").strip()
    payload = json.dumps({"timestamp": "2026-11-23T00:00:00Z", "logger": "queueproxy", "message": "m", "error": said})
    told = forwarding_errors(observations(payload, stream=Stream.QUEUE_PROXY), Stream.QUEUE_PROXY)
    assert told.texts == (body,) == (as_answered(said),)
    at = int(told.at_ns[0])
    failed = failures([(http(502, body), (at - 1, at + 1))])
    pods = set(told.pods)
    books = account(failed, told, lines(), pods=pods, user_port=8080, tolerance_ns=0, sampled=False)
    assert causes(books) == [Cause.PROTOCOL]


# --- the cases from the field ---------------------------------------------------------------------------------------------

CASES = [
    ("grpc port without the name h2c", 502, H2_TO_HTTP1, True, Cause.PROTOCOL),
    ("containerConcurrency queue full", 503, FULL, False, Cause.OVERLOAD),
    ("waited too long in the queue", 503, WAITED, False, Cause.OVERLOAD),
    ("idle keep-alive connection closed by the app, POST", 502, "EOF", True, Cause.RESET_IN_FLIGHT),
    ("app killed after it sent its head", 502, "unexpected EOF", True, Cause.RESET_IN_FLIGHT),
    ("a served port of IPv6 only", 502, OWN_DIAL, True, Cause.DIAL_TIMEOUT),
    ("queue-proxy cannot reach the client's body", 502, CLOSED_BODY, True, Cause.REQUEST_BODY),
]
"""Case, status, body, whether queue-proxy logs it, cause."""


@pytest.mark.parametrize(("status", "body", "logs", "cause"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_answers_of_proxies_seen_in_the_field(status: int, body: str, logs: bool, cause: Cause) -> None:
    """All together, each with its own line and those of the others: none is unattributed, and none a refused dial."""
    told = [("p", 105, text) for _, _, text, spoken, _ in CASES if spoken]
    assert found([http(status, body)], [("p", 105, body)] if logs else [], []) == [cause]
    together = found([http(code, text) for _, code, text, _, _ in CASES], told, [])
    assert together == [named for *_, named in CASES]


def test_a_post_to_an_idle_connection_is_a_post() -> None:
    """What the client sent plays no part: the line is the evidence."""
    post = replace(http(502, "EOF"), lane=Lane.POST_KEEPALIVE)
    assert found([post], [("p", 105, "EOF")], []) == [Cause.RESET_IN_FLIGHT]
    assert found([post], [], []) == [Cause.UNKNOWN]
