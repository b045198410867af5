"""A Service of the user's own: which scenario, which claims, which requests, and when its container has begun anew."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from harness.apps.foreign import FOREIGN
from harness.catalogue import S1, SCENARIOS
from harness.deploy import images_of, spec_of, workload_of
from harness.errors import BadInput
from harness.faults import Sight
from harness.knative.pods import pod
from harness.model import AppSpec, CycleMark, FaultSpec, Handler, KnativeVersion, Lane, Pod, Probe, ServiceSpec, UserRequest
from harness.run import require_runnable
from harness.run.cycle import Cycle
from harness.run.own import asked_for, in_container, left_out, on_own, user_request

VERSION = KnativeVersion.parse("1.23")
SERVICE = """\
apiVersion: serving.knative.dev/v1
kind: Service
metadata: {name: shop}
spec:
  template:
    metadata: {annotations: {autoscaling.knative.dev/min-scale: "1", autoscaling.knative.dev/max-scale: "1"}}
    spec:
      timeoutSeconds: 10
      containers:
        - image: shop:1
          ports: [{containerPort: 8080}]
          livenessProbe: {httpGet: {path: /live}, periodSeconds: 2}
"""


def shop(text: str = SERVICE) -> ServiceSpec:
    """The Service of this file."""
    return spec_of(workload_of(text), base=ServiceSpec())


def test_a_fault_is_a_scenario_of_its_own() -> None:
    """With the claims of any program; a scenario is found by its name as ever."""
    asked = on_own(asked_for("liveness-blocked"), shop(), None)
    assert (asked.fault, asked.course_name) == (FaultSpec("liveness-blocked"), "disturb")
    assert [claim.check for claim in asked.claims] == ["requests-do-not-fail", "container-restarts-once"]
    assert asked_for("s1") is SCENARIOS["S1"]


def test_a_fault_that_nothing_ends_lasts_for_a_while() -> None:
    """It would else be taken back as soon as it has landed; with a liveness probe the restart ends it."""
    for service, hold_s in ((shop(), 0.0), (replace(shop(), liveness=None), 15.0)):
        assert on_own(asked_for("freeze"), service, None).hold_s == hold_s
    assert on_own(replace(asked_for("freeze"), hold_s=3.0), replace(shop(), liveness=None), None).hold_s == 3.0


@pytest.mark.parametrize("name", ["none", "roll-out", "flood"])
def test_what_is_neither_is_refused_with_the_faults_there_are(name: str) -> None:
    """A roll-out has a course of its own, and no fault is none."""
    with pytest.raises(BadInput, match="There is no scenario") as caught:
        asked_for(name)
    assert "liveness-blocked" in caught.value.fix
    assert "roll-out" not in caught.value.fix


def test_predictions_about_the_toggle_app_are_not_asked_of_another_program() -> None:
    """What is left out is named."""
    asked = on_own(SCENARIOS["S1B"], shop(), None)
    assert [claim.check for claim in asked.claims] == ["requests-do-not-fail", "container-restarts-once"]
    assert left_out(SCENARIOS["S1B"], asked) == (
        "ready-pod-is-not-refused",
        "failures-only-while-not-listening",
        "failed-requests",
        "other-failures",
        "refused-window",
    )


def test_the_toggle_app_keeps_its_claims_and_lanes() -> None:
    """A manifest of the user's own that runs it is measured as before."""
    own = shop(SERVICE.replace("shop:1", "toggle"))
    assert on_own(S1, own, None) == replace(S1, service=own)


def test_without_a_liveness_probe_a_frozen_container_is_not_restarted() -> None:
    """It goes on when it is let go on."""
    service = replace(shop(), liveness=None)
    assert [claim.check for claim in on_own(asked_for("freeze"), service, None).claims] == ["requests-do-not-fail", "no-restart"]


def test_users_ask_another_program_by_get_unless_told_otherwise() -> None:
    """A POST would be a 405 of most of them."""
    assert on_own(S1, shop(), None).load.lanes == ((Lane.GET_KEEPALIVE, 4), (Lane.GET_NEW, 1))
    load = on_own(S1, shop(), user_request("post", "/buy?x=1", ["X-Shop: a: b"], "200,201")).load
    assert (load.lanes, load.path, load.expect) == (((Lane.POST_KEEPALIVE, 1),), "/buy?x=1", (200, 201))
    assert load.request == UserRequest("POST", "/buy?x=1", (("X-Shop", "a: b"),), "knative-chaos", (200, 201))


