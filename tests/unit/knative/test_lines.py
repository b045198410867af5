"""Log lines that look alike and are not."""

from __future__ import annotations

import json

import pytest

from harness.knative.lines import LineKind, is_failed_dial, kind_of, refused_text
from harness.model import Stream

REFUSED = refused_text(8080)
READ = json.dumps(
    {
        "severity": "ERROR",
        "timestamp": "2026-11-23T18:18:06.85517954Z",
        "logger": "queueproxy",
        "caller": "network/error_handler.go:39",
        "message": "error reverse proxying request; sockstat: sockets: used 9\n",
        "knative.dev/key": "ns/lines-00001",
        "knative.dev/pod": "lines-00001-deployment-56747d8d9c-qvck7",
        "error": REFUSED,
        "stacktrace": "knative.dev/pkg/network.ErrorHandler.func1",
    }
)
"""A line read from queue-proxy 1.23."""


@pytest.mark.parametrize(
    ("stream", "payload", "kind"),
    [
        (Stream.QUEUE_PROXY, READ, LineKind.FORWARDING_ERROR),
        (Stream.QUEUE_PROXY, READ.replace('"queueproxy"', '"queueproxy.main"'), LineKind.FORWARDING_ERROR),
        (Stream.QUEUE_PROXY, READ.replace('"queueproxy"', '"activator"'), LineKind.OTHER),
        (Stream.QUEUE_PROXY, '{"logger":"queueproxy","message":"' + REFUSED + '"}', LineKind.OTHER),
        (Stream.QUEUE_PROXY, '{"logger":"queueproxy","error":null}', LineKind.OTHER),
        (Stream.QUEUE_PROXY, f"aggressive probe error (failed 202 times): {REFUSED}", LineKind.PROBE_ERROR),
        (Stream.QUEUE_PROXY, "", LineKind.OTHER),
        (Stream.QUEUE_PROXY, "{torn", LineKind.OTHER),
        (Stream.QUEUE_PROXY, '{"error":' + "[" * 100_000, LineKind.OTHER),  # deeper than the reader goes
        (Stream.QUEUE_PROXY, "[1]", LineKind.OTHER),
        (Stream.ACTIVATOR, READ.replace('"queueproxy"', '"activator"'), LineKind.ACTIVATOR_ERROR),
        (Stream.ACTIVATOR, READ, LineKind.OTHER),
        (Stream.APP, READ, LineKind.OTHER),
        (Stream.KUBELET, READ, LineKind.OTHER),
    ],
)
def test_kind_of(stream: Stream, payload: str, kind: LineKind) -> None:
    """Stream and form decide, the words "connection refused" do not."""
    assert kind_of(stream, payload) is kind


@pytest.mark.parametrize(
    ("payload", "own"),
    [(f"aggressive probe error (failed 202 times): {REFUSED}", True), (READ, False), ("Starting queue-proxy", False)],
)
def test_a_failed_dial_of_its_own_is_plain_text(payload: str, *, own: bool) -> None:
    """A forwarding error says the same words within JSON."""
    assert is_failed_dial(payload) is own
