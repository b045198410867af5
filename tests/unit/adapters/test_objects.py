"""Plain objects against a small API server on loopback."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from kubernetes import client

from harness.adapters.kube import Kube
from harness.adapters.objects import ApiRefused, NoSuchKind, Objects, Ref, condition, conditions

KINDS = {
    "/api/v1": [("configmaps", "ConfigMap", True), ("namespaces", "Namespace", False), ("pods/log", "Pod", True)],
    "/apis/apps/v1": [("deployments", "Deployment", True)],
}


class Api:
    """What was asked (method, path, query, content type, body), and the answers a test wants instead of echoes."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, dict[str, list[str]], str, Any]] = []
        self.answers: dict[tuple[str, str], tuple[int, Any]] = {}


@pytest.fixture
def api() -> Iterator[tuple[Api, Objects]]:
    """A server that knows two kinds and echoes what is applied."""
    api = Api()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # head and body are two writes, see tests/unit/observe/fakeapi.py

        def answer(self) -> None:
            url = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            sent = json.loads(body) if body else None
            api.asked.append((self.command, url.path, parse_qs(url.query), self.headers.get("Content-Type") or "", sent))
            status: int
            value: Any
            if url.path in KINDS:
                listed = [{"name": name, "kind": kind, "namespaced": spaced} for name, kind, spaced in KINDS[url.path]]
                status, value = 200, {"resources": listed}
            else:
                status, value = api.answers.get((self.command, url.path), (200, sent or {}))
            text = value.encode() if isinstance(value, str) else json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_PATCH = do_DELETE = answer  # noqa: N815 - the names http.server looks for

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    settings = client.Configuration()
    settings.host = f"http://127.0.0.1:{server.server_address[1]}"
    settings.proxy = None
    settings.retries = 0
    plain = client.ApiClient(settings)
    yield api, Objects(Kube(plain))
    plain.rest_client.pool_manager.clear()
    server.shutdown()
    server.server_close()
    thread.join()


CONFIG = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "namespace": "n"}, "data": {"a": "1"}}


def test_apply_is_server_side_and_ours(api: tuple[Api, Objects]) -> None:
    """Our field manager, forced, the whole object as sent; dry runs say so."""
    server, objects = api
    assert objects.apply(dict(CONFIG)) == CONFIG
    method, path, query, kind, body = server.asked[-1]
    assert (method, path, body) == ("PATCH", "/api/v1/namespaces/n/configmaps/x", CONFIG)
    assert query == {"fieldManager": ["knative-chaos"], "force": ["true"]}
    assert kind == "application/apply-patch+yaml"
    objects.apply(dict(CONFIG), dry_run=True)
    assert server.asked[-1][2]["dryRun"] == ["All"]


def test_a_kind_is_looked_up_once(api: tuple[Api, Objects]) -> None:
    """Discovery is asked for the first of a group only; subresources are no kinds."""
    server, objects = api
    objects.get(Ref.of(CONFIG))
    objects.get(Ref("v1", "Namespace", "n"))
    assert [path for _, path, *_ in server.asked] == ["/api/v1", "/api/v1/namespaces/n/configmaps/x", "/api/v1/namespaces/n"]
    with pytest.raises(NoSuchKind, match="no matches for kind 'Pod'"):
        objects.get(Ref("v1", "Pod", "p", "n"))


def test_a_group_that_is_not_served_is_no_such_kind(api: tuple[Api, Objects]) -> None:
    """What a CRD that is not Established yet looks like; asked again each time."""
    server, objects = api
    server.answers["GET", "/apis/serving.knative.dev/v1"] = (404, {"message": "not found"})
    for _ in range(2):
        with pytest.raises(NoSuchKind):
            objects.get(Ref("serving.knative.dev/v1", "Service", "s", "n"))
    assert [path for _, path, *_ in server.asked].count("/apis/serving.knative.dev/v1") == 2


def test_what_is_not_there_is_none(api: tuple[Api, Objects]) -> None:
    """Neither get nor delete makes an error of it."""
    server, objects = api
    for method in ("GET", "DELETE"):
        server.answers[method, "/api/v1/namespaces/n/configmaps/x"] = (404, {"message": "not found"})
    assert objects.get(Ref.of(CONFIG)) is None
    assert objects.delete(Ref.of(CONFIG)) is False


