"""A user's manifest: whatever is written in it, it is refused in one clear line or can be used to the end."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.deploy.manifest import adopted, env_of, served_container, user_port
from harness.deploy.own import own_service
from harness.errors import BadInput
from harness.model import KnativeVersion
from tests.unit.deploy.test_manifest import from_yaml

FULL: dict[str, Any] = {
    "apiVersion": "serving.knative.dev/v1",
    "kind": "Service",
    "metadata": {"name": "mine", "labels": {"team": "a"}, "annotations": {"x": "1"}},
    "spec": {
        "template": {
            "metadata": {"name": "mine-1", "labels": {"b": "c"}, "annotations": {"autoscaling.knative.dev/min-scale": "1"}},
            "spec": {
                "containers": [
                    {
                        "name": "app",
                        "image": "toggle",
                        "ports": [{"containerPort": 9000, "name": "http1"}],
                        "env": [
                            {"name": "TOGGLE_CONTROL_PORT", "value": "9099"},
                            {"name": "FROM", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k", "optional": True}}},
                        ],
                        "livenessProbe": {"httpGet": {"path": "/healthz", "port": 9000}, "periodSeconds": 1},
                        "readinessProbe": {"exec": {"command": ["true"]}, "periodSeconds": 1, "failureThreshold": 3},
                        "startupProbe": {"tcpSocket": {"port": 9000}},
                    },
                    {"image": "side:1", "env": []},
                ]
            },
        }
    },
}
FIRST = ("spec", "template", "spec", "containers", 0)
AT = "spec.template.spec.containers[0]"


def planted(place: tuple[str | int, ...], value: Any, into: dict[str, Any] = FULL) -> dict[str, Any]:
    """The document with another value at one place; `...` takes the place away."""
    obj = copy.deepcopy(into)
    inside: Any = obj
    for step in place[:-1]:
        inside = inside[step]
    if value is ...:
        del inside[place[-1]]
    else:
        inside[place[-1]] = value
    return obj


def used(text: str) -> None:
    """Everything that is done with a manifest after it was read."""
    obj = from_yaml(text)
    applied = adopted(obj, namespace="ns", images={"toggle": "i"}, token="t", run_id="r")
    assert 1 <= user_port(applied) <= 65535
    assert 1 <= int(env_of(applied, "TOGGLE_CONTROL_PORT") or 8099) <= 65535
    assert served_container(applied)["image"]
    json.dumps(applied, allow_nan=False).encode()


def places(obj: Any, above: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Every place of a document but the whole."""
    pairs: Any = obj.items() if isinstance(obj, dict) else enumerate(obj) if isinstance(obj, list) else ()
    for step, inner in pairs:
        yield (*above, step)
        yield from places(inner, (*above, step))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["", "toggle", "http", "8099", 8099, 0]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["name", "value", "image", "env", "ports", "containerPort", "labels", "containers"]) | st.text(),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)


def test_the_example_is_good() -> None:
    """What the tests below damage is taken whole."""
    used(yaml.safe_dump(FULL))


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        ((*FIRST, "ports", 0, "containerPort"), "http", f"{AT}.ports[0].containerPort is 'http'"),
        ((*FIRST, "ports", 0, "containerPort"), 65536, f"{AT}.ports[0].containerPort: 65536 is not a port"),
        ((*FIRST, "ports", 0, "containerPort"), True, f"{AT}.ports[0].containerPort is True"),
        ((*FIRST, "ports", 0, "containerPort"), 80.5, f"{AT}.ports[0].containerPort is 80.5"),
        ((*FIRST, "ports"), [8080], f"{AT}.ports[0] is 8080, which is not a mapping"),
        ((*FIRST, "ports"), "", f"{AT}.ports is '', which is not a list"),
        ((*FIRST, "env"), "foo", f"{AT}.env is 'foo', which is not a list"),
        ((*FIRST, "env", 1), "foo", f"{AT}.env[1] is 'foo', which is not a mapping"),
        ((*FIRST, "env", 1, "name"), 1, f"{AT}.env[1].name is 1"),
        ((*FIRST, "env", 1, "name"), ..., f"{AT}.env[1]: the variable has no name"),
        ((*FIRST, "env", 1, "valueFrom"), "x", f"{AT}.env[1].valueFrom is 'x', which is not a mapping"),
        ((*FIRST, "env", 0, "value"), 9099, f"{AT}.env[0].value is 9099, which is not text"),
        ((*FIRST, "env", 0, "value"), "abc", f"{AT}.env[0].value: TOGGLE_CONTROL_PORT is 'abc'"),
        ((*FIRST, "env", 0, "value"), "٣", f"{AT}.env[0].value: TOGGLE_CONTROL_PORT is '\\u0663'"),
        ((*FIRST, "env", 0, "value"), "0", f"{AT}.env[0].value: TOGGLE_CONTROL_PORT is '0'"),
        ((*FIRST, "env", 0, "value"), "65536", f"{AT}.env[0].value: TOGGLE_CONTROL_PORT is '65536'"),
        ((*FIRST, "env", 0, "value"), "9000", f"{AT}.env[0].value: the control port and the port of the requests are both 9000"),
        (
            (*FIRST, "env", 0),
            {"name": "TOGGLE_CONTROL_PORT", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k", "optional": True}}},
            f"{AT}.env[0]: TOGGLE_CONTROL_PORT comes from elsewhere",
        ),
        ((*FIRST, "name"), "Aa", f"{AT}.name: 'Aa' is not a valid container name"),
        ((*FIRST, "image"), 1, f"{AT}.image is 1, which is not text"),
        ((*FIRST, "image"), "", f"{AT} has no image"),
        (FIRST, "toggle", f"{AT} is 'toggle', which is not a mapping"),
        ((*FIRST, "livenessProbe"), "/healthz", f"{AT}.livenessProbe is '/healthz', which is not a mapping"),
        ((*FIRST, "livenessProbe", "httpGet"), [], f"{AT}.livenessProbe.httpGet is [], which is not a mapping"),
        ((*FIRST, "startupProbe", "tcpSocket", "port"), 70000, f"{AT}.startupProbe.tcpSocket.port: 70000 is not a port"),
        ((*FIRST, "livenessProbe", "periodSeconds"), "1s", f"{AT}.livenessProbe.periodSeconds is '1s'"),
        (("metadata", "labels"), ["a"], "metadata.labels is ['a'], which is not a mapping"),
        (("metadata", "annotations", "x"), 1, "metadata.annotations.x is 1, which is not text"),
        (("spec", "template", "metadata"), ["x"], "spec.template.metadata is ['x'], which is not a mapping"),
        (
            ("spec", "template", "metadata", "annotations", "autoscaling.knative.dev/min-scale"),
            1,
            "spec.template.metadata.annotations['autoscaling.knative.dev/min-scale'] is 1, which is not text",
        ),
        (("spec", "traffic"), {1: "x"}, "spec.traffic has the key 1, which is not text"),
        (("spec", "traffic"), [float("inf")], "spec.traffic[0] is inf, which JSON cannot represent"),
        (("spec", "traffic"), {"a\n": {1, 2}}, "spec.traffic['a\\n'] is {1, 2}, which JSON cannot represent"),
        (("spec", "traffic"), 1 << 64, "spec.traffic is a number of 65 bits"),
    ],
)
def test_each_field_is_named_by_its_place(place: tuple[str | int, ...], value: Any, said: str) -> None:
    """One line: the place, what stands there, and the fix."""
    with pytest.raises(BadInput) as caught:
        from_yaml(yaml.safe_dump(planted(place, value)), where="service.yaml")
    assert caught.value.what.startswith(said)
    assert caught.value.fix
    assert "\n" not in str(caught.value)


