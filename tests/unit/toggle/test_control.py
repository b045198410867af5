"""Who may command the app, what it understands, and what it says of probes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from .conftest import APP, PATIENCE_S, Toggle


@pytest.mark.parametrize("token", ["", "sesam", "sesame2", "\xe9"])
@pytest.mark.parametrize(("path", "method"), [("/fault", "POST"), ("/clear", "POST"), ("/state", "GET")])
def test_a_wrong_token_is_refused(toggle: Toggle, path: str, method: str, token: str) -> None:
    """403 and nothing done."""
    assert toggle.control(path, {"kind": "liveness"}, token=token, method=method)[0] == 403
    assert not toggle.events("fault")


def test_without_a_token_there_is_no_control(start: Callable[..., Toggle]) -> None:
    """An app started without TOGGLE_TOKEN obeys nobody, an empty token included."""
    app = start(TOGGLE_TOKEN="")
    status, answer = app.control("/fault", {"kind": "liveness"}, token="")
    assert status == 403
    assert "TOGGLE_TOKEN is not set" in answer["text"]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[]", "must be a JSON object"),
        (b"{}", "kind is None"),
        (b'{"kind": "livenes"}', "it may be liveness, readiness"),
        (b'{"kind": ["liveness"]}', "it may be liveness, readiness"),
        (b'{"kind": "liveness", "persistent": "yes"}', "true or false"),
        (b'{"kind": "liveness", "persistant": true}', "does not take persistant"),
        (b'{"kind": "hang", "scope": "some"}', "all or probes"),
        (b'{"kind": "exit", "code": 256}', "0 to 255"),
        (b'{"kind": "exit", "code": true}', "0 to 255"),
    ],
)
def test_what_is_not_understood_is_said_in_one_line(toggle: Toggle, body: bytes, says: str) -> None:
    """400, one line that names the trouble, nothing done."""
    status, answer = toggle.control("/fault", body)
    assert status == 400
    assert says in answer["text"]
    assert answer["text"].count("\n") == 1
    assert toggle.control("/state", method="GET")[1]["faults"] == {}


def test_other_paths_methods_and_sizes(toggle: Toggle) -> None:
    """Each has its own status."""
    assert toggle.control("/other")[0] == 404
    assert toggle.control("/fault", method="GET")[0] == 405
    assert toggle.control("/fault", b" " * 20_000)[0] == 413
    assert toggle.control("/clear", {"kind": "nonsense"})[0] == 400


@pytest.mark.parametrize("which", ["liveness", "readiness"])
def test_exec_probes_follow_their_toggle(toggle: Toggle, which: str) -> None:
    """0 while well, 1 with the reason while failing; each hit is in the log."""
    assert toggle.probe(which).returncode == 0
    toggle.control("/fault", {"kind": which})
    sick = toggle.probe(which)
    assert (sick.returncode, sick.stdout) == (1, f"{which}: {which} failing\n")
    assert [(hit["which"], hit["ok"]) for hit in toggle.events("probe", via="exec")] == [(which, True), (which, False)]


def test_an_exec_probe_needs_the_listener(toggle: Toggle) -> None:
    """A closed main port fails liveness although no probe toggle is on."""
    toggle.control("/fault", {"kind": "close"})
    assert toggle.probe("liveness").stdout == "liveness: not listening\n"


def test_an_exec_probe_of_a_dead_app_fails(toggle: Toggle) -> None:
    """Nobody there is not well."""
    toggle.end()
    dead = toggle.probe("readiness")
    assert dead.returncode == 1
    assert "no answer" in dead.stdout


def test_probes_are_logged_as_they_were_asked(toggle: Toggle) -> None:
    """User agent, Knative's header and unknown paths are kept; requests of users leave no line."""
    toggle.get("/")
    toggle.get("/healthz", {"User-Agent": "kube-probe/1.34"})
    toggle.get("/", {"K-Network-Probe": "queue"})
    toggle.get("/else", {"User-Agent": "kube-probe/1.34"})
    toggle.event("probe", which="other", user_agent="kube-probe/1.34")
    hits = toggle.events("probe")
    assert [(hit["which"], hit["via"], hit["ok"], hit["status"]) for hit in hits] == [
        ("liveness", "http", True, 200),
        ("other", "http", True, 200),
        ("other", "http", True, 200),
    ]
    assert [hit.get("network_probe") for hit in hits] == [None, "queue", None]
    assert all({"t_ns", "pod", "boot", "pid"} <= hit.keys() for hit in hits)
    assert {hit["peer"] for hit in hits} == {"127.0.0.1"}


def test_a_connection_that_says_nothing_is_a_tcp_probe(toggle: Toggle) -> None:
    """Logged when closed, with the time it was accepted."""
    toggle.connect().close()
    hit = toggle.event("probe", which="tcp-probe")
    assert hit["via"] == "tcp"
    assert hit["t_ns"] - hit["accepted_ns"] >= 0
    assert hit["peer"] == "127.0.0.1"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "http"),
        ("PORT", "65536"),
        ("TOGGLE_CONTROL_PORT", "8080"),
        ("TOGGLE_SIGTERM", "die"),
        ("TOGGLE_STARTUP_DELAY", "soon"),
        ("TOGGLE_STARTUP_DELAY", "nan"),
        ("TOGGLE_STARTUP_DELAY", "-1"),
        ("TOGGLE_ANSWER_DELAY", "soon"),
        ("TOGGLE_READY_DELAY", "-1"),
        ("TOGGLE_LOG_REQUESTS", "yes"),
    ],
)
def test_a_bad_environment_is_named(name: str, value: str) -> None:
    """Exit code 2 and one line that names the variable."""
    env = {"PATH": os.environ["PATH"], name: value}
    run = subprocess.run([sys.executable, "-I", str(APP)], env=env, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    assert run.returncode == 2
    assert name in run.stderr
    assert run.stderr.count("\n") == 1


def test_a_port_in_use_is_named(toggle: Toggle, start: Callable[..., Toggle]) -> None:
    """Exit code 2: an app that cannot listen does not pretend."""
    other = start(PORT=str(toggle.port))
    assert other.wait() == 2
    assert not other.events("listening")


def test_an_unknown_command_shows_the_usage() -> None:
    """Exit code 2 for a probe that does not exist."""
    run = subprocess.run([sys.executable, "-I", str(APP), "probe", "startup"], capture_output=True, text=True, check=False)
    assert run.returncode == 2
    assert run.stderr.startswith("usage:")
