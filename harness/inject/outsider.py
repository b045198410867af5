"""A planted fault for tests of the ledger: one request sent by somebody else than the load generator.

A request that queue-proxy refuses then leaves a line in its log for which the generator has no request.
"""

from __future__ import annotations

import http.client
import secrets
import socket
from dataclasses import dataclass

from harness.adapters.clock import now_ns
from harness.errors import FaultError
from harness.model import USERS_ROUTE, Deployed


@dataclass(frozen=True, slots=True)
class Outsider:
    """What became of it. rid: its X-Rid, "outsider-...". body: first 512 bytes."""

    rid: str
    status: int
    body: str
    sent_ns: int
    done_ns: int


def send(deployed: Deployed, *, path: str = "/outsider", timeout_s: float = 10) -> Outsider:
    """GET by the users' route, on a connection of its own, exactly once.

    To have it refused for certain, send it while `state(...)` says that the app is not listening. Raises FaultError when no
    answer came; it may have reached queue-proxy all the same.
    """
    route = deployed.route(USERS_ROUTE)
    rid = f"outsider-{secrets.token_hex(6)}"
    text = f"GET {path} HTTP/1.1\r\nHost: {route.host}\r\nX-Rid: {rid}\r\nConnection: close\r\n\r\n"
    where = f"{route.address}:{route.port}"
    sent_ns = now_ns()
    try:
        with socket.create_connection((route.address, route.port), timeout=timeout_s) as sock:
            sent_ns = now_ns()
            sock.sendall(text.encode())
            with http.client.HTTPResponse(sock, method="GET") as answer:
                answer.begin()
                body = answer.read(512).decode(errors="replace")
                status = answer.status
    except (OSError, http.client.HTTPException) as error:
        raise FaultError(f"The outsider's request {rid} got no answer: {type(error).__name__}: {error}", where=where) from error
    return Outsider(rid, status, body, sent_ns, now_ns())
