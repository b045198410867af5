"""An API server on loopback that knows one thing: to pass requests on to a pod's control port."""

from __future__ import annotations

import http.client
import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.inject import control
from harness.model import ClusterHandle, Deployed, Hop, HostPorts, Pod, Route

PROXY = re.compile(r"/api/v1/namespaces/ns/pods/pod-1:(8099|8098)/proxy(/.*)")


@dataclass(frozen=True)
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    port: int = 8099


@dataclass
class FakeApi:
    """app: what answers in the pod's place, (status, body) or None to hang up. asked: all that came, in order."""

    app: Callable[[Asked], tuple[int, str] | None]
    asked: list[Asked] = field(default_factory=list)
    port: int = 0


def app_answer(**changes: Any) -> dict[str, Any]:
    """What the toggle app answers, with these keys changed."""
    usual = {
        "pod": "pod-1",
        "boot": "b1",
        "t_ns": 5,
        "listening": True,
        "faults": {"liveness": {"persistent": True, "t_ns": 4}},
        "connections": 2,
        "hung": 1,
        "probes": {"liveness": {"ok": 3, "failed": 1}, "readiness": {"ok": 0, "failed": 0}},
    }
    return {**usual, **changes}


def obedient(asked: Asked) -> tuple[int, str]:
    """An app that does as it is told."""
    return 200, json.dumps(app_answer(**(json.loads(asked.body) if asked.path == "/fault" else {})))


@pytest.fixture
def api() -> Iterator[FakeApi]:
    """The API server, with an obedient app behind it."""
    fake = FakeApi(obedient)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # head and body are two writes, see tests/unit/observe/fakeapi.py

        def answer(self) -> None:
            found = PROXY.fullmatch(self.path)
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            if found is None:
                given: tuple[int, str] | None = (404, '{"kind":"Status","message":"pods not found","code":404}')
            else:
                headers = {name.lower(): value for name, value in self.headers.items()}
                asked = Asked(self.command, found[2], headers, body, int(found[1]))
                fake.asked.append(asked)
                given = fake.app(asked)
            if given is None:
                self.close_connection = True
                return
            self.send_response(given[0])
            self.send_header("content-length", str(len(given[1].encode())))
            self.end_headers()
            self.wfile.write(given[1].encode())

        do_GET = do_POST = answer  # noqa: N815 - the names the base class looks for

        def log_message(self, *_args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        fake.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield fake
        server.shutdown()
        thread.join()


@pytest.fixture
def handle(api: FakeApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ClusterHandle:
    """A cluster whose API server is the fake one; asked past any proxy of the environment, with patience for a busy machine."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(control, "TIMEOUT_S", 40.0)
    config = {
        "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{api.port}"}}],
        "users": [{"name": "u", "user": {"token": "bearer-of-u"}}],
        "contexts": [{"name": "ctx", "context": {"cluster": "c", "user": "u"}}],
    }
    file = tmp_path / "kubeconfig"
    file.write_text(yaml.safe_dump(config), encoding="utf-8")
    return ClusterHandle("c", "ctx", str(file), HostPorts(1, 2, 3, api.port), "", "podman", "", "v1.34.4", created=False)


@pytest.fixture
def deployed() -> Deployed:
    """One pod, and the users' route to it."""
    pod = Pod("pod-1", "u1", "10.0.0.1", "node", "b1", {"user": "user-container"})
    users = Route("users", "127.0.0.1", 9, "toggle.ns.example.com", (Hop.INGRESS, Hop.QUEUE_PROXY, Hop.USER_CONTAINER))
    names = ("knative-service", "ns", "toggle", "toggle-00001")
    return Deployed(*names, (pod,), (users,), control_port=8099, token="sesame")


def forward_to(port: int) -> Callable[[Asked], tuple[int, str]]:
    """An app behind the API server that is a real process on loopback."""

    def ask(asked: Asked) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=40)
        try:
            connection.request(asked.method, asked.path, asked.body, {"x-toggle-token": asked.headers["x-toggle-token"]})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    return ask
