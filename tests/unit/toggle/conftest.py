"""The toggle app as a real process on loopback, with ports of its own choice."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from harness.adapters.wait import Look, wait_for

APP = Path(__file__).parents[3] / "testapps" / "toggle" / "toggle.py"
TOKEN = "sesame"
PATIENCE_S = 45.0


class Toggle:
    """One running app, its log and ways to ask it.

    The log is a file, not a pipe: what the app wrote before it answered is there for whoever got the answer.
    """

    def __init__(self, env: Mapping[str, str], log: Path) -> None:
        self.env = dict(env)
        self._log = log
        with log.open("wb") as out:
            self.process = subprocess.Popen([sys.executable, "-I", str(APP)], env=self.env, stdout=out)
        try:
            self.control_port = int(self.event("boot")["control_port"])
        except BaseException:
            self.end()
            raise

    @property
    def log(self) -> list[dict[str, Any]]:
        """All whole lines so far."""
        return [json.loads(line) for line in self._log.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]

    def events(self, name: str, **values: object) -> list[dict[str, Any]]:
        """All lines of this event so far that carry these values."""
        return [line for line in self.log if line["event"] == name and values.items() <= line.items()]

    def event(self, name: str, **values: object) -> dict[str, Any]:
        """The first such line, once it has come."""

        def look() -> Look[dict[str, Any]]:
            found = self.events(name, **values)
            return Look(found[0] if found else None, f"{self.log}; exit code {self.process.poll()}")

        return wait_for(f"the app's {name}", look, within_s=PATIENCE_S, every_s=0.01)

    @property
    def port(self) -> int:
        """The main port, once it listens."""
        return int(self.event("listening")["port"])

    def get(self, path: str = "/", headers: Mapping[str, str] | None = None) -> tuple[int, dict[str, str], str]:
        """(status, headers, body) of one request on a connection of its own."""
        return self.ask(self.port, "GET", path, headers=headers or {})

    def control(self, path: str, body: object = None, *, token: str = TOKEN, method: str = "POST") -> tuple[int, dict[str, Any]]:
        """(status, answer) of the control port; a text answer as {"text": ...}."""
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        status, headers, text = self.ask(self.control_port, method, path, data, {"X-Toggle-Token": token})
        return status, json.loads(text) if headers["content-type"] == "application/json" else {"text": text}

    @staticmethod
    def ask(
        port: int, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, dict[str, str], str]:
        """One request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
        try:
            connection.request(method, path, body, dict(headers or {}))
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read().decode()
        finally:
            connection.close()

    def connect(self) -> socket.socket:
        """A bare connection to the main port."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_S)

    def probe(self, which: str) -> subprocess.CompletedProcess[str]:
        """The exec probe, as a container would be asked to run it."""
        env = {**self.env, "TOGGLE_CONTROL_PORT": str(self.control_port)}
        argv = [sys.executable, "-I", str(APP), "probe", which]
        return subprocess.run(argv, env=env, capture_output=True, text=True, check=False, timeout=PATIENCE_S)

    def wait(self) -> int:
        """Its exit code."""
        return self.process.wait(timeout=PATIENCE_S)

    def end(self) -> None:
        """Whatever it ignores."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.wait()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Toggle]]:
    """`start(TOGGLE_SIGTERM="ignore", ...)`: another app; all of a test share pod name and state directory."""
    running: list[Toggle] = []

    def started(**env: str) -> Toggle:
        base = {"PORT": "0", "TOGGLE_CONTROL_PORT": "0", "TOGGLE_BIND": "127.0.0.1", "HOSTNAME": "pod-1"}
        settings = {**base, "TOGGLE_TOKEN": TOKEN, "TOGGLE_STATE": str(tmp_path), "PATH": os.environ["PATH"], **env}
        toggle = Toggle(settings, tmp_path / f"log-{len(running)}")
        running.append(toggle)
        return toggle

    yield started
    for toggle in running:
        toggle.end()


@pytest.fixture
def toggle(start: Callable[..., Toggle]) -> Toggle:
    """An app that listens."""
    app = start()
    app.event("listening")
    return app
