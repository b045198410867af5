"""Putting a fault in: what is sent, what is believed, and what is refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import FaultError
from harness.faults import FAULTS
from harness.inject import ClusterAccess, clear, inject, state, take_back
from harness.model import ClusterHandle, Deployed, FaultSpec

from .conftest import Asked, FakeApi, app_answer, forward_to, obedient

APP = Path(__file__).parents[3] / "testapps" / "toggle" / "toggle.py"


@pytest.mark.parametrize("persistent", [False, True])
@pytest.mark.parametrize("kind", ["liveness", "readiness", "hang", "exit"])
def test_a_fault_is_sent_once_with_both_tokens(
    api: FakeApi, handle: ClusterHandle, deployed: Deployed, kind: str, persistent: bool
) -> None:
    """State first, then one POST with the app's token and the user's; the event is what was done."""
    event = inject(ClusterAccess(handle), deployed, deployed.pods[0], FaultSpec(kind, {"persistent": persistent}), cycle=3)
    assert [(one.method, one.path) for one in api.asked] == [("GET", "/state"), ("POST", "/fault")]
    assert json.loads(api.asked[1].body) == {"kind": kind, **FAULTS[kind].params, "persistent": persistent}
    assert event.params == {**FAULTS[kind].params, "persistent": persistent}
    assert api.asked[1].headers["x-toggle-token"] == "sesame"
    assert api.asked[1].headers["authorization"] == "Bearer bearer-of-u"
    assert (event.cycle, event.kind, event.persistent, event.pod, event.boot) == (3, kind, persistent, "pod-1", "b1")
    assert event.status == 200
    assert json.loads(event.answer)["kind"] == kind
    assert event.sent_ns <= event.answered_ns


def test_a_fault_may_be_another_toggle_of_the_app(api: FakeApi, handle: ClusterHandle, deployed: Deployed) -> None:
    """What it is called in the run, and what the app is told, are two things."""
    event = inject(ClusterAccess(handle), deployed, deployed.pods[0], FaultSpec("liveness-once"), cycle=0)
    assert json.loads(api.asked[1].body)["kind"] == "liveness"
    assert (event.kind, json.loads(event.answer)["kind"]) == ("liveness-once", "liveness")


@pytest.mark.parametrize(("params", "within_s"), [({"persistent": True}, 330), ({}, 10)])
def test_an_app_in_a_crash_loop_is_waited_for(
    handle: ClusterHandle, deployed: Deployed, monkeypatch: pytest.MonkeyPatch, params: dict[str, bool], within_s: float
) -> None:
    """It can be told only while it starts, between waits that grow; any other app is there at once."""
    asked: list[float] = []
    monkeypatch.setattr("harness.inject.toggle.clear", lambda *_args, within_s, **_more: asked.append(within_s))
    take_back(ClusterAccess(handle), deployed, deployed.pods[0], FaultSpec("exit", params))
    assert asked == [within_s]


def test_no_fault_asks_nobody(api: FakeApi, handle: ClusterHandle, deployed: Deployed) -> None:
    """NONE gives an event with status 0, and not one request."""
    event = inject(ClusterAccess(handle), deployed, deployed.pods[0], FaultSpec(), cycle=0)
    assert (event.kind, event.status, event.answer, event.sent_ns == event.answered_ns) == ("none", 0, "", True)
    assert api.asked == []


def test_a_pod_that_restarted_unnoticed_is_left_alone(api: FakeApi, handle: ClusterHandle, deployed: Deployed) -> None:
    """Another boot id in the state: nothing is posted."""
    with pytest.raises(FaultError, match="boot id before the fault is b1, the cycle began with b0"):
        inject(ClusterAccess(handle), deployed, replace(deployed.pods[0], boot="b0"), FaultSpec("liveness"), cycle=0)
    assert [one.path for one in api.asked] == ["/state"]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ((403, "X-Toggle-Token does not match\n"), "answered 403: X-Toggle-Token does not match.*Fix: Use the token"),
        ((404, '{"kind":"Status","message":"pods \\"pod-1\\" not found"}'), "answered 404.*Fix: The pod is gone"),
        ((503, "error trying to reach service"), "answered 503: error trying to reach service.*Fix: The app is not running"),
        ((200, "hello"), "did not answer as the toggle app does: hello"),
        ((200, "[]"), "did not answer as the toggle app does"),
        ((200, '{"boot":' + "[" * 100_000), "did not answer as the toggle app does"),
        ((200, json.dumps(app_answer(pod="pod-2"))), "came from pod pod-2, not from pod-1"),
        ((200, json.dumps(app_answer(boot="b2"))), "boot id in the answer to the fault is b2"),
        ((200, json.dumps(app_answer(kind="readiness", persistent=False))), "the app did readiness"),
        ((200, json.dumps(app_answer(kind="liveness", persistent=True))), r"the app did liveness \(persistent: True\)"),
        (None, "control port was not reached"),
    ],
)
def test_a_wrong_answer_to_the_fault_is_an_error(
    api: FakeApi, handle: ClusterHandle, deployed: Deployed, given: tuple[int, str] | None, says: str
) -> None:
    """Each says what came; none is tried again."""

    def app(asked: Asked) -> tuple[int, str] | None:
        return given if asked.path == "/fault" else obedient(asked)

    api.app = app
    with pytest.raises(FaultError) as caught:
        inject(ClusterAccess(handle), deployed, deployed.pods[0], FaultSpec("liveness"), cycle=0)
    assert caught.match(f"(?s){says}")
    assert [one.path for one in api.asked] == ["/state", "/fault"]


def test_a_long_answer_is_cut_in_the_message(api: FakeApi, handle: ClusterHandle, deployed: Deployed) -> None:
    """A page of HTML does not flood the terminal."""
    api.app = lambda _asked: (500, "x" * 10_000)
    with pytest.raises(FaultError) as caught:
        state(handle, deployed, deployed.pods[0])
    assert len(str(caught.value)) < 600


def test_the_state_is_typed(handle: ClusterHandle, deployed: Deployed) -> None:
    """What the app says, as nouns; a boot other than the pod's is no error here."""
    seen = state(handle, deployed, replace(deployed.pods[0], boot="before"))
    assert (seen.pod, seen.boot, seen.t_ns, seen.listening) == ("pod-1", "b1", 5, True)
    assert (dict(seen.faults), seen.connections, seen.hung) == ({"liveness": True}, 2, 1)
    assert seen.probes == {"liveness": (3, 1), "readiness": (0, 0)}