def test_the_apps_own_control_port_is_taken_for_granted_and_not_for_requests() -> None:
    """Nobody wrote 8099 down, and it is taken all the same."""
    obj = planted((*FIRST, "ports", 0, "containerPort"), 8099)
    del obj["spec"]["template"]["spec"]["containers"][0]["env"]
    with pytest.raises(BadInput, match="the control port and the port of the requests are both 8099"):
        from_yaml(yaml.safe_dump(obj))


def test_of_two_variables_of_a_name_the_last_counts() -> None:
    """As in the container, up to Knative 1.15; both must be good. Later versions refuse the second."""
    text = yaml.safe_dump(planted((*FIRST, "env", 1), {"name": "TOGGLE_CONTROL_PORT", "value": "9098"}))
    assert env_of(own_service(text, version=KnativeVersion.parse("1.15")).obj, "TOGGLE_CONTROL_PORT") == "9098"
    with pytest.raises(BadInput, match=r"env\[1\] has the name 'TOGGLE_CONTROL_PORT' of .*env\[0\]"):
        from_yaml(text)


def refusal(text: str) -> BadInput | None:
    """How it is refused, None when it can be used to the end."""
    try:
        used(text)
    except BadInput as error:
        return error
    return None


BILLIONS = "a: &a [" + "x," * 10 + "]\n" + "".join(f"{key}: &{key} [{f'*{last},' * 10}]\n" for last, key in pairwise("abcdefghi"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: &a {b: [*a]}", r"a\.b\[0\] contains itself"),
        ("[&a [*a]]", r"\[0\]\[0\] contains itself"),
        (BILLIONS, "more than 100000 values"),
    ],
    ids=["mapping", "list", "billions"],
)
def test_aliases_are_followed_with_care(text: str, said: str) -> None:
    """A document without end, and one that fits into a few lines and not into memory."""
    with pytest.raises(BadInput, match=said):
        from_yaml(text)


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(list(places(FULL))), JSON | st.just(...)), min_size=1, max_size=2))
def test_any_value_at_any_place_is_refused_or_usable(plants: list[tuple[tuple[str | int, ...], Any]]) -> None:
    """No third way: neither a crash now nor one after the build."""
    obj = FULL
    for place, value in plants:
        with suppress(LookupError, TypeError):  # the first took the second's place away
            obj = planted(place, value, obj)
    error = refusal(yaml.safe_dump(obj, allow_unicode=True))
    assert error is None or (error.fix and "\n" not in str(error))


@settings(deadline=None)
@given(JSON.map(lambda value: yaml.safe_dump(value, allow_unicode=True)) | st.text() | st.text("{}[]:,-!&*?|> \n'\"#ab01.~<=%@"))
def test_any_document_and_any_text_is_refused_in_one_line(text: str) -> None:
    """Also what is no YAML at all."""
    error = refusal(text)
    assert error is not None
    assert error.fix and "\n" not in str(error)
