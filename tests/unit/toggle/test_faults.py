"""The toggles: what each does, how long it lasts, and that the control port answers meanwhile."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import PATIENCE_S, Toggle


def refused(toggle: Toggle) -> bool:
    """Whether the main port refuses connections."""
    try:
        toggle.connect().close()
    except ConnectionRefusedError:
        return True
    return False


def put(toggle: Toggle, **fault: object) -> None:
    """Turn one toggle on."""
    assert toggle.control("/fault", fault)[0] == 200


@pytest.mark.parametrize(
    ("kind", "sick", "well"),
    [("liveness", "/healthz", "/readyz"), ("readiness", "/readyz", "/healthz")],
    ids=["liveness", "readiness"],
)
def test_one_probe_fails_alone(toggle: Toggle, kind: str, sick: str, well: str) -> None:
    """The probe asked for answers 503, the other and all requests 200, until cleared."""
    assert (toggle.get(sick)[0], toggle.get(well)[0]) == (200, 200)
    put(toggle, kind=kind)
    assert (toggle.get(sick)[0], toggle.get(well)[0], toggle.get("/")[0]) == (503, 200, 200)
    toggle.control("/clear")
    assert toggle.get(sick)[0] == 200
    assert [hit["ok"] for hit in toggle.events("probe", which=kind)] == [True, False, True]


def test_the_answer_names_who_and_when(toggle: Toggle) -> None:
    """The answer to a fault carries pod, boot and the time that the log has too."""
    status, answer = toggle.control("/fault", {"kind": "liveness"})
    logged = toggle.event("fault")
    assert status == 200
    assert (answer["pod"], answer["boot"], answer["t_ns"]) == ("pod-1", logged["boot"], logged["t_ns"])
    assert (answer["kind"], answer["persistent"], answer["listening"]) == ("liveness", False, True)
    assert answer["faults"] == {"liveness": {"persistent": False, "t_ns": answer["t_ns"]}}


@pytest.mark.parametrize(("persistent", "after"), [(False, 200), (True, 503)])
def test_a_restart_ends_what_is_not_persistent(start: Callable[..., Toggle], persistent: bool, after: int) -> None:
    """Another start with the same state directory finds persistent toggles only."""
    first = start()
    put(first, kind="liveness", persistent=persistent)
    first.process.send_signal(signal.SIGTERM)
    assert first.wait() == 0
    second = start()
    assert second.get("/healthz")[0] == after
    assert second.event("boot")["faults"] == (["liveness"] if persistent else [])


def test_a_cleared_persistent_toggle_stays_off(start: Callable[..., Toggle]) -> None:
    """Clearing rewrites what is kept."""
    first = start()
    put(first, kind="readiness", persistent=True)
    put(first, kind="liveness", persistent=True)
    assert first.control("/clear", {"kind": "liveness"})[0] == 200
    first.end()
    assert start().event("boot")["faults"] == ["readiness"]


def test_other_pods_have_toggles_of_their_own(start: Callable[..., Toggle]) -> None:
    """A shared state directory does not mix pods, nor two copies in one pod."""
    put(start(), kind="liveness", persistent=True)
    assert start(HOSTNAME="pod-2").event("boot")["faults"] == []


def test_a_torn_state_file_is_reported(start: Callable[..., Toggle], tmp_path: Path) -> None:
    """Toggles that were lost are said to be lost; the app starts."""
    (tmp_path / "toggle-pod-1-0.json").write_text("{", encoding="utf-8")
    app = start()
    assert "JSONDecodeError" in app.event("boot")["lost_state"]
    assert app.get("/healthz")[0] == 200


def test_what_cannot_be_kept_is_not_done(start: Callable[..., Toggle], tmp_path: Path) -> None:
    """A persistent toggle that cannot be written is refused and stays off."""
    app = start(TOGGLE_STATE=str(tmp_path / "missing"))
    status, answer = app.control("/fault", {"kind": "liveness", "persistent": True})
    assert status == 500
    assert "nothing changed" in answer["text"]
    assert app.get("/healthz")[0] == 200


def test_hanging_leaves_clients_without_answer_and_control_with(toggle: Toggle) -> None:
    """Connections are taken and requests read; no byte comes back; the control port answers; clearing closes them."""
    put(toggle, kind="hang")
    with toggle.connect() as user, toggle.connect() as probe:
        user.sendall(b"GET / HTTP/1.1\r\n\r\n")
        probe.sendall(b"GET /healthz HTTP/1.1\r\nuser-agent: kube-probe/1.34\r\n\r\n")
        assert toggle.event("hang")["which"] == "liveness"
        user.settimeout(0.2)
        with pytest.raises(TimeoutError):
            user.recv(1)
        user.settimeout(PATIENCE_S)
        assert toggle.control("/state", method="GET")[1]["hung"] == 2
        assert toggle.control("/clear")[0] == 200
        assert user.recv(1) == probe.recv(1) == b""
    assert toggle.get()[0] == 200


def test_only_probes_hang(toggle: Toggle) -> None:
    """With scope "probes" requests are answered."""
    put(toggle, kind="hang", scope="probes")
    with toggle.connect() as probe:
        probe.sendall(b"GET /readyz HTTP/1.1\r\n\r\n")
        assert toggle.event("hang")["which"] == "readiness"
        assert toggle.get()[0] == 200


def test_the_listener_is_closed_and_opened_again(toggle: Toggle) -> None:
    """New connections are refused, kept ones end, and the same port comes back."""
    with toggle.connect() as kept:
        kept.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert kept.recv(65536).startswith(b"HTTP/1.1 200")
        put(toggle, kind="close")
        assert kept.recv(1) == b""
    assert refused(toggle)
    assert toggle.event("closed")["why"] == "fault"
    assert toggle.control("/clear")[1]["listening"] is True
    assert toggle.get()[0] == 200
    assert [line["port"] for line in toggle.events("listening")] == [toggle.port] * 2


def test_exit_is_answered_first(toggle: Toggle) -> None:
    """The caller gets the whole answer, then the process ends with the code asked for."""
    status, answer = toggle.control("/fault", {"kind": "exit", "code": 7})
    assert (status, answer["kind"]) == (200, "exit")
    assert toggle.wait() == 7
    assert [line["event"] for line in toggle.log[-3:]] == ["fault", "closed", "exit"]


def test_a_persistent_exit_ends_each_start(start: Callable[..., Toggle]) -> None:
    """The next start ends at the moment it would listen."""
    first = start()
    put(first, kind="exit", code=3, persistent=True)
    assert first.wait() == 3
    second = start()
    assert second.wait() == 3
    assert not second.events("listening")


def test_the_start_up_delay_holds_back_the_main_port_only(start: Callable[..., Toggle]) -> None:
    """Before the delay is over the control port answers, nothing listens on the main port, and exec probes fail."""
    app = start(TOGGLE_STARTUP_DELAY="3600")
    assert app.control("/state", method="GET")[1]["listening"] is False
    assert app.probe("liveness").returncode == 1
    assert app.control("/fault", {"kind": "exit", "code": 0})[0] == 200
    assert app.wait() == 0
    assert not app.events("listening")


def test_the_main_port_listens_after_the_delay(start: Callable[..., Toggle]) -> None:
    """At least the delay lies between boot and listening."""
    app = start(TOGGLE_STARTUP_DELAY="0.3")
    assert app.event("listening")["t_ns"] - app.event("boot")["t_ns"] >= 300_000_000


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_sigterm_is_handled(toggle: Toggle, number: signal.Signals) -> None:
    """Signal, then closed, then exit, in the log and in time; exit code 0."""
    toggle.process.send_signal(number)
    assert toggle.wait() == 0
    last = toggle.log[-3:]
    assert [line["event"] for line in last] == ["signal", "closed", "exit"]
    assert last[0]["signal"] == number.name
    assert last[0]["t_ns"] <= last[1]["t_ns"] <= last[2]["t_ns"]


def test_what_is_done_is_stamped_before_and_after(toggle: Toggle) -> None:
    """Listening, closing and a signal's coming lie between two stamps, and the two brackets of an end do not cross."""
    sent_ns = time.time_ns()
    toggle.process.send_signal(signal.SIGTERM)
    assert toggle.wait() == 0
    listening, came, closed = (toggle.event(name) for name in ("listening", "signal", "closed"))
    assert listening["before_ns"] <= listening["t_ns"] <= sent_ns
    assert came["before_ns"] <= came["t_ns"] <= closed["before_ns"] <= closed["t_ns"]
    assert came["t_ns"] >= sent_ns


def test_sigterm_is_ignored(start: Callable[..., Toggle]) -> None:
    """With "ignore" it goes on answering."""
    app = start(TOGGLE_SIGTERM="ignore")
    app.event("listening")
    app.process.send_signal(signal.SIGTERM)
    assert app.event("signal")["action"] == "ignore"
    assert app.get()[0] == 200


def test_sigterm_closes_the_listener_and_no_more(start: Callable[..., Toggle]) -> None:
    """With "ignore-close" the main port is gone for good, the process and its control port live."""
    app = start(TOGGLE_SIGTERM="ignore-close")
    app.event("listening")
    app.process.send_signal(signal.SIGTERM)
    assert app.event("closed")["why"] == "signal"
    assert refused(app)
    assert app.control("/clear")[1]["listening"] is False
    assert app.process.poll() is None
