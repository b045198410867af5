"""A unary gRPC call as HTTP/2 carries it: its headers, the frame around a message, and what an answer is. Pure.

An HTTP status of 200 says nothing of a call: its trailers do. Source: gRPC over HTTP2 (PROTOCOL-HTTP2.md of grpc/grpc).
"""

from __future__ import annotations

import base64
import binascii
import struct
from collections.abc import Mapping

from harness.model import Outcome

STATUS = b"grpc-status"
MESSAGE = b"grpc-message"
TRAILERS = frozenset({STATUS, MESSAGE})
KEPT = 200
"""Characters of a trailer that are kept as evidence."""

HEADERS = ((b"te", b"trailers"), (b"content-type", b"application/grpc"))
"""Of each call. Its path is that of the method, and nothing is added to it."""

LONGEST = 16_384 - 5
"""Bytes of a message: with its frame it fits into one frame of HTTP/2, whatever the server allows."""

_FRAME = struct.Struct(">BL")


def framed(message: str) -> bytes:
    """The body of a call. message: in base64. Raises ValueError for what is none, or is too long."""
    try:
        raw = base64.b64decode(message, validate=True)
    except binascii.Error as error:
        raise ValueError(f"it is not base64: {error}") from error
    if len(raw) > LONGEST:
        raise ValueError(f"it has {len(raw)} bytes; at most {LONGEST} are sent")
    return _FRAME.pack(0, len(raw)) + raw


def called(status: int, evidence: Mapping[str, str], body: bytes, length: int) -> Outcome:
    """What a complete answer is to the caller. evidence: of its headers and trailers. body: how it begins. length: of all of it.

    OK: status 0 in the trailers, and exactly one whole message. GRPC_ERROR: another status in the trailers. HTTP_ERROR: whoever
    answered does not speak gRPC. TRUNCATED: it ended without a status. MALFORMED: status 0 and not one message.
    """
    if status != 200:
        return Outcome.HTTP_ERROR
    code = evidence.get(STATUS.decode(), "")
    if not code:
        return Outcome.TRUNCATED
    if code != "0":
        return Outcome.GRPC_ERROR
    if length < _FRAME.size:
        return Outcome.MALFORMED
    compressed, size = _FRAME.unpack_from(body)
    return Outcome.OK if compressed <= 1 and length == _FRAME.size + size else Outcome.MALFORMED
