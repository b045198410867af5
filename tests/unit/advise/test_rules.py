"""Each risk is found where it is run, and only there; what is offered against it removes it."""

from __future__ import annotations

import copy
import json
from typing import Any

import jsonschema
import pytest

from harness.advise.data import measured
from harness.advise.patching import Put, patch_of, patched
from harness.advise.rules import FAST
from harness.advise.schema import as_json, schema
from harness.advise.shape import Advice, Change
from harness.advise.words import lines
from harness.knative.manifest.judged import judged
from harness.knative.manifest.places import Obj
from harness.knative.manifest.settings import Settings
from harness.model import KnativeVersion
from tests.unit.advise.kit import HTTP, LIVENESS, ONE_POD, READINESS, STARTUP, advised, decisive, names, service

MAIN = {"name": "main", "ports": [{"containerPort": 8080}]}
SIDE = {"name": "side", "livenessProbe": {"httpGet": {"path": "/healthz", "port": 8090}, "periodSeconds": 1}}
EXEC = {"exec": {"command": ["true"]}, "periodSeconds": 1, "failureThreshold": 1}
SIDE_HTTP = {"httpGet": {"path": "/healthz", "port": 8090}, "periodSeconds": 1, "failureThreshold": 1}
TCP = {"tcpSocket": {}, "periodSeconds": 1}

RISKY: dict[str, list[tuple[Obj, dict[str, Any]]]] = {
    "liveness-alone": [
        (service({"livenessProbe": LIVENESS}), {}),
        (service({"livenessProbe": LIVENESS}, notes=ONE_POD), {"boot_s": 5.0}),
        (service({"livenessProbe": {"httpGet": {"path": "/h", "port": 8081}}}), {}),
        (service({**MAIN, "livenessProbe": LIVENESS}, {"name": "side"}), {}),
    ],
    "readiness-too-slow": [
        (service({"livenessProbe": LIVENESS, "readinessProbe": {**HTTP, "periodSeconds": 10}}), {}),
        (service({"livenessProbe": LIVENESS, "readinessProbe": HTTP}), {}),
        (service({"livenessProbe": LIVENESS, "readinessProbe": {"httpGet": {"path": "/ready"}, "periodSeconds": 1}}), {}),
        (service({"livenessProbe": LIVENESS, "readinessProbe": TCP}), {}),
        (service({"livenessProbe": LIVENESS, "readinessProbe": {"tcpSocket": {}}}), {}),
    ],
    "readiness-race": [(service({"livenessProbe": HTTP, "readinessProbe": {**HTTP, "periodSeconds": 10}}), {})],
    "startup-probe-too-late": [(service({"livenessProbe": LIVENESS, "startupProbe": STARTUP}), {})],
    "tcp-liveness": [
        (service({"livenessProbe": TCP, "readinessProbe": {"httpGet": {"path": "/ready"}}}), {}),
        (service({"livenessProbe": TCP}), {"check_path": "/healthz"}),
    ],
    "no-check": [
        (service({}), {"check_path": "/healthz"}),
        (service({"readinessProbe": TCP}), {"check_path": "/healthz"}),
    ],
    "sidecar-liveness-alone": [(service(MAIN, SIDE), {})],
    "sidecar-readiness-timing": [
        (service(MAIN, {"name": "side", "readinessProbe": {"tcpSocket": {"port": 9}, **FAST}}), {}),
        (service({**MAIN, "readinessProbe": {**HTTP, "periodSeconds": 5}}, {"name": "side", "readinessProbe": SIDE_HTTP}), {}),
    ],
    "sidecar-exec-readiness": [(service(MAIN, {**SIDE, "readinessProbe": EXEC}), {})],
    "sidecar-exec-restart": [(service(MAIN, {**SIDE, "readinessProbe": EXEC}, notes=ONE_POD), {})],
}
FINE: list[tuple[Obj, dict[str, Any]]] = [
    (service({"livenessProbe": LIVENESS, "readinessProbe": READINESS}), {}),
    (
        service({"livenessProbe": LIVENESS, "readinessProbe": {"httpGet": {"path": "/ready"}, **FAST}}),
        {},
    ),
    (service({"livenessProbe": LIVENESS, "readinessProbe": EXEC}), {"boot_s": 8.0}),
    (service({"livenessProbe": LIVENESS, "readinessProbe": {**LIVENESS, "initialDelaySeconds": 0}}), {}),
    (service({"readinessProbe": READINESS}), {}),
    (service({"readinessProbe": EXEC}), {}),
    (service({**MAIN, "readinessProbe": READINESS}, {**SIDE, "readinessProbe": SIDE_HTTP}), {}),
]
CASES = [pytest.param(name, *one, id=f"{name}-{index}") for name, all_of in RISKY.items() for index, one in enumerate(all_of)]


