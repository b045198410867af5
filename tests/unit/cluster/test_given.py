"""A foreign cluster is used only when it is named in full."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from harness.cluster.given import given
from harness.errors import BadInput, ClusterError


class Api(BaseHTTPRequestHandler):
    """An API server that knows only its version."""

    def do_GET(self) -> None:
        """/version."""
        body = json.dumps({"gitVersion": "v1.33.1", "major": "1", "minor": "33"} | dict.fromkeys(FIELDS, "x")).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
        """Say nothing."""


FIELDS = ("buildDate", "compiler", "gitCommit", "gitTreeState", "goVersion", "platform")


@pytest.fixture
def api() -> Iterator[int]:
    """Its port."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Api) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def kubeconfig(place: Path, port: int) -> Path:
    """A file with one context, "theirs"."""
    cluster = {"name": "c", "cluster": {"server": f"http://127.0.0.1:{port}"}}
    context = {"name": "theirs", "context": {"cluster": "c", "user": "u"}}
    whole = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [cluster],
        "contexts": [context],
        "users": [{"name": "u", "user": {}}],
    }
    place.write_text(json.dumps(whole), encoding="utf-8")
    return place


def test_a_named_context_that_answers_is_a_handle_without_a_node(tmp_path: Path, api: int) -> None:
    """Its version comes from the API, its address and port from what was named."""
    handle = given(kubeconfig(tmp_path / "k", api), "theirs", "10.1.2.3:8080")
    assert (handle.kubernetes_version, handle.node, handle.engine, handle.created) == ("v1.33.1", "", "", False)
    assert (handle.address, handle.ports.ingress, handle.ports.direct) == ("10.1.2.3", 8080, 0)


@pytest.mark.parametrize(
    ("arguments", "missing"),
    [(("", "c", "h:1"), "--kubeconfig"), (("k", "", "h:1"), "--context"), (("k", "c", ""), "--ingress")],
)
def test_what_is_not_named_is_not_guessed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arguments: tuple[str, str, str], missing: str
) -> None:
    """Not even when the environment would know."""
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path / "ambient", 1)))
    with pytest.raises(BadInput, match=f"missing: {missing}"):
        given(*arguments)


def test_a_context_that_is_not_in_the_file_is_refused_with_those_that_are(tmp_path: Path) -> None:
    """So that one can pick."""
    with pytest.raises(BadInput, match="it has: theirs"):
        given(kubeconfig(tmp_path / "k", 1), "mine", "127.0.0.1:80")


@pytest.mark.parametrize("ingress", ["localhost", "host:http", ":80", "host:0", "host:99999"])
def test_an_ingress_is_host_and_port(tmp_path: Path, ingress: str) -> None:
    """Anything else is bad input."""
    with pytest.raises(BadInput, match="is not HOST:PORT"):
        given(kubeconfig(tmp_path / "k", 1), "theirs", ingress)


def test_a_cluster_that_does_not_answer_is_no_cluster(tmp_path: Path, api: int) -> None:
    """Found out at once, not in the middle of a run."""
    with pytest.raises(ClusterError, match="does not answer"):
        given(kubeconfig(tmp_path / "k", 1), "theirs", f"127.0.0.1:{api}")