def test_calls_are_asked_for_by_their_method() -> None:
    """They have a lane of their own, and no other request goes beside them."""
    load = on_own(S1, shop(), user_request("", "", ["X-Shop: a"], "", grpc="grpc.health.v1.Health/Check", message="CgA=")).load
    assert load.lanes == ((Lane.GRPC, 1),)
    assert load.request == UserRequest("GRPC", "/grpc.health.v1.Health/Check", (("X-Shop", "a"),), "CgA=")
    for given in ({"method": "GET"}, {"path": "/"}, {"expect": "200"}):
        with pytest.raises(BadInput, match="--grpc"):
            user_request(**{"method": "", "path": "", "expect": "", **given}, headers=(), grpc="a.B/C")
    with pytest.raises(BadInput, match="--message was given without --grpc"):
        user_request("", "", (), "", message="CgA=")


def test_calls_need_a_port_that_takes_them(tmp_path: Path) -> None:
    """Queue-proxy speaks HTTP/1.1 to any other."""
    asked = replace(on_own(asked_for("kill"), shop(), user_request("", "", (), "", grpc="a.B/C")), name="mine")
    with pytest.raises(BadInput, match="not named h2c"):
        require_runnable(asked, VERSION, tmp_path, workload=workload_of(SERVICE))
    named = SERVICE.replace("{containerPort: 8080}", "{name: h2c, containerPort: 8080}")
    require_runnable(asked, VERSION, tmp_path, workload=workload_of(named))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("GRPC", "", (), ""), "--method"),
        (("PUT", "", (), ""), "--method"),
        (("", "", ("X-Shop",), ""), "--header"),
        (("", "", (), "200,good"), "--expect"),
    ],
)
def test_an_option_that_cannot_be_used_is_refused(given: tuple[str, str, tuple[str, ...], str], said: str) -> None:
    """With how to write it."""
    with pytest.raises(BadInput, match=said):
        user_request(*given)


def test_nothing_asked_for_is_no_request_of_the_users_own() -> None:
    """The scenario's requests stay."""
    assert user_request("", "", (), "") is None


@pytest.mark.parametrize("kind", ["liveness", "readiness", "hang", "exit"])
def test_a_fault_that_the_toggle_app_does_itself_is_refused_for_another(tmp_path: Path, kind: str) -> None:
    """Before anything is built, with the faults that land on any program."""
    workload = workload_of(SERVICE)
    asked = replace(on_own(asked_for("kill"), shop(), None), name="mine", fault=FaultSpec(kind))
    with pytest.raises(BadInput, match=r"the toggle app itself is asked to fail, and the container runs shop:1"):
        require_runnable(asked, VERSION, tmp_path, workload=workload)


@pytest.mark.parametrize("kind", ["liveness-blocked", "freeze", "kill", "pod-delete"])
def test_a_fault_from_outside_lands_on_any_program(tmp_path: Path, kind: str) -> None:
    """Nothing of it is needed."""
    asked = replace(on_own(asked_for(kind), shop(), None), name="mine")
    require_runnable(asked, VERSION, tmp_path, workload=workload_of(SERVICE))


@pytest.mark.parametrize(
    ("probe", "kind", "said"),
    [
        ("{tcpSocket: {}}", "freeze", "TCP"),
        ("{exec: {command: [true]}}", "freeze", "exec"),
        ("{exec: {command: [true]}}", "liveness-blocked", "exec"),
    ],
)
def test_a_fault_that_its_probe_does_not_notice_is_refused(tmp_path: Path, probe: str, kind: str, said: str) -> None:
    """A frozen process accepts, and a rule on the node stops no exec."""
    text = SERVICE.replace("{httpGet: {path: /live}, periodSeconds: 2}", probe.replace("true", '"true"'))
    asked = replace(on_own(asked_for(kind), shop(text), None), name="mine")
    with pytest.raises(BadInput, match=said):
        require_runnable(asked, VERSION, tmp_path, workload=workload_of(text))


def test_a_grpc_probe_is_none_of_tcp() -> None:
    """A frozen server does not answer it."""
    text = SERVICE.replace("{httpGet: {path: /live}, periodSeconds: 2}", "{grpc: {port: 8080}}")
    assert shop(text).liveness == Probe(Handler.GRPC, "/", period_s=10)


def test_the_served_container_has_the_name_that_everything_is_read_by() -> None:
    """Whatever it is called in the file; the sidecar keeps its own."""
    text = SERVICE.replace("- image: shop:1", "- name: web\n          image: shop:1") + "        - {name: side, image: side:1}\n"
    workload = workload_of(text)
    assert "name: user-container" in workload.documents
    assert "name: web" not in workload.documents
    assert images_of(workload) == ("shop:1", "side:1")
    assert workload_of(SERVICE).documents == SERVICE
    with pytest.raises(BadInput, match="Another container"):
        workload_of(text.replace("name: side", "name: user-container"))


