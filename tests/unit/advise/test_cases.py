"""Manifests from the field, and the right answer to each: the risks it runs, or why it is refused or not judged."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.advise import Load, advice
from harness.advise.data import measured
from harness.deploy.reading import problems, read
from harness.errors import BadInput
from harness.knative.manifest.settings import NEWEST, Settings

CASES = Path(__file__).parent / "cases"
SETTINGS = Settings(NEWEST, from_zero=True)

RACE = ["readiness-race"] if "S5B" in measured() else ["not judged: readiness-race of container user-container"]
"""Once S5B has a result, it is a risk."""

ANSWERS = {
    "anchors": [],
    "camel-case-scale": ["liveness-alone"],
    "cc-queue-full": ["liveness-alone"],
    "deadlocked": ["liveness-alone"],
    "exec-readiness-from-zero": ["not judged: exec readiness every 2 s, failureThreshold 3"],
    "field-deployment": ["not judged: a plain Deployment"],
    "field-exec": ["not judged: a restart by a liveness probe of kind exec"],
    "field-go-grpc": ["not judged: a port named h2c"],
    "field-huge": ["startup-probe-too-late"],
    "field-node": ["liveness-alone"],
    "field-none": ["no-check"],
    "field-sidecar": ["readiness-too-slow", "sidecar-readiness-timing"],
    "field-spring": ["readiness-too-slow"],
    "field-startup": ["no-check"],
    "field-three": RACE,
    "fullduplex-h2c": ["not judged: a port named h2c"],
    "h2c-http-probes": ["not judged: a port named h2c"],
    "missing-references": ["liveness-alone"],
    "multi-document": ["liveness-alone"],
    "no-liveness": [],
    "slow-model": ["startup-probe-too-late"],
    "spring-actuator": ["readiness-too-slow"],
    "tcp-liveness": ["tcp-liveness"],
    "three-pods": ["liveness-alone"],
    "too-much-cpu": ["liveness-alone"],
    "traffic-other-revision": ["liveness-alone"],
}
"""Of the manifests that Knative accepts."""

REFUSED = {
    "containers-as-mapping": 8,
    "deployment-leftovers": 8,
    "duplicate-key": 15,
    "grpc-liveness-no-port": 10,
    "helm-unrendered": 4,
    "init-container": 7,
    "liveness-no-handler": 9,
    "named-probe-port": 9,
    "readiness-threshold-no-period": 10,
    "reserved-port": 9,
    "two-handlers": 9,
    "typo-threshold": 9,
}
"""The others, with the line of the first problem."""


def test_every_case_has_an_answer() -> None:
    """A file without one would be no test."""
    assert {path.stem for path in CASES.glob("*.yaml")} == {*ANSWERS, *REFUSED}


@pytest.mark.parametrize("name", ANSWERS)
def test_the_right_answer(name: str) -> None:
    """Risks by name; a Service whose restart cannot be judged says so and is not called safe."""
    manifest = read((CASES / f"{name}.yaml").read_text(encoding="utf-8"), where=name)
    settings = replace(SETTINGS, probing=name == "field-sidecar")
    assert problems(manifest, settings) == ()
    found = advice(manifest.obj, settings, Load(), manifest.line)
    undecided = [f"not judged: {one.what}" for one in found.not_judged if one.decisive]
    assert [*(one.name for one in found.risks), *undecided] == ANSWERS[name]
    assert all(one.line for one in found.risks)


def test_a_hang_that_nothing_ends_is_not_called_safe() -> None:
    """A readiness probe takes the pod out; no liveness probe restarts it, and no scenario measures how long that lasts."""
    manifest = read((CASES / "no-liveness.yaml").read_text(encoding="utf-8"))
    assert "an app that hangs" in [one.what for one in advice(manifest.obj, SETTINGS, Load(), manifest.line).not_judged]
    manifest = read((CASES / "camel-case-scale.yaml").read_text(encoding="utf-8"))
    assert "an app that hangs" not in [one.what for one in advice(manifest.obj, SETTINGS, Load(), manifest.line).not_judged]


@pytest.mark.parametrize("name", REFUSED)
def test_what_knative_refuses_is_refused_with_its_line(name: str) -> None:
    """As by `probes`: nobody is advised about a Service that cannot exist."""
    assert line_of_refusal((CASES / f"{name}.yaml").read_text(encoding="utf-8")) == REFUSED[name]


def line_of_refusal(text: str) -> int:
    """The line of the first problem, whether the text is no manifest or nobody would take it."""
    try:
        return problems(read(text, where="it"), SETTINGS)[0].number
    except BadInput as error:
        return int(error.where.rpartition(":")[2])
