"""The errors that queue-proxy and the activator answer and log: those of Go's net/http and x/net/http2, and their own.

Both proxies forward with the same code (`network.ErrorHandler` of knative.dev/pkg), so a text alone does not say whose it is.
"""

from __future__ import annotations

import re

from harness.model import Cause

UPSTREAM_HEADER = "x-envoy-upstream-service-time"
"""In an answer of the ingress: an upstream answered, not Envoy itself. Its value differs with each answer."""

CUT_SHORT = re.compile(
    r"(^|: )(unexpected )?EOF$|connection reset by peer|broken pipe|use of closed network connection$"
    r"|^http: server closed idle connection$"
)
"""Go's errors for a connection that ended during a request. Closed network connection: its reading side saw the end first and
closed the connection while the body was still being written (once in 21,585 failures on knative-v1.23.0, in queue-proxy's line and
the answer alike). Closed idle connection: it ended just before a request with a body was put on it, which net/http does not send
twice (errServerClosedIdle)."""

LOOPBACK = re.compile(r"(dial tcp|timed out dialing) (127\.\d+\.\d+\.\d+|\[::1\]|localhost):\d+(:? |$)")
"""Only queue-proxy connects to a loopback address, that of the container. The activator connects to the pod's IP, port 8012."""

REFUSED = re.compile(
    r"(^|[:\s])dial tcp[46]? (127\.\d+\.\d+\.\d+|\[::1\]|localhost):(?P<port>\d+): (connect: |connectex: )?connection refused\b"
)
"""The port of a loopback address refused, in whatever words a build of queue-proxy puts around Go's own (`lines.refused_text`)."""

DIAL = re.compile(r"dial tcp:? |timed out dialing \S+:\d+ ")
"""A failed dial with its address. ErrTimeoutDialing of knative.dev/pkg names it, after 15 attempts; up to Knative 1.4 it did
not."""

_KINDS: tuple[tuple[Cause, re.Pattern[str]], ...] = (
    (
        Cause.REQUEST_BODY,
        re.compile(
            r"invalid Read on closed Body|request body (too large|larger than|closed)|with Body length \d|request body write"
            r"|body closed by handler|EOF reading trailer|long trailer after|declared (a )?Content-Length of \d"
            r"|chunked (encoding|line)|chunk length|header line too long"
        ),
    ),
    (
        Cause.CANCELED,
        re.compile(r"context canceled$|request canceled|operation was canceled$|http2: canceling request|client disconnected"),
    ),
    (
        Cause.RESET_IN_FLIGHT,
        re.compile(
            r"read: connection timed out$|http2: client conn(ection)? |http2: stream closed|GOAWAY|cannot (retry|rewind) "
            r"|http: idle connection timeout$|CloseIdleConnections called$|persistConn\.readLoop exiting$|read loop ending"
            r"|^stream error: .*; (NO_ERROR|INTERNAL_ERROR|CANCEL|REFUSED_STREAM|STREAM_CLOSED|CONNECT_ERROR|ENHANCE_YOUR_CALM)\b"
            r"|^connection error: (NO_ERROR|INTERNAL_ERROR|CANCEL|REFUSED_STREAM|STREAM_CLOSED|CONNECT_ERROR|ENHANCE_YOUR_CALM)\b"
        ),
    ),
    (
        Cause.TIMEOUT,
        re.compile(r"context deadline exceeded|i/o timeout$|timeout awaiting response headers|handshake timeout|Handler timeout$"),
    ),
    (
        Cause.PROTOCOL,
        re.compile(
            r"malformed |(bad|invalid|multiple|empty) Content-Length|unsupported transfer encoding|too many transfer encodings"
            r"|response headers? (list )?(larger than|exceeded)|header list (too large|larger than)|too many 1xx|1xx informational"
            r"|Content-Length; truncated$|tried to switch |switching protocols|unknown status code"
            r"|gave HTTP response to HTTPS client|(^|: )tls: |x509: |unexpected ALPN protocol|could not negotiate protocol"
            r"|bogus greeting|http2: (frame too large|failed reading the frame payload|unsupported scheme)"
            r"|PROTOCOL_ERROR|FRAME_SIZE_ERROR|FLOW_CONTROL_ERROR|COMPRESSION_ERROR|SETTINGS_TIMEOUT|INADEQUATE_SECURITY"
            r"|HTTP_1_1_REQUIRED|flow control window"
        ),
    ),
)
"""Errors of Go's net/http, httputil and x/net/http2 for a failed round trip, in the order in which they are tested.

Source: their errors at go1.26 and x/net of Knative 1.23. An error that wraps another one (`HTTP/1.x transport connection broken:
...`) has the kind of the wrapped error.
"""

OVERLOAD = frozenset({"pending request queue full", "context deadline exceeded"})
"""Bodies of the 503 of a full request queue (ErrRequestQueueFull) and of a request whose own deadline ended in it: queue-proxy's
breaker (pkg/queue/handler.go) and the activator's (pkg/activator/handler/handler.go). Only the latter logs it."""

NO_REVISION = "Error getting active endpoint: "
"""What the activator puts before the error it logs when it does not find the request's revision (context_handler.go).

With status 404 for "not found", the only status below 500 with which Knative itself answers an ordinary request; else with 500."""


def is_of_the_activator(status: int, body: str) -> bool:
    """Whether the activator itself gave this answer, whose status an app might give too. body: how it begins."""
    return status == 404 and body.startswith(NO_REVISION)


def cause_of(text: str, user_port: int) -> Cause:
    """The cause of a failure for which queue-proxy logged this error. QUEUE_PROXY: the error has none of the named kinds."""
    refused = REFUSED.search(text)
    if refused and int(refused["port"]) == user_port:
        return Cause.REFUSED_DIAL
    if text.startswith("timed out dialing ") or (LOOPBACK.match(text) and re.search(r"i/o timeout$|timed out$", text)):
        return Cause.DIAL_TIMEOUT
    if LOOPBACK.match(text):
        return Cause.CANCELED if text.endswith(("operation was canceled", "context canceled")) else Cause.QUEUE_PROXY
    if any(kind is Cause.REQUEST_BODY and said.search(text) for kind, said in _KINDS):
        return Cause.REQUEST_BODY
    if CUT_SHORT.search(text):
        return Cause.RESET_IN_FLIGHT
    return next((kind for kind, said in _KINDS if said.search(text)), Cause.QUEUE_PROXY)
