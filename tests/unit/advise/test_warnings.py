"""Probes that end a container again and again, whatever was measured, are warned of; `probes` and `advise` say the same."""

from __future__ import annotations

from typing import Any

import pytest

from harness.advise.data import measured
from harness.advise.patching import patched
from harness.advise.words import lines, notes
from harness.cli.advise import exit_code
from harness.errors import ExitCode
from harness.knative.manifest.places import Obj
from tests.unit.advise.kit import HTTP, LIVENESS, STARTUP, advised, decisive, names, service

MANAGEMENT = {"httpGet": {"path": "/actuator/health/liveness", "port": 8081}}
NAMED: Obj = {"httpGet": {"path": "/healthz", "port": "http1"}}
PORTS = [{"name": "http1", "containerPort": 8080}]


def warned(manifest: Obj, **load: Any) -> list[str]:
    """Names of the warnings."""
    return [one.name for one in advised(manifest, **load).warnings]


@pytest.mark.parametrize("version", ["1.7", "1.21", "1.23"])
def test_a_liveness_probe_of_a_management_port_is_warned_of(version: str) -> None:
    """Spring Boot's port 8081: Knative asks 8080, where the path may be a 404, which ends the container for ever."""
    found = advised(service({"livenessProbe": MANAGEMENT}), version=version, probing=False)
    (one,) = found.warnings
    assert (one.name, one.container) == ("port-replaced", "user-container")
    assert "port 8081" in one.what and "/actuator/health/liveness at port 8080" in one.what
    assert "again and again" in one.what
    assert (names(found), found.cost) == ([], None)
    assert any("8081" in what for what in decisive(found))
    assert exit_code(found) is ExitCode.INCONCLUSIVE


def test_a_port_that_knative_keeps_is_no_warning() -> None:
    """Since 1.22 with multi-container-probing; the served port by its number as text; a startup probe on every version."""
    assert warned(service({"livenessProbe": MANAGEMENT}), probing=True) == []
    assert warned(service({"livenessProbe": MANAGEMENT}), probing=True, version="1.21") == ["port-replaced"]
    assert warned(service({"livenessProbe": {"httpGet": {"path": "/h", "port": 8080}}}), version="1.1") == []
    startup = {**MANAGEMENT, "failureThreshold": 30}
    assert warned(service({"livenessProbe": LIVENESS, "startupProbe": startup}), probing=False) == []


def test_a_replaced_port_of_another_probe() -> None:
    """TCP asks no path; a startup probe and readiness keep their port."""
    (one,) = advised(service({"livenessProbe": {"tcpSocket": {"port": 8081}}}), probing=False).warnings
    assert "nothing asks port 8081" in one.what
    assert warned(service({"readinessProbe": MANAGEMENT}), probing=False) == []


def test_a_startup_probe_that_names_its_port_is_warned_of() -> None:
    """It never succeeds: no window, no risk and no patch that keeps it."""
    manifest = service({"ports": PORTS, "livenessProbe": LIVENESS, "startupProbe": NAMED})
    found = advised(manifest)
    (one,) = found.warnings
    assert (one.name, one.fix) == ("startup-port-by-name", "Write the port's number.")
    assert (found.cost, found.risks) == (None, ())
    assert decisive(found)
    assert advised(service({"ports": PORTS, "startupProbe": NAMED}), check_path="/h").risks == ()


@pytest.mark.parametrize(
    ("probes", "load", "what"),
    [
        ({"livenessProbe": {**HTTP, "failureThreshold": 1}}, {}, "first failed check, 0 to 10 s after its start"),
        ({"livenessProbe": {"tcpSocket": {}, "failureThreshold": 1}}, {}, "first failed check"),
        ({"livenessProbe": HTTP}, {"boot_s": 31.0}, "ends the container 20 to 30 s after its start"),
        ({"livenessProbe": HTTP}, {"boot_s": 25.0}, "may end the container 20 to 30 s after its start"),
        ({"livenessProbe": HTTP, "startupProbe": {**STARTUP, "failureThreshold": 3}}, {"boot_s": 5.0}, "The startup probe ends"),
    ],
)
def test_a_probe_that_does_not_wait_for_the_app_is_warned_of_first(probes: Obj, load: dict[str, Any], what: str) -> None:
    """Before everything else of the answer."""
    found = advised(service(probes), **load)
    (one,) = found.warnings
    assert one.name == "restart-loop"
    assert what in one.what
    assert exit_code(found) in {ExitCode.REGRESSION, ExitCode.INCONCLUSIVE}
    assert lines(found, "it")[2].startswith("WARNING restart-loop (it, container user-container)")


