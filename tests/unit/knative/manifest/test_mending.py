"""All problems of a manifest at once: those of a later step too, and none that an earlier problem has caused."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from harness.knative.manifest.judged import judged, judged_deployment
from harness.knative.manifest.mending import related
from harness.knative.manifest.places import By, Obj, Place, at
from harness.knative.manifest.settings import NEWEST, Settings
from harness.knative.names import MIN_SCALE
from tests.judge.generator import manifests

SETTINGS = Settings(NEWEST, probing=True, from_zero=True)
CONTAINER: Place = ("spec", "template", "spec", "containers", 0)


def service(container: Obj, **pod: Any) -> Obj:
    """A Service of one container."""
    inner = {"containers": [{"image": "own:1", **container}], **pod}
    return {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": {"name": "shop"},
        "spec": {"template": {"spec": inner}},
    }


def found(manifest: Obj) -> list[tuple[By, str]]:
    """Who refuses it, and the last step of the place."""
    return [(one.by, str(one.at[-1])) for one in judged(manifest, SETTINGS).problems]


def test_each_step_is_asked_at_once() -> None:
    """The API server, the webhook, and Kubernetes about the Deployment."""
    manifest = service(
        {
            "stdin": True,
            "ports": [{"containerPort": 8012}],
            "startupProbe": {"exec": {"command": ["true"]}, "successThreshold": 2},
        },
        timeoutSeconds=700,
    )
    assert found(manifest) == [
        (By.SCHEMA, "stdin"),
        (By.WEBHOOK, "timeoutSeconds"),
        (By.WEBHOOK, "containerPort"),
    ]
    manifest["spec"]["template"]["spec"]["containers"][0]["ports"] = [{"containerPort": 8080}]
    assert (By.DEPLOYMENT, "successThreshold") in found(manifest)


@pytest.mark.parametrize(
    ("container", "expected"),
    [
        ({"readinessProbe": {"httpGet": {}, "periodSecond": 5, "failureThreshold": 1}}, ["periodSecond"]),
        ({"readinessProbe": {"httpGet": {}, "periodSeconds": "5", "failureThreshold": 1}}, ["periodSeconds"]),
        ({"readinessProbe": {"httpGet": {}, "periodSeconds": "often", "failureThreshold": 1}}, ["periodSeconds"]),
        ({"livenessProbe": {"htpGet": {"path": "/x"}}}, ["htpGet"]),
        ({"livenessProbe": {"http": {"path": "/x"}}}, ["http"]),
        ({"livenesProbe": {"httpGet": {}, "failureTreshold": 1}}, ["livenesProbe", "failureTreshold"]),
        ({"livenesProbe": {"httpGet": {}, "exec": {"command": ["a"]}}}, ["livenesProbe", "exec"]),
        ({"port": [{"containerPort": 8012}]}, ["port", "containerPort"]),
        ({"volumeMounts": {"name": "v", "mountPath": "/v"}}, ["volumeMounts", "name"]),
        ({"volumeMounts": "v"}, ["volumeMounts"]),
        ({"image": ["own:1"]}, ["image"]),
        ({"image": ["own:1"], "env": [{"name": "PORT"}]}, ["image", "name"]),
    ],
)
def test_a_later_problem_is_one_that_stays_after_the_fix(container: Obj, expected: list[str]) -> None:
    """A misspelt period is no missing one; what a mended name holds is looked at."""
    assert [name for _, name in found(service(container))] == expected


def test_the_place_is_the_one_that_was_written() -> None:
    """For the line: the misspelt name; the sentence names the field by its right name."""
    problem = judged(service({"livenesProbe": {"httpGet": {}, "exec": {"command": ["a"]}}}), SETTINGS).problems[1]
    assert problem.at == (*CONTAINER, "livenesProbe", "exec")
    assert problem.what.startswith("spec.template.spec.containers[0].livenessProbe has httpGet and exec")


@pytest.mark.parametrize(
    ("field", "value"), [("containers", "x"), ("containers", [None]), ("volumes", 5)], ids=["containers", "entry", "volumes"]
)
def test_what_is_left_out_causes_no_problem(field: str, value: object) -> None:
    """Without its containers a pod has none of them: that is not said."""
    manifest = service({})
    manifest["spec"]["template"]["spec"][field] = value
    assert [by for by, _ in found(manifest)] == [By.SCHEMA]


def test_of_what_belongs_elsewhere_nothing_is_said() -> None:
    """Nobody knows what stands there once it is moved; the rest is looked at."""
    manifest = service({"ports": [{"containerPort": 8012}]}, timeoutSeconds=700)
    manifest["spec"]["traffic"] = [{"percent": 50}]
    manifest["spec"]["containers"] = manifest["spec"]["template"]["spec"].pop("containers")
    assert [(by, name) for by, name in found(manifest) if by is not By.SCHEMA] == [(By.WEBHOOK, "traffic")]
    manifest = service({}, timeoutSeconds=700)
    manifest["spec"]["template"] |= {"annotations": {}, "metadata": {"annotations": {MIN_SCALE: "many"}}}
    assert found(manifest) == [(By.SCHEMA, "annotations"), (By.WEBHOOK, "timeoutSeconds")]


def test_a_deployment_has_two_steps() -> None:
    """Its fields, and its pods."""
    pod = {"containers": [{"name": "a", "image": "own:1", "imagePullPolicy": "Sometimes", "livenesProbe": {}}]}
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "shop"},
        "spec": {"selector": {}, "template": {"spec": pod}},
    }
    names = [str(one.at[-1]) for one in judged_deployment(deployment, SETTINGS).problems]
    assert names == ["livenesProbe", "imagePullPolicy", "livenesProbe"]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ((*CONTAINER, "image"), (*CONTAINER, "env", 0, "name"), False),
        ((*CONTAINER, "image"), CONTAINER, True),
        ((*CONTAINER, "ports", 0, "name"), (*CONTAINER, "livenessProbe", "httpGet", "port"), True),
        ((*CONTAINER, "livenessProbe"), (*CONTAINER, "readinessProbe"), False),
        ((*CONTAINER, "env", 0, "name"), (*CONTAINER, "env", 1), False),
        ((*CONTAINER[:-2], "volumes", 0), (*CONTAINER, "volumeMounts", 1, "name"), True),
        (("metadata", "name"), ("spec", "template", "metadata", "name"), True),
        (("metadata", "annotations", "a.b/c"), ("metadata", "annotations", "a.b/d"), True),
        (("metadata", "annotations", "a.b/c"), ("metadata", "annotations", "e.f/d"), False),
        (("spec", "traffic", 0), ("spec", "traffic"), True),
        (("spec", "traffic", 0), (*CONTAINER, "image"), False),
    ],
)
def test_related(one: Place, other: Place, expected: bool) -> None:
    """In both directions."""
    assert related(one, other) is expected
    assert related(other, one) is expected


def _leaves(value: Any, place: Place = ()) -> Iterator[Place]:
    if isinstance(value, dict | list) and value:
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _leaves(inner, (*place, key))
    yield place


def _wrong_type(obj: Obj, place: Place) -> None:
    *above, last = place
    holder: Any = at(obj, *above)
    holder[last] = "words" if isinstance(holder[last], dict | list) else {"a": ["b"]}


def _misspelt(obj: Obj, place: Place) -> None:
    *above, last = place
    holder: Any = at(obj, *above)
    if isinstance(holder, dict):
        holder[f"{last}x"] = holder.pop(last)


def _strange(obj: Obj, place: Place) -> None:
    holder: Any = at(obj, *place[:-1])
    if isinstance(holder, dict):
        holder["qqqq"] = 1


@pytest.mark.parametrize("plant", [_wrong_type, _misspelt, _strange])
def test_no_problem_comes_from_an_earlier_one(plant: Callable[[Obj, Place], None]) -> None:
    """A fault is planted in the fields of generated manifests: they have no problem of a later step that they lack without it."""
    kept = 0
    for number, (manifest, probing) in enumerate(manifests(11, 250, NEWEST)):
        settings = Settings(NEWEST, probing=probing)
        before = judged(manifest, settings).problems
        if any(one.by is By.SCHEMA for one in before):
            continue
        draw = random.Random(f"{plant.__name__}/{number}")  # noqa: S311 - a seeded generator, no secret
        faulty = copy.deepcopy(manifest)
        plant(faulty, draw.choice([place for place in _leaves(manifest["spec"], ("spec",)) if len(place) > 1]))
        known = {(one.by, one.what) for one in before}
        after = judged(faulty, settings).problems
        later = [one for one in after if one.by is not By.SCHEMA]
        if any(one.by is By.WEBHOOK for one in before):  # which may hide one of the Deployment, until it is hidden itself
            later = [one for one in later if one.by is By.WEBHOOK]
        if not any(one.by is By.SCHEMA for one in after):
            continue  # the fields are as good as before
        assert {(one.by, one.what) for one in later} <= known, (manifest, faulty)
        kept += len(later)
    assert kept > 20


def test_no_problem_of_the_deployment_comes_from_the_webhook() -> None:
    """The same for what the webhook refuses."""
    kept = 0
    for number, (manifest, probing) in enumerate(manifests(12, 300, NEWEST)):
        settings = Settings(NEWEST, probing=probing)
        before = judged(manifest, settings).problems
        if not before or any(one.by is not By.DEPLOYMENT for one in before):
            continue
        for planted in PLANTED:
            faulty = copy.deepcopy(manifest)
            pod = faulty["spec"]["template"]["spec"]
            draw = random.Random(number)  # noqa: S311 - a seeded generator, no secret
            planted(pod, draw.choice(pod["containers"]))
            known = {(one.by, one.what) for one in before}
            later = [one for one in judged(faulty, settings).problems if one.by is By.DEPLOYMENT]
            assert {(one.by, one.what) for one in later} <= known, (manifest, faulty)
            kept += len(later)
    assert kept > 20


PLANTED: tuple[Callable[[Obj, Obj], None], ...] = (
    lambda pod, _: pod.update(timeoutSeconds=9999),
    lambda pod, _: pod.update(nodeSelector={"a": "b"}),
    lambda _, container: container.update(image="NO IMAGE"),
    lambda _, container: container.setdefault("env", []).append({"name": "K_SERVICE"}),
    lambda _, container: container.update(ports=[{"containerPort": 8012, "name": "http"}]),
    lambda _, container: container.update(livenessProbe={"httpGet": {}, "exec": {"command": ["a"]}}),
    lambda _, container: container.update(readinessProbe={"failureThreshold": 3}),
    lambda _, container: container.update(name="queue-proxy"),
    lambda pod, _: pod["containers"].append({"image": "other:1"}),
)