@pytest.mark.usefixtures("all_measured")
@pytest.mark.parametrize(("name", "manifest", "load"), CASES)
def test_a_risk_is_found(name: str, manifest: Obj, load: dict[str, Any]) -> None:
    """It names the scenario that measured it, and why this Service runs it."""
    found = advised(manifest, **load)
    (risk,) = [one for one in found.risks if one.name == name]
    assert risk.what.endswith(".") and risk.why.endswith(".") and risk.evidence.saw
    assert risk.changes or risk.instead


@pytest.mark.parametrize(("manifest", "load"), FINE)
def test_no_risk_is_invented(manifest: Obj, load: dict[str, Any]) -> None:
    """Each was measured without a failure (S6, S31), or has no restart."""
    found = advised(manifest, **load)
    assert names(found) == []
    assert decisive(found) == []


@pytest.mark.usefixtures("all_measured")
@pytest.mark.parametrize(("name", "manifest", "load"), CASES)
def test_the_smallest_change_removes_the_risk_and_knative_accepts_it(name: str, manifest: Obj, load: dict[str, Any]) -> None:
    """The patch is applied as kubectl would, and the result judged again; the first change leaves no risk of that name."""
    found = advised(manifest, **load)
    (risk,) = [one for one in found.risks if one.name == name]
    assert risk.changes
    for index, change in enumerate(risk.changes):
        after = applied(manifest, change.patch) if change.patch_type == "json" else merged(manifest, change.patch)
        assert judged(after, Settings(KnativeVersion.parse("1.23"), probing=True)).problems == ()
        again = advised(after, **load)
        if index == 0:
            assert name not in names(again)
        else:
            assert _worst(again) < _worst(found)


def _worst(found: Advice) -> float:
    """Most requests that one restart refuses, with a boot of a minute if it is not known."""
    if found.cost is None:
        return 0.0
    most = found.cost.requests.number[1] + 60 * found.cost.requests.per_boot_second[1]
    return min(most, found.cost.requests_at_most.number[1] if found.cost.requests_at_most else most)


def merged(target: Any, patch: Any) -> Any:
    """MergePatch of RFC 7396, section 2."""
    if not isinstance(patch, dict):
        return patch
    made = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            made.pop(key, None)
        else:
            made[key] = merged(made.get(key), value)
    return made


def applied(manifest: Obj, patch: Any) -> Obj:
    """A JSON Patch of `add` operations of members, by RFC 6902: the object around each must be there."""
    made = copy.deepcopy(manifest)
    for operation in patch:
        assert operation["op"] == "add"
        *steps, last = [step.replace("~1", "/").replace("~0", "~") for step in operation["path"].split("/")[1:]]
        here: Any = made
        for step in steps:
            here = here[int(step)] if isinstance(here, list) else here[step]
        assert isinstance(here, dict)
        here[last] = operation["value"]
    return made


def test_a_change_of_annotations_keeps_those_that_only_the_cluster_has() -> None:
    """The file has no metadata of the template; the Service in the cluster does, by `kn` or another tool."""
    manifest = service({"livenessProbe": LIVENESS})
    change = next(one for one in advised(manifest).risks[0].changes if one.evidence.scenario == "S12")
    live = copy.deepcopy(manifest)
    live["spec"]["template"]["metadata"] = {"annotations": {"team": "shop"}, "labels": {"a": "b"}}
    after = merged(live, change.patch)
    assert change.patch_type == "merge"
    assert after["spec"]["template"]["metadata"]["annotations"]["team"] == "shop"
    assert after["spec"]["template"]["metadata"]["labels"] == {"a": "b"}
    assert after["spec"]["template"]["metadata"]["annotations"]["autoscaling.knative.dev/min-scale"] == "3"
    assert after == patched(live, change.patch)
    said = lines(advised(manifest), "shop.yaml")
    assert any("--type merge --patch '{" in line for line in said)
    assert any("Make the same change in shop.yaml" in line for line in said)


