"""Faults of the node: what is asked of its shell, what is recorded, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from harness.adapters.objects import Ref
from harness.errors import FaultError
from harness.faults import Door
from harness.inject import ClusterAccess, doors_of, inject, look, take_back
from harness.inject import node as room
from harness.model import ClusterHandle, Deployed, FaultSpec, Observation, Stream

CONTAINER = "c" * 64


class Shell:
    """In place of the shell on the node: what was asked of it. other: in what nft holds another rule than was asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, ...]] = []
        self.other: dict[str, object] = {}

    def ask(self, verb: str, *words: str | int) -> str:
        """As `NodeShell.ask`."""
        self.asked.append((verb, *map(str, words)))
        answers = {"send": '{"signal": "STOP", "processes": 2}', "starve": '{"oom_kills": 1, "processes": 2}', "rule": ""}
        if verb == "held":
            _, _, _, ip, port, verdict, _ = self.asked[-2]
            return json.dumps({"ip": ip, "port": int(port), "verdict": verdict} | self.other)
        return answers.get(verb, '{"rule": true, "packets": 0}')


def pod_of(**changes: Any) -> dict[str, Any]:
    """The pod as the API has it."""
    container = {"name": "user-container", "ports": [{"name": "user-port", "containerPort": 8080}]}
    container |= {"livenessProbe": {"httpGet": {"path": "/healthz", "port": 8080}}} | changes
    status = {"podIP": "10.244.0.9", "containerStatuses": [{"name": "user-container", "containerID": f"containerd://{CONTAINER}"}]}
    return {"metadata": {"name": "pod-1", "uid": "u-1"}, "spec": {"containers": [container]}, "status": status}


@pytest.fixture
def shell() -> Shell:
    """The node."""
    return Shell()


@pytest.fixture
def seen() -> list[Observation]:
    """What the door showed."""
    return []


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The pod that the API shows."""
    pod = pod_of()

    class Api:
        def __init__(self, _kube: object) -> None:
            """As `Objects`."""

        def get(self, _ref: Ref) -> dict[str, Any] | None:
            return pod or None

    monkeypatch.setattr(room, "Objects", Api)
    return pod


@pytest.fixture
def access(handle: ClusterHandle, shell: Shell, seen: list[Observation], monkeypatch: pytest.MonkeyPatch) -> ClusterAccess:
    """A cluster of ours."""
    found = ClusterAccess(replace(handle, node="node"), see=seen.append)
    monkeypatch.setattr(found, "node", lambda: shell)
    return found


@pytest.fixture
def standing(deployed: Deployed) -> Deployed:
    """With the uid that the API shows."""
    return replace(deployed, pods=(replace(deployed.pods[0], uid="u-1"),))


def test_every_process_of_the_container_is_stopped(
    access: ClusterAccess, shell: Shell, seen: list[Observation], shown: dict[str, Any], standing: Deployed
) -> None:
    """By its id; then it is looked at once."""
    assert shown
    event = inject(access, standing, standing.pods[0], FaultSpec("freeze"), cycle=2)
    assert shell.asked == [("send", CONTAINER, "STOP"), ("processes", CONTAINER)]
    assert (event.cycle, event.kind, event.pod, event.boot, event.status) == (2, "freeze", "pod-1", "b1", 200)
    assert event.sent_ns <= event.answered_ns
    assert json.loads(event.answer) == {"look": ["processes", CONTAINER], "signal": "STOP", "processes": 2}
    assert [(one.stream, one.pod, one.at_ns + one.resolution_ns) for one in seen] == [(Stream.NODE, "pod-1", seen[0].seen_ns)]


def test_the_container_is_starved_of_memory(access: ClusterAccess, shell: Shell, shown: dict[str, Any], standing: Deployed) -> None:
    """By its id; what the kernel counted is in the event."""
    assert shown
    event = inject(access, standing, standing.pods[0], FaultSpec("oom"), cycle=0)
    assert shell.asked == [("starve", CONTAINER), ("processes", CONTAINER)]
    assert json.loads(event.answer)["oom_kills"] == 1


@pytest.mark.parametrize(
    ("ip", "family", "port", "verdict"),
    [("10.244.0.9", "ip", 8080, "refuse"), ("fd00::9", "ip6", 8080, "drop"), ("10.244.0.9", "ip", "user-port", "refuse")],
)
def test_a_rule_is_for_the_address_and_the_rendered_port(
    access: ClusterAccess,
    shell: Shell,
    shown: dict[str, Any],
    standing: Deployed,
    ip: str,
    family: str,
    port: int | str,
    verdict: str,
) -> None:
    """Of the address's family; a port by its name too."""
    shown["status"]["podIP"] = ip
    shown["spec"]["containers"][0]["livenessProbe"] = {"httpGet": {"port": port}}
    event = inject(access, standing, standing.pods[0], FaultSpec("liveness-blocked", {"verdict": verdict}), cycle=0)
    assert shell.asked[0] == ("rule", "u_1", family, ip, "8080", verdict, "ns/pod-1")
    told = json.loads(event.answer)
    assert (told["ip"], told["port"], told["probed_port"], told["looked_after"]) == (ip, 8080, 8080, True)
    look(access, event)
    assert shell.asked[-1] == ("packets", "u_1")