STATUS = {"name": "user-container", "restartCount": 0, "ready": True, "state": {"running": {}}}


def seen(restarts: int, at_ns: int, *, deleted: bool = False) -> Any:
    """A state of the pod."""
    obj = {"metadata": {"name": "pod"}, "status": {"containerStatuses": [{**STATUS, "restartCount": restarts}]}}
    return pod(obj, deleted=deleted, seen_ns=at_ns)


def test_a_program_that_names_no_boot_has_begun_anew_when_the_kubelet_counted_it() -> None:
    """Or when its pod has left. A restart of before the fault is none."""
    cycle = cast("Any", Cycle.__new__(Cycle))
    cycle.app, cycle.mark = FOREIGN, CycleMark(0, "pod", "", 0, 0, 100, 0, 0, 0)
    known = Pod("pod", "uid", "10.0.0.1", "node")
    for states, anew in (
        ([seen(1, 50)], False),
        ([seen(0, 50), seen(0, 150)], False),
        ([seen(0, 50), seen(1, 150)], True),
        ([seen(0, 50), seen(0, 150, deleted=True)], True),
    ):
        cycle.sight = SimpleNamespace(now=lambda states=states: Sight(states))
        assert cycle._begun_anew(known) is anew


def test_a_foreign_program_is_known_by_its_image() -> None:
    """Its start-up delay is its own affair."""
    assert shop().app == AppSpec(0.0, image="shop:1")


WITH_SIDECAR = (
    SERVICE
    + """\
        - name: proxy
          image: envoy:1
          livenessProbe: {tcpSocket: {port: 9000}}
"""
)


def test_a_sidecar_is_hit_by_its_name(tmp_path: Path) -> None:
    """What a run permits for it is no reason to refuse it; the claims are those of any restart."""
    service = shop(WITH_SIDECAR)
    asked = replace(on_own(in_container(asked_for("kill"), service, "proxy"), service, None), name="mine")
    assert asked.fault == FaultSpec("kill", role="sidecar-1")
    assert [claim.check for claim in asked.claims] == ["requests-do-not-fail", "container-restarts-once"]
    assert require_runnable(asked, VERSION, tmp_path, workload=workload_of(WITH_SIDECAR)).fault == asked.fault
    assert in_container(asked, service, "") is asked


def test_a_fault_in_a_sidecar_is_judged_by_the_sidecars_probe(tmp_path: Path) -> None:
    """The user container's HTTP probe would fail under freeze, its own TCP probe does not."""
    service = shop(WITH_SIDECAR)
    asked = replace(on_own(in_container(asked_for("freeze"), service, "proxy"), service, None), name="mine")
    with pytest.raises(BadInput, match="freeze cannot land: its liveness probe is TCP"):
        require_runnable(asked, VERSION, tmp_path, workload=workload_of(WITH_SIDECAR))
    with pytest.raises(BadInput, match="cannot land: the Service has 0 sidecars"):
        require_runnable(replace(asked, service=shop()), VERSION, tmp_path, workload=workload_of(SERVICE))


LIVENESS = "          livenessProbe: {httpGet: {path: /live}, periodSeconds: 2}\n"
SIDECAR = "        - name: proxy\n          image: envoy:1\n"


@pytest.mark.parametrize(
    ("text", "hold_s", "restart"),
    [
        (SERVICE + SIDECAR, 15.0, "no-restart"),
        (SERVICE.replace(LIVENESS, "") + SIDECAR + LIVENESS.replace("/live", "/live, port: 9000"), 0.0, "container-restarts-once"),
    ],
    ids=["only the user container has a liveness probe", "only the sidecar has one"],
)
def test_how_a_fault_in_a_sidecar_ends_is_a_matter_of_the_sidecars_probe(text: str, hold_s: float, restart: str) -> None:
    """Whether the container that is hit is restarted, and how long the fault lasts where it is not."""
    service = shop(text)
    asked = on_own(in_container(asked_for("freeze"), service, "proxy"), service, None)
    assert (asked.hold_s, asked.claims[1].check) == (hold_s, restart)


def test_a_container_that_is_not_there_is_refused() -> None:
    """With those there are."""
    with pytest.raises(BadInput, match="no sidecar 'web'; it has: proxy"):
        in_container(asked_for("kill"), shop(WITH_SIDECAR), "web")
    with pytest.raises(BadInput, match="it has: none"):
        in_container(asked_for("kill"), shop(), "proxy")