@pytest.mark.parametrize(
    ("probes", "load"),
    [
        ({"livenessProbe": HTTP}, {}),
        ({"livenessProbe": HTTP}, {"boot_s": 20.0}),
        ({"livenessProbe": {**HTTP, "failureThreshold": 1, "initialDelaySeconds": 5}}, {}),
        ({"livenessProbe": {"exec": {"command": ["x"]}, "failureThreshold": 1}}, {}),
        ({"readinessProbe": {**HTTP, "periodSeconds": 1, "failureThreshold": 1}}, {"boot_s": 99.0}),
    ],
)
def test_a_probe_that_waits_is_not_warned_of(probes: Obj, load: dict[str, Any]) -> None:
    """Readiness ends no container; a command may succeed before the app listens."""
    assert warned(service(probes), **load) == []


def test_no_change_brings_a_warning() -> None:
    """A liveness probe at its defaults would end this app before it listens."""
    (risk,) = advised(service({}), check_path="/healthz", boot_s=40.0).risks
    assert risk.changes == ()
    manifest = service({})
    (risk,) = advised(manifest, check_path="/healthz", boot_s=5.0).risks
    assert warned(patched(manifest, risk.changes[0].patch), boot_s=5.0) == []


def test_the_notes_of_probes_are_the_warnings_and_the_risks_of_a_restart() -> None:
    """A startup probe with slow readiness is a risk of `advise`, so `probes` says it too."""
    assert "8081" in " ".join(notes(advised(service({"livenessProbe": MANAGEMENT}), probing=False)))
    (note,) = notes(advised(service({"livenessProbe": LIVENESS, "startupProbe": STARTUP})))
    assert "until the pod is unready" in note
    assert notes(advised(service({"livenessProbe": LIVENESS}))) == ()  # the plan of `probes` has its own sentence
    assert notes(advised(service({"livenessProbe": {"tcpSocket": {}}}))) == ()


@pytest.mark.parametrize(
    ("probes", "load", "what"),
    [
        ({"readinessProbe": HTTP}, {}, "No measured risk was found."),
        ({"livenessProbe": HTTP, "readinessProbe": {**HTTP, "periodSeconds": 10}}, {}, "No verdict"),
        ({"livenessProbe": {"exec": {"command": ["x"]}}, "readinessProbe": HTTP}, {}, "No verdict"),
        (
            {"livenessProbe": LIVENESS, "readinessProbe": {"tcpSocket": {}, "periodSeconds": 1, "failureThreshold": 1}},
            {},
            "may still refuse",
        ),
        ({"livenessProbe": {**MANAGEMENT}}, {"probing": False}, "see the warning above"),
    ],
)
def test_what_is_open_reads_as_no_all_clear(probes: Obj, load: dict[str, Any], what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both probes at their defaults may refuse hundreds of requests; here S5B, which would decide it, has no result."""
    known = {name: one for name, one in measured().items() if name != "S5B"}
    monkeypatch.setattr("harness.advise.advising.measured", lambda: known)
    found = advised(service(probes), **load)
    said = [line for line in lines(found, "it") if line.startswith("No ")]
    assert len(said) == 1
    assert what in said[0]


def test_grpc_names_what_was_measured() -> None:
    """docs/your-own-service.md has nine cycles of a gRPC server."""
    probe = {"livenessProbe": {"grpc": {"port": 8080}}}
    for manifest in (service({**probe, "ports": [{"name": "h2c", "containerPort": 8080}]}), service(probe)):
        assert any("docs/your-own-service.md" in one.because for one in advised(manifest).not_judged)