def test_delete_carries_the_grace(api: tuple[Api, Objects]) -> None:
    """In seconds; left out when not asked for."""
    server, objects = api
    assert objects.delete(Ref.of(CONFIG), grace_s=1)
    assert server.asked[-1][2] == {"propagationPolicy": ["Background"], "gracePeriodSeconds": ["1"]}


def test_delete_of_one_uid_says_so_in_the_body(api: tuple[Api, Objects]) -> None:
    """Another object of its name is refused; one that is not there is no error."""
    server, objects = api
    assert objects.delete_uid(Ref.of(CONFIG), "u-1")
    assert server.asked[-1][2] == {}
    assert server.asked[-1][4] == {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "propagationPolicy": "Background",
        "preconditions": {"uid": "u-1"},
    }
    server.answers["DELETE", "/api/v1/namespaces/n/configmaps/x"] = (404, {"message": "not found"})
    assert objects.delete_uid(Ref.of(CONFIG), "u-1") is False
    server.answers["DELETE", "/api/v1/namespaces/n/configmaps/x"] = (409, {"message": "the UID does not match"})
    with pytest.raises(ApiRefused, match="the UID does not match"):
        objects.delete_uid(Ref.of(CONFIG), "u-1")


def test_find_selects_in_one_namespace_or_in_all(api: tuple[Api, Objects]) -> None:
    """Items get their kind back, which lists leave out."""
    server, objects = api
    items = {"items": [{"metadata": {"name": "d"}}]}
    server.answers["GET", "/apis/apps/v1/namespaces/n/deployments"] = (200, items)
    server.answers["GET", "/apis/apps/v1/deployments"] = (200, {"items": None})
    assert objects.find("apps/v1", "Deployment", namespace="n", labels="a=b") == [
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}}
    ]
    assert server.asked[-1][2] == {"labelSelector": ["a=b"]}
    assert objects.find("apps/v1", "Deployment") == []


@pytest.mark.parametrize(("status", "body", "said"), [(400, {"message": "denied: no"}, "denied: no"), (500, "oops", "HTTP 500")])
def test_a_refusal_keeps_status_and_words(api: tuple[Api, Objects], status: int, body: object, said: str) -> None:
    """Also where the answer is not the API's JSON."""
    server, objects = api
    server.answers["PATCH", "/api/v1/namespaces/n/configmaps/x"] = (status, body)
    with pytest.raises(ApiRefused, match=said) as caught:
        objects.apply(dict(CONFIG))
    assert (caught.value.status, caught.value.said) == (status, said)


def test_no_server_is_status_zero() -> None:
    """Nothing listens on port 1."""
    settings = client.Configuration()
    settings.host = "http://127.0.0.1:1"
    settings.proxy = None
    settings.retries = 0
    with pytest.raises(ApiRefused) as caught:
        Objects(Kube(client.ApiClient(settings))).get(Ref.of(CONFIG))
    assert caught.value.status == 0


def test_conditions_put_what_is_wrong_first() -> None:
    """With reason and message; what is True needs neither."""
    obj = {
        "status": {
            "conditions": [
                {"type": "A", "status": "True", "reason": "Fine"},
                {"type": "B", "status": "False", "reason": "Broken", "message": "no cpu"},
            ]
        }
    }
    assert conditions(obj) == "B=False Broken (no cpu), A=True"
    assert conditions({}) == "no conditions yet"
    assert conditions(None) == "not there"


def test_a_condition_of_an_older_generation_does_not_count() -> None:
    """A Service just changed still says Ready for what it was."""
    status = {"observedGeneration": 1, "conditions": [{"type": "Ready", "status": "True"}]}
    assert condition({"metadata": {"generation": 1}, "status": status}, "Ready")
    assert not condition({"metadata": {"generation": 2}, "status": status}, "Ready")
    assert not condition({"metadata": {"generation": 1}, "status": status}, "RoutesReady")
