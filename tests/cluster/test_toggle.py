"""The toggle app in a real pod: control past queue-proxy, what outlives a restart, and what its log says of one."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from kubernetes.client.exceptions import ApiException

from harness.adapters.kube import Kube
from harness.adapters.wait import Look, wait_for
from harness.errors import FaultError
from harness.inject import AppState, ClusterAccess, clear, inject, outsider, state
from harness.model import AppSpec, ClusterHandle, Deployed, FaultSpec, Handler, Probe, ServiceSpec

pytestmark = [pytest.mark.cluster, pytest.mark.beside]

Deploy = Callable[[ServiceSpec], Deployed]
WITHIN_S = 90.0
APP = AppSpec(startup_delay_s=3)
LIVENESS = Probe(path="/healthz", initial_delay_s=6)
READINESS = Probe(path="/readyz")


def lines(handle: ClusterHandle, deployed: Deployed, *, previous: bool = False) -> list[dict[str, Any]]:
    """The app's log, of the container that runs or of the one before."""
    text = Kube.of(handle).core.read_namespaced_pod_log(
        deployed.pods[0].name, deployed.namespace, container="user-container", previous=previous, _request_timeout=10
    )
    return [json.loads(line) for line in str(text).splitlines()]


def ended_log(handle: ClusterHandle, deployed: Deployed) -> list[dict[str, Any]]:
    """The log of the target's boot, once the kubelet has told the API that its container has ended."""

    def look() -> Look[list[dict[str, Any]]]:
        seen = lines(handle, deployed, previous=True)
        return Look(seen if seen and seen[0]["boot"] == deployed.pods[0].boot else None, f"another boot: {seen[:1]}")

    return wait_for("the log of the container that ended", look, within_s=WITHIN_S, tolerate=(ApiException,))


def container(handle: ClusterHandle, deployed: Deployed) -> Any:
    """Kubernetes' status of the user container."""
    kube = Kube.of(handle)
    pod = kube.plain(kube.core.read_namespaced_pod(deployed.pods[0].name, deployed.namespace, _request_timeout=10))
    return next(one for one in pod["status"]["containerStatuses"] if one["name"] == "user-container")


def wait_state(handle: ClusterHandle, deployed: Deployed, what: str, wanted: Callable[[AppState], bool]) -> AppState:
    """The app's state once it is as wanted."""

    def look() -> Look[AppState]:
        seen = state(handle, deployed, deployed.pods[0])
        return Look(seen if wanted(seen) else None, str(seen))

    return wait_for(what, look, within_s=WITHIN_S, tolerate=(FaultError,))


def wait_log(handle: ClusterHandle, deployed: Deployed, **values: object) -> dict[str, Any]:
    """The first line of the running app's log with these values."""

    def look() -> Look[dict[str, Any]]:
        seen = lines(handle, deployed)
        found = [line for line in seen if values.items() <= line.items()]
        return Look(found[0] if found else None, f"{len(seen)} lines, last {seen[-1:]}")

    return wait_for(f"a line with {values}", look, within_s=WITHIN_S)


def test_liveness_failure_restarts_the_container_and_is_over(kind_cluster: ClusterHandle, service: Deploy) -> None:
    """Three failed probes, SIGTERM, closed, exit in the old log; boot and listening, apart by the delay, in the new one."""
    deployed = service(ServiceSpec(app=APP, liveness=LIVENESS))
    wait_log(kind_cluster, deployed, event="probe", which="liveness", ok=True)
    event = inject(ClusterAccess(kind_cluster), deployed, deployed.pods[0], FaultSpec("liveness"), cycle=0)
    after = wait_state(
        kind_cluster, deployed, "another boot that listens", lambda seen: seen.boot != deployed.pods[0].boot and seen.listening
    )
    assert after.faults == {}
    old = ended_log(kind_cluster, deployed)
    put = next(index for index, line in enumerate(old) if line["event"] == "fault")
    assert event.sent_ns <= old[put]["t_ns"] <= event.answered_ns
    failed = [line for line in old[put:] if line["event"] == "probe" and line["which"] == "liveness"]
    assert [line["ok"] for line in failed] == [False] * 3
    assert all(line["user_agent"].startswith("kube-probe/") for line in failed)
    assert [line["event"] for line in old[-3:]] == ["signal", "closed", "exit"]
    new = {line["event"]: line["t_ns"] for line in lines(kind_cluster, deployed)}
    assert old[-1]["t_ns"] < new["boot"]
    assert new["listening"] - new["boot"] >= APP.startup_delay_s * 1e9


def test_a_persistent_fault_survives_the_restart(kind_cluster: ClusterHandle, service: Deploy) -> None:
    """The pod's shared memory outlives the container; clearing ends it for later starts too."""
    deployed = service(ServiceSpec(app=APP, liveness=LIVENESS))
    inject(ClusterAccess(kind_cluster), deployed, deployed.pods[0], FaultSpec("liveness", {"persistent": True}), cycle=0)
    after = wait_state(kind_cluster, deployed, "another boot", lambda seen: seen.boot != deployed.pods[0].boot)
    assert after.faults == {"liveness": True}
    assert clear(kind_cluster, deployed, deployed.pods[0]).faults == {}


