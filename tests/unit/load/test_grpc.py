"""The lane of unary calls against a server that is played by hand: its trailers decide."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from harness.knative.unary import framed
from harness.load.spec import BadSpec
from harness.model import Lane, Outcome
from tests.unit.load.held import spec_for
from tests.unit.load.test_h2c import Peer, Stage

HEAD = [(":status", "200"), ("content-type", "application/grpc"), ("x-envoy-upstream-service-time", "3")]
CHECK = "/grpc.health.v1.Health/Check"


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """The lane, calling the health check with an empty message."""
    stage = Stage(tmp_path, Lane.GRPC, path=CHECK)
    yield stage
    stage.close()


def trailers(peer: Peer, stream: int, code: str) -> None:
    """The end of an answer."""
    peer.h2.send_headers(stream, [("grpc-status", code), ("grpc-message", "said")], end_stream=True)


def test_the_status_in_the_trailers_decides(stage: Stage) -> None:
    """A 200 with another status, without one, or without a message is no success; each is recorded with its own outcome."""
    stage.send(5)
    stage.arrived(5)
    (peer,) = stage.peers
    good, bad, none, empty, refused = peer.requests()
    for stream, body in ((good, framed("CAE=")), (bad, b""), (none, framed("")), (empty, b"")):
        peer.h2.send_headers(stream, HEAD)
        peer.h2.send_data(stream, body, end_stream=stream == none)
    trailers(peer, good, "0")
    trailers(peer, bad, "14")
    trailers(peer, empty, "0")
    peer.answer(refused, status="502", body=b"dial tcp 127.0.0.1:8080: connect: connection refused")
    peer.flush()
    outcomes = [Outcome.OK, Outcome.GRPC_ERROR, Outcome.TRUNCATED, Outcome.MALFORMED, Outcome.HTTP_ERROR]
    assert stage.outcomes(5) == outcomes
    seen = stage.seen()
    assert [one.status for one in seen] == [200, 200, 200, 200, 502]


def test_an_answer_of_trailers_alone_is_an_error_with_its_evidence(stage: Stage) -> None:
    """Envoy answers so where it has no upstream."""
    stage.send()
    stage.arrived(1)
    (peer,) = stage.peers
    peer.h2.send_headers(
        1, [*HEAD[:2], ("server", "envoy"), ("grpc-status", "14"), ("grpc-message", "no upstream")], end_stream=True
    )
    peer.flush()
    assert stage.outcomes(1) == [Outcome.GRPC_ERROR]
    (answer,) = [one.answer for one in stage.seen()]
    assert answer is not None
    assert dict(answer.headers) == {
        "content-type": "application/grpc",
        "server": "envoy",
        "grpc-status": "14",
        "grpc-message": "no upstream",
    }


def test_a_status_before_the_message_is_none(stage: Stage) -> None:
    """It stands behind the message, or alone: what is cut off behind its message has no status, whatever its headers promised.

    Go's reverse proxy may end an answer of trailers alone with an empty DATA frame: that status counts.
    """
    stage.send(5)
    stage.arrived(5)
    (peer,) = stage.peers
    cut, mended, alone, ended, good = peer.requests()
    for stream, code in ((cut, "0"), (mended, "0"), (alone, "14"), (good, "14")):
        peer.h2.send_headers(stream, [*HEAD, ("grpc-status", code)])
    peer.h2.send_data(cut, framed(""), end_stream=True)
    peer.h2.send_data(mended, framed(""))
    peer.h2.send_headers(mended, [("x-other", "1")], end_stream=True)
    peer.h2.send_data(alone, b"", end_stream=True)
    peer.h2.send_headers(ended, [*HEAD, ("grpc-status", "5")], end_stream=True)
    peer.h2.send_data(good, framed(""))
    trailers(peer, good, "0")
    peer.flush()
    outcomes = [Outcome.TRUNCATED, Outcome.TRUNCATED, Outcome.GRPC_ERROR, Outcome.GRPC_ERROR, Outcome.OK]
    assert stage.outcomes(5) == outcomes


def test_what_is_not_of_grpc_is_no_success(stage: Stage) -> None:
    """A page with the right trailers, and a compressed message: it says how, or it does not."""
    stage.send(3)
    stage.arrived(3)
    (peer,) = stage.peers
    page, silent, zipped = peer.requests()
    compressed = b"\x01" + framed("")[1:]
    for stream, head, body in (
        (page, [HEAD[0], ("content-type", "text/html")], framed("")),
        (silent, HEAD, compressed),
        (zipped, [*HEAD, ("grpc-encoding", "gzip")], compressed),
    ):
        peer.h2.send_headers(stream, head)
        peer.h2.send_data(stream, body)
        trailers(peer, stream, "0")
    peer.flush()
    assert stage.outcomes(3) == [Outcome.MALFORMED, Outcome.MALFORMED, Outcome.OK]


def test_a_call_is_a_post_of_the_method_with_its_message(stage: Stage) -> None:
    """Its path is left alone, its id is a header, and its body is one framed message."""
    stage.send()
    stage.arrived(1)
    (peer,) = stage.peers
    received = {type(event).__name__: event for event in peer.events}
    headers = dict(received["RequestReceived"].headers)  # type: ignore[attr-defined]
    assert (headers[":method"], headers[":path"], headers["x-rid"]) == ("POST", CHECK, "r-0-0")
    assert (headers["te"], headers["content-type"]) == ("trailers", "application/grpc")
    assert received["DataReceived"].data == framed("")  # type: ignore[attr-defined]


def test_a_connection_that_is_lost_takes_its_calls_with_it(stage: Stage) -> None:
    """Each has an outcome of its own, and none is made again."""
    stage.send(3)
    stage.arrived(3)
    stage.peers[0].reset()
    assert stage.outcomes(3) == [Outcome.RESET] * 3
    assert len(stage.peers) == 1


@pytest.mark.parametrize("changed", [{"path": "/"}, {"path": "/Health/Check?x=1"}, {"message": "###"}])
def test_a_call_that_cannot_be_made_is_refused(changed: dict[str, str]) -> None:
    """Before a generator is started."""
    spec = spec_for(1, lanes=((Lane.GRPC, 1),))
    replace(spec, plan=replace(spec.plan, path=CHECK)).check()
    with pytest.raises(BadSpec, match=next(iter(changed))):
        replace(spec, plan=replace(spec.plan, **{"path": CHECK, **changed})).check()  # type: ignore[arg-type]
