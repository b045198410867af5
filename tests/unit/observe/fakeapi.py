"""A Kubernetes API that speaks real HTTP on loopback: lists, watches that follow a script, logs."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from kubernetes import client

from harness.adapters.kube import Kube

END, BREAK, HOLD = "end", "break", "hold"
"""Steps of a script: end the answer in good order, drop the connection, stay open and silent."""

Step = str | dict[str, Any] | bytes


class FakeApi:
    """lists: path to objects. watches: path to one script a connection, in order; when they are used up, HOLD.

    logs: path to the bytes of a log; a followed log stays open after them. asked: every request, path and query.
    """

    def __init__(self) -> None:
        self.version = 100
        self.lists: dict[str, list[dict[str, Any]]] = {}
        self.objects: dict[str, dict[str, Any]] = {}
        self.watches: dict[str, list[Sequence[Step]]] = {}
        self.logs: dict[str, bytes] = {}
        self.fails: dict[str, tuple[int, str]] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.over = threading.Event()
        self.guard = threading.Lock()

    def watched(self, path: str) -> list[dict[str, str]]:
        """Queries of the watches of a path."""
        with self.guard:
            return [query for asked, query in self.asked if asked == path and query.get("watch") == "true"]


def obj(name: str, version: int, **more: Any) -> dict[str, Any]:
    """An object of the API."""
    return {"metadata": {"name": name, "uid": f"uid-{name}", "resourceVersion": str(version)}, **more}


def told(kind: str, what: dict[str, Any]) -> dict[str, Any]:
    """A watch event."""
    return {"type": kind, "object": what}


def expired() -> dict[str, Any]:
    """What a watch says when its version is not kept any more."""
    return told("ERROR", {"kind": "Status", "code": 410, "message": "too old resource version"})


@contextmanager
def serving(api: FakeApi) -> Iterator[Kube]:
    """A client of the fake API for the block."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Head and body are two writes: the second would wait 40 ms for the acknowledgement of the first.
        disable_nagle_algorithm = True

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class calls it so
            """Quiet."""

        def _json(self, value: Any, status: int = 200) -> None:
            body = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _chunk(self, data: bytes) -> None:
            self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
            self.wfile.flush()

        def _stream(self, steps: Sequence[Step]) -> None:
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.flush()
            for step in steps:
                if isinstance(step, dict):
                    self._chunk(json.dumps(step).encode() + b"\n")
                elif isinstance(step, bytes):
                    self._chunk(step)
                elif step == END:
                    self.wfile.write(b"0\r\n\r\n")
                    return
                else:
                    if step == HOLD:
                        api.over.wait()
                    self.close_connection = True
                    return

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            path, query = parts.path, {key: values[0] for key, values in parse_qs(parts.query).items()}
            with api.guard:
                api.asked.append((path, query))
                script = api.watches[path].pop(0) if query.get("watch") == "true" and api.watches.get(path) else [HOLD]
                # Taken once: a test may take them away at any moment.
                failing, objects = api.fails.get(path), api.lists.get(path)
                found, log = api.objects.get(path), api.logs.get(path)
            if failing is not None:
                status, message = failing
                self._json({"kind": "Status", "code": status, "message": message}, status)
            elif query.get("watch") == "true":
                self._stream(script)
            elif objects is not None:
                self._json({"metadata": {"resourceVersion": str(api.version)}, "items": objects})
            elif found is not None:
                self._json(found)
            elif log is not None:
                body = [log] if log else []
                self._stream([*body, HOLD if query.get("follow") else END])
            else:
                self._json({"kind": "Status", "code": 404, "message": f"{path} not found"}, 404)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.block_on_close = False
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    settings = client.Configuration()
    settings.host = f"http://127.0.0.1:{server.server_port}"
    settings.retries = 0
    settings.proxy = None  # whatever the environment says: this one is here
    kube = Kube(client.ApiClient(settings))
    try:
        yield kube
    finally:
        api.over.set()
        kube.api.rest_client.close()
        server.shutdown()
        server.server_close()
        thread.join()