def test_a_json_patch_adds_no_object_on_the_way() -> None:
    """It would remove what the cluster has there. Slashes and tildes are escaped."""
    manifest: Obj = {"a": [{"b": {}}]}
    found = patch_of(manifest, [Put(("a", 0, "b", "c/d~e"), "1")])
    assert found == ({"op": "add", "path": "/a/0/b/c~1d~0e", "value": "1"},)
    assert applied(manifest, found) == patched(manifest, found) == {"a": [{"b": {"c/d~e": "1"}}]}
    with pytest.raises(LookupError, match="/a/0/x is no object"):
        patch_of(manifest, [Put(("a", 0, "x", "y"), "1")])
    with pytest.raises(KeyError, match="remove"):
        patched(manifest, ({"op": "remove", "path": "/a"},))
    assert manifest == {"a": [{"b": {}}]}


def test_a_change_keeps_what_the_probe_asks() -> None:
    """Headers and scheme, no host's defaults; the port where Knative keeps it."""
    http: Obj = {"path": "/h", "port": 8080, "httpHeaders": [{"name": "a", "value": "b"}]}
    (risk,) = advised(service({"livenessProbe": {"httpGet": http}}), probing=False).risks
    assert _value(risk.changes[0]) == {
        "httpGet": {"path": "/h", "httpHeaders": [{"name": "a", "value": "b"}]},
        "periodSeconds": 1,
        "failureThreshold": 1,
    }
    assert _value(risk.changes[1])["httpGet"]["port"] == 8080
    (risk,) = advised(service({"livenessProbe": {"httpGet": {**http, "port": 8081}}}), probing=True).risks
    assert _value(risk.changes[0])["httpGet"]["port"] == 8081


def _value(change: Change) -> Any:
    """What the first operation of a JSON Patch adds."""
    assert isinstance(change.patch, tuple)
    return change.patch[0]["value"]


def test_a_change_says_what_it_costs() -> None:
    """Requests that wait are not answered for ever: the activator ends them after timeoutSeconds (S23)."""
    (risk,) = advised(service({"livenessProbe": LIVENESS}, timeoutSeconds=10)).risks
    assert "timeoutSeconds (10 s) is answered 504" in risk.changes[0].but
    assert all(change.but for change in risk.changes)


@pytest.mark.usefixtures("all_measured")
def test_a_change_that_knative_would_refuse_is_not_offered() -> None:
    """The check of this sidecar has its port by name: queue-proxy would find none."""
    side = {"name": "side", "livenessProbe": {"httpGet": {"path": "/healthz", "port": "web"}}}
    (risk,) = advised(service(MAIN, side)).risks[-1:]
    assert (risk.name, risk.changes) == ("sidecar-liveness-alone", ())
    assert risk.instead


def test_three_pods_say_that_the_service_no_longer_scales_to_zero() -> None:
    """Where it does so now."""
    for notes, ends in ((None, True), ({"autoscaling.knative.dev/min-scale": "1"}, False)):
        (change,) = [
            one
            for one in advised(service({"livenessProbe": LIVENESS}, notes=notes)).risks[0].changes
            if one.evidence.scenario == "S12"
        ]
        assert ("no longer scales to zero" in change.but) is ends


def test_the_check_of_another_port_is_no_liveness_check() -> None:
    """Readiness keeps port 8081; liveness would ask its path at 8080, where it may be a 404."""
    other = {"httpGet": {"path": "/ready", "port": 8081}}
    (risk,) = advised(service({"livenessProbe": TCP, "readinessProbe": other})).risks
    assert (risk.name, risk.changes) == ("tcp-liveness", ())
    assert "--check-path" in risk.instead
    secure = {"httpGet": {"path": "/ready", "scheme": "HTTPS"}}
    (risk,) = advised(service({"livenessProbe": TCP, "readinessProbe": secure})).risks
    assert _value(risk.changes[0])["httpGet"] == secure["httpGet"]


