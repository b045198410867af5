"""A unary gRPC call as HTTP/2 carries it: its headers, the frame around a message, and what an answer is. Pure.

An HTTP status of 200 says nothing of a call: its trailers do. Source: gRPC over HTTP2 (PROTOCOL-HTTP2.md of grpc/grpc).
"""

from __future__ import annotations

import base64
import binascii
import re
import struct
from collections.abc import Mapping

from harness.model import Outcome

STATUS = b"grpc-status"
MESSAGE = b"grpc-message"
TRAILERS = frozenset({STATUS, MESSAGE})
"""They may stand in the answer's headers, where no DATA follows (Trailers-Only). Go's reverse proxy, which queue-proxy and the
activator are, may end such an answer with an empty DATA frame in place of END_STREAM in its HEADERS."""

CONTENT_TYPE = b"content-type"
ENCODING = b"grpc-encoding"
OF_HEADERS = frozenset({CONTENT_TYPE, ENCODING})
"""What an answer is judged by beside its trailers."""

KEPT = 200
"""Characters of each that are kept as evidence."""

HEADERS = ((b"te", b"trailers"), (b"content-type", b"application/grpc"))
"""Of each call. Its path is that of the method, and nothing is added to it."""

LONGEST = 16_384 - 5
"""Bytes of a message: with its frame it fits into one frame of HTTP/2, whatever the server allows."""

_GRPC = re.compile(r"application/grpc([+;].*)?", re.IGNORECASE)
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
    """What a complete answer is to the caller. evidence: of its headers and trailers (`OF_HEADERS`, `TRAILERS`). body: how it
    begins. length: of all of it.

    OK: status 0 in the trailers, and exactly one whole message. GRPC_ERROR: another status in the trailers. HTTP_ERROR: another
    HTTP status, so whoever answered does not speak gRPC. TRUNCATED: it ended without a status. MALFORMED: a content type that is
    not gRPC's, or status 0 and not one message, or a compressed message of which no header says how.
    """
    if status != 200:
        return Outcome.HTTP_ERROR
    if not _GRPC.fullmatch(evidence.get(CONTENT_TYPE.decode(), "")):
        return Outcome.MALFORMED
    code = evidence.get(STATUS.decode(), "")
    if not code:
        return Outcome.TRUNCATED
    if code != "0":
        return Outcome.GRPC_ERROR
    if length < _FRAME.size:
        return Outcome.MALFORMED
    compressed, size = _FRAME.unpack_from(body)
    readable = compressed == 0 or (compressed == 1 and evidence.get(ENCODING.decode(), "identity") != "identity")
    return Outcome.OK if readable and length == _FRAME.size + size else Outcome.MALFORMED
