"""One request through a loopback port with a Host header: how a stage proves that something is served.

Not for load: no keep-alive, no record; proxies of the environment are never asked.
"""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from dataclasses import dataclass

from harness.adapters.wait import Look
from harness.apps.toggle import BOOT_HEADER, POD_HEADER
from harness.model import UserRequest


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back. status 0: nothing did, and `text` says why. headers: lower-case names."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def pod(self) -> str:
        """The pod that says it answered, "" if none says."""
        return self.headers.get(POD_HEADER, "")

    @property
    def boot(self) -> str:
        """The boot id of the app that answered, "" if it has none."""
        return self.headers.get(BOOT_HEADER, "")

    def __str__(self) -> str:
        if not self.status:
            return self.text
        by = f" by pod {self.pod}" if self.pod else ""
        return f"HTTP {self.status}{by}" + ("" if self.status == 200 else f": {' '.join(self.text.split())[:120]}")


ANY_REQUEST = UserRequest()


def ask(address: str, port: int, host: str, *, request: UserRequest = ANY_REQUEST, timeout_s: float = 5.0) -> Reply:
    """Ask once on a new connection. Never raises for what the network does: that is what is being asked.

    Of a gRPC call only one that succeeded has a status, 200.
    """
    if request.method == "GRPC":
        from harness.adapters.unary import call  # noqa: PLC0415 - its library is loaded only where it is used

        status, headers, text = call(address, port, host, request=request, timeout_s=timeout_s)
        return Reply(status, headers, text)
    connection = http.client.HTTPConnection(address, port, timeout=timeout_s)
    try:
        headers = {**dict(request.headers), "Host": host, "Connection": "close"}
        connection.request(request.method, request.path, body=request.body.encode() or None, headers=headers)
        got = connection.getresponse()
        body = got.read(512)
    except (OSError, http.client.HTTPException) as error:
        return Reply(0, {}, f"{type(error).__name__}: {error}")
    finally:
        connection.close()
    return Reply(got.status, {name.lower(): value for name, value in got.getheaders()}, body.decode(errors="replace"))


def served(reply: Reply, *, pod: str | None = None) -> Look[Reply]:
    """Whether the reply is a 200 of the toggle app, of this pod if one is named."""
    if reply.status == 200 and reply.pod and (pod is None or reply.pod == pod):
        return Look(reply, str(reply))
    missing = " without the app's pod header" if reply.status == 200 and not reply.pod else ""
    return Look(None, f"{reply}{missing}")
