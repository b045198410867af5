"""One answer as it comes in: whole, in pieces, broken."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.load.wire import BODY_KEPT, Malformed, Reply, RequestText, judged
from harness.model import Lane, LoadPlan, Outcome
from tests.unit.load.held import PATIENT


@dataclass(frozen=True)
class Case:
    """An answer, and what is to be read from it. end: whether the connection is closed behind it."""

    raw: bytes
    status: int = 200
    body: bytes = b""
    keep: bool = True
    end: bool = False
    surplus: bool = False


WHOLE = {
    "length": Case(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody", body=b"body"),
    "empty": Case(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n", status=502),
    "no reason": Case(b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", body=b"ok"),
    "chunked": Case(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n1;x=y\r\n!\r\n0\r\n\r\n", body=b"body!"),
    "chunked with trailer": Case(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nA\r\n0123456789\r\n0\r\nX-Sum: 1\r\n\r\n", body=b"0123456789"
    ),
    "chunked wins over length": Case(
        b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", body=b"x"
    ),
    "until close": Case(b"HTTP/1.1 200 OK\r\n\r\nall there is", body=b"all there is", keep=False, end=True),
    "no content": Case(b"HTTP/1.1 204 No Content\r\n\r\n", status=204),
    "not modified": Case(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n", status=304),
    "told to close": Case(b"HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 1\r\n\r\nx", body=b"x", keep=False),
    "version 1.0": Case(b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", body=b"x", keep=False),
    "version 1.0 kept": Case(b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx", body=b"x", keep=True),
    "informational first": Case(
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 503 No\r\nContent-Length: 2\r\n\r\nno",
        status=503,
        body=b"no",
    ),
    "switching": Case(b"HTTP/1.1 101 Switching Protocols\r\n\r\n", status=101),
    "long body": Case(
        b"HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n" + b"0123456789" * 200, body=(b"0123456789" * 52)[:BODY_KEPT]
    ),
}


def read(raw: bytes, cuts: tuple[int, ...], *, end: bool) -> Reply:
    """The answer read in pieces cut at these places."""
    reply = Reply()
    places = sorted({0, len(raw), *(cut % len(raw) for cut in cuts)})
    for lo, hi in pairwise(places):
        reply.feed(raw[lo:hi])
    if end:
        reply.end()
    return reply


@pytest.mark.parametrize("case", WHOLE.values(), ids=WHOLE.keys())
@PATIENT
@given(cuts=st.lists(st.integers(0, 5000), max_size=8).map(tuple))
def test_an_answer_reads_the_same_however_it_is_cut(case: Case, cuts: tuple[int, ...]) -> None:
    """Status, body and end do not depend on where the network cuts."""
    reply = read(case.raw, cuts, end=case.end)
    assert reply.complete
    assert reply.head is not None
    assert (reply.head.status, reply.body, reply.keep, reply.surplus) == (case.status, case.body, case.keep, case.surplus)


@pytest.mark.parametrize("case", WHOLE.values(), ids=WHOLE.keys())
def test_an_answer_reads_the_same_byte_by_byte(case: Case) -> None:
    """The worst cut of all."""
    reply = read(case.raw, tuple(range(len(case.raw))), end=case.end)
    assert reply.complete
    assert (reply.body, reply.keep) == (case.body, case.keep)


@pytest.mark.parametrize("name", [name for name, case in WHOLE.items() if not case.end])
def test_a_missing_last_byte_is_not_the_whole(name: str) -> None:
    """Without its last byte no framed answer is complete, and the end of the connection does not complete it."""
    reply = read(WHOLE[name].raw[:-1], (), end=True)
    assert not reply.complete


@pytest.mark.parametrize(
    "raw",
    [
        b"SSH-2.0-x\r\n",
        b"H",
        b"HTTP/2 200 OK\r\n\r\n",
        b"HTTP/1.1 2OO OK\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 2000\r\n\r\n",
        b"HTTP/1.1 099 X\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nName : x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n folded: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000,
    ],
)
def test_what_is_not_http_is_malformed(raw: bytes) -> None:
    """Each breach is seen as soon as it can be; "H" alone is only the beginning of one."""
    reply = Reply()
    if raw == b"H":
        assert reply.feed(raw) is False
        raw = b"I"
    with pytest.raises(Malformed):
        reply.feed(raw)


def test_bytes_behind_the_answer_end_the_connections_use() -> None:
    """They belong to no request of ours; the answer itself is good."""
    reply = Reply()
    assert reply.feed(WHOLE["length"].raw + b"more")
    assert reply.body == b"body"
    assert not reply.keep


def test_a_connection_is_read_anew_after_reset() -> None:
    """Nothing of the first answer is left in the second."""
    reply = read(WHOLE["chunked"].raw, (), end=False)
    reply.reset()
    assert reply.feed(WHOLE["empty"].raw)
    assert (reply.body, reply.keep) == (b"", True)


def test_only_headers_that_are_evidence_are_kept() -> None:
    """Names in lower case, and of Envoy's timing only that it is there."""
    lines = (
        b"HTTP/1.1 204 No",
        b"Server: envoy",
        b"Date: now",
        b"X-Toggle-Boot: b1",
        b"X-Envoy-Upstream-Service-Time: 17",
        b"",
        b"",
    )
    head = read(b"\r\n".join(lines), (), end=False).head
    assert head is not None
    assert dict(head.evidence) == {"server": "envoy", "x-toggle-boot": "b1", "x-envoy-upstream-service-time": "present"}