@pytest.mark.parametrize("other", [{"ip": "10.244.0.8"}, {"port": 8081}, {"verdict": "drop"}], ids=["ip", "port", "verdict"])
def test_a_rule_is_read_back_from_the_node(
    access: ClusterAccess, shell: Shell, shown: dict[str, Any], standing: Deployed, other: dict[str, object]
) -> None:
    """After the act, so that its bracket stays short. Another rule than was asked for is no fault that was done."""
    assert shown
    fault = FaultSpec("liveness-blocked")
    inject(access, standing, standing.pods[0], fault, cycle=0)
    assert [verb for verb, *_ in shell.asked] == ["rule", "held", "packets"]
    shell.other = other
    with pytest.raises(FaultError, match="and nft holds"):
        inject(access, standing, standing.pods[0], fault, cycle=0)


def test_an_address_may_be_written_in_another_form(
    access: ClusterAccess, shell: Shell, shown: dict[str, Any], standing: Deployed
) -> None:
    """Nft shortens those of IPv6."""
    shown["status"]["podIP"] = "fd00:0:0::9"
    shell.other = {"ip": "fd00::9"}
    event = inject(access, standing, standing.pods[0], FaultSpec("liveness-blocked"), cycle=0)
    assert json.loads(event.answer)["ip"] == "fd00:0:0::9", "as the API has it, with which it is compared"


def test_a_probe_without_a_port_cannot_be_blocked(
    access: ClusterAccess, shell: Shell, shown: dict[str, Any], standing: Deployed
) -> None:
    """What was rendered decides, whatever was asked for."""
    shown["spec"]["containers"][0]["livenessProbe"] = {"exec": {"command": ["true"]}}
    with pytest.raises(FaultError, match="cannot be done: the container user-container has no liveness probe of a port"):
        inject(access, standing, standing.pods[0], FaultSpec("liveness-blocked"), cycle=0)
    assert shell.asked == []


def test_another_pod_of_that_name_is_left_alone(
    access: ClusterAccess, shell: Shell, shown: dict[str, Any], standing: Deployed
) -> None:
    """And one that is gone, and one whose container does not run."""
    for broken in ({"metadata": {"uid": "u-2"}}, {"status": {"podIP": "10.244.0.9"}}, {}):
        whole = pod_of() | broken if broken else {}
        shown.clear()
        shown.update(whole)
        with pytest.raises(FaultError, match=r"is not there any more|no running container"):
            inject(access, standing, standing.pods[0], FaultSpec("freeze"), cycle=0)
    assert shell.asked == []


def test_taking_back_needs_no_memory_of_what_was_done(
    access: ClusterAccess, shell: Shell, seen: list[Observation], standing: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An injection that failed half-way may be in all the same; the rule's last count is recorded."""
    take_back(access, standing, standing.pods[0], FaultSpec("liveness-blocked"))
    assert shell.asked == [("undo", "u_1", "u.1"), ("packets", "u_1")], "a look after it was taken away"
    assert [json.loads(one.payload) for one in seen] == [{"rule": True, "packets": 0}] * 2
    monkeypatch.setattr(shell, "ask", lambda *_words: '{"rule": false}')
    take_back(access, standing, standing.pods[0], FaultSpec("freeze"))
    assert len(seen) == 3, "where there was no rule, its end need not be looked at"


@pytest.mark.parametrize(
    ("kind", "held"), [("kill", []), ("freeze", ["pod-1"]), ("oom", ["pod-1"]), ("liveness-blocked", ["pod-1"])]
)
def test_what_is_over_at_once_need_not_last(
    access: ClusterAccess, shown: dict[str, Any], standing: Deployed, monkeypatch: pytest.MonkeyPatch, kind: str, held: list[str]
) -> None:
    """A kill is not undone when the shell that did it ends; everything else is."""
    assert shown
    asked: list[str] = []
    monkeypatch.setattr(access, "hold", asked.append)
    inject(access, standing, standing.pods[0], FaultSpec(kind), cycle=0)
    assert asked == held


def test_a_cluster_whose_node_is_not_ours_has_no_such_door(
    handle: ClusterHandle, standing: Deployed, shown: dict[str, Any]
) -> None:
    """Known before anything is built, and refused once more at the injection."""
    assert shown
    assert Door.NODE not in doors_of(handle)
    assert doors_of(replace(handle, node="node")) == frozenset(Door)
    with pytest.raises(FaultError, match="The node of ctx is not ours"):
        inject(ClusterAccess(handle), standing, standing.pods[0], FaultSpec("freeze"), cycle=0)