def test_a_restart_in_place_of_a_hang_says_why_it_is_offered() -> None:
    """S24B cost more requests than S23, whose hang ended by itself."""
    (risk,) = advised(service({}), check_path="/healthz").risks
    assert "would not end by itself" in risk.changes[0].what
    assert "fewer requests without a restart" in risk.changes[0].but


def test_a_startup_probe_is_offered_from_1_15_on() -> None:
    """Before, the webhook refuses it (B9)."""
    found = advised(service({"livenessProbe": LIVENESS}), version="1.14").risks[0]
    assert [one.evidence.scenario for one in found.changes] == ["S6", "S12"]
    found = advised(service({"livenessProbe": LIVENESS}), version="1.15").risks[0]
    assert [one.evidence.scenario for one in found.changes] == ["S6", "S10", "S12"]


def test_more_pods_are_not_offered_where_the_scale_is_bounded() -> None:
    """A max-scale of 1 was written for a reason."""
    found = advised(service({"livenessProbe": LIVENESS}, notes=ONE_POD)).risks[0]
    assert [one.evidence.scenario for one in found.changes] == ["S6", "S10"]


@pytest.mark.parametrize(
    ("manifest", "what"),
    [
        (service(MAIN, {"name": "side", "readinessProbe": {"tcpSocket": {"port": 9}, **FAST}}), "S27"),
        (service(MAIN, {"name": "side", "readinessProbe": EXEC}), "S35A"),
        (service({"livenessProbe": HTTP, "readinessProbe": {**HTTP, "periodSeconds": 10}}), "S5B"),
    ],
)
def test_what_was_not_measured_is_no_warning(
    manifest: Obj, what: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rule is there and says which scenario it waits for; with a result it warns."""
    monkeypatch.setattr("harness.advise.advising.measured", lambda: {name: one for name, one in measured().items() if name != what})
    silent = advised(manifest)
    assert any(f"scenario {what} has no result yet" in one.because for one in silent.not_judged)
    before = set(names(silent))
    request.getfixturevalue("all_measured")
    assert len(set(names(advised(manifest))) - before) == 1


@pytest.mark.parametrize(
    ("manifest", "load", "why"),
    [
        (service({"livenessProbe": {"exec": {"command": ["x"]}}}), {}, "kind exec"),
        (service({"livenessProbe": {"grpc": {"port": 8080}}}), {}, "kind gRPC"),
        (service({"livenessProbe": LIVENESS, "ports": [{"name": "h2c", "containerPort": 8080}]}), {}, "h2c"),
        (service({"livenessProbe": LIVENESS}), {"version": "1.6"}, "Knative 1.6"),
        (service({"livenessProbe": LIVENESS}), {"boot_s": 12.5}, "12.5 s to start"),
        (service({"livenessProbe": LIVENESS, "startupProbe": STARTUP}), {"boot_s": 40.0}, "40 s to start"),
        (service({"livenessProbe": LIVENESS, "readinessProbe": {**EXEC, "periodSeconds": 5}}), {}, "exec readiness every 5 s"),
        (
            {"kind": "Deployment", "metadata": {}, "spec": {"template": {"spec": {"containers": [{"livenessProbe": HTTP}]}}}},
            {},
            "a plain Deployment",
        ),
    ],
)
def test_what_no_scenario_shows_is_not_judged(manifest: Obj, load: dict[str, Any], why: str) -> None:
    """It is said, with the reason, and no number is given."""
    found = advised(manifest, **load)
    assert [one for one in decisive(found) if why in one], decisive(found)
    assert found.cost is None
    assert all(one.because for one in found.not_judged)


def test_every_answer_fits_the_schema() -> None:
    """Of all the Services of this file."""
    fits = jsonschema.Draft202012Validator(schema())
    for manifest, load in [*FINE, *(one for several in RISKY.values() for one in several)]:
        fits.validate(json.loads(as_json(advised(manifest, **load))))