@pytest.mark.parametrize("lane", [lane for lane in Lane if lane not in {Lane.GET_H2C, Lane.GRPC}])
@pytest.mark.parametrize(("path", "target"), [("/", b"/?rid=r-0-7"), ("/a?b=c", b"/a?b=c&rid=r-0-7")])
def test_a_request_carries_its_id_twice_and_the_given_host(lane: Lane, path: str, target: bytes) -> None:
    """In the query, which access logs keep, and in a header; POST has a body of the length it says and no Idempotency-Key."""
    head, _, body = RequestText.of(lane.behaviour, "app.example", LoadPlan(path=path)).render(b"r-0-7").partition(b"\r\n\r\n")
    line, *headers = head.split(b"\r\n")
    fields = {name.lower(): value for name, value in (header.split(b": ", 1) for header in headers)}
    post = lane is Lane.POST_KEEPALIVE
    assert line == (b"POST " if post else b"GET ") + target + b" HTTP/1.1"
    assert (fields[b"host"], fields[b"x-rid"]) == (b"app.example", b"r-0-7")
    assert len(body) == int(fields.get(b"content-length", b"0"))
    assert bool(body) is post
    assert (fields.get(b"connection") == b"close") is (lane is Lane.GET_NEW)
    assert b"idempotency-key" not in fields
    assert fields.get(b"x-attempt") == (b"0" if lane is Lane.GET_RETRYING else None)


def test_a_further_attempt_says_which_it_is() -> None:
    """Nothing else differs, and there are no more texts than attempts."""
    text = RequestText.of(Lane.GET_RETRYING.behaviour, "app.example", LoadPlan(retries=2))
    first = text.render(b"r-0-7")
    assert [text.render(b"r-0-7", attempt) for attempt in (1, 2)] == [
        first.replace(b"X-Attempt: 0", b"X-Attempt: %d" % attempt) for attempt in (1, 2)
    ]
    assert len(text.ends) == 3


@pytest.mark.parametrize("lane", [Lane.GET_KEEPALIVE, Lane.POST_KEEPALIVE])
def test_a_plan_says_what_is_sent(lane: Lane) -> None:
    """Its headers go with each request, in place of ours of that name; its body with POST, counted in bytes."""
    plan = LoadPlan(body="grüße", headers=(("X-Team", "a b"), ("user-agent", "mine")))
    head, _, body = RequestText.of(lane.behaviour, "app.example", plan).render(b"r-0-7").partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert {b"X-Team: a b", b"user-agent: mine", b"Accept: */*"} <= set(lines)
    assert b"User-Agent: knative-chaos" not in lines
    post = lane is Lane.POST_KEEPALIVE
    assert (body, b"Content-Length: 7" in lines) == ("grüße".encode() if post else b"", post)


UNSERVED = b'Error getting active endpoint: revision.serving.knative.dev "a" not found\n'


@pytest.mark.parametrize(
    ("status", "expect", "body", "outcome"),
    [
        (200, (), b"", Outcome.OK),
        (302, (), b"", Outcome.OK),
        (404, (), b"", Outcome.HTTP_ERROR),
        (404, (200, 404), b"", Outcome.OK),
        (404, (200, 404), b"Error: no such cart\n", Outcome.OK),
        (404, (200, 404), UNSERVED, Outcome.HTTP_ERROR),
        (200, (200, 404), UNSERVED, Outcome.OK),
        (302, (200, 404), b"", Outcome.HTTP_ERROR),
        (503, (200, 404), b"", Outcome.HTTP_ERROR),
    ],
)
def test_the_plan_says_which_statuses_are_good(status: int, expect: tuple[int, ...], body: bytes, outcome: Outcome) -> None:
    """Every one below 400 where it names none. The activator's own 404 is not the app's, wherever 404 is good."""
    assert judged(status, expect, body) is outcome
