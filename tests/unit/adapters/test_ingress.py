"""One request by Host header."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from harness.adapters.ingress import Reply, ask, served
from harness.model import UserRequest


@pytest.mark.parametrize("path", ["/", "/x"])
def test_ask_sends_the_host_and_reads_who_answered(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Proxies of the environment are not asked."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    seen: list[tuple[str, str | None]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append((self.path, self.headers.get("Host")))
            self.send_response(200)
            self.send_header("X-Toggle-Pod", "p1")
            self.send_header("X-Toggle-Boot", "b1")
            self.end_headers()
            self.wfile.write(b"hello")

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.handle_request, daemon=True)
        thread.start()
        reply = ask("127.0.0.1", server.server_address[1], "app.example", request=UserRequest(path=path), timeout_s=60)
        thread.join()
    assert seen == [(path, "app.example")]
    assert (reply.status, reply.pod, reply.boot, reply.text) == (200, "p1", "b1", "hello")


def test_nobody_there_is_a_reply_too() -> None:
    """Status 0 and the reason."""
    reply = ask("127.0.0.1", 1, "app.example")
    assert reply.status == 0
    assert "ConnectionRefusedError" in str(reply)


@pytest.mark.parametrize(
    ("reply", "pod", "good"),
    [
        (Reply(200, {"x-toggle-pod": "p"}, ""), None, True),
        (Reply(200, {"x-toggle-pod": "p"}, ""), "p", True),
        (Reply(200, {"x-toggle-pod": "p"}, ""), "q", False),
        (Reply(200, {}, ""), None, False),
        (Reply(503, {"x-toggle-pod": "p"}, "no"), "p", False),
        (Reply(0, {}, "refused"), None, False),
    ],
)
def test_served_means_200_from_the_app(reply: Reply, pod: str | None, *, good: bool) -> None:
    """An ingress that answers for itself is not the app."""
    look = served(reply, pod=pod)
    assert (look.value is not None) is good
    assert look.seen