def test_a_wrong_token_changes_nothing(kind_cluster: ClusterHandle, service: Deploy) -> None:
    """The app's own refusal comes back through the API server."""
    deployed = service(ServiceSpec(app=APP))
    with pytest.raises(FaultError, match="answered 403: X-Toggle-Token does not match"):
        inject(ClusterAccess(kind_cluster), replace(deployed, token="other"), deployed.pods[0], FaultSpec("liveness"), cycle=0)
    assert state(kind_cluster, deployed, deployed.pods[0]).faults == {}


def test_readiness_is_asked_by_queue_proxy(kind_cluster: ClusterHandle, service: Deploy) -> None:
    """The toggle fails the probe that queue-proxy asks, the container is not restarted, and clearing mends it."""
    deployed = service(ServiceSpec(app=APP, readiness=READINESS))
    inject(ClusterAccess(kind_cluster), deployed, deployed.pods[0], FaultSpec("readiness"), cycle=0)
    wait_log(kind_cluster, deployed, event="probe", which="readiness", ok=False, status=503)
    clear(kind_cluster, deployed, deployed.pods[0], "readiness")
    well = state(kind_cluster, deployed, deployed.pods[0]).probes["readiness"][0]
    wait_state(kind_cluster, deployed, "a good readiness probe", lambda seen: seen.probes["readiness"][0] > well)
    assert container(kind_cluster, deployed)["restartCount"] == 0


def test_exit_is_answered_before_it_happens(kind_cluster: ClusterHandle, service: Deploy) -> None:
    """The answer arrives, the container has ended with the code, and another one runs."""
    deployed = service(ServiceSpec(app=APP))
    event = inject(ClusterAccess(kind_cluster), deployed, deployed.pods[0], FaultSpec("exit"), cycle=0)
    assert (event.status, json.loads(event.answer)["kind"]) == (200, "exit")
    wait_state(kind_cluster, deployed, "another boot", lambda seen: seen.boot != deployed.pods[0].boot)
    assert ended_log(kind_cluster, deployed)[-1]["event"] == "exit"

    def look() -> Look[int]:
        ended = container(kind_cluster, deployed)["lastState"].get("terminated")
        return Look(None if ended is None else ended["exitCode"], str(ended))

    assert wait_for("the status of the container that ended", look, within_s=WITHIN_S) == 1


def test_control_answers_while_requests_hang(kind_cluster: ClusterHandle, service: Deploy) -> None:
    """A request through the ingress gets nothing, the state says so, and after clearing the next one is answered."""
    deployed = service(ServiceSpec(app=APP))
    inject(ClusterAccess(kind_cluster), deployed, deployed.pods[0], FaultSpec("hang"), cycle=0)
    with pytest.raises(FaultError, match="TimeoutError"):
        outsider.send(deployed, timeout_s=2)
    assert clear(kind_cluster, deployed, deployed.pods[0]).hung == 0
    assert outsider.send(deployed).status == 200


def test_sigterm_ignored_with_the_listener_closed(kind_cluster: ClusterHandle, service: Deploy) -> None:
    """The process outlives SIGTERM without its listener until the grace period is over and SIGKILL ends it."""
    spec = ServiceSpec(app=replace(APP, sigterm="ignore-close"), liveness=LIVENESS, timeout_s=8)
    deployed = service(spec)
    inject(ClusterAccess(kind_cluster), deployed, deployed.pods[0], FaultSpec("liveness"), cycle=0)
    deaf = wait_state(kind_cluster, deployed, "a boot that does not listen", lambda seen: not seen.listening)
    assert deaf.boot == deployed.pods[0].boot
    wait_state(kind_cluster, deployed, "another boot", lambda seen: seen.boot != deployed.pods[0].boot)
    assert [line["event"] for line in ended_log(kind_cluster, deployed)[-2:]] == ["signal", "closed"]


def test_exec_probes_ask_the_app(kind_cluster: ClusterHandle, service: Deploy) -> None:
    """The kubelet's exec liveness probe follows the toggle; its hits are in the log as such."""
    liveness = Probe(Handler.EXEC, "liveness", initial_delay_s=6, timeout_s=5)
    deployed = service(ServiceSpec(app=APP, liveness=liveness))
    wait_log(kind_cluster, deployed, event="probe", which="liveness", via="exec", ok=True)
    inject(ClusterAccess(kind_cluster), deployed, deployed.pods[0], FaultSpec("liveness"), cycle=0)
    wait_state(kind_cluster, deployed, "another boot", lambda seen: seen.boot != deployed.pods[0].boot)
    failed = [line for line in ended_log(kind_cluster, deployed) if line["event"] == "probe" and not line["ok"]]
    assert {line["via"] for line in failed} == {"exec"}


def test_an_outsider_is_refused_while_the_app_does_not_listen(kind_cluster: ClusterHandle, service: Deploy) -> None:
    """During the start-up delay of the next container queue-proxy's dial is refused: one 502 that nobody planned."""
    deployed = service(ServiceSpec(app=replace(APP, startup_delay_s=6), liveness=replace(LIVENESS, initial_delay_s=9)))
    inject(ClusterAccess(kind_cluster), deployed, deployed.pods[0], FaultSpec("liveness"), cycle=0)
    wait_state(
        kind_cluster,
        deployed,
        "a boot that does not listen yet",
        lambda seen: seen.boot != deployed.pods[0].boot and not seen.listening,
    )
    sent = outsider.send(deployed)
    assert (sent.status, "connection refused" in sent.body) == (502, True)