def test_a_state_that_lacks_something_is_an_error(api: FakeApi, handle: ClusterHandle, deployed: Deployed) -> None:
    """An image of another time is named as such."""
    api.app = lambda _asked: (200, '{"pod": "pod-1", "boot": "b1"}')
    with pytest.raises(FaultError, match=r"state is not understood.*Rebuild"):
        state(handle, deployed, deployed.pods[0])


def test_clearing_waits_for_the_app_to_be_back(api: FakeApi, handle: ClusterHandle, deployed: Deployed) -> None:
    """A pod that does not answer yet is asked again; the answer is the state."""
    answers = [None, (503, "no endpoints"), (200, json.dumps(app_answer(boot="b2", faults={})))]
    api.app = lambda _asked: answers[len(api.asked) - 1]
    assert clear(handle, deployed, deployed.pods[0], "liveness", within_s=40).boot == "b2"
    assert [one.body for one in api.asked] == [b'{"kind": "liveness"}'] * 3


def test_clearing_does_not_insist_when_refused(api: FakeApi, handle: ClusterHandle, deployed: Deployed) -> None:
    """A wrong token will not get better."""
    api.app = lambda _asked: (403, "X-Toggle-Token does not match")
    with pytest.raises(FaultError, match="403"):
        clear(handle, deployed, deployed.pods[0])
    assert len(api.asked) == 1


def test_the_real_app_is_understood(api: FakeApi, handle: ClusterHandle, deployed: Deployed, tmp_path: Path) -> None:
    """State, fault, clear against the app itself: both sides speak the same language."""
    env = {"PATH": os.environ["PATH"], "PORT": "0", "TOGGLE_CONTROL_PORT": "0", "TOGGLE_BIND": "127.0.0.1"}
    env |= {"HOSTNAME": "pod-1", "TOGGLE_TOKEN": "sesame", "TOGGLE_STATE": str(tmp_path)}
    with subprocess.Popen([sys.executable, "-I", str(APP)], env=env, stdout=subprocess.PIPE, text=True) as app:
        try:
            assert app.stdout is not None
            boot = json.loads(app.stdout.readline())
            api.app = forward_to(boot["control_port"])
            mine = replace(deployed.pods[0], boot=boot["boot"])
            before = state(handle, deployed, mine)
            event = inject(ClusterAccess(handle), deployed, mine, FaultSpec("readiness", {"persistent": True}), cycle=1)
            assert before.faults == {}
            assert event.sent_ns <= json.loads(event.answer)["t_ns"] <= event.answered_ns
            assert state(handle, deployed, mine).faults == {"readiness": True}
            assert clear(handle, deployed, mine, within_s=40).faults == {}
        finally:
            app.kill()


def test_a_sidecar_takes_its_order_by_its_own_port(api: FakeApi, handle: ClusterHandle, deployed: Deployed) -> None:
    """The event names the container and the boot that this one says, which is not that of the user container."""
    pod = replace(deployed.pods[0], boot="user", containers={"user": "user-container", "sidecar-1": "proxy"})
    with_sidecar = replace(deployed, pods=(pod,), sidecar_control_ports={"sidecar-1": 8098})
    event = inject(ClusterAccess(handle), with_sidecar, pod, FaultSpec("liveness", role="sidecar-1"), cycle=0)
    assert {one.port for one in api.asked} == {8098}
    assert (event.container, event.boot, event.status) == ("proxy", "b1", 200)
    clear(handle, with_sidecar, pod, role="sidecar-1")
    assert api.asked[-1].port == 8098
