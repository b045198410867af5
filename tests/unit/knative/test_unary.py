"""What an answer to a unary call is."""

from __future__ import annotations

import base64

import pytest

from harness.knative.unary import LONGEST, called, framed
from harness.model import Outcome

ONE = framed("")
TWO = ONE + ONE
TYPE = {"content-type": "application/grpc"}
GOOD = {**TYPE, "grpc-status": "0"}
GZIP = {**GOOD, "grpc-encoding": "gzip"}


@pytest.mark.parametrize(
    ("status", "evidence", "body", "outcome"),
    [
        (200, GOOD, ONE, Outcome.OK),
        (200, GOOD, framed(base64.b64encode(b"abc").decode()), Outcome.OK),
        (200, {**TYPE, "grpc-status": "14", "grpc-message": "away"}, b"", Outcome.GRPC_ERROR),
        (200, {**TYPE, "grpc-status": "14"}, ONE, Outcome.GRPC_ERROR),
        (200, TYPE, ONE, Outcome.TRUNCATED),
        (200, {**GOOD, "content-type": "application/grpc+proto"}, ONE, Outcome.OK),
        (200, {**GOOD, "content-type": "application/grpc; charset=utf-8"}, ONE, Outcome.OK),
        (200, {**GOOD, "content-type": "text/html"}, ONE, Outcome.MALFORMED),
        (200, {**GOOD, "content-type": "application/grpc-web"}, ONE, Outcome.MALFORMED),
        (200, {"grpc-status": "0"}, ONE, Outcome.MALFORMED),
        (200, {"grpc-status": "14"}, b"", Outcome.MALFORMED),
        (200, GZIP, b"\x01" + ONE[1:], Outcome.OK),
        (200, GZIP, ONE, Outcome.OK),
        (200, GOOD, b"\x01" + ONE[1:], Outcome.MALFORMED),
        (200, {**GOOD, "grpc-encoding": "identity"}, b"\x01" + ONE[1:], Outcome.MALFORMED),
        (200, GZIP, b"\x02" + ONE[1:], Outcome.MALFORMED),
        (204, GOOD, ONE, Outcome.HTTP_ERROR),
        (302, GOOD, ONE, Outcome.HTTP_ERROR),
        (200, GOOD, b"", Outcome.MALFORMED),
        (200, GOOD, TWO, Outcome.MALFORMED),
        (200, GOOD, b"<html>", Outcome.MALFORMED),
        (502, {}, b"dial tcp", Outcome.HTTP_ERROR),
        (503, GOOD, ONE, Outcome.HTTP_ERROR),
    ],
)
def test_the_trailers_decide(status: int, evidence: dict[str, str], body: bytes, outcome: Outcome) -> None:
    """An HTTP status of 200 alone says nothing."""
    assert called(status, evidence, body, len(body)) is outcome


def test_a_message_that_cannot_be_sent_is_refused() -> None:
    """Before anything is built."""
    assert framed("AAE=") == b"\x00\x00\x00\x00\x02\x00\x01"
    for message, said in (("###", "base64"), (base64.b64encode(bytes(LONGEST + 1)).decode(), "at most")):
        with pytest.raises(ValueError, match=said):
            framed(message)
